import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from bot.commands.reply import Address, Delivery, DeliveryWay, Message, NotYet, StillOurs
from bot.deals.ports import LeaseLost
from bot.http.client import HttpClient, read_url
from bot.http.exchange import Answer, Request, RequestFailed, Why
from bot.simulator.bodies import GZIP, dripping, endless, gzip_bomb
from bot.simulator.serving import served
from bot.simulator.slack.server import Fault, Slack
from bot.simulator.slack.workspace import Shown
from bot.slack.block_kit import blocks
from bot.slack.block_kit.charts import bar_chart
from bot.slack.mail.attempts import MAY_NOT_POST, PASSING
from bot.slack.mail.replies import CLOSED_TTL, PAUSES, RATE_LIMIT_PATIENCE, Replies, as_response, trusted_url
from tests.memory import ours

pytestmark = pytest.mark.jumping_clock

TOKEN = "xoxb-not-a-token"
PUBLIC = Message("done", (blocks.section("done"),), public=True)
PRIVATE = Message("failed", (blocks.section("failed"),), public=False)
REPLACING = Message("undone", (blocks.section("undone"),), public=True, replaces=True)
PRIVATELY_REPLACING = Message("no", (blocks.section("no"),), public=False, replaces=True)
GONE = Fault("response_url", status=404, body={"ok": False, "error": "expired_url"})
REFUSED = Fault("chat.postMessage", status=200, body={"ok": False, "error": "not_in_channel"})
BY_ADDRESS = Delivery(DeliveryWay.RESPONSE_URL, "")
UNDELIVERED = Delivery(DeliveryWay.UNDELIVERED, "")
Act = Callable[[Replies, Address, StillOurs], Awaitable[object]]


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = Slack(signing_secret="thisisnotasigningsecretofslacks0", bot_token=TOKEN)
    slack.users["U1"] = {"id": "U1", "name": "ana"}
    async with served(slack.app()) as slack.url:
        yield slack


@pytest.fixture
def client(slack: Slack) -> AsyncWebClient:
    return AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])


def _now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def _sending(
    client: AsyncWebClient,
    patience: float = 5.0,
    pauses: tuple[float, ...] = (0.01, 0.02),
    queue_patience: float = 0.1,
) -> AsyncIterator[Replies]:
    sender = Replies(client, HttpClient("opp-status/test"), patience, pauses=pauses, queue_patience=queue_patience)
    try:
        yield sender
    finally:
        await sender.close()


@pytest.fixture
async def sender(client: AsyncWebClient) -> AsyncIterator[Replies]:
    async with _sending(client) as sender:
        yield sender


def _address(slack: Slack) -> Address:
    return Address(slack.new_address("commands", "C1", "U1"), "C1", "U1")


async def _pressed(slack: Slack, client: AsyncWebClient) -> Address:
    """Post a public message; returns the address of the reply to its button."""
    await client.chat_postMessage(channel="C1", text="changed", blocks=[blocks.section("changed")])
    slack.calls.clear()
    ts = slack.shown[-1].ts
    return Address(slack.new_address("actions", "C1", "U1", ts), "C1", "U1", ts)


async def _deliver(sender: Replies, message: Message, to: Address) -> Delivery:
    delivery = await sender.deliver(message, to, ours)
    assert isinstance(delivery, Delivery)
    return delivery


async def _post(sender: Replies, message: Message, channel_id: str) -> Delivery:
    delivery = await sender.post(message, channel_id, ours)
    assert isinstance(delivery, Delivery)
    return delivery


async def _update(sender: Replies, message: Message, channel_id: str, message_ts: str) -> DeliveryWay:
    delivery = await sender.update(message, channel_id, message_ts, ours)
    assert isinstance(delivery, Delivery)
    return delivery.way


def _texts(slack: Slack) -> list[tuple[str, str]]:
    return [(shown.channel, shown.text) for shown in slack.shown]


# --- the first way --------------------------------------------------------------------------------------------------


def test_a_response_says_whether_it_is_public_and_carries_text_and_blocks() -> None:
    assert as_response(PUBLIC) == {"response_type": "in_channel", "text": "done", "blocks": [blocks.section("done")]}
    assert as_response(PRIVATE)["response_type"] == "ephemeral"


@pytest.mark.parametrize(
    ("url", "api_url", "is_one"),
    [
        ("https://hooks.slack.com/commands/T1/2/x", "https://slack.com/api/", True),
        ("https://acme.slack.com/commands/T1/2/x", "https://slack.com/api/", True),
        ("https://hooks.slack-gov.com/actions/T1/2/x", "https://slack-gov.com/api/", True),
        ("https://hooks.slack.com/commands/T1/2/x", "https://proxy.example/api/", True),
        ("https://proxy.example/commands/x", "https://proxy.example/api/", True),
        ("http://127.0.0.1:8001/commands/x", "http://127.0.0.1:8002/api/", True),
        ("http://hooks.slack.com/commands/T1/2/x", "https://slack.com/api/", False),
        ("http://proxy.example/commands/x", "https://proxy.example/api/", False),
        ("http://127.0.0.1/commands/x", "https://slack.com/api/", False),
        ("http://169.254.169.254/latest", "https://slack.com/api/", False),
        ("https://hooks.slack.com.evil.example/", "https://slack.com/api/", False),
        ("https://notslack.com/", "https://slack.com/api/", False),
        ("https://hooks.slack.com@evil.example/", "https://slack.com/api/", False),
        ("https://evil.example/#@hooks.slack.com", "https://slack.com/api/", False),
        ("https://evil.example\\@hooks.slack.com/", "https://slack.com/api/", False),
        ("//hooks.slack.com/", "https://slack.com/api/", False),
        ("", "https://slack.com/api/", False),
        ("https://hooks.slack.com:port/", "https://slack.com/api/", False),
    ],
)
def test_a_message_is_sent_to_slack_or_to_where_the_web_api_is(url: str, api_url: str, *, is_one: bool) -> None:
    assert trusted_url(url, read_url(api_url)) == (url if is_one else None)


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://", "https://hooks.slack.com", "https://x@"]))
def test_a_trusted_url_leads_to_slack_for_other_url_parsers_too(text: str, start: str) -> None:
    if address := trusted_url(start + text, read_url("https://slack.com/api/")):
        assert (URL(address, encoded=True).host or "").endswith("slack.com")


async def test_a_foreign_reply_address_gets_no_request_and_the_message_goes_the_next_way(slack: Slack) -> None:
    elsewhere = slack.url.replace("127.0.0.1", "localhost")
    away = AsyncWebClient(token=TOKEN, base_url=f"{elsewhere}/api/", retry_handlers=[])
    async with _sending(away) as sender:
        assert (await _deliver(sender, PRIVATE, _address(slack))).way == "direct_message"

    assert [request.path for request in slack.received] == ["/api/chat.postMessage"]


async def test_a_private_message_goes_to_the_reply_address(slack: Slack, sender: Replies) -> None:
    assert await _deliver(sender, PRIVATE, _address(slack)) == BY_ADDRESS
    assert [(shown.text, shown.only_to) for shown in slack.shown] == [("failed", "U1")]


async def test_a_message_that_may_have_arrived_is_not_sent_a_second_way(slack: Slack, client: AsyncWebClient) -> None:
    slack.misbehave(Fault("response_url", wait=0.4))
    async with _sending(client, patience=0.1) as impatient:
        assert await _deliver(impatient, PRIVATE, _address(slack)) == BY_ADDRESS

    assert slack.calls == []


async def test_a_message_whose_connection_broke_is_not_sent_again(slack: Slack, sender: Replies) -> None:
    slack.misbehave(Fault("response_url", drops=True))

    assert await _deliver(sender, PRIVATE, _address(slack)) == BY_ADDRESS
    assert (slack.shown, slack.calls) == ([], [])


@pytest.mark.parametrize("location", ["/elsewhere", "http:no-path"])
async def test_a_redirect_is_never_followed(slack: Slack, sender: Replies, location: str) -> None:
    slack.misbehave(Fault("response_url", status=302, headers={"Location": location}))

    assert (await _deliver(sender, PRIVATE, _address(slack))).way == "direct_message"
    assert slack.calls == ["chat.postMessage"]


# --- the other ways -------------------------------------------------------------------------------------------------


async def test_a_reply_address_that_is_used_up_is_skipped(slack: Slack, sender: Replies) -> None:
    to = _address(slack)
    ways = [(await _deliver(sender, PRIVATE, to)).way for _ in range(6)]

    assert ways == ["response_url"] * 5 + ["direct_message"]


async def test_a_reply_address_that_has_expired_is_skipped(slack: Slack, sender: Replies) -> None:
    to = _address(slack)
    now = slack.clock()
    slack.clock = lambda: now + 31 * 60

    delivery = await _deliver(sender, PRIVATE, to)
    assert delivery == Delivery(DeliveryWay.DIRECT_MESSAGE, slack.shown[0].ts)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "", "nonsense", "ftp://reply.example/"])
async def test_a_reply_address_that_cannot_be_reached_is_skipped(sender: Replies, url: str) -> None:
    assert (await _deliver(sender, PRIVATE, Address(url, "C1", "U1"))).way == "direct_message"


@pytest.mark.parametrize("url", ["http://a..b/", "http://xn--/", f"http://{'a' * 70}.example/"])
async def test_a_reply_address_that_is_no_url_is_skipped(sender: Replies, url: str) -> None:
    assert (await _deliver(sender, PRIVATE, Address(url, "C1", "U1"))).way == "direct_message"


async def test_a_private_message_is_never_posted_in_the_channel(slack: Slack, sender: Replies) -> None:
    slack.misbehave(GONE)

    delivery = await _deliver(sender, PRIVATE, _address(slack))
    assert delivery == Delivery(DeliveryWay.DIRECT_MESSAGE, slack.shown[0].ts)
    assert _texts(slack) == [("U1", "failed")]


async def test_a_post_that_the_channel_refuses_goes_to_the_person(slack: Slack, sender: Replies) -> None:
    slack.misbehave(GONE)
    slack.misbehave(REFUSED)

    assert await _deliver(sender, PUBLIC, _address(slack)) == Delivery(DeliveryWay.DIRECT_MESSAGE, slack.shown[0].ts)


@pytest.mark.parametrize("fault", [Fault("chat.postMessage", drops=True), Fault("chat.postMessage", wait=0.4)])
async def test_a_post_that_may_have_arrived_is_not_sent_again(
    slack: Slack, client: AsyncWebClient, fault: Fault
) -> None:
    slack.misbehave(fault)

    async with _sending(client, patience=0.2) as sender:
        assert await _deliver(sender, PUBLIC, _address(slack)) == Delivery(DeliveryWay.CHANNEL, "")
    assert [request.path for request in slack.received] == ["/api/chat.postMessage"]


async def test_the_reply_to_a_press_at_home_which_is_in_no_channel_goes_to_the_person(
    slack: Slack, sender: Replies
) -> None:
    slack.users["U1"] = {"id": "U1"}
    for message in (PUBLIC, PRIVATE, REPLACING):
        slack.calls.clear()
        assert (await _deliver(sender, message, Address("", "", "U1"))).way is DeliveryWay.DIRECT_MESSAGE
        assert slack.calls == ["chat.postMessage"]


async def test_a_message_that_every_way_refuses_is_undelivered(slack: Slack, sender: Replies) -> None:
    slack.misbehave(GONE)
    slack.misbehave(Fault("chat.postMessage", status=200, body={"ok": False, "error": "channel_not_found"}))
    slack.tokens.clear()

    assert await _deliver(sender, PUBLIC, _address(slack)) == UNDELIVERED


async def test_a_message_that_one_way_may_take_later_is_not_given_up(slack: Slack, sender: Replies) -> None:
    slack.misbehave(Fault("response_url", status=500, times=3))
    slack.misbehave(Fault("chat.postMessage", status=200, body={"ok": False, "error": "channel_not_found"}))
    slack.tokens.clear()
    to = _address(slack)

    assert await sender.deliver(PUBLIC, to, ours) == NotYet()
    assert await sender.deliver(PUBLIC, to, ours) == BY_ADDRESS


async def test_while_slack_cannot_be_reached_a_message_is_not_given_up() -> None:
    away = "http://127.0.0.1:1/"
    async with _sending(AsyncWebClient(token=TOKEN, base_url=away, retry_handlers=[])) as alone:
        assert await alone.deliver(PUBLIC, Address(away, "C1", "U1"), ours) == NotYet()
        assert await alone.post(PUBLIC, "C1", ours) == NotYet()
        assert await alone.update(PUBLIC, "C1", "1.000001", ours) == NotYet()


async def test_a_message_for_which_no_connection_is_made_in_time_is_not_given_up() -> None:
    # The kernel accepts the connection; no server answers the TLS handshake.
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        away = f"https://127.0.0.1:{deaf.getsockname()[1]}/"
        async with _sending(AsyncWebClient(token=TOKEN, base_url=away, retry_handlers=[])) as sender:
            assert await sender.deliver(PUBLIC, Address(away, "C1", "U1"), ours) == NotYet()


class _Returning(HttpClient):
    """Makes no connection for the first two requests, and takes all others."""

    requests = 0

    async def send(self, request: Request) -> Answer:  # noqa: ARG002 - as `Http` has it
        self.requests += 1
        if self.requests <= 2:
            raise RequestFailed(Why.UNREACHABLE)
        return Answer(200, {}, b'{"ok": true, "ts": "1.000001"}')


async def test_what_the_channel_is_to_read_is_not_sent_to_one_person_because_slack_is_back_just_then(
    client: AsyncWebClient,
) -> None:
    sender = Replies(client, _Returning("tests"), 5.0)

    assert await sender.deliver(PUBLIC, Address("https://hooks.slack.com/x", "C1", "U1"), ours) == NotYet()


async def test_an_address_of_slacks_that_is_none_leaves_it_undelivered() -> None:
    async with _sending(AsyncWebClient(token=TOKEN, base_url="http://", retry_handlers=[])) as alone:
        assert await _deliver(alone, PUBLIC, Address("http://127.0.0.1:1/", "C1", "U1")) == UNDELIVERED
        assert await _update(alone, PUBLIC, "C1", "1.000001") == "undelivered"


@pytest.mark.parametrize("error", sorted(PASSING))
async def test_an_error_of_the_web_api_that_says_nothing_about_the_message_is_one_that_passes(
    slack: Slack, sender: Replies, error: str
) -> None:
    slack.misbehave(Fault("chat.postMessage", status=200, body={"ok": False, "error": error}, times=5))

    assert await sender.post(PUBLIC, "C1", ours) == NotYet()
    assert (await _post(sender, PUBLIC, "C1")).way == "channel"
    assert len(slack.calls) == 6


# --- messages that another process has by now -----------------------------------------------------------------------


@dataclass
class Owner:
    """Has the message so often as it is asked at first."""

    times: int
    asked: int = 0

    async def still_ours(self) -> None:
        self.asked += 1
        if self.asked > self.times:
            raise LeaseLost


ACTS: dict[str, Act] = {
    "deliver": lambda sender, to, ours: sender.deliver(PUBLIC, to, ours),
    "post": lambda sender, _to, ours: sender.post(PUBLIC, "C1", ours),
    "update": lambda sender, _to, ours: sender.update(PUBLIC, "C1", "1.000001", ours),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_what_another_process_has_taken_over_is_not_sent(slack: Slack, sender: Replies, act: Act) -> None:
    with pytest.raises(LeaseLost):
        await act(sender, _address(slack), Owner(0).still_ours)

    assert slack.received == []


@pytest.mark.parametrize("where", ["response_url", "chat.postMessage"])
@pytest.mark.parametrize("trouble", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "0.02"}}])
async def test_what_another_process_takes_over_during_a_pause_is_not_sent_again(
    slack: Slack, sender: Replies, where: str, trouble: dict[str, Any]
) -> None:
    slack.misbehave(Fault(where, **trouble))
    with pytest.raises(LeaseLost):
        await sender.deliver(PRIVATE if where == "response_url" else PUBLIC, _address(slack), Owner(1).still_ours)

    assert len(slack.received) == 1
    assert slack.shown == []


async def test_what_another_process_takes_over_is_not_sent_the_next_way(slack: Slack, sender: Replies) -> None:
    slack.misbehave(REFUSED)
    with pytest.raises(LeaseLost):
        await sender.deliver(PUBLIC, _address(slack), Owner(1).still_ours)

    assert (len(slack.received), slack.shown) == (1, [])


# --- Slack's limits -------------------------------------------------------------------------------------------------


async def test_two_messages_at_once_wait_for_the_channels_rate_limit(slack: Slack, client: AsyncWebClient) -> None:
    slack.clock, slack.messages_per_second = asyncio.get_running_loop().time, 1.0
    began = _now()
    async with _sending(client, queue_patience=RATE_LIMIT_PATIENCE) as sender:
        ways = await asyncio.gather(*(_deliver(sender, PUBLIC, _address(slack)) for _ in range(2)))

    assert {delivery.way for delivery in ways} == {"channel"}
    assert len(slack.shown) == 2
    assert _now() - began >= 1.0


@pytest.mark.parametrize("where", ["response_url", "chat.postMessage"])
async def test_after_a_429_a_message_is_sent_again_the_same_way(slack: Slack, sender: Replies, where: str) -> None:
    slack.misbehave(Fault(where, status=429, headers={"Retry-After": "0.02"}, times=4))
    delivery = await _deliver(sender, PRIVATE if where == "response_url" else PUBLIC, _address(slack))

    assert delivery.way == {"response_url": "response_url", "chat.postMessage": "channel"}[where]
    assert len(slack.shown) == 1


async def test_a_429_without_a_sensible_time_counts_as_a_second(slack: Slack, client: AsyncWebClient) -> None:
    unhelpful = [{}, *({"Retry-After": seconds} for seconds in ("", "soon", "-1", "0", "nan", "inf"))]
    for patience, way in ((0.99, "direct_message"), (1.0, "response_url")):
        for headers in unhelpful:
            slack.misbehave(Fault("response_url", status=429, headers=headers))
        began = _now()
        async with _sending(client, queue_patience=patience) as sender:
            delivered = await asyncio.gather(*(_deliver(sender, PRIVATE, _address(slack)) for _ in unhelpful))

        assert {delivery.way for delivery in delivered} == {way}
        # How long the other one takes to give up depends on the machine.
        assert way == "direct_message" or _now() - began >= 1.0


async def test_each_way_has_its_own_time_for_429s(slack: Slack, sender: Replies) -> None:
    slack.misbehave(Fault("response_url", status=429, headers={"Retry-After": "0.06"}, times=2))
    slack.misbehave(Fault("chat.postMessage", status=429, headers={"Retry-After": "0.06"}))

    assert (await _deliver(sender, PRIVATE, _address(slack))).way == "direct_message"


async def test_a_wait_that_is_too_long_is_not_started(slack: Slack, sender: Replies) -> None:
    slack.misbehave(Fault("response_url", status=429, headers={"Retry-After": "3600"}))
    async with asyncio.timeout(60):
        assert (await _deliver(sender, PRIVATE, _address(slack))).way == "direct_message"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_after_a_5xx_a_message_is_sent_up_to_three_times(slack: Slack, sender: Replies, status: int) -> None:
    slack.misbehave(Fault("response_url", status=status, times=2))
    assert await _deliver(sender, PRIVATE, _address(slack)) == BY_ADDRESS

    slack.misbehave(Fault("chat.postMessage", status=status, times=2))
    assert (await _deliver(sender, PUBLIC, _address(slack))).way == "channel"
    assert slack.calls == ["chat.postMessage"] * 3

    slack.misbehave(Fault("chat.postMessage", status=status, times=3))
    assert await _deliver(sender, PUBLIC, _address(slack)) == BY_ADDRESS

    slack.misbehave(GONE)
    slack.misbehave(Fault("chat.postMessage", status=status, times=3))
    assert (await _deliver(sender, PUBLIC, _address(slack))).way == "direct_message"


def test_the_pauses_are_short_enough_for_a_person() -> None:
    assert (PAUSES, RATE_LIMIT_PATIENCE) == ((1.0, 2.0), 60.0)


# --- messages that replace others -----------------------------------------------------------------------------------


def test_a_response_that_replaces_says_so() -> None:
    assert as_response(REPLACING) == {
        "response_type": "in_channel",
        "replace_original": True,
        "text": "undone",
        "blocks": [blocks.section("undone")],
    }


async def test_a_response_to_a_button_replaces_the_message(
    slack: Slack, sender: Replies, client: AsyncWebClient
) -> None:
    to = await _pressed(slack, client)

    assert await _deliver(sender, REPLACING, to) == BY_ADDRESS
    assert (await slack.wait_for_change(to.message_ts)).text == "undone"
    assert _texts(slack) == [("C1", "undone")]


async def test_a_response_that_does_not_replace_says_that_it_does_not(client: AsyncWebClient) -> None:
    bodies: list[dict[str, Any]] = []

    async def hear(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/", hear)
    async with served(app) as url, _sending(client) as sender:
        for message in (PRIVATE, REPLACING):
            assert await _deliver(sender, message, Address(url, "C1", "U1", "1.000001")) == BY_ADDRESS

    assert [body["replace_original"] for body in bodies] == [False, True]


async def test_the_message_whose_button_was_pressed_is_deleted(
    slack: Slack, sender: Replies, client: AsyncWebClient
) -> None:
    to = await _pressed(slack, client)
    await sender.delete(to, ours)

    assert (_texts(slack), slack.calls) == ([], [])


async def test_without_a_reply_address_nothing_is_deleted(
    slack: Slack, sender: Replies, client: AsyncWebClient
) -> None:
    to = await _pressed(slack, client)
    there = _texts(slack)
    await sender.delete(replace(to, response_url=""), ours)

    assert (_texts(slack), slack.calls) == (there, [])


async def test_without_its_reply_address_a_message_is_updated(
    slack: Slack, sender: Replies, client: AsyncWebClient
) -> None:
    to = await _pressed(slack, client)
    slack.misbehave(GONE)

    assert await _deliver(sender, REPLACING, to) == Delivery(DeliveryWay.CHANNEL, to.message_ts)
    assert _texts(slack) == [("C1", "undone")]
    assert slack.calls == ["chat.update"]


async def test_a_message_that_cannot_be_updated_is_posted_anew(
    slack: Slack, sender: Replies, client: AsyncWebClient
) -> None:
    to = await _pressed(slack, client)
    slack.misbehave(GONE)
    slack.misbehave(Fault("chat.update", status=200, body={"ok": False, "error": "edit_window_closed"}))

    assert await _deliver(sender, REPLACING, to) == Delivery(DeliveryWay.CHANNEL, slack.shown[1].ts)
    assert _texts(slack) == [("C1", "changed"), ("C1", "undone")]


async def test_an_update_that_may_have_arrived_is_not_posted_anew(
    slack: Slack, sender: Replies, client: AsyncWebClient
) -> None:
    to = await _pressed(slack, client)
    slack.misbehave(GONE)
    slack.misbehave(Fault("chat.update", drops=True))

    assert await _deliver(sender, REPLACING, to) == Delivery(DeliveryWay.CHANNEL, "")
    assert slack.calls == ["chat.update"]


async def test_without_a_message_to_replace_a_message_is_posted(slack: Slack, sender: Replies) -> None:
    slack.misbehave(GONE)

    assert (await _deliver(sender, REPLACING, _address(slack))).way == "channel"
    assert slack.calls == ["chat.postMessage"]


async def test_a_private_message_never_replaces_a_public_one(
    slack: Slack, sender: Replies, client: AsyncWebClient
) -> None:
    to = await _pressed(slack, client)
    slack.misbehave(GONE)

    assert (await _deliver(sender, PRIVATELY_REPLACING, to)).way == "direct_message"
    assert _texts(slack) == [("C1", "changed"), ("U1", "no")]


async def test_a_message_is_replaced_by_its_id(slack: Slack, sender: Replies, client: AsyncWebClient) -> None:
    ts = (await _pressed(slack, client)).message_ts

    assert await _update(sender, PUBLIC, "C1", ts) == "channel"
    assert slack.shown == [Shown("C1", None, "done", PUBLIC.blocks, "chat.postMessage")]
    assert await _update(sender, PUBLIC, "C1", "1.000001") == "undelivered"
    slack.misbehave(Fault("chat.update", status=429, headers={"Retry-After": "0.02"}))
    slack.misbehave(Fault("chat.update", status=503, times=2))
    assert await _update(sender, PRIVATE, "C1", ts) == "channel"
    assert _texts(slack) == [("C1", "failed")]


# --- where the bot may post -----------------------------------------------------------------------------------------


async def test_a_public_message_is_posted_so_that_slack_tells_its_id(slack: Slack, sender: Replies) -> None:
    delivery = await _deliver(sender, PUBLIC, _address(slack))

    assert delivery == Delivery(DeliveryWay.CHANNEL, slack.shown[0].ts)
    assert [request.path for request in slack.received] == ["/api/chat.postMessage"]


async def test_a_message_that_cannot_be_posted_goes_the_other_ways(slack: Slack, sender: Replies) -> None:
    slack.tokens[TOKEN] -= {"chat:write.public"}
    assert await _deliver(sender, PUBLIC, _address(slack)) == BY_ADDRESS

    slack.misbehave(GONE)
    assert (await _deliver(sender, PUBLIC, _address(slack))).way == "direct_message"
    assert slack.calls == ["chat.postMessage"] * 3


@pytest.mark.parametrize("error", sorted(MAY_NOT_POST))
async def test_that_the_bot_may_not_post_in_a_channel_is_remembered_for_ten_minutes(
    slack: Slack, sender: Replies, error: str
) -> None:
    slack.misbehave(Fault("chat.postMessage", status=200, body={"ok": False, "error": error}))
    for _ in range(3):
        assert await _deliver(sender, PUBLIC, _address(slack)) == BY_ADDRESS
    assert slack.calls == ["chat.postMessage"]
    assert (await _deliver(sender, PUBLIC, Address("", "C2", "U1"))).way == "channel"

    await asyncio.sleep(CLOSED_TTL)
    assert (await _deliver(sender, PUBLIC, _address(slack))).way == "channel"
    assert CLOSED_TTL == 600.0


async def test_an_error_about_one_message_closes_no_channel(slack: Slack, sender: Replies) -> None:
    slack.misbehave(Fault("chat.postMessage", status=200, body={"ok": False, "error": "invalid_blocks"}))
    assert await _deliver(sender, PUBLIC, _address(slack)) == BY_ADDRESS
    assert (await _deliver(sender, PUBLIC, _address(slack))).way == "channel"


async def test_a_channel_that_takes_a_post_is_open_again(slack: Slack, sender: Replies) -> None:
    slack.misbehave(REFUSED)
    assert await _deliver(sender, PUBLIC, _address(slack)) == BY_ADDRESS
    await _post(sender, PUBLIC, "C1")

    assert (await _deliver(sender, PUBLIC, _address(slack))).way == "channel"


async def test_a_message_without_a_channel_goes_to_the_reply_address(slack: Slack, sender: Replies) -> None:
    assert await _deliver(sender, PUBLIC, replace(_address(slack), channel_id="")) == BY_ADDRESS
    assert slack.calls == []


@pytest.mark.parametrize("message", [PRIVATE, REPLACING])
async def test_a_private_or_replacing_message_goes_to_the_reply_address_first(
    slack: Slack, sender: Replies, message: Message
) -> None:
    assert await _deliver(sender, message, _address(slack)) == BY_ADDRESS


async def test_a_message_is_posted_in_a_channel_and_nowhere_else(slack: Slack, sender: Replies) -> None:
    assert await _post(sender, PUBLIC, "C2") == Delivery(DeliveryWay.CHANNEL, slack.shown[0].ts)
    assert _texts(slack) == [("C2", "done")]

    slack.misbehave(REFUSED)
    assert await _post(sender, PUBLIC, "C2") == UNDELIVERED
    slack.misbehave(Fault("chat.postMessage", drops=True))
    assert await _post(sender, PUBLIC, "C2") == Delivery(DeliveryWay.CHANNEL, "")
    slack.misbehave(Fault("chat.postMessage", status=429, headers={"Retry-After": "0.02"}))
    slack.misbehave(Fault("chat.postMessage", status=503, times=2))
    assert (await _post(sender, PUBLIC, "C2")).way == "channel"
    assert len(slack.shown) == 2


# --- answers that make no sense -------------------------------------------------------------------------------------


@asynccontextmanager
async def _babel(status: int, body: bytes, content_type: str) -> AsyncIterator[tuple[Replies, Address]]:
    """A Slack that does not know the reply address, and answers every request to its Web API like this."""

    async def answer(request: web.Request) -> web.Response:
        status_code = 404 if request.path == "/reply" else status
        return web.Response(status=status_code, body=body, content_type=content_type)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with served(app) as url:
        client = AsyncWebClient(token=TOKEN, base_url=f"{url}/api/", retry_handlers=[])
        async with _sending(client) as sender:
            yield sender, Address(f"{url}/reply", "C1", "U1")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/html"])
@pytest.mark.parametrize(
    ("status", "result"), [(200, Delivery(DeliveryWay.CHANNEL, "")), (403, UNDELIVERED), (502, NotYet())]
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
async def test_an_unreadable_answer_may_be_a_success_only_with_a_2xx_status(
    content_type: str, status: int, result: Delivery | NotYet, body: bytes
) -> None:
    async with _babel(status, body, content_type) as (sender, to):
        assert await sender.deliver(PUBLIC, to, ours) == result


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_reply_address_that_drips_takes_no_longer_than_any_other(
    slack: Slack, client: AsyncWebClient, status: int
) -> None:
    slack.misbehave(Fault("response_url", status=status, chunks=dripping(0.05), times=10))
    async with _sending(client, patience=1.0) as sender:
        began = _now()
        await sender.deliver(PUBLIC, _address(slack), ours)

    assert _now() - began < 10


@pytest.mark.parametrize("fault", [{"chunks": endless()}, {"chunks": gzip_bomb(20), "headers": GZIP}])
async def test_an_answer_of_a_reply_address_that_is_too_large_counts_by_its_status(
    slack: Slack, sender: Replies, fault: dict[str, Any]
) -> None:
    slack.misbehave(Fault("response_url", status=404, **fault))
    slack.misbehave(Fault("response_url", status=200, **fault))

    assert (await _deliver(sender, PRIVATE, _address(slack))).way is DeliveryWay.DIRECT_MESSAGE
    assert await _deliver(sender, PRIVATE, _address(slack)) == BY_ADDRESS


NESTED = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "body", [NESTED, b'{"ok": true, "ts": ' + NESTED + b"}", b'{"ok": true, "ts": 1' + b"0" * 5000 + b"}"]
)
async def test_a_message_whose_answer_cannot_be_read_whatever_the_reason_may_have_arrived(body: bytes) -> None:
    async with _babel(200, body, "application/json") as (sender, to):
        assert (await _deliver(sender, PUBLIC, to)).way == "channel"


# --- charts --------------------------------------------------------------------------------------------------------

CHART = bar_chart("Won", ["New business"], {"Won": [1.0]})
CHARTED = Message("1 won", (blocks.section("1 won"), CHART), public=True)


async def test_a_chart_is_shown_where_slack_shows_charts(slack: Slack, sender: Replies) -> None:
    await _post(sender, CHARTED, "C1")

    assert [each.blocks for each in slack.shown] == [CHARTED.blocks]


@pytest.mark.parametrize("public", [True, False])
async def test_a_message_whose_chart_slack_refuses_is_sent_without_it(
    slack: Slack, sender: Replies, *, public: bool
) -> None:
    slack.shows_charts = False
    delivery = await _deliver(sender, replace(CHARTED, public=public), _address(slack))

    assert delivery.way is (DeliveryWay.CHANNEL if public else DeliveryWay.RESPONSE_URL)
    assert [each.blocks for each in slack.shown] == [CHARTED.blocks[:1]]
    assert slack.refusals == []


async def test_a_chart_is_no_reason_to_send_a_message_twice_that_slack_refuses_for_another(
    slack: Slack, sender: Replies
) -> None:
    slack.misbehave(REFUSED)

    assert await _post(sender, CHARTED, "C1") == UNDELIVERED
    assert len(slack.calls) == 1


async def test_blocks_that_slack_refuses_without_a_chart_too_are_not_sent_again(slack: Slack, sender: Replies) -> None:
    odd = Message("odd", ({"type": "carousel"},), public=True)

    assert await _post(sender, odd, "C1") == UNDELIVERED
    assert len(slack.calls) == 1

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot import blocks, transport
from bot.messages import Message
from bot.replies import Address, Replies, payload
from bot.simulator.serving import served
from bot.simulator.slack import Fault, Slack

TOKEN = "xoxb-not-a-token"
PUBLIC = Message("done", (blocks.section("done"),), public=True)
PRIVATE = Message("failed", (blocks.section("failed"),), public=False)


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = Slack(signing_secret="not-a-signing-secret", bot_token=TOKEN)
    slack.users["U1"] = {"id": "U1", "name": "ana"}
    async with served(slack.app()) as slack.url:
        yield slack


@pytest.fixture
async def sender(slack: Slack) -> AsyncIterator[Replies]:
    web = AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
    sender = Replies(web, transport.pooled())
    yield sender
    await sender.close()


def _address(slack: Slack) -> Address:
    return Address(slack.new_address("commands", "C1", "U1"), "C1", "U1")


def test_a_message_says_whether_it_is_public_and_carries_text_and_blocks() -> None:
    assert payload(PUBLIC) == {"response_type": "in_channel", "text": "done", "blocks": [blocks.section("done")]}
    assert payload(PRIVATE)["response_type"] == "ephemeral"


async def test_a_message_goes_to_the_reply_address(slack: Slack, sender: Replies) -> None:
    assert await sender.deliver(PRIVATE, _address(slack)) == "response_url"
    assert [(shown.text, shown.only_to) for shown in slack.shown] == [("failed", "U1")]


async def test_a_reply_address_that_is_used_up_is_passed_over(slack: Slack, sender: Replies) -> None:
    to = _address(slack)
    ways = [await sender.deliver(PUBLIC, to) for _ in range(6)]

    assert ways == ["response_url"] * 5 + ["channel"]


async def test_a_reply_address_that_has_expired_is_passed_over(slack: Slack, sender: Replies) -> None:
    to = _address(slack)
    now = slack.clock()
    slack.clock = lambda: now + 31 * 60

    assert await sender.deliver(PUBLIC, to) == "channel"


async def test_what_is_private_is_never_posted_to_the_channel(slack: Slack, sender: Replies) -> None:
    slack.misbehave(Fault("response_url", status=404))

    assert await sender.deliver(PRIVATE, _address(slack)) == "direct_message"
    assert [shown.channel for shown in slack.shown] == ["U1"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "", "nonsense", "ftp://reply.example/"])
async def test_a_reply_address_that_cannot_be_reached_is_passed_over(sender: Replies, url: str) -> None:
    assert await sender.deliver(PUBLIC, Address(url, "C1", "U1")) == "channel"


async def test_a_message_that_may_have_arrived_is_not_sent_a_second_way(
    slack: Slack,
) -> None:
    impatient = Replies(AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/"), transport.pooled(), patience=0.1)
    slack.misbehave(Fault("response_url", wait=0.4))

    assert await impatient.deliver(PUBLIC, _address(slack)) == "response_url"
    assert slack.calls == []
    await impatient.close()


async def test_a_redirection_is_an_answer_and_not_sent_a_second_way_when_it_makes_no_sense(
    slack: Slack, sender: Replies
) -> None:
    slack.misbehave(Fault("response_url", status=302, headers={"Location": "http:no-path"}))

    assert await sender.deliver(PUBLIC, _address(slack)) == "response_url"
    assert slack.calls == []


@pytest.mark.parametrize("url", ["http://a..b/", "http://xn--/", f"http://{'a' * 70}.example/"])
async def test_a_reply_address_that_is_no_address_is_passed_over(sender: Replies, url: str) -> None:
    assert await sender.deliver(PUBLIC, Address(url, "C1", "U1")) == "channel"


async def test_a_post_whose_connection_breaks_is_tried_with_the_person(slack: Slack, sender: Replies) -> None:
    slack.misbehave(Fault("response_url", status=404))
    slack.misbehave(Fault("chat.postMessage", drops=True))

    assert await sender.deliver(PUBLIC, _address(slack)) == "direct_message"


async def test_a_message_that_nobody_takes_is_undelivered(slack: Slack, sender: Replies) -> None:
    slack.misbehave(Fault("response_url", status=500))
    slack.misbehave(Fault("chat.postMessage", status=200, body={"ok": False, "error": "channel_not_found"}))
    slack.tokens.clear()

    assert await sender.deliver(PUBLIC, _address(slack)) == "undelivered"


async def test_a_slack_that_cannot_be_reached_at_all_leaves_it_undelivered() -> None:
    alone = Replies(AsyncWebClient(token=TOKEN, base_url="http://127.0.0.1:1/", retry_handlers=[]), transport.pooled())

    assert await alone.deliver(PUBLIC, Address("http://127.0.0.1:1/", "C1", "U1")) == "undelivered"
    await alone.close()

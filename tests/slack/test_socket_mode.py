import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from structlog.testing import capture_logs

from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.commands.request import COMMAND
from bot.simulator.serving import served
from bot.simulator.slack import socket_mode
from bot.simulator.slack.server import Fault, Slack
from bot.slack.socket_mode import MAX_FRAME, SocketMode, SocketTiming
from bot.slack.workspace import SlackTrouble
from tests.house import APP_TOKEN, BOT_TOKEN, PATIENT
from tests.memory import MemoryInstrumentation

pytestmark = pytest.mark.jumping_clock

TYPED = {"command": COMMAND, "text": ""}


async def _authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=BOT_TOKEN)


@dataclass
class Listener:
    """Notes what is acknowledged, and how long that takes."""

    says: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    heard: int = 0
    finished: int = 0

    async def on_command(self, ack: AsyncAck) -> None:
        self.heard += 1
        await asyncio.sleep(self.seconds)
        await ack(**self.says)
        self.finished += 1

    def bolt(self) -> AsyncApp:
        app = AsyncApp(
            authorize=_authorize,
            signing_secret="x",
            request_verification_enabled=False,
            ssl_check_enabled=False,
            process_before_response=True,
        )
        app.command(COMMAND)(self.on_command)
        return app


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    stand_in = Slack(signing_secret="x", bot_token=BOT_TOKEN)
    stand_in.socket.tokens = {APP_TOKEN}
    async with served(stand_in.app()) as stand_in.url:
        yield stand_in


def _web(url: str) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=f"{url}/api/", timeout=30, retry_handlers=[])


def _ours(
    url: str, listener: Listener, timing: SocketTiming = PATIENT.socket, instrumentation: Instrumentation = NO_METRICS
) -> SocketMode:
    return SocketMode(_web(url), APP_TOKEN, listener.bolt(), timing, instrumentation)


@asynccontextmanager
async def _receiving(
    slack: Slack, listener: Listener, timing: SocketTiming = PATIENT.socket
) -> AsyncIterator[SocketMode]:
    ours = _ours(slack.url, listener, timing)
    async with ours.receiving():
        await slack.socket.wait_for(connections=1)
        await _until_connected(ours)
        yield ours


async def _until_connected(ours: SocketMode) -> None:
    async with asyncio.timeout(60):
        while await _trouble(ours) is not None:
            await asyncio.sleep(0.005)


async def _trouble(ours: SocketMode) -> str | None:
    try:
        await ours.ask()
    except SlackTrouble as trouble:
        return trouble.error
    return None


async def _deliver(
    slack: Slack, contents: dict[str, Any] = TYPED, kind: str = "slash_commands", seconds: float = 30.0
) -> dict[str, Any]:
    return await slack.socket.deliver(kind, contents, seconds)


# --- acknowledging -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "payload"),
    [
        ({"text": "Well."}, {"text": "Well."}),
        (
            {"text": "Well.", "response_type": "in_channel"},
            {"text": "Well.", "response_type": "in_channel"},
        ),
    ],
    ids=["a text", "a message"],
)
async def test_an_acknowledgement_carries_what_the_listener_says(
    slack: Slack, listener: Listener, says: dict[str, Any], payload: dict[str, Any]
) -> None:
    listener.says = says
    async with _receiving(slack, listener):
        assert await _deliver(slack) == payload


async def test_an_acknowledgement_without_a_reply_is_the_envelopes_id_alone(slack: Slack, listener: Listener) -> None:
    async with _receiving(slack, listener):
        await _deliver(slack)

    (frame,) = slack.socket.frames
    assert isinstance(frame, dict)
    assert frame.keys() == {"envelope_id"}


async def test_a_slow_listener_does_not_delay_the_others(slack: Slack, listener: Listener) -> None:
    listener.seconds = 1.0
    async with _receiving(slack, listener), asyncio.timeout(4):
        await asyncio.gather(*(_deliver(slack) for _ in range(5)))


async def test_a_command_is_acknowledged_on_the_connection_that_brought_it(slack: Slack, listener: Listener) -> None:
    listener.seconds = 0.1
    listener.says = {"text": "Well."}
    async with _receiving(slack, listener):
        delivering = asyncio.create_task(slack.socket.deliver("slash_commands", TYPED, 2.5))
        await asyncio.sleep(0.01)
        refreshing = asyncio.create_task(slack.socket.refresh(after=0.3))
        await slack.socket.wait_for(connections=0)
        await slack.socket.wait_for(connections=1)

        assert not delivering.done()
        assert await delivering == {"text": "Well."}
        await refreshing


@pytest.mark.parametrize(
    "contents",
    [{"type": "event_callback"}, {"command": "/another"}, {"team": 1, "actions": [1], "type": "block_actions"}],
)
async def test_a_request_without_a_listener_is_not_acknowledged(
    slack: Slack, listener: Listener, contents: dict[str, Any]
) -> None:
    with capture_logs() as lines:
        async with _receiving(slack, listener):
            with pytest.raises(TimeoutError):
                await slack.socket.deliver("events_api", contents, 0.1)
            await _deliver(slack)

    assert [line["event"] for line in lines if line["event"] == "slack.turned_away"] == ["slack.turned_away"]
    assert slack.socket.greeted == 1


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        "{",
        "[" * 100_000,
        "null",
        "[]",
        '"disconnect"',
        "{}",
        '{"type": "news"}',
        '{"type": "slash_commands", "payload": {}}',
        '{"type": "slash_commands", "envelope_id": 1, "payload": {}}',
        '{"type": "slash_commands", "envelope_id": "1", "payload": []}',
        '{"type": "from_the_future", "envelope_id": "1", "payload": {"type": "x"}}',
    ],
)
async def test_a_frame_that_makes_no_sense_is_skipped(slack: Slack, listener: Listener, frame: str) -> None:
    with capture_logs() as lines:
        async with _receiving(slack, listener):
            (ws,) = slack.socket.connections
            await slack.socket.send(ws, frame)
            await _deliver(slack)

    assert [line["event"] for line in lines if line["event"] == "slack.turned_away"] == ["slack.turned_away"]
    assert slack.socket.greeted == 1


async def test_after_a_frame_that_is_larger_than_any_of_slacks_a_new_connection_is_made(
    slack: Slack, listener: Listener
) -> None:
    async with _receiving(slack, listener) as ours:
        (ws,) = slack.socket.connections
        await slack.socket.send(ws, json.dumps({"type": "hello", "padding": "x" * MAX_FRAME}))
        await slack.socket.wait_for(connections=0)
        await slack.socket.wait_for(connections=1)
        await _until_connected(ours)
        await _deliver(slack)

    assert slack.socket.greeted == 2


async def test_a_frame_as_large_as_they_get_is_read(slack: Slack, listener: Listener) -> None:
    async with _receiving(slack, listener):
        await _deliver(slack, {**TYPED, "padding": "x" * (MAX_FRAME - 1000)})

    assert slack.socket.greeted == 1


async def test_a_binary_frame_is_skipped(slack: Slack, listener: Listener) -> None:
    async with _receiving(slack, listener):
        (ws,) = slack.socket.connections
        await ws.send_bytes(b'{"type": "disconnect"}')
        await _deliver(slack)

    assert slack.socket.greeted == 1


async def test_an_acknowledgement_that_cannot_be_sent_any_more_is_logged(slack: Slack, listener: Listener) -> None:
    listener.seconds = 0.05
    with capture_logs() as lines:
        async with _receiving(slack, listener):
            delivering = asyncio.create_task(_deliver(slack, seconds=0.5))
            await asyncio.sleep(0.01)
            slack.socket.drop()
            with pytest.raises(TimeoutError):
                await delivering

    assert listener.finished == 1
    assert "socket.not_acknowledged" in [line["event"] for line in lines]


# --- staying connected ---------------------------------------------------------------------------------------------


async def test_a_broken_connection_is_replaced(slack: Slack, listener: Listener) -> None:
    async with _receiving(slack, listener):
        for _ in range(3):
            slack.socket.drop()
            await slack.socket.wait_for(connections=1)
            await _deliver(slack)

    assert slack.socket.greeted == 4


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_connection_whose_end_is_announced_is_replaced_without_a_gap(
    slack: Slack, listener: Listener, reason: str
) -> None:
    async with _receiving(slack, listener) as ours:
        refreshing = asyncio.create_task(slack.socket.refresh(reason, after=0.2))
        await slack.socket.wait_for(connections=0)
        await slack.socket.wait_for(connections=1)
        assert not refreshing.done()
        await _deliver(slack)
        while not refreshing.done():
            assert await _trouble(ours) is None
            await asyncio.sleep(0.01)
        await _deliver(slack)

    assert slack.socket.greeted == 2


async def test_an_old_connection_that_slack_does_not_close_is_closed_by_the_bot(
    slack: Slack, listener: Listener
) -> None:
    async with _receiving(slack, listener, replace(PATIENT.socket, farewell=0.05)) as ours:
        (old,) = slack.socket.connections
        refreshing = asyncio.create_task(slack.socket.refresh(after=60))
        async with asyncio.timeout(30):
            while not old.closed:
                await asyncio.sleep(0.01)
        await slack.socket.wait_for(connections=1)
        assert await _trouble(ours) is None
        refreshing.cancel()


async def test_each_attempt_asks_for_a_new_address(slack: Slack, listener: Listener) -> None:
    slack.socket.faults = ["refused", "refused"]
    async with _receiving(slack, listener):
        await _deliver(slack)

    assert slack.calls == ["apps.connections.open"] * 3


async def test_a_connection_without_hello_is_given_up(slack: Slack, listener: Listener) -> None:
    slack.socket.faults = ["silent"]
    async with _receiving(slack, listener, replace(PATIENT.socket, hello=0.1)):
        await _deliver(slack)


async def test_a_quiet_connection_is_kept_after_its_hello(slack: Slack, listener: Listener) -> None:
    async with _receiving(slack, listener, replace(PATIENT.socket, hello=0.2)):
        await asyncio.sleep(0.3)
        await _deliver(slack)

    assert slack.socket.greeted == 1


async def test_a_connection_without_pongs_is_given_up(slack: Slack, listener: Listener) -> None:
    slack.socket.faults = ["deaf"]
    async with _receiving(slack, listener, replace(PATIENT.socket, heartbeat=0.1)):
        async with asyncio.timeout(15):
            while slack.socket.greeted < 2:
                await asyncio.sleep(0.01)
        await slack.socket.wait_for(connections=1)
        await _deliver(slack)


async def test_a_slack_that_was_away_is_connected_to_again(slack: Slack, listener: Listener) -> None:
    slack.misbehave(Fault("apps.connections.open", drops=True, times=3))
    async with _receiving(slack, listener):
        await _deliver(slack)

    assert slack.calls == ["apps.connections.open"] * 4


async def test_after_a_connection_that_lasted_the_next_is_made_at_once(slack: Slack, listener: Listener) -> None:
    loop = asyncio.get_running_loop()
    slack.socket.faults = ["refused"]
    async with _receiving(slack, listener, replace(PATIENT.socket, pause=3.0, longest_pause=3.0)):
        await asyncio.sleep(3.1)
        began = loop.time()
        slack.socket.drop()
        await slack.socket.wait_for(connections=1)
        assert loop.time() - began < 2.8


async def test_an_unforeseen_error_does_not_end_the_attempts(slack: Slack, listener: Listener) -> None:
    class Broken(AsyncWebClient):
        async def apps_connections_open(self, *, app_token: str, **kwargs: str) -> AsyncSlackResponse:
            if not slack.calls:
                slack.calls.append("broken")
                raise KeyError
            return await super().apps_connections_open(app_token=app_token, **kwargs)

    broken = Broken(token=BOT_TOKEN, base_url=f"{slack.url}/api/")
    with capture_logs() as lines:
        async with SocketMode(broken, APP_TOKEN, listener.bolt(), PATIENT.socket).receiving():
            await slack.socket.wait_for(connections=1)
            await _deliver(slack)

    assert "socket.broken" in [line["event"] for line in lines]


# --- when Slack refuses --------------------------------------------------------------------------------------------


@dataclass
class Refusing:
    """A Slack that gives no address, and notes when it was asked."""

    answer: Callable[[], web.Response]
    asked: list[float] = field(default_factory=list)

    async def _open(self, _request: web.Request) -> web.Response:
        self.asked.append(asyncio.get_running_loop().time())
        return self.answer()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/apps.connections.open", self._open)
        return app

    async def pauses(self, listener: Listener, timing: SocketTiming, count: int) -> tuple[list[float], str | None]:
        """Seconds from each attempt to the next, and the error that a check reports."""
        async with served(self.app()) as url:
            ours = _ours(url, listener, timing)
            async with ours.receiving(), asyncio.timeout(60):
                while len(self.asked) <= count:
                    await asyncio.sleep(0.005)
                trouble = await _trouble(ours)
        return [later - earlier for earlier, later in zip(self.asked, self.asked[1:], strict=False)], trouble


PAUSES = SocketTiming(pause=0.02, longest_pause=0.15)


async def test_the_pauses_double_up_to_a_limit(listener: Listener) -> None:
    pauses, trouble = await Refusing(lambda: web.Response(status=503)).pauses(listener, PAUSES, 5)

    for pause, at_least in zip(pauses, [0.02, 0.04, 0.08, 0.15, 0.15], strict=True):
        assert at_least <= pause + 0.003 < at_least + 0.5
    assert trouble == ""


@pytest.mark.parametrize("error", ["invalid_auth", "not_allowed_token_type", "ratelimited"])
async def test_a_refused_token_is_reported_and_tried_at_long_pauses(listener: Listener, error: str) -> None:
    refusing = Refusing(lambda: web.json_response({"ok": False, "error": error}))
    pauses, trouble = await refusing.pauses(listener, PAUSES, 2)

    assert min(pauses) >= 0.147
    assert trouble == error


def test_the_longest_pause_is_half_a_minute() -> None:
    assert SocketTiming().longest_pause == 30


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.json_response({"ok": False, "error": "internal_error"}),
        lambda: web.json_response({"ok": False}),
        lambda: web.Response(status=503, text="<html>", content_type="text/html"),
        lambda: web.Response(text="ok", content_type="text/plain"),
        lambda: web.Response(text="{", content_type="application/json"),
        lambda: web.json_response([1]),
    ],
    ids=["its own trouble", "no word", "a gateway", "text", "half of it", "a list"],
)
async def test_trouble_of_slacks_own_counts_as_not_reached(
    listener: Listener, answer: Callable[[], web.Response]
) -> None:
    async with served(Refusing(answer).app()) as url:
        assert await _trouble(_ours(url, listener)) == ""


async def test_an_answer_without_an_address_is_tried_again(listener: Listener) -> None:
    pauses, trouble = await Refusing(lambda: web.json_response({"ok": True})).pauses(listener, PAUSES, 2)

    assert trouble == ""
    assert min(pauses) >= 0.017


async def test_socket_mode_that_was_switched_off_is_reported(slack: Slack, listener: Listener) -> None:
    async with _receiving(slack, listener, replace(PATIENT.socket, longest_pause=1)) as ours:
        await slack.socket.refresh("link_disabled")
        assert await _trouble(ours) == "link_disabled"


async def test_the_end_of_an_old_connection_does_not_hide_the_error_of_the_new_one(
    slack: Slack, listener: Listener
) -> None:
    async with _receiving(slack, listener, replace(PATIENT.socket, longest_pause=1)) as ours:
        slack.socket.tokens = {"xapp-another"}
        await slack.socket.refresh(after=0.2)
        await asyncio.sleep(0.05)
        assert await _trouble(ours) == "invalid_auth"


# --- asking --------------------------------------------------------------------------------------------------------


async def test_a_check_without_receiving_tries_the_token_and_does_not_connect(slack: Slack, listener: Listener) -> None:
    ours = _ours(slack.url, listener)
    assert await _trouble(ours) is None
    slack.socket.tokens = {"xapp-another"}
    assert await _trouble(ours) == "invalid_auth"

    assert slack.socket.greeted == 0


async def test_a_check_while_receiving_sends_slack_no_request(slack: Slack, listener: Listener) -> None:
    async with _receiving(slack, listener) as ours:
        assert await _trouble(ours) is None

    assert slack.calls == ["apps.connections.open"]


async def test_before_the_first_hello_there_is_no_connection(slack: Slack, listener: Listener) -> None:
    slack.socket.faults = ["silent"]
    ours = _ours(slack.url, listener)
    async with ours.receiving():
        await slack.wait_for_call("apps.connections.open")
        assert await _trouble(ours) == ""


# --- stopping ------------------------------------------------------------------------------------------------------


async def test_requests_that_came_in_are_acknowledged_before_the_connection_is_closed(
    slack: Slack, listener: Listener
) -> None:
    listener.seconds = 0.1
    async with _receiving(slack, listener):
        delivering = asyncio.create_task(_deliver(slack))
        await asyncio.sleep(0.02)
    assert await delivering == {}
    await slack.socket.wait_for(connections=0)
    with pytest.raises(ConnectionError):
        await _deliver(slack)

    assert (listener.heard, listener.finished, slack.socket.greeted) == (1, 1, 1)


async def test_a_slow_acknowledgement_does_not_delay_the_end(slack: Slack, listener: Listener) -> None:
    listener.seconds = 60
    async with asyncio.timeout(30):
        async with _receiving(slack, listener, replace(PATIENT.socket, last_answers=0.05)):
            delivering = asyncio.create_task(_deliver(slack, seconds=0.5))
            await asyncio.sleep(0.02)
        with pytest.raises(TimeoutError):
            await delivering

    assert (listener.heard, listener.finished) == (1, 0)


@pytest.mark.parametrize("faults", [[], ["silent"]], ids=["greeted", "not greeted"])
async def test_closing_takes_no_longer_than_allowed_whatever_slack_does(
    slack: Slack, listener: Listener, faults: list[socket_mode.Fault]
) -> None:
    slack.socket.faults = list(faults)
    async with asyncio.timeout(8):  # sooner than `hello` is given up
        async with _ours(slack.url, listener).receiving():
            await slack.wait_for_call("apps.connections.open")
            await asyncio.sleep(0.05)


async def test_only_acknowledged_requests_are_measured(slack: Slack, listener: Listener) -> None:
    instrumentation = MemoryInstrumentation()
    listener.seconds = 0.1
    ours = _ours(slack.url, listener, instrumentation=instrumentation)
    async with ours.receiving():
        await slack.socket.wait_for(connections=1)
        await _until_connected(ours)
        await _deliver(slack)
        with pytest.raises(TimeoutError):
            await _deliver(slack, TYPED | {"command": "/another"}, seconds=0.5)

    ((kind, seconds),) = instrumentation.kinds
    assert kind == "command"
    assert seconds == pytest.approx(0.1, abs=0.01)

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest

from bot.simulator.serving import served
from bot.simulator.slack.interactions import FAILED, TIMED_OUT
from bot.simulator.slack.server import Slack
from bot.simulator.slack.socket_mode import MOST_CONNECTIONS
from bot.simulator.slack.workspace import Shown
from bot.slack.block_kit import blocks

pytestmark = pytest.mark.jumping_clock

APP_TOKEN = "xapp-not-a-token"


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    stand_in = Slack(signing_secret="not-a-secret", bot_token="xoxb-not-a-token")
    stand_in.socket.tokens = {APP_TOKEN}
    stand_in.acknowledge_within = 0.3
    async with served(stand_in.app()) as stand_in.url:
        yield stand_in


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def _open(slack: Slack, http: aiohttp.ClientSession, token: str = APP_TOKEN) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with http.post(f"{slack.url}/api/apps.connections.open", headers=headers) as response:
        answer: dict[str, Any] = await response.json()
        return answer


@asynccontextmanager
async def _connected(slack: Slack, http: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with http.ws_connect((await _open(slack, http))["url"]) as ws:
        assert (await ws.receive_json())["type"] == "hello"
        yield ws


async def _typed(slack: Slack, text: str = "help") -> httpx.Response | None:
    return await slack.command(text, user="U1")


# --- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "error"),
    [("xapp-another", "invalid_auth"), ("", "not_allowed_token_type"), ("xoxb-not-a-token", "not_allowed_token_type")],
)
async def test_an_address_needs_an_app_level_token(
    slack: Slack, http: aiohttp.ClientSession, token: str, error: str
) -> None:
    assert await _open(slack, http, token) == {"ok": False, "error": error}


async def test_an_address_is_good_for_one_connection(slack: Slack, http: aiohttp.ClientSession) -> None:
    url = (await _open(slack, http))["url"]
    async with http.ws_connect(url) as ws:
        assert await ws.receive_json() == {"type": "hello", "num_connections": 1}
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(url)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(url.replace("ticket", "token"))


async def test_an_app_has_ten_connections_at_most(slack: Slack, http: aiohttp.ClientSession) -> None:
    held = [await http.ws_connect((await _open(slack, http))["url"]) for _ in range(MOST_CONNECTIONS)]
    await slack.socket.wait_for(MOST_CONNECTIONS)
    async with http.ws_connect((await _open(slack, http))["url"]) as ws:
        assert await ws.receive_json() == {"type": "disconnect", "reason": "too_many_websockets"}
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE

    assert len(slack.socket.connections) == len(held)


# --- envelopes -----------------------------------------------------------------------------------------------------


async def test_a_command_comes_in_an_envelope_and_the_acknowledgement_is_shown(
    slack: Slack, http: aiohttp.ClientSession
) -> None:
    async with _connected(slack, http) as ws:
        typing = asyncio.create_task(_typed(slack, "a payload=1 & more"))
        envelope = await ws.receive_json()
        await ws.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "Well."}})
        answer = await typing

    assert answer is not None
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    assert envelope["payload"]["command"] == "/opp-status"
    assert envelope["payload"]["text"] == "a payload=1 & more"
    assert envelope["payload"]["response_url"].startswith(slack.url)
    assert (answer.status_code, answer.json()) == (200, {"text": "Well."})
    assert [(shown.text, shown.only_to, shown.via) for shown in slack.shown] == [("Well.", "U1", "acknowledgement")]


async def test_a_button_comes_in_an_envelope_with_its_own_contents(slack: Slack, http: aiohttp.ClientSession) -> None:
    async with _connected(slack, http) as ws:
        yes = blocks.button("Yes", "yes", "1")
        shown = Shown("C1", None, "Well?", (blocks.actions(yes),), "response_url")
        slack.shown.append(shown)
        pressing = asyncio.create_task(slack.press(shown, yes, user="U1"))
        envelope = await ws.receive_json()
        await ws.send_json({"envelope_id": envelope["envelope_id"]})
        answer = await pressing

    assert envelope["type"] == "interactive"
    assert envelope["payload"]["actions"][0]["action_id"] == "yes"
    assert answer is not None
    assert (answer.status_code, answer.content, slack.shown) == (200, b"", [shown])


async def test_without_a_connection_a_command_fails_at_once(slack: Slack) -> None:
    assert await _typed(slack) is None
    assert [shown.text for shown in slack.shown] == [FAILED]


async def test_without_an_acknowledgement_in_time_a_command_fails(slack: Slack, http: aiohttp.ClientSession) -> None:
    async with _connected(slack, http) as ws:
        assert await _typed(slack) is None
        envelope = await ws.receive_json()
        await ws.send_json({"envelope_id": envelope["envelope_id"]})  # too late
        await ws.send_json({"envelope_id": "of no envelope"})
        await ws.send_bytes(b"{}")

    assert [shown.text for shown in slack.shown] == [TIMED_OUT]


async def test_envelopes_go_to_any_connection(slack: Slack, http: aiohttp.ClientSession) -> None:
    async with _connected(slack, http) as one, _connected(slack, http) as other:
        typing = [asyncio.create_task(_typed(slack)) for _ in range(4)]
        for ws in (one, other, one, other):
            await ws.send_json({"envelope_id": (await ws.receive_json(timeout=30))["envelope_id"]})
        answers = await asyncio.gather(*typing)

    assert [answer and answer.status_code for answer in answers] == [200] * 4


async def test_an_acknowledgement_counts_once_and_only_on_the_envelopes_connection(
    slack: Slack, http: aiohttp.ClientSession
) -> None:
    async with _connected(slack, http) as one, _connected(slack, http) as other:
        typing = asyncio.create_task(_typed(slack))
        acknowledgement = {"envelope_id": (await one.receive_json())["envelope_id"]}
        await other.send_json(acknowledgement | {"payload": {"text": "not here"}})
        await asyncio.sleep(0.05)
        assert not typing.done()
        await one.send_json(acknowledgement | {"payload": {"text": "here"}})
        await one.send_json(acknowledgement | {"payload": {"text": "again"}})
        await typing

    assert [shown.text for shown in slack.shown] == ["here"]


# --- ends ----------------------------------------------------------------------------------------------------------


async def test_drop_breaks_every_connection_without_a_word(slack: Slack, http: aiohttp.ClientSession) -> None:
    async with _connected(slack, http) as ws:
        typing = asyncio.create_task(_typed(slack))
        await ws.receive_json()
        slack.socket.drop()
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSED
        assert await typing is None

    assert [shown.text for shown in slack.shown] == [TIMED_OUT]
    assert slack.socket.connections == []


async def test_a_frame_for_a_broken_connection_is_lost(slack: Slack, http: aiohttp.ClientSession) -> None:
    async with _connected(slack, http):
        (ws,) = slack.socket.connections
        slack.socket.drop()
        await asyncio.sleep(0.05)
        await slack.socket.send(ws, "lost")


async def test_refresh_announces_the_end_and_then_closes(slack: Slack, http: aiohttp.ClientSession) -> None:
    async with _connected(slack, http) as ws:
        typing = asyncio.create_task(_typed(slack))
        envelope = await ws.receive_json()
        refreshing = asyncio.create_task(slack.socket.refresh("warning", after=0.1))
        notice = await ws.receive_json()
        assert await _typed(slack, "elsewhere") is None  # a connection that ends gets nothing new
        await ws.send_json({"envelope_id": envelope["envelope_id"]})  # an earlier envelope may be acknowledged
        assert await typing is not None
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
        await refreshing

    assert (notice["type"], notice["reason"]) == ("disconnect", "warning")
    assert [shown.text for shown in slack.shown] == [FAILED]


async def test_a_connection_can_be_refused_silent_or_deaf(slack: Slack, http: aiohttp.ClientSession) -> None:
    slack.socket.faults = ["refused", "silent", "deaf"]
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect((await _open(slack, http))["url"])
    async with http.ws_connect((await _open(slack, http))["url"]) as ws:
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.05)
    async with _connected(slack, http) as ws:
        await ws.ping()
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.05)
    async with http.ws_connect((await _open(slack, http))["url"], autoping=False) as ws:
        await ws.receive_json()
        await ws.ping()
        assert (await ws.receive(timeout=30)).type is aiohttp.WSMsgType.PONG

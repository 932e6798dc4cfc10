import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.bodies import GZIP, dripping, endless, gzip_bomb, nested
from bot.simulator.serving import served
from bot.simulator.slack.server import Fault, Slack
from bot.slack.session import Session, SlackAnswer, web_client
from bot.slack.workspace import SlackTrouble, SlackWorkspace

pytestmark = pytest.mark.jumping_clock

TOKEN = "xoxb-not-a-token"


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = Slack(signing_secret="thisisnotasigningsecretofslacks0", bot_token=TOKEN)
    async with served(slack.app()) as slack.url:
        yield slack


@asynccontextmanager
async def _client(url: str, patience: float = 5.0) -> AsyncIterator[AsyncWebClient]:
    session = Session(patience=patience)
    try:
        yield web_client(TOKEN, f"{url}/api", session, "opp-status/0.1.0")
    finally:
        await session.close()


async def test_slack_is_called_and_answers(slack: Slack) -> None:
    async with _client(slack.url) as web_api:
        answer = await web_api.auth_test()
        posted = await web_api.chat_postMessage(channel="C1", text="hello")

    assert answer["team_id"] == slack.team_id
    assert answer.headers["Date"]
    assert posted["ok"]
    assert [shown.text for shown in slack.shown] == ["hello"]


async def test_a_session_that_was_never_used_has_nothing_to_close() -> None:
    await Session().close()


async def test_a_refusal_is_an_error_with_slacks_own_word(slack: Slack) -> None:
    slack.tokens.clear()
    async with _client(slack.url) as web_api:
        with pytest.raises(SlackApiError) as caught:
            await web_api.auth_test()

    assert caught.value.response["error"] == "invalid_auth"


ODD = {
    "endless": Fault("auth.test", status=200, chunks=endless()),
    "endless and broken": Fault("auth.test", status=500, chunks=endless()),
    "compressed to nothing": Fault("auth.test", status=200, headers=GZIP, chunks=gzip_bomb(20)),
    "too deep": Fault("auth.test", status=200, chunks=nested()),
    "a number that is too long": Fault("auth.test", status=200, chunks=endless(b"9" * 10_000, 1)),
    "no object": Fault("auth.test", status=200, body=[1, 2]),
    "nothing": Fault("auth.test", status=200, chunks=endless(b"", 1)),
    "no JSON": Fault("auth.test", status=200, headers={"Content-Type": "text/plain"}, chunks=endless(b"ok", 1)),
    "drips": Fault("auth.test", status=200, chunks=dripping(0.05)),
    "a redirect": Fault("auth.test", status=307, headers={"Location": "/api/chat.postMessage"}),
    "names its error at length": Fault("auth.test", status=200, body={"ok": False, "why": "x" * 500_000}),
}


@pytest.mark.parametrize("fault", ODD.values(), ids=ODD)
async def test_any_answer_that_slack_does_not_send_is_an_error_in_time_and_without_a_traceback(
    slack: Slack, fault: Fault
) -> None:
    slack.misbehave(fault)
    async with _client(slack.url, patience=1.0) as web_api:
        with pytest.raises(SlackTrouble) as caught:
            async with asyncio.timeout(30):
                await SlackWorkspace(web_api).auth_test()

    assert caught.value.error == ""


@pytest.mark.parametrize("body", [{"ok": False, "error": "x" * 100_000}, {"ok": True, "team_id": "T" * 100_000}])
async def test_what_slack_says_is_cut_short_where_it_is_read(slack: Slack, body: object) -> None:
    slack.misbehave(Fault("auth.test", status=200, body=body))
    async with _client(slack.url) as web_api:
        with pytest.raises(SlackTrouble) as caught:
            await SlackWorkspace(web_api).auth_test()

    assert len(caught.value.error) <= 100


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_so_no_other_server_gets_the_message(slack: Slack, status: int) -> None:
    elsewhere: list[bytes] = []

    async def listen(request: web.Request) -> web.Response:
        elsewhere.append(await request.read())
        return web.json_response({"ok": True, "ts": "1.0"})

    other = web.Application()
    other.router.add_route("*", "/{path:.*}", listen)
    async with served(other) as url, _client(slack.url) as web_api:
        slack.misbehave(Fault("chat.postMessage", status=status, headers={"Location": url}))
        with pytest.raises(SlackApiError) as caught:
            await web_api.chat_postMessage(channel="C1", text="a secret")

    assert caught.value.response.status_code == status
    assert elsewhere == []


async def test_a_compressed_answer_is_read_where_slack_sends_one_all_the_same(slack: Slack) -> None:
    packed = gzip.compress(json.dumps({"ok": True, "team_id": "T1"}).encode())
    slack.misbehave(Fault("auth.test", status=200, headers=GZIP, chunks=endless(packed, 1)))
    async with _client(slack.url) as web_api:
        assert (await web_api.auth_test())["team_id"] == "T1"
    assert slack.received[0].headers["Accept-Encoding"] == "identity"


@given(
    content=st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
)
async def test_any_bytes_are_an_object_or_no_json(content: bytes) -> None:
    answer = SlackAnswer(200, {}, content)
    assert len(await answer.text()) <= 200
    with suppress(json.JSONDecodeError):
        assert isinstance(await answer.json(), dict)

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiohttp import web

from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.http.client import HttpClient
from bot.operations.diagnose import EVENTS, AddressReading, Grant, NoAnswer
from bot.operations.probes import ALIVE, NO_RECORD, READY, NetworkProbes
from bot.simulator.highlevel.server import READ, USERS, WRITE, Fault, HighLevel
from bot.simulator.serving import served
from bot.web import routes
from tests.house import House

pytestmark = pytest.mark.jumping_clock

TOKEN = "pit-not-a-token"
QUICK = Attempts(most=1, connect=1.0, answer=1.0, pause=0.01)


@pytest.fixture
def highlevel() -> HighLevel:
    return HighLevel()


@asynccontextmanager
async def _examining(highlevel: HighLevel, public_url: str = "", patience: float = 5.0) -> AsyncIterator[NetworkProbes]:
    async with (
        served(highlevel.app()) as url,
        Client(
            base_url=url,
            auth=PrivateIntegration(TOKEN),
            version="2021-07-28",
            http=HttpClient("opp-status/test"),
            attempts=QUICK,
        ) as client,
    ):
        yield NetworkProbes(client, public_url, partial(HttpClient, "opp-status/test"), patience)


def _soon() -> float:
    return asyncio.get_running_loop().time() + 5


# --- what HighLevel's token may ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "edit", "users"),
    [
        ({READ, WRITE, USERS}, Grant.YES, Grant.YES),
        ({READ, WRITE}, Grant.YES, Grant.NO),
        ({READ, USERS}, Grant.NO, Grant.YES),
        ({READ}, Grant.NO, Grant.NO),
    ],
)
async def test_the_scopes_are_probed_without_changing_anything(
    highlevel: HighLevel, scopes: set[str], edit: Grant, users: Grant
) -> None:
    highlevel.add_token(TOKEN, scopes=frozenset(scopes))
    async with _examining(highlevel) as probes:
        assert await probes.may_edit(until=_soon()) is edit
        assert await probes.may_read_users(until=_soon()) is users

    assert highlevel.written == []
    assert [request.path for request in highlevel.writes()] == [f"/opportunities/{NO_RECORD}/status"]


@pytest.mark.parametrize(
    ("status", "body", "may"),
    [
        (400, {"message": "The opportunity id is invalid."}, Grant.YES),
        (422, {"message": ["id must be a valid id"]}, Grant.YES),
        (200, {"success": True}, Grant.YES),
        (403, {"message": "You do not have permission to access this resource"}, Grant.UNKNOWN),
        (404, {"message": "Cannot PUT /opportunities"}, Grant.UNKNOWN),
        (401, {"message": "Invalid Private Integration token"}, Grant.UNKNOWN),
        (500, {"message": "Internal server error"}, Grant.UNKNOWN),
        (403, "error code: 1010", Grant.UNKNOWN),
    ],
)
async def test_a_refusal_proves_the_permission_only_if_the_record_is_the_reason(
    highlevel: HighLevel, status: int, body: object, may: Grant
) -> None:
    highlevel.misbehave(Fault(status=status, body=body), method="PUT")
    async with _examining(highlevel) as probes:
        assert await probes.may_edit(until=_soon()) is may


async def test_an_answer_proves_the_permission_too(highlevel: HighLevel) -> None:
    highlevel.add_token(TOKEN)
    highlevel.users[NO_RECORD] = {"id": NO_RECORD, "name": "Ana"}
    async with _examining(highlevel) as probes:
        assert await probes.may_read_users(until=_soon()) is Grant.YES


# --- where Slack finds the bot -------------------------------------------------------------------------------------


def test_the_probed_path_is_that_of_the_routes() -> None:
    assert EVENTS == routes.EVENTS


async def test_a_running_bot_is_recognised(house: House, highlevel: HighLevel) -> None:
    url = house.slack.bot_url
    async with _examining(highlevel, url) as probes:
        assert await probes.probe_address() == AddressReading(f"{url}{EVENTS}", 401, is_ours=True)
        assert await probes.probe_address() == AddressReading(f"{url}{EVENTS}", 401, is_ours=True)


@pytest.mark.parametrize(
    ("ready", "signatures", "command"),
    [
        ('{"ok": ["slack.signatures", "slack.command"], "failing": {}}', True, True),
        ('{"ok": ["slack.signatures"], "failing": {"slack.command": "..."}}', True, False),
        ('{"ok": [], "failing": {"slack.signatures": "..."}}', False, None),
        ('{"ok": ["settings"], "failing": {}}', None, None),
        ('{"ok": null}', None, None),
        ("[]", None, None),
        ("<html>", None, None),
    ],
)
async def test_a_running_bot_says_how_slack_signed_and_whether_the_command_came(
    highlevel: HighLevel, ready: str, *, signatures: bool | None, command: bool | None
) -> None:
    app = _host(_answers(401), _answers(200, "alive 0.1.0"))
    app.router.add_get(READY, _answers(503, ready))
    async with served(app) as url, _examining(highlevel, url) as probes:
        reading = AddressReading(f"{url}{EVENTS}", 401, is_ours=True, signatures=signatures, command=command)
        assert await probes.probe_address() == reading


async def test_a_running_bot_that_says_nothing_of_its_checks_is_recognised_all_the_same(highlevel: HighLevel) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.close()
        return web.Response()

    app = _host(_answers(401), _answers(200, "alive 0.1.0"))
    app.router.add_get(READY, hang_up)
    async with served(app) as url, _examining(highlevel, url) as probes:
        assert await probes.probe_address() == AddressReading(f"{url}{EVENTS}", 401, is_ours=True)


async def test_without_an_address_nothing_is_probed(highlevel: HighLevel) -> None:
    async with _examining(highlevel) as probes:
        assert await probes.probe_address() is None


Answer = Callable[[web.Request], Awaitable[web.Response]]


def _host(events: Answer, alive: Answer) -> web.Application:
    app = web.Application()
    app.router.add_post(EVENTS, events)
    app.router.add_get(ALIVE, alive)
    return app


def _answers(status: int, text: str = "", **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    return answer


@pytest.mark.parametrize(
    ("events", "alive", "reading"),
    [
        (_answers(401), _answers(401), (401, False)),
        (_answers(401), _answers(200, "<html>Log in</html>"), (401, False)),
        (_answers(404), _answers(200, "alive"), (404, True)),
        (_answers(302, Location="/login"), _answers(302, Location="/login"), (302, False)),
        (_answers(503), _answers(503), (503, False)),
    ],
)
async def test_other_answers_are_read_as_they_are_and_redirects_are_not_followed(
    highlevel: HighLevel, events: Answer, alive: Answer, reading: tuple[int, bool]
) -> None:
    async with served(_host(events, alive)) as url, _examining(highlevel, url) as probes:
        status, is_ours = reading
        assert await probes.probe_address() == AddressReading(f"{url}{EVENTS}", status, is_ours=is_ours)


async def test_nothing_secret_is_sent_to_the_address(highlevel: HighLevel) -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((dict(request.headers), await request.read()))
        return web.Response(status=401)

    async with served(_host(answer, answer)) as url, _examining(highlevel, url) as probes:
        await probes.probe_address()

    assert len(asked) == 2
    for headers, body in asked:
        assert body == b""
        assert "Authorization" not in headers
        assert not any(name.lower().startswith("x-slack") for name in headers)


async def test_an_address_without_a_listener_is_unreachable(highlevel: HighLevel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with _examining(highlevel, url) as probes:
        assert await probes.probe_address() == AddressReading(f"{url}{EVENTS}", NoAnswer.UNREACHABLE)


async def test_a_host_that_does_not_answer_in_time_is_unreachable(highlevel: HighLevel) -> None:
    async def sleep(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with served(_host(sleep, sleep)) as url, _examining(highlevel, url, patience=0.2) as probes:
        assert await probes.probe_address() == AddressReading(f"{url}{EVENTS}", NoAnswer.UNREACHABLE)


async def test_a_failing_tls_handshake_is_untrusted(highlevel: HighLevel) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # which is no TLS
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, _examining(highlevel, url) as probes:
        assert await probes.probe_address() == AddressReading(f"{url}{EVENTS}", NoAnswer.UNTRUSTED)

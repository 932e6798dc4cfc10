import asyncio
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot import __version__
from bot.highlevel.notices.routes import WEBHOOK
from bot.highlevel.pages import CALLBACK, INSTALL
from bot.operations.checks.findings import OVER_SOCKET, TRIED, CheckId
from bot.operations.settings import Settings
from bot.simulator.slack.interactions import ACKNOWLEDGE_WITHIN
from bot.simulator.slack.server import Fault
from bot.slack.verification import MAX_COMMAND, MAX_INTERACTION
from bot.web.listening import descriptors, max_connections, max_waiting
from bot.web.routes import EVENTS, LARGE_AT_ONCE, app
from bot.web.server import (
    MAX_HEADERS,
    BackgroundServer,
    BoundedProtocol,
    Server,
    config,
    serving,
)
from bot.wiring import build
from bot.wiring.lifecycle import Bot
from tests.house import ANA, BOT_TOKEN, BY_OAUTH, DEAL, HIGHLEVEL_TOKEN, SALES, SIGNING_SECRET, House, open_house


async def _get(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.get(url)


HEALTH = ("/healthz", "/health", "/readyz", "/ready")
"""Each under two names: some hosts keep paths that end in z to themselves."""


async def test_healthz_needs_nothing(tmp_path: Path) -> None:
    nowhere = {
        "SLACK_API_URL": "http://127.0.0.1:1/",
        "HIGHLEVEL_API_URL": "http://127.0.0.1:1",
        "DATABASE_URL": f"sqlite:///{tmp_path}/missing/ledger.db",
    }
    async with open_house(tmp_path, **nowhere) as house:
        answer = await _get(f"{house.slack.bot_url}/healthz")

    assert (answer.status_code, answer.text) == (200, f"alive {__version__}")


async def test_readyz_lists_every_check(house: House) -> None:
    answer = await _get(f"{house.slack.bot_url}/readyz")

    assert answer.status_code == 200
    not_tried = {*OVER_SOCKET, *TRIED, CheckId.SIGNATURES, CheckId.SLACK_COMMAND}
    assert answer.json() == {"ok": [check for check in CheckId if check not in not_tried], "failing": {}}
    assert house.highlevel.writes() == []


async def test_readyz_is_503_with_what_to_do_and_without_a_secret(house: House) -> None:
    house.highlevel.tokens.clear()
    house.slack.misbehave(Fault("auth.test", status=200, body={"ok": False, "error": "token_revoked"}))
    answer = await _get(f"{house.slack.bot_url}/readyz")

    assert answer.status_code == 503
    assert set(answer.json()["failing"]) == {
        "slack.token",
        "slack.workspace",
        "slack.scopes",
        "slack.command",
        "highlevel.token",
        "highlevel.scope",
        "highlevel.location",
        "highlevel.lost_reasons",
    }
    assert HIGHLEVEL_TOKEN not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", EVENTS, 405), ("POST", "/healthz", 405), ("POST", "/", 405), ("GET", "/x", 404)],
)
async def test_there_is_nothing_else(house: House, method: str, path: str, status: int) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.request(method, f"{house.slack.bot_url}{path}")

    assert answer.status_code == status
    assert "server" not in answer.headers


async def test_a_browser_that_opens_the_bots_address_reads_what_it_is_and_no_secret(house: House) -> None:
    answer = await _get(house.slack.bot_url)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    for words in ("Opp Status", "/opp-status help", "/healthz", "/readyz", "README.md"):
        assert words in answer.text
    for secret in (HIGHLEVEL_TOKEN, BOT_TOKEN, SIGNING_SECRET, house.slack.team_id, house.highlevel.location_id):
        assert secret not in answer.text


async def test_slack_is_answered_also_where_its_request_url_ends_with_a_slash(house: House) -> None:
    house.slack.bot_path = f"{EVENTS}/"

    assert "> won " in (await house.says(f"{DEAL} won")).text


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    return build(
        Settings.from_env(
            {
                "SLACK_BOT_TOKEN": "xoxb-not-a-token",
                "SLACK_SIGNING_SECRET": "thisisnotasigningsecretofslacks0",
                "SLACK_API_URL": "http://127.0.0.1:1/",
                "HIGHLEVEL_TOKEN": "pit-not-a-token",
                "HIGHLEVEL_LOCATION_ID": "L",
                "DATABASE_URL": f"sqlite:///{tmp_path / 'ledger.db'}",
                "HOST": "127.0.0.1",
                "PORT": "0",
            }
        )
    )


def test_a_server_that_was_asked_to_stop_stops_and_a_second_interrupt_does_not_wait(bot: Bot) -> None:
    server = Server(config(bot))
    server.handle_exit(signal.SIGTERM, None)
    assert (server.should_exit, server.force_exit) == (True, False)
    server.handle_exit(signal.SIGTERM, None)
    assert server.force_exit is False
    server.handle_exit(signal.SIGINT, None)
    assert server.force_exit is True


async def test_a_server_that_was_asked_to_stop_ends_without_sending_itself_the_signal(bot: Bot) -> None:
    server = Server(config(bot))
    serving_it = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)

    await serving_it


class Hasty(BoundedProtocol):
    patience = 0.2


@pytest.mark.parametrize(
    "half",
    [b"", b"POST /slack/ev", b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"],
    ids=["nothing", "half a line", "half a body"],
)
async def test_a_sender_that_is_too_slow_is_hung_up_on(bot: Bot, half: bytes) -> None:
    hasty = config(bot)
    hasty.http = Hasty
    server = BackgroundServer(hasty)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving_it = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(half)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.end()
        await serving_it


# --- how many may connect ------------------------------------------------------------------------------------------


class Narrow(BoundedProtocol):
    most = 3


Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Clients:
    """Clients of a server that takes three connections; its `/busy` answers when the test says so."""

    def __init__(self, address: tuple[str, int], released: asyncio.Event) -> None:
        self.released = released
        self._address = address
        self._opened: list[asyncio.StreamWriter] = []

    async def connect(self, request: bytes = b"") -> Connected:
        reader, writer = await asyncio.open_connection(*self._address)
        self._opened.append(writer)
        writer.write(request)
        await asyncio.sleep(0.05)
        return reader, writer

    async def close(self) -> None:
        self.released.set()
        for writer in self._opened:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def narrow() -> AsyncIterator[Clients]:
    released = asyncio.Event()

    async def busy(_request: Request) -> Response:
        await released.wait()
        return PlainTextResponse("done")

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("alive")

    application = Starlette(routes=[Route("/busy", busy, methods=["GET", "POST"]), Route("/healthz", healthz)])
    server = BackgroundServer(uvicorn.Config(application, http=Narrow, log_config=None, timeout_keep_alive=60))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving_it = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        clients = Clients(listener.getsockname(), released)
        yield clients
        await clients.close()
        server.end()
        await serving_it


async def _answer(client: Connected) -> bytes:
    """What the client has read when the server has closed the connection, or said something."""
    async with asyncio.timeout(60):
        try:
            return await client[0].read(4096)
        except ConnectionError:
            return b""


async def test_the_connection_that_has_been_idle_longest_goes_first(narrow: Clients) -> None:
    first, second = await narrow.connect(), await narrow.connect(b"POST /busy HTTP/1.1\r\nContent-Len")
    third = await narrow.connect(WHOLE)
    assert b"alive" in await _answer(third)
    fourth = await narrow.connect(WHOLE)
    assert await _answer(first) == b""
    assert b"alive" in await _answer(fourth)
    fifth = await narrow.connect(WHOLE)
    assert await _answer(second) == b""
    assert b"alive" in await _answer(fifth)
    sixth = await narrow.connect(WHOLE)

    assert await _answer(third) == b""
    assert b"alive" in await _answer(sixth)


async def test_a_connection_at_work_is_not_idle_and_where_all_are_a_new_one_is_refused(narrow: Clients) -> None:
    at_work = [await narrow.connect(b"GET /busy HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(3)]
    refused = await narrow.connect(WHOLE)

    assert (await _answer(refused)).startswith(b"HTTP/1.1 503 ")
    narrow.released.set()
    for each in at_work:
        assert b"done" in await _answer(each)
    assert b"alive" in await _answer(await narrow.connect(WHOLE))


async def test_one_of_several_requests_in_a_row_that_is_answered_leaves_the_connection_at_work(narrow: Clients) -> None:
    at_work = [
        await narrow.connect(WHOLE + b"GET /busy HTTP/1.1\r\nHost: x\r\n\r\n"),
        *[await narrow.connect(b"GET /busy HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(2)],
    ]
    refused = await narrow.connect(WHOLE)

    assert (await _answer(refused)).startswith(b"HTTP/1.1 503 ")
    narrow.released.set()
    assert b"alive" in await _answer(at_work[0])


async def test_a_request_that_is_answered_before_it_is_whole_leaves_the_connection_idle(narrow: Clients) -> None:
    narrow.released.set()
    half = await narrow.connect(b"POST /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nha")
    assert b"done" in await _answer(half)
    half[1].write(b"lf")
    await asyncio.sleep(0.05)
    for _ in range(3):
        await narrow.connect()

    assert await _answer(half) == b""


@pytest.mark.parametrize(
    ("of", "connections", "waiting"), [(64, 32, 8), (256, 128, 32), (1024, 500, 128), (1_048_576, 500, 2048)]
)
def test_half_of_the_descriptors_are_kept_back(of: int, connections: int, waiting: int) -> None:
    assert (max_connections(of), max_waiting(of)) == (connections, waiting)
    assert connections + waiting < of


def test_the_limit_is_that_of_the_process() -> None:
    assert descriptors() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_slack_and_a_browser_have_the_time_that_they_need(bot: Bot) -> None:
    assert config(bot).http is BoundedProtocol
    assert BoundedProtocol.patience > ACKNOWLEDGE_WITHIN


async def test_a_port_that_is_taken_is_an_end_and_not_a_wait(bot: Bot) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        elsewhere = bot.settings.model_copy(update={"port": taken.getsockname()[1]})
        with pytest.raises(OSError, match="in use"):
            async with serving(build(elsewhere)):
                pass


def test_the_application_answers_at_the_path_of_the_manifest(bot: Bot) -> None:
    assert _paths(bot) == ["/", "/slack/events", "/slack/events/", *HEALTH]


def test_where_highlevel_is_connected_by_oauth_there_are_pages_for_it(tmp_path: Path) -> None:
    over_socket = {"SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": "xapp-not-a-token"}
    environ = {"SLACK_BOT_TOKEN": "xoxb-not-a-token", "HIGHLEVEL_LOCATION_ID": "L", **BY_OAUTH, **over_socket}
    bot = build(Settings.from_env(environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'ledger.db'}"}))

    assert _paths(bot) == ["/", INSTALL, INSTALL, CALLBACK, WEBHOOK, *HEALTH]


def _paths(bot: Bot) -> list[object]:
    return [getattr(route, "path", None) for route in app(bot).routes]


# --- many large requests at once -----------------------------------------------------------------------------------

HALF = f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_INTERACTION}\r\n\r\npayload=".encode()


async def test_of_many_large_requests_a_few_are_read_at_a_time_and_commands_go_on(house: House) -> None:
    host, port = house.slack.bot_url.removeprefix("http://").split(":")
    hogs = [(await asyncio.open_connection(host, int(port)))[1] for _ in range(LARGE_AT_ONCE)]
    for hog in hogs:
        hog.write(HALF + b"x" * (2 * MAX_COMMAND))
        await hog.drain()
    await asyncio.sleep(0.5)
    posted = await house.slack.post("日" * 5000, user=ANA, channel=SALES)
    house.slack.acknowledge_within = 60
    waits = asyncio.create_task(house.slack.shortcut(posted, "change_status", user=ANA))

    assert "> won " in (await house.says(f"{DEAL} won")).text
    assert not waits.done()
    hogs[0].close()
    answer = await waits
    assert answer is not None
    assert answer.status_code == 200
    for hog in hogs:
        hog.close()


async def test_endless_headers_are_hung_up_on_before_they_are_as_large_as_a_body_may_be(bot: Bot) -> None:
    async with serving(bot) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /slack/events HTTP/1.1\r\nX: " + b"x" * (MAX_HEADERS + 1))
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()

import asyncio
import gzip
import json
import math
import socket
import ssl
import traceback
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import httpx
import pytest
from aiohttp import web
from httpx_aiohttp import AiohttpTransport

from bot.http.client import HttpClient, failure, read_url
from bot.http.exchange import MAX_BODY, UNREADABLE, Answer, Body, Http, Request, RequestFailed, Why
from bot.http.pool import PROBES, kept_alive
from bot.simulator.bodies import Chunks, dripping, endless
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served
from tests.house import free_port
from tests.memory import ours

pytestmark = pytest.mark.jumping_clock

DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
DROPS = Fault(drops=True)
HEADERS = {"Authorization": "Bearer pit-not-a-token", "Version": "2021-07-28"}


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token("pit-not-a-token")
    highlevel.add_opportunity(DEAL)
    return highlevel


@pytest.fixture
async def url(highlevel: HighLevel) -> AsyncIterator[str]:
    async with served(highlevel.app()) as url:
        yield url


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with aclosing(HttpClient("tests")) as http:
        yield http


def _request(
    url: str, method: str = "GET", body: Body | None = None, *, patience: float = 5.0, connect: float = 5.0
) -> Request:
    until = asyncio.get_running_loop().time() + patience
    return Request(method, url, HEADERS, body or Body(), until=until, connect=connect)


def _put(url: str) -> Request:
    return _request(f"{url}/opportunities/{DEAL}/status", "PUT", Body.json({"status": "won"}))


def _get(url: str) -> Request:
    return _request(f"{url}/opportunities/{DEAL}")


async def _fails(http: Http, request: Request) -> Why:
    """Why there is no answer to this request."""
    with pytest.raises(RequestFailed) as caught:
        await http.send(request)
    return caught.value.why


def test_a_client_needs_no_event_loop_to_be_made() -> None:
    HttpClient("tests")


async def test_a_client_that_was_never_used_has_nothing_to_close() -> None:
    await HttpClient("tests").aclose()


async def test_a_request_is_answered(highlevel: HighLevel, http: HttpClient, url: str) -> None:
    assert (await http.send(_put(url))).status == 200
    answer = await http.send(_get(url))

    assert json.loads(answer.content)["opportunity"]["status"] == "won"
    assert answer.headers["content-type"].startswith("application/json")
    assert [request.headers["User-Agent"] for request in highlevel.received] == ["tests"] * 2


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("request_to", [_get, _put])
async def test_a_request_whose_connection_breaks_is_sent_once_and_counts_as_sent(
    highlevel: HighLevel, http: HttpClient, url: str, request_to: Callable[[str], Request], *, kept: bool
) -> None:
    if kept:
        await http.send(_get(url))
        highlevel.received.clear()
    highlevel.misbehave(DROPS)

    assert await _fails(http, request_to(url)) is Why.CUT_OFF
    assert len(highlevel.received) == 1


async def _ask_with(transport: AiohttpTransport, request: Request) -> httpx.Response:
    """Send a request as httpx-aiohttp does without what `HttpClient` adds."""
    asked = httpx.Request(request.method, request.url, headers=request.headers, content=request.body.content)
    asked.headers["Content-Type"] = request.body.kind
    asked.headers["User-Agent"] = "tests"
    response = await transport.handle_async_request(asked)
    await response.aclose()
    return response


async def test_aiohttp_as_it_comes_sends_again_if_a_kept_connection_breaks(highlevel: HighLevel, url: str) -> None:
    # This is why the client has `_once`. If this fails one day, aiohttp has changed, and it can go.
    async with aclosing(AiohttpTransport()) as transport:
        await _ask_with(transport, _get(url))
        highlevel.misbehave(Fault(drops=True, carries_out=True), method="PUT")
        assert (await _ask_with(transport, _put(url))).status_code == 200
    assert len(highlevel.writes()) == 2


async def test_httpx_aiohttp_as_it_comes_reports_a_broken_connection_as_never_made(
    highlevel: HighLevel, url: str
) -> None:
    async with aclosing(AiohttpTransport()) as transport:
        highlevel.misbehave(DROPS, times=math.inf)
        with pytest.raises(httpx.ConnectTimeout):
            await _ask_with(transport, _put(url))
    assert highlevel.writes()


async def test_after_a_broken_connection_the_next_request_gets_a_new_one(
    highlevel: HighLevel, http: HttpClient, url: str
) -> None:
    highlevel.misbehave(DROPS)

    assert await _fails(http, _put(url)) is Why.CUT_OFF
    assert (await http.send(_put(url))).status == 200


async def test_a_refused_connection_counts_as_never_made(http: HttpClient) -> None:
    assert await _fails(http, _request(f"http://127.0.0.1:{free_port()}/")) is Why.UNREACHABLE


async def test_a_name_that_is_not_known_is_told_as_that(http: HttpClient) -> None:
    assert await _fails(http, _request("http://nowhere.invalid/", patience=60, connect=60)) is Why.NAME_UNKNOWN


async def test_a_failed_tls_handshake_counts_as_a_connection_never_made(http: HttpClient, url: str) -> None:
    assert await _fails(http, _get(url.replace("http://", "https://"))) is Why.TLS_FAILED


@pytest.mark.parametrize("address", ["", "nonsense", "ftp://reply.example/", "http:///x", "http://a:b/"])
@pytest.mark.parametrize("gated", [False, True])
async def test_to_what_is_no_address_nothing_is_sent(http: HttpClient, address: str, *, gated: bool) -> None:
    request = Request("PUT", address, body=Body.json({}), until=math.inf, connect=5.0, may_send=ours if gated else None)

    assert await _fails(http, request) is Why.INVALID


async def test_a_late_answer_is_told_as_that_and_counts_as_sent(
    highlevel: HighLevel, http: HttpClient, url: str
) -> None:
    highlevel.misbehave(Fault(hangs=True))

    assert await _fails(http, _request(f"{url}/opportunities/{DEAL}", patience=0.1)) is Why.TIMED_OUT
    assert len(highlevel.received) == 1


async def test_a_request_to_a_server_that_is_not_http_counts_as_sent(http: HttpClient) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await _fails(http, _request(url)) is Why.CUT_OFF


async def test_a_request_beyond_the_pools_size_waits_and_counts_as_not_sent(highlevel: HighLevel, url: str) -> None:
    highlevel.misbehave(Fault(hangs=True), times=math.inf)
    async with aclosing(HttpClient("tests", pool_size=3)) as http:
        in_flight = [asyncio.ensure_future(http.send(_put(url))) for _ in range(3)]
        async with asyncio.timeout(60):
            while len(highlevel.received) < 3:
                await asyncio.sleep(0.01)

        hasty = _request(f"{url}/opportunities/{DEAL}", connect=0.2)
        assert await _fails(http, hasty) is Why.CONNECT_TIMED_OUT
        assert len(highlevel.received) == 3
        for task in in_flight:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_connections_are_kept_between_requests(http: HttpClient) -> None:
    peers: list[object] = []

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", note)
    async with served(app) as url:
        await http.send(_request(url))
        await http.send(_request(url))
    assert len(peers) == 2
    assert len(set(peers)) == 1


class Peers:
    """A server that notes each connection, and over which each request comes."""

    def __init__(self) -> None:
        self.opened = 0
        self.used: list[int] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def _answer(self, lines: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        number = self.opened
        self.opened += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await lines.readuntil(b"\r\n\r\n"):
                self.used.append(number)
                await self.may_answer.wait()
                answers.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        answers.close()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    async def wait_for(self, opened: int) -> None:
        while self.opened < opened:
            await asyncio.sleep(0.01)


async def test_the_connection_that_was_used_last_is_used_first(http: HttpClient) -> None:
    peers = Peers()
    async with peers.serving() as url:
        peers.may_answer.clear()
        first = asyncio.create_task(http.send(_request(url)))
        await peers.wait_for(opened=1)
        second = asyncio.create_task(http.send(_request(url)))
        await peers.wait_for(opened=2)
        peers.may_answer.set()
        await asyncio.gather(first, second)
        for _ in range(3):
            await http.send(_request(url))
        await http.aclose()

    assert len(set(peers.used[2:])) == 1
    assert peers.opened == 2


async def test_a_connection_is_opened_before_it_is_needed_unless_one_is_kept() -> None:
    peers = Peers()
    async with peers.serving() as url, aclosing(HttpClient("tests")) as http:
        for _ in range(2):
            http.expect(url)
        await peers.wait_for(opened=1)
        await asyncio.sleep(0.1)
        assert peers.used == []
        await http.send(_request(url))
        http.expect(url)
        await http.send(_request(url))
        await http.aclose()

    assert (peers.opened, peers.used) == (1, [0, 0])


async def test_a_connection_that_cannot_be_opened_before_it_is_needed_is_told_by_the_request() -> None:
    async with aclosing(HttpClient("tests")) as http:
        url = f"http://127.0.0.1:{free_port()}"
        http.expect(url)
        await asyncio.sleep(0.1)
        assert await _fails(http, _request(url)) is Why.UNREACHABLE


async def test_a_client_that_is_closed_opens_no_more_connections() -> None:
    peers = Peers()
    async with peers.serving() as url:
        http = HttpClient("tests")
        http.expect(url)
        await http.aclose()
        await asyncio.sleep(0.1)

    assert peers.opened == 0


def test_an_idle_connection_asks_whether_the_other_side_is_still_there() -> None:
    with kept_alive((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))) as opened:
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == PROBES["TCP_KEEPIDLE"]


async def test_a_proxy_in_the_environment_is_not_used(
    http: HttpClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert (await http.send(_get(url))).status == 200


async def test_no_cookies_are_kept(highlevel: HighLevel, http: HttpClient, url: str) -> None:
    highlevel.misbehave(Fault(status=200, headers={"Set-Cookie": "seen=yes; Path=/"}))
    for _ in range(2):
        await http.send(_request(url))
    assert not [request for request in highlevel.received if "cookie" in {name.lower() for name in request.headers}]


async def test_a_redirect_is_an_answer_like_any_other(highlevel: HighLevel, http: HttpClient, url: str) -> None:
    highlevel.misbehave(Fault(status=307, headers={"Location": "/elsewhere"}))

    assert (await http.send(_put(url))).status == 307
    assert len(highlevel.received) == 1


async def test_a_failure_shows_neither_the_address_nor_the_token(http: HttpClient) -> None:
    words = ["commands", "hidden"]
    with pytest.raises(RequestFailed) as caught:
        await http.send(_request(f"http://127.0.0.1:{free_port()}/{'/'.join(words)}"))

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "commands/hidden" not in shown
    assert "not-a-token" not in shown


@pytest.mark.parametrize(
    ("text", "scheme", "host", "has_credentials"),
    [
        ("https://Hooks.Slack.com/x", "https", "hooks.slack.com", False),
        ("HTTP://b\u00fccher.example:8080", "http", "xn--bcher-kva.example", False),
        ("https://hooks.slack.com@evil.example/", "https", "evil.example", True),
        ("nonsense", "", "", False),
    ],
)
def test_an_address_is_read(text: str, scheme: str, host: str, *, has_credentials: bool) -> None:
    url = read_url(text)

    assert (url.scheme, url.host, url.has_credentials) == (scheme, host, has_credentials)


@pytest.mark.parametrize("text", ["https://hooks.slack.com:port/", "http://[::1/", "https://a\x00/"])
def test_what_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        read_url(text)


# --- a request that is asked about ---------------------------------------------------------------------------------


@dataclass
class Wire:
    """What a server sees that answers every request with 204."""

    connections: int = 0
    received: bytes = b""
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while chunk := await reader.read(65536):
                self.received += chunk
                if self.received.endswith(b"}"):
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        finally:
            writer.close()
            self.closed.set()


def _gated(url: str, may_send: Callable[[], Awaitable[None]], *, patience: float = 60.0) -> Request:
    until = asyncio.get_running_loop().time() + patience
    body = Body.json({"status": "won", "name": "Zo\u00eb \ud800"})
    return Request("PUT", url, body=body, until=until, connect=60.0, may_send=may_send)


@asynccontextmanager
async def _served_by(wire: Wire) -> AsyncIterator[str]:
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_request_is_asked_about_when_it_has_a_connection_and_nothing_was_written(http: HttpClient) -> None:
    wire, asked = Wire(), 0

    async def may_send() -> None:
        nonlocal asked
        asked += 1
        while not wire.connections:
            await asyncio.sleep(0.01)
        before = wire.received
        await asyncio.sleep(1)
        assert wire.received == before

    async with _served_by(wire) as url:
        request = _gated(url, may_send)
        for _ in range(2):  # a request that is sent again is asked about again
            assert (await http.send(request)).status == 204

    assert asked == 2
    assert wire.received.count(b'{"status":"won","name":"Zo\\u00eb \\ud800"}') == 2
    assert b"chunked" not in wire.received.lower()


async def test_of_a_request_that_may_not_be_sent_nothing_is(http: HttpClient) -> None:
    wire, refusal = Wire(), RuntimeError("no longer ours")

    async def may_send() -> None:
        raise refusal

    async with _served_by(wire) as url:
        with pytest.raises(RuntimeError) as caught:
            await http.send(_gated(url, may_send))
        await wire.closed.wait()

    assert caught.value is refusal
    assert (wire.connections, wire.received) == (1, b"")


async def test_a_request_whose_time_ends_before_its_body_was_taken_counts_as_not_sent(http: HttpClient) -> None:
    wire = Wire()

    async def may_send() -> None:
        await asyncio.sleep(3600)

    async with _served_by(wire) as url:
        assert await _fails(http, _gated(url, may_send, patience=0.5)) is Why.CONNECT_TIMED_OUT
    assert wire.received == b""


async def test_a_request_whose_time_ends_after_its_body_was_taken_counts_as_sent(
    highlevel: HighLevel, http: HttpClient, url: str
) -> None:
    highlevel.misbehave(Fault(hangs=True))

    assert await _fails(http, _gated(f"{url}/opportunities/{DEAL}/status", ours, patience=0.5)) is Why.TIMED_OUT
    assert len(highlevel.received) == 1


# --- what an exception means ---------------------------------------------------------------------------------------

NEVER_SENT = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
}
TIMES_OUT = {
    httpx.TimeoutException,
    httpx.ConnectTimeout,
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.PoolTimeout,
    TimeoutError,
}


def _kinds(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for child in root.__subclasses__():
        yield from _kinds(child)


def _exception(kind: type[Exception]) -> Exception:
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("GET", "http://127.0.0.1")
        return httpx.HTTPStatusError("odd", request=request, response=httpx.Response(500, request=request))
    if kind in {httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead}:
        return kind()
    return kind("odd")


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for root in (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
        for kind in _kinds(root)
    ]
    + [OSError, RuntimeError, TimeoutError, ValueError],
)
def test_a_request_counts_as_sent_unless_it_certainly_was_not(kind: type[Exception]) -> None:
    sent = Why.TIMED_OUT if kind in TIMES_OUT else Why.CUT_OFF

    assert failure(_exception(kind), passed=None).sent == (kind not in NEVER_SENT)
    assert failure(_exception(kind), passed=True) is sent
    assert not failure(_exception(kind), passed=False).sent
    if kind not in NEVER_SENT:
        assert failure(_exception(kind), passed=None) is sent


def test_the_deepest_cause_tells_why_there_was_no_connection() -> None:
    for cause, meaning in (
        (socket.gaierror(-2, "Name or service not known"), Why.NAME_UNKNOWN),
        (ssl.SSLCertVerificationError(), Why.TLS_FAILED),
        (TimeoutError(), Why.CONNECT_TIMED_OUT),
        (ConnectionRefusedError(), Why.UNREACHABLE),
    ):
        chained = httpx.ConnectError("odd")
        chained.__cause__ = OSError()
        chained.__cause__.__context__ = cause
        assert failure(chained, passed=None) is meaning


# --- bounds --------------------------------------------------------------------------------------------------------


def _answering(status: int, headers: dict[str, str], chunks: Chunks) -> tuple[web.Application, list[int]]:
    """A server that answers so, and how many bytes it could send before the connection was closed."""
    sent: list[int] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        sent.append(0)
        with suppress(ConnectionError):
            async for chunk in chunks():
                await response.write(chunk)
                sent[-1] += len(chunk)
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    return app, sent


async def _read(app: web.Application, max_body: int = MAX_BODY) -> Answer:
    async with served(app) as url, aclosing(HttpClient("tests")) as http:
        return await http.send(replace(_request(url, patience=60.0, connect=60.0), max_body=max_body))


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_of_an_endless_answer_a_megabyte_is_read_and_the_status_still_counts(status: int) -> None:
    app, sent = _answering(status, {}, endless())
    answer = await _read(app)

    assert (answer.status, answer.content) == (status, UNREADABLE)
    assert sent[0] < 20_000_000  # what the two systems keep for a reader that does not read


@pytest.mark.parametrize(("size", "whole"), [(999, True), (1000, True), (1001, False), (5000, False)])
async def test_a_request_says_how_many_bytes_its_answer_may_have(size: int, *, whole: bool) -> None:
    app, _ = _answering(200, {}, endless(b"x" * size, 1))

    assert (await _read(app, max_body=1000)).content == (b"x" * size if whole else UNREADABLE)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-gzip", " GZip "])
@pytest.mark.parametrize(("size", "whole"), [(0, True), (999, True), (1000, True), (1001, False), (50_000_000, False)])
async def test_an_answer_that_is_compressed_all_the_same_is_bounded_by_what_is_in_it(
    encoding: str, size: int, *, whole: bool
) -> None:
    packed = zlib.compress(b"x" * size) if encoding == "deflate" else gzip.compress(b"x" * size)
    app, _ = _answering(200, {"Content-Encoding": encoding}, endless(packed, 1))
    answer = await _read(app, max_body=1000)

    assert answer.content == (b"x" * size if whole else UNREADABLE)
    assert "content-encoding" not in answer.headers


async def test_a_compressed_answer_that_never_gives_a_byte_is_bounded_too() -> None:
    empty = zlib.compressobj()
    start = empty.compress(b"") + empty.flush(zlib.Z_SYNC_FLUSH)
    app, _ = _answering(200, {"Content-Encoding": "deflate"}, _starting(start, b"\x00\x00\x00\xff\xff" * 10_000))

    assert (await _read(app)).content == UNREADABLE


def _starting(first: bytes, then: bytes) -> Chunks:
    async def chunks() -> AsyncIterator[bytes]:
        yield first
        async for chunk in endless(then)():
            yield chunk

    return chunks


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_an_answer_that_is_not_compressed_as_it_says_is_unreadable(encoding: str) -> None:
    app, _ = _answering(200, {"Content-Encoding": encoding}, endless(b'{"id": 1}', 1))

    assert (await _read(app)).content == UNREADABLE


async def test_an_answer_in_a_compression_that_is_not_known_is_left_as_it_is() -> None:
    app, _ = _answering(200, {"Content-Encoding": "zstd"}, endless(b"(/\xb5\xfd", 1))

    assert (await _read(app)).content == b"(/\xb5\xfd"


async def test_an_answer_that_breaks_off_counts_as_sent() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    app = web.Application()
    app.router.add_get("/", break_off)
    with pytest.raises(RequestFailed) as caught:
        await _read(app)
    assert caught.value.why is Why.CUT_OFF


async def test_an_answer_that_drips_ends_with_the_time_that_its_caller_gives(http: HttpClient) -> None:
    app, _ = _answering(200, {}, dripping(0.01))
    async with served(app) as url:
        assert await _fails(http, _request(url, patience=0.5)) is Why.TIMED_OUT

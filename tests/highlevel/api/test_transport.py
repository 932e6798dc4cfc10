import asyncio
import gzip
import math
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import aiohttp
import httpx
import pytest
from aiohttp import web
from httpx_aiohttp import AiohttpTransport

from bot.highlevel.api.transport import POOL_SIZE, UNREADABLE, pooled
from bot.simulator.bodies import Chunks, dripping, endless
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served
from tests.house import free_port

pytestmark = pytest.mark.jumping_clock

DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
DROPS = Fault(drops=True)
Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
PATIENT = httpx.Timeout(5.0)
HASTY = httpx.Timeout(5.0, connect=0.2, pool=0.2)


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
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with _http(url, pooled()) as http:
        yield http


def _http(url: str, transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    headers = {"Authorization": "Bearer pit-not-a-token", "Version": "2021-07-28", "User-Agent": "tests"}
    return httpx.AsyncClient(base_url=url, transport=transport, headers=headers, timeout=PATIENT)


async def _put(http: httpx.AsyncClient) -> httpx.Response:
    return await http.put(f"/opportunities/{DEAL}/status", json={"status": "won"})


async def _get(http: httpx.AsyncClient) -> httpx.Response:
    return await http.get(f"/opportunities/{DEAL}")


def test_a_pool_needs_no_event_loop_to_be_made() -> None:
    assert isinstance(pooled(), httpx.AsyncBaseTransport)


async def test_a_pool_that_was_never_used_has_nothing_to_close() -> None:
    await pooled().aclose()


async def test_a_request_is_answered(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    assert (await _put(http)).status_code == 200
    assert (await _get(http)).json()["opportunity"]["status"] == "won"
    assert len(highlevel.received) == 2


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("ask", [_get, _put])
async def test_a_request_whose_connection_breaks_is_sent_once_and_counts_as_sent(
    highlevel: HighLevel, http: httpx.AsyncClient, ask: Ask, *, kept: bool
) -> None:
    if kept:
        await _get(http)
        highlevel.received.clear()
    highlevel.misbehave(DROPS)
    with pytest.raises(httpx.ReadError) as caught:
        await ask(http)

    assert isinstance(caught.value.__cause__, aiohttp.ClientPayloadError)
    assert len(highlevel.received) == 1


async def test_aiohttp_as_it_comes_sends_again_if_a_kept_connection_breaks(highlevel: HighLevel, url: str) -> None:
    async with _http(url, AiohttpTransport()) as http:
        await _get(http)
        highlevel.misbehave(DROPS, method="PUT")
        assert (await _put(http)).status_code == 200
    assert len(highlevel.writes()) == 2


async def test_httpx_aiohttp_as_it_comes_reports_a_broken_connection_as_never_made(
    highlevel: HighLevel, url: str
) -> None:
    async with _http(url, AiohttpTransport()) as http:
        highlevel.misbehave(DROPS, times=math.inf)
        with pytest.raises(httpx.ConnectTimeout):
            await _put(http)
    assert highlevel.writes()


async def test_after_a_broken_connection_the_next_request_gets_a_new_one(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    highlevel.misbehave(DROPS)
    with pytest.raises(httpx.ReadError):
        await _put(http)
    assert (await _put(http)).status_code == 200


NEVER_MADE = (httpx.ConnectError, httpx.ConnectTimeout)
"""httpx-aiohttp raises the latter for every connection that was never made; only the cause says more."""


async def test_a_refused_connection_counts_as_never_made(http: httpx.AsyncClient) -> None:
    with pytest.raises(NEVER_MADE) as caught:
        await http.get(f"http://127.0.0.1:{free_port()}/")
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)


async def test_a_failed_tls_handshake_counts_as_a_connection_never_made(url: str) -> None:
    async with httpx.AsyncClient(transport=pooled(), timeout=60) as http:
        with pytest.raises(NEVER_MADE) as caught:
            await http.get(url.replace("http://", "https://"))
    assert isinstance(caught.value.__cause__, ssl.SSLError)


async def test_a_late_answer_is_a_timeout(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.misbehave(Fault(hangs=True))
    with pytest.raises(httpx.ReadTimeout):
        await http.get(f"/opportunities/{DEAL}", timeout=0.1)
    assert len(highlevel.received) == 1


async def test_a_request_to_a_server_that_is_not_http_counts_as_sent() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server, httpx.AsyncClient(transport=pooled()) as http:
        with pytest.raises(httpx.ReadError):
            await http.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_a_request_beyond_the_pools_size_waits_and_counts_as_not_sent(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    highlevel.misbehave(Fault(hangs=True), times=math.inf)
    in_flight = [asyncio.ensure_future(_put(http)) for _ in range(POOL_SIZE)]
    async with asyncio.timeout(60):
        while len(highlevel.received) < POOL_SIZE:
            await asyncio.sleep(0.01)
    with pytest.raises(httpx.ConnectTimeout):
        await http.get(f"/opportunities/{DEAL}", timeout=HASTY)

    assert len(highlevel.received) == POOL_SIZE
    for task in in_flight:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_connections_are_kept_between_requests() -> None:
    peers: list[object] = []

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", note)
    async with served(app) as url, httpx.AsyncClient(transport=pooled()) as http:
        await http.get(url)
        await http.get(url)
    assert len(peers) == 2
    assert len(set(peers)) == 1


async def test_a_proxy_in_the_environment_is_not_used(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert (await _get(http)).status_code == 200


async def test_the_transport_keeps_no_cookies(highlevel: HighLevel, url: str) -> None:
    transport = pooled()
    highlevel.misbehave(Fault(status=200, headers={"Set-Cookie": "seen=yes; Path=/"}))
    for _ in range(2):  # a client for each, because httpx keeps cookies itself
        response = await transport.handle_async_request(httpx.Request("GET", url, headers={"User-Agent": "tests"}))
        await response.aclose()
    await transport.aclose()
    assert not [request for request in highlevel.received if "cookie" in {name.lower() for name in request.headers}]


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


async def _read(app: web.Application, **extensions: int) -> httpx.Response:
    transport = pooled()
    async with served(app) as url:
        try:
            async with asyncio.timeout(60):
                return await transport.handle_async_request(httpx.Request("GET", url, extensions=extensions))
        finally:
            await transport.aclose()


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_of_an_endless_answer_a_megabyte_is_read_and_the_status_still_counts(status: int) -> None:
    app, sent = _answering(status, {}, endless())
    response = await _read(app)

    assert (response.status_code, response.content) == (status, UNREADABLE)
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
    response = await _read(app, max_body=1000)

    assert response.content == (b"x" * size if whole else UNREADABLE)
    assert "content-encoding" not in response.headers


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
    with pytest.raises(httpx.ReadError):
        await _read(app)


async def test_an_answer_that_drips_ends_with_the_time_that_its_caller_gives() -> None:
    app, _ = _answering(200, {}, dripping(0.01))
    async with served(app) as url:
        transport = pooled()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await transport.handle_async_request(httpx.Request("GET", url))
        await transport.aclose()

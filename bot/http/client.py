"""Sends requests over httpx and aiohttp: without their retries, and within bounds. The only file that knows httpx.

httpx sends over aiohttp's connections, which take a quarter of the CPU time of its own.
"""

import asyncio
import math
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from bot.http.exchange import UNREADABLE, Answer, Request, RequestFailed, Why
from bot.http.pool import KEEP_ALIVE, connect, session
from bot.http.proxies import Proxies

POOL_SIZE = 32


@dataclass(frozen=True, slots=True)
class Url:
    """An address, as the client reads it."""

    text: str
    scheme: str
    host: str
    """Lower case, and in ASCII."""
    has_credentials: bool
    """Whether there is something before an @; programs disagree on what the host is then."""


def read_url(text: str) -> Url:
    """An address, read by the same parser that sends requests to it. Raises `ValueError` if it is none."""
    try:
        url = _parsed(text)
    except httpx.InvalidURL as error:
        raise ValueError("no address") from error
    return Url(str(url), url.scheme, url.raw_host.decode("ascii"), bool(url.userinfo))


class HttpClient:
    """Implements `Http`. Its connections are opened by the first request. It reads no environment.

    `keep_alive`: seconds for which an idle connection is kept.
    """

    def __init__(
        self,
        user_agent: str,
        proxies: Proxies | None = None,
        pool_size: int = POOL_SIZE,
        keep_alive: float = KEEP_ALIVE,
    ) -> None:
        # `identity`: aiohttp would ask for compression, which may hide any size.
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._proxies = proxies or Proxies()
        # Not an `httpx.AsyncClient`: its cookies, redirects and merging of defaults, none of which is wanted here, cost
        # more than to send the request.
        self._direct = _transport(pool_size, keep_alive)
        self._proxied = self._direct
        if self._proxies.url:
            proxy = httpx.Proxy(self._proxies.url, headers=self._proxies.headers)
            self._proxied = _transport(pool_size, keep_alive, proxy)
        self._keep_alive = keep_alive
        self._used_at: dict[str, float] = {}
        """When each host was last used, on the event loop's clock."""
        self._connecting: set[asyncio.Task[None]] = set()

    async def send(self, request: Request) -> Answer:
        """See `Http`."""
        gate = _Gate(request.body.content, request.may_send) if request.may_send else None
        try:
            async with asyncio.timeout_at(request.until):
                return await self._exchange(request, gate)
        except Exception as error:
            if gate and gate.refused:
                raise gate.refused from None
            why = failure(error, passed=gate.passed if gate else None)
            if why is Why.NAME_UNKNOWN and self._proxies.lead_to(
                request.url
            ):  # only the proxy's name is looked up here
                why = Why.PROXY_REFUSED
            raise RequestFailed(why) from error

    def expect(self, url: str) -> None:
        """See `Http`."""
        host = _parsed(url).host
        now = asyncio.get_running_loop().time()
        if now - self._used_at.get(host, -math.inf) > self._keep_alive:
            self._used_at[host] = now
            task = asyncio.create_task(self._connect(url), name="connect")
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, url: str) -> None:
        transport = self._proxied if self._proxies.lead_to(url) else self._direct
        transport.client = transport.get_client()
        proxy = transport.proxy
        await connect(transport.client, url, str(proxy.url) if proxy else None, proxy.headers if proxy else None)

    async def aclose(self) -> None:
        """See `Http`."""
        for task in self._connecting:
            task.cancel()
        await self._direct.aclose()
        await self._proxied.aclose()

    async def _exchange(self, request: Request, gate: "_Gate | None") -> Answer:
        body = request.body
        headers = {**self._headers, **request.headers}
        if body.kind:
            headers |= {"Content-Type": body.kind, "Content-Length": str(len(body.content))}
        waits = {"connect": request.connect, "pool": request.connect}
        asked = httpx.Request(
            request.method,
            _parsed(request.url),
            headers=headers,
            content=gate or body.content,
            extensions={"timeout": waits},
        )
        transport = self._proxied if self._proxies.lead_to(request.url) else self._direct
        self._used_at[asked.url.host] = asyncio.get_running_loop().time()
        response = await transport.handle_async_request(asked)
        answer = Answer.read(response.status_code, response.headers.raw, b"")
        stream = cast(httpx.AsyncByteStream, response.stream)  # read through the response it costs twice as much
        try:
            content = await _whole(stream, answer.headers.get("content-encoding", ""), request.max_body)
        except (httpx.HTTPError, OSError) as error:  # some of httpx's mean that nothing was sent
            raise httpx.ReadError(type(error).__name__) from error
        finally:
            await stream.aclose()
        left = {name: value for name, value in answer.headers.items() if name not in _OF_THE_STREAM}
        return Answer(answer.status, left, content)


_parsed = lru_cache(100)(httpx.URL)
"""A change reads its deal twice, and to parse the address costs a tenth of what a request costs."""


_UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Without it httpx would read certificates of its own; see `session`."""


def _transport(pool_size: int, keep_alive: float, proxy: httpx.Proxy | None = None) -> AiohttpTransport:
    return AiohttpTransport(verify=_UNUSED, proxy=proxy, client=lambda: session(pool_size, keep_alive))


class _Gate:
    """A body, for httpx, that asks just before it leaves whether it may.

    aiohttp takes the first piece when it has a connection, and writes the head of the request together with it. So a
    refusal writes nothing; aiohttp then closes the connection.
    """

    def __init__(self, content: bytes, may_send: Callable[[], Awaitable[None]]) -> None:
        self._content = content
        self._may_send = may_send
        self.refused: Exception | None = None
        """What `may_send` raised. httpx raises an error of its own in its place."""
        self.passed = False
        """Whether the body was taken. If not, nothing was sent."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, in one piece."""
        try:
            await self._may_send()
        except Exception as error:
            self.refused = error
            raise
        self.passed = True
        yield self._content


# --- an answer's body ----------------------------------------------------------------------------------------------

_OF_THE_STREAM = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that are no longer true of a body that was read."""


async def _whole(stream: httpx.AsyncByteStream, encoding: str, most: int) -> bytes:
    """The body, decompressed; `UNREADABLE` if it has more than `most` bytes on its way, or decompressed."""
    compressed = encoding.strip().lower() in {"gzip", "x-gzip", "deflate"}
    inflate = zlib.decompressobj(32 + zlib.MAX_WBITS) if compressed else None  # 32: finds out which of the two it is
    body, received = bytearray(), 0
    async for chunk in stream:
        received += len(chunk)
        try:
            body += inflate.decompress(chunk, most + 1 - len(body)) if inflate else chunk
        except zlib.error:
            return UNREADABLE
        if max(received, len(body)) > most:
            return UNREADABLE
    return bytes(body)


# --- why there is no answer ----------------------------------------------------------------------------------------

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_MEANINGS = (
    (aiohttp.ClientProxyConnectionError, Why.PROXY_REFUSED),
    (aiohttp.ClientHttpProxyError, Why.PROXY_REFUSED),
    (ssl.SSLError, Why.TLS_FAILED),
    (socket.gaierror, Why.NAME_UNKNOWN),
    (TimeoutError, Why.CONNECT_TIMED_OUT),
    (httpx.InvalidURL, Why.INVALID),
    (httpx.UnsupportedProtocol, Why.INVALID),
    (ValueError, Why.INVALID),
)


def failure(error: Exception, *, passed: bool | None) -> Why:
    """What an exception of httpx's or aiohttp's means.

    `passed`: whether the body was taken to be sent; `None`: not known, and then a request counts as sent unless it
    certainly was not. To be wrong here costs one more read of the deal, and to be wrong the other way makes a change
    twice.
    """
    if not passed and (passed is not None or isinstance(error, _NEVER_SENT)):
        causes = tuple(_causes(error))
        return next((why for kind, why in _MEANINGS if any(isinstance(each, kind) for each in causes)), Why.UNREACHABLE)
    return Why.TIMED_OUT if isinstance(error, TimeoutError | httpx.TimeoutException) else Why.CUT_OFF


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

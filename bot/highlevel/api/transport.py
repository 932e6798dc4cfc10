"""Makes httpx send its requests over aiohttp, at a quarter of the CPU time: without its retries, and within bounds."""

import ssl
import zlib
from functools import cache

import aiohttp
import httpx
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from httpx_aiohttp import AiohttpTransport

MAX_BODY = 1_000_000
"""Bytes of an answer's body, decompressed, unless the request's extension `max_body` says another number."""

UNREADABLE = b"<unreadable>"
"""Stands for a body that is larger than it may be, or cannot be decompressed."""

POOL_SIZE = 32
KEEP_ALIVE = 30.0
"""Seconds an idle connection is kept; shorter than the minute after which common load balancers drop it."""


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Send a request only once, and make a connection that breaks a different error from one that was never made.

    aiohttp repeats a GET, and a PUT too, if a kept connection breaks before the answer
    (https://github.com/aio-libs/aiohttp/issues/10790): that could make a change twice. And httpx-aiohttp reports a
    connection that breaks after the request was sent as a *connect* timeout. As a payload error, such a break is not
    repeated by aiohttp, and becomes `httpx.ReadError`.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, TimeoutError):
        raise
    except (aiohttp.ClientError, OSError) as error:
        raise aiohttp.ClientPayloadError(type(error).__name__) from error


@cache
def _trusted() -> ssl.SSLContext:
    """The trusted certificates. They cost 20 ms and a megabyte, so all pools share them."""
    return httpx.create_ssl_context()


class BoundedTransport(httpx.AsyncBaseTransport):
    """Another transport, of whose answers at most so many bytes are read, and then the connection is closed.

    It returns whole answers: reading them is part of `handle_async_request`. A body that is too large, compressed or
    not, becomes `UNREADABLE`: the status still counts.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and read the whole answer. Raises `httpx.ReadError` if it breaks off."""
        request.headers["Accept-Encoding"] = "identity"  # aiohttp would ask for compression, which may hide any size
        response = await self._inner.handle_async_request(request)
        try:
            content = await _whole(response, request.extensions.get("max_body", MAX_BODY))
        except (httpx.HTTPError, OSError) as error:  # some of httpx's mean that nothing was sent
            raise httpx.ReadError(type(error).__name__) from error
        finally:
            await response.aclose()
        headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_STREAM]
        return httpx.Response(response.status_code, headers=headers, content=content, request=request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


_OF_THE_STREAM = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""Headers that are no longer true of a body that was read."""


async def _whole(response: httpx.Response, most: int) -> bytes:
    """The body, decompressed; `UNREADABLE` if it has more than `most` bytes on its way, or decompressed."""
    compressed = response.headers.get("content-encoding", "").strip().lower() in {"gzip", "x-gzip", "deflate"}
    inflate = zlib.decompressobj(32 + zlib.MAX_WBITS) if compressed else None  # 32: finds out which of the two it is
    body, received = bytearray(), 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        try:
            body += inflate.decompress(chunk, most + 1 - len(body)) if inflate else chunk
        except zlib.error:
            return UNREADABLE
        if max(received, len(body)) > most:
            return UNREADABLE
    return bytes(body)


def pooled() -> httpx.AsyncBaseTransport:
    """A transport with a connection pool of its own, opened by the first request. Ignores the environment's proxies."""
    context = _trusted()
    return BoundedTransport(
        AiohttpTransport(
            verify=context,
            client=lambda: aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=POOL_SIZE, keepalive_timeout=KEEP_ALIVE, ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_once,),
            ),
        )
    )

"""Makes httpx send its requests over aiohttp, at a quarter of the CPU time, and without aiohttp's retries."""

import ssl
from functools import cache

import aiohttp
import httpx
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from httpx_aiohttp import AiohttpTransport

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


def pooled() -> httpx.AsyncBaseTransport:
    """A transport with a connection pool of its own, opened by the first request. Ignores the environment's proxies."""
    context = _trusted()
    return AiohttpTransport(
        verify=context,
        client=lambda: aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=POOL_SIZE, keepalive_timeout=KEEP_ALIVE, ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_once,),
        ),
    )

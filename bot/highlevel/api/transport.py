"""The connections under httpx: aiohttp's, which cost a quarter of httpx's own, without their second tries."""

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
    """Send a request once, and tell a connection that was never made from one that broke.

    aiohttp repeats a GET, and a PUT too, when a kept connection breaks before the answer
    (https://github.com/aio-libs/aiohttp/issues/10790): a change might be made twice behind our back. And httpx-aiohttp
    calls a connection that breaks after the request has left a *connect* timeout. Naming such a break a payload error
    mends both: aiohttp does not repeat it, and httpx-aiohttp makes it `httpx.ReadError`.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, TimeoutError):
        raise
    except (aiohttp.ClientError, OSError) as error:
        raise aiohttp.ClientPayloadError(type(error).__name__) from error


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates we trust: 20 ms and a megabyte, so once for all pools."""
    return httpx.create_ssl_context()


def pooled() -> httpx.AsyncBaseTransport:
    """A transport with a pool of its own, opened at the first request. Proxies in the environment are not used."""
    context = _trusted()
    return AiohttpTransport(
        verify=context,
        client=lambda: aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=POOL_SIZE, keepalive_timeout=KEEP_ALIVE, ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_once,),
        ),
    )

"""The connections of the HTTP client, kept by aiohttp: how long, which is used first, and how a broken one is told."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

KEEP_ALIVE = 240.0
"""Seconds for which an idle connection is kept. Commands come minutes apart, and a new connection takes as long as two
or three answers. A server may have dropped it meanwhile, so a write comes after a read that went well, over the same:
the connection that was used last is used first."""
KEEP_ALIVE_FOR_WRITES = 30.0
"""The same where nothing is read before a write: shorter than the minute after which common load balancers drop it."""
CONNECT_PATIENCE = 3.0
"""Seconds for a connection that is opened before it is needed."""
PROBES = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds of silence before the first probe, seconds between two, and how many without an answer are too many.
https://man7.org/linux/man-pages/man7/tcp.7.html"""


def session(pool_size: int, keep_alive: float) -> aiohttp.ClientSession:
    """Make a pool of at most so many connections, each kept for so many idle seconds. It needs a running event loop.

    It trusts what the system trusts, as slack_sdk's connections do: aiohttp has read these certificates when it was
    imported, and to read another store takes 25 to 50 ms and a megabyte.
    """
    return aiohttp.ClientSession(
        connector=_LatestFirst(limit=pool_size, keepalive_timeout=keep_alive, socket_factory=kept_alive),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_once,),
    )


async def connect(
    pool: aiohttp.ClientSession, url: str, proxy: str | None, proxy_headers: Mapping[str, str] | None
) -> None:
    """Open a connection, and leave it to the next request. Raises nothing: that request will tell what is wrong."""
    with suppress(_Connected, aiohttp.ClientError, OSError):
        async with asyncio.timeout(CONNECT_PATIENCE):
            await pool.get(url, middlewares=(_only_connect,), proxy=proxy, proxy_headers=proxy_headers)


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Send a request only once, and make a connection that breaks a different error from one that was never made.

    aiohttp repeats a GET, and a PUT too, if a kept connection breaks before the answer
    (https://github.com/aio-libs/aiohttp/issues/10790): that could make a change twice. And httpx-aiohttp reports a
    connection that breaks after the request was sent as a *connect* timeout. As a payload error, such a break is not
    repeated by aiohttp, and becomes `httpx.ReadError`.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, TimeoutError):
        raise
    except (aiohttp.ClientError, OSError) as error:
        raise aiohttp.ClientPayloadError(type(error).__name__) from error


class _Connected(Exception):
    """There is a connection, and nothing was sent over it."""


async def _only_connect(request: ClientRequest, _handler: ClientHandlerType) -> ClientResponse:
    """Get a connection for a request, keep it for the next one, and send nothing."""
    connector = cast("aiohttp.BaseConnector", request.session.connector)  # `session` made it
    (await connector.connect(request, [], request.session.timeout)).release()
    raise _Connected


class _LatestFirst(aiohttp.TCPConnector):
    """Uses the connection again that was used last; aiohttp takes the one that has been idle longest."""

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        if connections := self._conns.get(key):
            connections.rotate(1)  # the last becomes the first
        return await super()._get(key, traces)


def kept_alive(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that asks after half a minute of silence whether the other side is still there, and notices if not.

    So nothing on the way forgets a connection that is idle, and the pool does not keep one that leads nowhere.
    """
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (each for each in PROBES if hasattr(socket, each)):  # macOS lacks the first
        opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), PROBES[option])
    return opened

"""Sends calls to HighLevel: the only place that holds a connection to it, and the only one that tries again."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self, TypeVar

import httpx
import stamina

from bot.highlevel.api import wire
from bot.highlevel.api.answers import Answer, read_limits
from bot.highlevel.api.clock import loop_time
from bot.highlevel.api.errors import (
    ConnectTimedOut,
    CutOff,
    HighLevelError,
    NameUnknown,
    NotSent,
    OutOfTime,
    TimedOut,
    TlsFailed,
    Unreachable,
)
from bot.highlevel.api.rate_limit import RateLimiter

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often to try, and the seconds for each attempt and between them."""

    most: int = 3
    connect: float = 3.0
    answer: float = 6.0
    pause: float = 0.2
    """Before the second attempt; doubled for the third, with as much again at random."""


class Client:
    """HighLevel, as one location's token sees it.

    Every call takes `until`, the event-loop time after which its answer is of no use, and raises `HighLevelError`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth: httpx.Auth,
        version: str,
        user_agent: str,
        transport: httpx.AsyncBaseTransport,
        attempts: Attempts,
        called: Callable[[str, int], None] = lambda _method, _status: None,
    ) -> None:
        # The Version header is required: without it the answer is 401. The User-Agent must be our own: the CDN bans
        # Python's. Both were seen by others, in no documentation.
        self._headers = httpx.Headers({"Version": version, "Accept": "application/json", "User-Agent": user_agent})
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._transport = transport
        self._version = version
        self._attempts = attempts
        self._called = called
        """Is told of each request: the method, and the status of the answer, 0 when none came or nothing left."""
        self.rate_limiter = RateLimiter()
        """How many requests HighLevel lets us make."""
        self.date, self.heard_at = "", 0.0
        """The `Date` header of the latest answer, empty for none, and our own Unix time when it came."""

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first call."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def opportunity(self, opportunity_id: str, *, until: float) -> wire.OpportunityRecord:
        """One opportunity, fresh: unlike the search, this shows a write at once."""
        return await self._call(wire.get_opportunity(opportunity_id), wire.read_opportunity, until)

    def reserve(self, calls: int, *, until: float) -> AbstractAsyncContextManager[None]:
        """Wait until HighLevel takes so many calls, and keep room for them. Entering raises `RateLimited`."""
        return self.rate_limiter.reserve(calls, until=until)

    async def put_status(
        self, opportunity_id: str, status: str, *, lost_reason_id: str | None = None, until: float
    ) -> str:
        """Set a status; returns HighLevel's trace id. Repeated only when the request was certainly not carried out."""
        return await self._call(wire.put_status(opportunity_id, status, lost_reason_id), wire.read_accepted, until)

    async def search(self, location_id: str, query: str, limit: int, *, until: float) -> wire.Found:
        """The location's opportunities that go by this, at most `limit`. It shows a write some seconds late."""
        call = wire.search_opportunities(location_id, query, limit, version=self._version)
        return await self._call(call, wire.read_found, until)

    async def lost_reasons(self, location_id: str, *, until: float) -> tuple[wire.LostReasonRecord, ...]:
        """The location's lost reasons. Some tokens may not read them."""
        return await self._call(wire.get_lost_reasons(location_id), wire.read_lost_reasons, until)

    async def pipelines(self, location_id: str, *, until: float) -> Mapping[str, wire.Pipeline]:
        """The location's pipelines by id."""
        return await self._call(wire.get_pipelines(location_id), wire.read_pipelines, until)

    async def user_name(self, user_id: str, *, until: float) -> str | None:
        """A user's name; `None` if they have none."""
        return await self._call(wire.get_user(user_id), wire.read_user_name, until)

    async def _call(self, call: wire.Call, read: Callable[[Answer], T], until: float) -> T:
        def again(error: Exception) -> bool | float:
            if not isinstance(error, HighLevelError) or not error.passing or (call.writes and error.perhaps_done):
                return False
            # A wait that the server asks for is not bounded by stamina's timeout, so it is by ours.
            wait = error.retry_after if error.retry_after is not None else self._attempts.pause
            if loop_time() + wait + self._attempts.connect > until:
                return False
            return True if error.retry_after is None else error.retry_after

        async def once() -> T:
            return read(await self._send(call, until))

        tries = stamina.AsyncRetryingCaller(
            attempts=self._attempts.most,
            timeout=None,
            wait_initial=self._attempts.pause,
            wait_jitter=self._attempts.pause,
        )
        return await tries(again, once)

    async def _send(self, call: wire.Call, until: float) -> Answer:
        async with self.rate_limiter.slot(until=until):
            left = until - loop_time()
            if left <= 0:
                raise OutOfTime
            connect = min(self._attempts.connect, left)
            patience = min(self._attempts.answer, left)
            request = httpx.Request(
                call.method,
                _parsed(self._base_url + call.path),
                params=call.query or None,
                headers=self._headers,
                json=call.body,
                extensions={"timeout": {"connect": connect, "pool": connect}},
            )
            try:
                answer = await fetch(self._transport, request, patience, self._auth)
            except HighLevelError:
                self._called(call.method, 0)
                raise
            self._called(call.method, answer.status)
            self.date, self.heard_at = answer.headers.get("date", ""), time.time()
            self.rate_limiter.observe(read_limits(answer))
        return answer


_parsed = lru_cache(100)(httpx.URL)
"""A deal is asked for twice, and to parse its address costs a tenth of what a request costs."""


async def fetch(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, patience: float, auth: httpx.Auth | None = None
) -> Answer:
    """Send a request, once, and read the whole answer, within so many seconds. Raises `HighLevelError`.

    `auth` proves who asks; without it nobody does. Not by `httpx.AsyncClient`: its cookies, redirects and merging of
    what is set for all requests, none of which is wanted here, cost more than to send the request.
    """
    answering = False
    try:
        async with asyncio.timeout(patience):
            response = await (_prove(transport, request, auth) if auth else transport.handle_async_request(request))
            answering = True
            try:
                content = await response.aread()
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise TimedOut from error
    except HighLevelError:  # there was nothing to prove it with, and it says so itself
        raise
    except Exception as error:
        raise failure(error, answering=answering) from error
    return Answer.read(response.status_code, response.headers.raw, content)


async def _prove(transport: httpx.AsyncBaseTransport, request: httpx.Request, auth: httpx.Auth) -> httpx.Response:
    """Send what `auth` makes of a request, and again as long as it is not content with the answer.

    https://www.python-httpx.org/advanced/authentication/#custom-authentication-schemes
    """
    flow = auth.async_auth_flow(request)
    try:
        ready = await anext(flow)
        while True:
            response = await transport.handle_async_request(ready)
            try:
                ready = await flow.asend(response)
            except StopAsyncIteration:
                return response
            except BaseException:
                await response.aclose()
                raise
            await response.aclose()
    finally:
        await flow.aclose()


_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def failure(error: Exception, *, answering: bool) -> HighLevelError:
    """What an exception of the transport means. `answering`: the head of an answer had already come.

    Whatever is not known to have stayed here is taken to have left: a wrong guess that way costs a look, the other way
    a change made twice.
    """
    if not answering and isinstance(error, _NEVER_SENT):
        return _not_sent(error)
    return TimedOut() if isinstance(error, httpx.TimeoutException) else CutOff()


def _not_sent(error: Exception) -> NotSent:
    chain = tuple(_causes(error))
    for kind, meaning in ((ssl.SSLError, TlsFailed), (socket.gaierror, NameUnknown), (TimeoutError, ConnectTimedOut)):
        if any(isinstance(cause, kind) for cause in chain):
            return meaning()
    return Unreachable()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

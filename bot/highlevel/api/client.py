"""Sends calls to HighLevel, within its rate limit, and repeats those that can be repeated safely."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self, TypeVar, assert_never
from urllib.parse import urlencode

import stamina

from bot.highlevel.api import wire
from bot.highlevel.api.answers import read_limits
from bot.highlevel.api.auth import Auth
from bot.highlevel.api.clock import loop_time
from bot.highlevel.api.errors import (
    ConnectTimedOut,
    CutOff,
    HighLevelError,
    NameUnknown,
    OutOfTime,
    TimedOut,
    TlsFailed,
    Unreachable,
)
from bot.highlevel.api.rate_limit import RateLimiter
from bot.highlevel.api.searches import Search, read_page, search, search_changed
from bot.highlevel.api.users import UserRecord, get_user, get_users, read_user, read_users
from bot.http.exchange import MAX_BODY, Answer, Body, Http, Request, RequestFailed, Why

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often to send a call. Durations are in seconds."""

    most: int = 3
    """Attempts, the first included."""
    connect: float = 3.0
    """For one attempt to connect."""
    answer: float = 6.0
    """For one attempt in all."""
    pause: float = 0.2
    """Before the second attempt; doubled before the third; each plus a random part of up to `pause`."""


class Client:
    """HighLevel's API, with the token of one location.

    Every call takes `until`, the event-loop time at which its caller stops waiting, and raises `HighLevelError`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth: Auth,
        version: str,
        http: Http,
        attempts: Attempts,
        called: Callable[[str, int, float], None] = lambda _method, _status, _seconds: None,
    ) -> None:
        # The Version header is required: without it the answer is 401. The User-Agent, which `http` sends, must not be
        # Python's, which the CDN bans. Other people's reports say both; HighLevel's documentation says neither.
        self._headers = {"Version": version, "Accept": "application/json"}
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._http = http
        self._version = version
        self._attempts = attempts
        self._called = called
        """Called for each request: its method, the answer's status (0 if there was none), and the seconds it took."""
        self.rate_limiter = RateLimiter()
        self.date, self.heard_at = "", 0.0
        """The `Date` header of the latest answer (empty before one), and our own Unix time when it came."""

    async def __aenter__(self) -> Self:
        """Open nothing: the first call connects."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def opportunity(self, opportunity_id: str, *, until: float) -> wire.OpportunityRecord:
        """One opportunity as it is now; unlike `search`, this shows a write at once."""
        read = partial(wire.read_opportunity, opportunity_id=opportunity_id)
        return await self._call(wire.get_opportunity(opportunity_id), read, until)

    def reserve(self, calls: int, *, until: float) -> AbstractAsyncContextManager[None]:
        """Reserve room for so many calls in the rate limit, for the calls inside. Entering raises `RateLimited`."""
        return self.rate_limiter.reserve(calls, until=until)

    async def put_status(
        self,
        opportunity_id: str,
        status: str,
        *,
        lost_reason_id: str | None = None,
        until: float,
        may_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Set a status; returns HighLevel's trace id. Sent again only if it was certainly not carried out before.

        `may_send` is asked each time, as late as can be: when there is a connection, and nothing was written to it. If
        it raises, nothing is sent, and what it raises is passed on.
        """
        call = wire.put_status(opportunity_id, status, lost_reason_id)
        return await self._call(call, wire.read_accepted, until, may_send)

    async def search(self, location_id: str, query: str, limit: int, *, until: float) -> wire.Found:
        """The location's opportunities that match this, at most `limit`. A write shows some seconds late."""
        call = wire.search_opportunities(location_id, query, limit, version=self._version)
        return await self._call(call, wire.read_found, until)

    async def searched(self, location_id: str, opportunity_id: str, *, until: float) -> wire.OpportunityRecord | None:
        """One opportunity as the search shows it: some seconds late, and with its lost reason. `None`: not found."""
        call = wire.search_opportunity(location_id, opportunity_id, version=self._version)
        found = await self._call(call, wire.read_found, until)
        return next((record for record in found.records if record.id == opportunity_id), None)

    async def changed(self, location_id: str, since: datetime | None, page: int, *, until: float) -> wire.Found:
        """The location's opportunities whose status has changed since then; see `searches.search_changed`."""
        return await self._call(search_changed(location_id, since, page), wire.read_found, until)

    async def page(self, location_id: str, asked: Search, *, until: float) -> wire.Found:
        """A page of the location's opportunities; see `searches.search`. A write shows some seconds late."""
        return await self._call(search(location_id, asked), read_page, until)

    async def lost_reasons(self, location_id: str, *, until: float) -> tuple[wire.LostReasonRecord, ...]:
        """The location's lost reasons. Some tokens may not read lost reasons."""
        return await self._call(wire.get_lost_reasons(location_id), wire.read_lost_reasons, until)

    async def pipelines(self, location_id: str, *, until: float) -> Mapping[str, wire.Pipeline]:
        """The location's pipelines by id."""
        read = partial(wire.read_pipelines, location_id=location_id)
        return await self._call(wire.get_pipelines(location_id), read, until)

    async def user(self, user_id: str, *, until: float) -> UserRecord:
        """A user. One who does not exist is `NotFound`."""
        return await self._call(get_user(user_id), partial(read_user, user_id=user_id), until)

    async def users(self, location_id: str, *, until: float) -> tuple[UserRecord, ...]:
        """The location's users. HighLevel may list none although there are some."""
        return await self._call(get_users(location_id), read_users, until)

    async def _call(
        self,
        call: wire.Call,
        read: Callable[[Answer], T],
        until: float,
        may_send: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        def again(error: Exception) -> bool | float:
            if not isinstance(error, HighLevelError) or not error.passing or (call.writes and error.perhaps_done):
                return False
            # Stamina's timeout would not bound a wait that HighLevel asks for.
            wait = error.retry_after if error.retry_after is not None else self._attempts.pause
            if loop_time() + wait + self._attempts.connect > until:
                return False
            return True if error.retry_after is None else error.retry_after

        failures: list[HighLevelError] = []

        async def once() -> T:
            if failures:
                raise failures.pop()
            return read(await self._send(call, until, may_send))

        try:
            return await once()
        except HighLevelError as error:
            failures.append(error)
        # Built only after a failure, which it meets as its first attempt: to build it costs a tenth of a request.
        tries = stamina.AsyncRetryingCaller(
            attempts=self._attempts.most,
            timeout=None,
            wait_initial=self._attempts.pause,
            wait_jitter=self._attempts.pause,
        )
        return await tries(again, once)

    async def _send(self, call: wire.Call, until: float, may_send: Callable[[], Awaitable[None]] | None) -> Answer:
        async with self.rate_limiter.slot(until=until):
            left = until - loop_time()
            if left <= 0:
                raise OutOfTime
            request = Request(
                call.method,
                self._base_url + call.path + (f"?{urlencode(call.query)}" if call.query else ""),
                self._headers,
                Body.json(call.body) if call.body else Body(),
                until=loop_time() + min(self._attempts.answer, left),
                connect=min(self._attempts.connect, left),
                max_body=call.max_body or MAX_BODY,
                may_send=may_send,
            )
            began = loop_time()
            try:
                answer = await fetch(self._http, request, self._auth)
            except Exception:
                self._called(call.method, 0, loop_time() - began)
                raise
            self._called(call.method, answer.status, loop_time() - began)
            self.date, self.heard_at = answer.headers.get("date", ""), time.time()
            self.rate_limiter.observe(read_limits(answer))
        return answer


async def fetch(http: Http, request: Request, auth: Auth | None = None) -> Answer:
    """Send a request and read the whole answer. `auth` authenticates the request, and may send it again.

    Raises `HighLevelError`, and what `request.may_send` raised.
    """
    try:
        return await (auth.send(request, http.send) if auth else http.send(request))
    except RequestFailed as error:
        raise failure(error.why) from error


def failure(why: Why) -> HighLevelError:
    """What it means for a call that there is no answer."""
    match why:
        case Why.INVALID | Why.UNREACHABLE | Why.PROXY_REFUSED:
            return Unreachable()
        case Why.NAME_UNKNOWN:
            return NameUnknown()
        case Why.TLS_FAILED:
            return TlsFailed()
        case Why.CONNECT_TIMED_OUT:
            return ConnectTimedOut()
        case Why.TIMED_OUT:
            return TimedOut()
        case Why.CUT_OFF:
            return CutOff()
        case _:
            assert_never(why)

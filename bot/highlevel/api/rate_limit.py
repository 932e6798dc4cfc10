"""Keeps to HighLevel's rate limit: every request takes a slot, and slots become free again after an interval."""

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bot.highlevel.api.answers import Limits
from bot.highlevel.api.clock import loop_time
from bot.highlevel.api.errors import Details, RateLimited, StillDown

LIMIT = 100
INTERVAL = 10.0
"""HighLevel takes `LIMIT` requests in an interval of so many seconds, until its answers say otherwise.
https://marketplace.gohighlevel.com/docs/oauth/Faqs"""
LONGEST_CLOSED = 300.0
"""Seconds after which the limiter opens again to find out, if HighLevel said that it takes no requests for longer."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many requests may be sent, for the metrics."""

    left: int
    """Requests that may be sent now."""
    most: int
    """Requests that HighLevel takes in an interval."""
    left_today: int | None
    """Requests left today, as the latest answer said; `None` before one did. It stays after midnight, until the next
    answer."""
    most_a_day: int | None
    """Requests that HighLevel takes in a day; `None` before an answer said so."""


@dataclass(eq=False, slots=True)
class _Reservation:
    """Slots that are reserved for the calls made in one context."""

    left: int


@dataclass(eq=False, slots=True)
class _Waiting:
    """A caller in the queue."""

    wanted: int
    granted: asyncio.Future[int]
    """How many slots the caller got."""


_reservation: ContextVar[_Reservation | None] = ContextVar("reservation", default=None)


def wait_for_own_slot() -> None:
    """Use no slot that is reserved in this context: what this task calls from now on waits for slots of its own."""
    _reservation.set(None)


class RateLimiter:
    """The slots of one location. A request takes one, and frees it `interval` seconds after its answer came.

    So there are never more than `limit` requests in any window of HighLevel's, whenever that window begins. Each answer
    says how many requests HighLevel counts as left: fewer than we know of mean that another program sent some, and they
    take slots as ours do. More than we know of are not believed, because answers overtake each other.

    After a 429 the limiter is closed for as long as HighLevel said: then it hands out no slots. After a 503 that says
    how long it lasts, what has not begun waits; a change that has begun goes on.
    """

    def __init__(self, limit: int = LIMIT, interval: float = INTERVAL, longest_closed: float = LONGEST_CLOSED) -> None:
        self._limit = limit
        self._interval = interval
        self._longest_closed = longest_closed
        self._reserved = 0
        """Slots that were granted, and have not been used yet."""
        self._in_flight = 0
        """Requests without an answer so far."""
        self._free_at: list[tuple[float, int]] = []
        """A heap of slots of answered requests, ours and other programs': when they become free, and how many."""
        self._taken = 0
        """How many slots are in the heap."""
        self._closed_until = self._day_over_until = self._down_until = float("-inf")
        self._day_ends: float | None = None
        self._left_today: int | None = None
        self._most_a_day: int | None = None
        self._queue: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def reserve(self, calls: int, *, until: float) -> AsyncIterator[None]:
        """Wait, first come first served, for slots for so many calls; the calls inside the block use them.

        Raises `RateLimited` if there are none by `until`: at once, when that is known already. Raises `StillDown` if
        HighLevel said that it is down for longer.
        """
        await self._up(until)
        reservation = _Reservation(await self._take(calls, until=until))
        token = _reservation.set(reservation)
        try:
            yield
        finally:
            _reservation.reset(token)
            self._reserved -= reservation.left
            reservation.left = 0
            self._serve()

    @asynccontextmanager
    async def slot(self, *, until: float) -> AsyncIterator[None]:
        """Send one request inside the block. It uses a slot of the reservation it is in, or waits for one.

        Raises `RateLimited` if there is none by `until`, and `StillDown`, as `reserve`; then nothing was sent.
        """
        reservation = _reservation.get()
        if reservation is None:
            await self._up(until)
        now = loop_time()
        has_one = reservation is not None and reservation.left > 0
        if reservation and has_one:
            reservation.left -= 1
            self._reserved -= 1
        # A reserved slot is worth nothing if another program has used it meanwhile, or if the limiter has closed.
        if not has_one or now < self._closed_until or self._in_flight + self._occupied(now) >= self._limit:
            await self._take(1, until=until, first=True)
            self._reserved -= 1
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._occupy(1)
            self._serve()

    def observe(self, limits: Limits) -> None:
        """Take over what an answer said. Call it inside `slot`, while the request still has its slot."""
        self._limit = limits.most or self._limit
        self._interval = limits.interval or self._interval
        self._most_a_day = limits.most_a_day or self._most_a_day
        if limits.left_today is not None:
            self._left_today = limits.left_today
        now = loop_time()
        if limits.remaining is not None:
            self._occupy(self._limit - limits.remaining - self._in_flight - self._occupied(now))
        if limits.closed_for is not None and not limits.day_is_over:
            self._closed_until = max(self._closed_until, now + min(limits.closed_for, self._longest_closed))
        if limits.down_for is not None:
            self._down_until = max(self._down_until, now + limits.down_for)
        if limits.day_is_over:
            self._day_ends = None if limits.closed_for is None else now + limits.closed_for
            self._day_over_until = min(now + self._longest_closed, self._day_ends or float("inf"))
            while self._queue:
                self._refuse(self._queue.popleft(), now)
        self._serve()

    def budget(self) -> Budget:
        """What is left now."""
        now = loop_time()
        closed = now < max(self._closed_until, self._day_over_until)
        left = 0 if closed else max(0, self._limit - self._reserved - self._in_flight - self._occupied(now))
        return Budget(left, self._limit, self._left_today, self._most_a_day)

    async def _up(self, until: float) -> None:
        """Wait until HighLevel is no longer down, as far as it said."""
        while (wait := self._down_until - loop_time()) > 0:
            if self._down_until > until:
                raise StillDown(retry_after=wait)
            await asyncio.sleep(wait)

    async def _take(self, wanted: int, *, until: float, first: bool = False) -> int:
        """Wait for slots, and reserve them: as many as wanted, or the whole limit if that is fewer. Returns how many.

        `first`: before all others in the queue.
        """
        now = loop_time()
        if now < self._day_over_until:
            raise self._daily(now)
        if self._closed_until > until:
            raise RateLimited(Details(), retry_after=self._closed_until - now, daily=False)
        waiting = _Waiting(wanted, asyncio.get_running_loop().create_future())
        # A single call belongs to a change that has begun, or to a check: it goes before changes that have not begun.
        (self._queue.appendleft if first else self._queue.append)(waiting)
        self._serve()
        try:
            async with asyncio.timeout_at(until):
                return await waiting.granted
        except TimeoutError:
            self._give_up(waiting)
            raise RateLimited(Details(), retry_after=max(self._next_chance() - loop_time(), 0.0), daily=False) from None
        except asyncio.CancelledError:
            self._give_up(waiting)
            raise

    def _give_up(self, waiting: _Waiting) -> None:
        if waiting in self._queue:
            self._queue.remove(waiting)
        elif not waiting.granted.cancelled() and waiting.granted.exception() is None:
            self._reserved -= waiting.granted.result()  # granted just as the caller gave up
        self._serve()

    def _serve(self) -> None:
        """Grant slots to the callers at the head of the queue, and set the timer for the next attempt."""
        now = loop_time()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._queue and now >= self._closed_until:
            wanted = min(self._queue[0].wanted, self._limit)
            if self._reserved + self._in_flight + self._occupied(now) + wanted > self._limit:
                break
            waiting = self._queue.popleft()
            if not waiting.granted.done():
                self._reserved += wanted
                waiting.granted.set_result(wanted)
        if self._queue:
            self._timer = asyncio.get_running_loop().call_at(self._next_chance(), self._serve)

    def _next_chance(self) -> float:
        """When to look again: when the limiter opens, or when the next slot becomes free."""
        now = loop_time()
        if now < self._closed_until:
            return self._closed_until
        return self._free_at[0][0] if self._free_at else now + self._interval

    def _occupy(self, slots: int) -> None:
        if slots > 0:
            heapq.heappush(self._free_at, (loop_time() + self._interval, slots))
            self._taken += slots

    def _occupied(self, now: float) -> int:
        """How many slots answered requests still take."""
        while self._free_at and self._free_at[0][0] <= now:
            self._taken -= heapq.heappop(self._free_at)[1]
        return self._taken

    def _refuse(self, waiting: _Waiting, now: float) -> None:
        if not waiting.granted.done():
            waiting.granted.set_exception(self._daily(now))

    def _daily(self, now: float) -> RateLimited:
        return RateLimited(Details(), retry_after=None if self._day_ends is None else self._day_ends - now, daily=True)

"""How many requests HighLevel lets us make, and when: places that are taken, and come free again."""

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bot.highlevel.api.answers import Limits
from bot.highlevel.api.clock import loop_time
from bot.highlevel.api.errors import Details, RateLimited

MOST = 100
INTERVAL = 10.0
"""So many requests in so many seconds, until HighLevel's answers say otherwise.
https://marketplace.gohighlevel.com/docs/oauth/Faqs"""
ASK_AGAIN = 300.0
"""Seconds after which somebody asks whether it is really still closed, whatever was said."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many requests there are, and how many are left."""

    left: int
    """That may be sent at this moment."""
    most: int
    """In an interval."""
    left_today: int | None
    """As the latest answer said; `None` before one did. It is not known to be another day before HighLevel says so."""
    most_a_day: int | None
    """Likewise."""


@dataclass(eq=False, slots=True)
class _Reservation:
    """Places that are kept for whoever works in this context."""

    left: int


@dataclass(eq=False, slots=True)
class _Waiting:
    wanted: int
    granted: asyncio.Future[int]


_reservation: ContextVar[_Reservation | None] = ContextVar("turn", default=None)


class RateLimiter:
    """The places of one location. A request takes one, and gives it back `interval` seconds after its answer came.

    So there are never more than `most` in any window of HighLevel's, whenever that begins. Its answers say how many
    there were: those we know nothing of were somebody else's, and take places as ours do. Answers overtake each other,
    so one that says there were fewer is not believed.
    """

    def __init__(self, most: int = MOST, interval: float = INTERVAL, ask_again: float = ASK_AGAIN) -> None:
        self._most = most
        self._interval = interval
        self._ask_again = ask_again
        self._kept = 0
        """For turns, and not used yet."""
        self._asking = 0
        """Without an answer so far."""
        self._free_at: list[float] = []
        """A heap: when each of the others comes free."""
        self._closed_until = self._day_over_until = float("-inf")
        self._day_ends: float | None = None
        self._left_today: int | None = None
        self._most_a_day: int | None = None
        self._queue: deque[_Waiting] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def reserve(self, calls: int, *, until: float) -> AsyncIterator[None]:
        """Wait, first come first served, for places for so many calls, and keep them for what is done inside.

        Raises `RateLimited` when there are none by then: at once, when that is known already.
        """
        reservation = _Reservation(await self._take(calls, until=until))
        token = _reservation.set(reservation)
        try:
            yield
        finally:
            _reservation.reset(token)
            self._kept -= reservation.left
            reservation.left = 0
            self._serve()

    @asynccontextmanager
    async def slot(self, *, until: float) -> AsyncIterator[None]:
        """Make one request inside. It has a place of the turn it belongs to, or waits for one, but not beyond `until`.

        Raises `RateLimited` when there is none by then; nothing was sent.
        """
        reservation, now = _reservation.get(), loop_time()
        has_one = reservation is not None and reservation.left > 0
        if reservation and has_one:
            reservation.left -= 1
            self._kept -= 1
        # A place that was kept is of no use when somebody else has used it, or when the door was closed.
        if not has_one or now < self._closed_until or self._asking + self._occupied(now) >= self._most:
            await self._take(1, until=until, first=True)
            self._kept -= 1
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            self._occupy(1)
            self._serve()

    def observe(self, limits: Limits) -> None:
        """Take note of what an answer said, while its request still has its place."""
        self._most = limits.most or self._most
        self._interval = limits.interval or self._interval
        self._most_a_day = limits.most_a_day or self._most_a_day
        if limits.left_today is not None:
            self._left_today = limits.left_today
        now = loop_time()
        if limits.remaining is not None:
            self._occupy(self._most - limits.remaining - self._asking - self._occupied(now))
        if limits.closed_for is not None and not limits.day_is_over:
            self._closed_until = max(self._closed_until, now + min(limits.closed_for, self._ask_again))
        if limits.day_is_over:
            self._day_ends = None if limits.closed_for is None else now + limits.closed_for
            self._day_over_until = min(now + self._ask_again, self._day_ends or float("inf"))
            while self._queue:
                self._refuse(self._queue.popleft(), now)
        self._serve()

    def budget(self) -> Budget:
        """What is left at this moment."""
        now = loop_time()
        closed = now < max(self._closed_until, self._day_over_until)
        left = 0 if closed else max(0, self._most - self._kept - self._asking - self._occupied(now))
        return Budget(left, self._most, self._left_today, self._most_a_day)

    async def _take(self, wanted: int, *, until: float, first: bool = False) -> int:
        """Keep places, as many as are wanted, or all there are if that is fewer."""
        now = loop_time()
        if now < self._day_over_until:
            raise self._daily(now)
        if self._closed_until > until:
            raise RateLimited(Details(), retry_after=self._closed_until - now, daily=False)
        waiting = _Waiting(wanted, asyncio.get_running_loop().create_future())
        # A single call is of somebody at a deal already, or only asks how things are: before those who have not begun.
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
        elif not waiting.granted.cancelled() and waiting.granted.exception() is None:  # granted at the very moment
            self._kept -= waiting.granted.result()
        self._serve()

    def _serve(self) -> None:
        """Let in who can be let in, and set the alarm for the next."""
        now = loop_time()
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        while self._queue and now >= self._closed_until:
            wanted = min(self._queue[0].wanted, self._most)
            if self._kept + self._asking + self._occupied(now) + wanted > self._most:
                break
            waiting = self._queue.popleft()
            if not waiting.granted.done():
                self._kept += wanted
                waiting.granted.set_result(wanted)
        if self._queue:
            self._alarm = asyncio.get_running_loop().call_at(self._next_chance(), self._serve)

    def _next_chance(self) -> float:
        """When it is worth looking again: the door opens, or a place comes free."""
        now = loop_time()
        if now < self._closed_until:
            return self._closed_until
        return self._free_at[0] if self._free_at else now + self._interval

    def _occupy(self, places: int) -> None:
        for _ in range(places):
            heapq.heappush(self._free_at, loop_time() + self._interval)

    def _occupied(self, now: float) -> int:
        while self._free_at and self._free_at[0] <= now:
            heapq.heappop(self._free_at)
        return len(self._free_at)

    def _refuse(self, waiting: _Waiting, now: float) -> None:
        if not waiting.granted.done():
            waiting.granted.set_exception(self._daily(now))

    def _daily(self, now: float) -> RateLimited:
        return RateLimited(Details(), retry_after=None if self._day_ends is None else self._day_ends - now, daily=True)

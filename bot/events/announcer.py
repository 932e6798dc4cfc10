"""Hands changes made in HighLevel on to be posted, when their time has come."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from bot.commands.instrumentation import Instrumentation
from bot.deals.ports import StoreDown, StoreRefused
from bot.events.ports import Announcements, EventWords
from bot.events.posting import Pace, pause, plan
from bot.events.watch import Watch
from bot.events.worker import EventTiming

log = structlog.get_logger(__name__)

NEXT_LOOK = 0.05
"""Seconds until the next look, where some of what was due still waits."""


class Announcer:
    """Decides what is posted. `posting`: called when a message is ready, for the worker to deliver."""

    def __init__(
        self,
        announcements: Announcements,
        words: EventWords,
        watch: Watch,
        posting: Callable[[], None],
        instrumentation: Instrumentation,
        timing: EventTiming,
    ) -> None:
        self._announcements = announcements
        self._words = words
        pace = Pace(timing.gather, timing.calm, timing.longest_wave)
        self._pause = partial(pause, pace=pace, quiet_hours=watch.quiet_hours)
        self._decide = partial(plan, pace=pace, quiet_hours=watch.quiet_hours)
        self._posting = posting
        self._instrumentation = instrumentation
        self._timing = timing
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once: a change waits to be posted."""
        self._woken.set()

    async def tend(self) -> None:
        """Hand on what is due, until cancelled."""
        while True:
            self._woken.clear()
            seconds = self._timing.look
            try:
                seconds = await self._look()
            except (StoreDown, StoreRefused):  # `storage.database` logs it
                pass
            except Exception:
                log.exception("announcer.broken")
            try:
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _look(self) -> float:
        """Hand on what is due; returns the seconds until the next look."""
        released, seconds = await self._announcements.release(self._pause, self._decide, self._words)
        for each in released:
            self._instrumentation.judged(each.verdict, each.lag if each.is_posted else None)
        if any(each.is_posted for each in released):
            self._posting()
        return min(seconds, self._timing.look) or NEXT_LOOK

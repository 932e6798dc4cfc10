"""Takes events in: writes them down, wakes the worker that reads their deals, and counts what came."""

import asyncio
from collections import Counter
from collections.abc import Callable

from bot.commands.instrumentation import Instrumentation
from bot.deals.ports import StoreDown, StoreRefused
from bot.events.event import Event, Reception, Source
from bot.events.ports import Counts, Intake

SAVE_EVERY = 10.0
"""Seconds between two times that counts are written down."""


class EventReception:
    """Takes events in from all sources. `wake`: called when there is something to read."""

    def __init__(
        self, intake: Intake, counts: Counts, instrumentation: Instrumentation, wake: Callable[[], None]
    ) -> None:
        self._intake = intake
        self._counts = counts
        self._instrumentation = instrumentation
        self.wake = wake
        """Called when there is something to read."""
        self._counted: Counter[tuple[Source, Reception]] = Counter()
        """What is not in the database yet: a flood of refused requests must not become a flood of rows."""

    async def receive(self, event: Event) -> Reception:
        """Write an event down; once this returns `RECEIVED` or `REPEATED`, it is not lost. Never raises."""
        try:
            is_new = await self._intake.receive(event)
        except StoreDown:
            return self.note(event.source, Reception.NOT_STORED)
        except StoreRefused:  # it would be refused again, however often HighLevel sends it
            return self.note(event.source, Reception.UNREADABLE)
        if is_new:
            self.wake()
        return self.note(event.source, Reception.RECEIVED if is_new else Reception.REPEATED)

    def note(self, source: Source, reception: Reception) -> Reception:
        """Count what was done with a request; returns it."""
        self._counted[source, reception] += 1
        self._instrumentation.notified(source, reception)
        return reception

    async def tend(self) -> None:
        """Write down every few seconds what was counted; until cancelled."""
        while True:
            await asyncio.sleep(SAVE_EVERY)
            await self.save_counts()

    async def save_counts(self) -> None:
        """Write down what was counted; if the database is away, the next time. Never raises."""
        counted, self._counted = self._counted, Counter()
        try:
            if counted:
                await self._counts.add(counted)
        except (StoreDown, StoreRefused):
            self._counted += counted

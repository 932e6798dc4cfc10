"""Makes the report of a week: reads the figures, and finds what they are compared with."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.schedule.calendar import Calendar
from bot.schedule.digest.figures import Sent
from bot.schedule.digest.periods import Week, last_seven_days
from bot.schedule.digest.ports import Digests, FigureReader
from bot.schedule.digest.report import Report

OVERLAP = timedelta(hours=12)
"""By which the week of an earlier digest may reach into this one: an operator may post earlier in the day now."""
LONG_AGO = timedelta(days=28)
"""How long before the week an earlier digest may have ended: what is older is nothing to compare with."""
READ_WITHIN = 300.0
"""Seconds to read the figures. Once the day's allowance is used up, there is no room for hours."""


class Reports:
    """Makes reports. `stuck_days`: an open deal that has not moved for so many days is stuck; 0: none is."""

    def __init__(self, figures: FigureReader, digests: Digests, calendar: Calendar, stuck_days: int) -> None:
        self._figures = figures
        self._digests = digests
        self._calendar = calendar
        self._stuck_days = stuck_days

    async def lately(self, locations: Sequence[str]) -> Report:
        """The report of the last seven days. Raises what `of` raises."""
        return await self.of(locations, last_seven_days(self._calendar.now()))

    async def of(self, locations: Sequence[str], week: Week) -> Report:
        """The report of these sub-accounts, one or more.

        Raises `CrmError` and `StoreDown`, and `TimeoutError` if HighLevel leaves no room for so many calls.
        """
        now = self._calendar.now()
        earlier = await self._earlier(locations, week)
        stuck_before = now - timedelta(days=self._stuck_days) if self._stuck_days else None
        reading = [asyncio.create_task(self._figures.read(each, week, stuck_before)) for each in locations]
        try:
            async with asyncio.timeout(READ_WITHIN):
                read = await asyncio.gather(*reading)
        finally:  # if one fails, the others cost no more calls
            for each in reading:
                each.cancel()
        return Report(week, now, dict(zip(locations, read, strict=True)), earlier)

    async def _earlier(self, locations: Sequence[str], week: Week) -> Sent | None:
        """The latest digest that ended about when this week began, or before, and has all these sub-accounts."""
        sent = await self._digests.sent(week.since + OVERLAP)
        return next((each for each in sent if _is_recent(each, week.since) and each.of(locations)), None)


def _is_recent(sent: Sent, since: datetime) -> bool:
    return since - LONG_AGO <= sent.week.until <= since + OVERLAP

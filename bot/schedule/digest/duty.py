"""Writes down when each digest is due, a week ahead, and makes it when its time has come."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime

import structlog

from bot.access.rules import Caller
from bot.deals.ports import CrmError, StoreDown, StoreRefused
from bot.schedule.calendar import Calendar
from bot.schedule.digest.periods import Digest
from bot.schedule.digest.ports import Digests, DigestWords
from bot.schedule.digest.reports import Reports
from bot.schedule.due import Due, Ending, Kind, NotNow, Planned, Posting

log = structlog.get_logger(__name__)

LATEST = 86_400.0
"""Seconds after which a digest is not posted any more: its week is no news."""
NOT_OURS = 60.0
"""Seconds until a digest that is not in this process's settings is looked at again: another's may have it."""


class DigestPlanner:
    """Writes down when each digest is due next. `every`: seconds between two looks.

    A digest is due only if this was written down before. So one that is new in the settings is not posted for a time
    that has passed, and one that came due while no process ran is posted late.
    """

    def __init__(self, digests: Sequence[Digest], plans: Digests, calendar: Calendar, every: float) -> None:
        self._digests = digests
        self._plans = plans
        self._calendar = calendar
        self._every = every
        self._planned: list[Planned] = []
        """What this process has written down last."""

    async def tend(self) -> None:
        """Write down what is due next, until cancelled; return at once if there are no digests."""
        while self._digests:
            wanted = [planned_after(self._calendar.now(), digest) for digest in self._digests]
            if wanted != self._planned:
                try:
                    await self._plans.plan(wanted)
                    self._planned = wanted
                except (StoreDown, StoreRefused):  # `storage.database` logs it
                    pass
            await asyncio.sleep(self._every)


def planned_after(moment: datetime, digest: Digest) -> Planned:
    """The first of this digest that is due later than this moment, as it is written down."""
    day = digest.due_after(moment)
    return Planned(digest.key(day), Kind.DIGEST, digest.due_on(day), Caller("", "", digest.channel_id))


class DigestDuty:
    """The `Duty` for digests. `locations`: the ids of all sub-accounts."""

    kind = Kind.DIGEST

    def __init__(
        self, digests: Sequence[Digest], locations: Sequence[str], reports: Reports, words: DigestWords
    ) -> None:
        self._digests = digests
        self._locations = locations
        self._reports = reports
        self._words = words

    async def prepare(self, due: Due) -> Posting | Ending:
        """See `Duty`."""
        if due.late > LATEST:
            log.error("digest.dropped", channel=due.planned.caller.channel_id, late=round(due.late))
            return Ending.MISSED
        found = self._find(due.key)
        if found is None:
            raise NotNow(NOT_OURS, failed=False)
        digest, day = found
        locations = [digest.location_id] if digest.location_id else self._locations
        try:
            report = await self._reports.of(locations, digest.week_to(day))
        except CrmError as error:
            log.warning("digest.unread", channel=digest.channel_id, cause=error.trouble.cause.value)
            raise NotNow(error.trouble.retry_after or 0.0) from error
        except TimeoutError as error:
            log.warning("digest.unread", channel=digest.channel_id, cause="out_of_time")
            raise NotNow from error
        return Posting(self._words.posted(report), digest.channel_id, insists=True, kept=report.kept)

    def _find(self, key: str) -> tuple[Digest, date] | None:
        """The digest that has this key, and its day; `None` if it is no longer in the settings."""
        return next(((digest, day) for digest in self._digests if (day := digest.day_of(key))), None)

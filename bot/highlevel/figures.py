"""Reads the figures of a digest: page by page, keeping sums, in at most `MOST_CALLS` calls."""

import asyncio
import heapq
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.deals.clock import loop_time
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError
from bot.highlevel.api.searches import MOST_PAGED, MOST_SEARCHED, Field, Search, Span
from bot.highlevel.crm import Page
from bot.highlevel.reading import READ_PATIENCE, DealReader
from bot.schedule.digest.figures import STUCK_SHOWN, UNREASONED_SHOWN, Count, Figures, Tally, Totals, status_since
from bot.schedule.digest.periods import Week

CLOSED_PAGES = 10
"""Pages of deals that were won in the week, and of those that were lost, which are read at most: 5,000 of each."""
OPEN_PAGES = MOST_PAGED // MOST_SEARCHED
"""Pages of open deals that are read at most: HighLevel gives no more than 10,000 page by page."""
MOST_OWNERS = 12
"""Owners whose names are read, besides those of stuck deals. The deals of the others are counted together."""
MOST_CALLS = 2 * CLOSED_PAGES + OPEN_PAGES + MOST_OWNERS + STUCK_SHOWN + 2
"""Calls for one sub-account: these pages and names, the stuck deals, and the pipelines."""
INSTANT = timedelta(milliseconds=1)
"""HighLevel's ranges include their ends, and count in milliseconds."""


class HighLevelFigures:
    """`FigureReader` over HighLevel. `room`: seconds between two looks whether the rate limit has room."""

    def __init__(self, deals: DealReader, room: float) -> None:
        self._deals = deals
        self._room = room

    async def read(self, location_id: str, week: Week, stuck_before: datetime | None) -> Figures:
        """See `FigureReader`.

        The most valuable deals come first. So where not all can be read, the sum of those that are is one that can be
        told: all together are worth that or more.
        """
        reading = _Reading(self, location_id)
        in_week = (Span(Field.STATUS_CHANGED, week.since, week.until - INSTANT),)
        won = await reading.tally(Status.WON, in_week, CLOSED_PAGES)
        lost = await reading.tally(Status.LOST, in_week, CLOSED_PAGES)
        still_open = await reading.tally(Status.OPEN, (), OPEN_PAGES)
        knows_all_open = reading.count.read[Status.OPEN] >= still_open.count
        statuses = {Status.WON, Status.LOST} | ({Status.OPEN} if knows_all_open else set())
        stuck, all_stuck = await self._stuck(location_id, stuck_before) if stuck_before else ((), 0)
        owners = await self._owners(location_id, reading.count, stuck)
        await self._wait(location_id)
        pipelines = await self._deals.crms[location_id].pipeline_names(until=loop_time() + READ_PATIENCE)
        return Figures(
            totals=Totals(won, lost, still_open),
            pipelines=reading.count.by_pipeline(pipelines, statuses),
            owners=reading.count.by_owner(owners, statuses),
            knows_all_open=knows_all_open,
            stuck=tuple([await self._described(location_id, deal) for deal in stuck]),
            all_stuck=all_stuck,
            unreasoned=tuple(sorted(reading.unreasoned.values(), key=status_since, reverse=True)),
            all_unreasoned=reading.all_unreasoned,
        )

    async def page(self, location_id: str, asked: Search) -> Page:
        """Read a page as soon as there is room. Raises `CrmError`."""
        await self._wait(location_id)
        return await self._deals.crms[location_id].page(asked, until=loop_time() + READ_PATIENCE)

    async def _wait(self, location_id: str) -> None:
        while not self._deals.has_room(location_id):  # noqa: ASYNC110 - the limit has no event for that
            await asyncio.sleep(self._room)

    async def _stuck(self, location_id: str, before: datetime) -> tuple[tuple[Opportunity, ...], int]:
        spans = (Span(Field.STAGE_CHANGED, until=before), Span(Field.STATUS_CHANGED, until=before))
        asked = Search(Field.STAGE_CHANGED, ((Field.STATUS, Status.OPEN),), spans, limit=STUCK_SHOWN)
        found = await self.page(location_id, asked)
        return found.deals, found.total

    async def _owners(self, location_id: str, count: Count, stuck: tuple[Opportunity, ...]) -> Mapping[str, str]:
        """The names of the owners with the most deals, and of those whose deals are stuck, by id."""
        crm, names = self._deals.crms[location_id], {}
        wanted = [*count.owners(MOST_OWNERS), *(deal.owner_id for deal in stuck if deal.owner_id)]
        for owner_id in dict.fromkeys(wanted):
            await self._wait(location_id)
            if name := await crm.users.name(owner_id, loop_time() + READ_PATIENCE):
                names[owner_id] = name
        return names

    async def _described(self, location_id: str, deal: Opportunity) -> Opportunity:
        """The deal with its names, which are known by now."""
        return await self._deals.crms[location_id].describe(deal, until=loop_time() + READ_PATIENCE)


class _Reading:
    """What was read so far."""

    def __init__(self, pages: HighLevelFigures, location_id: str) -> None:
        self._pages = pages
        self._location_id = location_id
        self.count = Count()
        self.unreasoned: dict[str, Opportunity] = {}
        self.all_unreasoned = 0

    async def tally(self, status: Status, spans: tuple[Span, ...], most_pages: int) -> Tally:
        """Count the deals with this status, page by page. Raises `CrmError`."""
        asked = Search(Field.VALUE, ((Field.STATUS, status),), spans, descending=True)
        total, read = 0, _Order()
        for page in range(1, most_pages + 1):
            found = await self._pages.page(self._location_id, replace(asked, page=page))
            total = found.total if page == 1 else total
            for deal in found.deals:
                if deal.status != status:  # the search did not do what it was asked: no figure of it can be told
                    raise CrmError(Trouble(Cause.UNREADABLE), perhaps_done=False, answered=True)
                self.count.add(deal)
                read.add(deal.value or 0.0)
                if status is Status.LOST and not deal.lost_reason_id:
                    self._without_reason(deal)
            if page * MOST_SEARCHED >= total:
                break
        some_left = self.count.read[status] < total and not read.ends_at_nothing
        return Tally(total, self.count.value(status), at_least=some_left)

    def _without_reason(self, deal: Opportunity) -> None:
        self.all_unreasoned += 1
        kept = heapq.nlargest(UNREASONED_SHOWN, (*self.unreasoned.values(), deal), key=status_since)
        self.unreasoned = {each.id: each for each in kept}


class _Order:
    """Whether values came as they were asked for, the highest first, and how they end."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._last = 0.0
        self._falls = True

    def add(self, value: float) -> None:
        """Take the next value."""
        if self._first is None:
            self._first = value
        else:
            self._falls = self._falls and value <= self._last
        self._last = value

    @property
    def ends_at_nothing(self) -> bool:
        """Whether they fall to nothing, so that what comes behind them is worth nothing too."""
        return self._falls and self._last <= 0 < (self._first or 0.0)

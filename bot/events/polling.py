"""Asks HighLevel for changes now and then, where nothing else tells the bot of them, or not reliably."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from bot.deals.deal import Opportunity
from bot.deals.ports import CrmError, StoreDown, StoreRefused
from bot.events.event import Event, Kind, Reception, Source
from bot.events.ports import Deals, Polls
from bot.events.reception import EventReception

log = structlog.get_logger(__name__)

OVERLAP = timedelta(minutes=2)
"""By how much a poll goes back behind the latest change that it knows: the search shows a change some seconds late."""
PAGE = 100
"""Deals in an answer; fewer are the last."""
MOST_PAGES = 50
"""Pages of one poll. What is left comes with the next."""
LONGEST_LOOK = 15.0
"""Seconds between two looks whether it is time, at most."""


class Polling:
    """Asks every `every` seconds, in each sub-account, in one process at a time. `room`: see `EventTiming`."""

    def __init__(
        self,
        polls: Polls,
        deals: Deals,
        reception: EventReception,
        *,
        locations: Collection[str],
        every: float,
        room: float,
    ) -> None:
        self._polls = polls
        self._deals = deals
        self._reception = reception
        self._locations = sorted(locations)
        self._every = every
        self._room = room

    async def tend(self) -> None:
        """Poll until cancelled; at once return where polling is off."""
        while self._every:
            for location_id in self._locations:
                try:
                    await self._poll(location_id)
                except CrmError as error:
                    log.warning("poll.failed", location=location_id, cause=error.trouble.cause.value)
                except (StoreDown, StoreRefused):  # `storage.database` logs it
                    pass
                except Exception:
                    log.exception("poll.broken", location=location_id)
            await asyncio.sleep(min(self._every / 4, LONGEST_LOOK))

    async def _poll(self, location_id: str) -> None:
        turn = await self._polls.begin(location_id, self._every)
        if turn is None:  # it is not time, or another process is at it
            return
        if turn.newest is None:
            found = await self._page(location_id, None, 1)
            await self._polls.learn(location_id, found, _newest(found, datetime.now(UTC) - OVERLAP))
            log.info("poll.learned", location=location_id, deals=len(found))
            return
        since, page = turn.newest - OVERLAP, 1
        while page <= MOST_PAGES:
            found = await self._page(location_id, since, page)
            events = [event for deal in found if (event := _event(location_id, deal))]
            new = await self._polls.advance(location_id, events, _newest(found, turn.newest))
            for _ in range(new):
                self._reception.note(Source.POLL, Reception.RECEIVED)
            if new:
                self._reception.wake()
            if len(found) < PAGE:
                return
            page += 1

    async def _page(self, location_id: str, since: datetime | None, page: int) -> Sequence[Opportunity]:
        while not self._deals.has_room(location_id):  # noqa: ASYNC110 - the limit has no event for that
            await asyncio.sleep(self._room)
        return await self._deals.changed(location_id, since, page)


def _event(location_id: str, deal: Opportunity) -> Event | None:
    """The event of a deal that was found. One whose change has no time cannot be told from its next."""
    if deal.since is None:
        return None
    key = f"{Source.POLL}:{location_id}:{deal.id}:{deal.since.isoformat()}:{deal.status}"
    return Event(key, Source.POLL, Kind.CHANGED, location_id, deal.id)


def _newest(found: Sequence[Opportunity], known: datetime) -> datetime:
    return max(known, *(deal.since for deal in found if deal.since), known)

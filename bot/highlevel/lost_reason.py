"""Finds the lost reason of a deal: HighLevel answers a single deal without it, or did so in every report of 2026.

Only the search shows it, some seconds late. What was accepted with a write counts until the search can know it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.deals.clock import loop_time
from bot.deals.deal import Status
from bot.highlevel.api import errors
from bot.highlevel.api.client import Client
from bot.highlevel.api.wire import MOST_LISTED, OpportunityRecord

log = structlog.get_logger(__name__)

PATIENCE_FOR_REASON = 2.5
"""Seconds that a command waits for the search."""

LONGEST_LAG = 60.0
"""Seconds after which the search is believed to know a write. It is documented to lag by a few."""

MOST_WRITES = 1000
"""Writes that are remembered; with HighLevel's limit there are fewer in a minute."""


@dataclass(slots=True)
class _Written:
    """A write that HighLevel accepted. `at`: on the event loop's clock."""

    status: str
    lost_reason_id: str | None
    at: float
    since: datetime | None = None
    """When the status last changed, by the first answer after the write; a later change is not ours."""


class LostReasons:
    """Which reason each lost deal of one location has."""

    def __init__(self, client: Client, location_id: str) -> None:
        self._client = client
        self._location_id = location_id
        self._written: OrderedDict[str, _Written] = OrderedDict()

    def wrote(self, opportunity_id: str, status: str, lost_reason_id: str | None) -> None:
        """Note a write that HighLevel accepted."""
        self._written.pop(opportunity_id, None)
        self._written[opportunity_id] = _Written(status, lost_reason_id, loop_time())
        if len(self._written) > MOST_WRITES:
            self._written.popitem(last=False)

    async def of(self, record: OpportunityRecord, *, until: float) -> str | None:
        """The id of the reason for which this deal, as HighLevel has just answered it, is lost.

        `None` if it is not lost, has no reason, or HighLevel does not tell in time.
        """
        if record.lost_reason_id or record.status != Status.LOST:
            return record.lost_reason_id
        if written := self._just_written(record):
            return written.lost_reason_id
        try:
            row = await self._searched(record, min(until, loop_time() + PATIENCE_FOR_REASON))
        except errors.HighLevelError as error:
            log.info("crm.reason_unknown", error=type(error).__name__, status=error.details.status)
            return None
        # With another status, or of another time, the row is from before the deal was lost.
        is_current = row and (row.status, row.last_status_change_at) == (record.status, record.last_status_change_at)
        return row.lost_reason_id if row and is_current else None

    def _just_written(self, record: OpportunityRecord) -> _Written | None:
        """The last write, if the search may not know it yet, and the deal is as it was left by it."""
        written = self._written.get(record.id)
        if written is None or written.status != record.status or loop_time() - written.at > LONGEST_LAG:
            return None
        written.since = written.since or record.last_status_change_at
        return written if written.since == record.last_status_change_at else None

    async def _searched(self, record: OpportunityRecord, until: float) -> OpportunityRecord | None:
        """The deal as the search shows it: by its id or, if that finds nothing, by its name."""
        row = await self._client.searched(self._location_id, record.id, until=until)
        if row or not record.name:
            return row
        found = await self._client.search(self._location_id, record.name, MOST_LISTED, until=until)
        return next((each for each in found.records if each.id == record.id), None)

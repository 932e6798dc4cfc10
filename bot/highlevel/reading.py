"""Reads deals for events: after everything that a person waits for, and as far as HighLevel's limit has room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.deals.clock import loop_time
from bot.deals.deal import Opportunity
from bot.deals.outcome import Cause
from bot.deals.ports import CrmError
from bot.highlevel.api.client import Client
from bot.highlevel.crm import HighLevelCrm

KEPT = 0.4
"""The part of HighLevel's limit that is left to commands: 13 of them can begin at once."""
READ_PATIENCE = 15.0
"""Seconds to read a deal, with its names. Less than a process has an event."""
NOT_THERE = frozenset({Cause.NOT_FOUND, Cause.TOKEN_ELSEWHERE, Cause.NOT_OURS})


@dataclass(frozen=True, slots=True)
class DealReader:
    """`Deals` over HighLevel's clients, by their sub-accounts."""

    clients: Mapping[str, Client]
    crms: Mapping[str, HighLevelCrm]

    def has_room(self, location_id: str) -> bool:
        """See `Deals`."""
        budget = self.clients[location_id].rate_limiter.budget()
        return budget.left > KEPT * budget.most

    async def read(self, location_id: str, opportunity_id: str) -> Opportunity | None:
        """See `Deals`."""
        crm, until = self.crms[location_id], loop_time() + READ_PATIENCE
        try:
            found = await crm.find(opportunity_id, until=until)
        except CrmError as error:
            if error.trouble.cause in NOT_THERE:
                return None
            raise
        return await crm.describe(found, until=until)

    async def changed(self, location_id: str, since: datetime | None, page: int) -> Sequence[Opportunity]:
        """See `Deals`."""
        return await self.crms[location_id].changed(since, page, until=loop_time() + READ_PATIENCE)

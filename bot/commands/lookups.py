"""Looks deals up for a person: one by its id, or those that go by a name. Changes nothing, and keeps nothing. Pure."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.commands.ledger import History
from bot.commands.record import Record
from bot.commands.request import ShowDeal
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.ports import Crm, CrmError, StoreDown
from bot.deals.wish import Wish

LOOKUP_PATIENCE = 10.0
"""Seconds for an answer."""
PAST_COMMANDS = 3
"""Of the last commands about a deal, so many come with it."""


@dataclass(frozen=True, slots=True)
class Card:
    """A deal as it is now, with the last commands about it."""

    deal: Opportunity
    past: Sequence[Record] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """Several deals go by the name."""

    name: str
    deals: tuple[Opportunity, ...]
    more: bool
    """Whether there are more than these."""


@dataclass(frozen=True, slots=True)
class NoCard:
    """Why there is no deal to show; `wish` says which was looked for."""

    failed: Failed
    wish: Wish


class Lookups:
    """What a question needs from the CRM and from the ledger."""

    def __init__(self, crm: Crm, history: History, patience: float = LOOKUP_PATIENCE) -> None:
        self._crm = crm
        self._history = history
        self._patience = patience

    async def show(self, asked: ShowDeal) -> Card | Choices | NoCard:
        """Find the deal with its past; or which deals go by that name; or why there is none."""
        until = self._until()
        try:
            if not asked.opportunity_id:
                matches = await self._crm.search(asked.name, until=until)
                if not matches.deals:
                    return _failed(Trouble(Cause.NO_MATCH), asked)
                if len(matches.deals) > 1 or matches.more:
                    return Choices(asked.name, matches.deals, matches.more)
                asked = replace(asked, opportunity_id=matches.deals[0].id)
            deal = await self._look(asked.opportunity_id, until)
        except CrmError as error:
            return _failed(error.trouble, asked)
        return Card(deal, await self._past(deal.id))

    async def find(self, opportunity_id: str) -> Card | NoCard:
        """Find the deal as it is now, without its past; or why there is none."""
        try:
            return Card(await self._look(opportunity_id, self._until()))
        except CrmError as error:
            return _failed(error.trouble, ShowDeal(opportunity_id))

    async def _look(self, opportunity_id: str, until: float) -> Opportunity:
        return await self._crm.describe(await self._crm.find(opportunity_id, until=until), until=until)

    async def _past(self, opportunity_id: str) -> list[Record]:
        try:
            return await self._history.of_opportunity(opportunity_id, PAST_COMMANDS)
        except StoreDown:  # the card is worth showing without
            return []

    def _until(self) -> float:
        return asyncio.get_running_loop().time() + self._patience


def _failed(trouble: Trouble, asked: ShowDeal) -> NoCard:
    return NoCard(Failed(trouble, Effect.NOTHING), Wish(asked.opportunity_id, Status.OPEN, name=asked.name))

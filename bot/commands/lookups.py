"""Looks up deals by id or by name. Changes nothing and stores nothing. CRM and history are ports. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.commands.ledger import History
from bot.commands.record import Record
from bot.commands.request import ShowDeal
from bot.deals.clock import loop_time
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.ports import Crm, CrmError, StoreDown
from bot.deals.wish import Wish

LOOKUP_PATIENCE = 10.0
"""Seconds for all requests of one lookup."""
PAST_COMMANDS = 3
"""How many of the last commands about a deal come with it."""


@dataclass(frozen=True, slots=True)
class Card:
    """A deal as it is now."""

    deal: Opportunity
    past: Sequence[Record] = ()
    """The last commands about it, latest first."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Several deals that the name fits."""

    name: str
    deals: tuple[Opportunity, ...]
    more: bool
    """Whether the search found more than these."""


@dataclass(frozen=True, slots=True)
class NoCard:
    """Why there is no deal to show."""

    failed: Failed
    wish: Wish
    """The id or the name that was looked up; the rest of it means nothing."""


class Lookups:
    """Looks up deals in one sub-account; `patience`: seconds for one lookup."""

    def __init__(self, crm: Crm, history: History, patience: float = LOOKUP_PATIENCE) -> None:
        self._crm = crm
        self._history = history
        self._patience = patience

    async def show(self, asked: ShowDeal) -> Card | Choices | NoCard:
        """Look up one deal with its past; or several, if the name fits them; or why there is none. Never raises."""
        until = loop_time() + self._patience
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
        """Look up a deal without its past; or why there is none. Never raises."""
        try:
            return Card(await self._look(opportunity_id, loop_time() + self._patience))
        except CrmError as error:
            return _failed(error.trouble, ShowDeal(opportunity_id))

    async def _look(self, opportunity_id: str, until: float) -> Opportunity:
        return await self._crm.describe(await self._crm.find(opportunity_id, until=until), until=until)

    async def _past(self, opportunity_id: str) -> list[Record]:
        try:
            return await self._history.of_opportunity(opportunity_id, PAST_COMMANDS)
        except StoreDown:  # a card without its past is better than none
            return []


def _failed(trouble: Trouble, asked: ShowDeal) -> NoCard:
    return NoCard(Failed(trouble, Effect.NOTHING), Wish(asked.opportunity_id, Status.OPEN, name=asked.name))

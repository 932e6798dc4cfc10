"""Looks up deals by id or by name. Changes nothing and stores nothing. CRM and history are ports. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.commands.ledger import History
from bot.commands.record import Record
from bot.commands.request import ShowDeal
from bot.deals.clock import loop_time
from bot.deals.deal import Matches, Opportunity, Status
from bot.deals.identify import Asking, anyone, called, described, guess, own_first, own_guesses_first
from bot.deals.outcome import Cause, Effect, Failed, Guessed, Trouble
from bot.deals.ports import Crm, CrmError, StoreDown
from bot.deals.wish import Wish

LOOKUP_PATIENCE = 10.0
"""Seconds for all requests of one lookup."""
PAST_COMMANDS = 10
"""How many of the last commands about a deal come with it."""
PAST_CHANGES = 10
"""Commands about a deal among which its last change is looked for."""


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

    async def show(self, asked: ShowDeal, asking: Asking = anyone) -> Card | Choices | Guessed | NoCard:
        """Look up one deal with its past; or several, if the name fits them; or why there is none. Never raises.

        `asking`: whose deals come first where several fit.
        `Guessed`: no deal is called like the text, and it may ask for a change of what was found.
        """
        until = loop_time() + self._patience
        try:
            found = await (self._by_id(asked, until) if asked.opportunity_id else self._by_name(asked, until))
            if isinstance(found, Choices):
                deals = await own_first(found.deals, asking)
                return replace(found, deals=await described(self._crm, deals, until))
            if isinstance(found, Guessed):
                return await own_guesses_first(found, asking)
        except CrmError as error:
            return _failed(error.trouble, asked)
        return found

    async def _by_id(self, asked: ShowDeal, until: float) -> Card | Choices | Guessed | NoCard:
        if guessed := await guess(self._crm, asked.readings, until):
            return guessed
        try:
            return await self._card(asked.opportunity_id, until)
        except CrmError as error:
            # A word of 20 letters may be a name after all.
            matches = await self._instead(asked.name, error.trouble.cause, until)
            if not matches.deals:
                return _failed(error.trouble, replace(asked, name=""))
            return await self._shown(asked.name, matches, until)

    async def _instead(self, name: str, cause: Cause, until: float) -> Matches:
        """What a word finds as a name that was typed as an id and is no deal's."""
        if cause is not Cause.NOT_FOUND or not name:
            return Matches((), more=False)
        return await self._crm.search(name, until=until)

    async def _by_name(self, asked: ShowDeal, until: float) -> Card | Choices | Guessed | NoCard:
        whole = asked.whole or asked.name
        found = await self._crm.search(whole, until=until)
        likely = called(whole, found)
        if likely and asked.readings:
            return await self._shown(whole, replace(found, deals=likely), until)
        if found.deals and not asked.readings:
            return await self._shown(whole, found, until)
        if guessed := await guess(self._crm, asked.readings, until):
            return guessed
        for name in asked.shorter:
            if (further := await self._crm.search(name, until=until)).deals:
                return await self._shown(name, further, until)
        return await self._shown(whole, found, until) if found.deals else _failed(Trouble(Cause.NO_MATCH), asked)

    async def _shown(self, name: str, matches: Matches, until: float) -> Card | Choices | NoCard:
        if len(matches.deals) > 1 or matches.more:
            return Choices(name, matches.deals, matches.more)
        found = matches.deals[0]
        try:
            return await self._card(found.id, until)
        except CrmError as error:
            return _failed(error.trouble, ShowDeal(found.id, found.name or name))

    async def named(self, asked: ShowDeal) -> tuple[Opportunity, ...] | Card | Choices | NoCard:
        """The deals that an id or a name finds; or what `show` shows, if a deal is called like the whole text.

        Never raises.
        """
        until = loop_time() + self._patience
        if asked.opportunity_id:
            return (Opportunity(asked.opportunity_id, ""),)
        try:
            whole = await self._crm.search(asked.whole, until=until)
            if likely := called(asked.whole, whole):
                return await self._shown(asked.whole, replace(whole, deals=likely), until)
            for name in (asked.name, *asked.shorter):
                if (matches := await self._crm.search(name, until=until)).deals:
                    return matches.deals
        except CrmError as error:
            return _failed(error.trouble, asked)
        return _failed(Trouble(Cause.NO_MATCH), asked)

    async def past(self, deals: Sequence[Opportunity], most: int) -> Sequence[Record]:
        """The last commands about these deals, at most `most`, latest first. Raises `StoreDown`."""
        found = [each for deal in deals for each in await self._history.of_opportunity(deal.id, most)]
        return sorted(found, key=lambda record: record.at, reverse=True)[:most]

    async def undoable(self, deals: Sequence[Opportunity]) -> Sequence[Record]:
        """The last change of each of these deals, unless it was undone. Raises `StoreDown`."""
        found = []
        for deal in deals:
            past = await self._history.of_opportunity(deal.id, PAST_CHANGES)
            last = next((each for each in past if each.changed), None)
            if last and not last.undoes and await self._history.undo_of(last.key) is None:
                found.append(last)
        return found

    async def find(self, opportunity_id: str) -> Card | NoCard:
        """Look up a deal without its past; or why there is none. Never raises."""
        try:
            return Card(await self._look(opportunity_id, loop_time() + self._patience))
        except CrmError as error:
            return _failed(error.trouble, ShowDeal(opportunity_id))

    async def _card(self, opportunity_id: str, until: float) -> Card:
        deal = await self._look(opportunity_id, until)
        return Card(deal, await self._past(deal.id))

    async def _look(self, opportunity_id: str, until: float) -> Opportunity:
        return await self._crm.describe(await self._crm.find(opportunity_id, until=until), until=until)

    async def _past(self, opportunity_id: str) -> list[Record]:
        try:
            return await self._history.of_opportunity(opportunity_id, PAST_COMMANDS)
        except StoreDown:  # a card without its past is better than none
            return []


def _failed(trouble: Trouble, asked: ShowDeal) -> NoCard:
    return NoCard(
        Failed(trouble, Effect.NOTHING),
        Wish(asked.opportunity_id, Status.OPEN, name=asked.name, location_id=asked.location_id),
    )

"""Answers questions about deals: what one looks like, which go by a name. Changes nothing, and keeps nothing. Pure."""

import asyncio
from dataclasses import replace

from bot.access.rules import Caller
from bot.commands.ledger import History
from bot.commands.record import Record
from bot.commands.reply import Message
from bot.commands.request import ShowDeal
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.ports import Crm, CrmError, StoreDown
from bot.deals.wish import Wish
from bot.slack.messages.sentences import LINES_OF_CARD, Messages

PATIENCE = 10.0
"""Seconds for an answer."""


class Lookups:
    """What a question needs from the CRM and from the ledger, put into a message."""

    def __init__(self, crm: Crm, history: History, messages: Messages, patience: float = PATIENCE) -> None:
        self._crm = crm
        self._history = history
        self._messages = messages
        self._patience = patience

    async def show(self, asked: ShowDeal, reference: str) -> Message:
        """The deal's card; or which deals go by that name, when there are several; or why there is none."""
        until = self._until()
        try:
            if not asked.opportunity_id:
                matches = await self._crm.search(asked.name, until=until)
                if not matches.deals:
                    return self._failed(Trouble(Cause.NO_MATCH), asked, reference)
                if len(matches.deals) > 1 or matches.more:
                    return self._messages.which_card(asked.name, matches.deals, reference, more=matches.more)
                asked = replace(asked, opportunity_id=matches.deals[0].id)
            deal = await self._look(asked.opportunity_id, until)
        except CrmError as error:
            return self._failed(error.trouble, asked, reference)
        return self._messages.card(deal, await self._past(deal.id), reference)

    async def share(self, opportunity_id: str, caller: Caller, reference: str) -> Message:
        """The deal's card for everybody in the channel, as the deal is now; or, privately, why there is none."""
        try:
            deal = await self._look(opportunity_id, self._until())
        except CrmError as error:
            return self._failed(error.trouble, ShowDeal(opportunity_id), reference)
        return self._messages.shared_card(deal, caller, reference)

    async def _look(self, opportunity_id: str, until: float) -> Opportunity:
        return await self._crm.describe(await self._crm.find(opportunity_id, until=until), until=until)

    async def _past(self, opportunity_id: str) -> list[Record]:
        try:
            return await self._history.of_opportunity(opportunity_id, LINES_OF_CARD)
        except StoreDown:  # the card is worth showing without
            return []

    def _failed(self, trouble: Trouble, asked: ShowDeal, reference: str) -> Message:
        wish = Wish(asked.opportunity_id, Status.OPEN, name=asked.name)
        return self._messages.no_card(Failed(trouble, Effect.NOTHING), wish, reference)

    def _until(self) -> float:
        return asyncio.get_running_loop().time() + self._patience

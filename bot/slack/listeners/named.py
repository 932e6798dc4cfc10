"""Answers `undo` and `history` with a deal's name behind them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bot.commands.lookups import Lookups
from bot.commands.outbox import Outbox
from bot.commands.record import Record
from bot.commands.reply import Message
from bot.commands.request import ShowDeal, ShowHistory, UndoDeal
from bot.deals.deal import Opportunity
from bot.deals.ports import StoreDown
from bot.slack.actions import AGAIN
from bot.slack.listeners.cards import Cards
from bot.slack.listeners.history import LOOKED_THROUGH
from bot.slack.messages.messages import Messages
from bot.slack.messages.pieces import again_button
from bot.slack.payload import Interaction


class NamedDeals:
    """Looks up after the acknowledgement which deal a name means, and what was done with it from Slack."""

    def __init__(self, lookups: Callable[[str], Lookups], cards: Cards, outbox: Outbox, messages: Messages) -> None:
        self._lookups = lookups
        self._cards = cards
        self._outbox = outbox
        self._messages = messages

    def history(self, deal: ShowDeal, location_id: str, interaction: Interaction) -> None:
        """List the last commands about the deals with this name, to the person who asks."""
        lookups = self._lookups(location_id)

        async def listed(deals: Sequence[Opportunity]) -> Message:
            records = await lookups.past(deals, LOOKED_THROUGH)
            return self._messages.history.listing(records, ShowHistory(deals[0].id), deals[0].name)

        self._answer(lookups, deal, listed, interaction)

    def undo(self, asked: UndoDeal, location_id: str, interaction: Interaction) -> None:
        """Offer the person who asks to undo the last change of the deals with this name. This undoes nothing itself."""
        lookups = self._lookups(location_id)

        async def offered(deals: Sequence[Opportunity]) -> Message:
            changes: Sequence[Record] = await lookups.undoable(deals)
            name = asked.deal.name or asked.deal.opportunity_id
            return self._messages.guesses.which_undo(changes, name, interaction.reference)

        self._answer(lookups, asked.deal, offered, interaction)

    def _answer(
        self,
        lookups: Lookups,
        asked: ShowDeal,
        tell: Callable[[Sequence[Opportunity]], Awaitable[Message]],
        interaction: Interaction,
    ) -> None:
        async def answered() -> Message:
            found = await lookups.named(asked)
            if not isinstance(found, tuple):
                told = self._cards.message(found, interaction, again_button(AGAIN, interaction.text))
                return replace(told, replaces=interaction.is_ephemeral)
            try:
                return replace(await tell(found), replaces=interaction.is_ephemeral)
            except StoreDown:
                return self._messages.failures.cannot_look_up(interaction.reference)

        self._outbox.answer(answered(), interaction.address, interaction.reference)

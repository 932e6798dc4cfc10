"""Shows a deal's card to the person who asks, or to the channel."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from bot.commands.lookups import Card, Choices, Lookups, NoCard
from bot.commands.outbox import Outbox
from bot.commands.reply import Message, always_ours
from bot.commands.request import ShowDeal
from bot.deals.outcome import Cause, Guessed
from bot.slack.actions import AGAIN, SHARE, SHOW, read_target_value
from bot.slack.block_kit.blocks import Block
from bot.slack.messages.messages import Messages
from bot.slack.messages.pieces import again_button
from bot.slack.payload import Interaction


class Cards:
    """Looks up deals after the acknowledgement, and shows what it finds.

    `own_user`: which user of a sub-account a person in Slack is; see `People`.
    """

    def __init__(
        self,
        lookups: Callable[[str], Lookups],
        own_user: Callable[[str, str], Awaitable[str]],
        outbox: Outbox,
        messages: Messages,
    ) -> None:
        self._lookups = lookups
        self._own_user = own_user
        self._outbox = outbox
        self._messages = messages

    def show(self, asked: ShowDeal, interaction: Interaction, none: Message | None = None) -> None:
        """Show the person the deal's card; or the deals that its name fits. `none`: what to say if it fits none."""
        again = again_button(AGAIN, interaction.text)
        showing = self._in_place(asked, interaction, again, none)
        self._outbox.answer(showing, interaction.address, interaction.reference)

    async def on_show(self, interaction: Interaction) -> Message | None:
        """Show the person the card of the deal that the button names."""
        if not interaction.text:
            return self._messages.questions.cannot_go_on(None, interaction.reference)
        deal = read_target_value(interaction.text)
        asked = ShowDeal(deal.opportunity_id, location_id=deal.location_id)
        again = again_button(SHOW, interaction.text)
        self._outbox.answer(self._in_place(asked, interaction, again), interaction.address, interaction.reference)
        return None

    async def on_share(self, interaction: Interaction) -> Message | None:
        """Show the channel the card of the deal that the button names, as the deal is now."""
        if not interaction.text:
            return self._messages.questions.cannot_go_on(None, interaction.reference)
        self._outbox.answer(self._shared_card(interaction), interaction.address, interaction.reference)
        return None

    async def _in_place(
        self, asked: ShowDeal, interaction: Interaction, again: Sequence[Block], none: Message | None = None
    ) -> Message:
        """The card; in place of the message whose button was pressed, if only the person sees that."""
        if not interaction.is_ephemeral:
            found = await self._show(asked, interaction)
            fits_none = isinstance(found, NoCard) and found.failed.trouble.cause is Cause.NO_MATCH
            return none if none and fits_none else self.message(found, interaction, again)
        await self._outbox.send(self._messages.goes_on(), interaction.address, always_ours)
        return replace(await self._card(asked, interaction, again), replaces=True)

    async def _card(self, asked: ShowDeal, interaction: Interaction, again: Sequence[Block]) -> Message:
        return self.message(await self._show(asked, interaction), interaction, again)

    async def _show(self, asked: ShowDeal, interaction: Interaction) -> Card | Choices | Guessed | NoCard:
        asking = partial(self._own_user, interaction.caller.user_id, asked.location_id)
        return await self._lookups(asked.location_id).show(asked, asking)

    def message(
        self, found: Card | Choices | Guessed | NoCard, interaction: Interaction, again: Sequence[Block] = ()
    ) -> Message:
        """What a lookup found, for the person who asked. `again`: a button that looks once more, beside a failure."""
        reference = interaction.reference
        match found:
            case Card(deal, past):
                return self._messages.cards.card(deal, past, reference)
            case Choices(name, deals, more):
                return self._messages.questions.which_card(name, deals, reference, more=more)
            case Guessed():
                return self._messages.guesses.ask(found, interaction.text, reference)
            case NoCard(failed, wish):
                return self._messages.cards.no_card(failed, wish, reference, again)
            case _:
                assert_never(found)

    async def _shared_card(self, interaction: Interaction) -> Message:
        target = read_target_value(interaction.text)
        found = await self._lookups(target.location_id).find(target.opportunity_id)
        match found:
            case Card(deal):
                return self._messages.cards.shared_card(deal, interaction.caller, interaction.reference)
            case NoCard(failed, wish):
                return self._messages.cards.no_card(
                    failed, wish, interaction.reference, again_button(SHARE, interaction.text)
                )
            case _:
                assert_never(found)

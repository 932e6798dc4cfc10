"""Asks a deal's owner for the change that its caller may not make, and takes the owner's answer."""

from dataclasses import replace

from bot.commands import followups
from bot.commands.followups import Continuation
from bot.commands.ledger import History, with_batch
from bot.commands.outbox import Outbox
from bot.commands.record import Record
from bot.commands.reply import Address, Message
from bot.deals.outcome import Result
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction


class OwnerRequests:
    """Takes *Ask the owner*, and the owner's *Mark won* and *Not now*."""

    def __init__(self, intake: Intake, history: History, outbox: Outbox, messages: Messages) -> None:
        self._intake = intake
        self._history = history
        self._outbox = outbox
        self._messages = messages

    async def on_ask(self, interaction: Interaction) -> Message | None:
        """Ask the owner, once for each command. The worker does it, so that it survives this process."""
        refused = await self._intake.look_up(with_batch(self._history, self._history.find(interaction.text)))
        found = followups.ask_owner(interaction, refused)
        if isinstance(found, Continuation) and await self._intake.accept(*found.entries, looked_up=True):
            return None
        return self._messages.questions.cannot_go_on(found.question, interaction.reference)

    async def on_yes(self, interaction: Interaction) -> Message | None:
        """Make the change in the channel where it was wanted, as the owner. Raises `LookupFailed` and `StoreDown`."""
        asked = await self._intake.look_up(self._history.find(interaction.text))
        there = _where_it_was_wanted(interaction, asked)
        if refused := await self._intake.refusal(there):
            return refused
        # The reply address of the press leads to the direct message, and the result goes to the channel.
        found = followups.change_as_asked(replace(there, response_url="", is_ephemeral=False), asked)
        accepted = isinstance(found, Continuation) and await self._intake.accept(*found.entries, looked_up=True)
        if asked is None or not accepted:
            return self._messages.questions.cannot_go_on(found.question, interaction.reference)
        return self._messages.owners.goes_on(asked)

    async def on_no(self, interaction: Interaction) -> Message | None:
        """Leave the deal, and tell the person who asked. Raises `LookupFailed`."""
        asked = await self._intake.look_up(self._history.find(interaction.text))
        if refused := await self._intake.refusal(_where_it_was_wanted(interaction, asked)):
            return refused
        by = interaction.caller.user_id
        if asked is None or asked.outcome is not Result.ASKED_OWNER or asked.deal_owner != by:
            return self._messages.questions.cannot_go_on(asked, interaction.reference)
        told = self._messages.owners.declined(asked, by)
        self._outbox.tell(told, Address("", "", asked.user_id), interaction.reference)
        return self._messages.owners.left(asked)


def _where_it_was_wanted(interaction: Interaction, asked: Record | None) -> Interaction:
    """The press as if it were made in the channel of the command that asked: the direct message is no place for it."""
    if asked is None:
        return interaction
    return replace(interaction, caller=replace(interaction.caller, channel_id=asked.channel_id))

"""Answers `/opp-status history`: lists past changes."""

from bot.commands.ledger import History
from bot.commands.reply import Message
from bot.commands.request import ShowHistory
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction

LOOKED_THROUGH = 50
"""Commands among which the last changes are looked for."""


class HistoryList:
    """Lists the caller's commands or a deal's; and for admins, other people's."""

    def __init__(self, intake: Intake, history: History, messages: Messages) -> None:
        self._intake = intake
        self._history = history
        self._messages = messages

    async def show(self, asked: ShowHistory, interaction: Interaction) -> Message:
        """List commands, latest first; other people's only for an admin. Raises `LookupFailed`."""
        caller = interaction.caller
        user_id = asked.user_id or caller.user_id
        others = asked.everybody or user_id != caller.user_id
        if others and not await self._intake.is_admin(interaction):
            return self._messages.people.not_an_admin(interaction.reference)
        if asked.opportunity_id:
            looking = self._history.of_opportunity(asked.opportunity_id, LOOKED_THROUGH)
        elif asked.everybody:
            looking = self._history.of_everybody(LOOKED_THROUGH)
        else:
            looking = self._history.of_user(user_id, LOOKED_THROUGH)
        return self._messages.history.listing(await self._intake.look_up(looking), asked)

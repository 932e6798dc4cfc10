"""Asks for the lost reason of a deal that was lost in HighLevel itself without one."""

from collections.abc import Awaitable, Callable

from bot.commands.ledger import History
from bot.commands.outbox import Outbox
from bot.commands.record import Record
from bot.commands.reply import Message
from bot.deals.clock import loop_time
from bot.deals.ports import Crm
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction

REASONS_WITHIN = 5.0
"""Seconds for HighLevel to list the lost reasons."""


class AddedReasons:
    """Shows the person who asks the lost reasons to choose from. `crm`: of a sub-account."""

    def __init__(
        self, intake: Intake, history: History, crm: Callable[[str], Crm], outbox: Outbox, messages: Messages
    ) -> None:
        self._intake = intake
        self._history = history
        self._crm = crm
        self._outbox = outbox
        self._messages = messages

    async def on_add(self, interaction: Interaction) -> Message | None:
        """Ask for the reason of the change whose button was pressed."""
        change = await self._intake.look_up(self._history.find(interaction.text))
        if change is None:
            return self._messages.questions.cannot_go_on(None, interaction.reference)
        question: Awaitable[Message] = self._question(change, interaction)
        self._outbox.answer(question, interaction.address, interaction.reference)
        return None

    async def _question(self, change: Record, interaction: Interaction) -> Message:
        reasons = await self._crm(change.location_id).lost_reasons(until=loop_time() + REASONS_WITHIN)
        if reasons:
            return self._messages.questions.ask_why(reasons, change)
        return self._messages.questions.no_reasons(interaction.reference)

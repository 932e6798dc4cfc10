"""Undoes a change, and those that were made with it: typed or pressed alike."""

from collections.abc import Awaitable
from datetime import UTC, datetime

from bot.commands import followups
from bot.commands.followups import CannotUndo, Undoing
from bot.commands.ledger import History, together
from bot.commands.record import Record, UndoRefusal
from bot.commands.reply import Message
from bot.deals.policy import Policy
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction


class Undo:
    """Finds the change, decides, and writes the undo down."""

    def __init__(self, intake: Intake, history: History, policy: Policy, messages: Messages) -> None:
        self._intake = intake
        self._history = history
        self._window = policy.undo_window
        self._messages = messages

    async def last_change(self, interaction: Interaction) -> Message | None:
        """Undo the caller's last change."""
        finding = self._history.last_change(interaction.caller.user_id)
        return await self._undo(interaction, finding, UndoRefusal.NONE_YET)

    async def change(self, interaction: Interaction) -> Message | None:
        """Undo the change whose button was pressed."""
        return await self._undo(interaction, self._history.find(interaction.text), UndoRefusal.UNKNOWN)

    async def _undo(
        self, interaction: Interaction, finding: Awaitable[Record | None], otherwise: UndoRefusal
    ) -> Message | None:
        changes = await self._intake.look_up(together(self._history, finding))
        undoing = followups.undo(changes, self._window, datetime.now(UTC)) if changes else CannotUndo(otherwise)
        refused = await self._accept(undoing, interaction)
        if refused is None:
            return None
        return self._messages.outcomes.cannot_undo(refused.refusal, refused.change, refused.undo, interaction.reference)

    async def _accept(self, undoing: Undoing | CannotUndo, interaction: Interaction) -> CannotUndo | None:
        """Write them down; why not, if other commands undo them all."""
        if isinstance(undoing, CannotUndo):
            return undoing
        if await self._intake.accept(*undoing.entries(interaction), looked_up=True):
            return None
        undos = await self._intake.look_up(self._undos_of(undoing))
        # Of several some may have been undone, and others not, because HighLevel did not answer.
        left = undoing.without(undos)
        if isinstance(left, CannotUndo):
            return left
        if await self._intake.accept(*left.entries(interaction), looked_up=True):
            return None
        return undoing.refused(undos)

    async def _undos_of(self, undoing: Undoing) -> list[Record | None]:
        return [await self._history.undo_of(change.key) for change, _ in undoing.changes]

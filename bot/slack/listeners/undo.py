"""Undoes a change and the others of its batch, whether the caller typed `undo` or pressed the button."""

from collections.abc import Awaitable
from datetime import UTC, datetime

from bot.commands import followups
from bot.commands.followups import CannotUndo, Undoing
from bot.commands.ledger import History, with_batch
from bot.commands.record import Record, UndoRefusal
from bot.commands.reply import Message
from bot.deals.policy import Policy
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction


class Undo:
    """Finds the change, decides whether it can be undone, and accepts the commands that undo it."""

    def __init__(self, intake: Intake, history: History, policy: Policy, messages: Messages) -> None:
        self._intake = intake
        self._history = history
        self._window = policy.undo_window
        self._messages = messages

    async def last_change(self, interaction: Interaction) -> Message | None:
        """Undo the caller's last change. Raises `LookupFailed` and `StoreDown`."""
        finding = self._history.last_change(interaction.caller.user_id)
        return await self._undo(interaction, finding, UndoRefusal.NONE_YET)

    async def change(self, interaction: Interaction) -> Message | None:
        """Undo the change whose button was pressed. Raises `LookupFailed` and `StoreDown`."""
        return await self._undo(interaction, self._history.find(interaction.text), UndoRefusal.UNKNOWN)

    async def _undo(
        self, interaction: Interaction, finding: Awaitable[Record | None], otherwise: UndoRefusal
    ) -> Message | None:
        changes = await self._intake.look_up(with_batch(self._history, finding))
        undoing = followups.undo(changes, self._window, datetime.now(UTC)) if changes else CannotUndo(otherwise)
        refused = await self._accept(undoing, interaction)
        if refused is None:
            return None
        return self._messages.outcomes.cannot_undo(
            refused.refusal, refused.change, refused.undo, interaction.caller, interaction.reference
        )

    async def _accept(self, undoing: Undoing | CannotUndo, interaction: Interaction) -> CannotUndo | None:
        """Accept the commands that undo the changes; returns why there are none, or `None` if there are."""
        if isinstance(undoing, CannotUndo):
            return undoing
        if await self._intake.accept(*undoing.entries(interaction), looked_up=True):
            return None
        undos = await self._intake.look_up(self._undos_of(undoing))
        # Other commands undo some of a batch's changes if HighLevel did not answer an earlier undo of the rest.
        left = undoing.without(undos)
        if isinstance(left, Undoing) and await self._intake.accept(*left.entries(interaction), looked_up=True):
            return None
        return undoing.refused(undos)

    async def _undos_of(self, undoing: Undoing) -> list[Record | None]:
        return [await self._history.undo_of(change.key) for change, _ in undoing.changes]

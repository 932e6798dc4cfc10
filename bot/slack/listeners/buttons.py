"""Listens to buttons and choices in messages: each press becomes a command, or an answer at once."""

from collections.abc import Mapping
from dataclasses import replace

from bot.commands import followups
from bot.commands.followups import Continuation, NoQuestion
from bot.commands.ledger import History, together
from bot.commands.reply import Message
from bot.deals.wish import Wish
from bot.slack.actions import (
    APPROVE,
    CHOOSE,
    CONFIRM,
    DECLINE,
    DISMISS,
    LINK,
    REASON,
    REQUEST,
    REVOKE,
    SET,
    SHARE,
    SHOW,
    UNDO,
    Choice,
    StatusChoice,
)
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.listeners.boundary import Answer
from bot.slack.listeners.cards import Cards
from bot.slack.listeners.undo import Undo
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction


class Buttons:
    """Answers presses."""

    def __init__(
        self,
        *,
        intake: Intake,
        history: History,
        cards: Cards,
        undo: Undo,
        approvals: ApprovalListeners,
        messages: Messages,
    ) -> None:
        self._intake = intake
        self._history = history
        self._cards = cards
        self._undo = undo
        self._approvals = approvals
        self._messages = messages

    def answers(self) -> Mapping[str, Answer]:
        """What answers each action, by its name in `slack/actions.py`."""
        return {
            UNDO: self._if_allowed(self._undo.change),
            CHOOSE: self._if_allowed(self._choose),
            CONFIRM: self._if_allowed(self._confirm),
            REASON: self._if_allowed(self._give_reason),
            SET: self._if_allowed(self._set_status),
            SHOW: self._if_allowed(self._cards.pressed_show),
            SHARE: self._if_allowed(self._cards.pressed_share),
            DISMISS: self._if_allowed(self._dismiss),
            # Pressed by people who may not change deals, or anywhere by admins: these decide for themselves who may.
            REQUEST: self._approvals.on_request,
            APPROVE: self._approvals.on_approval,
            DECLINE: self._approvals.on_decline,
            REVOKE: self._approvals.on_revocation,
            LINK: self._nothing,  # Slack tells also of a button that is a link
        }

    def _if_allowed(self, answer: Answer) -> Answer:
        async def answer_if_allowed(interaction: Interaction) -> Message | None:
            return await self._intake.refusal(interaction) or await answer(interaction)

        return answer_if_allowed

    async def _choose(self, interaction: Interaction) -> Message | None:
        """One of the deals that go by a name."""
        choice = Choice.from_value(interaction.text)
        question = await self._intake.look_up(self._history.find(choice.key))
        return await self._go_on(interaction, followups.choose(interaction, question, choice.opportunity_id))

    async def _confirm(self, interaction: Interaction) -> Message | None:
        """Yes, to all that were asked about."""
        asked = await self._intake.look_up(together(self._history, self._history.find(interaction.text)))
        return await self._go_on(interaction, followups.confirm(interaction, asked))

    async def _give_reason(self, interaction: Interaction) -> Message | None:
        """Why a deal is lost: before it is, or after."""
        asked = await self._intake.look_up(together(self._history, self._history.find(interaction.block_id)))
        return await self._go_on(interaction, followups.give_reason(interaction, asked, interaction.text))

    async def _set_status(self, interaction: Interaction) -> Message | None:
        """One of the statuses on a deal's card."""
        choice = StatusChoice.from_value(interaction.text)
        if choice is None:
            return self._messages.questions.cannot_go_on(None, interaction.reference)
        wish = Wish(choice.opportunity_id, choice.status, consent=choice.consent, location_id=choice.location_id)
        text = f"{choice.opportunity_id} {choice.status}"
        entries = [replace(entry, text=text, message_ts="") for entry in interaction.entries([wish])]
        await self._intake.accept(*entries)
        return None

    async def _dismiss(self, _interaction: Interaction) -> Message | None:
        return self._messages.questions.dismissed()

    async def _nothing(self, _interaction: Interaction) -> None:
        return None

    async def _go_on(self, interaction: Interaction, found: Continuation | NoQuestion) -> Message | None:
        if isinstance(found, NoQuestion):
            return self._messages.questions.cannot_go_on(found.question, interaction.reference)
        accepted = await self._intake.accept(*found.entries, looked_up=True)
        if found.question is None:  # the reply to the reason says enough
            return None
        if accepted:
            return self._messages.questions.goes_on(interaction.reference, replaces=interaction.is_ephemeral)
        return self._messages.questions.cannot_go_on(found.question, interaction.reference)

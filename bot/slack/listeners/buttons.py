"""Listens to the buttons and menus in messages: each press becomes a command, or is answered at once."""

from collections.abc import Mapping
from dataclasses import replace

from bot.commands import followups
from bot.commands.followups import Continuation, NoQuestion
from bot.commands.ledger import History, with_batch
from bot.commands.outbox import Outbox
from bot.commands.reply import Message
from bot.deals.deal import Status, Target
from bot.deals.wish import Wish
from bot.slack.actions import (
    ADD_REASON,
    AGAIN,
    ANYWAY,
    APPROVE,
    AS_ASKED,
    ASK_OWNER,
    CALL_OFF,
    CHOOSE,
    CLOSE,
    CONFIRM,
    DECLINE,
    DISMISS,
    LINK,
    MARK,
    MORE,
    NOT_NOW,
    OPEN_FORM,
    PICK_DAY,
    REASON,
    REMIND,
    REQUEST,
    RETRY,
    REVOKE,
    RUN,
    SEARCH,
    SET,
    SHARE,
    SHOW,
    UNDO,
    WHOAMI,
    Choice,
    Mark,
    MenuChoice,
    Search,
    StatusChoice,
)
from bot.slack.intake import Intake
from bot.slack.listeners.boundary import Answer
from bot.slack.listeners.granted import GrantedCommands
from bot.slack.listeners.typed import Handlers
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction


class Buttons:
    """Answers every button and menu in messages."""

    def __init__(
        self,
        *,
        intake: Intake,
        history: History,
        handlers: Handlers,
        granted: GrantedCommands,
        outbox: Outbox,
        messages: Messages,
    ) -> None:
        self._intake = intake
        self._history = history
        self._handlers = handlers
        self._granted = granted
        self._outbox = outbox
        self._messages = messages

    def answers(self) -> Mapping[str, Answer]:
        """The listener for each action of `slack/actions.py`."""
        reminders = self._handlers.reminders
        return {
            UNDO: self._if_allowed(self._handlers.undo.change),
            CHOOSE: self._if_allowed(self._choose),
            CONFIRM: self._if_allowed(self._confirm),
            REASON: self._if_allowed(self._give_reason),
            ADD_REASON: self._if_allowed(self._handlers.reasons.on_add),
            SET: self._if_allowed(self._set_status),
            MARK: self._if_allowed(self._mark),
            MORE: self._more,
            SEARCH: self._if_allowed(self._search),
            OPEN_FORM: self._if_allowed(self._open_form),
            WHOAMI: self._handlers.approvals.whoami,
            SHOW: self._if_allowed(self._handlers.cards.on_show),
            SHARE: self._if_allowed(self._handlers.cards.on_share),
            DISMISS: self._if_allowed(self._dismiss),
            RETRY: self._if_allowed(self._retry),
            ANYWAY: self._if_allowed(self._carry_out_anyway),
            REMIND: self._if_allowed(reminders.on_remind, anywhere=True),
            PICK_DAY: self._if_allowed(reminders.on_day, anywhere=True),
            CALL_OFF: self._if_allowed(reminders.on_cancel, anywhere=True),
            CLOSE: reminders.on_close(self._if_allowed(self._set_status)),
            ASK_OWNER: self._if_allowed(self._handlers.owners.on_ask),
            # These authorize themselves, in the channel where the change was wanted.
            AS_ASKED: self._handlers.owners.on_yes,
            NOT_NOW: self._handlers.owners.on_no,
            # These are for people who may not change deals, and for admins in any channel. They authorize themselves.
            REQUEST: self._handlers.approvals.on_request,
            APPROVE: self._handlers.approvals.on_approval,
            DECLINE: self._handlers.approvals.on_decline,
            REVOKE: self._handlers.approvals.on_revocation,
            RUN: self._granted.on_run,
            AGAIN: self._granted.on_again,
            LINK: self._ignore,  # Slack also sends the press of a button that opens a page, and wants it acknowledged
        }

    def _if_allowed(self, answer: Answer, *, anywhere: bool = False) -> Answer:
        async def answer_if_allowed(interaction: Interaction) -> Message | None:
            return await self._intake.refusal(interaction, anywhere=anywhere) or await answer(interaction)

        return answer_if_allowed

    async def _choose(self, interaction: Interaction) -> Message | None:
        """Take the choice of a deal whose name fits several."""
        choice = Choice.from_value(interaction.text)
        question = await self._intake.look_up(self._history.find(choice.key))
        found = followups.choose(interaction, question, choice.opportunity_id, choice.seen, choice.name)
        return await self._continue(interaction, found)

    async def _confirm(self, interaction: Interaction) -> Message | None:
        """Take a yes."""
        asked = await self._intake.look_up(with_batch(self._history, self._history.find(interaction.text)))
        return await self._continue(interaction, followups.confirm(interaction, asked))

    async def _give_reason(self, interaction: Interaction) -> Message | None:
        """Take the choice of a lost reason, before or after the deal is lost."""
        asked = await self._intake.look_up(with_batch(self._history, self._history.find(interaction.block_id)))
        return await self._continue(interaction, followups.give_reason(interaction, asked, interaction.text))

    async def _set_status(self, interaction: Interaction) -> Message | None:
        """Take the choice of a status on a deal's card."""
        choice = StatusChoice.from_value(interaction.text)
        if choice is None:
            return self._messages.questions.cannot_go_on(None, interaction.reference)
        wish = Wish(
            choice.opportunity_id,
            choice.status,
            name=choice.name,
            consent=choice.consent,
            location_id=choice.location_id,
        )
        text = f"{choice.opportunity_id} {choice.status}"
        entries = [replace(entry, text=text, message_ts="") for entry in interaction.entries([wish])]
        await self._intake.accept(*entries)
        return None

    async def _carry_out_anyway(self, interaction: Interaction) -> Message | None:
        """Carry out an undo although the deal has changed again."""
        undo = await self._intake.look_up(self._history.find(interaction.text))
        return await self._continue(interaction, followups.carry_out_anyway(interaction, undo))

    async def _retry(self, interaction: Interaction) -> Message | None:
        """Run a command once more that failed; an undo only while it can still be undone."""
        failed = await self._intake.look_up(with_batch(self._history, self._history.find(interaction.text)))
        if undone := next((each.undoes for each in failed if each.undoes and followups.failed_safely(each)), None):
            refused = await self._handlers.undo.change(replace(interaction, text=undone, message_ts=""))
            if refused is None and interaction.is_ephemeral:
                self._outbox.remove(interaction.address, interaction.reference)
            return refused
        found = followups.retry(interaction, failed)
        if isinstance(found, Continuation) and await self._intake.accept(*found.entries, looked_up=True):
            return None
        return self._messages.failures.cannot_retry(interaction.reference, known=bool(failed))

    async def _mark(self, interaction: Interaction) -> Message | None:
        """Take the answer to a question whether deals are to be changed."""
        mark = Mark.from_value(interaction.text)
        if mark is None:
            return self._messages.questions.cannot_go_on(None, interaction.reference)
        lost = mark.status is Status.LOST
        wish = Wish("", mark.status, reason=mark.words if lost else "", consent=mark.consent)
        wishes = [replace(wish, opportunity_id=each, location_id=mark.location_id) for each in mark.opportunity_ids]
        text = " ".join(filter(None, (*mark.opportunity_ids, mark.status, mark.words)))
        entries = interaction.entries(wishes, note="" if lost else mark.words)
        goes = interaction.is_ephemeral and not mark.stays
        await self._intake.accept(
            *(replace(entry, text=text, message_ts="", asked_privately=goes) for entry in entries)
        )
        return None

    async def _more(self, interaction: Interaction) -> Message | None:
        """Take a choice from the menu on a deal's card, as if it were a button."""
        chosen = MenuChoice.from_option(interaction.text)
        answer = {
            SET: self._set_status,
            SHARE: self._handlers.cards.on_share,
            REMIND: self._handlers.reminders.on_remind,
        }.get(chosen.action, self._ignore)
        return await self._if_allowed(answer)(replace(interaction, text=chosen.value))

    async def _search(self, interaction: Interaction) -> None:
        """Open the form with the search that found too many deals, and take the question away."""
        search = Search.from_value(interaction.text)
        self._handlers.form.open_later(interaction, Target("", search.location_id), search.name, search.status)
        self._outbox.remove(interaction.address, interaction.reference)

    async def _open_form(self, interaction: Interaction) -> None:
        """Open the form, for a person who reads the help. Raises `LookupFailed`."""
        home = await self._handlers.channels.home(interaction)
        self._handlers.form.open_for_any_later(interaction, home)

    async def _dismiss(self, interaction: Interaction) -> None:
        """Take a no: the question goes, as no answer is needed."""
        self._outbox.remove(interaction.address, interaction.reference)

    async def _ignore(self, _interaction: Interaction) -> None:
        return None

    async def _continue(self, interaction: Interaction, found: Continuation | NoQuestion) -> Message | None:
        """Accept the commands that an answer starts. The worker tells the person that they are under way."""
        if isinstance(found, NoQuestion):
            return self._messages.questions.cannot_go_on(found.question, interaction.reference)
        accepted = await self._intake.accept(*found.entries, looked_up=True)
        if accepted or found.question is None:
            return None
        return self._messages.questions.cannot_go_on(found.question, interaction.reference)

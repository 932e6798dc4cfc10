"""What became of one command, and why one cannot be undone. Pure but for the clock of failures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bot.commands.record import Entry, Record, UndoRefusal
from bot.commands.reply import Message
from bot.commands.request import COMMAND
from bot.deals.deal import STATES, Opportunity, Status
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    Changed,
    Failed,
    Outcome,
    Overtaken,
    Previewed,
    ReasonWanted,
    Unconfirmed,
)
from bot.deals.policy import Policy
from bot.deals.wish import Wish
from bot.slack.block_kit import mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.failures import FailureMessages
from bot.slack.messages.pieces import (
    EXAMPLE_ID,
    Installation,
    announced,
    duration,
    first_visible,
    message,
    note,
    private,
    reason_name,
    reference_line,
    status_since,
    undo_button,
)
from bot.slack.messages.questions import QuestionMessages
from bot.slack.messages.tables import CANNOT_UNDO, NOTHING_CHANGED, SPEAKS_FOR_ITSELF


@dataclass(frozen=True, slots=True)
class OutcomeMessages:
    """The one reply to a command."""

    installation: Installation
    policy: Policy
    questions: QuestionMessages
    failures: FailureMessages

    def outcome(self, outcome: Outcome, entry: Entry, undone: Record | None = None) -> Message:
        """The reply to a command that was carried out, or tried. `undone`: the change that it undid, if it did."""
        match outcome:
            case Changed() if undone:
                return self._undone(outcome, entry, undone)
            case Changed():
                return self._changed(outcome, entry)
            case Overtaken(opportunity):
                return self._overtaken(opportunity, entry)
            case AlreadySo(opportunity):
                deal = self.installation.deal(opportunity)
                return private(entry.reference, f"{deal} is already {status_since(opportunity)}.", NOTHING_CHANGED)
            case Ambiguous():
                return self.questions.which_deal(outcome, entry)
            case ReasonWanted(reasons):
                return self.questions.which_reason(reasons, entry)
            case Unconfirmed(opportunity):
                return self.questions.sure(opportunity, entry)
            case Previewed(opportunity):
                return self.questions.preview(opportunity, entry)
            case Failed():
                return self.failures.failed(outcome, entry.wish, entry.reference)
            case _:
                assert_never(outcome)

    def _changed(self, outcome: Changed, entry: Entry) -> Message:
        before, after = outcome.before, outcome.after
        who, deal = mrkdwn.user(entry.caller.user_id), self.installation.deal(after)
        small_print = (reference_line(entry.reference),)
        if before.status == after.status:
            added = f"{who} said why {deal} was lost: *{reason_name(after)}*."
            return message((added, *self._more(outcome), note(entry)), small_print, public=entry.public)
        moved = f"{who} changed {deal} from {plain(before.status)} to *{plain(after.status)}*."
        told = message(
            (moved, *self._more(outcome), _about_reason(outcome, entry.wish), note(entry)),
            small_print,
            public=entry.public,
            buttons=self._undo_button(before, after, entry.key),
        )
        lacks_reason = after.status == Status.LOST and not after.lost_reason_id
        return announced(told, entry, self.policy, lacks_reason=lacks_reason)

    def _undo_button(self, before: Opportunity, after: Opportunity, key: str) -> Sequence[Block]:
        if before.status not in STATES:
            return ()
        what = f"{plain(first_visible(after.name, 'The deal'))} becomes {before.status} again."
        return undo_button(what, key, self.policy)

    def _more(self, outcome: Changed) -> Sequence[str]:
        despite = "HighLevel did not confirm it at first, so I looked again: it is done." if outcome.despite else ""
        return (self.installation.facts(outcome.after), despite)

    def _undone(self, outcome: Changed, entry: Entry, undone: Record) -> Message:
        """In place of the message whose button was pressed; or, after a typed command, a message of its own."""
        before, after = plain(outcome.before.status), plain(outcome.after.status)
        lines = (
            # What the deal was and became, as the deal shows it: of several, `undone` is the first and another deal.
            f"{mrkdwn.user(undone.user_id)} changed {self.installation.deal(outcome.after)} from {after} to {before}.",
            f"{mrkdwn.user(entry.caller.user_id)} took that back: it is *{after}* again.",
            *self._more(outcome),
            _about_reason(outcome, entry.wish),
        )
        small_print = (reference_line(entry.reference),)
        told = message(lines, small_print, public=undone.public, replaces=bool(entry.message_ts))
        return replace(told, is_undo=True)

    def _overtaken(self, opportunity: Opportunity, entry: Entry) -> Message:
        now, wanted = plain(opportunity.status), entry.wish.status
        what = f"{self.installation.deal(opportunity)} is *{now}* now: it was changed again after that."
        then = f"To make it {wanted} all the same: {code(f'{COMMAND} {opportunity.id} {wanted}')}"
        return private(entry.reference, what, NOTHING_CHANGED, then)

    def cannot_undo(self, refusal: UndoRefusal, change: Record | None, undo: Record | None, reference: str) -> Message:
        """Why a `change` is not undone; `undo` is the command that undoes it already, or did."""
        why = CANNOT_UNDO[refusal].format(
            window=duration(self.policy.undo_window),
            before=plain(change.before or "something unknown") if change else "",
            user=mrkdwn.user(undo.user_id) if undo else "A colleague",
            when=mrkdwn.date(undo.finished_at) if undo and undo.finished_at else "a moment ago",
        )
        if refusal in SPEAKS_FOR_ITSELF:
            return private(reference, why)
        status = change.before if change and change.before in STATES else Status.OPEN
        example = f"{COMMAND} {change.opportunity_id if change else EXAMPLE_ID} {status}"
        then = f"To change a deal, type for example {code(example)}."
        return private(reference, why, NOTHING_CHANGED, then)


def _about_reason(outcome: Changed, wish: Wish) -> str:
    """What became of the lost reason; empty where there is none, was none, and was to be none."""
    before, after = outcome.before, outcome.after
    if after.status == Status.LOST:
        if after.lost_reason_id:
            return f"Lost reason: {reason_name(after)}"
        if wish.reason:
            return (
                f"Said: {code(wish.reason)}. It is not in HighLevel: there are no lost reasons, or I may not read them."
            )
    elif before.lost_reason_id and after.lost_reason_id:
        return f"HighLevel keeps its lost reason: {reason_name(after)}"
    elif before.lost_reason_id:
        return "Its lost reason was cleared."
    return ""

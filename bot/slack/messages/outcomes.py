"""What became of one command, and why one cannot be undone. Pure but for the clock of failures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bot.access.rules import Caller
from bot.commands.record import Entry, Record, UndoRefusal
from bot.commands.reply import Message
from bot.deals.deal import STATES, Opportunity, Status
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    AskedOwner,
    Changed,
    Failed,
    Guessed,
    NotYours,
    Outcome,
    Overtaken,
    Previewed,
    ReasonWanted,
    Unconfirmed,
)
from bot.deals.policy import Policy
from bot.deals.wish import Consent, Wish
from bot.slack.actions import ANYWAY, RETRY, SET, StatusChoice
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.failures import FailureMessages
from bot.slack.messages.guesses import GuessMessages, about_value
from bot.slack.messages.owners.rights import OwnerMessages
from bot.slack.messages.pieces import (
    Installation,
    again_button,
    announced,
    fits,
    message,
    note,
    notification,
    private,
    undo_button,
)
from bot.slack.messages.questions import QuestionMessages
from bot.slack.messages.tables import CANNOT_UNDO, CHEER, NOTHING_CHANGED, SPEAKS_FOR_ITSELF, UNDONE, VERB
from bot.slack.wording import doer, dotted, duration, first_visible, name_of, reason_name, status_since


@dataclass(frozen=True, slots=True)
class OutcomeMessages:
    """The one reply to a command."""

    installation: Installation
    policy: Policy
    questions: QuestionMessages
    failures: FailureMessages
    guesses: GuessMessages
    owners: OwnerMessages

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
            case Ambiguous() | Guessed():
                return self._which(outcome, entry)
            case ReasonWanted(reasons):
                return self.questions.which_reason(reasons, entry)
            case Unconfirmed(opportunity) | Previewed(opportunity):
                preview = isinstance(outcome, Previewed)
                return (
                    self.questions.preview(opportunity, entry) if preview else self.questions.sure(opportunity, entry)
                )
            case NotYours() | AskedOwner():
                return self.owners.outcome(outcome, entry)
            case Failed():
                return self._failed(outcome, entry, undone)
            case _:
                assert_never(outcome)

    def _failed(self, failed: Failed, entry: Entry, undone: Record | None) -> Message:
        wish = replace(entry.wish, name=undone.name or "") if undone else entry.wish
        return self.failures.failed(failed, wish, entry.reference, again=again_button(RETRY, entry.key))

    def _which(self, outcome: Ambiguous | Guessed, entry: Entry) -> Message:
        if isinstance(outcome, Guessed):
            return self.guesses.ask(outcome, entry.text, entry.reference)
        return self.questions.which_deal(outcome, entry)

    def _changed(self, outcome: Changed, entry: Entry) -> Message:
        """What was done, who for, and what it was worth; small below it what else tells the deal from others."""
        before, after = outcome.before, outcome.after
        who, deal = mrkdwn.user(entry.caller.user_id), self.installation.deal(after)
        if before.status == after.status:
            added = f"{who} added a lost reason to {deal}: *{reason_name(after)}*"
            small = self._small(outcome, self.installation.facts(after))
            return message((added, note(entry)), "", public=entry.public, details=small, reference=entry.reference)
        headline = f"{who} {_did(deal, after.status)}"
        worth = self.installation.money(after.value)
        reason = _about_reason(outcome, entry.wish)
        small = (
            *self._small(outcome, reason, self.installation.facts(after), f"was {plain(before.status)}"),
            about_value(entry),
        )
        told = message(
            (
                f"{CHEER} {dotted(headline, worth and f'*{worth}*')}"
                if after.status == Status.WON
                else dotted(headline, worth and f"*{worth}*"),
                note(entry),
            ),
            "",
            public=entry.public,
            details=small,
            accessory=self._undo_button(before, after, entry.key),
            reference=entry.reference,
        )
        customer = self.installation.customer(after)
        less = replace(after, company=None) if after.company else replace(after, contact=None)
        said = notification(
            dotted(headline, worth, customer),
            note(entry),
            *self._small(outcome, reason, self.installation.facts(less), f"was {plain(before.status)}"),
            about_value(entry),
        )
        lacks_reason = after.status == Status.LOST and not after.lost_reason_id
        return announced(replace(told, text=said), entry, self.policy, lacks_reason=lacks_reason)

    def _undo_button(self, before: Opportunity, after: Opportunity, key: str) -> Block | None:
        if before.status not in STATES:
            return None
        what = f"{plain(first_visible(after.name, 'This deal'))} goes back to {before.status}."
        return undo_button(what, key, self.policy)

    def _small(self, outcome: Changed, *facts: str) -> Sequence[str]:
        slow = "HighLevel was slow to confirm, but the change went through." if outcome.despite else ""
        return (dotted(*facts), slow)

    def _undone(self, outcome: Changed, entry: Entry, undone: Record) -> Message:
        """In place of every message about the change that is undone."""
        before, after = outcome.before, outcome.after
        headline = (
            f"{UNDONE} {mrkdwn.user(entry.caller.user_id)} undid this. "
            f"{self.installation.deal(after)} is *{plain(after.status)}* again."
        )
        # What the deal was, as the deal shows it: of several, `undone` is the first and another deal.
        had = "reopened it" if before.status == Status.OPEN else f"marked it {plain(before.status)}"
        did = f"{doer(undone.user_id)} had {had}"
        worth, customer = self.installation.money(after.value), self.installation.customer(after)
        small = self._small(outcome, did, worth, customer, _about_reason(outcome, entry.wish))
        told = message(
            (headline,),
            "",
            public=undone.public,
            details=small,
            reference=entry.reference,
        )
        now = f"{UNDONE} You undid that. {self.installation.deal(after)} is *{plain(after.status)}* again."
        aside = None if entry.message_ts else message((now,), "", public=False)
        return replace(told, edits=undone.public, aside=aside, replaces=bool(entry.message_ts))

    def amended(self, outcome: Changed, entry: Entry, change: Record) -> Message:
        """In place of every message about a `change` that now has a lost reason, or that the same caller corrected."""
        if outcome.before.status != outcome.after.status:
            deal, status = self.installation.deal(outcome.after), plain(outcome.after.status)
            now = message((f"Your last message now says {deal} is *{status}*.",), "", public=False)
            aside = now if entry.public and not entry.asked_privately else None
            return replace(self._changed(outcome, entry), edits=entry.public, aside=aside)
        alone = self._changed(outcome, entry)
        if not entry.public:
            return alone
        caller = replace(entry.caller, user_id=change.user_id, channel_id=change.channel_id)
        before = replace(outcome.before, status=change.before or "", lost_reason_id=change.before_lost_reason_id)
        as_made = replace(entry, key=change.key, caller=caller, note=change.note or "")
        told = self._changed(replace(outcome, before=before), as_made)
        return replace(told, also_in="", edits=True, otherwise=alone)

    def _overtaken(self, opportunity: Opportunity, entry: Entry) -> Message:
        wanted = entry.wish.status
        what = (
            f"{self.installation.deal(opportunity)} changed again since then. It's *{plain(opportunity.status)}* now."
        )
        anyway = self._anyway_button(entry) if entry.undoes else self._set_button(opportunity, wanted)
        then = f"To change it anyway, run {code(f'{self.installation.command} {opportunity.id} {wanted}')}."
        view = self.installation.view_button(opportunity.id, opportunity.location_id)
        row = (*anyway, *view)
        return private(
            entry.reference,
            what,
            NOTHING_CHANGED,
            "" if anyway else then,
            buttons=(blocks.actions(*row),) if row else (),
        )

    def _anyway_button(self, undo: Entry) -> Sequence[Block]:
        """A button that carries an undo out, whatever the deal is by now; none where none can carry its key."""
        can_be_pressed = fits(undo.key, blocks.VALUE_LIMIT)
        return (blocks.button(f"{VERB[undo.wish.status]} anyway", ANYWAY, undo.key),) if can_be_pressed else ()

    def _set_button(self, deal: Opportunity, status: Status) -> Sequence[Block]:
        """A button that gives the deal this status, whatever it is by now; none where none can carry it."""
        value = StatusChoice(deal.id, status, Consent.GIVEN, self.installation.away(deal), name_of(deal)).value
        if not fits(value, blocks.VALUE_LIMIT) or StatusChoice.from_value(value) is None:
            return ()
        return (blocks.button(f"{VERB[status]} anyway", f"{SET}_{status}", value),)

    def cannot_undo(
        self, refusal: UndoRefusal, change: Record | None, undo: Record | None, caller: Caller, reference: str
    ) -> Message:
        """Why the caller cannot undo a `change`; `undo` is the command that undoes it already, or did."""
        user = _named(undo, caller)
        why = CANNOT_UNDO[refusal].format(
            window=duration(self.policy.undo_window),
            before=plain(change.before or "an unknown status") if change else "",
            user=user,
            user_is="You're" if user == "You" else f"{user} is",
            when=mrkdwn.date(undo.finished_at) if undo and undo.finished_at else "just now",
        )
        if refusal in SPEAKS_FOR_ITSELF:
            return private(reference, why)
        known = change if change and change.opportunity_id else None
        view = self.installation.view_button(known.opportunity_id, known.location_id) if known else ()
        return private(reference, why, NOTHING_CHANGED, buttons=(blocks.actions(*view),) if view else ())


def _did(deal: str, status: str) -> str:
    """What a change of status is called, said of the person who made it."""
    match status:
        case Status.WON:
            return f"won {deal}"
        case Status.OPEN:
            return f"reopened {deal}"
        case _:
            return f"marked {deal} *{plain(status)}*"


def _named(undo: Record | None, caller: Caller) -> str:
    """Who undid it: the reader is "You"."""
    if undo is None:
        return "Someone"
    return "You" if undo.user_id == caller.user_id else mrkdwn.user(undo.user_id)


def _about_reason(outcome: Changed, wish: Wish) -> str:
    """What became of the lost reason; empty where there is none, was none, and was to be none."""
    before, after = outcome.before, outcome.after
    if after.status == Status.LOST:
        if after.lost_reason_id:
            return reason_name(after)
        if wish.reason:
            return f"Reason: {code(wish.reason)} (in Slack only, not in HighLevel)"
    elif before.lost_reason_id and after.lost_reason_id:
        return f"Lost reason still on the deal: {reason_name(after)}"
    elif before.lost_reason_id:
        return "Lost reason cleared"
    return ""

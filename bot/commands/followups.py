"""Decides what follows a command: an undo or a correction of it, or the answer to a question that it asked. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.commands.record import Entry, Origin, Record, UndoRefusal, Unfamiliar
from bot.deals.deal import STATES, Status
from bot.deals.outcome import Cause, Changed, Effect, Outcome, Result
from bot.deals.wish import Consent, Wish


@dataclass(frozen=True, slots=True)
class NoQuestion:
    """The answer has no open question: the command that asked is no longer known, or has its answer."""

    question: Record | None = None
    """The command that asked and has its answer; `None` if it is not known."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """The commands that an answer starts."""

    entries: tuple[Entry, ...]
    question: Record | None
    """The first command that asked; `None` if a lost reason is added to a deal that is lost already."""


@dataclass(frozen=True, slots=True)
class CannotUndo:
    """Why nothing is undone."""

    refusal: UndoRefusal
    change: Record | None = None
    """The change that was to be undone; `None` if there is none."""
    undo: Record | None = None
    """Another command that undid the change, or is about to; `None` if there is none."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """Changes that can be undone."""

    changes: tuple[tuple[Record, Wish], ...]
    """One or more, each with the wish that undoes it."""

    def entries(self, origin: Origin) -> list[Entry]:
        """The commands that undo the changes. Changes of one batch get one reply, even if only one of them is left."""
        wishes = [wish for _, wish in self.changes]
        return [
            replace(
                entry,
                undoes=change.key,
                batch=origin.key if change.batch else entry.batch,
                public=change.public,
                asked_privately=False,  # the button stands under a result, which stays if it cannot be undone
            )
            for entry, (change, _) in zip(origin.entries(wishes), self.changes, strict=True)
        ]

    def without(self, undos: Sequence[Record | None]) -> "Undoing | CannotUndo":
        """Leave out the changes that other commands undo.

        `undos` has one item for each change: the command that undoes it, or `None`.
        """
        left = tuple(each for each, undo in zip(self.changes, undos, strict=True) if undo is None)
        return Undoing(left) if left else self.refused(undos)

    def refused(self, undos: Sequence[Record | None]) -> CannotUndo:
        """Refuse, because other commands undo the changes; `undos` as for `without`."""
        undo = next(filter(None, undos), None)
        refusal = UndoRefusal.DONE if undo and undo.outcome else UndoRefusal.UNDER_WAY
        return CannotUndo(refusal, self.changes[0][0], undo)


def undo(changes: Sequence[Record], window: timedelta, now: datetime) -> Undoing | CannotUndo:
    """Undo a change, and the others of its batch, as far as they can be undone; none while one of them is under way.

    `changes`: one or more. `window`: how long after a command its change can be undone.
    """
    if window and (under_way := next((each for each in changes if each.outcome is None), None)):
        return CannotUndo(UndoRefusal.NOT_DONE, under_way)
    tried = [(each, undo_of(each, window, now)) for each in changes]
    wishes = tuple((each, wish) for each, wish in tried if isinstance(wish, Wish))
    if wishes:
        return Undoing(wishes)
    change, refusal = next((each, found) for each, found in tried if isinstance(found, UndoRefusal))
    return CannotUndo(refusal, change)


def undo_of(change: Record, window: timedelta, now: datetime) -> Wish | UndoRefusal:
    """The wish that undoes a change, or why there is none.

    A change can be undone for a `window` after its command was accepted; a window of zero means never. The deal
    must still have the status that this change gave it. It gets back the earlier one, with its lost reason.
    """
    if not window:
        return UndoRefusal.SWITCHED_OFF
    match change.outcome:
        case None:
            return UndoRefusal.NOT_DONE
        case Unfamiliar():
            return UndoRefusal.UNSURE
        case Result() | Cause():
            pass
        case _:
            assert_never(change.outcome)
    match change.effect:
        case Effect.UNKNOWN | Unfamiliar():
            return UndoRefusal.UNSURE
        case Effect.NOTHING | None:
            pass
        case _:
            assert_never(change.effect)
    if not change.changed or change.undoes:
        return UndoRefusal.NO_CHANGE
    if now - change.at > window:
        return UndoRefusal.TOO_OLD
    if change.before not in STATES:
        return UndoRefusal.NO_STATUS
    reason = change.before_lost_reason_id if change.before == Status.LOST else None
    return Wish(
        change.opportunity_id,
        Status(change.before),
        lost_reason_id=reason,
        only_if=change.after,
        consent=Consent.GIVEN,
        location_id=change.location_id,
    )


def choose(
    origin: Origin, question: Record | None, opportunity_id: str, seen: str = "", name: str = ""
) -> Continuation | NoQuestion:
    """Continue a command whose name fits several deals, now that the caller chose this one.

    `seen`: the status that the question showed of the deal. The caller agreed to change it from that, and is not asked
    the same again. Empty: they were not asked that. `name`: the deal's own.
    """
    if question is None or not question.open_question:
        return NoQuestion(question)
    wish = question.continued(opportunity_id=opportunity_id)
    wish = replace(wish, name=name or wish.name)
    if seen and wish.consent in {Consent.PRESUMED, Consent.WANTED}:
        wish = replace(wish, consent=Consent.CHOSEN, only_if=seen)
    return _continue(origin, [question], [wish])


def confirm(origin: Origin, asked: Sequence[Record]) -> Continuation | NoQuestion:
    """Continue the commands that showed their deals first, now that the caller said yes."""
    questions = [each for each in asked if each.was_shown]
    if not questions:
        return NoQuestion()
    return _continue(origin, questions, [question.continued() for question in questions])


def give_reason(origin: Origin, asked: Sequence[Record], lost_reason_id: str) -> Continuation | NoQuestion:
    """Continue the commands that asked for a lost reason; or else add the reason to deals that are lost already."""
    if questions := [each for each in asked if each.outcome is Result.REASON_WANTED]:
        return _continue(origin, questions, [each.continued(lost_reason_id=lost_reason_id) for each in questions])
    lost = [each for each in asked if each.changed and each.after == Status.LOST]
    if not lost:
        return NoQuestion()
    wishes = [
        replace(
            each.continued(),
            status=Status.LOST,
            lost_reason_id=lost_reason_id,
            only_if=Status.LOST,
            consent=Consent.GIVEN,
        )
        for each in lost
    ]
    entries = tuple(
        replace(
            entry,
            text=change.text,
            public=change.public,
            amends=change.key,
            batch=origin.key if change.batch else entry.batch,
            message_ts="",
        )
        for entry, change in zip(origin.entries(wishes), lost, strict=True)
    )
    return Continuation(entries, question=None)


def may_correct(entry: Entry, outcome: Outcome) -> bool:
    """Whether a command may turn out to correct an earlier change, so that it is worth to look for one."""
    alone = not (entry.undoes or entry.amends or entry.batch)
    return alone and entry.public and isinstance(outcome, Changed) and outcome.before.status != outcome.after.status


def corrected(key: str, before: str, commands: Sequence[Record], within: timedelta) -> Record | None:
    """The change that this command corrects, whose message tells of both from now on; `None` for most.

    It is the last change of the deal from Slack, by the same caller in the same channel, at most so long before, and
    the deal still was what it made it. What comes later, or from another person, is news and a message of its own.
    `key`: that of this command. `before`: the status that it found. `commands`: the latest ones about the deal, latest
    first, with this one among them.
    """
    this = next((each for each in commands if each.key == key), None)
    last = next((each for each in commands if each.changed and each.key != key), None)
    if this is None or last is None or last.undoes or last.batch or not last.public:
        return None
    same = (last.user_id, last.channel_id, last.after) == (this.user_id, this.channel_id, before)
    return last if same and this.at - last.at <= within else None


def carry_out_anyway(origin: Origin, undo: Record | None) -> Continuation | NoQuestion:
    """Give the deal the status, and the lost reason, that an undo was to give it, although it has changed again.

    That is a change of its own: it can be undone. It amends the one that was to be undone.
    """
    if undo is None or undo.outcome is not Result.OVERTAKEN or undo.undoes is None:
        return NoQuestion(undo)
    wish = replace(undo.continued(), only_if=None, consent=Consent.GIVEN)
    found = _continue(origin, [undo], [wish])
    return replace(found, entries=tuple(replace(entry, amends=undo.undoes) for entry in found.entries))


def ask_owner(origin: Origin, refused: Sequence[Record]) -> Continuation | NoQuestion:
    """Ask the owners of the deals that the caller may not change. Each is asked once for a command."""
    withheld = [each for each in refused if _can_be_asked_for(each, origin)]
    if not withheld:
        return NoQuestion(refused[0] if refused else None)
    wishes = [replace(each.continued(), consent=Consent.ASK_OWNER) for each in withheld]
    return _continue(origin, withheld, wishes)


def _can_be_asked_for(refused: Record, origin: Origin) -> bool:
    own = refused.user_id == origin.caller.user_id
    return own and refused.outcome is Result.NOT_YOURS and bool(refused.deal_owner)


def change_as_asked(origin: Origin, asked: Record | None) -> Continuation | NoQuestion:
    """Make the change that another person asked the caller for, who is the deal's owner.

    They saw the deal, so it must still have the status that they saw. They were not told who else reads the reply.
    """
    if asked is None or asked.outcome is not Result.ASKED_OWNER or asked.deal_owner != origin.caller.user_id:
        return NoQuestion(asked)
    return _continue(origin, [asked], [replace(asked.continued(), only_if=asked.before, consent=Consent.CHOSEN)])


def failed_safely(record: Record) -> bool:
    """Whether a command failed and certainly changed nothing, so that it can be run once more."""
    return isinstance(record.outcome, Cause) and record.effect is Effect.NOTHING


def retry(origin: Origin, failed: Sequence[Record]) -> Continuation | NoQuestion:
    """Run commands once more that failed and changed nothing, each as a command of its own that continues the first."""
    safely = [each for each in failed if failed_safely(each)]
    if not safely:
        return NoQuestion(failed[0] if failed else None)
    return _continue(origin, safely, [_once_more(each) for each in safely])


def _once_more(failed: Record) -> Wish:
    """The wish of a command as it was when it was accepted.

    A consent that was given on a deal's card counts for the deal as it was then: the caller may be asked again.
    """
    wish = failed.continued()
    on_a_card = wish.consent is Consent.GIVEN and failed.continues is None and not failed.only_if
    return replace(wish, consent=Consent.PRESUMED) if on_a_card else wish


def _continue(origin: Origin, questions: Sequence[Record], wishes: Sequence[Wish]) -> Continuation:
    """Start commands that look as if the caller had typed the answer at once: with the text and note of the first."""
    entries = tuple(
        replace(
            entry,
            text=asked.text,
            note=asked.note or "",
            public=asked.public,
            continues=asked.key,
            message_ts="",
        )
        for entry, asked in zip(origin.entries(wishes), questions, strict=True)
    )
    return Continuation(entries, questions[0])

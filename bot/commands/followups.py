"""What may follow a command: an undo, or the answer to a question. Gives commands, or why there are none. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.commands.record import Entry, Origin, Record, UndoRefusal
from bot.deals.deal import Status
from bot.deals.outcome import Result
from bot.deals.wish import Consent, Wish


@dataclass(frozen=True, slots=True)
class NoQuestion:
    """The question is not known any more, or has its answer already."""

    question: Record | None = None
    """The question that has its answer; `None` where nothing is known."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """The commands that an answer makes."""

    entries: tuple[Entry, ...]
    question: Record | None
    """The first question that goes on with it; `None` for a reason that is added to what is lost already."""


@dataclass(frozen=True, slots=True)
class CannotUndo:
    """Why nothing is undone."""

    refusal: UndoRefusal
    change: Record | None = None
    undo: Record | None = None
    """The command that undid the change already, or does so now."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """Changes that can be undone, each with the wish that does it."""

    changes: tuple[tuple[Record, Wish], ...]

    def entries(self, origin: Origin) -> list[Entry]:
        """The commands that undo them; what was told together is told together again, even if only one is left."""
        wishes = [wish for _, wish in self.changes]
        return [
            replace(entry, undoes=change.key, batch=origin.key if change.batch else entry.batch)
            for entry, (change, _) in zip(origin.entries(wishes), self.changes, strict=True)
        ]

    def without(self, undos: Sequence[Record | None]) -> "Undoing | CannotUndo":
        """Those that no other command undoes; `undos` are the commands that do, in the order of the changes."""
        left = tuple(each for each, undo in zip(self.changes, undos, strict=True) if undo is None)
        return Undoing(left) if left else self.refused(undos)

    def refused(self, undos: Sequence[Record | None]) -> CannotUndo:
        """Why they could not be undone: other commands were faster."""
        undo = next(filter(None, undos), None)
        refusal = UndoRefusal.DONE if undo and undo.outcome else UndoRefusal.UNDER_WAY
        return CannotUndo(refusal, self.changes[0][0], undo)


def undo(changes: Sequence[Record], window: timedelta, now: datetime) -> Undoing | CannotUndo:
    """Undo a change, and those that were made with it: those that can be undone.

    While one of them is under way nothing is undone, so that none is left as it is by accident.
    """
    if window and (under_way := next((each for each in changes if each.outcome is None), None)):
        return CannotUndo(UndoRefusal.NOT_DONE, under_way)
    tried = [(each, each.undo(window, now)) for each in changes]
    wishes = tuple((each, wish) for each, wish in tried if isinstance(wish, Wish))
    if wishes:
        return Undoing(wishes)
    change, refusal = next((each, found) for each, found in tried if isinstance(found, UndoRefusal))
    return CannotUndo(refusal, change)


def choose(origin: Origin, question: Record | None, opportunity_id: str) -> Continuation | NoQuestion:
    """One of the deals that go by a name."""
    if question is None or not question.open_question:
        return NoQuestion(question)
    return _go_on(origin, [question], [question.go_on(opportunity_id=opportunity_id)])


def confirm(origin: Origin, asked: Sequence[Record]) -> Continuation | NoQuestion:
    """Yes, to all that were asked about."""
    questions = [each for each in asked if each.was_shown]
    if not questions:
        return NoQuestion()
    return _go_on(origin, questions, [question.go_on() for question in questions])


def give_reason(origin: Origin, asked: Sequence[Record], lost_reason_id: str) -> Continuation | NoQuestion:
    """Why deals are lost: before they are, which goes on with the commands that asked; or after."""
    if questions := [each for each in asked if each.outcome is Result.REASON_WANTED]:
        return _go_on(origin, questions, [each.go_on(lost_reason_id=lost_reason_id) for each in questions])
    lost = [each for each in asked if each.changed and each.after == Status.LOST]
    if not lost:
        return NoQuestion()
    wishes = [
        replace(
            each.go_on(),
            status=Status.LOST,
            lost_reason_id=lost_reason_id,
            only_if=Status.LOST,
            consent=Consent.GIVEN,
        )
        for each in lost
    ]
    entries = origin.entries(wishes, public=lost[0].public)
    return Continuation(tuple(replace(entry, text=lost[0].text) for entry in entries), question=None)


def _go_on(origin: Origin, questions: Sequence[Record], wishes: Sequence[Wish]) -> Continuation:
    """Go on where others stopped, as if they had been asked for so."""
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

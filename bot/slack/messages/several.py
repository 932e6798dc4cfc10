"""What became of several commands that were asked for at once: one reply for all. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from bot.commands.record import Entry, Record, Unfamiliar
from bot.commands.reply import Message
from bot.deals.deal import LostReason, Status
from bot.deals.outcome import Cause, Effect, Result
from bot.deals.policy import Policy
from bot.deals.wish import Consent
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import (
    SHORT,
    Installation,
    announced,
    in_sections,
    note,
    reason_menu,
    reference_line,
    undo_button,
    why_lost,
    with_small_print,
    yes_or_no,
)
from bot.slack.messages.tables import AUTOMATIONS, FAILURES, NOTHING_CHANGED, SHARED_CHANNEL


class _Open(Enum):
    """What is left open about one of several."""

    CONFIRMATION = auto()
    PREVIEW = auto()
    """Confirming it would do what it shows."""
    REASON = auto()
    EFFECT = auto()
    """Whether it changed the deal."""
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class SeveralMessages:
    """The one reply to several commands."""

    installation: Installation
    policy: Policy

    def several(
        self, records: Sequence[Record], entry: Entry, earlier: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """A line for each; `entry` is the first of them.

        `earlier`: changes that were made together, of which these undo some or all; empty when these undo nothing.
        `reasons`: those to choose from, if a lost reason is what is missing.
        """
        undone = {record.undoes for record in records}
        rest = [record for record in earlier if record.key not in undone and not record.open_question]
        changed = [record for record in records if record.changed]
        rows = [*map(self._row, records), *map(self._row_of_rest, rest)]
        lines = [
            self._headline(records, entry),
            *(f"• {row}" for row in rows),
            *filter(None, [note(entry) if changed else ""]),
        ]
        small = reference_line(entry.reference)
        is_question = any(record.open_question for record in records)
        told = Message(
            with_small_print(lines, small),
            (
                *map(blocks.section, in_sections(lines)),
                *self._buttons(records, entry, reasons),
                blocks.context(small),
            ),
            public=entry.public if changed else self.policy.errors_in_channel and not is_question,
            replaces=bool(changed and entry.undoes and entry.message_ts),
            is_undo=bool(changed and entry.undoes),
        )
        if not changed or entry.undoes:
            return told
        lacks_reason = any(record.after == Status.LOST and not record.lost_reason_id for record in changed)
        return announced(told, entry, self.policy, lacks_reason=lacks_reason)

    def _headline(self, records: Sequence[Record], entry: Entry) -> str:
        who, status, total = mrkdwn.user(entry.caller.user_id), entry.wish.status, len(records)
        changed = sum(record.changed for record in records)
        number = f"{changed}" if changed == total else f"{changed} of {total}"
        if changed and entry.undoes:
            return f"{who} took {'a change' if total == 1 else f'{number} changes'} back:"
        if changed:
            return f"{who} changed {number} deals to *{status}*:"
        left = Counter(map(_left_open, records))
        if asked := left[_Open.CONFIRMATION]:
            shared = f" {SHARED_CHANNEL}" if entry.wish.consent is Consent.SHARED else ""
            return f"Should {asked} of these {total} deals be *{status}*?{shared} {NOTHING_CHANGED} {AUTOMATIONS}"
        if left[_Open.PREVIEW]:
            return f"This is what would happen. {NOTHING_CHANGED} {AUTOMATIONS}"
        if left[_Open.REASON]:
            why = why_lost("Why were these deals lost?", entry.wish.reason)
            return f"{why} {NOTHING_CHANGED} Choose a reason for them:"
        if left[_Open.EFFECT]:
            return f"I cannot tell of all of these {total} deals whether they changed:"
        return f"None of these {total} deals was changed:"

    def _row(self, record: Record) -> str:
        """One of several, and what became of it."""
        deal = f"*{self.installation.short_deal(record)}*"
        after, before = plain(record.after or "?", SHORT), plain(record.before or "?", SHORT)
        match record.outcome:
            case Result.CHANGED:
                return f"{deal}: {before} → *{after}*"
            case Result.ALREADY_SO:
                return f"{deal}: is *{after}* already"
            case Result.OVERTAKEN:
                return f"{deal}: left alone, for it is *{after}* now"
            case Result.UNCONFIRMED | Result.PREVIEWED:
                return f"{deal}: still {before}, would become *{plain(record.status)}*"
            case Result.REASON_WANTED:
                return f"{deal}: not changed, because it needs a lost reason"
            case Cause():
                what = FAILURES[record.outcome].what
                named = what.format(id=code(record.opportunity_id), name=code(record.called or ""))
                unsure = "I cannot tell whether it changed, so look at it."
                return f"{deal}: {'Not changed.' if _changed_nothing(record.effect) else unsure} {named}"
            case Unfamiliar(word):
                return f"{deal}: {code(word)}"
            case Result.AMBIGUOUS | None:  # several go by their ids, and all are done by now
                return f"{deal}: Not changed. "
            case _:
                assert_never(record.outcome)

    def _row_of_rest(self, record: Record) -> str:
        """One of those that were changed together with what is undone now, and is not undone itself."""
        if not record.changed:
            return self._row(record)
        before, after = plain(record.before or "?", SHORT), plain(record.after or "?", SHORT)
        return f"*{self.installation.short_deal(record)}*: not taken back, {before} → *{after}*"

    def _buttons(self, records: Sequence[Record], entry: Entry, reasons: Sequence[LostReason]) -> Sequence[Block]:
        left = Counter(map(_left_open, records))
        waiting = left[_Open.CONFIRMATION] + left[_Open.PREVIEW]
        undo = any(record.changed for record in records) and not entry.undoes
        return (
            *(reason_menu(reasons, entry.key) if reasons else ()),
            *(yes_or_no(f"Make {waiting} of them {entry.wish.status}", entry.key, no=not undo) if waiting else ()),
            *(undo_button("They become again what they were.", entry.key, self.policy) if undo else ()),
        )


def _left_open(record: Record) -> _Open:
    match record.outcome:
        case Result.UNCONFIRMED:
            return _Open.CONFIRMATION
        case Result.PREVIEWED:
            return _Open.PREVIEW
        case Result.REASON_WANTED:
            return _Open.REASON
        case Unfamiliar():  # it may be a word for a change
            return _Open.EFFECT
        case Cause():
            return _Open.NOTHING if _changed_nothing(record.effect) else _Open.EFFECT
        case Result.CHANGED | Result.ALREADY_SO | Result.OVERTAKEN | Result.AMBIGUOUS | None:
            return _Open.NOTHING
        case _:
            assert_never(record.outcome)


def _changed_nothing(effect: Effect | Unfamiliar | None) -> bool:
    """Whether a failure certainly changed nothing."""
    match effect:
        case Effect.NOTHING | None:
            return True
        case Effect.UNKNOWN | Unfamiliar():
            return False
        case _:
            assert_never(effect)

"""What became of several commands that were asked for at once: one reply for all. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import assert_never

from bot.commands.record import Entry, Record, Unfamiliar
from bot.commands.reply import Message
from bot.deals.deal import LostReason, Status
from bot.deals.outcome import Cause, Effect, Result
from bot.deals.policy import Policy
from bot.deals.wish import Consent
from bot.slack.actions import RETRY
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.failures import passes
from bot.slack.messages.owners.rights import OwnerMessages
from bot.slack.messages.pieces import (
    SHORT,
    Installation,
    again_button,
    announced,
    in_sections,
    message,
    note,
    notification,
    reason_menu,
    reference_line,
    undo_button,
    why_lost,
    yes_or_no,
)
from bot.slack.messages.tables import (
    AUTOMATIONS,
    CHEER,
    FAILURES,
    NOTHING_CHANGED,
    SHARED_CHANNEL,
    UNDONE,
    WARNING,
)
from bot.slack.wording import doer, dotted


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
    owners: OwnerMessages

    def several(
        self, records: Sequence[Record], entry: Entry, earlier: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """A line for each, problems last; `entry` is the first of them.

        `earlier`: changes that were made together, of which these undo some or all; empty when these undo nothing.
        `reasons`: those to choose from, if a lost reason is what is missing.
        """
        undone = {record.undoes for record in records}
        rest = [record for record in earlier if record.key not in undone and not record.open_question]
        changed = [record for record in records if record.changed]
        headline = self._headline(records, entry)
        if changed and earlier and earlier[0].user_id != entry.caller.user_id:
            headline += f" by {doer(earlier[0].user_id)}"
        in_order = sorted(records, key=lambda record: (not record.changed, isinstance(record.outcome, Cause)))
        rows = [*map(self._row, in_order), *map(self._row_of_rest, rest)]
        below = [*rows, *([note(entry)] if changed and entry.note else ())]
        question = self._question(records, entry)
        is_question = any(record.open_question for record in records)
        buttons = self._buttons(records, entry, reasons)
        small = "" if len(changed) == len(records) else reference_line(entry.reference)
        told = message(
            (headline,),
            small,
            public=entry.public if changed else self.policy.errors_in_channel and not is_question,
            lists=in_sections(below),
            details=question,
            buttons=buttons,
            accessory=self._undo_button(changed, entry),
            reference=entry.reference if changed else "",
        )
        told = replace(
            told,
            replaces=bool(changed and entry.undoes and entry.message_ts),
            edits=bool(changed and entry.undoes and entry.public),
        )
        if changed and entry.undoes:
            what = "that" if len(records) == 1 else f"{len(changed)} changes"
            now = message((f"{UNDONE} You undid {what}.",), "", public=False)
            return replace(told, aside=None if entry.message_ts else now)
        if not changed:
            return told
        lacks_reason = any(record.after == Status.LOST and not record.lost_reason_id for record in changed)
        return announced(told, entry, self.policy, lacks_reason=lacks_reason)

    def amended(
        self, records: Sequence[Record], entry: Entry, changes: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """In place of every message about `changes` that now have a lost reason; `records` gave it to them.

        `reasons`: those of the sub-account, for the reason's name.
        """
        given = sum(record.outcome is Result.CHANGED for record in records)
        if not given:
            return self.several(records, entry, (), ())
        named = [each.name for each in reasons if each.id == entry.wish.lost_reason_id]
        reason = f"Lost reason: *{plain(named[0])}*" if named else "Lost reason added."
        many = f"{given} deal{'s' if given > 1 else ''}"
        sentence = f"{mrkdwn.user(entry.caller.user_id)} added a lost reason to {many}. {reason}"
        alone = message((sentence,), "", public=entry.public)
        if not entry.public:
            return alone
        first = changes[0]
        caller = replace(entry.caller, user_id=first.user_id, channel_id=first.channel_id)
        told = self.several(changes, replace(entry, key=first.key, caller=caller, note=first.note or ""), (), ())
        return replace(
            told,
            text=mrkdwn.fit(f"{told.text}\n{notification(reason)}", blocks.TEXT_LIMIT),
            blocks=(*told.blocks, blocks.context(reason)),
            also_in="",
            asks_why=False,
            edits=True,
            otherwise=alone,
        )

    def _headline(self, records: Sequence[Record], entry: Entry) -> str:
        who, status, total = mrkdwn.user(entry.caller.user_id), entry.wish.status, len(records)
        changed = [record for record in records if record.changed]
        worth = self._worth(changed)
        if changed and entry.undoes:
            what = "a change" if total == 1 else f"{_of(len(changed), total)} changes"
            return f"{UNDONE} {who} undid {what}"
        if changed:
            return dotted(_did(who, status, _of(len(changed), total)), worth and f"*{worth}*")
        left = Counter(map(_left_open, records))
        if asked := left[_Open.CONFIRMATION]:
            worth = self._worth([record for record in records if record.outcome is Result.UNCONFIRMED])
            return f"{_would(status, _of(asked, total))}{f' ({worth})' if worth else ''}?"
        if left[_Open.PREVIEW]:
            worth = self._worth([record for record in records if record.outcome is Result.PREVIEWED])
            status_ = f"go to *{status}*{f' ({worth})' if worth else ''}"
            return f"Preview: {_of(left[_Open.PREVIEW], total)} deals would {status_}."
        if left[_Open.REASON]:
            return why_lost("Why were these deals lost?", entry.wish.reason)
        if asked := sum(record.outcome is Result.ASKED_OWNER for record in records):
            return f"Asked the owners of {_of(asked, total)} deals."
        if left[_Open.EFFECT]:
            return f"{WARNING} *Some of these {total} deals may have changed.*"
        return f"{WARNING} *None of the {total} deals changed.*"

    def _question(self, records: Sequence[Record], entry: Entry) -> Sequence[str]:
        """What a person who is asked needs to know before they answer."""
        left = Counter(map(_left_open, records))
        asked, nothing = left[_Open.CONFIRMATION], not any(record.changed for record in records)
        shared = SHARED_CHANNEL if asked and entry.wish.consent is Consent.SHARED else ""
        so_far = NOTHING_CHANGED if nothing and any(record.open_question for record in records) else ""
        return (shared, f"{so_far} {AUTOMATIONS if asked or left[_Open.PREVIEW] else ''}".strip())

    def _worth(self, records: Sequence[Record]) -> str:
        return self.installation.money(sum(record.value or 0 for record in records))

    def _row(self, record: Record) -> str:
        """One of several, and what became of it."""
        deal = f"*{self.installation.short_deal(record)}*"
        after, before = plain(record.after or "?", SHORT), plain(record.before or "?", SHORT)
        match record.outcome:
            case Result.CHANGED if record.undoes:
                return f"{deal} is *{after}* again"
            case Result.CHANGED:
                company = plain(record.company or "", SHORT)
                return dotted(deal, company, self.installation.money(record.value))
            case Result.ALREADY_SO | Result.OVERTAKEN:
                is_so = record.outcome is Result.ALREADY_SO
                return f"{deal}: already *{after}*" if is_so else f"{deal}: skipped, it's *{after}* now"
            case Result.UNCONFIRMED | Result.PREVIEWED:
                return dotted(f"{deal}: {before} → *{plain(record.status)}*", self.installation.money(record.value))
            case Result.REASON_WANTED:
                return f"{deal}: needs a lost reason"
            case Result.NOT_YOURS | Result.ASKED_OWNER:
                return f"{deal}: {self.owners.row(record)}"
            case Cause():
                what = FAILURES[record.outcome].what
                named = what.format(id=code(record.opportunity_id), name=code(record.called or ""))
                unsure = "may have changed, so check it."
                return f"{WARNING} {deal}: {'not changed.' if _changed_nothing(record.effect) else unsure} {named}"
            case Unfamiliar(word):
                return f"{deal}: {code(word)}"
            case Result.AMBIGUOUS | None:  # several go by their ids, and all are done by now
                return f"{deal}: not changed"
            case _:
                assert_never(record.outcome)

    def _row_of_rest(self, record: Record) -> str:
        """One of those that were changed together with what is undone now, and is not undone itself."""
        if not record.changed:
            return self._row(record)
        return f"*{self.installation.short_deal(record)}*: not undone, still *{plain(record.after or '?', SHORT)}*"

    def _undo_button(self, changed: Sequence[Record], entry: Entry) -> Block | None:
        if not changed or entry.undoes:
            return None
        label = "Undo all" if len(changed) > 1 else "Undo"
        return undo_button("These deals go back to what they were.", entry.key, self.policy, label)

    def _next_buttons(self, records: Sequence[Record], entry: Entry) -> Sequence[Block]:
        """The buttons that run those once more that failed, and that ask the owners of those that are others'."""
        again = again_button(RETRY, entry.key) if any(map(_may_pass, records)) else ()
        return (*again, *self.owners.ask_owners(records, entry.key))

    def _buttons(self, records: Sequence[Record], entry: Entry, reasons: Sequence[LostReason]) -> Sequence[Block]:
        left = Counter(map(_left_open, records))
        waiting = left[_Open.CONFIRMATION] + left[_Open.PREVIEW]
        changed = any(record.changed for record in records)
        number = f"all {waiting}" if waiting == len(records) else str(waiting)
        yes = f"Reopen {number}" if entry.wish.status == Status.OPEN else f"Mark {number} {entry.wish.status}"
        return (
            *(reason_menu(reasons, entry.key) if reasons else ()),
            *(yes_or_no(yes, entry.key, no=not changed or bool(entry.undoes)) if waiting else ()),
            *([blocks.actions(*row)] if (row := self._next_buttons(records, entry)) else ()),
        )


def _may_pass(record: Record) -> bool:
    """Whether a command that failed may succeed when it is run once more, and certainly changed nothing."""
    if not isinstance(record.outcome, Cause) or record.effect is not Effect.NOTHING:
        return False
    return passes(record.outcome, looked_again=record.after is not None)


def _of(number: int, total: int) -> str:
    return f"{number}" if number == total else f"{number} of {total}"


def _did(who: str, status: Status, number: str) -> str:
    match status:
        case Status.WON:
            return f"{CHEER} {who} won {number} deals"
        case Status.OPEN:
            return f"{who} reopened {number} deals"
        case _:
            return f"{who} marked {number} deals *{status}*"


def _would(status: Status, number: str) -> str:
    return f"Reopen {number} deals" if status == Status.OPEN else f"Mark {number} deals *{status}*"


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
        case Result.NOT_YOURS | Result.ASKED_OWNER:
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

"""A command as the ledger accepts it and as it remembers it, and what can follow: going on, or an undo. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from bot.access.rules import Caller
from bot.commands.reply import Address
from bot.deals.deal import STATES, Status
from bot.deals.outcome import Cause, Effect, Result
from bot.deals.wish import Consent, Wish


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command comes from: who typed or pressed what, and where the answer goes."""

    key: str
    """The sender's own id. The same key again is the same command."""
    reference: str
    """Eight letters and digits for people and the log."""
    caller: Caller
    text: str
    """What was typed after the command, or the value of the button or of what was chosen."""
    response_url: str
    message_ts: str = ""
    """Slack's id of the message whose button was pressed; empty for what was typed."""

    @property
    def address(self) -> Address:
        """Where the answer goes."""
        return Address(self.response_url, self.caller.channel_id, self.caller.user_id, self.message_ts)

    def entries(self, wishes: Sequence[Wish], *, note: str = "", public: bool = True) -> list["Entry"]:
        """The commands to write down: one, or several that are answered by the first of them."""
        batch = self.key if len(wishes) > 1 else None
        return [
            Entry(
                # A key of its own for each, in their order: the first has the sender's.
                key=f"{self.key}#{number:02}" if number else self.key,
                reference=self.reference,
                caller=self.caller,
                text=self.text,
                wish=wish,
                response_url=self.response_url,
                message_ts=self.message_ts,
                batch=batch,
                note=note,
                public=public,
            )
            for number, wish in enumerate(wishes)
        ]


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as the ledger accepts it: who, where, what was typed, what it asks for, and where the answer goes."""

    key: str
    """The sender's own id for the command. The same key again is the same command."""
    reference: str
    caller: Caller
    text: str
    wish: Wish
    response_url: str = ""
    """Lets its holder post to the channel for half an hour, so the ledger forgets it once the command is answered."""
    message_ts: str = ""
    """Slack's id of the message whose button was pressed; empty for what was typed."""
    undoes: str | None = None
    """The key of the command that this one undoes."""
    continues: str | None = None
    """The key of the command that stopped with a question, to which this one is the answer."""
    batch: str | None = None
    """Of several that were asked for at once: the key of the first, which answers for all."""
    note: str = ""
    """The caller's own words to be posted with the result."""
    public: bool = True
    """Whether the result is posted for all in the channel."""

    @property
    def address(self) -> Address:
        """Where the answer goes."""
        return Address(self.response_url, self.caller.channel_id, self.caller.user_id, self.message_ts)

    @property
    def needs_sharing_consent(self) -> bool:
        """Whether all in the channel would see the result, and the caller was not asked about that.

        An undo and an added lost reason need no consent: the change itself was posted there.
        """
        if not self.public or self.undoes or self.wish.only_if:
            return False
        match self.wish.consent:
            case Consent.PRESUMED | Consent.WANTED:
                return True
            case Consent.GIVEN:  # for the change; only the question that a command continues asks about the channel too
                return self.continues is None
            case Consent.PREVIEW | Consent.SHARED:
                return False
            case _:
                assert_never(self.wish.consent)


class UndoRefusal(StrEnum):
    """Why a command cannot be undone; `messages` has a sentence for each."""

    NONE_YET = "none_yet"
    NOT_DONE = "not_done"
    UNSURE = "unsure"
    UNKNOWN = "unknown"
    NO_CHANGE = "no_change"
    SWITCHED_OFF = "switched_off"
    TOO_OLD = "too_old"
    NO_STATUS = "no_status"
    UNDER_WAY = "under_way"
    DONE = "done"


class State(StrEnum):
    """How far a command has got."""

    ACCEPTED = "accepted"
    """Written down, and not begun."""
    RUNNING = "running"
    """A worker is at the deal."""
    INTENDED = "intended"
    """A worker is about to change the deal, or has just done so."""
    ANSWERED = "answered"
    """The outcome is written down; the reply is not delivered yet."""
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Unfamiliar:
    """A word that a later version of this program wrote, where this version knows only certain words."""

    word: str


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the ledger. What is `None` is not known, or not reached."""

    key: str
    reference: str
    at: datetime
    """When it was accepted, in UTC."""
    team_id: str
    user_id: str
    channel_id: str
    text: str
    opportunity_id: str
    name: str | None
    """The deal's name at that time."""
    status: str
    """The status that was asked for."""
    lost_reason_id: str | None
    """The id of the lost reason that was asked for; an undo may ask for one."""
    undoes: str | None
    state: State | Unfamiliar
    before: str | None
    before_lost_reason_id: str | None
    after: str | None
    outcome: Result | Cause | Unfamiliar | None
    """`None` while the command is under way."""
    effect: Effect | Unfamiliar | None
    """Whether a failure changed anything; `None` for all other outcomes."""
    attempts: int
    delivered: str | None
    message_ts: str | None
    trace_id: str | None
    finished_at: datetime | None
    called: str | None = None
    """The name by which the caller called the deal, instead of its id."""
    reason: str | None = None
    """Why it was lost, as the caller typed it."""
    consent: Consent | Unfamiliar = Consent.GIVEN
    continues: str | None = None
    batch: str | None = None
    note: str | None = None
    public: bool = True
    announced_in: str | None = None
    """The other channel where the result was posted; `announced_ts` is the message there."""
    announced_ts: str | None = None
    location_id: str = ""
    """The sub-account; empty where there was only one."""

    @property
    def changed(self) -> bool:
        """Whether it gave the deal another status. One that only added a lost reason did not."""
        match self.outcome:
            case Result.CHANGED:
                return self.before != self.after
            case Result.AMBIGUOUS | Result.REASON_WANTED | Result.UNCONFIRMED | Result.PREVIEWED:
                return False
            case Result.ALREADY_SO | Result.OVERTAKEN | Cause() | Unfamiliar() | None:
                return False
            case _:
                assert_never(self.outcome)

    @property
    def open_question(self) -> bool:
        """Whether it stopped with a question, and can go on with an answer."""
        match self.outcome:
            case Result.AMBIGUOUS | Result.REASON_WANTED | Result.UNCONFIRMED | Result.PREVIEWED:
                return True
            case Result.CHANGED | Result.ALREADY_SO | Result.OVERTAKEN | Cause() | Unfamiliar() | None:
                return False
            case _:
                assert_never(self.outcome)

    @property
    def was_shown(self) -> bool:
        """Whether it stopped to show the caller the deal as it was, and what would become of it."""
        match self.outcome:
            case Result.UNCONFIRMED | Result.PREVIEWED:
                return True
            case Result.AMBIGUOUS | Result.REASON_WANTED:
                return False
            case Result.CHANGED | Result.ALREADY_SO | Result.OVERTAKEN | Cause() | Unfamiliar() | None:
                return False
            case _:
                assert_never(self.outcome)

    def go_on(self, opportunity_id: str = "", lost_reason_id: str | None = None) -> Wish:
        """What it asked for, with the answer: which deal, or which lost reason.

        Where the caller was shown the deal, it must still have the status that they saw, and they are not asked again.
        """
        # A later version knows what its word permits. This version asks.
        consent = Consent.WANTED if isinstance(self.consent, Unfamiliar) else self.consent
        return Wish(
            opportunity_id or self.opportunity_id,
            Status(self.status),
            lost_reason_id or self.lost_reason_id,
            only_if=self.before if self.was_shown else None,
            name=self.called or "",
            reason=self.reason or "",
            consent=Consent.GIVEN if self.was_shown else consent,
            location_id=self.location_id,
        )

    def undo(self, window: timedelta, now: datetime) -> Wish | UndoRefusal:
        """What undoes this change, or why that cannot be done.

        A change can be undone within `window` after it was asked for; a window of zero means never. The deal must still
        show what this change set, and gets back the status that it had before, with its lost reason.
        """
        if not window:
            return UndoRefusal.SWITCHED_OFF
        match self.outcome:
            case None:
                return UndoRefusal.NOT_DONE
            case Unfamiliar():
                return UndoRefusal.UNSURE
            case Result() | Cause():
                pass
            case _:
                assert_never(self.outcome)
        match self.effect:
            case Effect.UNKNOWN | Unfamiliar():
                return UndoRefusal.UNSURE
            case Effect.NOTHING | None:
                pass
            case _:
                assert_never(self.effect)
        if not self.changed or self.undoes:
            return UndoRefusal.NO_CHANGE
        if now - self.at > window:
            return UndoRefusal.TOO_OLD
        if self.before not in STATES:
            return UndoRefusal.NO_STATUS
        reason = self.before_lost_reason_id if self.before == Status.LOST else None
        return Wish(
            self.opportunity_id,
            Status(self.before),
            lost_reason_id=reason,
            only_if=self.after,
            consent=Consent.GIVEN,
            location_id=self.location_id,
        )

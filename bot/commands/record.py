"""A command as it is written down, as it is remembered, and whether it can be taken back. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from bot.access.rules import Caller
from bot.commands.reply import Address
from bot.deals.deal import STATES, Status
from bot.deals.wish import Consent, Wish


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command comes from: who typed or pressed what, and where the answer goes."""

    key: str
    """The sender's own id: the same key again is the same command, not another."""
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
    """A command as it is accepted: who, where, what was typed, what it asks for, and where the answer goes."""

    key: str
    """The sender's own id for the command: the same key again is the same command, not another."""
    reference: str
    caller: Caller
    text: str
    wish: Wish
    response_url: str = ""
    """A key to the channel for half an hour: it is kept until the command is answered, and no longer."""
    message_ts: str = ""
    """Slack's id of the message whose button was pressed; empty for what was typed."""
    undoes: str | None = None
    """The key of the command that this one takes back."""
    continues: str | None = None
    """The key of the command that could not go on without an answer, and this is the answer."""
    batch: str | None = None
    """Of several that were asked for at once: the key of the first of them, which answers for all."""
    note: str = ""
    """What the people in the channel shall read with it."""
    public: bool = True
    """Whether the people in the channel shall see it."""

    @property
    def address(self) -> Address:
        """Where the answer goes."""
        return Address(self.response_url, self.caller.channel_id, self.caller.user_id, self.message_ts)

    @property
    def needs_sharing_consent(self) -> bool:
        """Whether everybody in the channel would see what comes of it, without anybody having been asked about that.

        What takes a change back, or adds to one, is told where the change was told already.
        """
        if not self.public or self.undoes or self.wish.only_if:
            return False
        match self.wish.consent:
            case Consent.PRESUMED | Consent.WANTED:
                return True
            case Consent.GIVEN:  # about the deal, before this was asked for
                return self.continues is None
            case Consent.PREVIEW | Consent.SHARED:
                return False
            case _:
                assert_never(self.wish.consent)


class UndoRefusal(StrEnum):
    """Why a command cannot be taken back; `messages` has a sentence for each."""

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


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the ledger. What is `None` was not known, or not reached."""

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
    """The deal's name as it was then."""
    status: str
    """What was asked for."""
    lost_reason_id: str | None
    """The reason that was asked for with it, as an undo restores it."""
    undoes: str | None
    state: str
    before: str | None
    before_lost_reason_id: str | None
    after: str | None
    outcome: str | None
    """`changed`, `already_so`, `overtaken`, or the cause of a failure."""
    effect: str | None
    """Of a failure: whether anything changed, `nothing` or `unknown`."""
    attempts: int
    delivered: str | None
    message_ts: str | None
    trace_id: str | None
    finished_at: datetime | None
    called: str | None = None
    """What the deal was called instead of its id."""
    reason: str | None = None
    """Why it was lost, as it was typed."""
    consent: str = Consent.GIVEN.value
    continues: str | None = None
    batch: str | None = None
    note: str | None = None
    public: bool = True
    announced_in: str | None = None
    """The channel where the result was posted besides; `announced_ts` is that message."""
    announced_ts: str | None = None
    location_id: str = ""
    """The sub-account; empty where there was only one."""

    @property
    def changed(self) -> bool:
        """Whether it gave the deal another status; not when it only added a reason."""
        return self.outcome == "changed" and self.before != self.after

    @property
    def open_question(self) -> bool:
        """Whether it stopped because it needs an answer, with which it can go on."""
        return self.outcome in {"ambiguous", "reason_wanted", "unconfirmed", "previewed"}

    def go_on(self, opportunity_id: str = "", lost_reason_id: str | None = None) -> Wish:
        """What it asked for, with the answer that it needed.

        Where somebody was shown the deal, it must still have the status that they saw, and nobody is asked again.
        """
        was_shown = self.outcome in {"unconfirmed", "previewed"}
        return Wish(
            opportunity_id or self.opportunity_id,
            Status(self.status),
            lost_reason_id or self.lost_reason_id,
            only_if=self.before if was_shown else None,
            name=self.called or "",
            reason=self.reason or "",
            consent=Consent.GIVEN if was_shown else Consent(self.consent),
            location_id=self.location_id,
        )

    def undo(self, window: timedelta, now: datetime) -> Wish | UndoRefusal:
        """What takes this change back, if it can be: within `window` after it was asked for, which is zero for never.

        The deal must still show what this change set, and gets back what it had before, with its lost reason.
        """
        if not window:
            return UndoRefusal.SWITCHED_OFF
        if self.outcome is None:
            return UndoRefusal.NOT_DONE
        if self.effect == "unknown":
            return UndoRefusal.UNSURE
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

"""A command as it is accepted, and as the ledger remembers it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from bot.access.rules import Caller
from bot.commands.reply import Address
from bot.deals.deal import Status
from bot.deals.outcome import Cause, Effect, Result, Withheld
from bot.deals.wish import Consent, Wish


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command comes from: who sent what, and where the reply goes."""

    key: str
    """Slack's id for what the caller did: if the same key comes again, it is the same command."""
    reference: str
    """Eight letters and digits, which people read out and the log names."""
    caller: Caller
    text: str
    """What the caller typed after the command, or the value of the button or the option that they chose."""
    response_url: str
    message_ts: str = ""
    """Slack's id of the message whose button was pressed; empty for a typed command."""
    is_ephemeral: bool = False
    """Whether the button or the menu is in a message that only this person sees."""

    @property
    def address(self) -> Address:
        """Where the reply goes."""
        return Address(self.response_url, self.caller.channel_id, self.caller.user_id, self.message_ts)

    def entries(self, wishes: Sequence[Wish], *, note: str = "", public: bool = True) -> list["Entry"]:
        """The commands to accept, one for each wish. Several wishes make a batch, which gets one reply."""
        batch = self.key if len(wishes) > 1 else None
        return [
            Entry(
                # Each has a key of its own, and the keys sort in their order. The first has Slack's.
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
                asked_privately=self.is_ephemeral,
            )
            for number, wish in enumerate(wishes)
        ]


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as it is accepted. Fields that `Origin` has too mean the same."""

    key: str
    reference: str
    caller: Caller
    text: str
    wish: Wish
    response_url: str = ""
    """With it anyone may post in the channel for half an hour: it is stored until the reply is delivered, no longer."""
    message_ts: str = ""
    undoes: str | None = None
    """The key of the command that this one undoes."""
    continues: str | None = None
    """The key of the command that asked a question, if this is the answer; or that failed, if it is run once more."""
    amends: str | None = None
    """The key of the change that this one adds a lost reason to, or corrects: its messages tell of both."""
    batch: str | None = None
    """The key of the batch's first command, which gets the reply; `None` for a command that is alone."""
    note: str = ""
    """What the caller adds for the people in the channel."""
    public: bool = True
    """Whether the people in the channel see the reply."""
    asked_why: bool = False
    """Whether the caller was asked for the lost reason already, as in the form, and is not asked again."""
    asked_privately: bool = False
    """Whether the caller pressed a button in a message that only they see. It says "On it…" until the result is told:
    then a private result replaces it, and beside a public one it is deleted."""

    @property
    def address(self) -> Address:
        """Where the reply goes."""
        return Address(self.response_url, self.caller.channel_id, self.caller.user_id, self.message_ts)

    @property
    def is_from_home(self) -> bool:
        """Whether a person gave it in the Home tab, which is in no channel: they get the reply in a direct message."""
        return bool(self.caller.user_id) and not self.caller.channel_id

    @property
    def needs_sharing_consent(self) -> bool:
        """Whether the caller must confirm first in a channel that is shared with another company.

        An undo needs no confirmation, and no lost reason for a change: the channel has seen the change already.
        """
        if (
            self.is_from_home
            or not self.public
            or self.undoes
            or (self.wish.only_if and self.wish.consent is not Consent.CHOSEN)
        ):
            return False
        match self.wish.consent:
            case Consent.PRESUMED | Consent.WANTED | Consent.CHOSEN:
                return True
            case Consent.GIVEN:  # given on a deal's card, the caller confirmed the deal only, not that others read it
                return self.continues is None
            case Consent.PREVIEW | Consent.SHARED | Consent.ASK_OWNER:
                return False
            case _:
                assert_never(self.wish.consent)


class UndoRefusal(StrEnum):
    """Why a command cannot be undone; `slack/messages/tables.py` has a sentence for each."""

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
    """A worker has the deal, and has not written to it."""
    INTENDED = "intended"
    """A worker is about to change the deal, or has just done so."""
    ANSWERED = "answered"
    """The outcome is written down; the reply is not delivered yet."""
    FINISHED = "finished"
    """The reply is delivered, or given up."""


@dataclass(frozen=True, slots=True)
class Unfamiliar:
    """A word in the database that this version does not know, because a later version wrote it."""

    word: str


@dataclass(frozen=True, slots=True)
class Record:
    """A command as the ledger remembers it. `None`: not known, or not reached."""

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
    """The status that the caller asked for."""
    lost_reason_id: str | None
    """The lost reason that the caller asked for, or that an undo restores."""
    undoes: str | None
    state: State | Unfamiliar
    before: str | None
    """The deal's status before the command."""
    before_lost_reason_id: str | None
    after: str | None
    """The deal's status after the command."""
    outcome: Result | Cause | Unfamiliar | None
    """`None` while the command is under way."""
    effect: Effect | Unfamiliar | None
    """Whether a failed command changed the deal; `None` unless it failed."""
    attempts: int
    """See `Claim.attempts`."""
    delivered: str | None
    """A `DeliveryWay`."""
    message_ts: str | None
    """Slack's id of the message that tells of it in the command's channel."""
    trace_id: str | None
    """HighLevel's id for the request that changed the deal."""
    finished_at: datetime | None
    """In UTC."""
    called: str | None = None
    """What the caller typed instead of the deal's id."""
    reason: str | None = None
    """Why the deal was lost, as the caller typed it."""
    consent: Consent | Unfamiliar = Consent.GIVEN
    continues: str | None = None
    batch: str | None = None
    note: str | None = None
    public: bool = True
    announced_in: str | None = None
    """The other channel where the reply was posted, as `announced_ts`."""
    announced_ts: str | None = None
    location_id: str = ""
    """The sub-account; empty if there was only one."""
    amends: str | None = None
    only_if: str | None = None
    """The status that the deal had to have still; `None` for any."""
    value: float | None = None
    company: str | None = None
    """The deal's monetary value, and its company, at that time."""
    said: str | None = None
    """HighLevel's own words of a refusal."""
    withheld: Withheld | Unfamiliar | None = None
    """Why its caller may not change the deal; of a change, what did not stop it."""
    deal_owner: str | None = None
    """The Slack user id of the deal's owner, who is to be told or asked."""

    @property
    def messages(self) -> tuple[tuple[str, str], ...]:
        """The channel and the id of each message that tells of it, as far as Slack said."""
        places = (self.channel_id, self.message_ts), (self.announced_in, self.announced_ts)
        return tuple((channel_id, ts) for channel_id, ts in places if channel_id and ts)

    @property
    def changed(self) -> bool:
        """Whether it gave the deal another status. A lost reason alone does not count."""
        match self.outcome:
            case Result.CHANGED:
                return self.before != self.after
            case Result() | Cause() | Unfamiliar() | None:
                return False
            case _:
                assert_never(self.outcome)

    @property
    def open_question(self) -> bool:
        """Whether it stopped to ask the caller something, and an answer continues it."""
        match self.outcome:
            case Result.AMBIGUOUS | Result.REASON_WANTED | Result.UNCONFIRMED | Result.PREVIEWED:
                return True
            case Result() | Cause() | Unfamiliar() | None:  # a refusal too: its answer is the deal's owner's
                return False
            case _:
                assert_never(self.outcome)

    @property
    def was_shown(self) -> bool:
        """Whether it showed the caller the deal, and what it would change, instead of changing it."""
        match self.outcome:
            case Result.UNCONFIRMED | Result.PREVIEWED:
                return True
            case Result() | Cause() | Unfamiliar() | None:
                return False
            case _:
                assert_never(self.outcome)

    def continued(self, opportunity_id: str = "", lost_reason_id: str | None = None) -> Wish:
        """Its wish, with the caller's answer to what it asked.

        If the caller saw the deal, it must still have the status that they saw, and they are not asked again.
        """
        # What a later version's word permits is not known here, so this version asks.
        consent = Consent.WANTED if isinstance(self.consent, Unfamiliar) else self.consent
        return Wish(
            opportunity_id or self.opportunity_id,
            Status(self.status),
            lost_reason_id or self.lost_reason_id,
            only_if=self.before if self.was_shown else self.only_if,
            name=self.name or self.called or "",
            reason=self.reason or "",
            consent=Consent.GIVEN if self.was_shown else consent,
            location_id=self.location_id,
        )


@dataclass(frozen=True, slots=True)
class Noted:
    """A command that was not accepted, as the trail remembers it: neither what was typed, nor a deal."""

    reference: str
    at: datetime
    """When it was noted, in UTC."""
    team_id: str
    user_id: str
    channel_id: str
    outcome: str
    """One of `instrumentation.NOT_ACCEPTED`."""
    detail: str
    """Why it was refused, what was not understood, or what was looked at, as the log has it."""

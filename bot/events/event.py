"""HighLevel's notice that something happened to a deal, and what the bot does with it. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """How the bot learned of it."""

    WEBHOOK = "webhook"
    """A marketplace app's webhook, signed by HighLevel."""
    WORKFLOW = "workflow"
    """The webhook action of a workflow, with a token of the operator's."""
    POLL = "poll"
    """The bot asked for deals whose status has changed."""


class Kind(StrEnum):
    """What happened to the deal, as far as the notice says. The deal is read before anything is told."""

    CHANGED = "changed"
    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Event:
    """A notice: of all that it may have said, only what is needed to read the deal."""

    key: str
    """The same key again is the same event."""
    source: Source
    kind: Kind
    location_id: str
    opportunity_id: str


class Reception(StrEnum):
    """What is done with a request that claims to bring an event, or with a row of a poll."""

    RECEIVED = "received"
    """Written down."""
    REPEATED = "repeated"
    """Written down before; HighLevel repeats what it got no answer to."""
    OTHER_TYPE = "other_type"
    """Genuine, and not about the status of a deal."""
    OTHER_APP = "other_app"
    """Genuine, and meant for another app of the marketplace."""
    OTHER_LOCATION = "other_location"
    """Genuine, and about a sub-account that the settings do not name."""
    UNREADABLE = "unreadable"
    """No JSON object, or without the ids that it must have."""
    UNSIGNED = "unsigned"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - the name of a reception
    TOO_LARGE = "too_large"
    CUT_OFF = "cut_off"
    """Its sender hung up before the end."""
    NOT_STORED = "not_stored"
    """The database is away; HighLevel is to send it again."""


class EventState(StrEnum):
    """How far an event has got."""

    RECEIVED = "received"
    """Written down; its deal is not read yet."""
    HELD = "held"
    """Its deal was read, and is to be posted."""
    FINISHED = "finished"


class Verdict(StrEnum):
    """What became of an event. The metrics use these words."""

    REPEATED = "repeated"
    """Another event about the deal came before its deal was read, and stands for this one."""
    UNCHANGED = "unchanged"
    """The deal has the status that the bot knew. So it is after each change that the bot made itself."""
    OURS = "ours"
    """A command of the bot's did it, which could not find out whether it did."""
    LEARNED = "learned"
    """The bot did not know the deal, and nothing says that it has just changed."""
    NOT_WATCHED = "not_watched"
    """It changed to a status, at a value or in a pipeline that the settings leave out."""
    GONE = "gone"
    """There is no such deal in our sub-accounts any more."""
    UNREAD = "unread"
    """HighLevel did not show the deal for a whole day."""
    SUPERSEDED = "superseded"
    """The deal changed again before this was posted."""
    MUTED = "muted"
    """The channel was muted."""
    ANNOUNCED = "announced"
    """A message of its own."""
    GROUPED = "grouped"
    """Posted in one message with others."""


@dataclass(frozen=True, slots=True)
class Known:
    """A deal as the bot remembers it."""

    status: str
    lost_reason_id: str | None
    since: str | None
    """Since when it has this status, as HighLevel said; as the column has it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The events about one deal that this process has taken, to read the deal for all of them."""

    numbers: tuple[int, ...]
    """Their numbers in the database, the oldest first."""
    kind: Kind
    """Of the oldest."""
    source: Source
    location_id: str
    opportunity_id: str
    age: float
    """Seconds since the oldest came."""
    attempts: int
    """How often the deal could not be read."""
    version: int
    """Of the bot's memory of the deal, before it was read; 0 if there was none."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of an event whose deal was read."""

    verdict: Verdict | None
    """`None`: it is to be posted."""
    channel_id: str = ""
    before: Known | None = None
    """The deal before, if the bot knew it."""


class Settled(StrEnum):
    """Whether what a process read of a deal was written down."""

    DONE = "done"
    BUSY = "busy"
    """A command is changing the deal: whose change this is, is known when it has its outcome."""
    MOVED = "moved"
    """The bot learned of a change after the process began to read the deal; it has to be read again."""
    LOST = "lost"
    """Another process has the events by now."""

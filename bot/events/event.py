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

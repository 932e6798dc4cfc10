"""What comes due, what is posted then, and how it can end. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.access.rules import Caller
from bot.commands.reply import Message
from bot.deals.deal import Target

NO_DEAL = Target("")


class Kind(StrEnum):
    """What it is that comes due. A `Duty` serves each."""

    REMINDER = "reminder"
    DIGEST = "digest"


class DueState(StrEnum):
    """How far it has got."""

    WAITING = "waiting"
    """Its time has not come, or it is being worked on."""
    FINISHED = "finished"


class Ending(StrEnum):
    """How it ended. The log uses these words."""

    POSTED = "posted"
    CLOSED = "closed"
    """Nothing was said: the deal was closed by then."""
    GONE = "gone"
    """Nothing was said: there is no such deal any more."""
    DENIED = "denied"
    """Nothing was said: the person may not see deals any more."""
    REFUSED = "refused"
    """Slack refused the message for good."""
    GIVEN_UP = "given_up"
    """It could not be done for about a day."""
    MISSED = "missed"
    """Nothing was said: it was too late for it to be worth reading."""
    CANCELED = "canceled"
    """The person no longer wanted it."""
    REPLACED = "replaced"
    """The person asked for the same at another time."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to come due."""

    key: str
    """The same key again is the same thing: Slack's id of the command or the press, or a digest's period."""
    kind: Kind
    due: datetime
    """When it comes due; with a time zone."""
    caller: Caller
    """Who asked for it, and where. Empty ids where a setting asks for it; then the channel is where it is posted."""
    deal: Target = NO_DEAL
    """The deal that it is about; empty for none."""
    name: str = ""
    """The deal's name at that time."""


@dataclass(frozen=True, slots=True)
class Due:
    """What has come due, and this process has taken."""

    planned: Planned
    late: float
    """Seconds since it came due."""
    attempts: int
    """How often it could not be done so far."""

    @property
    def key(self) -> str:
        """Its key."""
        return self.planned.key


@dataclass(frozen=True, slots=True)
class Posting:
    """What is to be posted for it, and where."""

    message: Message
    conversation: str
    """The id of a channel; or of a person, for a direct message."""
    kept: str = ""
    """What is kept with its row, if it is posted: for those that come after it."""
    insists: bool = False
    """Whether it is tried again where Slack refuses it for good: an admin may invite Opp Status to the channel."""


class NotNow(Exception):
    """It cannot be done now, and may be later. It is tried again."""

    def __init__(self, seconds: float = 0.0, *, failed: bool = True) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        """Until then at least; 0 if that is not known."""
        self.failed = failed
        """`False` if it only has to wait, which is no failed attempt."""

"""What an operator decides about commands, as a value. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.deals.deal import Status


class LostReasonMode(StrEnum):
    """Whether a deal needs a reason to be lost."""

    OPTIONAL = "optional"
    ASK = "ask"
    """The caller is asked afterwards, privately."""
    REQUIRED = "required"
    """The deal is not lost without one, where HighLevel has any."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """When the caller is asked before deals are changed."""

    above: int | None = None
    """Before more than this many are changed at once; `None` for never."""
    leaving: frozenset[Status] = frozenset()
    """Before a deal leaves one of these statuses."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator decides about commands. `Settings.policy` makes it, once."""

    statuses: frozenset[Status]
    """Those that callers may set."""
    undo_window: timedelta
    """How long after a command its change can be undone; zero for never."""
    lost_reason: LostReasonMode
    confirm: Confirm
    announce_channels: Mapping[Status, str]
    """Where a change to this status is posted besides the channel it was made in; a status may be missing."""
    errors_in_channel: bool
    """Whether the whole channel sees the failures of callers who may change deals."""
    stuck_days: int = 21
    """An open deal that has not moved for so many days is stuck; 0: none is."""

    @property
    def offered(self) -> tuple[Status, ...]:
        """`statuses` in the order in which people read them."""
        return tuple(status for status in Status if status in self.statuses)

    @property
    def asks_for_reason(self) -> bool:
        """Whether the caller is asked for a missing lost reason after the change."""
        return self.lost_reason is LostReasonMode.ASK

    @property
    def requires_reason(self) -> bool:
        """Whether a deal is lost only with a reason."""
        return self.lost_reason is LostReasonMode.REQUIRED

"""What a digest tells. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.schedule.digest.figures import Figures, Sent, as_kept
from bot.schedule.digest.periods import Week


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a week, and what they are compared with."""

    week: Week
    now: datetime
    """When they were read: open deals are told as they are then."""
    parts: Mapping[str, Figures]
    """By the sub-account's id; at least one."""
    earlier: Sent | None = None
    """An earlier digest of these sub-accounts; `None` if there is none to compare with."""

    @property
    def figures(self) -> Figures:
        """Those of all sub-accounts together."""
        return sum(self.parts.values(), Figures())

    @property
    def before(self) -> Figures | None:
        """What people read of the earlier week; `None` if there is nothing to compare with."""
        return self.earlier.of(self.parts) if self.earlier else None

    @property
    def kept(self) -> str:
        """What is kept of it, for the next to be compared with."""
        return as_kept(Sent(self.week, self.parts))

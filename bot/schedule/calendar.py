"""The time of day by which things come due. A test or the demo sets it forward: a week must not take one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(slots=True)
class Calendar:
    """The time of this process, and by how much the schedule is ahead of it."""

    ahead: float = 0.0
    """Seconds; 0 in a deployed bot."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

"""Which changes made in HighLevel are posted, where and when, as the operator decided. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.deals.deal import Opportunity, Status

LONGEST_PIPELINE = 100
"""Characters of a pipeline's name."""

_TIME = r"((?:[01][0-9]|2[0-3]):[0-5][0-9])"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The part of each day in which nothing is posted. `begin` may be later than `end`: then it spans midnight."""

    begin: time
    end: time
    zone: ZoneInfo

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `22:00-07:00 Europe/Berlin`. Raises `ValueError`, with what it should be."""
        found = re.fullmatch(rf"{_TIME}\s*-\s*{_TIME}\s+([A-Za-z0-9/_+-]{{1,50}})", text)
        problem = "should be two different times and a time zone, such as 22:00-07:00 Europe/Berlin"
        if found is None or found[1] == found[2]:
            raise ValueError(problem)
        try:
            return cls(time.fromisoformat(found[1]), time.fromisoformat(found[2]), ZoneInfo(found[3]))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, such as Europe
            raise ValueError(f"{problem}. This computer doesn't know that time zone") from error

    def hold(self, moment: datetime) -> bool:
        """Whether this moment, which has a time zone, is in them."""
        local = moment.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


def read_pipelines(entries: Sequence[str]) -> frozenset[str]:
    """Names or ids of pipelines, whose case does not matter. Raises `ValueError`, with what they should be."""
    if any(len(entry) > LONGEST_PIPELINE for entry in entries):
        raise ValueError("should be names or IDs of pipelines, separated by commas")
    return frozenset(entry.casefold() for entry in entries)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is posted. `Settings.watch_policy` makes it, once."""

    channels: Mapping[Status, str]
    """Where a change to this status is posted; a status may be missing."""
    statuses: frozenset[Status]
    min_value: float = 0.0
    """Deals of a lower value are left out, and those without a value, unless this is 0."""
    pipelines: frozenset[str] = frozenset()
    """Ids or names of pipelines, in lower case; none for all."""
    quiet_hours: QuietHours | None = None
    celebrate: float | None = None
    """Wins of at least this value get a line of their own; `None` for none."""

    @property
    def is_on(self) -> bool:
        """Whether any change is posted."""
        return bool(self.statuses & self.channels.keys())

    def channel_of(self, deal: Opportunity) -> str:
        """Where a deal is posted that has just got its status; empty for nowhere."""
        statuses = {status.value: status for status in self.statuses}
        status = statuses.get(deal.status)
        if status is None or (self.min_value and (deal.value or 0.0) < self.min_value):
            return ""
        named = {each.casefold() for each in (deal.pipeline_id, deal.pipeline) if each}
        if self.pipelines and not named & self.pipelines:
            return ""
        return self.channels.get(status, "")

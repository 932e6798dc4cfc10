"""When a digest is due, and which week it tells of. Pure.

Times are an operator's, on the clock of their time zone: at the change to and from daylight saving time the weeks have
an hour less or more. A time that the change skips is an hour later on that day; one that comes twice is the first.
https://peps.python.org/pep-0495/
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEK = timedelta(days=7)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FORM = (
    "should be a day, a time, a time zone, and a channel ID, such as mon 09:00 Europe/Berlin C012AB3CD. "
    "A sub-account can follow"
)
TWICE = "has two digests of the same deals, in one channel, on one day. Remove one"
_ENTRY = re.compile(
    r"(?P<day>[A-Za-z]{3,9})\s+(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])\s+(?P<zone>[A-Za-z0-9/_+-]{1,50})"
    r"\s+(?P<channel>[CG][A-Z0-9]{2,})(?:\s+(?P<location>.+))?"
)


@dataclass(frozen=True, slots=True)
class Week:
    """The time that a digest tells of."""

    since: datetime
    """The beginning; like the end in UTC."""
    until: datetime
    """The end, which is not part of it."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest that an operator wants to be posted each week."""

    weekday: int
    """0 is Monday."""
    at: time
    zone: ZoneInfo
    channel_id: str
    location_id: str = ""
    """The sub-account whose deals it has; empty for all. As `read_digest` gives it, it may be the name of one."""

    def due_after(self, moment: datetime) -> date:
        """The day of the first digest that is due later than this moment, in its time zone."""
        today = moment.astimezone(self.zone).date()
        day = today + timedelta(days=(self.weekday - today.weekday()) % len(DAYS))
        return day if self.due_on(day) > moment else day + WEEK

    def key(self, day: date) -> str:
        """What tells the digest of this day from others. A digest at another time of the day is the same."""
        return f"digest:{self.channel_id}:{self.location_id}:{day.isoformat()}"

    def day_of(self, key: str) -> date | None:
        """The day of this digest that has the key; `None` if none has."""
        try:
            day = date.fromisoformat(key.rpartition(":")[2])
        except ValueError:
            return None
        return day if day.weekday() == self.weekday and self.key(day) == key else None

    def due_on(self, day: date) -> datetime:
        """When it is due on this day, in UTC."""
        return datetime.combine(day, self.at, self.zone).astimezone(UTC)

    def week_to(self, day: date) -> Week:
        """The week that ends when it is due on this day."""
        return Week(self.due_on(day - WEEK), self.due_on(day))


def read_digest(entry: str) -> Digest:
    """Read `mon 09:00 Europe/Berlin C012AB3CD`. Raises `ValueError`, with what it should be."""
    found = _ENTRY.fullmatch(entry)
    weekday = _weekday(found["day"]) if found else None
    if found is None or weekday is None:
        raise ValueError(FORM)
    try:
        zone = ZoneInfo(found["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, such as Europe
        raise ValueError(f"{FORM}. This computer doesn't know that time zone") from error
    at = time(int(found["hour"]), int(found["minute"]))
    return Digest(weekday, at, zone, found["channel"], " ".join((found["location"] or "").split()))


def posted_once_a_day(digests: Sequence[Digest]) -> bool:
    """Whether no two digests have the same deals, channel and day: such two would be one."""
    return len({(each.weekday, each.channel_id, each.location_id) for each in digests}) == len(digests)


def last_seven_days(moment: datetime) -> Week:
    """The week that ends now."""
    return Week(moment - WEEK, moment)


def _weekday(word: str) -> int | None:
    folded = word.casefold()
    return next((at for at, day in enumerate(DAYS) if day.startswith(folded)), None)

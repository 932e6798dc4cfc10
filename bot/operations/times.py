"""Reads points in time as people type them. Pure."""

import re
from datetime import UTC, date, datetime, time, timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_EXPECTED = (
    "use a date such as 2026-11-24, a date and time such as 2026-11-24T18:30, or a period such as 30m, 24h, or 7d"
)


def period(text: str) -> timedelta | None:
    """Read a whole number of minutes, hours or days, such as `30m`, `24h` or `7d`; `None` for anything else."""
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text.lower())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def beginning(text: str, now: datetime) -> datetime:
    """Read where a span of time begins: so long before `now`, at that time, or when that day begins. In UTC.

    A date, and a time without a zone, are taken as UTC. Raises `ValueError` with words for the person who typed it.
    """
    back = period(text)
    if back is not None:
        return now - back
    try:
        typed = datetime.fromisoformat(text)
        return (typed if typed.tzinfo else typed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_EXPECTED) from None


def end(text: str, now: datetime) -> datetime:
    """Read where it ends, which is not part of it: as `beginning`, but a day ends when the next begins."""
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
    except (ValueError, OverflowError):
        return beginning(text, now)

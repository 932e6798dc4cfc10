"""Reads the day of a reminder: `friday`, `in 3 days`, `next monday`, `dec 24`, `2026-12-24`. Pure.

A text is a `Day`, which becomes a date with the caller's today. What may mean two days, as 3/4, is no day: it is asked
about. So is a time of day.
"""

import calendar
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, auto
from typing import assert_never

from bot.commands.text.typography import Word

FURTHEST = 366
"""Days ahead for which there are reminders."""
LONGEST = 5
"""Words of a day."""


@dataclass(frozen=True, slots=True)
class After:
    """So many days and months after today."""

    days: int = 0
    months: int = 0


@dataclass(frozen=True, slots=True)
class OnWeekday:
    """The next such day of the week after today; or, if it was called so, the one of the next week."""

    weekday: int
    """0 is Monday."""
    of_next_week: bool = False
    """Weeks begin on Monday."""


@dataclass(frozen=True, slots=True)
class OnDate:
    """A date, whose year may be left out: then it is the next one after today."""

    month: int
    day: int
    year: int | None = None


Day = After | OnWeekday | OnDate


class Unclear(Enum):
    """Why there can be no reminder on a day."""

    NO_DAY = auto()
    """No day was named, or what was typed is none."""
    TOO_EARLY = auto()
    """It is today, or was before."""
    TOO_FAR = auto()
    """It is more than a year away."""


def read_at_end(words: Sequence[Word]) -> tuple[int, Day] | None:
    """The day with which the words end, and how many words stand before it; `None` if they end with none."""
    for at in range(max(0, len(words) - LONGEST), len(words)):
        if day := _read(words[at:]):
            return at, day
    return None


def read_at_beginning(words: Sequence[Word]) -> tuple[int, Day] | None:
    """The day with which the words begin, and how many words it has; `None` if they begin with none."""
    for end in range(min(LONGEST, len(words)), 0, -1):
        if day := _read(words[:end]):
            return end, day
    return None


def read_day(text: str) -> Day | None:
    """The day that a text names, which has no other words; `None` if it names none, or might name another too."""
    asked = _AT_NINE.sub("", " ".join(text.casefold().split())).removeprefix("on ").removeprefix("by ")
    for pattern, read in _READINGS:
        if found := pattern.fullmatch(asked):
            return read(found)
    return None


def date_of(day: Day | None, today: date) -> date | Unclear:
    """The date of a day; or why there is no reminder then."""
    if day is None:
        return Unclear.NO_DAY
    found = _date_of(day, today)
    if found is None or found <= today:
        return Unclear.TOO_EARLY if found else Unclear.NO_DAY
    return found if (found - today).days <= FURTHEST else Unclear.TOO_FAR


def _date_of(day: Day, today: date) -> date | None:
    match day:
        case After(days, months):
            whole = today.month - 1 + months
            year, month = today.year + whole // 12, whole % 12 + 1
            last = calendar.monthrange(year, month)[1]
            return date(year, month, min(today.day, last)) + timedelta(days=days)
        case OnWeekday(weekday, of_next_week):
            if of_next_week:
                return today + timedelta(days=7 - today.weekday() + weekday)
            return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
        case OnDate(month, number, year):
            years = [year] if year else range(today.year, today.year + 9)
            dates = (found for each in years if (found := _real(each, month, number)))
            return next((each for each in dates if year or each > today), None)
        case _:
            assert_never(day)


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _read(words: Sequence[Word]) -> Day | None:
    """The day that these words name; a word in quotes belongs to a name."""
    return None if any(word.quoted for word in words) else read_day(" ".join(word.text for word in words))


# --- the words --------------------------------------------------------------------------------------------------------

_COUNTED = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {"a": 1, "an": 1} | {name: at for at, name in enumerate(_COUNTED, 1)}
_WEEKDAYS = {
    name: at
    for at, names in enumerate(
        (
            ("monday", "mon"),
            ("tuesday", "tue", "tues"),
            ("wednesday", "wed"),
            ("thursday", "thu", "thur", "thurs"),
            ("friday", "fri"),
            ("saturday", "sat"),
            ("sunday", "sun"),
        )
    )
    for name in names
}
_MONTHS = {
    name: at
    for at, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sep", "sept"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        1,
    )
    for name in names
}
_NUMBER = rf"(?P<many>[1-9][0-9]{{0,2}}|{'|'.join(_NUMBERS)})"
_WEEKDAY = rf"(?P<weekday>{'|'.join(_WEEKDAYS)})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th|\.)?"
_YEAR = r"(?:,? (?P<year>2[0-9]{3}))?"
_FROM_NOW = "(?: from (?:now|today))?"
_AT_NINE = re.compile(r" (?:morning|in the morning|(?:at )?9(?::00)? ?am)\Z")
"""The time at which reminders come, behind a day."""


def _many(found: re.Match[str]) -> int:
    return _NUMBERS.get(found["many"]) or int(found["many"])


def _weekday(found: re.Match[str]) -> Day:
    return OnWeekday(_WEEKDAYS[found["weekday"]], found["which"] == "next ")


def _named(found: re.Match[str]) -> Day | None:
    return _dated(_MONTHS[found["month"]], int(found["day"]), found["year"])


def _numbered(found: re.Match[str]) -> Day | None:
    return _dated(int(found["month"]), int(found["day"]), found["year"])


def _slashed(found: re.Match[str]) -> Day | None:
    """A date with slashes, where only one of both orders is a date, or both are the same."""
    one, other, year = int(found["one"]), int(found["other"]), found["year"]
    readings = {reading for pair in ((one, other), (other, one)) if (reading := _dated(*pair, year))}
    return readings.pop() if len(readings) == 1 else None


def _dated(month: int, day: int, year: str | None) -> Day | None:
    """A date that there is in that year, or in some year."""
    return OnDate(month, day, int(year) if year else None) if _real(int(year or 2024), month, day) else None


_FORMS: Sequence[tuple[str, Callable[[re.Match[str]], Day | None]]] = (
    ("tomorrow|tmrw|tmr|tomorow|tommorow|tommorrow", lambda _: After(1)),
    ("today|tonight|now", lambda _: After(0)),
    ("yesterday", lambda _: After(-1)),
    ("next week", lambda _: After(7)),
    ("next month", lambda _: After(months=1)),
    (rf"(?:in )?{_NUMBER} ?(?:d|days?){_FROM_NOW}", lambda found: After(_many(found))),
    (rf"(?:in )?{_NUMBER} ?(?:w|wks?|weeks?){_FROM_NOW}", lambda found: After(7 * _many(found))),
    (rf"(?:in )?{_NUMBER} ?(?:mo|mos|months?){_FROM_NOW}", lambda found: After(months=_many(found))),
    (rf"(?:in )?{_NUMBER} ?(?:y|yrs?|years?){_FROM_NOW}", lambda found: After(months=12 * _many(found))),
    (rf"(?P<which>next |this |)(?:{_WEEKDAY})", _weekday),
    (rf"(?:the )?{_DAY} (?:of )?{_MONTH}{_YEAR}", _named),
    (rf"{_MONTH} {_DAY}{_YEAR}", _named),
    (r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})", _numbered),
    (r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.?(?P<year>2[0-9]{3})?", _numbered),
    (r"(?P<one>[0-9]{1,2})/(?P<other>[0-9]{1,2})(?:/(?P<year>2[0-9]{3}))?", _slashed),
)
"""Each form, with what it means. A number is at most 999."""
_READINGS = tuple((re.compile(pattern), read) for pattern, read in _FORMS)

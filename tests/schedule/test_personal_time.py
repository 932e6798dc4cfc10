from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from bot.access.rules import Person
from bot.schedule.calendar import Calendar
from bot.schedule.personal_time import PersonalTime, morning, zone_of
from tests.memory import MemoryDirectory

HERE = frozenset({"T1"})


@pytest.mark.parametrize(
    ("person", "hour"),
    [
        (Person(HERE, timezone="America/New_York", utc_offset=0), 14),
        (Person(HERE, timezone="Europe/Berlin"), 8),
        (Person(HERE, timezone="", utc_offset=7200), 7),
        (Person(HERE, timezone="Mars/Olympus", utc_offset=-3600), 10),
        (Person(HERE, timezone="Europe", utc_offset=0), 9),
        (Person(HERE, timezone="../etc", utc_offset=0), 9),
        (Person(HERE, utc_offset=10**6), 9),
        (Person(HERE), 9),
    ],
)
def test_the_morning_is_nine_where_the_person_is(person: Person, hour: int) -> None:
    due = morning(date(2026, 12, 4), zone_of(person)).astimezone(UTC)

    assert due == datetime(2026, 12, 4, hour, tzinfo=UTC)


def test_the_morning_keeps_its_hour_over_the_change_of_the_clocks() -> None:
    berlin = zone_of(Person(HERE, timezone="Europe/Berlin"))

    assert morning(date(2026, 10, 24), berlin).astimezone(UTC).hour == 7
    assert morning(date(2026, 10, 26), berlin).astimezone(UTC).hour == 8


async def test_a_person_whom_slack_does_not_describe_has_utc() -> None:
    directory = MemoryDirectory()
    directory.people["U1"] = Person(HERE, utc_offset=3600)
    times = PersonalTime(directory, Calendar())

    assert await times.zone("U1") == timezone(timedelta(hours=1))
    assert await times.zone("U2") == UTC


def test_what_day_it_is_depends_on_where_one_is() -> None:
    times = PersonalTime(MemoryDirectory(), Calendar())
    east, west = timezone(timedelta(hours=13)), timezone(timedelta(hours=-12))

    assert times.today(east) - times.today(west) in {timedelta(days=1), timedelta(days=2)}

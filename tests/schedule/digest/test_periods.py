"""When a digest is due, and which week it tells of."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.schedule.digest.periods import WEEK, Digest, Week, last_seven_days, posted_once_a_day, read_digest

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
MONDAYS = Digest(0, time(9), BERLIN, "C0DEALS")


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("mon 09:00 Europe/Berlin C0DEALS", MONDAYS),
        ("Monday 9:00 Europe/Berlin C0DEALS", MONDAYS),
        ("fri  16:30 America/New_York  G0ROME", Digest(4, time(16, 30), NEW_YORK, "G0ROME")),
        ("thurs 0:05 UTC C0DEALS Berlin  Mitte", Digest(3, time(0, 5), ZoneInfo("UTC"), "C0DEALS", "Berlin Mitte")),
    ],
)
def test_a_digest_is_a_day_a_time_a_zone_a_channel_and_perhaps_a_sub_account(text: str, digest: Digest) -> None:
    assert read_digest(text) == digest


@pytest.mark.parametrize(
    "text",
    [
        *("", "mon", "mon 09:00", "mon 09:00 Europe/Berlin", "mon 24:00 Europe/Berlin C0DEALS", "9:00 mon UTC C0DEALS"),
        *("mo 09:00 Europe/Berlin C0DEALS", "moon 09:00 Europe/Berlin C0DEALS", "mon 9 Europe/Berlin C0DEALS"),
        *("mon 09:00 Europe/Berlin #deals", "mon 09:00 Europe/Berlin c0deals", "mon 09:00 Europe/Berlin D0ANA"),
    ],
)
def test_what_is_none_is_refused_with_what_it_should_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"^should be a day, a time, a time zone, and a channel ID, such as mon 09:00"):
        read_digest(text)


@pytest.mark.parametrize("zone", ["Europe/Berlim", "Europe", "/etc/passwd", "Mitteleuropa"])
def test_a_time_zone_that_is_unknown_is_named_as_that(zone: str) -> None:
    with pytest.raises(ValueError, match="This computer doesn't know that time zone"):
        read_digest(f"mon 09:00 {zone} C0DEALS")


def test_two_digests_of_the_same_deals_in_one_channel_on_one_day_are_one_too_many() -> None:
    earlier, tuesdays = Digest(0, time(8), BERLIN, "C0DEALS"), Digest(1, time(9), BERLIN, "C0DEALS")
    rome = Digest(0, time(9), BERLIN, "C0DEALS", "Rome")

    assert posted_once_a_day([MONDAYS, tuesdays, rome])
    assert not posted_once_a_day([MONDAYS, earlier])


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 30, 7, 59, 59, tzinfo=UTC), date(2026, 11, 30)),
        (datetime(2026, 11, 30, 8, tzinfo=UTC), date(2026, 12, 7)),  # it is due at this moment, and no longer later
        (datetime(2026, 12, 1, 8, tzinfo=UTC), date(2026, 12, 7)),
        (datetime(2026, 12, 6, 23, 30, tzinfo=UTC), date(2026, 12, 7)),  # which is Monday in Berlin
    ],
)
def test_the_next_digest_is_due_on_the_next_of_its_days(moment: datetime, day: date) -> None:
    assert MONDAYS.due_after(moment) == day


def test_a_week_is_from_digest_to_digest_by_the_clock_of_the_time_zone() -> None:
    winter_begins = MONDAYS.week_to(date(2026, 10, 26))

    assert winter_begins == Week(datetime(2026, 10, 19, 7, tzinfo=UTC), datetime(2026, 10, 26, 8, tzinfo=UTC))
    assert winter_begins.until - winter_begins.since == WEEK + timedelta(hours=1)


def test_a_time_that_daylight_saving_skips_or_repeats_is_due_once() -> None:
    sundays = Digest(6, time(2, 30), BERLIN, "C0DEALS")

    assert sundays.due_on(date(2026, 3, 29)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 in Berlin
    assert sundays.due_on(date(2026, 10, 25)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first 02:30


@given(
    weekday=st.integers(0, 6),
    at=st.times(),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "UTC"]),
    moment=st.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_the_next_is_always_later_and_within_a_week(weekday: int, at: time, zone: str, moment: datetime) -> None:
    digest = Digest(weekday, at.replace(second=0, microsecond=0), ZoneInfo(zone), "C0DEALS")
    day = digest.due_after(moment)

    assert day.weekday() == weekday
    assert moment < digest.due_on(day) <= moment + WEEK + timedelta(hours=26)
    assert digest.week_to(day).until == digest.due_on(day)
    assert digest.week_to(day).since == digest.due_on(day - WEEK)


def test_a_key_leads_to_its_day_and_only_for_the_digest_that_it_is_of() -> None:
    key = MONDAYS.key(date(2026, 11, 30))

    assert MONDAYS.day_of(key) == date(2026, 11, 30)
    assert Digest(0, time(10), BERLIN, "C0DEALS").day_of(key) == date(2026, 11, 30)  # its time was changed
    assert Digest(1, time(9), BERLIN, "C0DEALS").day_of(key) is None
    assert Digest(0, time(9), BERLIN, "C0DEALS", "rome").day_of(key) is None
    assert MONDAYS.day_of("digest:C0DEALS::soon") is None


def test_at_any_other_time_the_week_is_the_last_seven_days() -> None:
    now = datetime(2026, 11, 28, 10, tzinfo=UTC)

    assert last_seven_days(now) == Week(datetime(2026, 11, 21, 10, tzinfo=UTC), now)

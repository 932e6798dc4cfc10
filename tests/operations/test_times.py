from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.times import beginning, end, period

NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30m", timedelta(minutes=30)),
        ("24H", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("0d", timedelta()),
        ("99999d", timedelta(days=99999)),
        ("7", None),
        ("d", None),
        ("-7d", None),
        ("1.5h", None),
        ("100000d", None),
        ("٣d", None),
        ("", None),
    ],
)
def test_a_period_is_a_whole_number_of_minutes_hours_or_days(text: str, meant: timedelta | None) -> None:
    assert period(text) == meant


@pytest.mark.parametrize("read", [beginning, end])
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30m", datetime(2026, 11, 24, 18, tzinfo=UTC)),
        ("2026-11-24T10:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24 10:00:30", datetime(2026, 11, 24, 10, 0, 30, tzinfo=UTC)),
        ("2026-11-24T10:00Z", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T10:00+02:00", datetime(2026, 11, 24, 8, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_in_utc_unless_it_has_a_zone_or_a_period_back_from_now(
    read: Callable[[str, datetime], datetime], text: str, meant: datetime
) -> None:
    assert read(text, NOW) == meant


def test_a_day_begins_at_midnight_and_ends_at_the_next() -> None:
    assert beginning("2026-11-24", NOW) == datetime(2026, 11, 24, tzinfo=UTC)
    assert end("2026-11-24", NOW) == datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "24.11.2026", "0001-01-01T00:00+14:00"])
def test_other_text_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30m, 24h, or 7d"):
        beginning(text, NOW)
    with pytest.raises(ValueError, match="such as 30m, 24h, or 7d"):
        end(text, NOW)


def test_the_last_day_of_the_calendar_ends_as_it_begins() -> None:
    assert end("9999-12-31", NOW) == datetime(9999, 12, 31, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(2, 1, 1)))  # noqa: DTZ001 - a time without a zone is the point
def test_every_time_in_iso_8601_is_read(moment: datetime) -> None:
    assert beginning(moment.isoformat(), NOW) == moment.replace(tzinfo=UTC)

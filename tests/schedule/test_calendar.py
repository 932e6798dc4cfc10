from datetime import UTC, datetime, timedelta

from bot.schedule.calendar import Calendar


def test_a_calendar_is_the_machines_until_it_is_set_forward() -> None:
    calendar = Calendar()
    assert abs(calendar.now() - datetime.now(UTC)) < timedelta(minutes=1)
    calendar.ahead = 86_400.0
    assert abs(calendar.now() - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=1)

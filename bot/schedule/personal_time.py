"""What day it is for a person, and when their morning is."""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.access.authorization import Directory, DirectoryError
from bot.access.rules import Person
from bot.schedule.calendar import Calendar

MORNING = time(9)
"""When reminders of a day come due."""


class PersonalTime:
    """The time of day where a person is, as Slack says; in UTC where Slack does not."""

    def __init__(self, directory: Directory, calendar: Calendar) -> None:
        self._directory = directory
        self._calendar = calendar

    async def zone(self, user_id: str) -> tzinfo:
        """The person's time zone."""
        try:
            return zone_of(await self._directory.person(user_id))
        except DirectoryError:
            return UTC

    def today(self, zone: tzinfo) -> date:
        """What day it is there."""
        return self._calendar.now().astimezone(zone).date()


def morning(day: date, zone: tzinfo) -> datetime:
    """Nine o'clock of a day, there."""
    return datetime.combine(day, MORNING, zone)


def zone_of(person: Person) -> tzinfo:
    """A person's time zone: by its name, if this machine knows that; else by its offset just now; else UTC."""
    try:
        return ZoneInfo(person.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, such as Europe
        pass
    try:
        return timezone(timedelta(seconds=person.utc_offset))
    except ValueError:
        return UTC

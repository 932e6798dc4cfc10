"""People's reminders, over SQLite, over PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.access.rules import Caller
from bot.deals.deal import Target
from bot.schedule.calendar import Calendar
from bot.schedule.due import Ending, Kind, Planned
from bot.schedule.ports import Reminders, Standing
from bot.storage.database import Database
from bot.storage.schedule.queue import SqlSchedule
from bot.storage.schedule.reminders import SqlReminders
from bot.storage.schedule.tables import schedule
from tests.memory import MemoryReminders
from tests.postgresql import Cluster

MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)
FIRST = Planned("first", Kind.REMINDER, MONDAY, Caller("U0ANA", "T1", "C1"), Target("deal", "L"), "New website")
LATER = replace(FIRST, key="later", due=MONDAY + timedelta(days=7), deal=Target("deal"))  # as a button carries it
OTHERS = replace(FIRST, key="others", caller=Caller("U0BEN", "T1", "C1"))
SECOND = replace(FIRST, key="second", due=MONDAY + timedelta(days=2), deal=Target("another", "L"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, 15.0)
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
async def reminders(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Reminders]:
    if request.param == "memory":
        yield MemoryReminders()
        return
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.new_database()
    opened = Database(url, 15.0)
    yield SqlReminders(opened)
    await opened.close()


async def test_a_persons_reminders_are_listed_the_next_first(reminders: Reminders) -> None:
    for each in (SECOND, FIRST, OTHERS):
        assert await reminders.remind(each) == Standing(each)

    assert await reminders.of_person("U0ANA", 10) == [FIRST, SECOND]
    assert await reminders.of_person("U0ANA", 1) == [FIRST]
    assert await reminders.of_person("U0KIM", 10) == []


async def test_a_later_reminder_of_a_deal_takes_the_place_of_the_earlier(reminders: Reminders) -> None:
    await reminders.remind(FIRST)

    assert await reminders.remind(LATER) == Standing(LATER, FIRST.due)
    assert await reminders.of_person("U0ANA", 10) == [LATER]


async def test_the_same_command_again_changes_nothing(reminders: Reminders) -> None:
    await reminders.remind(FIRST)
    await reminders.remind(LATER)

    assert await reminders.remind(FIRST) == Standing(FIRST)
    assert await reminders.of_person("U0ANA", 10) == [LATER]


async def test_only_its_own_person_can_cancel_a_reminder_and_only_once(reminders: Reminders) -> None:
    await reminders.remind(FIRST)

    assert await reminders.cancel("first", "U0BEN") is None
    assert await reminders.cancel("first", "U0ANA") == FIRST
    assert await reminders.cancel("first", "U0ANA") is None
    assert await reminders.cancel("unknown", "U0ANA") is None
    assert await reminders.of_person("U0ANA", 10) == []


async def test_of_two_at_the_same_moment_one_stands(database: Database, database_url: str) -> None:
    other = Database(database_url, 15.0)
    await SqlReminders(database).of_person("U0ANA", 1)
    one, two = await asyncio.gather(SqlReminders(database).remind(FIRST), SqlReminders(other).remind(LATER))
    await other.close()
    (stands,) = await SqlReminders(database).of_person("U0ANA", 10)

    assert stands in {one.reminder, two.reminder}


async def test_what_was_replaced_or_canceled_does_not_come_due(database: Database) -> None:
    reminders = SqlReminders(database)
    for each in (FIRST, LATER, SECOND):
        await reminders.remind(each)
    await reminders.cancel("second", "U0ANA")
    queue = SqlSchedule(database, Calendar(ahead=10 * 366 * 86_400.0))

    assert [due.key for due in await queue.take(list(Kind), 10)] == ["later"]
    rows = await database.do(
        lambda connection: connection.execute(
            sa.select(schedule.c.key, schedule.c.ending, schedule.c.finished_at.is_not(None))
        ).all()
    )
    assert {tuple(row) for row in rows} == {
        ("first", Ending.REPLACED, True),
        ("later", None, False),
        ("second", Ending.CANCELED, True),
    }

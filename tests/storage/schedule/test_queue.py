"""The schedule, over SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.access.rules import Caller
from bot.deals.deal import Target
from bot.deals.ports import LeaseLost
from bot.schedule.calendar import Calendar
from bot.schedule.due import Due, Ending, Kind, Planned
from bot.storage.database import Database
from bot.storage.schedule.queue import SqlSchedule, columns_of, planning
from bot.storage.schedule.tables import schedule

WEEK = timedelta(weeks=1)
ANA = Caller("U0ANA", "T0TEAM", "C0SALES")


def _planned(key: str = "key", after: timedelta = WEEK, deal: str | None = None) -> Planned:
    due = datetime.now(UTC) + after
    return Planned(key, Kind.REMINDER, due, ANA, Target(deal or f"deal of {key}", "location"), "New website")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, 15.0)
    yield opened
    await opened.close()


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


async def _rows(database: Database) -> list[sa.RowMapping]:
    return await database.do(lambda connection: list(connection.execute(sa.select(schedule)).mappings()))


async def _plan(database: Database, *planned: Planned) -> None:
    rows = list(map(columns_of, planned))
    await database.do(lambda connection: [connection.execute(planning(database.kind), row).all() for row in rows])


async def _take(queue: SqlSchedule, most: int = 10) -> Sequence[Due]:
    return await queue.take(list(Kind), most)


async def test_nothing_is_taken_before_it_is_due(database: Database, calendar: Calendar) -> None:
    queue, planned = SqlSchedule(database, calendar), _planned()
    await _plan(database, planned)
    assert await _take(queue) == []
    calendar.ahead = WEEK.total_seconds() - 60
    assert await _take(queue) == []
    calendar.ahead = WEEK.total_seconds() + 60
    (due,) = await _take(queue)

    assert (due.planned.key, due.planned.caller, due.planned.deal) == (planned.key, ANA, planned.deal)
    assert (due.planned.name, due.attempts) == ("New website", 0)
    assert abs(due.planned.due - planned.due) < timedelta(seconds=0.001)
    assert 50 < due.late < 300


async def test_the_longest_due_are_taken_first(database: Database, calendar: Calendar) -> None:
    queue = SqlSchedule(database, calendar)
    await _plan(database, *(_planned(f"{hours}", timedelta(hours=-hours)) for hours in (1, 3, 2)))

    assert [due.key for due in await _take(queue, 2)] == ["3", "2"]
    assert [due.key for due in await _take(queue, 2)] == ["1"]


async def test_a_kind_that_has_no_duty_here_is_left_alone(database: Database, calendar: Calendar) -> None:
    queue = SqlSchedule(database, calendar)
    await _plan(database, _planned(after=-WEEK))

    assert await queue.take([], 10) == []


async def test_two_replicas_share_what_is_due_and_take_nothing_twice(database: Database, calendar: Calendar) -> None:
    one, two = SqlSchedule(database, calendar), SqlSchedule(database, calendar)
    await _plan(database, *(_planned(f"{number}", -WEEK) for number in range(20)))
    taken = [each.key for some in await asyncio.gather(*(_take(each, 3) for each in (one, two) * 5)) for each in some]

    assert sorted(taken, key=int) == [f"{number}" for number in range(20)]


async def test_what_a_process_left_that_died_is_taken_again(database: Database, calendar: Calendar) -> None:
    dead, living = SqlSchedule(database, calendar, lease=-1.0), SqlSchedule(database, calendar)
    await _plan(database, _planned(after=-WEEK))
    await _take(dead)
    (due,) = await _take(living)

    with pytest.raises(LeaseLost):
        await dead.still_ours(due.key)
    with pytest.raises(LeaseLost):
        await dead.finish(due.key, Ending.POSTED)
    await dead.set_back(due.key, 0.0, failed=True)
    await living.still_ours(due.key)
    await living.finish(due.key, Ending.POSTED, "kept")
    assert [(row["ending"], row["attempts"]) for row in await _rows(database)] == [("posted", 0)]


async def test_a_process_that_was_suspended_asks_before_it_goes_on(database: Database, calendar: Calendar) -> None:
    now = [1_000.0]
    suspended = SqlSchedule(database, calendar, lease=30.0, now=lambda: now[0])
    await _plan(database, _planned(after=-WEEK))
    (due,) = await _take(suspended)
    await suspended.still_ours(due.key)
    now[0] += 60.0
    await suspended.still_ours(due.key)  # nothing else has taken it, so the lease is renewed
    now[0] += 60.0
    await database.do(lambda connection: connection.execute(schedule.update().values(owner="another")))

    with pytest.raises(LeaseLost):
        await suspended.still_ours(due.key)


async def test_what_is_given_back_is_taken_at_once(database: Database, calendar: Calendar) -> None:
    leaving, staying = SqlSchedule(database, calendar), SqlSchedule(database, calendar)
    await _plan(database, _planned(after=-WEEK))
    (due,) = await _take(leaving)
    assert await _take(staying) == []
    await leaving.give_back()

    assert len(await _take(staying)) == 1
    with pytest.raises(LeaseLost):
        await leaving.still_ours(due.key)


async def test_what_is_set_back_waits_and_counts_its_failures(database: Database, calendar: Calendar) -> None:
    queue = SqlSchedule(database, calendar)
    await _plan(database, _planned(after=-WEEK))
    (due,) = await _take(queue)
    for failed, attempts in ((False, 0), (True, 1)):
        await queue.set_back(due.key, 0.0, failed=failed)
        (due,) = await _take(queue)
        assert due.attempts == attempts
    await queue.set_back(due.key, 3600.0, failed=True)

    assert await _take(queue) == []


async def test_what_ended_long_ago_is_deleted_and_what_waits_is_not(database: Database, calendar: Calendar) -> None:
    queue = SqlSchedule(database, calendar)
    await _plan(database, _planned("ended", -WEEK), _planned("waits"))
    await _take(queue)
    await queue.finish("ended", Ending.POSTED)
    assert await queue.forget(Kind.REMINDER, 3600.0) == 0
    assert await queue.forget(Kind.DIGEST, -3600.0) == 0
    assert await queue.forget(Kind.REMINDER, -3600.0) == 1

    assert [row["key"] for row in await _rows(database)] == ["waits"]


async def test_a_lease_that_is_renewed_stays_with_its_process(database: Database, calendar: Calendar) -> None:
    living, other = SqlSchedule(database, calendar, lease=1.5), SqlSchedule(database, calendar)
    await _plan(database, _planned(after=-WEEK))
    (due,) = await _take(living)
    for _ in range(4):
        await asyncio.sleep(0.5)
        await living.renew(due.key)

    assert await _take(other) == []
    await living.give_back()
    with pytest.raises(LeaseLost):
        await living.renew(due.key)

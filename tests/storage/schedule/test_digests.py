"""Digests in the schedule, over SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.access.rules import Caller
from bot.schedule.calendar import Calendar
from bot.schedule.digest.figures import Figures, Sent, Tally, Totals, as_kept
from bot.schedule.digest.periods import Week
from bot.schedule.due import Ending, Kind, Planned
from bot.storage.database import Database
from bot.storage.schedule.digests import SqlDigests
from bot.storage.schedule.queue import SqlSchedule
from bot.storage.schedule.tables import schedule

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)


def _planned(key: str, due: datetime, kind: Kind = Kind.DIGEST) -> Planned:
    return Planned(key, kind, due, Caller("", "", "C0DEALS"))


def _sent(until: datetime) -> Sent:
    return Sent(Week(until - timedelta(days=7), until), {"L": Figures(Totals(Tally(until.day, 5.0)))})


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, 15.0)
    yield opened
    await opened.close()


async def _dues(database: Database) -> list[float]:
    read = sa.select(schedule.c.due).order_by(schedule.c.due)
    return await database.do(lambda connection: list(connection.execute(read).scalars()))


async def test_what_is_planned_again_is_there_once_at_the_latest_time(database: Database) -> None:
    digests = SqlDigests(database)
    await digests.plan([_planned("one", NOW), _planned("other", NOW + timedelta(days=1))])
    await digests.plan([_planned("one", NOW + timedelta(hours=1))])

    assert await _dues(database) == [
        moment.timestamp() for moment in (NOW + timedelta(hours=1), NOW + timedelta(days=1))
    ]


async def test_what_is_being_made_or_was_posted_is_not_planned_anew(database: Database) -> None:
    digests, queue = SqlDigests(database), SqlSchedule(database, Calendar(ahead=10 * 366 * 86_400.0))
    await digests.plan([_planned("one", NOW)])
    (due,) = await queue.take([Kind.DIGEST], 1)
    await digests.plan([_planned("one", NOW + timedelta(hours=1))])
    await queue.finish(due.key, Ending.POSTED)
    await digests.plan([_planned("one", NOW + timedelta(hours=1))])

    assert await queue.take([Kind.DIGEST], 1) == []
    assert await _dues(database) == [NOW.timestamp()]


async def test_the_figures_that_were_posted_are_found_again_the_latest_first(database: Database) -> None:
    digests, queue = SqlDigests(database), SqlSchedule(database, Calendar(ahead=10 * 366 * 86_400.0))
    weeks = [NOW - timedelta(days=7 * ago) for ago in range(4)]
    await digests.plan([_planned(f"{week.day}", week) for week in weeks])
    await digests.plan([_planned("reminder", NOW, Kind.REMINDER), _planned("odd", NOW)])
    for due in await queue.take(list(Kind), 10):
        missed = due.planned.due == weeks[2]
        kept = "{" if due.key == "odd" else as_kept(_sent(due.planned.due))
        await queue.finish(due.key, Ending.MISSED if missed else Ending.POSTED, kept)

    assert await digests.sent(NOW) == [_sent(weeks[0]), _sent(weeks[1]), _sent(weeks[3])]
    assert await digests.sent(NOW - timedelta(seconds=1)) == [_sent(weeks[1]), _sent(weeks[3])]


async def test_before_the_first_digest_there_is_none(database: Database) -> None:
    assert await SqlDigests(database).sent(NOW) == []

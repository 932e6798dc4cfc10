import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.storage.database import Database
from bot.storage.engine import NOW, iso_now
from bot.storage.history import Filter, SqlHistory, reading
from bot.storage.ledger import SqlLedger
from tests.house import PATIENT
from tests.rows import execute

ROOT = Path(__file__).parents[2]
REPLICAS = """
import asyncio, datetime, sys, time

url, *given = sys.argv[1:]
ahead = 0.0
exact, exact_time = datetime.datetime, time.time

class Skewed(exact):
    @classmethod
    def now(cls, tz=None):
        return exact.now(tz) + datetime.timedelta(seconds=ahead)

datetime.datetime, time.time = Skewed, lambda: exact_time() + ahead

from bot.storage.database import Database
from bot.storage.ledger import SqlLedger
from tests.memory import entry

async def accept():
    database = Database(url, 15.0)
    assert await SqlLedger(database).accept(entry(key), within=15)
    await database.close()

for ahead, key in zip(map(float, given[::2]), given[1::2], strict=True):
    asyncio.run(accept())
"""
"""For each command that it is given, a ledger that accepts it while the clock is ahead by so many seconds."""


def _accept(url: str, *ahead_and_key: str) -> None:
    subprocess.run([sys.executable, "-c", REPLICAS, url, *ahead_and_key], cwd=ROOT, check=True)  # noqa: S603


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, PATIENT.database)
    yield opened
    await opened.close()


@pytest.mark.parametrize("ahead", [(5.0, 0.0, -5.0), (-5.0, 0.0, 5.0), (0.0, 5.0, -5.0)])
async def test_of_replicas_whose_clocks_differ_the_command_that_was_accepted_first_comes_first(
    database_url: str, database: Database, ahead: tuple[float, ...]
) -> None:
    execute(database_url)
    keys = ["first", "second", "last"]
    given = [each for key, seconds in zip(keys, ahead, strict=True) for each in (str(seconds), key)]
    await asyncio.to_thread(_accept, database_url, *given)
    execute(database_url, "UPDATE commands SET lease_until = 0")
    ledger, history = SqlLedger(database), SqlHistory(database)

    assert [claim.entry.key for claim in await ledger.adopt(3)] == keys
    assert [await ledger.begin(key) for key in reversed(keys)] == [False, False, True]
    assert [record.key for record in await history.of_opportunity("deal", 3)] == keys[::-1]
    with reading(database_url, Filter()) as records:
        rows = list(records)
    assert [record.key for record in rows] == keys
    assert [record.at for record in rows] == sorted(record.at for record in rows)


async def test_the_time_in_a_column_is_that_of_the_databases_clock_and_sorts(database: Database) -> None:
    kind = database.kind
    row = await database.do(
        lambda connection: connection.execute(
            sa.select(iso_now(kind, ago=90), iso_now(kind), iso_now(kind, ago=-90), NOW[kind])
        ).one()
    )
    earlier, now, later, seconds = row

    assert earlier < now < later
    assert len({len(text) for text in (earlier, now, later)}) == 1
    assert datetime.fromisoformat(now).timestamp() == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("ahead", [5.0, -5.0, 3600.0])
async def test_how_far_the_databases_clock_is_from_ours_is_told(database: Database, ahead: float) -> None:
    offset = await SqlLedger(database).clock_offset(lambda: time.time() - ahead)

    assert offset == pytest.approx(ahead, abs=1.0)


async def test_a_database_that_answers_late_is_not_taken_for_a_clock_that_is_off(database: Database) -> None:
    """Between the question and the answer, any time is right."""
    times = iter([time.time() - 10, time.time() + 10])

    assert await SqlLedger(database).clock_offset(lambda: next(times)) == 0.0

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.access.rules import Caller
from bot.commands.instrumentation import DENIED, LOOKED, MISUNDERSTOOD
from bot.storage.database import Database
from bot.storage.tables import trail
from bot.storage.trail.writing import SqlTrail
from tests.house import PATIENT

ANA, BEN = Caller("U0ANA", "T1", "C0SALES"), Caller("U0BEN", "T1", "C0SALES")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, PATIENT.database)
    yield opened
    await opened.close()


async def _rows(database: Database) -> list[dict[str, str]]:
    statement = sa.select(trail).order_by(trail.c.reference)
    found = await database.do(lambda connection: connection.execute(statement).mappings().all())
    return [dict(row) for row in found]


async def _references(database: Database) -> list[str]:
    return [row["reference"] for row in await _rows(database)]


async def test_who_where_when_and_what_kind_is_kept_and_nothing_else(database: Database) -> None:
    kept = SqlTrail(database)
    kept.note("A", BEN, DENIED, "not_allowed")
    kept.note("B", ANA, MISUNDERSTOOD, "name_too_short")
    await kept.save()
    first, second = await _rows(database)

    assert first.pop("noted_at") > "2026"
    assert first == {
        "reference": "A",
        "team_id": "T1",
        "channel_id": "C0SALES",
        "user_id": "U0BEN",
        "outcome": "denied",
        "detail": "not_allowed",
    }
    assert (second["user_id"], second["outcome"], second["detail"]) == ("U0ANA", "misunderstood", "name_too_short")


async def test_it_is_written_down_soon_by_the_task_that_tends_it(database: Database) -> None:
    kept = SqlTrail(database)
    tending = asyncio.create_task(kept.tend())
    for reference in ("A", "B"):
        kept.note(reference, ANA, LOOKED, "help")
        async with asyncio.timeout(60):
            while reference not in await _references(database):
                await asyncio.sleep(0.01)
    tending.cancel()


async def test_a_line_that_was_being_written_at_the_end_is_there_once(database: Database) -> None:
    kept = SqlTrail(database)
    await kept.forget(0)  # so that the tables are there
    for rounds in range(4):
        kept.note(f"A{rounds}", ANA, LOOKED, "help")
        writing = asyncio.create_task(kept.save())
        for _ in range(rounds):
            await asyncio.sleep(0)
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        await kept.save()

    assert await _references(database) == ["A0", "A1", "A2", "A3"]


async def test_what_comes_while_too_many_wait_is_dropped_and_the_log_says_how_many(database: Database) -> None:
    kept = SqlTrail(database, most_waiting=2)
    for reference in "ABCDE":
        kept.note(reference, ANA, LOOKED, "help")
    with capture_logs() as lines:
        await kept.save()
        await kept.save()

    assert await _references(database) == ["A", "B"]
    assert [line["rows"] for line in lines if line["event"] == "trail.not_written"] == [3]


async def test_what_a_database_that_is_down_does_not_take_is_dropped(tmp_path: Path) -> None:
    folder = tmp_path / "absent"
    database = Database(f"sqlite:///{folder / 'ledger.db'}", PATIENT.database)
    kept = SqlTrail(database)
    kept.note("A", ANA, LOOKED, "help")
    with capture_logs() as lines:
        await kept.save()
    folder.mkdir()
    kept.note("B", ANA, LOOKED, "help")
    await kept.save()

    assert [line["rows"] for line in lines if line["event"] == "trail.not_written"] == [1]
    assert await _references(database) == ["B"]
    await database.close()


async def test_old_lines_are_forgotten_some_at_a_time(database: Database) -> None:
    kept = SqlTrail(database)
    for reference in "ABCD":
        kept.note(reference, ANA, LOOKED, "help")
    await kept.save()
    ageing = trail.update().where(trail.c.reference != "D").values(noted_at="2020-01-01T00:00:00.000+00:00")
    await database.do(lambda connection: connection.execute(ageing).rowcount)

    assert [await kept.forget(86_400, most=2) for _ in range(3)] == [2, 1, 0]
    assert await _references(database) == ["D"]

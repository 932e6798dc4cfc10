import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.deals.ports import StoreDown
from bot.storage.commits.statement import Statement
from bot.storage.commits.thread import WorkerThread
from bot.storage.database import Database
from tests.house import PATIENT

LONG = 300.0
"""Seconds that no test waits for."""
NOTES = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.Text), sa.Column("size", sa.Integer))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, PATIENT.database)
    await opened.do(NOTES.create)
    yield opened
    await opened.close()


def _note(text: str) -> Callable[[sa.Connection], object]:
    return lambda connection: connection.execute(NOTES.insert().values(text=text))


async def _notes(database: Database) -> list[str]:
    return list(await database.do(lambda connection: connection.scalars(sa.select(NOTES.c.text)).all()))


@contextmanager
def _told(target: type[sa.Engine | sa.Pool], event: str) -> Iterator[list[object]]:
    """What SQLAlchemy tells of an event while the block runs."""
    seen: list[object] = []

    def note(*told: object) -> None:
        seen.append(told)

    sa.event.listen(target, event, note)
    try:
        yield seen
    finally:
        sa.event.remove(target, event, note)


# --- work that can wait ---------------------------------------------------------------------------------------------


async def test_work_that_can_wait_goes_along_with_the_next_commit(database: Database) -> None:
    with _told(sa.Engine, "commit") as commits:
        waiting = [asyncio.create_task(database.do(_note(text), can_wait=LONG)) for text in ("one", "two")]
        await asyncio.sleep(0.01)
        await database.do(_note("three"))
        await asyncio.gather(*waiting)

    assert len(commits) == 1
    assert sorted(await _notes(database)) == ["one", "three", "two"]


async def test_work_that_can_wait_is_committed_alone_when_no_other_comes(database: Database) -> None:
    began = time.monotonic()
    await database.do(_note("one"), can_wait=0.1)

    assert time.monotonic() - began >= 0.09
    assert await _notes(database) == ["one"]


async def test_work_that_can_wait_is_committed_before_the_database_is_closed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'file.db'}"
    database = Database(url)
    await database.do(NOTES.create)
    waiting = asyncio.create_task(database.do(_note("one"), can_wait=LONG))
    await asyncio.sleep(0.01)
    await database.close()
    await waiting
    another = Database(url)

    assert await _notes(another) == ["one"]
    await another.close()


async def test_work_after_the_database_was_closed_is_refused_at_once(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'file.db'}")
    await database.do(NOTES.create)
    await database.close()

    with pytest.raises(StoreDown):
        await database.do(_note("one"))


# --- the connection -------------------------------------------------------------------------------------------------


async def test_one_connection_serves_all_commits_until_a_statement_fails(database: Database) -> None:
    with _told(sa.Pool, "checkout") as taken:
        for text in ("one", "two"):
            await database.do(_note(text))
        assert taken == []
        with pytest.raises(StoreDown):
            await database.do(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))
        await database.do(_note("three"))

    assert len(taken) >= 1
    assert await _notes(database) == ["one", "two", "three"]


# --- statements -----------------------------------------------------------------------------------------------------


async def test_a_compiled_statement_takes_columns_and_parameters_of_its_own(database: Database) -> None:
    add = Statement(NOTES.insert().values(size=7).returning(NOTES.c.size))
    change = Statement(NOTES.update().where(NOTES.c.text == sa.bindparam("of"), NOTES.c.size == 7))
    for text in ("one", "it's 100 % :of ?"):
        assert (await database.do(partial(_scalar, add, {"text": text}))) == 7
    rows = [
        await database.do(partial(_count, change, {"of": of, **columns}))
        for of, columns in (
            ("it's 100 % :of ?", {"text": "two"}),
            ("two", {"text": "three", "size": 8}),
            ("three", {"size": 9}),
        )
    ]

    assert rows == [1, 1, 0]
    assert sorted(await _notes(database)) == ["one", "three"]


def _scalar(statement: Statement, values: dict[str, object], connection: sa.Connection) -> object:
    return statement.execute(connection, values).scalar()


def _count(statement: Statement, values: dict[str, object], connection: sa.Connection) -> int:
    return statement.execute(connection, values).rowcount


# --- the thread -----------------------------------------------------------------------------------------------------


async def test_a_thread_does_one_piece_of_work_after_another() -> None:
    thread, done = WorkerThread("tests"), list[int]()
    await asyncio.gather(*(thread.run(partial(done.append, number)) for number in range(100)))
    names = await thread.run(lambda: threading.current_thread().name)
    thread.stop()

    assert (done, names) == (list(range(100)), "tests")


async def test_a_thread_that_was_stopped_has_done_its_work_and_takes_no_more() -> None:
    thread, done = WorkerThread("tests"), list[int]()
    for number in range(10):
        thread.run(partial(done.append, number))
    thread.stop()

    assert done == list(range(10))
    with pytest.raises(RuntimeError):
        thread.run(list)


def test_a_result_that_no_loop_waits_for_is_dropped() -> None:
    thread, may_end = WorkerThread("tests"), threading.Event()

    async def leave() -> None:
        thread.run(lambda: may_end.wait(LONG))

    asyncio.run(leave())
    may_end.set()
    thread.stop()

    assert WorkerThread("unused").stop() is None  # type: ignore[func-returns-value] # one that never ran

import asyncio
import io
import json
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from structlog.testing import capture_logs

from bot.deals.ports import OtherSchema, StoreDown, StoreRefused
from bot.operations import logs
from bot.storage.database import Database
from bot.storage.engine import NOW, engine
from bot.storage.tables import metadata
from tests.house import PATIENT
from tests.postgresql import Cluster
from tests.rows import load_unreleased

INSERT = sa.text("INSERT INTO notes VALUES (:note)")


def _note(text: str) -> sa.TextClause:
    return INSERT.bindparams(note=text)


def _write(connection: sa.Connection, text: str) -> str:
    connection.execute(_note(text))
    return text


def _drop(connection: sa.Connection, table: str) -> None:
    connection.execute(sa.text(f"DROP TABLE {table}"))


async def _notes(database: Database) -> list[str]:
    return list(
        await database.do(lambda connection: connection.execute(sa.text("SELECT text FROM notes")).scalars().all())
    )


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, PATIENT.database)
    await opened.do(lambda connection: connection.execute(sa.text("CREATE TABLE notes (text TEXT NOT NULL)")))
    yield opened
    await opened.close()


@pytest.fixture
async def postgresql(cluster: Cluster) -> AsyncIterator[Database]:
    opened = Database(cluster.new_database(), patience=1.0)
    await opened.do(lambda connection: connection.execute(sa.text("CREATE TABLE notes (text TEXT NOT NULL)")))
    yield opened
    await opened.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.db"


# --- a database that is well ----------------------------------------------------------------------------------------


async def test_work_is_done_and_its_result_given(database: Database) -> None:
    assert await database.do(lambda connection: _write(connection, "one")) == "one"
    assert await _notes(database) == ["one"]


async def test_work_that_comes_while_a_commit_is_under_way_shares_the_next(database: Database) -> None:
    commits: list[object] = []

    def count(connection: object) -> None:
        commits.append(connection)

    sa.event.listen(sa.Engine, "commit", count)
    await asyncio.gather(*(database.do(lambda connection: _write(connection, "note")) for _ in range(50)))
    sa.event.remove(sa.Engine, "commit", count)

    assert len(commits) <= 2
    assert len(await _notes(database)) == 50


async def test_work_that_the_database_refuses_does_not_harm_the_work_beside_it(database: Database) -> None:
    missing = sa.text("INSERT INTO notes VALUES (NULL)")
    with capture_logs() as lines:
        results = await asyncio.gather(
            database.do(lambda connection: _write(connection, "one")),
            database.do(lambda connection: connection.execute(missing)),
            database.do(lambda connection: _write(connection, "two")),
            return_exceptions=True,
        )

    assert [line["event"] for line in lines] == ["database.refused"]
    assert [results[0], results[2]] == ["one", "two"]
    assert isinstance(results[1], StoreRefused)
    assert await _notes(database) == ["one", "two"]


def _too_large(connection: sa.Connection) -> object:
    """No database has whole numbers of that size. SQLite's driver says so with an error of Python's own."""
    return connection.execute(sa.text("SELECT CAST(:number AS BIGINT)"), {"number": 2**80}).scalar()


async def test_a_value_that_cannot_be_sent_does_not_harm_the_work_beside_it(database: Database) -> None:
    results = await asyncio.gather(
        database.do(partial(_write, text="one")),
        database.do(_too_large),
        database.do(partial(_write, text="two")),
        return_exceptions=True,
    )

    assert [results[0], results[2]] == ["one", "two"]
    assert isinstance(results[1], StoreRefused)
    assert await _notes(database) == ["one", "two"]


async def test_an_error_that_will_come_again_is_a_refusal_and_names_no_value(database: Database) -> None:
    await database.do(lambda connection: connection.execute(sa.text("CREATE UNIQUE INDEX one ON notes (text)")))
    await database.do(lambda connection: _write(connection, "secret"))
    with capture_logs() as lines:
        for work in (partial(_write, text="secret"), _too_large, lambda _: json.loads("[" * 100_000)):
            with pytest.raises(StoreRefused):
                await database.do(work)

    assert [line["event"] for line in lines] == ["database.refused"] * 3
    assert "secret" not in str(lines)
    assert await _notes(database) == ["secret"]


async def test_a_mistake_that_an_operator_can_mend_is_no_refusal(database: Database) -> None:
    with pytest.raises(StoreDown):
        await database.do(lambda connection: connection.execute(sa.text("SELECT * FROM nowhere")))


async def test_the_time_is_that_of_the_databases_clock(database: Database) -> None:
    told = await database.do(lambda connection: connection.execute(sa.select(NOW[database.kind])).scalar_one())

    assert told == pytest.approx(time.time(), abs=5)


async def test_a_caller_who_has_gone_does_not_disturb_those_who_wait(database: Database) -> None:
    gone = asyncio.create_task(database.do(lambda connection: _write(connection, "gone")))
    stays = asyncio.create_task(database.do(lambda connection: _write(connection, "stays")))
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays == "stays"
    assert await _notes(database) == ["stays"]


async def test_a_database_that_was_never_used_can_be_closed(tmp_path: Path) -> None:
    await Database(f"sqlite:///{tmp_path}/never.db", PATIENT.database).close()

    assert list(tmp_path.iterdir()) == []


async def test_work_for_a_closed_database_fails_at_once(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/closed.db", PATIENT.database)
    await database.close()

    with capture_logs() as lines, pytest.raises(StoreDown):
        await database.do(lambda connection: connection.execute(sa.select(1)))
    assert [line["event"] for line in lines] == ["database.broken"]


# --- a database that is not well ------------------------------------------------------------------------------------


async def test_a_store_that_is_not_there_is_down_and_works_as_soon_as_it_is(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing/file.db", PATIENT.database)
    for _ in range(2):
        with pytest.raises(StoreDown) as down:
            await database.do(lambda connection: connection.execute(sa.select(1)))
        assert (down.value.perhaps_written, down.value.schema) == (False, None)
    (tmp_path / "missing").mkdir()

    assert await database.do(lambda connection: connection.execute(sa.select(1)).scalar()) == 1
    await database.close()


async def test_a_file_that_is_no_database_is_down(file: Path) -> None:
    file.write_text("this is not a database, whatever its name says" * 100)
    database = Database(f"sqlite:///{file}", PATIENT.database)

    with pytest.raises(StoreDown):
        await database.do(lambda connection: connection.execute(sa.select(1)))
    await database.close()


async def test_a_store_of_a_later_version_is_left_alone_and_reported(database: Database, database_url: str) -> None:
    await database.do(lambda connection: connection.execute(sa.text("UPDATE opp_status_schema SET version = 99")))
    later = Database(database_url, PATIENT.database)

    with pytest.raises(StoreDown) as down:
        await later.do(lambda connection: _write(connection, "one"))
    assert down.value.schema is OtherSchema.NEWER
    assert await _notes(database) == []
    await later.close()


@pytest.mark.parametrize("migrates", [True, False])
async def test_a_store_from_before_the_first_release_is_left_alone_and_reported(
    database_url: str, *, migrates: bool
) -> None:
    load_unreleased(database_url)
    database = Database(database_url, PATIENT.database, migrates=migrates)
    with capture_logs() as lines, pytest.raises(StoreDown) as down:
        await database.do(lambda connection: connection.execute(sa.select(1)))
    await database.close()

    assert down.value.schema is OtherSchema.UNRELEASED
    assert "set DATABASE_URL to a new database" in lines[0]["reason"]


async def test_a_store_that_was_emptied_meanwhile_is_made_anew(database: Database) -> None:
    for table in metadata.tables:
        await database.do(partial(_drop, table=table))
    version = sa.text("SELECT version FROM opp_status_schema")
    with pytest.raises(StoreDown):
        await database.do(lambda connection: connection.execute(version))

    assert await database.do(lambda connection: connection.execute(version).scalar_one()) == 1


async def test_another_writer_of_the_file_is_waited_for_but_not_for_ever(file: Path) -> None:
    database = Database(f"sqlite:///{file}", PATIENT.database)
    await database.do(lambda connection: connection.execute(sa.text("CREATE TABLE notes (text TEXT)")))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreDown) as down:
        await database.do(lambda connection: _write(connection, "one"))
    assert down.value.perhaps_written is False
    other.execute("COMMIT")
    other.close()

    assert await database.do(lambda connection: _write(connection, "two")) == "two"
    assert await _notes(database) == ["two"]
    await database.close()


async def test_a_full_disk_is_down_and_what_was_not_written_is_not_there(file: Path) -> None:
    database = Database(f"sqlite:///{file}", PATIENT.database)
    await database.do(lambda connection: connection.execute(sa.text("CREATE TABLE notes (text TEXT)")))
    pages = await database.do(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    await database.do(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreDown) as down:
        await database.do(lambda connection: _write(connection, "x" * 100_000))
    assert down.value.perhaps_written is False

    assert await database.do(lambda connection: _write(connection, "small")) == "small"
    assert await _notes(database) == ["small"]
    await database.close()


async def test_work_that_takes_too_long_is_cut_and_may_have_been_done(file: Path) -> None:
    database = Database(f"sqlite:///{file}", patience=0.2)
    await database.do(lambda connection: connection.execute(sa.select(1)))
    forever = sa.text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")
    with pytest.raises(StoreDown) as down:
        await database.do(lambda connection: connection.execute(forever))
    assert down.value.perhaps_written is True

    await _until(lambda: database.do(lambda connection: connection.execute(sa.select(1)).scalar()))
    await database.close()


async def test_work_that_waits_behind_a_thread_that_hangs_is_certainly_not_done(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    database = Database(f"sqlite:///{file}", patience=0.1)
    may_go_on = threading.Event()
    with pytest.raises(StoreDown) as first:
        await database.do(lambda _connection: may_go_on.wait(60))
    with pytest.raises(StoreDown) as second:
        await database.do(lambda connection: _write(connection, "never"))
    may_go_on.set()

    assert (first.value.perhaps_written, second.value.perhaps_written) == (True, False)
    await _until(lambda: _notes(database))
    assert await _notes(database) == []
    await database.close()


async def test_callers_do_not_wait_for_a_long_migration_and_it_still_happens(
    database_url: str,
) -> None:
    """Another process holds the lock, as one does whose migration takes long."""
    other = engine(database_url)
    database = Database(database_url, patience=0.1)
    with other.begin() as connection:
        if other.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(20261125)"))
        with pytest.raises(StoreDown) as down:
            await database.do(lambda connection: connection.execute(sa.select(1)))
    assert down.value.perhaps_written is False

    await _until(lambda: database.do(lambda connection: connection.execute(sa.select(1)).scalar()))
    other.dispose()
    await database.close()


async def test_work_that_has_not_begun_in_time_is_certainly_not_done(file: Path) -> None:
    database = Database(f"sqlite:///{file}", patience=5.0)
    await database.do(lambda connection: connection.execute(sa.text("CREATE TABLE notes (text TEXT)")))
    may_go_on, at_it = threading.Event(), threading.Event()

    def hold(_connection: sa.Connection) -> None:
        at_it.set()
        may_go_on.wait(10)

    first = asyncio.create_task(database.do(hold))
    await asyncio.to_thread(at_it.wait, 5)
    with pytest.raises(StoreDown) as down:
        await database.do(partial(_write, text="never"), within=0.05)
    may_go_on.set()
    await first

    assert down.value.perhaps_written is False
    assert await _notes(database) == []
    await database.close()


async def test_work_that_has_begun_and_is_not_done_in_time_may_be_done(file: Path) -> None:
    database = Database(f"sqlite:///{file}", patience=20.0)
    await database.do(lambda _connection: None)  # the file is open: what comes next begins at once
    may_go_on = threading.Event()
    with pytest.raises(StoreDown) as down:
        await database.do(lambda _connection: may_go_on.wait(60), within=2.0)
    may_go_on.set()

    assert down.value.perhaps_written is True
    await database.close()


@pytest.fixture
def locked(cluster: Cluster) -> Iterator[tuple[str, sa.Connection]]:
    """A database whose migration lock another process holds, and the connection of that process."""
    url = cluster.new_database()
    other = engine(url)
    with other.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(20261125)"))
        yield url, connection
    other.dispose()


async def test_a_migration_that_hangs_is_tried_again(locked: tuple[str, sa.Connection]) -> None:
    url, other = locked
    database = Database(url, patience=0.1, migration_patience=0.1)
    for _ in range(6):
        with pytest.raises(StoreDown):
            await database.do(lambda connection: connection.execute(sa.select(1)))
    other.execute(sa.text("SELECT pg_advisory_unlock(20261125)"))

    await _until(lambda: database.do(lambda connection: connection.execute(sa.select(1)).scalar()))
    await database.close()


async def test_a_database_that_hangs_does_not_keep_the_process_from_ending(locked: tuple[str, sa.Connection]) -> None:
    database = Database(locked[0], patience=0.1)
    with pytest.raises(StoreDown):
        await database.do(lambda connection: connection.execute(sa.select(1)))

    async with asyncio.timeout(60):
        await database.close()


async def test_a_store_that_is_down_is_logged_now_and_then(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing/file.db", PATIENT.database)
    with capture_logs() as lines:
        for _ in range(5):
            with pytest.raises(StoreDown):
                await database.do(lambda connection: connection.execute(sa.select(1)))
    assert [line["event"] for line in lines] == ["database.down"]

    (tmp_path / "missing").mkdir()
    await database.do(lambda connection: connection.execute(sa.select(1)))
    with capture_logs() as lines, pytest.raises(StoreDown):
        await database.do(lambda connection: connection.execute(sa.text("SELECT * FROM nowhere")))
    assert [line["event"] for line in lines] == ["database.down"]
    await database.close()


async def test_the_log_lines_of_the_store_have_no_callers_reference(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing/file.db", PATIENT.database)
    stream = io.StringIO()
    logs.set_up("INFO", "json", stream)
    with structlog.contextvars.bound_contextvars(reference="REF"), pytest.raises(StoreDown):
        await database.do(lambda connection: connection.execute(sa.select(1)))
    await database.close()

    assert "database.down" in stream.getvalue()
    assert "REF" not in stream.getvalue()


async def test_a_table_that_is_missing_on_a_server_does_not_harm_the_work_beside_it(postgresql: Database) -> None:
    one, missing, two = await asyncio.gather(
        postgresql.do(partial(_write, text="one")),
        postgresql.do(lambda connection: connection.execute(sa.text("SELECT * FROM nowhere"))),
        postgresql.do(partial(_write, text="two")),
        return_exceptions=True,
    )

    assert (one, two) == ("one", "two")
    assert isinstance(missing, StoreDown)


# --- a server that is not well --------------------------------------------------------------------------------------


async def test_a_server_that_was_restarted_meanwhile_is_found_again_by_the_first_caller(
    cluster: Cluster, postgresql: Database
) -> None:
    cluster.stop()
    cluster.start()

    assert await postgresql.do(lambda connection: _write(connection, "one")) == "one"
    assert await _notes(postgresql) == ["one"]


async def test_a_server_that_is_away_is_down_at_once_and_found_again(cluster: Cluster, postgresql: Database) -> None:
    cluster.stop()
    try:
        with pytest.raises(StoreDown) as down:
            await postgresql.do(lambda connection: _write(connection, "one"))
        assert down.value.perhaps_written is False
    finally:
        cluster.start()

    assert await postgresql.do(lambda connection: _write(connection, "two")) == "two"
    assert await _notes(postgresql) == ["two"]


async def test_a_server_that_does_not_answer_is_not_waited_for(cluster: Cluster, postgresql: Database) -> None:
    with cluster.frozen():
        async with asyncio.timeout(60):
            for _ in range(3):
                with pytest.raises(StoreDown):
                    await postgresql.do(lambda connection: _write(connection, "one"))

    await _until(lambda: _notes(postgresql))


async def test_a_server_that_goes_away_during_the_commit_leaves_it_unknown(
    cluster: Cluster, postgresql: Database
) -> None:
    def go_away(_connection: object) -> None:
        cluster.stop()

    sa.event.listen(sa.Engine, "commit", go_away)
    try:
        with pytest.raises(StoreDown) as down:
            await postgresql.do(lambda connection: _write(connection, "one"))
    finally:
        sa.event.remove(sa.Engine, "commit", go_away)
        cluster.start()

    assert down.value.perhaps_written is True


async def test_replicas_that_deadlock_both_get_their_work_done(cluster: Cluster) -> None:
    url = cluster.new_database()
    replicas = [Database(url, patience=10.0), Database(url, patience=10.0)]
    await replicas[0].do(lambda connection: connection.execute(sa.text("CREATE TABLE notes (text TEXT NOT NULL)")))
    await replicas[0].do(lambda connection: connection.execute(sa.text("INSERT INTO notes VALUES ('a'), ('b')")))
    both_hold_one = threading.Barrier(2)
    first = iter([True, True])

    def take(connection: sa.Connection, texts: str) -> str:
        for text in texts:
            connection.execute(sa.text(f"UPDATE notes SET text = text WHERE text = '{text}'"))  # noqa: S608 - ours
            if next(first, False):
                both_hold_one.wait(5)
        return texts

    taken = await asyncio.gather(
        *(replica.do(partial(take, texts=texts)) for replica, texts in zip(replicas, ("ab", "ba"), strict=True))
    )

    assert taken == ["ab", "ba"]
    for replica in replicas:
        await replica.close()


async def _until(attempt: object) -> None:
    """Try until the database is back."""
    assert callable(attempt)
    async with asyncio.timeout(60):
        while True:
            try:
                await attempt()
            except StoreDown:
                await asyncio.sleep(0.05)
            else:
                return

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.deals.ports import Damage, StoreDown
from bot.storage.database import Database
from bot.storage.files import Inspector, NotCopiedError, copy_to
from bot.storage.ledger import SqlLedger
from tests.house import PATIENT
from tests.memory import entry
from tests.rows import fill

PAGE = 4096


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{file}", PATIENT.database)
    yield opened
    await opened.close()


@pytest.fixture
async def ledger(database: Database) -> SqlLedger:
    ledger = SqlLedger(database)
    await ledger.accept(entry("before"), within=15)
    return ledger


async def _is_refused(ledger: SqlLedger) -> StoreDown:
    with pytest.raises(StoreDown) as down:
        await ledger.accept(entry("refused"), within=15)
    return down.value


def _keys(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        keys = [key for (key,) in connection.execute("SELECT key FROM commands ORDER BY number")]
    connection.close()
    return keys


# --- a file that is not there any more ------------------------------------------------------------------------------


async def test_nothing_is_accepted_into_a_file_that_was_deleted_and_none_is_made(ledger: SqlLedger, file: Path) -> None:
    file.unlink()
    with capture_logs() as lines:
        refusals = [await _is_refused(ledger) for _ in range(3)]

    assert {(down.damage, down.perhaps_written) for down in refusals} == {(Damage.MOVED, False)}
    assert [line["event"] for line in lines] == ["database.down"]
    assert "was deleted, moved, or replaced" in lines[0]["reason"]
    assert not file.exists()


async def test_several_that_are_accepted_at_once_are_all_refused_if_the_file_was_deleted(
    ledger: SqlLedger, file: Path
) -> None:
    file.unlink()
    accepting = (ledger.accept(entry(str(number)), within=15) for number in range(5))
    refusals = await asyncio.gather(*accepting, return_exceptions=True)

    assert [getattr(refusal, "damage", None) for refusal in refusals] == [Damage.MOVED] * 5


async def test_a_file_that_is_deleted_during_a_commit_confirms_nothing(database: Database, file: Path) -> None:
    await database.do(lambda connection: connection.execute(sa.text("CREATE TABLE notes (text TEXT)")))

    def write(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO notes VALUES ('one')"))
        file.unlink()

    with pytest.raises(StoreDown) as down:
        await database.do(write)
    assert (down.value.damage, down.value.perhaps_written) == (Damage.MOVED, True)


async def test_a_file_that_was_moved_away_is_used_again_when_it_is_back(ledger: SqlLedger, file: Path) -> None:
    file.rename(f"{file}.away")
    assert (await _is_refused(ledger)).damage is Damage.MOVED
    Path(f"{file}.away").rename(file)

    assert await ledger.accept(entry("after"), within=15)
    assert _keys(file) == ["before", "after"]


async def test_a_copy_in_the_place_of_the_file_is_not_written(ledger: SqlLedger, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with sqlite3.connect(file) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    connection.close()
    os.replace(copy, file)  # noqa: PTH105 - what is tested
    assert (await _is_refused(ledger)).damage is Damage.MOVED

    later = Database(f"sqlite:///{file}", PATIENT.database)
    assert await SqlLedger(later).accept(entry("after a restart"), within=15)
    await later.close()


async def test_a_log_of_commits_that_was_deleted_loses_nothing_while_the_process_lives(
    ledger: SqlLedger, file: Path
) -> None:
    Path(f"{file}-wal").unlink()
    down = await _is_refused(ledger)
    assert (down.damage, down.perhaps_written) == (None, True)

    assert await ledger.accept(entry("after"), within=15)
    assert _keys(file) == ["before", "refused", "after"]


async def test_a_database_in_memory_has_no_file_to_lose() -> None:
    database = Database("sqlite://", PATIENT.database)
    await SqlLedger(database).ping()
    await database.close()


# --- damaged pages --------------------------------------------------------------------------------------------------


def _overwrite(file: Path, *pages: int) -> None:
    """Write rubbish over pages, as a broken disk or a program that writes in the wrong place does."""
    with file.open("r+b") as opened:
        for page in pages:
            opened.seek(page * PAGE)
            opened.write(b"\xa5" * PAGE)


def _filled(file: Path) -> int:
    """How many pages it has then."""
    fill(f"sqlite:///{file}", 2000)
    return file.stat().st_size // PAGE


async def test_a_damaged_page_is_found_by_looking_for_it(file: Path) -> None:
    pages = _filled(file)
    database = Database(f"sqlite:///{file}", PATIENT.database)
    ledger = SqlLedger(database)
    await ledger.accept(entry("before"), within=15)
    _overwrite(file, *range(pages // 2, pages))
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(StoreDown) as down:
                await ledger.ping()
            assert down.value.damage is Damage.PAGES
    assert (await _is_refused(ledger)).damage is Damage.PAGES
    await database.close()

    assert [line["event"] for line in lines] == ["database.damaged"]


async def test_a_damaged_page_that_a_statement_meets_is_remembered(file: Path) -> None:
    pages = _filled(file)
    _overwrite(file, *range(1, pages))
    database = Database(f"sqlite:///{file}", PATIENT.database)
    ledger = SqlLedger(database)

    assert (await _is_refused(ledger)).damage is Damage.PAGES
    assert (await _is_refused(ledger)).damage is Damage.PAGES
    await database.close()


async def test_a_file_that_was_mended_is_used_again_after_the_next_inspection(file: Path) -> None:
    pages = _filled(file)
    shutil.copy(file, f"{file}.well")
    inspector = Inspector(f"sqlite:///{file}", interval=0.0, patience=15.0)
    assert await inspector.look() is False
    _overwrite(file, *range(1, pages))
    assert await inspector.look() is True
    shutil.copy(f"{file}.well", file)
    assert await inspector.look() is False
    inspector.close()


async def test_a_file_that_cannot_be_inspected_is_not_taken_for_damaged(tmp_path: Path) -> None:
    inspector = Inspector(f"sqlite:///{tmp_path / 'missing.db'}", patience=15.0)
    with capture_logs() as lines:
        assert await inspector.look() is False
    inspector.close()

    assert [line["event"] for line in lines] == ["database.not_inspected"]


async def test_an_inspection_is_made_now_and_then_and_not_waited_for_for_long(file: Path) -> None:
    fill(f"sqlite:///{file}", 10)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")  # a reader waits for it
    inspector = Inspector(f"sqlite:///{file}", patience=0.05)
    assert await inspector.look() is False
    inspector.close()
    other.close()


async def test_a_server_is_not_inspected() -> None:
    inspector = Inspector("postgresql://127.0.0.1:1/none")

    assert await inspector.look() is False
    inspector.close()


# --- a copy ---------------------------------------------------------------------------------------------------------


def _copied(file: Path) -> set[str]:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM commands")}


async def test_a_copy_has_what_is_only_in_the_log_and_needs_no_file_beside_it(ledger: SqlLedger, file: Path) -> None:
    await ledger.accept(entry("latest"), within=15)
    target = file.with_name("copy.db")
    await asyncio.to_thread(copy_to, f"sqlite:///{file}", target)

    assert file.with_name("ledger.db-wal").stat().st_size > 0
    assert _copied(target) == {"before", "latest"}
    assert sorted(path.name for path in file.parent.iterdir() if "copy" in path.name) == ["copy.db"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert await ledger.accept(entry("afterwards"), within=15)


async def test_a_copy_is_complete_while_others_write(ledger: SqlLedger, file: Path) -> None:
    accepted: list[str] = []
    over = asyncio.Event()

    async def write() -> None:
        while not over.is_set():
            await ledger.accept(entry(key := f"key{len(accepted)}"), within=15)
            accepted.append(key)

    writing = asyncio.create_task(write())
    while len(accepted) < 20:
        await asyncio.sleep(0.01)
    before = set(accepted)
    await asyncio.to_thread(copy_to, f"sqlite:///{file}", file.with_name("copy.db"))
    over.set()
    await writing

    copied = _copied(file.with_name("copy.db")) - {"before"}
    assert before <= copied <= set(accepted)


def test_nothing_is_overwritten_or_left_behind_where_there_is_no_copy(tmp_path: Path, file: Path) -> None:
    url, target = f"sqlite:///{file}", tmp_path / "copy.db"
    with pytest.raises(NotCopiedError, match="There is no file"):
        copy_to(url, target)
    file.touch()
    with pytest.raises(NotCopiedError, match="no tables yet"):
        copy_to(url, target)
    file.write_bytes(b"This is no database, and long enough to be seen as none by SQLite." * 20)
    with pytest.raises(NotCopiedError, match="file is not a database"):
        copy_to(url, target)
    file.unlink()
    fill(url, 1)
    with pytest.raises(NotCopiedError, match=r"Can't make the copy: .*No such file or directory"):
        copy_to(url, tmp_path / "missing" / "copy.db")
    target.write_text("another file")
    with pytest.raises(NotCopiedError, match="already exists"):
        copy_to(url, target)

    assert target.read_text() == "another file"
    assert not list(tmp_path.glob("*.part"))

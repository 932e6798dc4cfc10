import asyncio
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.storage.backlog import UNFINISHED, Backlog, BacklogReader
from bot.storage.database import Database
from bot.storage.engine import engine
from bot.storage.ledger import SqlLedger
from bot.storage.rows import iso
from tests.house import PATIENT
from tests.memory import entry
from tests.postgresql import Cluster
from tests.rows import execute, fill
from tests.statements import statements

NOTHING = Backlog(dict.fromkeys(UNFINISHED, 0), 0.0)
_SET = "UPDATE commands SET state = :state, accepted_at = :at WHERE key = :key"


async def _accept(url: str, **states: tuple[str, float]) -> None:
    """Accept commands, by key, each with its state and its age in seconds."""
    database = Database(url, PATIENT.database)
    await SqlLedger(database).accept(*(entry(key, key) for key in states), within=5)
    await database.close()
    for key, (state, age) in states.items():
        execute(url, _SET, key=key, state=state, at=iso(datetime.now(UTC) - timedelta(seconds=age)))


async def _look(url: str) -> Backlog | None:
    backlog_reader = BacklogReader(url)
    with closing(backlog_reader):
        return await backlog_reader.look()


async def test_finished_commands_are_no_backlog(database_url: str) -> None:
    fill(database_url, 3)

    assert await _look(database_url) == NOTHING


async def test_unfinished_commands_are_counted_by_state_with_the_age_of_the_oldest(database_url: str) -> None:
    await _accept(
        database_url, a=("accepted", 10), b=("accepted", 5), c=("intended", 300), d=("answered", 1), e=("finished", 900)
    )
    backlog = await _look(database_url)

    assert backlog is not None
    assert backlog.by_state == {"accepted": 2, "running": 0, "intended": 1, "answered": 1}
    assert backlog.oldest == pytest.approx(300, abs=30)


async def test_a_clock_that_was_set_back_makes_no_age_negative(database_url: str) -> None:
    await _accept(database_url, a=("accepted", -600))
    backlog = await _look(database_url)

    assert backlog is not None
    assert (backlog.by_state["accepted"], backlog.oldest) == (1, 0.0)


async def test_the_index_of_the_unfinished_is_used(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    fill(url, 10)
    with statements() as seen:
        await _look(url)
    opened = engine(url)
    with opened.connect() as connection:
        plan = connection.execute(sa.text(f"EXPLAIN QUERY PLAN {seen[-1].sql}")).all()
    opened.dispose()

    assert any("commands_unfinished" in row.detail or "commands_waiting" in row.detail for row in plan)


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/ledger.db", "postgresql://ana:hunter2@127.0.0.1:1/ledger"], ids=["no file", "no server"]
)
async def test_a_database_that_is_down_is_logged_without_its_password(url: str) -> None:
    with capture_logs() as lines:
        assert await _look(url) is None

    assert [line["event"] for line in lines] == ["backlog.unread"]
    assert "hunter2" not in str(lines)


async def test_a_database_without_tables_gives_no_backlog(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        sqlite3.connect(database_url.removeprefix("sqlite:///")).close()

    assert await _look(database_url) is None


async def test_a_backlog_is_kept_for_a_while_and_shared_by_all_who_ask(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    fill(url, 1)
    with closing(BacklogReader(url)) as backlog_reader, statements() as seen:
        first, second = await asyncio.gather(backlog_reader.look(), backlog_reader.look())
        assert first is second is await backlog_reader.look()
    assert [each.thread for each in seen if "count" in each.sql] == ["backlog"]


async def test_a_backlog_that_is_too_old_is_read_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    fill(url, 1)
    with closing(BacklogReader(url, ttl=0.0)) as backlog_reader, statements() as seen:
        assert [await backlog_reader.look() for _ in range(2)] == [NOTHING, NOTHING]
    assert len([each for each in seen if "count" in each.sql]) == 2


async def test_a_look_without_an_answer_is_kept_too(tmp_path: Path) -> None:
    backlog_reader = BacklogReader(f"sqlite:///{tmp_path / 'ledger.db'}")
    with closing(backlog_reader), capture_logs() as lines:
        assert await backlog_reader.look() is None
        assert await backlog_reader.look() is None

    assert len(lines) == 1


async def test_a_query_that_hangs_is_cut_off_and_the_next_one_is_answered(cluster: Cluster) -> None:
    url = cluster.new_database()
    fill(url, 1)
    backlog_reader = BacklogReader(url, patience=0.5, ttl=0.0)
    holder = engine(url)
    with closing(backlog_reader):
        with holder.connect() as connection, connection.begin():
            connection.execute(sa.text("LOCK TABLE commands IN ACCESS EXCLUSIVE MODE"))
            assert await backlog_reader.look() is None
        async with asyncio.timeout(60):
            while await backlog_reader.look() != NOTHING:
                await asyncio.sleep(0.05)
    holder.dispose()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"postgresql://127.0.0.1:{listener.getsockname()[1]}/ledger"


async def test_a_server_that_says_nothing_is_given_up(silent: str) -> None:
    backlog_reader = BacklogReader(silent, patience=0.1, ttl=0.0)
    with closing(backlog_reader), capture_logs() as lines:
        assert await backlog_reader.look() is None
        assert await backlog_reader.look() is None

    assert [line["error"] for line in lines] == ["TimeoutError", "TimeoutError"]

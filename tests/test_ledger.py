import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from bot import logs
from bot.access import Caller
from bot.change import StoreDown
from bot.ledger import Entry, Ledger, SqlLedger
from bot.outcome import AlreadySo, Cause, Changed, Effect, Failed, Outcome, Trouble
from bot.status import Opportunity, Status, Wish
from tests.memory import MemoryLedger

OPEN, WON = Opportunity("deal", "open"), Opportunity("deal", "won")


def _entry(key: str) -> Entry:
    return Entry(key, f"REF-{key}", Caller("U1", "T1", "C1"), "deal won", Wish("deal", Status.WON))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def sql(file: Path) -> AsyncIterator[SqlLedger]:
    ledger = SqlLedger(f"sqlite:///{file}")
    yield ledger
    await ledger.close()


@pytest.fixture(params=["sql", "memory"])
def ledger(request: pytest.FixtureRequest, sql: SqlLedger) -> Ledger:
    return sql if request.param == "sql" else MemoryLedger()


def _rows(file: Path) -> list[dict[str, Any]]:
    connection = sqlite3.connect(file)
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM commands ORDER BY accepted_at, key")]
    connection.close()
    return rows


# --- what any ledger does -------------------------------------------------------------------------------------------


async def test_a_new_command_is_accepted_once(ledger: Ledger) -> None:
    assert await ledger.accept(_entry("one")) is True
    assert await ledger.accept(_entry("one")) is False
    assert await ledger.accept(_entry("two")) is True


async def test_of_many_that_come_at_once_each_is_accepted_once(ledger: Ledger) -> None:
    accepted = await asyncio.gather(*(ledger.accept(_entry(str(number % 20))) for number in range(100)))

    assert accepted.count(True) == 20


async def test_a_command_goes_from_accepted_to_intended_to_finished(ledger: Ledger) -> None:
    await ledger.accept(_entry("one"))
    await ledger.intend("one", OPEN)
    await ledger.finish("one", AlreadySo(OPEN), "response_url")

    assert await ledger.accept(_entry("one")) is False


async def test_what_was_never_accepted_is_not_made_up(ledger: Ledger) -> None:
    await ledger.intend("nobody", OPEN)
    await ledger.finish("nobody", AlreadySo(OPEN), "response_url")

    assert await ledger.accept(_entry("nobody")) is True


async def test_a_ledger_that_can_be_written_says_so(ledger: Ledger) -> None:
    await ledger.ping()


# --- what is in the rows --------------------------------------------------------------------------------------------


async def test_an_accepted_command_says_who_where_when_and_what(sql: SqlLedger, file: Path) -> None:
    await sql.accept(_entry("one"))

    (row,) = _rows(file)
    assert (row["key"], row["reference"], row["state"]) == ("one", "REF-one", "accepted")
    assert (row["user_id"], row["team_id"], row["channel_id"]) == ("U1", "T1", "C1")
    assert (row["text"], row["opportunity_id"], row["status"]) == ("deal won", "deal", "won")
    assert row["accepted_at"].endswith("+00:00")


async def test_an_intention_keeps_what_the_deal_looked_like(sql: SqlLedger, file: Path) -> None:
    await sql.accept(_entry("one"))
    await sql.intend("one", OPEN)

    assert [(row["state"], row["before"]) for row in _rows(file)] == [("intended", "open")]


@pytest.mark.parametrize(
    ("outcome", "columns"),
    [
        (Changed(OPEN, WON, trace_id="t"), ("changed", "won", "t")),
        (AlreadySo(WON), ("already_so", "won", None)),
        (Failed(Trouble(Cause.NOT_FOUND, trace_id="t"), Effect.NOTHING), ("not_found", None, "t")),
        (Failed(Trouble(Cause.NO_EFFECT), Effect.NOTHING, OPEN, OPEN), ("no_effect", "open", "")),
    ],
)
async def test_an_end_keeps_what_became_of_it(
    sql: SqlLedger, file: Path, outcome: Outcome, columns: tuple[object, ...]
) -> None:
    await sql.accept(_entry("one"))
    await sql.finish("one", outcome, "channel")

    (row,) = _rows(file)
    assert (row["outcome"], row["after"], row["trace_id"]) == columns
    assert (row["state"], row["delivered"]) == ("finished", "channel")
    assert row["finished_at"] >= row["accepted_at"]


async def test_what_is_accepted_is_on_the_disk(sql: SqlLedger, file: Path) -> None:
    await sql.accept(_entry("one"))
    later = SqlLedger(f"sqlite:///{file}")

    assert await later.accept(_entry("one")) is False
    await later.close()


async def test_commands_that_come_while_a_commit_is_under_way_share_the_next(sql: SqlLedger) -> None:
    await sql.ping()
    commits: list[object] = []

    def count(connection: object) -> None:
        commits.append(connection)

    sa.event.listen(sa.Engine, "commit", count)
    await asyncio.gather(*(sql.accept(_entry(str(number))) for number in range(50)))
    sa.event.remove(sa.Engine, "commit", count)

    assert len(commits) <= 2


# --- when the database is not well ----------------------------------------------------------------------------------


async def test_a_store_that_is_not_there_is_down_and_works_as_soon_as_it_is(tmp_path: Path) -> None:
    ledger = SqlLedger(f"sqlite:///{tmp_path}/missing/ledger.db")
    for attempt in (ledger.ping(), ledger.accept(_entry("one")), ledger.intend("one", OPEN)):
        with pytest.raises(StoreDown):
            await attempt
    (tmp_path / "missing").mkdir()

    assert await ledger.accept(_entry("one")) is True
    await ledger.close()


async def test_a_file_that_is_no_database_is_down(sql: SqlLedger, file: Path) -> None:
    file.write_text("this is not a database, whatever its name says" * 100)

    with pytest.raises(StoreDown):
        await sql.ping()


async def test_a_store_of_a_later_version_is_left_alone(sql: SqlLedger, file: Path) -> None:
    await sql.ping()
    connection = sqlite3.connect(file)
    connection.execute("UPDATE schema_version SET version = 99")
    connection.commit()
    connection.close()
    later = SqlLedger(f"sqlite:///{file}")

    with pytest.raises(StoreDown):
        await later.accept(_entry("one"))
    await later.close()
    assert _rows(file) == []


async def test_a_command_whose_sender_has_gone_does_not_disturb_the_others(sql: SqlLedger) -> None:
    gone = asyncio.create_task(sql.accept(_entry("gone")))
    stays = asyncio.create_task(sql.accept(_entry("stays")))
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays is True


async def test_a_failing_commit_of_one_whose_sender_has_gone_is_down_for_the_others_alone(tmp_path: Path) -> None:
    ledger = SqlLedger(f"sqlite:///{tmp_path}/missing/ledger.db")
    gone = asyncio.create_task(ledger.ping())
    stays = asyncio.create_task(ledger.ping())
    await asyncio.sleep(0)
    gone.cancel()

    with pytest.raises(StoreDown):
        await stays
    await ledger.close()


async def test_what_the_database_cannot_take_is_down_and_not_a_wait_for_ever(sql: SqlLedger) -> None:
    with pytest.raises(StoreDown):
        await sql.accept(_entry("\ud800"))

    assert await sql.accept(_entry("one")) is True


async def test_a_file_that_was_emptied_meanwhile_is_made_anew(sql: SqlLedger, file: Path) -> None:
    await sql.accept(_entry("one"))
    connection = sqlite3.connect(file)
    connection.execute("DROP TABLE commands")
    connection.execute("DROP TABLE schema_version")
    connection.commit()
    connection.close()
    with pytest.raises(StoreDown):
        await sql.accept(_entry("two"))

    assert await sql.accept(_entry("two")) is True


async def test_what_the_store_logs_has_not_the_reference_of_one_of_those_who_wait(tmp_path: Path) -> None:
    ledger = SqlLedger(f"sqlite:///{tmp_path}/missing/ledger.db")
    stream = io.StringIO()
    logs.set_up("INFO", "json", stream)
    with structlog.contextvars.bound_contextvars(reference="REF"), pytest.raises(StoreDown):
        await ledger.ping()
    await ledger.close()

    assert "ledger.down" in stream.getvalue()
    assert "REF" not in stream.getvalue()


async def test_a_ledger_that_was_never_used_can_be_closed(tmp_path: Path) -> None:
    await SqlLedger(f"sqlite:///{tmp_path}/never.db").close()

    assert list(tmp_path.iterdir()) == []

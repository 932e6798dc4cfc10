import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.deals.ports import StoreDown
from bot.storage.database import Database
from bot.storage.engine import engine, engine_for_reading, limited
from bot.storage.ledger import SqlLedger
from tests.house import PATIENT
from tests.memory import entry
from tests.postgresql import Cluster

ROOT = Path(__file__).parents[2]
SHORT = 0.5
"""Seconds of patience: the server ends a transaction after four times as long."""

FROZEN = """
import asyncio, signal, sys, threading
import sqlalchemy as sa
from bot.deals.ports import StoreDown
from bot.storage.database import Database
from bot.storage.ledger import SqlLedger
from tests.memory import entry

frozen = []

def freeze(_connection, _cursor, statement, *_rest):
    if statement.startswith("UPDATE commands") and not frozen:
        frozen.append(statement)
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # sent to the process, this thread may run on

async def run():
    database = Database(sys.argv[1], float(sys.argv[2]))
    ledger = SqlLedger(database, lease=1.0)
    assert await ledger.accept(entry("one"), within=15)
    sa.event.listen(sa.Engine, "after_cursor_execute", freeze)
    try:
        await ledger.begin("one")
    except Exception as error:
        print(type(error).__name__)
    else:
        print("begun")
    await database.close()

asyncio.run(run())
"""
"""A replica that stands still in mid-transaction, as soon as it has locked its row."""


@contextmanager
def _frozen(url: str) -> Iterator[subprocess.Popen[str]]:
    replica = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", FROZEN, url, str(SHORT)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    os.waitid(os.P_PID, replica.pid, os.WSTOPPED | os.WNOWAIT | os.WEXITED)
    try:
        yield replica
    finally:
        if replica.poll() is None:
            replica.kill()
            replica.communicate()


async def test_the_row_of_a_replica_that_froze_in_mid_transaction_is_taken_over_within_30_seconds(
    cluster: Cluster,
) -> None:
    url = cluster.new_database()
    database = Database(url, PATIENT.database)
    ledger = SqlLedger(database)
    await ledger.ping()
    with _frozen(url) as replica:
        froze = time.monotonic()
        while not (adopted := await ledger.adopt(1)):
            assert time.monotonic() - froze < 30
            await asyncio.sleep(0.1)
        assert [claim.entry.key for claim in adopted] == ["one"]
        assert await ledger.begin("one") is True

        replica.send_signal(signal.SIGCONT)
        told, _ = await asyncio.to_thread(replica.communicate)
    await ledger.hold("one")
    await database.close()

    assert "begun" not in told


async def test_a_row_that_a_frozen_replica_holds_is_not_waited_for_until_the_connection_is_cut(
    cluster: Cluster,
) -> None:
    """Then the caller hears that nothing was written; of a connection that was cut that would not be certain."""
    url = cluster.new_database()
    database = Database(url, patience=2.0)
    await database.do(lambda connection: connection.execute(sa.text("CREATE TABLE notes (text TEXT)")))
    await database.do(lambda connection: connection.execute(sa.text("INSERT INTO notes VALUES ('a')")))
    other = engine(url)
    with other.begin() as holder:
        holder.execute(sa.text("UPDATE notes SET text = 'b'"))
        with pytest.raises(StoreDown) as down:
            await database.do(lambda connection: connection.execute(sa.text("UPDATE notes SET text = 'c'")))
    other.dispose()
    await database.close()

    assert down.value.perhaps_written is False


def _settings(connection: sa.Connection, *names: str) -> list[str]:
    return [str(connection.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in names]


LIMITS = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
KEEP_ALIVE = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")


def test_the_limits_end_with_the_transaction_so_that_a_pooler_gives_none_away(cluster: Cluster) -> None:
    opened = engine(cluster.new_database())
    with limited(opened, 2.2).begin() as connection:
        assert _settings(connection, *LIMITS) == ["1980ms", "8800ms", "8800ms"]
    with opened.begin() as connection:  # over the same connection
        assert _settings(connection, *LIMITS) == ["0", "0", "0"]
        assert _settings(connection, *KEEP_ALIVE) == ["10", "5", "2", "10000"]
    opened.dispose()


def test_no_limit_outlasts_a_lease(cluster: Cluster) -> None:
    opened = engine(cluster.new_database())
    with limited(opened, 15.0).begin() as connection:
        assert _settings(connection, *LIMITS) == ["13500ms", "20s", "20s"]
    opened.dispose()


def test_whoever_reads_all_rows_has_no_limit_and_locks_none(cluster: Cluster) -> None:
    reading = engine_for_reading(cluster.new_database())
    with reading.connect() as connection:
        assert _settings(connection, *LIMITS) == ["0", "0", "0"]
        assert _settings(connection, *KEEP_ALIVE, "transaction_read_only") == ["10", "5", "2", "10000", "on"]
    reading.dispose()


async def test_a_migration_has_no_limit(cluster: Cluster) -> None:
    """It may move a million rows, or wait for the process that does."""
    url = cluster.new_database()
    other = engine(url)
    database = Database(url, patience=0.1)
    with other.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(20261125)"))
        with pytest.raises(StoreDown):
            await SqlLedger(database).accept(entry("one"), within=5)
        await asyncio.sleep(1.0)  # longer than any limit of a patience of 0.1
        (waiting,) = connection.execute(
            sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        ).one()
    other.dispose()
    await database.close()

    assert waiting == 1

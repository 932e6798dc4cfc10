"""How a database is opened, and the few things in which SQLite and PostgreSQL differ."""

import os
import socket
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_TIMEOUT = 1.5
"""Seconds that SQLite waits for another process that writes."""
CHECKPOINT = 4000
"""Pages of 4 kB that SQLite writes beside its file before it puts them into it. https://sqlite.org/wal.html#ckpt"""
CONNECT_TIMEOUT = 2
"""Seconds for a connection to PostgreSQL; its client takes no less."""
DEADLOCK = "40P01"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""

NOW = {
    "sqlite": sa.literal_column("((julianday('now') - 2440587.5) * 86400.0)", sa.Double),
    "postgresql": sa.literal_column("CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)", sa.Double),
}
"""Seconds since 1970 by the database's clock: replicas may disagree about theirs, and it decides between them."""


def insert(kind: str, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """An insertion that knows ON CONFLICT DO NOTHING, which each kind of database has in a dialect of its own."""
    if kind == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 35 ms that a start with SQLite need not cost

    return postgresql.insert(table)


def engine(url: str) -> sa.Engine:
    """An engine for a URL of the settings: `sqlite:///path`, `postgres://...` or `postgresql://...`.

    What stands behind a `?` goes to PostgreSQL's client as it is: `sslmode`, `sslrootcert` and the like.
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        opened = sa.create_engine(parsed, connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT})
        sa.event.listen(opened, "connect", _configure)
        sa.event.listen(opened, "begin", _begin)
        return opened
    return sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "opp-status",
            # A host whose network went away is noticed, although it never says so.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "tcp_user_timeout": 10_000,
            # Poolers between us and the database, as hosts offer them, do not keep prepared statements.
            "prepare_threshold": None,
        },
    )


def engine_for_reading(url: str) -> sa.Engine:
    """An engine that writes nothing, and keeps nobody from writing.

    Raises `FileNotFoundError` for a SQLite file that is not there: it is not made.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        file = Path(parsed.database or "").absolute()
        if not file.is_file():
            raise FileNotFoundError(file)
        return sa.create_engine(parsed.set(database=file.as_uri(), query={"mode": "ro", "uri": "true"}))
    return engine(url).execution_options(postgresql_readonly=True)


def reason(error: Exception, url: str) -> str:
    """The database's own words in one line, without the password that the URL may have."""
    words = " ".join(str(getattr(error, "orig", None) or error).split())
    parsed = _parsed(url)
    in_query = [value for name, value in parsed.query.items() if "password" in name]
    for password in filter(None, [parsed.password, *in_query]):
        words = words.replace(str(password), "***")
    return words


def _parsed(url: str) -> sa.URL:
    return sa.make_url(url.replace("postgres://", "postgresql://", 1))


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """A commit survives a power cut; readers do not stop the writer; and we begin transactions ourselves.

    https://docs.sqlalchemy.org/en/21/dialects/sqlite.html explains why Python's driver must not begin them.
    """
    import stamina  # noqa: PLC0415 - what only reads can do without it

    connection.isolation_level = None
    cursor = connection.cursor()
    # Two processes that open a new file at once are in each other's way here, and SQLite's own patience does not help.
    for attempt in stamina.retry_context(
        on=sqlite3.OperationalError, attempts=None, timeout=BUSY_TIMEOUT, wait_initial=0.01, wait_max=0.1
    ):
        with attempt:
            cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    # Whoever's commit comes after so many pages puts them into the file, and waits for it: one in a hundred by default.
    cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def is_cut_off(error: BaseException | None) -> bool:
    """Whether it was the connection that failed, and not what was sent over it."""
    return isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated


def is_deadlock(error: sa.exc.DBAPIError) -> bool:
    """Whether another replica held what we wanted, and wanted what we held: whoever tries again gets it."""
    return getattr(error.orig, "sqlstate", "") == DEADLOCK


def cut(connection: DBAPIConnection) -> None:
    """Free a thread that waits for a database which does not answer. Both ways are made for use from another thread."""
    # It may be closing at this moment; then it needs no help.
    with suppress(Exception):
        if hasattr(connection, "interrupt"):  # SQLite
            connection.interrupt()
        else:
            with socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

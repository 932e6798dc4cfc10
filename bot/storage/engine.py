"""Opens a database, and hides the few things in which SQLite and PostgreSQL differ."""

import os
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_TIMEOUT = 1.5
"""Seconds for which SQLite waits while another process writes."""
CHECKPOINT = 4000
"""Pages of 4 kB that SQLite writes beside its file before it moves them into it. https://sqlite.org/wal.html#ckpt"""
CONNECT_TIMEOUT = 2
"""Seconds for a connection to PostgreSQL. Its client waits no shorter."""
LONGEST_LIMIT = 20.0
"""Seconds until PostgreSQL ends a transaction of ours at the latest. A lease lasts 30, and must not be outlasted."""
DEADLOCK = "40P01"
"""PostgreSQL's code for it. https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_KEEP_ALIVE = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2;"
    " SET tcp_user_timeout = 10000"
)

_MENDED_BY_AN_OPERATOR = frozenset({"42P01", "42703", "42501", "3F000"})
"""What PostgreSQL says of a missing table, column, permission or schema. SQLite has another exception for that."""

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

NOW = {
    "sqlite": sa.literal_column("((julianday('now') - 2440587.5) * 86400.0)", sa.Double),
    "postgresql": sa.literal_column("CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)", sa.Double),
}
"""Seconds since 1970 by the database's clock. The replicas' own clocks may disagree, so this one decides."""


def iso_now(kind: str, *, ago: float = 0.0) -> sa.ColumnElement[str]:
    """The time by the database's clock, `ago` seconds back, as columns that end in `_at` have it.

    It is as long as what `rows.iso` writes, and sorts with it.
    """
    if kind == "sqlite":
        return sa.literal_column(f"strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '{-ago:+f} seconds')", sa.Text)
    back = f"clock_timestamp() - make_interval(secs => {ago:f})"
    return sa.literal_column(f"to_char(({back}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"+00:00\"')", sa.Text)


def insert(kind: str, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that takes ON CONFLICT, which SQLAlchemy has in each dialect of its own."""
    if kind == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 35 ms that a start with SQLite need not cost

    return postgresql.insert(table)


def engine(url: str) -> sa.Engine:
    """An engine for a URL of the settings: `sqlite:///path`, `postgres://...` or `postgresql://...`.

    Parameters behind a `?` go to PostgreSQL's client as they are: `sslmode`, `sslrootcert` and the like.
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        opened = sa.create_engine(parsed, connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT})
        sa.event.listen(opened, "connect", _configure)
        sa.event.listen(opened, "begin", _begin)
        return _taking_any_text(opened)
    opened = _on_server(parsed)
    sa.event.listen(opened, "connect", _leave_begin_to_us)
    sa.event.listen(opened, "begin", _begin_on_server)
    return opened


def limited(opened: sa.Engine, patience: float) -> sa.Engine:
    """The same engine, whose transactions PostgreSQL ends if this process freezes or its host vanishes in one of them.

    `patience`: seconds after which this process itself gives up a transaction. It hears before that of a lock that it
    does not get, and the server ends the transaction some time after. On SQLite nothing is limited.
    """
    lock, end = 0.9 * patience, min(4 * patience, LONGEST_LIMIT)
    limits = {"lock_timeout": lock, "statement_timeout": end, "idle_in_transaction_session_timeout": end}
    words = "; ".join(f"SET LOCAL {name} = {1000 * seconds:.0f}" for name, seconds in limits.items())
    return opened.execution_options(limits=words)


def _on_server(parsed: sa.URL) -> sa.Engine:
    opened = sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "opp-status",
            # So that a host whose network went away is noticed.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "tcp_user_timeout": 10_000,
            # The poolers that hosts put in front of a database do not keep prepared statements.
            "prepare_threshold": None,
        },
    )
    sa.event.listen(opened, "connect", _keep_alive)
    return _taking_any_text(opened)


def file_of(url: str) -> Path | None:
    """The file of a SQLite database; `None` for one in memory or on a server."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database)).absolute()


def place_of(url: str) -> str:
    """Where a database is, for the log: without user, password and parameters."""
    parsed = _parsed(url)
    return sa.URL.create(parsed.drivername, None, None, parsed.host, parsed.port, parsed.database).render_as_string()


def engine_for_reading(url: str) -> sa.Engine:
    """An engine that cannot write, and does not keep other connections from writing.

    Raises `FileNotFoundError` for a SQLite file that is not there, and does not make it.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        file = Path(parsed.database or "").absolute()
        if not file.is_file():
            raise FileNotFoundError(file)
        opened = sa.create_engine(parsed.set(database=file.as_uri(), query={"mode": "ro", "uri": "true"}))
        return _taking_any_text(opened)
    return _on_server(parsed).execution_options(postgresql_readonly=True)


def reason(error: Exception, url: str) -> str:
    """The database's own message in one line, without the passwords in the URL."""
    words = " ".join(str(getattr(error, "orig", None) or error).split())
    parsed = _parsed(url)
    file = file_of(url)
    if file and not file.parent.is_dir():
        words = f"{words}: there is no folder {file.parent}"
    in_query = [value for name, value in parsed.query.items() if "password" in name]
    for password in filter(None, [parsed.password, *in_query]):
        words = words.replace(str(password), "***")
    return words


def _parsed(url: str) -> sa.URL:
    return sa.make_url(url.replace("postgres://", "postgresql://", 1))


def storable(text: str) -> str:
    """The text as both databases can keep it: a question mark for each NUL and each half of a surrogate pair.

    PostgreSQL takes no NUL, and UTF-8 has no half pairs; JSON from Slack or HighLevel may have both.
    """
    if text.isascii() and "\x00" not in text:  # nearly every text, and this is much faster
        return text
    return text.replace("\x00", "?").encode("utf-8", "replace").decode()


def _taking_any_text(opened: sa.Engine) -> sa.Engine:
    """The engine, with every text made storable on its way into the database, what is looked for as well."""
    sa.event.listen(opened, "before_cursor_execute", _store_any_text, retval=True)
    return opened


def _store_any_text(
    _connection: sa.Connection,
    _cursor: object,
    statement: str,
    parameters: Any,  # noqa: ANN401 - a row, or several
    _context: object,
    executemany: bool,  # noqa: FBT001 - likewise
) -> tuple[str, Any]:
    return statement, [_storable_row(row) for row in parameters] if executemany else _storable_row(parameters)


def _storable_row(row: Any) -> Any:  # noqa: ANN401 - a tuple or a dictionary, as the driver takes them
    if isinstance(row, Mapping):
        return {name: storable(value) if isinstance(value, str) else value for name, value in row.items()}
    return tuple(storable(value) if isinstance(value, str) else value for value in row)


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Make commits survive a power cut, let readers read while the writer writes, and leave BEGIN to `_begin`.

    https://docs.sqlalchemy.org/en/21/dialects/sqlite.html explains why Python's driver must not begin them.
    """
    import stamina  # noqa: PLC0415 - what only reads can do without it

    connection.isolation_level = None
    cursor = connection.cursor()
    # Two processes that open a new file at once lock each other out here, and SQLite does not apply its timeout to it.
    for attempt in stamina.retry_context(
        on=sqlite3.OperationalError, attempts=None, timeout=BUSY_TIMEOUT, wait_initial=0.01, wait_max=0.1
    ):
        with attempt:
            cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    # The commit that reaches so many pages moves them into the file, and is slower. By default one in a hundred does.
    cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _keep_alive(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Let the server notice that our host is gone, as our client notices that of the server.

    Behind a pooler this is about its own connection to the server, and outlasts ours: it does no harm there.
    """
    connection.autocommit = True  # a transaction that is rolled back would take the settings back
    with suppress(Exception):  # a server that does not know one of them works without
        connection.cursor().execute(_KEEP_ALIVE)
    connection.autocommit = False


def _leave_begin_to_us(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.autocommit = True


def _begin_on_server(connection: sa.Connection) -> None:
    """Begin, and set the limits on the same way to the server.

    They end with the transaction: a pooler gives the session to another client then.
    """
    connection.exec_driver_sql(f"BEGIN; {connection.get_execution_options().get('limits', '')}")


def is_cut_off(error: BaseException | None) -> bool:
    """Whether the connection failed, and not the statement that was sent over it."""
    return isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated


def is_refusal(error: Exception) -> bool:
    """Whether a value or our own code is at fault, so that the same work fails again, however well the database is."""
    if isinstance(error, sa.exc.ProgrammingError):
        return getattr(error.orig, "sqlstate", None) not in _MENDED_BY_AN_OPERATOR
    if isinstance(error, sa.exc.DBAPIError):
        return isinstance(error, sa.exc.DataError | sa.exc.IntegrityError | sa.exc.NotSupportedError)
    # What SQLAlchemy has not wrapped comes from a connection that is being opened, or from our own code.
    of_a_driver = isinstance(error, sqlite3.Error) or hasattr(error, "sqlstate")
    trouble_with_a_connection = of_a_driver or isinstance(error, OSError | sa.exc.SQLAlchemyError)
    return not trouble_with_a_connection or isinstance(error, sa.exc.StatementError)


def is_corrupt(error: BaseException | None) -> bool:
    """Whether SQLite found a page that is none of its own."""
    original = getattr(error, "orig", error)
    code = original.sqlite_errorcode if isinstance(original, sqlite3.DatabaseError) else 0
    return code & 0xFF in _CORRUPT  # above them are details


def is_deadlock(error: sa.exc.DBAPIError) -> bool:
    """Whether this process and another each held what the other wanted. The one that tries again gets it."""
    return getattr(error.orig, "sqlstate", "") == DEADLOCK


def cut(connection: DBAPIConnection) -> None:
    """Free a thread that waits for a database that does not answer. Both ways may be used from another thread."""
    # The connection may be closing at this moment. Then the thread is free anyway.
    with suppress(Exception):
        if hasattr(connection, "interrupt"):  # SQLite
            connection.interrupt()
        else:
            with socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

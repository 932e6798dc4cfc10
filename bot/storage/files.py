"""Watches the file of a SQLite database: is it still the one that was opened, are its pages well? And copies it.

SQLite writes on into a file that was deleted or replaced, and says nothing: what it commits there is lost with the
process. https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
"""

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine.interfaces import DBAPIConnection

from bot.deals.clock import loop_time
from bot.deals.ports import Damage
from bot.storage.engine import cut, engine_for_reading, file_of, is_corrupt, reason
from bot.storage.tables import schema_version

log = structlog.get_logger(__name__)

INSPECTION_INTERVAL = 300.0
"""Seconds between two inspections: each reads the whole file, about a second for a million commands."""
INSPECTION_PATIENCE = 1.0
"""Seconds that a caller waits for an inspection that is under way."""

_Identity = tuple[int, int]


class FileMovedError(OSError):
    """The file at the path is not the one that was opened."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was deleted, moved, or replaced while in use: put the same file back, or restart with another"
        )


class LogMovedError(OSError):
    """The file of what is not yet in the database's own file, `-wal`, is not the one that was opened."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} was deleted, moved, or replaced while it was in use")


class DatabaseFile:
    """Compares the file with the one that was opened. For a database without a file, all is always well."""

    def __init__(self, url: str) -> None:
        self._path = file_of(url)
        self._opened: _Identity | None = None
        """Which file it was when this process first opened it; `None` before that."""

    def must_be_ours(self) -> None:
        """Raise `FileMovedError` if another file is at the path, or none."""
        if self._path and self._opened and _identity(self._path) != self._opened:
            raise FileMovedError(self._path)

    def opened(self) -> None:
        """Remember the file that is there now."""
        if self._path and not self._opened:
            self._opened = _identity(self._path)

    def remember_log(self, connection: sa.Connection) -> None:
        """Remember the file into which this connection commits. SQLite makes a new one only with a new connection."""
        if self._path and "log" not in connection.info:
            connection.info["log"] = _identity(_log_of(self._path))

    def must_have_log(self, connection: sa.Connection) -> None:
        """Raise `LogMovedError` if that file is there no more. To close the connection then saves what is in it."""
        if self._path and _identity(_log_of(self._path)) != connection.info["log"]:
            raise LogMovedError(_log_of(self._path))


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _identity(path: Path) -> _Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - at each commit, and the faster of both
    except OSError:
        return None
    return found.st_dev, found.st_ino


def damage_of(error: BaseException | None) -> Damage | None:
    """What the error says of the database's file; `None` if it says nothing."""
    if isinstance(error, FileMovedError):
        return Damage.MOVED
    return Damage.PAGES if is_corrupt(error) else None


class Inspector:
    """Looks for damaged pages, over a connection and on a thread that no command waits for."""

    def __init__(self, url: str, interval: float = INSPECTION_INTERVAL, patience: float = INSPECTION_PATIENCE) -> None:
        self._url = url
        self._interval = interval
        self._patience = patience
        self._has_pages = file_of(url) is not None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inspection")
        self._running: asyncio.Future[None] | None = None
        self._due = float("-inf")
        self._connection: DBAPIConnection | None = None
        """The connection that the thread holds, so that it can be cut."""
        self.found = ""
        """SQLite's words about the damage that the last inspection found; empty if it found none."""
        self.damaged = False
        """What is known: by the last inspection, or by a statement that met a damaged page since."""

    async def look(self) -> bool:
        """Whether the database is damaged, by an inspection that is not older than the interval.

        While one is under way for longer than the patience, what was known before.
        """
        if self._has_pages and loop_time() >= self._due:
            self._due = loop_time() + self._interval
            self._running = asyncio.wrap_future(self._thread.submit(self._inspect))
        if self._running and not self._running.done():
            await asyncio.wait([self._running], timeout=self._patience)
        return self.damaged

    def close(self) -> None:
        """Stop looking."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if connection := self._connection:
            cut(connection)

    # --- on the thread ----------------------------------------------------------------------------------------------

    def _inspect(self) -> None:
        try:
            found = self._first_damage()
        except Exception as error:  # noqa: BLE001 - whatever it is, commands will tell
            if damage_of(error) is not Damage.PAGES:
                log.info("database.not_inspected", error=type(error).__name__, reason=reason(error, self._url))
                return
            found = reason(error, self._url)
        self.damaged = found != "ok"
        self.found = found if self.damaged else ""
        if self.damaged:
            log.error("database.damaged", reason=found)

    def _first_damage(self) -> str:
        """SQLite's words about the first damage that it finds, or "ok"."""
        opened = engine_for_reading(self._url)
        try:
            with opened.connect() as connection:
                self._connection = connection.connection.dbapi_connection
                # Not integrity_check, which takes many times as long: https://sqlite.org/pragma.html#pragma_quick_check
                return str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
        finally:
            self._connection = None
            opened.dispose()


class NotCopiedError(Exception):
    """There is no copy. The message says why, for an operator, and has no password in it."""


def copy_to(url: str, target: Path) -> None:
    """Copy a SQLite database into a new file, as it is at one moment, while others read and write it.

    A copy made with `cp` may lack the latest commits: they are in the `-wal` file. This copy needs no other file beside
    it, and no one but its owner may read it. `target` appears when it is whole. Raises `NotCopiedError`.
    https://sqlite.org/backup.html
    """
    if target.exists():
        raise NotCopiedError(f"{target} already exists. Choose another name.")
    try:
        opened = engine_for_reading(url)
    except FileNotFoundError as error:
        raise NotCopiedError(f"There is no file {error}.") from error
    try:
        with opened.connect() as source:
            if not sa.inspect(source).has_table(schema_version.name):
                raise NotCopiedError("The database has no tables yet. Start Opp Status once.")
            _copy(source, target)
    except (OSError, sqlite3.Error, sa.exc.DBAPIError) as error:
        raise NotCopiedError(f"Can't make the copy: {reason(error, url)}.") from error
    finally:
        opened.dispose()


def _copy(source: sa.Connection, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(part)) as copy:
            # All pages in one step: with several, each commit of another process would begin the copy again.
            driver: Any = source.connection.driver_connection
            driver.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)

"""Counts the unfinished commands, over a connection and on a thread that no command waits for."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy.engine.interfaces import DBAPIConnection

from bot.cache import Cache
from bot.commands.record import State
from bot.storage.engine import cut, engine_for_reading, iso_now, reason
from bot.storage.rows import seconds_between
from bot.storage.tables import commands

log = structlog.get_logger(__name__)

UNFINISHED = tuple(state.value for state in State if state is not State.FINISHED)
BACKLOG_PATIENCE = 2.0
"""Seconds for the database to answer."""
BACKLOG_TTL = 5.0
"""Seconds for which a look is kept, also one without an answer."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """The unfinished commands at one moment."""

    by_state: Mapping[str, int]
    """The number of commands in each state of `UNFINISHED`."""
    oldest: float
    """Seconds since the oldest of them was accepted; 0 when there is none."""


class BacklogReader:
    """Counts them when it is asked, at most once in `ttl` seconds."""

    def __init__(self, url: str, patience: float = BACKLOG_PATIENCE, ttl: float = BACKLOG_TTL) -> None:
        self._url = url
        self._patience = patience
        self._cache = Cache(self._in_time, ttl=ttl, error_ttl=ttl)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="backlog")
        self._connection: DBAPIConnection | None = None
        """The connection that the thread holds, so that it can be cut."""

    async def look(self) -> Backlog | None:
        """The backlog, at most `ttl` seconds old; `None` if the database does not answer."""
        return await self._cache.get(self._url)

    def close(self) -> None:
        """Stop counting, and cut a connection that hangs."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._cut()

    async def _in_time(self, url: str) -> Backlog | None:
        reading = asyncio.wrap_future(self._thread.submit(self._read, url))
        done, _ = await asyncio.wait([reading], timeout=self._patience)
        if done:
            return reading.result()
        log.info("backlog.unread", error="TimeoutError")
        reading.cancel()  # it has not begun where the one before it still hangs
        self._cut()
        return None

    def _cut(self) -> None:
        if connection := self._connection:
            cut(connection)

    # --- on the thread ----------------------------------------------------------------------------------------------

    def _read(self, url: str) -> Backlog | None:
        try:
            return self._backlog(url)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no count
            log.info("backlog.unread", error=type(error).__name__, reason=reason(error, url))
            return None

    def _backlog(self, url: str) -> Backlog:
        opened = engine_for_reading(url)
        try:
            with opened.connect() as connection:
                self._connection = connection.connection.dbapi_connection
                rows = connection.execute(_statement(opened.dialect.name)).all()
        finally:
            self._connection = None
            opened.dispose()
        ages = [seconds_between(row.oldest, row.now) for row in rows]
        return Backlog(dict.fromkeys(UNFINISHED, 0) | {row.state: row.many for row in rows}, max([0.0, *ages]))


def _statement(kind: str) -> sa.Select[tuple[str, int, str, str]]:
    oldest = sa.func.min(commands.c.accepted_at)
    return (
        sa.select(commands.c.state, sa.func.count().label("many"), oldest.label("oldest"), iso_now(kind).label("now"))
        .where(sa.text("state <> 'finished'"))  # in the words of the partial index
        .group_by(commands.c.state)
    )

"""The ledger over the database: one row per accepted command, from before it is acknowledged until it is answered."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, assert_never

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.sqlite import insert

from bot.access import Caller
from bot.change import StoreDown
from bot.outcome import AlreadySo, Changed, Failed, Outcome
from bot.schema import commands, migrate
from bot.status import Opportunity, Wish

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

log = structlog.get_logger(__name__)
T = TypeVar("T")

BUSY_TIMEOUT = 700
"""Milliseconds to wait for another process that writes. A command may wait twice as long, for the commit under way and
for its own; Slack wants to hear from us within 3 s."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as it is accepted: who, where, what was typed, and what it was understood to ask for."""

    key: str
    """The sender's own id for the command: the same key again is the same command, not another."""
    reference: str
    caller: Caller
    text: str
    wish: Wish


class Ledger(Protocol):
    """What is written down about each command. Every method raises `StoreDown` when it could not be."""

    async def accept(self, entry: Entry) -> bool:
        """Write the command down. `False` when its key is there already: then nothing is written."""

    async def intend(self, key: str, before: Opportunity) -> None:
        """Note that the change is about to be sent, and what the deal looked like. See `change.Intents`."""

    async def finish(self, key: str, outcome: Outcome, delivered: str) -> None:
        """Note what became of it, and how the reply was delivered."""

    async def ping(self) -> None:
        """Write something and take it back, to find out whether writing works."""


class SqlLedger:
    """`Ledger` over SQLite.

    The work is done on one thread. Everything that waits while a commit is under way goes into the next one, so that a
    burst of commands shares disk flushes instead of queueing behind them.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT / 1000})
        sa.event.listen(self._engine, "connect", _configure)
        sa.event.listen(self._engine, "begin", _begin)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._waiting: list[tuple[Callable[[sa.Connection], Any], asyncio.Future[Any]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._migrated = False

    async def accept(self, entry: Entry) -> bool:
        """See `Ledger`."""
        row = {
            "key": entry.key,
            "reference": entry.reference,
            "accepted_at": _now(),
            "team_id": entry.caller.team_id,
            "channel_id": entry.caller.channel_id,
            "user_id": entry.caller.user_id,
            "text": entry.text,
            "opportunity_id": entry.wish.opportunity_id,
            "status": entry.wish.status.value,
            "state": "accepted",
        }
        statement = insert(commands).values(row).on_conflict_do_nothing()
        return await self._write(lambda connection: connection.execute(statement).rowcount == 1)

    async def intend(self, key: str, before: Opportunity) -> None:
        """See `Ledger`."""
        await self._update(key, {"state": "intended", "before": before.status})

    async def finish(self, key: str, outcome: Outcome, delivered: str) -> None:
        """See `Ledger`."""
        became = _as_columns(outcome)
        await self._update(key, {"state": "finished", **became, "delivered": delivered, "finished_at": _now()})

    async def ping(self) -> None:
        """See `Ledger`."""

        def write_and_take_back(connection: sa.Connection) -> None:
            with connection.begin_nested() as savepoint:
                connection.execute(sa.text("UPDATE schema_version SET version = version"))
                savepoint.rollback()

        await self._write(write_and_take_back)

    async def close(self) -> None:
        """Finish what was begun and let the file go."""
        if self._writer:
            await asyncio.wait([self._writer])
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()

    async def _update(self, key: str, values: dict[str, Any]) -> None:
        statement = commands.update().where(commands.c.key == key).values(values)
        await self._write(lambda connection: connection.execute(statement))

    async def _write(self, work: Callable[[sa.Connection], T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._writer is None or self._writer.done():
            # In a context of its own: what it logs concerns all who wait, and has not the reference of the first.
            self._writer = asyncio.create_task(self._write_all(), name="ledger", context=Context())
        return await future

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                results = await loop.run_in_executor(self._thread, self._commit, [work for work, _ in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever for it
                log.warning("ledger.down", error=type(error).__name__, reason=str(error.__cause__ or error))
                for _, future in batch:
                    if not future.cancelled():
                        future.set_exception(StoreDown())
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.cancelled():
                    future.set_result(result)

    def _commit(self, batch: list[Callable[[sa.Connection], Any]]) -> list[Any]:
        """One transaction for all of them, on the ledger's thread."""
        try:
            with self._engine.begin() as connection:
                if not self._migrated:
                    migrate(connection)
                results = [work(connection) for work in batch]
        except Exception:
            self._engine.dispose()  # a file that was replaced, or a disk that came back, wants a new connection
            self._migrated = False  # and may be empty
            raise
        self._migrated = True
        return results


def _as_columns(outcome: Outcome) -> dict[str, str | None]:
    match outcome:
        case Changed(_, after, _, trace_id):
            return {"outcome": "changed", "after": after.status, "trace_id": trace_id}
        case AlreadySo(opportunity):
            return {"outcome": "already_so", "before": opportunity.status, "after": opportunity.status}
        case Failed(trouble, _, _, now):
            return {"outcome": trouble.cause.value, "after": now.status if now else None, "trace_id": trouble.trace_id}
        case _:
            assert_never(outcome)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _configure(connection: "DBAPIConnection", _entry: "ConnectionPoolEntry") -> None:
    """A commit survives a power cut; readers do not stop the writer; and we begin transactions ourselves.

    https://docs.sqlalchemy.org/en/21/dialects/sqlite.html explains why Python's driver must not begin them.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

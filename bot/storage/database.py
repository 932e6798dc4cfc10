"""The database under the ledger: one thread, and commits that are shared."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine.interfaces import DBAPIConnection

from bot.deals.ports import OtherSchema, StoreDown
from bot.storage.engine import cut, engine, is_cut_off, is_deadlock, reason
from bot.storage.migrations import NewerSchemaError, UnreleasedSchemaError, migrate, must_be_migratable

log = structlog.get_logger(__name__)
T = TypeVar("T")
Work = Callable[[sa.Connection], T]
"""Statements that belong together, done on the database's thread."""

LONGEST_MIGRATION = 300.0
"""Seconds after which a schema that is still being brought up to date is taken for a connection that hangs."""
TELL_EVERY = 60.0
"""Seconds between two lines about a database that is down: everybody who waits for it asks again and again."""
PATIENCE = 2.2
"""Seconds for a commit. A command waits for its own alone, and Slack wants to hear from us within 3 s."""
DEADLOCK_PAUSE = 0.1
"""Seconds for the other replica to take what it waited for. A try without it may take that first, and meet it again."""


@dataclass(eq=False, slots=True)
class _Job:
    """Work, and whoever waits for it."""

    work: Work[Any]
    answer: asyncio.Future[Any]
    begun: bool = False
    """From now on nobody can tell whether it is done, until it is answered."""

    def give(self, result: object) -> None:
        """Answer, unless nobody waits any more."""
        if self.answer.done():
            return
        if isinstance(result, BaseException):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


@dataclass(eq=False, slots=True)
class _Commit:
    """What the thread is at."""

    jobs: list[_Job]
    results: list[object] = field(default_factory=list)
    error: Exception | None = None
    """Why none of it was done."""
    finishing: bool = False
    """COMMIT was sent: if it fails now, nobody knows whether it happened."""


class Database:
    """Does work in transactions, on one thread.

    Everything that waits while a commit is under way goes into the next one, so that a burst of commands shares disk
    flushes instead of queueing behind them. The schema is brought up to date before anything else is done, unless it is
    to be left as it is (`migrates`).
    """

    def __init__(
        self,
        url: str,
        patience: float = PATIENCE,
        longest_migration: float = LONGEST_MIGRATION,
        *,
        migrates: bool = True,
    ) -> None:
        self._url = url
        self._engine = engine(url)
        self._patience = patience
        self._longest_migration = longest_migration
        self._bring_up_to_date = migrate if migrates else must_be_migratable
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._waiting: list[_Job] = []
        self._writer: asyncio.Task[None] | None = None
        self._opening: asyncio.Future[Exception | None] | None = None
        self._opening_since = 0.0
        self._in_use: set[DBAPIConnection] = set()
        """What the thread holds, so that a stuck connection can be cut."""
        self._told = float("-inf")
        """When the log was told last that the database is down."""
        sa.event.listen(self._engine, "checkout", lambda connection, *_: self._in_use.add(connection))
        sa.event.listen(self._engine, "checkin", lambda connection, *_: self._in_use.discard(connection))

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    async def do(self, work: Work[T], *, within: float | None = None) -> T:
        """The result of the work, once it is committed: on the disk.

        Raises `StoreDown` when it could not be, or not `within` so many seconds, the wait for others included; it says
        whether the work may be done all the same.
        """
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._writer is None or self._writer.done():
            # In a context of its own: what it logs concerns all who wait, and has not the reference of the first.
            self._writer = asyncio.create_task(self._work_off(), name="database", context=Context())
        try:
            async with asyncio.timeout(within):
                result: T = await job.answer
        except TimeoutError:
            raise StoreDown(perhaps_written=job.begun) from None
        return result

    async def close(self) -> None:
        """Finish what was begun and let the database go; what hangs is cut."""
        if self._writer:
            await asyncio.wait([self._writer])
        letting_go = asyncio.wrap_future(self._thread.submit(self._engine.dispose))
        while not letting_go.done():
            await asyncio.wait([letting_go], timeout=self._patience)
            if not letting_go.done():
                self._cut()
        self._thread.shutdown()

    def _cut(self) -> None:
        for connection in list(self._in_use):
            cut(connection)

    async def _work_off(self) -> None:
        while self._waiting:
            jobs, self._waiting = self._waiting, []
            try:
                await self._open()
                results = await self._commit(jobs)
            except StoreDown as down:
                results = [down] * len(jobs)
            except Exception:
                log.exception("database.broken")
                results = [StoreDown(perhaps_written=True)] * len(jobs)
            for job, result in zip(jobs, results, strict=True):
                job.give(result)

    async def _open(self) -> None:
        """Bring the schema up to date, if that was not done yet. It may take longer than anybody waits; it goes on."""
        now = asyncio.get_running_loop().time()
        if self._opening is None:
            self._opening = asyncio.wrap_future(self._thread.submit(self._migrate))
            self._opening_since = now
        if not self._opening.done():
            await asyncio.wait([self._opening], timeout=self._patience)
        if not self._opening.done():
            if now - self._opening_since > self._longest_migration:  # or it is a connection that went silent
                self._cut()
            raise StoreDown
        if (error := self._opening.result()) is not None:
            self._opening = None
            raise StoreDown(schema=_other_schema(error)) from error

    async def _commit(self, jobs: list[_Job]) -> list[object]:
        """What became of each job: its result, or an exception. Raises `StoreDown` when it is the same for all."""
        commit = _Commit(jobs)
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        self._thread.submit(self._transact, commit).add_done_callback(
            # Not `wrap_future`, which copies a state with ten locks: for every commit, beside everything else.
            lambda _: loop.call_soon_threadsafe(over.set_result, None)
        )
        await asyncio.wait([over], timeout=self._patience)
        if over.done() and commit.error is None:
            self._told = float("-inf")
            return commit.results
        self._opening = None  # the database may be another one, or empty, when it is back
        if not over.done():
            log.warning("database.stuck", finishing=commit.finishing)
            self._cut()
            raise StoreDown(perhaps_written=True)
        raise StoreDown(perhaps_written=commit.finishing and is_cut_off(commit.error)) from commit.error

    # --- on the thread ----------------------------------------------------------------------------------------------

    def _migrate(self) -> Exception | None:
        try:
            self._bring_up_to_date(self._engine)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever for it
            return self._lost(error)
        return None

    def _transact(self, commit: _Commit) -> None:
        """One transaction for all; or one for each, if there is one among them that the database does not take."""
        try:
            self._try(commit, commit.jobs)
        except Exception as error:  # noqa: BLE001 - see `_migrate`
            if len(commit.jobs) == 1 or commit.finishing or isinstance(error, sa.exc.OperationalError):
                commit.error = self._lost(error)
            else:
                commit.results = [self._alone(commit, job) for job in commit.jobs]

    def _alone(self, commit: _Commit, job: _Job) -> object:
        try:
            self._try(commit, [job])
        except Exception as error:  # noqa: BLE001 - see `_migrate`
            lost = self._lost(error)
            return StoreDown(perhaps_written=commit.finishing and is_cut_off(lost))
        return commit.results[0]

    def _try(self, commit: _Commit, jobs: list[_Job]) -> None:
        try:
            self._once(commit, jobs)
        except sa.exc.DBAPIError as error:
            # The connection had been lost since it was last used, or another replica held what we wanted and wanted
            # what we held: nothing was committed.
            if commit.finishing or not (is_cut_off(error) or is_deadlock(error)):
                raise
            if is_deadlock(error):
                time.sleep(DEADLOCK_PAUSE)
            self._once(commit, jobs)

    def _once(self, commit: _Commit, jobs: list[_Job]) -> None:
        commit.finishing = False
        with self._engine.connect() as connection, connection.begin() as transaction:
            for job in jobs:
                job.begun = True
            # Who has been told meanwhile that it is not done is not worked for.
            commit.results = [None if job.answer.done() else job.work(connection) for job in jobs]
            commit.finishing = True
            transaction.commit()
            commit.finishing = False

    def _lost(self, error: Exception) -> Exception:
        """Note the error, and begin anew next time: a file that was replaced, or a server that came back."""
        if time.monotonic() - self._told > TELL_EVERY:
            self._told = time.monotonic()
            log.warning("database.down", error=type(error).__name__, reason=reason(error, self._url))
        self._engine.dispose()
        return error


def _other_schema(error: Exception) -> OtherSchema | None:
    match error:
        case NewerSchemaError():
            return OtherSchema.NEWER
        case UnreleasedSchemaError():
            return OtherSchema.UNRELEASED
        case _:
            return None

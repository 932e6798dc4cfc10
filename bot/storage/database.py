"""Runs transactions on one thread, and lets the work of several callers share one commit."""

import asyncio
import time
from contextvars import Context
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine.interfaces import DBAPIConnection

from bot.deals.clock import loop_time
from bot.deals.ports import Damage, StoreDown, StoreRefused
from bot.storage.commits.jobs import Commit, Job, Queue, Work
from bot.storage.commits.thread import WorkerThread
from bot.storage.engine import cut, engine, is_cut_off, is_deadlock, is_refusal, limited, reason
from bot.storage.files import DatabaseFile, FileMovedError, Inspector, LogMovedError, damage_of
from bot.storage.migrations import migrate, must_be_migratable, other_schema

log = structlog.get_logger(__name__)
T = TypeVar("T")

COMMIT_PATIENCE = 2.2
"""Seconds for a commit. A command waits for nothing but its own, and Slack wants an answer within 3 s."""
MIGRATION_PATIENCE = 300.0
"""Seconds for the migrations. After that the connection is taken for one that hangs."""
DEADLOCK_PAUSE = 0.1
"""Seconds for the other replica to take what it waited for. A try without it may take that first, and meet it again."""
DOWN_LOG_INTERVAL = 60.0
"""Seconds between two log lines about a database that is down: its callers ask again and again."""


class Database:
    """Does work in transactions, on one thread.

    All work that arrives during a commit goes into the next one, so that a burst of commands shares disk flushes
    instead of queueing behind them. The migrations come first, unless `migrates` is false: then the tables stay as they
    are, and only those that this version cannot use are refused.
    """

    def __init__(
        self,
        url: str,
        patience: float = COMMIT_PATIENCE,
        migration_patience: float = MIGRATION_PATIENCE,
        *,
        migrates: bool = True,
    ) -> None:
        self._url = url
        self._engine = engine(url)
        self._limited = limited(self._engine, patience)
        """For all but the migrations, which may take long."""
        self._patience = patience
        self._migration_patience = migration_patience
        self._prepare_schema = migrate if migrates else must_be_migratable
        self._file = DatabaseFile(url)
        self._inspector = Inspector(url)
        self._thread = WorkerThread("database")
        self._queue = Queue(self._write)
        self._writer: asyncio.Task[None] | None = None
        self._opening: asyncio.Future[Exception | None] | None = None
        """The migrations; `None` where they have to be looked at again."""
        self._opening_since = 0.0
        self._kept: sa.Connection | None = None
        """The thread's, until something goes wrong: to take one from the pool costs as much as a statement."""
        self._in_use: set[DBAPIConnection] = set()
        """The connections that the thread holds, so that one that hangs can be cut."""
        self._down_logged = float("-inf")
        """When the log last said that the database is down."""
        sa.event.listen(self._engine, "checkout", lambda connection, *_: self._in_use.add(connection))
        sa.event.listen(self._engine, "checkin", lambda connection, *_: self._in_use.discard(connection))

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @property
    def _no_answer(self) -> str:
        return f"no answer in {self._patience:g} seconds"

    async def do(self, work: Work[T], *, within: float | None = None, can_wait: float = 0.0) -> T:
        """Do the work, and return its result once it is committed, which means on the disk.

        `within`: seconds, with the wait for other work. `can_wait`: seconds for which it may wait for other work, to
        share its commit. Raises `StoreDown` when the work could not be done in time or at all. Its `perhaps_written`
        says whether it may be done all the same. Raises `StoreRefused` when it would fail again however often it is
        tried; then it is not done.
        """
        job = Job(work, asyncio.get_running_loop().create_future())
        self._queue.put(job, can_wait)
        try:
            async with asyncio.timeout(within):
                result: T = await job.answer
        except TimeoutError:
            raise StoreDown(perhaps_written=job.begun) from None
        return result

    def _write(self) -> None:
        if self._writer is None or self._writer.done():
            # In a context of its own: its log lines concern all callers, and must not have the first one's reference.
            self._writer = asyncio.create_task(self._work_off(), name="database", context=Context())

    async def inspect(self) -> None:
        """Look for damaged pages, unless that was done lately. Raises `StoreDown` if there are any."""
        if await self._inspector.look():
            raise StoreDown(damage=Damage.PAGES, reason=self._inspector.found)

    async def close(self) -> None:
        """Finish the work that was begun, and close the connections. Cut those that hang."""
        self._inspector.close()
        self._queue.hurry()
        if self._writer:
            await asyncio.wait([self._writer])
        closing = self._thread.run(self._disconnect)
        while not closing.done():
            await asyncio.wait([closing], timeout=self._patience)
            if not closing.done():
                self._cut()
        self._thread.stop()

    def _cut(self) -> None:
        for connection in list(self._in_use):
            cut(connection)

    async def _work_off(self) -> None:
        while self._queue:
            jobs = self._queue.take()
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
        """Take the migrations, if that is not done yet.

        They may take longer than a caller waits. Then this raises `StoreDown`, and they go on.
        """
        if self._inspector.damaged:
            await self.inspect()
        now = loop_time()
        if self._opening is None:
            self._opening = self._thread.run(self._migrate)
            self._opening_since = now
        if not self._opening.done():
            await asyncio.wait([self._opening], timeout=self._patience)
        if not self._opening.done():
            if now - self._opening_since > self._migration_patience:
                self._cut()
            raise StoreDown(reason=self._no_answer)
        if (error := self._opening.result()) is not None:
            self._opening = None
            words = reason(error, self._url)
            raise StoreDown(schema=other_schema(error), damage=damage_of(error), reason=words) from error

    async def _commit(self, jobs: list[Job]) -> list[object]:
        """The result of each job, or its exception. Raises `StoreDown` when all failed for one reason."""
        commit = Commit(jobs)
        over = self._thread.run(partial(self._transact, commit))
        await asyncio.wait([over], timeout=self._patience)
        error = commit.error
        if over.done() and error is None:
            self._down_logged = float("-inf")
            return commit.results
        self._opening = None  # when the database is back it may be another one, or empty
        if error is None:
            log.warning("database.stuck", finishing=commit.finishing)
            self._cut()
            raise StoreDown(perhaps_written=True, reason=self._no_answer)
        raise self._down(commit, error) from error

    # --- on the thread ----------------------------------------------------------------------------------------------

    def _migrate(self) -> Exception | None:
        try:
            self._file.must_be_ours()
            steps = self._prepare_schema(self._engine)
            self._file.opened()
        except Exception as error:  # noqa: BLE001 - whatever it is, callers must not wait for ever
            return self._failed(error)
        log.info("database.opened", kind=self.kind, migrations=steps)
        return None

    def _transact(self, commit: Commit) -> None:
        """One transaction for all jobs; or one for each, if the database does not take one of them."""
        try:
            self._try(commit, commit.jobs)
        except Exception as error:  # noqa: BLE001 - see `_migrate`
            if (
                len(commit.jobs) > 1
                and not commit.finishing
                and not isinstance(error, sa.exc.OperationalError | OSError)
            ):
                commit.results = [self._alone(commit, job) for job in commit.jobs]
            elif is_refusal(error):
                commit.results = [self._refused(error)] * len(commit.jobs)
            else:
                commit.error = self._failed(error)

    def _alone(self, commit: Commit, job: Job) -> object:
        try:
            self._try(commit, [job])
        except Exception as error:  # noqa: BLE001 - see `_migrate`
            if is_refusal(error):
                return self._refused(error)
            self._failed(error)
            return self._down(commit, error)
        return commit.results[0]

    def _try(self, commit: Commit, jobs: list[Job]) -> None:
        try:
            self._once(commit, jobs)
        except sa.exc.DBAPIError as error:
            # Try once more where certainly nothing was committed: the connection was lost since its last use, or this
            # process and another each held what the other wanted.
            if commit.finishing or not (is_cut_off(error) or is_deadlock(error)):
                raise
            if is_deadlock(error):
                time.sleep(DEADLOCK_PAUSE)
            self._once(commit, jobs)

    def _once(self, commit: Commit, jobs: list[Job]) -> None:
        commit.finishing = False
        self._file.must_be_ours()
        connection = self._kept = self._kept or self._limited.connect()
        try:
            with connection.begin() as transaction:
                self._file.remember_log(connection)
                for job in jobs:
                    job.begun = True
                # A caller who was told meanwhile that the work is not done must find it not done.
                commit.results = [None if job.answer.done() else job.work(connection) for job in jobs]
                commit.finishing = True
                transaction.commit()
            self._file.must_be_ours()
            self._file.must_have_log(connection)
            commit.finishing = False
        except sa.exc.DBAPIError:
            self._hang_up()  # what the connection is good for now is the pool's to find out
            raise

    def _hang_up(self) -> None:
        kept, self._kept = self._kept, None
        if kept:
            kept.close()

    def _disconnect(self) -> None:
        self._hang_up()
        self._engine.dispose()

    def _refused(self, error: Exception) -> StoreRefused:
        # The first line alone: below it PostgreSQL repeats the values.
        first_line = str(getattr(error, "orig", None) or error).partition("\n")[0]
        log.error("database.refused", error=type(error).__name__, reason=first_line)
        return StoreRefused()

    def _failed(self, error: Exception) -> Exception:
        """Log the error, and close the connections: the server may have restarted."""
        if time.monotonic() - self._down_logged > DOWN_LOG_INTERVAL:
            self._down_logged = time.monotonic()
            log.warning("database.down", error=type(error).__name__, reason=reason(error, self._url))
        if damage_of(error) is Damage.PAGES:
            self._inspector.damaged = True
        if not isinstance(error, FileMovedError):  # to close it would delete the `-wal` of the file that is there now
            self._disconnect()
        return error

    def _down(self, commit: Commit, error: Exception) -> StoreDown:
        """Why the work of a commit failed, after COMMIT was sent or before."""
        lost = is_cut_off(error) or isinstance(error, FileMovedError | LogMovedError)
        words = reason(error, self._url)
        return StoreDown(perhaps_written=commit.finishing and lost, damage=damage_of(error), reason=words)

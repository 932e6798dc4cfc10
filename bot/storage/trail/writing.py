"""Writes down who sent a command that was refused, misunderstood, or only looked."""

import asyncio

import structlog

from bot.access.rules import Caller
from bot.commands.instrumentation import Trail
from bot.deals.ports import StoreDown, StoreRefused
from bot.storage.database import Database
from bot.storage.engine import insert, iso_now
from bot.storage.tables import trail

log = structlog.get_logger(__name__)

MOST_WAITING = 1000
"""Rows that wait for the database. What comes beyond is only in the log."""


class SqlTrail(Trail):
    """`Trail` over a database. Rows wait in memory for `tend`, so that no acknowledgement waits for them.

    What the database does not take is dropped: the log has it too. `most_waiting`: see `MOST_WAITING`.
    """

    def __init__(self, database: Database, most_waiting: int = MOST_WAITING) -> None:
        self._database = database
        self._most_waiting = most_waiting
        self._waiting: list[dict[str, str]] = []
        self._lost = 0
        """Rows that were dropped since the log last said so."""
        self._noted = asyncio.Event()
        # A row that `tend` was writing when it was cancelled may be there already.
        self._insert = insert(database.kind, trail).values(noted_at=iso_now(database.kind)).on_conflict_do_nothing()

    def note(self, reference: str, caller: Caller, outcome: str, detail: str) -> None:
        """See `Trail`."""
        self._noted.set()
        if len(self._waiting) >= self._most_waiting:
            self._lost += 1
            return
        self._waiting.append(
            {
                "reference": reference,
                "team_id": caller.team_id,
                "channel_id": caller.channel_id,
                "user_id": caller.user_id,
                "outcome": outcome,
                "detail": detail,
            }
        )

    async def tend(self) -> None:
        """Write down what is noted, as it comes; until cancelled. What comes during a commit shares the next."""
        while True:
            await self._noted.wait()
            await self.save()

    async def save(self) -> None:
        """Write down what waits, or drop it if the database does not take it. Never raises."""
        self._noted.clear()
        rows = list(self._waiting)
        try:
            if rows:
                await self._database.do(lambda connection: connection.execute(self._insert, rows))
        except (StoreDown, StoreRefused):
            self._lost += len(rows)
        del self._waiting[: len(rows)]
        if self._lost:
            log.warning("trail.not_written", rows=self._lost)
            self._lost = 0

    async def forget(self, older_than: float, most: int = 1000) -> int:
        """Delete rows that were noted more than so many seconds ago, `most` at once.

        Returns how many it deleted. Raises `StoreDown`.
        """
        ago = iso_now(self._database.kind, ago=older_than)
        old = trail.select().with_only_columns(trail.c.reference).where(trail.c.noted_at < ago).limit(most)
        statement = trail.delete().where(trail.c.reference.in_(old))
        return await self._database.do(lambda connection: connection.execute(statement).rowcount)

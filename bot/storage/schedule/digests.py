"""Digests in the schedule: when the next one is due, and what was kept of those that were posted."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from bot.schedule.digest.figures import Sent, from_kept
from bot.schedule.due import DueState, Ending, Kind, Planned
from bot.storage.database import Database
from bot.storage.engine import insert, iso_now
from bot.storage.schedule.queue import columns_of
from bot.storage.schedule.tables import schedule

LOOKED_THROUGH = 50
"""Digests, the latest ones, among which the one to compare with is looked for."""


class SqlDigests:
    """`Digests` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        new = insert(database.kind, schedule).values(
            planned_at=iso_now(database.kind), state=DueState.WAITING.value, lease_until=0.0, attempts=0
        )
        self._plan = new.on_conflict_do_update(
            index_elements=[schedule.c.key],
            set_={"due": new.excluded.due},
            where=sa.and_(schedule.c.state == DueState.WAITING.value, schedule.c.owner.is_(None)),
        )
        self._kept = (
            sa.select(schedule.c.kept)
            .where(
                schedule.c.kind == Kind.DIGEST.value,
                schedule.c.ending == Ending.POSTED.value,
                schedule.c.due <= sa.bindparam("by"),
            )
            .order_by(schedule.c.due.desc())
            .limit(LOOKED_THROUGH)
        )

    async def plan(self, planned: Sequence[Planned]) -> None:
        """See `Digests`."""
        rows = list(map(columns_of, planned))

        def write(connection: sa.Connection) -> None:
            for row in rows:
                connection.execute(self._plan, row)

        await self._database.do(write)

    async def sent(self, by: datetime) -> Sequence[Sent]:
        """See `Digests`."""
        of = {"by": by.timestamp()}
        kept = await self._database.do(lambda connection: connection.execute(self._kept, of).scalars().all())
        return [sent for column in kept if column and (sent := from_kept(column))]

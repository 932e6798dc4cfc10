"""Counts by day what came from HighLevel, over the database."""

from collections.abc import Mapping

import sqlalchemy as sa

from bot.events.event import Reception, Source
from bot.storage.database import Database
from bot.storage.engine import insert, iso_now
from bot.storage.events.tables import event_counts


class SqlCounts:
    """`Counts` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = iso_now(database.kind)
        new = insert(database.kind, event_counts).values(day=sa.func.substr(now, 1, 10), latest_at=now)
        self._add = new.on_conflict_do_update(
            index_elements=list(event_counts.primary_key),
            set_={"many": event_counts.c.many + new.excluded.many, "latest_at": new.excluded.latest_at},
        )

    async def add(self, counted: Mapping[tuple[Source, Reception], int]) -> None:
        """See `Counts`."""
        # In one order: two replicas that lock the same rows in two orders would wait for each other.
        rows = [
            {"source": source.value, "reception": reception.value, "many": many}
            for (source, reception), many in sorted(counted.items())
        ]

        def write(connection: sa.Connection) -> None:
            for row in rows:
                connection.execute(self._add, row)

        await self._database.do(write)

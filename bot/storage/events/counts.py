"""Counts by day what came from HighLevel, over the database."""

from collections.abc import Mapping

import sqlalchemy as sa

from bot.events.event import Reception, Source
from bot.events.ports import Heard
from bot.storage.database import Database
from bot.storage.engine import insert, iso_now
from bot.storage.events.tables import event_counts, polls
from bot.storage.rows import seconds_between


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

    async def heard(self) -> Heard:
        """What came lately. Raises `StoreDown` and `StoreRefused`."""
        told = event_counts.c.source != Source.POLL.value
        genuine = event_counts.c.reception.in_([Reception.RECEIVED.value, Reception.REPEATED.value])
        latest = sa.select(sa.func.max(event_counts.c.latest_at)).where(told, genuine)
        lately = (
            sa.select(event_counts.c.reception, sa.func.sum(event_counts.c.many))
            .where(told, event_counts.c.day >= sa.func.substr(iso_now(self._database.kind, ago=86_400.0), 1, 10))
            .group_by(event_counts.c.reception)
        )
        oldest = sa.select(sa.func.min(polls.c.polled_at))
        now = sa.select(iso_now(self._database.kind))

        def read(connection: sa.Connection) -> Heard:
            at: str = connection.execute(now).scalar_one()
            received, polled = connection.execute(latest).scalar(), connection.execute(oldest).scalar()
            return Heard(
                received=None if received is None else seconds_between(received, at),
                lately={Reception(word): int(many) for word, many in connection.execute(lately)},
                polled=None if polled is None else seconds_between(polled, at),
            )

        return await self._database.do(read)

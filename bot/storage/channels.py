"""Keeps which channel works in which sub-account, in the table `channels`."""

from datetime import UTC, datetime

import sqlalchemy as sa

from bot.storage.database import Database
from bot.storage.engine import insert
from bot.storage.rows import iso
from bot.storage.tables import channels


class SqlBindings:
    """`Bindings` over a database, so that all replicas have the same."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, channel_id: str) -> str | None:
        """See `Bindings`."""
        statement = sa.select(channels.c.location_id).where(channels.c.channel_id == channel_id)
        return await self._database.do(lambda connection: connection.scalar(statement))

    async def bind(self, channel_id: str, location_id: str, by: str) -> None:
        """See `Bindings`."""
        row = {"location_id": location_id, "bound_by": by, "bound_at": iso(datetime.now(UTC))}
        new = insert(self._database.kind, channels).values(row | {"channel_id": channel_id})
        statement = new.on_conflict_do_update(index_elements=[channels.c.channel_id], set_=row)
        await self._database.do(lambda connection: connection.execute(statement))

    async def unbind(self, channel_id: str) -> None:
        """See `Bindings`."""
        statement = channels.delete().where(channels.c.channel_id == channel_id)
        await self._database.do(lambda connection: connection.execute(statement))

"""How far HighLevel was asked for changes, over the database."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from bot.deals.deal import Opportunity
from bot.events.event import Event, EventState
from bot.events.ports import Turn
from bot.storage.database import Database
from bot.storage.engine import NOW, insert, iso_now
from bot.storage.events.inbox import receiving
from bot.storage.events.memory import columns_of
from bot.storage.events.tables import deals, events, polls
from bot.storage.rows import iso


class SqlPolls:
    """`Polls` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = NOW[database.kind]
        self._first = insert(database.kind, polls).values(lease_until=0.0).on_conflict_do_nothing()
        self._answered = polls.update().values(polled_at=iso_now(database.kind))
        self._receive = receiving(database.kind)
        at = iso_now(database.kind)
        new = insert(database.kind, deals).values(version=1, changed_at=at, seen_at=at)
        self._learn = new.on_conflict_do_update(
            index_elements=[deals.c.opportunity_id],
            set_={name: new.excluded[name] for name in ("status", "lost_reason_id", "since", "version")},
            where=deals.c.status == "",  # a row that was only made to be locked
        )

    async def begin(self, location_id: str, every: float) -> Turn | None:
        """See `Polls`."""
        statement = (
            polls.update()
            .where(polls.c.location_id == location_id, polls.c.lease_until <= self._now)
            .values(lease_until=self._now + every)
            .returning(polls.c.newest)
        )

        def write(connection: sa.Connection) -> Turn | None:
            connection.execute(self._first, {"location_id": location_id})
            row = connection.execute(statement).first()
            return Turn(datetime.fromisoformat(row.newest) if row.newest else None) if row else None

        return await self._database.do(write)

    async def learn(self, location_id: str, found: Sequence[Opportunity], newest: datetime) -> None:
        """See `Polls`."""
        statement = self._answered.where(polls.c.location_id == location_id).values(newest=iso(newest))

        reported = sa.select(events.c.opportunity_id).where(events.c.state == EventState.RECEIVED.value)

        def write(connection: sa.Connection) -> None:
            # What was reported, and is not read yet, may be news: it must not be known from here.
            left_out = {*connection.scalars(reported)}
            for deal in found:
                if deal.id not in left_out:
                    connection.execute(self._learn, columns_of(deal, location_id))
            connection.execute(statement)

        await self._database.do(write)

    async def advance(self, location_id: str, found: Sequence[Event], newest: datetime) -> int:
        """See `Polls`."""
        statement = self._answered.where(polls.c.location_id == location_id).values(newest=iso(newest))
        known = sa.select(deals.c.opportunity_id, deals.c.status, deals.c.since)
        ids = {event.opportunity_id for event in found}

        def write(connection: sa.Connection) -> int:
            rows = connection.execute(known.where(deals.c.opportunity_id.in_(ids))).all()
            seen = {f"{row.opportunity_id}:{_as_in_keys(row.since)}:{row.status}" for row in rows}
            news = [event for event in found if event.key.split(":", 2)[2] not in seen]
            new = [event for event in news if connection.execute(self._receive, _columns(event)).first()]
            connection.execute(statement)
            return len(new)

        return await self._database.do(write)


def _columns(event: Event) -> dict[str, str]:
    return {name: getattr(event, name) for name in Event.__dataclass_fields__}


def _as_in_keys(since: str | None) -> str:
    return datetime.fromisoformat(since).isoformat() if since else ""

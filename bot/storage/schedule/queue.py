"""What comes due, over the database, for the processes that work on it."""

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot.access.rules import Caller
from bot.deals.clock import uptime
from bot.deals.deal import Target
from bot.deals.ports import LeaseLost
from bot.schedule.calendar import Calendar
from bot.schedule.due import Due, DueState, Ending, Kind, Planned
from bot.storage.database import Database
from bot.storage.engine import NOW, insert, iso_now
from bot.storage.leases import LeaseClock
from bot.storage.schedule.tables import schedule

DUE_LEASE = 30.0
"""Seconds for which a process has what it took: longer than it takes to read a deal, or to send a message."""

WAITING = sa.text(f"schedule.state = '{DueState.WAITING}'")
"""SQL's own words, not a parameter: otherwise the databases do not use the partial indices."""


def planning(kind: str) -> sa.UpdateBase:
    """The statement that writes down what is to come due, as `columns_of` has it. It returns a row if that is new."""
    return (
        insert(kind, schedule)
        .values(planned_at=iso_now(kind), state=DueState.WAITING.value, lease_until=0.0, attempts=0)
        .on_conflict_do_nothing()
        .returning(schedule.c.number)
    )


def columns_of(planned: Planned) -> dict[str, Any]:
    """What is written down of it."""
    return {
        "key": planned.key,
        "kind": planned.kind.value,
        "due": planned.due.timestamp(),
        "team_id": planned.caller.team_id,
        "channel_id": planned.caller.channel_id,
        "user_id": planned.caller.user_id,
        "location_id": planned.deal.location_id,
        "opportunity_id": planned.deal.opportunity_id,
        "opportunity_name": planned.name,
    }


def as_planned(row: sa.Row[Any]) -> Planned:
    """The same, out of a row."""
    return Planned(
        key=row.key,
        kind=Kind(row.kind),
        due=datetime.fromtimestamp(row.due, UTC),
        caller=Caller(row.user_id, row.team_id, row.channel_id),
        deal=Target(row.opportunity_id, row.location_id),
        name=row.opportunity_name,
    )


class SqlSchedule:
    """`Schedule` over a database. Each instance is an owner of its own.

    `calendar` says what is due; leases go by the database's clock. `now`: see `LeaseClock`.
    """

    def __init__(
        self, database: Database, calendar: Calendar, lease: float = DUE_LEASE, now: Callable[[], float] = uptime
    ) -> None:
        self._database = database
        self._calendar = calendar
        self._owner = secrets.token_hex(8)
        self._clock = LeaseClock(lease, now)
        current = NOW[database.kind]
        self._today = current + sa.bindparam("ahead", type_=sa.Double)
        free = (
            sa.select(schedule.c.number)
            .where(
                WAITING,
                schedule.c.kind.in_(sa.bindparam("kinds", expanding=True)),
                schedule.c.due <= self._today,
                schedule.c.lease_until <= current,
            )
            .order_by(schedule.c.due, schedule.c.number)
            .limit(sa.bindparam("most"))
            .with_for_update(skip_locked=True)
        )
        self._take = (
            schedule.update()
            .where(schedule.c.number.in_(free))
            .values(owner=self._owner, lease_until=current + lease)
            .returning(schedule, (self._today - schedule.c.due).label("late"))
        )
        mine: list[Any] = [WAITING, schedule.c.owner == self._owner]
        ours = schedule.update().where(*mine, schedule.c.key == sa.bindparam("of"))
        self._hold = ours.values(lease_until=current + lease)
        back = {"owner": None, "lease_until": current + sa.bindparam("seconds", type_=sa.Double)}
        self._set_back = ours.values(attempts=schedule.c.attempts + sa.bindparam("failed", type_=sa.Integer), **back)
        self._give_back = schedule.update().where(*mine).values(owner=None, lease_until=0.0)
        self._finish = ours.values(
            state=DueState.FINISHED.value,
            owner=None,
            ending=sa.bindparam("word"),
            kept=sa.bindparam("keep"),
            finished_at=iso_now(database.kind),
        )

    async def take(self, kinds: Collection[Kind], most: int) -> Sequence[Due]:
        """See `Schedule`."""
        began = self._clock.now()
        wanted = {"kinds": [kind.value for kind in kinds], "most": most, "ahead": self._calendar.ahead}
        rows = await self._database.do(lambda connection: connection.execute(self._take, wanted).all())
        self._clock.extend(began, [row.key for row in rows])
        found = [Due(as_planned(row), row.late, row.attempts) for row in rows]
        return sorted(found, key=lambda each: each.planned.due)

    async def still_ours(self, key: str) -> None:
        """See `Schedule`. Asks the database only where the lease may have ended."""
        if not self._clock.holds(key):
            await self.renew(key)

    async def renew(self, key: str) -> None:
        """See `Schedule`."""
        began = self._clock.now()
        await self._noted(self._hold, key)
        self._clock.extend(began, [key])

    async def set_back(self, key: str, seconds: float, *, failed: bool) -> None:
        """See `Schedule`."""
        self._clock.drop(key)
        values = {"of": key, "seconds": seconds, "failed": int(failed)}
        await self._database.do(lambda connection: connection.execute(self._set_back, values))

    async def finish(self, key: str, ending: Ending, kept: str = "") -> None:
        """See `Schedule`."""
        await self._noted(self._finish, key, word=ending.value, keep=kept or None)
        self._clock.drop(key)

    async def give_back(self) -> None:
        """See `Schedule`."""
        self._clock.clear()
        await self._database.do(lambda connection: connection.execute(self._give_back))

    async def _noted(self, statement: sa.UpdateBase, key: str, **values: object) -> None:
        noted = await self._database.do(lambda connection: connection.execute(statement, {"of": key} | values).rowcount)
        if not noted:
            self._clock.drop(key)
            raise LeaseLost

    # --- for the housekeeping ---------------------------------------------------------------------------------------

    async def forget(self, kind: Kind, older_than: float, most: int = 1000) -> int:
        """Delete what ended of a kind more than so many seconds ago, `most` at once; returns how many.

        Raises `StoreDown`.
        """
        ended = schedule.c.finished_at < iso_now(self._database.kind, ago=older_than)
        old = sa.select(schedule.c.number).where(ended, schedule.c.kind == kind.value)
        statement = schedule.delete().where(schedule.c.number.in_(old.limit(most)))
        return await self._database.do(lambda connection: connection.execute(statement).rowcount)

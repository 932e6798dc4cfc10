"""People's reminders, over the database: a person has at most one of each deal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot.schedule.due import DueState, Ending, Kind, Planned
from bot.schedule.ports import Standing
from bot.storage.database import Database
from bot.storage.engine import iso_now
from bot.storage.schedule.queue import WAITING, as_planned, columns_of, planning
from bot.storage.schedule.tables import schedule

REMINDER = sa.text(f"schedule.kind = '{Kind.REMINDER}'")
"""SQL's own words, not a parameter: otherwise the databases do not use the partial index."""


class SqlReminders:
    """`Reminders` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = planning(database.kind)
        self._of_key = sa.select(schedule).where(schedule.c.key == sa.bindparam("of"))
        theirs: list[Any] = [WAITING, REMINDER, schedule.c.user_id == sa.bindparam("person")]
        of_deal: list[Any] = [*theirs, schedule.c.opportunity_id == sa.bindparam("deal")]
        self._of_deal = sa.select(schedule).where(*of_deal)
        end = schedule.update().values(state=DueState.FINISHED.value, owner=None, finished_at=iso_now(database.kind))
        self._replace = end.where(*of_deal).values(ending=Ending.REPLACED.value).returning(schedule.c.due)
        self._cancel = (
            end.where(*theirs, schedule.c.key == sa.bindparam("of"))
            .values(ending=Ending.CANCELED.value)
            .returning(schedule)
        )
        self._listed = (
            sa.select(schedule).where(*theirs).order_by(schedule.c.due, schedule.c.number).limit(sa.bindparam("most"))
        )

    async def remind(self, planned: Planned) -> Standing:
        """See `Reminders`."""
        of_deal = {"person": planned.caller.user_id, "deal": planned.deal.opportunity_id}

        def write(connection: sa.Connection) -> Standing:
            if known := connection.execute(self._of_key, {"of": planned.key}).first():
                return Standing(as_planned(known))
            before = connection.execute(self._replace, of_deal).scalar()
            connection.execute(self._insert, columns_of(planned)).first()
            # If another process wrote one for this deal at the same moment, that one stands.
            stands = as_planned(connection.execute(self._of_deal, of_deal).one())
            return Standing(stands, None if before is None else datetime.fromtimestamp(before, UTC))

        return await self._database.do(write)

    async def of_person(self, user_id: str, most: int) -> Sequence[Planned]:
        """See `Reminders`."""
        of = {"person": user_id, "most": most}
        rows = await self._database.do(lambda connection: connection.execute(self._listed, of).all())
        return list(map(as_planned, rows))

    async def cancel(self, key: str, user_id: str) -> Planned | None:
        """See `Reminders`."""
        of = {"person": user_id, "of": key}
        row = await self._database.do(lambda connection: connection.execute(self._cancel, of).first())
        return as_planned(row) if row else None

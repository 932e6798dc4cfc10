"""The inbox of events over the database: what came, and how far it got."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

import sqlalchemy as sa

from bot.commands.record import State
from bot.deals.deal import Opportunity
from bot.deals.outcome import Effect
from bot.events.event import Decision, Event, EventState, Kind, Known, Settled, Source, Taken, Verdict
from bot.events.ports import Decide
from bot.storage.database import Database
from bot.storage.engine import NOW, insert, iso_now
from bot.storage.events.facts import as_json
from bot.storage.events.memory import columns_of, remembering
from bot.storage.events.tables import deals, events
from bot.storage.rows import seconds_between
from bot.storage.tables import commands

EVENT_LEASE = 30.0
"""Seconds for which a process has events that it took: longer than it takes to read a deal, with all repetitions."""
DOUBT = 3600.0
"""Seconds for which a command that could not find out whether it changed its deal may be what changed it."""

_RECEIVED = sa.text(f"events.state = '{EventState.RECEIVED}'")
"""SQL's own words, not a parameter: otherwise the databases do not use the partial indices."""
_IN_ORDER = attrgetter("number")


def receiving(kind: str) -> sa.UpdateBase:
    """The statement that writes an event down. It returns a row if the event is new."""
    return (
        insert(kind, events)
        .values(received_at=iso_now(kind), state=EventState.RECEIVED.value, lease_until=0.0, attempts=0)
        .on_conflict_do_nothing()
        .returning(events.c.number)
    )


class SqlInbox:
    """`Intake` and `Inbox` over a database. Each instance is an owner of its own."""

    def __init__(self, database: Database, lease: float = EVENT_LEASE) -> None:
        self._database = database
        self._owner = secrets.token_hex(8)
        now, at = NOW[database.kind], iso_now(database.kind)
        self._now = at
        self._insert = receiving(database.kind)
        self._free: list[Any] = [_RECEIVED, events.c.lease_until <= now]
        self._taking = (
            events.update().values(owner=self._owner, lease_until=now + lease).returning(events, at.label("now"))
        )
        self._ours: list[Any] = [_RECEIVED, events.c.owner == self._owner]
        self._finish = events.update().values(state=EventState.FINISHED.value, owner=None, finished_at=at)
        self._hold = events.update().values(state=EventState.HELD.value, owner=None, held_since=now)
        self._set_back = events.update().values(owner=None, lease_until=now + sa.bindparam("seconds", type_=sa.Double))
        self._remember = remembering(database.kind)
        # A row to lock: without one, two replicas that see a deal for the first time would both take it for news.
        blank = {"status": "", "version": 0, "changed_at": at, "seen_at": at}
        self._placeholder = insert(database.kind, deals).values(blank).on_conflict_do_nothing()
        self._known = sa.select(deals).where(deals.c.opportunity_id == sa.bindparam("of")).with_for_update()
        ours = sa.select(commands.c.key).where(commands.c.opportunity_id == sa.bindparam("of"))
        self._at_work = ours.where(commands.c.state == State.INTENDED.value).limit(1)
        self._in_doubt = ours.where(
            commands.c.effect == Effect.UNKNOWN.value,
            commands.c.status == sa.bindparam("has"),
            commands.c.accepted_at >= sa.bindparam("since"),
            commands.c.accepted_at >= iso_now(database.kind, ago=DOUBT),
        ).limit(1)

    # --- in ---------------------------------------------------------------------------------------------------------

    async def receive(self, *received: Event) -> int:
        """See `Intake`."""
        rows = [{name: getattr(event, name) for name in Event.__dataclass_fields__} for event in received]

        def write(connection: sa.Connection) -> int:
            return sum(connection.execute(self._insert, row).first() is not None for row in rows)

        return await self._database.do(write)

    # --- for the worker ---------------------------------------------------------------------------------------------

    async def take(self, locations: Collection[str], most: int) -> Sequence[Taken]:
        """See `Inbox`."""
        oldest = (
            sa.select(events.c.number)
            .where(*self._free, events.c.location_id.in_(locations))
            .order_by(events.c.number)
            .limit(most)
            .with_for_update(skip_locked=True)
        )

        def write(connection: sa.Connection) -> list[Taken]:
            rows = connection.execute(self._taking.where(events.c.number.in_(oldest))).all()
            if not rows:
                return []
            ids = {row.opportunity_id for row in rows}
            same = sa.select(events.c.number).where(
                *self._free, events.c.opportunity_id.in_(ids), events.c.number.not_in([row.number for row in rows])
            )
            others = self._taking.where(events.c.number.in_(same.with_for_update(skip_locked=True)))
            rows = [*rows, *connection.execute(others).all()]
            known = sa.select(deals.c.opportunity_id, deals.c.version).where(deals.c.opportunity_id.in_(ids))
            versions = {row.opportunity_id: row.version for row in connection.execute(known)}
            deal_of = attrgetter("opportunity_id")
            return [
                _taken(sorted(group, key=_IN_ORDER), versions.get(opportunity_id, 0))
                for opportunity_id, group in groupby(sorted(rows, key=deal_of), deal_of)
            ]

        found = await self._database.do(write)
        return sorted(found, key=lambda each: each.numbers)

    async def settle(self, taken: Taken, deal: Opportunity, decide: Decide) -> tuple[Settled, Verdict | None]:
        """See `Inbox`."""
        ours = self._of(taken)

        def write(connection: sa.Connection) -> tuple[Settled, Verdict | None]:
            still = sa.select(events.c.number).where(*ours).with_for_update()
            if len(connection.execute(still).all()) < len(taken.numbers):
                return Settled.LOST, None
            place = {"opportunity_id": taken.opportunity_id, "location_id": taken.location_id}
            connection.execute(self._placeholder, place)
            remembered = connection.execute(self._known, {"of": taken.opportunity_id}).mappings().one()
            if connection.execute(self._at_work, {"of": taken.opportunity_id}).first():
                return Settled.BUSY, None
            if remembered["version"] != taken.version:
                return Settled.MOVED, None
            known = _known(remembered)
            since = remembered["changed_at"] if known else ""
            doubt = {"of": taken.opportunity_id, "has": deal.status, "since": since}
            in_doubt = connection.execute(self._in_doubt, doubt).first() is not None
            now: str = connection.execute(sa.select(self._now)).scalar_one()
            decision = decide(known, in_doubt, datetime.fromisoformat(now))
            connection.execute(self._remember, columns_of(deal, taken.location_id))
            self._write_down(connection, taken, deal, decision)
            return Settled.DONE, decision.verdict

        return await self._database.do(write)

    def _write_down(self, connection: sa.Connection, taken: Taken, deal: Opportunity, decision: Decision) -> None:
        first, *others = taken.numbers
        if decision.verdict:
            connection.execute(self._finish.where(events.c.number == first), {"verdict": decision.verdict.value})
        else:
            before = decision.before
            held: dict[str, Any] = {
                "channel_id": decision.channel_id,
                "before": before.status if before else None,
                "before_lost_reason_id": before.lost_reason_id if before else None,
                "deal": as_json(deal),
            }
            connection.execute(self._hold.where(events.c.number == first), held)
        if others:
            connection.execute(self._finish.where(events.c.number.in_(others)), {"verdict": Verdict.REPEATED.value})

    async def dismiss(self, taken: Taken, verdict: Verdict) -> None:
        """See `Inbox`."""
        forget = deals.delete().where(deals.c.opportunity_id == taken.opportunity_id)

        def write(connection: sa.Connection) -> None:
            connection.execute(self._finish.where(*self._of(taken)), {"verdict": verdict.value})
            if verdict is Verdict.GONE:
                connection.execute(forget)

        await self._database.do(write)

    async def set_back(self, taken: Taken, seconds: float, *, failed: bool) -> None:
        """See `Inbox`."""
        statement = self._set_back.where(*self._of(taken)).values(attempts=events.c.attempts + int(failed))
        await self._database.do(lambda connection: connection.execute(statement, {"seconds": seconds}))

    async def give_back(self) -> None:
        """See `Inbox`."""
        statement = self._set_back.where(*self._ours)
        await self._database.do(lambda connection: connection.execute(statement, {"seconds": 0.0}))

    def _of(self, taken: Taken) -> list[Any]:
        """The rows that were taken, as far as they are this process's."""
        return [*self._ours, events.c.number.in_(taken.numbers)]

    # --- for the housekeeping ---------------------------------------------------------------------------------------

    async def forget(self, older_than: float, most: int = 1000) -> int:
        """Delete events that were finished more than so many seconds ago, `most` at once; returns how many.

        Raises `StoreDown`.
        """
        old = sa.select(events.c.number).where(events.c.finished_at < iso_now(self._database.kind, ago=older_than))
        statement = events.delete().where(events.c.number.in_(old.limit(most)))
        return await self._database.do(lambda connection: connection.execute(statement).rowcount)

    async def forget_deals(self, older_than: float, most: int = 1000) -> int:
        """Forget deals that were not seen for so many seconds, `most` at once; returns how many. Raises `StoreDown`."""
        old = sa.select(deals.c.opportunity_id).where(deals.c.seen_at < iso_now(self._database.kind, ago=older_than))
        statement = deals.delete().where(deals.c.opportunity_id.in_(old.limit(most)))
        return await self._database.do(lambda connection: connection.execute(statement).rowcount)


def _taken(rows: Sequence[Any], version: int) -> Taken:
    oldest = rows[0]
    return Taken(
        numbers=tuple(row.number for row in rows),
        kind=Kind(oldest.kind),
        source=Source(oldest.source),
        location_id=oldest.location_id,
        opportunity_id=oldest.opportunity_id,
        age=seconds_between(oldest.received_at, oldest.now),
        attempts=max(row.attempts for row in rows),
        version=version,
    )


def _known(row: sa.RowMapping) -> Known | None:
    """What is remembered of a deal; `None` if the row was only made to be locked."""
    status, lost_reason_id, since = itemgetter("status", "lost_reason_id", "since")(row)
    return Known(status, lost_reason_id, since) if status else None

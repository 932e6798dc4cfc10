"""The changes made in HighLevel that wait to be posted, over the database."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from bot.access.rules import Caller
from bot.commands.record import Entry, State
from bot.commands.reply import Message
from bot.commands.request import new_reference
from bot.deals.deal import Status
from bot.deals.outcome import Result
from bot.deals.wish import Consent, Wish
from bot.events.event import EventState, Source, Verdict
from bot.events.ports import EventWords, Released
from bot.events.posting import Channel, Crowd, Held, Plan
from bot.storage.database import Database
from bot.storage.engine import NOW, insert, iso_now
from bot.storage.events.facts import as_deal
from bot.storage.events.tables import announcements, deals, events
from bot.storage.rows import as_row, reply_column
from bot.storage.tables import commands

MINUTE = 60.0
THREAD_DAYS = 30
"""For so long a deal's next change is told under the message of its last one."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The message that tells of a deal's earlier change."""

    key: str
    """Of that change in the ledger."""
    message_ts: str


_HELD = sa.text(f"events.state = '{EventState.HELD}'")
"""SQL's own words, not a parameter: otherwise the databases do not use the partial index."""
_RECEIVED = sa.text(f"events.state = '{EventState.RECEIVED}'")


class SqlAnnouncements:
    """`Announcements` and `Mutes` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        at = iso_now(database.kind)
        self._now = sa.select(NOW[database.kind])
        since = events.c.held_since
        self._channels = (
            sa.select(events.c.channel_id, sa.func.count(), sa.func.min(since), sa.func.max(since))
            .where(_HELD)
            .group_by(events.c.channel_id)
            .order_by(events.c.channel_id)
        )
        of_channel = events.c.channel_id == sa.bindparam("channel")
        self._row = insert(database.kind, announcements).on_conflict_do_nothing()
        self._muted = sa.select(announcements.c.muted_until).where(
            announcements.c.channel_id == sa.bindparam("channel")
        )
        self._lock = self._muted.with_for_update()
        self._held = sa.select(events).where(_HELD, of_channel).order_by(events.c.number)
        self._posted = sa.select(sa.func.count()).where(
            of_channel,
            events.c.verdict == Verdict.ANNOUNCED.value,
            events.c.finished_at >= iso_now(database.kind, ago=MINUTE),
        )
        # Those that could not be read so far may take long: nothing waits for them.
        self._unread = sa.select(sa.func.count(events.c.opportunity_id.distinct())).where(
            _RECEIVED, events.c.attempts == 0
        )
        self._finish = (
            events.update()
            .where(events.c.number == sa.bindparam("of"))
            .values(state=EventState.FINISHED.value, deal=None, verdict=sa.bindparam("word"), finished_at=at)
        )
        self._told = (
            sa.select(commands.c.opportunity_id, commands.c.key, commands.c.message_ts)
            .where(
                commands.c.opportunity_id.in_(sa.bindparam("about", expanding=True)),
                commands.c.channel_id == sa.bindparam("channel"),
                commands.c.user_id == "",
                commands.c.batch.is_(None),
                commands.c.message_ts.is_not(None),
                commands.c.accepted_at >= iso_now(database.kind, ago=THREAD_DAYS * 86_400.0),
            )
            .order_by(commands.c.number)
        )
        self._insert = (
            insert(database.kind, commands)
            .values(
                accepted_at=at,
                lease_until=0.0,
                attempts=0,
                told_to_wait=0,
                state=State.ANSWERED.value,
                outcome=Result.CHANGED.value,
            )
            .on_conflict_do_nothing()
        )

    async def release(
        self, pause: Callable[[Crowd], float], decide: Callable[[Channel], Plan], words: EventWords
    ) -> tuple[Sequence[Released], float]:
        """See `Announcements`."""

        def write(connection: sa.Connection) -> tuple[Sequence[Released], float]:
            released: list[Released] = []
            soonest = math.inf
            for channel_id, held, oldest, newest in connection.execute(self._channels).all():
                crowd = self._count(connection, channel_id, Crowd(0.0, held, oldest, newest))
                soonest = min(soonest, seconds := pause(crowd))
                if seconds:
                    continue
                decided = decide(self._look(connection, channel_id, crowd))
                now = crowd.now
                threads = self._threads(connection, channel_id, decided)
                for row in _rows(decided, channel_id, words, threads):
                    connection.execute(self._insert, row)
                for each, verdict in _verdicts(decided):
                    connection.execute(self._finish, {"of": each.number, "word": verdict.value})
                    released.append(Released(verdict, each.lag(now)))
            return released, soonest

        return await self._database.do(write)

    def _threads(self, connection: sa.Connection, channel_id: str, decided: Plan) -> Mapping[str, Thread]:
        """The message in this channel that tells of an earlier change, for each deal that has one."""
        about = {each.deal.id for each in decided.alone}
        rows = connection.execute(self._told, {"channel": channel_id, "about": list(about)}).all() if about else []
        return {row.opportunity_id: Thread(row.key, row.message_ts) for row in rows}  # the latest comes last

    def _count(self, connection: sa.Connection, channel_id: str, crowd: Crowd) -> Crowd:
        of = {"channel": channel_id}
        return replace(
            crowd,
            now=connection.execute(self._now).scalar_one(),
            posted=connection.execute(self._posted, of).scalar_one(),
            unread=connection.execute(self._unread).scalar_one(),
            muted_until=connection.execute(self._muted, of).scalar() or 0.0,
        )

    def _look(self, connection: sa.Connection, channel_id: str, crowd: Crowd) -> Channel:
        """The channel as it is, after it was locked: no other process decides about it before this is committed."""
        connection.execute(self._row, {"channel_id": channel_id})
        of = {"channel": channel_id}
        connection.execute(self._lock, of)
        held = tuple(map(_held, connection.execute(self._held, of).mappings()))
        known = sa.select(deals.c.opportunity_id, deals.c.status).where(
            deals.c.opportunity_id.in_({each.deal.id for each in held})
        )
        return Channel(
            now=crowd.now,
            held=held,
            posted=connection.execute(self._posted, of).scalar_one(),  # another process may have posted meanwhile
            unread=crowd.unread,
            muted_until=crowd.muted_until,
            statuses={row.opportunity_id: row.status for row in connection.execute(known)},
        )

    async def mute(self, channel_id: str, seconds: float, by: str) -> None:
        """See `Mutes`."""
        kind = self._database.kind
        values = {"muted_until": NOW[kind] + seconds, "muted_by": by, "muted_at": iso_now(kind)}
        new = insert(kind, announcements).values(channel_id=channel_id, **values)
        statement = new.on_conflict_do_update(index_elements=[announcements.c.channel_id], set_=values)
        await self._database.do(lambda connection: connection.execute(statement))


def _held(row: sa.RowMapping) -> Held:
    return Held(
        number=row["number"],
        key=row["key"],
        source=Source(row["source"]),
        deal=as_deal(row["deal"]),
        before=row["before"],
        before_lost_reason_id=row["before_lost_reason_id"],
        since=row["held_since"],
    )


def _verdicts(decided: Plan) -> Iterator[tuple[Held, Verdict]]:
    yield from decided.dropped
    for each in decided.alone:
        yield each, Verdict.ANNOUNCED
    for each in decided.together:
        yield each, Verdict.GROUPED


def _rows(decided: Plan, channel_id: str, words: EventWords, threads: Mapping[str, Thread]) -> Iterator[dict[str, Any]]:
    """The ledger's rows of the changes that are to be posted. Of several together, the first has their message."""
    for each in decided.alone:
        reference, thread = new_reference(), threads.get(each.deal.id)
        entry = _entry(each, channel_id, reference)
        if thread:
            told = words.again(each, reference, thread.message_ts)
            yield _row(replace(entry, amends=thread.key), each, told)
        else:
            yield _row(entry, each, words.changed(each, reference))
    if decided.together:
        reference, batch = new_reference(), decided.together[0].key
        message: Message | None = words.many(decided.together, decided.why, reference)
        for each in decided.together:
            yield _row(_entry(each, channel_id, reference, batch), each, message)
            message = None


def _entry(each: Held, channel_id: str, reference: str, batch: str | None = None) -> Entry:
    status, deal = Status(each.deal.status), each.deal
    wish = Wish(deal.id, status, deal.lost_reason_id, consent=Consent.GIVEN, location_id=deal.location_id or "")
    return Entry(each.key, reference, Caller("", "", channel_id), "", wish, batch=batch)


def _row(entry: Entry, each: Held, message: Message | None) -> dict[str, Any]:
    return as_row(entry) | {
        "opportunity_name": each.deal.name,
        "value": each.deal.value,
        "company": each.deal.company,
        "before": each.before,
        "before_lost_reason_id": each.before_lost_reason_id,
        "after": each.deal.status,
        "reply": reply_column(message) if message else None,
    }

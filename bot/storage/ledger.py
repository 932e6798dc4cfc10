"""The ledger over the database: one row per command, from before it is acknowledged until it is answered, and after."""

import json
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

import sqlalchemy as sa
import structlog

from bot.access.rules import Caller
from bot.commands.ledger import Accepted, Claim
from bot.commands.record import Entry, State
from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    Cause,
    Changed,
    Failed,
    Outcome,
    Overtaken,
    Previewed,
    ReasonWanted,
    Unconfirmed,
    word,
)
from bot.deals.ports import LeaseLost
from bot.deals.wish import Consent, Wish
from bot.storage.database import Database
from bot.storage.engine import NOW, insert
from bot.storage.tables import commands, probe

log = structlog.get_logger(__name__)

LEASE = 30.0
"""Seconds within which the work of a process that died is taken over. While it lives, it renews its leases."""
PROBE = 8000
"""Characters; about what a command and its notes take."""
BEFOREHAND = 0.05
"""The part of it by which a lease ends earlier, because those who take over only look now and then."""


class SqlLedger:
    """`claims.IntakeLedger` and `claims.WorkerLedger` over a database. Each instance is an owner of its own."""

    def __init__(self, database: Database, lease: float = LEASE) -> None:
        self._database = database
        self._now = NOW[database.kind]
        self._owner = secrets.token_hex(8)
        # Built once: to build a statement costs many times what it costs to execute it.
        until = self._now + lease * (1 - BEFOREHAND)
        ours = commands.c.owner == self._owner
        accepting = insert(database.kind, commands).values(
            owner=self._owner, lease_until=until, attempts=0, told_to_wait=0
        )
        as_new = accepting.on_conflict_do_nothing().returning(commands.c.state)
        self._accepting = as_new.values(state=State.ACCEPTED.value)
        self._starting = as_new.values(state=sa.case((_WANTED, State.ACCEPTED.value), else_=State.RUNNING.value))
        """Accepts, and begins if nobody wants the deal."""
        self._noting = commands.update().where(commands.c.key == sa.bindparam("of"), ours).values(lease_until=until)
        """What changes a row of ours, and renews it. Fenced: whoever lost the lease changes nothing."""
        self._beginning = self._noting.values(
            state=sa.case((commands.c.state == State.INTENDED.value, State.INTENDED.value), else_=State.RUNNING.value)
        )
        self._telling = self._noting.where(commands.c.told_to_wait == 0)
        self._finishing = self._noting.values(
            message_ts=sa.func.coalesce(sa.bindparam("sent_ts"), commands.c.message_ts), lease_until=None
        )
        self._renewing = (
            commands.update()
            .where(ours, _UNFINISHED, commands.c.key.in_(sa.bindparam("of", expanding=True)))
            .values(lease_until=until)
        )
        self._adopting = _adopting(self._owner, self._now, until)
        self._giving_back = commands.update().where(ours, _UNFINISHED).values(owner=None, lease_until=0)

    # --- for the intake ---------------------------------------------------------------------------------------------

    async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
        """See `IntakeLedger`."""
        rows = [_row(entry) for entry in entries]
        starts = begin and bool(rows[0]["opportunity_id"])

        def write(connection: sa.Connection) -> Accepted | None:
            if len(rows) > 1:
                return self._accept_all(connection, rows)
            (row,) = rows  # it needs no way back, and is what is waited for most
            if starts and (state := connection.execute(self._starting, row | {"of": row["opportunity_id"]}).scalar()):
                return _ACCEPTED[state]
            # Or it was not new, or another replica went to the deal at the same moment, which nobody sees before that.
            return _ACCEPTED.get(connection.execute(self._accepting, row).scalar())

        return await self._database.do(write, within=within)

    async def ping(self) -> None:
        """See `IntakeLedger`."""
        new = secrets.token_hex(PROBE // 2)

        def write_anew(connection: sa.Connection) -> None:
            connection.execute(probe.insert().values(pad=new))  # before the old one is gone: it needs room of its own
            connection.execute(probe.delete().where(probe.c.pad != new))

        await self._database.do(write_anew)

    async def try_out(self) -> None:
        """Find out whether writing works, in a store of any version, and leave nothing behind. Raises `StoreDown`."""
        table = sa.Table(f"tried_out_by_{self._owner}", sa.MetaData(), sa.Column("pad", sa.Text))

        def come_and_go(connection: sa.Connection) -> None:
            table.create(connection)
            connection.execute(table.insert().values(pad=secrets.token_hex(PROBE // 2)))
            table.drop(connection)

        await self._database.do(come_and_go)

    # --- for the worker ---------------------------------------------------------------------------------------------

    async def identify(self, key: str, wish: Wish) -> None:
        """See `WorkerLedger`."""
        await self._note(key, opportunity_id=wish.opportunity_id, lost_reason_id=wish.lost_reason_id)

    async def begin(self, key: str) -> bool:
        """See `WorkerLedger`."""

        def go(connection: sa.Connection) -> int | None:
            if connection.execute(_COMES_FIRST, {"of": key}).first() is not None:
                return None
            try:
                with connection.begin_nested():
                    return connection.execute(self._beginning, {"of": key}).rowcount
            except sa.exc.IntegrityError:  # commands_one_at_a_time
                return None

        changed = await self._database.do(go)
        if changed == 0:
            raise LeaseLost
        return changed is not None

    async def hold(self, key: str) -> None:
        """See `WorkerLedger`."""
        await self._note(key)

    async def intend(self, key: str, before: Opportunity) -> None:
        """See `WorkerLedger`."""
        await self._note(
            key,
            state=State.INTENDED.value,
            before=before.status,
            before_lost_reason_id=before.lost_reason_id,
            opportunity_name=before.name,
        )

    async def tell_to_wait(self, key: str) -> bool:
        """See `WorkerLedger`."""
        return await self._change(self._telling, key, told_to_wait=1) == 1

    async def answer(self, key: str, outcome: Outcome, reply: Message | None) -> None:
        """See `WorkerLedger`."""
        await self._note(
            key, state=State.ANSWERED.value, reply=_as_text(reply) if reply else None, **_as_columns(outcome)
        )

    async def reply(self, key: str, reply: Message) -> None:
        """See `WorkerLedger`."""
        await self._note(key, reply=_as_text(reply))

    async def finish(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """See `WorkerLedger`."""
        announced_in, announced_ts = announced
        await self._fenced(
            self._finishing,
            key,
            state=State.FINISHED.value,
            delivered=delivered,
            sent_ts=message_ts or None,
            announced_in=announced_in or None,
            announced_ts=announced_ts or None,
            finished_at=as_written(datetime.now(UTC)),
            owner=None,
            response_url=None,
            reply=None,
        )

    async def renew(self, keys: Collection[str]) -> None:
        """See `WorkerLedger`."""
        of = {"of": list(keys)}
        await self._database.do(lambda connection: connection.execute(self._renewing, of))

    async def adopt(self, most: int) -> Sequence[Claim]:
        """See `WorkerLedger`."""
        rows = await self._database.do(
            lambda connection: connection.execute(self._adopting, {"most": most}).mappings().all()
        )
        claims = []
        for row in sorted(rows, key=lambda row: str(row["accepted_at"])):
            try:
                claims.append(_claim(row))
            except (ValueError, TypeError, LookupError):
                # Of another version, or touched by hand. It must not keep the others from being taken up.
                log.exception("ledger.unreadable", key=row["key"], reference=row["reference"])
                await self._note(row["key"], state=State.FINISHED.value, outcome=Cause.UNEXPECTED.value, owner=None)
        return claims

    async def give_back(self) -> int:
        """See `WorkerLedger`."""
        return await self._database.do(lambda connection: connection.execute(self._giving_back).rowcount)

    async def forget(self, before: datetime, most: int = 1000) -> int:
        """Delete finished rows that were accepted before that time, `most` at once; returns how many went."""
        old = (
            sa.select(commands.c.key)
            .where(commands.c.accepted_at < as_written(before), commands.c.state == State.FINISHED.value)
            .limit(most)
        )
        statement = commands.delete().where(commands.c.key.in_(old))
        return await self._database.do(lambda connection: connection.execute(statement).rowcount)

    def _accept_all(self, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> Accepted | None:
        with connection.begin_nested() as all_or_none:
            new = [connection.execute(self._accepting, row).scalar() for row in rows]
            if not all(new):
                all_or_none.rollback()
        return Accepted.WAITING if all(new) else None

    async def _note(self, key: str, **values: str | None) -> None:
        await self._fenced(self._noting, key, **values)

    async def _fenced(self, noting: sa.Update, of: str, **values: str | None) -> None:
        if await self._change(noting, of, **values) == 0:
            raise LeaseLost

    async def _change(self, statement: sa.Update, of: str, **values: str | int | None) -> int:
        parameters = {"of": of, **values}
        return await self._database.do(lambda connection: connection.execute(statement, parameters).rowcount)


_UNFINISHED = sa.text("state <> 'finished'")
"""In words of SQL, not as a parameter: the index for it is a partial one."""
_BEFORE = commands.alias("earlier")
_NOT_DONE = sa.and_(sa.text("earlier.state <> 'finished'"), _BEFORE.c.state != State.ANSWERED.value)
_COMES_FIRST = (
    sa.select(_BEFORE.c.key)
    .where(
        _BEFORE.c.opportunity_id == commands.c.opportunity_id,
        _NOT_DONE,
        sa.tuple_(_BEFORE.c.accepted_at, _BEFORE.c.key) < sa.tuple_(commands.c.accepted_at, commands.c.key),
        commands.c.key == sa.bindparam("of"),
        commands.c.state == State.ACCEPTED.value,
    )
    .limit(1)
)
"""A command about the same deal that was accepted before, and is not done: what was typed last shall stand."""
_WANTED = sa.exists().where(_BEFORE.c.opportunity_id == sa.bindparam("of"), _NOT_DONE)
"""Whether another command is about the deal, and not done."""
_ACCEPTED: dict[str | None, Accepted] = {State.ACCEPTED: Accepted.WAITING, State.RUNNING: Accepted.BEGUN}
"""By the state that was written; nothing for `None`, which is no row."""


def _adopting(owner: str, now: sa.ColumnElement[float], until: sa.ColumnElement[float]) -> sa.UpdateBase:
    """Takes over what others left."""
    orphaned = (
        sa.select(commands.c.key)
        .where(_UNFINISHED, commands.c.lease_until < now)
        .order_by(commands.c.accepted_at)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True)  # where several processes may write at once; SQLite has one writer
    )
    died_over_it = (commands.c.owner != owner) & commands.c.state.in_([State.RUNNING.value, State.INTENDED.value])
    return (
        commands.update()
        .where(commands.c.key.in_(orphaned))
        .values(
            owner=owner,
            lease_until=until,
            attempts=commands.c.attempts + sa.case((died_over_it, 1), else_=0),
        )
        .returning(commands)
    )


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "reference": entry.reference,
        "accepted_at": as_written(datetime.now(UTC)),
        "team_id": entry.caller.team_id,
        "channel_id": entry.caller.channel_id,
        "user_id": entry.caller.user_id,
        "text": entry.text,
        "opportunity_id": entry.wish.opportunity_id,
        "status": entry.wish.status.value,
        "lost_reason_id": entry.wish.lost_reason_id,
        "only_if": entry.wish.only_if,
        "undoes": entry.undoes,
        "response_url": entry.response_url,
        "message_ts": entry.message_ts or None,
        "called": entry.wish.name or None,
        "reason": entry.wish.reason or None,
        "consent": entry.wish.consent.value,
        "continues": entry.continues,
        "batch": entry.batch,
        "note": entry.note or None,
        "public": int(entry.public),
        "location_id": entry.wish.location_id,
    }


def _as_columns(outcome: Outcome) -> dict[str, str | None]:
    match outcome:
        case Changed(before, after, _, trace_id):
            return {
                "outcome": word(outcome).value,
                "opportunity_name": after.name or before.name,
                "before": before.status,
                "after": after.status,
                "trace_id": trace_id,
            }
        case AlreadySo(found) | Overtaken(found) | Unconfirmed(found) | Previewed(found):
            return {
                "outcome": word(outcome).value,
                "opportunity_name": found.name,
                "before": found.status,
                "after": found.status,
            }
        case Ambiguous() | ReasonWanted():
            return {"outcome": word(outcome).value}
        case Failed(trouble, effect, before, now):
            seen = {"opportunity_name": before.name, "before": before.status} if before else {}
            return seen | {
                "outcome": word(outcome).value,
                "effect": effect.value,
                "after": now.status if now else None,
                "trace_id": trouble.trace_id,
            }
        case _:
            assert_never(outcome)


def _claim(row: sa.RowMapping) -> Claim:
    entry = Entry(
        key=row["key"],
        reference=row["reference"],
        caller=Caller(row["user_id"], row["team_id"], row["channel_id"]),
        text=row["text"],
        wish=Wish(
            row["opportunity_id"],
            Status(row["status"]),
            row["lost_reason_id"],
            row["only_if"],
            name=row["called"] or "",
            reason=row["reason"] or "",
            consent=Consent(row["consent"]),
            location_id=row["location_id"],
        ),
        response_url=row["response_url"] or "",
        message_ts=row["message_ts"] or "",
        undoes=row["undoes"],
        continues=row["continues"],
        batch=row["batch"],
        note=row["note"] or "",
        public=bool(row["public"]),
    )
    before = Opportunity(
        row["opportunity_id"],
        row["before"] or "",
        name=row["opportunity_name"],
        lost_reason_id=row["before_lost_reason_id"],
    )
    return Claim(
        entry=entry,
        age=(datetime.now(UTC) - datetime.fromisoformat(row["accepted_at"])).total_seconds(),
        attempts=row["attempts"],
        intended=before if row["state"] == State.INTENDED else None,
        reply=_message(row["reply"]) if row["state"] == State.ANSWERED and row["reply"] else None,
        answered=row["state"] == State.ANSWERED,
        identified=row["state"] == State.INTENDED or row["undoes"] is not None,
    )


def _as_text(reply: Message) -> str:
    return json.dumps({name: getattr(reply, name) for name in Message.__dataclass_fields__})


def _message(stored: str) -> Message:
    """A reply as it was written down; what another version knew of it besides is left out."""
    known = Message.__dataclass_fields__
    fields = {name: value for name, value in json.loads(stored).items() if name in known}
    return Message(**fields | {"blocks": tuple(fields["blocks"])})


def as_written(moment: datetime) -> str:
    """A time as the ledger writes it: text that sorts as the times do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")

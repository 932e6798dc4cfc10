"""The ledger over the database: one row per command, from before it is acknowledged until after it is answered."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import structlog

from bot.commands.ledger import Accepted, Claim
from bot.commands.record import Entry, State
from bot.commands.reply import Message
from bot.deals.deal import Opportunity
from bot.deals.outcome import Cause, Outcome
from bot.deals.ports import LeaseLost
from bot.deals.wish import Wish
from bot.storage import rows
from bot.storage.commits.statement import Statement
from bot.storage.database import Database
from bot.storage.engine import NOW, insert, iso_now
from bot.storage.events.memory import learned_from, remembering
from bot.storage.tables import commands, probe, schema_version

log = structlog.get_logger(__name__)
_Columns = Mapping[str, str | float | None]

COMMAND_LEASE = 30.0
"""Seconds until another process takes over the commands of one that died. A living process renews its leases."""
LEASE_MARGIN = 0.05
"""The part of `COMMAND_LEASE` by which a lease ends earlier, because the other processes look only now and then."""
FINISH_CAN_WAIT = 0.1
"""Seconds for which it may stay unwritten that a command is finished, to share a commit: the caller has the reply."""
PROBE_LENGTH = 8000
"""Characters: about what the row of one command takes."""


class SqlLedger:
    """The rows of `IntakeLedger` and `WorkerLedger`, for `Leases`. Each instance is an owner of its own."""

    def __init__(self, database: Database, lease: float = COMMAND_LEASE) -> None:
        self._database = database
        self._owner = secrets.token_hex(8)
        # Statements are built and compiled once: either costs many times what it costs to execute one.
        lease_until = NOW[database.kind] + lease * (1 - LEASE_MARGIN)
        now = iso_now(database.kind)
        ours = commands.c.owner == self._owner
        new = (
            insert(database.kind, commands)
            .values(accepted_at=now, owner=self._owner, lease_until=lease_until, attempts=0, told_to_wait=0)
            .on_conflict_do_nothing()
            .returning(commands.c.state)
        )
        begun = sa.case((_WANTED, State.ACCEPTED.value), else_=State.RUNNING.value)
        self._insert = Statement(new.values(state=State.ACCEPTED.value))
        self._insert_and_begin = Statement(new.values(state=begun))
        # Fenced by the owner: a process that lost the lease changes nothing.
        update = commands.update().where(commands.c.key == sa.bindparam("of"), ours).values(lease_until=lease_until)
        delivered = update.values(message_ts=sa.func.coalesce(sa.bindparam("sent_ts"), commands.c.message_ts))
        running = sa.case((commands.c.state == State.INTENDED.value, State.INTENDED.value), else_=State.RUNNING.value)
        set_back = update.values(
            owner=None,
            lease_until=NOW[database.kind] + sa.bindparam("seconds", type_=sa.Double),
            attempts=commands.c.attempts + 1,
            delivered=sa.func.coalesce(sa.bindparam("way", type_=sa.Text), commands.c.delivered),
        )
        self._update = Statement(update)
        self._update_begun = Statement(update.values(state=running))
        self._update_told = Statement(update.where(commands.c.told_to_wait == 0))
        self._update_delivered = Statement(delivered)
        self._update_finished = Statement(delivered.values(finished_at=now, lease_until=None))
        self._set_back = Statement(set_back)
        self._remember = Statement(remembering(database.kind))
        self._renew = (
            commands.update()
            .where(ours, rows.UNFINISHED, commands.c.key.in_(sa.bindparam("of", expanding=True)))
            .values(lease_until=lease_until)
            .returning(commands.c.key)
        )
        self._take_over = rows.take_over(self._owner, database.kind, lease_until)
        self._release = commands.update().where(ours, rows.UNFINISHED).values(owner=None, lease_until=0)

    # --- for the intake ---------------------------------------------------------------------------------------------

    async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
        """See `IntakeLedger`."""
        written = [rows.as_row(entry) for entry in entries]
        begins = begin and bool(written[0]["opportunity_id"])

        def write(connection: sa.Connection) -> Accepted | None:
            if len(written) > 1:
                return self._accept_all(connection, written)
            (row,) = written  # the most frequent case by far, which needs no savepoint
            if begins:
                state = self._insert_and_begin.execute(connection, row | {"of": row["opportunity_id"]}).scalar()
                if state:
                    return _ACCEPTED[state]
            # Nothing was inserted: the command is not new, or another process began one about the deal in a transaction
            # that this one cannot see yet.
            return _ACCEPTED.get(self._insert.execute(connection, row).scalar())

        return await self._database.do(write, within=within)

    def _accept_all(self, connection: sa.Connection, written: Sequence[dict[str, Any]]) -> Accepted | None:
        with connection.begin_nested() as all_or_none:
            new = [self._insert.execute(connection, row).scalar() for row in written]
            if not all(new):
                all_or_none.rollback()
        return Accepted.WAITING if all(new) else None

    async def ping(self) -> None:
        """See `IntakeLedger`."""
        new = secrets.token_hex(PROBE_LENGTH // 2)

        def replace_row(connection: sa.Connection) -> None:
            connection.execute(probe.insert().values(pad=new))  # before the old one goes: it needs room of its own
            connection.execute(probe.delete().where(probe.c.pad != new))

        await self._database.inspect()
        await self._database.do(replace_row)

    async def try_out(self) -> None:
        """Write and delete a table: can a database of any version be written? Raises `StoreDown`."""
        table = sa.Table(f"tried_out_by_{self._owner}", sa.MetaData(), sa.Column("pad", sa.Text))

        def create_and_drop(connection: sa.Connection) -> None:
            table.create(connection)
            connection.execute(table.insert().values(pad=secrets.token_hex(PROBE_LENGTH // 2)))
            table.drop(connection)

        await self._database.inspect()
        await self._database.do(create_and_drop)

    async def is_new(self) -> bool:
        """Whether the database has no tables of this program's yet, of whichever version. Raises `StoreDown`."""
        return await self._database.do(lambda connection: not sa.inspect(connection).has_table(schema_version.name))

    async def clock_offset(self, clock: Callable[[], float] = time.time) -> float:
        """Seconds by which the database's clock is ahead of this machine's; negative if it is behind.

        0 if it need not differ: between the question and the answer, any time is right. Raises `StoreDown`.
        """
        asked = clock()
        statement = sa.select(NOW[self._database.kind])
        now: float = await self._database.do(lambda connection: connection.execute(statement).scalar_one())
        return now - min(max(now, asked), clock())

    # --- for the worker ---------------------------------------------------------------------------------------------

    async def identify(self, key: str, wish: Wish) -> None:
        """See `WorkerLedger`."""
        await self._note(key, opportunity_id=wish.opportunity_id, lost_reason_id=wish.lost_reason_id)

    async def begin(self, key: str) -> bool:
        """See `WorkerLedger`."""

        def write(connection: sa.Connection) -> int | None:
            if connection.execute(_COMES_FIRST, {"of": key}).first() is not None:
                return None
            try:
                with connection.begin_nested():
                    return self._update_begun.execute(connection, {"of": key}).rowcount
            except sa.exc.IntegrityError:  # commands_one_at_a_time
                return None

        changed = await self._database.do(write)
        if changed == 0:
            raise LeaseLost
        return changed is not None

    async def hold(self, key: str) -> None:
        """Renew the lease, to be sure that this process still has the command. Raises `StoreDown` and `LeaseLost`."""
        await self._note(key)

    async def intend(self, key: str, before: Opportunity) -> None:
        """See `WorkerLedger`."""
        await self._note(
            key,
            state=State.INTENDED.value,
            before=before.status,
            before_lost_reason_id=before.lost_reason_id,
            **rows.seen_columns(before),
        )

    async def tell_to_wait(self, key: str) -> bool:
        """See `WorkerLedger`."""
        return await self._execute(self._update_told, key, {"told_to_wait": 1}) == 1

    async def answer(self, key: str, outcome: Outcome, reply: Message | None, amends: str | None = None) -> None:
        """See `WorkerLedger`."""
        written = rows.reply_column(reply) if reply else None
        columns = {"state": State.ANSWERED.value, "reply": written, **rows.outcome_columns(outcome)}
        columns |= {"amends": amends} if amends else {}
        learned = learned_from(outcome)

        def write(connection: sa.Connection) -> int:
            noted = self._update.execute(connection, {"of": key, **columns}).rowcount
            # In the same commit: a notice of this change must find the bot knowing of it, or the command at work.
            if noted and learned:
                self._remember.execute(connection, learned)
            return noted

        if await self._database.do(write) == 0:
            raise LeaseLost

    async def reply(self, key: str, reply: Message) -> None:
        """See `WorkerLedger`."""
        await self._note(key, reply=rows.reply_column(reply))

    async def deliver(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """See `WorkerLedger`."""
        await self._fenced(self._update_delivered, key, rows.delivery_columns(delivered, message_ts, announced))

    async def set_back(self, key: str, seconds: float, delivered: str | None) -> None:
        """See `WorkerLedger`."""
        if await self._execute(self._set_back, key, {"seconds": seconds, "way": delivered}) == 0:
            raise LeaseLost

    async def finish(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """See `WorkerLedger`."""
        columns = rows.delivery_columns(delivered, message_ts, announced)
        columns |= {"state": State.FINISHED.value, "owner": None, "response_url": None, "reply": None}
        await self._fenced(self._update_finished, key, columns, FINISH_CAN_WAIT)

    async def renew(self, keys: Collection[str]) -> Collection[str]:
        """See `WorkerLedger`."""
        of = {"of": list(keys)}
        return await self._database.do(lambda connection: connection.execute(self._renew, of).scalars().all())

    async def adopt(self, most: int) -> Sequence[Claim]:
        """See `WorkerLedger`."""
        taken = await self._database.do(
            lambda connection: connection.execute(self._take_over, {"most": most}).mappings().all()
        )
        adopted = []
        for row in sorted(taken, key=lambda row: int(row["number"])):
            try:
                adopted.append(rows.as_claim(row))
            except (ValueError, TypeError, LookupError):
                # Another version wrote it, or an operator edited it. It must not keep the others from being adopted.
                log.exception("ledger.unreadable", key=row["key"], reference=row["reference"])
                await self._note(row["key"], state=State.FINISHED.value, outcome=Cause.UNEXPECTED.value, owner=None)
        return adopted

    async def give_back(self) -> int:
        """See `WorkerLedger`."""
        return await self._database.do(lambda connection: connection.execute(self._release).rowcount)

    async def _note(self, key: str, **values: str | float | None) -> None:
        await self._fenced(self._update, key, values)

    async def _fenced(self, update: Statement, of: str, values: _Columns, can_wait: float = 0.0) -> None:
        if await self._execute(update, of, values, can_wait) == 0:
            raise LeaseLost

    async def _execute(self, update: Statement, of: str, values: _Columns, can_wait: float = 0.0) -> int:
        parameters = {"of": of, **values}
        return await self._database.do(lambda each: update.execute(each, parameters).rowcount, can_wait=can_wait)

    # --- for the housekeeping ---------------------------------------------------------------------------------------

    async def forget(self, older_than: float, most: int = 1000) -> int:
        """Delete finished rows that were accepted more than so many seconds ago, `most` at once.

        Returns how many it deleted. Raises `StoreDown`.
        """
        old = (
            sa.select(commands.c.key)
            .where(
                commands.c.accepted_at < iso_now(self._database.kind, ago=older_than),
                commands.c.state == State.FINISHED.value,
            )
            .limit(most)
        )
        statement = commands.delete().where(commands.c.key.in_(old))
        return await self._database.do(lambda connection: connection.execute(statement).rowcount)


_OTHER = commands.alias("other")
_NOT_DONE = sa.and_(sa.text("other.state <> 'finished'"), _OTHER.c.state != State.ANSWERED.value)
_COMES_FIRST = (
    sa.select(_OTHER.c.key)
    .where(
        _OTHER.c.opportunity_id == commands.c.opportunity_id,
        _NOT_DONE,
        _OTHER.c.number < commands.c.number,
        commands.c.key == sa.bindparam("of"),
        commands.c.state == State.ACCEPTED.value,
    )
    .limit(1)
)
"""A command about the same deal that was accepted earlier and is not done. What callers typed last must win."""
_WANTED = sa.exists().where(_OTHER.c.opportunity_id == sa.bindparam("of"), _NOT_DONE)
"""Whether a command about the deal is not done."""
_ACCEPTED: dict[str | None, Accepted] = {State.ACCEPTED: Accepted.WAITING, State.RUNNING: Accepted.BEGUN}
"""By the state of the inserted row. `None`, where none was inserted, is not among them."""

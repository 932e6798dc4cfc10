"""Reads the ledger: a few rows for a caller in Slack, or all of them, one by one, for an auditor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.commands.record import Record
from bot.commands.text.links import read_link
from bot.deals.outcome import Effect, Result
from bot.storage.database import Database
from bot.storage.engine import engine_for_reading, reason
from bot.storage.migrations import UnreleasedSchemaError, must_be_current
from bot.storage.rows import RECORD_COLUMNS, UNFINISHED, as_record, iso
from bot.storage.tables import commands

ROWS_AT_ONCE = 500
"""Rows in memory at a time, where all of them are read."""

_LATEST_FIRST = commands.c.number.desc()
_NAME = commands.c.opportunity_name


class SqlHistory:
    """`History` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key: str) -> Record | None:
        """See `History`."""
        return await self._first(commands.c.key == key)

    async def last_change(self, user_id: str) -> Record | None:
        """See `History`."""
        counts = (
            commands.c.outcome.is_(None)
            | ((commands.c.outcome == Result.CHANGED.value) & (commands.c.before != commands.c.after))
            | (commands.c.effect == Effect.UNKNOWN.value)
        )
        return await self._first(commands.c.user_id == user_id, counts, commands.c.undoes.is_(None))

    async def undo_of(self, key: str) -> Record | None:
        """See `History`."""
        stands = commands.c.outcome.is_(None) | (commands.c.outcome == Result.CHANGED.value)
        return await self._first(commands.c.undoes == key, stands)

    async def told_before(self, key: str) -> bool:
        """See `History`."""
        number = sa.select(commands.c.number).where(commands.c.key == key).scalar_subquery()
        deals = sa.select(commands.c.opportunity_id).where((commands.c.key == key) | (commands.c.batch == key))
        return await self._first(UNFINISHED, commands.c.opportunity_id.in_(deals), commands.c.number < number) is None

    async def of_batch(self, batch: str) -> list[Record]:
        """See `History`."""
        found = await self._read(None, commands.c.batch == batch)
        return sorted(found, key=lambda record: record.key)

    async def of_user(self, user_id: str, most: int) -> list[Record]:
        """See `History`."""
        return await self._read(most, commands.c.user_id == user_id)

    async def of_everybody(self, most: int) -> list[Record]:
        """See `History`."""
        return await self._read(most)

    async def of_opportunity(self, opportunity_id: str, most: int) -> list[Record]:
        """See `History`."""
        return await self._read(most, commands.c.opportunity_id == opportunity_id)

    async def _first(self, *conditions: sa.ColumnElement[bool] | sa.TextClause) -> Record | None:
        return next(iter(await self._read(1, *conditions)), None)

    async def _read(self, most: int | None, *conditions: sa.ColumnElement[bool] | sa.TextClause) -> list[Record]:
        statement = sa.select(*RECORD_COLUMNS).where(*conditions).order_by(_LATEST_FIRST).limit(most)
        rows = await self._database.do(lambda connection: connection.execute(statement).all())
        return [as_record(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to read; `None` is no condition."""

    since: datetime | None = None
    until: datetime | None = None
    """The end, which is not part of it."""
    deal: str | None = None
    """A deal's id or link, or a part of its name as it was found or typed; capitals count for none of A to Z."""
    user_id: str | None = None


class Unreadable(Exception):
    """The database cannot be read. The message says why, and has no password in it."""


@contextmanager
def reading(url: str, wanted: Filter) -> Iterator[Iterator[Record]]:
    """The rows of the filter, oldest first, all as they were at one moment.

    They are read as the caller takes them: a million need no more memory than ten. Raises what `streaming` does.
    """
    statement = sa.select(*RECORD_COLUMNS).where(*conditions_of(wanted)).order_by(commands.c.number)
    with streaming(url, statement) as rows:
        yield map(as_record, rows)


def conditions_of(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    """What the filter asks of a row of `commands`."""
    conditions = moments_of(wanted, commands.c.accepted_at)
    if wanted.user_id is not None:
        conditions.append(commands.c.user_id == wanted.user_id)
    if wanted.deal is not None:
        names = [column.icontains(wanted.deal, autoescape=True) for column in (_NAME, commands.c.called)]
        of_id = commands.c.opportunity_id == (read_link(wanted.deal).opportunity_id or wanted.deal)
        conditions.append(sa.or_(of_id, *names))
    return conditions


def moments_of(wanted: Filter, column: sa.Column[Any]) -> list[sa.ColumnElement[bool]]:
    """What the filter asks of a row's time, which is in this column."""
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(column >= iso(wanted.since))
    if wanted.until is not None:
        conditions.append(column < iso(wanted.until))
    return conditions


@contextmanager
def streaming(url: str, statement: sa.Select[Any] | sa.CompoundSelect[Any]) -> Iterator[Iterator[sa.Row[Any]]]:
    """The rows of a query, read as the caller takes them, over a connection that can only read.

    Raises `Unreadable` when they cannot be read, also half-way, and `NewerSchemaError` or `OlderSchemaError` where
    another version made the tables.
    """
    try:
        opened = engine_for_reading(url)
    except FileNotFoundError as error:
        raise Unreadable(f"there is no file {error}") from error
    try:
        with opened.connect() as connection:
            must_be_current(connection)
            rows = connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})
            try:
                yield iter(rows)
            finally:
                # After Ctrl-C SQLAlchemy has closed the file, and would log that it cannot close the cursor any more.
                if not (connection.invalidated and connection.dialect.name == "sqlite"):
                    rows.close()
    except UnreleasedSchemaError as error:
        raise Unreadable(str(error)) from error
    except sa.exc.DBAPIError as error:
        raise Unreadable(reason(error, url)) from error
    finally:
        opened.dispose()

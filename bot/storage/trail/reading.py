"""Lists accepted commands and those of the trail together."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.commands.record import Noted, Record
from bot.storage.history import Filter, conditions_of, moments_of, streaming
from bot.storage.rows import RECORD_COLUMNS, as_record
from bot.storage.tables import commands, trail

_TRAIL: dict[str, sa.ColumnElement[str]] = {
    **{column.name: column for column in trail.columns},
    commands.c.accepted_at.name: trail.c.noted_at,
}
"""The trail's columns, by the names that they have in `commands`."""


@contextmanager
def reading_all(url: str, wanted: Filter) -> Iterator[Iterator[Record | Noted]]:
    """The commands of the filter with those that were not accepted, in the order of their times.

    The trail has no deals: of a filter with a deal, only accepted commands are read. They are read as the caller takes
    them. Raises what `history.streaming` does.
    """
    of_user = [trail.c.user_id == wanted.user_id] if wanted.user_id is not None else []
    of_no_deal = sa.true() if wanted.deal is None else sa.false()
    of_commands = sa.select(*RECORD_COLUMNS, commands.c.number, _none_of(trail.c.detail))
    of_trail = sa.select(
        *(_TRAIL.get(column.name, _none_of(column)) for column in RECORD_COLUMNS),
        _none_of(commands.c.number),
        trail.c.detail,
    )
    both = sa.union_all(
        of_commands.where(*conditions_of(wanted)),
        of_trail.where(of_no_deal, *of_user, *moments_of(wanted, trail.c.noted_at)),
    )
    statement = both.order_by(commands.c.accepted_at.name, commands.c.number.name, commands.c.reference.name)
    with streaming(url, statement) as rows:
        yield map(_as_either, rows)


def _none_of(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """NULL with the type of a column, which PostgreSQL wants to know."""
    return sa.cast(sa.null(), column.type).label(str(column.key))


def _as_either(row: sa.Row[Any]) -> Record | Noted:
    if row.detail is None:
        return as_record(row[: len(RECORD_COLUMNS)])
    return Noted(
        reference=row.reference,
        at=datetime.fromisoformat(row.accepted_at),
        team_id=row.team_id,
        user_id=row.user_id,
        channel_id=row.channel_id,
        outcome=row.outcome,
        detail=row.detail,
    )

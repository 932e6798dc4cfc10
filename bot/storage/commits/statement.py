"""Statements that are executed for every command, as the driver takes them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa


class Statement:
    """A statement that is compiled once for each set of columns: SQLAlchemy compares all of it each time.

    It fills in no defaults of the table's, and converts no values: columns are text and numbers.
    """

    def __init__(self, statement: sa.UpdateBase) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, ...], tuple[str, Mapping[str, Any], tuple[str, ...] | None]] = {}

    def execute(self, connection: sa.Connection, values: Mapping[str, Any]) -> sa.CursorResult[Any]:
        """Execute it with these values: columns, and the statement's own parameters."""
        names = tuple(values)
        if names not in self._compiled:
            self._compiled[names] = self._compile(connection.dialect, names)
        sql, own, order = self._compiled[names]
        named = {**own, **values}
        # SQLite's driver takes parameters by their place, and PostgreSQL's by their names.
        return connection.exec_driver_sql(sql, tuple([named[name] for name in order]) if order else named)

    def _compile(
        self, dialect: sa.Dialect, names: tuple[str, ...]
    ) -> tuple[str, Mapping[str, Any], tuple[str, ...] | None]:
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=names)
        own = compiled.construct_params(dict.fromkeys(names))
        return compiled.string, own, tuple(compiled.positiontup) if compiled.positional else None

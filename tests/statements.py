"""Records the SQL statements of this process, and on which thread each runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa


@dataclass(frozen=True)
class Statement:
    thread: str
    """The beginning of the thread's name: `database` for the ledger, `backlog` for the backlog reader."""
    sql: str


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """All statements until the block is left."""
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, sql: str, *_rest: object) -> None:
        seen.append(Statement(threading.current_thread().name.partition("_")[0], sql))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

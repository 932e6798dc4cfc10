"""What the databases of this process are asked, and on which thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa


@dataclass(frozen=True)
class Statement:
    thread: str
    """What its name begins with: `database` for the ledger's, `backlog` for the lookout's."""
    sql: str


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Everything that is asked until the block is left."""
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, sql: str, *_rest: object) -> None:
        seen.append(Statement(threading.current_thread().name.partition("_")[0], sql))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

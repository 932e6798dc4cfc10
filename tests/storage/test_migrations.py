import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.storage.engine import engine
from bot.storage.events import tables as _event_tables  # noqa: F401 - adds its tables to `metadata`
from bot.storage.migrations import (
    MIGRATIONS,
    NewerSchemaError,
    OlderSchemaError,
    Steps,
    UnreleasedSchemaError,
    migrate,
    must_be_current,
    must_be_migratable,
)
from bot.storage.schedule import tables as _schedule_tables  # noqa: F401 - likewise
from bot.storage.tables import metadata
from tests.rows import fill, load_unreleased

ROOT = Path(__file__).parents[2]
STEPS: Steps = (
    (
        "CREATE TABLE notes (key TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL)",
        "INSERT INTO notes VALUES ('a', 'ana: call them'), ('b', 'ben: wait')",
    ),
    (
        "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT ''",
        "UPDATE notes SET author = substr(text, 1, 3), text = substr(text, 6)",
        "CREATE INDEX notes_by_author ON notes (author)",
    ),
)
"""Two versions of a made-up program. The second moves data into a column that it adds."""
MOVED = [("a", "call them", "ana"), ("b", "wait", "ben")]
NEXT: Steps = (
    *MIGRATIONS,
    (
        "ALTER TABLE commands ADD COLUMN deal TEXT NOT NULL DEFAULT ''",
        "UPDATE commands SET deal = opportunity_id || ' ' || status",
    ),
)
"""What the next version of this program may do."""


@pytest.fixture
def store(database_url: str) -> Iterator[sa.Engine]:
    opened = engine(database_url)
    yield opened
    opened.dispose()


def _read(store: sa.Engine, statement: str) -> list[tuple[object, ...]]:
    with store.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def _version(store: sa.Engine) -> object:
    ((version,),) = _read(store, "SELECT version FROM opp_status_schema")
    return version


# --- the tables of today --------------------------------------------------------------------------------------------


def _described(store: sa.Engine) -> dict[str, Any]:
    """Everything that the database says about its tables."""
    inspector = sa.inspect(store)
    return {
        name: {
            "columns": [_column(column) for column in inspector.get_columns(name)],
            "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
            "indices": sorted(map(_index, inspector.get_indexes(name))),
            "unique": inspector.get_unique_constraints(name),
            "checks": inspector.get_check_constraints(name),
            "foreign keys": inspector.get_foreign_keys(name),
        }
        for name in sorted(inspector.get_table_names())
    }


def _column(column: Any) -> tuple[object, ...]:  # noqa: ANN401 - SQLAlchemy's own
    # SQLite takes any name of a type, and makes one of five of it: DOUBLE PRECISION is REAL to it, and so is DOUBLE.
    return column["name"], column["type"].python_type, column["nullable"], column["default"]


def _index(index: Any) -> tuple[object, ...]:  # noqa: ANN401 - likewise
    where = [str(value) for name, value in index["dialect_options"].items() if name.endswith("_where")]
    return index["name"], index["column_names"], bool(index["unique"]), where


def test_an_empty_database_gets_exactly_the_tables_columns_and_indices_that_the_code_describes(
    store: sa.Engine,
) -> None:
    migrate(store)
    migrated = _described(store)
    metadata.drop_all(store)
    assert _described(store) == {}
    metadata.create_all(store)

    assert migrated == _described(store)
    assert migrated.keys() == metadata.tables.keys()
    # PostgreSQL counts the index of a unique column as well.
    assert len([name for name, *_ in migrated["commands"]["indices"] if name != "commands_key_key"]) == 9


def test_migrating_twice_changes_nothing(store: sa.Engine) -> None:
    migrate(store)
    before = _described(store)
    migrate(store)

    assert _described(store) == before
    assert _version(store) == len(MIGRATIONS) == 1


def test_a_database_whose_version_is_not_written_down_is_taken_for_an_empty_one(store: sa.Engine) -> None:
    with store.begin() as connection:
        connection.execute(sa.text("CREATE TABLE opp_status_schema (version INTEGER NOT NULL)"))
    migrate(store)

    assert _version(store) == 1


def test_a_database_with_tables_of_another_program_keeps_them(store: sa.Engine) -> None:
    with store.begin() as connection:
        connection.execute(sa.text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
    migrate(store)

    assert _described(store).keys() == metadata.tables.keys() | {"schema_version"}


# --- to the next version --------------------------------------------------------------------------------------------


def test_the_next_version_adds_a_column_and_moves_data(store: sa.Engine) -> None:
    migrate(store, STEPS[:1])
    assert _version(store) == 1
    migrate(store, STEPS)

    assert _version(store) == 2
    assert _read(store, "SELECT key, text, author FROM notes ORDER BY key") == MOVED


def test_an_empty_database_takes_all_steps_at_once(store: sa.Engine) -> None:
    migrate(store, STEPS)

    assert _version(store) == 2
    assert _read(store, "SELECT key, text, author FROM notes ORDER BY key") == MOVED


def test_the_tables_of_today_can_be_brought_to_a_next_version_with_their_rows(
    database_url: str, store: sa.Engine
) -> None:
    fill(database_url, 3)
    kept = "SELECT key, reference, accepted_at, user_id, opportunity_id, status, outcome FROM commands ORDER BY key"
    before = _read(store, kept)
    migrate(store, NEXT)

    assert _read(store, kept) == before
    assert _read(store, "SELECT DISTINCT deal FROM commands") == [("deal won",)]
    assert _version(store) == 2


def test_a_step_that_fails_leaves_the_version_before_it(store: sa.Engine) -> None:
    migrate(store, STEPS[:1])
    with store.begin() as connection:  # in the way of the last statement
        connection.execute(sa.text("CREATE INDEX notes_by_author ON notes (key)"))
    before = _described(store)

    with pytest.raises(sa.exc.DBAPIError):
        migrate(store, STEPS)
    assert (_version(store), _described(store)) == (1, before)


CRASHING = """
import json, os, signal, sys
import sqlalchemy as sa
from bot.storage.engine import engine
from bot.storage.migrations import migrate

def die(_connection, _cursor, statement, *_rest):
    if statement.startswith("CREATE INDEX notes_by_author"):
        os.kill(os.getpid(), signal.SIGKILL)

sa.event.listen(sa.Engine, "before_cursor_execute", die)
migrate(engine(sys.argv[1]), tuple(map(tuple, json.loads(sys.argv[2]))))
"""


def test_a_process_that_dies_half_way_through_a_step_leaves_the_version_before_it(
    database_url: str, store: sa.Engine
) -> None:
    migrate(store, STEPS[:1])
    before = _described(store)
    died = _python(CRASHING, database_url, json.dumps(STEPS))
    died.communicate()

    assert died.returncode == -signal.SIGKILL
    assert (_version(store), _described(store)) == (1, before)
    migrate(store, STEPS)
    assert _read(store, "SELECT key, text, author FROM notes ORDER BY key") == MOVED


def _python(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=ROOT, stderr=subprocess.PIPE)  # noqa: S603


# --- several at once ------------------------------------------------------------------------------------------------

MIGRATING = """
import sys
from bot.storage.engine import engine
from bot.storage.migrations import migrate

migrate(engine(sys.argv[1]))
"""


def test_processes_that_start_at_once_on_an_empty_database_make_its_tables_once(
    database_url: str, store: sa.Engine
) -> None:
    processes = [_python(MIGRATING, database_url) for _ in range(3)]
    told = [process.communicate()[1].decode() for process in processes]

    assert ([process.returncode for process in processes], told) == ([0, 0, 0], ["", "", ""])
    assert _version(store) == 1


@pytest.mark.parametrize("taken", [0, 1])
def test_each_step_is_taken_once_however_many_want_to(database_url: str, store: sa.Engine, taken: int) -> None:
    migrate(store, STEPS[:taken])
    replicas = [engine(database_url) for _ in range(4)]
    with ThreadPoolExecutor(len(replicas)) as pool:
        list(pool.map(lambda replica: migrate(replica, STEPS), replicas))
    for replica in replicas:
        replica.dispose()

    assert _version(store) == 2
    assert _read(store, "SELECT key, text, author FROM notes ORDER BY key") == MOVED


# --- other versions -------------------------------------------------------------------------------------------------


def test_a_later_version_is_refused_in_plain_words(store: sa.Engine) -> None:
    migrate(store, STEPS)
    before = _described(store)
    words = "the store has version 2; this program knows versions up to 1"

    with pytest.raises(NewerSchemaError, match=words):
        migrate(store, STEPS[:1])
    with pytest.raises(NewerSchemaError, match=words):
        migrate(store)
    with pytest.raises(NewerSchemaError, match=words):
        must_be_migratable(store)
    with store.connect() as connection, pytest.raises(NewerSchemaError, match=words):
        must_be_current(connection)
    assert _described(store) == before


def test_a_database_that_is_only_read_must_have_the_tables_of_today(store: sa.Engine) -> None:
    must_be_migratable(store)
    with store.connect() as connection, pytest.raises(OlderSchemaError):
        must_be_current(connection)
    migrate(store)
    must_be_migratable(store)
    with store.connect() as connection:
        must_be_current(connection)


def test_a_database_from_before_the_first_release_is_refused_and_left_as_it_is(
    database_url: str, store: sa.Engine
) -> None:
    load_unreleased(database_url)
    before = _described(store)
    words = r"from before the first release.*set DATABASE_URL to a new database.*can still list its history"

    with pytest.raises(UnreleasedSchemaError, match=words):
        migrate(store)
    with pytest.raises(UnreleasedSchemaError, match=words):
        must_be_migratable(store)
    with store.connect() as connection, pytest.raises(UnreleasedSchemaError, match=words):
        must_be_current(connection)
    assert _described(store) == before
    assert _read(store, "SELECT count(*) FROM commands") == [(2,)]

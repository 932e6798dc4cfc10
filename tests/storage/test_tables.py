from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from bot.deals.deal import Opportunity, Status
from bot.deals.wish import Consent, Wish
from bot.storage.database import Database
from bot.storage.engine import engine
from bot.storage.ledger import SqlLedger
from bot.storage.migrations import MIGRATIONS, NewerSchemaError, OlderSchemaError, migrate, must_be_current
from bot.storage.tables import access, channels, commands, connections, install_links
from tests.house import PATIENT

DUMPS = Path(__file__).parents[1] / "data" / "ledger"
VERSIONS = range(1, len(MIGRATIONS))
"""Every version that is not the latest."""
TABLES = (commands, channels, connections, install_links, access)


@pytest.fixture
def store(database_url: str) -> sa.Engine:
    return engine(database_url)


@pytest.fixture(autouse=True)
def _closed(store: sa.Engine) -> object:
    yield
    store.dispose()


def _load(store: sa.Engine, version: int) -> None:
    """The store as a program of that version left it."""
    dump = (DUMPS / f"version_{version}.{store.dialect.name}.sql").read_text(encoding="utf-8")
    if store.dialect.name == "postgresql":
        with psycopg.connect(store.url.set(drivername="postgresql").render_as_string()) as connection:
            connection.execute(dump.encode())
        return
    with store.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        connection.rollback()
        driver.executescript(dump)


def _read(store: sa.Engine, statement: str) -> list[tuple[object, ...]]:
    with store.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def _columns(store: sa.Engine, table: sa.Table = commands) -> dict[str, bool]:
    """The table's columns but for its key, which SQLite would let be nothing."""
    found = sa.inspect(store).get_columns(table.name)
    return {column["name"]: column["nullable"] for column in found if column["name"] not in table.primary_key.columns}


def _expected(table: sa.Table = commands) -> dict[str, bool]:
    return {column.name: bool(column.nullable) for column in table.columns if not column.primary_key}


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_an_empty_store_gets_the_tables_that_the_code_expects(store: sa.Engine, table: sa.Table) -> None:
    migrate(store)

    assert _columns(store, table) == _expected(table)


def test_migrating_twice_changes_nothing(store: sa.Engine) -> None:
    migrate(store)
    migrate(store)

    assert _read(store, "SELECT version FROM schema_version") == [(len(MIGRATIONS),)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_every_earlier_version_becomes_one_of_today_and_keeps_its_rows(
    store: sa.Engine, version: int
) -> None:
    _load(store, version)
    kept = "SELECT key, reference, accepted_at, user_id, text, opportunity_id, status, before, after FROM commands"
    before = _read(store, kept)
    migrate(store)

    assert len(before) > 3
    assert sorted(map(str, _read(store, kept))) == sorted(map(str, before))
    assert _read(store, "SELECT version FROM schema_version") == [(len(MIGRATIONS),)]
    assert {table: _columns(store, table) for table in TABLES} == {table: _expected(table) for table in TABLES}


def test_what_version_1_left_unfinished_is_closed_and_not_carried_out_months_later(store: sa.Engine) -> None:
    _load(store, 1)
    unfinished = _read(store, "SELECT key FROM commands WHERE state <> 'finished' ORDER BY key")
    migrate(store)

    assert len(unfinished) == 3
    assert _read(store, "SELECT DISTINCT state FROM commands") == [("finished",)]
    assert _read(store, "SELECT key FROM commands WHERE outcome = 'interrupted' ORDER BY key") == unfinished


def test_a_step_that_fails_leaves_the_version_before_it(store: sa.Engine) -> None:
    _load(store, 1)
    with store.begin() as connection:  # in the way of the second step
        connection.execute(sa.text("CREATE INDEX commands_by_time ON commands (accepted_at)"))

    with pytest.raises(sa.exc.DBAPIError):
        migrate(store)
    assert _read(store, "SELECT version FROM schema_version") == [(1,)]
    assert "lease_until" not in _columns(store)


def test_replicas_that_start_at_once_migrate_once(database_url: str, store: sa.Engine) -> None:
    _load(store, 1)
    replicas = [engine(database_url) for _ in range(4)]
    with ThreadPoolExecutor(len(replicas)) as pool:
        list(pool.map(migrate, replicas))
    for replica in replicas:
        replica.dispose()

    assert _read(store, "SELECT version FROM schema_version") == [(len(MIGRATIONS),)]


def test_replicas_that_start_at_once_on_an_empty_store_make_one_table(database_url: str, store: sa.Engine) -> None:
    replicas = [engine(database_url) for _ in range(4)]
    with ThreadPoolExecutor(len(replicas)) as pool:
        list(pool.map(migrate, replicas))
    for replica in replicas:
        replica.dispose()

    assert _read(store, "SELECT version FROM schema_version") == [(len(MIGRATIONS),)]


def test_a_later_version_is_refused_in_plain_words(store: sa.Engine) -> None:
    migrate(store)
    with store.begin() as connection:
        connection.execute(sa.text("UPDATE schema_version SET version = version + 1"))
    words = f"the store has version {len(MIGRATIONS) + 1}; this program knows versions up to {len(MIGRATIONS)}"

    with pytest.raises(NewerSchemaError, match=words):
        migrate(store)
    with store.connect() as connection, pytest.raises(NewerSchemaError, match=words):
        must_be_current(connection)


def test_a_store_that_is_only_read_must_be_of_today(store: sa.Engine) -> None:
    with store.connect() as connection, pytest.raises(OlderSchemaError):
        must_be_current(connection)
    _load(store, 1)
    with store.connect() as connection, pytest.raises(OlderSchemaError):
        must_be_current(connection)
    migrate(store)
    with store.connect() as connection:
        must_be_current(connection)


async def test_what_version_2_left_unfinished_is_carried_on_and_nobody_is_asked(
    database_url: str, store: sa.Engine
) -> None:
    _load(store, 2)
    with store.begin() as connection:  # whenever this test runs
        connection.execute(sa.text("UPDATE commands SET lease_until = 0 WHERE state <> 'finished'"))
    database = Database(database_url, PATIENT.database)
    claims = {claim.entry.key: claim for claim in await SqlLedger(database).adopt(10)}
    await database.close()

    intended, accepted, answered = (claims[key] for key in ("20004.1.dd", "20005.1.ee", "20006.1.ff"))
    assert len(claims) == 3
    assert {claim.entry.wish.consent for claim in claims.values()} == {Consent.GIVEN}
    assert all(claim.entry.public and not claim.entry.batch for claim in claims.values())
    assert (intended.intended, intended.identified) == (
        Opportunity("cD4eF6gH8jK1lM3nP5qR", "open", name="Spring campaign"),
        True,
    )
    assert accepted.entry.wish == Wish("cD4eF6gH8jK1lM3nP5qR", Status.LOST, consent=Consent.GIVEN)
    assert answered.reply is not None
    assert answered.reply.text == "Ana changed New website from open to won."
    assert (answered.reply.also_in, answered.reply.is_undo) == ("", False)


async def test_what_version_3_left_unfinished_is_carried_on(database_url: str, store: sa.Engine) -> None:
    _load(store, 3)
    with store.begin() as connection:  # whenever this test runs
        connection.execute(sa.text("UPDATE commands SET lease_until = 0 WHERE state <> 'finished'"))
    database = Database(database_url, PATIENT.database)
    claims = {claim.entry.key: claim for claim in await SqlLedger(database).adopt(10)}
    await database.close()

    intended = claims["30003.1.cc"]
    assert claims.keys() == {"30003.1.cc", "30004.1.dd", "30004.1.dd.1", "30005.1.ee"}
    assert (intended.entry.continues, intended.entry.note, intended.entry.public) == (
        "30002.1.bb",
        "a note – ‘naïve’ 😀",  # noqa: RUF001 - as somebody may type it
        False,
    )
    assert intended.entry.wish.lost_reason_id == "R1"
    assert claims["30004.1.dd.1"].entry.batch == "30004.1.dd"
    assert claims["30005.1.ee"].reply is not None

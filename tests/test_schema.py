from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from bot.schema import MIGRATIONS, NewerSchemaError, commands, migrate


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_an_empty_store_gets_the_table_that_the_code_expects(connection: sa.Connection) -> None:
    migrate(connection)

    found = {column["name"]: column for column in sa.inspect(connection).get_columns("commands")}
    assert list(found) == [column.name for column in commands.columns]
    assert {name: column["nullable"] for name, column in found.items() if name != "key"} == {
        column.name: column.nullable for column in commands.columns if column.name != "key"
    }


def test_migrating_twice_changes_nothing(connection: sa.Connection) -> None:
    migrate(connection)
    migrate(connection)

    assert connection.execute(sa.text("SELECT version FROM schema_version")).scalars().all() == [len(MIGRATIONS)]


def test_a_later_version_is_refused_in_plain_words(connection: sa.Connection) -> None:
    migrate(connection)
    connection.execute(sa.text("UPDATE schema_version SET version = version + 1"))

    with pytest.raises(NewerSchemaError, match="this program knows versions up to"):
        migrate(connection)

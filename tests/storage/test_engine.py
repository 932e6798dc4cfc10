from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.deals.ports import StoreDown
from bot.storage.database import Database
from bot.storage.engine import engine, engine_for_reading
from tests.house import PATIENT
from tests.postgresql import Cluster


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_schemes_of_postgresql_are_understood_and_parameters_for_tls_passed_on(scheme: str) -> None:
    opened = engine(f"{scheme}://user:secret@host:5433/name?sslmode=verify-full&sslrootcert=/ca.pem")
    arguments, options = opened.dialect.create_connect_args(opened.url)

    assert arguments == []
    assert options["sslmode"] == "verify-full"
    assert options["sslrootcert"] == "/ca.pem"
    assert (options["host"], options["port"], options["dbname"]) == ("host", 5433, "name")


async def test_a_server_without_tls_is_not_trusted_when_tls_is_demanded(cluster: Cluster) -> None:
    database = Database(f"{cluster.new_database()}?sslmode=require", PATIENT.database)

    with capture_logs() as lines, pytest.raises(StoreDown):
        await database.do(lambda connection: connection.execute(sa.select(1)))
    assert "SSL" in str(lines)
    await database.close()


def test_an_engine_for_reading_makes_no_file(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        engine_for_reading(f"sqlite:///{file}")

    assert not file.exists()


def test_an_engine_for_reading_cannot_write(database_url: str) -> None:
    opened = engine(database_url)
    with opened.begin() as connection:
        connection.execute(sa.text("CREATE TABLE notes (text TEXT)"))
    opened.dispose()
    reading = engine_for_reading(database_url)

    with reading.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only"):
        connection.execute(sa.text("INSERT INTO notes VALUES ('one')"))
    reading.dispose()


def test_a_file_survives_a_power_cut_and_few_commits_wait_for_a_checkpoint(file: Path) -> None:
    """The numbers are SQLite's levels: https://sqlite.org/pragma.html#pragma_synchronous ."""
    opened = engine(f"sqlite:///{file}")
    with opened.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "wal_autocheckpoint")
        ]
    opened.dispose()

    assert settings == ["wal", 2, 4000]

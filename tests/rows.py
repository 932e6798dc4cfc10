"""Writes rows of the ledger without a bot."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa

from bot.storage.engine import engine
from bot.storage.migrations import migrate

_FILL = """
    WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :most)
    INSERT INTO commands (
        key, reference, accepted_at, team_id, channel_id, user_id, text, opportunity_id, opportunity_name,
        location_id, status, consent, public, asked_why, asked_privately, state, attempts, before, after, outcome,
        told_to_wait, delivered, finished_at
    )
    SELECT CAST(1000000 + n AS TEXT), 'H4WSYDSE', CAST(1000 + n / 100 AS TEXT) || '-01-01T00:00:00.000+00:00',
        'T1', 'C0SALES', 'U0ANA', 'deal won', 'deal', 'New website',
        '', 'won', 'given', 1, 0, 0, 'finished', 0, 'open', 'won', 'changed', 0, 'response_url',
        '2026-11-24T10:00:00.000+00:00'
    FROM numbers
"""


def execute(url: str, *statements: str, **values: object) -> None:
    """Take the migrations, and then execute these statements in one transaction."""
    opened = engine(url)
    migrate(opened)
    with opened.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement), values)
    opened.dispose()


def fill(url: str, most: int) -> None:
    """Write so many finished commands. Their keys count from 1000000; a hundred are accepted at each moment."""
    execute(url, _FILL, most=most)


def load_unreleased(url: str) -> None:
    """Make the tables and rows that the last version before the first release left in an empty database."""
    opened = engine(url)
    dump = (Path(__file__).parent / "data" / "ledger" / f"unreleased.{opened.dialect.name}.sql").read_text()
    with opened.connect() as connection:
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            connection.rollback()
            driver.executescript(dump)
        else:
            connection.exec_driver_sql(dump)
            connection.commit()
    opened.dispose()

"""Brings a database's tables up to date, in numbered steps."""

from contextlib import suppress
from typing import TypeAlias

import sqlalchemy as sa

from bot.storage.tables import schema_version

Steps: TypeAlias = tuple[tuple[str, ...], ...]
"""SQL statements that SQLite and PostgreSQL both take. Step n leads from version n to version n + 1."""

MIGRATIONS: Steps = (
    (
        """
        CREATE TABLE commands (
            key TEXT NOT NULL PRIMARY KEY, reference TEXT NOT NULL, accepted_at TEXT NOT NULL,
            team_id TEXT NOT NULL, channel_id TEXT NOT NULL, user_id TEXT NOT NULL, text TEXT NOT NULL,
            location_id TEXT NOT NULL, opportunity_id TEXT NOT NULL, opportunity_name TEXT, called TEXT,
            status TEXT NOT NULL, lost_reason_id TEXT, reason TEXT, only_if TEXT, consent TEXT NOT NULL,
            undoes TEXT, continues TEXT, batch TEXT, note TEXT, public INTEGER NOT NULL,
            state TEXT NOT NULL, owner TEXT, lease_until DOUBLE PRECISION, attempts INTEGER NOT NULL,
            before TEXT, before_lost_reason_id TEXT, after TEXT, outcome TEXT, effect TEXT, trace_id TEXT,
            response_url TEXT, told_to_wait INTEGER NOT NULL, reply TEXT, delivered TEXT, message_ts TEXT,
            announced_in TEXT, announced_ts TEXT, finished_at TEXT
        )
        """,
        "CREATE INDEX commands_by_opportunity ON commands (opportunity_id, accepted_at)",
        "CREATE INDEX commands_by_user ON commands (user_id, accepted_at)",
        "CREATE INDEX commands_by_time ON commands (accepted_at)",
        "CREATE INDEX commands_by_batch ON commands (batch) WHERE batch IS NOT NULL",
        "CREATE INDEX commands_unfinished ON commands (lease_until) WHERE state <> 'finished'",
        "CREATE INDEX commands_waiting ON commands (opportunity_id, accepted_at) WHERE state <> 'finished'",
        """
        CREATE UNIQUE INDEX commands_one_at_a_time ON commands (opportunity_id)
        WHERE state IN ('running', 'intended')
        """,
        """
        CREATE UNIQUE INDEX commands_one_undo ON commands (undoes)
        WHERE undoes IS NOT NULL AND (outcome IS NULL OR outcome = 'changed')
        """,
        """
        CREATE UNIQUE INDEX commands_one_answer ON commands (continues)
        WHERE continues IS NOT NULL AND (outcome IS NULL OR outcome = 'changed')
        """,
        """
        CREATE TABLE access (
            reference TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, team_id TEXT NOT NULL,
            channel_id TEXT NOT NULL, asked_at TEXT NOT NULL, state TEXT NOT NULL,
            decided_by TEXT, decided_at TEXT, revoked_by TEXT, revoked_at TEXT
        )
        """,
        "CREATE INDEX access_by_user ON access (user_id, asked_at)",
        "CREATE UNIQUE INDEX access_one_standing ON access (user_id) WHERE state IN ('open', 'approved')",
        """
        CREATE TABLE channels (
            channel_id TEXT NOT NULL PRIMARY KEY, location_id TEXT NOT NULL, bound_by TEXT NOT NULL,
            bound_at TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE connections (
            account_id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, company_id TEXT NOT NULL,
            access TEXT NOT NULL, refresh TEXT, given_at DOUBLE PRECISION NOT NULL,
            ends_at DOUBLE PRECISION NOT NULL, generation INTEGER NOT NULL,
            owner TEXT, lease_until DOUBLE PRECISION, refused TEXT
        )
        """,
        """
        CREATE TABLE install_links (
            digest TEXT NOT NULL PRIMARY KEY, purpose TEXT NOT NULL, ends_at DOUBLE PRECISION NOT NULL,
            spent INTEGER NOT NULL
        )
        """,
        "CREATE TABLE probe (pad TEXT NOT NULL)",
    ),
)
"""Each step is one transaction. A step that was released is never edited: add one, and change `tables` to match.

A new column must be nullable or have a DEFAULT: during a deployment, processes of the version before still write rows.
"""

MIGRATION_LOCK = 20_261_125
"""The number of PostgreSQL's advisory lock for migrations: one that nothing else in the database uses."""

UNRELEASED = frozenset({"commands", "schema_version"})
"""Tables that only versions from before the first release made. They counted their versions differently."""


class NewerSchemaError(Exception):
    """A later version of this program wrote the database. This version does not touch tables it does not know."""

    def __init__(self, version: int, known: int) -> None:
        super().__init__(f"the store has version {version}; this program knows versions up to {known}")


class OlderSchemaError(Exception):
    """An earlier version of this program wrote the database, or none did yet, and it was only to be read."""


class UnreleasedSchemaError(Exception):
    """A version from before the first release wrote the database. Nothing brings its tables up to date."""

    def __init__(self) -> None:
        super().__init__(
            "it is from before the first release, and cannot be brought up to date: set DATABASE_URL to a new database."
            " The version that wrote the old one can still list its history"
        )


def must_be_current(connection: sa.Connection) -> None:
    """Raise an error unless the tables are those of this version.

    The errors are `NewerSchemaError`, `OlderSchemaError` and `UnreleasedSchemaError`.
    """
    version = _version(connection)
    if version < len(MIGRATIONS):
        raise OlderSchemaError
    if version > len(MIGRATIONS):
        raise NewerSchemaError(version, len(MIGRATIONS))


def must_be_migratable(engine: sa.Engine) -> None:
    """Raise `NewerSchemaError` or `UnreleasedSchemaError` where `migrate` would; writes nothing."""
    with engine.connect() as connection, suppress(OlderSchemaError):
        must_be_current(connection)


def migrate(engine: sa.Engine, steps: Steps = MIGRATIONS) -> None:
    """Take the steps that the database lacks, each in one transaction.

    Several processes may do this at once: one of them takes each step, and the others wait for it. A process that dies
    leaves the database as it was before the step. Raises `NewerSchemaError` and `UnreleasedSchemaError`.
    """
    while _took_a_step(engine, steps):
        pass


def _took_a_step(engine: sa.Engine, steps: Steps) -> bool:
    with engine.begin() as connection:  # on SQLite this waits for the only writer
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        version = _version(connection)
        if version > len(steps):
            raise NewerSchemaError(version, len(steps))
        if version == len(steps):
            return False
        for statement in steps[version]:
            connection.execute(sa.text(statement))
        schema_version.create(connection, checkfirst=True)
        connection.execute(schema_version.delete())
        connection.execute(schema_version.insert().values(version=version + 1))
        return True


def _version(connection: sa.Connection) -> int:
    """The number of steps that were taken; 0 where this program never wrote. Raises `UnreleasedSchemaError`."""
    names = sa.inspect(connection).get_table_names()
    if schema_version.name in names:
        return connection.execute(sa.select(schema_version.c.version)).scalar() or 0
    if UNRELEASED.issubset(names):
        raise UnreleasedSchemaError
    return 0

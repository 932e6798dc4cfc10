"""Numbered steps that bring a database up to date."""

from contextlib import suppress

import sqlalchemy as sa

from bot.storage.tables import schema_version

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE commands (
            key TEXT PRIMARY KEY, reference TEXT NOT NULL, accepted_at TEXT NOT NULL,
            team_id TEXT NOT NULL, channel_id TEXT NOT NULL, user_id TEXT NOT NULL, text TEXT NOT NULL,
            opportunity_id TEXT NOT NULL, status TEXT NOT NULL, state TEXT NOT NULL,
            before TEXT, after TEXT, outcome TEXT, trace_id TEXT, delivered TEXT, finished_at TEXT
        )
        """,
        "CREATE INDEX commands_by_opportunity ON commands (opportunity_id, accepted_at)",
    ),
    (
        "ALTER TABLE commands ADD COLUMN opportunity_name TEXT",
        "ALTER TABLE commands ADD COLUMN lost_reason_id TEXT",
        "ALTER TABLE commands ADD COLUMN only_if TEXT",
        "ALTER TABLE commands ADD COLUMN undoes TEXT",
        "ALTER TABLE commands ADD COLUMN owner TEXT",
        "ALTER TABLE commands ADD COLUMN lease_until DOUBLE PRECISION",
        "ALTER TABLE commands ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE commands ADD COLUMN before_lost_reason_id TEXT",
        "ALTER TABLE commands ADD COLUMN response_url TEXT",
        "ALTER TABLE commands ADD COLUMN message_ts TEXT",
        "ALTER TABLE commands ADD COLUMN told_to_wait INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE commands ADD COLUMN reply TEXT",
        "ALTER TABLE commands ADD COLUMN effect TEXT",
        # Version 1 took nothing up again. What it left unfinished may be months old: nobody expects it to happen now.
        "UPDATE commands SET state = 'finished', outcome = 'interrupted' WHERE state <> 'finished'",
        "CREATE INDEX commands_unfinished ON commands (lease_until) WHERE state <> 'finished'",
        # At most one command about a deal is under way, whatever the replicas do.
        """
        CREATE UNIQUE INDEX commands_one_at_a_time ON commands (opportunity_id)
        WHERE state IN ('running', 'intended')
        """,
        # A change is taken back once: by a command that is under way, or that did it.
        """
        CREATE UNIQUE INDEX commands_one_undo ON commands (undoes)
        WHERE undoes IS NOT NULL AND (outcome IS NULL OR outcome = 'changed')
        """,
        # Who is first at a deal, among those who are not done.
        "CREATE INDEX commands_waiting ON commands (opportunity_id, accepted_at) WHERE state <> 'finished'",
        "CREATE INDEX commands_by_user ON commands (user_id, accepted_at)",
        "CREATE INDEX commands_by_time ON commands (accepted_at)",
        "CREATE TABLE probe (pad TEXT NOT NULL)",
    ),
    (
        "ALTER TABLE commands ADD COLUMN called TEXT",
        "ALTER TABLE commands ADD COLUMN reason TEXT",
        # What earlier versions wrote down asked nobody.
        "ALTER TABLE commands ADD COLUMN consent TEXT NOT NULL DEFAULT 'given'",
        "ALTER TABLE commands ADD COLUMN continues TEXT",
        "ALTER TABLE commands ADD COLUMN batch TEXT",
        "ALTER TABLE commands ADD COLUMN note TEXT",
        "ALTER TABLE commands ADD COLUMN public INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE commands ADD COLUMN announced_in TEXT",
        "ALTER TABLE commands ADD COLUMN announced_ts TEXT",
        # A command that needed an answer goes on once: with the answer that is under way, or that did it.
        """
        CREATE UNIQUE INDEX commands_one_answer ON commands (continues)
        WHERE continues IS NOT NULL AND (outcome IS NULL OR outcome = 'changed')
        """,
        "CREATE INDEX commands_by_batch ON commands (batch) WHERE batch IS NOT NULL",
    ),
    (
        "ALTER TABLE commands ADD COLUMN location_id TEXT NOT NULL DEFAULT ''",
        """
        CREATE TABLE channels (
            channel_id TEXT PRIMARY KEY, location_id TEXT NOT NULL, bound_by TEXT NOT NULL, bound_at TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE connections (
            account_id TEXT PRIMARY KEY, kind TEXT NOT NULL, company_id TEXT NOT NULL, access TEXT NOT NULL,
            refresh TEXT, given_at DOUBLE PRECISION NOT NULL, ends_at DOUBLE PRECISION NOT NULL,
            generation INTEGER NOT NULL, owner TEXT, lease_until DOUBLE PRECISION, refused TEXT
        )
        """,
        """
        CREATE TABLE passes (
            digest TEXT PRIMARY KEY, purpose TEXT NOT NULL, ends_at DOUBLE PRECISION NOT NULL,
            spent INTEGER NOT NULL DEFAULT 0
        )
        """,
        """
        CREATE TABLE access (
            reference TEXT PRIMARY KEY, user_id TEXT NOT NULL, team_id TEXT NOT NULL, channel_id TEXT NOT NULL,
            asked_at TEXT NOT NULL, state TEXT NOT NULL,
            decided_by TEXT, decided_at TEXT, revoked_by TEXT, revoked_at TEXT
        )
        """,
        # Of one person one request is open, or one approval in force, whoever presses what and where.
        "CREATE UNIQUE INDEX access_one_standing ON access (user_id) WHERE state IN ('open', 'approved')",
        "CREATE INDEX access_by_user ON access (user_id, asked_at)",
    ),
)
"""Step n leads from version n to version n + 1, in one transaction. A step that was ever released is never edited."""

NAME_OF_THE_LOCK = 20_261_125
"""PostgreSQL's lock for whoever migrates: a number that nobody else uses in our database."""


class NewerSchemaError(Exception):
    """The store was written by a later version of this program; we do not touch what we do not know."""

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"the store has version {version}; this program knows versions up to {len(MIGRATIONS)}")


class OlderSchemaError(Exception):
    """The store was written by an earlier version of this program, or by none yet, and was only to be read."""


def must_be_current(connection: sa.Connection) -> None:
    """Raise `NewerSchemaError` or `OlderSchemaError` for a store that this program cannot read as it is."""
    known = sa.inspect(connection).has_table(schema_version.name)
    version = connection.execute(sa.select(schema_version.c.version)).scalar() if known else None
    if version is None or version < len(MIGRATIONS):
        raise OlderSchemaError
    if version > len(MIGRATIONS):
        raise NewerSchemaError(version)


def must_not_be_newer(engine: sa.Engine) -> None:
    """Raise `NewerSchemaError` for a store of a later version; one of an earlier version is left as it is."""
    with engine.connect() as connection, suppress(OlderSchemaError):
        must_be_current(connection)


def migrate(engine: sa.Engine) -> None:
    """Bring the store up to date, each step in a transaction of its own. Raises `NewerSchemaError`.

    Safe when several processes do it at once: each step is taken by one of them, and the others wait for it.
    """
    while _took_a_step(engine):
        pass


def _took_a_step(engine: sa.Engine) -> bool:
    with engine.begin() as connection:  # on SQLite this waits for the only writer
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(NAME_OF_THE_LOCK)))
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"))
        version = connection.execute(sa.select(schema_version.c.version)).scalar()
        if version is None:
            version = 0
            connection.execute(schema_version.insert().values(version=0))
        if version > len(MIGRATIONS):
            raise NewerSchemaError(version)
        if version == len(MIGRATIONS):
            return False
        for statement in MIGRATIONS[version]:
            connection.execute(sa.text(statement))
        connection.execute(schema_version.update().values(version=version + 1))
        return True

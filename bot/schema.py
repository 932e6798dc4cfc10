"""The ledger's table, and the numbered steps that lead to it from any earlier version."""

import sqlalchemy as sa

metadata = sa.MetaData()

commands = sa.Table(
    "commands",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("accepted_at", sa.Text, nullable=False),
    sa.Column("team_id", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("opportunity_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("trace_id", sa.Text),
    sa.Column("delivered", sa.Text),
    sa.Column("finished_at", sa.Text),
)
"""One row per accepted command. Times are ISO 8601 in UTC.

`key` is the sender's own id for the command, `state` one of accepted, intended, finished; `before` and `after` are
statuses; `outcome` is changed, already_so, or the cause of a failure; `delivered` is how the reply arrived.
"""

_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, nullable=False))

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
)
"""Step n leads from version n to version n + 1. A step that was ever released is never edited."""


class NewerSchemaError(Exception):
    """The store was written by a later version of this program; we do not touch what we do not know."""


def migrate(connection: sa.Connection) -> None:
    """Bring the store up to date, inside the caller's transaction. Raises `NewerSchemaError`."""
    connection.execute(sa.text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"))
    version = connection.execute(sa.select(_version.c.version)).scalar()
    if version is None:
        version = 0
        connection.execute(_version.insert().values(version=0))
    if version > len(MIGRATIONS):
        message = f"the store has version {version}; this program knows versions up to {len(MIGRATIONS)}"
        raise NewerSchemaError(message)
    for statement in (statement for step in MIGRATIONS[version:] for statement in step):
        connection.execute(sa.text(statement))
    connection.execute(_version.update().values(version=len(MIGRATIONS)))

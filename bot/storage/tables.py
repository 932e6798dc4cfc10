"""The database's tables, and the numbered steps that lead to it from any earlier version."""

from contextlib import suppress

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
    sa.Column("opportunity_name", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("lost_reason_id", sa.Text),
    sa.Column("only_if", sa.Text),
    sa.Column("undoes", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Double),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("before", sa.Text),
    sa.Column("before_lost_reason_id", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("effect", sa.Text),
    sa.Column("trace_id", sa.Text),
    sa.Column("response_url", sa.Text),
    sa.Column("message_ts", sa.Text),
    sa.Column("told_to_wait", sa.Integer, nullable=False, default=0),
    sa.Column("reply", sa.Text),
    sa.Column("delivered", sa.Text),
    sa.Column("finished_at", sa.Text),
    sa.Column("called", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("consent", sa.Text, nullable=False, default="given"),
    sa.Column("continues", sa.Text),
    sa.Column("batch", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("public", sa.Integer, nullable=False, default=1),
    sa.Column("announced_in", sa.Text),
    sa.Column("announced_ts", sa.Text),
    sa.Column("location_id", sa.Text, nullable=False, default=""),
)
"""One row per accepted command: queue, idempotency key, audit trail and history in one. Times are ISO 8601 in UTC.

- `key` is the sender's own id for the command. `text` is what was typed; `opportunity_id`, `status` and
  `lost_reason_id` are what it was understood to ask for, `only_if` the status that the deal must still have.
  `undoes` is the key of the command that this one takes back.
- `called` is what the deal was called instead of its id, and then `opportunity_id` is empty until it is found; `reason`
  is why it was lost, in somebody's words. `consent` is how far the command may go by itself (`status.Consent`).
  `continues` is the key of the command that needed an answer, which this one is. `batch` is the key of the first of
  several that were asked for at once. `note` is posted with the result, which is shown to the channel if `public`.
- `state`: *accepted*, not begun; *running*, at the deal; *intended*, about to write or just written; *answered*, the
  outcome is known and the reply is not delivered; *finished*.
- `owner` is the process that works on it, until `lease_until`, seconds since 1970 by the database's own clock.
  `attempts` counts how often somebody else took it over while it was at the deal: mostly, that a process died.
- `before` and `after` are statuses; `outcome` is changed, already_so, overtaken or the cause of a failure, whose
  `effect` says whether anything changed: nothing, or unknown.
- `response_url` and `reply` are there until the reply is delivered, then gone; `delivered` is how it arrived, and
  `message_ts` Slack's id of the message, where Slack told. `announced_in` and `announced_ts` are the channel where it
  was posted besides, and that message's id. `location_id` is the sub-account in which the deal is, or its name is
  looked for; empty where there was only one.
"""

access = sa.Table(
    "access",
    metadata,
    sa.Column("reference", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("team_id", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("asked_at", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", sa.Text),
    sa.Column("revoked_by", sa.Text),
    sa.Column("revoked_at", sa.Text),
)
"""One row per request to be let in: *open*, *approved* (and in force), *declined*, or *revoked* after it was approved.

`decided_by` is the admin who approved or declined it; `revoked_by` is one too, or `permission.OPERATOR`.
"""

channels = sa.Table(
    "channels",
    metadata,
    sa.Column("channel_id", sa.Text, primary_key=True),
    sa.Column("location_id", sa.Text, nullable=False),
    sa.Column("bound_by", sa.Text, nullable=False),
    sa.Column("bound_at", sa.Text, nullable=False),
)
"""The sub-account in which a channel of Slack works, where it is not the default one; which admin said so, and when."""

probe = sa.Table("probe", metadata, sa.Column("pad", sa.Text, nullable=False))
"""One row of no meaning: written anew to find out whether writing works."""

connections = sa.Table(
    "connections",
    metadata,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("company_id", sa.Text, nullable=False),
    sa.Column("access", sa.Text, nullable=False),
    sa.Column("refresh", sa.Text),
    sa.Column("given_at", sa.Double, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Double),
    sa.Column("refused", sa.Text),
)
"""One row per account of HighLevel that was connected by OAuth. Times are seconds since 1970 by the database's clock.

- `account_id` is the location's id, or an agency's company id; `kind` is which, in HighLevel's words. `company_id` is
  the agency that a location belongs to, as far as HighLevel said.
- `access` and `refresh` are tokens, encrypted. A location without a `refresh` got its tokens in exchange for its
  agency's, and gets new ones the same way.
- `given_at` and `ends_at` are when the access token was given, and when it ends. `generation` counts the pairs of
  tokens: whoever saves a new pair says which it replaces.
- `owner` is the process that is getting a new pair, until `lease_until`.
- `refused` is why HighLevel has ended the connection; empty while it is good.
"""

install_links = sa.Table(
    "passes",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False),
    sa.Column("spent", sa.Integer, nullable=False, default=0),
)
"""One row per secret that opens something once: the digest, never the secret. What was spent stays for a while, so that
whoever comes again can be told."""

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
    known = sa.inspect(connection).has_table(_version.name)
    version = connection.execute(sa.select(_version.c.version)).scalar() if known else None
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
        version = connection.execute(sa.select(_version.c.version)).scalar()
        if version is None:
            version = 0
            connection.execute(_version.insert().values(version=0))
        if version > len(MIGRATIONS):
            raise NewerSchemaError(version)
        if version == len(MIGRATIONS):
            return False
        for statement in MIGRATIONS[version]:
            connection.execute(sa.text(statement))
        connection.execute(_version.update().values(version=version + 1))
        return True

"""The database's tables."""

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

schema_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, nullable=False))

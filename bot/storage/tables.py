"""The database's tables, and what each column means. `migrations` makes them.

Times in columns that end in `_at` are text, ISO 8601 in UTC, which sorts as the times do; but `given_at` and `ends_at`,
like `lease_until`, are seconds since 1970 by the database's own clock. Other columns that can be NULL are NULL where
something was not known, not asked for, or not reached.
"""

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()


def partial_index(name: str, *columns: sa.Column[Any], where: str, unique: bool = False) -> sa.Index:
    """An index of the rows that meet a condition, in SQL's own words."""
    condition = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


commands = sa.Table(
    "commands",
    metadata,
    # Beside the rows, SQLite has such a number anyway: https://sqlite.org/lang_createtable.html#rowid
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("accepted_at", sa.Text, nullable=False),
    sa.Column("team_id", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("location_id", sa.Text, nullable=False),
    sa.Column("opportunity_id", sa.Text, nullable=False),
    sa.Column("opportunity_name", sa.Text),
    sa.Column("value", sa.Double),
    sa.Column("company", sa.Text),
    sa.Column("called", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("lost_reason_id", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("only_if", sa.Text),
    sa.Column("consent", sa.Text, nullable=False),
    sa.Column("undoes", sa.Text),
    sa.Column("continues", sa.Text),
    sa.Column("amends", sa.Text),
    sa.Column("batch", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("public", sa.Integer, nullable=False),
    sa.Column("asked_why", sa.Integer, nullable=False),
    sa.Column("asked_privately", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Double),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("before_lost_reason_id", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("effect", sa.Text),
    sa.Column("said", sa.Text),
    sa.Column("withheld", sa.Text),
    sa.Column("deal_owner", sa.Text),
    sa.Column("trace_id", sa.Text),
    sa.Column("response_url", sa.Text),
    sa.Column("told_to_wait", sa.Integer, nullable=False),
    sa.Column("reply", sa.Text),
    sa.Column("delivered", sa.Text),
    sa.Column("message_ts", sa.Text),
    sa.Column("announced_in", sa.Text),
    sa.Column("announced_ts", sa.Text),
    sa.Column("finished_at", sa.Text),
)
"""One row per accepted command: queue, idempotency key, audit trail and history in one.

What was sent:

- `number`: counts up as commands are accepted, on all replicas together. It alone says which of two was accepted
  earlier: two times may be equal, and clocks are set back.
- `key`: the sender's own id for the command. The same key again is the same command.
- `reference`: the short name by which people and the log refer to it.
- `accepted_at`: when it was written down, by the database's clock, as `finished_at` is.
- `team_id`, `channel_id`, `user_id`: the caller's workspace, the channel and the caller, by Slack's ids.
- `text`: what the caller typed.

What it asks for:

- `location_id`: the sub-account that has the deal; empty where there was only one.
- `opportunity_id`: the deal; empty until the deal that `called` means is found.
- `opportunity_name`, `value`, `company`: the deal's name, monetary value and company as they were then.
- `called`: what the caller named the deal by, instead of its id.
- `status`: the status that the deal is to get.
- `lost_reason_id`: the id of the lost reason that it is to get.
- `reason`: why it was lost, in the caller's words.
- `only_if`: the status that the deal must still have; NULL for any.
- `consent`: how far the command may go before the caller is asked, a `Consent`.
- `undoes`: the key of the command that this one undoes.
- `continues`: the key of the command that stopped with a question, to which this one is the answer.
- `amends`: the key of the change that this one adds a lost reason to, or corrects; its message tells of both.
- `batch`: of several that were asked for at once, the key of the first, which answers for all.
- `note`: what is posted with the result.
- `public`: 1 where the channel sees the result, otherwise 0.
- `asked_why`: 1 where the form asked for the lost reason, otherwise 0.
- `asked_privately`: 1 where a button was pressed in a message that only the caller sees, otherwise 0.

How far it got:

- `state`: a `State`.
- `owner`: the process that has it; NULL where a process gave it back, or it is finished.
- `lease_until`: when the owner's lease ends. After that any process may take the command over.
- `attempts`: how often another process took it over while it was *running* or *intended*, which mostly means that a
  process died over it.
- `before`, `before_lost_reason_id`, `after`: the deal's status and lost reason before, and its status after.
- `outcome`: a `Result` or a `Cause`.
- `effect`: an `Effect`, where the outcome is a `Cause`.
- `said`: HighLevel's own words of a refusal.
- `withheld`: why its caller may not change the deal, a `Withheld`; of a change, what did not stop it.
- `deal_owner`: the Slack user id of the deal's owner, who is to be told or asked.
- `trace_id`: HighLevel's number for the call that changed the deal.

What was answered:

- `response_url`: Slack's reply address; deleted when the command is finished.
- `told_to_wait`: 1 once the caller was told that it takes longer, before that 0.
- `reply`: the reply as JSON; there while it is being delivered.
- `delivered`: how the reply was delivered, a `Delivery.way`.
- `message_ts`: the reply's message, or the one whose button was pressed, by Slack's id.
- `announced_in`, `announced_ts`: the other channel where the result was posted, and the message there.
- `finished_at`: when it was finished.
"""

sa.Index("commands_by_opportunity", commands.c.opportunity_id, commands.c.number)
sa.Index("commands_by_user", commands.c.user_id, commands.c.number)
sa.Index("commands_by_time", commands.c.accepted_at)
partial_index("commands_by_batch", commands.c.batch, where="batch IS NOT NULL")
partial_index("commands_unfinished", commands.c.lease_until, where="state <> 'finished'")
partial_index("commands_waiting", commands.c.opportunity_id, commands.c.number, where="state <> 'finished'")
# At most one command changes a deal at a time, however many processes there are.
partial_index(
    "commands_one_at_a_time", commands.c.opportunity_id, where="state IN ('running', 'intended')", unique=True
)
# At most one command that is under way, or that succeeded, undoes a change.
partial_index(
    "commands_one_undo",
    commands.c.undoes,
    where="undoes IS NOT NULL AND (outcome IS NULL OR outcome = 'changed')",
    unique=True,
)
# At most one command that is under way, or that succeeded, answers a question.
partial_index(
    "commands_one_answer",
    commands.c.continues,
    where="continues IS NOT NULL AND (outcome IS NULL OR outcome IN ('changed', 'asked_owner'))",
    unique=True,
)

trail = sa.Table(
    "trail",
    metadata,
    sa.Column("reference", sa.Text, primary_key=True),
    sa.Column("noted_at", sa.Text, nullable=False),
    sa.Column("team_id", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)
"""One row per command that was not accepted. It has neither what was typed nor a deal.

- `reference`: the short name by which people and the log refer to it.
- `noted_at`: when it was written down, by the database's clock.
- `team_id`, `channel_id`, `user_id`: the caller's workspace, the channel and the caller, by Slack's ids.
- `outcome`: one of `instrumentation.NOT_ACCEPTED`.
- `detail`: why it was refused, what was not understood, or what was looked at, in the log's words.
"""

sa.Index("trail_by_time", trail.c.noted_at)

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
    sa.Column("command", sa.Text),
)
"""One row per request for access.

- `reference`: its short name, also towards the person who asked.
- `user_id`, `team_id`, `channel_id`: who asked, in which workspace and channel, by Slack's ids.
- `asked_at`: when.
- `state`: a `RequestState`.
- `decided_by`, `decided_at`: the admin who approved or declined it, and when.
- `revoked_by`, `revoked_at`: the admin who revoked the approval, or `OPERATOR`, and when.
- `command`: the command that was refused, as they typed it.
"""

sa.Index("access_by_user", access.c.user_id, access.c.asked_at)
# A person has at most one request that is open, or one approval in force.
partial_index("access_one_standing", access.c.user_id, where="state IN ('open', 'approved')", unique=True)

channels = sa.Table(
    "channels",
    metadata,
    sa.Column("channel_id", sa.Text, primary_key=True),
    sa.Column("location_id", sa.Text, nullable=False),
    sa.Column("bound_by", sa.Text, nullable=False),
    sa.Column("bound_at", sa.Text, nullable=False),
)
"""One row per channel of Slack that works in another sub-account than the default one.

- `channel_id`: the channel.
- `location_id`: the sub-account.
- `bound_by`, `bound_at`: the admin who said so, and when.
"""

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
"""One row per account of HighLevel that is connected by OAuth.

- `account_id`: the location's id, or an agency's company id.
- `kind`: which of both, in HighLevel's word.
- `company_id`: the agency that a location belongs to, as far as HighLevel said.
- `access`, `refresh`: the tokens, encrypted. A location without a refresh token got its access token in exchange for
  its agency's, and gets new ones the same way.
- `given_at`, `ends_at`: when the access token was issued, and when it expires.
- `generation`: counts the pairs of tokens. A process that saves a new pair says which one it replaces.
- `owner`: the process that is getting a new pair.
- `lease_until`: when the owner's lease ends. After that another process may do it.
- `refused`: why HighLevel ended the connection; NULL while it is good.
"""

install_links = sa.Table(
    "install_links",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False),
    sa.Column("spent", sa.Integer, nullable=False),
)
"""One row per secret that can be used once. It stays for a while after that, so that a second use can be explained.

- `digest`: the SHA-256 of the secret. The secret itself is not stored.
- `purpose`: what it opens, a `Purpose`.
- `ends_at`: when it expires.
- `spent`: 1 once it was used, before that 0.
"""

probe = sa.Table("probe", metadata, sa.Column("pad", sa.Text, nullable=False))
"""One row without meaning. It is replaced to find out whether the database can be written."""

schema_version = sa.Table("opp_status_schema", metadata, sa.Column("version", sa.Integer, nullable=False))
"""One row: how many steps of `migrations.MIGRATIONS` the database has taken."""

"""The table of what comes due. `bot.storage.tables` says how times are written."""

import sqlalchemy as sa

from bot.storage.tables import metadata, partial_index

schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sa.Column("planned_at", sa.Text, nullable=False),
    sa.Column("team_id", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("location_id", sa.Text, nullable=False),
    sa.Column("opportunity_id", sa.Text, nullable=False),
    sa.Column("opportunity_name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("ending", sa.Text),
    sa.Column("kept", sa.Text),
    sa.Column("finished_at", sa.Text),
)
"""One row per thing that comes due: a reminder, or the digest of a period.

What it is:

- `number`: counts up as they are written down.
- `key`: Slack's id of the command or the press, or what else tells it from others. The same key again is the same.
- `kind`: a `Kind`.
- `due`: when it comes due, in seconds since 1970.
- `planned_at`: when it was written down, by the database's clock.
- `team_id`, `channel_id`, `user_id`: who asked for it and where, by Slack's ids; empty where a setting did. Then the
  channel is where it is posted.
- `location_id`, `opportunity_id`, `opportunity_name`: the deal that it is about; empty for none, or for the default
  sub-account.

How far it got:

- `state`: a `DueState`.
- `owner`: the process that works on it; NULL where none does.
- `lease_until`: when the owner's lease, or a pause, ends. After that any process may take it.
- `attempts`: how often it could not be done.
- `ending`: how it ended, an `Ending`.
- `kept`: what was kept of it for those that come after it.
- `finished_at`: when it ended.
"""

partial_index("schedule_waiting", schedule.c.due, where="state = 'waiting'")
sa.Index("schedule_by_end", schedule.c.finished_at)
# A person has at most one reminder of a deal.
partial_index(
    "schedule_one_reminder",
    schedule.c.user_id,
    schedule.c.opportunity_id,
    where="state = 'waiting' AND kind = 'reminder'",
    unique=True,
)

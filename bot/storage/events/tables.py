"""The tables of what was changed in HighLevel itself. `bot.storage.tables` says how times are written."""

import sqlalchemy as sa

from bot.storage.tables import metadata, partial_index

events = sa.Table(
    "events",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("location_id", sa.Text, nullable=False),
    sa.Column("opportunity_id", sa.Text, nullable=False),
    sa.Column("received_at", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("before_lost_reason_id", sa.Text),
    sa.Column("deal", sa.Text),
    sa.Column("channel_id", sa.Text),
    sa.Column("held_since", sa.Double),
    sa.Column("verdict", sa.Text),
    sa.Column("finished_at", sa.Text),
)
"""One row per event: HighLevel's notice that something happened to a deal. It is deleted days after it is finished.

What came:

- `number`: counts up as events are written down.
- `key`: HighLevel's id of the event, or what else tells it from others. The same key again is the same event.
- `source`, `kind`: a `Source`, and a `Kind`.
- `location_id`, `opportunity_id`: the sub-account, and the deal. Nothing else of what came is kept.
- `received_at`: when it was written down, by the database's clock.

How far it got:

- `state`: an `EventState`.
- `owner`: the process that reads the deal; NULL where none does.
- `lease_until`: when the owner's lease, or a pause, ends. After that any process may take the event.
- `attempts`: how often the deal could not be read.
- `before`, `before_lost_reason_id`: the deal's status and lost reason before, while it is held; NULL if not known.
- `deal`: the deal as it was read, as JSON, while it is held.
- `channel_id`: the channel where it is to be posted.
- `held_since`: since when it is held, in seconds since 1970 by the database's clock.
- `verdict`: what became of it, a `Verdict`.
- `finished_at`: when it was finished.
"""

partial_index("events_received", events.c.lease_until, where="state = 'received'")
partial_index("events_received_by_deal", events.c.opportunity_id, where="state = 'received'")
partial_index("events_held", events.c.channel_id, where="state = 'held'")
sa.Index("events_by_end", events.c.finished_at)

deals = sa.Table(
    "deals",
    metadata,
    sa.Column("opportunity_id", sa.Text, primary_key=True),
    sa.Column("location_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("lost_reason_id", sa.Text),
    sa.Column("since", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.Text, nullable=False),
    sa.Column("seen_at", sa.Text, nullable=False),
)
"""One row per deal that the bot has seen: its memory, because HighLevel never says what a deal was before.

- `opportunity_id`, `location_id`: the deal, and its sub-account.
- `status`, `lost_reason_id`: as the bot last saw them.
- `since`: since when it has this status, as HighLevel said.
- `version`: counts what was learned of the deal. Who has read the deal learns from it whether it was changed meanwhile.
- `changed_at`: when the bot learned of its last change of status.
- `seen_at`: when the bot last saw it.
"""

sa.Index("deals_by_time", deals.c.seen_at)

polls = sa.Table(
    "polls",
    metadata,
    sa.Column("location_id", sa.Text, primary_key=True),
    sa.Column("newest", sa.Text),
    sa.Column("polled_at", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Double, nullable=False),
)
"""One row per sub-account that is asked for changes.

- `newest`: the latest change of status that it has told of; NULL before the first answer.
- `polled_at`: when it last answered.
- `owner`, `lease_until`: the process that asks, and until when no other does.
"""

announcements = sa.Table(
    "announcements",
    metadata,
    sa.Column("channel_id", sa.Text, primary_key=True),
    sa.Column("muted_until", sa.Double),
    sa.Column("muted_by", sa.Text),
    sa.Column("muted_at", sa.Text),
)
"""One row per channel where changes made in HighLevel are posted. It is locked while a process decides what to post.

- `muted_until`: until when nothing is posted there, in seconds since 1970; NULL where that was never wanted.
- `muted_by`, `muted_at`: the admin who said so, and when.
"""

event_counts = sa.Table(
    "event_counts",
    metadata,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("reception", sa.Text, primary_key=True),
    sa.Column("many", sa.Integer, nullable=False),
    sa.Column("latest_at", sa.Text, nullable=False),
)
"""How many events came in a day from a `Source`, and what was done with them, a `Reception`: `check` reads it."""

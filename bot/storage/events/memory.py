"""The memory of deals over the database: what each was when the bot last saw it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.deals.deal import Opportunity
from bot.deals.outcome import Changed, Outcome
from bot.storage.engine import insert, iso_now
from bot.storage.events.tables import deals
from bot.storage.rows import iso


def remembering(kind: str) -> sa.UpdateBase:
    """The statement that remembers a deal as it is in `columns_of`."""
    now = iso_now(kind)
    new = insert(kind, deals).values(version=1, changed_at=now, seen_at=now)
    same = deals.c.status == new.excluded.status
    return new.on_conflict_do_update(
        index_elements=[deals.c.opportunity_id],
        set_={
            "location_id": new.excluded.location_id,
            "status": new.excluded.status,
            "lost_reason_id": new.excluded.lost_reason_id,
            "since": sa.func.coalesce(new.excluded.since, sa.case((same, deals.c.since))),
            "version": deals.c.version + 1,
            "changed_at": sa.case((same, deals.c.changed_at), else_=now),
            "seen_at": now,
        },
    )


def columns_of(deal: Opportunity, location_id: str = "") -> dict[str, Any]:
    """What is remembered of a deal."""
    return {
        "opportunity_id": deal.id,
        "location_id": deal.location_id or location_id,
        "status": deal.status,
        "lost_reason_id": deal.lost_reason_id,
        "since": as_column(deal.since),
    }


def learned_from(outcome: Outcome) -> dict[str, Any] | None:
    """What a command's outcome teaches of its deal; `None` if it changed nothing.

    What a command only saw is not learned: it may have seen a change made in HighLevel before the notice of it came,
    which would then be none.
    """
    return columns_of(outcome.after) if isinstance(outcome, Changed) else None


def as_column(moment: datetime | None) -> str | None:
    """A time that may not be known."""
    return iso(moment) if moment else None

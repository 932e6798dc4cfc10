"""For how long a deal has not moved, and which deals are stuck. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.deals.deal import Opportunity

A_DAY = timedelta(days=1)


def still_since(deal: Opportunity) -> datetime | None:
    """Since when the deal has had both its stage and its status; `None` if the CRM tells neither.

    A deal that never moved has been as it is since it was made.
    """
    moved = [each for each in (deal.stage_since, deal.since) if each]
    return max(moved) if moved else deal.added


def days_still(deal: Opportunity, now: datetime) -> int | None:
    """For how many whole days the deal has not moved; `None` if that is not known."""
    since = still_since(deal)
    return None if since is None else max((now - since) // A_DAY, 0)


def is_stuck(deal: Opportunity, now: datetime, days: int) -> bool:
    """Whether the deal has not moved for at least so many days; `days` of 0: no deal is stuck."""
    still = days_still(deal, now)
    return bool(days) and still is not None and still >= days


def stuck_first(deals: Iterable[Opportunity], now: datetime) -> list[Opportunity]:
    """The deals, the one that has not moved for longest first; those of which that is not known last."""
    return sorted(deals, key=lambda deal: (still_since(deal) is None, still_since(deal) or now))

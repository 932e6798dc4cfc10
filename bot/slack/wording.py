"""Words of one kind that many messages have: money, statuses, lengths of time. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from bot.deals.deal import Opportunity
from bot.deals.policy import Policy
from bot.slack.block_kit import mrkdwn
from bot.slack.block_kit.mrkdwn import plain

SYMBOLS: Mapping[str, str] = {"USD": "$", "EUR": "€", "GBP": "£", "INR": "₹"}
"""The signs of currencies that have one to themselves. Dollars of other countries keep their ISO code."""


class Page(StrEnum):
    """The pages of the documents that messages link to, in the folder `docs`."""

    USING = "using.md"
    DEALS = "using.md#move-a-deal"
    ACCESS = "using.md#get-access"
    REFUSALS = "using.md#when-it-says-no"
    WHO_MAY = "operating/access.md"
    TROUBLE = "operating/troubleshooting.md#opp-status-answers-and-refuses"


LINKS: Mapping[Page, str] = {
    Page.USING: "All you can type",
    Page.DEALS: "How to name a deal",
    Page.ACCESS: "How to get access",
    Page.REFUSALS: "What to do",
    Page.WHO_MAY: "Who has access",
    Page.TROUBLE: "How to fix it",
}
"""What a link to each page says."""

NAME_CARRIED = 100
"""Characters of a deal's name that a button carries."""


def dotted(*parts: str) -> str:
    """Parts of one line with dots between them; those that are empty are left out."""
    return " · ".join(filter(None, parts))


def first_visible(*names: str | None) -> str:
    """The first of these texts of which a reader can see anything."""
    return next((name for name in names if name and plain(name)), mrkdwn.NOTHING)


def doer(user_id: str) -> str:
    """Who made a change; a change made in HighLevel itself has no user id."""
    return mrkdwn.user(user_id) if user_id else "Someone in HighLevel"


def money(value: float | None, currency: str) -> str:
    """A deal's value as `$4,800` or `4,800 SEK`, without cents where there are none; empty if it is zero or unknown."""
    if not value:
        return ""
    amount = f"{abs(value):,.2f}".removesuffix(".00")
    sign = "-" if value < 0 else ""
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{amount}" if symbol else f"{sign}{amount} {currency}".rstrip()


def status_since(deal: Opportunity) -> str:
    """A deal's status, and since when, where that is known."""
    since = f" (since {mrkdwn.date(deal.since)})" if deal.since else ""
    return f"*{plain(deal.status)}*{since}"


def reason_name(deal: Opportunity) -> str:
    """The name of a deal's lost reason, which may be known by its id only."""
    return plain(first_visible(deal.lost_reason, "name not available"))


def how_many(deals: Sequence[Opportunity], *, more: bool) -> str:
    """The number of deals found; `more`: there are more than these."""
    return f"More than {len(deals)}" if more else f"{len(deals)}"


def status_list(policy: Policy) -> str:
    """The statuses on offer, with commas between them."""
    return ", ".join(f"`{status}`" for status in policy.offered)


def duration(window: timedelta) -> str:
    """A length of time in the largest unit that it is a whole number of; a single day is 24 hours."""
    minutes = round(window.total_seconds() / 60)
    for unit, length, least in (("day", 24 * 60, 2), ("hour", 60, 1)):
        if minutes >= least * length and minutes % length == 0:
            return f"{minutes // length} {unit}{'s' if minutes > length else ''}"
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def days(number: int) -> str:
    """A number of days."""
    return f"{number:,} day{'s' if number != 1 else ''}"


def name_of(deal: Opportunity) -> str:
    """A deal's name as a button carries it, to be told if the deal is gone by then; empty where it carries none."""
    name = " ".join((deal.name or "").split())
    return name[:NAME_CARRIED] if name.isprintable() else ""

"""What a person's Home tab shows, as it was found out. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.access.people import Unknown
from bot.access.requests import AccessRequest
from bot.access.rules import Denied
from bot.commands.record import Record
from bot.deals.deal import Opportunity
from bot.deals.outcome import Trouble

DEALS_PER_PAGE = 10
"""Each takes two blocks, and a view has 100 at most."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A sub-account whose deals are not shown, and why."""

    location_id: str
    why: Unknown | Trouble
    """Who the person is there is unknown, or HighLevel did not list the deals."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The Home tab of a person who may not change deals: it shows none."""

    denied: Denied
    request: AccessRequest | None = None
    """Their last request for access."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The Home tab of a person who may change deals."""

    deals: tuple[Opportunity, ...] = ()
    """Their open deals, the one that has not moved for longest first."""
    more: bool = False
    """Whether HighLevel has more of them than it listed."""
    gaps: tuple[Gap, ...] = ()
    changes: tuple[Record, ...] | None = ()
    """Their last commands, latest first; `None`: they cannot be read."""
    undoable: frozenset[str] = frozenset()
    """The keys of those that can be undone."""
    under_way: Mapping[str, str] = field(default_factory=dict)
    """The status that a deal is about to get, by the deal's id."""
    can_mark: bool = True
    """Whether deals can be changed from here. They cannot where the operator allows certain channels alone."""
    page: int = 0
    """From 0; one that there is not is the last."""

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(-(-len(self.deals) // DEALS_PER_PAGE), 1)

    @property
    def shown_page(self) -> int:
        """The page that is shown, from 0."""
        return min(max(self.page, 0), self.pages - 1)

    @property
    def shown(self) -> tuple[Opportunity, ...]:
        """The deals on that page."""
        first = self.shown_page * DEALS_PER_PAGE
        return self.deals[first : first + DEALS_PER_PAGE]


def metadata(page: int) -> str:
    """What the view carries of its state: the page that it shows."""
    return json.dumps({"page": page})


def page_in(view: Mapping[str, Any]) -> int:
    """The page that a view shows, as Slack sends it back. Never raises: 0 where that cannot be read."""
    try:
        read = json.loads(view.get("private_metadata") or "{}")
        page = read.get("page", 0)
        return page if isinstance(page, int) else 0
    except (ValueError, TypeError, AttributeError, RecursionError):
        return 0


def read_page(value: str) -> int:
    """The page that a button leads to. Never raises: 0 for what is no page."""
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= len("1000") else 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at the tab, when, and by which reference the log knows of it."""

    user_id: str
    reference: str
    now: datetime

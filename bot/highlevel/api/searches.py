"""The newer search for opportunities, by POST: it can ask by status, owner and time, and sort. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPMethod

from bot.highlevel.api.wire import MAX_LIST, MOST_LISTED, Call, Found, read_found
from bot.http.exchange import Answer

MOST_SEARCHED = 500
"""Opportunities that this search puts into one answer at most."""
MOST_PAGED = 10_000
"""Opportunities that can be read page by page: HighLevel refuses a page beyond them."""


class Field(StrEnum):
    """What can be asked for, in HighLevel's words."""

    STATUS = "status"
    OWNER = "assigned_to"
    PIPELINE = "pipeline_id"
    VALUE = "monetary_value"
    STATUS_CHANGED = "last_status_change_date"
    STAGE_CHANGED = "last_stage_change_date"


@dataclass(frozen=True, slots=True)
class Span:
    """The times that a field may have, the ends included; `None` for no end."""

    field: Field
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Which opportunities of a location are asked for, and in which order."""

    sort: Field
    equal: tuple[tuple[Field, str], ...] = ()
    """Fields that must have exactly this value."""
    spans: tuple[Span, ...] = ()
    descending: bool = False
    limit: int = MOST_SEARCHED
    """To a page; 500 at most."""
    page: int = 1
    """From 1; `page * limit` must not be more than `MOST_PAGED`."""


def search_changed(location_id: str, since: datetime | None, page: int) -> Call:
    """Ask for the opportunities whose status has changed since then, `MOST_LISTED` to a page, the first of which is 1.

    The oldest change comes first, so that no page moves while they are read; without `since` the latest comes first.
    """
    spans = () if since is None else (Span(Field.STATUS_CHANGED, since),)
    asked = Search(Field.STATUS_CHANGED, spans=spans, descending=since is None, limit=MOST_LISTED, page=page)
    return search(location_id, asked)


def search(location_id: str, asked: Search) -> Call:
    """Ask for a page. Scope opportunities.readonly.

    HighLevel's own app sends times in milliseconds, and a range for them. A value for `eq` is one string: with a list
    the answer has no rows, and is no error.
    https://marketplace.gohighlevel.com/docs/ghl/opportunities/search-opportunities-advanced
    """
    body: Mapping[str, object] = {
        "locationId": location_id,
        "query": "",
        "limit": asked.limit,
        "page": asked.page,
        "filters": [
            *({"field": field, "operator": "eq", "value": value} for field, value in asked.equal),
            *map(_range, asked.spans),
        ],
        "sort": [{"field": asked.sort, "direction": "desc" if asked.descending else "asc"}],
    }
    return Call(HTTPMethod.POST, "/opportunities/search", body=body, max_body=MAX_LIST)


def read_page(answer: Answer) -> Found:
    """What a page of such a search found; see `wire.read_found`. Raises `HighLevelError`."""
    return read_found(answer, MOST_SEARCHED)


def _range(span: Span) -> Mapping[str, object]:
    ends = {"gte": span.since, "lte": span.until}
    value = {name: int(moment.timestamp() * 1000) for name, moment in ends.items() if moment}
    return {"field": span.field, "operator": "range", "value": value}

"""The request for opportunities whose status has changed. No I/O."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPMethod

from bot.highlevel.api.wire import MAX_LIST, MOST_LISTED, Call

_CHANGED = "last_status_change_date"


def search_changed(location_id: str, since: datetime | None, page: int) -> Call:
    """The newer search, by POST, which can ask by time; `MOST_LISTED` to a page, the first of which is 1.

    The oldest change comes first, so that no page moves while they are read; without `since` the latest comes first.
    HighLevel's own app sends the time in milliseconds, and a range for it. Scope opportunities.readonly.
    https://marketplace.gohighlevel.com/docs/ghl/opportunities/search-opportunities-advanced
    """
    after = [] if since is None else [_filter(since)]
    body: Mapping[str, object] = {
        "locationId": location_id,
        "query": "",
        "limit": MOST_LISTED,
        "page": page,
        "filters": after,
        "sort": [{"field": _CHANGED, "direction": "asc" if after else "desc"}],
    }
    return Call(HTTPMethod.POST, "/opportunities/search", body=body, max_body=MAX_LIST)


def _filter(since: datetime) -> Mapping[str, object]:
    return {"field": _CHANGED, "operator": "range", "value": {"gte": int(since.timestamp() * 1000)}}

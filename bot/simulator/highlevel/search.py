"""The search of the HighLevel stand-in: which parameters it takes, and which deals it finds. Pure.

Guessed: which of a deal's words the search looks at, and that it must find all of a query's.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

STATUSES = ("open", "won", "lost", "abandoned", "all")
MAX_LIMIT = 100
MAX_QUERY = 75
MAX_CHANGED = 500
CHANGED = "last_status_change_date"
PARAMETERS = frozenset(
    [
        *("q", "campaignId", "id", "order", "status", "date", "endDate", "startAfter", "startAfterId", "country"),
        *("page", "limit", "getTasks", "getNotes", "getCalendarEvents"),
    ]
)
"""The parameters that have the same name in every version; v3 renamed the others."""
PARAMETERS_BEFORE_V3 = frozenset(("location_id", "pipeline_id", "pipeline_stage_id", "contact_id", "assigned_to"))
PARAMETERS_SINCE_V3 = frozenset(("locationId", "pipelineId", "pipelineStageId", "contactId", "assignedTo"))


def complaints_about(query: Mapping[str, str], version: str) -> list[str]:
    """What HighLevel finds wrong with the parameters of a search, as it words it; empty if nothing is."""
    known = PARAMETERS | (PARAMETERS_SINCE_V3 if version == "v3" else PARAMETERS_BEFORE_V3)
    location = "locationId" if "locationId" in known else "location_id"
    complaints = [f"property {name} should not exist" for name in query if name not in known]
    if location not in query:
        complaints.append(f"{location} can't be undefined")
    numbers = {"limit": query.get("limit", "20"), "page": query.get("page", "1")}
    complaints += [f"{name} must be a number" for name, value in numbers.items() if not value.isdecimal()]
    if not complaints and int(numbers["limit"]) > MAX_LIMIT:
        complaints.append(f"limit must not be greater than {MAX_LIMIT}")
    if len(query.get("q", "")) > MAX_QUERY:
        complaints.append(f"q must be shorter than or equal to {MAX_QUERY} characters")
    if query.get("status", "all") not in STATUSES:
        complaints.append(f"status must be one of the following values: {', '.join(STATUSES)}")
    return complaints


def matches(deal: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Whether a search with these parameters finds this deal."""
    is_asked_for = query.get("id", deal["id"]) == deal["id"] and query.get("status", "all") in {"all", deal["status"]}
    return is_asked_for and _goes_by(deal, query.get("q", ""))


def complaints_about_changed(body: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """What HighLevel finds wrong with the newer search, as far as the bot uses it: by the time of the last change."""
    if not isinstance(body, dict):
        return ["body must be an object"]
    known = {"locationId", "query", "limit", "page", "filters", "sort"}
    complaints = [f"property {name} should not exist" for name in body if name not in known]
    complaints += [f"{name} must be a number" for name in ("limit", "page") if not isinstance(body.get(name), int)]
    if not complaints and not 1 <= body["limit"] <= MAX_CHANGED:
        complaints.append(f"limit must not be greater than {MAX_CHANGED}")
    for each in body.get("filters", []):
        if each.get("field") != CHANGED or each.get("operator") != "range":
            complaints.append("filters: only a range of the last change of status is simulated")
        elif not isinstance(each.get("value", {}).get("gte"), int):
            complaints.append("value.gte must be a number")
    if [each.get("field") for each in body.get("sort", [])] not in ([], [CHANGED]):
        complaints.append("sort: only by the last change of status is simulated")
    return complaints


def changed(deals: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The deals that the newer search finds, in its order."""
    after = max((each["value"]["gte"] for each in body["filters"]), default=0)
    found = [deal for deal in deals if _changed_at(deal) >= after]
    down = any(each["direction"] == "desc" for each in body["sort"])
    return sorted(found, key=_changed_at, reverse=down)


def _changed_at(deal: Mapping[str, Any]) -> int:
    """In milliseconds since 1970."""
    return round(datetime.fromisoformat(deal["lastStatusChangeAt"]).timestamp() * 1000)


def _goes_by(deal: Mapping[str, Any], query: str) -> bool:
    """Whether each word of the query begins one of the deal's words, or the whole query its phone number."""
    contact = deal.get("contact") or {}
    fields = [
        deal.get("name"),
        *(contact.get(name) for name in ("name", "companyName", "email")),
        *contact.get("tags", []),
    ]
    text = " ".join(field for field in fields if field).casefold()
    words = [*text.split(), *re.findall(r"\w+", text)]
    phone = re.sub(r"\D", "", contact.get("phone") or "")
    if re.fullmatch(r"[\d\s+().-]+", query) and phone.startswith(re.sub(r"\D", "", query)):
        return bool(phone)
    return all(any(word.startswith(asked) for word in words) for asked in query.casefold().split())

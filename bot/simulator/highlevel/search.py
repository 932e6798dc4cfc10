"""The search of the HighLevel stand-in: which parameters it takes, and which deals it finds. Pure.

Guessed: which of a deal's words the search looks at, and that it must find all of a query's; what a page beyond the
ten thousandth record is answered with; where deals without a value come in the newer search.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

STATUSES = ("open", "won", "lost", "abandoned", "all")
MAX_LIMIT = 100
MAX_QUERY = 75
MOST_SEARCHED, MOST_PAGED = 500, 10_000
EQUAL = {"status": "status", "assigned_to": "assignedTo", "pipeline_id": "pipelineId"}
TIMES = {"last_status_change_date": "lastStatusChangeAt", "last_stage_change_date": "lastStageChangeAt"}
SORTED = TIMES | {"monetary_value": "monetaryValue"}
"""What the newer search can ask for and sort by, as far as it is simulated, and the fields of a deal that have it."""
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


def complaints_about_search(body: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """What HighLevel finds wrong with the newer search, as far as the bot uses it."""
    if not isinstance(body, dict):
        return ["body must be an object"]
    known = {"locationId", "query", "limit", "page", "filters", "sort"}
    complaints = [f"property {name} should not exist" for name in body if name not in known]
    complaints += [f"{name} must be a number" for name in ("limit", "page") if not isinstance(body.get(name), int)]
    if not complaints and not 1 <= body["limit"] <= MOST_SEARCHED:
        complaints.append(f"limit must not be greater than {MOST_SEARCHED}")
    if not complaints and body["limit"] * body["page"] > MOST_PAGED:
        complaints.append(f"page and limit must not reach beyond {MOST_PAGED} records")
    for each in body.get("filters", []):
        complaints += _complaints_about_filter(each)
    complaints += [
        f"sort: {each.get('field')} is not simulated"
        for each in body.get("sort", [])
        if each.get("field") not in SORTED
    ]
    return complaints


def _complaints_about_filter(asked: Mapping[str, Any]) -> list[str]:
    field, operator, value = asked.get("field"), asked.get("operator"), asked.get("value")
    if operator == "eq" and field in EQUAL:
        return []
    if operator != "range" or field not in TIMES:
        return ["filters: only statuses, owners, pipelines and ranges of times are simulated"]
    ends = value if isinstance(value, dict) else {}
    if not ends or not ends.keys() <= {"gte", "lte"} or not all(isinstance(end, int) for end in ends.values()):
        return ["value.gte and value.lte must be numbers"]
    return []


def found(deals: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The deals that the newer search finds, in its order. What a deal lacks comes last."""
    kept = [deal for deal in deals if all(_fits(deal, each) for each in body["filters"])]
    for each in body["sort"]:
        key, down = SORTED[each["field"]], each["direction"] == "desc"
        has = [deal for deal in kept if deal.get(key) is not None]
        kept = [*sorted(has, key=itemgetter(key), reverse=down), *(deal for deal in kept if deal.get(key) is None)]
    return kept


def _fits(deal: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    if asked["operator"] == "eq":  # a list finds nothing, and is no error
        return bool(deal.get(EQUAL[asked["field"]]) == asked["value"])
    time = deal.get(TIMES[asked["field"]])
    if time is None:
        return False
    at = round(datetime.fromisoformat(time).timestamp() * 1000)
    ends = asked["value"]
    return bool(ends.get("gte", at) <= at <= ends.get("lte", at))


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

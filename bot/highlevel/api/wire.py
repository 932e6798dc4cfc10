"""HighLevel's requests and answers as values: makes requests, and reads answers. No I/O."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPMethod, HTTPStatus
from typing import Any
from urllib.parse import quote

from bot.highlevel.api.answers import LONGEST_ID, details_of, identifier, json_in, read_error, text
from bot.highlevel.api.errors import NotFound, SaidNo, Unreadable
from bot.http.exchange import Answer

MOST_LISTED = 100
"""Opportunities, or lost reasons, that HighLevel puts into one answer at most.
https://marketplace.gohighlevel.com/docs/ghl/opportunities/search-opportunity"""

MOST_PIPELINES = 500
"""Pipelines, and stages of a pipeline, that are read."""

MAX_LIST = 4_000_000
"""Bytes of an answer that lists records: 40,000 for each that a search lists, twenty times what they have."""

MOST_VALUE = 1e15
"""A monetary value beyond this is no amount of money."""

LONGEST_STATUS = 50
LONGEST_TIME = 40
"""Characters of a status, and of a time."""

LONGEST_QUERY = 75
"""Characters that the search takes at most.
https://marketplace.gohighlevel.com/docs/ghl/opportunities/search-opportunity"""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, without the headers that every request has."""

    method: HTTPMethod
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    max_body: int | None = None
    """Bytes that the answer may have, where that is more than most may."""

    @property
    def writes(self) -> bool:
        """Whether it may change something; a search by POST does not. Such a call is not repeated if it may have."""
        return self.method is HTTPMethod.PUT


@dataclass(frozen=True, slots=True)
class OpportunityRecord:
    """An opportunity as HighLevel sends it. `None`: the field is missing, `null`, or of a wrong type."""

    id: str
    status: str
    name: str | None
    monetary_value: float | None
    pipeline_id: str | None
    pipeline_stage_id: str | None
    assigned_to: str | None
    location_id: str | None
    contact_name: str | None
    company_name: str | None
    last_status_change_at: datetime | None
    lost_reason_id: str | None = None
    last_stage_change_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline's name and the names of its stages by id."""

    name: str | None
    stages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LostReasonRecord:
    """A lost reason, as HighLevel sends it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    records: tuple[OpportunityRecord, ...]
    total: int
    """How many it found in all, these included; those that cannot be read are not counted."""


# --- requests ------------------------------------------------------------------------------------------------------


def get_opportunity(opportunity_id: str) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/opportunities/get-opportunity (scope opportunities.readonly)."""
    return Call(HTTPMethod.GET, f"/opportunities/{in_path(opportunity_id)}")


def put_status(opportunity_id: str, status: str, lost_reason_id: str | None = None) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/opportunities/update-opportunity-status (opportunities.write).

    The body has `status`, `lostReasonId` if there is one, and nothing else: HighLevel refuses unknown fields.
    """
    body = {"status": status} | ({"lostReasonId": lost_reason_id} if lost_reason_id else {})
    return Call(HTTPMethod.PUT, f"/opportunities/{in_path(opportunity_id)}/status", body=body)


def search_opportunities(location_id: str, query: str, limit: int, *, version: str) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/opportunities/search-opportunity (opportunities.readonly).

    Each version of the API has another name for the location's parameter, and refuses the other's.
    """
    return _search(location_id, {"q": text(query[:LONGEST_QUERY]) or "", "limit": str(limit)}, version)


def search_opportunity(location_id: str, opportunity_id: str, *, version: str) -> Call:
    """The same search for one opportunity, by its id."""
    return _search(location_id, {"id": opportunity_id, "limit": "10"}, version)


def _search(location_id: str, parameters: Mapping[str, str], version: str) -> Call:
    location = "locationId" if version == "v3" else "location_id"
    query = {location: location_id, **parameters}
    return Call(HTTPMethod.GET, "/opportunities/search", query=query, max_body=MAX_LIST)


def get_lost_reasons(location_id: str) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/opportunities/get-lost-reason (opportunities.readonly)."""
    query = {"locationId": location_id, "limit": str(MOST_LISTED)}
    return Call(HTTPMethod.GET, "/opportunities/lost-reason", query=query, max_body=MAX_LIST)


def get_pipelines(location_id: str) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/opportunities/get-pipelines (opportunities.readonly)."""
    return Call(HTTPMethod.GET, "/opportunities/pipelines", query={"locationId": location_id}, max_body=MAX_LIST)


def in_path(record_id: str) -> str:
    """The id as one segment of a path. Raises `NotFound` for one that no record has: `..`, or one that is too long."""
    if record_id in {".", ".."} or identifier(record_id) is None:
        raise NotFound
    return quote(record_id, safe="")


# --- answers -------------------------------------------------------------------------------------------------------


def read_opportunity(answer: Answer, opportunity_id: str) -> OpportunityRecord:
    """The opportunity in an answer to `get_opportunity` for this id. Raises `HighLevelError`, also for another one."""
    record = _record(mapping(success(answer).get("opportunity")))
    if record is None or record.id != opportunity_id:
        raise Unreadable(details_of(answer))
    return record


def read_found(answer: Answer, most: int = MOST_LISTED) -> Found:
    """What a search found, without records that have no id or no status. Raises `HighLevelError`."""
    body = success(answer)
    rows = listed(body, "opportunities", answer)[:most]
    records = tuple(record for each in rows if (record := _record(mapping(each))))
    total = _number(mapping(body.get("meta", body)).get("total"))  # the newer search has it at the top
    unreadable = len(rows) - len(records)
    return Found(records, max(len(records), int(total or 0) - unreadable))


def read_lost_reasons(answer: Answer) -> tuple[LostReasonRecord, ...]:
    """At most `MOST_LISTED` reasons, in HighLevel's order, without those that have no id or no name.

    Raises `HighLevelError`.
    """
    return tuple(
        LostReasonRecord(reason_id, name)
        for reason in map(mapping, listed(success(answer), "lostReasons", answer)[:MOST_LISTED])
        if (reason_id := identifier(reason.get("id"))) and (name := text(reason.get("name")))
    )


def _record(found: Mapping[str, Any]) -> OpportunityRecord | None:
    """An opportunity in any answer; `None` without id or status. Only the search sends fields that are `null`."""
    contact = mapping(found.get("contact"))
    opportunity_id, status = identifier(found.get("id")), text(found.get("status"), LONGEST_STATUS)
    if opportunity_id is None or status is None:
        return None
    return OpportunityRecord(
        id=opportunity_id,
        status=status,
        name=text(found.get("name")),
        monetary_value=_amount(found.get("monetaryValue")),
        pipeline_id=identifier(found.get("pipelineId")),
        pipeline_stage_id=identifier(found.get("pipelineStageId")),
        assigned_to=identifier(found.get("assignedTo")),
        location_id=text(found.get("locationId"), LONGEST_ID),  # cut short, it is still not ours
        contact_name=text(contact.get("name")),
        company_name=text(contact.get("companyName")),
        last_status_change_at=_time(found.get("lastStatusChangeAt")),
        lost_reason_id=identifier(found.get("lostReasonId")),
        last_stage_change_at=_time(found.get("lastStageChangeAt")),
        created_at=_time(found.get("createdAt")),
    )


def read_accepted(answer: Answer) -> str:
    """The trace id of an accepted `put_status`; empty if the answer has none. Raises `HighLevelError`.

    The documentation has the key `succeded`, newer pages of it `success`, and recorded answers had one or the other.
    So neither key is required, and only an explicit `false` is a refusal. An empty body is an acceptance too.
    """
    if answer.status == HTTPStatus.NO_CONTENT or (_succeeded(answer) and not answer.content.strip()):
        return ""
    body = success(answer)
    if any(body.get(key) is False for key in ("succeded", "succeeded", "success")):
        raise SaidNo(details_of(answer))
    return details_of(answer).trace_id


def read_pipelines(answer: Answer, location_id: str) -> dict[str, Pipeline]:
    """Pipelines by id, but those that say that they are another location's. Raises `HighLevelError`."""
    read = {}
    for pipeline in map(mapping, listed(success(answer), "pipelines", answer)[:MOST_PIPELINES]):
        stages = pipeline.get("stages")
        named = {
            stage_id: name
            for stage in map(mapping, stages[:MOST_PIPELINES] if isinstance(stages, list) else [])
            if (stage_id := identifier(stage.get("id"))) and (name := text(stage.get("name")))
        }
        is_ours = pipeline.get("locationId", location_id) == location_id
        if is_ours and (pipeline_id := identifier(pipeline.get("id"))):
            read[pipeline_id] = Pipeline(text(pipeline.get("name")), named)
    return read


def success(answer: Answer) -> Mapping[str, Any]:
    """The object in a successful answer. Raises `HighLevelError` for any other answer."""
    if not _succeeded(answer):
        raise read_error(answer)
    body = json_in(answer)
    if not isinstance(body, dict):
        raise Unreadable(details_of(answer))
    return body


def listed(body: Mapping[str, Any], key: str, answer: Answer) -> list[Any]:
    """The list by this key. Raises `Unreadable` where there is none."""
    found = body.get(key)
    if not isinstance(found, list):
        raise Unreadable(details_of(answer))
    return found


def _succeeded(answer: Answer) -> bool:
    return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES


# --- fields ------------------------------------------------------------------------------------------------------


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _amount(value: object) -> float | None:
    number = _number(value)
    return None if number is None or abs(number) > MOST_VALUE else number


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON has whole numbers of any length
        return None
    return number if math.isfinite(number) else None


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= LONGEST_TIME else None
        return time and (time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC))
    except (ValueError, OverflowError):  # OverflowError: in the year 1 or 9999, and not in UTC
        return None

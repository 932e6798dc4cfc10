"""HighLevel's requests and answers as values: what to send, and what came back. No I/O."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPMethod, HTTPStatus
from typing import Any
from urllib.parse import quote

from bot.highlevel.errors import (
    Blocked,
    Broken,
    Details,
    Forbidden,
    GatewayTimedOut,
    HighLevelError,
    Invalid,
    LocationForbidden,
    NoSuchRoute,
    NotFound,
    RateLimited,
    SaidNo,
    ScopeMissing,
    TokenInvalid,
    Unreadable,
    VersionRefused,
)

BURST_WINDOW = 10.0
"""Seconds in which HighLevel counts a burst, when its headers do not say.
https://marketplace.gohighlevel.com/docs/oauth/Faqs"""

LONGEST_WINDOW = 3600.0
"""Seconds; a longer one is no burst's."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, apart from the headers that every request has."""

    method: HTTPMethod
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] | None = None

    @property
    def writes(self) -> bool:
        """Whether it changes anything; only a call that does not may be repeated when its fate is unknown."""
        return self.method is not HTTPMethod.GET


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer says of how much more may be asked; `None` where it says nothing sensible."""

    most: int | None
    """Requests in an interval."""
    interval: float | None
    """Seconds."""
    remaining: int | None
    """Of the interval under way."""
    closed_for: float | None
    """Seconds until anything may be asked again; `None` when it may be now, or when nobody knows."""
    day_is_over: bool
    """The day's allowance is used up."""


@dataclass(frozen=True, slots=True)
class Record:
    """An opportunity as HighLevel gives it. Every field may be absent or `null` there."""

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


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline's name and the names of its stages by id."""

    name: str | None
    stages: Mapping[str, str]


# --- requests ------------------------------------------------------------------------------------------------------


def get_opportunity(opportunity_id: str) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/opportunities/get-opportunity (scope opportunities.readonly)."""
    return Call(HTTPMethod.GET, f"/opportunities/{_in_path(opportunity_id)}")


def put_status(opportunity_id: str, status: str, lost_reason_id: str | None = None) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/opportunities/update-opportunity-status (opportunities.write).

    The body is `status`, and `lostReasonId` where there is one, and nothing else: HighLevel refuses what it does not
    know.
    """
    body = {"status": status} | ({"lostReasonId": lost_reason_id} if lost_reason_id else {})
    return Call(HTTPMethod.PUT, f"/opportunities/{_in_path(opportunity_id)}/status", body=body)


def get_pipelines(location_id: str) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/opportunities/get-pipelines (opportunities.readonly)."""
    return Call(HTTPMethod.GET, "/opportunities/pipelines", query={"locationId": location_id})


def get_user(user_id: str) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/users/get-user (users.readonly)."""
    return Call(HTTPMethod.GET, f"/users/{_in_path(user_id)}")


def _in_path(identifier: str) -> str:
    """One path segment, whatever the id. An empty id or `..` would address something else: no record has it."""
    if identifier in {"", ".", ".."}:
        raise NotFound
    return quote(identifier, safe="")


# --- answers -------------------------------------------------------------------------------------------------------


def read_opportunity(answer: Answer) -> Record:
    """The opportunity in an answer to `get_opportunity`. Raises `HighLevelError`."""
    body = _success(answer)
    found = _mapping(body.get("opportunity"))
    contact = _mapping(found.get("contact"))
    identifier, status = _text(found.get("id")), _text(found.get("status"))
    if identifier is None or status is None:
        raise Unreadable(_details(answer))
    return Record(
        id=identifier,
        status=status,
        name=_text(found.get("name")),
        monetary_value=_number(found.get("monetaryValue")),
        pipeline_id=_text(found.get("pipelineId")),
        pipeline_stage_id=_text(found.get("pipelineStageId")),
        assigned_to=_text(found.get("assignedTo")),
        location_id=_text(found.get("locationId")),
        contact_name=_text(contact.get("name")),
        company_name=_text(contact.get("companyName")),
        last_status_change_at=_time(found.get("lastStatusChangeAt")),
        lost_reason_id=_text(found.get("lostReasonId")),
    )


def read_accepted(answer: Answer) -> str:
    """The trace id of an accepted `put_status`, empty when there is none. Raises `HighLevelError`.

    The documented key is `succeded`, newer pages say `success`, and recorded answers had the one or the other: so no
    key has to be there, and only an explicit `false` is a refusal. An empty body is an acceptance too.
    """
    if answer.status == HTTPStatus.NO_CONTENT or (_succeeded(answer) and not answer.content.strip()):
        return ""
    body = _success(answer)
    if any(body.get(key) is False for key in ("succeded", "succeeded", "success")):
        raise SaidNo(_details(answer))
    return _details(answer).trace_id


def read_pipelines(answer: Answer) -> dict[str, Pipeline]:
    """Pipelines by id. Raises `HighLevelError`."""
    pipelines = _success(answer).get("pipelines")
    if not isinstance(pipelines, list):
        raise Unreadable(_details(answer))
    read = {}
    for pipeline in map(_mapping, pipelines):
        stages = pipeline.get("stages")
        named = {
            identifier: name
            for stage in map(_mapping, stages if isinstance(stages, list) else [])
            if (identifier := _text(stage.get("id"))) and (name := _text(stage.get("name")))
        }
        if identifier := _text(pipeline.get("id")):
            read[identifier] = Pipeline(_text(pipeline.get("name")), named)
    return read


def read_user_name(answer: Answer) -> str | None:
    """A user's name, `None` when the answer has none. Raises `HighLevelError`."""
    return _text(_success(answer).get("name"))


def _success(answer: Answer) -> Mapping[str, Any]:
    if not _succeeded(answer):
        raise read_error(answer)
    body = _json(answer)
    if not isinstance(body, dict):
        raise Unreadable(_details(answer))
    return body


def _succeeded(answer: Answer) -> bool:
    return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES


# --- refusals ------------------------------------------------------------------------------------------------------

_NOT_FOUND = re.compile(r"not found|does not exist|\bid\b.*\binvalid|invalid.*\bid\b", re.IGNORECASE)
_NO_ROUTE = re.compile(r"cannot (get|put|post|delete|patch) /|endpoint has been removed", re.IGNORECASE)
_FROM_GATEWAYS = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT, *range(520, 528)})
"""520 to 527 are the CDN's.
https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors"""
_BY_TEXT: tuple[tuple[re.Pattern[str], type[HighLevelError]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), error)
    for pattern, error in (
        (r"version header", VersionRefused),
        (r"not authorized for this scope|allowed to access this scope|supported by the iam", ScopeMissing),
        (r"location is not accessible|access to this location", LocationForbidden),
        (r"user does not exist", NotFound),
        (r"invalid token|invalid jwt|invalid private integration token|token (is|has) (expired|invalid)", TokenInvalid),
    )
)
"""401 has six meanings and 403 four, told apart by nothing but their text."""


def read_error(answer: Answer) -> HighLevelError:
    """What an answer that is no success means. Total: any status, any body."""
    details = _details(answer)
    match answer.status:
        case HTTPStatus.BAD_REQUEST if _NO_ROUTE.search(details.text):
            return NoSuchRoute(details)
        case HTTPStatus.BAD_REQUEST if _NOT_FOUND.search(details.text):
            return NotFound(details)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _unauthorised(answer, details)
        case HTTPStatus.NOT_FOUND if _is_json(answer) and not _NO_ROUTE.search(details.text):
            return NotFound(details)
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return NoSuchRoute(details)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return _rate_limited(answer, details)
        case status if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Invalid(details)
        case status if status in _FROM_GATEWAYS:
            return GatewayTimedOut(details, retry_after=_seconds(answer, "retry-after"))
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Broken(details, retry_after=_seconds(answer, "retry-after"))
    return Unreadable(details)


def _unauthorised(answer: Answer, details: Details) -> HighLevelError:
    if not _is_json(answer):  # HighLevel's own refusals are JSON; what is not comes from the CDN before it
        return Blocked(details)
    for pattern, error in _BY_TEXT:
        if pattern.search(details.text):
            return error(details)
    # A 401 that says nothing more is about the token; a 403 may be about anything.
    return TokenInvalid(details) if answer.status == HTTPStatus.UNAUTHORIZED else Forbidden(details)


def _rate_limited(answer: Answer, details: Details) -> RateLimited:
    """No `Retry-After` was ever seen from HighLevel, so its own headers say how long."""
    daily = _day_is_over(answer)
    wait = _seconds(answer, "retry-after")
    if wait is None and daily:
        wait = _milliseconds(answer, "x-ratelimit-daily-reset")
    elif wait is None:
        wait = _milliseconds(answer, "x-ratelimit-interval-milliseconds") or BURST_WINDOW
    return RateLimited(details, retry_after=wait, daily=daily)


def read_limits(answer: Answer) -> Limits:
    """What any answer says of HighLevel's limits. Total: a header that makes no sense says nothing.

    https://marketplace.gohighlevel.com/docs/oauth/Faqs names the headers; `X-RateLimit-Daily-Reset` was only seen.
    """
    most, remaining = (_seconds(answer, f"x-ratelimit-{name}") for name in ("max", "remaining"))
    interval = _milliseconds(answer, "x-ratelimit-interval-milliseconds")
    daily = _day_is_over(answer)
    closed_for = _milliseconds(answer, "x-ratelimit-daily-reset") if daily else None
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        closed_for = _rate_limited(answer, _details(answer)).retry_after
    return Limits(
        most=round(most) if most else None,
        interval=interval if interval and interval <= LONGEST_WINDOW else None,
        remaining=None if remaining is None else round(remaining),
        closed_for=closed_for,
        day_is_over=daily,
    )


def _day_is_over(answer: Answer) -> bool:
    return answer.headers.get("x-ratelimit-daily-remaining", "").strip() == "0"


def _seconds(answer: Answer, header: str) -> float | None:
    """A header that holds a number of seconds; `None` when it is absent, or no sensible number."""
    try:
        seconds = float(answer.headers.get(header, ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _milliseconds(answer: Answer, header: str) -> float | None:
    milliseconds = _seconds(answer, header)
    return None if milliseconds is None else milliseconds / 1000


def _details(answer: Answer) -> Details:
    """An answer's messages, wherever they are: HighLevel has at least six shapes of error."""
    body = _json(answer)
    found: object = body
    trace_id = ""
    if isinstance(body, dict):
        trace_id = _text(body.get("traceId")) or ""
        error = body.get("error")
        inner = error.get("message") if isinstance(error, dict) else error
        found = next((value for value in (body.get("message"), inner, body.get("detail")) if value), None)
    listed = found if isinstance(found, list) else [found]
    messages = tuple(" ".join(text.split())[:300] for message in listed if (text := _text(message)))
    return Details(answer.status, messages, trace_id[:64], " ".join(messages))


def _json(answer: Answer) -> object:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None


def _is_json(answer: Answer) -> bool:
    return isinstance(_json(answer), dict)


# --- fields --------------------------------------------------------------------------------------------------------


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """JSON may hold half an emoji, as from a name that JavaScript cut short. No file and no request takes it."""
    if not isinstance(value, str) or not value.strip():
        return None
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


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
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time

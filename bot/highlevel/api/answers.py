"""Reads what every answer of HighLevel may hold: errors, reasons, rate limits. No I/O."""

import json
import math
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from bot.highlevel.api.errors import (
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
    ScopeMissing,
    TokenInvalid,
    Unreadable,
    VersionRefused,
)
from bot.http.exchange import Answer

BURST_WINDOW = 10.0
"""Seconds of HighLevel's rate limit interval, where its headers do not say.
https://marketplace.gohighlevel.com/docs/oauth/Faqs"""

MOST_PER_INTERVAL = 1000
"""Requests. HighLevel documents 100 in ten seconds; a header that says more than this cannot be right."""

SHORTEST_WINDOW, LONGEST_WINDOW = 0.001, 60.0
"""Seconds. An interval outside of these cannot be right."""

LONGEST_DOWN = 30.0
"""Seconds. When HighLevel says that it is down, what has not begun is held back for so long at most: that was about one
request, and another may succeed."""

LONGEST_WAIT = 3600.0
"""Seconds. HighLevel may say that it takes longer until it answers again: then it is asked all the same."""

A_DAY = 86_400.0
MOST_A_DAY = 10_000_000

MOST_VALUES = 200_000
"""Values in a JSON document. A body of a megabyte may hold a hundred times as much in memory, or take a second."""

LONGEST_NAME, LONGEST_ID = 300, 100
"""Characters. What is longer is no name that a person gave, and no id: HighLevel's ids have 20, or 36."""

MOST_MESSAGES = 10
"""Reasons of an error that are read, each as long as a name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer says about the rate limit; `None` where it says nothing that makes sense."""

    most: int | None
    """Requests that HighLevel takes in an interval."""
    interval: float | None
    """Length of an interval, in seconds."""
    remaining: int | None
    """Requests left in the current interval."""
    closed_for: float | None
    """Seconds until HighLevel takes requests again; `None` if it takes them now, or did not say when."""
    day_is_over: bool
    """Whether today's requests are used up."""
    left_today: int | None = None
    """Requests left today."""
    most_a_day: int | None = None
    """Requests that HighLevel takes in a day."""
    down_for: float | None = None
    """Seconds for which HighLevel says that it is down; `None` if it is not, or did not say."""


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
"""401 has six meanings and 403 has four: only the text tells which."""


def read_error(answer: Answer) -> HighLevelError:
    """The error that an unsuccessful answer means. Any status and any body will do."""
    details = details_of(answer)
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
            return GatewayTimedOut(details, retry_after=_wait(answer))
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Broken(details, retry_after=_wait(answer))
    return Unreadable(details)


def _unauthorised(answer: Answer, details: Details) -> HighLevelError:
    if not _is_json(answer):  # HighLevel refuses in JSON; anything else is from the CDN in front of it
        return Blocked(details)
    for pattern, error in _BY_TEXT:
        if pattern.search(details.text):
            return error(details)
    return Forbidden(details)  # a 401 too may be about anything, such as a feature that the account has not bought


def _rate_limited(answer: Answer, details: Details) -> RateLimited:
    """HighLevel was never seen to send `Retry-After`: usually its own headers say how long to wait."""
    daily = _day_is_over(answer)
    wait = _wait(answer)
    if wait is None and daily:
        wait = _until_tomorrow(answer)
    elif wait is None:
        wait = _interval(answer) or BURST_WINDOW
    return RateLimited(details, retry_after=wait, daily=daily)


def read_limits(answer: Answer) -> Limits:
    """What any answer says about the rate limit. A header that makes no sense counts as missing.

    https://marketplace.gohighlevel.com/docs/oauth/Faqs names the headers, except `X-RateLimit-Daily-Reset`, which was
    seen in answers.
    """
    daily = _day_is_over(answer)
    closed_for = _until_tomorrow(answer) if daily else None
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        closed_for = _rate_limited(answer, details_of(answer)).retry_after
    return Limits(
        most=_number(answer, "max", MOST_PER_INTERVAL) or None,
        interval=_interval(answer),
        remaining=_number(answer, "remaining", MOST_PER_INTERVAL),
        closed_for=closed_for,
        day_is_over=daily,
        left_today=_number(answer, "daily-remaining", MOST_A_DAY),
        most_a_day=_number(answer, "limit-daily", MOST_A_DAY) or None,
        down_for=_down_for(answer),
    )


def _day_is_over(answer: Answer) -> bool:
    return answer.headers.get("x-ratelimit-daily-remaining", "").strip() == "0"


def _wait(answer: Answer) -> float | None:
    """How long HighLevel asks us to wait, in seconds, and no longer than is believed; `None` if it does not say."""
    seconds = _header(answer, "retry-after")
    if seconds is None:
        seconds = _until_date(answer)
    return None if seconds is None else min(seconds, LONGEST_WAIT)


def _until_date(answer: Answer) -> float | None:
    """Seconds to a time in `Retry-After`, by the clock that wrote `Date`; 0 if it has passed, `None` without either.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    try:
        then, now = (parsedate_to_datetime(answer.headers.get(name, "")) for name in ("retry-after", "date"))
        return max((then - now).total_seconds(), 0.0)
    except (OverflowError, TypeError, ValueError):  # TypeError: one of them has no time zone
        return None


def _down_for(answer: Answer) -> float | None:
    wait = _wait(answer) if answer.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return None if wait is None else min(wait, LONGEST_DOWN)


def _until_tomorrow(answer: Answer) -> float | None:
    """Seconds until HighLevel takes requests again, after the last of the day; `None` if it does not say."""
    milliseconds = _header(answer, "x-ratelimit-daily-reset")
    return None if milliseconds is None else min(milliseconds / 1000, A_DAY)


def _interval(answer: Answer) -> float | None:
    """The interval of the rate limit, in seconds; `None` if the answer does not say, or says what cannot be right."""
    seconds = (_header(answer, "x-ratelimit-interval-milliseconds") or 0.0) / 1000
    return seconds if SHORTEST_WINDOW <= seconds <= LONGEST_WINDOW else None


def _number(answer: Answer, name: str, most: int) -> int | None:
    """A number of requests in the header `x-ratelimit-...`; `None` if it is missing, or more than can be right."""
    number = _header(answer, f"x-ratelimit-{name}")
    return None if number is None or number > most else round(number)


def _header(answer: Answer, name: str) -> float | None:
    """A header that holds a number; `None` if it is missing, negative, or no number."""
    try:
        number = float(answer.headers.get(name, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def details_of(answer: Answer) -> Details:
    """An answer's messages, wherever they are: HighLevel's errors have at least six shapes."""
    body = json_in(answer)
    found: object = body
    trace_id = ""
    if isinstance(body, dict):
        trace_id = text(body.get("traceId"), 64) or ""
        error = body.get("error")
        inner = error.get("message") if isinstance(error, dict) else error
        found = next((value for value in (body.get("message"), inner, body.get("detail")) if value), None)
    listed = found[:MOST_MESSAGES] if isinstance(found, list) else [found]
    messages = tuple(" ".join(words.split()) for message in listed if (words := text(message)))
    return Details(answer.status, messages, trace_id, " ".join(messages))


def json_in(answer: Answer) -> object:
    """The body as JSON; `None` if it is not JSON, or too much of it to be an answer."""
    if sum(map(answer.content.count, (b",", b"[", b"{"))) > MOST_VALUES:
        return None
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None


def _is_json(answer: Answer) -> bool:
    return isinstance(json_in(answer), dict)


def text(value: object, longest: int = LONGEST_NAME) -> str | None:
    """The first `longest` characters of a string, `None` if they are blank, or it is none.

    Half an emoji in it becomes a replacement character: JSON may hold one surrogate of a pair, as when JavaScript has
    cut a name short, and no file and no request takes that.
    """
    if not isinstance(value, str):
        return None
    kept = value[:longest]
    if not kept.strip():
        return None
    if kept.isascii():
        return kept
    return kept.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def identifier(value: object, longest: int = LONGEST_ID) -> str | None:
    """The value if it is a string of at most `longest` characters, else `None`: an id cut short would be another's."""
    return text(value, longest) if isinstance(value, str) and len(value) <= longest else None

"""Reads what Slack, HighLevel, the network and the clock said: which diagnosis fits. Pure."""

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus

from bot.deals.outcome import Cause, Trouble
from bot.operations.diagnoses import (
    BY_CAUSE,
    CLOCK_OFF,
    CLOCK_UNTOLD,
    COMMAND_MISSING,
    COMMAND_UNTOLD,
    HIGHLEVEL_UNREACHABLE,
    RECONNECT,
    SCOPES_MISSING,
    SCOPES_UNTOLD,
    TOKEN_EXPIRED,
    TOKEN_MISTYPED,
    TOKEN_OF_AGENCY,
    TOKEN_REVOKED,
    URL_ANOTHER,
    URL_ASLEEP,
    URL_GUARDED,
    URL_REDIRECTED,
    URL_UNREACHABLE,
    URL_UNTRUSTED,
    Diagnosis,
)

LARGEST_SKEW = 60.0
"""Seconds by which our clock may be off. Slack's requests are refused when it is five minutes.
https://docs.slack.dev/authentication/verifying-requests-from-slack"""

# --- HighLevel's token ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenShape:
    """What can be told of HIGHLEVEL_TOKEN by looking at it. It is told only where HighLevel refuses it."""

    is_private: bool = True
    """It has the form of a private integration token."""
    ends: float | None = None
    """If it is an OAuth access token: when it ends, in Unix time."""


_PRIVATE = re.compile(r"pit-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_JWT = re.compile(r"[\w-]+\.([\w-]+)\.[\w-]*", re.ASCII)

_AGENCY = re.compile(r"authclass", re.IGNORECASE)

_EXPIRED = re.compile(r"expired", re.IGNORECASE)


def inspect_token(token: str) -> TokenShape:
    """Total. `pit-` and a UUID is a form that was seen, and that no documentation promises."""
    jwt = _JWT.fullmatch(token)
    return TokenShape(is_private=_PRIVATE.fullmatch(token) is not None, ends=_end_of(jwt[1]) if jwt else None)


def _end_of(claims: str) -> float | None:
    """https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4 ."""
    try:
        read = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    end = read.get("exp") if isinstance(read, dict) else None
    return end if isinstance(end, int | float) else None


def of_highlevel(trouble: Trouble, token: TokenShape, now: float, connect_url: str = "") -> Diagnosis:
    """What a failed look at HighLevel means.

    `now`: Unix time. `connect_url`: where HighLevel is connected by OAuth; empty where it is not.
    """
    words = " ".join(trouble.reasons)
    match trouble.cause:
        case Cause.TOKEN_INVALID if _EXPIRED.search(words) or (token.ends is not None and token.ends <= now):
            return TOKEN_EXPIRED
        case Cause.TOKEN_INVALID:
            return TOKEN_REVOKED if token.is_private else TOKEN_MISTYPED
        case Cause.SCOPE_MISSING if _AGENCY.search(words):
            return TOKEN_OF_AGENCY
        case Cause.RECONNECT:
            why = f" ({'; '.join(trouble.reasons)})" if trouble.reasons else ""
            return RECONNECT.about(page=f"{f', on {connect_url}' if connect_url else ''}{why}")
    return BY_CAUSE.get(trouble.cause, HIGHLEVEL_UNREACHABLE)


class Grant(Enum):
    """Whether a token may do something."""

    YES = auto()
    NO = auto()
    UNKNOWN = auto()


# --- Slack's token -------------------------------------------------------------------------------------------------

NEEDED = frozenset({"chat:write"})

NEEDED_BY_GROUPS = frozenset({"usergroups:read", "users:read"})

COMMANDS = "commands"


def of_scopes(granted: Collection[str] | None, *, by_groups: bool) -> tuple[Diagnosis, ...]:
    """What the token's scopes leave impossible; `None`: Slack did not say which it has."""
    if granted is None:
        return SCOPES_UNTOLD, COMMAND_UNTOLD
    missing = sorted((NEEDED | (NEEDED_BY_GROUPS if by_groups else frozenset())) - set(granted))
    return (
        *([SCOPES_MISSING.about(scopes=", ".join(missing))] if missing else []),
        *([] if COMMANDS in granted else [COMMAND_MISSING]),
    )


# --- the address where Slack finds the bot -------------------------------------------------------------------------


class NoAnswer(Enum):
    """Why there was no answer."""

    UNREACHABLE = auto()
    UNTRUSTED = auto()
    """The certificate is not valid."""


@dataclass(frozen=True, slots=True)
class AddressReading:
    """What came back from the bot's own address."""

    url: str
    """Where commands go."""
    answer: int | NoAnswer
    """HTTP status of a command that nobody has signed."""
    is_ours: bool = False
    """Our bot answers beside it, at `/healthz`."""


def of_address(reading: AddressReading) -> Diagnosis | None:
    """What that means; `None` when it is our bot, which turns away what Slack has not signed."""
    found = URL_ANOTHER
    match reading.answer:
        case HTTPStatus.UNAUTHORIZED if reading.is_ours:
            return None
        case NoAnswer.UNREACHABLE:
            found = URL_UNREACHABLE
        case NoAnswer.UNTRUSTED:
            found = URL_UNTRUSTED
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            found = URL_GUARDED
        case status if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            found = URL_REDIRECTED
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            found = URL_ASLEEP
    return found.about(url=reading.url, status=reading.answer)


# --- the clock -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What time somebody said it was, in the `Date` header of an answer."""

    whose: str
    date: str
    """Empty for nothing."""
    at: float
    """Our own time when the answer came, in Unix time."""


def of_clock(readings: Iterable[ClockReading]) -> Diagnosis | None:
    """Whether our clock is right; the first who said anything sensible is believed."""
    for each in readings:
        try:
            ahead = each.at - parsedate_to_datetime(each.date).timestamp()
        except (ValueError, OverflowError):
            continue
        if abs(ahead) <= LARGEST_SKEW:
            return None
        way = "ahead of" if ahead > 0 else "behind"
        return CLOCK_OFF.about(seconds=round(abs(ahead)), way=way, whose=f"{each.whose}'s")
    return CLOCK_UNTOLD

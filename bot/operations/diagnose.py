"""Finds the diagnosis that fits what Slack, HighLevel, the network and the clock said. Pure."""

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
    COMMAND_FAILING_THERE,
    COMMAND_MISNAMED,
    COMMAND_MISSING,
    COMMAND_UNTRIED,
    EMAILS_HIDDEN,
    HIGHLEVEL_UNREACHABLE,
    RECONNECT,
    SCOPES_MISSING,
    SCOPES_UNTOLD,
    SIGNATURES_REFUSED,
    SIGNATURES_STALE,
    SIGNATURES_UNTRIED,
    SIGNATURES_WRONG,
    STORE_CLOCK_OFF,
    TOKEN_EXPIRED,
    TOKEN_FORBIDDEN,
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
from bot.slack.signatures import CommandReading, SignatureReading
from bot.slack.verification import Refusal

EVENTS = "/slack/events"
"""Where Slack's requests go, behind the bot's own address."""

LARGEST_SKEW = 60.0
"""Seconds by which this machine's clock may be off. At five minutes the bot refuses every request of Slack's.
https://docs.slack.dev/authentication/verifying-requests-from-slack"""

LARGEST_OFFSET = 2.0
"""Seconds by which this machine's clock may differ from the database's."""

# --- HighLevel's token ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenShape:
    """What HIGHLEVEL_TOKEN looks like. It matters only where HighLevel refuses the token."""

    is_private: bool = True
    """Whether it has the form of a private integration token."""
    ends: float | None = None
    """When it ends, in Unix time, if it is an OAuth access token that says so."""


_PRIVATE = re.compile(r"pit-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_JWT = re.compile(r"[\w-]+\.([\w-]+)\.[\w-]*", re.ASCII)

_AGENCY = re.compile(r"authclass", re.IGNORECASE)
"""In what HighLevel says of an agency's token: "This authClass type is not allowed to access this scope"."""

_EXPIRED = re.compile(r"expired", re.IGNORECASE)
"""In what HighLevel says of a token that has ended."""


def inspect_token(token: str) -> TokenShape:
    """Describe any text. That a private integration token is `pit-` and a UUID was seen, and is documented nowhere."""
    jwt = _JWT.fullmatch(token)
    return TokenShape(is_private=_PRIVATE.fullmatch(token) is not None, ends=_end_of(jwt[1]) if jwt else None)


def _end_of(claims: str) -> float | None:
    """When an access token ends, if its claims say so: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4 ."""
    try:
        read = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    end = read.get("exp") if isinstance(read, dict) else None
    return end if isinstance(end, int | float) else None


def of_highlevel(trouble: Trouble, token: TokenShape, now: float, connect_url: str = "") -> Diagnosis:
    """What it means that HighLevel could not be read.

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
        case Cause.FORBIDDEN:
            return TOKEN_FORBIDDEN.about(said=_quoted(trouble.reasons) or " and didn't say why")
        case Cause.RECONNECT:
            page = f", on {connect_url}" if connect_url else ""
            return RECONNECT.about(page=page, why=_quoted(trouble.reasons))
    return BY_CAUSE.get(trouble.cause, HIGHLEVEL_UNREACHABLE)


def _quoted(reasons: Iterable[str]) -> str:
    """What was given as the reason, in brackets; empty if there was none."""
    said = ", ".join(reasons)
    return f" ({said})" if said else ""


class Grant(Enum):
    """Whether a token may do something."""

    YES = auto()
    NO = auto()
    UNKNOWN = auto()


# --- Slack's token -------------------------------------------------------------------------------------------------

SCOPES = frozenset({"chat:write"})

SCOPES_FOR_GROUPS = frozenset({"usergroups:read", "users:read"})

SCOPE_FOR_COMMANDS = "commands"
"""Comes with the slash command: an app whose token lacks it has no /opp-status."""


SCOPES_FOR_EMAILS = frozenset({"users:read", "users:read.email"})


def of_scopes(granted: Collection[str] | None, *, by_groups: bool, by_emails: bool = False) -> tuple[Diagnosis, ...]:
    """What the token may not do for lack of a scope. `granted`: `None` if Slack did not say which scopes it has.

    `by_groups`: whether the settings let people in by user groups. `by_emails`: whether owners are known by e-mail.
    """
    if granted is None:
        return (SCOPES_UNTOLD,)
    missing = sorted((SCOPES | (SCOPES_FOR_GROUPS if by_groups else frozenset())) - set(granted))
    return (
        *([SCOPES_MISSING.about(scopes=", ".join(missing))] if missing else []),
        *([EMAILS_HIDDEN] if by_emails and not set(granted) >= SCOPES_FOR_EMAILS else []),
        *([] if SCOPE_FOR_COMMANDS in granted else [COMMAND_MISSING]),
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
    """HTTP status of an unsigned command."""
    is_ours: bool = False
    """Whether our bot answers at `/health` of the same address."""
    signatures: bool | None = None
    """What the bot there says of the check `slack.signatures`: whether it is well; `None` if that is not known."""
    command: bool | None = None
    """Likewise of the check `slack.command`."""


def of_address(reading: AddressReading) -> Diagnosis | None:
    """What is wrong with the address; `None` if our bot is there, and refuses the command that Slack has not signed."""
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


def of_signatures(here: SignatureReading, there: AddressReading | None = None) -> Diagnosis | None:
    """What is wrong with the signatures of Slack's requests, to this process or else to the bot at its address.

    `None` if they are well.
    """
    requests = f"{here.refused} request{'s' if here.refused > 1 else ''}"
    match here.refusal:
        case Refusal.STALE:
            return SIGNATURES_STALE.about(requests=requests)
        case Refusal():
            return SIGNATURES_WRONG.about(requests=requests)
    if here.heard or (there and there.signatures):
        return None
    if there and there.signatures is False:
        return SIGNATURES_REFUSED.about(url=there.url.removesuffix(EVENTS))
    return SIGNATURES_UNTRIED


def of_command(here: CommandReading, there: AddressReading | None = None) -> Diagnosis | None:
    """What is wrong with the slash command's name, as this process or else the bot at its address heard it.

    `None` if it was typed, and came.
    """
    if here.heard or (there and there.command):
        return None
    if here.other:
        return COMMAND_MISNAMED.about(typed=here.other)
    if there and there.command is False:
        return COMMAND_FAILING_THERE.about(url=there.url.removesuffix(EVENTS))
    return COMMAND_UNTRIED


# --- the clock -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What time Slack or HighLevel said it was, in the `Date` header of an answer."""

    whose: str
    date: str
    """Empty if there was none."""
    at: float
    """When the answer came, in Unix time by this machine's clock."""


def of_clock(readings: Iterable[ClockReading]) -> Diagnosis | None:
    """How far this machine's clock is off, by the first reading with a valid date; `None`: it is right.

    `CLOCK_UNTOLD` if no reading has one.
    """
    for reading in readings:
        try:
            ahead = reading.at - parsedate_to_datetime(reading.date).timestamp()
        except (ValueError, OverflowError):
            continue
        if abs(ahead) <= LARGEST_SKEW:
            return None
        way = "ahead of" if ahead > 0 else "behind"
        return CLOCK_OFF.about(seconds=round(abs(ahead)), way=way, whose=f"{reading.whose}'s")
    return CLOCK_UNTOLD


def of_database_clock(offset: float) -> Diagnosis | None:
    """What to know where the database's clock is so many seconds ahead of this machine's; `None`: it is right."""
    if abs(offset) < LARGEST_OFFSET:
        return None
    return STORE_CLOCK_OFF.about(seconds=round(abs(offset)), way="behind" if offset > 0 else "ahead of")

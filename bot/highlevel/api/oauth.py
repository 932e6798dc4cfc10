"""HighLevel's OAuth as values: where somebody is sent, what is asked for, and what came back. No I/O.

https://marketplace.gohighlevel.com/docs/oauth/Authorization
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import urlencode

from bot.highlevel.api.answers import Answer, details_of, json_in, read_error, text
from bot.highlevel.api.errors import (
    AppUnknown,
    Blocked,
    Disconnected,
    Ending,
    HighLevelError,
    NoSuchRoute,
    RateLimited,
    Refused,
    Unreadable,
    VersionRefused,
)

DEFAULT_LIFETIME = 86_399.0
"""Seconds that an access token lives, where the answer does not say."""


class Kind(StrEnum):
    """Whose tokens they are, in HighLevel's words."""

    LOCATION = "Location"
    COMPANY = "Company"
    """An agency's: good for getting tokens of its locations, and for no deal."""


@dataclass(frozen=True, slots=True)
class App:
    """The app in HighLevel's marketplace, as its owner has set it up."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    """Where HighLevel sends people back to; letter for letter what the app names."""
    chooser: str
    """The page on which somebody chooses the sub-account to connect."""
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A POST with a form, apart from the headers that every request has."""

    path: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What HighLevel gave for a code, a refresh token, or an agency's access token."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """Good for one renewal; empty where there is none, as for a location's that an agency's were exchanged for."""
    lives: float
    """Seconds that the access token is good for."""
    kind: Kind
    company_id: str
    """Empty when the answer does not say."""
    location_id: str
    """Empty for a company's."""

    @property
    def account_id(self) -> str:
        """The location's id, or the company's."""
        return self.location_id if self.kind is Kind.LOCATION else self.company_id


# --- requests ------------------------------------------------------------------------------------------------------


def authorization_url(app: App, state: str) -> str:
    """Where somebody is sent to choose the sub-account. They come back with `code` and the same `state`."""
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": " ".join(app.scopes),
        "state": state,
    }
    return f"{app.chooser}?{urlencode(query)}"


def redeem(app: App, code: str) -> TokenRequest:
    """Tokens for the code with which somebody came back; it is good once."""
    return _token(app, grant_type="authorization_code", code=code)


def renew(app: App, refresh: str, kind: Kind) -> TokenRequest:
    """New tokens for a refresh token. The old one is good for 30 seconds more, and gets the same answer again.

    https://ideas.gohighlevel.com/changelog tells of the 30 seconds.
    """
    return _token(app, grant_type="refresh_token", refresh_token=refresh, user_type=kind.value)


def exchange(company_id: str, location_id: str) -> TokenRequest:
    """A location's tokens for its agency's access token, which goes with it as a bearer (scope oauth.write).

    https://marketplace.gohighlevel.com/docs/ghl/oauth/get-location-access-token
    """
    return TokenRequest("/oauth/locationToken", {"companyId": company_id, "locationId": location_id})


def _token(app: App, **fields: str) -> TokenRequest:
    """https://marketplace.gohighlevel.com/docs/ghl/oauth/get-access-token."""
    return TokenRequest(
        "/oauth/token",
        {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uri": app.redirect_uri,
            **fields,
        },
    )


# --- answers -------------------------------------------------------------------------------------------------------


def read_tokens(answer: Answer) -> Tokens:
    """The tokens in an answer. Raises `HighLevelError`. Total: any status, any body."""
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(answer)
    body = json_in(answer)
    if not isinstance(body, dict):
        raise Unreadable(details_of(answer))
    access, refresh = _bearer(body.get("access_token")), _bearer(body.get("refresh_token"))
    company_id, location_id = text(body.get("companyId")) or "", text(body.get("locationId")) or ""
    kind = _kind(body.get("userType"), location_id)
    tokens = Tokens(access, refresh, _lives(body.get("expires_in")), kind, company_id, location_id)
    if not access or not tokens.account_id:
        raise Unreadable(details_of(answer))
    return tokens


def read_exchanged(answer: Answer, company_id: str, location_id: str) -> Tokens:
    """A location's tokens in an answer to `exchange`, which need not repeat what was asked for. As `read_tokens`.

    A refresh token, if there is one, is left aside: the agency's is the one that is kept good.
    """
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(answer)
    body = json_in(answer)
    access = _bearer(body.get("access_token")) if isinstance(body, dict) else ""
    if not isinstance(body, dict) or not access or body.get("locationId", location_id) != location_id:
        raise Unreadable(details_of(answer))
    return Tokens(access, "", _lives(body.get("expires_in")), Kind.LOCATION, company_id, location_id)


def _kind(user_type: object, location_id: str) -> Kind:
    """What the answer calls it, if that is a word we know; else what the ids say."""
    if isinstance(user_type, str) and user_type in list(Kind):
        return Kind(user_type)
    return Kind.LOCATION if location_id else Kind.COMPANY


def _bearer(value: object) -> str:
    """A token that can be sent in a header; empty when it is none."""
    token = text(value) or ""
    return token if token.isascii() and token.isprintable() and " " not in token else ""


def _lives(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return DEFAULT_LIFETIME
    # JSON has whole numbers of any length, and NaN; nobody's token lives longer than a year.
    return float(value) if math.isfinite(min(value, _YEAR)) and 0 < value <= _YEAR else DEFAULT_LIFETIME


_YEAR = 366 * 86_400

_ELSEWHERE = (RateLimited, Blocked, NoSuchRoute, VersionRefused)
"""Refusals that say nothing about the connection."""
_BY_TEXT: tuple[tuple[re.Pattern[str], Ending | None], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), why)
    for pattern, why in (
        (r"location is not active|location .*(suspended|inactive)", Ending.LOCATION),
        (r"not installed|uninstalled|app .*removed|no integration found", Ending.APP),
        (r"invalid_client|unauthorized_client|client[ _]?(id|secret|credentials)", None),
        (r"invalid_grant|(refresh|authorization)[ _]?(token|code)|invalid (grant|code)", Ending.GRANT),
    )
)
"""HighLevel lists its messages nowhere; `None` is the app's own id or secret."""


def _refusal(answer: Answer) -> HighLevelError:
    """What an answer that is no success means to the connection.

    Whatever is refused for no reason that we know has ended it too: to say so is loud, and to connect anew mends it,
    where trying again for ever would do neither.
    """
    error = read_error(answer)
    if not isinstance(error, Refused) or isinstance(error, _ELSEWHERE):
        return error
    words = _words(answer)
    for pattern, why in _BY_TEXT:
        if pattern.search(words):
            return AppUnknown(error.details) if why is None else Disconnected(error.details, why=why)
    return Disconnected(error.details)


def _words(answer: Answer) -> str:
    """All that it says: beside HighLevel's own shapes there is OAuth's, `error` and `error_description`."""
    body = json_in(answer)
    described = body.get("error_description") if isinstance(body, dict) else None
    named = body.get("error") if isinstance(body, dict) else None
    return " ".join(filter(None, (details_of(answer).text, text(named), text(described))))

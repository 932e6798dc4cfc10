"""HighLevel's OAuth as values: the authorization URL, requests for tokens, and the tokens in answers. No I/O.

https://marketplace.gohighlevel.com/docs/oauth/Authorization
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import urlencode

from bot.highlevel.api.answers import details_of, identifier, json_in, read_error, text
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
from bot.http.exchange import Answer

LONGEST_TOKEN = 6000
"""Characters. HighLevel's have some 1,500, and a header with a longer one would not be taken."""

DEFAULT_LIFETIME = 86_399.0
"""Seconds that an access token lives, where the answer does not say: a day, less a second."""


class Kind(StrEnum):
    """What kind of account the tokens belong to, in HighLevel's words."""

    LOCATION = "Location"
    COMPANY = "Company"
    """An agency. Its tokens can be exchanged for those of its locations, and can do nothing with deals."""


@dataclass(frozen=True, slots=True)
class App:
    """The app in HighLevel's marketplace."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    """Where HighLevel sends people back to; exactly as the app's settings have it."""
    chooser: str
    """The page of HighLevel on which a person chooses the sub-account to connect."""
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request for tokens: a form to POST."""

    path: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that HighLevel gives for a code, a refresh token, or an agency's access token."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """For one refresh; empty if there is none, as where an agency's tokens were exchanged for a location's."""
    lives: float
    """Seconds for which the access token is good."""
    kind: Kind
    company_id: str
    """Empty if the answer does not say."""
    location_id: str
    """Empty for an agency's tokens."""

    @property
    def account_id(self) -> str:
        """The id of the location, or of the agency."""
        return self.location_id if self.kind is Kind.LOCATION else self.company_id


# --- requests ------------------------------------------------------------------------------------------------------


def authorization_url(app: App, state: str) -> str:
    """Where a person chooses the sub-account. HighLevel sends them back with `code` and the same `state`."""
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": " ".join(app.scopes),
        "state": state,
    }
    return f"{app.chooser}?{urlencode(query)}"


def redeem(app: App, code: str) -> TokenRequest:
    """Ask for tokens with the code that a person brought back from HighLevel. A code is good once."""
    return _token(app, grant_type="authorization_code", code=code)


def renew(app: App, refresh: str, kind: Kind) -> TokenRequest:
    """Ask for new tokens with a refresh token. HighLevel gives the same answer again for 30 seconds.

    The 30 seconds are from https://ideas.gohighlevel.com/changelog .
    """
    return _token(app, grant_type="refresh_token", refresh_token=refresh, user_type=kind.value)


def exchange(company_id: str, location_id: str) -> TokenRequest:
    """Ask for a location's tokens with its agency's access token, sent as a bearer (scope oauth.write).

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
    """The tokens in an answer. Raises `HighLevelError`. Any status and any body will do."""
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(answer)
    body = json_in(answer)
    if not isinstance(body, dict):
        raise Unreadable(details_of(answer))
    access, refresh = _bearer(body.get("access_token")), _bearer(body.get("refresh_token"))
    company_id, location_id = identifier(body.get("companyId")) or "", identifier(body.get("locationId")) or ""
    kind = _kind(body.get("userType"), location_id)
    tokens = Tokens(access, refresh, _lives(body.get("expires_in")), kind, company_id, location_id)
    if not access or not tokens.account_id:
        raise Unreadable(details_of(answer))
    return tokens


def read_exchanged(answer: Answer, company_id: str, location_id: str) -> Tokens:
    """The tokens in an answer to `exchange`, which need not repeat the ids. Raises `HighLevelError`, as `read_tokens`.

    A refresh token in it is ignored: the location's tokens are exchanged for the agency's again.
    """
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(answer)
    body = json_in(answer)
    if not isinstance(body, dict):
        raise Unreadable(details_of(answer))
    access = _bearer(body.get("access_token"))
    is_ours = body.get("locationId", location_id) == location_id and body.get("companyId", company_id) == company_id
    if not access or not is_ours:
        raise Unreadable(details_of(answer))
    return Tokens(access, "", _lives(body.get("expires_in")), Kind.LOCATION, company_id, location_id)


def _kind(user_type: object, location_id: str) -> Kind:
    """The kind that the answer names, if it is a known one; else the kind that the ids imply."""
    if isinstance(user_type, str) and user_type in list(Kind):
        return Kind(user_type)
    return Kind.LOCATION if location_id else Kind.COMPANY


def _bearer(value: object) -> str:
    """The value if it is a token that can be sent in a header; else empty."""
    token = identifier(value, LONGEST_TOKEN) or ""
    return token if token.isascii() and token.isprintable() and " " not in token else ""


def _lives(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return DEFAULT_LIFETIME
    # JSON has whole numbers of any length, and NaN; no token lives longer than a year.
    return float(value) if math.isfinite(min(value, _YEAR)) and 0 < value <= _YEAR else DEFAULT_LIFETIME


_YEAR = 366 * 86_400

_ELSEWHERE = (RateLimited, Blocked, NoSuchRoute, VersionRefused)
"""Errors that say nothing about the connection."""
_BY_TEXT: tuple[tuple[re.Pattern[str], Ending | None], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), why)
    for pattern, why in (
        (r"location is not active|location .*(suspended|inactive)", Ending.LOCATION),
        (r"not installed|uninstalled|app .*removed|no integration found", Ending.APP),
        (r"invalid_client|unauthorized_client|client[ _]?(id|secret|credentials)", None),
        (r"invalid_grant|(refresh|authorization)[ _]?(token|code)|invalid (grant|code)", Ending.GRANT),
    )
)
"""HighLevel documents none of its messages. `None`: it refuses the app's own id or secret."""


def _refusal(answer: Answer) -> HighLevelError:
    """What an unsuccessful answer means for the connection.

    A refusal for no known reason ends the connection too: then the bot says so, and a person can connect anew. To try
    again for ever would do neither.
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
    """All text of an error: in HighLevel's own shapes, and in OAuth's, `error` and `error_description`."""
    body = json_in(answer)
    described = body.get("error_description") if isinstance(body, dict) else None
    named = body.get("error") if isinstance(body, dict) else None
    return " ".join(filter(None, (details_of(answer).text, text(named), text(described))))

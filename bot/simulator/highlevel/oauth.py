"""OAuth in the HighLevel stand-in: the page on which a person chooses a sub-account, and the token endpoints.

It follows the documentation strictly: a code is good once, the redirect address must match exactly, and a used refresh
token is good for 30 more seconds, during which it gets the same successor again.
Guessed: the page returns `state`, and `error=access_denied` if the person declines; how most refusals are worded.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

GRACE = 30.0
"""Seconds for which a refresh token is good after its first use."""
DAY = 86_399
ACCESS = "access-"
"""How the stand-in's access tokens begin; HighLevel's are JWTs."""
CHOOSER = "/v2/oauth/chooselocation"


@dataclass(frozen=True)
class Granted:
    """What a token gives access to: a location or, if `location_id` is empty, a company."""

    company_id: str
    location_id: str
    scopes: frozenset[str]
    until: float = 0.0


@dataclass
class _Refresh:
    granted: Granted
    used_at: float | None = None
    successor: str = ""


@dataclass
class Marketplace:
    """The state of OAuth. Tests set it up and look at it through its attributes."""

    client_id: str = "0123456789abcdef01234567-abcd1234"
    client_secret: str = "not-a-client-secret"  # noqa: S105 - of the stand-in
    redirect_uris: set[str] = field(default_factory=set)
    company_id: str = "COMPANYxxxxxxxxxxxxx"
    locations: set[str] = field(default_factory=set)
    """The agency's locations that have the app."""
    chooses: str = ""
    """The id of the location, or of the company, that the person on the page chooses."""
    declines: bool = False
    """Whether the person on the page declines."""
    lives: float = DAY
    """Seconds for which an access token is good."""
    ahead: float = 0.0
    """Seconds by which the stand-in's clock is ahead."""
    suspended: bool = False
    """Whether the sub-account is inactive: then no token is renewed."""
    renewals: int = 0
    """How many refresh tokens were replaced by a successor."""
    asked: int = 0
    """How many requests to renew came, refused ones too."""
    codes: dict[str, Granted] = field(default_factory=dict)
    refresh_tokens: dict[str, _Refresh] = field(default_factory=dict)
    access_tokens: dict[str, Granted] = field(default_factory=dict)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += seconds

    def uninstall(self) -> None:
        """Remove the app, which ends every token."""
        self.refresh_tokens.clear()
        self.access_tokens.clear()

    def accepts(self, token: str) -> Granted | None:
        """What this access token gives access to; `None` if it is unknown or has expired."""
        granted = self.access_tokens.get(token)
        return granted if granted and self._now() < granted.until else None

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the page and the endpoints to the stand-in's routes."""
        router.add_get(CHOOSER, self._choose)
        router.add_post("/oauth/token", self._token)
        router.add_post("/oauth/locationToken", self._location_token)

    def _now(self) -> float:
        return time.time() + self.ahead

    async def _choose(self, request: web.Request) -> web.Response:
        query = request.query
        if query.get("client_id") != self.client_id:
            return web.Response(status=400, text="No integration found with the ID")
        if query.get("redirect_uri") not in self.redirect_uris or query.get("response_type") != "code":
            return web.Response(status=400, text="The redirect_uri or response_type is wrong")
        back = {"state": query["state"]} if "state" in query else {}
        if self.declines:
            back["error"] = "access_denied"
        else:
            code = f"code-{secrets.token_hex(8)}"
            location_id = "" if self.chooses == self.company_id else self.chooses
            self.codes[code] = Granted(self.company_id, location_id, frozenset(query.get("scope", "").split()))
            back["code"] = code
        return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(back)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("client_id") != self.client_id or form.get("client_secret") != self.client_secret:
            return _says(401, "Invalid client credentials", error="invalid_client")
        match form.get("grant_type"):
            case "authorization_code":
                granted = self.codes.pop(str(form.get("code")), None)
                if granted is None or form.get("redirect_uri") not in self.redirect_uris:
                    return _says(400, "Invalid grant: authorization code is invalid", error="invalid_grant")
                return self._give(granted)
            case "refresh_token":
                self.asked += 1
                return self._renew(str(form.get("refresh_token")))
            case _:
                return _says(422, ["grant_type must be a valid enum value"], error="Unprocessable Entity")

    def _renew(self, token: str) -> web.Response:
        if self.suspended:
            return _says(400, "Location is not active", error="Bad Request")
        known = self.refresh_tokens.get(token)
        if known is None or (known.used_at is not None and self._now() > known.used_at + GRACE):
            return _says(400, "Invalid grant: refresh token is invalid", error="invalid_grant")
        if known.used_at is None:
            known.used_at = self._now()
            known.successor = self._refresh_token(known.granted)
            self.renewals += 1
        return self._give(known.granted, known.successor)

    async def _location_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if "Version" not in request.headers:
            return _says(401, "version header was not found.", error="Unauthorized")
        granted = self.accepts(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if granted is None:
            return _says(401, "Invalid JWT", error="Unauthorized")
        if "oauth.write" not in granted.scopes:
            return _says(401, "The token is not authorized for this scope.", error="Unauthorized")
        location_id = str(form.get("locationId"))
        if granted.location_id or form.get("companyId") != granted.company_id or location_id not in self.locations:
            return _says(400, "Location not found", error="Bad Request")
        body = self._body(Granted(granted.company_id, location_id, granted.scopes))
        return web.json_response(body, status=201)

    def _give(self, granted: Granted, refresh: str = "") -> web.Response:
        return web.json_response(
            self._body(granted) | {"refresh_token": refresh or self._refresh_token(granted), "refreshTokenId": "none"}
        )

    def _body(self, granted: Granted) -> dict[str, Any]:
        access = f"{ACCESS}{secrets.token_hex(8)}"
        self.access_tokens[access] = Granted(
            granted.company_id, granted.location_id, granted.scopes, self._now() + self.lives
        )
        location = {"locationId": granted.location_id} if granted.location_id else {}
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.lives,
            "scope": " ".join(sorted(granted.scopes)),
            "userType": "Location" if granted.location_id else "Company",
            "companyId": granted.company_id,
            **location,
        }

    def _refresh_token(self, granted: Granted) -> str:
        token = f"refresh-{secrets.token_hex(8)}"
        self.refresh_tokens[token] = _Refresh(granted)
        return token


def _says(status: int, message: str | list[str], **more: str) -> web.Response:
    body: Mapping[str, Any] = {"message": message, "statusCode": status, "traceId": secrets.token_hex(8), **more}
    return web.json_response(body, status=status)

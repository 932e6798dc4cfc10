"""The part of the HighLevel stand-in that gives tokens: the page where a sub-account is chosen, and what comes of it.

It follows the documentation, and is strict: codes are good once, a redirect address must match letter for letter, and a
refresh token that was used is good for 30 seconds more, in which it gets the same successor again. Guessed is that the
page hands back `state`, that somebody who declines comes back with `error=access_denied`, and how most refusals are
worded.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

GRACE = 30.0
DAY = 86_399
ACCESS = "access-"
"""How its access tokens begin; the real ones are JWTs."""
CHOOSER = "/v2/oauth/chooselocation"


@dataclass(frozen=True)
class Granted:
    """What a token stands for: a location, or a company and any location of its."""

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
    """Its state. Set it up and look at it through its attributes."""

    client_id: str = "0123456789abcdef01234567-abcd1234"
    client_secret: str = "not-a-client-secret"  # noqa: S105 - nobody's
    redirect_uris: set[str] = field(default_factory=set)
    company_id: str = "COMPANYxxxxxxxxxxxxx"
    locations: set[str] = field(default_factory=set)
    """The agency's, which have the app."""
    chooses: str = ""
    """The location that somebody chooses on the page, or the company."""
    declines: bool = False
    lives: float = DAY
    """Seconds of an access token."""
    ahead: float = 0.0
    """Seconds by which its clock is ahead."""
    suspended: bool = False
    """The sub-account is not active: no token is renewed."""
    renewals: int = 0
    """How often a refresh token was turned into another."""
    asked: int = 0
    """How often a refresh token was sent, whatever came of it."""
    codes: dict[str, Granted] = field(default_factory=dict)
    refresh_tokens: dict[str, _Refresh] = field(default_factory=dict)
    access_tokens: dict[str, Granted] = field(default_factory=dict)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += seconds

    def uninstall(self) -> None:
        """Somebody removes the app: every token ends."""
        self.refresh_tokens.clear()
        self.access_tokens.clear()

    def accepts(self, token: str) -> Granted | None:
        """What an access token is good for; `None` when it is not, or no longer."""
        granted = self.access_tokens.get(token)
        return granted if granted and self._now() < granted.until else None

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Be reached."""
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
        whose = {"locationId": granted.location_id} if granted.location_id else {}
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.lives,
            "scope": " ".join(sorted(granted.scopes)),
            "userType": "Location" if granted.location_id else "Company",
            "companyId": granted.company_id,
            **whose,
        }

    def _refresh_token(self, granted: Granted) -> str:
        token = f"refresh-{secrets.token_hex(8)}"
        self.refresh_tokens[token] = _Refresh(granted)
        return token


def _says(status: int, message: str | list[str], **more: str) -> web.Response:
    body: Mapping[str, Any] = {"message": message, "statusCode": status, "traceId": secrets.token_hex(8), **more}
    return web.json_response(body, status=status)

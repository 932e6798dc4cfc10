"""Asks HighLevel's OAuth endpoints for tokens, for one app. Repeats nothing."""

from bot.highlevel.api import oauth
from bot.highlevel.api.auth import AccessTokens, Auth, OAuth
from bot.highlevel.api.client import fetch
from bot.highlevel.api.clock import loop_time
from bot.http.exchange import Answer, Body, Http, Request

CONNECT_PATIENCE = 3.0
TOKEN_ENDPOINT_PATIENCE = 10.0
"""Seconds for an answer. A process that asks for new tokens holds a lease meanwhile (`CONNECTION_LEASE`)."""


class TokenEndpoint:
    """The endpoints that give tokens. Every call raises `HighLevelError`; `oauth` says what a refusal means."""

    def __init__(
        self,
        app: oauth.App,
        *,
        base_url: str,
        version: str,
        http: Http,
        patience: float = TOKEN_ENDPOINT_PATIENCE,
    ) -> None:
        self._app = app
        self._version = version
        self._patience = patience
        self._base_url = base_url.rstrip("/")
        self._http = http

    async def redeem(self, code: str) -> oauth.Tokens:
        """Tokens for the code that a person brought back from HighLevel."""
        return oauth.read_tokens(await self._post(oauth.redeem(self._app, code)))

    async def renew(self, refresh: str, kind: oauth.Kind) -> oauth.Tokens:
        """New tokens for a refresh token."""
        return oauth.read_tokens(await self._post(oauth.renew(self._app, refresh, kind)))

    async def exchange(self, company_id: str, location_id: str, company: AccessTokens) -> oauth.Tokens:
        """A location's tokens, in exchange for its agency's."""
        asked = oauth.exchange(company_id, location_id)
        answer = await self._post(asked, OAuth(company), Version=self._version)
        return oauth.read_exchanged(answer, company_id, location_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _post(self, asked: oauth.TokenRequest, auth: Auth | None = None, **headers: str) -> Answer:
        request = Request(
            "POST",
            self._base_url + asked.path,
            {"Accept": "application/json", **headers},
            Body.form(asked.fields),
            until=loop_time() + self._patience,
            connect=CONNECT_PATIENCE,
        )
        return await fetch(self._http, request, auth)

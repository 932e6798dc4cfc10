"""HighLevel's OAuth endpoints, for one app: the only place that asks for tokens. It tries nothing again."""

from collections.abc import Mapping

import httpx

from bot.highlevel.api import oauth
from bot.highlevel.api.answers import Answer
from bot.highlevel.api.auth import AccessTokens, OAuth
from bot.highlevel.api.client import fetch

CONNECT_PATIENCE = 3.0
TOKEN_ENDPOINT_PATIENCE = 10.0
"""Seconds for an answer. Whoever asks for new tokens holds the connection's lease meanwhile (`connections`)."""


class TokenEndpoint:
    """Gives tokens. Every call raises `HighLevelError`; what a refusal says of the connection is in `oauth`."""

    def __init__(
        self,
        app: oauth.App,
        *,
        base_url: str,
        version: str,
        user_agent: str,
        transport: httpx.AsyncBaseTransport,
        patience: float = TOKEN_ENDPOINT_PATIENCE,
    ) -> None:
        self._app = app
        self._version = version
        self._patience = patience
        self._base_url = base_url.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": user_agent}
        self._transport = transport

    async def redeem(self, code: str) -> oauth.Tokens:
        """Tokens for the code with which somebody came back."""
        return oauth.read_tokens(await self._post(oauth.redeem(self._app, code)))

    async def renew(self, refresh: str, kind: oauth.Kind) -> oauth.Tokens:
        """New tokens for a refresh token."""
        return oauth.read_tokens(await self._post(oauth.renew(self._app, refresh, kind)))

    async def exchange(self, company_id: str, location_id: str, company: AccessTokens) -> oauth.Tokens:
        """A location's tokens, for those of its agency."""
        form = oauth.exchange(company_id, location_id)
        answer = await self._post(form, OAuth(company), {"Version": self._version})
        return oauth.read_exchanged(answer, company_id, location_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _post(
        self, form: oauth.TokenRequest, auth: httpx.Auth | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        request = httpx.Request(
            "POST",
            self._base_url + form.path,
            headers=self._headers | dict(headers or {}),
            data=dict(form.fields),
            extensions={"timeout": {"connect": CONNECT_PATIENCE, "pool": CONNECT_PATIENCE}},
        )
        return await fetch(self._transport, request, self._patience, auth)

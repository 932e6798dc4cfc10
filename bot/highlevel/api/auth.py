"""How a request proves that it may: a private integration token, or an access token by OAuth."""

from collections.abc import AsyncGenerator, Generator
from http import HTTPStatus
from typing import Protocol

import httpx

from bot.highlevel.api.answers import Answer, read_error
from bot.highlevel.api.clock import loop_time
from bot.highlevel.api.errors import Disconnected, Ending, TokenInvalid

TOKEN_PATIENCE = 3.0
"""Seconds to wait for an access token, where the request does not say how long it waits for a connection."""


class PrivateIntegration(httpx.Auth):
    """Attaches a private integration token. It does not expire by itself and cannot be refreshed.

    https://help.gohighlevel.com/support/solutions/articles/155000003054
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token, once."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class AccessTokens(Protocol):
    """Gives one account's access tokens, and keeps them fresh.

    Both methods raise `Disconnected` when somebody has to connect anew, and another `HighLevelError` that is not
    `perhaps_done` when there is no token now, or not by `until`, the event-loop time after which nobody waits.
    """

    async def current(self, *, until: float) -> str:
        """A token that HighLevel accepts, as far as we know."""

    async def instead_of(self, refused: str, *, until: float) -> str:
        """Another one, after HighLevel refused this one. Asked by several about the same, it is renewed once."""


class OAuth(httpx.Auth):
    """Attaches an access token, and sends a request whose token was refused once more, with a newer one.

    A request that was refused for its token was not carried out, so that this is safe for a write too.
    """

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Tokens are had asynchronously only; httpx would send the request without one."""
        raise NotImplementedError

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send the request, at most twice. Raises what `AccessTokens` raises."""
        token = await self._tokens.current(until=_until(request))
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if await _is_about_the_token(answer):
            newer = await self._tokens.instead_of(token, until=_until(request))
            request.headers["Authorization"] = f"Bearer {newer}"
            answer = yield request
            if await _is_about_the_token(answer):
                raise Disconnected(why=Ending.TOKEN)


def _until(request: httpx.Request) -> float:
    """As long as for a connection: nothing was sent yet, and there must be time left for that."""
    patience = request.extensions.get("timeout", {}).get("connect")
    return loop_time() + (TOKEN_PATIENCE if patience is None else patience)


async def _is_about_the_token(response: httpx.Response) -> bool:
    """A 401 has six meanings, and a new token helps with one."""
    if response.status_code != HTTPStatus.UNAUTHORIZED:
        return False
    answer = Answer.read(response.status_code, response.headers.raw, await response.aread())
    return isinstance(read_error(answer), TokenInvalid)

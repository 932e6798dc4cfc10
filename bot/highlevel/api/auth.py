"""Authenticates requests: with a private integration token, or with an access token by OAuth."""

from collections.abc import AsyncGenerator, Generator
from http import HTTPStatus
from typing import Protocol

import httpx

from bot.highlevel.api.answers import Answer, read_error
from bot.highlevel.api.clock import loop_time
from bot.highlevel.api.errors import Disconnected, Ending, TokenInvalid

TOKEN_PATIENCE = 3.0
"""Seconds to wait for an access token, where the request has no connect timeout."""


class PrivateIntegration(httpx.Auth):
    """Attaches a private integration token, which neither expires nor can be refreshed.

    https://help.gohighlevel.com/support/solutions/articles/155000003054
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token, once."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class AccessTokens(Protocol):
    """The access tokens of one account.

    `until` is the event-loop time at which the caller stops waiting. Both methods raise `Disconnected` if a person has
    to connect the account anew, and another `HighLevelError` that is not `perhaps_done` if there is no token by then.
    """

    async def current(self, *, until: float) -> str:
        """A token that HighLevel accepts, as far as is known."""

    async def instead_of(self, refused: str, *, until: float) -> str:
        """Another token, after HighLevel refused this one. It is refreshed once for all callers with the same one."""


class OAuth(httpx.Auth):
    """Attaches an access token. If HighLevel refuses the token, sends the request once more with a newer one.

    HighLevel does not carry out a request whose token it refuses, so this is safe for a write too.
    """

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Not supported. Without this method httpx would send the request without a token."""
        raise NotImplementedError

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send the request, at most twice. Raises what `AccessTokens` raises; `Disconnected` if both are refused."""
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
    """A token is waited for as long as a connection: like that, it comes before anything is sent."""
    patience = request.extensions.get("timeout", {}).get("connect")
    return loop_time() + (TOKEN_PATIENCE if patience is None else patience)


async def _is_about_the_token(response: httpx.Response) -> bool:
    """Whether a newer token would help: a 401 has six meanings, and it helps with one."""
    if response.status_code != HTTPStatus.UNAUTHORIZED:
        return False
    answer = Answer.read(response.status_code, response.headers.raw, await response.aread())
    return isinstance(read_error(answer), TokenInvalid)

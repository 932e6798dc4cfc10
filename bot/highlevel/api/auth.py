"""Authenticates requests: with a private integration token, or with an access token by OAuth."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Protocol

from bot.highlevel.api.answers import read_error
from bot.highlevel.api.clock import loop_time
from bot.highlevel.api.errors import CutOff, Disconnected, Ending, HighLevelError, TokenInvalid
from bot.http.exchange import Answer, Request

Send = Callable[[Request], Awaitable[Answer]]
"""Sends a request once, as `Http.send`."""


class Auth(Protocol):
    """Authenticates requests."""

    async def send(self, request: Request, send: Send) -> Answer:
        """Send the request with a token. Raises what `send` raises, and `HighLevelError` if there is no token."""


class PrivateIntegration:
    """Attaches a private integration token, which neither expires nor can be refreshed.

    https://help.gohighlevel.com/support/solutions/articles/155000003054
    """

    def __init__(self, token: str) -> None:
        self._token = token

    async def send(self, request: Request, send: Send) -> Answer:
        """Send the request with the token, once."""
        return await send(_bearing(self._token, request))


class AccessTokens(Protocol):
    """The access tokens of one account.

    `until` is the event-loop time at which the caller stops waiting. Both methods raise `Disconnected` if a person has
    to connect the account anew, and another `HighLevelError` that is not `perhaps_done` if there is no token by then.
    """

    async def current(self, *, until: float) -> str:
        """A token that HighLevel accepts, as far as is known."""

    async def instead_of(self, refused: str, *, until: float) -> str:
        """Another token, after HighLevel refused this one. It is refreshed once for all callers with the same one."""


class OAuth:
    """Attaches an access token. If HighLevel refuses the token, sends the request once more with a newer one.

    HighLevel does not carry out a request whose token it refuses, so this is safe for a write too.
    """

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    async def send(self, request: Request, send: Send) -> Answer:
        """Send the request, at most twice. Raises what `AccessTokens` raises; `Disconnected` if both are refused."""
        token = await _known(self._tokens.current(until=_until(request)))
        answer = await send(_bearing(token, request))
        if _is_about_the_token(answer):
            newer = await _known(self._tokens.instead_of(token, until=_until(request)))
            answer = await send(_bearing(newer, request))
            if _is_about_the_token(answer):
                raise Disconnected(why=Ending.TOKEN)
        return answer


def _bearing(token: str, request: Request) -> Request:
    return replace(request, headers={**request.headers, "Authorization": f"Bearer {token}"})


async def _known(token: Awaitable[str]) -> str:
    """The token. Raises `HighLevelError`; what is unforeseen counts, as elsewhere, as a request that may be done."""
    try:
        return await token
    except HighLevelError:
        raise
    except Exception as error:
        raise CutOff from error


def _until(request: Request) -> float:
    """A token is waited for as long as a connection: like that, it comes before anything is sent."""
    return min(request.until, loop_time() + request.connect)


def _is_about_the_token(answer: Answer) -> bool:
    """Whether a newer token would help: a 401 has six meanings, and it helps with one."""
    return answer.status == HTTPStatus.UNAUTHORIZED and isinstance(read_error(answer), TokenInvalid)

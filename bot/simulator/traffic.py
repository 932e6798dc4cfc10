"""Records the requests between the bot and its neighbours, and hides the secrets in what the demo shows of them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.simulator.bodies import Chunks

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HIDDEN = "••••"
_SECRET_HEADERS = frozenset({"authorization", "cookie", "x-slack-signature"})
_FIELDS = "access_token|client_secret|code|refresh_token|token"
_SECRETS = re.compile(
    r"(?P<address>(?:/|%2F)(?:commands|actions|app-actions)(?:/|%2F)[\w-]{4})[\w-]*"
    rf"|(?P<form>(?:^|&)(?:{_FIELDS})=)[^&]+"
    rf'|(?P<json>"(?:{_FIELDS})": ?")[^"]+',
)


@dataclass(eq=False, slots=True)
class Exchange:
    """A request, and its answer as soon as there is one."""

    to: str
    """Who received the request."""
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Case does not matter in their names."""
    body: bytes
    at: float
    """When the request came, in seconds of the event loop's clock."""
    status: int | None = None
    """The answer's status; `None` if there is no answer, or not yet."""
    answer: bytes = b""
    took: float | None = None
    """Seconds until the answer; `None` without one."""
    sender: str = "the bot"
    """Who sent the request."""

    def answered(self, status: int, answer: bytes) -> None:
        """Record the answer as given just now."""
        self.status, self.answer, self.took = status, answer, asyncio.get_running_loop().time() - self.at


def recording(to: str, exchanges: list[Exchange]) -> Any:  # noqa: ANN401 - aiohttp's middlewares have no better type
    """Make a middleware that appends every request to `exchanges` when it comes, and adds its answer."""

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = Exchange(
            to,
            request.method,
            request.raw_path.partition("?")[0],
            dict(request.query),
            request.headers,
            await request.read(),
            asyncio.get_running_loop().time(),
        )
        exchanges.append(exchange)
        answer = await handler(request)
        body = answer.body if isinstance(answer, web.Response) else b""
        exchange.answered(answer.status, body if isinstance(body, bytes) else b"")
        return answer

    return record


async def streamed(request: web.Request, status: int, headers: Mapping[str, str], chunks: Chunks) -> web.StreamResponse:
    """Answer with a body in pieces, as JSON, until they end or the bot has gone."""
    response = web.StreamResponse(status=status, headers={"Content-Type": "application/json", **headers})
    with suppress(ConnectionError):
        await response.prepare(request)
        async for chunk in chunks():
            await response.write(chunk)
        await response.write_eof()
    return response


def headers_to_show(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without credentials and signatures."""
    return {name: HIDDEN if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}


def text_to_show(text: str) -> str:
    """A path or a body without tokens, codes, and the ends of reply addresses."""
    return _SECRETS.sub(lambda found: (found["address"] or found["form"] or found["json"]) + HIDDEN, text)

"""What goes between the bot and its neighbours, as it went: for a test, and for somebody who wants to see it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

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
    """A request as it came, and its answer as soon as there is one."""

    to: str
    """Who was asked."""
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By name in any case."""
    body: bytes
    at: float
    """When, in seconds of the loop's clock."""
    status: int | None = None
    """The answer's; `None` while there is none, and where none ever came."""
    answer: bytes = b""
    took: float | None = None
    """Seconds until it was answered; `None` while it is not."""

    def answered(self, status: int, answer: bytes) -> None:
        """Note what was answered, just now."""
        self.status, self.answer, self.took = status, answer, asyncio.get_running_loop().time() - self.at


def recording(to: str, exchanges: list[Exchange]) -> Any:  # noqa: ANN401 - aiohttp's middlewares have no better type
    """A middleware that notes every request, when it comes, and its answer."""

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


def headers_to_show(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with everything hidden that proves who somebody is."""
    return {name: HIDDEN if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}


def text_to_show(text: str) -> str:
    """A path or a body with everything hidden that is a key: tokens, codes, and the end of a reply address."""
    return _SECRETS.sub(lambda found: (found["address"] or found["form"] or found["json"]) + HIDDEN, text)

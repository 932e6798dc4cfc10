"""The HTTP session of slack_sdk's client: within bounds of time and size, and without following redirects."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.http.proxies import Proxies

MAX_ANSWER = 1_000_000
"""Bytes of an answer's body, decompressed; the longest list that we ask for, of a group's members, has 15 for each."""
SLACK_PATIENCE = 10.0
"""Seconds for a call of Slack's Web API, from the connection to the last byte of the answer."""
POOL_SIZE = 64


class Session:
    """As much of `aiohttp.ClientSession` as slack_sdk uses. Opened by the first request, in the loop that it runs in.

    slack_sdk reads whatever comes, follows a redirect with the whole message, and lets deeply nested JSON escape as a
    `RecursionError`: https://github.com/slackapi/python-slack-sdk/blob/main/slack_sdk/web/async_internal_utils.py .
    """

    closed = False
    """slack_sdk would make a session of its own, without bounds, in place of a closed one."""

    def __init__(
        self, proxies: Proxies | None = None, patience: float = SLACK_PATIENCE, max_answer: int = MAX_ANSWER
    ) -> None:
        self._proxies = proxies or Proxies()
        self._patience = patience
        self._max_answer = max_answer
        self._opened: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def request(self, method: str, url: str, **arguments: Any) -> AsyncIterator["SlackAnswer"]:  # noqa: ANN401
        """Send a request, and read the whole answer. Raises `aiohttp.ClientError`, and `TimeoutError`."""
        # In place of the proxy that slack_sdk finds in the environment: it uses that one for every host.
        arguments |= self._proxies.arguments(url)
        async with (
            asyncio.timeout(self._patience),
            self._session().request(method, url, allow_redirects=False, **arguments) as response,
        ):
            content = bytearray()
            # Piece by piece: to `read` it at once, aiohttp would decompress it without bound.
            async for piece in response.content.iter_chunked(64 * 1024):
                content += piece
                if len(content) > self._max_answer:
                    content.clear()
                    break
            answer = SlackAnswer(response.status, response.headers, bytes(content))
        yield answer

    async def close(self) -> None:
        """Close the connections."""
        if self._opened:
            await self._opened.close()

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            # A new connection for each call, as slack_sdk has it: on a kept one that Slack has just closed, it would be
            # unknown whether a message was taken.
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=POOL_SIZE, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                headers={"Accept-Encoding": "identity"},
            )
        return self._opened


class SlackAnswer:
    """As much of `aiohttp.ClientResponse` as slack_sdk uses: an answer that was read, or was too large to be."""

    content_type = "application/json"
    """What Slack always sends; of an answer that has no JSON, slack_sdk is told by `json`."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self._content = content

    async def json(self) -> dict[str, Any]:
        """The object in the answer. Raises `JSONDecodeError`, which slack_sdk makes a `SlackApiError`."""
        try:
            found = json.loads(self._content)
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(type(error).__name__, "", 0) from error
        if not isinstance(found, dict):
            raise json.JSONDecodeError("no object", "", 0)
        return found

    async def text(self) -> str:
        """The beginning of the answer, for an error's text."""
        return self._content[:200].decode("utf-8", "replace")


def web_client(token: str, base_url: str, session: Session, user_agent: str) -> AsyncWebClient:
    """slack_sdk's client over this session. `user_agent`: what Slack reads of us, before slack_sdk's own."""
    # slack_sdk would repeat a post whose connection broke, and so might say everything twice.
    return AsyncWebClient(
        token=token,
        base_url=base_url.rstrip("/") + "/",
        session=cast(aiohttp.ClientSession, session),
        retry_handlers=[],
        user_agent_prefix=user_agent,
    )

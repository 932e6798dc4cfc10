"""The Slack workspace that the bot's token belongs to, learned from Slack before the first command needs it."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

log = structlog.get_logger(__name__)

RETRY_PAUSE = 5.0
"""Seconds between attempts to reach Slack at the start."""


class SlackTrouble(Exception):
    """Slack did not say who we are. `error` is Slack's own word, such as `invalid_auth`, or empty: not reached."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


async def answered(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """The answer to a call of Slack's Web API. Raises `SlackTrouble`."""
    try:
        return await call
    except SlackApiError as error:
        data = getattr(error.response, "data", None)
        raise SlackTrouble(str(data.get("error", "")) if isinstance(data, dict) else "") from error
    except (SlackClientError, aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
        # An AttributeError is slack_sdk's, over a text that is no JSON.
        raise SlackTrouble("") from error


@dataclass(frozen=True, slots=True)
class AuthTest:
    """What Slack says of our token."""

    team_id: str
    team: str
    """The workspace's name; empty where Slack does not say it."""
    scopes: frozenset[str] | None
    """What the token may do; `None` where Slack does not say so."""
    date: str
    """Slack's `Date` header; empty without one."""
    at: float
    """When the answer came, in Unix time by our own clock."""


class SlackWorkspace:
    """Which workspace is ours. Until it is known nobody may change anything."""

    def __init__(self, web: AsyncWebClient, pause: float = RETRY_PAUSE) -> None:
        self._web = web
        self._pause = pause
        self._asked = asyncio.Event()
        self.team_id: str | None = None
        """Its id; `None` while Slack has not told it."""

    async def asked(self) -> None:
        """Wait until Slack was asked for the first time, and has answered or failed to."""
        await self._asked.wait()

    async def ask(self) -> str:
        """Ask Slack, remember and return the team's id. Raises `SlackTrouble`; then what was known stays known."""
        try:
            return (await self.auth_test()).team_id
        finally:
            self._asked.set()

    async def auth_test(self) -> AuthTest:
        """The same, with what else Slack says of the token.

        https://docs.slack.dev/reference/methods/auth.test ; that a header lists the scopes was only seen.
        """
        answer = await answered(self._web.auth_test())
        team_id, team = answer.get("team_id"), answer.get("team")
        if not isinstance(team_id, str):
            raise SlackTrouble("no_team_id")
        self.team_id = team_id
        return AuthTest(
            team_id=team_id,
            team=team if isinstance(team, str) else "",
            scopes=_scopes(answer.headers),
            date=str(answer.headers.get("Date", "")),
            at=time.time(),
        )

    async def learn(self) -> None:
        """Ask until Slack answers."""
        while self.team_id is None:
            try:
                await self.ask()
            except SlackTrouble as trouble:
                log.warning("slack.unknown_workspace", error=trouble.error or repr(trouble.__cause__))
                await asyncio.sleep(self._pause)
        log.info("slack.workspace", team_id=self.team_id)


def _scopes(headers: Mapping[str, str]) -> frozenset[str] | None:
    """Header names are of any case."""
    listed = headers.get("X-OAuth-Scopes")
    return None if listed is None else frozenset(filter(None, map(str.strip, listed.split(","))))

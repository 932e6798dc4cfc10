"""The Slack workspace that the bot's token belongs to, learned from Slack before the first command needs it."""

import asyncio
from collections.abc import Awaitable

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

log = structlog.get_logger(__name__)

PAUSE = 5.0
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


class Workspace:
    """Which workspace is ours. Until it is known nobody may change anything."""

    def __init__(self, web: AsyncWebClient, pause: float = PAUSE) -> None:
        self._web = web
        self._pause = pause
        self.team_id: str | None = None

    async def ask(self) -> str:
        """Ask Slack, remember and return the team's id. Raises `SlackTrouble`; then what was known stays known.

        https://docs.slack.dev/reference/methods/auth.test
        """
        team_id = (await answered(self._web.auth_test())).get("team_id")
        if not isinstance(team_id, str):
            raise SlackTrouble("no_team_id")
        self.team_id = team_id
        return team_id

    async def learn(self) -> None:
        """Ask until Slack answers."""
        while self.team_id is None:
            try:
                await self.ask()
            except SlackTrouble as trouble:
                log.warning("slack.unknown_workspace", error=trouble.error or repr(trouble.__cause__))
                await asyncio.sleep(self._pause)
        log.info("slack.workspace", team_id=self.team_id)

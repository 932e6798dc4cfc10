"""Asks Slack which workspace the bot's token belongs to, before the first command needs to know."""

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

LONGEST_ERROR = 100
"""Characters of an error in Slack's words, and of a workspace's name."""

LONGEST_CAUSE = 300
"""Characters of a cause in the log."""

RETRY_PAUSE = 5.0
"""Seconds between attempts to ask Slack at the start."""


class SlackTrouble(Exception):
    """Slack did not answer a call. `error` is its own word, such as `invalid_auth`; empty: Slack was not reached."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def cause_of(error: Exception) -> str:
    """What lies behind it, for the log: an exception of slack_sdk has the whole answer in it."""
    return repr(error.__cause__)[:LONGEST_CAUSE]


async def answered(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """The answer to a call of Slack's Web API. Raises `SlackTrouble`."""
    try:
        return await call
    except SlackApiError as error:
        data = getattr(error.response, "data", None)
        named = data.get("error") if isinstance(data, dict) else None
        raise SlackTrouble(named[:LONGEST_ERROR] if isinstance(named, str) else "") from error
    except (SlackClientError, aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
        # slack_sdk raises AttributeError if the answer is not JSON.
        raise SlackTrouble("") from error


@dataclass(frozen=True, slots=True)
class AuthTest:
    """What Slack says about our token."""

    team_id: str
    team: str
    """The workspace's name; empty if Slack did not say."""
    scopes: frozenset[str] | None
    """What the token may do; `None` if Slack did not say."""
    date: str
    """Slack's `Date` header; empty if there was none."""
    at: float
    """When the answer came, as Unix time of our own clock."""


class SlackWorkspace:
    """The port `Workspace` over Slack's Web API. While the workspace is unknown, no caller may change deals."""

    def __init__(self, web: AsyncWebClient, pause: float = RETRY_PAUSE) -> None:
        self._web = web
        self._pause = pause
        self._asked = asyncio.Event()
        self.team_id: str | None = None
        """See `Workspace`."""

    async def asked(self) -> None:
        """See `Workspace`."""
        await self._asked.wait()

    async def ask(self) -> str:
        """Ask Slack for the workspace's id. Raises `SlackTrouble`, and then an id that was known stays known."""
        try:
            return (await self.auth_test()).team_id
        finally:
            self._asked.set()

    async def auth_test(self) -> AuthTest:
        """Ask Slack about the token, and keep the workspace's id. Raises `SlackTrouble`, as `ask`.

        Where the app is installed in all workspaces of an organization, the organization's id takes its place.

        https://docs.slack.dev/reference/methods/auth.test does not say that a header lists the scopes: answers have it.
        """
        answer = await answered(self._web.auth_test())
        is_org_wide = answer.get("is_enterprise_install") is True
        team_id, team = answer.get("enterprise_id" if is_org_wide else "team_id"), answer.get("team")
        if not isinstance(team_id, str) or len(team_id) > LONGEST_ERROR:
            raise SlackTrouble("no_team_id")
        self.team_id = team_id
        return AuthTest(
            team_id=team_id,
            team=team[:LONGEST_ERROR] if isinstance(team, str) else "",
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
                log.warning("slack.unknown_workspace", error=trouble.error or cause_of(trouble))
                await asyncio.sleep(self._pause)
        log.info("slack.workspace", team_id=self.team_id)


def _scopes(headers: Mapping[str, str]) -> frozenset[str] | None:
    """The scopes in the headers of an answer; `None` if they are not there."""
    listed = headers.get("X-OAuth-Scopes")
    return None if listed is None else frozenset(filter(None, map(str.strip, listed.split(","))))

"""What Slack knows about people, user groups and channels; kept for five minutes, and not a moment longer."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.access.authorization import DirectoryError
from bot.access.rules import Person
from bot.cache import Cache
from bot.deals.clock import loop_time
from bot.slack.workspace import SlackTrouble, answered

log = structlog.get_logger(__name__)
V = TypeVar("V")

DIRECTORY_TTL = 300.0
"""Seconds for which an answer is good."""
DIRECTORY_ERROR_TTL = 10.0
"""Seconds after which Slack is asked again for what it did not tell."""
SHARING_PATIENCE = 2.0
"""Seconds that a change waits to learn whether its channel is shared."""
CLOSED = frozenset({"missing_scope", "channel_not_found"})
"""Slack's words for channels that the bot may not look at, which stays so for as long as an answer is good."""


class SlackDirectory:
    """`door.Directory` and `worker.Channels` over Slack's Web API."""

    def __init__(
        self,
        web: AsyncWebClient,
        groups: Collection[str],
        ttl: float = DIRECTORY_TTL,
        error_ttl: float = DIRECTORY_ERROR_TTL,
    ) -> None:
        self._web = web
        self._groups = sorted(groups)
        self._ttl = ttl
        self._error_ttl = error_ttl
        self._members = Cache(_logged(self._ask_members), ttl=ttl, error_ttl=error_ttl)
        self._people = Cache(_logged(self._ask_person), ttl=ttl, error_ttl=error_ttl)
        self._shared = Cache(_logged(self._ask_shared), ttl=ttl, error_ttl=error_ttl)

    async def members(self, group_id: str) -> frozenset[str]:
        """See `door.Directory`."""
        return await self._members.get(group_id)

    async def person(self, user_id: str) -> Person:
        """See `door.Directory`."""
        return await self._people.get(user_id)

    async def is_shared(self, channel_id: str) -> bool:
        """See `worker.Channels`."""
        try:
            return await self._shared.get(channel_id, until=loop_time() + SHARING_PATIENCE)
        except (DirectoryError, TimeoutError):
            return False

    async def look_into(self, channel_id: str) -> bool:
        """Whether it is shared, asked anew. Raises `DirectoryError`, also where the bot may not look at it."""
        return await self._is_shared(channel_id)

    async def keep(self) -> None:
        """Keep the groups fresh, from now on until cancelled, so that nobody who types a command waits for Slack."""
        while self._groups:
            well = [await self._members.refresh(group_id) for group_id in self._groups]
            await asyncio.sleep(self._ttl / 2 if all(well) else self._error_ttl)

    async def _ask_members(self, group_id: str) -> frozenset[str]:
        """https://docs.slack.dev/reference/methods/usergroups.users.list ."""
        users = (await _answered(self._web.usergroups_users_list(usergroup=group_id))).get("users")
        return frozenset(user for user in users if isinstance(user, str)) if isinstance(users, list) else frozenset()

    async def _ask_person(self, user_id: str) -> Person:
        """https://docs.slack.dev/reference/methods/users.info ."""
        user = (await _answered(self._web.users_info(user=user_id))).get("user")
        if not isinstance(user, dict):
            raise DirectoryError("no_user")
        return read_person(user)

    async def _ask_shared(self, channel_id: str) -> bool:
        try:
            return await self._is_shared(channel_id)
        except DirectoryError as error:
            if error.error in CLOSED:
                return False
            raise

    async def _is_shared(self, channel_id: str) -> bool:
        """https://docs.slack.dev/apis/slack-connect ; `is_shared` would be true among our own workspaces as well."""
        channel = (await _answered(self._web.conversations_info(channel=channel_id))).get("channel")
        return isinstance(channel, dict) and channel.get("is_ext_shared") is True


async def _answered(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """The answer to a call of Slack's Web API. Raises `DirectoryError`, with the same cause as `SlackTrouble`."""
    try:
        return await answered(call)
    except SlackTrouble as trouble:
        raise DirectoryError(trouble.error) from trouble.__cause__


def _logged(ask: Callable[[str], Awaitable[V]]) -> Callable[[str], Awaitable[V]]:
    """The same question, with a line in the log for each time that Slack does not answer it."""

    async def logged(about: str) -> V:
        try:
            return await ask(about)
        except DirectoryError as error:
            log.warning("slack.not_told", about=about, error=error.error or repr(error.__cause__))
            raise

    return logged


def read_person(user: Mapping[str, Any]) -> Person:
    """Somebody as `users.info` tells of them. Total: what is missing or of an odd shape is taken for no.

    https://docs.slack.dev/reference/objects/user-object
    """
    enterprise = user.get("enterprise_user")
    teams = enterprise.get("teams") if isinstance(enterprise, dict) else None
    listed = teams if isinstance(teams, list) else []
    return Person(
        teams=frozenset(team for team in (user.get("team_id"), *listed) if isinstance(team, str) and team),
        is_stranger=user.get("is_stranger") is True,
        is_guest=user.get("is_restricted") is True or user.get("is_ultra_restricted") is True,
        is_bot=user.get("is_bot") is True or user.get("is_workflow_bot") is True,
        is_gone=user.get("deleted") is True,
    )

"""What Slack knows about people, user groups and channels; kept for five minutes, and not a moment longer."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.rules import Person
from bot.slack.workspace import SlackTrouble, answered

log = structlog.get_logger(__name__)
V = TypeVar("V")

FRESH = 300.0
"""Seconds for which an answer is good."""
SOUR = 10.0
"""Seconds after which Slack is asked again for what it did not tell."""
PATIENCE = 2.0
"""Seconds that a change waits to learn whether its channel is shared."""
CLOSED = frozenset({"missing_scope", "channel_not_found"})
"""Slack's words for channels that the bot may not look at, which stays so for as long as an answer is good."""


@dataclass(frozen=True, slots=True)
class _Found(Generic[V]):
    """What Slack told, or why it did not, and until when that is good enough."""

    value: V | SlackTrouble
    until: float


class Kept(Generic[V]):
    """Answers by id. Whoever wants one that is being asked for waits for the same question."""

    def __init__(self, ask: Callable[[str], Awaitable[V]], fresh: float = FRESH, sour: float = SOUR) -> None:
        self._ask = ask
        self._fresh = fresh
        self._sour = sour
        self._found: dict[str, _Found[V]] = {}
        self._asking: dict[str, asyncio.Task[_Found[V]]] = {}

    async def get(self, key: str) -> V:
        """The answer. Raises `SlackTrouble`, for a while also without asking again."""
        found = self._found.get(key)
        if found is None or found.until <= _now():
            found = await self._renewed(key)
        if isinstance(found.value, SlackTrouble):
            raise SlackTrouble(found.value.error)
        return found.value

    async def renew(self, key: str) -> bool:
        """Ask, whatever there is; whether Slack answered. If not, the last answer stays good until it is too old."""
        return (await self._renewed(key)).until > _now() + self._fresh / 2

    async def _renewed(self, key: str) -> _Found[V]:
        if key not in self._asking:
            task = asyncio.create_task(self._find(key), name=f"directory {key}")
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key))
        # Whoever has no time to wait leaves the others theirs.
        return await asyncio.shield(self._asking[key])

    async def _find(self, key: str) -> _Found[V]:
        begun = _now()
        try:
            found: _Found[V] = _Found(await self._ask(key), begun + self._fresh)
        except SlackTrouble as trouble:
            log.warning("slack.not_told", about=key, error=trouble.error or repr(trouble.__cause__))
            last = self._found.get(key)
            if last and last.until > _now() and not isinstance(last.value, SlackTrouble):
                return last
            found = _Found(trouble, _now() + self._sour)
        self._found[key] = found
        return found


class SlackDirectory:
    """`door.Directory` and `worker.Channels` over Slack's Web API."""

    def __init__(self, web: AsyncWebClient, groups: Collection[str], fresh: float = FRESH, sour: float = SOUR) -> None:
        self._web = web
        self._groups = sorted(groups)
        self._fresh = fresh
        self._sour = sour
        self._members = Kept(self._ask_members, fresh, sour)
        self._people = Kept(self._ask_person, fresh, sour)
        self._shared = Kept(self._ask_shared, fresh, sour)

    async def members(self, group_id: str) -> frozenset[str]:
        """See `door.Directory`."""
        return await self._members.get(group_id)

    async def person(self, user_id: str) -> Person:
        """See `door.Directory`."""
        return await self._people.get(user_id)

    async def is_shared(self, channel_id: str) -> bool:
        """See `worker.Channels`."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._shared.get(channel_id)
        except (SlackTrouble, TimeoutError):
            return False

    async def look_into(self, channel_id: str) -> bool:
        """Whether it is shared, asked anew. Raises `SlackTrouble`, also where the bot may not look at it."""
        return await self._is_shared(channel_id)

    async def keep(self) -> None:
        """Keep the groups fresh, from now on until cancelled, so that nobody who types a command waits for Slack."""
        while self._groups:
            well = [await self._members.renew(group_id) for group_id in self._groups]
            await asyncio.sleep(self._fresh / 2 if all(well) else self._sour)

    async def _ask_members(self, group_id: str) -> frozenset[str]:
        """https://docs.slack.dev/reference/methods/usergroups.users.list ."""
        users = (await answered(self._web.usergroups_users_list(usergroup=group_id))).get("users")
        return frozenset(user for user in users if isinstance(user, str)) if isinstance(users, list) else frozenset()

    async def _ask_person(self, user_id: str) -> Person:
        """https://docs.slack.dev/reference/methods/users.info ."""
        user = (await answered(self._web.users_info(user=user_id))).get("user")
        if not isinstance(user, dict):
            raise SlackTrouble("no_user")
        return person(user)

    async def _ask_shared(self, channel_id: str) -> bool:
        try:
            return await self._is_shared(channel_id)
        except SlackTrouble as trouble:
            if trouble.error in CLOSED:
                return False
            raise

    async def _is_shared(self, channel_id: str) -> bool:
        """https://docs.slack.dev/apis/slack-connect ; `is_shared` would be true among our own workspaces as well."""
        channel = (await answered(self._web.conversations_info(channel=channel_id))).get("channel")
        return isinstance(channel, dict) and channel.get("is_ext_shared") is True


def person(user: Mapping[str, Any]) -> Person:
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


def _now() -> float:
    return asyncio.get_running_loop().time()

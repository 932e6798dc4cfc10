"""Asks Slack about people, user groups and channels, and keeps each answer for five minutes."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.access.authorization import DirectoryError
from bot.access.rules import Person
from bot.cache import Cache
from bot.deals.clock import loop_time
from bot.slack.workspace import SlackTrouble, answered, cause_of

log = structlog.get_logger(__name__)
V = TypeVar("V")

DIRECTORY_TTL = 300.0
"""Seconds for which an answer is kept."""
DIRECTORY_ERROR_TTL = 10.0
"""Seconds after which Slack is asked again, if it did not answer."""
SHARING_PATIENCE = 2.0
"""Seconds that a change waits to learn whether its channel is shared."""
LONGEST_NAME = 80
"""Characters of a person's name; Slack's own limit."""
LONGEST_EMAIL = 254
"""Characters, by https://www.rfc-editor.org/errata/eid1690 ."""
CLOSED = frozenset({"missing_scope", "channel_not_found"})
"""Slack's errors for channels that the bot may not look at. They are kept like an answer."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as Slack describes it to the bot.

    https://docs.slack.dev/reference/objects/conversation-object
    """

    is_shared: bool = False
    """With another company. Slack's own `is_shared` is true among our own workspaces too:
    https://docs.slack.dev/apis/slack-connect ."""
    is_member: bool = False
    """Whether the bot is."""
    is_public: bool = True
    is_archived: bool = False


class SlackDirectory:
    """The ports `Directory`, `Contacts` and `Channels` over Slack. `groups`: ids of the user groups to `keep`."""

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
        self._by_email = Cache(_logged(self._ask_by_email, shown=False), ttl=ttl, error_ttl=error_ttl)

    async def members(self, group_id: str) -> frozenset[str]:
        """See `Directory`."""
        return await self._members.get(group_id)

    async def person(self, user_id: str) -> Person:
        """See `Directory`."""
        return await self._people.get(user_id)

    async def found_by_email(self, email: str) -> str | None:
        """See `Contacts`."""
        return await self._by_email.get(email)

    async def is_shared(self, channel_id: str) -> bool:
        """See `Channels`."""
        try:
            return await self._shared.get(channel_id, until=loop_time() + SHARING_PATIENCE)
        except (DirectoryError, TimeoutError):
            return False

    async def look_into(self, channel_id: str) -> Channel:
        """Ask Slack about a channel. Raises `DirectoryError`, also if the bot may not look at it."""
        channel = (await _answered(self._web.conversations_info(channel=channel_id))).get("channel")
        if not isinstance(channel, dict):
            return Channel()
        if channel.get("id", channel_id) != channel_id:
            raise DirectoryError("another_channel")
        return Channel(
            is_shared=channel.get("is_ext_shared") is True,
            is_member=channel.get("is_member") is True,
            is_public=channel.get("is_private") is not True,
            is_archived=channel.get("is_archived") is True,
        )

    async def keep(self) -> None:
        """Refresh the members of all groups in time, until cancelled, so that no command has to wait for Slack."""
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
        enterprise = user.get("enterprise_user")  # a person of an Enterprise Grid has two ids
        named = [user.get("id", user_id), enterprise.get("id") if isinstance(enterprise, dict) else None]
        if user_id not in named:
            raise DirectoryError("another_user")
        return read_person(user)

    async def _ask_by_email(self, email: str) -> str | None:
        """https://docs.slack.dev/reference/methods/users.lookupByEmail (scope users:read.email)."""
        try:
            user = (await _answered(self._web.users_lookupByEmail(email=email))).get("user")
        except DirectoryError as error:
            if error.error == "users_not_found":
                return None
            raise
        if not isinstance(user, dict) or not isinstance(user.get("id"), str):
            raise DirectoryError("no_user")
        found = read_person(user)
        if found.email and found.email.casefold() != email:
            raise DirectoryError("another_user")
        return None if found.is_stranger or found.is_bot or found.is_gone else str(user["id"])

    async def _ask_shared(self, channel_id: str) -> bool:
        try:
            return (await self.look_into(channel_id)).is_shared
        except DirectoryError as error:
            if error.error in CLOSED:
                return False
            raise


async def _answered(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """As `workspace.answered`, but raises `DirectoryError`."""
    try:
        return await answered(call)
    except SlackTrouble as trouble:
        raise DirectoryError(trouble.error) from trouble.__cause__


def _logged(ask: Callable[[str], Awaitable[V]], *, shown: bool = True) -> Callable[[str], Awaitable[V]]:
    """The same question, which logs why Slack did not answer. `shown`: whether the log may say what it is about."""

    async def logged(about: str) -> V:
        try:
            return await ask(about)
        except DirectoryError as error:
            named = about if shown else "an e-mail"
            log.warning("slack.not_told", about=named, error=error.error or cause_of(error))
            raise

    return logged


def read_person(user: Mapping[str, Any]) -> Person:
    """A person, from the `user` of an answer. Fields that are missing or of an odd shape count as `False`.

    https://docs.slack.dev/reference/objects/user-object
    """
    enterprise = user.get("enterprise_user")
    organization = enterprise if isinstance(enterprise, dict) else {}
    teams = organization.get("teams")
    profile = user.get("profile")
    shown = profile if isinstance(profile, dict) else {}
    email = shown.get("email")
    names = [shown.get("display_name"), shown.get("real_name"), user.get("name")]
    listed = [user.get("team_id"), organization.get("enterprise_id"), *(teams if isinstance(teams, list) else [])]
    return Person(
        teams=frozenset(team for team in listed if isinstance(team, str) and team),
        is_stranger=user.get("is_stranger") is True,
        is_guest=user.get("is_restricted") is True or user.get("is_ultra_restricted") is True,
        is_bot=user.get("is_bot") is True or user.get("is_workflow_bot") is True,
        is_gone=user.get("deleted") is True,
        email=email.strip() if isinstance(email, str) and len(email) <= LONGEST_EMAIL else "",
        name=next((name for name in names if isinstance(name, str) and name.strip()), "")[:LONGEST_NAME],
        timezone=zone if isinstance(zone := user.get("tz"), str) else "",
        utc_offset=offset if isinstance(offset := user.get("tz_offset"), int) else 0,
    )

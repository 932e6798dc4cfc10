"""Checks the channels that the settings name: whether Slack shows each to Opp Status, and whether it may post there."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from bot.access.authorization import DirectoryError
from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId, Findings, in_settings
from bot.slack.directory import Channel
from bot.slack.workspace import AuthTest, SlackTrouble

MADE = frozenset({CheckId.CHANNELS})

DIRECT_MESSAGE = "D"
"""How the id of a direct message begins: Slack shows it to its own two alone."""

POST_ANYWHERE = "chat:write.public"
"""The scope with which Opp Status posts in public channels that it is not a member of.
https://docs.slack.dev/reference/scopes/chat.write.public"""


class ChannelChecks:
    """Asks Slack about channels.

    `worked_in`: the ids in ALLOWED_CHANNELS. `posted_to`: those in the variables that name channels to post to.
    `look_into` raises `DirectoryError`, and `auth_test` raises `SlackTrouble`.
    """

    def __init__(
        self,
        *,
        worked_in: Collection[str],
        posted_to: Mapping[str, Collection[str]],
        look_into: Callable[[str], Awaitable[Channel]],
        auth_test: Callable[[], Awaitable[AuthTest]],
    ) -> None:
        self._posted_to = frozenset(channel for channels in posted_to.values() for channel in channels)
        self._named = {"ALLOWED_CHANNELS": worked_in, **posted_to}
        self._look_into = look_into
        self._auth_test = auth_test

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`. Made only with `everything`."""
        if not everything:
            return Findings()
        ids = sorted({channel for channels in self._named.values() for channel in channels})
        asked = [channel for channel in ids if not channel.startswith(DIRECT_MESSAGE)]
        answers = dict(zip(asked, await asyncio.gather(*map(self._look_up, asked)), strict=True))
        if diagnoses.TOKEN_REFUSED.intersection(answer for answer in answers.values() if isinstance(answer, str)):
            return Findings(MADE, waiting={CheckId.CHANNELS: CheckId.SLACK_TOKEN})
        seen = {channel: answer for channel, answer in answers.items() if isinstance(answer, Channel)}
        unseen = {channel: answer for channel, answer in answers.items() if isinstance(answer, str)}
        archived = [channel for channel, answer in seen.items() if answer.is_archived]
        anywhere = await self._posts_anywhere() if seen else True
        shut = {
            *(channel for channel, answer in seen.items() if not (answer.is_member or (anywhere and answer.is_public))),
            *(channel for channel, error in unseen.items() if error == "channel_not_found"),
        }
        closed = sorted((shut & self._posted_to) - {*archived})
        untold = [channel for channel in unseen if channel not in closed]
        errors = ", ".join(sorted({unseen[channel] for channel in untold}))
        return Findings(
            MADE,
            failing=(
                *([diagnoses.CHANNELS_ARCHIVED.about(channels=in_settings(archived, self._named))] if archived else []),
                *([diagnoses.CHANNELS_CLOSED.about(channels=in_settings(closed, self._named))] if closed else []),
            ),
            notes=(diagnoses.CHANNELS_UNTOLD.about(channels=in_settings(untold, self._named), error=errors),)
            if untold
            else (),
        )

    async def _look_up(self, channel_id: str) -> Channel | str:
        """The channel, or Slack's word for not showing it."""
        try:
            return await self._look_into(channel_id)
        except DirectoryError as trouble:
            return trouble.error or "no answer"

    async def _posts_anywhere(self) -> bool:
        """Whether Opp Status posts in channels that it is not a member of; also if Slack does not say."""
        try:
            scopes = (await self._auth_test()).scopes
        except SlackTrouble:
            return True
        return scopes is None or POST_ANYWHERE in scopes

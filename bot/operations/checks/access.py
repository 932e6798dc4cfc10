"""Checks who may change deals: whether the settings name anyone, and whether Slack tells who is in groups."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.access.authorization import Directory, DirectoryError
from bot.access.rules import Allowlist
from bot.operations import diagnoses
from bot.operations.checks.findings import MISSING_SCOPE, CheckId, Findings, merged

MADE = frozenset({CheckId.ALLOWLIST, CheckId.GROUPS, CheckId.SHARED_CHANNELS})

NO_CHANNEL = "C0000000000"
"""Asked about to learn whether the token may ask at all: it is in no workspace."""
NO_SUCH_CHANNEL = "channel_not_found"
"""Slack's word then, where the token may ask.
https://docs.slack.dev/reference/methods/conversations.info"""


class AccessChecks:
    """Asks Slack what access depends on. `look_into`: asks about one channel, and raises `DirectoryError`."""

    def __init__(
        self, allowlist: Allowlist, directory: Directory, look_into: Callable[[str], Awaitable[object]]
    ) -> None:
        self._allowlist = allowlist
        self._directory = directory
        self._look_into = look_into

    async def run(self, *, everything: bool) -> Findings:  # noqa: ARG002 - it has nothing more to try
        """See `Check`."""
        empty = (diagnoses.ALLOWLIST_EMPTY,) if self._allowlist.is_empty else ()
        asked = await asyncio.gather(self._groups(), self._channels())
        return merged([Findings(MADE, failing=empty), *asked])

    async def _groups(self) -> Findings:
        return merged(await asyncio.gather(*map(self._group, sorted(self._allowlist.groups))))

    async def _group(self, group: str) -> Findings:
        try:
            members = await self._directory.members(group)
        except DirectoryError as trouble:
            if trouble.error in diagnoses.TOKEN_REFUSED:
                return Findings(waiting={CheckId.GROUPS: CheckId.SLACK_TOKEN})
            refused = diagnoses.GROUP_WORDS.get(trouble.error, diagnoses.GROUP_REFUSED)
            return Findings(failing=(refused.about(group=group, error=trouble.error),))
        return Findings(notes=() if members else (diagnoses.GROUP_EMPTY.about(group=group),))

    async def _channels(self) -> Findings:
        try:
            await self._look_into(NO_CHANNEL)
        except DirectoryError as trouble:
            if trouble.error in diagnoses.TOKEN_REFUSED:
                return Findings(waiting={CheckId.SHARED_CHANNELS: CheckId.SLACK_TOKEN})
            if trouble.error == MISSING_SCOPE:
                return Findings(notes=(diagnoses.SHARED_CHANNELS_SCOPE_MISSING,))
            if trouble.error != NO_SUCH_CHANNEL:
                untold = diagnoses.SHARED_CHANNELS_UNTOLD.about(error=trouble.error or "no answer")
                return Findings(notes=(untold,))
        return Findings()

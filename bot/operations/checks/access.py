"""Checks who may change deals: whether the settings name anyone, and whether Slack tells what access depends on."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.access.authorization import Directory, DirectoryError
from bot.access.rules import Allowlist
from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId, Findings, merged
from bot.operations.diagnoses import Diagnosis

MADE = frozenset({CheckId.ALLOWLIST, CheckId.GROUPS, CheckId.PEOPLE, CheckId.SHARED_CHANNELS})

MISSING_SCOPE = "missing_scope"
"""Slack's word where the token may not ask.
https://docs.slack.dev/reference/methods/users.info"""

SLACKBOT, NO_CHANNEL = "USLACKBOT", "C0000000000"
"""Asked about to learn whether the token may ask at all: the first is in every workspace, the second in none."""


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
        asked = await asyncio.gather(self._groups(), self._people(), self._channels())
        return merged([Findings(MADE, failing=empty), *asked])

    async def _groups(self) -> Findings:
        asked = await asyncio.gather(*map(self._group, sorted(self._allowlist.groups)))
        refused = [diagnosis for diagnosis in asked if diagnosis]
        if not refused:
            return Findings()
        # Some words name the group, others are the same for each: those are said once.
        words = " ".join(dict.fromkeys(diagnosis.words for diagnosis in refused))
        return Findings(failing=(Diagnosis(refused[0].id, words),))

    async def _group(self, group: str) -> Diagnosis | None:
        try:
            await self._directory.members(group)
        except DirectoryError as trouble:
            refused = diagnoses.GROUP_WORDS.get(trouble.error, diagnoses.GROUP_REFUSED)
            return refused.about(group=group, error=trouble.error)
        return None

    async def _people(self) -> Findings:
        """Members have to be told from guests only where a group or an admin lets people in."""
        groups, admins = self._allowlist.groups, self._allowlist.admins
        if not (groups or admins) or not await _is_forbidden(self._directory.person(SLACKBOT)):
            return Findings()
        untold = (diagnoses.PEOPLE_UNTOLD,)
        return Findings(failing=untold) if groups else Findings(notes=untold)

    async def _channels(self) -> Findings:
        forbidden = await _is_forbidden(self._look_into(NO_CHANNEL))
        return Findings(notes=(diagnoses.SHARED_CHANNELS_UNTOLD,) if forbidden else ())


async def _is_forbidden(question: Awaitable[object]) -> bool:
    """Whether the token may not ask this. Any other trouble of Slack's says nothing about that."""
    try:
        await question
    except DirectoryError as trouble:
        return trouble.error == MISSING_SCOPE
    return False

"""Checks the token of the Slack app: whether Slack accepts it, for which workspace, and what it may do."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.access.authorization import Directory, DirectoryError
from bot.access.rules import Allowlist
from bot.operations import diagnose, diagnoses
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.checks.people import MOST_PEOPLE, NO_SUCH_PERSON
from bot.operations.diagnose import ClockReading
from bot.operations.diagnoses import Diagnosis
from bot.slack.workspace import AuthTest, SlackTrouble

UNKNOWN_WITHOUT_TOKEN = (CheckId.SLACK_WORKSPACE, CheckId.SLACK_SCOPES, CheckId.SLACK_COMMAND)
MADE = frozenset({CheckId.SLACK_TOKEN, *UNKNOWN_WITHOUT_TOKEN})


class SlackTokenChecks:
    """Asks Slack about our token. `team_id`: the workspace that SLACK_TEAM_ID names; empty if it names none."""

    def __init__(
        self,
        auth_test: Callable[[], Awaitable[AuthTest]],
        directory: Directory,
        allowlist: Allowlist,
        team_id: str,
        *,
        by_emails: bool = False,
    ) -> None:
        self._auth_test = auth_test
        self._directory = directory
        self._allowlist = allowlist
        self._team_id = team_id
        self._by_emails = by_emails

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`. `everything`: also look up the people whom the settings name."""
        try:
            answer = await self._auth_test()
        except SlackTrouble as trouble:
            refused = diagnoses.SLACK_WORDS.get(trouble.error, diagnoses.SLACK_REFUSED).about(error=trouble.error)
            waiting = dict.fromkeys(UNKNOWN_WITHOUT_TOKEN, CheckId.SLACK_TOKEN)
            return Findings(MADE, failing=(refused,), waiting=waiting)
        scopes = diagnose.of_scopes(answer.scopes, by_groups=bool(self._allowlist.groups), by_emails=self._by_emails)
        workspace = await self._workspace(answer, everything=everything)
        return Findings(
            MADE,
            failing=workspace if answer.scopes is None else (*scopes, *workspace),
            notes=scopes if answer.scopes is None else (),
            clocks=(ClockReading("Slack", answer.date, answer.at),),
        )

    async def _workspace(self, answer: AuthTest, *, everything: bool) -> tuple[Diagnosis, ...]:
        team = f"{answer.team} ({answer.team_id})".strip()
        if self._team_id:
            wanted = self._team_id
            return () if wanted == answer.team_id else (diagnoses.WORKSPACE_ANOTHER.about(team=team, wanted=wanted),)
        if everything and await self._knows_none_of_us(answer.team_id):
            return (diagnoses.WORKSPACE_STRANGERS.about(team=team),)
        return ()

    async def _knows_none_of_us(self, team_id: str) -> bool:
        """Whether the settings name people, and Slack says of each that they are not in this workspace."""
        named = sorted(self._allowlist.users | self._allowlist.admins)[:MOST_PEOPLE]
        return bool(named) and all(await asyncio.gather(*(self._is_stranger(user, team_id) for user in named)))

    async def _is_stranger(self, user_id: str, team_id: str) -> bool:
        try:
            person = await self._directory.person(user_id)
        except DirectoryError as trouble:
            return trouble.error in NO_SUCH_PERSON
        return bool(person.teams) and team_id not in person.teams

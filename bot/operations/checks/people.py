"""Checks the people whom the settings name: whether Slack knows each, and whether they can use Opp Status."""

import asyncio
from collections.abc import Callable, Collection, Mapping

from bot.access.authorization import Directory, DirectoryError
from bot.access.rules import Allowlist, Person
from bot.operations import diagnoses
from bot.operations.checks.findings import MISSING_SCOPE, CheckId, Findings, in_settings
from bot.operations.diagnoses import Diagnosis

MADE = frozenset({CheckId.PEOPLE})

SLACKBOT = "USLACKBOT"
"""Asked about to learn whether the token may ask at all: it is in every workspace."""

NO_SUCH_PERSON = frozenset({"user_not_found", "user_not_visible"})
"""Slack's words for a person who is not in the workspace.
https://docs.slack.dev/reference/methods/users.info"""

MOST_PEOPLE = 50
"""Of the people whom the settings name, so many are looked up: Slack answers about 100 such questions a minute."""

NOT_ASKED = "too many to look up"

Found = Mapping[str, Person | str]
"""By their ids: people, or Slack's word for giving no answer."""


class PeopleChecks:
    """Asks Slack about people.

    `named`: the ids in each variable that names people. `team_is_set`: whether SLACK_TEAM_ID names the workspace. If
    not, a workspace that knows no one is taken for another's, which the check of the token says.
    """

    def __init__(
        self, named: Mapping[str, Collection[str]], allowlist: Allowlist, directory: Directory, *, team_is_set: bool
    ) -> None:
        self._named = named
        self._allowlist = allowlist
        self._directory = directory
        self._team_is_set = team_is_set

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`. `everything`: also look up the people whom the settings name."""
        if await self._cannot_tell_guests():
            missing = (diagnoses.PEOPLE_SCOPE_MISSING,)
            return Findings(MADE, failing=missing) if self._allowlist.groups else Findings(MADE, notes=missing)
        return self._told(await self._look_all_up()) if everything else Findings(MADE)

    async def _cannot_tell_guests(self) -> bool:
        """Whether the token may not ask who people are, where a group or an admin lets people in."""
        lets_in = self._allowlist.groups or self._allowlist.admins
        return bool(lets_in) and await self._look_up(SLACKBOT) == MISSING_SCOPE

    async def _look_all_up(self) -> Found:
        ids = sorted({user for users in self._named.values() for user in users})
        asked = ids[:MOST_PEOPLE]
        answers = await asyncio.gather(*map(self._look_up, asked))
        return dict(zip(asked, answers, strict=True)) | dict.fromkeys(ids[MOST_PEOPLE:], NOT_ASKED)

    async def _look_up(self, user_id: str) -> Person | str:
        try:
            return await self._directory.person(user_id)
        except DirectoryError as trouble:
            return trouble.error or "no answer"

    def _told(self, found: Found) -> Findings:
        if diagnoses.TOKEN_REFUSED.intersection(answer for answer in found.values() if isinstance(answer, str)):
            return Findings(MADE, waiting={CheckId.PEOPLE: CheckId.SLACK_TOKEN})
        unknown = {user for user, answer in found.items() if answer in NO_SUCH_PERSON}
        users = self._allowlist.users | self._allowlist.admins
        if users and users <= unknown and not self._team_is_set:
            return Findings(MADE, waiting={CheckId.PEOPLE: CheckId.SLACK_WORKSPACE})
        failing = self._about(diagnoses.PEOPLE_UNKNOWN, found, lambda answer: answer in NO_SUCH_PERSON)
        barred = {user for user, answer in found.items() if _is_barred(answer)}
        ineligible = self._about(diagnoses.PEOPLE_INELIGIBLE, found, _is_barred)
        if not self._allowlist.groups and users <= barred | unknown:
            failing, ineligible = (*failing, *ineligible), ()
        return Findings(
            MADE,
            failing=failing,
            notes=(
                *ineligible,
                *self._about(diagnoses.PEOPLE_GUESTS, found, _is_guest),
                *self._about(diagnoses.PEOPLE_UNTOLD, found, _is_untold),
            ),
        )

    def _about(
        self, diagnosis: Diagnosis, found: Found, is_meant: Callable[[Person | str], bool]
    ) -> tuple[Diagnosis, ...]:
        """The diagnosis, with the people whom it is about; none if there are none."""
        about = [user for user, answer in found.items() if is_meant(answer)]
        errors = sorted({answer for answer in found.values() if isinstance(answer, str) and _is_untold(answer)})
        people = in_settings(about, self._named)
        return (diagnosis.about(people=people, error=", ".join(errors)),) if about else ()


def _is_barred(answer: Person | str) -> bool:
    return isinstance(answer, Person) and (answer.is_gone or answer.is_bot or answer.is_stranger)


def _is_guest(answer: Person | str) -> bool:
    return isinstance(answer, Person) and answer.is_guest and not _is_barred(answer)


def _is_untold(answer: Person | str) -> bool:
    return isinstance(answer, str) and answer not in NO_SUCH_PERSON

"""Checks HighLevel: the token, what it may do, and the sub-accounts it belongs to."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from bot.deals.clock import loop_time
from bot.deals.ports import CrmError
from bot.operations import diagnose, diagnoses
from bot.operations.checks.findings import CheckId, Findings, merged
from bot.operations.diagnose import ClockReading, Grant, TokenShape
from bot.operations.diagnoses import Diagnosis

HIGHLEVEL_PATIENCE = 12.0
"""Seconds for HighLevel to answer all checks. In a burst of commands a request waits up to ten for its turn."""

AT_ONCE = 25
"""Sub-accounts beside the default one that are looked at together, and for one report of readiness."""

ORDER = (CheckId.HIGHLEVEL_TOKEN, CheckId.HIGHLEVEL_LOCATION, CheckId.HIGHLEVEL_SCOPE, CheckId.LOST_REASONS)
"""HighLevel looks at these in this order, and stops at the first that fails: the later ones cannot be told."""

NOTES: Mapping[tuple[CheckId, Grant], Diagnosis] = {
    (CheckId.HIGHLEVEL_EDIT, Grant.UNKNOWN): diagnoses.EDITING_UNTOLD,
    (CheckId.HIGHLEVEL_USERS, Grant.NO): diagnoses.USERS_MISSING,  # a note: a deal's owner can do without a name
    (CheckId.HIGHLEVEL_USERS, Grant.UNKNOWN): diagnoses.USERS_UNTOLD,
}


class SubAccount(Protocol):
    """A sub-account of HighLevel, as far as the checks look at it. `until`: event-loop time to have an answer by."""

    async def probe(self, *, until: float) -> None:
        """Find out whether the token may read its opportunities. Raises `CrmError` if it may not."""

    async def reads_lost_reasons(self, *, until: float) -> bool:
        """Whether the lost reasons may be read. Raises `CrmError` when that cannot be told."""


class Permissions(Protocol):
    """What HighLevel's token may do, found out without doing it. Neither raises."""

    async def may_edit(self, *, until: float) -> Grant:
        """Whether it may change opportunities."""

    async def may_read_users(self, *, until: float) -> Grant:
        """Whether it may read users."""


class HighLevelChecks:
    """Asks HighLevel.

    `others`: the sub-accounts beside the default one, by the names that people call them.
    `clock`: what time HighLevel last said it is.
    `connect_url`: where HighLevel is connected by OAuth; empty where it is not.
    `by_emails`: whether owners are known by e-mail, which only a token that reads users can tell.
    """

    def __init__(
        self,
        *,
        default: SubAccount,
        others: Mapping[str, SubAccount],
        permissions: Permissions,
        clock: Callable[[], ClockReading],
        token: TokenShape,
        connect_url: str,
        by_emails: bool = False,
    ) -> None:
        self._default = default
        self._others = others
        self._permissions = permissions
        self._clock = clock
        self._token = token
        self._connect_url = connect_url
        self._by_emails = by_emails
        self._troubles: dict[str, Diagnosis | None] = {}
        """What was wrong in each of the others when it was last looked at."""
        self._turn = 0

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`."""
        until = loop_time() + HIGHLEVEL_PATIENCE
        # All at once: a report takes as long as the slowest answer.
        trouble, reasons, grants, others = await asyncio.gather(
            self._trouble(self._default, until),
            self._lost_reasons(until),
            self._grants(until, everything=everything),
            self._troubles_of_others(everything=everything),
        )
        return merged(
            [
                Findings(failing=others, waiting=_waiting_for(others), clocks=(self._clock(),)),
                _of_default(trouble, reasons),
                _of_grants(grants, trouble, by_emails=self._by_emails),
            ]
        )

    async def _trouble(self, account: SubAccount, until: float) -> Diagnosis | None:
        try:
            await account.probe(until=until)
        except CrmError as error:
            return diagnose.of_highlevel(error.trouble, self._token, time.time(), self._connect_url)
        return None

    async def _troubles_of_others(self, *, everything: bool) -> tuple[Diagnosis, ...]:
        """What is wrong in the sub-accounts beside the default one; each begins with the sub-account's name.

        Of many some are looked at each time, in turn, unless everything is asked for.
        """
        names = list(self._others)
        if not everything and len(names) > AT_ONCE:
            names = [*names[self._turn :], *names[: self._turn]][:AT_ONCE]
            self._turn = (self._turn + AT_ONCE) % len(self._others)
        for first in range(0, len(names), AT_ONCE):
            some, until = names[first : first + AT_ONCE], loop_time() + HIGHLEVEL_PATIENCE
            troubles = await asyncio.gather(*(self._trouble(self._others[name], until) for name in some))
            self._troubles.update(zip(some, troubles, strict=True))
        return tuple(_of_another(name, trouble) for name in self._others if (trouble := self._troubles.get(name)))

    async def _lost_reasons(self, until: float) -> Diagnosis | None:
        """What an operator should know about the lost reasons; `None` when they can be read."""
        try:
            return None if await self._default.reads_lost_reasons(until=until) else diagnoses.REASONS_FORBIDDEN
        except CrmError:
            return diagnoses.REASONS_UNREAD

    async def _grants(self, until: float, *, everything: bool) -> dict[CheckId, Grant]:
        if not everything:
            return {}
        edit, users = await asyncio.gather(
            self._permissions.may_edit(until=until), self._permissions.may_read_users(until=until)
        )
        return {CheckId.HIGHLEVEL_EDIT: edit, CheckId.HIGHLEVEL_USERS: users}


def _of_default(trouble: Diagnosis | None, reasons: Diagnosis | None) -> Findings:
    """What the default sub-account's answers mean."""
    made = frozenset(ORDER)
    if trouble is None:
        return Findings(made, notes=(reasons,) if reasons else ())
    return Findings(made, failing=(trouble,), waiting=_waiting_for((trouble,)))


def _of_another(name: str, trouble: Diagnosis) -> Diagnosis:
    """The same trouble, of a sub-account beside the default one: another setting has its id."""
    words = trouble.words.replace("HIGHLEVEL_LOCATION_ID", "HIGHLEVEL_LOCATIONS")
    return replace(trouble, words=f"{name}: {words}")


def _waiting_for(troubles: Sequence[Diagnosis]) -> dict[CheckId, CheckId]:
    """The checks that HighLevel does not get to, each with the one at which it stops."""
    stops = [CheckId(trouble.check) for trouble in reversed(troubles)]
    return {later: failed for failed in stops for later in ORDER[ORDER.index(failed) + 1 :]}


def _of_grants(grants: Mapping[CheckId, Grant], trouble: Diagnosis | None, *, by_emails: bool) -> Findings:
    """What the token may do. A token that may not read can still be asked whether it may edit."""
    made = frozenset(grants)
    if trouble and trouble.check != CheckId.HIGHLEVEL_SCOPE:
        return Findings(made, waiting=dict.fromkeys(grants, CheckId(trouble.check)))
    needed = by_emails and grants.get(CheckId.HIGHLEVEL_USERS) is Grant.NO
    return Findings(
        made,
        failing=(
            *((diagnoses.EDITING_MISSING,) if grants.get(CheckId.HIGHLEVEL_EDIT) is Grant.NO else ()),
            *((diagnoses.USERS_NEEDED,) if needed else ()),
        ),
        notes=tuple(NOTES[found] for found in grants.items() if found in NOTES),
    )

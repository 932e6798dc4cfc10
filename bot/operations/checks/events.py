"""Checks whether HighLevel tells of changes that are made in it: by webhooks and workflows, and when it is asked."""

from collections.abc import Awaitable, Callable

from bot.deals.ports import StoreDown, StoreRefused
from bot.events.event import Reception
from bot.events.ports import Heard
from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.diagnoses import Diagnosis

MADE = frozenset({CheckId.WEBHOOKS, CheckId.POLLING})
AMISS = frozenset(Reception) - {Reception.RECEIVED, Reception.REPEATED, Reception.OTHER_TYPE, Reception.NOT_STORED}
"""What is done with requests that an operator may want to mend."""
LATE = 10
"""Polls that went by without an answer, until that is a failure."""


class EventChecks:
    """Reads in the database what came. Both are well where they are not set up.

    `is_expected`: whether changes are to be posted, and a webhook or a workflow is set up to report them.
    `polls_every`: seconds between two polls; 0 for never.
    """

    def __init__(self, heard: Callable[[], Awaitable[Heard]], *, is_expected: bool, polls_every: int) -> None:
        self._heard = heard
        self._is_expected = is_expected
        self._polls_every = polls_every

    async def run(self, *, everything: bool) -> Findings:  # noqa: ARG002 - it has nothing more to try
        """See `Check`."""
        if not self._is_expected and not self._polls_every:
            return Findings(MADE)
        try:
            heard = await self._heard()
        except (StoreDown, StoreRefused):  # the checks of the database say so
            return Findings(MADE)
        notes = self._of_webhooks(heard) if self._is_expected else ()
        if self._polls_every and heard.polled is None:
            return Findings(MADE, notes=(*notes, diagnoses.POLLING_NEVER))
        if heard.polled and 0 < LATE * self._polls_every < heard.polled:
            return Findings(MADE, failing=(diagnoses.POLLING_LATE.about(ago=_minutes(heard.polled)),), notes=notes)
        return Findings(MADE, notes=notes)

    def _of_webhooks(self, heard: Heard) -> tuple[Diagnosis, ...]:
        latest = diagnoses.WEBHOOKS_NONE
        if heard.received is not None:
            latest = diagnoses.WEBHOOKS_LATEST.about(ago=_minutes(heard.received))
        refused = {each.value: many for each, many in heard.lately.items() if each in AMISS}
        if not refused:
            return (latest,)
        which = ", ".join(f"{many} {each}" for each, many in sorted(refused.items()))
        return (latest, diagnoses.WEBHOOKS_REFUSED.about(many=sum(refused.values()), which=which))


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:  # noqa: PLR2004 - hours from there on
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes // 60} hours"

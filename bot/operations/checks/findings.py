"""The ids of the checks, what a check is, and what it returns."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bot.operations.diagnose import ClockReading
from bot.operations.diagnoses import Diagnosis


class CheckId(StrEnum):
    """The id of every check, in the order of the report.

    Tools outside know the ids: a change needs a changelog entry.
    """

    SETTINGS = "settings"
    SLACK_TOKEN = "slack.token"  # noqa: S105 - the id of a check
    SLACK_WORKSPACE = "slack.workspace"
    SLACK_SCOPES = "slack.scopes"
    SLACK_COMMAND = "slack.command"
    SIGNATURES = "slack.signatures"
    REQUEST_URL = "slack.request_url"
    SLACK_SOCKET = "slack.socket"
    CHANNELS = "slack.channels"
    HOME = "slack.home"
    PROXY = "network.proxy"
    CLOCK = "clock"
    HIGHLEVEL_TOKEN = "highlevel.token"  # noqa: S105 - the id of a check
    HIGHLEVEL_SCOPE = "highlevel.scope"
    HIGHLEVEL_EDIT = "highlevel.edit"
    HIGHLEVEL_USERS = "highlevel.users"
    HIGHLEVEL_LOCATION = "highlevel.location"
    LOST_REASONS = "highlevel.lost_reasons"
    WEBHOOKS = "highlevel.webhooks"
    POLLING = "highlevel.polling"
    STORE = "store.writable"
    SCHEMA = "store.schema"
    STORE_CLOCK = "store.clock"
    DURABLE = "store.durable"
    ALLOWLIST = "access.allowlist"
    GROUPS = "access.groups"
    PEOPLE = "access.people"
    SHARED_CHANNELS = "access.shared_channels"


TRIED = frozenset(
    {CheckId.REQUEST_URL, CheckId.CHANNELS, CheckId.HOME, CheckId.HIGHLEVEL_EDIT, CheckId.HIGHLEVEL_USERS}
)
"""Only `check` makes these: each asks for something that is refused, or for much, too much for a monitor that reads
`/readyz` four times a minute."""

OVER_HTTP = frozenset({CheckId.SIGNATURES, CheckId.REQUEST_URL})
"""Made only where Slack's requests come over HTTP."""

OVER_SOCKET = frozenset({CheckId.SLACK_SOCKET})
"""Made only where they come over Socket Mode."""


MISSING_SCOPE = "missing_scope"
"""Slack's word where the token may not ask.
https://docs.slack.dev/reference/methods/users.info"""


@dataclass(frozen=True, slots=True)
class Findings:
    """What checks found. A check is well if it was made, and neither fails nor waits nor has an open note."""

    made: frozenset[CheckId] = frozenset()
    """A check that was not made is not in the report."""
    failing: tuple[Diagnosis, ...] = ()
    """The report shows the words of all diagnoses of one check, its notes too, and the id of the first that fails."""
    notes: tuple[Diagnosis, ...] = ()
    """What an operator should know, though the bot works."""
    waiting: Mapping[CheckId, CheckId] = field(default_factory=dict)
    """Checks that cannot be told, each with the check that has to be well before."""
    clocks: tuple[ClockReading, ...] = ()
    """What time the neighbour said it is, for the check `clock`."""


class Check(Protocol):
    """Checks that are told by the same answers.

    To add a check: give it a `CheckId` and, in `diagnoses`, a `Diagnosis` for each way to fail; write one class with
    this method in a file beside this one; hand it to `Health` in `wiring`. A check without neighbours is a function
    that returns `Findings`, such as `check_clock`. A test then asks for a line in docs/operating/troubleshooting.md.
    """

    async def run(self, *, everything: bool) -> Findings:
        """Ask, and return what was found. Trouble of a neighbour is a finding, not an exception.

        `everything`: make the checks in `TRIED` as well.
        """


def in_settings(ids: Collection[str], named: Mapping[str, Collection[str]]) -> str:
    """Name these ids with the variables that they are in. `named`: the ids in each variable."""
    return ", ".join(
        f"{each} in {' and '.join(variable for variable, those in named.items() if each in those)}" for each in ids
    )


def merged(several: Iterable[Findings]) -> Findings:
    """All findings as one, in their order."""
    found = tuple(several)
    return Findings(
        made=frozenset(check for each in found for check in each.made),
        failing=tuple(diagnosis for each in found for diagnosis in each.failing),
        notes=tuple(diagnosis for each in found for diagnosis in each.notes),
        waiting={check: before for each in found for check, before in each.waiting.items()},
        clocks=tuple(reading for each in found for reading in each.clocks),
    )

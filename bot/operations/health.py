"""Named checks, for `/readyz` and `check`: each is well, or says in an operator's words what to do."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from bot.access.authorization import Directory
from bot.access.rules import Allowlist
from bot.deals.ports import CrmError, StoreDown
from bot.operations import diagnose, diagnoses
from bot.operations.diagnose import AddressReading, ClockReading, Grant, TokenShape
from bot.operations.diagnoses import Diagnosis
from bot.slack.workspace import AuthTest, SlackTrouble

SETTINGS = "settings"
SLACK_TOKEN = "slack.token"  # noqa: S105 - the id of a check
SLACK_WORKSPACE = "slack.workspace"
SLACK_SCOPES = "slack.scopes"
SLACK_COMMAND = "slack.command"
SIGNING_SECRET = "slack.signing_secret"  # noqa: S105 - the id of a check
REQUEST_URL = "slack.request_url"
SLACK_SOCKET = "slack.socket"
CLOCK = "clock"
HIGHLEVEL_TOKEN = "highlevel.token"  # noqa: S105 - the id of a check
HIGHLEVEL_SCOPE = "highlevel.scope"
HIGHLEVEL_EDIT = "highlevel.edit"
HIGHLEVEL_USERS = "highlevel.users"
HIGHLEVEL_LOCATION = "highlevel.location"
LOST_REASONS = "highlevel.lost_reasons"
STORE = "store.writable"
SCHEMA = "store.schema"
ALLOWLIST = "access.allowlist"
GROUPS = "access.groups"
PEOPLE = "access.people"
SHARED_CHANNELS = "access.shared_channels"

CHECKS = (
    SETTINGS,
    SLACK_TOKEN,
    SLACK_WORKSPACE,
    SLACK_SCOPES,
    SLACK_COMMAND,
    SIGNING_SECRET,
    REQUEST_URL,
    SLACK_SOCKET,
    CLOCK,
    HIGHLEVEL_TOKEN,
    HIGHLEVEL_SCOPE,
    HIGHLEVEL_EDIT,
    HIGHLEVEL_USERS,
    HIGHLEVEL_LOCATION,
    LOST_REASONS,
    STORE,
    SCHEMA,
    ALLOWLIST,
    GROUPS,
    PEOPLE,
    SHARED_CHANNELS,
)
"""The id of every check, in the order they are reported. Outside tools know them: they change with a changelog entry.
"""
TRIED = frozenset({REQUEST_URL, HIGHLEVEL_EDIT, HIGHLEVEL_USERS})
"""Made by `check` alone: each asks for something that is refused, which a monitor should not do four times a minute."""
OVER_HTTP = frozenset({SIGNING_SECRET, REQUEST_URL})
OVER_SOCKET = frozenset({SLACK_SOCKET})
"""Checked only where Slack's requests come that way."""

MISSING_SCOPE = "missing_scope"
NO_SUCH_PERSON = frozenset({"user_not_found", "user_not_visible"})
ANYBODY, ANY_CHANNEL = "USLACKBOT", "C0000000000"
"""Asked about to learn whether the bot may ask at all: the first is in every workspace, the second in none."""
MOST_PEOPLE = 10
"""Of those whom the settings name, so many are looked for in the workspace."""
UNKNOWN = "Cannot be told before {check} is well."

FRESH = 15.0
"""Seconds for which a report is good enough: a monitor asks often, and each question costs calls to both neighbours."""
PATIENCE = 12.0
"""Seconds for HighLevel to answer a check: while a burst is worked off, it may have to wait for the next ten."""


@dataclass(frozen=True, slots=True)
class Report:
    """Which checks are well, and what to do about each that is not."""

    ok: tuple[str, ...]
    failing: Mapping[str, str]
    notes: Mapping[str, str] = field(default_factory=dict)
    """What to know about checks that are well enough, or that could not be made: the bot carries on."""
    why: Mapping[str, str] = field(default_factory=dict)
    """The diagnosis, by its id, of each check that fails or is noted, and is not waiting for another."""

    def as_json(self) -> dict[str, Any]:
        """What `/readyz` answers."""
        return {"ok": list(self.ok), "failing": dict(self.failing)}

    def in_full(self) -> dict[str, Any]:
        """What `check --json` prints: the same, with all that is known."""
        return {**self.as_json(), "notes": dict(self.notes), "why": dict(self.why)}


class Probes(Protocol):
    """What is tried to see whether it is refused."""

    async def may_edit(self, *, until: float) -> Grant:
        """Whether HighLevel's token may change opportunities, found out without changing one."""

    async def may_read_users(self, *, until: float) -> Grant:
        """Whether it may read users."""

    async def probe_address(self) -> AddressReading | None:
        """What is at the address where Slack finds the bot; `None`: nobody knows the address."""


@dataclass(slots=True)
class _Findings:
    """A report while it is made."""

    failing: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def fail(self, diagnosis: Diagnosis) -> None:
        """Of several in one check all are told, and the last is why."""
        earlier = self.failing.get(diagnosis.check)
        self.failing[diagnosis.check] = f"{earlier} {diagnosis.words}" if earlier else diagnosis.words
        self.why[diagnosis.check] = diagnosis.id

    def note(self, diagnosis: Diagnosis) -> None:
        self.notes[diagnosis.check], self.why[diagnosis.check] = diagnosis.words, diagnosis.id
        if diagnosis.is_open:
            self.unknown.add(diagnosis.check)

    def wait(self, checks: tuple[str, ...], before: str) -> None:
        self.failing |= dict.fromkeys(checks, UNKNOWN.format(check=before))

    def report(self, left_out: frozenset[str]) -> Report:
        # The settings, and the signing secret among them, are well: without them there is no bot to ask.
        return Report(
            ok=tuple(check for check in CHECKS if check not in {*self.failing, *self.unknown, *left_out}),
            failing=_in_order(self.failing),
            notes=_in_order(self.notes),
            why=_in_order(self.why),
        )


def _in_order(found: Mapping[str, str]) -> dict[str, str]:
    return {check: found[check] for check in CHECKS if check in found}


class Health:
    """Runs the checks."""

    def __init__(  # noqa: PLR0913 - each is one neighbour
        self,
        *,
        ask_slack: Callable[[], Awaitable[AuthTest]],
        ask_socket: Callable[[], Awaitable[Any]] | None = None,
        probe_highlevel: Callable[..., Awaitable[None]],
        reads_lost_reasons: Callable[..., Awaitable[bool]],
        highlevel_clock: Callable[[], ClockReading],
        probes: Probes,
        ping_store: Callable[[], Awaitable[None]],
        allowlist: Allowlist,
        directory: Directory,
        look_into: Callable[[str], Awaitable[object]],
        token: TokenShape,
        team_id: str = "",
        elsewhere: Mapping[str, Callable[..., Awaitable[None]]] | None = None,
        connect_url: str = "",
        fresh: float = FRESH,
    ) -> None:
        self._ask_slack = ask_slack
        self._ask_socket = ask_socket
        self._probe_highlevel = probe_highlevel
        self._reads_lost_reasons = reads_lost_reasons
        self._highlevel_clock = highlevel_clock
        self._probes = probes
        self._ping_store = ping_store
        self._allowlist = allowlist
        self._token = token
        self._team_id = team_id
        self._connect_url = connect_url
        self._directory = directory
        self._look_into = look_into
        self._elsewhere = elsewhere or {}
        self._fresh = fresh
        self._not_in_use = OVER_HTTP if ask_socket else OVER_SOCKET
        self._asking = asyncio.Lock()
        self._latest: tuple[float, Report] | None = None

    async def report(self) -> Report:
        """The latest report if it is fresh enough, otherwise a new one. Never raises."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if self._latest is None or now - self._latest[0] > self._fresh:
                self._latest = (now, (await self._check()).report(self._not_in_use | TRIED))
            return self._latest[1]

    async def examine(self) -> Report:
        """A new report with what is `TRIED` as well. Never raises."""
        return (await self._check(everything=True)).report(self._not_in_use)

    async def _check(self, *, everything: bool = False) -> _Findings:
        found = _Findings()
        auth_test, *_ = await asyncio.gather(
            self._slack(found, everything=everything),
            self._socket(found),
            self._highlevel(found, everything=everything),
            self._store(found),
            self._groups(found),
            self._people(found),
            self._channels(found),
            *([self._request_url(found)] if everything and not self._ask_socket else []),
        )
        if self._allowlist.is_empty:
            found.fail(diagnoses.NOBODY)
        slacks_time = [ClockReading("Slack", auth_test.date, auth_test.at)] if auth_test else []
        match diagnose.of_clock([*slacks_time, self._highlevel_clock()]):
            case diagnoses.CLOCK_UNTOLD:
                found.note(diagnoses.CLOCK_UNTOLD)
            case Diagnosis() as off:
                found.fail(off)
        return found

    # --- Slack -----------------------------------------------------------------------------------------------------

    async def _slack(self, found: _Findings, *, everything: bool) -> AuthTest | None:
        try:
            auth_test = await self._ask_slack()
        except SlackTrouble as trouble:
            found.fail(diagnoses.SLACK_WORDS.get(trouble.error, diagnoses.SLACK_REFUSED).about(error=trouble.error))
            found.wait((SLACK_WORKSPACE, SLACK_SCOPES, SLACK_COMMAND), SLACK_TOKEN)
            return None
        for diagnosis in diagnose.of_scopes(auth_test.scopes, by_groups=bool(self._allowlist.groups)):
            (found.fail if auth_test.scopes is not None else found.note)(diagnosis)
        team = f"{auth_test.team} ({auth_test.team_id})".strip()
        if self._team_id and self._team_id != auth_test.team_id:
            found.fail(diagnoses.WORKSPACE_ANOTHER.about(team=team, wanted=self._team_id))
        elif everything and not self._team_id and await self._all_strangers(auth_test.team_id):
            found.fail(diagnoses.WORKSPACE_STRANGERS.about(team=team))
        return auth_test

    async def _all_strangers(self, team_id: str) -> bool:
        """Whether people are named, and Slack says of each that they are of no workspace of ours."""
        named = sorted(self._allowlist.users | self._allowlist.admins)[:MOST_PEOPLE]
        return bool(named) and all(await asyncio.gather(*(self._is_stranger(user, team_id) for user in named)))

    async def _is_stranger(self, user_id: str, team_id: str) -> bool:
        try:
            person = await self._directory.person(user_id)
        except SlackTrouble as trouble:
            return trouble.error in NO_SUCH_PERSON
        return bool(person.teams) and team_id not in person.teams

    async def _request_url(self, found: _Findings) -> None:
        match await self._probes.probe_address():
            case None:
                found.note(diagnoses.URL_UNTRIED)
            case reading if diagnosis := diagnose.of_address(reading):
                found.fail(diagnosis)

    async def _socket(self, found: _Findings) -> None:
        try:
            if self._ask_socket:
                await self._ask_socket()
        except SlackTrouble as trouble:
            found.fail(diagnoses.SOCKET_WORDS.get(trouble.error, diagnoses.SOCKET_REFUSED).about(error=trouble.error))

    # --- HighLevel -------------------------------------------------------------------------------------------------

    async def _highlevel(self, found: _Findings, *, everything: bool) -> None:
        # All at once: whoever asks waits no longer than it takes HighLevel to answer once.
        until = asyncio.get_running_loop().time() + PATIENCE
        failed, reasons, may, elsewhere = await asyncio.gather(
            self._probe(self._probe_highlevel, until),
            self._lost_reasons(until),
            self._permissions(until, everything=everything),
            self._probe_elsewhere(until),
        )
        for trouble in elsewhere:
            found.fail(trouble)
        if failed:
            found.fail(failed)
            order = (HIGHLEVEL_TOKEN, HIGHLEVEL_LOCATION, HIGHLEVEL_SCOPE, LOST_REASONS)
            found.wait(order[order.index(failed.check) + 1 :], failed.check)
        elif reasons:
            found.note(reasons)
        if failed and failed.check != HIGHLEVEL_SCOPE:
            found.wait(tuple(may), failed.check)
            return
        match may.get(HIGHLEVEL_EDIT):
            case Grant.NO:
                found.fail(diagnoses.EDITING_MISSING)
            case Grant.UNKNOWN:
                found.note(diagnoses.EDITING_UNTOLD)
        match may.get(HIGHLEVEL_USERS):
            case Grant.NO:  # a deal's owner can do without a name
                found.note(diagnoses.USERS_MISSING)
            case Grant.UNKNOWN:
                found.note(diagnoses.USERS_UNTOLD)

    async def _permissions(self, until: float, *, everything: bool) -> dict[str, Grant]:
        """By the check that tells it; empty where nothing is tried."""
        if not everything:
            return {}
        edit, users = await asyncio.gather(self._probes.may_edit(until=until), self._probes.may_read_users(until=until))
        return {HIGHLEVEL_EDIT: edit, HIGHLEVEL_USERS: users}

    async def _probe(self, probe: Callable[..., Awaitable[None]], until: float) -> Diagnosis | None:
        try:
            await probe(until=until)
        except CrmError as error:
            return diagnose.of_highlevel(error.trouble, self._token, time.time(), self._connect_url)
        return None

    async def _probe_elsewhere(self, until: float) -> list[Diagnosis]:
        """What is wrong in the sub-accounts beside the default one, which each says of which it is."""
        troubles = await asyncio.gather(*(self._probe(probe, until) for probe in self._elsewhere.values()))
        named = zip(self._elsewhere, troubles, strict=True)
        return [replace(trouble, words=f"{name}: {trouble.words}") for name, trouble in named if trouble]

    async def _lost_reasons(self, until: float) -> Diagnosis | None:
        """What is to be noted about them; `None` when they can be read."""
        try:
            return None if await self._reads_lost_reasons(until=until) else diagnoses.REASONS_FORBIDDEN
        except CrmError:
            return diagnoses.REASONS_UNREAD

    # --- the rest --------------------------------------------------------------------------------------------------

    async def _store(self, found: _Findings) -> None:
        try:
            await self._ping_store()
        except StoreDown as down:
            if down.newer:
                found.fail(diagnoses.STORE_NEWER)
                found.wait((STORE,), SCHEMA)
            else:
                found.fail(diagnoses.STORE_DOWN)
                found.wait((SCHEMA,), STORE)

    async def _groups(self, found: _Findings) -> None:
        told = await asyncio.gather(*map(self._group, sorted(self._allowlist.groups)))
        if diagnoses := [diagnosis for diagnosis in told if diagnosis]:
            words = " ".join(dict.fromkeys(diagnosis.words for diagnosis in diagnoses))
            found.fail(Diagnosis(diagnoses[0].id, words))

    async def _group(self, group: str) -> Diagnosis | None:
        try:
            await self._directory.members(group)
        except SlackTrouble as trouble:
            words = diagnoses.GROUP_WORDS.get(trouble.error, diagnoses.GROUP_REFUSED)
            return words.about(group=group, error=trouble.error)
        return None

    async def _people(self, found: _Findings) -> None:
        if not (self._allowlist.groups or self._allowlist.admins) or not await _forbidden(
            self._directory.person(ANYBODY)
        ):
            return
        (found.fail if self._allowlist.groups else found.note)(diagnoses.PEOPLE_UNTOLD)

    async def _channels(self, found: _Findings) -> None:
        if await _forbidden(self._look_into(ANY_CHANNEL)):
            found.note(diagnoses.SHARED_CHANNELS_UNTOLD)


async def _forbidden(question: Awaitable[object]) -> bool:
    """Whether Slack does not let us ask it; any other trouble says nothing about that."""
    try:
        await question
    except SlackTrouble as trouble:
        return trouble.error == MISSING_SCOPE
    return False


def settings_report(problems: Mapping[str, str]) -> Report:
    """The report when the settings cannot be used: then nothing else can be told."""
    words = " ".join(f"{name} {problem}." for name, problem in problems.items())
    found = _Findings()
    found.fail(diagnoses.SETTINGS_UNUSABLE.about(problems=words))
    found.wait(CHECKS[1:], SETTINGS)
    return found.report(frozenset())

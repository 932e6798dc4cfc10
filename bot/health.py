"""Named checks, for `/readyz` and `check`: each is well, or says in an operator's words what to do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.access import Allowlist
from bot.change import CrmError, StoreDown
from bot.door import Directory
from bot.outcome import Cause, Trouble
from bot.workspace import SlackTrouble

SETTINGS = "settings"
SLACK_TOKEN = "slack.token"  # noqa: S105 - the id of a check
SIGNING_SECRET = "slack.signing_secret"  # noqa: S105 - the id of a check
SLACK_SOCKET = "slack.socket"
HIGHLEVEL_TOKEN = "highlevel.token"  # noqa: S105 - the id of a check
HIGHLEVEL_SCOPE = "highlevel.scope"
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
    SIGNING_SECRET,
    SLACK_SOCKET,
    HIGHLEVEL_TOKEN,
    HIGHLEVEL_SCOPE,
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
The signing secret is checked over HTTP only, the socket in Socket Mode only."""

ALLOWLIST_EMPTY = "ALLOWED_USERS is empty, and so are ALLOWED_GROUPS and ADMINS: nobody may change anything. Set it to the Slack ids of those who may."
_ADD = "under OAuth & Permissions in your Slack app, and install it again"
GROUP_ADVICE: Mapping[str, str] = {
    "missing_scope": f"Slack does not let the bot read user groups, so nobody gets in by ALLOWED_GROUPS. Add the scope usergroups:read {_ADD}.",
    "plan_upgrade_required": "This workspace has no user groups: Slack's free plan has none. Empty ALLOWED_GROUPS, and name people in ALLOWED_USERS.",
    "no_such_subteam": "There is no user group {group} in this workspace. Copy the id again: People, User groups, the group, Copy group ID.",
    "": "Slack cannot be asked who is in the user group {group}, so nobody gets in by it. Look at the network.",
}
"""What Slack's word about a group means to an operator. https://docs.slack.dev/reference/methods/usergroups.users.list"""
GROUP_UNTOLD = "Slack does not tell who is in the user group {group} (it says: {error}), so nobody gets in by it."
PEOPLE_UNTOLD = (
    "Slack does not let the bot tell members from guests, so nobody gets in by a group or by an admin's approval. Add the "
    f"scope users:read {_ADD}."
)
SHARED_CHANNELS_UNTOLD = (
    "The bot cannot tell which channels are shared with another company, and does not ask before it posts there. If you "
    f"have any, add the scopes channels:read and groups:read {_ADD}."
)
MISSING_SCOPE = "missing_scope"
ANYBODY, ANY_CHANNEL = "USLACKBOT", "C0000000000"
"""Asked about to learn whether the bot may ask at all: the first is in every workspace, the second in none."""
STORE_NOT_WRITABLE = "The database cannot be written. Look at DATABASE_URL, at whether the server is up, the disk's space and permissions."
STORE_IS_NEWER = (
    "The database was written by a later version of this bot, and this one does not touch what it does not know. Deploy the "
    "later version again, or set DATABASE_URL to another database."
)
SLACK_UNREACHABLE = "Slack cannot be reached. Look at the network, and at SLACK_API_URL if you set it."
SLACK_REFUSES = (
    "Slack does not accept SLACK_BOT_TOKEN (it says: {error}). Copy the Bot User OAuth Token again, from OAuth & "
    "Permissions in your Slack app; if the app was removed from the workspace, install it again first."
)
SOCKET_DOWN = (
    "There is no connection to Slack at the moment; it is tried again all the time. If that goes on, look at the network: "
    "outgoing https and wss must be possible."
)
SOCKET_REFUSED = (
    "Slack does not accept SLACK_APP_TOKEN (it says: {error}). Create an app-level token with connections:write under Basic "
    "Information > App-Level Tokens in your Slack app."
)
SOCKET_ADVICE: Mapping[str, str] = {
    "": SOCKET_DOWN,
    "ratelimited": "Slack wants us to connect less often. It is tried again by and by: wait a minute or two.",
    "link_disabled": "Socket Mode is switched off in your Slack app: switch it on under Socket Mode.",
    "too_many_websockets": "Slack allows an app ten connections, and all are in use: stop other processes with this token.",
}
"""What Slack's word for why there is no connection means to an operator; any other is about the token."""
UNTOLD = "Cannot be told before {check} is well."

_TOKEN = (
    HIGHLEVEL_TOKEN,
    "HighLevel does not accept HIGHLEVEL_TOKEN. Create a new one in Settings > Private Integrations.",
)
ADVICE: Mapping[Cause, tuple[str, str]] = {
    Cause.TOKEN_INVALID: _TOKEN,
    Cause.FORBIDDEN: (HIGHLEVEL_TOKEN, "HighLevel refuses HIGHLEVEL_TOKEN without a reason we know. Create a new one."),
    Cause.RECONNECT: (
        HIGHLEVEL_TOKEN,
        "HighLevel is not connected, or not any more: reconnect. Run `python -m bot connect` and open the link that it "
        "prints{page}.",
    ),
    Cause.APP_UNKNOWN: (
        HIGHLEVEL_TOKEN,
        "HighLevel does not accept HIGHLEVEL_CLIENT_ID or HIGHLEVEL_CLIENT_SECRET. Copy both from your app's settings.",
    ),
    Cause.NOT_RENEWED: (
        HIGHLEVEL_TOKEN,
        "The access to HighLevel is over, and could not be renewed yet. It is tried again all the time: look again in a minute.",
    ),
    Cause.SCOPE_MISSING: (
        HIGHLEVEL_SCOPE,
        "HIGHLEVEL_TOKEN may not read opportunities. Tick View Opportunities and Edit Opportunities in Settings > Private "
        "Integrations; the token stays the same. Connected by OAuth, give your app these scopes and connect anew.",
    ),
    Cause.TOKEN_ELSEWHERE: (
        HIGHLEVEL_LOCATION,
        "HIGHLEVEL_TOKEN belongs to another location than HIGHLEVEL_LOCATION_ID. Create the token inside that sub-account, "
        "or correct the id.",
    ),
    Cause.NOT_FOUND: (
        HIGHLEVEL_LOCATION,
        "HighLevel knows no location HIGHLEVEL_LOCATION_ID. Copy it from the address bar.",
    ),
    Cause.INVALID: (HIGHLEVEL_LOCATION, "HighLevel does not like HIGHLEVEL_LOCATION_ID. Copy it from the address bar."),
    Cause.VERSION_REFUSED: (
        HIGHLEVEL_TOKEN,
        "HighLevel does not accept the version in HIGHLEVEL_API_VERSION. Remove the setting to use the default.",
    ),
    Cause.BLOCKED: (
        HIGHLEVEL_TOKEN,
        "The network in front of HighLevel turns us away. Try again later; if it goes on, ask your host for another address.",
    ),
    Cause.WRONG_ADDRESS: (
        HIGHLEVEL_TOKEN,
        "HIGHLEVEL_API_URL is not HighLevel's API. Remove the setting to use the default.",
    ),
    Cause.UNREADABLE: (
        HIGHLEVEL_TOKEN,
        "HighLevel's answer makes no sense. Look at HIGHLEVEL_API_URL, or try again later.",
    ),
    Cause.RATE_LIMITED: (HIGHLEVEL_TOKEN, "HighLevel takes no more requests for the moment. Try again in a minute."),
    Cause.DAILY_LIMIT: (HIGHLEVEL_TOKEN, "HighLevel takes no more requests today: the daily allowance is used up."),
    Cause.NO_TLS: (
        HIGHLEVEL_TOKEN,
        "No secure connection to HighLevel. Look at HIGHLEVEL_API_URL and the host's certificates.",
    ),
}
"""What a failed look at HighLevel means: which check it fails, and what to do. Anything else is that it is not reached."""
HIGHLEVEL_UNREACHABLE = (
    HIGHLEVEL_TOKEN,
    "HighLevel cannot be reached, or has a problem of its own. Look at the network and HIGHLEVEL_API_URL, or try again later.",
)
LOST_REASONS_FORBIDDEN = (
    "HighLevel does not let HIGHLEVEL_TOKEN read lost reasons: deals are lost without one. Tick View Opportunities in "
    "Settings > Private Integrations; if it is ticked, ask HighLevel's support. Everything else works."
)
LOST_REASONS_UNREAD = "HighLevel's lost reasons cannot be read at the moment: until they can be, deals are lost without one. Look again later."

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
    """What to know about checks that are well enough: the bot carries on."""

    def as_json(self) -> dict[str, Any]:
        """What `/readyz` answers."""
        return {"ok": list(self.ok), "failing": dict(self.failing)}


class Health:
    """Runs the checks."""

    def __init__(  # noqa: PLR0913 - each is one neighbour
        self,
        *,
        ask_slack: Callable[[], Awaitable[Any]],
        ask_socket: Callable[[], Awaitable[Any]] | None = None,
        probe_highlevel: Callable[..., Awaitable[None]],
        reads_lost_reasons: Callable[..., Awaitable[bool]],
        ping_store: Callable[[], Awaitable[None]],
        allowlist: Allowlist,
        directory: Directory,
        look_into: Callable[[str], Awaitable[object]],
        connect_url: str = "",
        fresh: float = FRESH,
    ) -> None:
        self._ask_slack = ask_slack
        self._ask_socket = ask_socket
        self._probe_highlevel = probe_highlevel
        self._reads_lost_reasons = reads_lost_reasons
        self._ping_store = ping_store
        self._allowlist = allowlist
        self._connect_url = connect_url
        self._directory = directory
        self._look_into = look_into
        self._fresh = fresh
        self._not_in_use = SIGNING_SECRET if ask_socket else SLACK_SOCKET
        self._asking = asyncio.Lock()
        self._latest: tuple[float, Report] | None = None

    async def report(self) -> Report:
        """The latest report if it is fresh enough, otherwise a new one. Never raises."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if self._latest is None or now - self._latest[0] > self._fresh:
                self._latest = (now, await self._check())
            return self._latest[1]

    async def _check(self) -> Report:
        notes: dict[str, str] = {}
        found = await asyncio.gather(
            self._slack(),
            self._socket(),
            self._highlevel(notes),
            self._store(),
            self._groups(),
            self._people(notes),
            self._channels(notes),
        )
        failing = {check: words for failures in found for check, words in failures.items()}
        if self._allowlist.is_empty:
            failing[ALLOWLIST] = ALLOWLIST_EMPTY
        # The settings, and the signing secret among them, are well: without them there is no bot to ask.
        return Report(
            ok=tuple(check for check in CHECKS if check not in {*failing, self._not_in_use}),
            failing={check: failing[check] for check in CHECKS if check in failing},
            notes=notes,
        )

    async def _slack(self) -> dict[str, str]:
        try:
            await self._ask_slack()
        except SlackTrouble as trouble:
            return {SLACK_TOKEN: SLACK_REFUSES.format(error=trouble.error) if trouble.error else SLACK_UNREACHABLE}
        return {}

    async def _socket(self) -> dict[str, str]:
        try:
            if self._ask_socket:
                await self._ask_socket()
        except SlackTrouble as trouble:
            return {SLACK_SOCKET: SOCKET_ADVICE.get(trouble.error) or SOCKET_REFUSED.format(error=trouble.error)}
        return {}

    async def _highlevel(self, notes: dict[str, str]) -> dict[str, str]:
        # Both at once: a monitor waits no longer than it takes HighLevel to answer once.
        until = asyncio.get_running_loop().time() + PATIENCE
        failures, note = await asyncio.gather(self._token(until), self._lost_reasons(until))
        if note and not failures:
            notes[LOST_REASONS] = note
        return failures

    async def _token(self, until: float) -> dict[str, str]:
        try:
            await self._probe_highlevel(until=until)
        except CrmError as error:
            return highlevel_failures(error.trouble, self._connect_url)
        return {}

    async def _lost_reasons(self, until: float) -> str:
        """What is to be noted about them; empty when they can be read."""
        try:
            return "" if await self._reads_lost_reasons(until=until) else LOST_REASONS_FORBIDDEN
        except CrmError:
            return LOST_REASONS_UNREAD

    async def _store(self) -> dict[str, str]:
        try:
            await self._ping_store()
        except StoreDown as down:
            if down.newer:
                return {STORE: UNTOLD.format(check=SCHEMA), SCHEMA: STORE_IS_NEWER}
            return {STORE: STORE_NOT_WRITABLE, SCHEMA: UNTOLD.format(check=STORE)}
        return {}

    async def _groups(self) -> dict[str, str]:
        words = await asyncio.gather(*map(self._group, sorted(self._allowlist.groups)))
        return {GROUPS: " ".join(filter(None, dict.fromkeys(words)))} if any(words) else {}

    async def _group(self, group: str) -> str:
        """What is to be done about a group; empty for nothing."""
        try:
            await self._directory.members(group)
        except SlackTrouble as trouble:
            return GROUP_ADVICE.get(trouble.error, GROUP_UNTOLD).format(group=group, error=trouble.error)
        return ""

    async def _people(self, notes: dict[str, str]) -> dict[str, str]:
        if not (self._allowlist.groups or self._allowlist.admins) or not await _forbidden(
            self._directory.person(ANYBODY)
        ):
            return {}
        if self._allowlist.groups:
            return {PEOPLE: PEOPLE_UNTOLD}
        notes[PEOPLE] = PEOPLE_UNTOLD
        return {}

    async def _channels(self, notes: dict[str, str]) -> dict[str, str]:
        if await _forbidden(self._look_into(ANY_CHANNEL)):
            notes[SHARED_CHANNELS] = SHARED_CHANNELS_UNTOLD
        return {}


async def _forbidden(question: Awaitable[object]) -> bool:
    """Whether Slack does not let us ask it; any other trouble says nothing about that."""
    try:
        await question
    except SlackTrouble as trouble:
        return trouble.error == MISSING_SCOPE
    return False


def highlevel_failures(trouble: Trouble, connect_url: str = "") -> dict[str, str]:
    """Which of the HighLevel checks fail: one look answers all, and what it did not get to cannot be told.

    `connect_url`: where HighLevel is connected by OAuth; empty where it is not.
    """
    order = (HIGHLEVEL_TOKEN, HIGHLEVEL_LOCATION, HIGHLEVEL_SCOPE, LOST_REASONS)
    failed, advice = ADVICE.get(trouble.cause, HIGHLEVEL_UNREACHABLE)
    untold = UNTOLD.format(check=failed)
    if trouble.cause is Cause.RECONNECT:
        why = f" ({'; '.join(trouble.reasons)})" if trouble.reasons else ""
        advice = advice.format(page=f"{f', on {connect_url}' if connect_url else ''}{why}")
    return {failed: advice} | dict.fromkeys(order[order.index(failed) + 1 :], untold)


def settings_report(problems: Mapping[str, str]) -> Report:
    """The report when the settings cannot be used: then nothing else can be told."""
    words = " ".join(f"{name} {problem}." for name, problem in problems.items())
    untold = UNTOLD.format(check=SETTINGS)
    return Report(ok=(), failing={SETTINGS: words} | dict.fromkeys(CHECKS[1:], untold))

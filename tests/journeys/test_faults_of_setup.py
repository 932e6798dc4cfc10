"""What new operators get wrong, as they do it: `check` names the cause and where to click, and calls nothing ok of it.

Each fault is forced upon the stand-ins, or set in the environment. Faults within one setting, which `check` finds
without asking anyone, are in `operations/test_faults_of_settings.py`.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from bot.__main__ import main
from bot.simulator.highlevel.server import READ, USERS, WRITE
from bot.simulator.highlevel.server import Fault as HighLevelFault
from bot.simulator.slack.server import GRANTED
from bot.simulator.slack.server import Fault as SlackFault
from bot.web.server import serving
from bot.wiring import build
from tests.connect_proxy import proxied
from tests.house import (
    ANA,
    APP_TOKEN,
    BEN,
    BOT_TOKEN,
    BY_OAUTH,
    HIGHLEVEL_TOKEN,
    HOW,
    KIM,
    PATIENT,
    PUBLIC_URL,
    SALES,
    SIGNING_SECRET,
    House,
    open_house,
    stand_ins,
)
from tests.postgresql import Cluster
from tests.rows import execute, load_unreleased
from tests.visitor import visitor

NO_MOUNTS = Path("/no/mounts")
"""For faults that are not about the disk: the tests' own may be in memory."""
OTHER_SECRET = "thisisanothersigningsecretslacks"
"""Of the same form as a signing secret: a client secret has it too."""
ELSEWHERE, PARIS = "LOCATIONyyyyyyyyyyyy", "LOCATIONzzzzzzzzzzzz"
REVOKED = "pit-00000000-0000-4000-8000-000000000000"
EXPIRED = "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.c2ln"
"""An access token that ended in 1970."""
COPY_TOKEN = "api.slack.com/apps > your app > OAuth & Permissions"
ADD_SCOPE = "OAuth & Permissions > Scopes > Bot Token Scopes, then click Reinstall to Workspace"
IN_HIGHLEVEL = "in the sub-account: Settings > Private Integrations > your integration"
REQUEST_URL = "Slash Commands > /opp-status > Request URL"
SLACK_TOKEN = (
    *("slack.token", "slack.workspace", "slack.scopes", "slack.command"),
    *("access.people", "access.shared_channels"),
)
"""What cannot be told without the token of the Slack app."""
HIGHLEVEL = (
    *("highlevel.token", "highlevel.location", "highlevel.scope", "highlevel.lost_reasons"),
    *("highlevel.edit", "highlevel.users"),
)
"""Likewise without HighLevel's."""
STORE = ("store.writable", "store.schema", "store.clock")


@dataclass(frozen=True)
class Wrong:
    """One thing that an operator did wrong."""

    what: str
    why: str
    """The diagnosis that `check` prints."""
    says: tuple[str, ...]
    """What it says: the cause, and the setting or the place to click."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What is wrong in the environment; `{bot}`, `{slack}` and `{highlevel}` are the addresses."""
    force: Callable[[House], object] | None = None
    """What is wrong at Slack or HighLevel."""
    not_ok: tuple[str, ...] = ()
    """The checks that must not be called ok, beside the one of the diagnosis."""
    is_note: bool = False
    """Whether the bot works all the same, or `check` cannot know."""


def _environ(house: House, over: str = "http") -> dict[str, str]:
    """Settings without a fault."""
    return {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        **HOW[over],
        "SLACK_API_URL": house.settings.slack_api_url,
        "HIGHLEVEL_TOKEN": HIGHLEVEL_TOKEN,
        "HIGHLEVEL_LOCATION_ID": house.settings.highlevel_location_id,
        "HIGHLEVEL_API_URL": house.settings.highlevel_api_url,
        "ALLOWED_USERS": ANA,
        "DATABASE_URL": house.settings.database_url,
        **({"PUBLIC_URL": house.slack.bot_url} if house.slack.bot_url else {}),
    }


async def _checked(
    capsys: pytest.CaptureFixture[str], environ: Mapping[str, str], mounts: Path = NO_MOUNTS
) -> tuple[int, list[str]]:
    """The exit code of `check`, and the lines that it prints; what the bot beside it logs is no part of it."""
    capsys.readouterr()
    code = await asyncio.to_thread(main, ["check"], environ, mounts)
    printed = re.sub(r"(?m)^\d{4}-\d\d-\d\d .*\n", "", capsys.readouterr().out)
    return code, printed.splitlines()


def _assert_told(wrong: Wrong, code: int, lines: list[str]) -> None:
    (line,) = [each for each in lines if each.endswith(f"[{wrong.why}]")] or [f"{wrong.why} is not in {lines}"]
    check = wrong.why.rpartition(".")[0]
    assert line.startswith(f"{'note' if wrong.is_note else 'FAIL'}  {check}: ")
    for words in wrong.says:
        assert words in line
    called_ok = {each.removeprefix("ok    ") for each in lines if each.startswith("ok    ")}
    assert not called_ok & {check, *wrong.not_ok}
    assert bool(code) is any(each.startswith("FAIL") for each in lines)
    for secret in (OTHER_SECRET, SIGNING_SECRET, REVOKED, EXPIRED, HIGHLEVEL_TOKEN, BOT_TOKEN, APP_TOKEN, "s3cret"):
        assert secret not in "\n".join(lines)


def _refuses_token(word: str) -> Callable[[House], None]:
    def force(house: House) -> None:
        for method in ("auth.test", "users.info", "conversations.info"):
            house.slack.misbehave(SlackFault(method, 200, {"ok": False, "error": word}, times=99))

    return force


def _has_scopes(*missing: str) -> Callable[[House], None]:
    def force(house: House) -> None:
        house.slack.tokens[BOT_TOKEN] = GRANTED - {*missing}

    return force


def _answers_at(path: str, status: int, **headers: str) -> Callable[[House], None]:
    """Another server at the bot's address."""
    fault = HighLevelFault(status=status, body="<html>hello</html>", headers=headers)
    return lambda house: house.highlevel.misbehave(fault, path=path, times=99)


def _token(**what: Any) -> Callable[[House], object]:  # noqa: ANN401 - of `add_token`
    return lambda house: house.highlevel.add_token("pit-as-forced", **what)


def _knows(**people: dict[str, Any]) -> Callable[[House], None]:
    return lambda house: house.slack.users.update(people)


AT_SLACK = [
    Wrong(
        "the token is cut off",
        "slack.token.mistyped",
        ("rejected SLACK_BOT_TOKEN (invalid_auth)", COPY_TOKEN),
        {"SLACK_BOT_TOKEN": "xoxb-cut-off"},
        not_ok=SLACK_TOKEN,
    ),
    Wrong(
        "the token is cut off, and there are groups and channels",
        "slack.token.mistyped",
        ("rejected SLACK_BOT_TOKEN (invalid_auth)", COPY_TOKEN),
        {"SLACK_BOT_TOKEN": "xoxb-cut-off", "ALLOWED_GROUPS": "S0SALES", "ALLOWED_CHANNELS": "C0SALES"},
        not_ok=(*SLACK_TOKEN, "access.groups", "slack.channels"),
    ),
    Wrong(
        "the token was revoked",
        "slack.token.revoked",
        ("rejected SLACK_BOT_TOKEN (token_revoked)", "Click Install to Workspace"),
        force=_refuses_token("token_revoked"),
        not_ok=SLACK_TOKEN,
    ),
    Wrong(
        "the app was removed from the workspace",
        "slack.token.revoked",
        ("(account_inactive)", "Click Install to Workspace"),
        force=_refuses_token("account_inactive"),
        not_ok=SLACK_TOKEN,
    ),
    Wrong(
        "token rotation is on",
        "slack.token.expired",
        ("Your app has token rotation on", "api.slack.com/apps > Create New App"),
        force=_refuses_token("token_expired"),
        not_ok=SLACK_TOKEN,
    ),
    Wrong(
        "SLACK_API_URL lacks its path",
        "slack.token.unreachable",
        ("Can't reach Slack", "SLACK_API_URL"),
        {"SLACK_API_URL": "{slack}"},
        not_ok=SLACK_TOKEN,
    ),
    Wrong(
        "the network lets nothing out to Slack",
        "slack.token.unreachable",
        ("Can't reach Slack", "Check the network"),
        {"SLACK_API_URL": "http://127.0.0.1:1/api/"},
        not_ok=SLACK_TOKEN,
    ),
    Wrong(
        "the token is another workspace's than SLACK_TEAM_ID",
        "slack.workspace.another",
        ("SLACK_BOT_TOKEN is for Simulated (T0SIMULATED), but SLACK_TEAM_ID says T0ACME", COPY_TOKEN),
        {"SLACK_TEAM_ID": "T0ACME"},
    ),
    Wrong(
        "the token is of a workspace in which no one has a name",
        "slack.workspace.strangers",
        ("no one in ALLOWED_USERS or ADMINS is a member there", COPY_TOKEN, "Copy member ID"),
        {"ALLOWED_USERS": "U0ONE,U0TWO"},
        not_ok=("access.people",),
    ),
    Wrong(
        "the app was not installed again after its scopes changed",
        "slack.scopes.missing",
        ("SLACK_BOT_TOKEN is missing chat:write", ADD_SCOPE),
        force=_has_scopes("chat:write"),
    ),
    Wrong(
        "the app has no slash command",
        "slack.command.not_installed",
        ("/opp-status isn't available", "App Manifest", "Reinstall to Workspace"),
        force=_has_scopes("commands"),
    ),
    Wrong(
        "ALLOWED_GROUPS without the scope",
        "slack.scopes.missing",
        ("SLACK_BOT_TOKEN is missing usergroups:read", ADD_SCOPE),
        {"ALLOWED_GROUPS": "S0SALES"},
        _has_scopes("usergroups:read"),
        not_ok=("access.groups",),
    ),
    Wrong(
        "OWNERS_ONLY without the scope for emails",
        "slack.scopes.emails",
        ("can't see people's emails", "users:read.email", ADD_SCOPE, "list people in OWNERS"),
        {"OWNERS_ONLY": "on"},
        _has_scopes("users:read.email"),
    ),
    Wrong(
        "OWNERS_ONLY with a token that reads no users",
        "highlevel.users.needed",
        ("can't tell whose a deal is", "Turn on View Users", "List people in OWNERS"),
        {"OWNERS_ONLY": "warn"},
        lambda house: house.highlevel.add_token(HIGHLEVEL_TOKEN, scopes=frozenset({READ, WRITE})),
    ),
    Wrong(
        "no scope tells guests from members, with groups",
        "access.people.missing_scope",
        ("can't tell members from guests", ADD_SCOPE),
        {"ALLOWED_GROUPS": "S0SALES"},
        _has_scopes("users:read"),
        not_ok=("slack.scopes",),
    ),
    Wrong(
        "no scope tells guests from members, with admins",
        "access.people.missing_scope",
        ("can't tell members from guests", ADD_SCOPE),
        {"ADMINS": KIM},
        _has_scopes("users:read"),
        is_note=True,
    ),
    Wrong(
        "the app is from an older manifest, without a Home tab",
        "slack.home.off",
        ("no Home tab", "App Home", "app_home_opened"),
        force=lambda house: setattr(house.slack, "home_enabled", False),
        is_note=True,
    ),
    Wrong(
        "no scope tells which channels are shared",
        "access.shared_channels.missing_scope",
        ("shared with other companies", ADD_SCOPE),
        force=_has_scopes("channels:read", "groups:read"),
        is_note=True,
    ),
    Wrong(
        "PUBLIC_URL is not set",
        "slack.request_url.untried",
        ("PUBLIC_URL isn't set", REQUEST_URL),
        {"PUBLIC_URL": ""},
        is_note=True,
    ),
    Wrong(
        "PUBLIC_URL is another server's",
        "slack.request_url.another",
        ("{slack}/slack/events isn't Opp Status (404)", "Set PUBLIC_URL", REQUEST_URL),
        {"PUBLIC_URL": "{slack}"},
    ),
    Wrong(
        "PUBLIC_URL has a path that it should not have",
        "slack.request_url.another",
        ("isn't Opp Status (404)", "Set PUBLIC_URL", REQUEST_URL),
        {"PUBLIC_URL": "{bot}/opp-status"},
    ),
    Wrong(
        "nothing listens at PUBLIC_URL",
        "slack.request_url.unreachable",
        ("Nothing responds at http://127.0.0.1:1/slack/events", "that PUBLIC_URL is right", REQUEST_URL),
        {"PUBLIC_URL": "http://127.0.0.1:1"},
    ),
    Wrong(
        "PUBLIC_URL asks for a login",
        "slack.request_url.guarded",
        ("asks for a login (401)", "dashboard of your host"),
        {"PUBLIC_URL": "{highlevel}"},
        _answers_at("/slack/events", 401),
    ),
    Wrong(
        "PUBLIC_URL redirects",
        "slack.request_url.redirected",
        ("redirects", "final address for PUBLIC_URL", REQUEST_URL),
        {"PUBLIC_URL": "{highlevel}"},
        _answers_at("/slack/events", 301, Location="https://deals.example/"),
    ),
    Wrong(
        "the host answers, and the bot sleeps",
        "slack.request_url.down",
        ("Your host responds at", "(503)", "Check the log in your host's dashboard"),
        {"PUBLIC_URL": "{highlevel}"},
        _answers_at("/slack/events", 503),
    ),
    Wrong(
        "SLACK_SIGNING_SECRET is the client secret, and no command has come",
        "slack.signatures.untried",
        ("Not tried yet: no request from Slack so far", "Type /opp-status help", REQUEST_URL),
        {"SLACK_SIGNING_SECRET": OTHER_SECRET},
        is_note=True,
    ),
    Wrong(
        "this machine's clock is off",
        "clock.off",
        ("seconds behind Slack's", "timedatectl set-ntp true", "in your host's settings"),
        force=lambda house: setattr(house.slack, "clock", lambda: time.time() + 600),
    ),
]

AT_HIGHLEVEL = [
    Wrong(
        "the private integration token is cut off",
        "highlevel.token.mistyped",
        ("doesn't look like a token", f"{IN_HIGHLEVEL} > Rotate"),
        {"HIGHLEVEL_TOKEN": "pit-cut-off"},
        not_ok=HIGHLEVEL,
    ),
    Wrong(
        "the token is an access token that ended",
        "highlevel.token.expired",
        ("HIGHLEVEL_TOKEN expired", "Create new integration"),
        {"HIGHLEVEL_TOKEN": EXPIRED},
        not_ok=HIGHLEVEL,
    ),
    Wrong(
        "the token was rotated or deleted",
        "highlevel.token.revoked",
        ("doesn't recognize HIGHLEVEL_TOKEN", f"{IN_HIGHLEVEL} > Rotate"),
        {"HIGHLEVEL_TOKEN": REVOKED},
        not_ok=HIGHLEVEL,
    ),
    Wrong(
        "the token is the agency's",
        "highlevel.token.agency",
        ("is an agency token", "Switch to the sub-account (top left)"),
        {"HIGHLEVEL_TOKEN": "pit-as-forced"},
        _token(of_agency=True),
        not_ok=HIGHLEVEL,
    ),
    Wrong(
        "the token is another sub-account's",
        "highlevel.location.another",
        ("different sub-account than HIGHLEVEL_LOCATION_ID", "after /location/ in the address bar"),
        {"HIGHLEVEL_TOKEN": "pit-as-forced"},
        _token(location_id=ELSEWHERE),
        not_ok=HIGHLEVEL[1:],
    ),
    Wrong(
        "HIGHLEVEL_LOCATION_ID is another sub-account's",
        "highlevel.location.another",
        ("different sub-account than HIGHLEVEL_LOCATION_ID", "after /location/ in the address bar"),
        {"HIGHLEVEL_LOCATION_ID": ELSEWHERE},
        not_ok=HIGHLEVEL[1:],
    ),
    Wrong(
        "the token may not read deals",
        "highlevel.scope.missing",
        ("can't read opportunities", "Turn on View Opportunities and Edit Opportunities", f"{IN_HIGHLEVEL} > Scopes"),
        {"HIGHLEVEL_TOKEN": "pit-as-forced"},
        _token(scopes=frozenset({WRITE, USERS})),
        not_ok=("highlevel.lost_reasons",),
    ),
    Wrong(
        "the token may not change deals",
        "highlevel.edit.missing",
        ("can't change opportunities", "Turn on Edit Opportunities", f"{IN_HIGHLEVEL} > Scopes"),
        {"HIGHLEVEL_TOKEN": "pit-as-forced"},
        _token(scopes=frozenset({READ, USERS})),
    ),
    Wrong(
        "the token may not read users",
        "highlevel.users.missing",
        ("can't read users", "Turn on View Users", f"{IN_HIGHLEVEL} > Scopes"),
        {"HIGHLEVEL_TOKEN": "pit-as-forced"},
        _token(scopes=frozenset({READ, WRITE})),
        is_note=True,
    ),
    Wrong(
        "the token may not read lost reasons",
        "highlevel.lost_reasons.forbidden",
        ("can't read lost reasons", "View Opportunities", f"{IN_HIGHLEVEL} > Scopes"),
        force=lambda house: setattr(house.highlevel, "lost_reasons_forbidden", True),
        is_note=True,
    ),
    Wrong(
        "HIGHLEVEL_API_VERSION is none",
        "highlevel.token.version_refused",
        ("HIGHLEVEL_API_VERSION", "Remove the setting"),
        {"HIGHLEVEL_API_VERSION": "2020-01-01"},
        not_ok=HIGHLEVEL,
    ),
    Wrong(
        "HIGHLEVEL_API_URL has a path",
        "highlevel.token.wrong_address",
        ("HIGHLEVEL_API_URL isn't HighLevel's API", "Remove the setting"),
        {"HIGHLEVEL_API_URL": "{highlevel}/v1"},
        not_ok=HIGHLEVEL,
    ),
    Wrong(
        "HIGHLEVEL_API_URL is a page for people",
        "highlevel.token.unreadable",
        ("isn't from HighLevel's API", "Remove HIGHLEVEL_API_URL"),
        force=lambda house: house.highlevel.misbehave(
            HighLevelFault(status=200, body="<html>Welcome</html>"), times=99
        ),
        not_ok=HIGHLEVEL,
    ),
    Wrong(
        "HighLevel's network blocks this machine",
        "highlevel.token.blocked",
        ("is blocking Opp Status", "ask your host"),
        force=lambda house: house.highlevel.misbehave(HighLevelFault(status=403, body="error code: 1010"), times=99),
        not_ok=HIGHLEVEL,
    ),
    Wrong(
        "the network lets nothing out to HighLevel",
        "highlevel.token.unreachable",
        ("Can't reach HighLevel", "Check the network and HIGHLEVEL_API_URL"),
        {"HIGHLEVEL_API_URL": "http://127.0.0.1:1"},
        not_ok=HIGHLEVEL,
    ),
]

WHO_AND_WHERE = [
    Wrong(
        "no one is named",
        "access.allowlist.empty",
        ("No one can change deals", "ALLOWED_USERS, ALLOWED_GROUPS, and ADMINS are all empty"),
        {"ALLOWED_USERS": ""},
    ),
    Wrong(
        "one person of two is unknown",
        "access.people.unknown",
        ("U0TYPO in ALLOWED_USERS", "profile > three dots > Copy member ID"),
        {"ALLOWED_USERS": f"{ANA},U0TYPO"},
    ),
    Wrong(
        "an admin is unknown",
        "access.people.unknown",
        ("U0TYPO in ADMINS", "Copy member ID"),
        {"ADMINS": "U0TYPO"},
    ),
    Wrong(
        "the contact is unknown",
        "access.people.unknown",
        ("U0TYPO in ADMIN_CONTACT", "Copy member ID"),
        {"ADMIN_CONTACT": "U0TYPO"},
    ),
    Wrong(
        "a person left the company",
        "access.people.ineligible",
        ("Deactivated", "U0BEN in ALLOWED_USERS", "Remove the ID"),
        {"ALLOWED_USERS": f"{ANA},{BEN}"},
        _knows(U0BEN={"id": BEN, "deleted": True}),
        is_note=True,
    ),
    Wrong(
        "an app is named",
        "access.people.ineligible",
        ("an app", "U0APP in ALLOWED_USERS", "Remove the ID"),
        {"ALLOWED_USERS": f"{ANA},U0APP"},
        _knows(U0APP={"id": "U0APP", "is_bot": True}),
        is_note=True,
    ),
    Wrong(
        "a guest is named",
        "access.people.guests",
        ("A guest", "U0GUEST in ALLOWED_USERS", "remove the ID"),
        {"ALLOWED_USERS": f"{ANA},U0GUEST"},
        _knows(U0GUEST={"id": "U0GUEST", "is_restricted": True}),
        is_note=True,
    ),
    Wrong(
        "a group is unknown",
        "access.groups.unknown",
        ("no user group S0TYPO", "People > User groups > the group > Copy group ID"),
        {"ALLOWED_GROUPS": "S0TYPO"},
    ),
    Wrong(
        "the workspace has no groups",
        "access.groups.plan",
        ("not on Slack's free plan", "Clear ALLOWED_GROUPS"),
        {"ALLOWED_GROUPS": "S0SALES"},
        lambda house: house.slack.misbehave(
            SlackFault("usergroups.users.list", 200, {"ok": False, "error": "plan_upgrade_required"}, times=99)
        ),
    ),
    Wrong(
        "a group has no members",
        "access.groups.empty",
        ("S0SALES", "has no members", "People > User groups"),
        {"ALLOWED_GROUPS": "S0SALES"},
        lambda house: house.slack.groups.update(S0SALES=[]),
        is_note=True,
    ),
    Wrong(
        "a channel to work in is unknown, or private",
        "slack.channels.untold",
        (
            "C0TYPO in ALLOWED_CHANNELS (channel_not_found)",
            "channel name > About, at the bottom",
            "/invite @Opp Status",
        ),
        {"ALLOWED_CHANNELS": "C0SALES,C0TYPO"},
        lambda house: house.slack.hidden.add("C0TYPO"),
        is_note=True,
    ),
    Wrong(
        "a channel to work in is archived",
        "slack.channels.archived",
        ("Archived: C0SALES in ALLOWED_CHANNELS", "channel name > About, at the bottom"),
        {"ALLOWED_CHANNELS": "C0SALES"},
        lambda house: house.slack.archived.add("C0SALES"),
    ),
    Wrong(
        "the channel for wins is unknown",
        "slack.channels.closed",
        ("can't post in C0TYPO in ANNOUNCE_CHANNELS", "/invite @Opp Status", "channel name > About"),
        {"ANNOUNCE_CHANNELS": "won=C0TYPO"},
        lambda house: house.slack.hidden.add("C0TYPO"),
    ),
    Wrong(
        "Opp Status was not invited to the private channel for wins",
        "slack.channels.closed",
        ("can't post in G0WINS in ANNOUNCE_CHANNELS", "/invite @Opp Status"),
        {"ANNOUNCE_CHANNELS": "won=G0WINS"},
    ),
    Wrong(
        "Opp Status was not invited to the private channel for the digest",
        "slack.channels.closed",
        ("can't post in G0DEALS in DIGEST", "/invite @Opp Status"),
        {"DIGEST": "mon 09:00 Europe/Berlin G0DEALS"},
    ),
    Wrong(
        "Opp Status was not invited to the public channel for wins, and lacks the scope",
        "slack.channels.closed",
        ("can't post in C0WINS in ANNOUNCE_CHANNELS", "/invite @Opp Status"),
        {"ANNOUNCE_CHANNELS": "won=C0WINS"},
        _has_scopes("chat:write.public"),
    ),
    Wrong(
        "no scope shows channels",
        "slack.channels.untold",
        ("C0SALES in ALLOWED_CHANNELS (missing_scope)",),
        {"ALLOWED_CHANNELS": "C0SALES"},
        _has_scopes("channels:read"),
        is_note=True,
        not_ok=("access.shared_channels",),
    ),
    Wrong(
        "no scope shows people",
        "access.people.untold",
        ("Couldn't look up U0ANA in ALLOWED_USERS (missing_scope)", ADD_SCOPE),
        force=_has_scopes("users:read"),
        is_note=True,
    ),
]

IN_THE_DATABASE = [
    Wrong(
        "there is no such folder",
        "store.writable.down",
        ("unable to open database file: there is no folder /no/such", "Check DATABASE_URL"),
        {"DATABASE_URL": "sqlite:////no/such/ledger.db"},
        not_ok=STORE,
    ),
    Wrong(
        "the folder cannot be written",
        "store.writable.down",
        ("unable to open database file", "Check DATABASE_URL", "permissions"),
        {"DATABASE_URL": "sqlite:////proc/ledger.db"},
        not_ok=STORE,
    ),
    Wrong(
        "the file is no database",
        "store.writable.damaged",
        ("file is not a database", "fix DATABASE_URL"),
        {"DATABASE_URL": f"sqlite:///{Path(__file__)}"},
        not_ok=STORE,
    ),
    Wrong(
        "the server is away",
        "store.writable.down",
        ("Connection refused", "Check DATABASE_URL, the server"),
        {"DATABASE_URL": "postgresql://bot:s3cret@127.0.0.1:1/bot"},
        not_ok=STORE,
    ),
]

OVER_SOCKET = [
    Wrong(
        "SLACK_APP_TOKEN is cut off",
        "slack.socket.refused",
        ("rejected SLACK_APP_TOKEN (invalid_auth)", "Basic Information > App-Level Tokens"),
        {"SLACK_APP_TOKEN": "xapp-cut-off"},
    ),
    Wrong(
        "SLACK_APP_TOKEN lacks connections:write",
        "slack.socket.refused",
        ("(missing_scope)", "with connections:write", "Basic Information > App-Level Tokens"),
        force=lambda house: _refuses_connections(house, "missing_scope"),
    ),
    Wrong(
        "Socket Mode is off",
        "slack.socket.switched_off",
        ("Socket Mode is off", "api.slack.com/apps > your app > Socket Mode"),
        force=lambda house: _refuses_connections(house, "link_disabled"),
    ),
    Wrong(
        "other processes have all connections",
        "slack.socket.too_many",
        ("All ten of the app's connections are in use", "Stop other processes"),
        force=lambda house: _refuses_connections(house, "too_many_websockets"),
    ),
]


def _refuses_connections(house: House, word: str) -> None:
    house.slack.misbehave(SlackFault("apps.connections.open", 200, {"ok": False, "error": word}, times=99))


def _named(wrong: Wrong) -> str:
    return wrong.what


@pytest.mark.parametrize("wrong", [*AT_SLACK, *AT_HIGHLEVEL, *WHO_AND_WHERE, *IN_THE_DATABASE], ids=_named)
async def test_check_names_the_cause_and_where_to_click(
    house: House, capsys: pytest.CaptureFixture[str], wrong: Wrong
) -> None:
    addresses = {"bot": house.slack.bot_url, "highlevel": house.settings.highlevel_api_url, "slack": house.slack.url}
    if wrong.force:
        wrong.force(house)
    settings = {name: value.format_map(addresses) for name, value in wrong.settings.items()}
    code, lines = await _checked(capsys, _environ(house) | settings)

    _assert_told(replace(wrong, says=tuple(words.format_map(addresses) for words in wrong.says)), code, lines)
    assert house.highlevel.written == []


@pytest.mark.parametrize("wrong", OVER_SOCKET, ids=_named)
async def test_check_names_the_cause_over_socket_mode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: Wrong
) -> None:
    async with stand_ins(tmp_path, over="socket") as house:
        if wrong.force:
            wrong.force(house)
        code, lines = await _checked(capsys, _environ(house, "socket") | dict(wrong.settings))

    _assert_told(wrong, code, lines)
    assert house.slack.socket.greeted == 0


def test_there_are_more_than_forty_faults() -> None:
    everything = [*AT_SLACK, *AT_HIGHLEVEL, *WHO_AND_WHERE, *IN_THE_DATABASE, *OVER_SOCKET]

    assert len({wrong.what for wrong in everything}) == len(everything) > 40


async def test_without_a_fault_all_is_well(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    await house.slack.command("help", user=ANA, channel=SALES)
    settings = {
        "ALLOWED_GROUPS": "S0SALES",
        "ALLOWED_CHANNELS": SALES,
        "ANNOUNCE_CHANNELS": "won=C0WINS",
        "DIGEST": "mon 09:00 Europe/Berlin C0WINS",
        "ADMINS": KIM,
    }
    house.slack.groups["S0SALES"] = [BEN]
    code, lines = await _checked(capsys, _environ(house) | settings | {"POLL_SECONDS": "0"})

    assert code == 0
    assert [line for line in lines if not line.startswith("ok    ")] == []


# --- what Slack sends to the bot ------------------------------------------------------------------------------------


async def test_a_client_secret_in_place_of_the_signing_secret_is_found_with_the_first_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_house(tmp_path, SLACK_SIGNING_SECRET=OTHER_SECRET) as house:
        await house.slack.command("help", user=ANA, channel=SALES)
        code, lines = await _checked(capsys, _environ(house) | {"SLACK_SIGNING_SECRET": OTHER_SECRET})

    says = (
        f"The Opp Status that runs at {house.slack.bot_url} refuses what Slack sends",
        "Copy the Signing Secret again from api.slack.com/apps > your app > Basic Information > App Credentials",
    )
    _assert_told(Wrong("", "slack.signatures.refused_there", says), code, lines)


async def test_a_wrong_request_url_in_slack_is_not_called_ok(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    environ = _environ(house)
    house.slack.bot_url = f"{house.slack.bot_url}/not-here"
    await house.slack.command("help", user=ANA, channel=SALES)
    code, lines = await _checked(capsys, environ)

    says = ("no request from Slack so far", REQUEST_URL, "Options Load URL")
    _assert_told(Wrong("", "slack.signatures.untried", says, is_note=True), code, lines)


async def test_a_slash_command_of_another_name_is_found_with_the_first_command(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.slack.command("help", user=ANA, channel=SALES, command="/opps")
    code, lines = await _checked(capsys, _environ(house))
    says = (f"{house.slack.bot_url}/ready says why", "another command than /opp-status", "Slash Commands with COMMAND")
    _assert_told(Wrong("", "slack.command.failing_there", says), code, lines)
    async with httpx.AsyncClient() as http:
        ready = (await http.get(f"{house.slack.bot_url}/ready")).json()

    assert ready["failing"]["slack.command"].startswith("Slack sends /opps, and Opp Status only answers /opp-status.")
    assert "Slash Commands, or set COMMAND and restart" in ready["failing"]["slack.command"]


async def test_a_slash_command_that_never_came_is_not_called_ok(
    tmp_path: Path, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    says = ("no /opp-status from Slack so far", "api.slack.com/apps > your app > Slash Commands")
    untried = Wrong("", "slack.command.untried", says, is_note=True)
    _assert_told(untried, *await _checked(capsys, _environ(house)))
    async with stand_ins(tmp_path, over="socket") as other:
        _assert_told(untried, *await _checked(capsys, _environ(other, "socket")))


# --- HighLevel by OAuth ---------------------------------------------------------------------------------------------

OTHER_KEY = f"{'z' * 42}A="
LAPSE = "UPDATE connections SET ends_at = 1, given_at = 0"


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong(
            "ENCRYPTION_KEY was changed",
            "highlevel.token.reconnect",
            ("can't be decrypted with ENCRYPTION_KEY", "python -m bot connect", "/oauth/highlevel/install"),
            {"ENCRYPTION_KEY": OTHER_KEY},
            not_ok=HIGHLEVEL,
        ),
        Wrong(
            "HIGHLEVEL_LOCATIONS names a sub-account that is not connected",
            "highlevel.token.reconnect",
            ("Paris: HighLevel isn't connected (it hasn't been connected yet)", "python -m bot connect"),
            {"HIGHLEVEL_LOCATIONS": f"{PARIS}=Paris"},
            not_ok=("highlevel.location", "highlevel.scope"),
        ),
        Wrong(
            "HIGHLEVEL_CLIENT_SECRET is another app's",
            "highlevel.token.app_unknown",
            ("HIGHLEVEL_CLIENT_ID or HIGHLEVEL_CLIENT_SECRET", "My Apps > your app > Advanced Settings > Auth"),
            {"HIGHLEVEL_CLIENT_SECRET": "another-apps"},
            lambda house: execute(house.settings.database_url, LAPSE),
            not_ok=HIGHLEVEL,
        ),
        Wrong(
            "HIGHLEVEL_CLIENT_ID is another app's",
            "highlevel.token.app_unknown",
            ("HIGHLEVEL_CLIENT_ID or HIGHLEVEL_CLIENT_SECRET", "My Apps > your app > Advanced Settings > Auth"),
            {"HIGHLEVEL_CLIENT_ID": "another-apps"},
            lambda house: execute(house.settings.database_url, LAPSE),
            not_ok=HIGHLEVEL,
        ),
        Wrong(
            "the app was removed from the sub-account",
            "highlevel.token.reconnect",
            ("HighLevel isn't connected", "python -m bot connect"),
            force=lambda house: house.highlevel.oauth.uninstall(),
            not_ok=HIGHLEVEL,
        ),
    ],
    ids=_named,
)
async def test_check_names_what_is_wrong_with_a_connection(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: Wrong
) -> None:
    async with stand_ins(tmp_path, **BY_OAUTH) as house:
        async with serving(build(house.settings, PATIENT)) as house.slack.bot_url, visitor(house) as ana:
            await ana.connects()
        if wrong.force:
            wrong.force(house)
        code, lines = await _checked(capsys, _environ(house) | BY_OAUTH | dict(wrong.settings))

    _assert_told(wrong, code, lines)


async def test_check_names_what_is_missing_before_a_connection(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_house(tmp_path, **BY_OAUTH) as house:
        code, lines = await _checked(capsys, _environ(house) | BY_OAUTH)

    says = ("it hasn't been connected yet", "python -m bot connect", f"{PUBLIC_URL}/oauth/highlevel/install")
    _assert_told(Wrong("", "highlevel.token.reconnect", says, not_ok=HIGHLEVEL), code, lines)


async def test_check_names_a_scope_that_was_not_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scopes = {"HIGHLEVEL_SCOPES": "opportunities.readonly"}
    async with open_house(tmp_path, **BY_OAUTH | scopes) as house, visitor(house) as ana:
        await ana.connects()
        code, lines = await _checked(capsys, _environ(house) | BY_OAUTH | scopes)

    says = ("can't change opportunities (opportunities.write)", "With OAuth, add the scope to your app and reconnect")
    _assert_told(Wrong("", "highlevel.edit.missing", says, not_ok=("highlevel.users",)), code, lines)


# --- the database, the disk, the proxy ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"username": "nobody"}, 'role "nobody" does not exist'),
        ({"username": "locked"}, 'password authentication failed for user "locked"'),
        ({"query": {"sslmode": "require"}}, "server does not support SSL"),
    ],
    ids=["database", "user", "password", "TLS"],
)
async def test_check_repeats_the_reason_of_the_server(
    house: House, capsys: pytest.CaptureFixture[str], cluster: Cluster, change: dict[str, Any], reason: str
) -> None:
    url = sa.make_url(cluster.new_database())
    with cluster.asking_for_password("locked"):
        wrong = url.set(password="s3cret").set(**change).render_as_string(hide_password=False)
        code, lines = await _checked(capsys, _environ(house) | {"DATABASE_URL": wrong})

    _assert_told(Wrong("", "store.writable.down", (reason, "Check DATABASE_URL"), not_ok=STORE), code, lines)


async def test_check_notes_a_database_without_tables(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "copy.db").touch()
    code, lines = await _checked(capsys, _environ(house) | {"DATABASE_URL": f"sqlite:///{tmp_path / 'copy.db'}"})

    says = ("has no tables yet", "python -m bot backup")
    _assert_told(Wrong("", "store.schema.new", says, is_note=True), code, lines)


@pytest.mark.parametrize(
    ("force", "why", "says"),
    [
        (
            lambda url: execute(url, "UPDATE opp_status_schema SET version = 99"),
            "store.schema.newer",
            ("A newer version of Opp Status wrote this database", "Deploy the newer version", "DATABASE_URL"),
        ),
        (load_unreleased, "store.schema.unreleased", ("from before the first release", "Set DATABASE_URL")),
    ],
    ids=["newer", "unreleased"],
)
async def test_check_names_the_version_of_the_tables(
    house: House,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    force: Callable[[str], None],
    why: str,
    says: tuple[str, ...],
) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    force(url)
    code, lines = await _checked(capsys, _environ(house) | {"DATABASE_URL": url})

    _assert_told(Wrong("", why, says, not_ok=STORE), code, lines)


@pytest.mark.parametrize(
    ("host", "kind", "when"),
    [
        ({"DYNO": "web.1"}, "ext4", "every restart on Heroku"),
        ({"K_SERVICE": "opp-status"}, "ext4", "every restart on Cloud Run"),
        ({}, "overlay", "every new container"),
        ({}, "tmpfs", "every restart of this machine"),
    ],
    ids=["Heroku", "Cloud Run", "a container", "memory"],
)
async def test_check_names_a_disk_that_is_emptied(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path, host: dict[str, str], kind: str, when: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"none / {kind} rw 0 0\n")
    code, lines = await _checked(capsys, _environ(house) | host, mounts)

    _assert_told(Wrong("", "store.durable.emptied", (when, "Set DATABASE_URL to a PostgreSQL database")), code, lines)


@pytest.mark.parametrize("is_up", [True, False], ids=["refuses", "away"])
async def test_check_names_the_proxy(house: House, capsys: pytest.CaptureFixture[str], *, is_up: bool) -> None:
    async with proxied({}, "Basic bm90LWEtbmFtZQ==") as proxy:
        settings = {
            "SLACK_API_URL": "https://slack.test/api/",
            "HIGHLEVEL_API_URL": "https://highlevel.test",
            "HTTPS_PROXY": (proxy.url if is_up else "http://127.0.0.1:1").replace("://", "://opp:s3cret@"),
        }
        code, lines = await _checked(capsys, _environ(house) | settings)

    says = (
        "doesn't let Opp Status through to Slack and HighLevel",
        "Check the address, name, and password in HTTPS_PROXY",
        "NO_PROXY",
    )
    not_ok = (*SLACK_TOKEN, *HIGHLEVEL, "clock")
    _assert_told(Wrong("", "network.proxy.refused", says, not_ok=not_ok), code, lines)

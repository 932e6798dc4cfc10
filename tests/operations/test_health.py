import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import partial

import pytest

from bot.access.authorization import DirectoryError
from bot.access.rules import Allowlist, Person
from bot.deals.outcome import Cause
from bot.deals.ports import Damage, OtherSchema, StoreDown, StoreRefused
from bot.events.ports import Heard
from bot.http.client import HttpClient
from bot.http.proxies import Proxies
from bot.operations import diagnoses
from bot.operations.checks.access import NO_CHANNEL, AccessChecks
from bot.operations.checks.channels import ChannelChecks
from bot.operations.checks.disk import DiskCheck
from bot.operations.checks.events import EventChecks
from bot.operations.checks.findings import OVER_HTTP, OVER_SOCKET, TRIED, CheckId, Findings
from bot.operations.checks.highlevel import HighLevelChecks
from bot.operations.checks.people import PeopleChecks
from bot.operations.checks.proxy import ProxyCheck
from bot.operations.checks.slack_requests import HomeCheck, HttpChecks, SocketChecks
from bot.operations.checks.slack_token import SlackTokenChecks
from bot.operations.checks.store import StoreChecks
from bot.operations.diagnose import AddressReading, ClockReading, Grant, NoAnswer, TokenShape
from bot.operations.health import Health, Report, report_of, settings_report
from bot.slack.directory import Channel
from bot.slack.signatures import CommandReading, SignatureReading
from bot.slack.verification import Refusal
from bot.slack.workspace import AuthTest, SlackTrouble
from tests.memory import MemoryDirectory, error

ONE_USER = Allowlist(frozenset({"U1"}), frozenset())
BY_HTTP = tuple(check for check in CheckId if check not in OVER_SOCKET | TRIED)
BY_SOCKET = tuple(check for check in CheckId if check not in OVER_HTTP | TRIED)
EVERY_SCOPE = frozenset({"commands", "chat:write", "users:read", "usergroups:read"})
URL = "https://bot.example/slack/events"
HERE, ELSEWHERE, NOWHERE = (Person(frozenset(teams)) for teams in (["T1"], ["T2"], []))


@dataclass
class Neighbours:
    """Slack, HighLevel and the database, as the checks ask them: well, unless a field says otherwise."""

    slack: SlackTrouble | None = None
    scopes: frozenset[str] | None = EVERY_SCOPE
    team_id: str = "T1"
    slack_ahead: float | None = 0.0
    highlevel_ahead: float | None = 0.0
    edit: Grant = Grant.YES
    users: Grant = Grant.YES
    address: AddressReading | None = field(default_factory=lambda: AddressReading(URL, 401, is_ours=True))
    signatures: SignatureReading = field(default_factory=lambda: SignatureReading(heard=True))
    commands: CommandReading = field(default_factory=lambda: CommandReading(heard=True))
    socket: SlackTrouble | None = None
    highlevel: Cause | None = None
    lost_reasons: bool | Cause = True
    store_down: bool = False
    store_reason: str = ""
    home: bool | None = True
    store_is_new: bool = False
    store_refuses: bool = False
    database_ahead: float = 0.0
    schema: OtherSchema | None = None
    damage: Damage | None = None
    directory: MemoryDirectory = field(
        default_factory=lambda: MemoryDirectory(people={"U1": HERE, "U2": HERE, "USLACKBOT": HERE})
    )
    channels: DirectoryError | None = None
    channel: Channel = field(default_factory=Channel)
    asked: int = 0

    async def ask_slack(self) -> AuthTest:
        self.asked += 1
        await asyncio.sleep(0)
        if self.slack:
            raise self.slack
        clock = _clock("Slack", self.slack_ahead)
        return AuthTest(self.team_id, "Acme", self.scopes, clock.date, clock.at)

    def highlevel_clock(self) -> ClockReading:
        return _clock("HighLevel", self.highlevel_ahead)

    async def may_edit(self, *, until: float) -> Grant:
        assert until > 0
        return self.edit

    async def may_read_users(self, *, until: float) -> Grant:
        assert until > 0
        return self.users

    async def probe_address(self) -> AddressReading | None:
        return self.address

    async def ask_socket(self) -> None:
        if self.socket:
            raise self.socket

    async def probe(self, *, until: float) -> None:
        assert until > 0
        if self.highlevel:
            raise error(self.highlevel)

    async def reads_lost_reasons(self, *, until: float) -> bool:
        assert until > 0
        if isinstance(self.lost_reasons, Cause):
            raise error(self.lost_reasons)
        return self.lost_reasons

    async def heard(self) -> Heard:
        return Heard(None, {}, None)

    async def ping(self) -> None:
        if self.store_refuses:
            raise StoreRefused
        if self.store_down:
            raise StoreDown(schema=self.schema, damage=self.damage, reason=self.store_reason)

    async def is_new(self) -> bool:
        return self.store_is_new

    async def clock_offset(self) -> float:
        return self.database_ahead

    async def has_home(self) -> bool | None:
        return self.home

    async def look_into(self, channel_id: str) -> Channel:
        if channel_id == NO_CHANNEL and self.channels is None:
            raise DirectoryError("channel_not_found")
        if self.channels:
            raise self.channels
        return self.channel

    def health(
        self,
        allowlist: Allowlist = ONE_USER,
        *,
        over_socket: bool = False,
        team_id: str = "",
        token: TokenShape | None = None,
        kept: float = 15.0,
        others: Mapping[str, "Neighbours"] | None = None,
        posted_to: Collection[str] = (),
    ) -> Health:
        return Health(
            [
                SlackTokenChecks(self.ask_slack, self.directory, allowlist, team_id),
                SocketChecks(self.ask_socket, lambda: self.commands)
                if over_socket
                else HttpChecks(self.probe_address, lambda: self.signatures, lambda: self.commands),
                HighLevelChecks(
                    default=self,
                    others=others or {},
                    permissions=self,
                    clock=self.highlevel_clock,
                    token=token or TokenShape(),
                    connect_url="",
                ),
                ProxyCheck(Proxies(), {}, partial(HttpClient, "tests")),
                EventChecks(self.heard, is_expected=False, polls_every=0),
                StoreChecks(self.ping, self.is_new, self.clock_offset),
                DiskCheck(None),
                AccessChecks(allowlist, self.directory, self.look_into),
                PeopleChecks(
                    {"ALLOWED_USERS": allowlist.users, "ADMINS": allowlist.admins},
                    allowlist,
                    self.directory,
                    team_is_set=bool(team_id),
                ),
                HomeCheck(self.has_home),
                ChannelChecks(
                    worked_in=allowlist.channels,
                    posted_to={"ANNOUNCE_CHANNELS": posted_to},
                    look_into=self.look_into,
                    auth_test=self.ask_slack,
                ),
            ],
            kept,
        )


def _clock(whose: str, ahead: float | None) -> ClockReading:
    now = time.time()
    return ClockReading(whose, "" if ahead is None else formatdate(now - ahead, usegmt=True), now)


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours()


async def test_when_all_is_well_every_check_is_ok(neighbours: Neighbours) -> None:
    report = await neighbours.health().report()

    assert report == Report(BY_HTTP, {})
    assert report.as_json() == {"ok": list(BY_HTTP), "failing": {}}


async def test_a_further_check_is_one_class(neighbours: Neighbours) -> None:
    class SettingsChecks:
        async def run(self, *, everything: bool) -> Findings:
            diagnosis = diagnoses.SETTINGS_UNUSABLE.about(problems=f"Everything: {everything}.")
            return Findings(frozenset({CheckId.SETTINGS}), failing=(diagnosis,))

    health = Health([StoreChecks(neighbours.ping, neighbours.is_new, neighbours.clock_offset), SettingsChecks()])

    assert (await health.report()).failing == {"settings": "Everything: False."}
    assert (await health.examine()).failing == {"settings": "Everything: True."}


async def test_a_variable_that_is_nearly_a_setting_is_a_note_and_the_bot_works() -> None:
    report = await Health([], near_misses={"ALOWED_USERS": "ALLOWED_USERS"}).report()

    assert report.failing == {}
    assert report.notes["settings"] == (
        "Opp Status has no setting ALOWED_USERS, so it does nothing. If you mean ALLOWED_USERS, rename it."
    )
    assert (report.why["settings"], "settings" in report.ok) == ("settings.misspelled", True)
    assert "settings" not in report.in_full()["ok"]


async def test_a_check_that_was_not_made_is_not_in_the_report(neighbours: Neighbours) -> None:
    report = await Health([StoreChecks(neighbours.ping, neighbours.is_new, neighbours.clock_offset)]).report()

    assert report.ok == ("settings", "store.writable", "store.schema", "store.clock")
    assert list(report.notes) == ["clock"]


async def test_an_examination_makes_every_check_and_a_new_report(neighbours: Neighbours) -> None:
    checks = neighbours.health()
    await checks.report()
    report = await checks.examine()

    assert set(report.ok) == set(BY_HTTP) | TRIED
    assert neighbours.asked == 2


async def test_an_app_without_a_home_tab_is_noted_and_one_of_which_slack_says_nothing_is_not(
    neighbours: Neighbours,
) -> None:
    neighbours.home = False
    report = await neighbours.health().examine()
    assert (list(report.failing), list(report.notes)) == ([], ["slack.home"])

    neighbours.home = None
    report = await neighbours.health().examine()
    assert "slack.home" not in {*report.ok, *report.notes}


async def test_over_socket_mode_the_connection_is_checked_instead_of_the_address(neighbours: Neighbours) -> None:
    neighbours.address = None

    assert await neighbours.health(over_socket=True).report() == Report(BY_SOCKET, {})
    assert set((await neighbours.health(over_socket=True).examine()).ok) == {*BY_SOCKET, *TRIED} - OVER_HTTP


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("", "Not connected to Slack right now"),
        ("ratelimited", "retry in a minute or two"),
        ("link_disabled", "Turn it on in"),
        ("too_many_websockets", "Stop other processes"),
        ("invalid_auth", "rejected SLACK_APP_TOKEN (invalid_auth)"),
        ("not_allowed_token_type", "Create an app-level token with connections:write"),
    ],
)
async def test_a_missing_socket_connection_is_reported_with_what_to_do(
    neighbours: Neighbours, error: str, words: str
) -> None:
    neighbours.socket = SlackTrouble(error)
    report = await neighbours.health(over_socket=True).report()

    assert list(report.failing) == ["slack.socket"]
    assert words in report.failing["slack.socket"]
    assert set(report.ok) == set(BY_SOCKET) - {"slack.socket"}


@pytest.mark.parametrize(
    ("lost_reasons", "note"), [(False, diagnoses.REASONS_FORBIDDEN), (Cause.SERVER_ERROR, diagnoses.REASONS_UNREAD)]
)
async def test_unreadable_lost_reasons_are_a_note_and_not_a_failure(
    neighbours: Neighbours, note: diagnoses.Diagnosis, *, lost_reasons: bool | Cause
) -> None:
    neighbours.lost_reasons = lost_reasons
    report = await neighbours.health().report()
    notes, why = {"highlevel.lost_reasons": note.words}, {"highlevel.lost_reasons": note.id}

    assert report == Report(BY_HTTP, {}, notes, why)
    assert report.as_json() == {"ok": list(BY_HTTP), "failing": {}}
    without_note = [check for check in BY_HTTP if check != "highlevel.lost_reasons"]
    assert report.in_full() == {"ok": without_note, "failing": {}, "notes": notes, "why": why}


async def test_a_refused_slack_token_is_reported_with_slacks_word(neighbours: Neighbours) -> None:
    neighbours.slack = SlackTrouble("token_revoked")
    failing = (await neighbours.health().report()).failing

    assert list(failing) == ["slack.token", "slack.workspace", "slack.scopes", "slack.command"]
    assert "(token_revoked)" in failing["slack.token"]
    assert failing["slack.scopes"] == "Can't check this until slack.token passes."


async def test_an_unreachable_slack_is_not_a_bad_token(neighbours: Neighbours) -> None:
    neighbours.slack = SlackTrouble("")

    report = await neighbours.health().report()

    assert report.failing["slack.token"] == diagnoses.SLACK_UNREACHABLE.words
    assert report.why == {"slack.token": "slack.token.unreachable"}


async def test_an_empty_allowlist_is_not_ready(neighbours: Neighbours) -> None:
    report = await neighbours.health(Allowlist(frozenset(), frozenset())).report()

    assert list(report.failing) == ["access.allowlist"]
    assert "No one can change deals" in report.failing["access.allowlist"]


@pytest.mark.parametrize(
    ("allowlist", "failing"),
    [
        (Allowlist(frozenset(), frozenset(), groups=frozenset({"S1"})), ["access.groups"]),
        (Allowlist(frozenset(), frozenset(), admins=frozenset({"U1"})), []),
    ],
)
async def test_an_allowlist_of_groups_or_admins_alone_is_not_empty(
    neighbours: Neighbours, allowlist: Allowlist, failing: list[str]
) -> None:
    assert list((await neighbours.health(allowlist).report()).failing) == failing


BY_GROUP = Allowlist(frozenset({"U1"}), frozenset(), groups=frozenset({"S1", "S2"}))
BY_ADMIN = Allowlist(frozenset({"U1"}), frozenset(), admins=frozenset({"U2"}))


async def test_groups_whose_members_slack_tells_are_well(neighbours: Neighbours) -> None:
    neighbours.directory.groups = {"S1": frozenset({"U1"}), "S2": frozenset({"U2"})}

    assert (await neighbours.health(BY_GROUP).report()).notes == {}


async def test_a_group_without_members_is_noted(neighbours: Neighbours) -> None:
    neighbours.directory.groups = {"S1": frozenset(), "S2": frozenset({"U2"})}
    report = await neighbours.health(BY_GROUP).report()

    assert report.failing == {}
    assert report.why == {"access.groups": "access.groups.empty"}
    assert report.notes["access.groups"].startswith("User group S1 in ALLOWED_GROUPS has no members")


async def test_a_failure_has_what_is_noted_beside_it_and_not_that_something_was_not_tried(
    neighbours: Neighbours,
) -> None:
    neighbours.directory.groups = {"S1": frozenset()}
    neighbours.directory.error = "no_such_subteam"
    report = await neighbours.health(BY_GROUP).report()

    assert report.why == {"access.groups": "access.groups.unknown"}
    assert report.notes == {}
    assert report.failing["access.groups"].startswith("This workspace has no user group S2.")
    assert "User group S1 in ALLOWED_GROUPS has no members" in report.failing["access.groups"]
    untried = Findings(failing=(diagnoses.SIGNATURES_WRONG,), notes=(diagnoses.SIGNATURES_UNTRIED,))
    assert report_of(untried).failing == {"slack.signatures": diagnoses.SIGNATURES_WRONG.words}
    assert report_of(untried).notes == {}


def test_all_notes_of_a_check_are_told() -> None:
    notes = (diagnoses.WEBHOOKS_LATEST.about(ago="5 minutes"), diagnoses.WEBHOOKS_REFUSED.about(many=2, which="2 late"))
    report = report_of(Findings(frozenset({CheckId.WEBHOOKS}), notes=notes))

    assert report.notes == {"highlevel.webhooks": f"{notes[0].words} {notes[1].words}"}
    assert report.why == {"highlevel.webhooks": "highlevel.webhooks.refused"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("missing_scope", "Add the usergroups:read scope"),
        ("plan_upgrade_required", "they're not on Slack's free plan"),
        ("no_such_subteam", "This workspace has no user group S1."),
        ("", "Can't reach Slack to see who's in user group S1"),
        ("ratelimited", "Slack won't say who's in user group S1 (ratelimited)"),
    ],
)
async def test_each_word_of_slacks_about_a_group_has_its_advice(neighbours: Neighbours, error: str, words: str) -> None:
    neighbours.directory.error = error
    failing = (await neighbours.health(BY_GROUP).report()).failing

    assert words in failing["access.groups"]


async def test_only_the_groups_that_fail_are_named(neighbours: Neighbours) -> None:
    neighbours.directory.groups = {"S1": frozenset({"U3"})}
    neighbours.directory.error = "no_such_subteam"
    failing = (await neighbours.health(BY_GROUP).report()).failing

    assert "S2" in failing["access.groups"]
    assert "S1" not in failing["access.groups"]


@pytest.mark.parametrize(
    ("allowlist", "fails", "noted"), [(ONE_USER, False, False), (BY_GROUP, True, False), (BY_ADMIN, False, True)]
)
async def test_unknown_guests_fail_with_groups_are_noted_with_admins_and_ignored_otherwise(
    neighbours: Neighbours, allowlist: Allowlist, *, fails: bool, noted: bool
) -> None:
    neighbours.directory.groups = {"S1": frozenset({"U1"}), "S2": frozenset({"U1"})}
    neighbours.directory.people = {}
    neighbours.directory.error = "missing_scope"
    report = await neighbours.health(allowlist).report()

    assert ("access.people" in report.failing) is fails
    assert ("access.people" in report.notes) is noted
    neighbours.directory.error = "user_not_found"
    assert "access.people" in (await neighbours.health(allowlist).report()).ok


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("missing_scope", "access.shared_channels.missing_scope"),
        ("channel_not_found", None),
        ("", "access.shared_channels.untold"),
        ("internal_error", "access.shared_channels.untold"),
    ],
)
async def test_unknown_shared_channels_are_noted(neighbours: Neighbours, trouble: str, why: str | None) -> None:
    neighbours.channels = DirectoryError(trouble)
    report = await neighbours.health().report()

    assert report.failing == {}
    assert report.why.get("access.shared_channels") == why
    assert ("access.shared_channels" in report.ok) is (why != "access.shared_channels.untold")


@pytest.mark.parametrize(
    ("schema", "advice"),
    [
        (OtherSchema.NEWER, "Deploy the newer version"),
        (OtherSchema.UNRELEASED, "Set DATABASE_URL to a new database."),
    ],
)
async def test_a_store_of_another_version_is_reported_with_what_to_do(
    neighbours: Neighbours, schema: OtherSchema, advice: str
) -> None:
    neighbours.store_down, neighbours.schema = True, schema
    failing = (await neighbours.health().report()).failing

    assert list(failing) == ["store.writable", "store.schema", "store.clock"]
    assert advice in failing["store.schema"]
    assert failing["store.writable"] == "Can't check this until store.schema passes."


async def test_a_store_that_cannot_be_written_is_not_ready(neighbours: Neighbours) -> None:
    neighbours.store_down = True

    assert list((await neighbours.health().report()).failing) == ["store.writable", "store.schema", "store.clock"]


async def test_only_an_examination_repeats_the_words_of_the_database(neighbours: Neighbours) -> None:
    neighbours.store_down, neighbours.store_reason = True, "password authentication failed for user ana"
    monitor, examined = await neighbours.health().report(), await neighbours.health().examine()

    assert "ana" not in str(monitor.as_json())
    assert examined.failing["store.writable"].startswith(
        "Can't write to the database (password authentication failed for user ana). Check DATABASE_URL"
    )


async def test_a_database_without_tables_is_noted(neighbours: Neighbours) -> None:
    neighbours.store_is_new = True
    report = await neighbours.health().report()

    assert report.failing == {}
    assert report.why == {"store.schema": "store.schema.new"}
    assert "a copy of a SQLite file is complete only if" in report.notes["store.schema"]


@pytest.mark.parametrize(
    ("ahead", "words"), [(2.4, "2 seconds behind the database's"), (-300.0, "300 seconds ahead of the database's")]
)
async def test_a_clock_that_differs_from_the_databases_is_noted(
    neighbours: Neighbours, ahead: float, words: str
) -> None:
    neighbours.database_ahead = ahead
    report = await neighbours.health().report()

    assert report.failing == {}
    assert set(report.ok) == set(BY_HTTP)
    assert report.why == {"store.clock": "store.clock.off"}
    assert words in report.notes["store.clock"]


@pytest.mark.parametrize("ahead", [1.9, 0.0, -1.9])
async def test_a_clock_that_is_nearly_the_databases_is_well(neighbours: Neighbours, ahead: float) -> None:
    neighbours.database_ahead = ahead

    assert (await neighbours.health().report()).notes == {}


@pytest.mark.parametrize(
    ("damage", "found"), [(Damage.MOVED, "store.writable.moved"), (Damage.PAGES, "store.writable.damaged")]
)
async def test_a_file_that_something_happened_to_is_reported_with_what_to_do(
    neighbours: Neighbours, damage: Damage, found: str
) -> None:
    neighbours.store_down, neighbours.damage = True, damage

    assert (await neighbours.health().report()).why == {"store.writable": found}


async def test_a_store_that_refuses_what_is_written_is_not_ready(neighbours: Neighbours) -> None:
    neighbours.store_refuses = True

    assert (await neighbours.health().report()).why == {"store.writable": "store.writable.down"}


async def test_several_failing_checks_keep_their_order(neighbours: Neighbours) -> None:
    neighbours.store_down = True
    neighbours.slack = SlackTrouble("invalid_auth")
    neighbours.highlevel = Cause.TOKEN_ELSEWHERE
    report = await neighbours.health().report()

    assert list(report.failing) == [
        "slack.token",
        "slack.workspace",
        "slack.scopes",
        "slack.command",
        "highlevel.scope",
        "highlevel.location",
        "highlevel.lost_reasons",
        "store.writable",
        "store.schema",
        "store.clock",
    ]
    assert set(report.ok) | set(report.failing) == set(BY_HTTP)
    assert report.why == {
        "slack.token": "slack.token.mistyped",
        "highlevel.location": "highlevel.location.another",
        "store.writable": "store.writable.down",
    }


@pytest.mark.parametrize(
    ("cause", "failing"),
    [
        (Cause.TOKEN_INVALID, ["token", "scope", "edit", "users", "location", "lost_reasons"]),
        (Cause.TOKEN_ELSEWHERE, ["scope", "edit", "users", "location", "lost_reasons"]),
        (Cause.SCOPE_MISSING, ["scope", "lost_reasons"]),
    ],
)
async def test_checks_after_the_first_that_fails_at_highlevel_wait_for_it(
    neighbours: Neighbours, cause: Cause, failing: list[str]
) -> None:
    neighbours.highlevel = cause
    report = await neighbours.health().examine()
    (failed,) = report.why

    assert list(report.failing) == [f"highlevel.{each}" for each in failing]
    for check in report.failing.keys() - {failed}:
        assert report.failing[check] == f"Can't check this until {failed} passes."


async def test_the_shape_of_a_refused_token_decides_its_diagnosis(neighbours: Neighbours) -> None:
    neighbours.highlevel = Cause.TOKEN_INVALID
    report = await neighbours.health(token=TokenShape(is_private=False)).report()

    assert report.why == {"highlevel.token": "highlevel.token.mistyped"}


async def test_a_token_that_may_not_edit_fails_and_one_that_may_not_read_users_is_noted(
    neighbours: Neighbours,
) -> None:
    neighbours.edit = neighbours.users = Grant.NO
    report = await neighbours.health().examine()

    assert list(report.failing) == ["highlevel.edit"]
    assert list(report.notes) == ["highlevel.users"]
    assert "highlevel.users" in report.ok
    assert report.why == {"highlevel.edit": "highlevel.edit.missing", "highlevel.users": "highlevel.users.missing"}


async def test_a_token_that_may_neither_read_nor_edit_is_told_both(neighbours: Neighbours) -> None:
    neighbours.highlevel, neighbours.edit = Cause.SCOPE_MISSING, Grant.NO
    report = await neighbours.health().examine()

    assert report.why == {"highlevel.scope": "highlevel.scope.missing", "highlevel.edit": "highlevel.edit.missing"}


async def test_a_check_that_could_not_be_made_is_neither_well_nor_failing(neighbours: Neighbours) -> None:
    neighbours.edit = neighbours.users = Grant.UNKNOWN
    neighbours.address = neighbours.scopes = neighbours.slack_ahead = neighbours.highlevel_ahead = None
    report = await neighbours.health().examine()

    assert report.failing == {}
    assert report.why == {
        "slack.scopes": "slack.scopes.untold",
        "slack.request_url": "slack.request_url.untried",
        "clock": "clock.untold",
        "highlevel.edit": "highlevel.edit.untold",
        "highlevel.users": "highlevel.users.untold",
    }
    assert not report.why.keys() & set(report.ok)


async def test_missing_scopes_and_a_missing_command_are_two_checks(neighbours: Neighbours) -> None:
    neighbours.scopes = frozenset()
    report = await neighbours.health().report()

    assert report.why == {"slack.scopes": "slack.scopes.missing", "slack.command": "slack.command.not_installed"}
    assert "is missing chat:write." in report.failing["slack.scopes"]


async def test_a_token_of_another_workspace_than_the_settings_name_fails(neighbours: Neighbours) -> None:
    assert (await neighbours.health(team_id="T1").examine()).failing == {}
    report = await neighbours.health(team_id="T2").report()

    assert report.why == {"slack.workspace": "slack.workspace.another"}
    assert "is for Acme (T1), but SLACK_TEAM_ID says T2." in report.failing["slack.workspace"]


@pytest.mark.parametrize(
    ("people", "error", "told"),
    [
        ({}, "user_not_found", True),
        ({}, "user_not_visible", True),
        ({"U1": ELSEWHERE}, "user_not_found", True),
        ({"U1": HERE}, "user_not_found", False),
        ({"U2": HERE}, "user_not_found", False),
        ({"U1": NOWHERE}, "user_not_found", False),
        ({}, "missing_scope", False),
        ({}, "", False),
    ],
)
async def test_a_workspace_that_knows_none_of_the_people_in_the_settings_fails(
    neighbours: Neighbours, people: dict[str, Person], error: str, *, told: bool
) -> None:
    neighbours.directory.people, neighbours.directory.error = people, error
    named = replace(ONE_USER, admins=frozenset({"U2"}))
    report = await neighbours.health(named).examine()

    assert (report.why.get("slack.workspace") == "slack.workspace.strangers") is told


async def test_settings_that_name_no_people_do_not_make_the_workspace_fail(neighbours: Neighbours) -> None:
    neighbours.directory.error = "user_not_found"
    report = await neighbours.health(Allowlist(frozenset(), frozenset())).examine()

    assert "slack.workspace" in report.ok


async def test_only_an_examination_looks_people_up(neighbours: Neighbours) -> None:
    neighbours.directory.people, neighbours.directory.error = {}, "user_not_found"

    assert (await neighbours.health().report()).failing == {}
    assert list((await neighbours.health().examine()).failing) == ["slack.workspace", "access.people"]


async def test_only_an_examination_reports_an_address_without_the_bot(neighbours: Neighbours) -> None:
    neighbours.address = AddressReading(URL, NoAnswer.UNREACHABLE)

    assert (await neighbours.health().examine()).why == {"slack.request_url": "slack.request_url.unreachable"}
    assert (await neighbours.health().report()).failing == {}


async def test_a_secret_that_no_request_has_tried_is_not_called_well(neighbours: Neighbours) -> None:
    neighbours.signatures = SignatureReading()
    report = await neighbours.health().report()

    assert report.failing == {}
    assert "slack.signatures" not in report.ok
    assert report.notes["slack.signatures"].startswith("Not tried yet: no request from Slack so far.")


@pytest.mark.parametrize("over_socket", [True, False])
@pytest.mark.parametrize(
    ("heard", "why"),
    [
        (CommandReading(), "slack.command.untried"),
        (CommandReading(other="/opps"), "slack.command.misnamed"),
        (CommandReading(heard=True, other="/opps"), None),
    ],
)
async def test_a_command_that_has_not_come_is_not_called_well(
    neighbours: Neighbours, heard: CommandReading, why: str | None, *, over_socket: bool
) -> None:
    neighbours.commands = heard
    report = await neighbours.health(over_socket=over_socket).report()

    assert report.why.get("slack.command") == why
    assert ("slack.command" in report.ok) is (why is None)
    assert ("slack.command" in report.failing) is (why == "slack.command.misnamed")


@pytest.mark.parametrize(
    ("there", "why"), [(True, None), (False, "slack.command.failing_there"), (None, "slack.command.untried")]
)
async def test_the_command_is_known_from_the_bot_at_the_address(
    neighbours: Neighbours, why: str | None, *, there: bool | None
) -> None:
    neighbours.commands = CommandReading()
    neighbours.address = AddressReading(URL, 401, is_ours=True, command=there)

    assert (await neighbours.health().examine()).why.get("slack.command") == why


@pytest.mark.parametrize(
    ("refusal", "refused", "words"),
    [
        (Refusal.WRONG_SIGNATURE, 1, "(1 request to /slack/events refused in a row)"),
        (Refusal.WRONG_SIGNATURE, 3, "Copy the Signing Secret again"),
        (Refusal.STALE, 2, "(2 requests to /slack/events refused in a row). This machine's clock is off."),
    ],
)
async def test_refused_signatures_fail_with_what_to_do(
    neighbours: Neighbours, refusal: Refusal, refused: int, words: str
) -> None:
    neighbours.signatures = SignatureReading(refusal, refused, heard=True)

    assert words in (await neighbours.health().report()).failing["slack.signatures"]
    assert words in (await neighbours.health().examine()).failing["slack.signatures"]


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (True, {}),
        (False, {"slack.signatures": "slack.signatures.refused_there"}),
        (None, {"slack.signatures": "slack.signatures.untried"}),
    ],
)
async def test_an_examination_asks_the_bot_that_runs_how_slack_signed(
    neighbours: Neighbours, there: bool | None, why: dict[str, str]
) -> None:
    neighbours.signatures = SignatureReading()
    neighbours.address = AddressReading(URL, 401, is_ours=True, signatures=there)
    report = await neighbours.health().examine()

    assert report.why == why
    assert ("https://bot.example/ready says why" in str(report.failing)) is (there is False)


@pytest.mark.parametrize(
    ("slack", "highlevel", "words"),
    [
        (61.5, 0.0, "seconds ahead of Slack's"),
        (-400.0, 0.0, "seconds behind Slack's"),
        (0.0, 400.0, ""),
        (None, 400.0, "seconds ahead of HighLevel's"),
        (58.0, 0.0, ""),
    ],
)
async def test_a_clock_that_is_off_by_more_than_a_minute_fails(
    neighbours: Neighbours, slack: float | None, highlevel: float, words: str
) -> None:
    neighbours.slack_ahead, neighbours.highlevel_ahead = slack, highlevel
    report = await neighbours.health().report()

    assert report.why == ({"clock": "clock.off"} if words else {})
    assert words in report.failing.get("clock", "")


async def test_without_slack_the_clock_is_compared_with_highlevels(neighbours: Neighbours) -> None:
    neighbours.slack, neighbours.highlevel_ahead = SlackTrouble(""), 120.0

    assert "clock" in (await neighbours.health().report()).failing


async def test_one_report_is_made_for_all_who_ask_at_once(
    neighbours: Neighbours,
) -> None:
    checks = neighbours.health()
    await asyncio.gather(*(checks.report() for _ in range(10)))

    assert neighbours.asked == 1


@dataclass
class Together(Neighbours):
    """Neighbours whose HighLevel answers once it has been asked four questions."""

    all_asking: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(4))

    async def probe(self, *, until: float) -> None:
        await self.all_asking.wait()
        await super().probe(until=until)

    async def reads_lost_reasons(self, *, until: float) -> bool:
        await self.all_asking.wait()
        return await super().reads_lost_reasons(until=until)

    async def may_edit(self, *, until: float) -> Grant:
        await self.all_asking.wait()
        return await super().may_edit(until=until)

    async def may_read_users(self, *, until: float) -> Grant:
        await self.all_asking.wait()
        return await super().may_read_users(until=until)


async def test_all_questions_go_to_highlevel_at_once() -> None:
    async with asyncio.timeout(60):
        assert (await Together().health().examine()).failing == {}


async def test_a_report_that_is_too_old_is_replaced(neighbours: Neighbours) -> None:
    checks = neighbours.health(kept=0.0)
    await checks.report()
    neighbours.store_down = True

    assert list((await checks.report()).failing) == ["store.writable", "store.schema", "store.clock"]


def test_unusable_settings_are_all_that_is_reported() -> None:
    report = settings_report({"SLACK_BOT_TOKEN": "isn't set", "PORT": "should be a whole number"})

    assert report.ok == ()
    assert report.failing == {"settings": "SLACK_BOT_TOKEN isn't set. PORT should be a whole number."}
    assert report.why == {"settings": "settings.unusable"}
    assert len([*report.lines()]) == 1


async def test_checks_that_wait_for_the_same_check_are_one_line(neighbours: Neighbours) -> None:
    neighbours.highlevel = Cause.TOKEN_INVALID
    lines = [*(await neighbours.health().report()).lines()]

    waiting = "highlevel.scope, highlevel.location, highlevel.lost_reasons"
    assert f"wait  {waiting}: Can't check this until highlevel.token passes." in lines
    assert len([line for line in lines if line.startswith("wait")]) == 1
    assert [line.split(":")[0] for line in lines if line.startswith("FAIL")] == ["FAIL  highlevel.token"]


@dataclass
class Branch(Neighbours):
    """One of many sub-accounts."""

    probed: int = 0

    async def probe(self, *, until: float) -> None:
        self.probed += 1
        await super().probe(until=until)


async def test_of_many_sub_accounts_some_are_looked_at_for_each_report_and_all_for_a_check() -> None:
    branches = {f"Branch {number}": Branch() for number in range(60)}
    branches["Branch 3"].highlevel = Cause.RECONNECT
    checks = HighLevelChecks(
        default=Branch(),
        others=branches,
        permissions=Branch(),
        clock=lambda: ClockReading("HighLevel", "", 0.0),
        token=TokenShape(),
        connect_url="",
    )
    found = [await checks.run(everything=False) for _ in range(3)]

    assert [sum(each.probed for each in branches.values()), min(each.probed for each in branches.values())] == [75, 1]
    assert [len(each.failing) for each in found] == [1, 1, 1]
    await checks.run(everything=True)
    assert min(each.probed for each in branches.values()) == 2


async def test_trouble_in_another_sub_account_begins_with_its_name(neighbours: Neighbours) -> None:
    well, expired = Neighbours(), Neighbours(highlevel=Cause.RECONNECT)
    report = await neighbours.health(others={"Berlin": well, "Paris": expired}).report()
    assert report.failing["highlevel.token"].startswith("Paris: ")

    neighbours.highlevel = Cause.TOKEN_INVALID
    both = (await neighbours.health(others={"Paris": expired}).report()).failing["highlevel.token"]
    assert "Paris: " in both
    assert len(both) > len(report.failing["highlevel.token"])

import asyncio
from dataclasses import dataclass, field

import pytest

from bot import health
from bot.access import Allowlist
from bot.change import StoreDown
from bot.health import CHECKS, SIGNING_SECRET, SLACK_SOCKET, Health, Report, highlevel_failures, settings_report
from bot.outcome import Cause, Trouble
from bot.workspace import SlackTrouble
from tests.memory import MemoryDirectory, error

SOMEBODY = Allowlist(frozenset({"U1"}), frozenset())
OVER_HTTP = tuple(check for check in CHECKS if check != SLACK_SOCKET)
OVER_SOCKET = tuple(check for check in CHECKS if check != SIGNING_SECRET)


@dataclass
class Neighbours:
    """Everything the checks ask, well unless told otherwise."""

    slack: SlackTrouble | None = None
    socket: SlackTrouble | None = None
    highlevel: Cause | None = None
    lost_reasons: bool | Cause = True
    store_down: bool = False
    store_newer: bool = False
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    channels: SlackTrouble | None = None
    asked: int = 0

    async def ask_slack(self) -> str:
        self.asked += 1
        await asyncio.sleep(0)
        if self.slack:
            raise self.slack
        return "T1"

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

    async def ping(self) -> None:
        if self.store_down:
            raise StoreDown(newer=self.store_newer)

    async def look_into(self, channel_id: str) -> None:
        assert channel_id
        if self.channels:
            raise self.channels

    def health(self, allowlist: Allowlist = SOMEBODY, *, over_socket: bool = False) -> Health:
        return Health(
            ask_slack=self.ask_slack,
            ask_socket=self.ask_socket if over_socket else None,
            probe_highlevel=self.probe,
            reads_lost_reasons=self.reads_lost_reasons,
            ping_store=self.ping,
            allowlist=allowlist,
            directory=self.directory,
            look_into=self.look_into,
        )


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours()


async def test_when_all_is_well_every_check_is_ok(neighbours: Neighbours) -> None:
    report = await neighbours.health().report()

    assert report == Report(OVER_HTTP, {})
    assert report.as_json() == {"ok": list(OVER_HTTP), "failing": {}}


async def test_over_socket_mode_the_connection_is_checked_and_not_the_signing_secret(neighbours: Neighbours) -> None:
    assert await neighbours.health(over_socket=True).report() == Report(OVER_SOCKET, {})


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("", "There is no connection to Slack at the moment"),
        ("ratelimited", "wait a minute or two"),
        ("link_disabled", "switch it on under Socket Mode"),
        ("too_many_websockets", "stop other processes"),
        ("invalid_auth", "does not accept SLACK_APP_TOKEN (it says: invalid_auth)"),
        ("not_allowed_token_type", "Create an app-level token with connections:write"),
    ],
)
async def test_a_connection_that_is_not_there_is_told_with_what_to_do(
    neighbours: Neighbours, error: str, words: str
) -> None:
    neighbours.socket = SlackTrouble(error)
    report = await neighbours.health(over_socket=True).report()

    assert list(report.failing) == ["slack.socket"]
    assert words in report.failing["slack.socket"]
    assert set(report.ok) == set(OVER_SOCKET) - {"slack.socket"}


@pytest.mark.parametrize(
    ("lost_reasons", "note"),
    [(False, health.LOST_REASONS_FORBIDDEN), (Cause.SERVER_ERROR, health.LOST_REASONS_UNREAD)],
)
async def test_lost_reasons_that_cannot_be_read_are_a_note_and_no_failure(
    neighbours: Neighbours, note: str, *, lost_reasons: bool | Cause
) -> None:
    neighbours.lost_reasons = lost_reasons
    report = await neighbours.health().report()

    assert report == Report(OVER_HTTP, {}, {"highlevel.lost_reasons": note})
    assert report.as_json() == {"ok": list(OVER_HTTP), "failing": {}}


async def test_a_slack_token_that_is_refused_is_named_with_slacks_word(neighbours: Neighbours) -> None:
    neighbours.slack = SlackTrouble("token_revoked")
    failing = (await neighbours.health().report()).failing

    assert list(failing) == ["slack.token"]
    assert "it says: token_revoked" in failing["slack.token"]


async def test_a_slack_that_cannot_be_reached_is_not_a_bad_token(neighbours: Neighbours) -> None:
    neighbours.slack = SlackTrouble("")

    assert (await neighbours.health().report()).failing == {"slack.token": health.SLACK_UNREACHABLE}


async def test_an_empty_allowlist_is_not_ready(neighbours: Neighbours) -> None:
    report = await neighbours.health(Allowlist(frozenset(), frozenset())).report()

    assert list(report.failing) == ["access.allowlist"]
    assert "nobody may change anything" in report.failing["access.allowlist"]


@pytest.mark.parametrize(
    ("allowlist", "failing"),
    [
        (Allowlist(frozenset(), frozenset(), groups=frozenset({"S1"})), ["access.groups"]),
        (Allowlist(frozenset(), frozenset(), admins=frozenset({"U1"})), []),
    ],
)
async def test_a_list_of_groups_or_admins_alone_is_one(
    neighbours: Neighbours, allowlist: Allowlist, failing: list[str]
) -> None:
    assert list((await neighbours.health(allowlist).report()).failing) == failing


BY_GROUP = Allowlist(frozenset({"U1"}), frozenset(), groups=frozenset({"S1", "S2"}))
BY_ADMIN = Allowlist(frozenset({"U1"}), frozenset(), admins=frozenset({"U2"}))


async def test_groups_that_slack_tells_of_are_well(neighbours: Neighbours) -> None:
    neighbours.directory.groups = {"S1": frozenset(), "S2": frozenset({"U2"})}

    assert (await neighbours.health(BY_GROUP).report()).failing == {}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("missing_scope", "Add the scope usergroups:read"),
        ("plan_upgrade_required", "Slack's free plan has none"),
        ("no_such_subteam", "There is no user group S1 in this workspace."),
        ("", "Slack cannot be asked who is in the user group S1"),
        ("ratelimited", "Slack does not tell who is in the user group S1 (it says: ratelimited)"),
    ],
)
async def test_of_a_group_that_slack_does_not_tell_the_advice_is_what_to_do(
    neighbours: Neighbours, error: str, words: str
) -> None:
    neighbours.directory.error = error
    failing = (await neighbours.health(BY_GROUP).report()).failing

    assert words in failing["access.groups"]


async def test_of_several_groups_only_those_are_named_that_are_not_well(neighbours: Neighbours) -> None:
    neighbours.directory.groups = {"S1": frozenset()}
    neighbours.directory.error = "no_such_subteam"
    failing = (await neighbours.health(BY_GROUP).report()).failing

    assert "S2" in failing["access.groups"]
    assert "S1" not in failing["access.groups"]


@pytest.mark.parametrize(
    ("allowlist", "fails", "noted"), [(SOMEBODY, False, False), (BY_GROUP, True, False), (BY_ADMIN, False, True)]
)
async def test_that_members_cannot_be_told_from_guests_matters_where_people_are_let_in_without_being_named(
    neighbours: Neighbours, allowlist: Allowlist, *, fails: bool, noted: bool
) -> None:
    neighbours.directory.groups = {"S1": frozenset(), "S2": frozenset()}
    neighbours.directory.error = "missing_scope"
    report = await neighbours.health(allowlist).report()

    assert ("access.people" in report.failing) is fails
    assert ("access.people" in report.notes) is noted
    neighbours.directory.error = "user_not_found"
    assert "access.people" in (await neighbours.health(allowlist).report()).ok


@pytest.mark.parametrize(("trouble", "noted"), [("missing_scope", True), ("channel_not_found", False), ("", False)])
async def test_that_shared_channels_cannot_be_told_is_noted(
    neighbours: Neighbours, trouble: str, *, noted: bool
) -> None:
    neighbours.channels = SlackTrouble(trouble)
    report = await neighbours.health().report()

    assert report.failing == {}
    assert ("access.shared_channels" in report.notes) is noted


async def test_a_store_of_a_later_version_is_told_in_plain_words(neighbours: Neighbours) -> None:
    neighbours.store_down = neighbours.store_newer = True
    failing = (await neighbours.health().report()).failing

    assert list(failing) == ["store.writable", "store.schema"]
    assert "Deploy the later version again" in failing["store.schema"]
    assert failing["store.writable"] == "Cannot be told before store.schema is well."


async def test_a_store_that_cannot_be_written_is_not_ready(neighbours: Neighbours) -> None:
    neighbours.store_down = True

    assert list((await neighbours.health().report()).failing) == ["store.writable", "store.schema"]


async def test_several_checks_can_fail_at_once_and_keep_their_order(neighbours: Neighbours) -> None:
    neighbours.store_down = True
    neighbours.slack = SlackTrouble("invalid_auth")
    neighbours.highlevel = Cause.TOKEN_ELSEWHERE
    report = await neighbours.health().report()

    assert list(report.failing) == [
        "slack.token",
        "highlevel.scope",
        "highlevel.location",
        "highlevel.lost_reasons",
        "store.writable",
        "store.schema",
    ]
    assert set(report.ok) | set(report.failing) == set(OVER_HTTP)


@pytest.mark.parametrize(
    ("cause", "check", "words"),
    [
        (Cause.TOKEN_INVALID, "highlevel.token", "Create a new one in Settings > Private Integrations"),
        (
            Cause.RECONNECT,
            "highlevel.token",
            "reconnect. Run `python -m bot connect` and open the link that it prints.",
        ),
        (Cause.APP_UNKNOWN, "highlevel.token", "HIGHLEVEL_CLIENT_SECRET"),
        (Cause.NOT_RENEWED, "highlevel.token", "could not be renewed yet"),
        (Cause.FORBIDDEN, "highlevel.token", "without a reason"),
        (Cause.VERSION_REFUSED, "highlevel.token", "HIGHLEVEL_API_VERSION"),
        (Cause.BLOCKED, "highlevel.token", "turns us away"),
        (Cause.WRONG_ADDRESS, "highlevel.token", "HIGHLEVEL_API_URL"),
        (Cause.UNREADABLE, "highlevel.token", "makes no sense"),
        (Cause.RATE_LIMITED, "highlevel.token", "no more requests"),
        (Cause.DAILY_LIMIT, "highlevel.token", "daily allowance"),
        (Cause.NO_TLS, "highlevel.token", "No secure connection"),
        (Cause.NO_CONNECTION, "highlevel.token", "cannot be reached"),
        (Cause.SERVER_ERROR, "highlevel.token", "a problem of its own"),
        (Cause.SCOPE_MISSING, "highlevel.scope", "Tick View Opportunities and Edit Opportunities"),
        (Cause.TOKEN_ELSEWHERE, "highlevel.location", "HIGHLEVEL_LOCATION_ID"),
        (Cause.NOT_FOUND, "highlevel.location", "knows no location"),
        (Cause.INVALID, "highlevel.location", "Copy it from the address bar"),
    ],
)
def test_what_highlevel_said_tells_which_check_fails_and_what_to_do(cause: Cause, check: str, words: str) -> None:
    assert words in highlevel_failures(Trouble(cause))[check]


def test_who_has_to_reconnect_reads_where_and_why() -> None:
    trouble = Trouble(Cause.RECONNECT, reasons=("the app was removed", "yesterday {today}"))
    why = "(the app was removed; yesterday {today})."

    assert highlevel_failures(trouble, "https://deals.example/install")["highlevel.token"].endswith(
        f"that it prints, on https://deals.example/install {why}"
    )
    assert highlevel_failures(trouble)["highlevel.token"].endswith(f"that it prints {why}")


def test_what_was_not_reached_cannot_be_told() -> None:
    failing = highlevel_failures(Trouble(Cause.TOKEN_INVALID))

    assert failing["highlevel.location"] == failing["highlevel.scope"]
    assert failing["highlevel.scope"] == "Cannot be told before highlevel.token is well."


async def test_a_report_is_kept_for_a_while_and_made_once_for_all_who_ask(
    neighbours: Neighbours,
) -> None:
    checks = neighbours.health()
    await asyncio.gather(*(checks.report() for _ in range(10)))

    assert neighbours.asked == 1


async def test_highlevel_is_asked_everything_at_once(neighbours: Neighbours) -> None:
    both = 2
    asking, all_asking = 0, asyncio.Event()

    async def ask(*, until: float) -> bool:
        nonlocal asking
        assert until > 0
        asking += 1
        if asking == both:
            all_asking.set()
        await all_asking.wait()
        return True

    async def probe(*, until: float) -> None:
        await ask(until=until)

    checks = Health(
        ask_slack=neighbours.ask_slack,
        probe_highlevel=probe,
        reads_lost_reasons=ask,
        ping_store=neighbours.ping,
        allowlist=SOMEBODY,
        directory=neighbours.directory,
        look_into=neighbours.look_into,
    )
    async with asyncio.timeout(5):
        assert (await checks.report()).failing == {}


async def test_a_report_that_is_too_old_is_made_anew(neighbours: Neighbours) -> None:
    checks = Health(
        ask_slack=neighbours.ask_slack,
        probe_highlevel=neighbours.probe,
        reads_lost_reasons=neighbours.reads_lost_reasons,
        ping_store=neighbours.ping,
        allowlist=SOMEBODY,
        directory=neighbours.directory,
        look_into=neighbours.look_into,
        fresh=0.0,
    )
    await checks.report()
    neighbours.store_down = True
    await asyncio.sleep(0.001)

    assert list((await checks.report()).failing) == ["store.writable", "store.schema"]


def test_settings_that_cannot_be_used_leave_nothing_else_to_tell() -> None:
    report = settings_report({"SLACK_BOT_TOKEN": "is not set", "PORT": "should be a whole number"})

    assert report.ok == ()
    assert list(report.failing) == list(CHECKS)
    assert report.failing["settings"] == "SLACK_BOT_TOKEN is not set. PORT should be a whole number."

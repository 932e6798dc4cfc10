import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.access.authorization import DirectoryError
from bot.access.rules import Person
from bot.simulator.serving import served
from bot.simulator.slack.server import EMAILS, Fault, Slack
from bot.slack.directory import Channel, SlackDirectory, read_person

pytestmark = pytest.mark.jumping_clock

SCOPES = frozenset({"usergroups:read", "users:read", "channels:read"})


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = Slack(signing_secret="not-a-secret", bot_token="xoxb-not-a-token")
    slack.tokens = {"xoxb-not-a-token": SCOPES}
    slack.users = {"U1": {"id": "U1", "name": "ana"}, "U2": {"id": "U2", "is_restricted": True}}
    slack.groups = {"S1": ["U1", "U2"], "S2": []}
    slack.shared_channels = {"C2"}
    async with served(slack.app()) as slack.url:
        yield slack


def _directory(slack: Slack, ttl: float = 300.0, error_ttl: float = 10.0) -> SlackDirectory:
    web = AsyncWebClient(token="xoxb-not-a-token", base_url=f"{slack.url}/api/", retry_handlers=[])
    return SlackDirectory(web, ["S1"], ttl, error_ttl)


async def test_the_members_of_a_group_are_read_once_in_five_minutes(slack: Slack) -> None:
    directory = _directory(slack)

    assert await directory.members("S1") == {"U1", "U2"}
    slack.groups["S1"] = []
    assert await directory.members("S1") == {"U1", "U2"}
    assert await directory.members("S2") == set()
    assert slack.calls == ["usergroups.users.list"] * 2


async def test_members_that_are_too_old_are_read_again(slack: Slack) -> None:
    directory = _directory(slack, ttl=0.0)
    await directory.members("S1")
    slack.groups["S1"] = ["U3"]

    assert await directory.members("S1") == {"U3"}


@pytest.mark.parametrize(
    ("group", "scopes", "fault", "error"),
    [
        ("S9", SCOPES, None, "no_such_subteam"),
        ("S1", frozenset({"commands"}), None, "missing_scope"),
        (
            "S1",
            SCOPES,
            Fault("usergroups.users.list", status=200, body={"ok": False, "error": "plan_upgrade_required"}),
            "plan_upgrade_required",
        ),
        ("S1", SCOPES, Fault("usergroups.users.list", status=503), ""),
    ],
)
async def test_an_error_has_slacks_own_word_and_is_kept_for_a_while(
    slack: Slack, group: str, scopes: frozenset[str], fault: Fault | None, error: str
) -> None:
    slack.tokens = {"xoxb-not-a-token": scopes}
    if fault:
        slack.misbehave(fault)
    directory = _directory(slack)
    for _ in range(3):
        with pytest.raises(DirectoryError) as trouble:
            await directory.members(group)
        assert trouble.value.error == error

    assert slack.calls == ["usergroups.users.list"]  # the error is kept


async def test_after_that_while_slack_is_asked_again_for_the_members(slack: Slack) -> None:
    slack.misbehave(Fault("usergroups.users.list", status=500))
    directory = _directory(slack, error_ttl=0.0)
    with pytest.raises(DirectoryError):
        await directory.members("S1")

    assert await directory.members("S1") == {"U1", "U2"}


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": True, "users": "U1"}, {"ok": True, "users": [1, None]}])
async def test_an_answer_of_an_odd_shape_is_a_group_without_members(slack: Slack, body: object) -> None:
    slack.misbehave(Fault("usergroups.users.list", status=200, body=body))

    assert await _directory(slack).members("S1") == set()


async def test_groups_are_refreshed_in_the_background(slack: Slack) -> None:
    directory = _directory(slack, ttl=0.2)
    keeping = asyncio.create_task(directory.keep())
    await slack.wait_until(lambda: len(slack.calls) >= 3)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping

    assert set(slack.calls) == {"usergroups.users.list"}


async def test_a_group_that_could_not_be_read_is_read_again_sooner(slack: Slack) -> None:
    slack.misbehave(Fault("usergroups.users.list", status=500, times=2))
    directory = _directory(slack, error_ttl=0.01)
    keeping = asyncio.create_task(directory.keep())
    await slack.wait_until(lambda: len(slack.calls) >= 3)
    assert await directory.members("S1") == {"U1", "U2"}
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


async def test_without_groups_nothing_is_refreshed(slack: Slack) -> None:
    web = AsyncWebClient(token="xoxb-not-a-token", base_url=f"{slack.url}/api/")
    await SlackDirectory(web, []).keep()

    assert slack.calls == []


async def test_a_member_is_told_from_a_guest(slack: Slack) -> None:
    directory = _directory(slack)

    assert await directory.person("U1") == Person(frozenset({"T0SIMULATED"}))
    assert await directory.person("U2") == Person(frozenset({"T0SIMULATED"}), is_guest=True)
    with pytest.raises(DirectoryError, match="user_not_found"):
        await directory.person("U3")


async def test_an_answer_without_a_user_is_an_error(slack: Slack) -> None:
    slack.misbehave(Fault("users.info", status=200, body={"ok": True}))
    with pytest.raises(DirectoryError, match="no_user"):
        await _directory(slack).person("U1")


@pytest.mark.parametrize("user", [{"id": "U2"}, {"id": ["U1"]}, {"id": "U2", "enterprise_user": {"id": "W2"}}])
async def test_an_answer_about_another_person_is_none(slack: Slack, user: object) -> None:
    slack.misbehave(Fault("users.info", status=200, body={"ok": True, "user": user}))
    with pytest.raises(DirectoryError, match="another_user"):
        await _directory(slack).person("U1")


@pytest.mark.parametrize("user", [{"id": "U1"}, {}, {"id": "U2", "enterprise_user": {"id": "U1"}}])
async def test_a_person_of_an_enterprise_may_have_two_ids(slack: Slack, user: object) -> None:
    slack.misbehave(Fault("users.info", status=200, body={"ok": True, "user": user}))
    assert isinstance(await _directory(slack).person("U1"), Person)


async def test_an_answer_about_another_channel_is_none(slack: Slack) -> None:
    other = {"ok": True, "channel": {"id": "C2", "is_ext_shared": False}}
    slack.misbehave(Fault("conversations.info", status=200, body=other))
    with pytest.raises(DirectoryError, match="another_channel"):
        await _directory(slack).look_into("C1")


@pytest.mark.parametrize("channel", [None, "C1", []])
async def test_an_answer_without_a_channel_tells_of_no_sharing(slack: Slack, channel: object) -> None:
    slack.misbehave(Fault("conversations.info", status=200, body={"ok": True, "channel": channel}))
    assert await _directory(slack).look_into("C1") == Channel()


async def test_a_channel_is_shared_if_slack_says_so(slack: Slack) -> None:
    directory = _directory(slack)

    assert await directory.is_shared("C2")
    assert not await directory.is_shared("C1")
    await directory.look_into("C1")


@pytest.mark.parametrize("fault", [Fault("conversations.info", status=503), Fault("conversations.info", wait=3.0)])
async def test_a_channel_that_could_not_be_read_is_read_again(slack: Slack, fault: Fault) -> None:
    slack.misbehave(fault)
    directory = _directory(slack, error_ttl=0.0)

    assert not await directory.is_shared("C2")
    async with asyncio.timeout(60):
        while not await directory.is_shared("C2"):
            await asyncio.sleep(0.1)


async def test_a_channel_that_the_bot_may_not_read_counts_as_ours_and_is_not_read_again(slack: Slack) -> None:
    slack.tokens = {"xoxb-not-a-token": frozenset()}
    directory = _directory(slack, error_ttl=0.0)

    assert not await directory.is_shared("C2")
    assert not await directory.is_shared("C2")
    assert slack.calls == ["conversations.info"]
    with pytest.raises(DirectoryError, match="missing_scope"):
        await directory.look_into("C2")


@pytest.mark.parametrize(
    ("user", "known"),
    [
        ({"team_id": "T1"}, Person(frozenset({"T1"}))),
        ({"team_id": "T1", "enterprise_user": {"teams": ["T1", "T2"]}}, Person(frozenset({"T1", "T2"}))),
        ({"enterprise_user": {"enterprise_id": "E1", "teams": ["T1"]}}, Person(frozenset({"E1", "T1"}))),
        ({"team_id": "T1", "is_restricted": True}, Person(frozenset({"T1"}), is_guest=True)),
        ({"team_id": "T1", "is_ultra_restricted": True}, Person(frozenset({"T1"}), is_guest=True)),
        ({"team_id": "T1", "is_bot": True}, Person(frozenset({"T1"}), is_bot=True)),
        ({"team_id": "T1", "is_workflow_bot": True}, Person(frozenset({"T1"}), is_bot=True)),
        ({"team_id": "T1", "deleted": True}, Person(frozenset({"T1"}), is_gone=True)),
        ({"team_id": "T2", "is_stranger": True}, Person(frozenset({"T2"}), is_stranger=True)),
        ({}, Person(frozenset())),
    ],
)
def test_the_fields_of_a_user_are_read(user: dict[str, Any], known: Person) -> None:
    assert read_person(user) == known


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["teams", "enterprise_id", "id"]), inner, max_size=2)
    ),
    max_leaves=8,
)
FIELDS = ["team_id", "enterprise_user", "is_bot", "is_restricted", "is_stranger", "deleted"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_fields_of_a_user_are_read_without_an_error(user: dict[str, Any]) -> None:
    assert all(team for team in read_person(user).teams)


# --- e-mails -------------------------------------------------------------------------------------------------------

ANA = {"id": "U1", "team_id": "T0SIMULATED", "profile": {"email": " Ana@Acme.example ", "real_name": "Ana"}}


async def test_a_persons_email_comes_with_its_scope_alone(slack: Slack) -> None:
    slack.users = {"U1": ANA}
    assert (await _directory(slack).person("U1")).email == ""
    slack.tokens = {"xoxb-not-a-token": SCOPES | {EMAILS}}
    assert (await _directory(slack).person("U1")).email == "Ana@Acme.example"


@pytest.mark.parametrize("profile", [None, [], {"email": 5}, {"email": "a" * 300}])
def test_an_odd_email_is_none(profile: object) -> None:
    assert read_person({"id": "U1", "profile": profile}).email == ""


async def test_a_member_is_found_by_email_and_asked_for_once(slack: Slack) -> None:
    slack.tokens = {"xoxb-not-a-token": SCOPES | {EMAILS}}
    slack.users = {"U1": {**ANA, "profile": {"email": "ana@acme.example"}}}
    directory = _directory(slack)
    assert await directory.found_by_email("ana@acme.example") == "U1"
    assert await directory.found_by_email("ana@acme.example") == "U1"
    assert await directory.found_by_email("ben@acme.example") is None
    assert slack.calls == ["users.lookupByEmail"] * 2


@pytest.mark.parametrize("mark", ["is_stranger", "is_bot", "deleted"])
async def test_who_is_no_member_of_ours_is_not_found(slack: Slack, mark: str) -> None:
    slack.tokens = {"xoxb-not-a-token": SCOPES | {EMAILS}}
    slack.users = {"U1": {**ANA, "profile": {"email": "ana@acme.example"}, mark: True}}
    assert await _directory(slack).found_by_email("ana@acme.example") is None


@pytest.mark.parametrize(
    ("scopes", "body", "error"),
    [
        (SCOPES, None, "missing_scope"),
        (SCOPES | {EMAILS}, {"ok": True, "user": {"id": 5}}, "no_user"),
        (SCOPES | {EMAILS}, {"ok": True, "user": {"id": "U2", "profile": {"email": "b@acme.example"}}}, "another_user"),
    ],
)
async def test_an_answer_about_no_one_or_another_is_an_error_without_the_email(
    slack: Slack, scopes: frozenset[str], body: object, error: str
) -> None:
    slack.tokens = {"xoxb-not-a-token": scopes}
    if body:
        slack.misbehave(Fault("users.lookupByEmail", status=200, body=body))
    with capture_logs() as logs, pytest.raises(DirectoryError) as trouble:
        await _directory(slack).found_by_email("ana@acme.example")
    assert trouble.value.error == error
    assert "ana@" not in str(logs)

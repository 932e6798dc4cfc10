"""The checks of the people and the channels that the settings name."""

from collections.abc import Mapping

import pytest

from bot.access.authorization import DirectoryError
from bot.access.rules import Allowlist, Person
from bot.operations.checks.channels import ChannelChecks
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.checks.people import MOST_PEOPLE, PeopleChecks
from bot.operations.health import Report, report_of
from bot.slack.directory import Channel
from bot.slack.workspace import AuthTest, SlackTrouble
from tests.memory import MemoryDirectory

pytestmark = pytest.mark.jumping_clock

ANA, BEN, KIM = "U0ANA", "U0BEN", "U0KIM"
HERE = Person(frozenset({"T1"}))
GONE = Person(frozenset({"T1"}), is_gone=True)
NO_ONE: frozenset[str] = frozenset()


def _people(
    known: Mapping[str, Person], error: str = "user_not_found", groups: frozenset[str] = NO_ONE, **named: frozenset[str]
) -> PeopleChecks:
    users, admins = named.get("ALLOWED_USERS", NO_ONE), named.get("ADMINS", NO_ONE)
    allowlist = Allowlist(users, NO_ONE, groups, admins)
    return PeopleChecks(named, allowlist, MemoryDirectory(people=dict(known), error=error), team_is_set=False)


async def _told(checks: PeopleChecks | ChannelChecks) -> Report:
    return report_of(await checks.run(everything=True))


async def test_people_whom_slack_knows_are_well() -> None:
    report = await _told(_people({ANA: HERE, BEN: HERE}, ALLOWED_USERS=frozenset({ANA}), ADMINS=frozenset({BEN})))

    assert report == Report(("access.people",), {})


async def test_one_whom_slack_does_not_know_fails_with_every_setting_that_names_them() -> None:
    both = frozenset({ANA, BEN})
    report = await _told(_people({ANA: HERE}, ALLOWED_USERS=both, ADMIN_CONTACT=frozenset({BEN})))

    assert report.why == {"access.people": "access.people.unknown"}
    assert "Slack doesn't know U0BEN in ALLOWED_USERS and ADMIN_CONTACT." in report.failing["access.people"]


async def test_that_slack_knows_no_one_is_for_the_check_of_the_workspace_to_say() -> None:
    report = await _told(_people({}, ALLOWED_USERS=frozenset({ANA, BEN})))

    assert report.failing == {"access.people": "Can't check this until slack.workspace passes."}


async def test_a_contact_alone_is_not_taken_for_the_workspace() -> None:
    report = await _told(_people({}, groups=frozenset({"S1"}), ADMIN_CONTACT=frozenset({KIM})))

    assert report.why == {"access.people": "access.people.unknown"}


@pytest.mark.parametrize(
    "person", [GONE, Person(frozenset(), is_bot=True), Person(frozenset({"T2"}), is_stranger=True)]
)
@pytest.mark.parametrize(
    ("others", "groups", "fails"), [({}, NO_ONE, True), ({BEN: HERE}, NO_ONE, False), ({}, frozenset({"S1"}), False)]
)
async def test_people_who_can_change_nothing_fail_if_no_one_else_can(
    person: Person, others: Mapping[str, Person], groups: frozenset[str], *, fails: bool
) -> None:
    users = frozenset({ANA, *others})
    report = await _told(_people({ANA: person, **others}, groups=groups, ALLOWED_USERS=users))

    told = report.failing if fails else report.notes
    assert list(told) == ["access.people"]
    assert "it gives no one access: U0ANA in ALLOWED_USERS." in told["access.people"]


async def test_a_guest_is_noted_for_they_have_access() -> None:
    guest = Person(frozenset({"T1"}), is_guest=True)
    report = await _told(_people({ANA: HERE, BEN: guest}, ALLOWED_USERS=frozenset({ANA, BEN})))

    assert report.why == {"access.people": "access.people.guests"}
    assert report.failing == {}


@pytest.mark.parametrize(("error", "shown"), [("missing_scope", "missing_scope"), ("", "no answer")])
async def test_people_whom_slack_does_not_tell_are_not_called_well(error: str, shown: str) -> None:
    report = await _told(_people({ANA: HERE}, error, ALLOWED_USERS=frozenset({ANA, BEN})))

    assert report.ok == ()
    assert report.notes["access.people"].startswith(f"Couldn't look up U0BEN in ALLOWED_USERS ({shown})")


async def test_of_many_people_the_first_are_looked_up_and_the_others_not_called_well() -> None:
    many = [f"U{number:03}" for number in range(MOST_PEOPLE + 1)]
    report = await _told(_people(dict.fromkeys(many, HERE), ALLOWED_USERS=frozenset(many)))

    assert report.ok == ()
    assert "Couldn't look up U050 in ALLOWED_USERS (too many to look up)" in report.notes["access.people"]


async def test_a_monitor_does_not_look_people_up() -> None:
    assert await _people({}, ALLOWED_USERS=frozenset({ANA})).run(everything=False) == Findings(
        frozenset({CheckId.PEOPLE})
    )


# --- channels -------------------------------------------------------------------------------------------------------

MEMBER, OUTSIDE = Channel(is_member=True), Channel()
PRIVATE = Channel(is_public=False)
ANYWHERE = frozenset({"chat:write", "chat:write.public"})


def _channels(
    known: Mapping[str, Channel],
    *,
    worked_in: str = "",
    posted_to: str = "",
    scopes: frozenset[str] | None = ANYWHERE,
    error: str = "channel_not_found",
    trouble: SlackTrouble | None = None,
) -> ChannelChecks:
    async def look_into(channel_id: str) -> Channel:
        if channel_id not in known:
            raise DirectoryError(error)
        return known[channel_id]

    async def auth_test() -> AuthTest:
        if trouble:
            raise trouble
        return AuthTest("T1", "Acme", scopes, "", 0.0)

    return ChannelChecks(
        worked_in=worked_in.split(),
        posted_to={"ANNOUNCE_CHANNELS": posted_to.split()},
        look_into=look_into,
        auth_test=auth_test,
    )


@pytest.mark.parametrize(
    "checks",
    [
        _channels({}),
        _channels({"C1": OUTSIDE}, worked_in="C1"),
        _channels({"C1": PRIVATE}, worked_in="C1"),
        _channels({}, worked_in="D1"),
        _channels({"C1": MEMBER}, posted_to="C1", scopes=frozenset()),
        _channels({"C1": OUTSIDE}, posted_to="C1"),
        _channels({"C1": OUTSIDE}, posted_to="C1", scopes=None),
        _channels({"C1": OUTSIDE}, posted_to="C1", trouble=SlackTrouble("")),
    ],
    ids=["none", "public", "private", "direct message", "member", "anywhere", "scopes unknown", "Slack away"],
)
async def test_channels_that_work_are_well(checks: ChannelChecks) -> None:
    assert await _told(checks) == Report(("slack.channels",), {})


@pytest.mark.parametrize(
    "checks",
    [
        _channels({"C1": OUTSIDE}, posted_to="C1", scopes=frozenset({"chat:write"})),
        _channels({"C1": PRIVATE}, posted_to="C1"),
        _channels({}, posted_to="C1"),
    ],
    ids=["no member", "private", "unknown"],
)
async def test_a_channel_that_opp_status_cannot_post_in_fails(checks: ChannelChecks) -> None:
    report = await _told(checks)

    assert report.why == {"slack.channels": "slack.channels.closed"}
    assert "can't post in C1 in ANNOUNCE_CHANNELS. Type /invite @Opp Status" in report.failing["slack.channels"]


@pytest.mark.parametrize(("error", "shown"), [("channel_not_found", "channel_not_found"), ("", "no answer")])
async def test_a_channel_to_work_in_that_slack_does_not_show_is_not_called_well(error: str, shown: str) -> None:
    report = await _told(_channels({}, worked_in="C1", error=error))

    assert report.ok == ()
    assert report.failing == {}
    assert report.notes["slack.channels"].startswith(f"Slack didn't show C1 in ALLOWED_CHANNELS ({shown}).")


async def test_an_archived_channel_fails_whatever_it_is_for() -> None:
    old = Channel(is_archived=True)
    report = await _told(_channels({"C1": old, "C2": old}, worked_in="C1", posted_to="C2"))

    assert report.why == {"slack.channels": "slack.channels.archived"}
    assert "Archived: C1 in ALLOWED_CHANNELS, C2 in ANNOUNCE_CHANNELS." in report.failing["slack.channels"]


async def test_a_monitor_does_not_look_into_channels() -> None:
    assert await _channels({}, posted_to="C1").run(everything=False) == Findings()

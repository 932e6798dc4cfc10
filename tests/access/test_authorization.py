from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from bot.access.authorization import Authorizer
from bot.access.requests import AccessRequest, RequestState
from bot.access.rules import Allowed, Allowlist, Approved, Caller, Denied, Person, Reason, Way
from tests.memory import MemoryAccessRequests, MemoryDirectory, MemoryWorkspace

AT = datetime(2026, 11, 25, 11, tzinfo=UTC)
ANA, BEN, KIM = (Caller(user, "T1", "C1") for user in ("U0ANA", "U0BEN", "U0KIM"))
MEMBER = Person(frozenset({"T1"}))
RULES = Allowlist(frozenset({"U0ANA"}), frozenset(), groups=frozenset({"S1", "S2"}), admins=frozenset({"U0KIM"}))


@dataclass
class Ports:
    """An `Authorizer` and its ports, in memory."""

    rules: Allowlist = RULES
    workspace: MemoryWorkspace = field(default_factory=MemoryWorkspace)
    directory: MemoryDirectory = field(
        default_factory=lambda: MemoryDirectory({"S1": frozenset(), "S2": frozenset()}, {"U0BEN": MEMBER})
    )
    register: MemoryAccessRequests = field(default_factory=MemoryAccessRequests)

    @property
    def authorizer(self) -> Authorizer:
        return Authorizer(rules=self.rules, workspace=self.workspace, directory=self.directory, approvals=self.register)

    async def decide(self, caller: Caller = BEN, within: float = 5.0) -> Allowed | Denied:
        return await self.authorizer.authorize(caller, within=within)


@pytest.fixture
def ports() -> Ports:
    return Ports()


def _approve(ports: Ports) -> None:
    ports.register.rows.append(
        AccessRequest("REF", "U0BEN", "T1", "C1", AT, RequestState.APPROVED, decided_by="U0KIM", decided_at=AT)
    )


@pytest.mark.parametrize(("caller", "way"), [(ANA, Way.LIST), (KIM, Way.ADMIN)])
async def test_a_caller_whom_the_settings_name_is_allowed_without_asking_slack_or_the_database(
    ports: Ports, caller: Caller, way: Way
) -> None:
    ports.register.down = True

    assert await ports.decide(caller) == Allowed(way)
    assert ports.directory.asked == []


async def test_a_member_of_any_allowed_group_is_allowed(ports: Ports) -> None:
    ports.directory.groups["S2"] = frozenset({"U0BEN"})

    assert await ports.decide() == Allowed(Way.GROUP, group="S2")


async def test_a_caller_in_no_allowed_group_is_denied_without_being_looked_up(ports: Ports) -> None:
    assert await ports.decide() == Denied(Reason.NOT_ALLOWED)
    assert sorted(ports.directory.asked) == ["S1", "S2"]


async def test_a_group_whose_members_slack_does_not_tell_denies_access_and_is_the_reason(ports: Ports) -> None:
    del ports.directory.groups["S1"]

    assert await ports.decide() == Denied(Reason.GROUPS_UNKNOWN)
    ports.directory.groups["S2"] = frozenset({"U0BEN"})
    assert await ports.decide() == Allowed(Way.GROUP, group="S2")


async def test_a_caller_whom_an_admin_approved_is_allowed_whatever_slack_says_about_groups(ports: Ports) -> None:
    _approve(ports)
    ports.directory.groups.clear()

    assert await ports.decide() == Allowed(Way.APPROVAL, approved=Approved("U0KIM", AT))


async def test_without_admins_no_approval_counts_and_none_is_read(ports: Ports) -> None:
    _approve(ports)
    ports.rules = Allowlist(frozenset(), frozenset(), groups=frozenset({"S1"}))
    ports.register.down = True

    assert await ports.decide() == Denied(Reason.NOT_ALLOWED)


async def test_a_database_that_is_down_denies_access_and_is_the_reason(ports: Ports) -> None:
    _approve(ports)
    ports.register.down = True

    assert await ports.decide() == Denied(Reason.APPROVALS_UNKNOWN)


async def test_a_caller_whom_slack_does_not_describe_is_denied(ports: Ports) -> None:
    _approve(ports)
    ports.directory.people.clear()

    assert await ports.decide() == Denied(Reason.PERSON_UNKNOWN)


async def test_neither_a_group_nor_an_approval_lets_a_guest_in(ports: Ports) -> None:
    _approve(ports)
    ports.directory.people["U0BEN"] = Person(frozenset({"T1"}), is_guest=True)

    assert await ports.decide() == Denied(Reason.GUEST)


async def test_an_answer_that_takes_too_long_denies_access(ports: Ports) -> None:
    ports.directory.groups["S1"] = frozenset({"U0BEN"})
    ports.directory.wait = 60.0

    assert await ports.decide(within=0.02) == Denied(Reason.GROUPS_UNKNOWN)


async def test_while_our_workspace_is_unknown_every_caller_is_denied_and_none_is_an_admin(ports: Ports) -> None:
    ports.workspace.team_id = None

    assert await ports.decide(KIM) == Denied(Reason.WORKSPACE_UNKNOWN)
    assert not await ports.authorizer.is_admin(KIM, within=5)
    ports.workspace.team_id = "T1"
    assert await ports.authorizer.is_admin(KIM, within=5)
    assert not await ports.authorizer.is_admin(ANA, within=5)


async def test_a_command_before_slacks_first_answer_waits_for_it(ports: Ports) -> None:
    ports.workspace = MemoryWorkspace(team_id=None, told="T1", wait=0.02)
    assert await ports.decide(ANA) == Allowed(Way.LIST)

    ports.workspace = MemoryWorkspace(team_id=None, told="T1", wait=0.02)
    assert await ports.authorizer.ineligible(BEN, within=5) is None


async def test_a_command_waits_no_longer_than_it_has_time_for_slacks_first_answer(ports: Ports) -> None:
    ports.workspace = MemoryWorkspace(team_id=None, told="T1", wait=60.0)

    assert await ports.decide(ANA, within=0.02) == Denied(Reason.WORKSPACE_UNKNOWN)


@pytest.mark.parametrize(
    ("person", "denied"),
    [
        (MEMBER, None),
        (Person(frozenset({"T1"}), is_guest=True), Denied(Reason.GUEST)),
        (Person(frozenset({"T2"})), Denied(Reason.STRANGER)),
    ],
)
async def test_an_admin_can_approve_only_members(ports: Ports, person: Person, denied: Denied | None) -> None:
    ports.directory.people["U0BEN"] = person

    assert await ports.authorizer.ineligible(BEN, within=5) == denied


async def test_an_admin_cannot_approve_a_person_whom_slack_does_not_describe_or_of_another_workspace(
    ports: Ports,
) -> None:
    ports.directory.people.clear()

    assert await ports.authorizer.ineligible(BEN, within=5) == Denied(Reason.PERSON_UNKNOWN)
    assert await ports.authorizer.ineligible(Caller("U0BEN", "T2", "C1"), within=5) == Denied(Reason.WRONG_WORKSPACE)


# --- people whose home is another workspace ------------------------------------------------------------------------

HERE_TOO = Person(frozenset({"T1", "T2", "E1"}))


@pytest.mark.parametrize("home", ["T2", "E1", ""])
@pytest.mark.parametrize(("caller", "way"), [(ANA, Way.LIST), (KIM, Way.ADMIN)])
async def test_a_caller_whose_home_is_another_workspace_is_allowed_if_slack_says_they_belong_to_ours_too(
    ports: Ports, caller: Caller, way: Way, home: str
) -> None:
    ports.directory.people[caller.user_id] = HERE_TOO

    assert await ports.decide(replace(caller, home=home)) == Allowed(way)
    assert await ports.authorizer.is_admin(replace(caller, home=home), within=5) is (way is Way.ADMIN)


@pytest.mark.parametrize(
    ("person", "home"),
    [
        (replace(HERE_TOO, is_stranger=True), "T2"),
        (Person(frozenset({"T2"})), "T2"),
        (Person(frozenset()), ""),
        (HERE_TOO, "T3"),
    ],
)
async def test_a_caller_of_another_company_is_a_stranger_whatever_the_settings_say(
    ports: Ports, person: Person, home: str
) -> None:
    for caller in (ANA, KIM):
        ports.directory.people[caller.user_id] = person
        assert await ports.decide(replace(caller, home=home)) == Denied(Reason.STRANGER)
        assert not await ports.authorizer.is_admin(replace(caller, home=home), within=5)


async def test_a_caller_of_whom_slack_does_not_say_whether_they_are_ours_is_denied(ports: Ports) -> None:
    ports.directory.people.clear()

    assert await ports.decide(replace(ANA, home="T2")) == Denied(Reason.PERSON_UNKNOWN)
    assert not await ports.authorizer.is_admin(replace(KIM, home="T2"), within=5)


@pytest.mark.parametrize(("home", "denied"), [("T2", None), ("T3", Denied(Reason.STRANGER))])
async def test_an_admin_can_approve_a_member_whose_home_is_another_workspace_of_ours(
    ports: Ports, home: str, denied: Denied | None
) -> None:
    ports.directory.people["U0BEN"] = HERE_TOO

    assert await ports.authorizer.ineligible(replace(BEN, home=home), within=5) == denied


async def test_a_guest_who_is_named_may_also_from_another_workspace_of_ours(ports: Ports) -> None:
    ports.directory.people["U0ANA"] = replace(HERE_TOO, is_guest=True)

    assert await ports.decide(replace(ANA, home="T2")) == Allowed(Way.LIST)

from dataclasses import dataclass, field
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
class Porch:
    """A door and what it asks."""

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
def porch() -> Porch:
    return Porch()


def _approve(porch: Porch) -> None:
    porch.register.rows.append(
        AccessRequest("REF", "U0BEN", "T1", "C1", AT, RequestState.APPROVED, decided_by="U0KIM", decided_at=AT)
    )


@pytest.mark.parametrize(("caller", "way"), [(ANA, Way.LIST), (KIM, Way.ADMIN)])
async def test_about_whoever_is_named_nobody_is_asked(porch: Porch, caller: Caller, way: Way) -> None:
    porch.register.down = True

    assert await porch.decide(caller) == Allowed(way)
    assert porch.directory.asked == []


async def test_a_member_of_any_of_the_groups_may(porch: Porch) -> None:
    porch.directory.groups["S2"] = frozenset({"U0BEN"})

    assert await porch.decide() == Allowed(Way.GROUP, group="S2")


async def test_whoever_is_in_none_may_not_and_who_they_are_is_not_asked(porch: Porch) -> None:
    assert await porch.decide() == Denied(Reason.NOT_ALLOWED)
    assert sorted(porch.directory.asked) == ["S1", "S2"]


async def test_a_group_that_slack_does_not_tell_of_lets_nobody_in_and_is_the_reason(porch: Porch) -> None:
    del porch.directory.groups["S1"]

    assert await porch.decide() == Denied(Reason.GROUPS_UNKNOWN)
    porch.directory.groups["S2"] = frozenset({"U0BEN"})
    assert await porch.decide() == Allowed(Way.GROUP, group="S2")


async def test_whoever_an_admin_let_in_may_whatever_slack_says_of_the_groups(porch: Porch) -> None:
    _approve(porch)
    porch.directory.groups.clear()

    assert await porch.decide() == Allowed(Way.APPROVAL, approved=Approved("U0KIM", AT))


async def test_without_admins_no_approval_counts_and_none_is_looked_up(porch: Porch) -> None:
    _approve(porch)
    porch.rules = Allowlist(frozenset(), frozenset(), groups=frozenset({"S1"}))
    porch.register.down = True

    assert await porch.decide() == Denied(Reason.NOT_ALLOWED)


async def test_a_store_that_is_down_lets_nobody_in_and_is_the_reason(porch: Porch) -> None:
    _approve(porch)
    porch.register.down = True

    assert await porch.decide() == Denied(Reason.APPROVALS_UNKNOWN)


async def test_somebody_of_whom_slack_does_not_tell_who_they_are_may_not(porch: Porch) -> None:
    _approve(porch)
    porch.directory.people.clear()

    assert await porch.decide() == Denied(Reason.PERSON_UNKNOWN)


async def test_a_guest_is_not_let_in_by_a_group_or_an_approval(porch: Porch) -> None:
    _approve(porch)
    porch.directory.people["U0BEN"] = Person(frozenset({"T1"}), is_guest=True)

    assert await porch.decide() == Denied(Reason.GUEST)


async def test_what_takes_too_long_counts_for_nothing(porch: Porch) -> None:
    porch.directory.groups["S1"] = frozenset({"U0BEN"})
    porch.directory.wait = 60.0

    assert await porch.decide(within=0.02) == Denied(Reason.GROUPS_UNKNOWN)


async def test_while_our_workspace_is_unknown_nobody_may_and_nobody_is_an_admin(porch: Porch) -> None:
    porch.workspace.team_id = None

    assert await porch.decide(KIM) == Denied(Reason.WORKSPACE_UNKNOWN)
    assert not porch.authorizer.is_admin(KIM)
    porch.workspace.team_id = "T1"
    assert porch.authorizer.is_admin(KIM)
    assert not porch.authorizer.is_admin(ANA)


async def test_whoever_comes_sooner_after_the_start_than_slacks_answer_waits_for_it(porch: Porch) -> None:
    porch.workspace = MemoryWorkspace(team_id=None, told="T1", wait=0.02)
    assert await porch.decide(ANA) == Allowed(Way.LIST)

    porch.workspace = MemoryWorkspace(team_id=None, told="T1", wait=0.02)
    assert await porch.authorizer.ineligible(BEN, within=5) is None


async def test_an_answer_that_takes_too_long_is_not_waited_for(porch: Porch) -> None:
    porch.workspace = MemoryWorkspace(team_id=None, told="T1", wait=60.0)

    assert await porch.decide(ANA, within=0.02) == Denied(Reason.WORKSPACE_UNKNOWN)


@pytest.mark.parametrize(
    ("person", "denied"),
    [
        (MEMBER, None),
        (Person(frozenset({"T1"}), is_guest=True), Denied(Reason.GUEST)),
        (Person(frozenset({"T2"})), Denied(Reason.STRANGER)),
    ],
)
async def test_only_members_can_be_let_in_by_an_admin(porch: Porch, person: Person, denied: Denied | None) -> None:
    porch.directory.people["U0BEN"] = person

    assert await porch.authorizer.ineligible(BEN, within=5) == denied


async def test_nobody_is_let_in_of_whom_slack_does_not_tell_or_from_elsewhere(porch: Porch) -> None:
    porch.directory.people.clear()

    assert await porch.authorizer.ineligible(BEN, within=5) == Denied(Reason.PERSON_UNKNOWN)
    assert await porch.authorizer.ineligible(Caller("U0BEN", "T2", "C1"), within=5) == Denied(Reason.WRONG_WORKSPACE)

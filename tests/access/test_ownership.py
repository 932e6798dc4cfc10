from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.ownership import OwnerRights, OwnerRule, OwnersOnly, Unassigned
from bot.access.people import CrmUser, Owners, People, Unknown
from bot.access.rules import Person
from bot.deals.deal import Opportunity
from bot.deals.outcome import Objection, Withheld
from tests.memory import MemoryDirectory, MemoryUsers

pytestmark = pytest.mark.jumping_clock

ANA, BEN, KIM = "U0ANA", "U0BEN", "U0KIM"
BERLIN, ROME = "LOCATIONberlin", "LOCATIONrome"
DEAL = Opportunity("deal", "open", location_id=BERLIN, owner_id="hlBen")
RULE = OwnerRule(OwnersOnly.ON, admins=frozenset({KIM}))
FACTS = st.sampled_from([True, False, None, *Unknown])


@given(FACTS, st.none() | st.just("hlBen"), st.sampled_from(Unassigned))
def test_an_admin_changes_every_deal(fact: bool | Unknown | None, owner: str | None, unassigned: Unassigned) -> None:
    assert OwnerRule(OwnersOnly.ON, unassigned=unassigned, admins=frozenset({KIM})).decide(KIM, owner, fact) is None


@given(FACTS)
def test_only_a_deal_that_is_known_to_be_theirs_or_no_ones_is_free(fact: bool | Unknown | None) -> None:
    assert (RULE.decide(ANA, "hlBen", fact) is None) == (fact in {True, Unknown.USER_GONE})


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (False, Withheld.OWNED),
        (Unknown.EMAIL_HIDDEN, Withheld.EMAIL_HIDDEN),
        (Unknown.NO_MEMBER, Withheld.EMAIL_HIDDEN),
        (Unknown.SLACK_DOWN, Withheld.SLACK_DOWN),
        (Unknown.CRM_DOWN, Withheld.CRM_DOWN),
        (None, Withheld.CRM_DOWN),
        (Unknown.USERS_HIDDEN, Withheld.USERS_HIDDEN),
        (Unknown.NO_USER, Withheld.USERS_HIDDEN),
        (Unknown.SEVERAL_USERS, Withheld.USERS_HIDDEN),
    ],
)
def test_each_doubt_has_its_reason(fact: bool | Unknown | None, why: Withheld) -> None:
    assert RULE.decide(ANA, "hlBen", fact) is why


def test_an_admin_is_not_kept_from_another_persons_deal() -> None:
    assert RULE.decide(KIM, "hlBen", False) is None


def test_a_deal_without_an_owner_is_anyones_or_the_admins() -> None:
    admins = OwnerRule(OwnersOnly.ON, unassigned=Unassigned.ADMINS)
    assert (RULE.decide(ANA, None, None), admins.decide(ANA, None, None)) == (None, Withheld.UNASSIGNED)
    assert admins.decide(ANA, "hlGone", Unknown.USER_GONE) is Withheld.UNASSIGNED


def test_a_sub_account_may_have_a_rule_of_its_own() -> None:
    rule = OwnerRule(OwnersOnly.OFF, {ROME: OwnersOnly.WARN})
    assert (rule.mode(BERLIN), rule.mode(ROME), rule.mode(None)) == (OwnersOnly.OFF, OwnersOnly.WARN, OwnersOnly.OFF)
    assert (rule.is_on, OwnerRule().is_on, RULE.is_on) == (True, False, True)


@dataclass
class Desk:
    rule: OwnerRule = RULE
    directory: MemoryDirectory = field(
        default_factory=lambda: MemoryDirectory(
            people={each: Person(frozenset({"T1"}), email=f"{each}@acme.example") for each in (ANA, BEN)},
            emails={"u0ben@acme.example": BEN},
        )
    )
    users: MemoryUsers = field(default_factory=lambda: MemoryUsers([CrmUser("hlBen", "Ben", "u0ben@acme.example")]))

    @property
    def rights(self) -> OwnerRights:
        return OwnerRights(self.rule, People(Owners(), self.directory, {BERLIN: self.users}, BERLIN))


async def test_another_persons_deal_is_objected_to_and_its_owner_found() -> None:
    rights = Desk().rights
    assert await rights.objection(ANA, DEAL) == Objection(Withheld.OWNED, stops=True)
    assert await rights.objection(BEN, DEAL) is None
    assert await rights.owner(DEAL) == BEN


async def test_a_warning_stops_nothing() -> None:
    assert await Desk(OwnerRule(OwnersOnly.WARN)).rights.objection(ANA, DEAL) == Objection(Withheld.OWNED, stops=False)


@pytest.mark.parametrize(("rule", "caller"), [(OwnerRule(), ANA), (RULE, KIM)])
async def test_without_the_rule_and_for_admins_no_one_is_asked(rule: OwnerRule, caller: str) -> None:
    desk = Desk(rule)
    assert await desk.rights.objection(caller, DEAL) is None
    assert desk.directory.asked == desk.users.asked == []


async def test_an_owner_who_cannot_be_found_has_no_slack_id() -> None:
    desk = Desk(directory=MemoryDirectory(error=""))
    assert await desk.rights.owner(DEAL) == await desk.rights.owner(Opportunity("deal", "open")) == ""

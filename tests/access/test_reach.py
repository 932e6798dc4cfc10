from datetime import UTC, datetime

import pytest

from bot.access.reach import PlacedRights
from bot.access.rules import Allowlist, Approved
from bot.deals.deal import Opportunity
from bot.deals.outcome import Objection, Withheld
from bot.deals.ports import StoreDown
from tests.memory import MemoryDirectory, MemoryRights

pytestmark = pytest.mark.jumping_clock

BERLIN, ROME = "LOCATIONberlin", "LOCATIONrome"
HERE, THERE = (Opportunity("deal", "open", location_id=place) for place in (BERLIN, ROME))
ELSEWHERE = Objection(Withheld.ELSEWHERE, stops=True)
RULES = Allowlist(
    users=frozenset({"U0ANA", "U0BEN"}),
    channels=frozenset(),
    groups=frozenset({"S0ALL", "S0ROME"}),
    admins=frozenset({"U0KIM"}),
    only_in={"U0BEN": frozenset({BERLIN}), "S0ROME": frozenset({ROME})},
)


class _Approvals:
    """Approves `U0LEO`; while it is down, it says nothing."""

    def __init__(self, *, down: bool = False) -> None:
        self._down = down

    async def approved(self, user_id: str) -> Approved | None:
        if self._down:
            raise StoreDown
        return Approved("U0KIM", datetime.now(UTC)) if user_id == "U0LEO" else None

    async def latest(self, user_id: str) -> None:
        raise NotImplementedError(user_id)


def _rights(
    *, down: bool = False, groups: dict[str, frozenset[str]] | None = None, owners: MemoryRights | None = None
) -> PlacedRights:
    directory = MemoryDirectory({"S0ALL": frozenset(), "S0ROME": frozenset()} if groups is None else groups)
    return PlacedRights(RULES, directory, _Approvals(down=down), owners, BERLIN)


@pytest.mark.parametrize(
    ("user", "here", "there"),
    [
        ("U0ANA", None, None),  # named for all
        ("U0BEN", None, ELSEWHERE),  # named for Berlin
        ("U0KIM", None, None),  # an admin
        ("U0LEO", None, None),  # approved by one
        ("U0EVE", ELSEWHERE, ELSEWHERE),
    ],
)
async def test_a_person_changes_deals_where_the_settings_let_them(
    user: str, here: Objection | None, there: Objection | None
) -> None:
    rights = _rights()
    assert (await rights.objection(user, HERE), await rights.objection(user, THERE)) == (here, there)
    assert await rights.objection(user, Opportunity("deal", "open")) == here  # the default sub-account


async def test_a_group_reaches_as_far_as_it_is_named_for() -> None:
    rome = _rights(groups={"S0ALL": frozenset(), "S0ROME": frozenset({"U0BEN", "U0EVE"})})
    assert (await rome.objection("U0EVE", HERE), await rome.objection("U0EVE", THERE)) == (ELSEWHERE, None)
    assert await rome.objection("U0BEN", THERE) is None  # by name in Berlin, by the group in Rome
    everywhere = _rights(groups={"S0ALL": frozenset({"U0EVE"}), "S0ROME": frozenset()})
    assert await everywhere.objection("U0EVE", HERE) is None


@pytest.mark.parametrize("down", [True, False])
async def test_what_cannot_be_found_out_counts_as_no(down: bool) -> None:
    assert await _rights(down=down, groups={}).objection("U0BEN", THERE) == ELSEWHERE


async def test_whose_the_deal_is_is_asked_after_that() -> None:
    owners = MemoryRights(Objection(Withheld.OWNED, stops=True))
    rights = _rights(owners=owners)
    assert await rights.objection("U0BEN", THERE) == ELSEWHERE
    assert owners.asked == []
    assert await rights.objection("U0BEN", HERE) == owners.found
    assert (await rights.owner(HERE), await _rights().owner(HERE)) == ("U0BEN", "")

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deals.deal import Opportunity
from bot.deals.stuck import days_still, is_stuck, still_since, stuck_first

NOW = datetime(2026, 11, 28, 10, 36, tzinfo=UTC)


def _ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def _deal(
    name: str = "deal",
    *,
    stage_since: datetime | None = None,
    since: datetime | None = None,
    added: datetime | None = None,
) -> Opportunity:
    return Opportunity(name, "open", stage_since=stage_since, since=since, added=added)


@pytest.mark.parametrize(
    ("deal", "days"),
    [
        (_deal(stage_since=_ago(34), since=_ago(60), added=_ago(90)), 34),
        (_deal(stage_since=_ago(60), since=_ago(1.5), added=_ago(90)), 1),
        (_deal(stage_since=_ago(60)), 60),
        (_deal(added=_ago(90)), 90),
        (_deal(stage_since=_ago(-0.1)), 0),
        (_deal(), None),
    ],
    ids=[
        "in its stage for a while",
        "reopened since",
        "never had another status",
        "never moved",
        "HighLevel's clock is ahead",
        "not told",
    ],
)
def test_a_deal_stands_still_since_its_stage_or_its_status_last_changed(deal: Opportunity, days: int | None) -> None:
    assert days_still(deal, NOW) == days


def test_a_deal_is_stuck_from_the_last_of_the_days_on() -> None:
    deal = _deal(stage_since=_ago(21))

    assert is_stuck(deal, NOW, 21)
    assert not is_stuck(deal, NOW, 22)
    assert not is_stuck(_deal(), NOW, 1)


def test_no_deal_is_stuck_where_the_operator_says_never() -> None:
    assert not is_stuck(_deal(stage_since=_ago(999)), NOW, 0)


@given(st.lists(st.none() | st.integers(0, 900), max_size=20))
def test_the_deal_that_has_stood_longest_comes_first_and_the_unknown_last(days: list[int | None]) -> None:
    deals = [_deal(str(at), stage_since=None if each is None else _ago(each)) for at, each in enumerate(days)]

    ordered = stuck_first(deals, NOW)

    assert sorted(deal.id for deal in ordered) == sorted(deal.id for deal in deals)
    known = [since for deal in ordered if (since := still_since(deal))]
    assert known == sorted(known)
    assert all(still_since(deal) is None for deal in ordered[len(known) :])

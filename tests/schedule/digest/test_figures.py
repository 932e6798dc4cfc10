"""The figures of a digest: they add up, and what was sent can be read again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deals.deal import Opportunity, Status
from bot.schedule.digest.figures import Count, Figures, Sent, Tally, Totals, as_kept, from_kept
from bot.schedule.digest.periods import Week

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
WEEK = Week(NOW - timedelta(days=7), NOW)
ALL = {Status.WON, Status.LOST, Status.OPEN}
DEALS = [
    Opportunity("a", "won", value=100.0, pipeline_id="new", owner_id="ana"),
    Opportunity("b", "won", value=50.0, pipeline_id="old", owner_id="ana"),
    Opportunity("c", "lost", value=None, pipeline_id="new", owner_id="ben"),
    Opportunity("d", "open", value=900.0, pipeline_id="new", owner_id="ben"),
    Opportunity("e", "open", value=1.0),
]
tallies = st.builds(Tally, st.integers(0, 10**6), st.floats(0, 1e9), st.booleans())
totals = st.builds(Totals, tallies, tallies, tallies)


def _counted() -> Count:
    count = Count()
    for deal in DEALS:
        count.add(deal)
    return count


def test_deals_are_counted_by_pipeline_and_owner_with_what_they_are_worth() -> None:
    count = _counted()

    assert count.by_pipeline({"new": "New business", "old": "Renewals"}, ALL) == {
        "New business": Totals(Tally(1, 100.0), Tally(1, 0.0), Tally(1, 900.0)),
        "Renewals": Totals(Tally(1, 50.0)),
        "": Totals(open=Tally(1, 1.0)),
    }
    assert count.by_owner({"ana": "Ana"}, {Status.WON, Status.LOST}) == {
        "Ana": Totals(Tally(2, 150.0)),
        "": Totals(lost=Tally(1, 0.0)),
    }
    assert count.value(Status.OPEN) == 901.0
    assert count.read == {"won": 2, "lost": 1, "open": 2}


def test_owners_who_closed_deals_come_before_those_who_only_have_open_ones() -> None:
    count = _counted()
    for number in range(50):
        count.add(Opportunity(f"o{number}", "open", owner_id="cid"))

    assert count.owners(2) == ["ana", "ben"]
    assert count.owners(9) == ["ana", "ben", "cid"]


def test_figures_of_two_sub_accounts_add_up_with_the_longest_stuck_and_the_latest_lost_first() -> None:
    def stuck(name: str, days: int) -> Opportunity:
        return Opportunity(name, "open", stage_since=NOW - timedelta(days=days))

    def lost(name: str, days: int) -> Opportunity:
        return Opportunity(name, "lost", since=NOW - timedelta(days=days))

    berlin = Figures(
        Totals(Tally(1, 5.0)), {"New": Totals(Tally(1, 5.0))}, {"Ana": Totals(Tally(1, 5.0))},
        stuck=(stuck("s40", 40), stuck("s30", 30), stuck("s25", 25)), all_stuck=9,
        unreasoned=(lost("l1", 1), lost("l3", 3), lost("l6", 6)), all_unreasoned=3,
    )  # fmt: skip
    rome = Figures(
        Totals(Tally(2, 7.0), open=Tally(1, 1.0, at_least=True)), {"New": Totals(Tally(2, 7.0))}, {},
        knows_all_open=False,
        stuck=(stuck("s50", 50), stuck("s35", 35), stuck("s22", 22)), all_stuck=3,
        unreasoned=(lost("l0", 0), lost("l2", 2), lost("l5", 5)), all_unreasoned=4,
    )  # fmt: skip
    both = berlin + rome

    assert both.totals == Totals(Tally(3, 12.0), open=Tally(1, 1.0, at_least=True))
    assert both.pipelines == {"New": Totals(Tally(3, 12.0))}
    assert both.owners == {"Ana": Totals(Tally(1, 5.0))}
    assert not both.knows_all_open
    assert [deal.id for deal in both.stuck] == ["s50", "s40", "s35", "s30", "s25"]
    assert [deal.id for deal in both.unreasoned] == ["l0", "l1", "l2", "l3", "l5"]
    assert (both.all_stuck, both.all_unreasoned) == (12, 7)


groups = st.dictionaries(st.text(), totals, max_size=3)


@given(found=st.dictionaries(st.text(min_size=1), st.builds(Figures, totals, groups, groups), max_size=3))
def test_what_was_sent_is_read_again_as_it_was(found: dict[str, Figures]) -> None:
    assert from_kept(as_kept(Sent(WEEK, found))) == Sent(WEEK, found)


def test_no_deal_is_kept_of_what_was_sent() -> None:
    named = Figures(Totals(Tally(1, 5.0)), stuck=(DEALS[3],), all_stuck=1, unreasoned=(DEALS[2],), all_unreasoned=1)

    assert from_kept(as_kept(Sent(WEEK, {"L": named}))) == Sent(WEEK, {"L": Figures(named.totals)})


@pytest.mark.parametrize("column", ["", "{", "[]", "{}", '{"since": 5, "until": 5, "parts": {}}', "null", '"words"'])
def test_what_cannot_be_read_is_nothing_to_compare_with(column: str) -> None:
    assert from_kept(column) is None


def test_a_later_versions_figures_are_nothing_to_compare_with() -> None:
    column = as_kept(Sent(WEEK, {"L": Figures()})).replace('"open"', '"parked"')

    assert from_kept(column) is None


def test_what_was_sent_of_other_sub_accounts_is_not_compared_with() -> None:
    sent = Sent(WEEK, {"berlin": Figures(Totals(Tally(1, 5.0))), "rome": Figures(Totals(Tally(2, 7.0)))})

    assert sent.of(["rome", "berlin"]) == Figures(Totals(Tally(3, 12.0)))
    assert sent.of(["rome"]) == Figures(Totals(Tally(2, 7.0)))
    assert sent.of(["rome", "paris"]) is None


def test_nothing_at_all_is_zero() -> None:
    assert Totals().is_zero
    assert not Totals(open=Tally(1)).is_zero

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.deals.deal import Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.policy import Confirm, Policy
from bot.simulator.slack.block_kit import refusal_of
from bot.slack.messages.deals.row import deal_row
from tests.golden.scene import NEW_WEBSITE, NOW, messages
from tests.reading import ANY_TEXT, DEALS

MOVED = replace(NEW_WEBSITE, stage_since=NOW - timedelta(days=3))


def _row(deal: Opportunity, *, can_mark: bool = True, **settings: Any) -> list[str]:  # noqa: ANN401 - any setting
    """The row's lines, and what its buttons say."""
    cards = messages(**settings).cards
    blocks = deal_row(deal, NOW, cards.installation, cards.policy, can_mark=can_mark)
    says = [each["text"]["text"] for block in blocks[1:] for each in block["elements"]]
    return [*blocks[0]["text"]["text"].split("\n"), *says]


def _stands(deal: Opportunity, **settings: Any) -> str:  # noqa: ANN401 - any setting
    return _row(deal, **settings)[1]


def test_a_row_tells_the_deal_its_worth_its_stage_and_for_how_long() -> None:
    assert _row(MOVED) == [
        f"{messages().cards.installation.deal(MOVED)} · *$4,800* · Acme Corp",
        "In Negotiation since today",
        "Mark won",
        "Mark lost",
        "Mark abandoned",
    ]


def test_a_row_counts_days_since_the_deal_last_moved() -> None:
    moved = replace(MOVED, since=None)

    assert _stands(moved) == "In Negotiation for 3 days"
    assert _stands(replace(moved, stage_since=NOW - timedelta(days=1))) == "In Negotiation for 1 day"
    assert _stands(replace(moved, stage_since=None)) == "In Negotiation"
    assert _stands(replace(moved, stage=None)) == "In New business for 3 days"
    assert _stands(replace(moved, stage=None, pipeline=None)) == "Open for 3 days"


def test_a_row_says_that_a_deal_is_stuck() -> None:
    old = replace(MOVED, since=None, stage_since=NOW - timedelta(days=34))

    assert _stands(old) == "In Negotiation for *34 days* · *stuck*"
    assert _stands(old, stuck_days=35) == "In Negotiation for 34 days"
    assert _stands(old, stuck_days=0) == "In Negotiation for 34 days"


def test_a_row_names_the_sub_account_where_there_are_several() -> None:
    assert _stands(MOVED, locations=Locations("LOC", {"LOC": "Berlin", "L2": "Rome"})).endswith(" · Berlin")


def test_a_row_has_a_button_for_each_status_that_is_offered() -> None:
    assert _row(MOVED, statuses=frozenset({Status.WON, Status.OPEN}))[2:] == ["Mark won"]
    assert _row(MOVED, statuses=frozenset({Status.OPEN}))[2:] == []
    assert _row(MOVED, can_mark=False)[2:] == []


def test_slack_asks_before_a_press_where_the_operator_wants_that() -> None:
    asks = messages(confirm=Confirm(leaving=frozenset({Status.OPEN}))).cards

    (_, row) = deal_row(MOVED, NOW, asks.installation, asks.policy)

    assert [each["confirm"]["confirm"]["text"] for each in row["elements"]] == [
        each["text"]["text"] for each in row["elements"]
    ]
    assert row["elements"][0]["value"].split()[:3] == [MOVED.id, "won", "given"]


@given(DEALS, st.none() | ANY_TEXT)
def test_slack_takes_a_row_of_any_deal(deal: Opportunity, stage: str | None) -> None:
    cards = messages().cards

    blocks = deal_row(replace(deal, stage=stage), NOW, cards.installation, cards.policy)

    assert refusal_of({"text": "x", "blocks": list(blocks)}) is None
    assert isinstance(cards.policy, Policy)

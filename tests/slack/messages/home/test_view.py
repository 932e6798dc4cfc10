import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.access.people import Unknown
from bot.commands.record import Record
from bot.deals.deal import Opportunity
from bot.deals.locations import Locations
from bot.deals.outcome import Cause, Result, Trouble
from bot.simulator.slack.block_kit import buttons_of, refusal_of_home
from bot.simulator.slack.modals import VIEW_BYTES
from bot.slack.actions import HOME_AGAIN
from bot.slack.messages.home.contents import Contents, Gap, Reader, metadata, page_in, read_page
from bot.slack.messages.home.view import CHANGES_AT_HOME
from tests.golden.scene import NEW_WEBSITE, NOW, REFERENCE, messages, record
from tests.reading import ANY_TEXT, DEALS, RECORDS

READER = Reader("U0ANA", REFERENCE, NOW)
HOME = messages().home
MOVED = replace(NEW_WEBSITE, since=None, stage_since=NOW - timedelta(days=40))


def _many(number: int, **fields: Any) -> tuple[Opportunity, ...]:  # noqa: ANN401 - any field
    return tuple(replace(MOVED, id=f"{at:020}", name=f"Deal {at}", **fields) for at in range(number))


def _texts(view: Mapping[str, Any]) -> list[str]:
    return [
        part["text"]
        for block in view["blocks"]
        for part in [block.get("text"), *block.get("elements", [])]
        if part and isinstance(part.get("text"), str)
    ]


def _buttons(view: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The text and the value of each button."""
    return [(each["text"]["text"], each["value"]) for block in view["blocks"] for each in buttons_of(block)]


def _size(view: Mapping[str, Any]) -> int:
    return len(json.dumps(view))


# --- within Slack's limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x" * 500, "&" * 500, "😀" * 500, "*_~`<>&" * 72], ids=["x", "&", "emoji", "marks"])
@pytest.mark.parametrize("page", [0, 7, 19])
def test_two_hundred_deals_with_names_of_500_characters_are_within_slacks_limits(name: str, page: int) -> None:
    deals = _many(200)
    named = tuple(replace(deal, name=name, contact=name, stage=name, location_id="L" * 64) for deal in deals)
    changes = tuple(record(deal, "won", key=f"{at}.key") for at, deal in enumerate(named[:50]))
    found = Contents(named, changes=changes, undoable=frozenset(each.key for each in changes), page=page)

    view = HOME.tab(found, READER)

    assert refusal_of_home(view) is None
    assert _size(view) < VIEW_BYTES
    assert f"{page * 10 + 1} to {page * 10 + 10} of 200" in _texts(view)
    assert len([text for text, _ in _buttons(view) if text == "Undo"]) == CHANGES_AT_HOME


@settings(max_examples=50)
@given(
    st.lists(DEALS, max_size=30),
    st.none() | st.lists(RECORDS, max_size=8),
    st.lists(st.sampled_from(Unknown) | st.builds(Trouble, st.sampled_from(Cause)), max_size=3),
    st.booleans(),
    st.integers(-5, 50),
    ANY_TEXT,
)
def test_slack_takes_a_home_tab_of_anything(
    deals: list[Opportunity],
    records: list[Record] | None,
    whys: list[Unknown | Trouble],
    can_mark: bool,
    page: int,
    text: str,
) -> None:
    found = Contents(
        tuple(replace(deal, stage=text) for deal in deals),
        gaps=tuple(Gap(text, why) for why in whys),
        changes=None if records is None else tuple(records),
        undoable=frozenset(each.key for each in records or ()),
        under_way={deal.id: text for deal in deals[:2]},
        can_mark=can_mark,
        page=page,
    )

    view = HOME.tab(found, replace(READER, user_id=text))

    assert refusal_of_home(view) is None
    assert _size(view) < VIEW_BYTES


# --- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "page", "shown", "turns"),
    [
        (10, 0, (0, 9), []),
        (11, 0, (0, 9), [("Next", "1")]),
        (11, 1, (10, 10), [("Previous", "0")]),
        (30, 1, (10, 19), [("Previous", "0"), ("Next", "2")]),
        (30, 7, (20, 29), [("Previous", "1")]),
        (30, -1, (0, 9), [("Next", "1")]),
    ],
)
def test_ten_deals_are_on_a_page(number: int, page: int, shown: tuple[int, int], turns: list[tuple[str, str]]) -> None:
    view = HOME.tab(Contents(_many(number), page=page), READER)

    said = "\n".join(_texts(view))
    assert [at for at in range(number) if f"|Deal {at}>" in said] == list(range(shown[0], shown[1] + 1))
    assert [each for each in _buttons(view) if each[0] in {"Previous", "Next"}] == turns


def test_a_view_carries_its_page() -> None:
    view = HOME.tab(Contents(_many(30), page=9), READER)

    assert page_in(view) == 2
    assert (HOME_AGAIN in str(view), ("Refresh", "2") in _buttons(view)) == (True, True)


@given(ANY_TEXT)
def test_anything_can_stand_in_a_views_metadata_and_in_a_buttons_value(text: str) -> None:
    assert page_in({"private_metadata": text}) == 0 or text.isascii()
    assert read_page(text) >= 0


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '"x"', '{"page": "x"}', "[" * 100_000, None, 5])
def test_metadata_that_make_no_sense_mean_the_first_page(text: object) -> None:
    assert page_in({"private_metadata": text}) == 0
    assert page_in({}) == 0


def test_a_page_is_read_as_it_was_written() -> None:
    assert page_in({"private_metadata": metadata(3)}) == 3
    assert [read_page(each) for each in ("3", "-1", "", "12345", "²")] == [3, 0, 0, 0, 0]


# --- what it says --------------------------------------------------------------------------------------------------


def test_the_summary_counts_the_deals_their_worth_and_the_stuck_ones() -> None:
    stuck, fresh = _many(2), _many(1, stage_since=NOW)

    assert "3 open deals · $14,400 · 2 stuck for 21 days or more" in _texts(
        HOME.tab(Contents((*stuck, *fresh)), READER)
    )
    assert "1 open deal · $4,800" in _texts(HOME.tab(Contents(fresh), READER))


def test_the_summary_of_more_deals_than_are_listed_tells_no_total() -> None:
    texts = _texts(HOME.tab(Contents(_many(1, stage_since=NOW), more=True), READER))

    assert "1 open deal · Only the 1 that haven't moved for longest are here" in texts


def test_without_deals_it_says_so_only_where_that_is_known() -> None:
    none, unknown = Contents(), Contents(gaps=(Gap("", Unknown.NO_USER),))

    assert "No open deals in HighLevel are assigned to you." in _texts(HOME.tab(none, READER))
    assert "No open deals" not in str(HOME.tab(unknown, READER))


@pytest.mark.parametrize(("number", "where"), [(2, "L0, L1 · "), (7, "L0, L1, L2, L3, L4, and 2 more · ")])
def test_one_reason_for_many_sub_accounts_is_told_once(number: int, where: str) -> None:
    names = {f"L{at}": f"L{at}" for at in range(number)}
    gaps = tuple(Gap(each, Unknown.EMAIL_HIDDEN) for each in names)
    home = messages(locations=Locations("L0", names)).home

    said = "\n".join(_texts(home.tab(Contents(gaps=gaps), READER)))

    assert said.count("Slack doesn't show Opp Status your email") == 1
    assert f"*{where}Slack doesn't show Opp Status your email" in said


def test_refusals_leave_the_last_changes_their_room() -> None:
    refused = tuple(
        record(NEW_WEBSITE, "lost", key=f"{result}.key", outcome=result)
        for result in (Result.NOT_YOURS, Result.ASKED_OWNER)
    )
    won = record(NEW_WEBSITE, "won")

    view = HOME.tab(Contents(changes=(*(refused * 3), won), undoable=frozenset({won.key})), READER)

    said = "\n".join(_texts(view))
    assert "open → *won*" in said
    assert "→ lost" not in said
    assert "Undo" in {label for label, _ in _buttons(view)}


def test_a_deal_that_is_being_changed_has_no_buttons() -> None:
    view = HOME.tab(Contents((MOVED,), under_way={MOVED.id: "won"}), READER)

    assert "On it… → *won*" in _texts(view)
    assert "Mark won" not in str(view)


def test_where_deals_cannot_be_changed_nothing_can_be_pressed_that_changes_one() -> None:
    changed = record(NEW_WEBSITE, "won")
    found = Contents((MOVED,), changes=(changed,), undoable=frozenset({changed.key}), can_mark=False)

    view = HOME.tab(found, READER)

    assert _buttons(view) == [("Refresh", "0")]
    assert "To change a deal, go to <#C0SALES>." in str(view)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deals.deal import STATES, Status, Target
from bot.deals.wish import Consent
from bot.slack.actions import Choice, Mark, MenuChoice, Search, StatusChoice, read_target_value, target_value

IDS = st.text(min_size=1).filter(lambda text: " " not in text)


@given(IDS, IDS, st.sampled_from(["", *STATES]))
def test_a_choice_of_a_deal_is_read_as_it_was_written(opportunity_id: str, key: str, seen: str) -> None:
    choice = Choice(opportunity_id, key, seen)

    assert Choice.from_value(choice.value) == choice


@pytest.mark.parametrize(
    ("value", "read"), [("", Choice("", "")), ("deal", Choice("deal", "")), ("deal key gone", Choice("deal", "key"))]
)
def test_missing_parts_of_a_choice_are_empty(value: str, read: Choice) -> None:
    assert Choice.from_value(value) == read


@given(IDS, st.sampled_from(STATES), st.sampled_from([Consent.PRESUMED, Consent.GIVEN]))
def test_a_choice_of_a_status_is_read_as_it_was_written(opportunity_id: str, status: Status, consent: Consent) -> None:
    choice = StatusChoice(opportunity_id, status, consent)

    assert StatusChoice.from_value(choice.value) == choice


@pytest.mark.parametrize(
    "value",
    [
        *("", "deal", "deal won", " won given", "deal  given", "deal won "),
        *("deal gone given", "deal all given", "deal won preview", "deal won wanted", "deal WON given"),
    ],
)
def test_a_value_that_is_no_choice_of_a_status_gives_none(value: str) -> None:
    assert StatusChoice.from_value(value) is None


@given(st.text())
def test_any_value_is_read_exactly_or_gives_none(value: str) -> None:
    choice = StatusChoice.from_value(value)

    assert choice is None or choice.value == value
    Choice.from_value(value)  # does not raise


@given(IDS, st.sampled_from(["", "LOC", "anotherLocation"]))
def test_a_deal_is_read_as_it_was_written(opportunity_id: str, location_id: str) -> None:
    deal = Target(opportunity_id, location_id)

    assert read_target_value(target_value(deal)) == deal


@given(st.sampled_from(["set", "share", "link"]), st.text())
def test_a_choice_from_a_menu_is_read_as_it_was_written(action: str, value: str) -> None:
    choice = MenuChoice(action, value)

    assert MenuChoice.from_option(choice.option) == choice


@given(st.text(), st.sampled_from([None, *STATES]), st.sampled_from(["", "LOC", "a-b"]))
def test_a_search_is_read_as_it_was_written(name: str, status: Status | None, location_id: str) -> None:
    search = Search(name, status, location_id)

    assert Search.from_value(search.value) == search


@pytest.mark.parametrize("value", ["", "won", "won -"])
def test_a_search_of_which_parts_are_missing_is_read_as_far_as_it_goes(value: str) -> None:
    assert Search.from_value(value) == Search("", Status.WON if value else None)


def test_a_choice_of_a_status_carries_its_sub_account() -> None:
    choice = StatusChoice("deal", Status.WON, Consent.GIVEN, "PARIS")

    assert choice.value == "deal won given PARIS"
    assert StatusChoice.from_value(choice.value) == choice


HIGHLEVELS = st.from_regex(r"[A-Za-z0-9]{1,20}", fullmatch=True)
MARKS = st.builds(
    Mark,
    st.lists(HIGHLEVELS, min_size=1, max_size=3).map(tuple),
    st.sampled_from(STATES),
    st.sampled_from([Consent.GIVEN, Consent.PRESUMED]),
    HIGHLEVELS | st.just(""),
    st.booleans(),
    st.text(),
)


@given(MARKS)
def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    assert Mark.from_value(mark.value) == mark


@pytest.mark.parametrize(
    "value",
    [
        "",
        "deal",
        "deal won",
        "deal gone given - go ",
        " won given - go ",
        "deal won wanted - go ",
        "deal won given - x ",
    ],
)
def test_a_mark_that_makes_no_sense_is_none(value: str) -> None:
    assert Mark.from_value(value) is None


@given(IDS, IDS, st.sampled_from(["", *STATES]), st.text(min_size=1))
def test_a_choice_carries_the_deals_name_with_its_spaces(opportunity_id: str, key: str, seen: str, name: str) -> None:
    choice = Choice(opportunity_id, key, seen, name)
    status = StatusChoice(opportunity_id, Status.WON, Consent.GIVEN, "PARIS" if seen else "", name)

    assert Choice.from_value(choice.value) == choice
    assert StatusChoice.from_value(status.value) == status


@pytest.mark.parametrize("value", ["deal won given -", "deal won given - ", "deal won given PARIS "])
def test_a_place_without_the_name_that_it_keeps_is_none(value: str) -> None:
    assert StatusChoice.from_value(value) is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.press import Choice, StatusChoice
from bot.status import STATES, Consent, Status


@given(st.text(st.characters(exclude_characters=" "), min_size=1), st.text())
def test_a_choice_comes_back_as_it_went(opportunity_id: str, key: str) -> None:
    assert Choice.from_value(Choice(opportunity_id, key).value) == Choice(opportunity_id, key)


@pytest.mark.parametrize(("value", "choice"), [("", Choice("", "")), ("deal", Choice("deal", ""))])
def test_of_a_choice_that_is_none_of_ours_the_parts_are_empty(value: str, choice: Choice) -> None:
    assert Choice.from_value(value) == choice


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("consent", [Consent.GIVEN, Consent.PRESUMED])
def test_a_status_comes_back_as_it_went(status: Status, consent: Consent) -> None:
    choice = StatusChoice("deal", status, consent)

    assert StatusChoice.from_value(choice.value) == choice


@pytest.mark.parametrize(
    "value",
    ["", "deal won", " won given", "deal all given", "deal won preview", "deal won given more", "deal WON given"],
)
def test_a_status_that_is_none_of_ours_is_none(value: str) -> None:
    assert StatusChoice.from_value(value) is None

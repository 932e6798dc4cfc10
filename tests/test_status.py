import pytest

from bot.command import SHORTEST_BEGINNING
from bot.status import STATES, Opportunity, Status, Wish


def test_the_words_are_those_that_highlevel_documents() -> None:
    assert list(Status) == ["open", "won", "lost", "abandoned", "all"]


def test_a_deal_can_be_in_any_of_them_but_all() -> None:
    assert set(STATES) == set(Status) - {Status.ALL}


def test_the_letters_that_suffice_tell_every_status_from_the_others() -> None:
    assert len({status[:SHORTEST_BEGINNING] for status in Status}) == len(Status)


@pytest.mark.parametrize("wished", STATES)
@pytest.mark.parametrize("found", [*STATES, "all", "WON", "", "archived"])
def test_a_wish_is_granted_by_a_deal_that_has_exactly_that_status(wished: Status, found: str) -> None:
    assert Wish("an-id", wished).granted_by(Opportunity("an-id", found)) == (wished.value == found)


def test_of_a_deal_nothing_but_its_id_and_status_needs_to_be_known() -> None:
    deal = Opportunity("an-id", "open")

    assert {getattr(deal, name) for name in Opportunity.__slots__} == {"an-id", "open", None}

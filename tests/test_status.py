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


@pytest.mark.parametrize(("reason", "granted"), [(None, True), ("r1", True), ("r2", False)])
def test_a_wish_for_a_reason_is_granted_only_with_that_reason(reason: str | None, granted: bool) -> None:
    assert Wish("an-id", Status.LOST, reason).granted_by(Opportunity("an-id", "lost", lost_reason_id="r1")) is granted


@pytest.mark.parametrize(
    ("before", "now", "done"),
    [
        (("open", None), ("lost", "r1"), True),
        (("open", None), ("lost", None), True),  # the status is; that the reason is not shown is another matter
        (("lost", None), ("lost", None), False),
        (("lost", None), ("lost", "r1"), True),
        (("open", None), ("won", None), False),
    ],
)
def test_a_wish_is_done_when_the_status_is_there_or_what_was_missing(
    before: tuple[str, str | None], now: tuple[str, str | None], done: bool
) -> None:
    deals = [Opportunity("an-id", status, lost_reason_id=reason) for status, reason in (before, now)]

    assert Wish("an-id", Status.LOST, "r1").done_by(*deals) is done

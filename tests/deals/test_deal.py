import pytest

from bot.commands.text.vocabulary import SHORTEST_BEGINNING
from bot.deals.deal import STATES, Opportunity, Status
from bot.deals.wish import Wish


def test_the_statuses_are_those_that_highlevel_documents() -> None:
    assert list(Status) == ["open", "won", "lost", "abandoned", "all"]


def test_a_deal_can_have_every_status_but_all() -> None:
    assert set(STATES) == set(Status) - {Status.ALL}


def test_the_shortest_beginning_tells_every_status_apart() -> None:
    assert len({status[:SHORTEST_BEGINNING] for status in Status}) == len(Status)


@pytest.mark.parametrize("wished", STATES)
@pytest.mark.parametrize("found", [*STATES, "all", "WON", "", "archived"])
def test_a_wish_is_granted_by_exactly_its_status(wished: Status, found: str) -> None:
    assert Wish("an-id", wished).granted_by(Opportunity("an-id", found)) == (wished.value == found)


def test_a_deal_needs_only_an_id_and_a_status() -> None:
    deal = Opportunity("an-id", "open")

    assert {getattr(deal, name) for name in Opportunity.__slots__} == {"an-id", "open", None}


@pytest.mark.parametrize(
    ("wished", "found", "granted"),
    [
        (None, None, True),
        (None, "price", True),
        ("price", "price", True),
        ("price", None, False),
        ("price", "x", False),
    ],
)
def test_a_wish_with_a_lost_reason_is_granted_only_by_that_reason(
    wished: str | None, found: str | None, *, granted: bool
) -> None:
    wish = Wish("an-id", Status.LOST, lost_reason_id=wished)

    assert wish.granted_by(Opportunity("an-id", "lost", lost_reason_id=found)) is granted
    assert wish.granted_by(Opportunity("an-id", "open", lost_reason_id=found)) is False


@pytest.mark.parametrize(
    ("before", "now", "done"),
    [
        (("open", None), ("lost", "price"), True),
        (("open", None), ("lost", None), True),  # the new reason is not shown
        (("lost", None), ("lost", "price"), True),
        (("lost", None), ("lost", None), False),
        (("lost", "other"), ("lost", None), False),
        (("open", None), ("open", "price"), False),
        (("open", None), ("won", None), False),
    ],
)
def test_a_new_status_is_enough_for_a_wish_to_be_done(
    before: tuple[str, str | None], now: tuple[str, str | None], *, done: bool
) -> None:
    was, is_now = (Opportunity("an-id", status, lost_reason_id=reason) for status, reason in (before, now))

    assert Wish("an-id", Status.LOST, lost_reason_id="price").done_by(was, is_now) is done


@pytest.mark.parametrize(("only_if", "overtaken"), [(None, False), ("open", False), ("won", True)])
def test_a_wish_is_overtaken_if_the_deal_lacks_the_required_status(only_if: str | None, *, overtaken: bool) -> None:
    assert Wish("an-id", Status.LOST, only_if=only_if).overtaken_by(Opportunity("an-id", "open")) is overtaken

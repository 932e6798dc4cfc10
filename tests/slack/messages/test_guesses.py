from dataclasses import replace

import pytest

from bot.deals.deal import Matches, Opportunity, Status
from bot.deals.outcome import Guessed
from bot.deals.policy import Confirm
from bot.deals.wish import Mixed, Reading
from bot.simulator.slack.block_kit import elements_of
from bot.slack.actions import Mark
from bot.slack.messages.guesses import about_value
from tests.memory import CHANGE, entry, messages

ROOF = Opportunity("roof", "open", name="Roof", company="Acme", contact="Jane")
POOL = Opportunity("pool", "won", name="Pool", contact="Ben")
BATH = Opportunity("bath", "open", name="Bath", location_id="PARIS")
WON, LOST, OPEN = Status.WON, Status.LOST, Status.OPEN


def _found(*deals: Opportunity, more: bool = False) -> Matches:
    return Matches(deals, more)


def _ask(reading: Reading | Mixed, *found: Matches) -> tuple[str, list[tuple[str, str]]]:
    """The question, without its small print, and the buttons with their values."""
    made = messages(confirm=Confirm(leaving=frozenset({WON}))).guesses.ask(Guessed(reading, found), "typed", "R")
    assert not made.public
    assert "You typed `typed` · Nothing changed" in str(made.blocks)
    buttons = [each for block in made.blocks for each in elements_of(block) if each["type"] == "button"]
    said = "\n".join(block["text"]["text"] for block in made.blocks if block["type"] == "section")
    return said, [(each["text"]["text"], each["value"]) for each in buttons]


def test_one_deal_is_asked_about_with_its_customer() -> None:
    text, buttons = _ask(Reading(("roof",), (WON,), "at last"), _found(ROOF))

    assert "|Roof>* (Acme) *won*?" in text
    assert [label for label, _ in buttons] == ["Mark won", "Show deal", "Cancel"]
    assert Mark.from_value(buttons[0][1]) is not None
    assert buttons[0][1].endswith("at last")


def test_a_deal_that_leaves_a_status_which_is_asked_about_says_so_and_is_not_asked_about_again() -> None:
    text, buttons = _ask(Reading(("pool",), (LOST,)), _found(POOL))

    assert "It's *won* now." in text
    assert " given " in buttons[0][1]


def test_a_deal_that_has_the_status_already_is_only_shown() -> None:
    text, buttons = _ask(Reading(("pool",), (WON,)), _found(POOL))

    assert "is already *won*" in text
    assert [label for label, _ in buttons] == ["Show deal"]


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ((OPEN,), "Did you mean reopen "),
        ((LOST, Status.ABANDONED), "*lost* or *abandoned*?"),
        ((LOST, OPEN), " or reopen "),
    ],
)
def test_the_question_names_each_status(statuses: tuple[Status, ...], said: str) -> None:
    text, _ = _ask(Reading(("pool",), statuses), _found(POOL))

    assert said in text


def test_several_deals_are_rows_and_with_several_statuses_their_cards_decide() -> None:
    _, buttons = _ask(Reading(("x",), (WON,)), _found(ROOF, BATH))
    assert [label for label, _ in buttons] == ["Mark won", "Mark won", "Cancel"]

    _, shown = _ask(Reading(("x",), (WON, LOST)), _found(ROOF, BATH))
    assert [label for label, _ in shown] == ["Show deal", "Show deal", "Cancel"]


def test_a_list_with_two_unclear_names_stays_until_both_are_chosen() -> None:
    twin, other = replace(ROOF, id="twin"), replace(BATH, id="other", location_id=None)
    text, buttons = _ask(
        Reading(("pool", "roof", "bath", "nothing"), (LOST,)),
        _found(POOL),
        _found(ROOF, twin),
        _found(BATH, other, more=True),
        _found(),
    )

    assert "2 match `roof`, More than 2 match `bath`." in text
    assert "No deals match `nothing`." in text
    assert [label for label, _ in buttons] == ["Mark lost"] * 5 + ["Cancel"]
    marks = [Mark.from_value(value) for label, value in buttons if label != "Cancel"]
    assert all(mark and mark.stays for mark in marks)


def test_of_several_deals_the_one_that_is_called_like_the_text_can_be_shown() -> None:
    _, buttons = _ask(Reading(("x",), (WON,)), _found(ROOF, replace(BATH, name="Typed")))

    assert [label for label, _ in buttons] == ["Mark won", "Mark won", "Show deal", "Cancel"]


def test_a_list_says_what_it_is_worth() -> None:
    text, _ = _ask(Reading(("a", "b"), (WON,)), _found(replace(ROOF, value=1000)), _found(replace(BATH, value=500)))

    assert "*1,500*" in text


def test_two_names_of_one_deal_are_one_question() -> None:
    _, buttons = _ask(Reading(("roof", "acme"), (WON,)), _found(ROOF), _found(ROOF))

    assert [label for label, _ in buttons] == ["Mark won", "Show deal", "Cancel"]


def test_each_of_several_changes_has_a_row_and_the_question_stays() -> None:
    mixed = Mixed(
        (
            Reading(("roof",), (LOST,), "too expensive"),
            Reading(("pool",), (WON,)),
            Reading(("bath",), (OPEN,)),
            Reading(("nothing",), (WON,)),
        ),
        partly=True,
    )
    text, buttons = _ask(mixed, _found(ROOF, replace(ROOF, id="twin")), _found(POOL), _found(BATH), _found())

    assert text.startswith("You asked for 4 changes. Tap each one you want.\n⚠️ No deals match `nothing`.")
    assert "Already *won*" in text
    assert "Already *open*" in text
    assert [label for label, _ in buttons] == ["Mark lost", "Mark lost", "Show deal", "Show deal", "Cancel"]
    first, second = Mark.from_value(buttons[0][1]), Mark.from_value(buttons[1][1])
    assert first
    assert second
    assert (first.opportunity_ids, second.opportunity_ids) == (("roof",), ("twin",))
    assert (first.words, first.stays, second.stays) == ("too expensive", True, True)


@pytest.mark.parametrize("identifier", ["a b", "a,b", "\u0000", "x" * 2001])
def test_a_deal_whose_id_slack_cannot_carry_has_no_button(identifier: str) -> None:
    _, buttons = _ask(Reading(("roof",), (WON,)), _found(replace(ROOF, id=identifier)))

    assert "Mark won" not in [label for label, _ in buttons]


def test_a_deal_of_another_sub_account_is_marked_there() -> None:
    _, buttons = _ask(Reading(("bath",), (WON,)), _found(BATH))

    mark = Mark.from_value(buttons[0][1])
    assert mark
    assert mark.location_id == "PARIS"


@pytest.mark.parametrize(
    ("note", "is_amount"),
    [
        ("$5000", True),
        ("5,000", True),
        ("5k a year", True),
        ("€ 300", True),
        ("300 €", True),
        ("3 rounds", False),
        ("", False),
    ],
)
def test_an_amount_in_a_note_is_said_not_to_change_the_value(note: str, is_amount: bool) -> None:
    assert bool(about_value(entry("key", note=note))) == is_amount


def test_undo_by_name_offers_each_change_and_says_when_there_is_none() -> None:
    guesses = messages().guesses
    none = guesses.which_undo((), "acme", "R")
    one = guesses.which_undo((CHANGE,), "acme", "R")
    two = guesses.which_undo((CHANGE, replace(CHANGE, key="other", after="open")), "acme", "R")

    assert "no change to undo for `acme`" in none.text
    assert "Undo this?" in one.text
    assert "Which change do you want to undo?" in two.text
    assert "reopened" in two.text

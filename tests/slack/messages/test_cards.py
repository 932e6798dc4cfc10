from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.record import Entry, Record
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.policy import Confirm
from bot.deals.wish import Wish
from tests.reading import (
    ANA,
    ANY_TEXT,
    AUTOMATIONS,
    CHANGE,
    COMMANDS,
    DEAL,
    DEALS,
    ID,
    LOST,
    RECORDS,
    REF,
    RICH,
    SINCE,
    TROUBLES,
    URL,
    WON,
    buttons,
    is_sound,
    lines,
    our_messages,
    pressable,
    shown,
)


def test_a_card_shows_the_deal_what_was_done_from_slack_and_what_can_be_done() -> None:
    message = our_messages().cards.card(
        replace(RICH, status="lost", since=SINCE, lost_reason_id="r1"), [CHANGE] * 3, REF
    )
    first, facts, reason, head, *past = lines(message)

    assert first.startswith(f"{DEAL} · *12,500* is *lost* (since <!date^")
    assert facts == "Jo Doe, Doe Ltd · Proposal · Owner: Kim Lee"
    assert reason == "Lost reason: name not available"
    assert head == "Last from Slack:"
    assert ["open → *won*" in line for line in past] == [True] * 3
    assert pressable(message) == [
        ("set_open", "Make it open", f"{ID} open presumed"),
        ("set_won", "Make it won", f"{ID} won presumed"),
        ("set_abandoned", "Make it abandoned", f"{ID} abandoned presumed"),
        ("link", "Open in HighLevel", ""),
        ("share", "Share in channel", ID),
    ]
    assert [each["url"] for each in buttons(message) if "url" in each] == [URL]
    assert not any("confirm" in each for each in buttons(message))
    assert (message.public, shown(message)[-1]) == (False, f"Ref {REF}")


def test_a_card_without_anything_else_is_short() -> None:
    assert shown(our_messages().cards.card(WON, [], REF)) == [f"{DEAL} is *won*.", f"Ref {REF}"]


def test_the_buttons_of_a_card_ask_first_where_leaving_its_status_is_confirmed() -> None:
    message = our_messages(statuses=frozenset({Status.OPEN, Status.WON, Status.ALL})).cards.card(WON, [], REF)
    button, *rest = buttons(message)

    assert (button["action_id"], button["value"]) == ("set_open", f"{ID} open given")
    assert button["confirm"]["title"]["text"] == "Make it open?"
    assert button["confirm"]["text"]["text"] == f"New website is won. {AUTOMATIONS}"
    assert button["confirm"]["confirm"]["text"] == "Make it open"
    assert button["confirm"]["deny"]["text"] == "Cancel"
    assert [each["action_id"] for each in rest] == ["link", "share"]
    assert (
        "The deal is won."
        in buttons(our_messages().cards.card(replace(WON, name=None), [], REF))[0]["confirm"]["text"]["text"]
    )


@pytest.mark.parametrize("name", ["&" * 500, "n" * 500])
def test_the_question_of_a_cards_button_fits(name: str) -> None:
    deal = replace(WON, name=name)

    assert buttons(our_messages().cards.card(deal, [], REF))[0]["confirm"]["text"]["text"].endswith((AUTOMATIONS, "…"))
    assert is_sound(our_messages().cards.card(deal, [], REF))


@pytest.mark.parametrize("opportunity_id", ["", "x" * 151, "\ud83d", "a\nb"])
def test_a_card_whose_deal_no_button_can_name_has_none(opportunity_id: str) -> None:
    message = our_messages().cards.card(replace(WON, id=opportunity_id), [], REF)

    assert buttons(message) == []
    assert is_sound(message)


def test_the_longest_id_that_a_cards_buttons_carry_is_one_that_slack_takes() -> None:
    message = our_messages().cards.card(replace(WON, id="\U0001f600" * 150), [], REF)

    assert len(buttons(message)) == 5
    assert is_sound(message)


def test_a_card_that_is_shared_is_for_everybody_and_has_nothing_to_press() -> None:
    message = our_messages().cards.shared_card(LOST, ANA, REF)

    assert lines(message) == ["<@U0ANA> shows you a deal:", f"{DEAL} is *lost*.", "Lost reason: Too expensive"]
    assert (message.public, message.also_in, buttons(message)) == (True, "", [])
    assert message.blocks[0]["block_id"] == REF


@pytest.mark.parametrize("errors_in_channel", [True, False])
def test_why_a_deal_cannot_be_shown_is_for_the_caller_alone(*, errors_in_channel: bool) -> None:
    messages = our_messages(errors_in_channel=errors_in_channel)
    message = messages.cards.no_card(
        Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING), Wish("", Status.OPEN, name="Acme"), REF
    )

    assert message.text.startswith("No deals match `Acme`.\nNothing changed. Check the spelling")
    assert (message.public, shown(message)[-1]) == (False, f"Ref {REF}")


def test_a_caller_who_looked_for_a_deal_by_a_mistyped_status_learns_where_it_goes() -> None:
    failed = Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING)
    message = our_messages().cards.no_card(failed, Wish("", Status.OPEN, name="Acme wno"), REF)

    assert "put one of `open`, `won`, `lost`, `abandoned` behind its name." in message.text


@given(
    st.lists(DEALS, min_size=1, max_size=10), st.lists(RECORDS, max_size=3), COMMANDS, st.frozensets(ANY_TEXT), TROUBLES
)
def test_whatever_a_deal_is_slack_takes_its_card(
    deals: list[Opportunity], records: list[Record], command: Entry, leaving: frozenset[str], trouble: Trouble
) -> None:
    messages = our_messages(confirm=Confirm(leaving=frozenset[Any]({*leaving, deals[0].status})))

    for message in (
        messages.cards.card(deals[0], records, command.reference),
        messages.cards.shared_card(deals[0], command.caller, command.reference),
        messages.questions.which_card(command.text, deals, command.reference, more=True),
        messages.cards.no_card(Failed(trouble, Effect.NOTHING), command.wish, command.reference),
    ):
        assert is_sound(message)

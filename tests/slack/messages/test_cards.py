from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Effect, Failed, Result, Trouble
from bot.deals.policy import Confirm
from bot.deals.wish import Wish
from bot.slack.block_kit.mrkdwn import date
from tests.reading import (
    ANA,
    ANY_TEXT,
    AUTOMATIONS,
    CHANGE,
    COMMANDS,
    DEAL,
    DEALS,
    ID,
    KIM,
    LOST,
    OPEN,
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
    shown,
)


def _menu(message: Message) -> list[tuple[str, str]]:
    """What is behind the three dots."""
    return [
        (option["text"]["text"], option["value"])
        for each in buttons(message)
        if each["type"] == "overflow"
        for option in each["options"]
    ]


def _pressable(message: Message) -> list[tuple[str, str, str, str | None]]:
    return [
        (each["action_id"], each["text"]["text"], each["value"], each.get("style"))
        for each in buttons(message)
        if each["type"] == "button"
    ]


def test_an_open_deals_card_has_the_two_likely_statuses_beside_a_menu() -> None:
    message = our_messages().cards.card(replace(RICH, status="open", since=SINCE), [], REF)

    assert shown(message) == [
        f"{DEAL} · *12,500*\nOpen since {date(SINCE)}",
        "Jo Doe, Doe Ltd · Proposal · Owner: Kim Lee",
        f"Ref {REF}",
    ]
    assert _pressable(message) == [
        ("set_won", "Mark won", f"{ID} won presumed - New website", "primary"),
        ("set_lost", "Mark lost", f"{ID} lost presumed - New website", None),
    ]
    assert _menu(message) == [
        ("Mark abandoned", f"set {ID} abandoned presumed"),
        ("Remind me…", f"remind - {ID} - New website"),
        ("Share in channel", f"share {ID}"),
        ("View in HighLevel", "link deal"),
    ]
    assert f"'url': '{URL}'" in str(message.blocks)
    assert not message.public


def test_a_closed_deals_card_offers_to_reopen_it_and_tells_the_reason() -> None:
    message = our_messages().cards.card(replace(LOST, since=SINCE), [], REF)

    assert lines(message) == [DEAL, f"Lost since {date(SINCE)}", "Lost reason: Too expensive"]
    assert _pressable(message) == [("set_open", "Reopen", f"{ID} open presumed - New website", "primary")]
    assert [label for label, _ in _menu(message)] == [
        *("Mark won", "Mark abandoned"),
        *("Share in channel", "View in HighLevel"),
    ]


def test_a_card_tells_the_last_changes_in_a_sentence() -> None:
    undone = replace(CHANGE, key="undo", undoes="17.key", before="won", after="open")
    kims = replace(CHANGE, user_id=KIM, before="open", after="lost")
    asked = replace(CHANGE, outcome=Result.PREVIEWED)
    card = our_messages().cards.card

    story = shown(card(OPEN, [undone, asked, CHANGE], REF))[1]
    assert story == f"Recent: <@U0ANA> marked it won, then undid it ({date(SINCE)})"
    story = shown(card(LOST, [kims, replace(CHANGE, after="open", before="lost"), undone, CHANGE], REF))[1]
    assert story == f"Recent: <@U0ANA> undid it, then reopened it, then <@{KIM}> marked it lost ({date(SINCE)})"


def test_a_card_without_anything_else_is_short() -> None:
    assert shown(our_messages().cards.card(WON, [], REF)) == [f"{DEAL}\nWon", f"Ref {REF}"]


def test_the_buttons_of_a_card_ask_first_where_leaving_its_status_is_confirmed() -> None:
    message = our_messages(statuses=frozenset({Status.OPEN, Status.WON, Status.ALL})).cards.card(WON, [], REF)
    button, menu = buttons(message)

    assert (button["action_id"], button["value"]) == ("set_open", f"{ID} open given - New website")
    assert button["confirm"]["title"]["text"] == "Reopen it?"
    assert button["confirm"]["text"]["text"] == f"New website is won now. {AUTOMATIONS}"
    assert button["confirm"]["confirm"]["text"] == "Reopen"
    assert button["confirm"]["deny"]["text"] == "Cancel"
    assert "confirm" not in menu
    assert [label for label, _ in _menu(message)] == ["Share in channel", "View in HighLevel"]


def test_a_menu_cannot_ask_first_so_the_bot_does() -> None:
    assert ("Mark lost", f"set {ID} lost presumed") in _menu(our_messages().cards.card(WON, [], REF))


@pytest.mark.parametrize("name", ["&" * 500, "n" * 500])
def test_the_question_of_a_cards_button_fits(name: str) -> None:
    deal = replace(WON, name=name)

    assert buttons(our_messages().cards.card(deal, [], REF))[0]["confirm"]["text"]["text"].endswith((AUTOMATIONS, "…"))
    assert is_sound(our_messages().cards.card(deal, [], REF))


@pytest.mark.parametrize("opportunity_id", ["", "x" * 151, "\ud83d", "a\nb"])
def test_a_card_whose_deal_no_button_can_name_only_leads_to_it(opportunity_id: str) -> None:
    message = our_messages().cards.card(replace(WON, id=opportunity_id), [], REF)

    assert _pressable(message) == []
    assert [label for label, _ in _menu(message)] in ([], ["View in HighLevel"])
    assert is_sound(message)


@pytest.mark.parametrize("length", [1, 120, 130, 140, 150, 1000])
def test_an_id_of_any_length_leaves_a_card_that_slack_takes(length: int) -> None:
    message = our_messages().cards.card(replace(WON, id="\U0001f600" * length), [], REF)

    assert (len(_pressable(message)) == 1) == (length < 140)
    assert is_sound(message)


def test_a_card_that_is_shared_is_for_everybody_and_has_nothing_to_press() -> None:
    message = our_messages().cards.shared_card(LOST, ANA, REF)

    assert lines(message) == ["<@U0ANA> shared a deal", DEAL, "Lost", "Lost reason: Too expensive"]
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

    assert "To change a deal, add `open`, `won`, `lost`, `abandoned` after its name." in message.text


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

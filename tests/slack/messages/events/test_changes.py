"""What people read about changes that were made in HighLevel itself."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.reply import Message
from bot.deals.deal import Opportunity
from bot.events.event import Source
from bot.events.posting import Held, Why
from bot.slack.messages.events.changes import LISTED, EventMessages
from tests.memory import policy
from tests.reading import (
    ANY_TEXT,
    DEAL,
    DEALS,
    LOST,
    LOST_WITHOUT,
    OPEN,
    REF,
    RICH,
    WON,
    buttons,
    is_sound,
    our_messages,
    pressable,
    shown,
)

KEY = "webhook:LOC:deal:1"
LINK = ("link", "View in HighLevel", "")


def _words(celebrate: float | None = None, **settings: object) -> EventMessages:
    return EventMessages(our_messages(currency="USD").outcomes.installation, policy(**settings), celebrate)


def _held(deal: Opportunity = WON, before: str | None = "open") -> Held:
    return Held(1, KEY, Source.WEBHOOK, deal, before, None, 0.0)


def _told(deal: Opportunity = WON, before: str | None = "open", **settings: object) -> Message:
    return _words(**settings).changed(_held(deal, before), REF)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("deal", "headline"),
    [
        (WON, f"🎉 Won in HighLevel: {DEAL}"),
        (LOST, f"Marked *lost* in HighLevel: {DEAL}"),
        (replace(WON, status="abandoned"), f"Marked *abandoned* in HighLevel: {DEAL}"),
        (OPEN, f"Reopened in HighLevel: {DEAL}"),
    ],
)
def test_the_news_comes_first_with_highlevel_in_the_place_of_a_person(deal: Opportunity, headline: str) -> None:
    assert shown(_told(deal, "won" if deal is OPEN else "open"))[0] == headline


def test_where_it_is_not_known_what_the_deal_was_the_message_says_what_it_is_now() -> None:
    told = _told(before=None)

    assert shown(told)[0] == f"🎉 {DEAL} is now *won* in HighLevel"
    assert pressable(told) == [LINK]


def test_a_message_has_the_deals_facts_with_its_owner_as_owner() -> None:
    told = _told(replace(RICH, location_id="LOC"))

    assert shown(told) == [
        f"🎉 Won in HighLevel: {DEAL} · *$12,500*",
        "Jo Doe, Doe Ltd · Proposal · Owner: Kim Lee · was open",
    ]
    assert told.text.splitlines()[0] == "Won in HighLevel: New website · $12,500 · Doe Ltd"
    assert told.public


def test_undo_asks_first_and_names_what_the_deal_goes_back_to() -> None:
    (undo, _) = buttons(_told())

    assert (undo["action_id"], undo["value"]) == ("undo", KEY)
    assert undo["confirm"]["text"]["text"].startswith("New website goes back to open.")


def test_where_undo_is_turned_off_there_is_no_button_for_it() -> None:
    assert pressable(_told(undo_window=timedelta())) == [LINK]


def test_a_lost_deal_shows_its_reason_or_asks_for_one() -> None:
    assert shown(_told(LOST))[1] == "Too expensive · was open"
    assert [label for _, label, _ in pressable(_told(LOST))] == ["Undo", "View in HighLevel"]
    assert pressable(_told(LOST_WITHOUT))[1] == ("ask_why", "Add a reason", KEY)


@pytest.mark.parametrize(
    ("value", "owner", "cheer"),
    [
        (12500.0, "Kim Lee", "That's a big one. Nice work, Kim Lee."),
        (10000.0, None, "That's a big one. Nice work."),
        (9999.0, "Kim Lee", ""),
        (None, None, ""),
    ],
)
def test_a_win_of_some_value_gets_a_line_of_its_own(value: float | None, owner: str | None, cheer: str) -> None:
    told = _words(celebrate=10_000.0).changed(_held(replace(WON, value=value, owner=owner)), REF)

    assert "\n".join(shown(told)[0].splitlines()[1:]) == cheer


def test_a_deal_that_is_lost_is_not_celebrated() -> None:
    told = _words(celebrate=0.0).changed(_held(replace(LOST, value=50.0)), REF)

    assert len(shown(told)[0].splitlines()) == 1


def test_a_further_change_takes_the_place_of_the_message_and_is_a_line_under_it() -> None:
    told = _words().again(_held(replace(LOST, value=100.0), "won"), REF, "17.5")

    assert replace(told, edits=False, aside=None) == _words().changed(_held(replace(LOST, value=100.0), "won"), REF)
    assert told.edits
    assert told.aside is not None
    assert shown(told.aside) == [f"Marked *lost* in HighLevel: {DEAL} · $100 · was won"]
    assert (told.aside.thread_ts, told.aside.public, buttons(told.aside)) == ("17.5", True, [])


def _many(many: int, *statuses: str) -> list[Held]:
    deals = [
        replace(WON, id=f"deal-{number}", name=f"Deal {number}", value=100.0, status=statuses[number % len(statuses)])
        for number in range(many)
    ]
    return [_held(deal) for deal in deals]


def test_many_at_once_are_a_list_with_a_total_and_said_to_be_many() -> None:
    told = _words().many(_many(8, "won", "lost"), Why.MASS, REF)
    headline, *lists, small = shown(told)

    assert headline == "8 deals changed in HighLevel at once · *$800*"
    assert len("\n".join(lists).splitlines()) == 8
    assert lists[0].splitlines()[0].endswith("|Deal 0>* · $100 · won")
    assert small == "4 won · 4 lost · This looks like an import or an automation."
    assert buttons(told) == []


def test_of_very_many_the_first_are_listed() -> None:
    told = _words().many(_many(1000, "won"), Why.MASS, REF)
    headline, *lists, small = shown(told)

    assert headline == "1,000 deals changed in HighLevel at once · *$100,000*"
    assert "\n".join(lists).splitlines()[LISTED:] == ["_and 985 more_"]
    assert small == "all won · This looks like an import or an automation."


def test_what_was_held_back_in_the_quiet_hours_is_a_summary() -> None:
    headline, _, small = shown(_words().many(_many(3, "won"), Why.OVERNIGHT, REF))

    assert headline == "3 deals changed in HighLevel in your quiet hours · *$300*"
    assert small == "all won"


@given(DEALS, st.none() | ANY_TEXT | st.sampled_from(["open", "won", "lost"]), ANY_TEXT, ANY_TEXT)
def test_whatever_a_deal_is_called_the_message_is_sound(
    deal: Opportunity, before: str | None, key: str, reference: str
) -> None:
    held = replace(_held(deal, before), key=key)

    assert is_sound(_words(celebrate=1.0).changed(held, reference))


@given(st.lists(DEALS, min_size=2, max_size=30), st.sampled_from(Why), ANY_TEXT)
def test_whatever_many_deals_are_called_the_message_is_sound(
    deals: list[Opportunity], why: Why, reference: str
) -> None:
    assert is_sound(_words().many([_held(deal) for deal in deals], why, reference))

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.access.rules import Caller, Reason
from bot.commands.record import UndoRefusal
from bot.commands.request import ShowHistory
from bot.deals.deal import LostReason, Opportunity, Status
from bot.deals.outcome import Cause, Changed, Effect, Failed, Previewed, ReasonWanted, Result, Trouble, Unconfirmed
from bot.deals.policy import LostReasonMode
from bot.deals.wish import Wish
from tests.reading import (
    ANA,
    CHANGE,
    ID,
    KIM,
    LONG,
    LOSE,
    LOST,
    LOST_WITHOUT,
    NAMED,
    OPEN,
    REF,
    SINCE,
    TOO_DEAR,
    TWO,
    URL,
    WON,
    buttons,
    command_of,
    is_sound,
    our_messages,
    shown,
    told,
)


@pytest.mark.parametrize(
    ("value", "currency", "shown_as"),
    [
        (4800.0, "USD", "$4,800"),
        (4800.5, "EUR", "€4,800.50"),
        (4800.0, "GBP", "£4,800"),
        (4800.0, "SEK", "4,800 SEK"),
        (4800.0, "CAD", "4,800 CAD"),
        (4800.0, "", "4,800"),
        (-3.0, "USD", "-$3"),
        (-3.0, "SEK", "-3 SEK"),
        (1234567.891, "USD", "$1,234,567.89"),
        (0.0, "USD", ""),
        (None, "USD", ""),
    ],
)
def test_money_is_written_as_people_write_it(value: float | None, currency: str, shown_as: str) -> None:
    assert our_messages(currency=currency).outcomes.installation.money(value) == shown_as


@pytest.mark.parametrize(
    ("deal", "facts"),
    [
        (Opportunity(ID, "won", name="Jo Doe", contact="Jo Doe", company="Doe Ltd"), "Doe Ltd"),
        (Opportunity(ID, "won", name="Doe Ltd", contact="Jo Doe", company="Doe Ltd"), "Jo Doe"),
        (Opportunity(ID, "won", name="A", contact="Jo Doe", company="Doe Ltd"), "Jo Doe, Doe Ltd"),
        (Opportunity(ID, "won", name="A", pipeline="Sales"), "Sales"),
        (Opportunity(ID, "won", name="A", pipeline="Sales", stage="Proposal"), "Proposal"),
        (Opportunity(ID, "won", name="A", owner="Kim Lee"), "Owner: Kim Lee"),
        (Opportunity(ID, "won", name="A", pipeline_id="p", stage_id="s", owner_id="o", location_id="LOC"), ""),
    ],
)
def test_only_what_is_known_and_not_said_already_is_told(deal: Opportunity, facts: str) -> None:
    assert our_messages().outcomes.installation.facts(deal) == facts


def test_a_deal_without_a_name_is_called_by_its_id() -> None:
    text = shown(told(Changed(OPEN, Opportunity(ID, "won"))))[0]

    assert f"<{URL}|deal {ID}>" in text


@pytest.mark.parametrize("name", ["", " \n", "\u202e"])
def test_a_name_of_which_nothing_can_be_seen_is_none(name: str) -> None:
    messages = our_messages()
    nameless = replace(WON, name=name)

    assert f"<{URL}|deal {ID}>" in shown(messages.cards.card(nameless, [], REF))[0]
    assert f"<{URL}|{ID}>" in shown(messages.history.listing([replace(CHANGE, name=name)], ShowHistory()))[0]
    assert "This deal is won now." in buttons(messages.cards.card(nameless, [], REF))[0]["confirm"]["text"]["text"]
    assert "This deal goes back to open." in buttons(told(Changed(OPEN, nameless)))[0]["confirm"]["text"]["text"]
    assert "*…*" in shown(messages.history.listing([replace(CHANGE, name=name, opportunity_id="")], ShowHistory()))[0]


def test_of_many_allowed_channels_a_few_are_named() -> None:
    messages = our_messages(channels=frozenset(f"C0{number}" for number in range(9)))
    text = messages.people.denied(Reason.WRONG_CHANNEL, Caller("U1", "T1", "C9"), REF, now=SINCE).text

    assert "Try <#C00>, <#C01>, <#C02>, <#C03>, <#C04>, and more, or ask" in text


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (timedelta(minutes=1), "1 minute,"),
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=1), "1 hour,"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=1), "24 hours,"),
        (timedelta(days=7), "7 days"),
    ],
)
def test_a_window_is_told_in_words(window: timedelta, words: str) -> None:
    message = our_messages(undo_window=window).outcomes.cannot_undo(UndoRefusal.TOO_OLD, CHANGE, None, ANA, REF)

    assert f"for {words}" in message.text


NO_CONTACT = "your Opp Status admin"


NAMING_NO_ONE = {
    Cause.NOT_FOUND,
    Cause.NO_MATCH,
    Cause.NO_EFFECT,
    Cause.NOT_CONFIRMED,
    Cause.INTERRUPTED,
    Cause.TOO_LATE,
}
"""What a rep can settle alone."""


@pytest.mark.parametrize(("admin_contact", "named"), [(KIM, f"<@{KIM}>"), ("", NO_CONTACT)])
def test_the_person_who_can_help_is_named(admin_contact: str, named: str) -> None:
    messages = our_messages(admin_contact=admin_contact)

    assert all(
        named in messages.people.denied(reason, ANA, REF, now=SINCE).text
        for reason in set(Reason) - {Reason.TOO_FAST, Reason.WRONG_WORKSPACE, Reason.STRANGER, Reason.BOT}
    )
    for cause in Cause:
        failed = messages.outcome(Failed(Trouble(cause), Effect.NOTHING), command_of())
        assert (named in str(failed.blocks)) == (cause not in NAMING_NO_ONE)
    for message in (
        messages.failures.not_accepted(Cause.STORE_DOWN, REF),
        messages.failures.not_accepted(Cause.UNEXPECTED, REF),
        messages.help.overview(),
    ):
        assert named in str(message.blocks)


@pytest.mark.parametrize(
    ("announce", "public", "also_in"),
    [
        ({}, True, ""),
        ({Status.WON: "C0WINS"}, True, "C0WINS"),
        ({Status.WON: "C0WINS"}, False, ""),
        ({Status.WON: ANA.channel_id}, True, ""),
        ({Status.LOST: "C0LOST"}, True, ""),
    ],
)
def test_a_change_is_posted_in_the_channel_of_its_status_too_unless_it_is_there_already_or_private(
    announce: dict[Status, str], also_in: str, *, public: bool
) -> None:
    command = replace(command_of(), public=public)
    messages = our_messages(announce_channels=announce)

    assert messages.outcome(Changed(OPEN, WON), command).also_in == also_in
    assert messages.several([CHANGE, CHANGE], command, [], []).also_in == also_in


@pytest.mark.parametrize(
    ("after", "mode", "asks"),
    [
        (LOST_WITHOUT, LostReasonMode.ASK, True),
        (LOST_WITHOUT, LostReasonMode.OPTIONAL, False),
        (LOST_WITHOUT, LostReasonMode.REQUIRED, False),
        (LOST, LostReasonMode.ASK, False),
        (WON, LostReasonMode.ASK, False),
    ],
)
def test_a_caller_who_loses_a_deal_without_a_reason_is_asked_for_it_where_the_policy_says_so(
    after: Opportunity, mode: LostReasonMode, *, asks: bool
) -> None:
    messages = our_messages(lost_reason=mode)
    command = command_of(Wish(ID, Status(after.status)))
    record = replace(CHANGE, status=after.status, after=after.status, lost_reason_id=after.lost_reason_id)

    assert messages.outcome(Changed(OPEN, after), command).asks_why == asks
    assert messages.several([record, CHANGE], command, [], []).asks_why == asks
    assert not messages.outcome(Changed(OPEN, after), replace(command, asked_why=True)).asks_why


@pytest.mark.parametrize(
    ("reasons", "key"),
    [
        ((), "17.key"),
        ((LostReason("", "empty"), LostReason("x" * 151, "long"), LostReason("a\nb", "odd")), "17.key"),
        ((TOO_DEAR,), "k" * 256),
        ((TOO_DEAR,), "\ud83d"),
    ],
)
def test_reasons_that_no_menu_can_carry_are_left_out(reasons: tuple[LostReason, ...], key: str) -> None:
    messages = our_messages()
    command = replace(command_of(LOSE), key=key)

    for message in (
        messages.outcome(ReasonWanted(reasons), command),
        messages.ask_why(reasons, replace(CHANGE, key=key)),
        messages.several([replace(CHANGE, outcome=Result.REASON_WANTED)] * 2, command, [], reasons),
    ):
        assert buttons(message) == []
        assert is_sound(message)


@pytest.mark.parametrize("key", [LONG, "\ud83d", ""])
def test_a_key_that_no_button_can_carry_leaves_every_message_without_one(key: str) -> None:
    messages = our_messages()
    command = replace(NAMED, key=key)

    for outcome in (Unconfirmed(WON), Previewed(WON), Changed(OPEN, WON)):
        assert buttons(messages.outcome(outcome, command)) == []
    for kind in (Result.UNCONFIRMED, Result.PREVIEWED, Result.CHANGED):
        assert buttons(messages.several([replace(CHANGE, outcome=kind)] * 2, command, [], [])) == []


IN_PARIS = Opportunity(ID, "open", name="New website", location_id="PARIS")


def test_a_deals_sub_account_is_named_and_linked_where_there_are_several() -> None:
    card = our_messages(locations=TWO).cards.card(IN_PARIS, (), "REF")

    assert "Paris &lt;&amp; more&gt;" in card.text
    assert f"/location/PARIS/opportunities/{ID}|" in shown(card)[0]
    assert f"{ID} won presumed PARIS New website" in str(card.blocks)
    assert "LOC" in our_messages(locations=TWO).cards.card(OPEN, (), "REF").text
    assert f"{ID} won presumed - New website'" in str(our_messages(locations=TWO).cards.card(OPEN, (), "REF").blocks)


def test_where_there_is_one_it_is_not_named() -> None:
    assert "Paris" not in our_messages().cards.card(OPEN, (), "REF").text
    assert "/opp-status use" not in our_messages().help.overview().text

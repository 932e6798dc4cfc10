from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.record import Record, UndoRefusal, Unfamiliar
from bot.commands.request import ShowHistory
from bot.deals.outcome import Cause, Changed, Result, Withheld
from tests import memory
from tests.reading import (
    ANA,
    CHANGE,
    ID,
    OPEN,
    RECORDS,
    REF,
    TOO_DEAR,
    TWO,
    WON,
    command_of,
    is_sound,
    lines,
    our_messages,
    shown,
)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "open → *won*"),
        ({"undoes": "another"}, "undone: open → *won*"),
        ({"outcome": None, "after": None}, "→ won · in progress"),
        ({"outcome": Result.ALREADY_SO}, "already won"),
        ({"outcome": Result.OVERTAKEN, "after": "lost"}, "not undone, already lost"),
        ({"outcome": Cause.NO_ANSWER}, "→ won · failed: no answer"),
        ({"outcome": Unfamiliar("a_later_word")}, "→ won · `a_later_word`"),
        ({"outcome": Result.NOT_YOURS, "withheld": Withheld.OWNED}, "→ won · another person's deal"),
        ({"outcome": Result.NOT_YOURS, "withheld": Withheld.ELSEWHERE}, "→ won · no access to its sub-account"),
        ({"outcome": Result.NOT_YOURS, "withheld": Withheld.UNASSIGNED}, "→ won · no owner, so only for admins"),
        ({"outcome": Result.NOT_YOURS, "withheld": Withheld.EMAIL_HIDDEN}, "→ won · couldn't tell whose it is"),
        ({"outcome": Result.NOT_YOURS, "withheld": Unfamiliar("later")}, "→ won · refused"),
        ({"delivered": "undelivered"}, "reply not delivered"),
        ({"before": None}, "? → *won*"),
        ({"after": None}, "open → *?*"),
        ({"before": "lost", "after": "lost", "status": "lost"}, "lost reason added"),
        ({"outcome": Cause.NO_MATCH, "name": None, "opportunity_id": "", "called": "Acme"}, "*Acme*"),
        ({"name": None, "called": "Acme"}, "|Acme>"),
        ({"name": None}, f"|{ID}>"),
    ],
)
def test_a_line_of_history_says_what_became_of_a_command(fields: dict[str, Any], words: str) -> None:
    message = our_messages().history.listing([replace(CHANGE, **fields)], ShowHistory())

    (line,) = lines(message)[1:]
    assert words in line
    assert "2026-03-01" in line
    assert "<@U0ANA>" not in line
    assert REF not in line
    assert message.public is False


@pytest.mark.parametrize("asked", [ShowHistory(everybody=True), ShowHistory(ID)])
def test_a_history_of_several_people_says_who(asked: ShowHistory) -> None:
    assert " · <@U0ANA> · " in lines(our_messages().history.listing([CHANGE], asked))[1]


@pytest.mark.parametrize("outcome", [Result.AMBIGUOUS, Result.REASON_WANTED, Result.UNCONFIRMED, Result.PREVIEWED])
def test_questions_and_previews_are_left_out_of_a_history(outcome: Result) -> None:
    asked = replace(CHANGE, outcome=outcome)
    listing = our_messages().history.listing

    assert listing([asked], ShowHistory()).text == "No changes by you yet."
    assert listing([asked, CHANGE], ShowHistory()).text.startswith("Last change by you")


def test_the_last_ten_changes_are_listed() -> None:
    assert our_messages().history.listing([CHANGE] * 12, ShowHistory()).text.startswith("Last 10 changes by you")


def test_history_says_whose_it_is() -> None:
    messages = our_messages()

    assert messages.history.listing([CHANGE], ShowHistory()).text.startswith("Last change by you")
    assert messages.history.listing([CHANGE, CHANGE], ShowHistory()).text.startswith("Last 2 changes by you")
    assert lines(messages.history.listing([CHANGE], ShowHistory(ID)))[0].startswith("*Last change* for *<https://")
    assert messages.history.listing([], ShowHistory()).text == "No changes by you yet."
    assert messages.history.listing([], ShowHistory(ID), "New website").text == "No changes for New website yet."
    assert messages.history.listing([], ShowHistory(user_id="U0BEN")).text == "No changes by <@U0BEN> yet."
    assert messages.history.listing([CHANGE], ShowHistory(everybody=True)).text.startswith("Last change for everyone")


def test_the_longest_history_is_shown_whole() -> None:
    longest = replace(
        CHANGE,
        name="&" * 200,
        user_id="U" * 12,
        outcome=Cause.TOKEN_ELSEWHERE,
        delivered="undelivered",
        status="abandoned",
    )
    message = our_messages().history.listing([longest] * 10, ShowHistory(ID))

    assert message.text.count("reply not delivered") == 10
    assert sum(text.count("reply not delivered") for text in shown(message)) == 10


@given(st.lists(RECORDS, max_size=10))
def test_whatever_the_ledger_holds_slack_takes_the_message_and_it_mentions_no_one_else(records: list[Record]) -> None:
    messages = our_messages()

    assert is_sound(messages.history.listing(records, ShowHistory()))
    for record in records:
        assert is_sound(messages.history.listing([record], ShowHistory(record.opportunity_id)))
        assert is_sound(messages.ask_why([TOO_DEAR], record))
        assert is_sound(messages.outcome(Changed(WON, OPEN), command_of(), record))
        for refusal in UndoRefusal:
            assert is_sound(messages.outcomes.cannot_undo(refusal, record, record, ANA, REF))


def test_a_history_of_a_deal_leads_to_it_where_it_is() -> None:
    record = replace(memory.CHANGE, opportunity_id=ID, location_id="PARIS")
    text = our_messages(locations=TWO).history.listing([record], ShowHistory(ID))

    assert f"/location/PARIS/opportunities/{ID}|" in lines(text)[0]

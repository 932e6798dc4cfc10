from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.record import Record, UndoRefusal, Unfamiliar
from bot.commands.request import ShowHistory
from bot.deals.outcome import Cause, Changed, Result
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
    our_messages,
    shown,
)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "open → *won*"),
        ({"undoes": "another"}, "taken back, open → *won*"),
        ({"outcome": None, "after": None}, "to won: under way"),
        ({"outcome": Result.ALREADY_SO}, "was won already"),
        ({"outcome": Result.OVERTAKEN, "after": "lost"}, "not taken back: it was lost by then"),
        ({"outcome": Cause.NO_ANSWER}, "to won: failed, no answer"),
        ({"outcome": Unfamiliar("a_later_word")}, "to won: `a_later_word`"),
        ({"delivered": "undelivered"}, "the reply could not be delivered"),
        ({"before": None}, "? → *won*"),
        ({"after": None}, "open → *?*"),
        ({"before": "lost", "after": "lost", "status": "lost"}, "its lost reason was added"),
        ({"outcome": Result.AMBIGUOUS}, "to won: the name fitted more than one"),
        ({"outcome": Result.REASON_WANTED, "status": "lost"}, "to lost: not done, its lost reason was missing"),
        ({"outcome": Result.UNCONFIRMED}, "to won: not done, it was to be confirmed"),
        ({"outcome": Result.PREVIEWED}, "preview: open would become won"),
        ({"outcome": Result.PREVIEWED, "before": None}, "preview: ? would become won"),
        ({"outcome": Result.AMBIGUOUS, "name": None, "opportunity_id": "", "called": "Acme"}, "*Acme*"),
        ({"name": None, "called": "Acme"}, "|Acme>"),
        ({"name": None}, f"|{ID}>"),
    ],
)
def test_a_line_of_history_says_what_became_of_a_command(fields: dict[str, Any], words: str) -> None:
    message = our_messages().history.listing([replace(CHANGE, **fields)], ShowHistory())

    assert words in message.text
    assert "<@U0ANA>" in message.text
    assert "Mar" in message.text or "2026-03-01" in message.text
    assert REF in message.text
    assert message.public is False


def test_history_says_whose_it_is() -> None:
    messages = our_messages()

    assert messages.history.listing([CHANGE], ShowHistory()).text.startswith("The one command of yours:")
    assert messages.history.listing([CHANGE, CHANGE], ShowHistory()).text.startswith(
        "The last 2 commands of yours, latest first:"
    )
    assert "The one command about *<https://" in messages.history.listing([CHANGE], ShowHistory(ID)).text
    assert messages.history.listing([], ShowHistory()).text == "I know of no command of yours."
    assert messages.history.listing([], ShowHistory(user_id="U0BEN")).text == "I know of no command of <@U0BEN>."
    assert messages.history.listing([CHANGE], ShowHistory(everybody=True)).text.startswith(
        "The one command of all people:"
    )


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

    assert message.text.count("the reply could not be delivered") == 10
    assert sum(text.count("the reply could not be delivered") for text in shown(message)) == 10


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

    assert f"/location/PARIS/opportunities/{ID}|" in text.text.split("\n")[0]

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.record import Entry, Record, Unfamiliar
from bot.commands.request import MOST_AT_ONCE
from bot.deals.deal import LostReason
from bot.deals.outcome import Cause, Effect, Result
from tests.reading import (
    AUTOMATIONS,
    BEN_UNDOES,
    CHANGE,
    COMMANDS,
    DEAL,
    ID,
    LOSE,
    REASONS,
    RECORDS,
    REF,
    TOO_DEAR,
    TOO_SLOW,
    URL,
    buttons,
    command_of,
    is_sound,
    lines,
    offered,
    our_messages,
    pressable,
    shown,
)

WAS_SO = replace(CHANGE, outcome=Result.ALREADY_SO, before="won")


UNSURE = replace(CHANGE, outcome=Cause.NO_ANSWER, effect=Effect.UNKNOWN, after=None)


LATER = replace(CHANGE, outcome=Unfamiliar("a_later_word"))
MISSING = replace(CHANGE, outcome=Cause.NOT_FOUND, effect=Effect.NOTHING, name=None, before=None, after=None)


ASKED = replace(CHANGE, outcome=Result.UNCONFIRMED, before="lost", after="lost")


PREVIEW = replace(CHANGE, outcome=Result.PREVIEWED, before="lost", after="lost")


LACKS_REASON = replace(CHANGE, outcome=Result.REASON_WANTED, status="lost", before=None, after=None)


OVERTAKEN = replace(CHANGE, outcome=Result.OVERTAKEN, before="lost", after="lost", undoes="17.key")


BACK = replace(CHANGE, before="won", after="open", status="open", undoes="17.key")


@pytest.mark.parametrize(
    ("records", "command", "headline"),
    [
        ([CHANGE, CHANGE], command_of(), "<@U0ANA> changed 2 deals to *won*:"),
        ([CHANGE, WAS_SO, ASKED], command_of(), "<@U0ANA> changed 1 of 3 deals to *won*:"),
        ([BACK, BACK], BEN_UNDOES, "<@U0BEN> took 2 changes back:"),
        ([BACK, OVERTAKEN], BEN_UNDOES, "<@U0BEN> took 1 of 2 changes back:"),
        (
            [ASKED, WAS_SO],
            command_of(),
            f"Should 1 of these 2 deals be *won*? Nothing was changed. {AUTOMATIONS}",
        ),
        ([PREVIEW, WAS_SO], command_of(), f"This is what would happen. Nothing was changed. {AUTOMATIONS}"),
        (
            [LACKS_REASON, LACKS_REASON],
            command_of(LOSE),
            "Why were these deals lost? Nothing was changed. Choose a reason for them:",
        ),
        (
            [LACKS_REASON, MISSING],
            command_of(replace(LOSE, reason="dear")),
            "`dear` is not one of HighLevel's lost reasons. Nothing was changed. Choose a reason for them:",
        ),
        ([LATER, MISSING], command_of(), "I cannot tell of all of these 2 deals whether they changed:"),
        ([UNSURE, MISSING], command_of(), "I cannot tell of all of these 2 deals whether they changed:"),
        ([WAS_SO, MISSING], command_of(), "None of these 2 deals was changed:"),
        ([OVERTAKEN, OVERTAKEN], BEN_UNDOES, "None of these 2 deals was changed:"),
    ],
)
def test_several_begin_with_what_became_of_them_together(records: list[Record], command: Entry, headline: str) -> None:
    message = our_messages().several(records, command, [], [TOO_DEAR])

    assert lines(message)[0] == headline
    assert len(lines(message)) == 1 + len(records)
    assert shown(message)[-1] == f"Reference {REF}"
    assert message.text == "\n".join(shown(message))


@pytest.mark.parametrize(
    ("record", "row"),
    [
        (CHANGE, f"{DEAL}: open → *won*"),
        (WAS_SO, f"{DEAL}: is *won* already"),
        (OVERTAKEN, f"{DEAL}: left alone, for it is *lost* now"),
        (ASKED, f"{DEAL}: still lost, would become *won*"),
        (PREVIEW, f"{DEAL}: still lost, would become *won*"),
        (LACKS_REASON, f"{DEAL}: not changed, because it needs a lost reason"),
        (UNSURE, f"{DEAL}: I cannot tell whether it changed, so look at it. HighLevel did not answer in time."),
        (
            MISSING,
            f"*<{URL}|{ID}>*: Not changed. HighLevel has no deal with the id `{ID}` in this location.",
        ),
        (replace(MISSING, outcome=Unfamiliar("a_later_word")), f"*<{URL}|{ID}>*: `a_later_word`"),
        (
            replace(UNSURE, effect=Unfamiliar("perhaps")),
            f"{DEAL}: I cannot tell whether it changed, so look at it. HighLevel did not answer in time.",
        ),
        (replace(MISSING, outcome=None), f"*<{URL}|{ID}>*: Not changed. "),
        (replace(CHANGE, name="n" * 60), f"*<{URL}|{'n' * 39}…>*: open → *won*"),
        (replace(CHANGE, before=None, after="won"), f"{DEAL}: ? → *won*"),
    ],
)
def test_each_of_several_says_what_became_of_it(record: Record, row: str) -> None:
    assert shown(our_messages().several([record, CHANGE], command_of(), [], []))[0].split("\n")[1] == f"• {row}"


def test_several_of_which_some_are_taken_back_show_the_others_too() -> None:
    earlier = [
        replace(CHANGE, key="17.key"),
        replace(CHANGE, key="17.key#01", opportunity_id="other", name="Other"),
        replace(WAS_SO, key="17.key#02"),
    ]
    message = our_messages().several([BACK, replace(OVERTAKEN, undoes="17.x")], BEN_UNDOES, earlier, [])

    assert [line.split("*: ")[1] for line in lines(message)[1:]] == [
        "won → *open*",
        "left alone, for it is *lost* now",
        "not taken back, open → *won*",
        "is *won* already",
    ]
    assert "/other|Other>*: not taken back" in message.text


@pytest.mark.parametrize("message_ts", ["", "17.1"])
def test_an_undo_of_several_takes_the_place_of_a_message_whose_button_was_pressed(message_ts: str) -> None:
    undo = replace(BEN_UNDOES, message_ts=message_ts)
    done = our_messages().several([BACK, OVERTAKEN], undo, [], [])
    not_done = our_messages().several([OVERTAKEN, OVERTAKEN], undo, [], [])

    assert (done.public, done.replaces, done.is_undo, buttons(done)) == (True, bool(message_ts), True, [])
    assert (not_done.public, not_done.replaces, not_done.is_undo, buttons(not_done)) == (False, False, False, [])


@pytest.mark.parametrize("public", [True, False])
def test_several_have_the_note_and_are_as_public_as_they_were_asked_for(*, public: bool) -> None:
    command = replace(command_of(), note="Signed!", public=public)
    changed = our_messages().several([CHANGE, MISSING], command, [], [])

    assert changed.public == public
    assert lines(changed)[-1] == "&gt; Signed!"
    assert "Signed!" not in our_messages().several([WAS_SO, MISSING], command, [], []).text


@pytest.mark.parametrize("errors_in_channel", [True, False])
@pytest.mark.parametrize("question", [ASKED, PREVIEW, LACKS_REASON])
def test_several_that_did_not_change_are_private_if_they_ask_something(
    question: Record, *, errors_in_channel: bool
) -> None:
    messages = our_messages(errors_in_channel=errors_in_channel)
    asking = messages.several([question, MISSING], command_of(LOSE), [], [TOO_DEAR])

    assert (asking.public, "Nothing was changed." in asking.text) == (False, True)
    assert messages.several([MISSING, UNSURE], command_of(), [], []).public == errors_in_channel


@pytest.mark.parametrize(
    ("records", "buttons"),
    [
        ([CHANGE, WAS_SO], [("undo", "Undo", "17.key")]),
        ([ASKED, ASKED], [("confirm", "Make 2 of them won", "17.key"), ("dismiss", "Leave it", "no")]),
        ([PREVIEW, WAS_SO], [("confirm", "Make 1 of them won", "17.key"), ("dismiss", "Leave it", "no")]),
        (
            [CHANGE, ASKED],
            [("confirm", "Make 1 of them won", "17.key"), ("undo", "Undo", "17.key")],
        ),
        ([WAS_SO, MISSING], []),
    ],
)
def test_several_have_the_buttons_for_what_can_be_done_next(
    records: list[Record], buttons: list[tuple[str, str, str]]
) -> None:
    assert pressable(our_messages().several(records, command_of(), [], [])) == buttons


def test_several_that_lack_a_reason_have_a_button_for_each_reason() -> None:
    message = our_messages().several([LACKS_REASON] * 2, command_of(LOSE), [], [TOO_DEAR, TOO_SLOW])

    assert [value for _, value in offered(message)] == ["r1", "r2"]


def test_the_undo_of_several_is_not_offered_where_it_is_switched_off() -> None:
    assert buttons(our_messages(undo_window=timedelta()).several([CHANGE] * 2, command_of(), [], [])) == []


@pytest.mark.parametrize("record", [CHANGE, WAS_SO, ASKED, LACKS_REASON])
def test_as_many_as_can_be_asked_for_at_once_are_shown_whole(record: Record) -> None:
    message = our_messages().several([record] * MOST_AT_ONCE, command_of(), [], [TOO_DEAR])

    assert "\n".join(shown(message)).count(f"• {DEAL}") == MOST_AT_ONCE


MANY = st.tuples(RECORDS, st.integers(1, MOST_AT_ONCE)).map(lambda many: [many[0]] * many[1])


@given(MANY, st.just([]) | MANY, COMMANDS, REASONS)
def test_however_many_were_asked_for_at_once_slack_takes_the_message(
    records: list[Record], earlier: list[Record], command: Entry, reasons: list[LostReason]
) -> None:
    message = our_messages().several(records, command, earlier, reasons)

    assert is_sound(message)
    assert shown(message)[-1].startswith("Reference")


@given(st.lists(RECORDS, min_size=1, max_size=4), st.lists(RECORDS, max_size=4), COMMANDS)
def test_whatever_became_of_several_slack_takes_the_message(
    records: list[Record], earlier: list[Record], command: Entry
) -> None:
    assert is_sound(our_messages().several(records, command, earlier, []))

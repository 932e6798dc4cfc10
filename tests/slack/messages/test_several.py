from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.record import Entry, Record, Unfamiliar
from bot.commands.reply import Message
from bot.commands.request import MOST_AT_ONCE
from bot.deals.deal import STATES, LostReason, Status
from bot.deals.outcome import Cause, Effect, Result
from bot.deals.wish import Consent, Wish
from bot.slack.messages.tables import SHARED_CHANNEL
from tests.reading import (
    ANA,
    AUTOMATIONS,
    BEN_UNDOES,
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
    WISH,
    buttons,
    command_of,
    is_sound,
    lines,
    offered,
    our_messages,
    pressable,
    shown,
)
from tests.reading import CHANGE as A_CHANGE

CHANGE = replace(A_CHANGE, value=4800.0)


REOPEN = Wish(ID, Status.OPEN)


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
        ([CHANGE, CHANGE], command_of(), "🎉 <@U0ANA> won 2 deals · *$9,600*"),
        ([CHANGE, replace(CHANGE, value=None)], command_of(), "🎉 <@U0ANA> won 2 deals · *$4,800*"),
        ([replace(CHANGE, value=None)] * 2, command_of(), "🎉 <@U0ANA> won 2 deals"),
        ([CHANGE, WAS_SO, ASKED], command_of(), "🎉 <@U0ANA> won 1 of 3 deals · *$4,800*"),
        ([CHANGE, CHANGE], command_of(LOSE), "<@U0ANA> marked 2 deals *lost* · *$9,600*"),
        ([CHANGE, CHANGE], command_of(REOPEN), "<@U0ANA> reopened 2 deals · *$9,600*"),
        ([BACK, BACK], BEN_UNDOES, "↩️ <@U0BEN> undid 2 changes"),
        ([BACK], BEN_UNDOES, "↩️ <@U0BEN> undid a change"),
        ([BACK, OVERTAKEN], BEN_UNDOES, "↩️ <@U0BEN> undid 1 of 2 changes"),
        ([ASKED, WAS_SO], command_of(), "Mark 1 of 2 deals *won* ($4,800)?"),
        ([ASKED, ASKED], command_of(REOPEN), "Reopen 2 deals ($9,600)?"),
        ([replace(ASKED, value=None), WAS_SO], command_of(), "Mark 1 of 2 deals *won*?"),
        ([PREVIEW, WAS_SO], command_of(), "Preview: 1 of 2 deals would go to *won* ($4,800)."),
        ([replace(PREVIEW, value=None)] * 2, command_of(), "Preview: 2 deals would go to *won*."),
        ([LACKS_REASON, LACKS_REASON], command_of(LOSE), "Why were these deals lost?"),
        ([LACKS_REASON, MISSING], command_of(replace(LOSE, reason="dear")), "`dear` isn't one of your lost reasons."),
        ([LATER, MISSING], command_of(), "⚠️ *Some of these 2 deals may have changed.*"),
        ([UNSURE, MISSING], command_of(), "⚠️ *Some of these 2 deals may have changed.*"),
        ([WAS_SO, MISSING], command_of(), "⚠️ *None of the 2 deals changed.*"),
        ([OVERTAKEN, OVERTAKEN], BEN_UNDOES, "⚠️ *None of the 2 deals changed.*"),
    ],
)
def test_several_begin_with_what_became_of_them_together(records: list[Record], command: Entry, headline: str) -> None:
    message = our_messages(currency="USD").several(records, command, [], [TOO_DEAR])
    everything = all(record.changed for record in records)

    assert lines(message) == [headline]
    assert len(_rows(message)) == len(records)
    assert (f"Ref {REF}" in shown(message)) is not everything
    assert (message.blocks[0].get("block_id") == REF) == any(record.changed for record in records)


def _rows(message: Message) -> list[str]:
    return [line for block in shown(message)[1:] for line in block.split("\n") if "/opportunities/" in line]


def test_a_person_who_is_asked_about_several_reads_what_a_yes_does() -> None:
    asked = our_messages().several([ASKED, ASKED], command_of(), [], [])
    shared = our_messages().several([ASKED, ASKED], command_of(replace(WISH, consent=Consent.SHARED)), [], [])
    lacking = our_messages().several([LACKS_REASON] * 2, command_of(LOSE), [], [TOO_DEAR])
    partly = our_messages().several([CHANGE, ASKED], command_of(), [], [])

    assert shown(asked)[-2] == f"Nothing changed. {AUTOMATIONS}"
    assert shown(shared)[-2] == f"{SHARED_CHANNEL}\nNothing changed. {AUTOMATIONS}"
    assert shown(lacking)[-2] == "Nothing changed."
    assert shown(partly)[-2] == AUTOMATIONS


@pytest.mark.parametrize(
    ("record", "row"),
    [
        (CHANGE, f"{DEAL} · $4,800"),
        (replace(CHANGE, company="Globex"), f"{DEAL} · Globex · $4,800"),
        (BACK, f"{DEAL} is *open* again"),
        (WAS_SO, f"{DEAL}: already *won*"),
        (OVERTAKEN, f"{DEAL}: skipped, it's *lost* now"),
        (ASKED, f"{DEAL}: lost → *won* · $4,800"),
        (PREVIEW, f"{DEAL}: lost → *won* · $4,800"),
        (LACKS_REASON, f"{DEAL}: needs a lost reason"),
        (UNSURE, f"⚠️ {DEAL}: may have changed, so check it. HighLevel didn't respond in time."),
        (MISSING, f"⚠️ *<{URL}|{ID}>*: not changed. No deal has the ID `{ID}` in this HighLevel account."),
        (replace(MISSING, outcome=Unfamiliar("a_later_word")), f"*<{URL}|{ID}>*: `a_later_word`"),
        (
            replace(UNSURE, effect=Unfamiliar("perhaps")),
            f"⚠️ {DEAL}: may have changed, so check it. HighLevel didn't respond in time.",
        ),
        (replace(MISSING, outcome=None), f"*<{URL}|{ID}>*: not changed"),
        (replace(WAS_SO, name="n" * 60), f"*<{URL}|{'n' * 39}…>*: already *won*"),
        (replace(ASKED, before=None), f"{DEAL}: ? → *won* · $4,800"),
    ],
)
def test_each_of_several_says_what_became_of_it(record: Record, row: str) -> None:
    assert row in _rows(our_messages(currency="USD").several([record, CHANGE], command_of(), [], []))


def test_problems_stand_last() -> None:
    message = our_messages().several([MISSING, WAS_SO, CHANGE], command_of(), [], [])

    assert [row.partition(">*")[2].partition(".")[0] for row in _rows(message)] == [
        " · 4,800",
        ": already *won*",
        ": not changed",
    ]


def test_several_of_which_some_are_taken_back_show_the_others_too() -> None:
    earlier = [
        replace(CHANGE, key="17.key"),
        replace(CHANGE, key="17.key#01", opportunity_id="other", name="Other"),
        replace(WAS_SO, key="17.key#02"),
    ]
    message = our_messages().several([BACK, replace(OVERTAKEN, undoes="17.x")], BEN_UNDOES, earlier, [])

    assert shown(message)[1].replace(DEAL, "New website").split("\n") == [
        "New website is *open* again",
        "New website: skipped, it's *lost* now",
        f"*<{URL.removesuffix(ID)}other|Other>*: not undone, still *won*",
        "New website: already *won*",
    ]


@pytest.mark.parametrize("message_ts", ["", "17.1"])
def test_an_undo_of_several_takes_the_place_of_a_message_whose_button_was_pressed(message_ts: str) -> None:
    undo = replace(BEN_UNDOES, message_ts=message_ts)
    done = our_messages().several([BACK, OVERTAKEN], undo, [], [])
    not_done = our_messages().several([OVERTAKEN, OVERTAKEN], undo, [], [])

    assert (done.public, done.replaces, done.edits, buttons(done)) == (True, bool(message_ts), True, [])
    assert (not_done.public, not_done.replaces, not_done.edits, buttons(not_done)) == (False, False, False, [])


@pytest.mark.parametrize("public", [True, False])
def test_several_have_the_note_and_are_as_public_as_they_were_asked_for(*, public: bool) -> None:
    command = replace(command_of(), note="Signed!", public=public)
    changed = our_messages().several([CHANGE, MISSING], command, [], [])

    assert changed.public == public
    assert shown(changed)[1].endswith("\n&gt; Signed!")
    assert "Signed!" not in our_messages().several([WAS_SO, MISSING], command, [], []).text


@pytest.mark.parametrize("errors_in_channel", [True, False])
@pytest.mark.parametrize("question", [ASKED, PREVIEW, LACKS_REASON])
def test_several_that_did_not_change_are_private_if_they_ask_something(
    question: Record, *, errors_in_channel: bool
) -> None:
    messages = our_messages(errors_in_channel=errors_in_channel)
    asking = messages.several([question, MISSING], command_of(LOSE), [], [TOO_DEAR])

    assert (asking.public, "Nothing changed." in asking.text) == (False, True)
    assert messages.several([MISSING, UNSURE], command_of(), [], []).public == errors_in_channel


@pytest.mark.parametrize(
    ("records", "buttons"),
    [
        ([CHANGE, WAS_SO], [("undo", "Undo", "17.key")]),
        ([CHANGE, CHANGE], [("undo", "Undo all", "17.key")]),
        ([ASKED, ASKED], [("confirm", "Mark all 2 won", "17.key"), ("dismiss", "Cancel", "no")]),
        ([PREVIEW, WAS_SO], [("confirm", "Mark 1 won", "17.key"), ("dismiss", "Cancel", "no")]),
        (
            [CHANGE, ASKED],
            [("undo", "Undo", "17.key"), ("confirm", "Mark 1 won", "17.key")],
        ),
        ([WAS_SO, MISSING], []),
    ],
)
def test_several_have_the_buttons_for_what_can_be_done_next(
    records: list[Record], buttons: list[tuple[str, str, str]]
) -> None:
    assert pressable(our_messages().several(records, command_of(), [], [])) == buttons


def test_several_are_reopened_by_a_button_that_says_so() -> None:
    asking = our_messages().several([ASKED, WAS_SO], command_of(REOPEN), [], [])

    assert ("confirm", "Reopen 1", "17.key") in pressable(asking)


@pytest.mark.parametrize(
    ("failed", "again"),
    [
        (replace(MISSING, outcome=Cause.SERVER_ERROR), True),
        (replace(MISSING, outcome=Cause.NO_ANSWER), True),
        (replace(MISSING, outcome=Cause.NO_ANSWER, after="open"), False),
        (UNSURE, False),
        (MISSING, False),
    ],
)
def test_of_several_those_that_failed_can_be_tried_again_where_that_may_help(failed: Record, *, again: bool) -> None:
    for records in ([CHANGE, failed], [failed, failed]):
        pressed = pressable(our_messages().several(records, command_of(), [], []))
        assert (("retry", "Try again", "17.key") in pressed) == again


def test_several_that_lack_a_reason_have_a_button_for_each_reason() -> None:
    message = our_messages().several([LACKS_REASON] * 2, command_of(LOSE), [], [TOO_DEAR, TOO_SLOW])

    assert [value for _, value in offered(message)] == ["r1", "r2"]


def test_the_undo_of_several_is_not_offered_where_it_is_switched_off() -> None:
    assert buttons(our_messages(undo_window=timedelta()).several([CHANGE] * 2, command_of(), [], [])) == []


@pytest.mark.parametrize("record", [CHANGE, WAS_SO, ASKED, LACKS_REASON])
def test_as_many_as_can_be_asked_for_at_once_are_shown_whole(record: Record) -> None:
    message = our_messages().several([record] * MOST_AT_ONCE, command_of(), [], [TOO_DEAR])

    assert len(_rows(message)) == MOST_AT_ONCE


MANY = st.tuples(RECORDS, st.integers(1, MOST_AT_ONCE)).map(lambda many: [many[0]] * many[1])


@given(MANY, st.just([]) | MANY, COMMANDS, REASONS)
def test_however_many_were_asked_for_at_once_slack_takes_the_message(
    records: list[Record], earlier: list[Record], command: Entry, reasons: list[LostReason]
) -> None:
    message = our_messages().several(records, command, earlier, reasons)

    assert is_sound(message)


@given(st.lists(RECORDS, min_size=1, max_size=4), st.lists(RECORDS, max_size=4), COMMANDS)
def test_whatever_became_of_several_slack_takes_the_message(
    records: list[Record], earlier: list[Record], command: Entry
) -> None:
    assert is_sound(our_messages().several(records, command, earlier, []))


# --- a lost reason for all of them ------------------------------------------------------------------------------------

LOSSES = [replace(CHANGE, key=key, status="lost", after="lost", batch="17.key") for key in ("17.key", "17.key#01")]
GIVEN = [replace(each, key=f"reason-{each.key}", before="lost", amends=each.key) for each in LOSSES]
GIVE = replace(command_of(replace(LOSE, lost_reason_id="r1", only_if="lost")), key="reason", amends="17.key")


def test_a_reason_for_several_is_told_below_what_was_told_of_them() -> None:
    messages = our_messages(announce_channels=dict.fromkeys(STATES, "C0ELSE"))
    message = messages.several_amended(GIVEN, GIVE, LOSSES, [TOO_DEAR, TOO_SLOW])
    told = messages.several(LOSSES, replace(command_of(LOSE), key="17.key"), [], [])

    assert message.blocks[:-1] == told.blocks
    assert shown(message)[-1] == "Lost reason: *Too expensive*"
    assert message.text.endswith("Lost reason: Too expensive")
    assert (message.edits, message.also_in, message.asks_why, is_sound(message)) == (True, "", False, True)
    assert message.otherwise is not None
    assert message.otherwise.text == f"<@{ANA.user_id}> added a lost reason to 2 deals. Lost reason: Too expensive"


def test_a_reason_whose_name_is_not_known_any_more_is_told_without_it() -> None:
    (last,) = shown(our_messages().several_amended(GIVEN, GIVE, LOSSES, []))[-1:]

    assert last == "Lost reason added."


def test_a_reason_for_private_losses_edits_nothing() -> None:
    message = our_messages().several_amended(GIVEN[:1], replace(GIVE, public=False), LOSSES, [TOO_DEAR])

    assert (message.public, message.edits) == (False, False)
    assert message.text == f"<@{ANA.user_id}> added a lost reason to 1 deal. Lost reason: Too expensive"


def test_a_reason_that_no_deal_got_is_told_like_any_failure() -> None:
    failed = [replace(each, outcome=Cause.NO_ANSWER, effect=Effect.NOTHING) for each in GIVEN]
    messages = our_messages()

    assert messages.several_amended(failed, GIVE, LOSSES, [TOO_DEAR]) == messages.several(failed, GIVE, [], [])

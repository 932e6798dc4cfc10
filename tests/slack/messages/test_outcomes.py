from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.record import Entry, Record, UndoRefusal
from bot.deals.deal import STATES, Opportunity, Status
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    Cause,
    Changed,
    Effect,
    Failed,
    Outcome,
    Overtaken,
    Previewed,
    ReasonWanted,
    Result,
    Trouble,
    Unconfirmed,
)
from bot.deals.wish import Wish
from bot.slack.messages.tables import SPEAKS_FOR_ITSELF
from tests.reading import (
    BEN_UNDOES,
    CHANGE,
    COMMANDS,
    DEAL,
    DEALS,
    ID,
    LOSE,
    LOST,
    LOST_WITHOUT,
    OPEN,
    OUTCOMES,
    REASONS,
    RECORDS,
    REF,
    RICH,
    SINCE,
    WON,
    buttons,
    command_of,
    is_sound,
    lines,
    our_messages,
    shown,
    told,
)


def test_a_change_is_told_to_everybody_in_one_line_who_which_deal_from_what_to_what() -> None:
    message = told(Changed(OPEN, WON))

    assert message.public
    assert shown(message) == [f"<@U0ANA> changed {DEAL} from open to *won*.", f"Reference {REF}"]


def test_a_change_that_was_only_seen_by_looking_again_is_told_as_done() -> None:
    message = told(Changed(OPEN, WON, despite=Trouble(Cause.NO_ANSWER, code="TimedOut")))

    assert message.public
    assert "so I looked again: it is done" in message.text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (WON, f"{DEAL} is already *won*."),
        (
            Opportunity(ID, "won", name="New website", since=SINCE),
            f"{DEAL} is already *won* since <!date^1772361000^{{date_short_pretty}} at {{time}}|2026-03-01 10:30 UTC>.",
        ),
    ],
)
@pytest.mark.parametrize("errors_in_channel", [True, False])
def test_a_deal_that_is_already_so_is_told_to_the_caller_alone(
    found: Opportunity, text: str, *, errors_in_channel: bool
) -> None:
    message = told(AlreadySo(found), errors_in_channel=errors_in_channel)

    assert not message.public
    assert shown(message) == [f"{text}\nNothing was changed.", f"Reference {REF}"]


def test_a_change_has_a_button_that_takes_it_back_and_warns_of_automations() -> None:
    (button,) = buttons(told(Changed(OPEN, WON)))

    assert (button["action_id"], button["value"], button["text"]["text"]) == ("undo", "17.key", "Undo")
    assert "New website becomes open again." in button["confirm"]["text"]["text"]
    assert "HighLevel's automations may run again" in button["confirm"]["text"]["text"]


def test_where_nothing_can_be_taken_back_there_is_no_button() -> None:
    odd = replace(OPEN, status="on hold")

    assert buttons(told(Changed(OPEN, WON), undo_window=timedelta())) == []
    assert buttons(told(Changed(odd, WON))) == []
    assert buttons(told(AlreadySo(WON))) == []
    assert buttons(told(Failed(Trouble(Cause.NO_EFFECT), Effect.NOTHING, OPEN, OPEN))) == []


def test_a_key_that_no_button_can_carry_leaves_the_message_without_one() -> None:
    long = replace(command_of(), key="k" * 2001)

    assert buttons(our_messages().outcome(Changed(OPEN, WON), long)) == []


def test_an_undo_by_button_takes_the_place_of_the_message_and_says_both() -> None:
    message = our_messages().outcome(Changed(WON, OPEN), replace(BEN_UNDOES, message_ts="17.1"), CHANGE)

    assert shown(message)[0].splitlines() == [
        f"<@U0ANA> changed {DEAL} from open to won.",
        "<@U0BEN> took that back: it is *open* again.",
    ]
    assert (message.public, message.replaces, buttons(message)) == (True, True, [])


def test_an_undo_by_command_is_a_message_of_its_own() -> None:
    message = our_messages().outcome(Changed(WON, RICH), BEN_UNDOES, CHANGE)

    assert (message.public, message.replaces) == (True, False)
    assert "<@U0BEN> took that back" in message.text
    assert "Jo Doe of Doe Ltd" in message.text


def test_a_deal_that_was_changed_again_is_left_and_shown_as_it_is() -> None:
    message = our_messages().outcome(Overtaken(replace(WON, status="lost")), BEN_UNDOES, CHANGE)

    assert shown(message)[0].splitlines() == [
        f"{DEAL} is *lost* now: it was changed again after that.",
        "Nothing was changed.",
        f"To make it open all the same: `/opp-status {ID} open`",
    ]
    assert message.public is False


@pytest.mark.parametrize("refusal", UndoRefusal)
def test_what_cannot_be_taken_back_says_why_and_what_to_do_instead(refusal: UndoRefusal) -> None:
    for change, undo in ((CHANGE, replace(CHANGE, user_id="U0BEN")), (CHANGE, None), (None, None)):
        message = our_messages().outcomes.cannot_undo(refusal, change, undo, REF)

        if refusal in SPEAKS_FOR_ITSELF:
            assert "Nothing was changed." not in message.text
        else:
            assert "Nothing was changed." in message.text
            assert "To change a deal, type for example `/opp-status" in message.text
        assert message.public is False
        assert is_sound(message, mentions=("<@U0BEN>",))


@pytest.mark.parametrize(
    ("before", "after", "wish", "text"),
    [
        (OPEN, LOST, replace(LOSE, lost_reason_id="r1"), ["Lost reason: Too expensive"]),
        (OPEN, LOST, LOSE, ["Lost reason: Too expensive"]),
        (OPEN, replace(LOST, lost_reason=None), LOSE, ["Lost reason: one whose name HighLevel does not tell"]),
        (
            OPEN,
            LOST_WITHOUT,
            replace(LOSE, reason="too <dear>"),
            [
                "Said: `too &lt;dear&gt;`. It is not in HighLevel: there are no lost reasons, or I may not read them.",
            ],
        ),
        (OPEN, LOST_WITHOUT, LOSE, []),
        (LOST, OPEN, Wish(ID, Status.OPEN), ["Its lost reason was cleared."]),
        (LOST, replace(LOST, status="open"), Wish(ID, Status.OPEN), ["HighLevel keeps its lost reason: Too expensive"]),
        (LOST_WITHOUT, OPEN, Wish(ID, Status.OPEN), []),
    ],
)
def test_what_became_of_the_lost_reason_is_told(
    before: Opportunity, after: Opportunity, wish: Wish, text: list[str]
) -> None:
    assert lines(our_messages().outcome(Changed(before, after), command_of(wish)))[1:] == text


def test_a_reason_that_is_added_is_told_with_the_note_and_cannot_be_undone() -> None:
    command = replace(command_of(replace(LOSE, lost_reason_id="r1")), note="They said so.")
    message = our_messages(announce_channels={Status.LOST: "C0LOST"}).outcome(Changed(LOST_WITHOUT, LOST), command)

    assert lines(message) == [f"<@U0ANA> said why {DEAL} was lost: *Too expensive*.", "&gt; They said so."]
    assert (message.public, buttons(message), message.also_in, message.asks_why) == (True, [], "", False)


def test_a_note_stands_with_the_change_as_a_quotation_on_one_line() -> None:
    command = replace(command_of(), note="Signed!\n<!channel> " + "x" * 1000)
    last = lines(our_messages().outcome(Changed(OPEN, WON), command))[-1]

    assert last.startswith("&gt; Signed! &lt;!channel&gt; xxx")
    assert last.endswith("x…")
    assert len(last) <= 610


@pytest.mark.parametrize("outcome", [Changed(OPEN, WON), Changed(LOST_WITHOUT, LOST)])
@pytest.mark.parametrize("public", [True, False])
def test_a_change_is_private_when_it_was_asked_for_so(outcome: Changed, *, public: bool) -> None:
    assert our_messages().outcome(outcome, replace(command_of(), public=public)).public == public


def test_an_undo_is_announced_nowhere_and_asks_nothing() -> None:
    messages = our_messages(announce_channels=dict.fromkeys(STATES, "C0ELSE"))
    command = replace(BEN_UNDOES, wish=Wish(ID, Status.LOST))
    lost = replace(CHANGE, status="lost", before="won", after="lost", undoes="17.key")
    message = messages.outcome(Changed(WON, LOST_WITHOUT), command, CHANGE)

    for each in (message, messages.several([lost, lost], command, [], [])):
        assert (each.also_in, each.asks_why, each.is_undo) == ("", False, True)


@pytest.mark.parametrize("public", [True, False])
def test_an_undo_is_as_private_as_what_it_takes_back(*, public: bool) -> None:
    assert our_messages().outcome(Changed(WON, OPEN), BEN_UNDOES, replace(CHANGE, public=public)).public == public


def test_an_undo_says_what_its_own_deal_was_where_the_first_of_several_was_another() -> None:
    first = replace(CHANGE, outcome=Result.ALREADY_SO, before="won", after="won")

    assert f"changed {DEAL} from open to won." in our_messages().outcome(Changed(WON, OPEN), BEN_UNDOES, first).text


def test_an_undo_that_restores_a_lost_reason_says_so() -> None:
    command = replace(BEN_UNDOES, wish=replace(LOSE, lost_reason_id="r1", only_if="open"))

    assert lines(our_messages().outcome(Changed(OPEN, LOST), command, CHANGE))[-1] == "Lost reason: Too expensive"


ELSEWHERE = ("<@U0ANA>", "<@U0KIM>", "<#C0SALES>", "<#C0ELSE>")


@given(
    OUTCOMES
    | st.builds(Overtaken, DEALS)
    | st.builds(Unconfirmed, DEALS)
    | st.builds(Previewed, DEALS)
    | st.builds(Ambiguous, st.lists(DEALS, min_size=1, max_size=10).map(tuple), st.booleans())
    | st.builds(ReasonWanted, REASONS.map(tuple)),
    COMMANDS,
    st.none() | RECORDS,
    st.booleans(),
)
def test_whatever_became_of_whatever_was_asked_slack_takes_the_message(
    outcome: Outcome, command: Entry, undone: Record | None, announced: bool
) -> None:
    messages = our_messages(announce_channels=dict.fromkeys(STATES, "C0ELSE") if announced else {})

    assert is_sound(messages.outcome(outcome, command, undone), ELSEWHERE)


@given(OUTCOMES)
def test_whatever_the_crm_says_slack_takes_the_message_and_it_mentions_no_one_else(outcome: Outcome) -> None:
    message = told(outcome)

    assert is_sound(message)
    assert f"Reference {REF}" in message.text

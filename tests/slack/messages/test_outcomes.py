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
from bot.slack.block_kit.mrkdwn import date
from bot.slack.messages.tables import SPEAKS_FOR_ITSELF
from tests.reading import (
    ANA,
    BEN,
    BEN_UNDOES,
    CHANGE,
    COMMANDS,
    DEAL,
    DEALS,
    ID,
    LONG,
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
    pressable,
    shown,
    told,
)


def test_a_win_is_told_to_everybody_in_one_line_who_which_deal_and_how_much() -> None:
    message = told(Changed(OPEN, RICH), currency="USD")

    assert message.public
    assert shown(message) == [
        f"🎉 <@U0ANA> won {DEAL} · *$12,500*",
        "Jo Doe, Doe Ltd · Proposal · Owner: Kim Lee · was open",
    ]


@pytest.mark.parametrize(
    ("after", "headline"),
    [
        (WON, f"🎉 <@U0ANA> won {DEAL}"),
        (LOST, f"<@U0ANA> marked {DEAL} *lost*"),
        (replace(WON, status="abandoned"), f"<@U0ANA> marked {DEAL} *abandoned*"),
        (replace(WON, status="open"), f"<@U0ANA> reopened {DEAL}"),
    ],
)
def test_only_a_win_is_cheered(after: Opportunity, headline: str) -> None:
    assert lines(told(Changed(replace(OPEN, status="odd"), after))) == [headline]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (RICH, "<@U0ANA> won New website · $12,500 · Doe Ltd\nJo Doe · Proposal · Owner: Kim Lee · was open"),
        (
            replace(RICH, company=None),
            "<@U0ANA> won New website · $12,500 · Jo Doe\nProposal · Owner: Kim Lee · was open",
        ),
        (
            replace(RICH, name="Jo Doe", company=None),
            "<@U0ANA> won Jo Doe · $12,500\nProposal · Owner: Kim Lee · was open",
        ),
        (WON, "<@U0ANA> won New website\nwas open"),
    ],
)
def test_a_phone_and_a_screen_reader_get_the_news_first_and_neither_links_nor_the_reference(
    after: Opportunity, said: str
) -> None:
    assert told(Changed(OPEN, after), currency="USD").text == said


def test_the_reference_of_a_public_change_is_where_the_log_finds_it_and_no_one_reads_it() -> None:
    message = told(Changed(OPEN, WON))

    assert message.blocks[0]["block_id"] == REF
    assert REF not in "".join((message.text, *shown(message)))


def test_a_change_that_was_only_seen_by_looking_again_is_told_as_done() -> None:
    message = told(Changed(OPEN, WON, despite=Trouble(Cause.NO_ANSWER, code="TimedOut")))

    assert message.public
    assert "HighLevel was slow to confirm, but the change went through." in message.text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (WON, f"{DEAL} is already *won*."),
        (
            Opportunity(ID, "won", name="New website", since=SINCE),
            f"{DEAL} is already *won* (since {date(SINCE)}).",
        ),
    ],
)
@pytest.mark.parametrize("errors_in_channel", [True, False])
def test_a_deal_that_is_already_so_is_told_to_the_caller_alone(
    found: Opportunity, text: str, *, errors_in_channel: bool
) -> None:
    message = told(AlreadySo(found), errors_in_channel=errors_in_channel)

    assert not message.public
    assert shown(message) == [f"{text}\nNothing changed.", f"Ref {REF}"]


def test_a_change_has_a_button_that_takes_it_back_and_warns_of_automations() -> None:
    (button,) = buttons(told(Changed(OPEN, WON)))

    assert (button["action_id"], button["value"], button["text"]["text"]) == ("undo", "17.key", "Undo")
    assert "New website goes back to open." in button["confirm"]["text"]["text"]
    assert "HighLevel automations may run again" in button["confirm"]["text"]["text"]


def test_where_nothing_can_be_taken_back_there_is_no_button() -> None:
    odd = replace(OPEN, status="on hold")

    assert buttons(told(Changed(OPEN, WON), undo_window=timedelta())) == []
    assert buttons(told(Changed(odd, WON))) == []
    assert buttons(told(AlreadySo(WON))) == []
    failed = told(Failed(Trouble(Cause.NO_EFFECT), Effect.NOTHING, OPEN, OPEN))
    assert "undo" not in {each["action_id"] for each in buttons(failed)}


def test_a_key_that_no_button_can_carry_leaves_the_message_without_one() -> None:
    long = replace(command_of(), key="k" * 2001)

    assert buttons(our_messages().outcome(Changed(OPEN, WON), long)) == []


def test_an_undo_by_button_takes_the_place_of_the_message_and_says_both() -> None:
    now = replace(RICH, status="open")
    message = our_messages(currency="USD").outcome(Changed(RICH, now), replace(BEN_UNDOES, message_ts="17.1"), CHANGE)

    assert shown(message) == [
        f"↩️ <@U0BEN> undid this. {DEAL} is *open* again.",
        "<@U0ANA> had marked it won · $12,500 · Doe Ltd",
    ]
    assert message.text.startswith("<@U0BEN> undid this. New website is open again.\n")
    assert (message.public, message.replaces, buttons(message)) == (True, True, [])


def test_an_undo_of_a_reopening_says_so() -> None:
    message = our_messages().outcome(Changed(OPEN, WON), BEN_UNDOES, CHANGE)

    assert shown(message)[-1] == "<@U0ANA> had reopened it"


def test_an_undo_by_command_is_a_message_of_its_own() -> None:
    message = our_messages().outcome(Changed(WON, RICH), BEN_UNDOES, CHANGE)

    assert (message.public, message.replaces) == (True, False)
    assert "<@U0BEN> undid this" in message.text


def test_a_deal_that_was_changed_again_is_left_and_shown_as_it_is() -> None:
    message = our_messages().outcome(Overtaken(replace(WON, status="lost")), BEN_UNDOES, CHANGE)

    assert lines(message) == [f"{DEAL} changed again since then. It's *lost* now.", "Nothing changed."]
    assert pressable(message) == [
        ("anyway", "Reopen anyway", "17.key"),
        ("link", "View in HighLevel", ""),
    ]
    assert message.public is False


def test_a_deal_that_is_not_as_it_was_confirmed_can_be_changed_anyway() -> None:
    message = told(Overtaken(replace(OPEN, status="lost")))

    assert pressable(message)[0] == ("set_won", "Mark won anyway", f"{ID} won given - New website")


def test_a_deal_that_was_changed_again_and_that_no_button_can_name_is_changed_by_a_command() -> None:
    odd = replace(WON, status="lost", id="an id")
    message = told(Overtaken(odd))

    assert lines(message)[-1] == "To change it anyway, run `/opp-status an id won`."
    assert [label for _, label, _ in pressable(message)] == ["View in HighLevel"]
    assert buttons(told(Overtaken(replace(odd, id="")))) == []
    undo = our_messages().outcome(Overtaken(odd), replace(BEN_UNDOES, key=LONG), CHANGE)
    assert lines(undo)[-1] == "To change it anyway, run `/opp-status an id open`."


@pytest.mark.parametrize("refusal", UndoRefusal)
def test_what_cannot_be_taken_back_says_why_and_shows_the_deal(refusal: UndoRefusal) -> None:
    for change, undo in ((CHANGE, replace(CHANGE, user_id="U0BEN")), (CHANGE, None), (None, None)):
        message = our_messages().outcomes.cannot_undo(refusal, change, undo, ANA, REF)

        if refusal in SPEAKS_FOR_ITSELF:
            assert "Nothing changed." not in message.text
        else:
            assert "Nothing changed." in message.text
            assert (("link", "View in HighLevel", "") in pressable(message)) == bool(change)
        assert message.public is False
        assert is_sound(message, mentions=("<@U0BEN>",))


@pytest.mark.parametrize(
    ("undo", "who"),
    [
        (replace(CHANGE, user_id="U0BEN"), ("<@U0BEN> already undid that", "<@U0BEN> is already undoing that.")),
        (CHANGE, ("You already undid that", "You're already undoing that.")),
        (None, ("Someone already undid that (just now).", "Someone is already undoing that.")),
    ],
)
def test_who_undid_it_is_named_and_the_reader_is_you(undo: Record | None, who: tuple[str, str]) -> None:
    say = our_messages().outcomes.cannot_undo

    done, under_way = (
        say(refusal, CHANGE, undo, ANA, REF).text for refusal in (UndoRefusal.DONE, UndoRefusal.UNDER_WAY)
    )
    assert done.startswith(who[0])
    assert under_way.startswith(who[1])


@pytest.mark.parametrize(
    ("before", "after", "wish", "text"),
    [
        (OPEN, LOST, replace(LOSE, lost_reason_id="r1"), "Too expensive · was open"),
        (OPEN, LOST, LOSE, "Too expensive · was open"),
        (OPEN, replace(LOST, lost_reason=None), LOSE, "name not available · was open"),
        (
            OPEN,
            LOST_WITHOUT,
            replace(LOSE, reason="too <dear>"),
            "Reason: `too &lt;dear&gt;` (in Slack only, not in HighLevel) · was open",
        ),
        (OPEN, LOST_WITHOUT, LOSE, "was open"),
        (LOST, OPEN, Wish(ID, Status.OPEN), "Lost reason cleared · was lost"),
        (
            LOST,
            replace(LOST, status="open"),
            Wish(ID, Status.OPEN),
            "Lost reason still on the deal: Too expensive · was lost",
        ),
        (LOST_WITHOUT, OPEN, Wish(ID, Status.OPEN), "was lost"),
    ],
)
def test_what_became_of_the_lost_reason_is_told(before: Opportunity, after: Opportunity, wish: Wish, text: str) -> None:
    assert shown(our_messages().outcome(Changed(before, after), command_of(wish)))[-1] == text


def test_a_reason_that_is_added_is_told_with_the_note_and_cannot_be_undone() -> None:
    command = replace(command_of(replace(LOSE, lost_reason_id="r1")), note="They said so.")
    message = our_messages(announce_channels={Status.LOST: "C0LOST"}).outcome(Changed(LOST_WITHOUT, LOST), command)

    assert lines(message) == [f"<@U0ANA> added a lost reason to {DEAL}: *Too expensive*", "&gt; They said so."]
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
        assert (each.also_in, each.asks_why, each.edits) == ("", False, True)


@pytest.mark.parametrize("public", [True, False])
def test_an_undo_is_as_private_as_what_it_takes_back(*, public: bool) -> None:
    assert our_messages().outcome(Changed(WON, OPEN), BEN_UNDOES, replace(CHANGE, public=public)).public == public


def test_an_undo_says_what_its_own_deal_was_where_the_first_of_several_was_another() -> None:
    first = replace(CHANGE, outcome=Result.ALREADY_SO, before="won", after="won")

    assert "had marked it won" in our_messages().outcome(Changed(WON, OPEN), BEN_UNDOES, first).text


def test_an_undo_that_restores_a_lost_reason_says_so() -> None:
    command = replace(BEN_UNDOES, wish=replace(LOSE, lost_reason_id="r1", only_if="open"))

    assert shown(our_messages().outcome(Changed(OPEN, LOST), command, CHANGE))[-1].endswith("· Too expensive")


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
    assert REF in str(message.blocks)


# --- in place of an earlier message ---------------------------------------------------------------------------------


def test_a_reason_is_told_as_if_the_loss_had_had_it_from_the_beginning() -> None:
    loss = replace(CHANGE, status="lost", after="lost", note="They went quiet.")
    reason = replace(
        command_of(replace(LOSE, only_if="lost"), BEN), key="reason", amends=loss.key, asked_privately=True
    )
    messages = our_messages(announce_channels=dict.fromkeys(STATES, "C0ELSE"))
    message = messages.amended(Changed(LOST_WITHOUT, LOST), reason, loss)

    as_lost = replace(command_of(LOSE), note="They went quiet.")
    assert replace(message, edits=False, otherwise=None) == replace(
        messages.outcome(Changed(OPEN, LOST), as_lost), also_in=""
    )
    assert message.otherwise == messages.outcome(Changed(LOST_WITHOUT, LOST), reason)
    assert (message.edits, message.aside, message.asks_why, is_sound(message)) == (True, None, False, True)


def test_a_reason_for_a_private_loss_edits_nothing() -> None:
    private = replace(command_of(replace(LOSE, only_if="lost")), public=False)
    message = our_messages().amended(Changed(LOST_WITHOUT, LOST), private, replace(CHANGE, public=False))

    assert (message.public, message.edits) == (False, False)
    assert message == our_messages().outcome(Changed(LOST_WITHOUT, LOST), private)


@pytest.mark.parametrize("asked_privately", [True, False])
def test_a_correction_is_told_like_a_change_and_beside_it_to_a_caller_who_typed_it(*, asked_privately: bool) -> None:
    command = replace(command_of(LOSE), asked_privately=asked_privately)
    message = our_messages().amended(Changed(WON, LOST), command, CHANGE)

    assert replace(message, edits=False, aside=None) == our_messages().outcome(Changed(WON, LOST), command)
    assert message.edits
    assert (message.aside is None) == asked_privately
    if message.aside:
        assert (message.aside.public, is_sound(message.aside)) == (False, True)
        assert message.aside.text == "Your last message now says New website is lost."


def test_what_is_amended_privately_edits_nothing() -> None:
    message = our_messages().amended(Changed(WON, LOST), replace(command_of(LOSE), public=False), CHANGE)

    assert (message.public, message.edits, message.aside) == (False, False, None)


@pytest.mark.parametrize("message_ts", ["", "17.1"])
def test_an_undo_is_told_beside_its_message_to_a_caller_who_typed_it(message_ts: str) -> None:
    undo = replace(BEN_UNDOES, message_ts=message_ts)
    message = our_messages().outcome(Changed(WON, OPEN), undo, CHANGE)

    assert (message.edits, message.aside is None) == (True, bool(message_ts))
    if message.aside:
        assert message.aside.text == "You undid that. New website is open again."


def test_an_undo_of_a_private_change_edits_nothing() -> None:
    assert not our_messages().outcome(Changed(WON, OPEN), BEN_UNDOES, replace(CHANGE, public=False)).edits

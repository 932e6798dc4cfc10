from dataclasses import replace

import pytest

from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.wish import Consent, Wish
from bot.simulator.slack.block_kit import refusal_of
from bot.slack.mail.replies import as_response
from bot.slack.messages.tables import AGAIN_LATER, AGAIN_SOON, FAILURES
from tests.reading import (
    BEN_UNDOES,
    CHANGE,
    DEAL,
    ID,
    KIM,
    LONG,
    LOSE,
    OPEN,
    REF,
    WISH,
    buttons,
    command_of,
    lines,
    our_messages,
    pressable,
    shown,
    told,
)

PASSING = {cause for cause, sentences in FAILURES.items() if sentences.then in {AGAIN_SOON, AGAIN_LATER}}
"""The causes after which the same command may succeed."""


@pytest.mark.parametrize("cause", Cause)
def test_a_failure_says_what_happened_whether_anything_changed_what_next_and_the_reference(cause: Cause) -> None:
    sentences = FAILURES[cause]
    said, small_print = shown(told(Failed(Trouble(cause, retry_after=30.0), Effect.NOTHING)))
    what, changed = said.split("\n")
    named = sentences.what.format(id=f"`{ID}`", name="`…`")
    then = sentences.then.format(admin=f"<@{KIM}>", wait="in 30 seconds")
    small, *for_admins = small_print.split("\n")

    assert what == (f"⚠️ {named}" if "`" in named else f"⚠️ *{named}*")
    assert changed == f"Nothing changed. {'' if sentences.then == AGAIN_SOON else then}".strip()
    assert small == (f"Keeps happening? Tell <@{KIM}> · Ref {REF}" if cause in PASSING else f"Ref {REF}")
    page = "the HighLevel connection page"
    assert for_admins == [f"For admins: {each.format(page=page)}" for each in filter(None, [sentences.for_admins])]


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.NOT_FOUND])
@pytest.mark.parametrize(
    ("failed", "changed"),
    [
        (Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING), "Nothing changed."),
        (Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING, OPEN), f"Nothing changed. {DEAL} is still *open*."),
        (
            Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING, OPEN, OPEN),
            f"{DEAL} is still *open*, so nothing has changed yet.",
        ),
        (Failed(Trouble(Cause.NOT_FOUND), Effect.UNKNOWN), "The deal may have changed."),
        (Failed(Trouble(Cause.NOT_FOUND), Effect.UNKNOWN, OPEN), f"{DEAL} may have changed."),
        (
            Failed(Trouble(Cause.NOT_FOUND), Effect.UNKNOWN, OPEN, Opportunity(ID, "lost", name="New website")),
            f"{DEAL} was *open* and is now *lost*.",
        ),
    ],
)
def test_whether_anything_changed_is_told_as_far_as_it_is_known(cause: Cause, failed: Failed, changed: str) -> None:
    message = told(Failed(Trouble(cause), failed.effect, failed.before, failed.now))

    assert shown(message)[0].split("\n")[1].startswith(changed)
    assert ("link", "View in HighLevel", "") in pressable(message)


@pytest.mark.parametrize("cause", Cause)
def test_a_command_can_be_run_once_more_where_that_may_help_and_cannot_do_it_twice(cause: Cause) -> None:
    again = ("retry", "Try again", "17.key") in pressable(told(Failed(Trouble(cause), Effect.NOTHING)))
    unsure = told(Failed(Trouble(cause), Effect.UNKNOWN))

    assert again == (cause in PASSING | {Cause.TOO_LATE})
    assert "Try again" not in {label for _, label, _ in pressable(unsure)}


def test_a_failure_without_any_button_says_in_words_that_it_may_be_tried_again() -> None:
    failed = Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING)
    message = our_messages().failures.failed(failed, Wish("", Status.OPEN, name="acme"), REF)

    assert lines(message)[1] == "Nothing changed. Try again in a minute."
    assert pressable(message) == []


def test_a_failure_whose_key_no_button_can_carry_says_what_to_do_instead() -> None:
    command = replace(command_of(), key=LONG)
    message = our_messages().outcome(Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING), command)

    assert lines(message)[1] == "Nothing changed. Try again in a minute."
    assert pressable(message) == [("link", "View in HighLevel", "")]


def test_a_deal_that_went_meanwhile_is_named_and_not_called_an_unknown_id() -> None:
    gone = Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING)
    pressed = our_messages().outcome(gone, command_of(replace(WISH, name="Acme renewal *2027*")))
    undone = our_messages().outcome(gone, BEN_UNDOES, replace(CHANGE, name="Acme renewal"))
    nameless = our_messages().outcome(gone, BEN_UNDOES, replace(CHANGE, name=None))

    assert lines(pressed) == [
        "⚠️ *Acme renewal ∗2027∗* isn't in HighLevel anymore. It may have been deleted.",
        "Nothing changed.",
    ]
    assert lines(undone)[0] == "⚠️ *Acme renewal* isn't in HighLevel anymore. It may have been deleted."
    assert pressable(pressed) == []
    assert "No deal has the ID" in nameless.text


def test_a_bot_that_is_not_connected_tells_where_the_admin_connects_it() -> None:
    failed = Failed(Trouble(Cause.RECONNECT), Effect.NOTHING)
    message = told(failed, connect_url="https://deals.example/oauth/highlevel/install")

    assert shown(message)[-1].splitlines()[1] == (
        "For admins: run `python -m bot connect`, then open the link on "
        "<https://deals.example/oauth/highlevel/install|the HighLevel connection page>."
    )
    assert refusal_of(as_response(message)) is None


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.CUT_OFF])
def test_a_caller_looks_before_trying_again_when_the_change_may_only_be_late(cause: Cause) -> None:
    late = told(Failed(Trouble(cause), Effect.NOTHING, OPEN, OPEN))
    unread = told(Failed(Trouble(cause), Effect.NOTHING))

    assert "Check the deal before you try again" in late.text
    assert [label for _, label, _ in pressable(late)] == ["View in HighLevel"]
    assert [label for _, label, _ in pressable(unread)] == ["Try again", "View in HighLevel"]


@pytest.mark.parametrize("cause", [Cause.INVALID, Cause.FORBIDDEN])
def test_highlevels_own_reasons_are_told_where_it_refused_for_reasons_that_we_do_not_know(cause: Cause) -> None:
    reasons = ("status must be a string", "x" * 1000)

    text = shown(told(Failed(Trouble(cause, reasons=reasons), Effect.NOTHING)))[0]
    elsewhere = told(Failed(Trouble(Cause.SERVER_ERROR, reasons=reasons), Effect.NOTHING))

    assert "HighLevel says: “status must be a string; xxx" in text
    assert len(text) < 1000
    assert "status must be a string" not in elsewhere.text


def test_codes_stand_in_the_small_print_and_not_in_the_sentence() -> None:
    trouble = Trouble(Cause.SERVER_ERROR, code="503", trace_id="a-trace-id")

    sentence, small_print = shown(told(Failed(trouble, Effect.NOTHING)))

    told_to = f"Keeps happening? Tell <@{KIM}>"
    assert small_print == f"{told_to} · Ref {REF} · HighLevel 503 · HighLevel trace a-trace-id"
    assert "503" not in sentence


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (10.0, "in 10 seconds"),
        (89.0, "in 89 seconds"),
        (90.0, "in 2 minutes"),
        (600.0, "in 10 minutes"),
        (5399.0, "in 90 minutes"),
        (5400.0, "in about 2 hours (<!date^"),
        (36000.0, "in about 10 hours"),
        (0.0, "in a few seconds"),
        (0.2, "in a few seconds"),
        (1.5, "in 2 seconds"),
    ],
)
def test_a_waiting_time_is_told_in_words(seconds: float | None, words: str) -> None:
    for cause in (Cause.RATE_LIMITED, Cause.DAILY_LIMIT, Cause.SERVER_ERROR, Cause.GATEWAY):
        assert f"Try again {words}" in told(Failed(Trouble(cause, seconds), Effect.NOTHING)).text


@pytest.mark.parametrize(("cause", "words"), [(Cause.RATE_LIMITED, "in a minute"), (Cause.DAILY_LIMIT, "tomorrow")])
def test_a_waiting_time_that_is_not_known_is_guessed(cause: Cause, words: str) -> None:
    messages = our_messages()
    message = messages.failures.failed(Failed(Trouble(cause), Effect.NOTHING), WISH, REF)

    assert f"Try again {words}" in message.text


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.CUT_OFF, Cause.SERVER_ERROR, Cause.SAID_NO])
def test_a_caller_looks_before_trying_again_when_the_change_may_have_happened(cause: Cause) -> None:
    text = told(Failed(Trouble(cause), Effect.UNKNOWN)).text

    assert "Check the deal before you try again." in text
    assert "Try again in a minute" not in text


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("errors_in_channel", [True, False])
def test_failures_are_private_unless_the_installation_wants_them_public(
    cause: Cause, effect: Effect, *, errors_in_channel: bool
) -> None:
    message = told(Failed(Trouble(cause), effect), errors_in_channel=errors_in_channel)

    assert message.public == errors_in_channel


def test_in_a_shared_channel_a_failure_is_for_the_person_alone() -> None:
    failed, messages = Failed(Trouble(Cause.GATEWAY), Effect.NOTHING, OPEN), our_messages(errors_in_channel=True)

    assert messages.outcome(failed, command_of(LOSE)).public
    assert not messages.outcome(failed, command_of(replace(LOSE, consent=Consent.SHARED))).public


def test_a_command_that_could_not_be_written_down_was_not_carried_out() -> None:
    message = our_messages().failures.not_accepted(Cause.STORE_DOWN, REF)

    assert lines(message) == [f"⚠️ *{FAILURES[Cause.STORE_DOWN].what}*", "Nothing changed. Try again in a minute."]
    assert shown(message)[1:] == [f"Keeps happening? Tell <@{KIM}> · Ref {REF}"]


def test_a_command_that_may_have_been_written_down_is_perhaps_carried_out() -> None:
    message = our_messages().failures.not_accepted(Cause.STORE_DOWN, REF, perhaps=True)

    what, changed = lines(message)
    assert what == "⚠️ *It isn't clear whether your command was saved.*"
    assert changed.startswith("Nothing has changed yet. If it was saved, it'll run soon and the result will show up")
    assert changed.endswith("Wait a minute and check the deal before you run it again.")


def test_a_fault_of_the_bot_is_owned_up_to() -> None:
    message = our_messages().failures.not_accepted(Cause.UNEXPECTED, REF)

    assert lines(message) == [
        "⚠️ *Something went wrong in Opp Status. It wasn't your command.*",
        f"Nothing changed. Send <@{KIM}> the reference below.",
    ]
    assert shown(message)[1:] == [f"Ref {REF}"]


def test_a_form_that_did_not_open_can_be_tried_again_or_done_without() -> None:
    message = our_messages().failures.cannot_open_form(REF)

    assert lines(message) == [
        "⚠️ *The form didn't open in time.*",
        "Nothing changed.",
        "Run it again, or try `/opp-status Acme Corp won`.",
    ]
    assert (message.public, shown(message)[-1]) == (False, f"Ref {REF}")


@pytest.mark.parametrize(
    ("status", "errors_in_channel", "pressed"),
    [
        (Status.WON, False, ["won PARIS Acme"]),
        (Status.OPEN, False, ["- PARIS Acme"]),
        (Status.WON, True, []),
    ],
)
def test_a_name_that_finds_no_deal_is_searched_for_in_the_form_by_the_caller(
    status: Status, pressed: list[str], *, errors_in_channel: bool
) -> None:
    wish = Wish("", status, name="Acme", location_id="PARIS")
    failed = Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING)
    message = our_messages(errors_in_channel=errors_in_channel).failures.failed(failed, wish, REF)

    assert [each["value"] for each in buttons(message)] == pressed
    too_long = replace(wish, name="x" * 2001)
    assert buttons(our_messages().failures.failed(failed, too_long, REF)) == []

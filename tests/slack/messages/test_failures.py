from dataclasses import replace

import pytest

from bot.deals.deal import Opportunity
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.wish import Consent
from bot.simulator.slack.block_kit import refusal_of
from bot.slack.mail.replies import as_response
from bot.slack.messages.tables import FAILURES
from tests.reading import DEAL, ID, KIM, LOSE, OPEN, REF, URL, command_of, lines, our_messages, shown, told


@pytest.mark.parametrize("cause", Cause)
def test_a_failure_says_what_happened_whether_anything_changed_what_next_and_the_reference(cause: Cause) -> None:
    sentences, small_print = shown(told(Failed(Trouble(cause, retry_after=30.0), Effect.NOTHING)))
    what, changed, then = sentences.split("\n")

    assert what == FAILURES[cause].what.format(id=f"`{ID}`", name="`…`")
    assert changed == "Nothing was changed."
    page = "the page where HighLevel is connected"
    assert then == FAILURES[cause].then.format(admin=f"<@{KIM}>", wait="in 30 seconds", page=page)
    assert small_print == f"Reference {REF}"


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize(
    ("failed", "changed"),
    [
        (Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING), "Nothing was changed."),
        (Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING, OPEN), f"Nothing was changed. {DEAL} is still *open*."),
        (
            Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING, OPEN, OPEN),
            f"I looked again: {DEAL} is still *open*, so nothing has changed so far.",
        ),
        (Failed(Trouble(Cause.NOT_FOUND), Effect.UNKNOWN), f"I cannot tell whether <{URL}|the deal> changed."),
        (Failed(Trouble(Cause.NOT_FOUND), Effect.UNKNOWN, OPEN), f"I cannot tell whether {DEAL} changed."),
        (
            Failed(Trouble(Cause.NOT_FOUND), Effect.UNKNOWN, OPEN, Opportunity(ID, "lost", name="New website")),
            f"{DEAL} was *open* before, and is *lost* now.",
        ),
    ],
)
def test_whether_anything_changed_is_told_as_far_as_it_is_known(cause: Cause, failed: Failed, changed: str) -> None:
    message = told(Failed(Trouble(cause), failed.effect, failed.before, failed.now))

    assert shown(message)[0].split("\n")[1] == changed


def test_a_bot_that_is_not_connected_tells_where_the_admin_connects_it() -> None:
    failed = Failed(Trouble(Cause.RECONNECT), Effect.NOTHING)
    message = told(failed, connect_url="https://deals.example/oauth/highlevel/install")

    assert "on <https://deals.example/oauth/highlevel/install|the page where HighLevel is connected>." in message.text
    assert "`python -m bot connect` prints the link" in message.text
    assert refusal_of(as_response(message)) is None


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.CUT_OFF])
def test_a_caller_looks_before_trying_again_when_the_change_may_only_be_late(cause: Cause) -> None:
    late = told(Failed(Trouble(cause), Effect.NOTHING, OPEN, OPEN))
    unread = told(Failed(Trouble(cause), Effect.NOTHING))

    assert "look at the deal before you try again" in late.text
    assert "Try again in a minute" not in late.text
    assert "Try again in a minute" in unread.text


@pytest.mark.parametrize("cause", [Cause.INVALID, Cause.FORBIDDEN])
def test_highlevels_own_reasons_are_told_where_it_refused_for_reasons_that_we_do_not_know(cause: Cause) -> None:
    reasons = ("status must be a string", "x" * 1000)

    text = shown(told(Failed(Trouble(cause, reasons=reasons), Effect.NOTHING)))[0]
    elsewhere = told(Failed(Trouble(Cause.SERVER_ERROR, reasons=reasons), Effect.NOTHING))

    assert "It says: status must be a string; xxx" in text
    assert len(text) < 1000
    assert "status must be a string" not in elsewhere.text


def test_codes_stand_in_the_small_print_and_not_in_the_sentence() -> None:
    trouble = Trouble(Cause.SERVER_ERROR, code="HighLevel 503", trace_id="a-trace-id")

    sentence, small_print = shown(told(Failed(trouble, Effect.NOTHING)))

    assert small_print == f"Reference {REF} · HighLevel 503 · HighLevel trace a-trace-id"
    assert "503" not in sentence


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (10.0, "in 10 seconds"),
        (89.0, "in 89 seconds"),
        (90.0, "in 2 minutes"),
        (600.0, "in 10 minutes"),
        (5399.0, "in 90 minutes"),
        (5400.0, "in 2 hours, <!date^"),
        (36000.0, "in 10 hours"),
        (0.0, "in a second"),
        (0.2, "in a second"),
        (1.5, "in 2 seconds"),
    ],
)
def test_a_waiting_time_is_told_in_words(seconds: float | None, words: str) -> None:
    for cause in (Cause.RATE_LIMITED, Cause.DAILY_LIMIT, Cause.SERVER_ERROR, Cause.GATEWAY):
        assert f"Try again {words}" in told(Failed(Trouble(cause, seconds), Effect.NOTHING)).text


@pytest.mark.parametrize(("cause", "words"), [(Cause.RATE_LIMITED, "in a minute"), (Cause.DAILY_LIMIT, "tomorrow")])
def test_a_waiting_time_that_is_not_known_is_guessed(cause: Cause, words: str) -> None:
    assert f"Try again {words}" in told(Failed(Trouble(cause), Effect.NOTHING)).text


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.CUT_OFF, Cause.SERVER_ERROR, Cause.SAID_NO])
def test_a_caller_looks_before_trying_again_when_the_change_may_have_happened(cause: Cause) -> None:
    text = told(Failed(Trouble(cause), Effect.UNKNOWN)).text

    assert "Look at the deal before you try again." in text
    assert "Try again in a minute" not in text


def test_highlevels_reasons_end_with_one_full_stop() -> None:
    trouble = Trouble(Cause.INVALID, reasons=("status is wrong", "try another."))

    assert "It says: status is wrong; try another.\n" in told(Failed(trouble, Effect.NOTHING)).text


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

    assert shown(message)[0].startswith(f"{FAILURES[Cause.STORE_DOWN].what}\nNothing was changed.\n")
    assert shown(message)[1:] == [f"Reference {REF}"]


def test_a_fault_of_the_bot_is_owned_up_to() -> None:
    message = our_messages().failures.not_accepted(Cause.UNEXPECTED, REF)

    assert "a fault of the bot, not yours" in message.text
    assert "Nothing was changed." in message.text
    assert shown(message)[1:] == [f"Reference {REF}"]


def test_a_form_that_did_not_open_can_be_tried_again_or_done_without() -> None:
    message = our_messages().failures.cannot_open_form(REF)

    assert lines(message) == [
        "The form could not be opened: Slack did not take it in time.",
        "Nothing was changed.",
        "Try again, or type `/opp-status &lt;deal&gt; &lt;open|won|lost|abandoned&gt; [reason]` instead.",
    ]
    assert (message.public, shown(message)[-1]) == (False, f"Reference {REF}")

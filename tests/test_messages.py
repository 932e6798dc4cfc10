import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import Caller, Reason
from bot.blocks import TEXT_LIMIT
from bot.command import Misunderstood, Problem
from bot.messages import DENIALS, EXAMPLE_ID, FAILURES, SPEAKS_FOR_ITSELF, USAGE, Message, Messages
from bot.outcome import (
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
    Trouble,
    Unconfirmed,
)
from bot.record import Entry, Obstacle, Record
from bot.replies import payload
from bot.simulator.block_kit import refusal_of
from bot.status import STATES, LostReason, Opportunity, Status, Wish
from tests import memory

ANA = Caller(user_id="U0ANA", team_id="T0OURS", channel_id="C0SALES")
KIM = "U0KIM"
NOBODY_IN_PARTICULAR = "the person who looks after this bot"
ID = "aB3dE5fG7hJ9kL1mN2pQ"
URL = f"https://app.gohighlevel.com/v2/location/LOC/opportunities/{ID}"
WISH = Wish(ID, Status.WON)
REF = "7K2QX9"
SINCE = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
OPEN = Opportunity(ID, "open", name="New website", location_id="LOC", since=SINCE)
WON = Opportunity(ID, "won", name="New website", location_id="LOC")
RICH = Opportunity(
    ID,
    "won",
    name="New website",
    value=12500.0,
    contact="Jo Doe",
    company="Doe Ltd",
    pipeline="Sales",
    stage="Proposal",
    owner="Kim Lee",
)
DEAL = f"*<{URL}|New website>*"


class _Particulars(TypedDict, total=False):
    currency: str
    admin_contact: str
    statuses: frozenset[Status]
    channels: frozenset[str]
    errors_in_channel: bool
    undo_window: timedelta
    asks_for_reason: bool
    confirms_leaving: frozenset[Status]
    announce: dict[Status, str]


def _messages(**particulars: Unpack[_Particulars]) -> Messages:
    return Messages(
        app_url="https://app.gohighlevel.com",
        location_id="LOC",
        currency=particulars.get("currency", ""),
        admin_contact=particulars.get("admin_contact", KIM),
        statuses=particulars.get("statuses", frozenset(STATES)),
        channels=particulars.get("channels", frozenset({"C0SALES"})),
        errors_in_channel=particulars.get("errors_in_channel", False),
        undo_window=particulars.get("undo_window", timedelta(hours=24)),
        asks_for_reason=particulars.get("asks_for_reason", True),
        confirms_leaving=particulars.get("confirms_leaving", frozenset({Status.WON})),
        announce=particulars.get("announce", {}),
    )


def _command(
    wish: Wish = WISH, caller: Caller = ANA, reference: str = REF, undoes: str | None = None, message_ts: str = ""
) -> Entry:
    return Entry("17.key", reference, caller, "typed", wish, message_ts=message_ts, undoes=undoes)


def _outcome(outcome: Outcome, **particulars: Unpack[_Particulars]) -> Message:
    return _messages(**particulars).outcome(outcome, _command())


def _shown(message: Message) -> list[str]:
    """What each block says, in order."""
    texts = [block["text"] if "text" in block else block["elements"][0] for block in message.blocks]
    return [text["text"] for text in texts if text["type"] == "mrkdwn"]


def _every_message(messages: Messages, wish: Wish, caller: Caller, reference: str, word: str) -> list[Message]:
    """All that can be said apart from outcomes."""
    return [
        *(messages.denied(reason, caller, reference) for reason in Reason),
        *(messages.misunderstood(Misunderstood(problem, word), reference) for problem in Problem),
        *(messages.whoami(caller, reason) for reason in (None, *Reason)),
        *(
            messages.outcome(Failed(Trouble(cause), effect), _command(wish, caller, reference))
            for cause in Cause
            for effect in Effect
        ),
        messages.not_accepted(Cause.STORE_DOWN, reference),
        messages.not_accepted(Cause.UNEXPECTED, reference),
        messages.not_accepted(Cause.STORE_DOWN, reference, perhaps=True),
        messages.takes_long(reference),
        messages.help(),
    ]


MARKUP = re.compile(
    r"<!date\^-?[0-9]+\^\{date_short_pretty\} at \{time\}\|[^<>|]*>|<https://app\.[A-Za-z0-9/._~%-]+\|[^<>|]*>"
)


def _is_sound(message: Message, mentions: Sequence[str] = ("<@U0ANA>", "<@U0KIM>", "<#C0SALES>")) -> bool:
    """Slack takes it, nothing in it is left to be filled in, and it mentions nobody but `mentions`."""
    body = payload(message)
    json.dumps(body, ensure_ascii=False).encode()
    for text in (message.text, *_shown(message)):
        rest = MARKUP.sub("", text)
        for mention in mentions:
            rest = rest.replace(mention, "")
        if re.search(r"[<>]|&(?!amp;|lt;|gt;)", rest):
            return False
    return refusal_of(body) is None and len(message.text) <= TEXT_LIMIT


# --- success -------------------------------------------------------------------------------------------------------


def test_a_change_is_told_to_everybody_in_one_line_who_which_deal_from_what_to_what() -> None:
    message = _outcome(Changed(OPEN, WON))

    assert message.public
    assert _shown(message) == [f"<@U0ANA> changed {DEAL} from open to *won*.", f"Reference {REF}"]


@pytest.mark.parametrize(
    ("currency", "value"),
    [("", "value 12,500"), ("USD", "USD 12,500")],
)
def test_what_else_is_known_of_the_deal_is_told_too(currency: str, value: str) -> None:
    said = _shown(_outcome(Changed(OPEN, RICH), currency=currency))[0]

    assert said.splitlines()[1:] == [f"{value} · Jo Doe of Doe Ltd · Sales › Proposal · owner Kim Lee"]


@pytest.mark.parametrize(
    ("deal", "facts"),
    [
        (Opportunity(ID, "won", name="A", value=99.5), "value 99.50"),
        (Opportunity(ID, "won", name="A", value=0.0), None),
        (Opportunity(ID, "won", name="A", value=-3), "value -3"),
        (Opportunity(ID, "won", name="A", value=1234567.891), "value 1,234,567.89"),
        (Opportunity(ID, "won", name="Jo Doe", contact="Jo Doe", company="Doe Ltd"), "Doe Ltd"),
        (Opportunity(ID, "won", name="Doe Ltd", contact="Jo Doe", company="Doe Ltd"), "Jo Doe"),
        (Opportunity(ID, "won", name="A", pipeline="Sales"), "Sales"),
        (Opportunity(ID, "won", name="A", stage="Proposal"), "Proposal"),
        (Opportunity(ID, "won", name="A", owner="Kim Lee"), "owner Kim Lee"),
        (Opportunity(ID, "won", name="A", pipeline_id="p", stage_id="s", owner_id="o", location_id="LOC"), None),
    ],
)
def test_only_what_is_known_and_not_said_already_is_told(deal: Opportunity, facts: str | None) -> None:
    assert _shown(_outcome(Changed(OPEN, deal)))[0].splitlines()[1:] == ([facts] if facts else [])


def test_a_deal_without_a_name_is_called_by_its_id() -> None:
    said = _shown(_outcome(Changed(OPEN, Opportunity(ID, "won"))))[0]

    assert f"<{URL}|the deal {ID}>" in said


def test_a_change_that_was_only_seen_by_looking_again_is_told_as_done() -> None:
    message = _outcome(Changed(OPEN, WON, despite=Trouble(Cause.NO_ANSWER, code="TimedOut")))

    assert message.public
    assert "so I looked again: it is done" in message.text


@pytest.mark.parametrize(
    ("found", "said"),
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
    found: Opportunity, said: str, *, errors_in_channel: bool
) -> None:
    message = _outcome(AlreadySo(found), errors_in_channel=errors_in_channel)

    assert not message.public
    assert _shown(message) == [f"{said}\nNothing was changed.", f"Reference {REF}"]


# --- failure -------------------------------------------------------------------------------------------------------


def test_there_are_sentences_for_everything_that_can_go_wrong() -> None:
    assert set(FAILURES) == set(Cause)
    assert set(DENIALS) == set(Reason)
    assert set(USAGE) == set(Problem)


def test_no_two_things_that_go_wrong_sound_alike() -> None:
    sentences = [*(each.what for each in (*FAILURES.values(), *DENIALS.values())), *USAGE.values()]

    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("cause", Cause)
def test_a_failure_says_what_happened_whether_anything_changed_what_next_and_the_reference(cause: Cause) -> None:
    sentences, small_print = _shown(_outcome(Failed(Trouble(cause, retry_after=30.0), Effect.NOTHING)))
    what, changed, then = sentences.split("\n")

    assert what == FAILURES[cause].what.format(id=f"`{ID}`", name="``")
    assert changed == "Nothing was changed."
    assert then == FAILURES[cause].then.format(admin=f"<@{KIM}>", wait="in 30 seconds")
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
    message = _outcome(Failed(Trouble(cause), failed.effect, failed.before, failed.now))

    assert _shown(message)[0].split("\n")[1] == changed


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.CUT_OFF])
def test_nobody_is_sent_to_try_again_at_once_when_the_change_may_only_be_late(cause: Cause) -> None:
    late = _outcome(Failed(Trouble(cause), Effect.NOTHING, OPEN, OPEN))
    unread = _outcome(Failed(Trouble(cause), Effect.NOTHING))

    assert "look at the deal before you try again" in late.text
    assert "Try again in a minute" not in late.text
    assert "Try again in a minute" in unread.text


def test_highlevels_own_reasons_are_told_where_it_did_not_accept_the_request() -> None:
    reasons = ("status must be a string", "x" * 1000)

    said = _shown(_outcome(Failed(Trouble(Cause.INVALID, reasons=reasons), Effect.NOTHING)))[0]
    elsewhere = _outcome(Failed(Trouble(Cause.SERVER_ERROR, reasons=reasons), Effect.NOTHING))

    assert "It says: status must be a string; xxx" in said
    assert len(said) < 1000
    assert "status must be a string" not in elsewhere.text


def test_codes_stand_in_the_small_print_and_not_in_the_sentence() -> None:
    trouble = Trouble(Cause.SERVER_ERROR, code="HighLevel 503", trace_id="a-trace-id")

    sentence, small_print = _shown(_outcome(Failed(trouble, Effect.NOTHING)))

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
    for cause in (Cause.RATE_LIMITED, Cause.DAILY_LIMIT):
        assert f"Try again {words}" in _outcome(Failed(Trouble(cause, seconds), Effect.NOTHING)).text


@pytest.mark.parametrize(("cause", "words"), [(Cause.RATE_LIMITED, "in a minute"), (Cause.DAILY_LIMIT, "tomorrow")])
def test_a_waiting_time_that_is_not_known_is_guessed(cause: Cause, words: str) -> None:
    assert f"Try again {words}" in _outcome(Failed(Trouble(cause), Effect.NOTHING)).text


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.CUT_OFF, Cause.SERVER_ERROR, Cause.SAID_NO])
def test_nobody_is_told_to_try_again_at_once_when_it_may_have_happened(cause: Cause) -> None:
    text = _outcome(Failed(Trouble(cause), Effect.UNKNOWN)).text

    assert "Look at the deal before you try again." in text
    assert "Try again in a minute" not in text


def test_of_many_allowed_channels_a_few_are_named() -> None:
    messages = _messages(channels=frozenset(f"C0{number}" for number in range(9)))
    text = messages.denied(Reason.WRONG_CHANNEL, Caller("U1", "T1", "C9"), REF).text

    assert "Use one of <#C00>, <#C01>, <#C02>, <#C03>, <#C04>, others, or ask" in text


def test_highlevels_reasons_end_with_one_full_stop() -> None:
    trouble = Trouble(Cause.INVALID, reasons=("status is wrong", "try another."))

    assert "It says: status is wrong; try another.\n" in _outcome(Failed(trouble, Effect.NOTHING)).text


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("errors_in_channel", [True, False])
def test_failures_are_private_unless_the_installation_wants_them_public(
    cause: Cause, effect: Effect, *, errors_in_channel: bool
) -> None:
    message = _outcome(Failed(Trouble(cause), effect), errors_in_channel=errors_in_channel)

    assert message.public == errors_in_channel


def test_everything_but_the_outcome_of_a_command_is_private_always() -> None:
    messages = _messages(errors_in_channel=True)
    private = [
        *(messages.denied(reason, ANA, REF) for reason in Reason),
        *(messages.misunderstood(Misunderstood(problem, "x"), REF) for problem in Problem),
        *(messages.whoami(ANA, reason) for reason in (None, *Reason)),
        messages.not_accepted(Cause.STORE_DOWN, REF),
        messages.not_accepted(Cause.UNEXPECTED, REF),
        messages.help(),
    ]

    assert not any(message.public for message in private)


# --- commands that were not accepted -------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", Reason)
def test_a_denial_says_why_that_nothing_changed_what_next_and_the_reference(reason: Reason) -> None:
    message = _messages().denied(reason, ANA, REF)
    what, changed, then = _shown(message)[0].split("\n")

    assert what == DENIALS[reason].what
    assert changed == "Nothing was changed."
    assert then
    assert _shown(message)[1:] == [f"Reference {REF}"]


@pytest.mark.parametrize("reason", [Reason.NOT_ALLOWED, Reason.NOBODY_ALLOWED])
def test_somebody_who_is_not_on_the_list_reads_what_to_give_to_whom(reason: Reason) -> None:
    said = _messages().denied(reason, ANA, REF).text

    assert f"Ask <@{KIM}> to" in said
    assert "your Slack id is `U0ANA`" in said


def test_somebody_in_the_wrong_channel_reads_which_would_be_right() -> None:
    messages = _messages(channels=frozenset({"C0SALES", "C0DEALS", "not a channel & more"}))
    said = messages.denied(Reason.WRONG_CHANNEL, Caller("U0ANA", "T0OURS", "D0ANA"), REF).text

    assert "Use one of <#C0DEALS>, <#C0SALES>, not a channel &amp; more, or ask" in said
    assert "its id is `D0ANA`" in said


NAMING_NOBODY = {
    Cause.NO_MATCH,
    Cause.NOT_FOUND,
    Cause.RATE_LIMITED,
    Cause.NO_EFFECT,
    Cause.NOT_CONFIRMED,
    Cause.INTERRUPTED,
    Cause.TOO_LATE,
}
"""What a rep can settle alone."""


@pytest.mark.parametrize(("admin_contact", "named"), [(KIM, f"<@{KIM}>"), ("", NOBODY_IN_PARTICULAR)])
def test_whoever_can_help_is_named(admin_contact: str, named: str) -> None:
    messages = _messages(admin_contact=admin_contact)

    assert all(
        named in messages.denied(reason, ANA, REF).text
        for reason in set(Reason) - {Reason.TOO_FAST, Reason.WRONG_WORKSPACE}
    )
    for cause in Cause:
        said = messages.outcome(Failed(Trouble(cause), Effect.NOTHING), _command()).text
        assert (named in said) == (cause not in NAMING_NOBODY)
    for message in (
        messages.not_accepted(Cause.STORE_DOWN, REF),
        messages.not_accepted(Cause.UNEXPECTED, REF),
        messages.help(),
    ):
        assert named in message.text


@pytest.mark.parametrize("problem", Problem)
def test_what_was_not_understood_is_told_with_an_example_and_the_reference(problem: Problem) -> None:
    message = _messages().misunderstood(Misunderstood(problem, "gone"), REF)
    what, changed, example = _shown(message)[0].split("\n")

    assert what == USAGE[problem].format(word="`gone`", statuses="`open`, `won`, `lost`, `abandoned`")
    assert changed == "Nothing was changed."
    assert f"`/opp-status {EXAMPLE_ID} won`" in example
    assert _shown(message)[1:] == [f"Reference {REF}"]


@pytest.mark.parametrize(
    ("statuses", "listed"),
    [
        (frozenset(STATES), "`open`, `won`, `lost`, `abandoned`"),
        (frozenset({Status.LOST, Status.OPEN}), "`open`, `lost`"),
        (frozenset({Status.ALL, Status.WON}), "`won`, `all`"),
        (frozenset({Status.ALL}), "`all`"),
    ],
)
def test_only_the_statuses_that_are_offered_are_listed(statuses: frozenset[Status], listed: str) -> None:
    messages = _messages(statuses=statuses)

    assert f"Use one of {listed}." in messages.misunderstood(Misunderstood(Problem.UNKNOWN_STATUS, "x"), REF).text
    assert f"*The status*: {listed}." in messages.help().text


def test_a_command_that_could_not_be_written_down_was_not_carried_out() -> None:
    message = _messages().not_accepted(Cause.STORE_DOWN, REF)

    assert _shown(message)[0].startswith(f"{FAILURES[Cause.STORE_DOWN].what}\nNothing was changed.\n")
    assert _shown(message)[1:] == [f"Reference {REF}"]


def test_a_fault_of_the_bot_is_owned_up_to() -> None:
    message = _messages().not_accepted(Cause.UNEXPECTED, REF)

    assert "a fault of the bot, not yours" in message.text
    assert "Nothing was changed." in message.text
    assert _shown(message)[1:] == [f"Reference {REF}"]


# --- answers to questions ------------------------------------------------------------------------------------------


def test_help_shows_the_command_as_it_is_typed() -> None:
    assert "`/opp-status &lt;deal&gt; &lt;open|won|lost|abandoned&gt; [reason]`" in _messages().help().text


@pytest.mark.parametrize(
    ("errors_in_channel", "said"),
    [(False, "when it does not, only you do."), (True, "when it fails, they see that too.")],
)
def test_help_says_who_sees_what(*, errors_in_channel: bool, said: str) -> None:
    assert f"everybody in the channel sees it; {said}" in _messages(errors_in_channel=errors_in_channel).help().text


def test_anybody_can_learn_who_the_bot_takes_them_for() -> None:
    said = _messages().whoami(ANA, None).text

    assert "You are <@U0ANA>; your Slack id is `U0ANA`." in said
    assert "channel's id is `C0SALES`, the workspace's `T0OURS`" in said
    assert "You may change deals here." in said


@pytest.mark.parametrize("reason", Reason)
def test_somebody_who_may_not_learns_why_and_what_to_do(reason: Reason) -> None:
    said = _messages().whoami(ANA, reason).text

    assert f"You may not change deals here. {DENIALS[reason].what}" in said
    assert f"`{ANA.user_id}`" in said


# --- every message -------------------------------------------------------------------------------------------------

PLACEHOLDER = re.compile(r"\{[a-z_]*\}")


@pytest.mark.parametrize("admin_contact", [KIM, ""])
@pytest.mark.parametrize("channels", [frozenset({"C0SALES"}), frozenset[str]()])
def test_every_message_is_one_that_slack_takes_with_nothing_left_to_fill_in(
    admin_contact: str, channels: frozenset[str]
) -> None:
    for message in _every_message(_messages(admin_contact=admin_contact, channels=channels), WISH, ANA, REF, "gone"):
        assert _is_sound(message)
        assert not PLACEHOLDER.search(message.text)


def test_the_text_alone_says_all_that_the_blocks_say() -> None:
    messages = _messages()
    told = [
        *_every_message(messages, WISH, ANA, REF, "gone"),
        *(
            _outcome(outcome)
            for outcome in (Changed(OPEN, RICH), AlreadySo(OPEN), Failed(Trouble(Cause.INVALID), Effect.NOTHING))
        ),
    ]

    for message in told:
        assert message.text == "\n".join(_shown(message))


HOSTILE = [
    *("<!channel>", "<!here>", "<@U123>", "<@W9|ana>", "<#C123>", "<!subteam^S1>", "<https://evil.example|harmless>"),
    *("@channel", "@here", "&lt;", "&", "<", ">", "|", "`", "*", "\n", "\u2028", "\u202e", "\u061c", "\x00", "\ud83d"),
    *("{admin}", "{", "}", "%s", "<" * 5000, "&" * 5000, "a" * 5000, "\U0001f600" * 200, "/", "..", " ", "é"),
]
ANY_TEXT = st.lists(st.sampled_from(HOSTILE), max_size=6).map("".join) | st.text(max_size=30)
PERHAPS = st.none() | ANY_TEXT
DEALS = st.builds(
    Opportunity,
    id=ANY_TEXT,
    status=ANY_TEXT,
    name=PERHAPS,
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    contact=PERHAPS,
    company=PERHAPS,
    pipeline=PERHAPS,
    stage=PERHAPS,
    owner=PERHAPS,
    since=st.none() | st.datetimes(timezones=st.just(UTC)),
)
TROUBLES = st.builds(
    Trouble,
    cause=st.sampled_from(Cause),
    retry_after=st.none() | st.floats(0, 1e9),
    reasons=st.lists(ANY_TEXT, max_size=5).map(tuple),
    code=ANY_TEXT,
    trace_id=ANY_TEXT,
)
OUTCOMES = st.one_of(
    st.builds(Changed, DEALS, DEALS, st.none() | TROUBLES),
    st.builds(AlreadySo, DEALS),
    st.builds(Failed, TROUBLES, st.sampled_from(Effect), st.none() | DEALS, st.none() | DEALS),
)


# --- undo -----------------------------------------------------------------------------------------------------------

CHANGE = replace(
    memory.CHANGE, key="17.key", reference=REF, at=SINCE, user_id="U0ANA", opportunity_id=ID, finished_at=SINCE
)
BEN = Caller(user_id="U0BEN", team_id="T0OURS", channel_id="C0SALES")
BEN_UNDOES = _command(Wish(ID, Status.OPEN, only_if="won"), BEN, undoes="17.key")


def _buttons(message: Message) -> list[dict[str, Any]]:
    return [element for block in message.blocks if block["type"] == "actions" for element in block["elements"]]


def test_a_change_has_a_button_that_takes_it_back_and_warns_of_automations() -> None:
    (button,) = _buttons(_outcome(Changed(OPEN, WON)))

    assert (button["action_id"], button["value"], button["text"]["text"]) == ("undo", "17.key", "Undo")
    assert "New website becomes open again." in button["confirm"]["text"]["text"]
    assert "HighLevel's automations may run again" in button["confirm"]["text"]["text"]


def test_where_nothing_can_be_taken_back_there_is_no_button() -> None:
    odd = replace(OPEN, status="on hold")

    assert _buttons(_outcome(Changed(OPEN, WON), undo_window=timedelta())) == []
    assert _buttons(_outcome(Changed(odd, WON))) == []
    assert _buttons(_outcome(AlreadySo(WON))) == []
    assert _buttons(_outcome(Failed(Trouble(Cause.NO_EFFECT), Effect.NOTHING, OPEN, OPEN))) == []


def test_a_key_that_no_button_can_carry_leaves_the_message_without_one() -> None:
    long = replace(_command(), key="k" * 2001)

    assert _buttons(_messages().outcome(Changed(OPEN, WON), long)) == []


def test_an_undo_by_button_takes_the_place_of_the_message_and_says_both() -> None:
    message = _messages().outcome(Changed(WON, OPEN), replace(BEN_UNDOES, message_ts="17.1"), CHANGE)

    assert _shown(message)[0].splitlines() == [
        f"<@U0ANA> changed {DEAL} from open to won.",
        "<@U0BEN> took that back: it is *open* again.",
    ]
    assert (message.public, message.replaces, _buttons(message)) == (True, True, [])


def test_an_undo_by_command_is_a_message_of_its_own() -> None:
    message = _messages().outcome(Changed(WON, RICH), BEN_UNDOES, CHANGE)

    assert (message.public, message.replaces) == (True, False)
    assert "<@U0BEN> took that back" in message.text
    assert "Jo Doe of Doe Ltd" in message.text


def test_a_deal_that_was_changed_again_is_left_and_shown_as_it_is() -> None:
    message = _messages().outcome(Overtaken(replace(WON, status="lost")), BEN_UNDOES, CHANGE)

    assert _shown(message)[0].splitlines() == [
        f"{DEAL} is *lost* now: it was changed again after that.",
        "Nothing was changed.",
        f"To make it open all the same: `/opp-status {ID} open`",
    ]
    assert message.public is False


@pytest.mark.parametrize("obstacle", Obstacle)
def test_what_cannot_be_taken_back_says_why_and_what_to_do_instead(obstacle: Obstacle) -> None:
    for change, undo in ((CHANGE, replace(CHANGE, user_id="U0BEN")), (CHANGE, None), (None, None)):
        message = _messages().cannot_undo(obstacle, change, undo, REF)

        if obstacle in SPEAKS_FOR_ITSELF:
            assert "Nothing was changed." not in message.text
        else:
            assert "Nothing was changed." in message.text
            assert "To change a deal, type for example `/opp-status" in message.text
        assert message.public is False
        assert _is_sound(message, mentions=("<@U0BEN>",))


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
    message = _messages(undo_window=window).cannot_undo(Obstacle.TOO_OLD, CHANGE, None, REF)

    assert f"older than {words}" in message.text


# --- history --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "open → *won*"),
        ({"undoes": "another"}, "taken back, open → *won*"),
        ({"outcome": None, "after": None}, "to won: under way"),
        ({"outcome": "already_so"}, "was won already"),
        ({"outcome": "overtaken", "after": "lost"}, "not taken back: it was lost by then"),
        ({"outcome": "no_answer"}, "to won: failed, no answer"),
        ({"delivered": "undelivered"}, "the reply could not be delivered"),
        ({"before": None}, "? → *won*"),
        ({"after": None}, "open → *?*"),
        ({"before": "won"}, "its lost reason was added"),
        ({"outcome": "ambiguous"}, "to won: the name fitted more than one"),
        ({"outcome": "reason_wanted"}, "to won: not done, its lost reason was missing"),
        ({"outcome": "unconfirmed"}, "to won: not done, it was to be confirmed"),
        ({"outcome": "previewed"}, "preview: open would become won"),
        ({"name": None, "called": "Acme", "opportunity_id": ""}, "*Acme*"),
        ({"name": None}, f"|{ID}>"),
    ],
)
def test_a_line_of_history_says_what_became_of_a_command(fields: dict[str, Any], words: str) -> None:
    message = _messages().history([replace(CHANGE, **fields)], None)

    assert words in message.text
    assert "<@U0ANA>" in message.text
    assert "Mar" in message.text or "2026-03-01" in message.text
    assert REF in message.text
    assert message.public is False


def test_history_says_whose_it_is() -> None:
    messages = _messages()

    assert messages.history([CHANGE], None).text.startswith("The one command of yours:")
    assert messages.history([CHANGE, CHANGE], None).text.startswith("The last 2 commands of yours, latest first:")
    assert "The one command about *<https://" in messages.history([CHANGE], ID).text
    assert messages.history([], None).text == "I know of no command of yours."


@given(
    st.lists(
        st.builds(
            Record,
            **dict.fromkeys(
                ("key", "reference", "user_id", "channel_id", "text", "opportunity_id", "status", "state"), ANY_TEXT
            ),
            **dict.fromkeys(("name", "undoes", "before", "after", "outcome", "delivered"), st.none() | ANY_TEXT),
            **dict.fromkeys(("before_lost_reason_id", "message_ts", "trace_id"), st.none()),
            at=st.just(SINCE),
            attempts=st.just(0),
            finished_at=st.none() | st.just(SINCE),
        ),
        max_size=10,
    )
)
def test_whatever_the_ledger_holds_slack_takes_the_message_and_it_mentions_nobody_else(records: list[Record]) -> None:
    messages = _messages()

    assert _is_sound(messages.history(records, None))
    for record in records:
        assert _is_sound(messages.outcome(Changed(WON, OPEN), _command(), record))
        assert _is_sound(messages.ask_why([LostReason("r1", "Price")], record))
        for obstacle in Obstacle:
            assert _is_sound(messages.cannot_undo(obstacle, record, record, REF))


def test_the_longest_history_is_shown_whole() -> None:
    longest = replace(
        CHANGE, name="&" * 200, user_id="U" * 12, outcome="token_elsewhere", delivered="undelivered", status="abandoned"
    )
    message = _messages().history([longest] * 10, ID)

    assert message.text.count("the reply could not be delivered") == 10
    assert sum(text.count("the reply could not be delivered") for text in _shown(message)) == 10


@given(OUTCOMES)
def test_whatever_the_crm_says_slack_takes_the_message_and_it_mentions_nobody_else(outcome: Outcome) -> None:
    message = _outcome(outcome)

    assert _is_sound(message)
    assert f"Reference {REF}" in message.text


@given(st.builds(Caller, ANY_TEXT, ANY_TEXT, ANY_TEXT), ANY_TEXT, ANY_TEXT)
def test_whatever_was_typed_slack_takes_the_message_and_it_mentions_nobody_else(
    caller: Caller, reference: str, word: str
) -> None:
    messages = _messages()

    for message in _every_message(messages, WISH, caller, reference, word):
        assert _is_sound(message)
    assert _is_sound(messages.outcome(Changed(OPEN, WON), _command(WISH, caller, reference)))


# --- lost reasons, notes, other channels ----------------------------------------------------------------------------

LOST = replace(WON, status="lost")
PRICED = replace(LOST, lost_reason_id="r1", lost_reason="Too expensive")
LOSE = Wish(ID, Status.LOST)


def _lines(message: Message) -> list[str]:
    return _shown(message)[0].splitlines()


@pytest.mark.parametrize(
    ("before", "after", "wish", "said"),
    [
        (OPEN, PRICED, LOSE, "Lost reason: Too expensive"),
        (OPEN, replace(PRICED, lost_reason=None), LOSE, "Lost reason: one whose name HighLevel does not tell"),
        (
            OPEN,
            LOST,
            replace(LOSE, lost_reason_id="r1"),
            "HighLevel does not show the lost reason that was sent with it.",
        ),
        (
            OPEN,
            LOST,
            replace(LOSE, reason="rain"),
            "Said: `rain`. It is not in HighLevel: there are no lost reasons, or I may not read them.",
        ),
        (PRICED, OPEN, WISH, "Its lost reason was cleared."),
        (PRICED, replace(PRICED, status="open"), WISH, "HighLevel keeps its lost reason: Too expensive"),
    ],
)
def test_what_became_of_a_lost_reason_is_told(before: Opportunity, after: Opportunity, wish: Wish, said: str) -> None:
    assert _lines(_messages().outcome(Changed(before, after), _command(wish)))[1:] == [said]


def test_a_reason_that_was_added_later_is_told_to_everybody() -> None:
    message = _messages().outcome(Changed(LOST, PRICED), _command(replace(LOSE, lost_reason_id="r1")))

    assert _lines(message) == [f"<@U0ANA> said why {DEAL} was lost: *Too expensive*."]
    assert message.public
    assert _buttons(message) == []


def test_a_note_is_told_with_the_change_as_it_was_typed() -> None:
    message = _messages().outcome(Changed(OPEN, WON), replace(_command(), note="Signed <!channel> & paid"))

    assert _lines(message)[1:] == ["&gt; Signed &lt;!channel&gt; &amp; paid"]


def test_a_change_that_was_to_be_private_is() -> None:
    private = replace(_command(), public=False)
    message = _messages(announce={Status.WON: "C0WINS"}).outcome(Changed(OPEN, WON), private)

    assert (message.public, message.also_in) == (False, "")
    undone = memory.CHANGE
    assert not _messages().outcome(Changed(WON, OPEN), _command(), replace(undone, public=False)).public


@pytest.mark.parametrize(
    ("announce", "also_in"),
    [({}, ""), ({Status.WON: "C0WINS"}, "C0WINS"), ({Status.WON: "C0SALES"}, ""), ({Status.LOST: "C0DEALS"}, "")],
)
def test_what_belongs_in_another_channel_is_posted_there_too(announce: dict[Status, str], also_in: str) -> None:
    assert _outcome(Changed(OPEN, WON), announce=announce).also_in == also_in
    assert _outcome(AlreadySo(WON), announce=announce).also_in == ""


def test_whoever_loses_a_deal_without_a_reason_is_asked_for_one_if_that_is_wanted() -> None:
    def asked(after: Opportunity, undone: Record | None = None, **particulars: Unpack[_Particulars]) -> bool:
        return _messages(**particulars).outcome(Changed(OPEN, after), _command(LOSE), undone).asks_why

    assert asked(LOST)
    assert not asked(LOST, asks_for_reason=False)
    assert not asked(PRICED)
    assert not asked(WON)
    assert not asked(LOST, CHANGE)


def test_what_was_taken_back_is_told_wherever_it_was_told() -> None:
    assert _messages().outcome(Changed(WON, OPEN), _command(), CHANGE).takes_back
    assert not _outcome(Changed(OPEN, WON)).takes_back


# --- questions ------------------------------------------------------------------------------------------------------

NAMED = Wish("", Status.LOST, name="Acme <b>")
REASONS = (LostReason("r1", "Too expensive"), LostReason("r2", "Chose a rival"))


def _pressed(message: Message) -> list[tuple[str, str]]:
    """What can be pressed, by its name and value."""
    return [
        (element["action_id"], element.get("value", ""))
        for block in message.blocks
        for element in [*block.get("elements", ()), block.get("accessory") or {}]
        if "action_id" in element
    ]


def _is_question(message: Message) -> bool:
    return not message.public and "Nothing was changed." in message.text and f"Reference {REF}" in message.text


def test_whoever_means_one_of_several_deals_is_shown_them_all() -> None:
    message = _messages().outcome(Ambiguous((OPEN, RICH), more=False), _command(NAMED))

    assert _is_question(message)
    assert "Which deal shall be *lost*? `Acme &lt;b&gt;` fits more than one." in message.text
    assert f"• {DEAL} is *open* since <!date^" in message.text
    assert "Jo Doe of Doe Ltd" in message.text
    assert "may not show here yet" in message.text
    assert _pressed(message) == [("choose", f"{ID} 17.key")] * 2


def test_where_there_are_more_deals_more_is_to_be_typed() -> None:
    message = _messages().outcome(Ambiguous((OPEN,), more=True), _command(NAMED))

    assert "type more of its name" in message.text
    assert "fits more than one" in message.text


def test_one_deal_that_may_not_be_meant_is_asked_about() -> None:
    message = _messages().outcome(Ambiguous((WON,), more=False), _command(NAMED))

    assert "Is this the deal that shall be *lost*? `Acme &lt;b&gt;` fits it, but it is not open." in message.text


@pytest.mark.parametrize(
    ("words", "what"),
    [("", f"Why was *<{URL}|the deal {ID}>* lost?"), ("rain", "`rain` is not one of HighLevel's lost reasons.")],
)
def test_whoever_loses_a_deal_for_no_known_reason_may_choose_one(words: str, what: str) -> None:
    message = _messages().outcome(ReasonWanted(REASONS), _command(replace(LOSE, reason=words)))

    assert _is_question(message)
    assert what in message.text
    assert "Too expensive, Chose a rival." in message.text
    assert _pressed(message) == [("reason", "")]
    assert message.blocks[1]["block_id"] == "17.key"


def test_a_deal_whose_id_nobody_knows_yet_is_called_by_its_name() -> None:
    assert "Why was *Acme &lt;b&gt;* lost?" in _messages().outcome(ReasonWanted(REASONS), _command(NAMED)).text


def test_reasons_that_slack_cannot_carry_leave_the_question_without_a_menu() -> None:
    nameless = ReasonWanted((LostReason("", "Nothing"),))

    assert _pressed(_messages().outcome(nameless, _command(LOSE))) == []
    assert _pressed(_messages().outcome(ReasonWanted(REASONS), replace(_command(LOSE), key="k" * 256))) == []


def test_before_a_deal_leaves_won_somebody_is_asked() -> None:
    message = _messages().outcome(Unconfirmed(replace(WON, since=SINCE)), _command(LOSE))

    assert _is_question(message)
    assert f"{DEAL} is *won* since <!date^" in message.text
    assert "Make it *lost* all the same?" in message.text
    assert _pressed(message) == [("confirm", "17.key"), ("dismiss", "no")]


@pytest.mark.parametrize(
    ("deal", "announce", "words", "not_words"),
    [
        (OPEN, {}, ["would become *won*.", "told in <#C0SALES>. HighLevel's automations"], ["asked first"]),
        (OPEN, {Status.WON: "C0WINS"}, ["told in <#C0SALES> and <#C0WINS>."], []),
        (OPEN, {Status.WON: "C0SALES"}, ["told in <#C0SALES>."], []),
        (WON, {}, ["You would be asked first, because it leaves won."], []),
    ],
)
def test_a_preview_says_what_would_happen(
    deal: Opportunity, announce: dict[Status, str], words: list[str], not_words: list[str]
) -> None:
    message = _outcome(Previewed(deal), announce=announce)

    assert _is_question(message)
    assert all(word in message.text for word in words)
    assert not any(word in message.text for word in not_words)
    assert _pressed(message) == [("confirm", "17.key"), ("dismiss", "no")]


@pytest.mark.parametrize("outcome", [Unconfirmed(WON), Previewed(OPEN), Ambiguous((OPEN,), more=False)])
def test_a_key_that_no_button_can_carry_leaves_the_question_without_one(outcome: Outcome) -> None:
    assert _pressed(_messages().outcome(outcome, replace(_command(), key="k" * 2001))) == []


def test_a_question_that_was_answered_or_not_is_put_away() -> None:
    assert _messages().goes_on(REF, replaces=True).replaces
    assert not _messages().goes_on(REF, replaces=False).replaces
    assert _messages().dismissed().text == "Left as it is. Nothing was changed."
    assert "answered already" in _messages().cannot_go_on(CHANGE, REF).text
    forgotten = _messages().cannot_go_on(None, REF)
    assert "I do not know any more" in forgotten.text
    assert "Nothing more was changed." in forgotten.text
    assert not forgotten.replaces


# --- several --------------------------------------------------------------------------------------------------------


def _several(*records: Record, **particulars: Unpack[_Particulars]) -> Message:
    return _messages(**particulars).several(records, _command(LOSE), (), ())


def _row(**fields: Any) -> Record:  # noqa: ANN401 - of any field
    return replace(CHANGE, **{"opportunity_id": ID, "name": "New website", "status": "lost", "after": "lost"} | fields)


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({}, "open → *lost*"),
        ({"outcome": "already_so"}, "is *lost* already"),
        ({"outcome": "overtaken", "after": "won"}, "left alone, for it is *won* now"),
        ({"outcome": "unconfirmed", "before": "won"}, "still won, would become *lost*"),
        ({"outcome": "previewed"}, "still open, would become *lost*"),
        ({"outcome": "reason_wanted"}, "not changed, because its lost reason is missing"),
        (
            {"outcome": "not_found", "effect": "nothing"},
            f"Not changed. HighLevel has no deal with the id `{ID}` in this location.",
        ),
        (
            {"outcome": "no_answer", "effect": "unknown"},
            "I cannot tell whether it changed, so look at it. HighLevel did not answer in time.",
        ),
        ({"outcome": "of another version", "effect": "nothing"}, "Not changed."),
        ({"outcome": None}, "Not changed."),
    ],
)
def test_of_several_each_is_told_in_a_line(fields: dict[str, Any], row: str) -> None:
    line = _several(_row(**fields), _row()).text.splitlines()[1]

    assert line.rstrip() == f"• {DEAL}: {row}"


@pytest.mark.parametrize(
    ("outcomes", "headline", "public"),
    [
        (["changed", "changed"], "<@U0ANA> changed 2 deals to *lost*:", True),
        (["changed", "not_found"], "<@U0ANA> changed 1 of 2 deals to *lost*:", True),
        (["unconfirmed", "already_so"], "Shall 1 of these 2 deals be *lost*? Nothing was changed.", False),
        (["previewed", "already_so"], "This is what would happen. Nothing was changed.", False),
        (["not_found", "already_so"], "None of these 2 deals was changed:", False),
        (["reason_wanted", "reason_wanted"], "None of these 2 deals was changed:", False),
    ],
)
def test_several_are_told_in_one_message(outcomes: list[str], headline: str, public: bool) -> None:
    message = _several(*(_row(outcome=outcome) for outcome in outcomes))

    assert message.text.startswith(headline)
    assert message.public is public


def test_where_nobody_can_tell_of_one_of_several_that_is_said() -> None:
    doubtful = _several(_row(outcome="no_answer", effect="unknown"), _row(outcome="not_found", effect="nothing"))

    assert doubtful.text.startswith("I cannot tell of all of these 2 deals whether they changed:")


def test_failures_of_several_are_public_where_failures_are() -> None:
    assert _several(_row(outcome="not_found"), errors_in_channel=True).public
    assert not _several(_row(outcome="unconfirmed"), errors_in_channel=True).public


def test_several_have_one_button_that_takes_all_back_and_one_that_says_yes() -> None:
    assert _pressed(_several(_row(), _row())) == [("undo", "17.key")]
    assert _pressed(_several(_row(outcome="unconfirmed"), _row())) == [
        ("confirm", "17.key"),
        ("undo", "17.key"),
    ]
    assert _pressed(_several(_row(outcome="not_found"))) == []


def test_a_reason_that_several_lack_can_be_chosen_for_all() -> None:
    message = _messages().several([_row(outcome="reason_wanted")] * 2, _command(LOSE), (), REASONS)

    assert _pressed(message) == [("reason", "")]


def test_several_are_posted_elsewhere_and_asked_about_like_one() -> None:
    message = _several(_row(), announce={Status.LOST: "C0DEALS"})
    assert (message.also_in, message.asks_why) == ("C0DEALS", True)
    assert not _several(_row(lost_reason_id="r1")).asks_why
    assert not _several(_row(outcome="not_found")).asks_why


def test_a_note_for_several_is_told_once_if_anything_changed() -> None:
    noted = replace(_command(LOSE), note="Quarter's end")

    assert "&gt; Quarter's end" in _messages().several([_row(), _row()], noted, (), ()).text
    assert "Quarter" not in _messages().several([_row(outcome="not_found")], noted, (), ()).text


def test_what_was_taken_back_together_is_told_with_what_was_not() -> None:
    changes = [_row(key="all"), _row(key="all#01"), _row(key="all#02", outcome="not_found")]
    undo = _row(key="undo", undoes="all", status="open", before="lost", after="open")
    command = replace(_command(), undoes="all", message_ts="17.2")
    message = _messages().several([undo], command, changes, ())

    assert message.text.splitlines()[:3] == [
        "<@U0ANA> took 1 changes back:",
        f"• {DEAL}: lost → *open*",
        f"• {DEAL}: open → *lost*",
    ]
    assert (message.takes_back, message.replaces, message.also_in) == (True, True, "")
    assert _pressed(message) == []
    failed = _messages().several([replace(undo, outcome="no_answer")], command, changes, ())
    assert (failed.takes_back, failed.replaces) == (False, False)


# --- a deal's card --------------------------------------------------------------------------------------------------


def test_a_card_tells_what_is_known_and_offers_what_can_be_done() -> None:
    message = _messages().card(replace(RICH, since=SINCE), [CHANGE] * 4, REF)

    assert not message.public
    assert f"{DEAL} is *won* since <!date^" in message.text
    assert "value 12,500 · Jo Doe of Doe Ltd · Sales › Proposal · owner Kim Lee" in message.text
    assert message.text.count("open → *won*") == 3
    assert [name for name, _ in _pressed(message)] == ["set_open", "set_lost", "set_abandoned", "link", "share"]
    assert ("set_lost", f"{ID} lost given") in _pressed(message)


def test_a_card_asks_before_a_deal_leaves_won_and_then_it_is_agreed_to() -> None:
    won, opened = _messages().card(WON, [], REF), _messages().card(OPEN, [], REF)

    assert all("confirm" in button for button in won.blocks[1]["elements"][:3])
    assert not any("confirm" in button for button in opened.blocks[1]["elements"])
    assert ("set_lost", f"{ID} lost presumed") in _pressed(opened)


def test_a_card_offers_only_what_may_be_set() -> None:
    message = _messages(statuses=frozenset({Status.WON, Status.OPEN})).card(OPEN, [], REF)

    assert [name for name, _ in _pressed(message)] == ["set_won", "link", "share"]


def test_a_card_of_a_lost_deal_says_why() -> None:
    assert "Lost reason: Too expensive" in _messages().card(PRICED, [], REF).text


def test_a_shared_card_is_for_everybody_and_nothing_can_be_pressed() -> None:
    message = _messages().shared_card(OPEN, ANA, REF)

    assert message.public
    assert message.text.startswith(f"<@U0ANA> shows you a deal:\n{DEAL} is *open*")
    assert _pressed(message) == []


def test_whoever_wants_to_see_one_of_several_deals_is_shown_them_all() -> None:
    message = _messages().which_card("Acme", [OPEN, WON], REF, more=False)

    assert "Which deal do you mean? `Acme` fits more than one." in message.text
    assert _pressed(message) == [("show", ID)] * 2


def test_a_deal_that_cannot_be_shown_is_a_private_failure() -> None:
    failed = Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING)
    message = _messages(errors_in_channel=True).no_card(failed, Wish("", Status.OPEN, name="Acme"), REF)

    assert "I searched HighLevel for `Acme` and found no deal." in message.text
    assert "put one of `open`, `won`, `lost`, `abandoned` behind its name." in message.text
    assert not message.public


def test_a_form_that_does_not_open_is_told_with_what_to_type_instead() -> None:
    message = _messages().cannot_open_form(REF)

    assert "Nothing was changed." in message.text
    assert "/opp-status &lt;deal&gt;" in message.text


@pytest.mark.parametrize(("batch", "deal"), [(None, f"Why was {DEAL} lost?"), ("key", "Why were these deals lost?")])
def test_whoever_lost_a_deal_is_asked_why(batch: str | None, deal: str) -> None:
    message = _messages().ask_why(REASONS, _row(batch=batch))

    assert message.text.startswith(deal)
    assert _pressed(message) == [("reason", "")]
    assert not message.public


@given(
    st.builds(
        Opportunity,
        st.text(),
        st.text(),
        name=st.none() | st.text(),
        value=st.none() | st.floats(),
        contact=st.none() | st.text(),
        company=st.none() | st.text(),
        pipeline=st.none() | st.text(),
        stage=st.none() | st.text(),
        owner=st.none() | st.text(),
        lost_reason_id=st.none() | st.text(),
        lost_reason=st.none() | st.text(),
    ),
    st.text(),
    st.lists(st.builds(LostReason, st.text(), st.text()), max_size=120),
)
def test_whatever_deals_and_reasons_are_called_slack_takes_every_question(
    deal: Opportunity, words: str, reasons: list[LostReason]
) -> None:
    messages = _messages(announce={Status.LOST: "C0DEALS"})
    command = replace(_command(Wish(deal.id, Status.LOST, name=words, reason=words)), note=words)
    record = replace(CHANGE, opportunity_id=deal.id, name=deal.name, called=words)
    mentions = ("<@U0ANA>", "<@U0KIM>", "<#C0SALES>", "<#C0DEALS>", "<@U1>")
    for message in (
        messages.outcome(Ambiguous((deal,) * 10, more=True), command),
        messages.outcome(ReasonWanted(tuple(reasons)), command),
        messages.outcome(Unconfirmed(deal), command),
        messages.outcome(Previewed(deal), command),
        messages.outcome(Changed(OPEN, deal), command),
        messages.which_card(words, [deal] * 10, REF, more=True),
        messages.several([record, replace(record, outcome="not_found")] * 12, command, [record], reasons),
        messages.ask_why(reasons, record),
        *((messages.card(deal, [record] * 3, REF), messages.shared_card(deal, ANA, REF)) if deal.id else ()),
    ):
        assert _is_sound(message, mentions)

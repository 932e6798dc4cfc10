import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.requests import OPERATOR, AccessRequest, RequestState
from bot.access.rules import Allowed, Approved, Caller, Denied, Reason, Way
from bot.commands.policy import Confirm, LostReasonMode
from bot.commands.record import Entry, Record, State, UndoRefusal, Unfamiliar
from bot.commands.reply import Message
from bot.commands.request import MOST_AT_ONCE, Misunderstood, Problem, ShowHistory
from bot.deals.deal import STATES, LostReason, Opportunity, Status
from bot.deals.locations import Locations
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
from bot.deals.wish import Consent, Wish
from bot.simulator.slack.block_kit import refusal_of
from bot.slack.block_kit.blocks import TEXT_LIMIT
from bot.slack.block_kit.mrkdwn import date
from bot.slack.messages.sentences import (
    DENIALS,
    EXAMPLE_ID,
    FAILURES,
    SHARED_CHANNEL,
    SPEAKS_FOR_ITSELF,
    USAGE,
    Messages,
)
from bot.slack.replies import as_response
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


def _messages(**settings: Any) -> Messages:  # noqa: ANN401 - of any setting
    plain = {"app_url": "https://app.gohighlevel.com", "locations": Locations("LOC"), "admin_contact": KIM}
    return memory.messages(**plain | {"channels": frozenset({"C0SALES"})} | settings)


def _command(
    wish: Wish = WISH, caller: Caller = ANA, reference: str = REF, undoes: str | None = None, message_ts: str = ""
) -> Entry:
    return Entry("17.key", reference, caller, "typed", wish, message_ts=message_ts, undoes=undoes)


def _outcome(outcome: Outcome, **settings: Any) -> Message:  # noqa: ANN401 - of any setting
    return _messages(**settings).outcome(outcome, _command())


def _shown(message: Message) -> list[str]:
    """What each block says, in order."""
    texts = [block["text"] if "text" in block else block["elements"][0] for block in message.blocks]
    return [text["text"] for text in texts if text["type"] == "mrkdwn"]


def _every_message(messages: Messages, wish: Wish, caller: Caller, reference: str, word: str) -> list[Message]:
    """All that can be said apart from outcomes."""
    asked = AccessRequest(reference, caller.user_id, caller.team_id, caller.channel_id, SINCE)
    approved = replace(asked, state=RequestState.APPROVED, decided_by=caller.user_id, decided_at=SINCE)
    revoked = replace(approved, state=RequestState.REVOKED, revoked_by=OPERATOR, revoked_at=SINCE)
    return [
        *(
            say(request)
            for request in (asked, approved, replace(approved, state=RequestState.DECLINED), revoked)
            for say in (messages.asks_for_access, messages.request_waits, messages.request_rests, messages.decision)
        ),
        messages.request_sent(asked, replaces=True),
        messages.let_in_already(reference),
        messages.decided(approved, now=True, replaces=True),
        messages.decided(replace(revoked, revoked_by=caller.user_id), now=False, replaces=True),
        messages.unknown_request(reference),
        messages.not_an_admin(reference),
        messages.not_decided(reference),
        messages.access([]),
        messages.access([asked, approved] * 10),
        messages.access([asked] * 21),
        *(messages.denied(reason, caller, reference) for reason in Reason),
        *(messages.misunderstood(Misunderstood(problem, word), reference) for problem in Problem),
        *(messages.whoami(caller, Denied(reason)) for reason in Reason),
        *(messages.whoami(caller, Allowed(way, word, Approved(word, SINCE))) for way in Way),
        *(
            messages.outcome(Failed(Trouble(cause), effect), _command(wish, caller, reference))
            for cause in Cause
            for effect in Effect
        ),
        messages.not_accepted(Cause.STORE_DOWN, reference),
        messages.not_accepted(Cause.UNEXPECTED, reference),
        messages.not_accepted(Cause.STORE_DOWN, reference, perhaps=True),
        messages.takes_long(reference),
        messages.cannot_look_up(reference),
        messages.cannot_open_form(reference),
        messages.cannot_go_on(None, reference),
        messages.cannot_go_on(CHANGE, reference),
        messages.goes_on(reference, replaces=True),
        messages.dismissed(),
        messages.help(),
    ]


MARKUP = re.compile(
    r"<!date\^-?[0-9]+\^\{date_short_pretty\} at \{time\}\|[^<>|]*>|<https://app\.[A-Za-z0-9/._~%-]+\|[^<>|]+>"
)


def _is_sound(message: Message, mentions: Sequence[str] = ("<@U0ANA>", "<@U0KIM>", "<#C0SALES>")) -> bool:
    """Slack takes it, nothing in it is left to be filled in, and it mentions nobody but `mentions`."""
    body = as_response(message)
    json.dumps(body, ensure_ascii=False).encode()
    asked = [each["confirm"]["text"]["text"] for each in _buttons(message) if "confirm" in each]
    for text in (message.text, *_shown(message), *asked):
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
    interaction = _shown(_outcome(Changed(OPEN, RICH), currency=currency))[0]

    assert interaction.splitlines()[1:] == [f"{value} · Jo Doe of Doe Ltd · Sales › Proposal · owner Kim Lee"]


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
    interaction = _shown(_outcome(Changed(OPEN, Opportunity(ID, "won"))))[0]

    assert f"<{URL}|the deal {ID}>" in interaction


@pytest.mark.parametrize("name", ["", " \n", "\u202e"])
def test_a_name_of_which_nothing_can_be_seen_is_none(name: str) -> None:
    messages = _messages()
    nameless = replace(WON, name=name)

    assert f"<{URL}|the deal {ID}>" in messages.card(nameless, [], REF).text
    assert f"<{URL}|{ID}>" in messages.history([replace(CHANGE, name=name)], ShowHistory()).text
    assert "The deal is won." in _buttons(messages.card(nameless, [], REF))[0]["confirm"]["text"]["text"]
    assert "The deal becomes open" in _buttons(_outcome(Changed(OPEN, nameless)))[0]["confirm"]["text"]["text"]
    assert "*…*" in messages.history([replace(CHANGE, name=name, opportunity_id="")], ShowHistory()).text


def test_a_change_that_was_only_seen_by_looking_again_is_told_as_done() -> None:
    message = _outcome(Changed(OPEN, WON, despite=Trouble(Cause.NO_ANSWER, code="TimedOut")))

    assert message.public
    assert "so I looked again: it is done" in message.text


@pytest.mark.parametrize(
    ("found", "interaction"),
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
    found: Opportunity, interaction: str, *, errors_in_channel: bool
) -> None:
    message = _outcome(AlreadySo(found), errors_in_channel=errors_in_channel)

    assert not message.public
    assert _shown(message) == [f"{interaction}\nNothing was changed.", f"Reference {REF}"]


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
    message = _outcome(Failed(Trouble(cause), failed.effect, failed.before, failed.now))

    assert _shown(message)[0].split("\n")[1] == changed


def test_who_is_not_connected_reads_where_the_admin_connects() -> None:
    failed = Failed(Trouble(Cause.RECONNECT), Effect.NOTHING)
    message = _outcome(failed, connect_url="https://deals.example/oauth/highlevel/install")

    assert "on <https://deals.example/oauth/highlevel/install|the page where HighLevel is connected>." in message.text
    assert "`python -m bot connect` prints the link" in message.text
    assert refusal_of(as_response(message)) is None


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.CUT_OFF])
def test_nobody_is_sent_to_try_again_at_once_when_the_change_may_only_be_late(cause: Cause) -> None:
    late = _outcome(Failed(Trouble(cause), Effect.NOTHING, OPEN, OPEN))
    unread = _outcome(Failed(Trouble(cause), Effect.NOTHING))

    assert "look at the deal before you try again" in late.text
    assert "Try again in a minute" not in late.text
    assert "Try again in a minute" in unread.text


def test_highlevels_own_reasons_are_told_where_it_did_not_accept_the_request() -> None:
    reasons = ("status must be a string", "x" * 1000)

    interaction = _shown(_outcome(Failed(Trouble(Cause.INVALID, reasons=reasons), Effect.NOTHING)))[0]
    elsewhere = _outcome(Failed(Trouble(Cause.SERVER_ERROR, reasons=reasons), Effect.NOTHING))

    assert "It says: status must be a string; xxx" in interaction
    assert len(interaction) < 1000
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


ADMISSIONS: list[Allowed | Denied] = [Allowed(Way.LIST), *map(Denied, Reason)]


def test_everything_but_the_outcome_of_a_command_is_private_always() -> None:
    messages = _messages(errors_in_channel=True)
    private = [
        *(messages.denied(reason, ANA, REF) for reason in Reason),
        *(messages.misunderstood(Misunderstood(problem, "x"), REF) for problem in Problem),
        *(messages.whoami(ANA, decision) for decision in ADMISSIONS),
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
    interaction = _messages().denied(reason, ANA, REF).text

    assert f"Ask <@{KIM}> to" in interaction
    assert "your Slack id is `U0ANA`" in interaction


def test_somebody_in_the_wrong_channel_reads_which_would_be_right() -> None:
    messages = _messages(channels=frozenset({"C0SALES", "C0DEALS", "not a channel & more"}))
    interaction = messages.denied(Reason.WRONG_CHANNEL, Caller("U0ANA", "T0OURS", "D0ANA"), REF).text

    assert "Use one of <#C0DEALS>, <#C0SALES>, not a channel &amp; more, or ask" in interaction
    assert "its id is `D0ANA`" in interaction


NAMING_NOBODY = {
    Cause.NOT_FOUND,
    Cause.NO_MATCH,
    Cause.RATE_LIMITED,
    Cause.NO_EFFECT,
    Cause.NOT_CONFIRMED,
    Cause.INTERRUPTED,
    Cause.TOO_LATE,
}
"""What a rep can settle alone."""


def test_whoever_is_asked_in_a_shared_channel_is_told_who_would_read_it() -> None:
    shared = _command(replace(LOSE, consent=Consent.SHARED))
    for message in (
        _messages().outcome(Unconfirmed(OPEN), shared),
        _messages().several([replace(CHANGE, outcome=Result.UNCONFIRMED, after=None)] * 2, shared, (), ()),
    ):
        assert message.text.count(SHARED_CHANNEL) == 1
        assert "all the same" not in message.text
        assert not message.public


def test_in_a_shared_channel_a_failure_is_for_the_person_alone() -> None:
    failed, messages = Failed(Trouble(Cause.GATEWAY), Effect.NOTHING, OPEN), _messages(errors_in_channel=True)

    assert messages.outcome(failed, _command(LOSE)).public
    assert not messages.outcome(failed, _command(replace(LOSE, consent=Consent.SHARED))).public


@pytest.mark.parametrize(("admin_contact", "named"), [(KIM, f"<@{KIM}>"), ("", NOBODY_IN_PARTICULAR)])
def test_whoever_can_help_is_named(admin_contact: str, named: str) -> None:
    messages = _messages(admin_contact=admin_contact)

    assert all(
        named in messages.denied(reason, ANA, REF).text
        for reason in set(Reason) - {Reason.TOO_FAST, Reason.WRONG_WORKSPACE, Reason.STRANGER, Reason.BOT}
    )
    for cause in Cause:
        interaction = messages.outcome(Failed(Trouble(cause), Effect.NOTHING), _command()).text
        assert (named in interaction) == (cause not in NAMING_NOBODY)
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
    assert f"*The status*: {listed}. Behind" in messages.help().text


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
    ("errors_in_channel", "interaction"),
    [(False, "when it does not, only you do."), (True, "when it fails, they see that too.")],
)
def test_help_says_who_sees_what(*, errors_in_channel: bool, interaction: str) -> None:
    assert (
        f"everybody in the channel sees it; {interaction}" in _messages(errors_in_channel=errors_in_channel).help().text
    )


def test_help_names_everything_that_can_be_typed() -> None:
    interaction = _messages().help().text

    for typed in ("&lt;deal&gt;", "undo", "history", "whoami"):
        assert f"`/opp-status {typed}`" in interaction
    assert "`/opp-status` alone opens a form" in interaction
    assert f"Up to {MOST_AT_ONCE} links or ids" in interaction


def test_help_says_nothing_of_an_undo_that_is_switched_off() -> None:
    assert "undo" not in _messages(undo_window=timedelta()).help().text


def test_anybody_can_learn_who_the_bot_takes_them_for() -> None:
    interaction = _messages().whoami(ANA, Allowed(Way.LIST)).text

    assert "You are <@U0ANA>; your Slack id is `U0ANA`." in interaction
    assert "channel's id is `C0SALES`, the workspace's `T0OURS`" in interaction


@pytest.mark.parametrize(
    ("allowed", "why"),
    [
        (Allowed(Way.ADMIN), "You are one of the admins."),
        (Allowed(Way.LIST), "You are on the list of people who may."),
        (Allowed(Way.GROUP, group="S0SALES"), "You are in the user group `S0SALES`."),
        (
            Allowed(Way.APPROVAL, approved=Approved("U0KIM", datetime(2026, 11, 25, 11, tzinfo=UTC))),
            f"<@U0KIM> let you in, {date(datetime(2026, 11, 25, 11, tzinfo=UTC))}.",
        ),
    ],
)
def test_somebody_who_may_learns_why(allowed: Allowed, why: str) -> None:
    assert f"You may change deals here. {why}" in _messages().whoami(ANA, allowed).text


@pytest.mark.parametrize("reason", Reason)
def test_somebody_who_may_not_learns_why_and_what_to_do(reason: Reason) -> None:
    interaction = _messages().whoami(ANA, Denied(reason)).text

    assert f"You may not change deals here. {DENIALS[reason].what}" in interaction
    assert f"`{ANA.user_id}`" in interaction


# --- every message -------------------------------------------------------------------------------------------------

PLACEHOLDER = re.compile(r"\{[a-z_]*\}")


@pytest.mark.parametrize("admin_contact", [KIM, ""])
@pytest.mark.parametrize("channels", [frozenset({"C0SALES"}), frozenset[str]()])
def test_every_message_is_one_that_slack_takes_with_nothing_left_to_fill_in(
    admin_contact: str, channels: frozenset[str]
) -> None:
    for message in _every_message(_messages(admin_contact=admin_contact, channels=channels), WISH, ANA, REF, "gone"):
        assert _is_sound(message)
        assert not PLACEHOLDER.search(MARKUP.sub("", message.text))


@pytest.mark.parametrize(("user", "reference"), [("U0\nBEN", REF), (ANA.user_id, "R\n1")])
def test_a_request_that_no_button_can_name_is_told_without_one(user: str, reference: str) -> None:
    asked = AccessRequest(reference, user, ANA.team_id, ANA.channel_id, SINCE)
    approved = replace(asked, state=RequestState.APPROVED, decided_by="U0KIM", decided_at=SINCE)
    message = _messages().access([approved if reference == REF else asked])

    assert _buttons(message) == []
    assert _is_sound(message)


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
NO_IDS = ANY_TEXT.filter(lambda text: not re.fullmatch(r"[UWCGD][A-Z0-9]+", text))
"""Who did it, and where, is rightly mentioned: hypothesis tries the ids that stand in the code too."""
CALLERS = st.builds(Caller, NO_IDS, NO_IDS, NO_IDS)
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
    lost_reason_id=PERHAPS,
    lost_reason=PERHAPS,
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


@pytest.mark.parametrize("refusal", UndoRefusal)
def test_what_cannot_be_taken_back_says_why_and_what_to_do_instead(refusal: UndoRefusal) -> None:
    for change, undo in ((CHANGE, replace(CHANGE, user_id="U0BEN")), (CHANGE, None), (None, None)):
        message = _messages().cannot_undo(refusal, change, undo, REF)

        if refusal in SPEAKS_FOR_ITSELF:
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
    message = _messages(undo_window=window).cannot_undo(UndoRefusal.TOO_OLD, CHANGE, None, REF)

    assert f"older than {words}" in message.text


# --- what a change tells besides -----------------------------------------------------------------------------------

LOST = Opportunity(ID, "lost", name="New website", lost_reason_id="r1", lost_reason="Too expensive")
LOST_WITHOUT = replace(LOST, lost_reason_id=None, lost_reason=None)
LOSE = Wish(ID, Status.LOST)
TOO_DEAR, TOO_SLOW = LostReason("r1", "Too expensive"), LostReason("r2", "Too slow & late")


def _lines(message: Message) -> list[str]:
    return _shown(message)[0].splitlines()


@pytest.mark.parametrize(
    ("before", "after", "wish", "interaction"),
    [
        (OPEN, LOST, replace(LOSE, lost_reason_id="r1"), ["Lost reason: Too expensive"]),
        (OPEN, LOST, LOSE, ["Lost reason: Too expensive"]),
        (OPEN, replace(LOST, lost_reason=None), LOSE, ["Lost reason: one whose name HighLevel does not tell"]),
        (
            OPEN,
            LOST_WITHOUT,
            replace(LOSE, lost_reason_id="r1", reason="dear"),
            ["HighLevel does not show the lost reason that was sent with it."],
        ),
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
    before: Opportunity, after: Opportunity, wish: Wish, interaction: list[str]
) -> None:
    assert _lines(_messages().outcome(Changed(before, after), _command(wish)))[1:] == interaction


def test_a_reason_that_is_added_is_told_with_the_note_and_cannot_be_undone() -> None:
    command = replace(_command(replace(LOSE, lost_reason_id="r1")), note="They said so.")
    message = _messages(announce_channels={Status.LOST: "C0LOST"}).outcome(Changed(LOST_WITHOUT, LOST), command)

    assert _lines(message) == [f"<@U0ANA> said why {DEAL} was lost: *Too expensive*.", "&gt; They said so."]
    assert (message.public, _buttons(message), message.also_in, message.asks_why) == (True, [], "", False)


def test_a_note_stands_with_the_change_as_a_quotation_on_one_line() -> None:
    command = replace(_command(), note="Signed!\n<!channel> " + "x" * 1000)
    last = _lines(_messages().outcome(Changed(OPEN, WON), command))[-1]

    assert last.startswith("&gt; Signed! &lt;!channel&gt; xxx")
    assert last.endswith("x…")
    assert len(last) <= 610


@pytest.mark.parametrize("outcome", [Changed(OPEN, WON), Changed(LOST_WITHOUT, LOST)])
@pytest.mark.parametrize("public", [True, False])
def test_a_change_is_private_when_it_was_asked_for_so(outcome: Changed, *, public: bool) -> None:
    assert _messages().outcome(outcome, replace(_command(), public=public)).public == public


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
    command = replace(_command(), public=public)
    messages = _messages(announce_channels=announce)

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
def test_whoever_loses_a_deal_without_a_reason_is_asked_for_it_where_that_is_wanted(
    after: Opportunity, mode: LostReasonMode, *, asks: bool
) -> None:
    messages = _messages(lost_reason=mode)
    command = _command(Wish(ID, Status(after.status)))
    record = replace(CHANGE, status=after.status, after=after.status, lost_reason_id=after.lost_reason_id)

    assert messages.outcome(Changed(OPEN, after), command).asks_why == asks
    assert messages.several([record, CHANGE], command, [], []).asks_why == asks


def test_an_undo_is_announced_nowhere_and_asks_nothing() -> None:
    messages = _messages(announce_channels=dict.fromkeys(STATES, "C0ELSE"))
    command = replace(BEN_UNDOES, wish=Wish(ID, Status.LOST))
    lost = replace(CHANGE, status="lost", before="won", after="lost", undoes="17.key")
    message = messages.outcome(Changed(WON, LOST_WITHOUT), command, CHANGE)

    for each in (message, messages.several([lost, lost], command, [], [])):
        assert (each.also_in, each.asks_why, each.is_undo) == ("", False, True)


@pytest.mark.parametrize("public", [True, False])
def test_an_undo_is_as_private_as_what_it_takes_back(*, public: bool) -> None:
    assert _messages().outcome(Changed(WON, OPEN), BEN_UNDOES, replace(CHANGE, public=public)).public == public


def test_an_undo_says_what_its_own_deal_was_where_the_first_of_several_was_another() -> None:
    first = replace(CHANGE, outcome=Result.ALREADY_SO, before="won", after="won")

    assert f"changed {DEAL} from open to won." in _messages().outcome(Changed(WON, OPEN), BEN_UNDOES, first).text


def test_an_undo_that_restores_a_lost_reason_says_so() -> None:
    command = replace(BEN_UNDOES, wish=replace(LOSE, lost_reason_id="r1", only_if="open"))

    assert _lines(_messages().outcome(Changed(OPEN, LOST), command, CHANGE))[-1] == "Lost reason: Too expensive"


# --- what has to be asked ------------------------------------------------------------------------------------------

NAMED = _command(Wish("", Status.WON, name="new website"))
AUTOMATIONS = "HighLevel's automations that wait for a deal's status run then, and may write to the customer."
LAGS = "What was changed in HighLevel in the last seconds may not show here yet."
OTHER = Opportunity("other", "lost", name="Other website", value=5.0)
LONG = "k" * 2001


def _accessories(message: Message) -> list[dict[str, Any]]:
    return [block["accessory"] for block in message.blocks if "accessory" in block]


def _options(message: Message) -> list[tuple[str, str]]:
    (menu,) = [each for each in _buttons(message) if each["type"] == "static_select"]
    return [(option["text"]["text"], option["value"]) for option in menu["options"]]


def _pressable(message: Message) -> list[tuple[str, str, str]]:
    return [
        (each["action_id"], each["text"]["text"], each.get("value", "")) for each in _buttons(message) if "text" in each
    ]


@pytest.mark.parametrize("errors_in_channel", [True, False])
@pytest.mark.parametrize(
    "outcome",
    [
        Ambiguous((OPEN,), more=False),
        Ambiguous((OPEN, OTHER), more=True),
        ReasonWanted((TOO_DEAR,)),
        Unconfirmed(WON),
        Previewed(WON),
    ],
)
def test_every_question_is_private_says_that_nothing_changed_and_has_the_reference(
    outcome: Outcome, *, errors_in_channel: bool
) -> None:
    message = _messages(errors_in_channel=errors_in_channel).outcome(outcome, NAMED)

    assert (message.public, message.also_in, message.asks_why, message.replaces) == (False, "", False, False)
    assert "Nothing was changed." in message.text
    assert message.text.endswith(f"Reference {REF}")
    assert _is_sound(message)


@pytest.mark.parametrize(
    ("outcome", "asked"),
    [
        (
            Ambiguous((OTHER,), more=False),
            "Is this the deal that shall be *won*? `new website` fits it, but it is not open.",
        ),
        (Ambiguous((OTHER,), more=True), "Which deal shall be *won*? `new website` fits more than one."),
        (Ambiguous((OPEN, OTHER), more=False), "Which deal shall be *won*? `new website` fits more than one."),
    ],
)
def test_a_name_that_may_mean_another_deal_is_asked_about(outcome: Ambiguous, asked: str) -> None:
    message = _messages().outcome(outcome, NAMED)

    assert _lines(message) == [asked, "Nothing was changed."]
    assert [each["value"] for each in _accessories(message)] == [f"{deal.id} 17.key" for deal in outcome.matches]
    assert {(each["action_id"], each["text"]["text"]) for each in _accessories(message)} == {("choose", "This one")}
    assert _shown(message)[-1] == f"{LAGS} · Reference {REF}"


def test_each_deal_to_choose_from_shows_what_tells_it_from_the_others() -> None:
    message = _messages().outcome(Ambiguous((replace(RICH, since=SINCE), OTHER), more=False), NAMED)

    first, second = _shown(message)[1:3]
    assert first.startswith(f"{DEAL} is *won* since <!date^1772361000^")
    assert first.endswith(" · value 12,500 · Jo Doe of Doe Ltd · Sales › Proposal · owner Kim Lee")
    assert second.endswith("/other|Other website>* is *lost* · value 5")
    assert f"• {first}\n• {second}\n" in message.text


@pytest.mark.parametrize("more", [True, False])
def test_that_there_are_more_deals_of_that_name_is_told(*, more: bool) -> None:
    hint = "There are more: if yours is not here, type more of its name."

    for message in (
        _messages().outcome(Ambiguous((OPEN, OTHER), more), NAMED),
        _messages().which_card("website", [OPEN, OTHER], REF, more=more),
    ):
        assert (hint in message.text, hint in _shown(message)) == (more, more)


def test_somebody_who_wants_to_see_one_of_several_deals_chooses() -> None:
    message = _messages().which_card("web <site>", [OPEN, OTHER], REF, more=False)

    assert _lines(message) == ["Which deal do you mean? `web &lt;site&gt;` fits more than one."]
    assert [(each["action_id"], each["value"]) for each in _accessories(message)] == [("show", ID), ("show", "other")]
    assert (message.public, _shown(message)[-1]) == (False, f"{LAGS} · Reference {REF}")


@pytest.mark.parametrize(
    ("wish", "asked", "deal"),
    [
        (LOSE, f"Why was *<{URL}|the deal {ID}>* lost?", f"*<{URL}|the deal {ID}>*"),
        (replace(LOSE, name="Acme"), f"Why was *<{URL}|Acme>* lost?", f"*<{URL}|Acme>*"),
        (replace(LOSE, opportunity_id="", name="Acme & Co"), "Why was *Acme &amp; Co* lost?", "*Acme &amp; Co*"),
        (
            replace(LOSE, name="Acme", reason="dear"),
            "`dear` is not one of HighLevel's lost reasons.",
            f"*<{URL}|Acme>*",
        ),
    ],
)
def test_a_missing_or_unknown_reason_is_asked_for_with_those_there_are(wish: Wish, asked: str, deal: str) -> None:
    message = _messages().outcome(ReasonWanted((TOO_DEAR, TOO_SLOW)), _command(wish))

    choose = f"Choose one for {deal}: Too expensive, Too slow &amp; late."
    assert _lines(message) == [asked, "Nothing was changed.", choose]
    assert _options(message) == [("Too expensive", "r1"), ("Too slow &amp; late", "r2")]
    assert [block["block_id"] for block in message.blocks if block["type"] == "actions"] == ["17.key"]


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
    messages = _messages()
    command = replace(_command(LOSE), key=key)

    for message in (
        messages.outcome(ReasonWanted(reasons), command),
        messages.ask_why(reasons, replace(CHANGE, key=key)),
        messages.several([replace(CHANGE, outcome=Result.REASON_WANTED)] * 2, command, [], reasons),
    ):
        assert _buttons(message) == []
        assert _is_sound(message)


@pytest.mark.parametrize(
    ("change", "asked"), [(CHANGE, f"Why was {DEAL} lost?"), (replace(CHANGE, batch="17.key"), "Why were these")]
)
def test_whoever_lost_a_deal_is_asked_why_when_it_is_done(change: Record, asked: str) -> None:
    message = _messages().ask_why([TOO_DEAR, TOO_SLOW], change)

    assert message.text.startswith(asked)
    assert "Choose a reason, and I add it in HighLevel." in message.text
    assert "under Settings › Custom Fields › Lost Reason." in message.text
    assert [value for _, value in _options(message)] == ["r1", "r2"]
    assert (message.public, _shown(message)[-1]) == (False, f"Reference {REF}")
    assert _is_sound(message)


def test_a_deal_that_is_not_left_unasked_is_shown_with_yes_and_no() -> None:
    message = _messages().outcome(Unconfirmed(replace(RICH, since=SINCE)), _command(LOSE))

    first, facts, last = _lines(message)
    assert first.startswith(f"{DEAL} is *won* since <!date^1772361000^")
    assert first.endswith(". Make it *lost* all the same?")
    assert facts.startswith("value 12,500 · Jo Doe")
    assert last == f"Nothing was changed. {AUTOMATIONS}"
    assert _pressable(message) == [("confirm", "Make it lost", "17.key"), ("dismiss", "Leave it", "no")]


@pytest.mark.parametrize(
    ("deal", "announce", "interaction"),
    [
        (OPEN, {}, [f"It would be told in <#C0SALES>. {AUTOMATIONS}"]),
        (OPEN, {Status.LOST: "C0LOST"}, [f"It would be told in <#C0SALES> and <#C0LOST>. {AUTOMATIONS}"]),
        (OPEN, {Status.LOST: "C0SALES"}, [f"It would be told in <#C0SALES>. {AUTOMATIONS}"]),
        (OPEN, {Status.WON: "C0WINS"}, [f"It would be told in <#C0SALES>. {AUTOMATIONS}"]),
        (
            WON,
            {},
            ["You would be asked first, because it leaves won.", f"It would be told in <#C0SALES>. {AUTOMATIONS}"],
        ),
    ],
)
def test_a_preview_says_what_would_happen_and_offers_to_do_it(
    deal: Opportunity, announce: dict[Status, str], interaction: list[str]
) -> None:
    message = _messages(announce_channels=announce).outcome(Previewed(deal), _command(LOSE))

    first, *rest, last = _lines(message)
    assert first.endswith(", and would become *lost*.")
    assert rest == interaction
    assert last == "This was only a preview. Nothing was changed."
    assert _pressable(message) == [("confirm", "Make it lost", "17.key"), ("dismiss", "Leave it", "no")]


@pytest.mark.parametrize("key", [LONG, "\ud83d", ""])
def test_a_key_that_no_button_can_carry_leaves_every_message_without_one(key: str) -> None:
    messages = _messages()
    command = replace(NAMED, key=key)

    for outcome in (Unconfirmed(WON), Previewed(WON), Changed(OPEN, WON)):
        assert _buttons(messages.outcome(outcome, command)) == []
    for kind in (Result.UNCONFIRMED, Result.PREVIEWED, Result.CHANGED):
        assert _buttons(messages.several([replace(CHANGE, outcome=kind)] * 2, command, [], [])) == []


def test_a_choice_that_no_button_can_carry_has_none() -> None:
    messages = _messages()

    assert _accessories(messages.outcome(Ambiguous((OPEN, OTHER), more=False), replace(NAMED, key=LONG))) == []
    odd = [replace(OPEN, id=text) for text in ("", LONG, "\ud83d")]
    assert [each["value"] for each in _accessories(messages.which_card("x", [*odd, OTHER], REF, more=False))] == [
        "other"
    ]


@pytest.mark.parametrize("replacing", [_messages().goes_on(REF, replaces=True), _messages().dismissed()])
def test_a_question_that_was_answered_gives_way(replacing: Message) -> None:
    assert (replacing.public, replacing.replaces, _buttons(replacing)) == (False, True, [])


def test_an_answer_is_thanked_for_or_respected() -> None:
    assert _shown(_messages().goes_on(REF, replaces=True)) == [
        "Thank you. It goes on, and the result follows.",
        f"Reference {REF}",
    ]
    assert _shown(_messages().dismissed()) == ["Left as it is. Nothing was changed."]


@pytest.mark.parametrize(
    ("question", "interaction"),
    [
        (CHANGE, "That has been answered already: it goes on, or is done."),
        (None, "I do not know any more what that was about."),
    ],
)
def test_an_answer_that_comes_twice_or_too_late_says_what_to_do_instead(
    question: Record | None, interaction: str
) -> None:
    message = _messages().cannot_go_on(question, REF)

    assert _lines(message) == [
        interaction,
        "Nothing more was changed.",
        "To change a deal, type `/opp-status &lt;deal&gt; &lt;open|won|lost|abandoned&gt; [reason]`.",
    ]
    assert (message.public, message.replaces, _shown(message)[-1]) == (False, False, f"Reference {REF}")


# --- several at once -----------------------------------------------------------------------------------------------

WAS_SO = replace(CHANGE, outcome=Result.ALREADY_SO, before="won")
UNSURE = replace(CHANGE, outcome=Cause.NO_ANSWER, effect=Effect.UNKNOWN, after=None)
MISSING = replace(CHANGE, outcome=Cause.NOT_FOUND, effect=Effect.NOTHING, name=None, before=None, after=None)
ASKED = replace(CHANGE, outcome=Result.UNCONFIRMED, before="lost", after="lost")
PREVIEW = replace(CHANGE, outcome=Result.PREVIEWED, before="lost", after="lost")
LACKS_REASON = replace(CHANGE, outcome=Result.REASON_WANTED, status="lost", before=None, after=None)
OVERTAKEN = replace(CHANGE, outcome=Result.OVERTAKEN, before="lost", after="lost", undoes="17.key")
BACK = replace(CHANGE, before="won", after="open", status="open", undoes="17.key")


@pytest.mark.parametrize(
    ("records", "command", "headline"),
    [
        ([CHANGE, CHANGE], _command(), "<@U0ANA> changed 2 deals to *won*:"),
        ([CHANGE, WAS_SO, ASKED], _command(), "<@U0ANA> changed 1 of 3 deals to *won*:"),
        ([BACK, BACK], BEN_UNDOES, "<@U0BEN> took 2 changes back:"),
        ([BACK, OVERTAKEN], BEN_UNDOES, "<@U0BEN> took 1 of 2 changes back:"),
        (
            [ASKED, WAS_SO],
            _command(),
            f"Shall 1 of these 2 deals be *won*? Nothing was changed. {AUTOMATIONS}",
        ),
        ([PREVIEW, WAS_SO], _command(), f"This is what would happen. Nothing was changed. {AUTOMATIONS}"),
        (
            [LACKS_REASON, LACKS_REASON],
            _command(LOSE),
            "Why were these deals lost? Nothing was changed. Choose a reason for them:",
        ),
        (
            [LACKS_REASON, MISSING],
            _command(replace(LOSE, reason="dear")),
            "`dear` is not one of HighLevel's lost reasons. Nothing was changed. Choose a reason for them:",
        ),
        ([UNSURE, MISSING], _command(), "I cannot tell of all of these 2 deals whether they changed:"),
        ([WAS_SO, MISSING], _command(), "None of these 2 deals was changed:"),
        ([OVERTAKEN, OVERTAKEN], BEN_UNDOES, "None of these 2 deals was changed:"),
    ],
)
def test_several_begin_with_what_became_of_them_together(records: list[Record], command: Entry, headline: str) -> None:
    message = _messages().several(records, command, [], [TOO_DEAR])

    assert _lines(message)[0] == headline
    assert len(_lines(message)) == 1 + len(records)
    assert _shown(message)[-1] == f"Reference {REF}"
    assert message.text == "\n".join(_shown(message))


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
        (replace(MISSING, outcome=Unfamiliar("a_later_word")), f"*<{URL}|{ID}>*: Not changed. "),
        (replace(MISSING, outcome=None), f"*<{URL}|{ID}>*: Not changed. "),
        (replace(CHANGE, name="n" * 60), f"*<{URL}|{'n' * 39}…>*: open → *won*"),
        (replace(CHANGE, before=None, after="won"), f"{DEAL}: ? → *won*"),
    ],
)
def test_each_of_several_says_what_became_of_it(record: Record, row: str) -> None:
    assert _shown(_messages().several([record, CHANGE], _command(), [], []))[0].split("\n")[1] == f"• {row}"


def test_several_of_which_some_are_taken_back_show_the_others_too() -> None:
    earlier = [
        replace(CHANGE, key="17.key"),
        replace(CHANGE, key="17.key#01", opportunity_id="other", name="Other"),
        replace(WAS_SO, key="17.key#02"),
    ]
    message = _messages().several([BACK, replace(OVERTAKEN, undoes="17.x")], BEN_UNDOES, earlier, [])

    assert [line.split("*: ")[1] for line in _lines(message)[1:]] == [
        "won → *open*",
        "left alone, for it is *lost* now",
        "not taken back, open → *won*",
        "is *won* already",
    ]
    assert "/other|Other>*: not taken back" in message.text


@pytest.mark.parametrize("message_ts", ["", "17.1"])
def test_an_undo_of_several_takes_the_place_of_a_message_whose_button_was_pressed(message_ts: str) -> None:
    undo = replace(BEN_UNDOES, message_ts=message_ts)
    done = _messages().several([BACK, OVERTAKEN], undo, [], [])
    not_done = _messages().several([OVERTAKEN, OVERTAKEN], undo, [], [])

    assert (done.public, done.replaces, done.is_undo, _buttons(done)) == (True, bool(message_ts), True, [])
    assert (not_done.public, not_done.replaces, not_done.is_undo, _buttons(not_done)) == (False, False, False, [])


@pytest.mark.parametrize("public", [True, False])
def test_several_have_the_note_and_are_as_public_as_they_were_asked_for(*, public: bool) -> None:
    command = replace(_command(), note="Signed!", public=public)
    changed = _messages().several([CHANGE, MISSING], command, [], [])

    assert changed.public == public
    assert _lines(changed)[-1] == "&gt; Signed!"
    assert "Signed!" not in _messages().several([WAS_SO, MISSING], command, [], []).text


@pytest.mark.parametrize("errors_in_channel", [True, False])
@pytest.mark.parametrize("question", [ASKED, PREVIEW, LACKS_REASON])
def test_several_that_did_not_change_are_private_if_they_ask_something(
    question: Record, *, errors_in_channel: bool
) -> None:
    messages = _messages(errors_in_channel=errors_in_channel)
    asking = messages.several([question, MISSING], _command(LOSE), [], [TOO_DEAR])

    assert (asking.public, "Nothing was changed." in asking.text) == (False, True)
    assert messages.several([MISSING, UNSURE], _command(), [], []).public == errors_in_channel


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
    assert _pressable(_messages().several(records, _command(), [], [])) == buttons


def test_several_that_lack_a_reason_have_a_menu_of_reasons() -> None:
    message = _messages().several([LACKS_REASON] * 2, _command(LOSE), [], [TOO_DEAR, TOO_SLOW])

    assert [value for _, value in _options(message)] == ["r1", "r2"]


def test_the_undo_of_several_is_not_offered_where_it_is_switched_off() -> None:
    assert _buttons(_messages(undo_window=timedelta()).several([CHANGE] * 2, _command(), [], [])) == []


@pytest.mark.parametrize("record", [CHANGE, WAS_SO, ASKED, LACKS_REASON])
def test_as_many_as_can_be_asked_for_at_once_are_shown_whole(record: Record) -> None:
    message = _messages().several([record] * MOST_AT_ONCE, _command(), [], [TOO_DEAR])

    assert "\n".join(_shown(message)).count(f"• {DEAL}") == MOST_AT_ONCE


# --- a deal's card -------------------------------------------------------------------------------------------------


def test_a_card_shows_the_deal_what_was_done_from_slack_and_what_can_be_done() -> None:
    message = _messages().card(replace(RICH, status="lost", since=SINCE, lost_reason_id="r1"), [CHANGE] * 5, REF)
    first, facts, reason, head, *past = _lines(message)

    assert first.startswith(f"{DEAL} is *lost* since <!date^")
    assert facts == "value 12,500 · Jo Doe of Doe Ltd · Sales › Proposal · owner Kim Lee"
    assert reason == "Lost reason: one whose name HighLevel does not tell"
    assert head == "Last from Slack:"
    assert ["open → *won*" in line for line in past] == [True] * 3
    assert _pressable(message) == [
        ("set_open", "Make it open", f"{ID} open presumed"),
        ("set_won", "Make it won", f"{ID} won presumed"),
        ("set_abandoned", "Make it abandoned", f"{ID} abandoned presumed"),
        ("link", "Open in HighLevel", ""),
        ("share", "Share in channel", ID),
    ]
    assert [each["url"] for each in _buttons(message) if "url" in each] == [URL]
    assert not any("confirm" in each for each in _buttons(message))
    assert (message.public, _shown(message)[-1]) == (False, f"Reference {REF}")


def test_a_card_without_anything_else_is_short() -> None:
    assert _shown(_messages().card(WON, [], REF)) == [f"{DEAL} is *won*.", f"Reference {REF}"]


def test_the_buttons_of_a_card_ask_first_where_a_status_is_not_left_unasked() -> None:
    message = _messages(statuses=frozenset({Status.OPEN, Status.WON, Status.ALL})).card(WON, [], REF)
    button, *rest = _buttons(message)

    assert (button["action_id"], button["value"]) == ("set_open", f"{ID} open given")
    assert button["confirm"]["title"]["text"] == "Make it open?"
    assert button["confirm"]["text"]["text"] == f"New website is won. {AUTOMATIONS}"
    assert button["confirm"]["confirm"]["text"] == "Make it open"
    assert button["confirm"]["deny"]["text"] == "Leave it"
    assert [each["action_id"] for each in rest] == ["link", "share"]
    assert (
        "The deal is won." in _buttons(_messages().card(replace(WON, name=None), [], REF))[0]["confirm"]["text"]["text"]
    )


@pytest.mark.parametrize("name", ["&" * 500, "n" * 500])
def test_the_question_of_a_cards_button_fits(name: str) -> None:
    deal = replace(WON, name=name)

    assert _buttons(_messages().card(deal, [], REF))[0]["confirm"]["text"]["text"].endswith((AUTOMATIONS, "…"))
    assert _is_sound(_messages().card(deal, [], REF))


@pytest.mark.parametrize("opportunity_id", ["", "x" * 151, "\ud83d", "a\nb"])
def test_a_card_whose_deal_no_button_can_name_has_none(opportunity_id: str) -> None:
    message = _messages().card(replace(WON, id=opportunity_id), [], REF)

    assert _buttons(message) == []
    assert _is_sound(message)


def test_the_longest_id_that_a_cards_buttons_carry_is_one_that_slack_takes() -> None:
    message = _messages().card(replace(WON, id="\U0001f600" * 150), [], REF)

    assert len(_buttons(message)) == 5
    assert _is_sound(message)


def test_a_card_that_is_shared_is_for_everybody_and_has_nothing_to_press() -> None:
    message = _messages().shared_card(LOST, ANA, REF)

    assert _lines(message) == ["<@U0ANA> shows you a deal:", f"{DEAL} is *lost*.", "Lost reason: Too expensive"]
    assert (message.public, message.also_in, _buttons(message)) == (True, "", [])
    assert _shown(message)[-1] == f"Reference {REF}"


@pytest.mark.parametrize("errors_in_channel", [True, False])
def test_why_a_deal_cannot_be_shown_is_for_whoever_asked(*, errors_in_channel: bool) -> None:
    messages = _messages(errors_in_channel=errors_in_channel)
    message = messages.no_card(Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING), Wish("", Status.OPEN, name="Acme"), REF)

    assert message.text.startswith("I searched HighLevel for `Acme` and found no deal.\nNothing was changed.\n")
    assert (message.public, _shown(message)[-1]) == (False, f"Reference {REF}")


def test_a_form_that_did_not_open_can_be_tried_again_or_done_without() -> None:
    message = _messages().cannot_open_form(REF)

    assert _lines(message) == [
        "The form could not be opened: Slack did not take it in time.",
        "Nothing was changed.",
        "Try again, or type `/opp-status &lt;deal&gt; &lt;open|won|lost|abandoned&gt; [reason]` instead.",
    ]
    assert (message.public, _shown(message)[-1]) == (False, f"Reference {REF}")


ELSEWHERE = ("<@U0ANA>", "<@U0KIM>", "<#C0SALES>", "<#C0ELSE>")

# --- whatever it is -------------------------------------------------------------------------------------------------

REASONS = st.lists(st.builds(LostReason, ANY_TEXT, ANY_TEXT), max_size=100)
UNFAMILIAR = st.builds(Unfamiliar, ANY_TEXT)
RECORDS = st.builds(
    Record,
    **dict.fromkeys(("key", "reference", "team_id", "channel_id", "text", "opportunity_id", "status"), ANY_TEXT),
    user_id=NO_IDS,
    **dict.fromkeys(
        ("name", "undoes", "before", "after", "delivered", "called", "reason", "note", "batch", "lost_reason_id"),
        PERHAPS,
    ),
    **dict.fromkeys(("before_lost_reason_id", "message_ts", "trace_id"), st.none()),
    state=st.sampled_from(State) | UNFAMILIAR,
    outcome=st.sampled_from([None, *Result, *Cause]) | UNFAMILIAR,
    effect=st.sampled_from([None, *Effect]) | UNFAMILIAR,
    at=st.just(SINCE),
    attempts=st.just(0),
    finished_at=st.none() | st.just(SINCE),
)
WISHES = st.builds(
    Wish, ANY_TEXT, st.sampled_from(STATES), lost_reason_id=PERHAPS, only_if=PERHAPS, name=ANY_TEXT, reason=ANY_TEXT
)
COMMANDS = st.builds(
    Entry,
    key=ANY_TEXT,
    reference=ANY_TEXT,
    caller=st.just(ANA) | CALLERS,
    text=ANY_TEXT,
    wish=WISHES,
    message_ts=st.sampled_from(["", "17.1"]),
    undoes=st.none() | st.just("17.key"),
    note=ANY_TEXT,
    public=st.booleans(),
)


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
    messages = _messages(announce_channels=dict.fromkeys(STATES, "C0ELSE") if announced else {})

    assert _is_sound(messages.outcome(outcome, command, undone), ELSEWHERE)


MANY = st.tuples(RECORDS, st.integers(1, MOST_AT_ONCE)).map(lambda many: [many[0]] * many[1])


@given(MANY, st.just([]) | MANY, COMMANDS, REASONS)
def test_however_many_were_asked_for_at_once_slack_takes_the_message(
    records: list[Record], earlier: list[Record], command: Entry, reasons: list[LostReason]
) -> None:
    message = _messages().several(records, command, earlier, reasons)

    assert _is_sound(message)
    assert _shown(message)[-1].startswith("Reference")


@given(st.lists(RECORDS, min_size=1, max_size=4), st.lists(RECORDS, max_size=4), COMMANDS)
def test_whatever_became_of_several_slack_takes_the_message(
    records: list[Record], earlier: list[Record], command: Entry
) -> None:
    assert _is_sound(_messages().several(records, command, earlier, []))


@given(
    st.lists(DEALS, min_size=1, max_size=10), st.lists(RECORDS, max_size=3), COMMANDS, st.frozensets(ANY_TEXT), TROUBLES
)
def test_whatever_a_deal_is_slack_takes_its_card(
    deals: list[Opportunity], records: list[Record], command: Entry, leaving: frozenset[str], trouble: Trouble
) -> None:
    messages = _messages(confirm=Confirm(leaving=frozenset[Any]({*leaving, deals[0].status})))

    for message in (
        messages.card(deals[0], records, command.reference),
        messages.shared_card(deals[0], command.caller, command.reference),
        messages.which_card(command.text, deals, command.reference, more=True),
        messages.no_card(Failed(trouble, Effect.NOTHING), command.wish, command.reference),
    ):
        assert _is_sound(message)


@given(st.text(), st.text(), REASONS)
def test_a_hundred_reasons_of_any_name_are_a_menu_that_slack_takes(
    name: str, words: str, reasons: list[LostReason]
) -> None:
    hundred = [*reasons, *(LostReason(f"r{number}", name) for number in range(100))]
    message = _messages().outcome(ReasonWanted(tuple(hundred)), _command(replace(LOSE, reason=words)))

    assert _is_sound(message)
    assert len(_options(message)) == 100


# --- history --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "open → *won*"),
        ({"undoes": "another"}, "taken back, open → *won*"),
        ({"outcome": None, "after": None}, "to won: under way"),
        ({"outcome": Result.ALREADY_SO}, "was won already"),
        ({"outcome": Result.OVERTAKEN, "after": "lost"}, "not taken back: it was lost by then"),
        ({"outcome": Cause.NO_ANSWER}, "to won: failed, no answer"),
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
    message = _messages().history([replace(CHANGE, **fields)], ShowHistory())

    assert words in message.text
    assert "<@U0ANA>" in message.text
    assert "Mar" in message.text or "2026-03-01" in message.text
    assert REF in message.text
    assert message.public is False


def test_history_says_whose_it_is() -> None:
    messages = _messages()

    assert messages.history([CHANGE], ShowHistory()).text.startswith("The one command of yours:")
    assert messages.history([CHANGE, CHANGE], ShowHistory()).text.startswith(
        "The last 2 commands of yours, latest first:"
    )
    assert "The one command about *<https://" in messages.history([CHANGE], ShowHistory(ID)).text
    assert messages.history([], ShowHistory()).text == "I know of no command of yours."
    assert messages.history([], ShowHistory(user_id="U0BEN")).text == "I know of no command of <@U0BEN>."
    assert messages.history([CHANGE], ShowHistory(everybody=True)).text.startswith("The one command of all people:")


@given(st.lists(RECORDS, max_size=10))
def test_whatever_the_ledger_holds_slack_takes_the_message_and_it_mentions_nobody_else(records: list[Record]) -> None:
    messages = _messages()

    assert _is_sound(messages.history(records, ShowHistory()))
    for record in records:
        assert _is_sound(messages.history([record], ShowHistory(record.opportunity_id)))
        assert _is_sound(messages.ask_why([TOO_DEAR], record))
        assert _is_sound(messages.outcome(Changed(WON, OPEN), _command(), record))
        for refusal in UndoRefusal:
            assert _is_sound(messages.cannot_undo(refusal, record, record, REF))


def test_the_longest_history_is_shown_whole() -> None:
    longest = replace(
        CHANGE,
        name="&" * 200,
        user_id="U" * 12,
        outcome=Cause.TOKEN_ELSEWHERE,
        delivered="undelivered",
        status="abandoned",
    )
    message = _messages().history([longest] * 10, ShowHistory(ID))

    assert message.text.count("the reply could not be delivered") == 10
    assert sum(text.count("the reply could not be delivered") for text in _shown(message)) == 10


@given(OUTCOMES)
def test_whatever_the_crm_says_slack_takes_the_message_and_it_mentions_nobody_else(outcome: Outcome) -> None:
    message = _outcome(outcome)

    assert _is_sound(message)
    assert f"Reference {REF}" in message.text


@given(CALLERS, ANY_TEXT, ANY_TEXT)
def test_whatever_was_typed_slack_takes_the_message_and_it_mentions_nobody_else(
    caller: Caller, reference: str, word: str
) -> None:
    messages = _messages()

    for message in _every_message(messages, WISH, caller, reference, word):
        assert _is_sound(message)
    assert _is_sound(messages.outcome(Changed(OPEN, WON), _command(WISH, caller, reference)))


def test_whoever_looked_for_a_deal_by_a_mistyped_status_learns_where_it_goes() -> None:
    failed = Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING)
    message = _messages().no_card(failed, Wish("", Status.OPEN, name="Acme wno"), REF)

    assert "put one of `open`, `won`, `lost`, `abandoned` behind its name." in message.text


def test_a_question_that_everybody_sees_stays_when_it_is_answered() -> None:
    assert not _messages().goes_on(REF, replaces=False).replaces


# --- several sub-accounts ------------------------------------------------------------------------------------------

TWO = Locations("LOC", {"PARIS": "Paris <& more>"})
IN_PARIS = Opportunity(ID, "open", name="New website", location_id="PARIS")


def test_a_deals_sub_account_is_named_and_linked_where_there_are_several() -> None:
    card = _messages(locations=TWO).card(IN_PARIS, (), "REF")

    assert "Paris &lt;&amp; more&gt;" in card.text
    assert f"/location/PARIS/opportunities/{ID}|" in card.text
    assert f"{ID} won presumed PARIS" in str(card.blocks)
    assert "LOC" in _messages(locations=TWO).card(OPEN, (), "REF").text
    assert f"{ID} won presumed'" in str(_messages(locations=TWO).card(OPEN, (), "REF").blocks)


def test_where_there_is_one_it_is_not_named() -> None:
    assert "Paris" not in _messages().card(OPEN, (), "REF").text
    assert "use" not in _messages().help().text.split("`/opp-status undo`")[0].split("with a status in it")[1]


def test_help_tells_of_sub_accounts_where_there_are_several() -> None:
    assert "`/opp-status use` tells in which sub-account this channel works." in _messages(locations=TWO).help().text
    assert "/opp-status use" not in _messages().help().text


def test_whoever_asks_reads_where_the_channel_works_and_how_that_is_changed() -> None:
    interaction = _messages(locations=TWO).in_use("PARIS", "REF")

    assert "in *Paris &lt;&amp; more&gt;* here" in interaction.text
    assert "There are: LOC, Paris" in interaction.text
    assert not interaction.public


def test_everybody_reads_that_the_channel_was_set_to_another() -> None:
    interaction = _messages(locations=TWO).uses("PARIS", Caller("U1", "T1", "C1"), "REF")

    assert interaction.text.startswith("<@U1> has set this channel to *Paris")
    assert interaction.public


def test_a_name_that_none_has_is_told_with_those_there_are() -> None:
    interaction = _messages(locations=TWO).no_such_location("<!channel>", "REF")

    assert "`&lt;!channel&gt;` is none of the sub-accounts" in interaction.text
    assert "Nothing was changed." in interaction.text
    assert not interaction.public


def test_a_history_of_a_deal_leads_to_it_where_it_is() -> None:
    record = replace(memory.CHANGE, opportunity_id=ID, location_id="PARIS")
    interaction = _messages(locations=TWO).history([record], ShowHistory(ID))

    assert f"/location/PARIS/opportunities/{ID}|" in interaction.text.split("\n")[0]

import re
from dataclasses import replace

import pytest
from hypothesis import given

from bot.access.requests import OPERATOR, AccessRequest, RequestState
from bot.access.rules import Allowed, Approved, Caller, Denied, Reason, Way
from bot.commands.reply import Message
from bot.commands.request import Change, Help, Misunderstood, Problem
from bot.deals.outcome import AlreadySo, Cause, Changed, Effect, Failed, Trouble
from bot.deals.wish import Wish
from bot.slack.block_kit.mrkdwn import spoken
from bot.slack.messages.messages import Messages
from tests.reading import (
    ANA,
    ANY_TEXT,
    CALLERS,
    CHANGE,
    KIM,
    MARKUP,
    OPEN,
    REF,
    RICH,
    SINCE,
    WISH,
    WON,
    command_of,
    is_sound,
    our_messages,
    shown,
    told,
)


def _every_message(messages: Messages, wish: Wish, caller: Caller, reference: str, word: str) -> list[Message]:
    """All that can be said apart from outcomes."""
    asked = AccessRequest(reference, caller.user_id, caller.team_id, caller.channel_id, SINCE)
    approved = replace(asked, state=RequestState.APPROVED, decided_by=caller.user_id, decided_at=SINCE)
    revoked = replace(approved, state=RequestState.REVOKED, revoked_by=OPERATOR, revoked_at=SINCE)
    return [
        *(
            say(request)
            for request in (asked, approved, replace(approved, state=RequestState.DECLINED), revoked)
            for say in (
                messages.people.asks_for_access,
                messages.people.request_waits,
                messages.people.request_rests,
                messages.people.runs,
                lambda request: messages.people.decision(request, None),
                lambda request: messages.people.decision(request, Change((wish,))),
                lambda request: messages.people.decision(request, Change((replace(wish, name=word), wish))),
                lambda request: messages.people.decision(request, Help()),
                lambda request: messages.people.denied(
                    Reason.NOT_ALLOWED, caller, reference, request=request, now=SINCE, command=word
                ),
                lambda request: messages.people.whoami(caller, Denied(Reason.NOT_ALLOWED), request, SINCE),
            )
        ),
        messages.people.request_sent(asked, replaces=True),
        messages.people.let_in_already(reference),
        messages.people.decided(approved, caller, now=True, replaces=True),
        messages.people.decided(replace(revoked, revoked_by=caller.user_id), caller, now=False, replaces=True),
        messages.people.unknown_request(reference),
        messages.people.not_an_admin(reference),
        messages.people.not_decided(reference),
        messages.people.access([]),
        messages.people.access([asked, approved] * 10),
        messages.people.access([asked] * 21),
        *(messages.people.denied(reason, caller, reference, now=SINCE) for reason in Reason),
        *(messages.help.misunderstood(Misunderstood(problem, word), reference) for problem in Problem),
        *(messages.people.whoami(caller, Denied(reason), None, SINCE) for reason in Reason),
        *(messages.people.whoami(caller, Allowed(way, word, Approved(word, SINCE)), None, SINCE) for way in Way),
        *(
            messages.outcome(Failed(Trouble(cause), effect), command_of(wish, caller, reference))
            for cause in Cause
            for effect in Effect
        ),
        messages.failures.not_accepted(Cause.STORE_DOWN, reference),
        messages.failures.not_accepted(Cause.UNEXPECTED, reference),
        messages.failures.not_accepted(Cause.STORE_DOWN, reference, perhaps=True),
        messages.takes_long(reference),
        messages.broken(reference),
        messages.failures.cannot_look_up(reference),
        messages.failures.cannot_open_form(reference),
        messages.questions.cannot_go_on(None, reference),
        messages.questions.cannot_go_on(CHANGE, reference),
        messages.goes_on(),
        messages.help.overview(),
    ]


ADMISSIONS: list[Allowed | Denied] = [Allowed(Way.LIST), *map(Denied, Reason)]


def test_everything_but_the_outcome_of_a_command_is_private_always() -> None:
    messages = our_messages(errors_in_channel=True)
    private = [
        *(messages.people.denied(reason, ANA, REF, now=SINCE) for reason in Reason),
        *(messages.help.misunderstood(Misunderstood(problem, "x"), REF) for problem in Problem),
        *(messages.people.whoami(ANA, decision, None, SINCE) for decision in ADMISSIONS),
        messages.failures.not_accepted(Cause.STORE_DOWN, REF),
        messages.failures.not_accepted(Cause.UNEXPECTED, REF),
        messages.help.overview(),
    ]

    assert not any(message.public for message in private)


PLACEHOLDER = re.compile(r"\{[a-z_]*\}")


@pytest.mark.parametrize("admin_contact", [KIM, ""])
@pytest.mark.parametrize("channels", [frozenset({"C0SALES"}), frozenset[str]()])
def test_every_message_is_one_that_slack_takes_with_nothing_left_to_fill_in(
    admin_contact: str, channels: frozenset[str]
) -> None:
    for message in _every_message(our_messages(admin_contact=admin_contact, channels=channels), WISH, ANA, REF, "gone"):
        assert is_sound(message)
        assert not PLACEHOLDER.search(MARKUP.sub("", message.text))


def test_a_screen_reader_which_reads_the_text_alone_gets_all_that_the_blocks_say() -> None:
    messages = our_messages()
    every = [
        *_every_message(messages, WISH, ANA, REF, "gone"),
        *(
            told(outcome)
            for outcome in (Changed(OPEN, RICH), AlreadySo(OPEN), Failed(Trouble(Cause.INVALID), Effect.NOTHING))
        ),
    ]

    for message in every:
        heard, seen = (
            set(re.findall(r"[^\s,]+", text)) for text in (spoken(message.text), spoken("\n".join(shown(message))))
        )
        assert seen - heard <= {"⚠️", "🎉", "🔒"}


@given(CALLERS, ANY_TEXT, ANY_TEXT)
def test_whatever_was_typed_slack_takes_the_message_and_it_mentions_no_one_else(
    caller: Caller, reference: str, word: str
) -> None:
    messages = our_messages()

    for message in _every_message(messages, WISH, caller, reference, word):
        assert is_sound(message)
    assert is_sound(messages.outcome(Changed(OPEN, WON), command_of(WISH, caller, reference)))

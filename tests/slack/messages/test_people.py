from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.access.requests import AccessRequest, RequestState
from bot.access.rules import Allowed, Approved, Caller, Denied, Reason, Way
from bot.slack.block_kit.mrkdwn import date
from bot.slack.messages.tables import DENIALS
from tests.reading import ANA, KIM, REF, SINCE, buttons, is_sound, our_messages, shown


@pytest.mark.parametrize("reason", Reason)
def test_a_denial_says_why_that_nothing_changed_what_next_and_the_reference(reason: Reason) -> None:
    message = our_messages().people.denied(reason, ANA, REF)
    what, changed, then = shown(message)[0].split("\n")

    assert what == DENIALS[reason].what
    assert changed == "Nothing was changed."
    assert then
    assert shown(message)[1:] == [f"Reference {REF}"]


@pytest.mark.parametrize("reason", [Reason.NOT_ALLOWED, Reason.NOBODY_ALLOWED])
def test_a_caller_who_is_not_on_the_list_reads_which_id_to_give_to_whom(reason: Reason) -> None:
    text = our_messages().people.denied(reason, ANA, REF).text

    assert f"Ask <@{KIM}> to" in text
    assert "your Slack id is `U0ANA`" in text


def test_a_caller_in_the_wrong_channel_reads_which_would_be_right() -> None:
    messages = our_messages(channels=frozenset({"C0SALES", "C0DEALS", "not a channel & more"}))
    text = messages.people.denied(Reason.WRONG_CHANNEL, Caller("U0ANA", "T0OURS", "D0ANA"), REF).text

    assert "Use one of <#C0DEALS>, <#C0SALES>, not a channel &amp; more, or ask" in text
    assert "its id is `D0ANA`" in text


def test_every_caller_can_learn_who_the_bot_takes_them_for() -> None:
    text = our_messages().people.whoami(ANA, Allowed(Way.LIST)).text

    assert "You are <@U0ANA>; your Slack id is `U0ANA`." in text
    assert "channel's id is `C0SALES`, the workspace's `T0OURS`" in text


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
def test_a_caller_who_may_change_deals_learns_why(allowed: Allowed, why: str) -> None:
    assert f"You may change deals here. {why}" in our_messages().people.whoami(ANA, allowed).text


@pytest.mark.parametrize("reason", Reason)
def test_a_caller_who_may_not_learns_why_and_what_to_do(reason: Reason) -> None:
    text = our_messages().people.whoami(ANA, Denied(reason)).text

    assert f"You may not change deals here. {DENIALS[reason].what}" in text
    assert f"`{ANA.user_id}`" in text


@pytest.mark.parametrize(("user", "reference"), [("U0\nBEN", REF), (ANA.user_id, "R\n1")])
def test_a_request_that_no_button_can_name_is_told_without_one(user: str, reference: str) -> None:
    asked = AccessRequest(reference, user, ANA.team_id, ANA.channel_id, SINCE)
    approved = replace(asked, state=RequestState.APPROVED, decided_by="U0KIM", decided_at=SINCE)
    message = our_messages().people.access([approved if reference == REF else asked])

    assert buttons(message) == []
    assert is_sound(message)

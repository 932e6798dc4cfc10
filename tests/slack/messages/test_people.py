from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.access.requests import OPERATOR, AccessRequest, RequestState
from bot.access.rules import Allowed, Approved, Caller, Denied, Reason, Way
from bot.commands.request import Change, Request, Undo
from bot.deals.deal import Status
from bot.deals.wish import Wish
from bot.slack.block_kit.mrkdwn import date
from bot.slack.messages.tables import DENIALS, NOTHING_CHANGED
from tests.reading import ANA, KIM, REF, SINCE, buttons, is_sound, our_messages, shown


@pytest.mark.parametrize("reason", Reason)
def test_a_denial_says_why_that_nothing_changed_what_next_and_the_reference(reason: Reason) -> None:
    message = our_messages().people.denied(reason, ANA, REF, now=SINCE)
    what, then = shown(message)[0].split("\n")

    assert what == f"🔒 {DENIALS[reason].what}"
    assert then
    assert shown(message)[1].split("\n")[0] == f"{NOTHING_CHANGED.rstrip('.')} · Ref {REF}"
    assert ("For admins: " in shown(message)[1]) == bool(DENIALS[reason].for_admins)


def test_a_person_whom_an_admin_can_let_in_reads_one_line_and_presses_a_button() -> None:
    message = our_messages(admins=(KIM,)).people.denied(Reason.NOT_ALLOWED, ANA, REF, now=SINCE, command="acme won")

    assert shown(message) == [
        f"🔒 {DENIALS[Reason.NOT_ALLOWED].what}",
        f"{NOTHING_CHANGED.rstrip('.')} · Goes to <@{KIM}> · Ref {REF}",
    ]
    assert [(each["text"]["text"], each["value"]) for each in buttons(message)] == [("Request access", "acme won")]


@pytest.mark.parametrize("command", ["", "x" * 2001, "two\nlines"])
def test_a_command_that_no_button_can_carry_is_left_out(command: str) -> None:
    message = our_messages(admins=(KIM,)).people.denied(Reason.NOT_ALLOWED, ANA, REF, now=SINCE, command=command)

    assert [each["value"] for each in buttons(message)] == ["access"]


def test_a_person_whose_request_is_open_is_told_so_and_may_remind_the_admins_after_an_hour() -> None:
    asked = AccessRequest(REF, ANA.user_id, ANA.team_id, ANA.channel_id, SINCE)
    people = our_messages(admins=(KIM,)).people
    early, late = (
        people.denied(Reason.NOT_ALLOWED, ANA, REF, request=asked, now=SINCE + timedelta(hours=hours))
        for hours in (0, 1)
    )

    assert f"Your request from {date(SINCE)} is still pending." in early.text
    assert early.text in late.text.replace(f" · Goes to <@{KIM}>", "")
    assert (buttons(early), [each["text"]["text"] for each in buttons(late)]) == ([], ["Remind admins"])


@pytest.mark.parametrize("by", [KIM, OPERATOR])
def test_after_a_no_a_person_reads_when_they_can_ask_again_and_has_no_button_until_then(by: str) -> None:
    approved = AccessRequest(REF, ANA.user_id, ANA.team_id, ANA.channel_id, SINCE, RequestState.APPROVED, KIM, SINCE)
    revoked = replace(approved, state=RequestState.REVOKED, revoked_by=by, revoked_at=SINCE)
    people = our_messages(admins=(KIM,)).people
    soon, later = (
        people.denied(Reason.NOT_ALLOWED, ANA, REF, request=revoked, now=SINCE + timedelta(hours=hours))
        for hours in (1, 24)
    )

    assert f"You can ask again {date(SINCE + timedelta(days=1))}. Until then, talk to <@{KIM}>." in soon.text
    assert (buttons(soon), [each["text"]["text"] for each in buttons(later)]) == ([], ["Request access"])


@pytest.mark.parametrize(
    ("offered", "label"),
    [
        (Change((Wish("", Status.WON, name="Printer service"),)), "Mark Printer service won"),
        (Change((Wish("", Status.OPEN, name="Printer service"),)), "Reopen Printer service"),
        (Change((Wish("deal", Status.LOST),)), "Mark lost"),
        (Change((Wish("deal", Status.ALL),)), "Mark all"),
        (Change((Wish("a", Status.WON), Wish("b", Status.WON))), "Mark 2 deals won"),
        (Undo(), "Run it now"),
    ],
)
def test_an_approval_offers_the_command_that_was_refused(offered: Request, label: str) -> None:
    approved = AccessRequest(
        REF, ANA.user_id, "T1", "C0SALES", SINCE, RequestState.APPROVED, KIM, SINCE, command="printer service won"
    )
    message = our_messages().people.decision(approved, offered)

    assert shown(message)[0] == (
        f"<@{KIM}> approved your request. You can now change deals from Slack.\n"
        "You typed `/opp-status printer service won` in <#C0SALES>."
    )
    assert [(each["text"]["text"], each["value"]) for each in buttons(message)] == [(label, REF)]


def test_an_admin_reads_of_themselves_as_you() -> None:
    approved = AccessRequest(REF, "U0BEN", "T1", "C0SALES", SINCE, RequestState.APPROVED, KIM, SINCE)
    people = our_messages().people
    mine, theirs = (
        people.decided(approved, Caller(user, "T1", "C1"), now=True, replaces=True) for user in (KIM, "U0LEO")
    )

    assert mine.text.startswith(f"You approved <@U0BEN> {date(SINCE)}. They can now change deals from Slack.")
    assert theirs.text.startswith(f"<@{KIM}> approved <@U0BEN>")


@pytest.mark.parametrize("reason", [Reason.NOT_ALLOWED, Reason.NOBODY_ALLOWED])
def test_a_caller_who_is_not_on_the_list_reads_which_id_to_give_to_whom(reason: Reason) -> None:
    text = our_messages().people.denied(reason, ANA, REF, now=SINCE).text

    assert f"Ask <@{KIM}> to" in text
    assert "Your Slack ID is `U0ANA`" in text


def test_a_caller_in_the_wrong_channel_reads_which_would_be_right() -> None:
    messages = our_messages(channels=frozenset({"C0SALES", "C0DEALS", "not a channel & more"}))
    message = messages.people.denied(Reason.WRONG_CHANNEL, Caller("U0ANA", "T0OURS", "D0ANA"), REF, now=SINCE)

    assert "Try <#C0DEALS>, <#C0SALES>, not a channel &amp; more, or ask" in message.text
    assert shown(message)[-1].endswith("For admins: this channel's ID is `D0ANA`.")


def test_every_caller_can_learn_who_the_bot_takes_them_for() -> None:
    message = our_messages().people.whoami(ANA, Allowed(Way.LIST), None, SINCE)

    assert shown(message)[1] == "Slack ID `U0ANA` · Channel `C0SALES` · Workspace `T0OURS`"


@pytest.mark.parametrize(
    ("allowed", "why"),
    [
        (Allowed(Way.ADMIN), "You're an admin."),
        (Allowed(Way.LIST), "You're on the access list."),
        (Allowed(Way.GROUP, group="S0SALES"), "You're in the `S0SALES` user group."),
        (
            Allowed(Way.APPROVAL, approved=Approved("U0KIM", datetime(2026, 11, 25, 11, tzinfo=UTC))),
            f"<@U0KIM> approved you {date(datetime(2026, 11, 25, 11, tzinfo=UTC))}.",
        ),
    ],
)
def test_a_caller_who_may_change_deals_learns_why(allowed: Allowed, why: str) -> None:
    assert f"✅ You can change deals here. {why}" in our_messages().people.whoami(ANA, allowed, None, SINCE).text


@pytest.mark.parametrize("reason", Reason)
def test_a_caller_who_may_not_learns_why_and_what_to_do(reason: Reason) -> None:
    message = our_messages(admins=(KIM,)).people.whoami(ANA, Denied(reason), None, SINCE)

    assert message.text.startswith(f"{DENIALS[reason].what}")
    assert f"`{ANA.user_id}`" in message.text
    assert bool(buttons(message)) is (reason is Reason.NOT_ALLOWED)


@pytest.mark.parametrize(("user", "reference"), [("U0\nBEN", REF), (ANA.user_id, "R\n1")])
def test_a_request_that_no_button_can_name_is_told_without_one(user: str, reference: str) -> None:
    asked = AccessRequest(reference, user, ANA.team_id, ANA.channel_id, SINCE)
    approved = replace(asked, state=RequestState.APPROVED, decided_by="U0KIM", decided_at=SINCE)
    message = our_messages().people.access([approved if reference == REF else asked])

    assert buttons(message) == []
    assert is_sound(message)

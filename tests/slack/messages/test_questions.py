from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.record import Record
from bot.deals.deal import LostReason, Opportunity, Status
from bot.deals.outcome import Ambiguous, Outcome, Previewed, ReasonWanted, Result, Unconfirmed
from bot.deals.wish import Consent, Wish
from bot.slack.messages.tables import SHARED_CHANNEL
from tests.reading import (
    AUTOMATIONS,
    CHANGE,
    DEAL,
    ID,
    LONG,
    LOSE,
    NAMED,
    OPEN,
    REASONS,
    REF,
    RICH,
    SINCE,
    TOO_DEAR,
    TOO_SLOW,
    URL,
    WON,
    accessories,
    buttons,
    command_of,
    is_sound,
    lines,
    offered,
    options,
    our_messages,
    pressable,
    shown,
)

LAGS = "Changes from the last few seconds can take a moment to show."


OTHER = Opportunity("other", "lost", name="Other website", value=5.0)


def test_a_caller_who_is_asked_in_a_shared_channel_reads_who_would_see_it() -> None:
    shared = command_of(replace(LOSE, consent=Consent.SHARED))
    for message in (
        our_messages().outcome(Unconfirmed(OPEN), shared),
        our_messages().several([replace(CHANGE, outcome=Result.UNCONFIRMED, after=None)] * 2, shared, (), ()),
    ):
        assert message.text.count(SHARED_CHANNEL) == 1
        assert "all the same" not in message.text
        assert not message.public


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
    message = our_messages(errors_in_channel=errors_in_channel).outcome(outcome, NAMED)

    assert (message.public, message.also_in, message.asks_why, message.replaces) == (False, "", False, False)
    assert "Nothing changed." in message.text
    assert shown(message)[-1].endswith(f"Ref {REF}")
    assert is_sound(message)


@pytest.mark.parametrize(
    ("outcome", "asked"),
    [
        (
            Ambiguous((OTHER,), more=False),
            "Is this the deal that should be *won*? `new website` fits it, but it is not open.",
        ),
        (Ambiguous((OTHER,), more=True), "Which deal should be *won*? `new website` fits more than one."),
        (Ambiguous((OPEN, OTHER), more=False), "Which deal should be *won*? `new website` fits more than one."),
    ],
)
def test_a_name_that_may_mean_another_deal_is_asked_about(outcome: Ambiguous, asked: str) -> None:
    message = our_messages().outcome(outcome, NAMED)

    assert lines(message) == [asked, "Nothing changed."]
    assert [each["value"] for each in accessories(message)] == [
        f"{deal.id} 17.key" if deal is OPEN else f"{deal.id} 17.key lost" for deal in outcome.matches
    ]
    assert {(each["action_id"], each["text"]["text"]) for each in accessories(message)} == {("choose", "This one")}
    assert shown(message)[-1] == f"{LAGS} · Ref {REF}"


def test_each_deal_to_choose_from_shows_what_tells_it_from_the_others() -> None:
    message = our_messages().outcome(Ambiguous((replace(RICH, since=SINCE), OTHER), more=False), NAMED)

    first, second = shown(message)[1:3]
    assert first.startswith(f"{DEAL} · *12,500* is *won* (since <!date^1772361000^")
    assert first.endswith(" · Jo Doe, Doe Ltd · Proposal · Owner: Kim Lee")
    assert second.endswith("/other|Other website>* · *5* is *lost*")
    assert "• Other website · 5 is lost" in message.text


@pytest.mark.parametrize("more", [True, False])
def test_that_there_are_more_deals_of_that_name_is_told(*, more: bool) -> None:
    hint = "There are more: if yours is not here, type more of its name."

    for message in (
        our_messages().outcome(Ambiguous((OPEN, OTHER), more), NAMED),
        our_messages().questions.which_card("website", [OPEN, OTHER], REF, more=more),
    ):
        assert (hint in message.text, hint in shown(message)) == (more, more)


def test_a_caller_who_wants_to_see_one_of_several_deals_chooses() -> None:
    message = our_messages().questions.which_card("web <site>", [OPEN, OTHER], REF, more=False)

    assert lines(message) == ["Which deal do you mean? `web &lt;site&gt;` fits more than one."]
    assert [(each["action_id"], each["value"]) for each in accessories(message)] == [("show", ID), ("show", "other")]
    assert (message.public, shown(message)[-1]) == (False, f"{LAGS} · Ref {REF}")


@pytest.mark.parametrize(
    ("wish", "asked", "deal"),
    [
        (LOSE, f"Why was *<{URL}|deal {ID}>* lost?", f"*<{URL}|deal {ID}>*"),
        (replace(LOSE, name="Acme"), f"Why was *<{URL}|Acme>* lost?", f"*<{URL}|Acme>*"),
        (replace(LOSE, opportunity_id="", name="Acme & Co"), "Why was *Acme &amp; Co* lost?", "*Acme &amp; Co*"),
        (
            replace(LOSE, name="Acme", reason="dear"),
            "`dear` isn't one of your lost reasons.",
            f"*<{URL}|Acme>*",
        ),
    ],
)
def test_a_missing_or_unknown_reason_is_asked_for_with_those_there_are(wish: Wish, asked: str, deal: str) -> None:
    message = our_messages().outcome(ReasonWanted((TOO_DEAR, TOO_SLOW)), command_of(wish))

    closest = f" Pick the closest one for {deal}." if wish.reason else ""
    assert lines(message) == [f"{asked}{closest}", "Nothing changed."]
    assert offered(message) == [("Too expensive", "r1"), ("Too slow &amp; late", "r2")]
    assert pressable(message)[-1] == ("dismiss", "Cancel", "no")
    assert [block["block_id"] for block in message.blocks if block["type"] == "actions"] == ["17.key"]


@pytest.mark.parametrize(
    ("change", "asked"), [(CHANGE, f"Why was {DEAL} lost?"), (replace(CHANGE, batch="17.key"), "Why were these")]
)
def test_a_caller_who_lost_a_deal_is_asked_why_when_it_is_done(change: Record, asked: str) -> None:
    message = our_messages().ask_why([TOO_DEAR, TOO_SLOW], change)

    assert lines(message)[0].startswith(asked)
    assert "Pick a reason and it goes on the deal in HighLevel." in message.text
    assert "Custom Fields" not in message.text
    assert "Custom Fields › Lost Reason." in our_messages(admins=[change.user_id]).ask_why([TOO_DEAR], change).text
    assert offered(message) == [("Too expensive", "r1"), ("Too slow &amp; late", "r2")]
    assert pressable(message)[-1] == ("dismiss", "Skip", "no")
    assert (message.public, shown(message)[-1]) == (False, f"Ref {REF}")
    assert is_sound(message)


@pytest.mark.parametrize("number", [5, 6])
def test_five_reasons_are_one_tap_away_and_more_are_a_menu(number: int) -> None:
    reasons = [LostReason(f"r{at}", f"Reason {at}") for at in range(number)]
    message = our_messages().ask_why(reasons, CHANGE)

    offers = offered(message) if number == 5 else options(message)
    assert [value for _, value in offers] == [reason.id for reason in reasons]
    assert pressable(message)[-1] == ("dismiss", "Skip", "no")


def test_a_deal_that_is_changed_only_once_confirmed_is_shown_with_yes_and_no() -> None:
    message = our_messages().outcome(Unconfirmed(replace(RICH, since=SINCE)), command_of(LOSE))

    first, facts, last = lines(message)
    assert first.startswith(f"{DEAL} is *won* (since <!date^1772361000^")
    assert first.endswith(". Make it *lost* all the same?")
    assert facts.startswith("Jo Doe, Doe Ltd")
    assert last == f"Nothing changed. {AUTOMATIONS}"
    assert pressable(message) == [("confirm", "Make it lost", "17.key"), ("dismiss", "Cancel", "no")]


@pytest.mark.parametrize(
    ("deal", "announce", "text"),
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
    deal: Opportunity, announce: dict[Status, str], text: list[str]
) -> None:
    message = our_messages(announce_channels=announce).outcome(Previewed(deal), command_of(LOSE))

    first, *rest, last = lines(message)
    assert first.endswith(", and would become *lost*.")
    assert rest == text
    assert last == "This was only a preview. Nothing changed."
    assert pressable(message) == [("confirm", "Make it lost", "17.key"), ("dismiss", "Cancel", "no")]


def test_a_choice_that_no_button_can_carry_has_none() -> None:
    messages = our_messages()

    assert accessories(messages.outcome(Ambiguous((OPEN, OTHER), more=False), replace(NAMED, key=LONG))) == []
    odd = [replace(OPEN, id=text) for text in ("", LONG, "\ud83d")]
    assert [
        each["value"] for each in accessories(messages.questions.which_card("x", [*odd, OTHER], REF, more=False))
    ] == ["other"]


def test_a_question_that_was_answered_gives_way() -> None:
    replacing = our_messages().goes_on()

    assert (replacing.public, replacing.replaces, buttons(replacing)) == (False, True, [])
    assert shown(replacing) == ["On it…"]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (CHANGE, "That has been answered already: it goes on, or is done."),
        (None, "I do not know any more what that was about."),
    ],
)
def test_an_answer_that_comes_twice_or_too_late_says_what_to_do_instead(question: Record | None, text: str) -> None:
    message = our_messages().questions.cannot_go_on(question, REF)

    assert lines(message) == [
        text,
        "Nothing more was changed.",
        "To change a deal, type `/opp-status &lt;deal&gt; &lt;open|won|lost|abandoned&gt; [reason]`.",
    ]
    assert (message.public, message.replaces, shown(message)[-1]) == (False, False, f"Ref {REF}")


@given(st.text(), st.text(), REASONS)
def test_a_hundred_reasons_of_any_name_are_a_menu_that_slack_takes(
    name: str, words: str, reasons: list[LostReason]
) -> None:
    hundred = [*reasons, *(LostReason(f"r{number}", name) for number in range(100))]
    message = our_messages().outcome(ReasonWanted(tuple(hundred)), command_of(replace(LOSE, reason=words)))

    assert is_sound(message)
    assert len(options(message)) == 100

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


REOPEN = Wish("", Status.OPEN, name="new website")
OTHER = Opportunity("other", "lost", name="Other website", value=5.0)


def test_a_caller_who_is_asked_in_a_shared_channel_reads_who_would_see_it() -> None:
    shared = command_of(replace(LOSE, consent=Consent.SHARED))
    for message in (
        our_messages().outcome(Unconfirmed(OPEN), shared),
        our_messages().several([replace(CHANGE, outcome=Result.UNCONFIRMED, after=None)] * 2, shared, (), ()),
    ):
        assert message.text.count(SHARED_CHANNEL) == 1
        assert "anyway" not in message.text
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
    assert "Nothing changed" in message.text
    assert shown(message)[-1].endswith(f"Ref {REF}")
    assert is_sound(message)


SMALL = f"Nothing changed · {LAGS.rstrip('.')} · Ref {REF}"


@pytest.mark.parametrize(("more", "number"), [(False, "2"), (True, "More than 2")])
def test_a_name_that_fits_several_deals_is_asked_about_with_a_button_for_each(*, more: bool, number: str) -> None:
    message = our_messages().outcome(Ambiguous((OTHER, OPEN), more=more), NAMED)

    assert lines(message) == [f"Which deal should be *won*? {number} match `new website`."]
    assert [(each["action_id"], each["text"]["text"], each["value"]) for each in accessories(message)] == [
        ("choose", "Mark won", f"{OPEN.id} 17.key - New website"),  # the open one first: it is what people close
        ("choose", "Mark won", f"{OTHER.id} 17.key lost Other website"),
    ]
    assert shown(message)[-1] == SMALL


def test_of_deals_that_are_to_be_reopened_those_that_can_be_come_first() -> None:
    message = our_messages().outcome(
        Ambiguous((OPEN, OTHER, replace(OTHER, id="third")), more=False), replace(NAMED, wish=REOPEN)
    )

    assert [each["value"].split()[0] for each in accessories(message)] == ["other", "third", ID]
    assert {each["text"]["text"] for each in accessories(message)} == {"Reopen"}


@pytest.mark.parametrize(
    ("wish", "question", "button"),
    [
        (NAMED.wish, "Mark it *won* instead?", "Mark won"),
        (replace(NAMED.wish, status=Status.OPEN), "Reopen it instead?", "Reopen"),
        (replace(NAMED.wish, consent=Consent.PREVIEW), "Mark it *won* instead?", "Preview"),
    ],
)
def test_the_only_deal_that_a_name_fits_is_asked_about_if_it_is_closed(wish: Wish, question: str, button: str) -> None:
    message = our_messages().outcome(Ambiguous((OTHER,), more=False), replace(NAMED, wish=wish))

    assert lines(message)[0].endswith(f"|Other website>* · *5* is already *lost*. {question}")
    assert pressable(message) == [("choose", button, "other 17.key lost Other website"), ("dismiss", "Cancel", "no")]
    assert shown(message)[-1] == f"Nothing changed · Ref {REF}"


def test_each_deal_to_choose_from_shows_what_tells_it_from_the_others() -> None:
    message = our_messages().outcome(Ambiguous((replace(RICH, since=SINCE), OTHER, OPEN), more=False), NAMED)

    opened, first, second = shown(message)[1:4]
    assert opened == DEAL
    assert first.startswith(f"{DEAL} · *12,500* · *won* (since <!date^1772361000^")
    assert first.endswith("\n_Jo Doe, Doe Ltd · Proposal · Owner: Kim Lee_")
    assert second.endswith("/other|Other website>* · *5* · *lost*")
    assert "• Other website · 5 · lost" in message.text


@pytest.mark.parametrize(("number", "more", "search"), [(5, False, False), (6, False, True), (2, True, True)])
def test_five_deals_are_shown_and_the_form_finds_the_others(number: int, *, more: bool, search: bool) -> None:
    deals = tuple(replace(OPEN, id=f"deal{at}") for at in range(number))
    asking = our_messages().outcome(Ambiguous(deals, more=more), NAMED)
    showing = our_messages().questions.which_card("new website", deals, REF, more=more)

    for message, value in ((asking, "won - new website"), (showing, "- - new website")):
        assert len(accessories(message)) == min(number, 5)
        ways_out = [each for each in pressable(message) if each[0] in {"dismiss", "search_form"}]
        assert ways_out == [
            ("dismiss", "Cancel", "no"),
            *([("search_form", "Search in the form", value)] if search else []),
        ]


def test_a_name_that_no_button_can_carry_is_not_searched_for_in_the_form() -> None:
    wish = replace(NAMED.wish, name=LONG)

    assert "search_form" not in str(
        our_messages().outcome(Ambiguous((OPEN, OTHER), more=True), command_of(wish)).blocks
    )


@pytest.mark.parametrize(
    ("consent", "title"),
    [(Consent.PRESUMED, "Mark it lost?"), (Consent.PREVIEW, None), (Consent.WANTED, "Mark it lost?")],
)
def test_slack_asks_before_a_deal_that_is_chosen_leaves_a_protected_status(consent: Consent, title: str | None) -> None:
    wish = replace(LOSE, opportunity_id="", name="website", consent=consent)
    message = our_messages().outcome(Ambiguous((OPEN, WON), more=False), command_of(wish))

    opened, won = accessories(message)
    assert "confirm" not in opened
    assert won.get("confirm", {}).get("title", {}).get("text") == title


def test_a_caller_who_wants_to_see_one_of_several_deals_chooses() -> None:
    message = our_messages().questions.which_card("web <site>", [OPEN, OTHER], REF, more=False)

    assert lines(message) == ["Which deal? 2 match `web &lt;site&gt;`."]
    assert [(each["action_id"], each["text"]["text"], each["value"]) for each in accessories(message)] == [
        ("show", "View", ID),
        ("show", "View", "other"),
    ]
    assert (message.public, shown(message)[-1]) == (False, SMALL)


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


@pytest.mark.parametrize(
    ("status", "question", "button"),
    [(Status.LOST, "Mark it *lost* anyway?", "Mark lost"), (Status.OPEN, "Reopen it anyway?", "Reopen")],
)
def test_a_deal_that_is_changed_only_once_confirmed_is_shown_with_yes_and_no(
    status: Status, question: str, button: str
) -> None:
    command = command_of(replace(LOSE, status=status))
    message = our_messages().outcome(Unconfirmed(replace(RICH, since=SINCE)), command)

    first, last = lines(message)
    assert first.startswith(f"{DEAL} · *12,500* is *won* (since <!date^1772361000^")
    assert first.endswith(f". {question}")
    assert last == f"Nothing changed. {AUTOMATIONS}"
    assert shown(message)[1].startswith("Jo Doe, Doe Ltd")
    assert pressable(message) == [("confirm", button, "17.key"), ("dismiss", "Cancel", "no")]


@pytest.mark.parametrize(
    ("status", "question"), [(Status.WON, f"Mark {DEAL} *won*?"), (Status.OPEN, f"Reopen {DEAL}?")]
)
def test_in_a_shared_channel_the_question_is_about_the_sharing(status: Status, question: str) -> None:
    shared = command_of(Wish(ID, status, consent=Consent.SHARED))

    assert lines(our_messages().outcome(Unconfirmed(OPEN), shared))[:2] == [question, SHARED_CHANNEL]


@pytest.mark.parametrize(
    ("announce", "where"),
    [
        ({}, "<#C0SALES>"),
        ({Status.LOST: "C0LOST"}, "<#C0SALES> and <#C0LOST>"),
        ({Status.LOST: "C0SALES"}, "<#C0SALES>"),
        ({Status.WON: "C0WINS"}, "<#C0SALES>"),
    ],
)
def test_a_preview_says_what_would_happen_and_offers_to_do_it(announce: dict[Status, str], where: str) -> None:
    message = our_messages(announce_channels=announce).outcome(Previewed(OPEN), command_of(LOSE))

    assert shown(message) == [
        f"Preview: {DEAL} would go from *open* to *lost*.",
        f"Posts in {where} · {AUTOMATIONS.rstrip('.')}",
        f"Nothing changed · Ref {REF}",
    ]
    assert pressable(message) == [("confirm", "Mark lost", "17.key"), ("dismiss", "Cancel", "no")]


def test_a_preview_says_that_the_caller_would_be_asked_first() -> None:
    message = our_messages().outcome(Previewed(WON), command_of(LOSE))

    assert lines(message)[1] == "You'd be asked to confirm first, because it's won now."


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


def test_an_answer_that_comes_twice_says_so() -> None:
    message = our_messages().questions.cannot_go_on(CHANGE, REF)

    assert lines(message) == ["You already answered that.", "Nothing else changed."]
    assert (message.public, message.replaces, shown(message)[-1]) == (False, False, f"Ref {REF}")


def test_an_answer_that_comes_too_late_says_what_to_do_instead() -> None:
    first, second, hint = lines(our_messages().questions.cannot_go_on(None, REF))

    assert (first, second) == ("That question has expired.", "Nothing else changed.")
    assert hint == "To change a deal, try `/opp-status Acme Corp won`."


@given(st.text(), st.text(), REASONS)
def test_a_hundred_reasons_of_any_name_are_a_menu_that_slack_takes(
    name: str, words: str, reasons: list[LostReason]
) -> None:
    hundred = [*reasons, *(LostReason(f"r{number}", name) for number in range(100))]
    message = our_messages().outcome(ReasonWanted(tuple(hundred)), command_of(replace(LOSE, reason=words)))

    assert is_sound(message)
    assert len(options(message)) == 100

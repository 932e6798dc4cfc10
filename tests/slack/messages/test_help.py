from datetime import timedelta

import pytest

from bot.access.rules import Caller
from bot.commands.request import MOST_AT_ONCE, Misunderstood, Problem
from bot.deals.deal import STATES, Status
from bot.slack.messages.tables import USAGE
from tests.reading import REF, TWO, buttons, our_messages, shown


@pytest.mark.parametrize("problem", Problem)
def test_what_was_not_understood_is_told_with_an_example_and_the_reference(problem: Problem) -> None:
    message = our_messages().help.misunderstood(Misunderstood(problem, "gone"), REF)
    what, changed, example = shown(message)[0].split("\n")

    assert what == USAGE[problem].format(
        word="`gone`", statuses="`open`, `won`, `lost`, `abandoned`", command="/opp-status"
    )
    assert changed == "Nothing changed."
    assert example == "Try `/opp-status Acme Corp won`, or see `/opp-status help`."
    assert shown(message)[1:] == [f"Ref {REF}"]


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
    messages = our_messages(statuses=statuses)

    assert f"Use {listed}." in messages.help.misunderstood(Misunderstood(Problem.UNKNOWN_STATUS, "x"), REF).text
    assert f"Statuses: {listed}. After" in messages.help.overview().text


def test_help_begins_with_three_examples_and_ends_with_two_buttons() -> None:
    message = our_messages().help.overview()
    title, examples, more = message.blocks[:3]

    assert title["text"]["text"] == "Update HighLevel deals from Slack"
    assert examples["text"]["text"].splitlines() == [
        "```/opp-status Acme Corp won",
        "/opp-status Acme Corp lost too expensive",
        "/opp-status Acme Corp open```",
    ]
    assert len(more["text"]["text"].splitlines()) == 7
    assert [(each["action_id"], each["text"]["text"]) for each in buttons(message)] == [
        ("open_form", "Open the form"),
        ("whoami", "Check my access"),
    ]
    assert not message.public


@pytest.mark.parametrize(
    ("errors_in_channel", "text"),
    [(False, "If it doesn't, only you do."), (True, "If it doesn't, they see that too.")],
)
def test_help_says_who_sees_what(*, errors_in_channel: bool, text: str) -> None:
    help_ = our_messages(errors_in_channel=errors_in_channel).help.overview().text

    assert f"When it works, the channel sees it. {text}" in help_


def test_help_names_everything_that_can_be_typed() -> None:
    text = our_messages().help.overview().text

    for typed in ("", " Acme Corp", " Acme Corp won?", " undo", " history"):
        assert f"`/opp-status{typed}`  " in text
    assert f"Up to {MOST_AT_ONCE} at once." in text


def test_help_says_nothing_of_an_undo_that_is_switched_off() -> None:
    assert "undo" not in our_messages(undo_window=timedelta()).help.overview().text


def test_help_tells_of_sub_accounts_where_there_are_several() -> None:
    assert (
        "`/opp-status use`  see which sub-account this channel uses" in our_messages(locations=TWO).help.overview().text
    )
    assert "/opp-status use" not in our_messages().help.overview().text


def test_a_caller_reads_in_which_sub_account_the_channel_works_and_who_changes_it() -> None:
    text = our_messages(locations=TWO).help.in_use("PARIS", "REF")

    assert "This channel uses Paris &lt;&amp; more&gt;." in text.text
    assert "Available: LOC, Paris" in text.text
    assert not text.public


def test_the_whole_channel_reads_that_it_was_set_to_another_sub_account() -> None:
    text = our_messages(locations=TWO).help.uses("PARIS", Caller("U1", "T1", "C1"), "REF")

    assert text.text.startswith("<@U1> switched this channel to Paris")
    assert text.public


def test_a_name_that_none_has_is_told_with_those_there_are() -> None:
    text = our_messages(locations=TWO).help.no_such_location("<!channel>", "REF")

    assert "`&lt;!channel&gt;` doesn't match one of your sub-accounts." in text.text
    assert "Nothing changed." in text.text
    assert not text.public


def test_a_mention_of_a_person_is_told_as_slack_shows_people() -> None:
    text = our_messages().help.misunderstood(Misunderstood(Problem.PERSON_IS_NO_DEAL, "@U0BEN"), "REF").text

    assert text.startswith("<@U0BEN> is a person, not a deal.")

from dataclasses import replace

import pytest

from bot.commands.record import Unfamiliar
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import NotYours, Objection, Result, Withheld
from bot.simulator.slack.block_kit import elements_of
from bot.slack.block_kit.blocks import VALUE_LIMIT
from bot.slack.messages.owners.sentences import SHORTLY, WITHHELD
from tests.memory import CHANGE, entry, messages

LONG = "k" * (VALUE_LIMIT + 1)
ASKED = replace(CHANGE, outcome=Result.ASKED_OWNER, after="open", deal_owner="U0BEN")


def _buttons(blocks: object) -> list[str]:
    assert isinstance(blocks, tuple)
    return [element["action_id"] for block in blocks for element in elements_of(block)]


def test_there_are_words_for_each_reason() -> None:
    assert WITHHELD.keys() == SHORTLY.keys() == set(Withheld)


def test_a_reason_of_a_later_version_is_told_as_no_change() -> None:
    asked = replace(CHANGE, outcome=Result.NOT_YOURS, withheld=Unfamiliar("on_vacation"), after="open")
    told = messages().several([asked, asked], entry("key"), [], [])

    assert "New website: not changed" in told.text
    assert "vacation" not in told.text


@pytest.mark.parametrize(
    ("key", "owner", "shown"), [("key", "U0BEN", True), ("key", "", False), (LONG, "U0BEN", False)]
)
def test_an_owner_can_be_asked_who_is_known_and_whose_button_slack_can_carry(key: str, owner: str, shown: bool) -> None:
    refused = NotYours(Opportunity("deal", "open"), Objection(Withheld.OWNED, stops=True, owner=owner))
    told = messages().outcome(refused, replace(entry("key"), key=key))

    assert ("ask_owner" in _buttons(told.blocks)) is shown


@pytest.mark.parametrize(("key", "answers"), [("key", ["as_asked", "not_now", "link"]), (LONG, ["link"])])
def test_the_owner_answers_by_buttons_that_slack_can_carry(key: str, answers: list[str]) -> None:
    assert _buttons(messages().to_owner(replace(ASKED, key=key)).blocks) == answers


def test_what_the_asker_wrote_is_shown_to_the_owner_as_a_quotation() -> None:
    lost = replace(ASKED, status=Status.LOST.value, reason="too <dear>")

    assert "&gt; too &lt;dear&gt;" in messages().to_owner(lost).text


def test_without_links_there_is_no_empty_row_of_buttons() -> None:
    nameless = replace(ASKED, key=LONG, opportunity_id="")
    told = replace(CHANGE, opportunity_id="", deal_owner="U0BEN")
    refused = NotYours(Opportunity("", "open"), Objection(Withheld.UNASSIGNED, stops=True))
    shown = (messages().to_owner(nameless), messages().to_owner(told), messages().outcome(refused, entry("key")))

    assert [_buttons(each.blocks) for each in shown] == [[], [], []]

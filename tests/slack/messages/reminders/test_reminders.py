"""Messages about reminders, whatever deals are called."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.rules import Caller
from bot.commands.text.days import Unclear
from bot.deals.deal import Opportunity, Target
from bot.schedule.due import Kind, Planned
from bot.schedule.ports import Standing
from bot.simulator.slack.block_kit import elements_of, refusal_of
from bot.slack.actions import RemindOf
from bot.slack.mail.replies import as_response
from bot.slack.messages.reminders.reminders import LISTED, deal_of
from tests.golden.scene import ANA, NEW_WEBSITE, NOW, REFERENCE, messages

SAY = messages().reminders
NAMES = st.text(max_size=500) | st.sampled_from(["<!channel>", "*x*", "\ud83d", "\x00", " ", "a" * 500])
IDS = st.text(st.characters(codec="ascii", categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=20)


def _reminder(deal: Opportunity, caller: Caller = ANA, key: str = "17.key") -> Planned:
    return Planned(key, Kind.REMINDER, NOW, caller, Target(deal.id, deal.location_id or ""), deal.name or "")


def _actions(deal: Opportunity, caller: Caller) -> list[str]:
    told = SAY.due(deal, _reminder(deal, caller), REFERENCE)
    return [each["action_id"] for block in told.blocks for each in elements_of(block)]


@given(NAMES, IDS, st.sampled_from(Unclear), st.integers(1, 30))
def test_slack_takes_every_message_whatever_a_deal_is_called(name: str, id_: str, unclear: Unclear, many: int) -> None:
    deal = replace(NEW_WEBSITE, id=id_, name=name, contact=name, company=name, owner=name)
    reminder = _reminder(deal)
    told = [
        SAY.which_day(deal, unclear, REFERENCE),
        SAY.which_deal(name, [deal] * many, date(2026, 12, 24), REFERENCE),
        SAY.set(Standing(reminder, NOW), REFERENCE),
        SAY.closed(deal, REFERENCE),
        SAY.listing([reminder] * min(many, LISTED), REFERENCE),
        SAY.canceled(reminder, REFERENCE, replaces=True),
        SAY.due(deal, reminder, REFERENCE),
    ]

    assert [refusal_of(as_response(each)) for each in told] == [None] * len(told)


@given(IDS, IDS | st.just(""), st.text(st.characters(codec="ascii", categories=["L", "Nd", "Zs"]), max_size=99))
def test_a_button_carries_its_deal_and_its_day(id_: str, place: str, name: str) -> None:
    for day in ("", "7d", "2026-12-24"):
        of = RemindOf(id_, place, name, day)

        assert RemindOf.from_value(of.value) == of
        assert deal_of(of).id == id_


@pytest.mark.parametrize(
    ("channel", "buttons"),
    [
        ("C0SALES", ["close_in_won", "close_in_lost", "close_in_abandoned"]),
        ("G0PRIVATE", ["close_in_won", "close_in_lost", "close_in_abandoned"]),
        ("D0ANA", ["set_won", "set_lost", "set_abandoned"]),
        ("", ["set_won", "set_lost", "set_abandoned"]),
    ],
)
def test_what_is_closed_from_a_reminder_is_told_where_it_was_asked_for(channel: str, buttons: list[str]) -> None:
    assert _actions(NEW_WEBSITE, replace(ANA, channel_id=channel)) == [*buttons, "remind_7d", "link"]


def test_a_deal_whose_id_no_button_can_carry_is_told_all_the_same() -> None:
    told = SAY.due(replace(NEW_WEBSITE, id="x" * 3000), _reminder(NEW_WEBSITE), REFERENCE)

    assert told.text.startswith("Reminder: New website")
    assert not any(block["type"] == "actions" for block in told.blocks)


def test_a_full_list_says_that_there_may_be_more() -> None:
    few, many = (SAY.listing([_reminder(NEW_WEBSITE)] * count, REFERENCE).text for count in (3, LISTED))

    assert few.startswith("Your reminders, 3")
    assert many.startswith(f"Your next {LISTED} reminders")

"""Reminders that are set, listed and canceled; what goes wrong on the way."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.access.rules import Caller
from bot.commands.request import Remind, ShowDeal, ShowReminders
from bot.commands.text.days import After
from bot.deals.deal import Target
from bot.deals.ports import StoreDown
from bot.schedule.due import Kind, Planned
from bot.slack.actions import CALL_OFF, CLOSE
from tests.desk import DEAL, Desk

REMINDER = Planned(
    "17.key", Kind.REMINDER, datetime(2026, 12, 4, 9, tzinfo=UTC), Caller("U2", "T1", "C1"), Target(DEAL), "New website"
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def _answer(desk: Desk) -> str:
    (message,) = await desk.answers()
    assert message
    assert not message.public
    return message.text


async def test_a_typed_reminder_is_set_for_the_person(desk: Desk) -> None:
    desk.request = Remind(ShowDeal(DEAL), After(3))
    assert await desk.on_command() == (200, {})
    assert (await _answer(desk)).startswith("Reminder set for ")
    (reminder,) = desk.reminders.waiting.values()

    assert (reminder.caller.user_id, reminder.deal.opportunity_id) == ("U1", DEAL)
    assert timedelta(days=2) < reminder.due - datetime.now(UTC) < timedelta(days=4)
    assert desk.entries == []


@pytest.mark.parametrize(("perhaps", "says"), [(False, "Nothing changed"), (True, "isn't clear")])
async def test_a_reminder_that_cannot_be_written_down_is_told(desk: Desk, *, perhaps: bool, says: str) -> None:
    desk.request = Remind(ShowDeal(DEAL), After(3))
    desk.reminders.down = StoreDown(perhaps_written=perhaps)
    await desk.on_command()

    assert says in await _answer(desk)


async def test_a_list_of_reminders_that_cannot_be_read_is_told(desk: Desk) -> None:
    desk.request = ShowReminders()
    desk.reminders.down = StoreDown()
    _, body = await desk.on_command()

    assert "Can't look that up" in body["text"]


@pytest.mark.parametrize("value", ["", "7d", " "])
async def test_a_button_that_cannot_be_read_sets_nothing(desk: Desk, value: str) -> None:
    told = await desk.on_press("remind_7d", value)

    assert told
    assert desk.questions == []


async def test_a_reminder_that_is_gone_cannot_be_canceled(desk: Desk) -> None:
    await desk.reminders.remind(REMINDER)
    assert "already sent or canceled" in await desk.on_press(CALL_OFF, "another key")
    assert "Reminder canceled" in await desk.on_press(CALL_OFF, REMINDER.key)

    assert desk.reminders.waiting == {}


async def test_a_status_button_of_a_reminder_that_cannot_be_read_changes_nothing(desk: Desk) -> None:
    assert "On it" not in await desk.on_press(f"{CLOSE}_won", "C1 nonsense")

    assert desk.entries == []

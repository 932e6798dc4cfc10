"""*Try again* runs what failed once more: a command as a row of its own, a lookup in place of its failure."""

import asyncio
from pathlib import Path

import pytest

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.workspace import Shown
from tests.house import ANA, BEN, DEAL, House, open_house

DOWN = Fault(status=503, body={"message": "Service Unavailable"})


def _down(house: House) -> None:
    house.highlevel.misbehave(DOWN, times=99)


def _up(house: House) -> None:
    house.highlevel.behave()


async def _fails(house: House, text: str) -> Shown:
    _down(house)
    shown = await house.says(text)
    assert "HighLevel is having problems right now." in shown.text
    assert shown.only_to == ANA
    _up(house)
    return shown


async def test_a_command_that_failed_runs_once_more_at_one_tap_and_its_failure_goes(house: House) -> None:
    failure = await _fails(house, f"{DEAL} won")
    won = await house.answers(failure, "retry")

    assert f"<@{ANA}> won New website" in won.text
    assert won.only_to is None
    assert house.slack.shown == [won]
    first, second = await house.rows()
    assert (first["outcome"], second["outcome"]) == ("server_error", "changed")
    assert (second["continues"], second["text"]) == (first["key"], f"{DEAL} won")


async def test_what_fails_again_can_be_tried_again_in_the_same_place(house: House) -> None:
    failure = await _fails(house, "new website lost too late")
    _down(house)
    again = await house.answers(failure, "retry")
    _up(house)
    assert again.ts == failure.ts
    lost = await house.answers(again, "retry")

    assert "> marked New website lost" in lost.text
    assert house.deal == "lost"


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("remind new website in 3 days", "Reminder set for"),
        ("history new website", "New website"),
        ("undo new website", "New website"),
    ],
)
async def test_a_reminder_a_history_and_an_undo_by_name_can_be_tried_again_in_place(
    house: House, text: str, then: str
) -> None:
    await house.says(f"{DEAL} lost")
    await house.says(f"{DEAL} open")
    failure = await _fails(house, text)

    now = await house.answers(failure, "again")

    assert then in now.text
    assert "HighLevel is having problems" not in str([shown.text for shown in house.slack.shown])


async def test_two_presses_at_once_run_it_once(house: House) -> None:
    failure = await _fails(house, f"{DEAL} won")
    await asyncio.gather(house.presses(failure, "retry"), house.presses(failure, "retry"))
    await house.slack.wait_until(lambda: any("That already ran again." in shown.text for shown in house.slack.shown))
    await house.slack.wait_until(lambda: any("> won " in shown.text for shown in house.slack.shown))

    assert len(house.highlevel.written) == 1
    assert len(await house.rows()) == 2


async def test_who_may_not_change_deals_by_then_may_not_try_again(tmp_path: Path) -> None:
    async with open_house(tmp_path, ERRORS_IN_CHANNEL="true") as house:
        _down(house)
        failure = await house.says(f"{DEAL} won")
        _up(house)
        told = await house.answers(failure, "retry", user=BEN)

        assert "You don't have access" in told.text
        assert house.deal == "open"


async def test_an_undo_that_failed_can_be_tried_again_and_changes_the_message(house: House) -> None:
    won = await house.says(f"{DEAL} won")
    _down(house)
    await house.presses(won, "undo")
    failure = (await house.slack.wait_for(2))[1]
    _up(house)
    await house.presses(failure, "retry")
    updated = await house.slack.wait_for_change(won.ts)

    assert f"<@{ANA}> undid this." in updated.text
    assert house.deal == "open"
    await house.slack.wait_until(lambda: failure.ts not in {shown.ts for shown in house.slack.shown})


async def test_a_lookup_that_failed_is_answered_in_place_of_its_failure(house: House) -> None:
    for text in (DEAL, "new website"):
        failure = await _fails(house, text)
        card = await house.answers(failure, "again")

        assert card.ts == failure.ts
        assert "New website\nOpen since" in card.text
    assert house.highlevel.written == []


async def test_a_failure_that_all_can_see_stays_when_it_is_tried_again(tmp_path: Path) -> None:
    async with open_house(tmp_path, ERRORS_IN_CHANNEL="true") as house:
        won = await house.says(f"{DEAL} won")
        _down(house)
        await house.presses(won, "undo")
        failure = (await house.slack.wait_for(2))[1]
        _up(house)
        await house.presses(failure, "retry")
        await house.slack.wait_for_change(won.ts)

        assert house.deal == "open"
        assert failure in house.slack.shown

"""HighLevel is slow or its limit is reached: the caller is told once, and then gets the result."""

from dataclasses import replace
from pathlib import Path

from bot.simulator.highlevel.server import Fault
from tests.house import ANA, DEAL, PATIENT, SALES, UNKNOWN_ID, open_house

IMPATIENT = replace(PATIENT, worker=replace(PATIENT.worker, tell=0.1))


async def test_a_caller_who_waits_is_told_once_privately_and_gets_the_result_publicly(tmp_path: Path) -> None:
    async with open_house(tmp_path, IMPATIENT) as house:
        house.highlevel.misbehave(Fault(wait=0.4), method="GET")
        await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
        told, result = await house.slack.wait_for(2)
        (row,) = await house.rows()

    assert told.only_to == ANA
    assert "Still working on it" in told.text
    assert "The result will show up here." in told.text
    assert row["reference"] in told.text
    assert result.only_to is None
    assert "> won " in result.text
    assert len(house.slack.shown) == 2


async def test_a_burst_is_worked_off_at_highlevels_pace_without_a_429(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.highlevel.burst_limit, house.highlevel.burst_seconds = 20, 0.3
        await house.says(f"{UNKNOWN_ID} won")  # the first answer tells the limit
        deals = [f"dealQ7xQ7xQ7x{number:07}" for number in range(18)]
        for deal in deals:
            house.highlevel.add_opportunity(deal)
            await house.slack.command(f"{deal} won", user=ANA, channel=SALES)
        await house.slack.wait_for(19)

    assert all(house.highlevel.opportunities[deal]["status"] == "won" for deal in deals)
    assert house.highlevel.refused == 0


async def test_the_reply_says_when_the_daily_limit_is_reset(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.highlevel.daily_limit = 1
        await house.says(f"{UNKNOWN_ID} won")
        asked = len(house.highlevel.received)
        shown = await house.says(f"{DEAL} won")

    assert "used up today's HighLevel requests" in shown.text
    assert "Nothing changed." in shown.text
    assert "Try again in 60 minutes" in shown.text
    assert len(house.highlevel.received) == asked

"""Several deals at once: one message, a row for each, one Undo for all; and what the bot asks first."""

import asyncio
from pathlib import Path

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.workspace import button
from tests.house import ANA, DEAL, KIM, UNKNOWN_ID, House, open_house

DEALS = [f"dealQ7xQ7xQ7xQ7xQ7{number:02}" for number in range(25)]


def _deals(house: House, many: int) -> str:
    for number, deal in enumerate(DEALS[:many]):
        house.highlevel.add_opportunity(deal, name=f"Deal {number}")
    return " ".join(DEALS[:many])


def _statuses(house: House, many: int) -> list[str]:
    return [house.highlevel.opportunities[deal]["status"] for deal in DEALS[:many]]


async def test_three_deals_are_changed_at_once_and_reported_in_one_message(any_house: House) -> None:
    shown = await any_house.says(f"{_deals(any_house, 3)} lost")

    assert shown.only_to is None
    assert f"<@{ANA}> marked 3 deals lost" in shown.text
    assert [f"Deal {number}\n" in f"{shown.text}\n" for number in range(3)] == [True] * 3
    assert _statuses(any_house, 3) == ["lost"] * 3
    rows = await any_house.rows()
    assert len(rows) == 3
    assert {row["batch"] for row in rows} == {min(row["key"] for row in rows)}
    assert len({row["key"] for row in rows}) == 3
    assert [row["delivered"] for row in sorted(rows, key=lambda row: str(row["key"]))] == [
        "channel",
        "together",
        "together",
    ]


async def test_one_undo_undoes_all(any_house: House) -> None:
    shown = await any_house.says(f"{_deals(any_house, 3)} won")
    await any_house.presses(shown, "undo", user=KIM)
    updated = await any_house.slack.wait_for_change(shown.ts)

    assert f"<@{KIM}> undid 3 changes" in updated.text
    assert _statuses(any_house, 3) == ["open"] * 3
    assert len(await any_house.rows()) == 6


async def test_while_some_of_several_are_under_way_undo_undoes_none_and_their_result_offers_it(house: House) -> None:
    deals = _deals(house, 3)
    house.highlevel.misbehave(Fault(wait=1.5), method="PUT", path=DEALS[2])
    await house.slack.command(f"{deals} won", user=ANA)
    async with asyncio.timeout(60):
        while len(house.highlevel.written) < 2:
            await asyncio.sleep(0.01)
    refused = await house.says("undo")
    assert "still running" in refused.text
    assert refused.only_to == ANA

    result = (await house.slack.wait_for(2))[1]
    assert "won 3 deals" in result.text
    assert _statuses(house, 3) == ["won"] * 3
    await house.presses(result, "undo")
    await house.slack.wait_for_change(result.ts)
    assert _statuses(house, 3) == ["open"] * 3


async def test_an_undo_keeps_the_lines_about_deals_that_it_does_not_change(house: House) -> None:
    house.highlevel.opportunities[DEAL]["status"] = "won"
    shown = await house.says(f"{_deals(house, 1)} {UNKNOWN_ID} {DEAL} won")
    await house.presses(shown, "undo")
    updated = await house.slack.wait_for_change(shown.ts)

    assert f"<@{ANA}> undid a change" in updated.text
    assert "Deal 0 is open again" in updated.text
    assert "New website: already won" in updated.text
    assert f"No deal has the ID `{UNKNOWN_ID}`" in updated.text


async def test_a_typed_undo_undoes_all_too(house: House) -> None:
    shown = await house.says(f"{_deals(house, 2)} won")

    assert (await house.says("undo")).text == "You undid 2 changes."
    assert f"<@{ANA}> undid 2 changes" in (await house.slack.wait_for_change(shown.ts)).text
    assert _statuses(house, 2) == ["open"] * 2


async def test_failures_are_reported_beside_successes(house: House) -> None:
    deals = _deals(house, 1)
    house.highlevel.opportunities[DEAL]["status"] = "lost"
    shown = await house.says(f"{deals} {UNKNOWN_ID} {DEAL} lost")

    assert "marked 1 of 3 deals lost" in shown.text
    assert f"not changed. No deal has the ID `{UNKNOWN_ID}`" in shown.text
    assert "New website: already lost" in shown.text


async def test_more_than_three_deals_are_changed_only_after_a_yes(any_house: House) -> None:
    asked = await any_house.says(f"{_deals(any_house, 5)} abandoned")
    assert asked.only_to == ANA
    assert "Mark 5 deals abandoned?" in asked.text
    assert "Deal 4: open → abandoned" in asked.text
    assert any_house.highlevel.written == []

    shown = await any_house.answers(asked, "confirm")

    assert "marked 5 deals abandoned" in shown.text
    assert _statuses(any_house, 5) == ["abandoned"] * 5


async def test_a_no_leaves_everything_as_it_is(house: House) -> None:
    asked = await house.says(f"{_deals(house, 4)} lost")
    await house.slack.press(asked, button(asked, "dismiss"), user=ANA)
    await house.slack.wait_until(lambda: house.slack.shown == [])

    assert house.highlevel.written == []


async def test_twenty_five_deals_fit_into_one_message(house: House) -> None:
    house.highlevel.burst_limit = 1000
    asked = await house.says(f"{_deals(house, 25)} lost")
    shown = await house.answers(asked, "confirm")

    assert "marked 25 deals lost" in shown.text
    assert _statuses(house, 25) == ["lost"] * 25
    assert "up to 25 at once" in (await house.says(f"{' '.join(DEALS)} {DEAL} won")).text


async def test_a_won_deal_among_several_waits_for_a_yes_of_its_own(house: House) -> None:
    deals = _deals(house, 2)
    house.highlevel.opportunities[DEALS[1]]["status"] = "won"
    shown = await house.says(f"{deals} lost")
    assert "marked 1 of 2 deals lost" in shown.text
    assert "Deal 1: won → lost" in shown.text
    assert _statuses(house, 2) == ["lost", "won"]

    await house.slack.press(shown, button(shown, "confirm"), user=ANA)
    await house.slack.wait_for(2)
    assert any("was won" in each.text for each in house.slack.shown)
    assert shown in house.slack.shown  # the message about the other deal is still there


async def test_a_yes_for_a_won_deal_counts_only_while_it_is_as_it_was_shown(any_house: House) -> None:
    any_house.highlevel.opportunities[DEAL]["status"] = "won"
    asked = await any_house.says(f"{DEAL} lost")
    assert "Mark it lost anyway?" in asked.text
    assert any_house.highlevel.written == []
    any_house.highlevel.opportunities[DEAL]["status"] = "open"

    shown = await any_house.answers(asked, "confirm")

    assert "changed again since then. It's open now." in shown.text
    assert any_house.deal == "open"


async def test_the_bot_does_not_ask_if_the_operator_wants_no_confirmation(tmp_path: Path) -> None:
    async with open_house(tmp_path, CONFIRM="never") as house:
        house.highlevel.opportunities[DEAL]["status"] = "won"
        shown = await house.says(f"{_deals(house, 4)} {DEAL} lost")

        assert "marked 5 deals lost" in shown.text


async def test_a_preview_shows_what_would_happen_and_writes_nothing(any_house: House) -> None:
    preview = await any_house.says("new website won?")
    assert preview.only_to == ANA
    assert "Preview: New website would go from open to won." in preview.text
    assert "HighLevel automations may run" in preview.text
    assert "Nothing changed" in preview.text
    assert any_house.highlevel.written == []

    assert "> won " in (await any_house.answers(preview, "confirm")).text


async def test_several_deals_can_be_previewed(house: House) -> None:
    preview = await house.says(f"{_deals(house, 6)} lost preview")

    assert "Preview: " in preview.text
    assert preview.only_to == ANA
    assert house.highlevel.written == []


async def test_several_slow_deals_get_one_reply(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        deals = _deals(house, 3)
        house.highlevel.misbehave(Fault(wait=0.3), method="GET", times=3)
        shown = await house.says(f"{deals} won")
        await asyncio.sleep(0)

        assert "won 3 deals" in shown.text
        assert len(house.slack.shown) == 1

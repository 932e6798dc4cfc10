"""Changes are announced in another channel, once, and an undo updates both messages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.simulator.slack.server import Fault
from tests.house import ANA, DEAL, KIM, OTHER_CHANNEL, SALES, House, open_house

WINS = "C0WINS"


@pytest.fixture(params=["http", "socket"])
async def routed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    settings = {"ALLOWED_USERS": f"{ANA},{KIM}", "ANNOUNCE_CHANNELS": f"won={WINS},lost={SALES}"}
    async with open_house(tmp_path, over=request.param, **settings) as house:
        yield house


async def test_a_win_is_announced_once_in_the_other_channel_too(routed: House) -> None:
    await routed.says(f"{DEAL} won")
    (row,) = await routed.rows()
    here, there = routed.slack.shown

    assert (here.channel, there.channel) == (SALES, WINS)
    assert here.text == there.text
    assert (row["announced_in"], row["announced_ts"]) == (WINS, there.ts)


async def test_a_win_typed_in_the_other_channel_is_not_announced_again(routed: House) -> None:
    await routed.says(f"{DEAL} won", channel=WINS)
    await routed.rows()

    assert [shown.channel for shown in routed.slack.shown] == [WINS]


@pytest.mark.parametrize("pressed", [0, 1])
async def test_undo_updates_both_messages(routed: House, pressed: int) -> None:
    await routed.says(f"{DEAL} won")
    both = await routed.slack.wait_for(2)
    await routed.presses(both[pressed], "undo", user=KIM)
    for shown in both[:2]:
        updated = await routed.slack.wait_for_change(shown.ts)
        assert f"<@{KIM}> undid this. New website is open again." in updated.text
        assert not any(block["type"] == "actions" for block in updated.blocks)
    assert len(routed.slack.shown) == 2


async def test_a_typed_undo_updates_both_messages_too(routed: House) -> None:
    await routed.says(f"{DEAL} won")
    both = (await routed.slack.wait_for(2))[:2]
    await routed.slack.command("undo", user=ANA, channel=OTHER_CHANNEL)
    for shown in both:
        assert "undid this" in (await routed.slack.wait_for_change(shown.ts)).text


async def test_several_wins_are_announced_in_one_message(routed: House) -> None:
    deals = [f"dealQ7xQ7xQ7xQ7xQ7x{number}" for number in range(3)]
    for deal in deals:
        routed.highlevel.add_opportunity(deal)
    await routed.says(f"{' '.join(deals)} won")
    await routed.rows()

    assert [shown.channel for shown in routed.slack.shown] == [SALES, WINS]


async def test_a_change_that_cannot_be_announced_is_made_and_answered_all_the_same(tmp_path: Path) -> None:
    async with open_house(tmp_path, ANNOUNCE_CHANNELS=f"won={WINS}") as house:
        house.slack.misbehave(
            Fault("chat.postMessage", status=200, body={"ok": False, "error": "not_in_channel"}, times=9)
        )
        shown = await house.says(f"{DEAL} won")
        (row,) = await house.rows()

        assert shown.via == "response_url"
        assert (row["delivered"], row["announced_in"]) == ("response_url", None)
        assert [shown.channel for shown in house.slack.shown] == [SALES]

"""Each command gets one reply, if need be by another way, and a private one stays private."""

import pytest

from bot.simulator.slack.server import Fault
from tests.house import ANA, DEAL, SALES, UNKNOWN_ID, House

GONE = Fault("response_url", status=404, body={"ok": False, "error": "expired_url"})


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_success_is_posted_in_the_channel_if_its_reply_address_fails(house: House, status: int) -> None:
    house.slack.misbehave(Fault("response_url", status=status))
    shown = await house.says(f"{DEAL} won")

    assert (shown.via, shown.channel, shown.only_to) == ("chat.postMessage", SALES, None)
    assert "from open to *won*" in shown.text
    assert [row["delivered"] for row in await house.rows()] == ["channel"]


@pytest.mark.parametrize("status", [429, 500])
async def test_a_reply_address_that_is_only_busy_is_waited_for(house: House, status: int) -> None:
    house.slack.misbehave(Fault("response_url", status=status))
    shown = await house.says(f"{DEAL} won")

    assert (shown.via, shown.channel, shown.only_to) == ("response_url", SALES, None)
    assert [row["delivered"] for row in await house.rows()] == ["response_url"]


async def test_a_failure_goes_to_the_person_and_never_to_the_channel(house: House) -> None:
    house.slack.misbehave(GONE)
    shown = await house.says(f"{UNKNOWN_ID} won")

    assert (shown.via, shown.channel) == ("chat.postMessage", ANA)
    assert [row["delivered"] for row in await house.rows()] == ["direct_message"]


async def test_a_success_goes_to_the_person_when_the_bot_may_not_post_in_the_channel(house: House) -> None:
    house.slack.misbehave(GONE)
    house.slack.misbehave(Fault("chat.postMessage", status=200, body={"ok": False, "error": "not_in_channel"}))
    shown = await house.says(f"{DEAL} won")

    assert shown.channel == ANA
    assert [row["delivered"] for row in await house.rows()] == ["direct_message"]


async def test_a_reply_that_slack_does_not_take_is_recorded_as_undelivered(house: House) -> None:
    house.slack.misbehave(GONE)
    house.slack.misbehave(Fault("chat.postMessage", status=403, times=2))
    await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
    await house.slack.wait_for_call("chat.postMessage")

    (row,) = await house.rows()
    assert (row["outcome"], row["delivered"]) == ("changed", "undelivered")
    assert house.slack.shown == []

"""Each command gets one reply, if need be by another way, and a private one stays private."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.simulator.slack.server import Fault
from tests.house import ANA, DEAL, SALES, UNKNOWN_ID, House, open_house

GONE = Fault("response_url", status=404, body={"ok": False, "error": "expired_url"})


@pytest.fixture(params=["http", "socket"])
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, over=request.param) as house:
        yield house


async def test_a_success_is_posted_and_the_ledger_knows_the_message(way: House) -> None:
    shown = await way.says(f"{DEAL} won")
    (row,) = await way.rows()

    assert (shown.via, shown.channel, shown.only_to) == ("chat.postMessage", SALES, None)
    assert (row["delivered"], row["message_ts"]) == ("channel", shown.ts)
    assert _calls(way) == ["chat.postMessage"]


async def test_where_the_bot_may_not_post_a_success_goes_to_its_reply_address_and_that_is_remembered(
    way: House,
) -> None:
    way.keep_out()
    for status in ("won", "abandoned"):
        way.highlevel.opportunities[DEAL]["status"] = "open"
        shown = await way.says(f"{DEAL} {status}")
        assert (shown.via, shown.channel, shown.only_to) == ("response_url", SALES, None)

    assert [row["delivered"] for row in await way.rows()] == ["response_url", "response_url"]
    assert _calls(way) == ["chat.postMessage", "response_url", "response_url"]


@pytest.mark.parametrize("channel", ["G0BOARD", "D0TWO"])
async def test_in_a_private_conversation_a_success_goes_to_its_reply_address_unless_the_bot_is_a_member(
    house: House, channel: str
) -> None:
    shown = await house.says(f"{DEAL} abandoned", channel=channel)
    assert (shown.via, shown.channel, shown.only_to) == ("response_url", channel, None)

    house.slack.joined = {"G0TEAM"}
    shown = await house.says(f"{DEAL} open", channel="G0TEAM")
    assert (shown.via, shown.channel) == ("chat.postMessage", "G0TEAM")


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_success_goes_to_its_reply_address_if_slack_refuses_the_post(house: House, status: int) -> None:
    house.slack.misbehave(Fault("chat.postMessage", status=status))
    shown = await house.says(f"{DEAL} won")

    assert (shown.via, shown.channel, shown.only_to) == ("response_url", SALES, None)
    assert "> won " in shown.text
    assert [row["delivered"] for row in await house.rows()] == ["response_url"]


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize(("where", "way"), [("chat.postMessage", "channel"), ("response_url", "response_url")])
async def test_a_slack_that_is_only_busy_is_waited_for(house: House, status: int, where: str, way: str) -> None:
    if where == "response_url":
        house.keep_out()
    house.slack.misbehave(Fault(where, status=status))
    shown = await house.says(f"{DEAL} won")

    assert (shown.via, shown.channel, shown.only_to) == (where, SALES, None)
    assert [row["delivered"] for row in await house.rows()] == [way]


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


def _calls(house: House) -> list[str]:
    """How the bot sent its messages."""
    paths = [each.path for each in house.slack.received]
    return [
        path.removeprefix("/api/") if "/chat." in path else "response_url"
        for path in paths
        if path.startswith(("/api/chat.", "/commands/"))
    ]

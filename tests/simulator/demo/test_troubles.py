import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from bot.commands.record import Record
from bot.simulator.demo.stage import ACME, SALES, staged
from bot.simulator.demo.troubles import HIGHLEVEL, SLACK, WELL, trouble_highlevel, trouble_slack
from tests.house import HASTY


async def _until(look: Callable[[], Awaitable[Sequence[Record]]], so: Callable[[Sequence[Record]], bool]) -> None:
    async with asyncio.timeout(60):
        while not so(await look()):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", [trouble.name for trouble in HIGHLEVEL if trouble.name != WELL])
async def test_a_trouble_of_highlevels_begins_and_ends(name: str) -> None:
    async with staged(HASTY) as stage:
        trouble_highlevel(stage, name)
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        (first,) = await stage.slack.wait_for(1)
        told = "the change went through." if name == "silence" else "Nothing changed."
        assert told in first.text


@pytest.mark.parametrize(("name", "delivered"), [("expired", "channel"), ("archived", "undelivered")])
async def test_a_trouble_of_slacks_begins_and_ends(name: str, delivered: str) -> None:
    async with staged(HASTY) as stage:
        trouble_slack(stage, name)
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        await _until(lambda: stage.history.of_opportunity(ACME, 1), lambda rows: bool(rows and rows[0].delivered))
        trouble_slack(stage, WELL)
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        shown = await stage.slack.wait_for(2 if delivered == "channel" else 1)

        assert shown[-1].via == "response_url"
        assert (await stage.history.of_opportunity(ACME, 2))[-1].delivered == delivered


async def test_a_busy_slack_lets_two_messages_wait() -> None:
    async with staged(HASTY) as stage:
        trouble_slack(stage, "busy")
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        shown = await stage.slack.wait_for(1)

        assert shown[0].via == "chat.postMessage"
        assert [each.status for each in stage.slack.received if each.path == "/api/chat.postMessage"] == [429, 429, 200]


async def test_an_unknown_trouble_is_an_error() -> None:
    async with staged(HASTY) as stage:
        with pytest.raises(ValueError, match="no trouble is called flood"):
            trouble_highlevel(stage, "flood")
        with pytest.raises(ValueError, match="no trouble is called flood"):
            trouble_slack(stage, "flood")


def test_every_trouble_has_a_name_and_words_of_its_own() -> None:
    for troubles in (HIGHLEVEL, SLACK):
        assert (
            len({trouble.name for trouble in troubles}) == len({trouble.label for trouble in troubles}) == len(troubles)
        )

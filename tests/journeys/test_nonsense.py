"""HighLevel and Slack answer with nonsense: the bot stays small and awake, and goes on when they behave again.

`benchmarks/answers.py` does the same 2,000 times, with a bot in a process of its own.
"""

import asyncio
import tracemalloc
from pathlib import Path

import httpx
import pytest

from bot.simulator.bodies import GZIP, Chunks, dripping, endless, gzip_bomb, nested
from bot.simulator.highlevel import server as highlevel
from bot.simulator.slack import server as slack
from tests.house import ANA, DEAL, HASTY, SALES, House, open_house

BODIES = {
    "200 MB": (endless(b"x" * 1_000_000, 200), {}),
    "20 MB, compressed": (gzip_bomb(20), GZIP),
    "a million brackets": (endless(b"[" + b"[]," * 333_000 + b"[]]", 1), {}),
    "nested": (nested(), {}),
    "byte by byte": (dripping(0.05), {}),
    "a name of 100 MB": (endless(b'{"opportunity": {"name": "' + b"x" * 1_000_000, 100), {}),
}
LAST = "zY8xW6vU4tS2rQ0pO8nM"
ROOM = 60_000_000
"""Bytes that the bot and both stand-ins, which are in one process here, may take more than before."""


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_answers_that_are_nonsense_cost_a_reply_and_neither_memory_nor_a_health_check(
    tmp_path: Path, body: tuple[Chunks, dict[str, str]]
) -> None:
    chunks, headers = body
    async with open_house(tmp_path, HASTY) as house:
        tracemalloc.start()
        try:
            for path in ("/pipelines", "/search", "/lost-reason", "/opportunities/", "/users/"):
                fault = highlevel.Fault(status=200, chunks=chunks, headers=headers)
                house.highlevel.misbehave(fault, path=path, times=2)
            for where in ("chat.postMessage", "response_url", "conversations.info", "users.info"):
                house.slack.misbehave(slack.Fault(where, status=200, chunks=chunks, headers=headers, times=1))
            asking = asyncio.create_task(_healthy_until_cancelled(house))
            for text in (f"{DEAL} won", DEAL, "new website lost"):
                await house.slack.command(text, user=ANA, channel=SALES)
            await house.slack.wait_for(1)
            asking.cancel()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        house.highlevel.behave()
        house.slack.behave()
        house.highlevel.add_opportunity(LAST, name="At the end")
        await house.slack.command(f"{LAST} won", user=ANA, channel=SALES)
        await house.slack.wait_until(lambda: any("At the end" in shown.text for shown in house.slack.shown))

    assert peak < ROOM
    assert house.highlevel.opportunities[LAST]["status"] == "won"


async def _healthy_until_cancelled(house: House) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        while True:
            assert (await http.get(f"{house.slack.bot_url}/healthz")).is_success
            await asyncio.sleep(0.05)

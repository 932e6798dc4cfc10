import asyncio
import importlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from bot.highlevel.api import wire
from bot.highlevel.api.users import get_user, read_user
from bot.http.exchange import Answer

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("side_by_side")


def _found(**medians: float) -> dict[str, defaultdict[str, list[float]]]:
    """One figure that is measured against the twin's."""
    names = {"sqlite": "ours over SQLite", "postgresql": "ours over PostgreSQL", "node": "Bolt JS with undici"}
    values = {names[name]: [median * 2, median, median / 2] for name, median in medians.items()}
    return {"acknowledgement p99 at 100/s": defaultdict(list, values)}


def _missed(kept: dict[str, bool]) -> list[str]:
    about = ("acknowledgement p99", "ours over SQLite did", "ours over PostgreSQL did", "the Node twin was there")
    return [bar for bar, met in kept.items() if bar.startswith(about) and not met]


def test_a_bar_is_met_up_to_its_multiple_of_the_twins_median(side_by_side: ModuleType) -> None:
    kept = side_by_side.bars(_found(sqlite=20.0, postgresql=30.1, node=10.0), set(), node=True)

    assert _missed(kept) == ["acknowledgement p99 at 100/s, ours over PostgreSQL: at most 3 x Bolt JS with undici"]


def test_what_was_not_measured_is_not_met(side_by_side: ModuleType) -> None:
    without_node = side_by_side.bars(_found(sqlite=1.0, postgresql=1.0), set(), node=False)
    without_postgresql = side_by_side.bars(_found(sqlite=1.0, node=10.0), set(), node=True)
    failed = side_by_side.bars(_found(sqlite=1.0, postgresql=1.0, node=10.0), {"ours over SQLite"}, node=True)

    assert len(_missed(without_node)) == 3
    assert len(_missed(without_postgresql)) == 1
    assert _missed(failed) == ["ours over SQLite did all that was asked"]
    assert not any(side_by_side.bars({}, set(), node=False)[bar] for bar in failed if "at most" in bar)


@pytest.fixture
def neighbours() -> Iterator[str]:
    started = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, BENCHMARKS / "neighbours.py", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout
    yield started.stdout.readline().strip()
    started.communicate()
    assert started.returncode == 0


async def test_the_cheap_neighbours_answer_as_highlevel_does(neighbours: str) -> None:
    async with httpx.AsyncClient(base_url=neighbours) as http:

        async def ask(call: wire.Call) -> Answer:
            answer = await http.request(call.method, call.path, params=call.query, json=call.body)
            return Answer(
                answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content
            )

        before = wire.read_opportunity(await ask(wire.get_opportunity("bench1")), "bench1")
        wire.read_accepted(await ask(wire.put_status("bench1", "won")))
        after = wire.read_opportunity(await ask(wire.get_opportunity("bench1")), "bench1")
        found = wire.read_found(await ask(wire.search_opportunities("L", "Deal bench1", 10, version="2021-07-28")))
        pipelines = wire.read_pipelines(await ask(wire.get_pipelines("L")), "L")
        name = read_user(await ask(get_user("OWNER")), "OWNER").name
        seen = (await http.get("/")).json()

    assert (before.status, after.status) == ("open", "won")
    assert [record.name for record in found.records] == ["Deal bench1"]
    assert pipelines["PIPELINE"].stages == {"STAGE": "Offer"}
    assert name == "Olga Owner"
    assert sum(seen["calls"].values()) == 6
    assert seen["held"].keys() >= {"bench1"}


async def test_a_reply_is_counted_once_and_told_at_once(neighbours: str) -> None:
    host, _, port = neighbours.removeprefix("http://").partition(":")
    lines, request = await asyncio.open_connection(host, int(port))
    request.write(b"GET /replies HTTP/1.1\r\nHost: neighbours\r\n\r\n")
    async with httpx.AsyncClient(base_url=neighbours) as http:
        await http.get("/")  # it listens by now
        for text in ("first", "second"):
            await http.post("/commands/7", json={"text": text})
        seen = (await http.get("/")).json()

    assert [await lines.readline() for _ in range(2)] == [b"7\n", b"7\n"]
    assert (seen["replies"]["7"][1], seen["more"]) == ("first", 1)
    request.close()
    await request.wait_closed()


async def test_a_reply_that_is_posted_in_the_channel_counts_for_the_command_of_its_deal(neighbours: str) -> None:
    async with httpx.AsyncClient(base_url=neighbours) as http:
        for text in ("Still working on it.", "Ana won Deal benchQ7xQ7xQ7x000012"):
            answer = await http.post("/api/chat.postMessage", json={"text": text})
            assert answer.json()["ok"]
        seen = (await http.get("/")).json()

    assert {number: text for number, (_, text) in seen["replies"].items()} == {
        "12": "Ana won Deal benchQ7xQ7xQ7x000012"
    }

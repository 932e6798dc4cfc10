"""Measures the bot beside its twins, in rounds with changing order. Exits with 1 if a bar is missed.

python benchmarks/side_by_side.py [--rounds 3] [--only NAME,NAME] [--figures start,open,busy,idle,memory]
"""

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import aiohttp
import contest
import stage
import uvloop
from contest import BARE, FETCH, GIVEN, NODE, PYTHON, SQLITE, Contestant, Neighbours, Runner

OUT = stage.ROOT / "build" / "benchmarks" / "side_by_side.json"
WARM = 150
"""Commands to warm up, before anything is measured."""
PACE, OPEN = 100, 1000
"""Commands a second, whether or not the last was answered, and how many in all."""
IN_FLIGHT, BUSY = 16, 1000
IDLE, HIGHLEVEL_WAITS, PAUSE = 60, 0.02, 0.05
"""Commands one after another; the seconds that HighLevel takes to answer them; and those between two commands."""
NAMES, MANY = 50, 10_000
PATIENCE = 30.0
"""Seconds to wait for a reply; every contestant needs less than half a second."""
SETTLE = 2.0
"""Seconds from the start until the memory is measured."""


@dataclass(frozen=True)
class Figure:
    """A figure's unit, and its bars: against a Node twin's, and absolute."""

    unit: str
    twin: str = NODE.name
    times: float | None = None
    """How many times the twin's it may be."""
    times_over_postgresql: float | None = None
    """The same over PostgreSQL, where it is another number."""
    at_most: float | None = None

    def times_of(self, name: str) -> float | None:
        """How many times the twin's it may be for this contestant."""
        return (self.times_over_postgresql if name == contest.POSTGRESQL else None) or self.times


FIGURES = {
    "start to the first answer": Figure("s", at_most=0.7),
    "memory, idle": Figure("MB", times=1.1, times_over_postgresql=1.2),
    "acknowledgement p50 at 100/s": Figure("ms"),
    "acknowledgement p99 at 100/s": Figure("ms", times=2.0, times_over_postgresql=3.0),
    "CPU per 1,000 at 100/s": Figure("s", FETCH.name, times=1.25),
    "commands a second, 16 in flight": Figure("/s"),
    "CPU per 1,000, 16 in flight": Figure("s", FETCH.name, times=1.25),
    "command to reply beyond HighLevel, p50": Figure("ms", FETCH.name, times=1.3),
    "command to reply beyond HighLevel, p99": Figure("ms", at_most=25.0),
    "memory after 10,000 commands": Figure("MB", times=1.2),
    "HighLevel's requests per change": Figure("", at_most=3.0),
    "HighLevel's requests per change by name": Figure("", at_most=4.0),
}
Measured = dict[str, float]
OURS = (SQLITE.name, contest.POSTGRESQL)


class Wrong(Exception):
    """A contestant did not do the job: its figures do not count."""


# --- one contestant ------------------------------------------------------------------------------------------------


class Client:
    """Sends commands to a contestant, and checks its replies."""

    def __init__(self, http: aiohttp.ClientSession, beside: Neighbours, runner: Runner, replying_at: str = "") -> None:
        self._http = http
        self._beside = beside
        self._replying_at = replying_at or beside.url
        self._runner = runner
        self._numbers = itertools.count()
        self.text = "{deal} won"
        """The text of the commands."""
        self._replied: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self.sent: dict[int, float] = {}
        self.took: list[float] = []
        """Milliseconds of each acknowledgement."""

    async def send(self, due: float | None = None) -> int:
        """Send a command about a deal of its own, `due` now by default; returns its number. Raises `Wrong`."""
        number = next(self._numbers)
        self.sent[number] = due = due or time.perf_counter()
        address, text = f"{self._replying_at}/commands/{number}", self.text.format(deal=stage.deal(number))
        one = await stage.send(stage.signed_command(number, address, text), due, self._runner.url, self._http)
        if one.wrong:
            raise Wrong(f"command {number}: {one.wrong}")
        self.took.append(one.took)
        return number

    async def at_a_pace(self, many: int, pace: float) -> None:
        """Send commands, `pace` a second, whether or not the last was answered; each is timed from when it was due."""
        began, tasks = time.perf_counter(), []
        for number in range(many):
            due = began + number / pace
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(self.send(due)))
        await asyncio.gather(*tasks)

    async def replied(self, within: float = 120.0) -> dict[str, tuple[float, str]]:
        """Wait for all replies; returns them. Raises `Wrong` if one is missing, came twice, or is no success."""
        until = time.perf_counter() + within
        while True:
            seen = await asyncio.to_thread(self._beside.seen)
            replies: dict[str, tuple[float, str]] = seen["replies"]  # type: ignore[assignment] # as `Seen` says
            if len(replies) >= len(self.sent) or time.perf_counter() > until:
                break
            await asyncio.sleep(0.05)
        statuses = seen["statuses"]
        # Each says what the deal was and what it is now, in words of its own.
        done = [text for _, text in replies.values() if "won" in text and "open" in text]
        if not len(done) == len(replies) == len(self.sent) == len(statuses) or seen["more"]:
            raise Wrong(f"{len(self.sent)} sent, {len(replies)} answered, {len(done)} done, {seen['more']} more")
        return replies

    async def in_flight(self, many: int, at_once: int) -> None:
        """Send commands, so many at once: the next begins when the reply to one comes."""
        left = iter(range(many))

        async def work() -> None:
            for _ in left:
                number = await self.send()
                async with asyncio.timeout(PATIENCE):
                    await self._replied[number].wait()

        await asyncio.gather(*(work() for _ in range(at_once)))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Be told of each reply as it comes."""
        host, _, port = self._beside.url.removeprefix("http://").partition(":")
        lines, request = await asyncio.open_connection(host, int(port))
        request.write(b"GET /replies HTTP/1.1\r\nHost: neighbours\r\n\r\n")

        async def listen() -> None:
            async for line in lines:
                self._replied[int(line)].set()

        task = asyncio.create_task(listen())
        try:
            yield
        finally:
            task.cancel()
            request.close()


@contextmanager
def _measured(runner: Runner) -> Iterator[Callable[[int], float]]:
    """Yield a function: given how many commands came, the CPU seconds per 1,000 since the block was entered."""
    before = runner.cpu()
    yield lambda many: (runner.cpu() - before) / many * 1000


async def _start(_client: Client, runner: Runner, _beside: Neighbours) -> Measured:
    await asyncio.sleep(SETTLE)
    return {"start to the first answer": runner.started_in, "memory, idle": runner.resident_megabytes()}


async def _open(client: Client, runner: Runner, beside: Neighbours) -> Measured:
    await warm(client)
    before = _asked(beside)
    with _measured(runner) as cpu:
        await client.at_a_pace(OPEN, PACE)
        await client.replied()
        used = cpu(OPEN)
    return {
        "acknowledgement p50 at 100/s": stage.percentile(client.took, 50),
        "acknowledgement p99 at 100/s": stage.percentile(client.took, 99),
        "CPU per 1,000 at 100/s": used,
        "HighLevel's requests per change": (_asked(beside) - before) / OPEN,
    }


async def _busy(client: Client, runner: Runner, _beside: Neighbours) -> Measured:
    await warm(client)
    began = time.perf_counter()
    with _measured(runner) as cpu:
        await client.in_flight(BUSY, IN_FLIGHT)
        await client.replied()
        used = cpu(BUSY)
    return {
        "commands a second, 16 in flight": BUSY / (time.perf_counter() - began),
        "CPU per 1,000, 16 in flight": used,
    }


async def _idle(client: Client, _runner: Runner, beside: Neighbours) -> Measured:
    await warm(client)
    first = len(client.sent)
    for _ in range(IDLE):
        await client.in_flight(1, 1)
        await asyncio.sleep(PAUSE)
    replies = await client.replied()
    held: dict[str, float] = (await asyncio.to_thread(beside.seen))["held"]  # type: ignore[assignment] # as `Seen` says
    beyond = [
        (replies[str(number)][0] - client.sent[number] - held[stage.deal(number)]) * 1000
        for number in range(first, first + IDLE)
    ]
    return {
        "command to reply beyond HighLevel, p50": stage.percentile(beyond, 50),
        "command to reply beyond HighLevel, p99": stage.percentile(beyond, 99),
    }


async def _memory(client: Client, runner: Runner, _beside: Neighbours) -> Measured:
    await client.in_flight(MANY, IN_FLIGHT)
    await client.replied(within=600)
    return {"memory after 10,000 commands": runner.resident_megabytes()}


async def _name(client: Client, _runner: Runner, beside: Neighbours) -> Measured:
    client.text = '"Deal {deal}" won'
    await warm(client)
    before = _asked(beside)
    await client.in_flight(NAMES, 1)
    await client.replied()
    return {"HighLevel's requests per change by name": (_asked(beside) - before) / NAMES}


async def warm(client: Client) -> None:
    """Send commands until the contestant runs as it does after a while: connections open, names known."""
    await client.in_flight(WARM, 4)
    await client.replied()
    client.took.clear()


def _asked(beside: Neighbours) -> int:
    calls: dict[str, int] = beside.seen()["calls"]  # type: ignore[assignment] # as `Seen` says
    return sum(calls.values())


MEASURING: dict[str, Callable[[Client, Runner, Neighbours], Awaitable[Measured]]] = {
    "start": _start,
    "open": _open,
    "busy": _busy,
    "idle": _idle,
    "memory": _memory,
    "name": _name,
}
ONLY_OURS = {"name"}
"""The figures of what the twins cannot do."""
ONCE = {"name", "memory"}
"""The figures that are the same in every round, or take too long to repeat."""


def measure(contestant: Contestant, what: str) -> Measured:
    """Start the contestant anew, and measure. Raises `Wrong`."""

    async def go() -> Measured:
        async with stage.client() as http:
            await stage.wait_until_ready(runner.url, http)
            client = Client(http, beside, runner)
            async with client.listening():
                return await MEASURING[what](client, runner, beside)

    with (
        contest.neighbours(HIGHLEVEL_WAITS if what == "idle" else 0.0) as beside,
        contest.running(contestant, beside.url, beside.url) as runner,
    ):
        return uvloop.run(go())


# --- all of them ---------------------------------------------------------------------------------------------------


def contestants(new_database: Callable[[], str] | None) -> list[Contestant]:
    """The contestants that can run here; `new_database` makes an empty PostgreSQL database and returns its address."""
    over_postgresql = [contest.over_postgresql(new_database)] if new_database else []
    return [SQLITE, *over_postgresql, *([NODE, FETCH] if contest.has_node() else []), PYTHON, GIVEN, BARE]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="contestants whose names begin so, separated by commas")
    parser.add_argument("--figures", default=",".join(MEASURING), help="which, separated by commas")
    asked = parser.parse_args()
    stage.end_well_when_told_to()
    stage.print_machine()
    print("node", subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip())  # noqa: S607
    with stage.postgresql() as cluster:
        taking_part = [
            each
            for each in contestants(cluster.new_database if cluster else None)
            if not asked.only or each.name.startswith(tuple(asked.only.split(",")))
        ]
        failed = set[str]()
        found: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for number in range(asked.rounds):
            for what in asked.figures.split(","):
                if number and what in ONCE:
                    continue
                # The one that is first in this round is last in the next.
                first = number % len(taking_part)
                for contestant in [*taking_part[first:], *taking_part[:first]]:
                    if what in ONLY_OURS and contestant.name not in OURS:
                        continue
                    try:
                        figures = measure(contestant, what)
                    except (Wrong, TimeoutError) as wrong:
                        failed.add(contestant.name)
                        print(f"    {contestant.name}, {what}: not counted, {wrong}", flush=True)
                        continue
                    for figure, value in figures.items():
                        found[figure][contestant.name].append(value)
                    told = ", ".join(f"{figure} {value:.2f}" for figure, value in figures.items())
                    print(f"    {number + 1} {contestant.name}: {told}", flush=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1), encoding="utf-8")
    _print_table(found, [each.name for each in taking_part])
    return stage.verdict(bars(found, failed, node=contest.has_node()))


def _print_table(found: dict[str, defaultdict[str, list[float]]], names: list[str]) -> None:
    print("\nmedian (least to most), and times the Node twin's median\n")
    print(f"| | {' | '.join(names)} |")
    print("|---" * (len(names) + 1) + "|")
    for figure, values in found.items():
        node = statistics.median(values[NODE.name]) if values.get(NODE.name) else None
        cells = []
        for name in names:
            if not (measured := values.get(name)):
                cells.append("not done")
                continue
            median = statistics.median(measured)
            ratio = f", {median / node:.2f} x" if node and name != NODE.name else ""
            cells.append(f"{median:.4g} ({min(measured):.4g} to {max(measured):.4g}){ratio}")
        unit = f", {FIGURES[figure].unit}" if FIGURES[figure].unit else ""
        print(f"| {figure}{unit} | {' | '.join(cells)} |")
    print()


def bars(found: dict[str, defaultdict[str, list[float]]], failed: set[str], *, node: bool) -> dict[str, bool]:
    """The bars for our contestants, and whether each was met; one without a measurement was not.

    `failed` are the contestants that did not do the job; `node` is whether the Node twin was measured, as bars need.
    """
    kept = {"the Node twin was there": node} | {f"{name} did all that was asked": name not in failed for name in OURS}
    for figure, bar in FIGURES.items():
        values = found.get(figure, defaultdict(list))
        twins = values.get(bar.twin)
        for name in OURS:
            median = statistics.median(values[name]) if values.get(name) else float("inf")
            if bar.at_most is not None:
                kept[f"{figure}, {name}: at most {bar.at_most:g} {bar.unit}"] = median <= bar.at_most
            if (times := bar.times_of(name)) is not None:
                most = times * statistics.median(twins) if twins else 0.0
                kept[f"{figure}, {name}: at most {times:g} x {bar.twin}"] = median <= most
    return kept


if __name__ == "__main__":
    sys.exit(main())

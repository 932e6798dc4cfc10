"""Shows which libraries use a command's processor time, as py-spy sees it from outside.

python benchmarks/layers.py [--seconds 20] [--functions 40]
"""

import argparse
import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import contest
import stage
import uvloop
from side_by_side import Client, warm

SPY = Path(sys.executable).with_name("py-spy")
PACE = 60
"""Commands a second, few enough that none waits for another."""
RATE = 250
"""Samples a second."""
BELOW = "uvloop, system calls"
LAYERS = {
    "asyncio/runners": BELOW,
    "bot": "our own code",
    "bot/operations/logs": "the log",
    "bot/storage/database": "SQLAlchemy and SQLite",
    "structlog": "the log",
    "sqlalchemy": "SQLAlchemy and SQLite",
    "aiohttp": "aiohttp",
    "yarl": "aiohttp",
    "httpx": "httpx and its way to aiohttp",
    "httpx_aiohttp": "httpx and its way to aiohttp",
    "uvicorn": "uvicorn and Starlette",
    "starlette": "uvicorn and Starlette",
    "slack_bolt": "Bolt and slack_sdk",
    "slack_sdk": "Bolt and slack_sdk",
    "stamina": "stamina and tenacity",
    "tenacity": "stamina and tenacity",
}
"""Layers by module or package. A sample belongs to its innermost frame in one of them, and so does what that calls."""
WAITING = ("_worker (concurrent/futures/thread", "do_commit (sqlalchemy/engine/default")
"""Frames that only wait, for work or for the disk; from outside they look like work."""
_FILE = re.compile(r"\(((\w+)(?:/\w+)*)")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--functions", type=int, default=0, help="how many functions are named, with what they call")
    asked = parser.parse_args()
    stage.end_well_when_told_to()
    stage.print_machine()
    with (
        tempfile.TemporaryDirectory() as folder,
        contest.neighbours() as beside,
        contest.running(contest.SQLITE, beside.url, beside.url) as runner,
    ):
        profile = Path(folder) / "profile.txt"
        uvloop.run(_drive(beside, runner, asked.seconds, profile))
        stacks = list(_stacks(profile.read_text(encoding="utf-8")))
    seen = sum(times for _, times in stacks)
    _print_shares(_by_layer(stacks), seen, len(LAYERS))
    if asked.functions:
        _print_shares(_with_what_they_call(stacks), seen, asked.functions)
    return 0


async def _drive(beside: contest.Neighbours, runner: contest.Runner, seconds: int, profile: Path) -> None:
    words = ("--rate", str(RATE), "--duration", str(seconds), "--format", "raw", "--output", str(profile))
    async with stage.client() as http:
        await stage.wait_until_ready(runner.url, http)
        client = Client(http, beside, runner)
        async with client.listening():
            await warm(client)
            spying = await asyncio.create_subprocess_exec(SPY, "record", *words, "--pid", str(runner.pid))
            await client.at_a_pace(seconds * PACE, PACE)
            await client.replied()
            await spying.wait()


def _stacks(raw: str) -> Iterator[tuple[list[str], int]]:
    """Read each stack: its frames, outermost first, and how often it was seen; without those that only wait."""
    for line in raw.splitlines():
        stack, _, times = line.rpartition(" ")
        frames = stack.split(";")
        if not any(frame.rpartition(".")[0].endswith(WAITING) for frame in frames[-3:]):
            yield frames, int(times)


def _by_layer(stacks: list[tuple[list[str], int]]) -> Counter[str]:
    found = Counter[str]()
    for frames, times in stacks:
        known = (
            LAYERS.get(file[1]) or LAYERS.get(file[2]) for frame in reversed(frames) if (file := _FILE.search(frame))
        )
        found[next(filter(None, known), BELOW)] += times
    return found


def _with_what_they_call(stacks: list[tuple[list[str], int]]) -> Counter[str]:
    found = Counter[str]()
    for frames, times in stacks:
        for function in {re.sub(r":\d+\)$", ")", frame) for frame in frames}:
            found[function] += times
    return found


def _print_shares(found: Counter[str], seen: int, most: int) -> None:
    print("\n| | % |\n|---|---|")
    for what, times in found.most_common(most):
        print(f"| {what} | {times / seen * 100:.0f} |")


if __name__ == "__main__":
    sys.exit(main())

"""Counts the instructions of a command, as valgrind's callgrind does: figures that a busy machine does not change.

python benchmarks/instructions.py [--only NAME,NAME] [--commands 200]

Commands come one after another. What the process does by itself in such a time is counted before, and left out.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import contest
import stage
import uvloop
from side_by_side import WARM, Client, Wrong, contestants

BAR = 8.4
"""Millions of instructions in user space, for a command over SQLite."""
IDLE = 20.0
"""Seconds without commands."""
SLOWER = 100.0
"""How many times as long as otherwise a contestant may take to start and to answer."""


def _counted(contestant: contest.Contestant, folder: Path) -> contest.Contestant:
    """The contestant under callgrind, which counts nothing until it is told to."""
    options = ("--instr-atstart=no", f"--vgdb-prefix={folder}/vgdb", f"--callgrind-out-file={folder}/out")
    callgrind = ("valgrind", "-q", "--tool=callgrind", *options)
    return replace(contestant, words=(*callgrind, *contestant.words))


@dataclass
class _Count:
    """What was counted while a block ran."""

    instructions: int = 0
    """Of all threads."""
    seconds: float = 0.0


@contextmanager
def _counting(runner: contest.Runner, folder: Path) -> Iterator[_Count]:
    """Count while the block runs; the result has its figures after it."""
    found, began = _Count(), time.monotonic()
    _control(runner, folder, "--zero")
    yield found
    found.seconds = time.monotonic() - began
    before = set(folder.glob("out.*"))
    _control(runner, folder, "--dump")
    until = time.monotonic() + 60
    while not found.instructions and time.monotonic() < until:  # the process writes it at its leisure
        time.sleep(0.5)
        for written in set(folder.glob("out.*")) - before:
            totals = re.findall(r"^totals: (\d+)", written.read_text(encoding="utf-8"), re.MULTILINE)
            found.instructions += sum(map(int, totals))


def _control(runner: contest.Runner, folder: Path, what: str) -> None:
    words = ["callgrind_control", f"--vgdb-prefix={folder}/vgdb", what, str(runner.pid)]
    # It looks for the process under the host's name that the process itself was given in this variable.
    environ = {**os.environ, "HOST": stage.LOCALHOST}  # noqa: TID251 - to find the program
    told = subprocess.run(words, env=environ, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours
    if "OK" not in told:
        raise SystemExit(f"callgrind_control {what}: {told}")


async def _drive(beside: contest.Neighbours, runner: contest.Runner, folder: Path, commands: int) -> float:
    async with stage.client(SLOWER) as http:
        await stage.wait_until_ready(runner.url, http)
        client = Client(http, beside, runner)
        async with client.listening():
            await client.in_flight(WARM, 1)  # over one connection: several are idle for so long that they are closed
            await client.replied()
            _control(runner, folder, "--instr=on")
            with _counting(runner, folder) as idle:
                await asyncio.sleep(IDLE)
            with _counting(runner, folder) as busy:
                await client.in_flight(commands, 1)
            await client.replied()
    by_itself = idle.instructions / idle.seconds * busy.seconds
    return (busy.instructions - by_itself) / commands / 1e6


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="ours over SQLite", help="contestants whose names begin so, by commas")
    parser.add_argument("--commands", type=int, default=200)
    asked = parser.parse_args()
    stage.end_well_when_told_to()
    stage.print_machine()
    stage.START_WITHIN *= SLOWER
    bars = {}
    with stage.postgresql() as cluster:
        for contestant in contestants(cluster.new_database if cluster else None):
            if not contestant.name.startswith(tuple(asked.only.split(","))):
                continue
            with (
                TemporaryDirectory() as folder,
                contest.neighbours() as beside,
                contest.running(_counted(contestant, Path(folder)), beside.url, beside.url) as runner,
            ):
                try:
                    found = uvloop.run(_drive(beside, runner, Path(folder), asked.commands))
                except Wrong as wrong:
                    print(f"    {contestant.name}: not counted, {wrong}")
                    found = float("inf")
            print(f"    {contestant.name}: {found:.2f} million instructions for a command", flush=True)
            if contestant.name == contest.SQLITE.name:
                bars[f"{contestant.name}: at most {BAR} million"] = found <= BAR
    return stage.verdict(bars)


if __name__ == "__main__":
    sys.exit(main())

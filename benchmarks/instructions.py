"""Counts the instructions of a command, as valgrind's callgrind does: figures that a busy machine does not change.

python benchmarks/instructions.py [--only NAME,NAME] [--commands 200]

Commands come one after another. What the process does by itself meanwhile is counted too; it is less than 1 %.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import contest
import stage
import uvloop
from side_by_side import WARM, Client, Wrong, contestants

BAR = 8.4
"""Millions of instructions in user space, for a command over SQLite."""
SLOWER = 100.0
"""How many times as long as otherwise a contestant may take to start and to answer."""


def _counted(contestant: contest.Contestant, folder: Path) -> contest.Contestant:
    """The contestant under callgrind, which counts nothing until it is told to."""
    options = ("--instr-atstart=no", f"--vgdb-prefix={folder}/vgdb", f"--callgrind-out-file={folder}/out")
    callgrind = ("valgrind", "-q", "--tool=callgrind", *options)
    return replace(contestant, words=(*callgrind, *contestant.words))


@contextmanager
def _counting(runner: contest.Runner, folder: Path) -> Iterator[list[int]]:
    """Count while the block runs; the list has the instructions of all threads after it."""
    found: list[int] = []
    _control(runner, folder, "--instr=on")
    yield found
    _control(runner, folder, "--dump")
    until = time.monotonic() + 30
    while not found and time.monotonic() < until:  # the process writes it at its leisure
        time.sleep(0.5)
        for written in folder.glob("out.*"):
            totals = re.findall(r"^totals: (\d+)", written.read_text(encoding="utf-8"), re.MULTILINE)
            found += map(int, totals)


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
            with _counting(runner, folder) as found:
                await client.in_flight(commands, 1)
            await client.replied()
    return found[0] / commands / 1e6


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

"""Measures how long a rep waits where HighLevel and Slack are 50 ms away, over TLS. Exits with 1 if a bar is missed.

python benchmarks/latency.py [--only NAME,NAME]

It takes the first command after the start, commands a second apart, and rare ones.
"""

import argparse
import asyncio
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import contest
import stage
import uvloop
from side_by_side import Client, contestants

AWAY = 0.05
"""Seconds to a server and back, besides what it takes to answer."""
ANSWERS, BAR = 4, 1.05
"""Three answers of HighLevel, one after another, and one of Slack; how many times as long a reply may take."""
HOW_RARE = {"a second apart": (1.0, 15), "45 s apart": (45.0, 4)}
"""Seconds before each command, and how many there are."""
SETTLE = 3.0
"""Seconds from the start to the first command."""


@contextmanager
def _far(beside: contest.Neighbours, folder: Path) -> Iterator[str]:
    """Move the neighbours away; yields their address there."""
    words = (str(stage.ROOT / "benchmarks" / "line.py"), beside.url, str(folder), str(AWAY))
    with stage.process(*words, folder=folder, environ={}, stdin=subprocess.PIPE) as started:
        assert started.stdout is not None  # noqa: S101 - it is a pipe
        yield started.stdout.readline().strip()


def _trusting(contestant: contest.Contestant, certificate: Path) -> contest.Contestant:
    more = {"SSL_CERT_FILE": str(certificate), "NODE_EXTRA_CA_CERTS": str(certificate)}
    return replace(contestant, environ=lambda folder: {**contestant.environ(folder), **more})


async def _answer(url: str, certificate: Path) -> float:
    """Milliseconds of one answer over a connection that is open."""
    context = ssl.create_default_context(cafile=str(certificate))
    reader, writer = await asyncio.open_connection("localhost", int(url.rpartition(":")[2]), ssl=context)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        writer.write(b"GET /opportunities/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = (line.split()[1] for line in head.splitlines() if line.startswith(b"Content-Length"))
        await reader.readexactly(int(length))
        took.append((time.perf_counter() - began) * 1000)
    writer.close()
    return statistics.median(took)


async def _waits(beside: contest.Neighbours, runner: contest.Runner, far: str) -> dict[str, list[float]]:
    """Milliseconds from each command until its caller would see the reply, by how rare it was."""
    found: dict[str, list[float]] = {}
    async with stage.client(30.0) as http:
        await stage.wait_until_ready(runner.url, http)
        client = Client(http, beside, runner, replying_at=far)
        async with client.listening():

            async def wait(seconds: float) -> float:
                await asyncio.sleep(seconds)
                number = len(client.sent)
                await client.in_flight(1, 1)
                came, _ = (await client.replied())[str(number)]
                return (came - client.sent[number] + AWAY / 2) * 1000  # Slack has yet to say that it has it

            found["the first"] = [await wait(SETTLE)]
            for name, (seconds, many) in HOW_RARE.items():
                found[name] = [await wait(seconds) for _ in range(many)]
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="ours over SQLite", help="contestants whose names begin so, by commas")
    asked = parser.parse_args()
    stage.end_well_when_told_to()
    stage.print_machine()
    bars = {}
    for contestant in contestants(None):
        if not contestant.name.startswith(tuple(asked.only.split(","))):
            continue
        with contest.neighbours() as beside, tempfile.TemporaryDirectory() as folder, _far(beside, Path(folder)) as far:
            certificate = Path(folder) / "certificate.pem"
            answer = uvloop.run(_answer(far, certificate))
            with contest.running(_trusting(contestant, certificate), far, far) as runner:
                found = uvloop.run(_waits(beside, runner, far))
        print(f"    {contestant.name}: an answer takes {answer:.0f} ms; from typing to reply, ms:")
        for name, took in found.items():
            median = statistics.median(took)
            print(f"        {name}: {median:.0f} ({min(took):.0f} to {max(took):.0f})", flush=True)
            if contestant.name == contest.SQLITE.name:
                most = BAR * ANSWERS * answer
                bars[f"{contestant.name}, {name}: at most {BAR} x {ANSWERS} answers, {most:.0f} ms"] = median <= most
    return stage.verdict(bars)


if __name__ == "__main__":
    sys.exit(main())

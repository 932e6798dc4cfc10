"""What a digest over 50,000 deals costs: calls to HighLevel, seconds, and memory. Exits with 1 if it is too much.

`python -m benchmarks.digest`, from the project's folder. The bot's side is a process of its own, whose memory counts:
it reads the deals of the strict stand-in, which is this process, within HighLevel's limit of 100 calls in ten seconds.
"""

import argparse
import asyncio
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.highlevel.crm import HighLevelCrm
from bot.highlevel.figures import HighLevelFigures
from bot.highlevel.reading import DealReader
from bot.http.client import HttpClient
from bot.schedule.digest.periods import last_seven_days
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served

DEALS, OWNERS, PIPELINES = 50_000, 40, 8
MOST_CALLS, MOST_MEGABYTES = 60, 64.0
TOKEN = "pit-not-a-token"  # noqa: S105 - of the stand-in
MIB = 1024.0
"""Linux counts a process's memory in units of 1024 bytes.
https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""


def _furnish(highlevel: HighLevel, deals: int, chance: random.Random) -> None:
    """Make deals as a large sub-account has them, each with as much as HighLevel tells of one."""
    highlevel.add_token(TOKEN)
    highlevel.users = {f"u{number}": {"id": f"u{number}", "name": f"Owner {number}"} for number in range(OWNERS)}
    highlevel.pipelines = [
        {"id": f"p{number}", "name": f"Pipeline {number}", "stages": [{"id": f"s{number}", "name": "Proposal"}]}
        for number in range(PIPELINES)
    ]
    now = datetime.now(UTC)
    for number in range(deals):
        status = chance.choices(["open", "won", "lost"], [8, 1, 1])[0]
        changed = now - timedelta(days=chance.uniform(0, 7 if status != "open" else 90))
        pipeline = chance.randrange(PIPELINES)
        highlevel.add_opportunity(
            f"{number:020}",
            name=f"A deal with a name of some length {number}",
            status=status,
            monetaryValue=chance.randrange(100_000),
            assignedTo=f"u{chance.randrange(OWNERS)}",
            pipelineId=f"p{pipeline}",
            pipelineStageId=f"s{pipeline}",
            lastStatusChangeAt=changed.isoformat(),
            lastStageChangeAt=changed.isoformat(),
            contact={"name": f"Person {number}", "companyName": f"Company {number}", "tags": ["a", "b", "c"]},
            customFields=[{"id": f"f{each}", "fieldValue": "x" * 40} for each in range(10)],
            relations=[{"relationId": f"r{number}", "objectKey": "contact", "recordId": f"c{number}"}],
        )


async def _read(url: str, location_id: str) -> None:
    """Read the figures, and print what that took: the process's memory is measured from its first page on."""
    async with Client(
        base_url=url,
        auth=PrivateIntegration(TOKEN),
        version="2021-07-28",
        http=HttpClient("opp-status/benchmark"),
        attempts=Attempts(),
    ) as client:
        crm = HighLevelCrm(client, location_id)
        await crm.pipeline_names(until=asyncio.get_running_loop().time() + 10)
        figures = HighLevelFigures(DealReader({location_id: client}, {location_id: crm}), 0.25)
        before, began = _peak(), asyncio.get_running_loop().time()
        now = datetime.now(UTC)
        found = await figures.read(location_id, last_seven_days(now), now - timedelta(days=21))
        seconds = asyncio.get_running_loop().time() - began
    totals = found.totals
    print(
        json.dumps(
            [round(seconds, 1), _peak() - before, _peak(), totals.won.count, totals.lost.count, totals.open.count]
        )
    )


def _peak() -> float:
    """The most memory that this process has had, in MB. `ru_maxrss` would be the parent's, which has all the deals."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) / MIB


async def _run(given: argparse.Namespace) -> list[str]:
    highlevel = HighLevel()
    _furnish(highlevel, given.deals, random.Random(given.seed))  # noqa: S311 - not a secret
    async with served(highlevel.app()) as url:
        reader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.digest", "--read", url, highlevel.location_id),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await reader.communicate()
    seconds, grown, peak, won, lost, still_open = json.loads(out.splitlines()[-1])
    calls = len(highlevel.received) - 1  # the pipelines, before it began
    titles = ("deals", "won", "lost", "open", "calls", "seconds", "MB for the digest", "MB in all")
    counts = (f"{number:,}" for number in (given.deals, won, lost, still_open))
    for row in (titles, ["---"] * len(titles), (*counts, calls, seconds, f"{grown:.1f}", f"{peak:.1f}")):
        print(f"| {' | '.join(map(str, row))} |")
    return [
        *([f"{calls} calls"] if calls > MOST_CALLS else []),
        *([f"{grown:.1f} MB"] if grown > MOST_MEGABYTES else []),
        *(["HighLevel answered 429"] if highlevel.refused else []),
        *(["deals were miscounted"] if won + lost + still_open != given.deals else []),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what a digest costs.")
    parser.add_argument("--deals", type=int, default=DEALS)
    parser.add_argument("--seed", type=int, default=20_261_128)
    parser.add_argument("--read", nargs=2, metavar=("URL", "LOCATION"), help="for the process that is measured")
    given = parser.parse_args()
    if given.read:
        asyncio.run(_read(*given.read))
        return 0
    missed = asyncio.run(_run(given))
    print("\n".join(missed) or "Every promise was kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

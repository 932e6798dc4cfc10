"""What comes due while replicas are killed: each is told once, or once more for a kill. Exits with 1 if one is not.

`python -m benchmarks.schedule`, from the project's folder; `--only reminders` for a part.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.house import stand_ins
from tests.journeys.coming_due import COMING, EVERY_MONDAY, CameDue, ComingDue, DigestsDue
from tests.journeys.replicas import replicas
from tests.postgresql import programs, running

REMINDERS, DIGESTS, KILLS, SEED = 300, 150, 50, 20_261_128
SECONDS_BETWEEN_KILLS = (0.5, 1.5)


async def _reminders(name: str, url: str, given: argparse.Namespace) -> list[str]:
    """Two replicas, of which one is killed again and again while reminders come due."""
    chance = random.Random(f"{given.seed} {name}")  # noqa: S311 - not a secret
    with tempfile.TemporaryDirectory() as folder:
        settings = {"DATABASE_URL": url} if url else {}
        async with (
            stand_ins(Path(folder), **settings) as house,
            replicas(house.settings, Path(folder), COMING) as bots,
        ):
            came = await ComingDue(house, bots, chance, given.reminders).go(given.kills, SECONDS_BETWEEN_KILLS)
    print(f"| reminders | {name} | {_row(came)} |", flush=True)
    return [f"reminders, {name}: {each}" for each in came.broken()]


async def _digests(name: str, url: str, given: argparse.Namespace) -> list[str]:
    """The same while digests come due."""
    chance = random.Random(f"{given.seed} {name} digests")  # noqa: S311 - not a secret
    with tempfile.TemporaryDirectory() as folder:
        settings = {"DIGEST": EVERY_MONDAY} | ({"DATABASE_URL": url} if url else {})
        async with (
            stand_ins(Path(folder), **settings) as house,
            replicas(house.settings, Path(folder), COMING) as bots,
        ):
            came = await DigestsDue(house, bots, chance, given.digests).go(given.kills, SECONDS_BETWEEN_KILLS)
    print(f"| digests | {name} | {_row(came)} |", flush=True)
    return [f"digests, {name}: {each}" for each in came.broken()]


def _row(came: CameDue) -> str:
    figures = (came.due, came.closed, came.kills, came.hit, len(came.lost), len(came.of_closed), came.again)
    return " | ".join(map(str, (*figures, len(came.unexplained))))


PARTS: Mapping[str, Callable[[str, str, argparse.Namespace], Awaitable[list[str]]]] = {
    "reminders": _reminders,
    "digests": _digests,
}


async def _run(given: argparse.Namespace) -> list[str]:
    print(
        "| | two replicas, with | due | of closed deals | kills | of which hit | lost | told of a closed deal"
        " | told once more | more than a kill explains |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    missed: list[str] = []
    with ExitStack() as stack:
        databases = {"SQLite": ""}
        if where := programs():
            databases["PostgreSQL"] = stack.enter_context(running(where)).new_database()
        else:
            missed.append("PostgreSQL is not installed here")
        for part in [given.only] if given.only else PARTS:
            for name, url in databases.items():
                missed += await PARTS[part](name, url, given)
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill replicas while things come due.")
    parser.add_argument("--only", choices=sorted(PARTS), default="")
    parser.add_argument("--reminders", type=int, default=REMINDERS)
    parser.add_argument("--digests", type=int, default=DIGESTS)
    parser.add_argument("--kills", type=int, default=KILLS, help="in each of the worlds")
    parser.add_argument("--seed", type=int, default=SEED)
    missed = asyncio.run(_run(parser.parse_args()))
    print("\n".join(missed) or "Every promise was kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

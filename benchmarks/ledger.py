"""Compares a ledger of a thousand rows with one of a million, by turns. Exits with 1 if a bar is missed.

python benchmarks/ledger.py [--rows 1000000]
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import stage
import uvloop

from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.deals.deal import Status
from bot.deals.wish import Consent, Wish
from bot.storage.database import Database
from bot.storage.engine import engine
from bot.storage.history import SqlHistory
from bot.storage.ledger import SqlLedger
from bot.storage.migrations import migrate
from bot.storage.rows import iso
from bot.storage.tables import commands

FEW = 1000
TIMES = 2000
"""How often each is done in each ledger."""
BAR = 1.2
AT_ONCE = 20_000
PEOPLE, DEALS = 200, 5
"""How many people there are, and how many commands about each deal."""
OUT = stage.ROOT / "build" / "benchmarks" / "ledger.json"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Store:
    """A ledger, and how many rows it began with."""

    rows: int
    ledger: SqlLedger
    history: SqlHistory
    numbers: Iterator[int]

    async def accept(self) -> None:
        """Accept a command."""
        new = await self.ledger.accept(_entry(next(self.numbers)), within=10)
        assert new  # noqa: S101 - or nothing was measured

    async def undo(self) -> None:
        """Look for a change, and accept a command that undoes it."""
        number = next(self.numbers)
        change = await self.history.find(f"old{number % self.rows}")
        assert change  # noqa: S101 - likewise
        await self.ledger.accept(replace(_entry(number), undoes=change.key), within=10)

    async def read(self) -> None:
        """Read a person's last commands, those about a deal, and the last change that can be undone."""
        number = next(self.numbers) % self.rows
        assert await self.history.of_user(_person(number), 10)  # noqa: S101 - likewise
        assert await self.history.of_opportunity(f"deal{number // DEALS}", 10)  # noqa: S101 - likewise
        assert await self.history.last_change(_person(number))  # noqa: S101 - likewise


DOING: dict[str, Callable[[Store], Awaitable[None]]] = {
    "accept": Store.accept,
    "undo": Store.undo,
    "history": Store.read,
}


def _person(number: int) -> str:
    return f"U{number % PEOPLE:04}"


def _entry(number: int) -> Entry:
    wish = Wish(f"new{number}", Status.WON)
    return Entry(f"new{number}", f"N{number}", Caller(_person(number), stage.TEAM, stage.CHANNEL), "x won", wish, "")


def _fill(url: str, rows: int) -> None:
    """Fill a database with finished commands."""
    filling = engine(url)
    migrate(filling)
    for start in range(0, rows, AT_ONCE):
        old = [_old(number) for number in range(start, min(start + AT_ONCE, rows))]
        with filling.begin() as connection:
            connection.execute(commands.insert(), old)
    if filling.dialect.name == "postgresql":
        # As autovacuum does in a database that grows over months: the index alone then answers queries.
        with closing(filling.raw_connection()) as connection:  # in no transaction
            connection.cursor().execute("VACUUM ANALYZE commands")
    filling.dispose()


def _old(number: int) -> dict[str, str | int]:
    at = iso(FIRST + timedelta(seconds=20 * number))
    return {
        "key": f"old{number}",
        "reference": f"R{number}",
        "accepted_at": at,
        "team_id": stage.TEAM,
        "channel_id": stage.CHANNEL,
        "user_id": _person(number),
        "text": f"deal{number // DEALS} won",
        "location_id": "",
        "consent": Consent.PRESUMED.value,
        "public": 1,
        "asked_why": 0,
        "asked_privately": 0,
        "attempts": 0,
        "told_to_wait": 0,
        "opportunity_id": f"deal{number // DEALS}",
        "opportunity_name": f"Deal {number // DEALS}",
        "status": "won",
        "state": "finished",
        "before": "open",
        "after": "won",
        "outcome": "changed",
        "trace_id": "trace",
        "delivered": "response_url",
        "finished_at": at,
    }


async def _measure(few: str, many: str, rows: int) -> dict[str, dict[str, list[float]]]:
    """Measure the milliseconds that each takes, in both ledgers."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    async with AsyncExitStack() as stack:
        stores = []
        for url, size in ((few, FEW), (many, rows)):
            database = Database(url)
            stack.push_async_callback(database.close)
            stores.append(Store(size, SqlLedger(database), SqlHistory(database), count()))
        for number in range(TIMES + 20):
            for what, do in DOING.items():
                for store in stores[:: 1 if number % 2 else -1]:
                    began = time.perf_counter()
                    await do(store)
                    if number >= 20:  # before that, statements are compiled
                        found[what][str(store.rows)].append((time.perf_counter() - began) * 1000)
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    stage.end_well_when_told_to()
    stage.print_machine()
    bars, kept = {}, {}
    with tempfile.TemporaryDirectory() as folder, stage.postgresql() as cluster:
        stores = {"SQLite": (f"sqlite:///{Path(folder) / 'few.db'}", f"sqlite:///{Path(folder) / 'many.db'}")}
        if cluster:
            stores["PostgreSQL"] = (cluster.new_database(), cluster.new_database())
        bars["PostgreSQL was there"] = cluster is not None
        for name, (few, many) in stores.items():
            _fill(few, FEW)
            _fill(many, rows)
            found = uvloop.run(_measure(few, many, rows))
            kept[name] = found
            for what, took in found.items():
                small, large = took[str(FEW)], took[str(rows)]
                told = [f"p{p} {stage.percentile(small, p):.2f} and {stage.percentile(large, p):.2f}" for p in (50, 99)]
                ratio = stage.percentile(large, 99) / stage.percentile(small, 99)
                print(f"    {name}, {what}, ms with {FEW:,} and {rows:,} rows: {', '.join(told)}; p99 {ratio:.2f} x")
                bars[f"{name}, {what}: p99 at most {BAR} x that with {FEW:,} rows"] = ratio <= BAR
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(kept), encoding="utf-8")
    return stage.verdict(bars)


if __name__ == "__main__":
    sys.exit(main())

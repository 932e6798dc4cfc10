"""Lets reminders and digests come due while replicas are killed, and checks that each was told once."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import sqlalchemy as sa

from bot.access.rules import Caller
from bot.deals.deal import Target
from bot.schedule.digest.periods import WEEK, Digest, read_digest
from bot.schedule.due import Kind, Planned
from bot.schedule.worker import ScheduleTiming
from bot.simulator.slack.server import Fault
from bot.storage.engine import engine, engine_for_reading
from bot.storage.migrations import migrate
from bot.storage.schedule.queue import columns_of, planning
from bot.storage.schedule.tables import schedule
from tests.house import ANA, SALES, House
from tests.journeys.replicas import SHORT, Replica, Replicas

COMING = replace(
    SHORT, schedule=ScheduleTiming(look=0.05, first_pause=0.05, longest_pause=0.5, renew=0.25), due_lease=2.0
)
"""Waiting times for replicas that die: what is due is taken by another process after two seconds."""
EVERY_MONDAY = "mon 09:00 UTC C0DEALS"
DEALS = 1_200
"""Deals of which each digest tells: several pages."""
CLOSED = 0.1
"""The share of deals that are closed before their reminders come due."""
POSTS_TAKE = (0.0, 0.3)
"""Seconds that Slack takes for a post, so that kills fall into one."""


@dataclass
class CameDue:
    """What came due, and what was told of it."""

    due: int = 0
    closed: int = 0
    kills: int = 0
    hit: int = 0
    """Kills at which the process was working on something that was due."""
    lost: Sequence[str] = ()
    """What was not told: a digest, or a reminder of an open deal."""
    of_closed: Sequence[str] = ()
    """Reminders that were told although their deal was closed."""
    again: int = 0
    """Messages beyond the first, of what a killed process had posted and not noted yet."""
    unexplained: Sequence[str] = ()
    """What was told more often than once and once more for each kill of a process which had them."""
    unfinished: int = 0

    def broken(self) -> list[str]:
        """The promises that were broken."""
        faults = {
            "lost": self.lost,
            "told of a closed deal": self.of_closed,
            "told again without a kill that explains it": self.unexplained,
        }
        found = [f"{name}: {len(some)}, such as {', '.join(some[:5])}" for name, some in faults.items() if some]
        return [*found, *([f"unfinished: {self.unfinished}"] if self.unfinished else [])]


@dataclass
class ComingDue:
    """The stand-ins, two replicas, and what comes due."""

    house: House
    bots: Replicas
    chance: random.Random
    many: int
    came: CameDue = field(default_factory=CameDue)
    living: list[Replica] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)
    """By how many kills a process was hit that had it."""
    owners: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    """The processes that had something, at each look."""

    async def go(self, kills: int, seconds_between_kills: tuple[float, float]) -> CameDue:
        """Let reminders come due while processes are killed; returns what became of them."""
        self.house.highlevel.burst_limit = self.house.highlevel.daily_limit = 10**9
        seconds = kills * sum(seconds_between_kills) / 2
        due, closed = self._furnish()
        for _ in range(20 * self.many):
            self.house.slack.misbehave(Fault("chat.postMessage", wait=self.chance.uniform(*POSTS_TAKE)))
        self.living = [await self.bots.start() for _ in range(2)]
        await asyncio.to_thread(self.plan, due, seconds)
        killed = [time.monotonic()]
        watching = asyncio.create_task(self._watch())
        for _ in range(kills):
            await asyncio.sleep(self.chance.uniform(*seconds_between_kills))
            killed.append(await self._kill(self.chance.randrange(2)))
        await self._settled(set(due))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        self._blame(killed[1:])
        return self._account(due, closed)

    def _furnish(self) -> tuple[Sequence[str], set[str]]:
        """Make the deals; returns the keys of what is to come due, and of those of which nothing is to be told."""
        deals = [f"due{number:017}" for number in range(self.many)]
        closed = set(self.chance.sample(deals, round(self.many * CLOSED)))
        for deal in deals:
            self.house.highlevel.add_opportunity(deal, name=deal, status="lost" if deal in closed else "open")
        return deals, closed

    def _planned(self, key: str, due: datetime) -> Planned:
        return Planned(key, Kind.REMINDER, due, Caller(ANA, "T0SIMULATED", SALES), Target(key), key)

    def _messages(self, key: str) -> int:
        """How many messages tell of it."""
        return sum(key in each.text for each in self.house.slack.shown if each.channel == ANA)

    def plan(self, keys: Sequence[str], seconds: float) -> None:
        """Write down what is to come due, each at some moment of these seconds."""
        opened = engine(self.house.settings.database_url)
        migrate(opened)
        insert = planning(opened.dialect.name)
        begins = time.time() + 0.5
        with opened.begin() as connection:
            for key in keys:
                due = datetime.fromtimestamp(begins + self.chance.uniform(0, seconds), UTC)
                connection.execute(insert, columns_of(self._planned(key, due)))
        opened.dispose()

    async def _kill(self, place: int) -> float:
        self.living[place].kill()
        await self.living[place].ended()
        self.came.kills += 1
        killed = time.monotonic()
        self.living[place] = await self.bots.start()
        return killed

    async def _watch(self) -> None:
        """Look again and again which process has what."""
        while True:
            self.owners.append((time.monotonic(), await asyncio.to_thread(self._owned)))
            await asyncio.sleep(0.02)

    def _owned(self) -> dict[str, str]:
        return {row["key"]: row["owner"] for row in self._rows() if row["owner"]}

    def _rows(self) -> list[sa.RowMapping]:
        opened = engine_for_reading(self.house.settings.database_url)
        try:
            with opened.connect() as connection:
                return list(connection.execute(sa.select(schedule)).mappings())
        finally:
            opened.dispose()

    async def _settled(self, keys: set[str], seconds: float = 60.0) -> None:
        """Wait until none of these is unfinished, or for so long without any progress."""
        left, since = self.many, 0.0
        while left and since < seconds:
            await asyncio.sleep(0.2)
            rows = await asyncio.to_thread(self._rows)
            now = sum(row["state"] != "finished" for row in rows if row["key"] in keys)
            left, since = now, (since + 0.2 if now >= left else 0.0)
        self.came.unfinished = left

    def _blame(self, killed: Sequence[float]) -> None:
        """Find out what each kill hit: a process that was killed takes on nothing more."""
        begins: dict[tuple[str, str], float] = {}
        """When each process was first seen to have each thing."""
        for at, owned in self.owners:
            for key, owner in owned.items():
                begins.setdefault((owner, key), at)
        last = {owner: max(at for (each, _), at in begins.items() if each == owner) for owner, _ in begins}
        for kill in killed:
            before = next((owned for at, owned in reversed(self.owners) if at <= kill), {})
            seen, after = next(((at, owned) for at, owned in self.owners if at > kill), (kill, {}))
            hit = {key for key, owner in (before | after).items() if last[owner] <= seen}
            self.came.hit += bool(hit)
            self.hits.update(hit)

    def _account(self, due: Sequence[str], closed: set[str]) -> CameDue:
        told = Counter({key: self._messages(key) for key in due})
        self.came.due, self.came.closed = len(due), len(closed)
        self.came.lost = [key for key in due if key not in closed and not told[key]]
        self.came.of_closed = [key for key in closed if told[key]]
        self.came.again = sum(max(0, many - 1) for many in told.values())
        self.came.unexplained = [key for key, many in told.items() if many > 1 + self.hits[key]]
        return self.came


@dataclass
class DigestsDue(ComingDue):
    """The same with digests: those of earlier weeks, which all come due now. The bot's `DIGEST` is `EVERY_MONDAY`."""

    digest: Digest = field(default_factory=lambda: read_digest(EVERY_MONDAY))

    def _furnish(self) -> tuple[Sequence[str], set[str]]:
        for number in range(DEALS):
            self.house.highlevel.add_opportunity(f"deal{number}", monetaryValue=number)
        monday = date(2026, 1, 5)
        return [self.digest.key(monday - number * WEEK) for number in range(self.many)], set()

    def _planned(self, key: str, due: datetime) -> Planned:
        return Planned(key, Kind.DIGEST, due, Caller("", "", self.digest.channel_id))

    def _messages(self, key: str) -> int:
        day = self.digest.day_of(key)
        assert day is not None
        ends = f"to <!date^{round(self.digest.due_on(day).timestamp())}^"
        return sum(ends in each.text for each in self.house.slack.shown if each.channel == self.digest.channel_id)

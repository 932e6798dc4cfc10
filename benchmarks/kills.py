"""Kills and freezes processes at random for minutes while commands stream in. Exits with 1 if a promise is broken.

Exit code 1 if a promise is broken. `python -m benchmarks.kills`, from the project's folder: it shares the replicas and
the bookkeeping with the tests. A freeze lasts as much longer than a lease as 35 to 60 seconds than the 30 of a deployed
bot. With `--lease 30` they are those seconds.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack import server as slack
from bot.simulator.slack.workspace import Shown, button
from bot.storage.engine import engine_for_reading
from bot.wiring.tempo import Tempo
from tests.house import ANA, DEAL, SALES, House, stand_ins
from tests.journeys.promises import Account, Row, account, all_finished, rows, unfinished
from tests.journeys.replicas import LEASE, SHORT, Replica, Replicas, replicas
from tests.postgresql import programs, running

KILLS, FREEZES, SEED = 55, 0, 20_261_125
FROZEN_FOR = (35 / 30, 60 / 30)
"""Leases that a freeze lasts."""
PER_SECOND = 8.0
"""Commands. Two replicas that die every second carry out so many on two cores, so that no backlog hides a kill."""
SECONDS_BETWEEN_KILLS = (0.3, 3.0)
NEIGHBOURS_TAKE = (0.01, 0.05)
"""Seconds that HighLevel or Slack takes to answer."""
PEOPLE = [f"U0REP{number:03}" for number in range(200)]
HANDFUL = [f"oftenQ7xQ7xQ7x{number:06}" for number in range(5)]
MANY = [f"seldomQ7xQ7xQ7x{number:05}" for number in range(500)]
STATUSES = ("open", "won", "lost", "abandoned")
UNDONE = 0.05
"""The share of commands that undo a change."""
SETTLED_WITHIN = 60.0
PROGRESS = 20
"""Kills and freezes from one line of progress to the next."""
AT_MOST = 180.0
"""Seconds for one of the worlds, besides 4 for each kill, and 4 and three leases for each freeze."""
TAKEOVER_BAR = 30.0
NOTHING_HIT = "none of its commands"


@dataclass
class Happened:
    """The record of one world."""

    name: str
    lease: float
    kills: int = 0
    freezes: int = 0
    acknowledged: list[str] = field(default_factory=list)
    unacknowledged: int = 0
    hit: Counter[str] = field(default_factory=Counter)
    """How many kills hit a command, by its key or reference."""
    replying: Counter[str] = field(default_factory=Counter)
    """How many freezes fell while a command was answered, so that its reply may have left before, likewise."""
    stalled: Counter[str] = field(default_factory=Counter)
    """How often a command was taken over from a replica that was neither killed nor frozen: the machine was too busy to
    let it renew its lease, which is a freeze by another hand. Likewise by key or reference."""
    frozen: Counter[str] = field(default_factory=Counter)
    """States of the commands that a freeze hit."""
    states: Counter[str] = field(default_factory=Counter)
    """How many commands a kill hit in each state."""
    takeovers: list[float] = field(default_factory=list)
    """Seconds from a kill until a command that it hit had another owner."""
    parked: int = 0
    given: Account | None = None

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        if self.given is None:
            return ["it did not come to an end"]
        explained = self.hit + self.replying + self.stalled
        too_many = {key: more for key, more in self.given.extra.items() if more > explained[key]}
        broken = self.given.broken(self.kills + self.freezes)
        return [
            *broken,
            *(
                [f"replies that nothing explains: {len(too_many)}, such as {dict(islice(too_many.items(), 5))}"]
                if too_many
                else []
            ),
        ]

    @property
    def extra(self) -> tuple[int, int, int, int]:
        """Replies beyond the first: after kills, freezes while the reply was on its way, stalls, and all others."""
        kills = replying = stalled = others = 0
        for key, more in (self.given.extra if self.given else {}).items():
            of_kills = min(more, self.hit[key])
            of_freezes = min(more - of_kills, self.replying[key])
            of_stalls = min(more - of_kills - of_freezes, self.stalled[key])
            kills, replying, stalled = kills + of_kills, replying + of_freezes, stalled + of_stalls
            others += more - of_kills - of_freezes - of_stalls
        return kills, replying, stalled, others


@dataclass
class World:
    """The stand-ins, the replicas, and the record of what happens."""

    house: House
    bots: Replicas
    chance: random.Random
    happened: Happened
    database: sa.Engine
    """For looking at the ledger many times a second; each look reads only what is not finished."""
    living: list[Replica]
    sent: dict[str, Replica] = field(default_factory=dict)
    owners: dict[str, Replica] = field(default_factory=dict)
    """The replica behind each owner in the ledger."""
    struck: Replica | None = None
    """The replica that was killed or frozen last: it loses commands for that reason."""
    watching: list[asyncio.Task[None]] = field(default_factory=list)
    sending: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The address of the database."""
        return self.house.settings.database_url

    async def go(self, kills: int, freezes: int) -> None:
        """Kill and freeze so many replicas while commands come, and see what became of the commands."""
        count = len(self.living)
        stream = asyncio.create_task(self._stream())
        learning = asyncio.create_task(self._learn_owners())
        strikes = [self._kill] * kills + [self._freeze] * (freezes if count > 1 else 0)
        self.chance.shuffle(strikes)
        for number, strike in enumerate(strikes, 1):
            await asyncio.sleep(self.chance.uniform(*SECONDS_BETWEEN_KILLS))
            await strike(self.chance.randrange(count))
            if number % PROGRESS == 0:
                print(f"{self.happened.name}: {number} of {len(strikes)}", file=sys.stderr, flush=True)
        await asyncio.sleep(1.0)
        stream.cancel()
        learning.cancel()
        await asyncio.gather(stream, learning, *self.sending, return_exceptions=True)
        await asyncio.gather(*self.watching)
        found = await all_finished(self.url, SETTLED_WITHIN + 2 * self.happened.lease)
        self.happened.parked = sum(row["outcome"] == "parked" for row in found)
        by_reference = {row["reference"]: row["key"] for row in found}
        for counted in (self.happened.hit, self.happened.replying, self.happened.stalled):
            counted.update({reference: counted[key] for reference, key in by_reference.items()})
        # A press of a button was acknowledged as well: every row counts.
        acknowledged = {*self.happened.acknowledged, *(row["key"] for row in found)}
        self.happened.given = account(self.house.slack, self.house.highlevel, found, acknowledged)

    # --- what people do ---------------------------------------------------------------------------------------------

    async def _stream(self) -> None:
        number = 0
        while True:
            if number % 100 == 0:
                self._slow_down()
            number += 1
            task = asyncio.create_task(self._one(f"{self.happened.name} {number}"))
            self.sending.add(task)
            task.add_done_callback(self.sending.discard)
            await asyncio.sleep(self.chance.expovariate(PER_SECOND))

    def _slow_down(self) -> None:
        """Let each answer to the next hundred commands, and some more, take a random time."""
        self.house.highlevel.behave()
        for _ in range(1000):
            self.house.highlevel.misbehave(Fault(wait=self.chance.uniform(*NEIGHBOURS_TAKE)), path="/opportunities/")
        for _ in range(200):
            for where in ("chat.postMessage", "chat.update", "response_url"):
                self.house.slack.misbehave(slack.Fault(where, wait=self.chance.uniform(*NEIGHBOURS_TAKE)))

    async def _one(self, key: str) -> None:
        person, chance = self.chance.choice(PEOPLE), self.chance
        self.house.slack.bot_url = self._to(key)
        if chance.random() < UNDONE and (pressed := self._with_a_button()):
            await self.house.slack.press(pressed, button(pressed, "undo"), user=person)
            return
        deal = chance.choice(HANDFUL) if chance.random() < 0.4 else chance.choice(MANY)
        text = "undo" if chance.random() < UNDONE else f"{deal} {chance.choice(STATUSES)}"
        answer = await self.house.slack.command(text, user=person, channel=SALES, trigger_id=key)
        if answer is not None and answer.status_code == 200 and not answer.content:
            self.happened.acknowledged.append(key)
        else:
            self.happened.unacknowledged += 1

    def _to(self, key: str) -> str:
        self.sent[key] = self.chance.choice(self.living)
        return self.sent[key].url

    def _with_a_button(self) -> Shown | None:
        seen = [shown for shown in self.house.slack.shown[-50:] if "Undo" in str(shown.blocks)]
        return self.chance.choice(seen) if seen else None

    # --- what happens to the replicas -------------------------------------------------------------------------------

    async def _kill(self, place: int) -> None:
        self.struck = victim = self.living[place]
        killed = time.monotonic()
        victim.kill()
        await victim.ended()
        self.happened.kills += 1
        hit = await self._of(victim)
        self.happened.states.update([row["state"] for row in hit] or [NOTHING_HIT])
        self.happened.hit.update(row["key"] for row in hit)
        self.watching.append(asyncio.create_task(self._watch_takeovers(hit, killed)))
        self.living[place] = await self.bots.start()

    async def _freeze(self, place: int) -> None:
        """Suspend a replica for longer than its lease; people whose commands it gets meanwhile may see an error."""
        self.struck = victim = self.living[place]
        victim.freeze()
        await victim.frozen()
        self.happened.freezes += 1
        hit = await self._of(victim)
        self.happened.frozen.update([row["state"] for row in hit] or [NOTHING_HIT])
        self.happened.replying.update(row["key"] for row in hit if row["state"] == "answered")
        await asyncio.sleep(self.chance.uniform(*FROZEN_FOR) * self.happened.lease)
        victim.thaw()

    async def _of(self, replica: Replica) -> Sequence[Row]:
        """The unfinished commands of this replica: all that belong to no other one, if that is known."""
        known = {owner: each for owner, each in self.owners.items() if each in self.living}
        others = {owner for owner, each in known.items() if each is not replica}
        if len(set(known.values()) - {replica}) == len(self.living) - 1:
            return [row for row in await self._unfinished() if row["owner"] and row["owner"] not in others]
        return [row for row in await self._unfinished() if known.get(row["owner"]) is replica]

    async def _learn_owners(self) -> None:
        """Learn which replica is which owner in the ledger: a living one owns the commands that were sent to it.

        Note too which commands a living replica lost to another one.
        """
        before: dict[str, str] = {}
        while True:
            found = {row["key"]: row["owner"] for row in await self._unfinished() if row["owner"]}
            for key, owner in found.items():
                if (sent_to := self.sent.get(key)) in self.living:
                    self.owners.setdefault(owner, sent_to)
                loser = self.owners.get(before.get(key, owner)) if before.get(key, owner) != owner else None
                if loser in self.living and loser is not self.struck:
                    self.happened.stalled[key] += 1
            before = found
            await asyncio.sleep(0.05)

    async def _unfinished(self) -> Sequence[Row]:
        return await asyncio.to_thread(unfinished, self.database)

    async def _watch_takeovers(self, hit: Sequence[Row], killed: float) -> None:
        """Note when each command gets another owner; a command without an owner was finished by one."""
        left = {row["key"]: row["owner"] for row in hit}
        while left and time.monotonic() - killed < SETTLED_WITHIN + 2 * self.happened.lease:
            await asyncio.sleep(0.03)
            now = {row["key"]: row["owner"] for row in await self._unfinished()}
            for key in [key for key, owner in left.items() if now.get(key) != owner]:
                self.happened.takeovers.append(time.monotonic() - killed)
                del left[key]


async def _world(name: str, url: str, count: int, given: argparse.Namespace) -> Happened:
    happened, chance = Happened(name, given.lease), random.Random(f"{given.seed} {name}")  # noqa: S311
    at_most = AT_MOST + 4 * given.kills + (4 + 3 * given.lease) * given.freezes
    with tempfile.TemporaryDirectory() as folder:
        async with (
            stand_ins(Path(folder), DATABASE_URL=url, ALLOWED_USERS=",".join(PEOPLE), CONFIRM="never") as house,
            replicas(house.settings, Path(folder), _tempo(given.lease)) as bots,
        ):
            house.slack.acknowledge_within = 3.0
            house.highlevel.burst_limit = house.highlevel.daily_limit = 10**9
            for deal in (*HANDFUL, *MANY):
                house.highlevel.add_opportunity(deal)
            living = [await bots.start() for _ in range(count)]
            database = engine_for_reading(url)
            try:
                with suppress(TimeoutError):  # a report without its promises says so
                    async with asyncio.timeout(at_most):
                        world = World(house, bots, chance, happened, database, living)
                        await world.go(given.kills, given.freezes)
            finally:
                database.dispose()
    return happened


def _tempo(lease: float) -> Tempo:
    """The tests' waiting times; with a longer lease, what goes by it is longer too."""
    renew = SHORT.worker.renew * lease / LEASE
    return replace(SHORT, lease=lease, connection_lease=lease, worker=replace(SHORT.worker, renew=min(renew, 5.0)))


async def _with_the_default_lease(url: str) -> float:
    """Kill a replica at its first request to HighLevel; returns the seconds until another takes over."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            stand_ins(Path(folder), DATABASE_URL=url, CONFIRM="never") as house,
            replicas(house.settings, Path(folder), Tempo()) as bots,
        ):
            victim, _ = await bots.start(), await bots.start()
            house.highlevel.misbehave(Fault(hangs=True, then=victim.kill), path=DEAL)
            house.slack.bot_url = victim.url
            await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
            await victim.ended()
            killed, (row,) = time.monotonic(), rows(url)
            while rows(url)[0]["owner"] == row["owner"]:  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.05)
            return time.monotonic() - killed


# --- the report -----------------------------------------------------------------------------------------------------


def _table(worlds: Sequence[Happened]) -> Iterator[str]:
    lines: dict[str, list[str]] = {
        "kills": [str(each.kills) for each in worlds],
        "freezes": [str(each.freezes) for each in worlds],
        "commands acknowledged": [f"{len(each.acknowledged):,}" for each in worlds],
        "not acknowledged: no process there, or answered at once": [f"{each.unacknowledged:,}" for each in worlds],
        "acknowledged and lost": [str(len(each.given.lost)) if each.given else "?" for each in worlds],
        "changed again after a success": [str(len(each.given.repeated)) if each.given else "?" for each in worlds],
        "changes": [f"{each.given.written:,}" if each.given else "?" for each in worlds],
        "changes that no command accounts for": [
            str(max(0, each.given.unaccounted)) if each.given else "?" for each in worlds
        ],
        "replies beyond the first, after kills": [_extra(each) for each in worlds],
        "… after freezes while the reply was on its way": [str(each.extra[1]) for each in worlds],
        "… after stalls of a busy machine": [str(each.extra[2]) for each in worlds],
        "… all others": [str(each.extra[3]) for each in worlds],
        "replies that contradict each other": [
            str(len(each.given.contradicting)) if each.given else "?" for each in worlds
        ],
        f"takeover, s (lease {worlds[0].lease} s): p50 / p95 / max": [_takeover(each) for each in worlds],
        **{
            f"hit while {state}": [str(each.states[state]) for each in worlds]
            for state in ("accepted", "running", "intended", "answered")
        },
        "kills that hit nothing": [str(each.states[NOTHING_HIT]) for each in worlds],
        **{
            f"frozen while {state}": [str(each.frozen[state]) for each in worlds]
            for state in ("accepted", "running", "intended", "answered")
        },
        "taken over from a replica that stood still on a busy machine": [str(each.stalled.total()) for each in worlds],
        "given up after five deaths": [str(each.parked) for each in worlds],
    }
    yield "| | " + " | ".join(each.name for each in worlds) + " |"
    yield "|---|" + "---|" * len(worlds)
    for name, cells in lines.items():
        yield f"| {name} | " + " | ".join(cells) + " |"


def _extra(happened: Happened) -> str:
    if happened.given is None:
        return "?"
    extra, *_ = happened.extra
    return f"{extra} ({extra / max(1, happened.kills):.2f} a kill)"


def _takeover(happened: Happened) -> str:
    if len(happened.takeovers) < 2:
        return "?"
    quantiles = statistics.quantiles(happened.takeovers, n=100, method="inclusive")
    return f"{quantiles[49]:.2f} / {quantiles[94]:.2f} / {max(happened.takeovers):.2f}"


def _replicas(count: int) -> str:
    return "one replica" if count == 1 else f"{count} replicas"


@contextmanager
def _databases() -> Iterator[list[tuple[str, str, int]]]:
    """Yield the worlds: their names, the addresses of their databases, and their numbers of replicas."""
    where = programs()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        worlds = [(f"SQLite, {_replicas(count)}", f"sqlite:///{folder / f'{count}.db'}", count) for count in (1, 2)]
        if where is None:
            print("PostgreSQL is not installed here: only SQLite.")
        else:
            cluster = stack.enter_context(running(where))
            worlds += [(f"PostgreSQL, {_replicas(count)}", cluster.new_database(), count) for count in (1, 2)]
        yield worlds


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Kill and freeze the bot at random, and see whether it keeps its promises."
    )
    parser.add_argument("--kills", type=int, default=KILLS, help="in each of the worlds")
    parser.add_argument("--freezes", type=int, default=FREEZES, help="in each of the worlds with two replicas")
    parser.add_argument("--lease", type=float, default=LEASE, help="seconds; a freeze lasts 1.2 to 2 leases")
    parser.add_argument("--world", default="", help="only the worlds whose names contain this")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    began = time.monotonic()
    with _databases() as worlds, tempfile.TemporaryDirectory() as folder:
        results = []
        for name, url, count in worlds:
            if given.world not in name:
                continue
            results.append(asyncio.run(_world(name, url, count, given)))
            print(f"{name}: {'; '.join(results[-1].broken()) or 'every promise was kept'}", flush=True)
        default = asyncio.run(_with_the_default_lease(f"sqlite:///{Path(folder) / 'default.db'}"))
    print(f"\n{_tempo(given.lease).worker}\nseed {given.seed}, {time.monotonic() - began:.0f} s\n")
    print("\n".join(_table(results)))
    print(f"\nWith the default lease, another replica took over {default:.1f} s after the kill.")
    return 1 if any(each.broken() for each in results) or default > TAKEOVER_BAR else 0


if __name__ == "__main__":
    sys.exit(main())

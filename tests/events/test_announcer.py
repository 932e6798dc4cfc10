# ruff: noqa: ARG002 - as the ports want it

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from bot.commands.instrumentation import Instrumentation
from bot.commands.reply import Message
from bot.deals.deal import Status
from bot.deals.ports import StoreDown
from bot.events.announcer import Announcer
from bot.events.event import Verdict
from bot.events.ports import EventWords, Released
from bot.events.posting import Channel, Crowd, Held, Plan, Why
from bot.events.watch import Watch
from bot.events.worker import EventTiming

pytestmark = pytest.mark.jumping_clock

TIMING = EventTiming()


@dataclass
class _World(Instrumentation):
    """The ports of the announcer."""

    results: list[tuple[list[Released], float] | Exception] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    posting: int = 0
    verdicts: list[tuple[str, float | None]] = field(default_factory=list)

    async def release(
        self, pause: Callable[[Crowd], float], decide: Callable[[Channel], Plan], words: EventWords
    ) -> tuple[Sequence[Released], float]:
        assert words is self
        assert pause(Crowd(now=9.0, held=1, oldest=1.0, newest=1.0)) == 0.0
        assert decide(Channel(now=9.0, held=())) == Plan()
        self.looks.append(asyncio.get_running_loop().time())
        result = self.results.pop(0) if self.results else ([], math.inf)
        if isinstance(result, Exception):
            raise result
        return result

    def changed(self, held: Held, reference: str) -> Message:
        return Message("", (), public=True)

    def again(self, held: Held, reference: str, thread_ts: str) -> Message:
        return Message("", (), public=True)

    def many(self, held: Sequence[Held], why: Why, reference: str) -> Message:
        return Message("", (), public=True)

    def post(self) -> None:
        self.posting += 1

    def judged(self, verdict: str, seconds: float | None = None) -> None:
        self.verdicts.append((verdict, seconds))


async def _announce(world: _World, seconds: float, wake_after: float | None = None) -> list[float]:
    """Let it work; returns the times between its looks."""
    watch = Watch(channels={Status.WON: "C0WINS"}, statuses=frozenset({Status.WON}))
    announcer = Announcer(world, world, watch, world.post, world, TIMING)
    tending = asyncio.create_task(announcer.tend())
    if wake_after:
        asyncio.get_running_loop().call_later(wake_after, announcer.wake)
    await asyncio.sleep(seconds)
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    return [round(after - before, 3) for before, after in zip(world.looks, world.looks[1:], strict=False)]


async def test_what_is_on_its_way_is_handed_to_the_worker_and_counted() -> None:
    world = _World([([Released(Verdict.ANNOUNCED, 0.7), Released(Verdict.SUPERSEDED, 9.0)], math.inf)])
    await _announce(world, 0.5)

    assert world.posting == 1
    assert world.verdicts == [("announced", 0.7), ("superseded", None)]


async def test_what_is_only_dropped_wakes_no_worker() -> None:
    world = _World([([Released(Verdict.MUTED)], math.inf)])
    await _announce(world, 0.5)

    assert world.posting == 0


async def test_it_looks_again_when_something_may_be_due() -> None:
    world = _World([([], 0.2), ([], 0.0), ([], 30.0)])

    assert await _announce(world, 1.5) == [0.2, 0.05, TIMING.look]


async def test_it_looks_at_once_when_it_is_woken() -> None:
    assert (await _announce(_World(), 0.9, wake_after=0.3))[0] == 0.3


@pytest.mark.parametrize("trouble", [StoreDown(), RuntimeError("a bug")])
async def test_after_a_failure_it_looks_again(trouble: Exception) -> None:
    world = _World([trouble, ([Released(Verdict.ANNOUNCED)], math.inf)])
    await _announce(world, 2.5)

    assert world.posting == 1

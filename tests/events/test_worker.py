# ruff: noqa: ARG002 - as the ports want it

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.commands.instrumentation import Instrumentation
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError, StoreDown
from bot.events.event import Kind, Known, Settled, Source, Taken, Verdict
from bot.events.ports import Decide
from bot.events.watch import Watch
from bot.events.worker import GIVE_UP, LONGEST_PAUSE, EventTiming, EventWorker

pytestmark = pytest.mark.jumping_clock

WATCH = Watch(channels={Status.WON: "C0WINS"}, statuses=frozenset({Status.WON}))
TIMING = EventTiming()


def _taken(deal: str = "deal", *, location: str = "L", age: float = 0.0, attempts: int = 0) -> Taken:
    return Taken((1,), Kind.CHANGED, Source.WEBHOOK, location, deal, age, attempts, 0)


@dataclass
class _World(Instrumentation):
    """The ports of the worker: an inbox, and the deals of HighLevel."""

    waiting: list[Taken] = field(default_factory=list)
    answers: list[Settled] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)
    deal: Opportunity | None = field(default_factory=lambda: Opportunity("deal", "won"))
    full: set[str] = field(default_factory=set)
    down: bool = False
    slow: float = 0.0
    asked: list[list[str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    done: list[tuple[str, object]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    settled: int = 0

    async def take(self, locations: Collection[str], most: int) -> Sequence[Taken]:
        if self.down:
            raise StoreDown
        self.asked.append(sorted(locations))
        taken = [each for each in self.waiting if each.location_id in locations][:most]
        self.waiting = [each for each in self.waiting if each not in taken]
        return taken

    async def settle(self, taken: Taken, deal: Opportunity, decide: Decide) -> tuple[Settled, Verdict | None]:
        answer = self.answers.pop(0) if self.answers else Settled.DONE
        if answer is not Settled.DONE:
            return answer, None
        decision = decide(Known("open", None, None), False, datetime(2026, 11, 28, tzinfo=UTC))
        self.done.append((taken.opportunity_id, decision.verdict))
        return Settled.DONE, decision.verdict

    async def dismiss(self, taken: Taken, verdict: Verdict) -> None:
        self.done.append((taken.opportunity_id, verdict))

    async def set_back(self, taken: Taken, seconds: float, *, failed: bool) -> None:
        self.done.append((taken.opportunity_id, (seconds, failed)))

    async def give_back(self) -> None: ...

    def has_room(self, location_id: str) -> bool:
        return location_id not in self.full

    async def read(self, location_id: str, opportunity_id: str) -> Opportunity | None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.slow)
        self.at_once -= 1
        if self.troubles:
            raise self.troubles.pop(0)
        return self.deal

    async def changed(self, location_id: str, since: datetime | None, page: int) -> Sequence[Opportunity]:
        return []

    def judged(self, verdict: str, seconds: float | None = None) -> None:
        assert seconds is None
        self.verdicts.append(verdict)

    def to_post(self) -> None:
        self.settled += 1


@asynccontextmanager
async def _working(world: _World, *locations: str) -> AsyncIterator[EventWorker]:
    worker = EventWorker(
        inbox=world,
        deals=world,
        locations=locations or ("L",),
        watch=WATCH,
        settled=world.to_post,
        instrumentation=world,
        timing=TIMING,
    )
    tending = asyncio.create_task(worker.tend())
    try:
        yield worker
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)


def _crm_error(retry_after: float | None = None) -> CrmError:
    return CrmError(Trouble(Cause.SERVER_ERROR, retry_after=retry_after), perhaps_done=False, answered=True)


async def test_news_wake_the_announcer_and_other_verdicts_are_counted() -> None:
    world = _World(waiting=[_taken()])
    async with _working(world):
        await asyncio.sleep(0.1)
        world.deal = Opportunity("deal", "open")
        world.waiting = [_taken()]
        await asyncio.sleep(2 * TIMING.look)

    assert (world.settled, world.verdicts) == (1, ["unchanged"])


async def test_an_event_is_read_at_once_when_the_worker_is_woken() -> None:
    world = _World()
    async with _working(world) as worker:
        await asyncio.sleep(TIMING.look / 2)
        world.waiting = [_taken()]
        worker.wake()
        await asyncio.sleep(TIMING.look / 4)

        assert world.settled == 1


@pytest.mark.parametrize(
    ("settled", "done"),
    [(Settled.BUSY, [("deal", (0.5, False))]), (Settled.MOVED, [("deal", (0.0, False))]), (Settled.LOST, [])],
)
async def test_what_cannot_be_settled_now_is_set_back_and_what_another_process_has_is_left(
    settled: Settled, done: list[object]
) -> None:
    world = _World(waiting=[_taken()], answers=[settled])
    async with _working(world):
        await asyncio.sleep(0.1)

    assert (world.done, world.settled, world.verdicts) == (done, 0, [])


async def test_a_deal_that_is_not_there_is_dismissed() -> None:
    world = _World(waiting=[_taken()], deal=None)
    async with _working(world):
        await asyncio.sleep(0.1)

    assert (world.done, world.verdicts) == ([("deal", Verdict.GONE)], ["gone"])


@pytest.mark.parametrize(
    ("attempts", "retry_after", "pause"), [(0, None, 1.0), (3, None, 8.0), (20, None, LONGEST_PAUSE), (0, 20.0, 20.0)]
)
async def test_a_deal_that_cannot_be_read_is_tried_later_and_later(
    attempts: int, retry_after: float | None, pause: float
) -> None:
    world = _World(waiting=[_taken(attempts=attempts)], troubles=[_crm_error(retry_after)])
    async with _working(world):
        await asyncio.sleep(0.1)

    assert world.done == [("deal", (pause, True))]


async def test_an_error_inside_the_bot_is_logged_and_the_deal_is_tried_later() -> None:
    world = _World(waiting=[_taken()], troubles=[RuntimeError("a bug")])
    async with _working(world):
        await asyncio.sleep(0.1)

    assert world.done == [("deal", (1.0, True))]


async def test_after_a_day_a_deal_that_cannot_be_read_is_given_up() -> None:
    world = _World(waiting=[_taken(age=GIVE_UP + 1)], troubles=[_crm_error()])
    async with _working(world):
        await asyncio.sleep(0.1)

    assert (world.done, world.verdicts) == ([("deal", Verdict.UNREAD)], ["unread"])


async def test_a_database_that_is_away_is_asked_again() -> None:
    world = _World(waiting=[_taken()], down=True)
    async with _working(world):
        await asyncio.sleep(3.0)
        world.down = False
        world.troubles = [StoreDown()]
        await asyncio.sleep(3.0)
        world.waiting = [_taken()]
        await asyncio.sleep(3.0)

    assert world.settled == 1


async def test_a_few_deals_are_read_at_once_in_each_sub_account() -> None:
    world = _World(waiting=[_taken(str(number)) for number in range(20)], slow=1.0)
    async with _working(world):
        await asyncio.sleep(30)

    assert world.settled == 20
    assert 4 <= world.most_at_once <= 7


async def test_a_sub_account_without_room_is_left_out_and_holds_up_no_other() -> None:
    world = _World(waiting=[_taken("a", location="A"), _taken("b", location="B")], full={"A"})
    async with _working(world, "A", "B"):
        await asyncio.sleep(3.0)
        assert [deal for deal, _ in world.done] == ["b"]
        world.full = {"A", "B"}
        await asyncio.sleep(3.0)
        world.full = set()
        await asyncio.sleep(TIMING.room * 2)

    assert [deal for deal, _ in world.done] == ["b", "a"]

# ruff: noqa: ARG002 - as the ports want it

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from bot.access.rules import Caller
from bot.commands.instrumentation import Instrumentation
from bot.commands.outbox import Outbox
from bot.commands.reply import Address, Delivery, DeliveryWay, Message, NotYet, StillOurs
from bot.commands.tasks import Tasks
from bot.deals.ports import LeaseLost, StoreDown
from bot.schedule.due import Due, Ending, Kind, NotNow, Planned, Posting
from bot.schedule.worker import AT_ONCE, MOST_ATTEMPTS, ScheduleTiming, ScheduleWorker
from tests.memory import messages

pytestmark = pytest.mark.jumping_clock

TIMING = ScheduleTiming()
NEWS = Message("It is time.", (), public=True)
POSTING = Posting(NEWS, "U0ANA", "kept")


def _due(key: str = "key", *, attempts: int = 0) -> Due:
    planned = Planned(key, Kind.REMINDER, datetime(2026, 11, 28, 9, tzinfo=UTC), Caller("U0ANA", "T1", "C1"))
    return Due(planned, 1.0, attempts)


@dataclass
class _World(Instrumentation):
    """The ports of the worker: a schedule, a duty and the mail. The last of `answers` and `deliveries` is repeated."""

    waiting: list[Due] = field(default_factory=list)
    answers: list[Posting | Ending | Exception] = field(default_factory=lambda: [POSTING])
    deliveries: list[Delivery | NotYet] = field(default_factory=lambda: [Delivery(DeliveryWay.CHANNEL, "1.2")])
    slow: float = 0.0
    lost: bool = False
    down: bool = False
    taken: list[int] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    done: list[tuple[str, object]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    counted: list[tuple[str, str]] = field(default_factory=list)
    kind: Kind = Kind.REMINDER
    renewals: int = 0
    slow_post: float = 0.0

    async def take(self, kinds: Collection[Kind], most: int) -> Sequence[Due]:
        assert list(kinds) == [Kind.REMINDER]
        self.taken.append(most)
        if self.down:
            raise StoreDown
        found, self.waiting = self.waiting[:most], self.waiting[most:]
        return found

    async def prepare(self, due: Due) -> Posting | Ending:
        await asyncio.sleep(self.slow)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
        await still_ours()
        await asyncio.sleep(self.slow_post)
        delivery = self.deliveries.pop(0) if len(self.deliveries) > 1 else self.deliveries[0]
        if isinstance(delivery, Delivery):
            self.posted.append(channel_id)
        return delivery

    def expect(self) -> None:
        """See `Mail`."""

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        raise NotImplementedError

    async def update(
        self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
    ) -> Delivery | NotYet:
        raise NotImplementedError

    async def delete(self, to: Address, still_ours: StillOurs) -> None:
        raise NotImplementedError

    async def still_ours(self, key: str) -> None:
        if self.lost:
            raise LeaseLost

    async def renew(self, key: str) -> None:
        self.renewals += 1
        if self.down:
            raise StoreDown
        await self.still_ours(key)

    async def set_back(self, key: str, seconds: float, *, failed: bool) -> None:
        if self.down:
            raise StoreDown
        self.done.append((key, (seconds, failed)))

    async def finish(self, key: str, ending: Ending, kept: str = "") -> None:
        if self.down:
            raise StoreDown
        self.done.append((key, ending))
        self.kept.append(kept)

    async def give_back(self) -> None: ...

    def came_due(self, kind: str, ending: str) -> None:
        self.counted.append((kind, ending))


@asynccontextmanager
async def _working(world: _World) -> AsyncIterator[ScheduleWorker]:
    tasks = Tasks()
    worker = ScheduleWorker(world, [world], Outbox(world, messages(), tasks), tasks, TIMING, world)
    tending = asyncio.create_task(worker.tend())
    try:
        yield worker
    finally:
        worker.retire()
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        await tasks.drain(0.0, 0.0)


async def test_what_is_due_is_posted_and_noted_with_what_is_kept_of_it() -> None:
    world = _World(waiting=[_due()])
    async with _working(world):
        await asyncio.sleep(1)

    assert world.posted == ["U0ANA"]
    assert (world.done, world.kept) == ([("key", Ending.POSTED)], ["kept"])
    assert world.counted == [("reminder", "posted")]


async def test_a_lease_is_renewed_as_long_as_it_takes_to_prepare() -> None:
    world = _World(waiting=[_due()], slow=TIMING.renew * 3.5)
    async with _working(world):
        await asyncio.sleep(TIMING.renew * 3.7)

        assert (world.renewals, world.posted) == (3, ["U0ANA"])
        await asyncio.sleep(TIMING.renew * 3)

    assert world.renewals == 3


async def test_a_lease_is_renewed_as_long_as_slack_takes_for_the_post() -> None:
    world = _World(waiting=[_due()], slow_post=TIMING.renew * 2.5)
    async with _working(world):
        await asyncio.sleep(TIMING.renew * 6)

    assert (world.renewals, world.done) == (2, [("key", Ending.POSTED)])


async def test_a_lease_that_the_database_does_not_renew_for_a_while_is_tried_again() -> None:
    world = _World(waiting=[_due()], slow=TIMING.renew * 3.5)
    async with _working(world):
        await asyncio.sleep(1)
        world.down = True
        await asyncio.sleep(TIMING.renew * 2)
        world.down = False
        await asyncio.sleep(TIMING.renew * 2)

    assert (world.renewals, world.posted) == (3, ["U0ANA"])


async def test_what_another_process_has_taken_meanwhile_is_not_posted() -> None:
    world = _World(waiting=[_due()], slow=TIMING.renew * 3.5, lost=True)
    async with _working(world):
        await asyncio.sleep(TIMING.renew * 5)

    assert (world.renewals, world.posted, world.done) == (1, [], [])


async def test_what_insists_is_tried_again_where_slack_refuses_it_for_good() -> None:
    refused = Delivery(DeliveryWay.UNDELIVERED, "")
    world = _World(waiting=[_due()], answers=[replace(POSTING, insists=True)], deliveries=[refused])
    async with _working(world):
        await asyncio.sleep(1)

    assert world.done == [("key", (TIMING.first_pause, True))]


async def test_what_ends_without_a_word_is_noted_and_not_posted() -> None:
    world = _World(waiting=[_due()], answers=[Ending.CLOSED])
    async with _working(world):
        await asyncio.sleep(1)

    assert (world.posted, world.done) == ([], [("key", Ending.CLOSED)])


@pytest.mark.parametrize("delivery", [NotYet(), Delivery(DeliveryWay.UNDELIVERED, "")])
async def test_a_message_that_slack_cannot_take_now_is_tried_again_and_a_refused_one_is_not(
    delivery: Delivery | NotYet,
) -> None:
    world = _World(waiting=[_due()], deliveries=[delivery])
    async with _working(world):
        await asyncio.sleep(1)

    assert world.posted == ([] if isinstance(delivery, NotYet) else ["U0ANA"])
    assert world.done == [("key", (1.0, True) if isinstance(delivery, NotYet) else Ending.REFUSED)]


@pytest.mark.parametrize(
    ("error", "attempts", "pause"),
    [
        (NotNow(), 0, (1.0, True)),
        (NotNow(), 3, (8.0, True)),
        (NotNow(30.0), 3, (30.0, True)),
        (NotNow(), MOST_ATTEMPTS - 2, (TIMING.longest_pause, True)),
        (NotNow(5.0, failed=False), 3, (5.0, False)),
        (NotNow(failed=False), MOST_ATTEMPTS, (0.0, False)),
        (RuntimeError("a fault of ours"), 1, (2.0, True)),
    ],
)
async def test_what_cannot_be_done_now_waits_longer_each_time(
    error: Exception, attempts: int, pause: tuple[float, bool]
) -> None:
    world = _World(waiting=[_due(attempts=attempts)], answers=[error])
    async with _working(world):
        await asyncio.sleep(1)

    assert world.done == [("key", pause)]


async def test_what_could_not_be_done_for_a_day_is_given_up() -> None:
    pauses = [min(2.0**attempt, TIMING.longest_pause) for attempt in range(MOST_ATTEMPTS - 1)]
    assert 0.9 < sum(pauses) / 86_400 < 1.5
    world = _World(waiting=[_due(attempts=MOST_ATTEMPTS - 1)], answers=[NotNow()])
    async with _working(world):
        await asyncio.sleep(1)

    assert world.done == [("key", Ending.GIVEN_UP)]
    assert world.counted == [("reminder", "given_up")]


async def test_what_another_process_has_by_now_is_not_posted() -> None:
    world = _World(waiting=[_due()], lost=True)
    async with _working(world):
        await asyncio.sleep(1)

    assert (world.posted, world.done) == ([], [])


async def test_what_was_posted_is_noted_as_soon_as_the_database_is_back() -> None:
    world = _World(waiting=[_due()], slow=1.0)
    async with _working(world):
        await asyncio.sleep(0.5)
        world.down = True
        await asyncio.sleep(60)
        assert (world.posted, world.done) == (["U0ANA"], [])
        world.down = False
        await asyncio.sleep(10)

    assert (world.posted, world.done) == (["U0ANA"], [("key", Ending.POSTED)])


@pytest.mark.parametrize("error", [NotNow(), StoreDown()])
async def test_while_the_database_is_away_a_failure_leaves_it_to_the_end_of_the_lease(error: Exception) -> None:
    world = _World(waiting=[_due()], answers=[error], slow=1.0)
    async with _working(world):
        await asyncio.sleep(0.5)
        world.down = True
        await asyncio.sleep(1)
        world.down, world.waiting, world.answers = False, [_due("next")], [POSTING]
        await asyncio.sleep(10)

    assert world.done == [("next", Ending.POSTED)]


async def test_a_few_are_worked_on_at_once() -> None:
    world = _World(waiting=[_due(str(number)) for number in range(AT_ONCE + 2)], slow=10.0)
    async with _working(world):
        await asyncio.sleep(5)
        assert len(world.waiting) == 2
        await asyncio.sleep(20)

    assert len(world.done) == AT_ONCE + 2
    assert max(world.taken) == AT_ONCE


async def test_a_process_that_ends_takes_on_nothing_more() -> None:
    world = _World()
    async with _working(world) as worker:
        worker.retire()
        world.waiting = [replace(_due(), attempts=0)]
        await asyncio.sleep(60)

    assert world.done == []

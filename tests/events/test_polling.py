# ruff: noqa: ARG002 - as the ports want it

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.commands.instrumentation import NO_METRICS
from bot.deals.deal import Opportunity
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError, StoreDown
from bot.events.event import Event, Reception, Source
from bot.events.polling import MOST_PAGES, OVERLAP, PAGE, Polling
from bot.events.ports import Turn
from bot.events.reception import EventReception

pytestmark = pytest.mark.jumping_clock

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def _deals(many: int) -> list[Opportunity]:
    return [Opportunity(f"deal-{number}", "won", since=NOON + timedelta(seconds=number)) for number in range(many)]


@dataclass
class _World:
    """The ports of polling: HighLevel's deals, and how far they were asked for."""

    deals: list[Opportunity] = field(default_factory=list)
    newest: datetime | None = NOON
    free: bool = True
    room: bool = True
    troubles: list[Exception] = field(default_factory=list)
    asked: list[tuple[datetime | None, int]] = field(default_factory=list)
    learned: list[Opportunity] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    woken: int = 0
    counted: dict[tuple[Source, Reception], int] = field(default_factory=dict)

    async def begin(self, location_id: str, every: float) -> Turn | None:
        assert every == 60.0
        return Turn(self.newest) if self.free else None

    async def learn(self, location_id: str, found: Sequence[Opportunity], newest: datetime) -> None:
        self.learned += found
        self.newest = newest

    async def advance(self, location_id: str, found: Sequence[Event], newest: datetime) -> int:
        new = [event.key for event in found if event.key not in self.keys]
        self.keys += new
        self.newest = newest
        return len(new)

    def has_room(self, location_id: str) -> bool:
        return self.room

    async def read(self, location_id: str, opportunity_id: str) -> Opportunity | None: ...

    async def changed(self, location_id: str, since: datetime | None, page: int) -> Sequence[Opportunity]:
        self.asked.append((since, page))
        if self.troubles:
            raise self.troubles.pop(0)
        found = [deal for deal in self.deals if since is None or deal.since is None or deal.since >= since]
        return found[(page - 1) * PAGE : page * PAGE]

    async def receive(self, *events: Event) -> int:
        return 0

    async def add(self, counted: Mapping[tuple[Source, Reception], int]) -> None:
        self.counted = dict(counted)

    def wake(self) -> None:
        self.woken += 1


async def _poll(world: _World, seconds: float = 1.0, every: float = 60.0) -> None:
    reception = EventReception(world, world, NO_METRICS, world.wake)
    polling = Polling(world, world, reception, locations=["L"], every=every, room=0.25)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await polling.tend()
    await reception.save_counts()


async def test_the_first_poll_only_learns() -> None:
    world = _World(_deals(3), newest=None)
    before = datetime.now(UTC)
    await _poll(world)

    assert world.asked == [(None, 1)]
    assert (world.learned, world.keys, world.woken) == (_deals(3), [], 0)
    assert world.newest is not None
    assert world.newest >= before - OVERLAP - timedelta(seconds=1)


async def test_later_polls_overlap_and_tell_what_is_new() -> None:
    world = _World(_deals(3))
    await _poll(world, 20.0)

    assert world.asked == [(NOON - OVERLAP, 1), (NOON + timedelta(seconds=2) - OVERLAP, 1)]
    assert len(world.keys) == 3
    assert world.newest == NOON + timedelta(seconds=2)
    assert (world.woken, world.counted) == (1, {(Source.POLL, Reception.RECEIVED): 3})


async def test_an_older_change_does_not_set_the_clock_back() -> None:
    world = _World([Opportunity("deal", "won", since=NOON - timedelta(minutes=1))])
    await _poll(world)

    assert world.newest == NOON


async def test_as_many_pages_are_read_as_there_are() -> None:
    world = _World(_deals(PAGE + 1))
    await _poll(world)

    assert [page for _, page in world.asked] == [1, 2]
    assert len(world.keys) == PAGE + 1


async def test_what_is_too_much_for_one_poll_comes_with_the_next() -> None:
    world = _World(_deals(PAGE * (MOST_PAGES + 1)))
    await _poll(world)

    assert len(world.asked) == MOST_PAGES


async def test_a_change_without_a_time_is_no_event() -> None:
    world = _World([Opportunity("deal", "won")])
    await _poll(world)

    assert world.keys == []


async def test_another_process_has_the_turn() -> None:
    world = _World(_deals(1), free=False)
    await _poll(world, 100.0)

    assert world.asked == []


async def test_a_poll_waits_until_commands_have_what_they_may_need() -> None:
    world = _World(_deals(1), room=False)
    asyncio.get_running_loop().call_later(5.0, lambda: setattr(world, "room", True))
    await _poll(world, 4.0)
    assert world.asked == []
    await _poll(world, 4.0)

    assert len(world.keys) == 1


@pytest.mark.parametrize(
    "trouble",
    [CrmError(Trouble(Cause.SERVER_ERROR), perhaps_done=False, answered=True), StoreDown(), RuntimeError("a bug")],
)
async def test_after_a_failure_the_next_poll_finds_what_this_one_missed(trouble: Exception) -> None:
    world = _World(_deals(2), troubles=[trouble])
    await _poll(world, 20.0)

    assert len(world.keys) == 2


async def test_polling_that_is_off_ends_at_once() -> None:
    world = _World(_deals(1))
    await _poll(world, 1000.0, every=0.0)

    assert world.asked == []

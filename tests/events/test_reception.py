"""Events are taken in, and what came is counted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from bot.commands.instrumentation import Instrumentation
from bot.deals.ports import StoreDown, StoreRefused
from bot.events.event import Event, Kind, Reception, Source
from bot.events.reception import SAVE_EVERY, EventReception

EVENT = Event("key", Source.WEBHOOK, Kind.CHANGED, "location", "deal")


@dataclass
class _Store(Instrumentation):
    trouble: Exception | None = None
    keys: set[str] = field(default_factory=set)
    counted: dict[tuple[Source, Reception], int] = field(default_factory=dict)
    woken: int = 0
    notified_of: list[tuple[str, str]] = field(default_factory=list)

    async def receive(self, *events: Event) -> int:
        if self.trouble:
            raise self.trouble
        new = {event.key for event in events} - self.keys
        self.keys |= new
        return len(new)

    async def add(self, counted: Mapping[tuple[Source, Reception], int]) -> None:
        if self.trouble:
            raise self.trouble
        for each, many in counted.items():
            self.counted[each] = self.counted.get(each, 0) + many

    def wake(self) -> None:
        self.woken += 1

    def notified(self, source: str, reception: str) -> None:
        self.notified_of.append((source, reception))


@pytest.fixture
def store() -> _Store:
    return _Store()


@pytest.fixture
def reception(store: _Store) -> EventReception:
    return EventReception(store, store, store, store.wake)


async def test_a_new_event_wakes_the_worker_and_a_repeated_one_does_not(
    store: _Store, reception: EventReception
) -> None:
    assert await reception.receive(EVENT) is Reception.RECEIVED
    assert await reception.receive(EVENT) is Reception.REPEATED
    assert store.woken == 1


@pytest.mark.parametrize(
    ("trouble", "told"), [(StoreDown(), Reception.NOT_STORED), (StoreRefused(), Reception.UNREADABLE)]
)
async def test_an_event_that_cannot_be_written_down_wakes_nothing(
    trouble: Exception, told: Reception, store: _Store, reception: EventReception
) -> None:
    store.trouble = trouble

    assert await reception.receive(EVENT) is told
    assert store.woken == 0


async def test_what_came_is_counted_together_and_written_down_once(store: _Store, reception: EventReception) -> None:
    for _ in range(3):
        reception.note(Source.WORKFLOW, Reception.WRONG_TOKEN)
    await reception.receive(EVENT)
    await reception.save_counts()
    await reception.save_counts()

    assert store.counted == {
        (Source.WORKFLOW, Reception.WRONG_TOKEN): 3,
        (Source.WEBHOOK, Reception.RECEIVED): 1,
    }
    assert store.notified_of == [("workflow", "wrong_token")] * 3 + [("webhook", "received")]


async def test_counts_that_could_not_be_written_down_are_kept(store: _Store, reception: EventReception) -> None:
    reception.note(Source.WEBHOOK, Reception.UNSIGNED)
    store.trouble = StoreDown()
    await reception.save_counts()
    reception.note(Source.WEBHOOK, Reception.UNSIGNED)
    store.trouble = None
    await reception.save_counts()

    assert store.counted == {(Source.WEBHOOK, Reception.UNSIGNED): 2}


@pytest.mark.jumping_clock
async def test_counts_are_written_down_as_long_as_the_bot_runs(store: _Store, reception: EventReception) -> None:
    tending = asyncio.create_task(reception.tend())
    for many in (1, 2):
        reception.note(Source.WEBHOOK, Reception.UNSIGNED)
        await asyncio.sleep(SAVE_EVERY + 1)
        assert store.counted == {(Source.WEBHOOK, Reception.UNSIGNED): many}
    tending.cancel()

"""Reads the deal of each event, and settles what the event means; takes over what processes left that died."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import assert_never

import structlog

from bot.commands.instrumentation import Instrumentation
from bot.deals.deal import Opportunity
from bot.deals.ports import CrmError, StoreDown, StoreRefused
from bot.events.event import Decision, Known, Settled, Taken, Verdict
from bot.events.judging import judge
from bot.events.ports import Deals, Inbox
from bot.events.watch import Watch

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Deals that are read at once in one sub-account: half of what commands may."""
GIVE_UP = 86_400.0
"""Seconds after which a deal that cannot be read is not tried any more."""
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class EventTiming:
    """The times of events, in seconds."""

    look: float = 1.0
    """Between two looks for events whose process died, or which another replica wrote down."""
    busy: float = 0.5
    """Before the next try, while a command is changing the deal."""
    room: float = 0.25
    """Between two looks whether HighLevel's rate limit has room."""
    mend: float = 1.0
    """Before the next try of a deal that could not be read; doubled each time."""
    gather: float = 0.3
    """For which a change waits for others, before it is posted."""
    calm: float = 10.0
    """Without a further change, after which many are posted as one message."""
    longest_wave: float = 300.0
    """After which many are posted as one message even if more keep coming."""


class EventWorker:
    """Settles events. `settled`: called when there may be something to post."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        deals: Deals,
        locations: Collection[str],
        watch: Watch,
        settled: Callable[[], None],
        instrumentation: Instrumentation,
        timing: EventTiming,
    ) -> None:
        self._inbox = inbox
        self._deals = deals
        self._locations = sorted(locations)
        self._watch = watch
        self._settled = settled
        self._instrumentation = instrumentation
        self._timing = timing
        self._woken = asyncio.Event()
        self._reading: Counter[str] = Counter()
        """How many deals this process reads, by their sub-account."""

    def wake(self) -> None:
        """Look at once: an event was written down."""
        self._woken.set()

    async def tend(self) -> None:
        """Settle events until cancelled. Then what is not settled is left to any process, in half a minute."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                taken = await self._take()
                for each in taken:
                    self._reading[each.location_id] += 1
                    group.create_task(self._settle(each), name=f"event {each.opportunity_id}")
                if not taken:
                    await self._wait()

    async def _wait(self) -> None:
        pause = self._timing.look if self._with_room() else self._timing.room
        try:
            async with asyncio.timeout(pause):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _with_room(self) -> list[str]:
        return [each for each in self._locations if self._reading[each] < AT_ONCE and self._deals.has_room(each)]

    async def _take(self) -> list[Taken]:
        locations = self._with_room()
        try:
            return list(await self._inbox.take(locations, AT_ONCE)) if locations else []
        except (StoreDown, StoreRefused):  # `storage.database` logs it
            return []

    async def _settle(self, taken: Taken) -> None:
        try:
            try:
                await self._read_and_settle(taken)
            except (StoreDown, StoreRefused):
                raise
            except Exception:
                log.exception("event.broken", opportunity=taken.opportunity_id)
                await self._put_off(taken)
        except (StoreDown, StoreRefused):  # they are taken again when the lease has ended
            pass
        finally:
            self._reading[taken.location_id] -= 1
            self.wake()

    async def _read_and_settle(self, taken: Taken) -> None:
        try:
            deal = await self._deals.read(taken.location_id, taken.opportunity_id)
        except CrmError as error:
            await self._put_off(taken, error.trouble.retry_after or 0.0)
            return
        if deal is None:
            await self._inbox.dismiss(taken, Verdict.GONE)
            self._judged(taken, Verdict.GONE)
            return
        settled, verdict = await self._inbox.settle(taken, deal, partial(self._decide, taken, deal))
        match settled:
            case Settled.DONE:
                self._judged(taken, verdict)
            case Settled.BUSY | Settled.MOVED:
                pause = self._timing.busy if settled is Settled.BUSY else 0.0
                await self._inbox.set_back(taken, pause, failed=False)
            case Settled.LOST:
                log.info("event.lost", opportunity=taken.opportunity_id)
            case _:
                assert_never(settled)

    def _decide(self, taken: Taken, deal: Opportunity, known: Known | None, ours: bool, now: datetime) -> Decision:  # noqa: FBT001 - see `Decide`
        return judge(taken, deal, known, ours=ours, now=now, watch=self._watch)

    async def _put_off(self, taken: Taken, retry_after: float = 0.0) -> None:
        if taken.age > GIVE_UP:
            log.error("event.given_up", opportunity=taken.opportunity_id)
            await self._inbox.dismiss(taken, Verdict.UNREAD)
            self._judged(taken, Verdict.UNREAD)
            return
        doubled = self._timing.mend * 2 ** min(taken.attempts, 10)
        pause = min(max(doubled, retry_after), LONGEST_PAUSE)
        await self._inbox.set_back(taken, pause, failed=True)

    def _judged(self, taken: Taken, verdict: Verdict | None) -> None:
        log.info("event.settled", opportunity=taken.opportunity_id, verdict=verdict.value if verdict else "held")
        if verdict is None:
            self._settled()
        else:
            self._instrumentation.judged(verdict)

"""Does what is due, once: takes over what processes left that died, and asks before each post if that is its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from bot.commands.instrumentation import Instrumentation
from bot.commands.outbox import Outbox, until_stored
from bot.commands.reply import DeliveryWay, NotYet
from bot.commands.tasks import Tasks
from bot.deals.ports import LeaseLost, StoreDown, StoreRefused
from bot.schedule.due import Due, Ending, NotNow, Posting
from bot.schedule.ports import Duty, Schedule

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Things that are worked on at once."""
MOST_ATTEMPTS = 160
"""After which it is given up: with the pauses between them, about a day."""


@dataclass(frozen=True, slots=True)
class ScheduleTiming:
    """The times of the schedule, in seconds."""

    look: float = 3.0
    """Between two looks for what is due."""
    first_pause: float = 1.0
    """Before the second attempt; doubled before each further one."""
    longest_pause: float = 600.0
    renew: float = 10.0
    """Between two renewals of a lease; several must fail before it ends."""


class ScheduleWorker:
    """Does what is due. There is one duty for each kind."""

    def __init__(
        self,
        schedule: Schedule,
        duties: Sequence[Duty],
        outbox: Outbox,
        tasks: Tasks,
        timing: ScheduleTiming,
        instrumentation: Instrumentation,
    ) -> None:
        self._schedule = schedule
        self._duties = {duty.kind: duty for duty in duties}
        self._outbox = outbox
        self._tasks = tasks
        self._timing = timing
        self._instrumentation = instrumentation
        self._working = 0
        self._retired = False
        self._woken = asyncio.Event()

    def retire(self) -> None:
        """Take on nothing more, as the process is about to end. What is under way ends with its other tasks."""
        self._retired = True

    async def tend(self) -> None:
        """Do what is due, until cancelled."""
        while True:
            self._woken.clear()
            taken = await self._take()
            for due in taken:
                self._working += 1
                self._tasks.start(self._do(due), f"due {due.key}")
            if not taken:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._timing.look):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _take(self) -> Sequence[Due]:
        room = 0 if self._retired else AT_ONCE - self._working
        try:
            return await self._schedule.take(self._duties.keys(), room) if room else ()
        except (StoreDown, StoreRefused):  # `storage.database` logs it
            return ()

    async def _do(self, due: Due) -> None:
        try:
            await self._held(due)
        except LeaseLost:
            log.info("due.lost", due=due.key)
        except NotNow as error:
            await self._put_off(due, error.seconds, failed=error.failed)
        except (StoreDown, StoreRefused):  # it is taken again when the lease has ended
            pass
        except Exception:
            log.exception("due.broken", due=due.key)
            await self._put_off(due)
        finally:
            self._working -= 1
            self._woken.set()

    async def _held(self, due: Due) -> None:
        """Post it, with its lease renewed as long as that takes: a digest is many calls, and Slack may be slow."""
        renewing = asyncio.create_task(self._renew(due.key), name=f"lease {due.key}")
        try:
            await self._post(due)
        finally:
            renewing.cancel()

    async def _post(self, due: Due) -> None:
        found = await self._duties[due.planned.kind].prepare(due)
        if isinstance(found, Ending):
            await self._finish(due, found)
            return
        with self._tasks.last_step():
            await self._finish(due, await self._sent(due, found), found.kept)

    async def _renew(self, key: str) -> None:
        while True:
            await asyncio.sleep(self._timing.renew)
            try:
                await self._schedule.renew(key)
            except (StoreDown, StoreRefused):
                pass
            except LeaseLost:  # what posts it learns that before anything is sent
                return

    async def _sent(self, due: Due, posting: Posting) -> Ending:
        ours = partial(self._schedule.still_ours, due.key)
        delivery = await self._outbox.post_once(posting.message, posting.conversation, ours)
        if isinstance(delivery, NotYet):
            raise NotNow
        if delivery.way is not DeliveryWay.UNDELIVERED:
            return Ending.POSTED
        if posting.insists:
            raise NotNow
        return Ending.REFUSED

    async def _finish(self, due: Due, ending: Ending, kept: str = "") -> None:
        """Note how it ended, as soon as that can be noted: what was posted must not be posted again."""
        note: Callable[[], Awaitable[None]] = partial(self._schedule.finish, due.key, ending, kept)
        await until_stored(note, self._timing.first_pause)
        self._done(due, ending)

    def _done(self, due: Due, ending: Ending) -> None:
        kind = due.planned.kind.value
        log.info("due.done", due=due.key, kind=kind, ending=ending.value, late=round(due.late, 1))
        self._instrumentation.came_due(kind, ending.value)

    async def _put_off(self, due: Due, seconds: float = 0.0, *, failed: bool = True) -> None:
        try:
            if failed and due.attempts + 1 >= MOST_ATTEMPTS:
                await self._schedule.finish(due.key, Ending.GIVEN_UP)
                log.error("due.given_up", due=due.key)
                self._done(due, Ending.GIVEN_UP)
                return
            doubled = self._timing.first_pause * 2 ** min(due.attempts, 20)
            pause = min(max(doubled if failed else 0.0, seconds), self._timing.longest_pause)
            await self._schedule.set_back(due.key, pause, failed=failed)
        except (StoreDown, StoreRefused, LeaseLost):  # any process takes it when the lease has ended
            pass

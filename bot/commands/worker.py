"""Runs accepted commands, replies to each exactly once, and takes over the commands of processes that died."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import structlog

from bot.commands.delivery.replies import ReplyDelivery, ReplyTiming
from bot.commands.execution import MOST_ATTEMPTS, Accounts, Channels, Execution, parked
from bot.commands.instrumentation import NO_METRICS, Instrumentation, fields_of, noting_calls
from bot.commands.ledger import Claim, WorkerStorage
from bot.commands.outbox import Outbox, Words, until_stored
from bot.commands.record import Entry, Record
from bot.commands.reply import DeliveryWay, Message
from bot.commands.tasks import Tasks
from bot.deals.clock import loop_time, uptime
from bot.deals.outcome import Cause, Effect, Failed, Outcome, Trouble, owner_to_tell, word
from bot.deals.ports import LeaseLost, StoreDown, StoreRefused

log = structlog.get_logger(__name__)

ADOPTED_AT_ONCE = 50
"""Commands that are taken over in one transaction."""
LONGEST_PAUSE = 60.0
"""Seconds at most before the next try of a command that failed inside the bot."""


NO_PROCESSOR = (
    "The host gave this process no CPU, so commands had to wait. On Cloud Run, deploy with --no-cpu-throttling. "
    "Elsewhere, choose a plan that doesn't sleep."
)


@dataclass(frozen=True, slots=True)
class WorkerTiming:
    """The worker's times, in seconds."""

    renew: float = 5.0
    """Between two renewals of the leases; several must fail before a lease ends."""
    adopt: float = 1.0
    """Between two searches for commands whose process died."""
    standstill: float = 5.0
    """By which a pause must be late to be reported: the host gave this process no CPU."""
    tell: float = 5.0
    """From a command's start until its caller is told that it takes longer."""
    correct: float = 600.0
    """After a change, in which the same caller's next one about the deal corrects it: its message tells of both."""
    retry: float = 0.25
    """Before the next try, while another command has the deal or the database is down."""
    mend: float = 1.0
    """Before the next try of a command that failed inside the bot; doubled each time."""
    wait_for_limit: float = 600.0
    """That a command waits at most for HighLevel's rate limit."""
    drain: float = 25.0
    """From SIGTERM until the worker has stopped. Heroku kills a process after 30.
    https://devcenter.heroku.com/articles/dynos#shutdown"""
    grace: float = 2.0
    """The last part of `drain`, twice: first for replies on their way, then to give back what is not finished."""


class Worker:
    """Runs the commands that this process accepted or took over."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        channels: Channels,
        storage: WorkerStorage,
        words: Words,
        outbox: Outbox,
        tasks: Tasks,
        timing: WorkerTiming,
        instrumentation: Instrumentation = NO_METRICS,
    ) -> None:
        self._accounts = accounts
        self._ledger = storage.ledger
        self._history = storage.history
        self._words = words
        self._tasks = tasks
        self._timing = timing
        self._instrumentation = instrumentation
        self._execution = Execution(
            accounts, channels, storage.ledger, retry=timing.retry, wait_for_limit=timing.wait_for_limit
        )
        replies = ReplyTiming(timing.retry, timing.tell, timing.correct)
        self._replies = ReplyDelivery(accounts, storage, words, outbox, replies, instrumentation)
        self._until_stored = partial(until_stored, pause=timing.retry)
        self._running: set[str] = set()
        """The keys of the commands that run in this process."""
        self._draining = False
        self._nudged = asyncio.Event()
        self.on_noted: list[Callable[[Entry], None]] = []
        """Called with each command of this process when what became of it is written down. They must not raise."""

    # --- commands come in -------------------------------------------------------------------------------------------

    def has_room(self, entry: Entry) -> bool:
        """Whether the command would begin at once, without waiting for others in its sub-account."""
        return not self._draining and self._execution.has_room(entry.wish.location_id)

    def submit(self, entry: Entry, *, begun: bool = False) -> None:
        """Run a command that was just accepted, in the background. Errors are logged and told to its caller.

        `begun`: the command has its deal to itself, as after `WorkerLedger.begin`.
        """
        identified = entry.undoes is not None
        self._take(Claim(entry, age=0.0, attempts=0, intended=None, reply=None, identified=identified, begun=begun))

    def nudge(self) -> None:
        """Look for commands to take over at once: there are new ones that no process owns."""
        self._nudged.set()

    async def tend(self) -> None:
        """Renew this process's leases, and take over the commands of processes that died; until cancelled."""
        renewed, looked = float("-inf"), loop_time()
        while True:
            now = loop_time()
            try:
                if now - looked > self._timing.renew:  # suspended, or the database was away
                    await self._ledger.renew(self._running)
                    log.info("worker.late", seconds=round(now - looked, 1))
                    # Others may have waited for the same database, or for a lock of this process on its file. Their
                    # leases have run out meanwhile; they get the time to note what they did.
                    await asyncio.sleep(self._timing.renew)
                    looked = renewed = loop_time()
                    continue
                if now - renewed >= self._timing.renew:
                    if self._running:
                        await self._ledger.renew(self._running)
                    renewed = now
                for claim in [] if self._draining else await self._ledger.adopt(ADOPTED_AT_ONCE):
                    # Already running here: the database's clock jumped. Draining since then: `drain` gives it back.
                    if self._draining or claim.entry.key in self._running:
                        continue
                    log.info("command.adopted", reference=claim.entry.reference, attempts=claim.attempts)
                    self._take(claim)
                looked = now
            except StoreDown:  # `storage.database` logs it
                pass
            except Exception:
                log.exception("worker.broken")
            began = uptime()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.adopt):
                    await self._nudged.wait()
            self._nudged.clear()
            self._notice_standstill(uptime() - began - self._timing.adopt)

    def _notice_standstill(self, late: float) -> None:
        """Report a pause that took so much longer than it should that the host must have stopped this process."""
        if late > self._timing.standstill:
            log.warning("worker.stood_still", seconds=round(late, 1), advice=NO_PROCESSOR)
            self._instrumentation.stood_still(late)

    async def drain(self) -> None:
        """Finish the commands as far as the time allows, then give back the others."""
        self._draining = True
        grace = self._timing.grace
        await self._tasks.drain(self._timing.drain - 2 * grace, grace)
        try:
            async with asyncio.timeout(grace):
                if given_back := await self._ledger.give_back():
                    log.warning("worker.gave_back", commands=given_back)
        except (StoreDown, TimeoutError):
            log.warning("worker.kept")  # other processes take them over when the leases end

    def _take(self, claim: Claim) -> None:
        key = claim.entry.key
        self._running.add(key)
        task = self._tasks.start(self._run(claim), claim.entry.reference)
        task.add_done_callback(lambda _: self._running.discard(key))

    # --- one command runs -------------------------------------------------------------------------------------------

    async def _run(self, claim: Claim) -> None:
        entry, accepted = claim.entry, loop_time() - claim.age
        telling: list[asyncio.Task[None]] = []
        if entry.asked_privately and entry.batch in {None, entry.key} and not claim.answered:
            telling.append(self._tasks.start(self._tell(self._words.goes_on(), entry), entry.reference))
        timer = asyncio.get_running_loop().call_later(
            self._timing.tell, lambda: telling.append(self._tasks.start(self._tell_to_wait(entry), entry.reference))
        )
        try:
            if not claim.answered:
                claim = await self._carry_out(claim)
            if not claim.reply and entry.key == entry.batch:
                claim = replace(claim, reply=await self._answer_for_batch(claim.entry, entry.key))
            timer.cancel()
            await asyncio.gather(*telling)  # that it goes on, or takes longer, must not arrive after the result
            if (reply := claim.reply) is None:
                await self._replies.tell_others(claim, accepted)
                await self._until_stored(lambda: self._ledger.finish(entry.key, DeliveryWay.TOGETHER, ""))
            else:
                delivery = await self._replies.deliver(claim, reply, accepted)
                claim = replace(claim, delivered=delivery.way)
                await self._replies.finish(claim, reply, delivery, accepted)
        except LeaseLost:
            log.warning("command.lease_lost")
        except Exception:
            log.exception("command.broken")
            await self._set_back(claim)
        finally:
            timer.cancel()

    async def _carry_out(self, claim: Claim) -> Claim:
        """Carry out the command; note its outcome and its reply. A command of a batch has no reply yet."""
        accepted = loop_time() - claim.age
        self._replies.expect()
        with noting_calls() as calls:
            outcome, entry = await self._execution.carry_out(claim)
        # The one line that has all about a command; what else is logged on the way has its reference.
        seconds = round(loop_time() - accepted, 2)
        log.info("command.done", **fields_of(entry, outcome), attempts=claim.attempts + 1, seconds=seconds, calls=calls)
        try:
            reply, entry = await self._note_outcome(outcome, entry)
        except StoreRefused:  # the deal may be changed, and no note can say to what
            log.error("command.not_noted")
            reply, entry = await self._note_outcome(Failed(Trouble(Cause.UNEXPECTED), Effect.UNKNOWN), entry)
        return replace(claim, entry=entry, reply=reply, answered=True, owner=owner_to_tell(outcome))

    async def _note_outcome(self, outcome: Outcome, entry: Entry) -> tuple[Message | None, Entry]:
        """Write down what became of a command, and its reply; returns what `ReplyDelivery.reply_to` does."""
        reply, entry = await self._replies.reply_to(outcome, entry)
        await self._until_stored(lambda: self._ledger.answer(entry.key, outcome, reply, entry.amends))
        self._instrumentation.commanded(word(outcome))
        for tell in self.on_noted:
            tell(entry)
        return reply, entry

    async def _answer_for_batch(self, entry: Entry, batch: str) -> Message:
        """Wait until each command of a batch has its outcome; note their one reply, and return it."""
        records = await self._wait_for_batch(batch)
        reply = await self._replies.reply_to_batch(records, entry)
        await self._until_stored(lambda: self._ledger.reply(entry.key, reply))
        return reply

    async def _wait_for_batch(self, batch: str) -> Sequence[Record]:
        """The commands of a batch, once each has its outcome."""
        while True:
            records = await self._until_stored(lambda: self._history.of_batch(batch))
            if all(record.outcome for record in records):
                return records
            await asyncio.sleep(self._timing.retry)

    async def _tell_to_wait(self, entry: Entry) -> None:
        if entry.batch not in {None, entry.key}:
            return
        try:
            first = await self._ledger.tell_to_wait(entry.key)
        except StoreDown:
            first = True  # another process may tell the caller once more, which is better than silence
        if first:
            log.info("command.takes_long")
            await self._tell(self._words.takes_long(entry.reference), entry)

    async def _tell(self, message: Message, entry: Entry) -> None:
        with suppress(LeaseLost):  # the command's own task learns that too
            await self._replies.send(message, entry)

    # --- after an error inside the bot ------------------------------------------------------------------------------

    async def _set_back(self, claim: Claim) -> None:
        """Count a failure inside the bot, and give the command back, to be tried again later; or finish it."""
        key, failures = claim.entry.key, claim.attempts + 1
        way = claim.delivered or DeliveryWay.UNDELIVERED
        with suppress(LeaseLost):
            if claim.answered and failures >= MOST_ATTEMPTS:
                log.error("command.given_up", delivered=way.value)
                await self._until_stored(lambda: self._ledger.finish(key, way, ""))
            elif failures > MOST_ATTEMPTS:  # not even the reply that it is parked could be made
                await self._until_stored(lambda: self._ledger.answer(key, parked(claim), None))
                await self._until_stored(lambda: self._ledger.finish(key, way, ""))
            else:
                pause = min(self._timing.mend * 2**claim.attempts, LONGEST_PAUSE)
                await self._until_stored(lambda: self._ledger.set_back(key, pause, claim.delivered))

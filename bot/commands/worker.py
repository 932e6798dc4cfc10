"""Runs accepted commands, replies to each exactly once, and takes over the commands of processes that died."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import stamina
import structlog

from bot.commands.execution import Accounts, Channels, Execution
from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.commands.ledger import Claim, History, WorkerLedger
from bot.commands.outbox import Outbox, Words
from bot.commands.record import Entry, Record
from bot.commands.reply import DeliveryWay, Message
from bot.commands.tasks import Tasks
from bot.deals.clock import loop_time
from bot.deals.deal import LostReason
from bot.deals.outcome import Cause, Effect, Failed, Outcome, Result, Trouble, word
from bot.deals.ports import LeaseLost, StoreDown, StoreRefused

log = structlog.get_logger(__name__)
T = TypeVar("T")

ADOPTED_AT_ONCE = 50
"""Commands that are taken over in one transaction."""


@dataclass(frozen=True, slots=True)
class WorkerTiming:
    """The worker's times, in seconds."""

    renew: float = 5.0
    """Between two renewals of the leases; several must fail before a lease ends."""
    adopt: float = 1.0
    """Between two searches for commands whose process died."""
    tell: float = 5.0
    """From a command's start until its caller is told that it takes longer."""
    retry: float = 0.25
    """Before the next try, while another command has the deal or the database is down."""
    wait_for_limit: float = 600.0
    """That a command waits at most for HighLevel's rate limit."""
    drain: float = 25.0
    """From SIGTERM until the worker has stopped. Heroku kills a process after 30.
    https://devcenter.heroku.com/articles/dynos#shutdown"""
    grace: float = 2.0
    """The last part of `drain`, twice: first for replies on their way, then to give back what is not finished."""


@dataclass(frozen=True, slots=True)
class WorkerStorage:
    """The ledger of running commands, and the history of all."""

    ledger: WorkerLedger
    history: History


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
        self._outbox = outbox
        self._tasks = tasks
        self._timing = timing
        self._instrumentation = instrumentation
        self._execution = Execution(
            accounts, channels, storage.ledger, retry=timing.retry, wait_for_limit=timing.wait_for_limit
        )
        self._running: set[str] = set()
        """The keys of the commands that run in this process."""
        self._draining = False

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

    async def tend(self) -> None:
        """Renew this process's leases, and take over the commands of processes that died; until cancelled."""
        renewed = float("-inf")
        while True:
            now = loop_time()
            try:
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
            except StoreDown:  # `storage.database` logs it
                pass
            except Exception:
                log.exception("worker.broken")
            await asyncio.sleep(self._timing.adopt)

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
        timer = asyncio.get_running_loop().call_later(
            self._timing.tell, lambda: telling.append(self._tasks.start(self._tell_to_wait(entry), entry.reference))
        )
        try:
            reply = claim.reply or await self._answer(claim)
            timer.cancel()
            await asyncio.gather(*telling)  # the note that it takes longer must not arrive after the result
            if reply is None:
                await self._until_stored(lambda: self._ledger.finish(entry.key, DeliveryWay.TOGETHER, ""))
            else:
                await self._reply_and_finish(entry, reply, accepted)
        except LeaseLost:
            log.warning("command.lease_lost")
        except Exception:
            log.exception("command.broken")
        finally:
            timer.cancel()

    async def _answer(self, claim: Claim) -> Message | None:
        """Carry out the command; note its outcome and its reply, and return the reply.

        The first command of a batch waits for the others, and gets the batch's reply; for the others it is `None`.
        """
        entry, batch = claim.entry, claim.entry.batch
        if not claim.answered:
            outcome, entry = await self._execution.carry_out(claim)
            try:
                reply = await self._note_outcome(outcome, entry)
            except StoreRefused:  # the deal may be changed, and no note can say to what
                reply = await self._note_outcome(Failed(Trouble(Cause.UNEXPECTED), Effect.UNKNOWN), entry)
            if reply:
                return reply
        if not batch or entry.key != batch:
            return None
        records = await self._wait_for_batch(batch)
        undone = await self._undone(entry)
        earlier = (
            await self._until_stored(partial(self._history.of_batch, undone.batch)) if undone and undone.batch else []
        )
        lacks_reason = any(record.outcome is Result.REASON_WANTED for record in records)
        reasons = await self._lost_reasons(entry) if lacks_reason else None
        reply = self._words.several(records, entry, earlier, reasons or ())
        await self._until_stored(lambda: self._ledger.reply(entry.key, reply))
        return reply

    async def _note_outcome(self, outcome: Outcome, entry: Entry) -> Message | None:
        """Write down what became of a command, and the reply; `None` for one of several."""
        log.info("command.done", outcome=_loggable(outcome))
        undone = await self._undone(entry)
        reply = None if entry.batch else self._words.outcome(outcome, entry, undone)
        await self._until_stored(lambda: self._ledger.answer(entry.key, outcome, reply))
        self._instrumentation.commanded(word(outcome))
        return reply

    async def _wait_for_batch(self, batch: str) -> Sequence[Record]:
        """The commands of a batch, once each has its outcome."""
        while True:
            records = await self._until_stored(lambda: self._history.of_batch(batch))
            if all(record.outcome for record in records):
                return records
            await asyncio.sleep(self._timing.retry)

    async def _undone(self, entry: Entry) -> Record | None:
        """The change that this command undoes; `None` if it is no undo, or the change was deleted since."""
        key = entry.undoes
        return await self._until_stored(lambda: self._history.find(key)) if key else None

    async def _lost_reasons(self, entry: Entry) -> tuple[LostReason, ...] | None:
        return await self._accounts.lost_reasons(entry.wish.location_id, until=loop_time() + self._timing.tell)

    async def _tell_to_wait(self, entry: Entry) -> None:
        if entry.batch not in {None, entry.key}:
            return
        try:
            first = await self._ledger.tell_to_wait(entry.key)
        except StoreDown:
            first = True  # another process may tell the caller once more, which is better than silence
        if first:
            log.info("command.takes_long")
            await self._outbox.send(self._words.takes_long(entry.reference), entry.address)

    # --- its reply goes out -----------------------------------------------------------------------------------------

    async def _reply_and_finish(self, entry: Entry, reply: Message, accepted: float) -> None:
        async def still_ours(waited: float) -> None:
            if waited > self._timing.renew:
                await self._until_stored(lambda: self._ledger.hold(entry.key))

        delivery = await self._outbox.deliver(reply, entry.address, still_ours)
        self._instrumentation.replied(delivery.way, loop_time() - accepted)
        log.info("command.answered", delivered=delivery.way.value)
        # An id says which message only together with its channel, and the ledger has the command's channel.
        message_ts = delivery.message_ts if delivery.way is DeliveryWay.CHANNEL else ""
        announced = await self._announce(reply)
        await self._until_stored(lambda: self._ledger.finish(entry.key, delivery.way, message_ts, announced))
        if reply.is_undo and (undone := await self._undone(entry)):
            await self._mark_undone(await self._replied_for(undone), reply, entry)
        if reply.asks_why:
            await self._ask_why(entry)

    async def _announce(self, reply: Message) -> tuple[str, str]:
        """Post the reply in the other channel that it names; returns that channel and the message, or empty strings."""
        if not reply.also_in:
            return "", ""
        delivery = await self._outbox.post(reply, reply.also_in)
        return (reply.also_in, delivery.message_ts) if delivery.message_ts else ("", "")

    async def _replied_for(self, undone: Record) -> Record:
        """The command whose reply told of this change: the first of its batch."""
        first = undone.batch or undone.key
        found = await self._until_stored(lambda: self._history.find(first))
        return found or undone  # the first may have been deleted

    async def _mark_undone(self, undone: Record, reply: Message, entry: Entry) -> None:
        """Replace every other message about the change by the reply to its undo."""
        pressed = (entry.caller.channel_id, entry.message_ts)
        for channel_id, ts in ((undone.channel_id, undone.message_ts), (undone.announced_in, undone.announced_ts)):
            if channel_id and ts and (channel_id, ts) != pressed:
                await self._outbox.update(replace(reply, replaces=True), channel_id, ts)

    async def _ask_why(self, entry: Entry) -> None:
        """Ask the caller why they lost the deal, if the sub-account has lost reasons to choose from."""
        reasons = await self._lost_reasons(entry)
        if reasons and (change := await self._until_stored(lambda: self._history.find(entry.key))):
            await self._outbox.send(self._words.ask_why(reasons, change), entry.address)

    async def _until_stored(self, note: Callable[[], Awaitable[T]]) -> T:
        """Call `note`, and again while the database is down, until it returns; returns the same."""
        try:
            return await note()
        except StoreDown:
            pause = self._timing.retry
        # Built only after a failure: building it takes longer than most notes do.
        return await stamina.AsyncRetryingCaller(
            attempts=None, timeout=None, wait_initial=pause, wait_max=pause, wait_jitter=0.0
        )(StoreDown, note)


def _loggable(outcome: Outcome) -> str:
    return outcome.trouble.cause.value if isinstance(outcome, Failed) else type(outcome).__name__

"""Takes commands on, answers each exactly once, and takes over what a dead process left."""

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
from bot.deals.deal import LostReason
from bot.deals.outcome import Cause, Effect, Failed, Outcome, Result, Trouble, word
from bot.deals.ports import LeaseLost, StoreDown, StoreRefused

log = structlog.get_logger(__name__)
T = TypeVar("T")

ADOPTED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class WorkerTiming:
    """How often the worker does what, in seconds."""

    renew: float = 5.0
    """Between two renewals of our leases; several must fail before one runs out."""
    adopt: float = 1.0
    """Between two looks for commands whose process died."""
    tell: float = 5.0
    """After which the caller is told that it takes longer."""
    again: float = 0.25
    """Before something is tried again that is not there now: the deal, or the database."""
    wait_for_limit: float = 600.0
    """For how long a command is kept waiting for HighLevel's limit at most."""
    drain: float = 25.0
    """For what was accepted to be finished after SIGTERM. A PaaS kills after 30.
    https://devcenter.heroku.com/articles/dynos#shutdown"""
    last_words: float = 2.0
    """Kept back from draining, twice: for replies that are on their way, and to note what is given back."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the worker reads and writes: the commands it has, and what was done before."""

    ledger: WorkerLedger
    history: History


class Worker:
    """Runs the commands that this process accepted or took over."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        channels: Channels,
        memory: Memory,
        words: Words,
        outbox: Outbox,
        tasks: Tasks,
        timing: WorkerTiming,
        instrumentation: Instrumentation = NO_METRICS,
    ) -> None:
        self._accounts = accounts
        self._ledger = memory.ledger
        self._history = memory.history
        self._words = words
        self._outbox = outbox
        self._tasks = tasks
        self._timing = timing
        self._instrumentation = instrumentation
        self._execution = Execution(
            accounts, channels, memory.ledger, again=timing.again, wait_for_limit=timing.wait_for_limit
        )
        self._keys: set[str] = set()
        """Of the commands that are running here."""
        self._leaving = False

    # --- what comes in ----------------------------------------------------------------------------------------------

    def has_room(self, entry: Entry) -> bool:
        """Whether a command would be begun at once, without waiting for others in its sub-account."""
        return not self._leaving and self._execution.has_room(entry.wish.location_id)

    def submit(self, entry: Entry, *, begun: bool = False) -> None:
        """Take on a command that was just accepted. What goes wrong with it is logged and told, never raised.

        `begun`: it was noted with it that we are at the deal.
        """
        identified = entry.undoes is not None
        self._take(Claim(entry, age=0.0, attempts=0, intended=None, reply=None, identified=identified, begun=begun))

    async def tend(self) -> None:
        """Keep the leases of what we have, and take over what others left, until cancelled."""
        renewed = float("-inf")
        while True:
            now = _now()
            try:
                if now - renewed >= self._timing.renew:
                    if self._keys:
                        await self._ledger.renew(self._keys)
                    renewed = now
                for claim in [] if self._leaving else await self._ledger.adopt(ADOPTED_AT_ONCE):
                    # It never left, the clock jumped; or we are leaving ourselves, and give it back.
                    if self._leaving or claim.entry.key in self._keys:
                        continue
                    log.info("command.adopted", reference=claim.entry.reference, attempts=claim.attempts)
                    self._take(claim)
            except StoreDown:  # logged where it happened
                pass
            except Exception:
                log.exception("worker.broken")
            await asyncio.sleep(self._timing.adopt)

    async def drain(self) -> None:
        """Wait until every command is answered, as long as there is time; give back what is not done by then."""
        self._leaving = True
        last_words = self._timing.last_words
        await self._tasks.drain(self._timing.drain - 2 * last_words, last_words)
        try:
            async with asyncio.timeout(self._timing.last_words):
                if given_back := await self._ledger.give_back():
                    log.warning("worker.gave_back", commands=given_back)
        except (StoreDown, TimeoutError):
            log.warning("worker.kept")  # until the leases run out

    def _take(self, claim: Claim) -> None:
        key = claim.entry.key
        self._keys.add(key)
        task = self._tasks.start(self._run(claim), claim.entry.reference)
        task.add_done_callback(lambda _: self._keys.discard(key))

    # --- one command ------------------------------------------------------------------------------------------------

    async def _run(self, claim: Claim) -> None:
        entry, accepted = claim.entry, _now() - claim.age
        telling: list[asyncio.Task[None]] = []
        timer = asyncio.get_running_loop().call_later(
            self._timing.tell, lambda: telling.append(self._tasks.start(self._tell_to_wait(entry), entry.reference))
        )
        try:
            reply = claim.reply or await self._answer(claim)
            timer.cancel()
            await asyncio.gather(*telling)  # what is being said is said to the end, before the result
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
        """Carry it out, and write down what became of it and what is to be said.

        `None` for one of several, unless it is the first: that waits for the others, and answers for all.
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
        records = await self._all_done(batch)
        undone = await self._undone(entry)
        earlier = (
            await self._until_stored(partial(self._history.of_batch, undone.batch)) if undone and undone.batch else []
        )
        lacks_reason = any(record.outcome is Result.REASON_WANTED for record in records)
        reasons = await self._reasons_of(entry) if lacks_reason else None
        together = self._words.several(records, entry, earlier, reasons or ())
        await self._until_stored(lambda: self._ledger.reply(entry.key, together))
        return together

    async def _note_outcome(self, outcome: Outcome, entry: Entry) -> Message | None:
        """Write down what became of a command, and the reply; `None` for one of several."""
        log.info("command.done", outcome=_name(outcome))
        undone = await self._undone(entry)
        reply = None if entry.batch else self._words.outcome(outcome, entry, undone)
        await self._until_stored(lambda: self._ledger.answer(entry.key, outcome, reply))
        self._instrumentation.commanded(word(outcome))
        return reply

    async def _all_done(self, batch: str) -> Sequence[Record]:
        while True:
            records = await self._until_stored(lambda: self._history.of_batch(batch))
            if all(record.outcome for record in records):
                return records
            await asyncio.sleep(self._timing.again)

    async def _undone(self, entry: Entry) -> Record | None:
        """The change that this command undoes."""
        key = entry.undoes
        return await self._until_stored(lambda: self._history.find(key)) if key else None

    async def _reasons_of(self, entry: Entry) -> tuple[LostReason, ...] | None:
        return await self._accounts.lost_reasons(entry.wish.location_id, until=_now() + self._timing.tell)

    async def _tell_to_wait(self, entry: Entry) -> None:
        if entry.batch not in {None, entry.key}:
            return
        try:
            first = await self._ledger.tell_to_wait(entry.key)
        except StoreDown:
            first = True  # once in the life of this process, then
        if first:
            log.info("command.takes_long")
            await self._outbox.say(self._words.takes_long(entry.reference), entry.address)

    # --- its reply --------------------------------------------------------------------------------------------------

    async def _reply_and_finish(self, entry: Entry, reply: Message, accepted: float) -> None:
        async def still_ours(waited: float) -> None:
            if waited > self._timing.renew:
                await self._until_stored(lambda: self._ledger.hold(entry.key))

        delivery = await self._outbox.deliver(reply, entry.address, still_ours)
        self._instrumentation.replied(delivery.way, _now() - accepted)
        log.info("command.answered", delivered=delivery.way.value)
        # Only a message in the command's own channel can be found again by its id alone.
        message_ts = delivery.message_ts if delivery.way is DeliveryWay.CHANNEL else ""
        announced = await self._announce(reply)
        await self._until_stored(lambda: self._ledger.finish(entry.key, delivery.way, message_ts, announced))
        if reply.is_undo and (undone := await self._undone(entry)):
            await self._mark_undone(await self._spoke_for(undone), reply, entry)
        if reply.asks_why:
            await self._ask_why(entry)

    async def _announce(self, reply: Message) -> tuple[str, str]:
        """Post it in the other channel where it belongs; the channel and the message, or nothing."""
        if not reply.also_in:
            return "", ""
        delivery = await self._outbox.post(reply, reply.also_in)
        return (reply.also_in, delivery.message_ts) if delivery.message_ts else ("", "")

    async def _spoke_for(self, undone: Record) -> Record:
        """The command whose message told of the change: of several the first."""
        first = undone.batch or undone.key
        found = await self._until_stored(lambda: self._history.find(first))
        return found or undone  # the first may be forgotten

    async def _mark_undone(self, undone: Record, reply: Message, entry: Entry) -> None:
        """Let every other message about the change say that it was undone."""
        pressed = (entry.caller.channel_id, entry.message_ts)
        for channel_id, ts in ((undone.channel_id, undone.message_ts), (undone.announced_in, undone.announced_ts)):
            if channel_id and ts and (channel_id, ts) != pressed:
                await self._outbox.update(replace(reply, replaces=True), channel_id, ts)

    async def _ask_why(self, entry: Entry) -> None:
        """Ask the person who lost a deal for the reason, where there are any to choose from."""
        reasons = await self._reasons_of(entry)
        if reasons and (change := await self._until_stored(lambda: self._history.find(entry.key))):
            await self._outbox.say(self._words.ask_why(reasons, change), entry.address)

    async def _until_stored(self, note: Callable[[], Awaitable[T]]) -> T:
        """Do it, as soon as the database lets us."""
        try:
            return await note()
        except StoreDown:
            pause = self._timing.again
        # Built only after a failure: to build it costs more than most notes.
        return await stamina.AsyncRetryingCaller(
            attempts=None, timeout=None, wait_initial=pause, wait_max=pause, wait_jitter=0.0
        )(StoreDown, note)


def _name(outcome: Outcome) -> str:
    return outcome.trouble.cause.value if isinstance(outcome, Failed) else type(outcome).__name__


def _now() -> float:
    return asyncio.get_running_loop().time()

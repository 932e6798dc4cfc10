"""Takes commands on, answers each exactly once, and takes over what a dead process left."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import structlog

from bot.commands.execution import MOST_ATTEMPTS, Accounts, Channels, Execution, parked
from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.commands.ledger import Claim, Memory
from bot.commands.outbox import Outbox, ReplyDelivery, Words, until_stored
from bot.commands.record import Entry, Record
from bot.commands.reply import DeliveryWay, Message
from bot.commands.tasks import Tasks
from bot.deals.outcome import Failed, Outcome, Result, word
from bot.deals.ports import LeaseLost, StoreDown

log = structlog.get_logger(__name__)

ADOPTED_AT_ONCE = 50
LONGEST_PAUSE = 60.0
"""Seconds before a command is tried again in which something went wrong inside the bot."""


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
    mend: float = 1.0
    """Before a command is tried again in which something went wrong inside the bot; doubled each time."""
    wait_for_limit: float = 600.0
    """For how long a command is kept waiting for HighLevel's limit at most."""
    drain: float = 25.0
    """For what was accepted to be finished after SIGTERM. A PaaS kills after 30.
    https://devcenter.heroku.com/articles/dynos#shutdown"""
    last_words: float = 2.0
    """Kept back from draining, twice: for replies that are on their way, and to note what is given back."""


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
        self._tasks = tasks
        self._timing = timing
        self._instrumentation = instrumentation
        self._execution = Execution(
            accounts, channels, memory.ledger, again=timing.again, wait_for_limit=timing.wait_for_limit
        )
        self._replies = ReplyDelivery(accounts, memory, words, outbox, timing.again, timing.tell, instrumentation)
        self._until_stored = partial(until_stored, pause=timing.again)
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
        renewed, looked = float("-inf"), _now()
        while True:
            now = _now()
            try:
                if now - looked > self._timing.renew:  # suspended, or the database was away
                    await self._ledger.renew(self._keys)
                    log.info("worker.late", seconds=round(now - looked, 1))
                    # Others may have waited for the same database, or for a lock of this process on its file. Their
                    # leases have run out meanwhile; they get the time to note what they did.
                    await asyncio.sleep(self._timing.renew)
                    looked = renewed = _now()
                    continue
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
                looked = now
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
            if not claim.answered:
                claim = await self._carry_out(claim)
            if not claim.reply and entry.key == entry.batch:
                claim = replace(claim, reply=await self._answer_for_all(claim.entry, entry.key))
            timer.cancel()
            await asyncio.gather(*telling)  # what is being said is said to the end, before the result
            if (reply := claim.reply) is None:
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
        """Carry it out, and write down what became of it and what is to be said. One of several has no reply yet."""
        outcome, entry = await self._execution.carry_out(claim)
        log.info("command.done", outcome=_name(outcome))
        undone = await self._replies.undone(entry)
        reply = None if entry.batch else self._words.outcome(outcome, entry, undone)
        await self._until_stored(lambda: self._ledger.answer(entry.key, outcome, reply))
        self._instrumentation.commanded(word(outcome))
        return replace(claim, entry=entry, reply=reply, answered=True)

    async def _answer_for_all(self, entry: Entry, batch: str) -> Message:
        """Wait until all of several are done, and write down their one reply."""
        records = await self._all_done(batch)
        undone = await self._replies.undone(entry)
        earlier = (
            await self._until_stored(partial(self._history.of_batch, undone.batch)) if undone and undone.batch else []
        )
        lacks_reason = any(record.outcome is Result.REASON_WANTED for record in records)
        reasons = await self._replies.reasons_of(entry) if lacks_reason else None
        together = self._words.several(records, entry, earlier, reasons or ())
        await self._until_stored(lambda: self._ledger.reply(entry.key, together))
        return together

    async def _all_done(self, batch: str) -> Sequence[Record]:
        while True:
            records = await self._until_stored(lambda: self._history.of_batch(batch))
            if all(record.outcome for record in records):
                return records
            await asyncio.sleep(self._timing.again)

    async def _tell_to_wait(self, entry: Entry) -> None:
        if entry.batch not in {None, entry.key}:
            return
        try:
            first = await self._ledger.tell_to_wait(entry.key)
        except StoreDown:
            first = True  # once in the life of this process, then
        if first:
            log.info("command.takes_long")
            with suppress(LeaseLost):  # the command's own task learns that too
                await self._replies.say(self._words.takes_long(entry.reference), entry)

    # --- what went wrong --------------------------------------------------------------------------------------------

    async def _set_back(self, claim: Claim) -> None:
        """Count a failure inside the bot, and leave the command to be tried again after a while; or end it."""
        key, failures = claim.entry.key, claim.attempts + 1
        way = claim.delivered or DeliveryWay.UNDELIVERED
        with suppress(LeaseLost):
            if claim.answered and failures >= MOST_ATTEMPTS:
                log.error("command.given_up", delivered=way.value)
                await self._until_stored(lambda: self._ledger.finish(key, way, ""))
            elif failures > MOST_ATTEMPTS:  # not even that it is parked could be said
                await self._until_stored(lambda: self._ledger.answer(key, parked(claim), None))
                await self._until_stored(lambda: self._ledger.finish(key, way, ""))
            else:
                pause = min(self._timing.mend * 2**claim.attempts, LONGEST_PAUSE)
                await self._until_stored(lambda: self._ledger.set_back(key, pause, claim.delivered))


def _name(outcome: Outcome) -> str:
    return outcome.trouble.cause.value if isinstance(outcome, Failed) else type(outcome).__name__


def _now() -> float:
    return asyncio.get_running_loop().time()

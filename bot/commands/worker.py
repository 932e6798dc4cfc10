"""Carries out commands, a few at a time, each to its one reply; takes over what a dead process left."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import structlog

from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.commands.ledger import Claim, History, WorkerLedger
from bot.commands.record import Entry, Record
from bot.commands.reply import Address, Delivery, Message
from bot.deals.deal import LostReason, Opportunity
from bot.deals.identify import Identified
from bot.deals.outcome import Cause, Effect, Failed, Outcome, Trouble, word
from bot.deals.ports import LeaseLost, StoreDown
from bot.deals.wish import Consent, Wish
from bot.slack.messages.sentences import Messages

log = structlog.get_logger(__name__)
T = TypeVar("T")

IN_FLIGHT = 8
"""Commands at once in one sub-account: what its limit of 100 requests in 10 s has room for, and the connections too."""
DELIVERING = 8
"""Replies at once. They do not take the commands' places: Slack may make us wait for a channel."""
ADOPTED_AT_ONCE = 50
MOST_ATTEMPTS = 5
"""How often one command may be taken over from whoever was at its deal, before it is taken for the reason."""
TOGETHER = "together"
"""How the reply of one of several was delivered: with the others', by the first of them."""
TOO_LATE = 3600.0
"""Seconds after which a command that nobody began is answered instead of carried out: whoever typed it has moved on."""


@dataclass(frozen=True, slots=True)
class WorkerTiming:
    """How often the worker does what, in seconds."""

    renew: float = 5.0
    """Between two renewals of our leases; several must fail before one runs out."""
    adopt: float = 1.0
    """Between two looks for commands whose process died."""
    tell: float = 5.0
    """After which somebody is told that it takes longer."""
    again: float = 0.25
    """Before something is tried again that is not there now: the deal, or the database."""
    wait_for_limit: float = 600.0
    """For how long a command is kept waiting for HighLevel's limit at most."""
    last_words: float = 2.0
    """Kept back from draining, twice: for replies that are on their way, and to note what is given back."""


class Change(Protocol):
    """`change.ChangeStatus`."""

    async def __call__(self, wish: Wish, key: str, intended: Opportunity | None = None) -> Outcome:
        """Carry it out."""


class LostReasons(Protocol):
    """`change.Crm.lost_reasons`, wherever it is."""

    async def __call__(self, location_id: str, *, until: float) -> tuple[LostReason, ...] | None:
        """Why deals can be lost in this sub-account."""


class Channels(Protocol):
    """What Slack knows about channels."""

    async def is_shared(self, channel_id: str) -> bool:
        """Whether people of another company are in it; not where Slack does not tell. Never raises."""


class Worker:
    """Runs the commands that this process accepted or adopted."""

    def __init__(  # noqa: PLR0913 - each is one neighbour
        self,
        *,
        identify: Callable[[Wish], Awaitable[Identified]],
        change: Change,
        lost_reasons: LostReasons,
        channels: Channels,
        ledger: WorkerLedger,
        history: History,
        messages: Messages,
        deliver: Callable[[Message, Address], Awaitable[Delivery]],
        post: Callable[[Message, str], Awaitable[Delivery]],
        update: Callable[[Message, str, str], Awaitable[bool]],
        timing: WorkerTiming,
        instrumentation: Instrumentation = NO_METRICS,
    ) -> None:
        self._identify = identify
        self._change = change
        self._lost_reasons = lost_reasons
        self._channels = channels
        self._ledger = ledger
        self._history = history
        self._messages = messages
        self._deliver = deliver
        self._post = post
        self._update = update
        self._timing = timing
        self._instrumentation = instrumentation
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(IN_FLIGHT))
        """By sub-account: each has limits of its own, and none waits for another."""
        self._mail = asyncio.Semaphore(DELIVERING)
        self._running: set[asyncio.Task[None]] = set()
        self._keys: set[str] = set()
        """Of the commands that are running here."""
        self._posting: set[asyncio.Task[None] | None] = set()
        """Of the running, those whose reply is on its way."""
        self._leaving = False

    # --- what comes in ----------------------------------------------------------------------------------------------

    def has_room(self, entry: Entry) -> bool:
        """Whether a command would be begun at once, without waiting for others in its sub-account."""
        return not self._leaving and not self._places[entry.wish.location_id].locked()

    def submit(self, entry: Entry, *, begun: bool = False) -> None:
        """Take on a command that was just accepted. What goes wrong with it is logged and told, never raised.

        `begun`: it was noted with it that we are at the deal.
        """
        identified = entry.undoes is not None
        self._take(Claim(entry, age=0.0, attempts=0, intended=None, reply=None, identified=identified, begun=begun))

    def tell(self, message: Message, to: Address, reference: str) -> None:
        """Deliver something that is no command's reply."""
        self._start(self._tell(message, to), reference)

    def answer(self, question: Awaitable[Message | None], to: Address, reference: str) -> None:
        """Deliver the answer to a question, as soon as it is there; `None` is none. What goes wrong is told."""
        self._start(self._answer_question(question, to, reference), reference)

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

    def _take(self, claim: Claim) -> None:
        key = claim.entry.key
        self._keys.add(key)
        self._start(self._run(claim), claim.entry.reference).add_done_callback(lambda _: self._keys.discard(key))

    def _start(self, work: Awaitable[None], reference: str) -> asyncio.Task[None]:
        # The set holds the task: asyncio alone would let it be collected while it runs.
        task = asyncio.create_task(_with_reference(work, reference), name=reference)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    # --- how it ends ------------------------------------------------------------------------------------------------

    async def drain(self, patience: float) -> None:
        """Wait until every command is answered, for `patience` seconds at most; give back what is not done by then."""
        self._leaving = True
        if self._running:
            log.info("worker.draining", commands=len(self._running))
            _, left = await asyncio.wait(self._running, timeout=max(0.0, patience - 2 * self._timing.last_words))
            for task in left - self._posting:
                task.cancel()
            if left:
                _, left = await asyncio.wait(left, timeout=self._timing.last_words)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        try:
            async with asyncio.timeout(self._timing.last_words):
                if given_back := await self._ledger.give_back():
                    log.warning("worker.gave_back", commands=given_back)
        except (StoreDown, TimeoutError):
            log.warning("worker.kept")  # until the leases run out

    # --- one command ------------------------------------------------------------------------------------------------

    async def _run(self, claim: Claim) -> None:
        entry, accepted = claim.entry, _now() - claim.age
        telling: list[asyncio.Task[None]] = []
        timer = asyncio.get_running_loop().call_later(
            self._timing.tell, lambda: telling.append(self._start(self._tell_to_wait(entry), entry.reference))
        )
        try:
            reply = claim.reply or await self._answer(claim)
            timer.cancel()
            await asyncio.gather(*telling)  # what is being said is said to the end, before the result
            if reply is None:
                await self._insist(lambda: self._ledger.finish(entry.key, TOGETHER, ""))
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
            outcome, entry = await self._carry_out(claim)
            log.info("command.done", outcome=_name(outcome))
            undone = await self._undone(entry)
            reply = None if batch else self._messages.outcome(outcome, entry, undone)
            await self._insist(lambda: self._ledger.answer(entry.key, outcome, reply))
            self._instrumentation.commanded(word(outcome))
            if reply:
                return reply
        if not batch or entry.key != batch:
            return None
        records = await self._all_done(batch)
        undone = await self._undone(entry)
        earlier = await self._insist(partial(self._history.of_batch, undone.batch)) if undone and undone.batch else []
        lacks_reason = any(record.outcome == "reason_wanted" for record in records)
        reasons = await self._reasons_of(entry) if lacks_reason else None
        together = self._messages.several(records, entry, earlier, reasons or ())
        await self._insist(lambda: self._ledger.reply(entry.key, together))
        return together

    async def _reasons_of(self, entry: Entry) -> tuple[LostReason, ...] | None:
        return await self._lost_reasons(entry.wish.location_id, until=_now() + self._timing.tell)

    async def _all_done(self, batch: str) -> Sequence[Record]:
        while True:
            records = await self._insist(lambda: self._history.of_batch(batch))
            if all(record.outcome for record in records):
                return records
            await asyncio.sleep(self._timing.again)

    async def _undone(self, entry: Entry) -> Record | None:
        """What this command takes back."""
        key = entry.undoes
        return await self._insist(lambda: self._history.find(key)) if key else None

    async def _spoke_for(self, undone: Record) -> Record:
        """The one whose message told of it: of several the first."""
        first = undone.batch or undone.key
        found = await self._insist(lambda: self._history.find(first))
        return found or undone  # the first may be forgotten

    async def _reply_and_finish(self, entry: Entry, reply: Message, accepted: float) -> None:
        delivery = await self._reply(entry, reply)
        self._instrumentation.replied(delivery.way, _now() - accepted)
        log.info("command.answered", delivered=delivery.way)
        # Only a message in the command's own channel can be found again by its id alone.
        message_ts = delivery.message_ts if delivery.way == "channel" else ""
        announced = await self._announce(reply)
        await self._insist(lambda: self._ledger.finish(entry.key, delivery.way, message_ts, announced))
        if reply.is_undo and (undone := await self._undone(entry)):
            await self._mark(await self._spoke_for(undone), reply, entry)
        if reply.asks_why:
            await self._ask_why(entry)

    async def _announce(self, reply: Message) -> tuple[str, str]:
        """Post it in the other channel where it belongs; the channel and the message, or nothing."""
        if not reply.also_in:
            return "", ""
        async with self._mail:
            delivery = await self._post(reply, reply.also_in)
        return (reply.also_in, delivery.message_ts) if delivery.message_ts else ("", "")

    async def _mark(self, undone: Record, reply: Message, entry: Entry) -> None:
        """Let every other message about the change say that it was taken back."""
        pressed = (entry.caller.channel_id, entry.message_ts)
        for channel_id, ts in ((undone.channel_id, undone.message_ts), (undone.announced_in, undone.announced_ts)):
            if channel_id and ts and (channel_id, ts) != pressed:
                async with self._mail:
                    await self._update(replace(reply, replaces=True), channel_id, ts)

    async def _ask_why(self, entry: Entry) -> None:
        """Ask whoever lost a deal for the reason, where there are any to choose from."""
        reasons = await self._reasons_of(entry)
        if reasons and (change := await self._insist(lambda: self._history.find(entry.key))):
            await self._tell(self._messages.ask_why(reasons, change), _address(entry))

    async def _reply(self, entry: Entry, reply: Message) -> Delivery:
        ready = _now()
        async with self._mail:
            if _now() - ready > self._timing.renew:  # others were before us: is it still ours to say?
                await self._insist(lambda: self._ledger.hold(entry.key))
            task = asyncio.current_task()
            self._posting.add(task)
            try:
                return await self._deliver(reply, _address(entry))
            finally:
                self._posting.discard(task)

    async def _carry_out(self, claim: Claim) -> tuple[Outcome, Entry]:
        """Do it when its turn has come: few at once, and one about a deal after another, which the ledger sees to.

        Gives the outcome, and the command with what was found out about it.
        """
        taken = _now()
        give_up = taken + self._timing.wait_for_limit
        while True:
            if outcome := _without_trying(claim, claim.age + _now() - taken):
                return outcome, claim.entry
            pause = self._timing.again
            async with self._places[claim.entry.wish.location_id]:
                # What was accepted is carried out as soon as it can be written down.
                with suppress(StoreDown):
                    claim, outcome = await self._step(claim)
                    if outcome:
                        pause = _worth_waiting_for(outcome)
                        if not pause or _now() + pause > give_up:
                            return outcome, claim.entry
            await asyncio.sleep(pause)

    async def _step(self, claim: Claim) -> tuple[Claim, Outcome | None]:
        """Go as far as it goes now; no outcome when another command about the deal comes first."""
        entry = claim.entry
        if not claim.identified:
            found = await self._find_out(entry.wish)
            if found.wish != entry.wish:
                await self._ledger.identify(entry.key, found.wish)
            entry = replace(entry, wish=found.wish)
            claim = replace(claim, entry=entry, identified=found.obstacle is None)
            if found.obstacle:
                return claim, found.obstacle
        if (
            not claim.intended
            and entry.needs_sharing_consent
            and await self._channels.is_shared(entry.caller.channel_id)
        ):
            entry = replace(entry, wish=replace(entry.wish, consent=Consent.SHARED))
            claim = replace(claim, entry=entry)
        if not claim.begun:
            if not await self._ledger.begin(entry.key):
                return claim, None
            claim = replace(claim, begun=True)
        return claim, await self._try(entry, claim.intended)

    async def _find_out(self, wish: Wish) -> Identified:
        try:
            return await self._identify(wish)
        except Exception:
            log.exception("command.broken")
            return Identified(wish, Failed(Trouble(Cause.UNEXPECTED), Effect.NOTHING))

    async def _try(self, entry: Entry, intended: Opportunity | None) -> Outcome:
        try:
            return await self._change(entry.wish, entry.key, intended)
        except (StoreDown, LeaseLost):
            raise
        except Exception:
            log.exception("command.broken")
            return Failed(Trouble(Cause.UNEXPECTED), Effect.UNKNOWN, intended)

    async def _insist(self, note: Callable[[], Awaitable[T]]) -> T:
        """Do it, as soon as the database lets us."""
        while True:
            try:
                return await note()
            except StoreDown:
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
            await self._tell(self._messages.takes_long(entry.reference), _address(entry))

    async def _answer_question(self, question: Awaitable[Message | None], to: Address, reference: str) -> None:
        try:
            message = await question
        except Exception:
            log.exception("question.broken")
            message = self._messages.not_accepted(Cause.UNEXPECTED, reference)
        if message:
            await self._tell(message, to)

    async def _tell(self, message: Message, to: Address) -> None:
        async with self._mail:
            await self._deliver(message, to)


async def _with_reference(work: Awaitable[None], reference: str) -> None:
    with structlog.contextvars.bound_contextvars(reference=reference):
        await work


def _without_trying(claim: Claim, age: float) -> Outcome | None:
    """The outcome of a command that nobody should try any more; `None` when it is worth trying."""
    effect = Effect.UNKNOWN if claim.intended else Effect.NOTHING
    if claim.attempts >= MOST_ATTEMPTS:
        log.error("command.parked", attempts=claim.attempts)
        return Failed(Trouble(Cause.PARKED), effect, claim.intended)
    if age > TOO_LATE:
        return Failed(Trouble(Cause.TOO_LATE), effect, claim.intended)
    return None


def _worth_waiting_for(outcome: Outcome) -> float:
    """Seconds after which a command that met HighLevel's limit is tried again; 0 for any other."""
    limited = isinstance(outcome, Failed) and outcome.trouble.cause is Cause.RATE_LIMITED
    return (outcome.trouble.retry_after or 1.0) if isinstance(outcome, Failed) and limited else 0.0


def _address(entry: Entry) -> Address:
    return Address(entry.response_url, entry.caller.channel_id, entry.caller.user_id, entry.message_ts)


def _name(outcome: Outcome) -> str:
    return outcome.trouble.cause.value if isinstance(outcome, Failed) else type(outcome).__name__


def _now() -> float:
    return asyncio.get_running_loop().time()

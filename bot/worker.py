"""Carries out accepted commands, a few at a time, each to its one reply; and finishes them before the process ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from bot.change import StoreDown
from bot.ledger import Entry, Ledger
from bot.messages import Message, Messages
from bot.outcome import Cause, Effect, Failed, Outcome, Trouble
from bot.replies import UNDELIVERED, Address, Delivery
from bot.status import Wish

log = structlog.get_logger(__name__)

IN_FLIGHT = 8
"""Commands at once: what HighLevel's limit of 100 requests in 10 s has room for, and the connections' best pace."""


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted command and where its answer goes."""

    entry: Entry
    address: Address


LAST_WORDS = 4.0
"""Seconds kept back from draining, to tell those whose command cannot be finished."""


class Worker:
    """Runs orders in the background of the process that accepted them."""

    def __init__(
        self,
        *,
        change: Callable[[Wish, str], Awaitable[Outcome]],
        ledger: Ledger,
        messages: Messages,
        deliver: Callable[[Message, Address], Awaitable[Delivery]],
    ) -> None:
        self._change = change
        self._ledger = ledger
        self._messages = messages
        self._deliver = deliver
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._deals: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._running: set[asyncio.Task[None]] = set()

    def submit(self, order: Order) -> None:
        """Take an order on. It runs as soon as a place is free; its failure is logged and told, never raised."""
        # The set holds the task: asyncio alone would let it be collected while it runs.
        task = asyncio.create_task(self._run(order), name=order.entry.reference)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, patience: float) -> None:
        """Wait until every order is answered, for `patience` seconds at most.

        What cannot be finished is stopped a little before, and its people are told whether anything may have changed.
        """
        if not self._running:
            return
        log.info("worker.draining", commands=len(self._running))
        last_words = min(LAST_WORDS, patience / 2)
        await self._stop_after(patience - last_words)
        await self._stop_after(last_words)
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _stop_after(self, seconds: float) -> None:
        if self._running:
            _, left = await asyncio.wait(self._running, timeout=seconds)
            for task in left:
                task.cancel()

    async def _run(self, order: Order) -> None:
        entry = order.entry
        with structlog.contextvars.bound_contextvars(reference=entry.reference):
            outcome = await self._outcome(entry)
            delivered = UNDELIVERED
            try:
                message = self._messages.outcome(outcome, entry.wish, entry.caller, entry.reference)
                delivered = (await self._deliver(message, order.address)).way
            except Exception:
                log.exception("reply.broken")
            log.info("command.done", outcome=_name(outcome), delivered=delivered)
            await self._note(entry.key, outcome, delivered)

    async def _outcome(self, entry: Entry) -> Outcome:
        """Carry it out: one command about a deal after another, and few at once."""
        effect = Effect.NOTHING
        try:
            async with self._deals.setdefault(entry.wish.opportunity_id, asyncio.Lock()), self._places:
                effect = Effect.UNKNOWN
                return await self._change(entry.wish, entry.key)
        except asyncio.CancelledError:
            log.warning("command.stopped", effect=effect.value)
            return Failed(Trouble(Cause.STOPPED), effect)
        except Exception:
            log.exception("command.broken")
            return Failed(Trouble(Cause.UNEXPECTED), effect)

    async def _note(self, key: str, outcome: Outcome, delivered: str) -> None:
        try:
            await self._ledger.finish(key, outcome, delivered)
        except StoreDown:
            log.error("ledger.unfinished", outcome=_name(outcome), delivered=delivered)


def _name(outcome: Outcome) -> str:
    return outcome.trouble.cause.value if isinstance(outcome, Failed) else type(outcome).__name__

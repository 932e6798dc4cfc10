"""Carries out accepted commands, a few at a time, each to its one reply; and finishes them before the process ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bot.change import StoreDown
from bot.ledger import Entry, Ledger
from bot.messages import Message, Messages
from bot.outcome import Cause, Effect, Failed, Outcome, Trouble
from bot.replies import Address
from bot.status import Wish

log = structlog.get_logger(__name__)

IN_FLIGHT = 8
"""Commands at once: what HighLevel's limit of 100 requests in 10 s has room for, and the connections' best pace."""


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted command and where its answer goes."""

    entry: Entry
    address: Address


class Worker:
    """Runs orders in the background of the process that accepted them."""

    def __init__(
        self,
        *,
        change: Callable[[Wish, str], Awaitable[Outcome]],
        ledger: Ledger,
        messages: Messages,
        deliver: Callable[[Message, Address], Awaitable[str]],
    ) -> None:
        self._change = change
        self._ledger = ledger
        self._messages = messages
        self._deliver = deliver
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._running: set[asyncio.Task[None]] = set()

    def submit(self, order: Order) -> None:
        """Take an order on. It runs as soon as a place is free; its failure is logged and told, never raised."""
        # The set holds the task: asyncio alone would let it be collected while it runs.
        task = asyncio.create_task(self._run(order), name=order.entry.reference)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, patience: float) -> None:
        """Wait until every order is answered, for `patience` seconds at most; then stop what is left."""
        if not self._running:
            return
        log.info("worker.draining", commands=len(self._running))
        _, left = await asyncio.wait(self._running, timeout=patience)
        for task in left:
            log.error("worker.abandoned", abandoned=task.get_name())
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _run(self, order: Order) -> None:
        entry = order.entry
        with structlog.contextvars.bound_contextvars(reference=entry.reference):
            async with self._places:
                try:
                    outcome = await self._change(entry.wish, entry.key)
                    message = self._messages.outcome(outcome, entry.wish, entry.caller, entry.reference)
                except Exception:
                    log.exception("command.broken")
                    outcome = Failed(Trouble(Cause.UNEXPECTED), Effect.UNKNOWN)
                    message = self._messages.outcome(outcome, entry.wish, entry.caller, entry.reference)
                delivered = await self._deliver(message, order.address)
                log.info("command.done", outcome=_name(outcome), delivered=delivered)
                await self._note(entry.key, outcome, delivered)

    async def _note(self, key: str, outcome: Outcome, delivered: str) -> None:
        try:
            await self._ledger.finish(key, outcome, delivered)
        except StoreDown:
            log.error("ledger.unfinished", outcome=_name(outcome), delivered=delivered)


def _name(outcome: Outcome) -> str:
    return outcome.trouble.cause.value if isinstance(outcome, Failed) else type(outcome).__name__

"""Work in the background: each task logs under its reference, and ends in time when the process has to stop."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)


class Tasks:
    """Everything that this process does in the background."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._at_last_step: set[asyncio.Task[None] | None] = set()

    def start(self, work: Awaitable[None], reference: str) -> asyncio.Task[None]:
        """Begin; every line that is logged on the way carries the reference."""
        # The set holds the task: asyncio alone would let it be collected while it runs.
        task = asyncio.create_task(_with_reference(work, reference), name=reference)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    @contextmanager
    def last_step(self) -> Iterator[None]:
        """What this task does inside is not stopped with the others: it is nearly done."""
        task = asyncio.current_task()
        self._at_last_step.add(task)
        try:
            yield
        finally:
            self._at_last_step.discard(task)

    async def drain(self, patience: float, last_words: float) -> None:
        """Wait for all tasks, `patience` seconds at most; then `last_words` more for those at their last step."""
        if not self._running:
            return
        log.info("worker.draining", commands=len(self._running))
        _, left = await asyncio.wait(self._running, timeout=max(0.0, patience))
        for task in left - self._at_last_step:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=last_words)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _with_reference(work: Awaitable[None], reference: str) -> None:
    with structlog.contextvars.bound_contextvars(reference=reference):
        await work

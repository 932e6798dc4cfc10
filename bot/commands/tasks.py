"""Runs work in the background: each task logs under its reference, and all end in time when the process stops."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)


class Tasks:
    """The background tasks of this process."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._at_last_step: set[asyncio.Task[None] | None] = set()

    def start(self, work: Awaitable[None], reference: str) -> asyncio.Task[None]:
        """Start a task; each line that it logs carries the reference."""
        # asyncio keeps only a weak reference to a task: without the set it could be collected while it runs.
        # https://docs.python.org/3/library/asyncio-task.html#asyncio.create_task
        task = asyncio.create_task(_with_reference(work, reference), name=reference)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    @contextmanager
    def last_step(self) -> Iterator[None]:
        """Give the current task, which is nearly done, the grace time when the others are cancelled; see `drain`."""
        task = asyncio.current_task()
        self._at_last_step.add(task)
        try:
            yield
        finally:
            self._at_last_step.discard(task)

    async def drain(self, patience: float, grace: float) -> None:
        """Wait for all tasks for `patience` seconds. Then cancel all but those at their last step.

        These have `grace` seconds more.
        """
        if not self._running:
            return
        log.info("worker.draining", commands=len(self._running))
        _, left = await asyncio.wait(self._running, timeout=max(0.0, patience))
        for task in left - self._at_last_step:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=grace)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _with_reference(work: Awaitable[None], reference: str) -> None:
    with structlog.contextvars.bound_contextvars(reference=reference):
        await work

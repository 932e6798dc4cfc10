"""A thread that does one piece of work after another, for callers on the event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class WorkerThread:
    """The thread. It starts with the first work. Not a `ThreadPoolExecutor`, which takes ten locks for each piece."""

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._is_stopped = False

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do this work when all that came before is done; it must not raise. Raises `RuntimeError` after `stop`."""
        if self._is_stopped:
            raise RuntimeError("the thread is stopped")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def do() -> None:
            result = work()
            with suppress(RuntimeError):  # the loop may have ended without waiting for this
                loop.call_soon_threadsafe(done.set_result, result)

        self._work.put(do)
        if self._thread.ident is None:
            self._thread.start()
        return done

    def stop(self) -> None:
        """End the thread, and wait until all work is done."""
        self._is_stopped = True
        if self._thread.ident is not None:
            self._work.put(None)
            self._thread.join()

    def _run(self) -> None:
        while do := self._work.get():
            do()

"""An event loop that does not wait: as soon as all that runs in it waits for a time, its clock jumps to that time.

For tests in which everything runs in this one loop; those are marked `jumping_clock`. Two ends of a connection may be
in it, and what the loop itself gives to a thread is waited for. A process, or a thread that the loop did not start, as
the database's, takes real time, of which this clock knows nothing. `time.time()` and the like go on as ever.
"""

import asyncio
import selectors
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple, Unpack

Given = TypeVarTuple("Given")
Result = TypeVar("Result")

BEGINS = 1_000.0
"""What the clock shows at first: some uptime, as on any machine."""
LATE = 1e-9
"""Seconds by which a timer is late, as every timer is: rounding must not make it early."""
UNDER_WAY = 0.005
"""Seconds of real time in which what one end of a connection has sent reaches the other. On the loopback interface it
is there before `send` returns, unless the kernel has to put it off."""


class _Selector(selectors.DefaultSelector):
    """Finds what can be read and written, and sets the clock forward if that is nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINS
        self.threads = 0
        """At work for the loop."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        has_connections = len(self.get_map()) > 1  # the loop itself has one, by which threads wake it
        longest = timeout if self.threads else UNDER_WAY if has_connections else 0
        ready = super().select(longest)
        if not ready:
            self.now += timeout + LATE
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """The loop. In it, `asyncio.sleep(3600)` takes no longer than what else happens in that hour."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Given]], Result], *args: *Given
    ) -> asyncio.Future[Result]:
        future = super().run_in_executor(executor, func, *args)
        self._clock.threads += 1
        future.add_done_callback(self._is_back)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's
        """From Python 3.13 on, this waits in the loop for a thread that the loop did not start, for 300 s at most."""
        self._clock.threads += 1
        try:
            if sys.version_info >= (3, 12):
                await super().shutdown_default_executor(timeout)
            else:
                await super().shutdown_default_executor()
        finally:
            self._clock.threads -= 1

    def _is_back(self, _: object) -> None:
        self._clock.threads -= 1

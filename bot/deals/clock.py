"""The clocks: the event loop's, by which the bot waits and gives up, and one that a suspended machine does not stop."""

import asyncio
import time
from functools import partial

uptime = partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
"""Seconds on a clock that nothing sets, and that goes on while this machine sleeps, where the system has one."""


def loop_time() -> float:
    """Seconds on the event loop's clock, which nothing sets back; every `until` is a time on it.

    Raises `RuntimeError` outside a running event loop.
    """
    return asyncio.get_running_loop().time()

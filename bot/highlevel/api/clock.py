"""The clock by which the client waits and gives up: the event loop's."""

import asyncio


def loop_time() -> float:
    """Seconds on the event loop's clock, which nothing sets back; every `until` is a time on it.

    Raises `RuntimeError` outside a running event loop.
    """
    return asyncio.get_running_loop().time()

"""Serves a stand-in's application on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

LOCALHOST = "127.0.0.1"


@asynccontextmanager
async def served(app: web.Application, port: int = 0, *, host: str = LOCALHOST) -> AsyncIterator[str]:
    """Serve the application until the block is left; yields its address. Port 0 means any free one.

    Raises `OSError` if the port is taken.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()

"""Serves the demo's page, says where it is, and opens it where there is a browser: `python -m bot demo`."""

import asyncio
import sys
import webbrowser
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TextIO

from bot.operations import logs
from bot.simulator.demo.page import Page
from bot.simulator.demo.stage import Stage, staged
from bot.simulator.serving import LOCALHOST, served

PORT = 3000
WELCOME = """\
Opp Status demo: the real bot, with a pretend Slack and HighLevel, on this machine only.
Open {url} and watch Ana win a deal. Then it's your turn.
Press Ctrl-C to end it. `--terminal` plays a dialogue here instead.
"""
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
"""What a Linux desktop sets. Without one, a browser would take over the terminal."""


def run(
    out: TextIO, *, host: str = LOCALHOST, port: int | None = None, opens: Callable[[str], object] | None = None
) -> None:
    """Serve the page until Ctrl-C, and say where it is. `opens` is given its address, to show it in a browser.

    Without a `port` the page is on 3000 or, if that is taken, on any free one. Raises `OSError` if the given port is
    taken.
    """
    logs.set_up("ERROR", "text")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(out, host, port, opens))


async def _serve(out: TextIO, host: str, port: int | None, opens: Callable[[str], object] | None) -> None:
    async with staged() as stage, served_page(stage, host, port) as address:
        print(WELCOME.format(url=address), file=out, end="", flush=True)
        if opens is not None:
            await asyncio.to_thread(opens, address)
        await asyncio.Event().wait()


@asynccontextmanager
async def served_page(stage: Stage, host: str, port: int | None) -> AsyncIterator[str]:
    """Serve the page over this stage until the block is left; yields its address. Raises `OSError` as `run` does."""
    page = Page(stage).app()
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(served(page, PORT if port is None else port, host=host))
        except OSError:
            if port is not None:
                raise
            address = await stack.enter_async_context(served(page, host=host))
        yield address


def browser(environ: Mapping[str, str], out: TextIO, platform: str = sys.platform) -> Callable[[str], object] | None:
    """What opens an address in a browser; `None` if no person sits here, or the platform shows no windows."""
    if environ.get("CI") or not out.isatty():
        return None
    has_windows = platform in {"darwin", "win32"} or any(environ.get(name) for name in _DISPLAYS)
    return webbrowser.open if has_windows else None

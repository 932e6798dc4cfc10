"""Runs the system's Chromium without a window: cut off from the network, and failing tests whose pages have errors."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebError, WebSocket, expect

from bot.simulator.serving import LOCALHOST

Picture = Callable[[Page, str], Awaitable[Path]]
"""Takes a picture of what a page shows, under a name; gives the file."""
WITHOUT_WINDOWS = Path("/usr/lib/chromium/chromium-headless-shell")
"""Debian's Chromium without windows takes half of the time. Its command in `/usr/bin` would not pass on a signal."""
PATIENCE = 60
"""Seconds that a test waits for something on a page."""
expect.set_options(timeout=PATIENCE * 1000)
_START = 60
"""Seconds that Chromium has to start on a busy machine."""
_FLAGS = [
    "--headless=new",
    "--no-sandbox",  # it refuses to have one as root; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # a container's is small
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",  # with a proxy, Chromium would not resolve names itself
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOCALHOST}",
    "--remote-debugging-port=0",
]


def program() -> str | None:
    """Where Chromium is; `None` when this machine has none."""
    return str(WITHOUT_WINDOWS) if WITHOUT_WINDOWS.exists() else shutil.which("chromium")


@contextmanager
def running(program: str) -> Iterator[str]:
    """Run Chromium with an empty profile until the block is left; yields the address of its DevTools."""
    with tempfile.TemporaryDirectory(prefix="opp-status-chromium-", ignore_cleanup_errors=True) as profile:
        log = Path(profile) / "log"
        with log.open("w") as output:
            process = subprocess.Popen(  # noqa: S603 - our own words
                [program, *_FLAGS, f"--user-data-dir={profile}"], stdout=output, stderr=output
            )
        try:
            yield _address(Path(profile) / "DevToolsActivePort", process, log)
        finally:
            process.terminate()
            process.wait()


def _address(file: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < end:
        match file.read_text().split() if file.exists() else []:
            case [port, path]:
                return f"ws://{LOCALHOST}:{port}{path}"
        time.sleep(0.01)
    raise RuntimeError(f"Chromium did not start:\n{log.read_text()}")


@dataclass
class Tabs:
    """Opens pages, each with cookies and storage of its own."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    """Errors in the pages, and requests to other machines. A test that expects some removes them."""
    _visitors: list[BrowserContext] = field(default_factory=list)

    async def open(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        phone: bool = False,
        moves: bool = False,
    ) -> Page:
        """Open a page, in English and UTC, and wait until it has loaded.

        Width and height are in CSS pixels. A phone has a touch screen and heeds the page's `viewport`. Unless it
        `moves`, the visitor prefers reduced motion.
        """
        visitor = await self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            is_mobile=phone,
            has_touch=phone,
            reduced_motion="no-preference" if moves else "reduce",
            locale="en-US",
            timezone_id="UTC",
            service_workers="block",  # their requests would not be seen
        )
        self._visitors.append(visitor)
        visitor.set_default_timeout(PATIENCE * 1000)
        visitor.on("page", self._on_page)
        visitor.on("request", self._on_request)
        visitor.on("console", self._on_console)
        visitor.on("weberror", self._on_error)
        page = await visitor.new_page()
        await page.goto(url)
        return page

    async def close(self) -> None:
        for visitor in self._visitors:
            for page in visitor.pages:  # wait for what is due at once, and for its errors
                await page.evaluate("new Promise(done => setTimeout(done))")
            await visitor.close()

    def _on_page(self, page: Page) -> None:
        page.on("websocket", self._on_request)

    def _on_request(self, request: Request | WebSocket) -> None:
        if urlsplit(request.url).hostname not in {LOCALHOST, None}:  # `data:` and `blob:` have none
            self.complaints.append(f"asked for {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self.complaints.append(f"error: {error.error}")


@asynccontextmanager
async def watched(browser: Browser) -> AsyncIterator[Tabs]:
    """Yield tabs, and close them when the block is left. Raises `AssertionError` if there are complaints."""
    tabs = Tabs(browser)
    try:
        yield tabs
    finally:
        await tabs.close()
        if tabs.complaints:
            raise AssertionError("\n".join(tabs.complaints))

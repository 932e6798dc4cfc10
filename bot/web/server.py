"""Serves the bot with uvicorn, and limits the size of a request and the time that it may take."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import ClassVar

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.lifecycle import Bot
from bot.slack.verification import MAX_COMMAND, MAX_INTERACTION
from bot.web.routes import app

log = structlog.get_logger(__name__)

MAX_HEADERS = 4 * MAX_COMMAND
"""Bytes of a request's headers: far more than Slack or a browser sends."""
MAX_REQUEST = MAX_HEADERS + MAX_INTERACTION
"""Bytes of a request with its headers."""

REQUEST_PATIENCE = 10.0
"""Seconds for a request to arrive completely; Slack itself gives up after three."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, but it hangs up on a client that sends too much or too slowly.

    uvicorn's parser keeps a header in memory until it is complete, however large it gets and however long it takes.
    """

    patience: ClassVar[float] = REQUEST_PATIENCE
    _received = 0
    _has_headers = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Start the clock for a client's first request."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock: the client has gone."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes, of one request or several; hang up if a request gets too large."""
        super().data_received(data)
        self._received += len(data)
        if self._received > (MAX_REQUEST if self._has_headers else MAX_HEADERS):
            self._hang_up("too large")

    def on_message_begin(self) -> None:
        """Start the clock for a request, and note when it began."""
        self._received, self._has_headers = 0, False
        self._start_clock()
        super().on_message_begin()
        self.scope["state"]["began"] = self.loop.time()

    def on_headers_complete(self) -> None:
        """Let the body come, which uvicorn does not read ahead of the application."""
        self._has_headers = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the clock: the request is complete."""
        self._stop_clock()
        super().on_message_complete()

    def _start_clock(self) -> None:
        self._stop_clock()
        self._deadline = self.loop.call_later(self.patience, self._hang_up, "too slow")

    def _stop_clock(self) -> None:
        if self._deadline:
            self._deadline.cancel()

    def _hang_up(self, why: str) -> None:
        log.info("web.hung_up", why=why)
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server, but a process that is asked to stop and finishes its work exits with 0."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Stop taking requests, and finish what was accepted; after a second Ctrl-C, do not wait for open requests.

        uvicorn would send itself the signal again when all is done, and a drained process would look killed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


class BackgroundServer(Server):
    """A server for a process that handles signals itself."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._asked_to_end = asyncio.Event()

    def end(self) -> None:
        """Take no more requests, and finish what was accepted."""
        self.should_exit = True
        self._asked_to_end.set()

    async def main_loop(self) -> None:
        """As uvicorn's, which looks every 0.1 s whether it is to end; this one is told."""
        ticking = asyncio.create_task(super().main_loop())
        try:
            await self._asked_to_end.wait()
        finally:
            ticking.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def config(bot: Bot) -> uvicorn.Config:
    """Configure uvicorn to serve this bot on the host and port of its settings."""
    return uvicorn.Config(
        app(bot),
        http=BoundedProtocol,
        host=bot.settings.host,
        port=bot.settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )


@asynccontextmanager
async def serving(bot: Bot) -> AsyncIterator[str]:
    """Serve the bot until the block is left; yields its address. Raises `OSError` if the port is taken."""
    # The listener is opened here: uvicorn would end the whole process if the port is taken.
    listener = socket.create_server((bot.settings.host, bot.settings.port))
    host, port, *_ = listener.getsockname()
    server = BackgroundServer(config(bot))
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.wait([task], timeout=0.005)
    try:
        yield f"http://{host}:{port}"
    finally:
        server.end()
        await task

"""uvicorn, bounded: how much a request may be, and how long it may take."""

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
from bot.slack.verification import MAX_BODY
from bot.web.routes import app

log = structlog.get_logger(__name__)

MAX_REQUEST = 4 * MAX_BODY
"""Bytes, with the headers: far more than Slack or a browser sends."""

REQUEST_PATIENCE = 10.0
"""Seconds for a request to come in; Slack itself gives up after three."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's, but it hangs up on whoever sends without end, or so slowly that they seem to.

    Its parser keeps a header in memory until it is complete, however long that takes and however much it is.
    """

    patience: ClassVar[float] = REQUEST_PATIENCE
    _received = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Somebody has connected."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request, or of several."""
        super().data_received(data)
        self._received += len(data)
        if self._received > MAX_REQUEST:
            self._hang_up("too large")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._received = 0
        self._expect()
        super().on_message_begin()
        self.scope["state"]["began"] = self.loop.time()

    def on_message_complete(self) -> None:
        """A request has come in."""
        self._expect_nothing()
        super().on_message_complete()

    def _expect(self) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(self.patience, self._hang_up, "too slow")

    def _expect_nothing(self) -> None:
        if self._deadline:
            self._deadline.cancel()

    def _hang_up(self, why: str) -> None:
        log.info("web.hung_up", why=why)
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn, but a process that was asked to stop and has finished its work ends with 0."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Stop taking requests, and finish what was accepted; a second Ctrl-C does not wait for open requests.

        uvicorn's own remembers the signal and sends it to itself when all is done: a drained process would look killed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


class BackgroundServer(Server):
    """A server in a process that does more than serve, and looks after signals itself."""

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
        """Leave them alone."""
        yield


def config(bot: Bot) -> uvicorn.Config:
    """How to serve this bot, on the address of its settings."""
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
    """Serve the bot until the block is left; gives its address. Raises `OSError` when the port is taken."""
    # uvicorn would end the whole process then.
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

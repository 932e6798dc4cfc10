"""Serves the bot with uvicorn, within bounds: of a request's size and time, and of how many connections are open."""

import asyncio
import math
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import FrameType
from typing import ClassVar

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.slack.verification import MAX_COMMAND, MAX_INTERACTION
from bot.web.listening import descriptors, max_connections, max_waiting, opened
from bot.web.routes import app
from bot.wiring.lifecycle import Bot
from bot.wiring.startup import tell_start

log = structlog.get_logger(__name__)

MAX_HEADERS = 4 * MAX_COMMAND
"""Bytes of a request's headers: far more than Slack or a browser sends."""
MAX_REQUEST = MAX_HEADERS + MAX_INTERACTION
"""Bytes of a request with its headers."""

REQUEST_PATIENCE = 10.0
"""Seconds for a request to arrive completely; Slack itself gives up after three."""


BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, but it hangs up on a client that sends too much or too slowly, or for which there is no room.

    uvicorn's parser keeps a header in memory until it is complete, however large it gets and however long it takes.
    """

    patience: ClassVar[float] = REQUEST_PATIENCE
    most: ClassVar[int] = max_connections(descriptors())
    """Connections that may be open at a time."""
    _received = 0
    _has_headers = False
    _deadline: asyncio.TimerHandle | None = None
    _idle_since: float = math.inf
    """Since when it waits for a whole request, on the loop's clock; never, while a request is being answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Start the clock for a client's first request. Above the limit, hang up on who has been idle longest."""
        super().connection_made(transport)
        self._start_clock()
        self._idle_since = self.loop.time()
        if len(self.connections) > self.most:
            known = (other for other in self.connections if isinstance(other, BoundedProtocol))
            min(known, key=lambda other: other._idle_since)._make_room_for(self)  # noqa: SLF001 - of our own class

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
        """Stop the clock: the request is complete. Not if it was answered before, as one that is too large."""
        if not self.cycle.response_complete:
            self._stop_clock()
            self._idle_since = math.inf
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless there is one already."""
        if not self.pipeline:
            self._idle_since = self.loop.time()
        super().on_response_complete()

    def _start_clock(self) -> None:
        self._stop_clock()
        self._deadline = self.loop.call_later(self.patience, self._hang_up, "too slow")

    def _stop_clock(self) -> None:
        if self._deadline:
            self._deadline.cancel()

    def _make_room_for(self, newer: "BoundedProtocol") -> None:
        """End this idle connection; the newer one, if it is that itself because all others are at work."""
        if self is newer:
            self.transport.write(BUSY)
            self._hang_up("too many at work")
        else:
            log.info("web.hung_up", why="too many")
            self.connections.discard(self)
            self.transport.abort()  # at once: what a client does not read would keep it open

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


class TellingServer(Server):
    """A server that tells the log how the bot starts, once it listens."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[int], Coroutine[None, None, None]]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and begin to tell where."""
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        self._telling = asyncio.create_task(self._tell(port), name="startup")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop telling before what it asks is closed."""
        self._telling.cancel()
        await asyncio.wait([self._telling])
        await super().shutdown(sockets)


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
        workers=1,  # or uvicorn reads WEB_CONCURRENCY, which hosts set, and fails over one that is no number
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        backlog=max_waiting(descriptors()),
    )


def telling_server(bot: Bot) -> TellingServer:
    """The server of a process that serves this bot and nothing else."""
    return TellingServer(config(bot), partial(tell_start, bot))


@asynccontextmanager
async def serving(bot: Bot) -> AsyncIterator[str]:
    """Serve the bot until the block is left; yields its address. Raises `OSError` if the port is taken."""
    # The listener is opened here: uvicorn would end the whole process if the port is taken.
    listener = opened(bot.settings.host, bot.settings.port)
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

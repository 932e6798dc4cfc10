"""Receives Slack's requests over Socket Mode: stays connected, and acknowledges each on the connection it came by.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.deals.clock import loop_time
from bot.http.proxies import Proxies
from bot.slack.bolt import dispatch, kind_of
from bot.slack.verification import Rejected
from bot.slack.workspace import LONGEST_ERROR, SlackTrouble, answered, cause_of

log = structlog.get_logger(__name__)

NOTICES = ("warning", "refresh_requested")
"""Reasons of a `disconnect` after which this connection ends soon, and another one can be made."""
MAX_FRAME = 1_000_000
"""Bytes of a message; what people type, and what they see of a message, fits into it."""
PASSING = ("internal_error", "fatal_error", "service_unavailable", "request_timeout")
"""Slack's errors for trouble of its own, which passes without an admin's help."""


@dataclass(frozen=True, slots=True)
class SocketTiming:
    """Durations in seconds."""

    pause: float = 0.5
    """Before the next connection; doubled for each connection in a row that does not last."""
    longest_pause: float = 30.0
    """The longest pause, and the one after Slack refused us. A connection that was up for longer has lasted."""
    hello: float = 10.0
    """To connect, until Slack's `hello`."""
    heartbeat: float = 10.0
    """Between pings. A connection on which a pong takes longer than half of this is dead, even if it looks open."""
    farewell: float = 15.0
    """To go on receiving on a connection whose end was announced. Slack announces it about 10 s before."""
    last_answers: float = 1.0
    """To acknowledge what came in before we close a connection."""
    hang_up: float = 0.5
    """For Slack to close its side too."""


@dataclass(eq=False, slots=True)
class _Connection:
    """One connection, from the request for its address to its end."""

    wants_successor: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its end was announced, or has come."""
    greeted: float | None = None
    """The event-loop time of Slack's `hello`; `None` before."""
    refused: bool = False
    """Whether Slack refused it."""


class SocketMode:
    """Our end of Socket Mode."""

    def __init__(
        self,
        web: AsyncWebClient,
        app_token: str,
        bolt: AsyncApp,
        timing: SocketTiming | None = None,
        instrumentation: Instrumentation = NO_METRICS,
        proxies: Proxies | None = None,
    ) -> None:
        self._web = web
        self._app_token = app_token
        self._bolt = bolt
        self._timing = timing or SocketTiming()
        self._instrumentation = instrumentation
        self._proxies = proxies or Proxies()
        self._receiving = False
        self._connected: set[_Connection] = set()
        self._trouble = ""
        self._answering: set[asyncio.Task[None]] = set()

    async def ask(self) -> None:
        """Raise `SlackTrouble` if there is no connection; outside `receiving`, if Slack would not let us connect."""
        if not self._receiving:
            await self._address()
        elif not self._connected:
            raise SlackTrouble(self._trouble)

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """Receive while inside the block; then acknowledge what has come in, and close the connections."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            self._receiving = True
            staying = asyncio.create_task(self._stay_connected(session), name="socket")
            try:
                yield
            finally:
                staying.cancel()
                await asyncio.gather(staying, return_exceptions=True)
                for task in self._answering:
                    task.cancel()
                await asyncio.gather(*self._answering, return_exceptions=True)

    async def _stay_connected(self, session: aiohttp.ClientSession) -> None:
        """Make one connection after another. The old one is still read until it ends, so that no request is missed."""
        pause, longest = 0.0, self._timing.longest_pause
        async with asyncio.TaskGroup() as connections:
            while True:
                connection = _Connection()
                connections.create_task(self._keep(connection, session))
                await connection.wants_successor.wait()
                greeted = connection.greeted
                if connection.refused:
                    pause = longest
                elif greeted is not None and loop_time() - greeted > longest:
                    pause = 0.0
                else:
                    pause = min(max(2 * pause, self._timing.pause), longest)
                await asyncio.sleep(pause)

    async def _keep(self, connection: _Connection, session: aiohttp.ClientSession) -> None:
        """Make a connection and keep it until it ends. Never raises: the next one has to be made."""
        trouble = ""
        try:
            address = await self._address()
            async with (
                asyncio.timeout(self._timing.hello) as patience,
                session.ws_connect(
                    address,
                    **self._proxies.arguments(address),
                    heartbeat=self._timing.heartbeat,
                    max_msg_size=MAX_FRAME,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._timing.hang_up),
                ) as ws,
            ):
                await self._receive(ws, connection, patience)
            log.info("socket.closed")
        except SlackTrouble as error:
            trouble = error.error
            log.warning("socket.not_connected", error=error.error or cause_of(error))
        except (aiohttp.ClientError, OSError) as error:
            # Only the error's type: its text may have the address, which is a secret.
            log.info("socket.closed", error=type(error).__name__)
        except Exception:
            log.exception("socket.broken")
        finally:
            if not connection.wants_successor.is_set():  # else the trouble of its successor is the latest
                self._trouble = trouble
            self._connected.discard(connection)
            connection.refused = bool(trouble)
            connection.wants_successor.set()

    async def _address(self) -> str:
        """An address for one connection. Raises `SlackTrouble`.

        https://docs.slack.dev/reference/methods/apps.connections.open
        """
        try:
            answer = await answered(self._web.apps_connections_open(app_token=self._app_token))
        except SlackTrouble as trouble:
            raise SlackTrouble("" if trouble.error in PASSING else trouble.error) from trouble.__cause__
        return str(answer.get("url"))

    async def _receive(
        self, ws: aiohttp.ClientWebSocketResponse, connection: _Connection, patience: asyncio.Timeout
    ) -> None:
        """Read until the connection ends; acknowledge each envelope in a task of its own. Raises `SlackTrouble`."""
        try:
            async for frame in ws:
                match _message(frame):
                    case {"type": "hello"}:
                        patience.reschedule(None)
                        connection.greeted = loop_time()
                        self._connected.add(connection)
                        log.info("socket.connected")
                    case {"type": "disconnect", "reason": reason} if reason not in NOTICES:
                        raise SlackTrouble(str(reason)[:LONGEST_ERROR])
                    case {"type": "disconnect"}:
                        patience.reschedule(loop_time() + self._timing.farewell)
                        connection.wants_successor.set()
                    case {"envelope_id": str(envelope_id), "payload": dict(contents)}:
                        task = asyncio.create_task(self._answer(ws, envelope_id, contents))
                        self._answering.add(task)
                        task.add_done_callback(self._answering.discard)
                    case _:
                        log.info("slack.turned_away", why="unforeseen frame")
        finally:
            if self._answering and not ws.closed:
                await asyncio.wait(self._answering, timeout=self._timing.last_answers)

    async def _answer(self, ws: aiohttp.ClientWebSocketResponse, envelope_id: str, contents: dict[str, Any]) -> None:
        """Acknowledge as the listener says. Without a listener, do not: then Slack tells the person so."""
        began = loop_time()
        answer = await dispatch(self._bolt, contents)
        if isinstance(answer, Rejected):
            log.info("slack.turned_away", why=answer.why)
            return
        if answer.status != HTTPStatus.OK:
            log.info("slack.turned_away", why="no listener", status=answer.status)
            return
        acknowledgement: dict[str, Any] = {"envelope_id": envelope_id}
        if answer.body:
            is_json = answer.headers["content-type"][0].startswith("application/json")
            acknowledgement["payload"] = json.loads(answer.body) if is_json else {"text": answer.body}
        try:
            await ws.send_json(acknowledgement)
        except (aiohttp.ClientError, OSError) as error:
            log.warning("socket.not_acknowledged", error=type(error).__name__)
        else:
            self._instrumentation.acknowledged(kind_of(contents), loop_time() - began)


def _message(frame: aiohttp.WSMessage) -> object:
    """The JSON in a frame; `None` if it has none."""
    try:
        return json.loads(frame.data) if frame.type is aiohttp.WSMsgType.TEXT else None
    except (ValueError, RecursionError):
        return None

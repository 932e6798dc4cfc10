"""Slack's end of Socket Mode: gives out an address for each connection, and sends each envelope over one of them.

Known: the frames' shapes, a ticket per connection, ten connections at most, three seconds for an acknowledgement.
Guessed: an acknowledgement counts only on the connection that the envelope went to; an envelope on a connection that
breaks is not sent again; and a connection whose end is announced gets no more envelopes, and stays open until what it
brought is acknowledged.
https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from aiohttp import WSMsgType, web

MOST_CONNECTIONS = 10
TOO_MANY = "too_many_websockets"
Fault = Literal["refused", "silent", "deaf"]
"""What can be wrong with a connection: Slack refuses it, never says hello on it, or answers no ping."""


class SocketMode:
    """The stand-in's Socket Mode, switched on by an app-level token in `tokens`."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        """The valid app-level tokens."""
        self.host = ""
        """The stand-in's address; it begins with `http://`."""
        self.connections: list[web.WebSocketResponse] = []
        """The connections that take envelopes, in turn."""
        self.frames: list[object] = []
        """The frames that the bot sent."""
        self.greeted = 0
        """How many connections have got a hello."""
        self.faults: list[Fault] = []
        """What is wrong with the next connections, one each."""
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._tickets: set[str] = set()
        self._waiting: dict[str, tuple[web.WebSocketResponse, asyncio.Future[dict[str, Any]]]] = {}
        self._news = asyncio.Condition()

    @property
    def enabled(self) -> bool:
        """Whether Slack sends its payloads over Socket Mode."""
        return bool(self.tokens)

    # --- what Slack does -------------------------------------------------------------------------------------------

    async def deliver(self, kind: str, payload: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send an envelope over the next connection. Returns the acknowledgement's payload, empty if it has none.

        Raises `ConnectionError` if there is no connection, `TimeoutError` if no acknowledgement comes in time.
        """
        if not self.connections:
            raise ConnectionError
        ws = self.connections.pop(0)
        self.connections.append(ws)
        envelope_id = secrets.token_hex(16)
        acknowledged: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = ws, acknowledged
        try:
            async with asyncio.timeout(seconds):
                await self.send(
                    ws,
                    {"envelope_id": envelope_id, "type": kind, "accepts_response_payload": True, "payload": payload},
                )
                return await acknowledged
        finally:
            del self._waiting[envelope_id]
            await self._changed()

    async def send(self, ws: web.WebSocketResponse, frame: Mapping[str, Any] | str) -> None:
        """Send a frame; it is lost if the connection has just broken."""
        with suppress(ConnectionError):
            await ws.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    def drop(self) -> None:
        """Break every connection, without saying goodbye."""
        for ws in self._leaving():
            self._transports[ws].abort()

    async def refresh(self, reason: str = "refresh_requested", *, after: float = 0.05) -> None:
        """Announce the end of every connection. Close it `after` so many seconds, and what it brought is acknowledged.

        An envelope that is never acknowledged holds its connection open for as long as its sender waits.
        """
        leaving = self._leaving()
        await self._changed()
        for ws in leaving:
            await self.send(ws, {"type": "disconnect", "reason": reason, "debug_info": {"host": "simulated"}})
        await asyncio.sleep(after)
        async with self._news:
            await self._news.wait_for(lambda: not any(ws in leaving for ws, _ in self._waiting.values()))
        for ws in leaving:
            await ws.close()

    async def wait_for(self, connections: int, seconds: float = 60.0) -> None:
        """Wait until this many connections are open. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: len(self.connections) == connections)

    def _leaving(self) -> list[web.WebSocketResponse]:
        leaving, self.connections[:] = self.connections[:], []
        return leaving

    # --- what the bot does -----------------------------------------------------------------------------------------

    def open(self, token: str) -> dict[str, Any]:
        """Answer `apps.connections.open`: an address that is good for one connection.

        https://docs.slack.dev/reference/methods/apps.connections.open
        """
        if token not in self.tokens:
            return {"ok": False, "error": "invalid_auth" if token.startswith("xapp-") else "not_allowed_token_type"}
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return {"ok": True, "url": f"{self.host.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id=A0SIMULATED"}

    async def link(self, request: web.Request) -> web.StreamResponse:
        """Serve a connection until either side ends it."""
        fault = self.faults.pop(0) if self.faults else None
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or fault == "refused":
            self._tickets.discard(ticket)
            return web.Response(status=408)
        self._tickets.remove(ticket)
        ws = web.WebSocketResponse(autoping=fault != "deaf")
        await ws.prepare(request)
        if fault == "silent":
            await ws.receive()
            return ws
        if len(self.connections) >= MOST_CONNECTIONS:
            await self.send(ws, {"type": "disconnect", "reason": TOO_MANY})
            await ws.close()
            return ws
        assert request.transport is not None
        self._transports[ws] = request.transport
        await self.send(ws, {"type": "hello", "num_connections": len(self.connections) + 1})
        self.connections.append(ws)
        self.greeted += 1
        await self._changed()
        try:
            async for frame in ws:
                if frame.type is WSMsgType.TEXT:
                    self._read(ws, json.loads(frame.data))
        finally:
            del self._transports[ws]
            self.connections[:] = [other for other in self.connections if other is not ws]
            await self._changed()
        return ws

    def _read(self, ws: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        sent_over, acknowledged = self._waiting.get(str(frame.get("envelope_id")), (None, None))
        if sent_over is ws and acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(frame.get("payload") or {})

    async def _changed(self) -> None:
        async with self._news:
            self._news.notify_all()

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from bot.body import AskingBody
from bot.highlevel.api.transport import pooled

pytestmark = pytest.mark.jumping_clock


@dataclass
class Wire:
    """What a server sees that answers every request with 204."""

    connections: int = 0
    received: bytes = b""
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while chunk := await reader.read(65536):
                self.received += chunk
                if self.received.endswith(b"}"):
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        finally:
            writer.close()
            self.closed.set()


@asynccontextmanager
async def _sent(wire: Wire, body: AskingBody) -> AsyncIterator[httpx.Request]:
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield httpx.Request("PUT", f"http://127.0.0.1:{port}/", headers=body.headers, content=body)


async def test_a_request_is_asked_about_when_it_has_a_connection_and_nothing_was_written() -> None:
    wire, transport = Wire(), pooled()

    async def may_send() -> None:
        while not wire.connections:
            await asyncio.sleep(0.01)
        before = wire.received
        await asyncio.sleep(1)
        assert wire.received == before

    body = AskingBody({"status": "won", "name": "Zo\u00eb \ud800"}, may_send)
    async with _sent(wire, body) as request:
        for _ in range(2):  # a request that is sent again is asked about again
            assert (await transport.handle_async_request(request)).status_code == 204
            assert (body.taken, body.refused) == (True, None)
        await transport.aclose()

    assert wire.received.count(b'{"status":"won","name":"Zo\\u00eb \\ud800"}') == 2
    assert b"chunked" not in wire.received.lower()


async def test_of_a_request_that_may_not_be_sent_nothing_is() -> None:
    wire, transport, refusal = Wire(), pooled(), RuntimeError("no longer ours")

    async def may_send() -> None:
        raise refusal

    body = AskingBody({"status": "won"}, may_send)
    async with _sent(wire, body) as request:
        with pytest.raises(httpx.HTTPError):
            await transport.handle_async_request(request)
        await wire.closed.wait()
        await transport.aclose()

    assert (wire.connections, wire.received) == (1, b"")
    assert (body.taken, body.refused) == (False, refusal)

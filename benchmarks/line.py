"""Puts TLS and a long line before a server of this machine: prints its address, serves until standard input ends.

Arguments: the server's address, a folder for the certificate, and the seconds there and back.
"""

import asyncio
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import stage
import uvloop

from tests.connect_proxy import with_tls


async def _lead(port: int, away: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Lead to a port that is far away: to connect takes the whole way there and back, and each byte half of it."""
    await asyncio.sleep(away)
    with suppress(OSError):
        far_reader, far_writer = await asyncio.open_connection(stage.LOCALHOST, port)
        await asyncio.gather(_pass(reader, far_writer, away / 2), _pass(far_reader, writer, away / 2))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Pass each piece on so many seconds after it came; the next need not wait for it to arrive."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if not piece:
                return
            writer.write(piece)

    delivering = asyncio.create_task(deliver())
    with suppress(OSError):
        while piece := await reader.read(65536):
            pieces.put_nowait((time.perf_counter() + seconds, piece))
    pieces.put_nowait((time.perf_counter() + seconds, b""))
    await delivering
    writer.close()


async def _serve(url: str, folder: Path, away: float) -> None:
    async with with_tls(folder, {"localhost": url}) as (ports, _):
        lead = partial(_lead, ports["localhost:443"], away)
        server = await asyncio.start_server(lead, stage.LOCALHOST, 0)
        print(f"https://localhost:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))

"""Bodies that no neighbour should send: endless, dripping, compressed to nothing, nested deeper than can be read."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from itertools import repeat

Chunks = Callable[[], AsyncIterator[bytes]]
"""Makes the pieces of a body, anew for each answer."""

PIECE = 64 * 1024
GZIP = {"Content-Encoding": "gzip"}
"""The header of an answer with a `gzip_bomb`."""


def endless(piece: bytes = b" " * PIECE, times: int | None = None) -> Chunks:
    """The same piece again and again; at most so often, if `times` says so."""

    async def chunks() -> AsyncIterator[bytes]:
        for each in repeat(piece) if times is None else repeat(piece, times):
            yield each

    return chunks


def dripping(pause: float, piece: bytes = b" ") -> Chunks:
    """One piece every `pause` seconds, without end."""

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield piece
            await asyncio.sleep(pause)

    return chunks


def gzip_bomb(megabytes: int) -> Chunks:
    """So many megabytes of spaces, in a thousandth of the bytes. Send it with the header `GZIP`."""

    async def chunks() -> AsyncIterator[bytes]:
        deflate = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
        for _ in range(megabytes):
            yield deflate.compress(b" " * 1_000_000)
        yield deflate.flush()

    return chunks


def nested(depth: int = 200_000) -> Chunks:
    """JSON that nests so deep."""
    return endless(b'{"a":' * depth, times=1)

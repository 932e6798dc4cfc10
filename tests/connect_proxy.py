"""A proxy as companies have them, and servers with TLS behind it, all on this machine."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class ConnectProxy:
    """A proxy that knows CONNECT alone, and looks names up by itself."""

    ports: Mapping[str, int]
    """Where it leads: a port of this machine, by `host:port`."""
    password: str = ""
    """What it wants as `Proxy-Authorization`; empty: nothing."""
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """The `host:port` of each CONNECT, let through or not; what else is asked is here as it came."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        self.asked.append(target if method == "CONNECT" else head)
        lines = (line.partition(": ") for line in head.splitlines()[1:])
        headers = {name.lower(): value for name, _, value in lines}
        if self.password and headers.get("proxy-authorization") != self.password:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        elif method != "CONNECT" or target not in self.ports:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _join(reader, writer, self.ports[target])


@asynccontextmanager
async def proxied(ports: Mapping[str, int], password: str = "") -> AsyncIterator[ConnectProxy]:
    """Run a proxy."""
    proxy = ConnectProxy(ports, password)
    async with _serving(proxy.serve) as server:
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy


@asynccontextmanager
async def with_tls(folder: Path, urls: Mapping[str, str]) -> AsyncIterator[tuple[dict[str, int], Path]]:
    """Put TLS before servers: `urls` are their addresses, by the name in the certificate.

    Gives a port for each `name:443`, and the file of the certificate, which signed itself.
    """
    certificate = folder / "certificate.pem"
    certificate.write_bytes(_certificate(list(urls)))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    ports = {}
    async with AsyncExitStack() as running:
        for name, url in urls.items():
            server = await running.enter_async_context(_serving(_leading_to(int(url.rpartition(":")[2])), context))
            ports[f"{name}:443"] = server.sockets[0].getsockname()[1]
        yield ports, certificate


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _serving(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[asyncio.Server]:
    """Serve on this machine; at the end no connection is left open."""
    under_way: set[asyncio.Task[None] | None] = set()

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        await _close(writer)

    server = await asyncio.start_server(noted, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server
        await asyncio.sleep(0.05)  # one that was just accepted begins
        tasks = [task for task in under_way if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _leading_to(port: int) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, port)

    return serve


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass on what comes, in both directions, until one side ends."""
    their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
    ways = [asyncio.ensure_future(_pass(reader, their_writer)), asyncio.ensure_future(_pass(their_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await _close(their_writer)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()


def _certificate(names: list[str]) -> bytes:
    """A key and its certificate, as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "for tests")])
    made = (
        x509.CertificateBuilder(whose, whose, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + made.public_bytes(serialization.Encoding.PEM)

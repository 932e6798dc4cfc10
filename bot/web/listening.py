"""Opens the port, and says how many connections it takes. It imports little, so that the port is open early."""

import os
import socket

MAX_CONNECTIONS = 500
"""Connections that clients may have open; Slack and a router before the bot have a few each."""


def descriptors() -> int:
    """How many files and connections this process may have open: 1024 on most machines, and where it is not known."""
    return os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else 1024


def max_connections(of: int) -> int:
    """How many of so many descriptors clients may take. At least half are kept for the bot's own calls and files."""
    return min(MAX_CONNECTIONS, of // 2)


def max_waiting(of: int) -> int:
    """How many connections may wait to be accepted. All of them may be accepted before the first is bounded."""
    return min(2048, of // 8)


def opened(host: str, port: int) -> socket.socket:
    """Open the port. From then on a connection waits to be accepted, and is not refused. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=max_waiting(descriptors()))


def listen(host: str, port: int) -> socket.socket:
    """Open the port, or end the process, and tell the operator why."""
    try:
        return opened(host, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error  # a name is no file's error
        raise SystemExit(f"Can't listen on {host}, port {port}: {why}. Free the port, or set PORT.") from None

"""A request, its answer, and why there is none: values, and the port that sends. No I/O."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Protocol, Self
from urllib.parse import urlencode

MAX_BODY = 1_000_000
"""Bytes of an answer's body, decompressed, unless the request says another number."""

UNREADABLE = b"<unreadable>"
"""Stands for a body that is larger than it may be, or cannot be decompressed."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries."""

    content: bytes = b""
    kind: str = ""
    """Its Content-Type; empty without contents."""

    @classmethod
    def json(cls, value: object) -> Self:
        """A value as JSON, in ASCII: half an emoji is JSON, and not UTF-8."""
        return cls(json.dumps(value, separators=(",", ":")).encode(), "application/json")

    @classmethod
    def form(cls, fields: Mapping[str, str]) -> Self:
        """Fields as an HTML form sends them."""
        return cls(urlencode(fields).encode(), "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is sent once: it is not repeated, and a redirection is an answer like any other."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Beside those that every request of the client has. They may hold a token."""
    body: Body = field(default=Body(), repr=False)
    until: float = field(kw_only=True)
    """The event-loop time at which the sender stops waiting for the whole answer."""
    connect: float = field(kw_only=True)
    """Seconds to wait for a connection."""
    max_body: int = field(default=MAX_BODY, kw_only=True)
    """Bytes that the answer's body may have, decompressed."""
    may_send: Callable[[], Awaitable[None]] | None = field(default=None, kw_only=True)
    """Asked as late as can be: when there is a connection, and nothing was written to it. If it raises, nothing is.
    Only for a request with a body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    """Decompressed; `UNREADABLE` in place of what is longer than it may be."""

    @classmethod
    def read(cls, status: int, headers: Iterable[tuple[bytes, bytes]], content: bytes) -> Self:
        """An answer from raw headers, whose names may be in any case."""
        return cls(
            status, {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}, content
        )

    @property
    def is_success(self) -> bool:
        """Whether its status is one of the 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Why(Enum):
    """Why there is no answer. The values are read by operators, in the log."""

    INVALID = "not an address that a request can be sent to"
    NAME_UNKNOWN = "the name of the server is not known"
    TLS_FAILED = "no trusted connection"
    CONNECT_TIMED_OUT = "no connection in time"
    PROXY_REFUSED = "the proxy refused, or could not be reached"
    UNREACHABLE = "no connection"
    TIMED_OUT = "no whole answer in time"
    CUT_OFF = "the connection broke before the answer was whole"

    @property
    def sent(self) -> bool:
        """Whether the request may have arrived. Where that is not certain, it counts as sent."""
        return self in {Why.TIMED_OUT, Why.CUT_OFF}


class RequestFailed(Exception):
    """There is no whole answer. Its text has neither the address nor a header: both may be secret."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class Http(Protocol):
    """Sends requests to other servers, over connections that it keeps for a while."""

    async def send(self, request: Request) -> Answer:
        """Send a request once, and read the whole answer.

        Raises `RequestFailed` if there is no whole answer. What `request.may_send` raised is passed on as it is.
        """

    async def aclose(self) -> None:
        """Close the connections."""


class PooledHttp(Http, Protocol):
    """`Http` that can open a connection ahead of a request."""

    def expect(self, url: str) -> None:
        """Open a connection for a request that is to be sent there soon, unless one is kept; return at once."""

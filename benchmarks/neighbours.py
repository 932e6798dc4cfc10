"""Slack and HighLevel as cheap as can be, in a process of their own: prints where, serves until standard input ends.

The stand-ins of `bot/simulator` are strict, and cost more for a request than the bot does: measured against them, the
fastest contestant would wait for them. These answer what a change needs, and note when. Argument: the seconds that
HighLevel takes for an answer.
"""

import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast
from urllib.parse import parse_qs

import httptools
import stage
import uvloop

DEAL = """{"id":"%s","name":"Deal %s","status":"%s","monetaryValue":12500,"pipelineId":"PIPELINE",\
"pipelineStageId":"STAGE","assignedTo":"OWNER","source":"web","locationId":"%s","contactId":"CONTACT",\
"contact":{"id":"CONTACT","name":"Somebody Else","companyName":"Elsewhere Ltd","email":"a@example.com","tags":[]},\
"createdAt":"2026-01-05T09:30:00.000Z","updatedAt":"2026-11-05T09:30:00.000Z",\
"lastStatusChangeAt":"2026-11-05T09:30:00.000Z","customFields":[],"followers":[]}"""
PIPELINES = '{"pipelines":[{"id":"PIPELINE","name":"Sales","stages":[{"id":"STAGE","name":"Offer"}]}]}'
LIMITS = (
    b"X-RateLimit-Limit-Daily: 200000\r\nX-RateLimit-Daily-Remaining: 199000\r\nX-RateLimit-Max: 1000000\r\n"
    b"X-RateLimit-Remaining: 999999\r\nX-RateLimit-Interval-Milliseconds: 10000\r\n"
)
INTRODUCTION = {"ok": True, "team_id": stage.TEAM, "user_id": "U0BOT", "bot_id": "B0BOT", "team": "t", "url": "u"}
SLACK = {
    "auth.test": INTRODUCTION,
    "conversations.info": {"ok": True, "channel": {"id": stage.CHANNEL, "is_ext_shared": False}},
}


class _Request(Protocol):
    """What httptools tells of one."""

    def get_method(self) -> bytes:
        """GET or PUT."""


@dataclass
class Seen:
    """What has been asked, and when, by the system's monotonic clock in seconds."""

    replies: dict[str, tuple[float, str]] = field(default_factory=dict)
    """By the number in the reply address: when the first came, and its text."""
    more: int = 0
    """Replies after the first."""
    calls: Counter[str] = field(default_factory=Counter)
    """HighLevel's requests, by what was asked."""
    held: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By deal: seconds from HighLevel's requests to its answers."""
    statuses: dict[str, str] = field(default_factory=dict)


class Exchange(asyncio.Protocol):
    """One connection."""

    def __init__(self, seen: Seen, listeners: list[asyncio.Transport], waits: float) -> None:
        self._seen = seen
        self._listeners = listeners
        self._waits = waits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._body = self._url = b""

    def data_received(self, data: bytes) -> None:
        """A part of a request."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Its address."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._body += body

    def on_message_complete(self) -> None:
        """A whole request: answer it, at once or when it is time."""
        came, method = time.perf_counter(), cast("_Request", self._parser).get_method()
        (path, _, query), body = self._url.decode().partition("?"), self._body
        self._url = self._body = b""
        place, _, rest = path.lstrip("/").partition("/")
        match place:
            case "opportunities" | "users":
                answer = self._highlevel(method, place, rest, query, body)
                deal = rest.partition("/")[0]

                def send() -> None:
                    self._transport.write(answer)
                    self._seen.held[deal] += time.perf_counter() - came

                if self._waits:
                    asyncio.get_running_loop().call_later(self._waits, send)
                else:
                    send()
            case "api":
                self._transport.write(_answer(json.dumps(SLACK.get(rest, {"ok": True}))))
            case "commands":
                text = json.loads(body)["text"]
                self._seen.more += rest in self._seen.replies
                self._seen.replies.setdefault(rest, (came, text))
                self._transport.write(_answer("ok", b"text/plain"))
                for listener in self._listeners:
                    listener.write(f"{rest}\n".encode())
            case "replies":  # the number of each, a line for each, as they come
                self._listeners.append(self._transport)
            case _:
                self._transport.write(_answer(json.dumps(vars(self._seen))))

    def _highlevel(self, method: bytes, place: str, rest: str, query: str, body: bytes) -> bytes:
        deal, _, more = rest.partition("/")
        asked = (
            f"{method.decode()} {place}/{deal if deal in {'pipelines', 'search'} else '…'}{'/' if more else ''}{more}"
        )
        self._seen.calls[asked] += 1
        if method == b"PUT":
            self._seen.statuses[deal] = json.loads(body)["status"]
            return _answer('{"succeded":true,"traceId":"trace"}', more=LIMITS)
        if place == "users":
            return _answer('{"id":"OWNER","name":"Olga Owner"}', more=LIMITS)
        if deal == "pipelines":
            return _answer(PIPELINES, more=LIMITS)
        if deal == "search":  # a deal is called by its id
            found = self._deal(parse_qs(query)["q"][0].split()[-1])
            return _answer(f'{{"opportunities":[{found}],"meta":{{"total":1}}}}', more=LIMITS)
        return _answer(f'{{"opportunity":{self._deal(deal)},"traceId":"trace"}}', more=LIMITS)

    def _deal(self, deal: str) -> str:
        return DEAL % (deal, deal, self._seen.statuses.get(deal, "open"), stage.LOCATION)


def _answer(body: str, kind: bytes = b"application/json", more: bytes = b"") -> bytes:
    content = body.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (
        kind,
        more,
        len(content),
        content,
    )


async def _serve(waits: float) -> None:
    seen, listeners = Seen(), list[asyncio.Transport]()
    make: Callable[[], Exchange] = lambda: Exchange(seen, listeners, waits)  # noqa: E731 - a factory
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, stage.LOCALHOST, 0)
    print(f"http://{stage.LOCALHOST}:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1])))

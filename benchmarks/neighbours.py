"""Cheap stand-ins for Slack and HighLevel, in one process: prints its address, serves until standard input ends.

The stand-ins of `bot/simulator` are strict and cost more for a request than the bot does: the fastest contestant would
wait for them. These answer only what a change needs, and note when. Argument: the seconds that HighLevel takes to
answer.
"""

import asyncio
import json
import re
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
"contact":{"id":"CONTACT","name":"Jane Doe","companyName":"Elsewhere Ltd","email":"a@example.com","tags":[]},\
"createdAt":"2026-01-05T09:30:00.000Z","updatedAt":"2026-11-05T09:30:00.000Z",\
"lastStatusChangeAt":"2026-11-05T09:30:00.000Z","customFields":[],"followers":[]}"""
PIPELINES = '{"pipelines":[{"id":"PIPELINE","name":"Sales","stages":[{"id":"STAGE","name":"Offer"}]}]}'
LIMITS = (
    b"X-RateLimit-Limit-Daily: 200000\r\nX-RateLimit-Daily-Remaining: 199000\r\nX-RateLimit-Max: 1000\r\n"
    b"X-RateLimit-Remaining: 999\r\nX-RateLimit-Interval-Milliseconds: 1000\r\n"
)
"""The most that the bot believes, and more than any contestant needs."""
INTRODUCTION = {"ok": True, "team_id": stage.TEAM, "user_id": "U0BOT", "bot_id": "B0BOT", "team": "t", "url": "u"}
SLACK = {
    "auth.test": INTRODUCTION,
    "chat.postMessage": {"ok": True, "channel": stage.CHANNEL, "ts": "1764360000.000100"},
    "conversations.info": {"ok": True, "channel": {"id": stage.CHANNEL, "is_ext_shared": False}},
}
TAKES_LONG = "Still working"
"""How the bot tells a caller that the reply takes long, as it may under callgrind; it is no reply."""
_NUMBER = re.compile(rf"{stage.deal(0)[:-6]}(\d{{6}})")


class _Request(Protocol):
    """The part of httptools' parser that is used here."""

    def get_method(self) -> bytes:
        """The method, such as `GET`."""


@dataclass
class Seen:
    """The requests so far; times are seconds of the system's monotonic clock."""

    replies: dict[str, tuple[float, str]] = field(default_factory=dict)
    """By the command's number: when the first reply came, to its reply address or into the channel, and its text."""
    more: int = 0
    """How many replies came after the first to a command."""
    calls: Counter[str] = field(default_factory=Counter)
    """How many requests HighLevel got, by kind."""
    held: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By deal: the seconds that HighLevel took to answer, in all."""
    statuses: dict[str, str] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """A connection of the contestant or the benchmark."""

    def __init__(self, seen: Seen, listeners: list[asyncio.Transport], waits: float) -> None:
        self._seen = seen
        self._listeners = listeners
        self._waits = waits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to parse requests."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._body = self._url = b""

    def data_received(self, data: bytes) -> None:
        """Parse a part of a request."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Keep a part of its address."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """Keep a part of its body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer the request, at once or, for HighLevel, when it is time."""
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
                if rest == "chat.postMessage":
                    text = json.loads(body)["text"]
                    for number in _NUMBER.findall(text):  # the deal's id ends with the command's number
                        self._replied(str(int(number)), came, text)
                self._transport.write(_answer(json.dumps(SLACK.get(rest, {"ok": True}))))
            case "commands":
                self._replied(rest, came, json.loads(body)["text"])
                self._transport.write(_answer("ok", b"text/plain"))
            case "replies":  # sends a line with the number of each reply as it comes
                self._listeners.append(self._transport)
            case _:
                self._transport.write(_answer(json.dumps(vars(self._seen))))

    def _replied(self, number: str, came: float, text: str) -> None:
        if text.startswith(TAKES_LONG):
            return
        self._seen.more += number in self._seen.replies
        self._seen.replies.setdefault(number, (came, text))
        for listener in self._listeners:
            listener.write(f"{number}\n".encode())

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
        if deal == "search":  # a deal's name ends with its id
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
    make: Callable[[], Connection] = lambda: Connection(seen, listeners, waits)  # noqa: E731 - a factory
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, stage.LOCALHOST, 0)
    print(f"http://{stage.LOCALHOST}:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1])))

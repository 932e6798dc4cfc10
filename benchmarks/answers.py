"""HighLevel and Slack answer with nonsense, 2,000 times, and the bot has to stay small and awake. Exit code 1 if not.

`python -m benchmarks.answers`, from the project's folder. The bot is a process of its own. The stand-ins are in this
one, and each of their answers is changed in one place on its way: a field, a header, the status, or the whole body.
"""

import argparse
import asyncio
import json
import math
import os
import random
import select
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from bot.simulator.bodies import GZIP, Chunks, dripping, endless, gzip_bomb, nested
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served
from bot.simulator.slack.server import Slack
from bot.simulator.traffic import Handler, streamed
from tests.house import BOT_TOKEN, HIGHLEVEL_TOKEN, SALES, SIGNING_SECRET

ROOT = Path(__file__).parents[1]
ANSWERS, SEED = 2000, 20_261_128
AT_ONCE = 8
"""Commands under way."""
MOST_MEMORY, MOST_SECONDS = 200.0, 1.0
"""The bars: megabytes that are resident, and seconds of a health check."""
HEALTH_EVERY, PAUSE = 0.1, 0.1
"""Seconds between two health checks, and between two commands of a person."""
AT_MOST, AFTERWARDS = 1800.0, 300.0
"""Seconds for all of it, and for a change when all behave again: the limiter may be closed for as long."""
LAST = "atTheEnd000000000000"
DEALS = [f"dealQ7xQ7xQ7x{number:07}" for number in range(200)]
PEOPLE = [f"U0REP{number:03}" for number in range(200)]
"""Each may type 20 commands a minute."""
HUGE = 200
"""Megabytes of the largest bodies."""
PLACE = "@@100 MB@@"
"""Where 100 MB are put in."""

VALUES: Mapping[str, Callable[[random.Random], object]] = {
    "missing": lambda _: None,
    "another type": lambda chance: chance.choice([True, 0, -1, 1.5, [], {}, [[]], {"id": {}}, ""]),
    "a huge number": lambda chance: chance.choice([10**4000, -(10**400), 1e308, math.inf, math.nan]),
    "a text of a megabyte": lambda _: "x" * 1_000_000,
    "a text of 100 MB": lambda _: PLACE,
    "odd characters": lambda chance: chance.choice(
        ["\x00", "\ud83d", "\u202e*PAY NOW* ~x~", "<!channel>", "\n" * 9_000]
    ),
    "100,000 entries": lambda _: [{"id": str(number), "name": "n"} for number in range(100_000)],
    "another's id": lambda chance: chance.choice(DEALS),
    "a far time": lambda chance: chance.choice(["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "soon"]),
}
BODIES: Mapping[str, tuple[Chunks, Mapping[str, str]]] = {
    f"{HUGE} MB of spaces": (endless(b" " * 1_000_000, HUGE), {}),
    f"{HUGE} MB of one text": (endless(b'{"name": "' + b"x" * 1_000_000, HUGE), {}),
    "without end": (endless(), {}),
    f"{HUGE} MB, compressed": (gzip_bomb(HUGE), GZIP),
    "byte by byte": (dripping(0.2), {}),
    "nested 200,000 deep": (nested(), {}),
    "a million brackets": (endless(b"[" + b"[]," * 333_000 + b"[]]", 1), {}),
    "empty": (endless(b"", 1), {}),
    "a web page": (endless(b"<!doctype html><html><body>Back soon</body></html>", 1), {"Content-Type": "text/html"}),
    "no compression where it says so": (endless(b"{}", 1), GZIP),
}
HEADERS = (
    {"X-RateLimit-Max": "30000000", "X-RateLimit-Remaining": "0"},
    {"X-RateLimit-Interval-Milliseconds": "3600000"},
    {"X-RateLimit-Interval-Milliseconds": "0.0001"},
    {"X-RateLimit-Max": "-1"},
    {"X-RateLimit-Remaining": "1e300"},
    {"Retry-After": "1e9"},
    {"Date": "Mon, 99 Foo 99999 99:99:99 GMT"},
    {"Content-Type": "text/plain; charset=utf-99"},
    {"Set-Cookie": "x=" + "y" * 4000},
)
STATUSES = (201, 204, 301, 302, 307, 308, 400, 401, 403, 404, 409, 422, 500, 502, 503, 520)
"""Not 429, which closes the limiter for minutes, as it should."""
KINDS = ["field"] * 70 + ["header"] * 10 + ["status"] * 10 + ["body"] * 10


@dataclass
class Nonsense:
    """Changes answers until it has changed enough of them."""

    most: int
    chance: random.Random
    changed: Counter[str] = field(default_factory=Counter)
    has_begun: bool = False

    @property
    def enough(self) -> bool:
        """Whether it leaves answers alone from now on."""
        return self.changed.total() >= self.most

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let the stand-in answer, and change the answer."""
        answer = await handler(request)
        if self.enough or not self.has_begun or not isinstance(answer, web.Response):
            return answer
        content = answer.body if isinstance(answer.body, bytes) else b""
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
        match self.chance.choice(KINDS):
            case "field":
                return _answer(answer.status, self._with_another_field(content), headers)
            case "header":
                others = self.chance.choice(HEADERS)
                self.changed[f"header: {', '.join(others)}"] += 1
                return _answer(answer.status, content, headers | others)
            case "status":
                status = self.chance.choice(STATUSES)
                self.changed[f"status: {status}"] += 1
                return _answer(status, content, headers | {"Location": "/elsewhere"})
            case _:
                name = self.chance.choice(list(BODIES))
                self.changed[f"body: {name}"] += 1
                chunks, more = BODIES[name]
                return await streamed(request, answer.status, headers | dict(more), chunks)

    def _with_another_field(self, content: bytes) -> bytes:
        name = self.chance.choice(list(VALUES))
        self.changed[f"field: {name}"] += 1
        body = {"answer": json.loads(content) if content.startswith((b"{", b"[")) else None}
        *path, last = self.chance.choice(list(_places(body)))
        inner: Any = body
        for step in path:
            inner = inner[step]
        if name == "missing" and isinstance(inner, dict):
            del inner[last]
        else:
            inner[last] = VALUES[name](self.chance)
        return json.dumps(body.get("answer")).replace(PLACE, "y" * 100_000_000).encode()


def _places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every field, the inner ones too."""
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, step)
            yield from _places(inner, (*path, step))


def _answer(status: int, content: bytes, headers: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, body=None if status == HTTPStatus.NO_CONTENT else content, headers=headers)


# --- the bot ---------------------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What was seen of the bot."""

    at_first: float = 0.0
    """Megabytes that were resident before the first command."""
    memory: float = 0.0
    """The most that ever were, by the kernel's own count."""
    checks: int = 0
    failed: int = 0
    """Health checks that got no answer."""
    slowest: float = math.inf
    """Seconds of the slowest health check."""
    commands: int = 0
    tracebacks: int = 0
    goes_on: bool = False
    """Whether it made a change at the end, when all behaved again."""

    def missed(self) -> list[str]:
        """The bars that are missed."""
        bars = {
            f"{self.memory:.0f} MB were resident": self.memory >= MOST_MEMORY,
            f"a health check took {self.slowest:.2f} s": self.slowest >= MOST_SECONDS,
            f"{self.failed} health checks got no answer": self.failed > 0,
            f"the log has {self.tracebacks} tracebacks": self.tracebacks > 0,
            "no change was made when all behaved again": not self.goes_on,
        }
        return [what for what, is_missed in bars.items() if is_missed]


def _resident(pid: int, which: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(which))


def watch(url: str) -> None:
    """Ask for the bot's health until the input ends; then print how that went.

    In a process of its own, which waits for nothing that the stand-ins do.
    """
    took: list[float] = []
    failed = 0
    with httpx.Client(timeout=30) as http:
        while not select.select([sys.stdin], [], [], HEALTH_EVERY)[0]:
            began = time.monotonic()
            try:
                failed += not http.get(f"{url}/healthz").is_success
            except httpx.HTTPError:
                failed += 1
            took.append(time.monotonic() - began)
    print(json.dumps({"checks": len(took), "failed": failed, "slowest": max(took)}))


@asynccontextmanager
async def _watching(url: str, seen: Seen) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.answers", "--watch", url), cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    try:
        yield
    finally:
        printed, _ = await process.communicate(b"")  # its input ends
        for name, value in json.loads(printed).items():
            setattr(seen, name, value)


@asynccontextmanager
async def _bot(environ: Mapping[str, str], log: Path) -> AsyncIterator[int]:
    """The bot in a process of its own; its number."""
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "serve"),
            cwd=ROOT,
            env={**os.environ, **environ},  # noqa: TID251 - a process needs one
            stdout=written,
            stderr=written,
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


def _environ(highlevel: HighLevel, highlevel_url: str, slack: Slack, folder: Path) -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    slack.bot_url = f"http://127.0.0.1:{port}"
    return {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": f"{slack.url}/api/",
        "HIGHLEVEL_TOKEN": HIGHLEVEL_TOKEN,
        "HIGHLEVEL_LOCATION_ID": highlevel.location_id,
        "HIGHLEVEL_API_URL": highlevel_url,
        "ALLOWED_USERS": ",".join(PEOPLE),
        "DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }


# --- what people do --------------------------------------------------------------------------------------------------


async def _type(slack: Slack, nonsense: Nonsense, seen: Seen) -> None:
    """Type one command after another, whatever comes of it."""
    while not nonsense.enough:
        deal = nonsense.chance.choice(DEALS)
        words = (
            *(f"{deal} {status}" for status in ("open", "won", "lost", "lost too expensive", "abandoned")),
            *(deal, f"Deal {deal[4:12]}", f"Deal {deal[4:]} open", "undo", f"{deal} won?", "history"),
        )
        seen.commands += 1
        with suppress(TimeoutError, ConnectionError):
            await slack.command(nonsense.chance.choice(words), user=nonsense.chance.choice(PEOPLE), channel=SALES)
        await asyncio.sleep(PAUSE)


async def _makes_a_change(slack: Slack, highlevel: HighLevel) -> bool:
    """Whether a change is made, when all behave again."""
    last = highlevel.add_opportunity(LAST, name="At the end")
    with suppress(TimeoutError):
        async with asyncio.timeout(AFTERWARDS):
            await slack.command(f"{LAST} won", user=PEOPLE[0], channel=SALES)
            await slack.wait_until(lambda: bool(last["status"] == "won"), AFTERWARDS)
    return bool(last["status"] == "won")


def _highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token(HIGHLEVEL_TOKEN)
    highlevel.burst_limit, highlevel.burst_seconds, highlevel.daily_limit = 1000, 1.0, 10_000_000
    highlevel.pipelines = [{"id": "P1", "name": "Sales", "stages": [{"id": "S1", "name": "Offer"}]}]
    highlevel.users["OWNER"] = {"id": "OWNER", "name": "Olga Owner"}
    highlevel.lost_reasons = [{"id": "R1", "name": "Too expensive"}, {"id": "R2", "name": "Too late"}]
    fields = {"pipelineId": "P1", "pipelineStageId": "S1", "assignedTo": "OWNER", "monetaryValue": 4800}
    for deal in DEALS:
        highlevel.add_opportunity(deal, name=f"Deal {deal[4:]}", contact={"name": "Jane Doe"}, **fields)
    return highlevel


async def measure(answers: int, seed: int) -> tuple[Seen, Nonsense]:
    """Run the bot until so many answers were changed, and what was seen of it."""
    seen, nonsense = Seen(), Nonsense(answers, random.Random(seed))  # noqa: S311 - nothing secret
    highlevel, slack = _highlevel(), Slack(signing_secret=SIGNING_SECRET, bot_token=BOT_TOKEN)
    slack.users = {user_id: {"id": user_id, "name": user_id} for user_id in PEOPLE}
    apps = highlevel.app(), slack.app()
    for app in apps:
        app.middlewares.insert(0, nonsense.middleware)
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name), Path(name) / "log"
        async with served(apps[0]) as highlevel_url, served(apps[1]) as slack.url:
            environ = _environ(highlevel, highlevel_url, slack, folder)
            async with _bot(environ, log) as pid:
                await slack.wait_for_call("auth.test")
                await asyncio.sleep(1)
                seen.at_first, nonsense.has_begun = _resident(pid, "VmRSS"), True
                async with _watching(slack.bot_url, seen):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(AT_MOST):
                            await asyncio.gather(*(_type(slack, nonsense, seen) for _ in range(AT_ONCE)))
                    nonsense.has_begun = False
                    seen.goes_on = await _makes_a_change(slack, highlevel)
                seen.memory = _resident(pid, "VmHWM")
        seen.tracebacks = log.read_text(errors="replace").count("Traceback (most recent call last)")
    return seen, nonsense


def _table(seen: Seen, nonsense: Nonsense) -> Iterator[str]:
    """For docs/operating/reliability.md."""
    by_kind = Counter[str]()
    for what, times in nonsense.changed.items():
        by_kind[what.partition(":")[0]] += times
    yield "| | |"
    yield "|---|---|"
    kinds = ", ".join(f"{times:,} with another {kind}" for kind, times in by_kind.most_common())
    yield f"| answers that were changed | {nonsense.changed.total():,}: {kinds} |"
    yield f"| commands | {seen.commands:,} |"
    yield f"| resident memory before, and at its most | {seen.at_first:.0f} MB, {seen.memory:.0f} MB |"
    yield f"| health checks, without an answer, slowest | {seen.checks:,}, {seen.failed}, {seen.slowest:.2f} s |"
    yield f"| tracebacks in the log | {seen.tracebacks} |"
    yield f"| makes a change when all behave again | {'yes' if seen.goes_on else 'no'} |"


def main() -> int:
    """Measure, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=ANSWERS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--watch", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.watch:
        watch(asked.watch)
        return 0
    seen, nonsense = asyncio.run(measure(asked.answers, asked.seed))
    for line in _table(seen, nonsense):
        print(line)
    print()
    for what, times in sorted(nonsense.changed.items()):
        print(f"{times:5} {what}")
    for what in seen.missed():
        print(f"MISSED: {what}")
    return 1 if seen.missed() else 0


if __name__ == "__main__":
    sys.exit(main())

"""Shared by the benchmarks: starts the processes, and sends signed commands, on this machine alone."""

import asyncio
import json
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from hmac import HMAC
from importlib.metadata import version
from os import cpu_count
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.postgresql import Cluster, programs, running  # noqa: E402 - found from here only

RUNTIME = ROOT / "build" / "runtime" / "bin" / "python"
"""Has the packages that a host installs and no others: some libraries load development packages if they find them."""
LOCALHOST = "127.0.0.1"
SIGNING_SECRET, BOT_TOKEN, HIGHLEVEL_TOKEN = "thisisnotasigningsecretofslacks0", "xoxb-simulated", "pit-simulated"
LOCATION, TEAM, CHANNEL = "LOCATIONxxxxxxxxxxxx", "T0SIMULATED", "C0SALES"
PEOPLE = [f"U0REP{number:04}" for number in range(1000)]
"""So many that the limit of 20 commands a minute for each person does not slow the bot down."""
PACKAGES = (
    "aiohttp",
    "httpx",
    "httpx-aiohttp",
    "pydantic",
    "slack-bolt",
    "SQLAlchemy",
    "starlette",
    "uvicorn",
    "uvloop",
)
START_WITHIN = 30.0
NO_LIMIT = 10**9
TIDY_UP_WITHIN = 5.0


def deal(number: int) -> str:
    """The id of a deal of the stand-in's."""
    return f"benchQ7xQ7xQ7x{number:06}"


def end_well_when_told_to() -> None:
    """Let SIGTERM end this process as Ctrl-C does, so that it ends the processes that it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def print_machine() -> None:
    python = subprocess.run([RUNTIME, "-VV"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    print(f"{cpu_count()} cores, {platform.machine()}, {platform.system()}, {' '.join(python.split())}")
    print(", ".join(f"{name} {version(name)}" for name in PACKAGES))


def verdict(bars: dict[str, bool]) -> int:
    """Print which bars were met; returns the exit code."""
    for bar, met in bars.items():
        print(f"{'met   ' if met else 'MISSED'} {bar}")
    return 0 if all(bars.values()) else 1


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that this percentage of the values does not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


@contextmanager
def postgresql() -> Iterator[Cluster | None]:
    """Run a PostgreSQL that flushes every commit to the disk; yields `None` if its programs are not installed."""
    if (where := programs()) is None:
        print("PostgreSQL is not installed: not measured.")
        yield None
        return
    with running(where, fsync=True) as cluster:
        yield cluster


@dataclass(frozen=True)
class Asked:
    """HighLevel's requests: the seconds at which they came, and how many got a 429."""

    times: list[float]
    refused: int


@dataclass(frozen=True)
class StandIns:
    """The strict stand-ins for Slack and HighLevel, in one process."""

    slack_url: str
    highlevel_url: str

    async def reply_addresses(self, count: int, http: aiohttp.ClientSession) -> list[str]:
        """Make reply addresses, one for each command."""
        async with http.post(f"{self.slack_url}/benchmark/addresses", params={"count": count}) as answer:
            answer.raise_for_status()
            addresses: list[str] = await answer.json()
        return addresses

    async def shown_when(self, count: int, http: aiohttp.ClientSession) -> list[str]:
        """Wait for so many messages, a minute at most; returns the texts of all."""
        patient = aiohttp.ClientTimeout(total=90)
        async with http.get(f"{self.slack_url}/benchmark/shown", params={"count": count}, timeout=patient) as answer:
            answer.raise_for_status()
            texts: list[str] = await answer.json()
        return texts

    async def asked_of_highlevel(self, http: aiohttp.ClientSession) -> Asked:
        """The requests that HighLevel got so far."""
        async with http.get(f"{self.slack_url}/benchmark/asked") as answer:
            answer.raise_for_status()
            return Asked(**await answer.json())


@contextmanager
def process(
    *words: str, folder: Path, environ: dict[str, str], stdin: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run another Python with exactly this environment; it is killed when the block is left."""
    started = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, *words],
        cwd=folder,  # not the project's: a developer's .env must not be read
        env={"PYTHONPATH": str(ROOT), **environ},
        stdin=stdin,
        stdout=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stderr=None if stdin else subprocess.DEVNULL,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait(TIDY_UP_WITHIN)
        for pipe in (started.stdin, started.stdout):
            if pipe:
                pipe.close()


@contextmanager
def stand_ins(*, highlevel_waits: float = 0.0, deals: int, limit: int = NO_LIMIT) -> Iterator[StandIns]:
    """Run the stand-ins; HighLevel takes so many seconds to answer, and at most `limit` requests in 10 s."""
    words = (str(ROOT / "benchmarks" / "stand_ins.py"), str(highlevel_waits), str(deals), str(limit))
    # It also ends by itself when this process ends, since that closes its standard input.
    with (
        tempfile.TemporaryDirectory() as folder,
        process(*words, folder=Path(folder), environ={}, stdin=subprocess.PIPE) as started,
    ):
        assert started.stdout is not None  # noqa: S101 - it is a pipe
        yield StandIns(**json.loads(started.stdout.readline()))


def free_port() -> int:
    """Find a port that no process listens on."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        port: int = probe.getsockname()[1]
    return port


def is_alive(port: int) -> bool:
    """Whether a bot on this port answers /healthz."""
    try:
        with socket.create_connection((LOCALHOST, port), timeout=1) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


async def wait_until_ready(url: str, http: aiohttp.ClientSession) -> None:
    """Wait until the bot knows its workspace and has opened its ledger: before that, it refuses commands."""
    async with asyncio.timeout(START_WITHIN), http.get(f"{url}/readyz") as answer:
        if answer.status != 200:
            raise SystemExit(f"The bot is not ready: {await answer.text()}")


@asynccontextmanager
async def client(patience: float = 3.0) -> AsyncIterator[aiohttp.ClientSession]:
    """Open an HTTP client with any number of connections, which waits no longer than Slack does unless it is told."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=patience)
    ) as session:
        yield session


def signed_command(number: int, reply_address: str, text: str = "") -> tuple[bytes, dict[str, str]]:
    """Make the body and headers of a command as Slack sends it, signed now; by default it wins a deal."""
    body = urlencode(
        {
            "command": "/opp-status",
            "text": text or f"{deal(number)} won",
            "user_id": PEOPLE[number % len(PEOPLE)],
            "user_name": "ana",
            "channel_id": CHANNEL,
            "channel_name": "sales",
            "team_id": TEAM,
            "team_domain": "simulated",
            "api_app_id": "A0SIMULATED",
            "is_enterprise_install": "false",
            "response_url": reply_address,
            "trigger_id": f"{number}.benchmark",
        }
    ).encode()
    timestamp = str(int(time.time()))
    signature = HMAC(SIGNING_SECRET.encode(), f"v0:{timestamp}:".encode() + body, sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={signature}",
    }


@dataclass(frozen=True)
class Acknowledged:
    """An acknowledgement: how late its command was sent and how long it took, in ms, and what was wrong with it."""

    late: float
    took: float
    wrong: str


async def send(
    command: tuple[bytes, dict[str, str]], due: float, url: str, http: aiohttp.ClientSession
) -> Acknowledged:
    """Send a signed command, which was `due` at that time."""
    body, headers = command
    sent = time.perf_counter()
    try:
        async with http.post(f"{url}/slack/events", data=body, headers=headers) as answer:
            text = await answer.text()
            # An accepted command gets an empty answer: any text is a refusal.
            wrong = "" if answer.status == 200 and not text else f"{answer.status} {text[:80]}"
    except (aiohttp.ClientError, TimeoutError) as error:
        wrong = type(error).__name__
    return Acknowledged((sent - due) * 1000, (time.perf_counter() - sent) * 1000, wrong)

"""The contestants: who they are, how they are started, and what can be seen of them from outside."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import stage

TWIN = stage.ROOT / "benchmarks" / "bolt-js"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Contestant:
    """A program that does the job."""

    name: str
    words: tuple[str, ...]
    environ: Callable[[Path], Mapping[str, str]]
    """Makes its own variables, besides those that all get; takes the folder that it runs in."""


def _none(_folder: Path) -> Mapping[str, str]:
    return {}


def ours(name: str, environ: Callable[[Path], Mapping[str, str]]) -> Contestant:
    """Make a contestant of the bot, as it is deployed."""
    return Contestant(name, (str(stage.RUNTIME), "-m", "bot", "serve"), environ)


def _in_a_file(folder: Path) -> Mapping[str, str]:
    return {"DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}"}


SQLITE = ours("ours over SQLite", _in_a_file)
POSTGRESQL = "ours over PostgreSQL"


def over_postgresql(new_database: Callable[[], str]) -> Contestant:
    """Make a contestant of the bot over PostgreSQL, with an empty database at each start."""
    return ours(POSTGRESQL, lambda _: {"DATABASE_URL": new_database()})


NODE = Contestant("Bolt JS with undici", ("node", str(TWIN / "index.js")), _none)
FETCH = Contestant("Bolt JS with fetch", NODE.words, lambda _: {"CLIENT": "fetch"})
PYTHON = Contestant(
    "Bolt for Python with httpx", (str(stage.RUNTIME), str(stage.ROOT / "benchmarks" / "bolt_python.py")), _none
)
BARE = Contestant("bare: uvicorn and aiohttp", (str(stage.RUNTIME), str(stage.ROOT / "benchmarks" / "bare.py")), _none)
GIVEN = Contestant("bare, with Bolt and httpx", (*BARE.words, "given"), _none)


@dataclass(frozen=True)
class Runner:
    """A running contestant."""

    url: str
    pid: int
    started_in: float
    """Seconds from its start to its first 200 on /healthz."""

    def cpu(self) -> float:
        """Seconds of processor time that all its threads have used so far, user and system."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def resident_megabytes(self) -> float:
        """The memory that it uses now."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


@dataclass(frozen=True)
class Neighbours:
    """The process that stands in for Slack and HighLevel."""

    url: str
    pid: int

    def seen(self) -> dict[str, dict[str, list[object]]]:
        """What it has been asked so far: the fields of `neighbours.Seen`."""
        with urlopen(self.url) as answer:  # noqa: S310 - an address of ours
            seen: dict[str, dict[str, list[object]]] = json.load(answer)
        return seen


@contextmanager
def neighbours(highlevel_waits: float = 0.0) -> Iterator[Neighbours]:
    """Run the stand-ins; HighLevel takes so many seconds to answer."""
    words = (str(stage.ROOT / "benchmarks" / "neighbours.py"), str(highlevel_waits))
    with (
        tempfile.TemporaryDirectory() as folder,
        stage.process(*words, folder=Path(folder), environ={}, stdin=subprocess.PIPE) as started,
    ):
        assert started.stdout is not None  # noqa: S101 - it is a pipe
        yield Neighbours(started.stdout.readline().strip(), started.pid)


@contextmanager
def running(contestant: Contestant, slack_url: str, highlevel_url: str) -> Iterator[Runner]:
    """Run a contestant between its neighbours, and wait until it answers; it is killed when the block is left."""
    port = stage.free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = {
            "PATH": os.environ["PATH"],  # noqa: TID251 - to find node
            "NODE_ENV": "production",
            "PYTHONPATH": str(stage.ROOT),
            "SLACK_BOT_TOKEN": stage.BOT_TOKEN,
            "SLACK_SIGNING_SECRET": stage.SIGNING_SECRET,
            "SLACK_API_URL": f"{slack_url}/api/",
            "HIGHLEVEL_TOKEN": stage.HIGHLEVEL_TOKEN,
            "HIGHLEVEL_LOCATION_ID": stage.LOCATION,
            "HIGHLEVEL_API_URL": highlevel_url,
            "ALLOWED_USERS": ",".join(stage.PEOPLE),
            "HOST": stage.LOCALHOST,
            "PORT": str(port),
            **contestant.environ(folder),
        }
        began = time.perf_counter()
        started = subprocess.Popen(  # noqa: S603 - our own words
            contestant.words, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        stack.callback(started.wait, stage.TIDY_UP_WITHIN)
        stack.callback(started.kill)
        while not stage.is_alive(port):
            if started.poll() is not None or time.perf_counter() - began > stage.START_WITHIN:
                raise SystemExit(f"{contestant.name} did not start (exit code {started.poll()}).")
            time.sleep(0.002)
        yield Runner(f"http://{stage.LOCALHOST}:{port}", started.pid, time.perf_counter() - began)


def has_node() -> bool:
    """Whether this machine can run the JavaScript twin."""
    return shutil.which("node") is not None and (TWIN / "node_modules").is_dir()

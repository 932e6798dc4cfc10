"""Runs replicas of the real bot, each a process of its own, killed or frozen by a test or by itself at a commit."""

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Literal

import coverage
import httpx
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import DBAPIConnection

from bot.deals.change import Patience
from bot.highlevel.api.client import Attempts
from bot.operations import logs
from bot.operations.settings import Settings
from bot.web.server import Server, config
from bot.wiring import build
from bot.wiring.tempo import Tempo
from tests.house import PATIENT

LEASE = 0.8
SHORT = replace(
    PATIENT,
    command=Patience(whole=10.0, for_looking=3.0, between_looks=0.1),
    highlevel=Attempts(most=3, connect=1.0, answer=3.0, pause=0.01),
    worker=replace(PATIENT.worker, renew=0.2, retry=0.05, wait_for_limit=10.0, drain=3.0),
    lease=LEASE,
    connection_lease=LEASE,
)
"""Waiting times for tests in which processes die."""
START_WITHIN = 60.0

# One process imports what every replica needs; a fork of it is a new replica within milliseconds.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    [
        "bot.web.server",
        "psycopg",
        "sqlalchemy.dialects.postgresql",
        "sqlalchemy.dialects.sqlite",
        "slack_bolt.listener_matcher.async_builtins",
        "uvicorn.lifespan.on",
        "uvicorn.loops.uvloop",
        "uvicorn.protocols.websockets.auto",
        __name__,
    ]
)

Step = Literal["accept", "identify", "begin", "intend", "answer", "reply", "finish", "adopt", "renew"]


@dataclass(frozen=True)
class Death:
    """A replica kills itself when it first commits this step of a command, before or after that commit."""

    when: Literal["before", "after"]
    step: Step
    how: signal.Signals = signal.SIGKILL
    """SIGSTOP only suspends it."""


@dataclass(frozen=True)
class Replica:
    """One process of the bot."""

    url: str
    log: Path
    _process: ForkServerProcess

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid or 0

    def kill(self) -> None:
        """Kill it at once, as a power cut would."""
        self._process.kill()

    def stop(self) -> None:
        """Send it SIGTERM, as a host does to stop it."""
        self._process.terminate()

    def freeze(self) -> None:
        """As a host that sleeps, or a debugger."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had happened."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    async def frozen(self) -> None:
        """Until it stands still."""
        async with asyncio.timeout(START_WITHIN):
            while not self.is_frozen:
                await asyncio.sleep(0.01)

    async def ended(self) -> int:
        """Wait until it has ended; returns its exit code."""
        async with asyncio.timeout(START_WITHIN):
            while (code := self._process.exitcode) is None:
                await asyncio.sleep(0.01)
        return code

    async def ready(self) -> None:
        """Wait until it knows its workspace and has opened its ledger: before that, it refuses commands."""
        async with httpx.AsyncClient(timeout=START_WITHIN) as http:
            answer = await http.get(f"{self.url}/readyz")
        assert answer.is_success, answer.text


@dataclass
class Replicas:
    """Starts replicas, and kills those that are left."""

    settings: Settings
    folder: Path
    tempo: Tempo = SHORT
    started: list[Replica] = field(default_factory=list)

    async def start(self, death: Death | None = None, *, ready: bool = True) -> Replica:
        """Start another one; wait until it is ready for commands, if `ready`."""
        ours, its = _processes.Pipe()
        log = self.folder / f"replica-{len(self.started)}.log"
        process = _processes.Process(target=_serve, args=(self.settings, self.tempo, death, log, its), daemon=True)
        process.start()
        its.close()
        while not ours.poll():
            await asyncio.sleep(0.005)
        replica = Replica(f"http://{self.settings.host}:{ours.recv()}", log, process)
        ours.close()
        self.started.append(replica)
        if ready:
            await replica.ready()
        return replica

    async def end(self) -> None:
        """Kill those that still run."""
        for replica in self.started:
            replica.kill()
        for replica in self.started:
            await replica.ended()


@asynccontextmanager
async def replicas(settings: Settings, folder: Path, tempo: Tempo = SHORT) -> AsyncIterator[Replicas]:
    """Yield what starts replicas; kill those that are left at the end."""
    all_of_them = Replicas(settings, folder, tempo)
    try:
        yield all_of_them
    finally:
        await all_of_them.end()


# --- in the process of a replica ------------------------------------------------------------------------------------


def _serve(settings: Settings, tempo: Tempo, death: Death | None, log: Path, parent: Connection) -> None:
    """Do what `python -m bot serve` does, on any free port."""
    if counting := coverage.Coverage.current():
        counting.stop()  # what it counts here would be killed with the process
    with log.open("ab", buffering=0) as written:
        for stream in (1, 2):
            os.dup2(written.fileno(), stream)
    logs.set_up("INFO", "json")
    if death:
        _die_at(death)
    listener = socket.create_server((settings.host, 0))
    server = Server(config(build(settings, tempo)))
    parent.send(listener.getsockname()[1])
    parent.close()
    server.run([listener])


def _die_at(death: Death) -> None:
    """Kill or freeze this process at a commit. One flag is enough: one thread makes all commits."""
    due, waiting = False, True

    def look(*execution: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        nonlocal due
        _, _, statement, parameters, *_ = execution
        due = due or (waiting and _step(statement, parameters) == death.step)

    def die(*_: object) -> None:
        nonlocal due, waiting
        if due:
            due = waiting = False
            # Sent to the process, another thread may take it, and this one run on for a while.
            signal.pthread_kill(threading.get_ident(), death.how)

    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    if death.when == "before":
        sa.event.listen(sa.Engine, "commit", die)
    else:
        commit = DefaultDialect.do_commit

        def commit_and_die(dialect: DefaultDialect, connection: DBAPIConnection) -> None:
            commit(dialect, connection)  # type: ignore[no-untyped-call] # as SQLAlchemy has it
            die()

        DefaultDialect.do_commit = commit_and_die  # type: ignore[method-assign] # no event comes after a commit


_BY_COLUMN: tuple[tuple[str, Step], ...] = (("attempts", "adopt"), ("opportunity_id", "identify"))


def _step(statement: str, parameters: Mapping[str, object] | Sequence[object]) -> Step | None:
    """The step that this SQL statement writes down; `None` if it writes none."""
    if statement.startswith("UPDATE connections") and "generation" in statement.partition("WHERE")[0]:
        return "renew"
    if not statement.lstrip().startswith(("INSERT INTO commands", "UPDATE commands")):
        return None
    if statement.lstrip().startswith("INSERT"):
        return "accept"
    columns = statement.partition("WHERE")[0]
    for column, step in _BY_COLUMN:
        if column in columns:
            return step
    if "reply" in columns and "state" not in columns:
        return "reply"
    values = list(parameters.values() if isinstance(parameters, Mapping) else parameters)
    # Beginning has both words in its statement: a command that was intended stays so.
    states: tuple[tuple[str, Step], ...] = (
        ("running", "begin"),
        ("intended", "intend"),
        ("answered", "answer"),
        ("finished", "finish"),
    )
    return next((step for state, step in states if state in values), None)

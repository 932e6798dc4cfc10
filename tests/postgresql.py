"""A PostgreSQL of the tests' own: in a temporary folder, on a port of its own, and gone at the end."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from secrets import token_hex

import psycopg

SYSTEM_USER = "postgres"
"""The server refuses to run as root; Debian's package makes this user for it."""
_numbers = count(1)
_EMPTY = b"""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    DROP SCHEMA public CASCADE;
    CREATE SCHEMA public;
"""


def programs() -> Path | None:
    """Where PostgreSQL's programs are; `None` when this machine has none."""
    found = shutil.which("pg_ctl")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places else None


@dataclass
class Cluster:
    """A server that can be stopped, started, killed and frozen."""

    programs: Path
    folder: Path
    port: int
    fsync: bool = False
    """Whether what is committed is on the disk: tests cut no power."""
    _taken: list[str] = field(default_factory=list)
    _free: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def new_database(self) -> str:
        """The URL of an empty database: one that was used is emptied in a tenth of the time that a new one takes."""
        name = self._emptied() if self._free else self._created()
        self._taken.append(name)
        return self._url(name)

    def take_back(self) -> None:
        """No database that was given is used any more."""
        self._free += self._taken
        self._taken.clear()

    def _emptied(self) -> str:
        name = self._free.pop()
        with psycopg.connect(self._url(name), autocommit=True) as connection:
            connection.execute(_EMPTY)
        return name

    def _created(self) -> str:
        name = f"opp_status_{next(_numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    def start(self) -> None:
        fsync = "on" if self.fsync else "off"
        settings = f"-c listen_addresses=127.0.0.1 -c fsync={fsync} -c max_wal_size=256MB"
        options = f"-p {self.port} -k {self.folder} {settings}"
        self._run("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", options)

    def stop(self) -> None:
        """As if the power had gone: no client is told, every connection breaks."""
        self._run("pg_ctl", "stop", "-w", "-D", "data", "-m", "immediate")

    @contextmanager
    def asking_for_password(self, role: str) -> Iterator[None]:
        """There is this role, and the server wants its password, which no one knows. Others need none, as always."""
        access = self.folder / "data" / "pg_hba.conf"
        before = access.read_text()
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{token_hex()}'".encode())
            access.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{before}")
            connection.execute("SELECT pg_reload_conf()")
            try:
                yield
            finally:
                access.write_text(before)
                connection.execute("SELECT pg_reload_conf()")
                connection.execute(f"DROP ROLE {role}".encode())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server keeps its connections, and answers nothing."""
        processes = self._processes()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def _processes(self) -> list[int]:
        server = (self.folder / "data" / "postmaster.pid").read_text().split()[0]
        children = subprocess.run(["pgrep", "-P", server], capture_output=True, text=True, check=True)  # noqa: S603, S607
        return [int(server), *map(int, children.stdout.split())]

    def _url(self, database: str) -> str:
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        user = SYSTEM_USER if os.geteuid() == 0 else None
        subprocess.run(  # noqa: S603 - our own words
            [self.programs / program, *arguments],
            cwd=self.folder,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            env={"LC_ALL": "C", "PATH": os.defpath},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
        )

    def make(self) -> None:
        self._run("initdb", "-D", "data", "-U", "tests", "--auth=trust", "--no-sync", "--encoding=UTF8")


@contextmanager
def running(where: Path, *, fsync: bool = False) -> Iterator[Cluster]:
    """A server, until the block is left."""
    folder = Path(tempfile.mkdtemp(prefix="opp-status-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    cluster = Cluster(where, folder, port, fsync)
    try:
        cluster.make()
        cluster.start()
        yield cluster
        cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

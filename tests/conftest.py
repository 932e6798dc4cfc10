import asyncio
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from pathlib import Path

import coverage
import hypothesis
import pytest
import structlog

from bot.schedule.calendar import Calendar
from tests.clock import JumpingLoop
from tests.house import ANA, KIM, House, open_house
from tests.postgresql import Cluster, programs, running

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - each test has a folder of its own in it
PLENTY = 2**30
"""Bytes: several times what the files of all tests that run at once take. They are flushed to the disk thousands of
times, and now and then the disk of a shared machine is behind by seconds, which are more than Slack waits."""


def _memory() -> int:
    """Bytes that are to be had. https://man7.org/linux/man-pages/man5/proc_meminfo.5.html"""
    (kilobytes,) = re.findall(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(kilobytes) * 1024


if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= PLENTY and _memory() >= PLENTY:
    os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)  # noqa: TID251 - for what the tests start, too

# The same examples in every run: a failure in CI is a failure here. No deadline: the machine may be busy.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write the golden renderings of messages anew")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A failure may be the disk's: say whether there was one."""
    terminalreporter.write_line(f"Files of the tests: {tempfile.gettempdir()}")


_COLLECTED = pytest.StashKey[frozenset[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note what was collected, before `-k` and the like take some away."""
    config.stash[_COLLECTED] = frozenset(item.nodeid.partition("[")[0] for item in items)


@pytest.fixture
def collected(pytestconfig: pytest.Config) -> frozenset[str]:
    """The ids of all tests that pytest found, without parameters."""
    return pytestconfig.stash[_COLLECTED]


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """What `-n auto` means: on few cores two workers for each, since a journey mostly waits; on many, one for each."""
    cores = yield
    return max(cores, min(2 * cores, 8))


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Which clock a test has: one that jumps if it is marked so, else the machine's."""
    return {"loop": JumpingLoop if item.get_closest_marker("jumping_clock") else asyncio.new_event_loop}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Save what coverage has counted while there is time: xdist kills a worker that has not ended after 10 s."""
    if counting := coverage.Coverage.current():
        counting.stop()
        counting.save()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Whatever runs thousands of times is not traced: the tests beside it reach every line, in half of the time."""
    tracing = sys.gettrace()
    if pyfuncitem.get_closest_marker("hypothesis") or pyfuncitem.get_closest_marker("untraced"):
        sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracing)


@pytest.fixture(params=["http", "socket", "postgresql"])
def each_way(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """What `open_house` is given, each way: Slack over HTTP or a socket, the ledger in SQLite or PostgreSQL."""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        return {"over": "http", "DATABASE_URL": cluster.new_database()}
    return {"over": request.param}


@pytest.fixture
def calendar() -> Calendar:
    """What says what is due. A test sets it forward."""
    return Calendar()


@pytest.fixture
async def any_house(each_way: Mapping[str, str], tmp_path: Path) -> AsyncIterator[House]:
    """A house that is opened each way."""
    async with open_house(tmp_path, **each_way, ALLOWED_USERS=f"{ANA},{KIM}") as opened:
        yield opened


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Cluster]:
    where = programs()
    if where is None:
        if os.environ.get("CI"):  # noqa: TID251 - there, a test that is left out is a failure
            pytest.fail("PostgreSQL is not installed, and CI leaves out no test.")
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with running(where) as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Iterator[Cluster]:
    """A PostgreSQL server, shared by all tests; each takes databases that no other uses."""
    yield _cluster
    _cluster.take_back()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.new_database()


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Whatever a test does to logging ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()

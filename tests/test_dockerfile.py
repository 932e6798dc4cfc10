"""The image: its steps are carried out in a fresh folder, line by line, and what they make answers."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import httpx
import pytest

from bot import __version__
from bot.operations.settings import Settings
from tests.dockerfile import Stage, build, instructions
from tests.house import free_port

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SECRETS = (".env", "opp-status.db", "opp-status.db-wal")
"""What an operator has in the same folder, and no image may hold."""
MOST_BYTES = 100_000_000
"""Of what the image adds to its base, unpacked and compiled. It was 119 million with the symbols for debuggers."""
CPU_SECONDS = 2.0
"""Of the processor's time until the first answer: on a machine that does nothing else, of anybody's."""


def _is_ignored(name: str) -> bool:
    """Whether Docker leaves out this entry of the repository's folder: the last pattern that fits decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and fnmatch(name, pattern.removeprefix("**/")):
            ignored = not line.startswith("!")
    return ignored


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """What the Dockerfile makes of the files that Docker is given."""
    folder = tmp_path_factory.mktemp("image")
    context = folder / "context"
    context.mkdir()
    for entry in ROOT.iterdir():
        if entry.is_dir() and not _is_ignored(entry.name):
            shutil.copytree(entry, context / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif not _is_ignored(entry.name):
            shutil.copy2(entry, context)
    environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # noqa: TID251
    return build(DOCKERFILE, context, folder, environ)


@pytest.fixture(scope="module")
def started(image: Stage) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """The container's process, with settings whose servers do not answer, and its environment."""
    unused = f"http://127.0.0.1:{free_port()}"
    path = image.environ["PATH"].replace("$PATH", os.environ["PATH"])  # noqa: TID251
    environ = image.environ | {
        "PATH": path,
        "SLACK_BOT_TOKEN": "xoxb-not-a-token",
        "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
        "SLACK_API_URL": unused,
        "HIGHLEVEL_TOKEN": "pit-not-a-token",
        "HIGHLEVEL_LOCATION_ID": "LOCATIONxxxxxxxxxxxx",
        "HIGHLEVEL_API_URL": unused,
        "PORT": str(free_port()),
    }
    command = json.loads(image.command)
    command[0] = shutil.which(command[0], path=path)
    process = subprocess.Popen(  # noqa: S603 - the image's own words
        command, cwd=image.workdir, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield process, environ
    process.terminate()
    process.wait(60)


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Of the processor's time that a process has taken. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _first_answer(process: subprocess.Popen[bytes], url: str) -> httpx.Response:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            assert process.poll() is None
            time.sleep(0.01)
    raise TimeoutError(url)


def test_the_image_answers_in_less_than_two_seconds(
    image: Stage, started: tuple[subprocess.Popen[bytes], dict[str, str]]
) -> None:
    process, environ = started
    answer = _first_answer(process, f"http://127.0.0.1:{environ['PORT']}/healthz")

    assert (answer.status_code, answer.text) == (200, f"alive {__version__}")
    assert _cpu_seconds(process) < CPU_SECONDS
    assert (image.root / "data" / "opp-status.db").is_file()


def test_the_health_check_knows_whether_the_bot_answers(
    image: Stage, started: tuple[subprocess.Popen[bytes], dict[str, str]]
) -> None:
    _, environ = started
    options, _, command = image.health_check.partition(" CMD ")
    words = json.loads(command)
    words[0] = shutil.which(words[0], path=environ["PATH"])

    def ends_with(**more: str) -> int:
        return subprocess.run(words, env=environ | more, capture_output=True, check=False).returncode  # noqa: S603

    assert ends_with() == 0
    assert ends_with(HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9") == 0
    assert ends_with(PORT=str(free_port())) == 1
    assert set(dict(each.removeprefix("--").split("=") for each in options.split())) == {
        "interval",
        "timeout",
        "start-period",
    }


def test_all_code_of_the_image_is_compiled(image: Stage) -> None:
    app = image.root / "app"
    sources = [*app.glob("bot/**/*.py"), *app.glob("venv/lib/**/*.py")]
    compiled = [path for path in sources if list(path.parent.glob(f"__pycache__/{path.stem}.cpython-*.pyc"))]

    assert len(sources) > 1000
    assert compiled == sources


def test_the_image_has_no_installer_no_tests_and_no_secret(image: Stage) -> None:
    assert sorted(path.name for path in (image.root / "app").iterdir()) == ["bot", "data", "requirements.txt", "venv"]
    assert not list((image.root / "app" / "venv").glob("lib/*/site-packages/pip"))
    assert all(_is_ignored(name) for name in (*SECRETS, "tests", ".git", ".venv", "__pycache__"))


def test_what_the_image_adds_to_its_base_is_small(image: Stage) -> None:
    added = sum(path.lstat().st_size for path in (image.root / "app").rglob("*"))

    assert added < MOST_BYTES


def test_the_image_runs_as_unused_in_particular_on_a_slim_python_that_is_ours(image: Stage) -> None:
    version = (ROOT / ".python-version").read_text().strip()
    bases = [rest.partition(" ")[0] for word, rest in instructions(DOCKERFILE) if word == "FROM"]

    assert bases == [f"python:{version}", f"python:{version}-slim"]
    assert image.user == "10001:10001"
    assert f"--chown={image.user} /app/data /data" in DOCKERFILE
    assert image.ports == [str(Settings.model_fields["port"].default)]


def test_the_image_runs_what_the_procfile_runs(image: Stage) -> None:
    assert shlex.join(json.loads(image.command)) == (ROOT / "Procfile").read_text().strip().removeprefix("web: ")

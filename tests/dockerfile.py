"""Carries out a Dockerfile without Docker: its steps, line by line, in a folder for each stage."""

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

INSTRUCTION = re.compile(r"^([A-Z]+) (.+)$")
PLACES = ("/app", "/data")
"""The folders of the image that a Dockerfile of ours may name."""


@dataclass
class Stage:
    """What a stage has made: its files under `root`, and how its container starts."""

    root: Path
    base: str
    folder: str = "/"
    environ: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    ports: list[str] = field(default_factory=list)
    command: str = ""
    """A JSON array, as Docker wants it where no shell is to run."""
    health_check: str = ""
    """Options, `CMD`, and a JSON array."""

    def here(self, text: str) -> str:
        """The text, with the folders of the image where this stage has them."""
        return re.sub(rf"(?<!\w)({'|'.join(PLACES)})(?!\w)", lambda place: f"{self.root}{place[1]}", text)

    @property
    def workdir(self) -> Path:
        """The folder in which steps and the container run."""
        return Path(f"{self.root}{self.folder}")


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Each instruction with the rest of its line. Comments are left out."""
    lines = dockerfile.replace("\\\n", " ").splitlines()
    found = [INSTRUCTION.match(line) for line in lines if line.strip() and not line.startswith("#")]
    assert None not in found, "a line that is no instruction"
    return [(each[1], each[2]) for each in found if each]


def build(dockerfile: str, context: Path, into: Path, environ: dict[str, str]) -> Stage:
    """Carry out each step; returns the last stage. A step that fails raises `CalledProcessError`.

    `context`: the folder that `docker build` would be given. `environ`: of the steps, with the `python` of the base.
    """
    stages: dict[str, Stage] = {}
    stage = Stage(into, "")
    for word, rest in instructions(dockerfile):
        match word:
            case "FROM":
                base, _, name = rest.partition(" AS ")
                stage = stages[name] = Stage(into / (name or "last"), base)
                for place in PLACES:
                    Path(stage.here(place)).parent.mkdir(parents=True, exist_ok=True)
            case "WORKDIR":
                stage.folder = rest
                stage.workdir.mkdir(parents=True, exist_ok=True)
            case "COPY":
                _copy(rest, stage, stages, context)
            case "RUN":
                subprocess.run(["sh", "-c", stage.here(rest)], cwd=stage.workdir, env=environ, check=True)  # noqa: S603, S607
            case _:
                _note(word, rest, stage)
    return stage


def _note(word: str, rest: str, stage: Stage) -> None:
    """Take down what says how the container runs."""
    match word:
        case "ENV":
            name, _, value = rest.partition("=")
            stage.environ[name] = stage.here(value)
        case "USER":
            stage.user = rest
        case "EXPOSE":
            stage.ports.append(rest)
        case "HEALTHCHECK":
            stage.health_check = rest
        case "CMD":
            stage.command = rest
        case _:
            raise AssertionError(f"no test carries out {word}")


def _copy(rest: str, stage: Stage, stages: dict[str, Stage], context: Path) -> None:
    words = shlex.split(rest)
    options = dict(word.split("=", 1) for word in words if word.startswith("--"))
    *sources, to = [word for word in words if not word.startswith("--")]
    into = Path(stage.here(to)) if to.startswith("/") else stage.workdir / to
    for source in sources:
        start = Path(stages[options["--from"]].here(source)) if "--from" in options else context / source
        if start.is_dir():
            shutil.copytree(start, into, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(start, into)

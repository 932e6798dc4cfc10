"""The deploy buttons lead to the operator's copy of this repository, whose address only they know."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.repository import PLACEHOLDER, PLACES, ROOT, put

BUTTONS = 2
WRITTEN_OUT = ("CHANGELOG.md", "tools/repository.py", "tests/test_repository.py", "docs/operating/install.md")
"""Where the placeholder's name may stand: these say what it is."""
LEFT_OUT = ("build", "node_modules", "__pycache__")
"""Folders of what is made, as those that begin with a dot."""


def _files_with(text: str) -> dict[str, int]:
    """The files of the repository that have this text, and how often."""
    found: dict[str, int] = {}
    for path in ROOT.rglob("*"):
        where = path.relative_to(ROOT)
        folders = where.parts[:-1]
        made = any(folder in LEFT_OUT or (folder.startswith(".") and folder != ".github") for folder in folders)
        if path.is_file() and not made:
            count = path.read_bytes().count(text.encode())
            found |= {where.as_posix(): count} if count else {}
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for place in PLACES:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / place, tmp_path / place)
    return tmp_path


def test_the_placeholder_stands_behind_the_two_buttons_or_was_replaced_behind_both() -> None:
    elsewhere = {"tools/repository.py": 1}

    assert _files_with(PLACEHOLDER) in (elsewhere, elsewhere | {"docs/operating/install.md": BUTTONS})
    assert _files_with("YOUR-ORG").keys() <= {*WRITTEN_OUT}


def test_the_steps_say_to_replace_it_before_the_first_button() -> None:
    steps = (ROOT / "docs" / "operating" / "install.md").read_text(encoding="utf-8")

    assert 0 < steps.index("make repository URL=") < steps.index("[![Deploy to Heroku]")


@pytest.mark.parametrize(
    "given", ["https://git.example/acme/deals", "https://git.example/acme/deals.git", "https://git.example/acme/deals/"]
)
def test_one_command_puts_the_address_behind_every_button(copy: Path, given: str) -> None:
    there = sum((copy / place).read_text(encoding="utf-8").count(PLACEHOLDER) for place in PLACES)
    assert put(given, copy) == there
    assert put(given, copy) == 0

    text = (copy / PLACES[0]).read_text(encoding="utf-8")
    assert text.count("https://git.example/acme/deals)") == there


@pytest.mark.parametrize(
    "given",
    [
        "",
        "acme/opp-status",
        "http://git.example/a/b",
        "https://git.example",
        PLACEHOLDER,
        "https://x/a/b?c=d",
        "https://x/a/b)",
    ],
)
def test_what_is_no_address_changes_nothing(copy: Path, given: str) -> None:
    before = (copy / PLACES[0]).read_bytes()
    with pytest.raises(ValueError, match="make repository URL="):
        put(given, copy)

    assert (copy / PLACES[0]).read_bytes() == before


def test_without_an_address_the_command_says_how_to_give_it() -> None:
    command = [sys.executable, str(ROOT / "tools" / "repository.py")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own file

    assert ended.returncode == 1
    assert "make repository URL=https://github.com/acme/opp-status" in ended.stderr

"""What we depend on: its licences, its known holes, and how much of httpx we would have to replace."""

import ast
import json
import re
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

from tools.audit import main
from tools.licences import PAGE, licence_of, pinned

ROOT = Path(__file__).parents[1]
REQUIREMENTS = pinned((ROOT / "requirements.txt").read_text())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# --- licences ------------------------------------------------------------------------------------------------------


def test_the_licence_of_each_package_that_a_host_installs_is_listed() -> None:
    listed = re.findall(r"^\| ([\w.-]+) \| ([\w.]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)

    assert len(REQUIREMENTS) > 30
    assert [(_canonical(name), version) for name, version, _ in listed[1:]] == REQUIREMENTS
    assert all(licence.strip() for _, _, licence in listed)


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("starlette", "BSD-3-Clause"),
        ("jinja2", "BSD License"),
        ("httpx-aiohttp", "BSD-3-Clause"),
        ("uvloop", "MIT License"),
    ],
)
def test_a_licence_is_read_wherever_a_package_names_it(name: str, licence: str) -> None:
    assert licence_of(metadata(name)) == licence


# --- known holes ---------------------------------------------------------------------------------------------------

FINE = {"name": "aiohttp", "version": "1.0", "vulns": []}
HOLED = {"name": "idna", "version": "2.0", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}
UNKNOWN = {"name": "aiohttp", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("reports", "status", "words"),
    [
        ([[FINE], [FINE]], 0, "1 packages audited, 0 with known holes."),
        ([[FINE, HOLED], None], 1, "idna 2.0 has known holes: PYSEC-1, PYSEC-2"),
        ([[UNKNOWN, HOLED], [FINE]], 1, "2 packages audited, 1 with known holes."),
        ([[UNKNOWN, {**HOLED, "vulns": []}], None], 0, "no database that was reached knows them: aiohttp"),
        ([[UNKNOWN], None], 2, "0 packages audited, 0 with known holes."),
        ([None, [FINE]], 0, "No answer from the database 0."),
        ([None, None], 2, "No answer from the database 1."),
    ],
)
def test_an_audit_fails_on_a_known_hole_and_says_what_could_not_be_audited(
    reports: list[list[dict[str, Any]] | None],
    status: int,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number, packages in enumerate(reports):
        if packages is not None:
            (tmp_path / f"{number}.json").write_text(json.dumps({"dependencies": packages, "fixes": []}))

    assert main(str(tmp_path / f"{number}.json") for number in range(len(reports))) == status
    assert words in capsys.readouterr().out


# --- httpx ---------------------------------------------------------------------------------------------------------


def _used_of_httpx(file: Path) -> set[str]:
    return {
        node.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "httpx"
    }


def test_what_we_use_of_httpx_is_written_down() -> None:
    files = [each for each in (ROOT / "bot").rglob("*.py") if "simulator" not in each.parts]
    used = set().union(*map(_used_of_httpx, files))
    decision = (
        (ROOT / "docs" / "developing" / "decisions.md")
        .read_text()
        .partition("### httpx stays")[2]
        .partition("\n### ")[0]
    )

    assert used
    assert used <= set(re.findall(r"`(\w+)`", decision))

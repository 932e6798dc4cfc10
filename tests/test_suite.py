"""Tests of the tests: every one of them runs, and none of them is missing."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/*.py"))
COLLECTED = [file for file in FILES if PurePosixPath(file).name.startswith("test_")]
HELPERS = [file for file in FILES if file not in COLLECTED]
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("bot/**/*.py") if path.name != "__init__.py")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


def _functions(body: list[ast.stmt]) -> list[Function]:
    return [node for node in body if isinstance(node, Function)]


def _is_fixture(function: Function) -> bool:
    names = [ast.unparse(decorator).partition("(")[0] for decorator in function.decorator_list]
    return any(name.split(".")[-1] == "fixture" for name in names)


def _tests(file: str) -> Iterator[str]:
    """The ids of the test functions of a file, as pytest writes them, without parameters."""

    def within(body: list[ast.stmt], outer: str) -> Iterator[str]:
        for function in _functions(body):
            if function.name.startswith("test"):
                yield f"{outer}::{function.name}"
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from within(node.body, f"{outer}::{node.name}")

    return within(_tree(file).body, file)


@cache
def _imported(file: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.extend(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("file", COLLECTED)
def test_a_file_of_tests_holds_tests_fixtures_and_private_helpers(file: str) -> None:
    functions = _functions(_tree(file).body)
    others = [function.name for function in functions if not function.name.startswith(("test_", "_"))]
    fixtures = [function.name for function in functions if _is_fixture(function)]
    assert [name for name in others if name not in fixtures] == []


@pytest.mark.parametrize("file", COLLECTED)
def test_a_file_of_tests_has_one(file: str) -> None:
    assert list(_tests(file)) != []


@pytest.mark.parametrize("file", HELPERS)
def test_a_file_that_pytest_does_not_collect_holds_no_test(file: str) -> None:
    assert list(_tests(file)) == []


@pytest.mark.parametrize("file", [file for file in HELPERS if PurePosixPath(file).name != "conftest.py"])
def test_a_helper_is_used_by_a_test(file: str) -> None:
    module = file.removesuffix(".py").replace("/", ".")
    importing = [other for other in FILES if any(name.startswith(f"{module}.") for name in _imported(other))]
    assert importing != []


def test_every_test_that_is_written_is_collected(collected: frozenset[str], pytestconfig: pytest.Config) -> None:
    """In this run of pytest; if it was asked for some files only, in those."""
    asked_for_all = {Path(each).resolve() for each in pytestconfig.args} <= {ROOT, ROOT / "tests"}
    files = COLLECTED if asked_for_all else sorted({test.partition("::")[0] for test in collected})
    assert [test for file in files for test in _tests(file) if test not in collected] == []


@pytest.mark.parametrize("file", COLLECTED)
def test_no_test_hides_another_of_the_same_name(file: str) -> None:
    written = list(_tests(file))
    assert sorted(set(written)) == sorted(written)


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_mocked(file: str) -> None:
    assert [name for name in _imported(file) if "mock" in name] == []


@pytest.mark.parametrize("module", MODULES)
def test_no_line_is_left_out_of_the_coverage(module: str) -> None:
    assert "pragma: no " not in (ROOT / module).read_text(encoding="utf-8")

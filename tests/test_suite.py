"""Tests of the tests, that every one of them runs; and of the source files, of their sizes and of their words."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/*.py"))
COLLECTED = [file for file in FILES if PurePosixPath(file).name.startswith("test_")]
HELPERS = [file for file in FILES if file not in COLLECTED]
SOURCES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("bot/**/*.py"))
MODULES = [file for file in SOURCES if PurePosixPath(file).name != "__init__.py"]

LONGEST = 300
"""Lines of a file."""
MAY_BE_LONGER = {
    "bot/operations/diagnoses.py",
    "bot/operations/settings.py",
    "bot/slack/messages/tables.py",
}
"""Tables of sentences and of settings, beside the stand-ins."""
MOST_FILES = 13
"""Python files in a folder, besides its `__init__`."""
MOST_ENTRIES = 15
"""Files and folders in `bot`, besides its `__init__`."""
VAGUE = re.compile(r"(?i)\b(?:whoever|somebody|nobody|shall)\b")
"""Words that name no actor, where a caller, an admin, a worker or Slack is meant."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


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
def test_a_file_of_tests_has_a_test(file: str) -> None:
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
    """In this run of pytest. If pytest runs only some files, this checks those."""
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


@pytest.mark.parametrize("file", SOURCES)
def test_no_vague_word_stands_for_an_actor(file: str) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if VAGUE.search(line)] == []


@pytest.mark.parametrize("file", [each for each in SOURCES if each.startswith("bot/slack/")])
def test_no_message_names_the_command_but_as_the_operator_named_it(file: str) -> None:
    """`Installation.command` has the name, and sentences in tables have `{command}`."""
    nodes = [*ast.walk(_tree(file))]
    docstrings = {ast.get_docstring(node, clean=False) for node in nodes if isinstance(node, ast.Module | Documented)}
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    assert [text for text in texts if "/opp-status" in str(text) and text not in docstrings] == []
    assert file == "bot/slack/messages/pieces.py" or "bot.commands.request.COMMAND" not in _imported(file)


@pytest.mark.parametrize("file", [each for each in SOURCES if not each.startswith("bot/simulator/")])
def test_a_file_is_short_unless_it_is_a_table_or_a_stand_in(file: str) -> None:
    length = len((ROOT / file).read_text(encoding="utf-8").splitlines())
    assert length <= LONGEST or file in MAY_BE_LONGER


def test_no_folder_has_too_many_files() -> None:
    files = Counter(PurePosixPath(file).parent.as_posix() for file in MODULES)
    assert {folder: count for folder, count in files.items() if count > MOST_FILES} == {}


def test_the_bot_has_few_entries() -> None:
    assert len({PurePosixPath(file).parts[1] for file in SOURCES} - {"__init__.py"}) <= MOST_ENTRIES

"""Checks the documents against the code: what they name exists, and what exists is named."""

import ast
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

import bot
from bot.__main__ import main
from bot.operations.checks.findings import CheckId
from bot.operations.diagnoses import DIAGNOSES
from bot.operations.settings import NEEDED_BY, Settings
from bot.simulator.demo.terminal import run
from bot.slack.wording import Page
from tests.voice import faults
from tools.pages import pages

ROOT = Path(__file__).parents[1]
OPERATING = ROOT / "docs" / "operating"
README = (ROOT / "README.md").read_text()
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
TROUBLESHOOTING = (OPERATING / "troubleshooting.md").read_text()
DECISIONS = (ROOT / "docs" / "developing" / "decisions.md").read_text()
SOURCES = Path(bot.__file__).parent
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


def _table(page: str) -> list[list[str]]:
    """The rows of the page's one table."""
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_that_is_made_from_the_code_is_up_to_date(page: Path) -> None:
    assert page.read_text() == pages()[page], "run `make docs`"


def test_the_settings_table_matches_the_code() -> None:
    rows = _table((OPERATING / "settings.md").read_text())
    documented = {row[0].strip("`"): (row[1].strip("`"), row[2]) for row in rows}
    fields = Settings.model_fields
    written = {name.upper(): (_default(name), field.description) for name, field in fields.items()}

    assert documented == written
    assert list(documented) == list(written)


def _default(name: str) -> str:
    field = Settings.model_fields[name]
    if field.is_required():
        return "required"
    if name in NEEDED_BY:
        return f"required (`{NEEDED_BY[name]}`)"
    if name == "highlevel_token":
        return "required (or OAuth)"
    value = field.default
    if name == "statuses":
        return ",".join(status for status in ("open", "won", "lost", "abandoned") if status in value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value or isinstance(value, int) else "empty"


def test_the_transcript_is_what_the_demo_plays() -> None:
    out = io.StringIO()
    run(io.StringIO(""), out)
    played = out.getvalue().replace("\n    | ", "\n  | ").replace("\n  ", "\n")
    transcript = README.split("```")[1].strip().replace("\n  ", "\n")

    for part in transcript.split("\n\n"):
        assert part in played


def test_the_permissions_are_those_of_the_manifest() -> None:
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text())
    documented = [row[1].strip("`") for row in _table((OPERATING / "access.md").read_text()) if row[0] == "Slack"]

    assert documented == manifest["oauth_config"]["scopes"]["bot"]


def test_every_check_is_in_the_troubleshooting() -> None:
    named = set(re.findall(r"check `([a-z_.]+)`", TROUBLESHOOTING))

    assert named == set(CheckId)


def test_every_diagnosis_has_a_line_under_its_check() -> None:
    for section in (OPERATING / "diagnoses.md").read_text().split("\n## ")[1:]:
        check = section.partition("\n")[0].strip("`")
        lines = re.findall(r"(?m)^\| `([a-z_.]+)` \| .{10,} \|$", section)
        assert lines == [each.id for each in DIAGNOSES if each.check == check]


def test_every_check_that_can_fail_has_its_diagnoses_listed_once() -> None:
    checks = re.findall(r"(?m)^## `([a-z_.]+)`$", (OPERATING / "diagnoses.md").read_text())

    assert len(checks) == len(set(checks))
    assert set(checks) == {each.check for each in DIAGNOSES}


def test_every_name_in_braces_of_a_diagnosis_is_filled_in() -> None:
    assert not re.search(r"[{}]", (OPERATING / "diagnoses.md").read_text())


def test_the_manifest_link_creates_the_app_with_the_address_filled_in() -> None:
    line = next(line for line in (OPERATING / "install.md").read_text().splitlines() if "manifest_yaml" in line)
    command = shlex.split(line)
    command[0] = sys.executable
    link = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603

    assert link.startswith("https://api.slack.com/apps?")
    (manifest,) = parse_qs(urlsplit(link).query)["manifest_yaml"]
    read = yaml.safe_load(manifest)
    assert read["features"]["slash_commands"][0]["url"] == "https://acme-deals.example.com/slack/events"
    assert "YOUR-BOT" not in manifest
    assert len(link) < 8000


@pytest.mark.parametrize(
    "verb", sorted({verb for page in DOCUMENTS for verb in re.findall(r"python -m bot (\w+)", page.read_text())})
)
def test_every_verb_of_the_documents_exists(verb: str) -> None:
    arguments = [verb, *{"backup": ["FILE"], "probe": ["DEAL"]}.get(verb, [])]
    assert verb == "demo" or main(arguments, {"DATABASE_URL": "none"}) == 2


def test_every_make_target_of_the_documents_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))

    for document in DOCUMENTS:
        assert set(re.findall(r"(?:`|    )make ([a-z]+)(?![\w/])", document.read_text())) <= targets


def test_every_file_of_the_documents_exists() -> None:
    for document in DOCUMENTS:
        for name in re.findall(r"`([\w./]+\.(?:py|md|yml|json|toml|txt|example)|Procfile)`", document.read_text()):
            places = (ROOT / name, document.parent / name, SOURCES / name, ROOT / name.removeprefix("./"))
            assert any(place.exists() for place in places), f"{document.name}: {name}"


def test_every_decision_names_a_test_that_exists() -> None:
    for decision in _decisions():
        held_by = re.findall(r"`(test_\w+|tests/[\w/]+\.py)`", decision)
        assert held_by, decision
        for name in held_by:
            assert (ROOT / name).exists() or f"def {name}(" in TESTS, name


def test_every_decision_takes_ten_lines_at_most() -> None:
    for decision in _decisions():
        _title, *lines = decision.strip().splitlines()
        assert len(lines) <= 10, decision


def test_the_contents_list_every_decision_once_and_in_order() -> None:
    contents, *_ = DECISIONS.partition("\n## ")
    listed = re.findall(r"(?m)^( *)- \[(.+)\]\(#([\w-]+)\)$", contents)
    headings = re.findall(r"(?m)^##(#?) (.+)$", DECISIONS)
    anchors = [anchor for _, _, anchor in listed]

    assert [(bool(indent), title) for indent, title, _ in listed] == [(bool(deep), title) for deep, title in headings]
    assert anchors == [_anchor(title) for _, title in headings]
    assert len(set(anchors)) == len(anchors)


def _decisions() -> list[str]:
    themes = DECISIONS.split("\n## ")[1:]
    return [decision for theme in themes for decision in theme.split("\n### ")[1:]]


def _anchor(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


# --- where a reader gets to ----------------------------------------------------------------------------------------

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")


def _targets(document: Path) -> list[tuple[Path, str]]:
    """Each file of ours that a document links to, with the anchor; empty for none."""
    links = (urlsplit(link) for link in LINK.findall(document.read_text()))
    return [
        ((document.parent / link.path).resolve() if link.path else document, link.fragment)
        for link in links
        if not link.scheme
    ]


def _anchors(document: Path) -> set[str]:
    return {_anchor(title) for title in re.findall(r"(?m)^#+ (.+)$", document.read_text())}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_picture_of_a_document_leads_somewhere(document: Path) -> None:
    for target, anchor in _targets(document):
        assert target.exists(), target
        assert not anchor or anchor in _anchors(target), f"{target}#{anchor}"
    for picture in map("".join, PICTURE.findall(document.read_text())):
        assert urlsplit(picture).scheme or (document.parent / picture).exists(), picture


def test_every_page_is_two_clicks_from_the_readme_at_most() -> None:
    start = ROOT / "README.md"
    once = {target for target, _ in _targets(start)}
    twice = {target for page in once if page.suffix == ".md" for target, _ in _targets(page)}

    assert set(DOCUMENTS) | set(ROOT.glob("docs/**/*.yml")) <= {start, *once, *twice}


BY_HAND = ("install", "socket-mode", "oauth", "sub-accounts", "access", "data", "upgrading", "troubleshooting")
SPOKEN = [ROOT / "README.md", ROOT / "docs" / "using.md", *(OPERATING / f"{name}.md" for name in BY_HAND)]
"""The pages for reps and operators whose sentences are not the code's."""


@pytest.mark.parametrize("document", SPOKEN, ids=lambda page: page.name)
def test_a_page_for_reps_and_operators_speaks_plainly(document: Path) -> None:
    spoken = re.sub(r"(?s)```.*?```|!(?=\[)|(?<=\])\([^)]+\)", "", document.read_text())

    assert [fault for line in spoken.splitlines() for fault in faults(line)] == []


@pytest.mark.parametrize("page", Page)
def test_every_page_that_a_message_links_to_exists(page: Page) -> None:
    path, _, anchor = page.partition("#")

    assert (ROOT / "docs" / path).is_file()
    assert not anchor or anchor in _anchors(ROOT / "docs" / path)


def test_the_readme_takes_120_lines_at_most() -> None:
    assert len(README.splitlines()) <= 120


def test_the_map_names_every_module_once() -> None:
    the_map = ast.get_docstring(ast.parse((SOURCES / "__init__.py").read_text())) or ""
    mapped = re.findall(r"(?m)^    (\w+) {2,}", the_map)
    modules = {path.stem for path in SOURCES.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in SOURCES.glob("*/__init__.py")}

    assert sorted(mapped) == sorted(modules | packages)


def test_the_pictures_of_the_readme_exist_and_are_small_and_described() -> None:
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+\.png)\)", README)
    pictures += [(alt, src) for src, alt in re.findall(r'<img src="([^"]+)"[^>]* alt="([^"]+)">', README)]

    assert [path for _, path in pictures] == ["docs/pictures/film.png", "docs/pictures/phone.png"]
    using = re.findall(r"!\[[^\]]+\]\(pictures/(.+)\.png\)", (ROOT / "docs/using.md").read_text())
    assert using == ["desktop", "home", "digest"]
    assert 0 < (ROOT / "docs/pictures/film.png").stat().st_size < 2_000_000
    for name in ("phone", *using):
        assert 0 < (ROOT / f"docs/pictures/{name}.png").stat().st_size < 200_000


def test_only_the_command_line_imports_the_demo() -> None:
    importers = [
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if re.search(r"simulator(\.| import )(page|demo|stage)", path.read_text())
    ]

    assert [each for each in importers if not each.startswith("simulator/")] == ["__main__.py"]

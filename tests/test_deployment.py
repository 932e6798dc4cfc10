import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pydantic import SecretStr

from bot import __version__
from bot.__main__ import UNUSABLE_SETTINGS, main
from bot.operations.logs import hide_secrets
from bot.operations.settings import NEEDED_BY, Settings
from bot.web import server
from bot.wiring import build
from bot.wiring.highlevel import USER_AGENT

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
APP: dict[str, Any] = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
OPTION = re.compile(r"(?m)^#(?=[A-Z_]+=)")
"""The `#` before an optional setting of the example. A comment has a space after its `#`."""

FIELDS = Settings.model_fields
UNLESS_BY_OAUTH = "HIGHLEVEL_TOKEN"
REQUIRED = [
    name.upper()
    for name, field in FIELDS.items()
    if field.is_required() or name in NEEDED_BY or name.upper() == UNLESS_BY_OAUTH
]
"""The settings that `serve` or `socket` requires without OAuth."""
SERVED = [name for name in REQUIRED if NEEDED_BY.get(name.lower()) != "socket"]
"""The settings that `serve` requires, which the Procfile runs."""
OPTIONAL = [name.upper() for name in FIELDS if name.upper() not in REQUIRED]
SECRETS = {name.upper() for name, field in FIELDS.items() if field.annotation is SecretStr}
GIVEN = {
    "SLACK_BOT_TOKEN": "xoxb-not-a-token",
    "SLACK_SIGNING_SECRET": "thisisnotasigningsecretofslacks0",
    "HIGHLEVEL_TOKEN": "not-a-token",
    "HIGHLEVEL_LOCATION_ID": "LOCATIONxxxxxxxxxxxx",
}


def _example(*, options: bool) -> dict[str, str | None]:
    return dotenv_values(stream=StringIO(OPTION.sub("", EXAMPLE) if options else EXAMPLE))


def _as_text(default: object) -> str:
    """A default as an operator writes it, with the parts of a list sorted."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, frozenset | tuple):
        return ",".join(sorted(default))
    return "" if default in ({}, None) else str(default)


# --- Procfile ------------------------------------------------------------------------------------------------------


def test_the_procfile_runs_a_verb_of_the_command_line() -> None:
    (line,) = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    process, _, command = line.partition(": ")
    python, *module, verb = shlex.split(command)
    assert (process, python, module) == ("web", "python", ["-m", "bot"])
    assert main([verb], {}) == UNUSABLE_SETTINGS  # a verb that does not exist raises SystemExit instead


async def test_the_bot_binds_the_port_that_the_host_names_on_every_interface() -> None:
    config = server.config(build(Settings.from_env(GIVEN | {"PORT": "5123"})))
    assert (config.host, config.port) == ("0.0.0.0", 5123)  # noqa: S104 - what a PaaS routes to


@pytest.mark.parametrize("many", ["4", "auto", ""])
async def test_the_number_of_workers_that_a_host_suggests_does_nothing(
    many: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", many)
    assert server.config(build(Settings.from_env(GIVEN))).workers == 1


# --- app.json ------------------------------------------------------------------------------------------------------


def test_the_deploy_form_asks_only_for_settings_of_the_deployed_verb() -> None:
    assert APP["env"].keys() <= {*SERVED, *OPTIONAL}


def test_the_deploy_form_marks_as_required_what_the_bot_requires() -> None:
    # Heroku requires a variable unless `required` is false. https://devcenter.heroku.com/articles/app-json-schema#env
    required = [name for name in SERVED if name != UNLESS_BY_OAUTH]
    assert [name for name, asked in APP["env"].items() if asked["required"]] == required
    assert "HIGHLEVEL_CLIENT_ID" in APP["env"][UNLESS_BY_OAUTH]["description"]


def test_the_deploy_form_explains_everything_it_asks_for() -> None:
    assert [name for name, asked in APP["env"].items() if not asked["description"]] == []


def test_the_deploy_form_suggests_no_secret_and_nothing_but_defaults() -> None:
    suggested = {name: asked["value"] for name, asked in APP["env"].items() if "value" in asked}
    assert suggested.keys() & {*SECRETS, *REQUIRED} == set()
    assert suggested == {name: _as_text(FIELDS[name.lower()].default) for name in suggested}


def test_the_deploy_form_asks_for_the_allowed_users() -> None:
    assert "ALLOWED_USERS" in APP["env"]


def test_one_process_is_deployed_with_a_persistent_database() -> None:
    assert APP["formation"] == {"web": {"quantity": 1}}
    assert APP["addons"] == ["heroku-postgresql"]  # it sets DATABASE_URL
    assert APP.keys() == {"name", "description", "keywords", "env", "addons", "formation"}


# --- .env.example --------------------------------------------------------------------------------------------------


def test_the_example_has_every_setting_once_and_the_required_ones_first() -> None:
    named = re.findall(r"(?m)^#?([A-Z_]+)=", EXAMPLE)
    assert named == [*REQUIRED, *OPTIONAL]


def test_the_example_sets_only_the_required_settings() -> None:
    assert _example(options=False) == dict.fromkeys(REQUIRED, "")


@pytest.mark.parametrize("name", OPTIONAL)
def test_the_example_shows_the_default(name: str) -> None:
    shown = _example(options=True)[name] or ""
    default = FIELDS[name.lower()].default
    in_order = ",".join(sorted(shown.split(","))) if isinstance(default, frozenset) else shown
    assert in_order == _as_text(default)


def test_the_defaults_of_the_example_can_be_used() -> None:
    options = {name: value or "" for name, value in _example(options=True).items()}
    assert Settings.from_env(options | GIVEN).allowed_users == frozenset()


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_the_example_explains_a_setting_in_the_words_of_the_code(name: str) -> None:
    description = FIELDS[name.lower()].description
    assert description
    assert re.search(rf"(?m)^# {re.escape(description)}\n#?{name}=", EXAMPLE)


def test_the_example_holds_no_secret() -> None:
    assert {
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "SLACK_APP_TOKEN",
        "HIGHLEVEL_TOKEN",
        "ENCRYPTION_KEY",
    } <= SECRETS
    assert {name: _example(options=True)[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")
    assert hide_secrets(EXAMPLE) == EXAMPLE


# --- Python and packages -------------------------------------------------------------------------------------------


def _pins(file: str) -> dict[str, Requirement]:
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if not line.lstrip().startswith("#") and line.strip()]
    requirements = [Requirement(line.partition(" --hash")[0]) for line in lines]
    return {_canonical(requirement.name): requirement for requirement in requirements}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(pin: Requirement) -> str:
    (only,) = pin.specifier
    assert only.operator == "=="
    return only.version


def test_the_python_that_is_deployed_is_one_that_the_project_supports() -> None:
    deployed = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert SpecifierSet(PROJECT["requires-python"]).contains(deployed)


def test_the_version_in_the_user_agent_is_the_projects() -> None:
    assert PROJECT["version"] == __version__
    assert f"opp-status/{__version__}" == USER_AGENT


def test_the_changelog_has_this_version_after_what_is_unreleased() -> None:
    headings = re.findall(r"(?m)^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert [each.rstrip(":") for each in headings[:2]] == ["Unreleased", __version__]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_locked_by_its_hash(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert [line for line in lines if not re.search(r"==\S+ .*--hash=sha256:[0-9a-f]{64}", line)] == []


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_packages_come_from_the_installers_own_index(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\s*-(?!-hash=).*|.*://.*|.* @ .*", text) == []


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("requirements.txt", PROJECT["dependencies"]),
        ("requirements-dev.txt", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]),
    ],
    ids=["runtime", "dev"],
)
def test_every_dependency_is_locked_at_a_version_that_the_project_accepts(file: str, wanted: list[str]) -> None:
    pins = _pins(file)
    unfit = [
        requirement
        for requirement in map(Requirement, wanted)
        if (pin := pins.get(_canonical(requirement.name))) is None
        or not requirement.specifier.contains(_version(pin), prereleases=True)
        or pin.marker != requirement.marker
    ]
    assert unfit == []


def test_the_deployed_versions_are_the_tested_ones() -> None:
    tested = _pins("requirements-dev.txt")
    assert {name: str(pin) for name, pin in _pins("requirements.txt").items()}.items() <= {
        name: str(pin) for name, pin in tested.items()
    }.items()


def test_make_cover_tests_again_only_after_a_change(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    source, tested = tmp_path / "bot.py", tmp_path / "build" / "tested"
    source.touch()
    tested.parent.mkdir()
    tested.touch()

    def planned() -> str:
        make = shutil.which("make")
        assert make
        return subprocess.run(  # noqa: S603 - our own words
            [make, "--dry-run", "cover"], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    assert "coverage report" in planned()
    assert "coverage run" not in planned()
    changed = tested.stat().st_mtime + 1
    os.utime(source, (changed, changed))
    assert "coverage run" in planned()

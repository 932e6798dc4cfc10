"""The files for hosts: each fits its published form, agrees with the code, and has its steps in the documents."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.commands.worker import WorkerTiming
from bot.operations.settings import Settings
from bot.storage.engine import file_of
from tests.test_deployment import OPTIONAL, SECRETS, SERVED

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "tests" / "data" / "hosts"
INSTALL = (ROOT / "docs" / "operating" / "install.md").read_text()
FILES: dict[str, str] = {
    "render": "render.yaml",
    "fly": "fly.toml",
    "railway": "railway.json",
    "compose": "compose.yaml",
    "heroku": "app.json",
}
HOSTS = ("Heroku", "Render", "Railway", "Fly.io", "Google Cloud Run", "Docker Compose")
"""The hosts that have steps of their own, as the documents name them."""


def _read(file: str) -> Any:  # noqa: ANN401 - each has a form of its own
    text = (ROOT / file).read_text()
    return tomllib.loads(text) if file.endswith(".toml") else yaml.safe_load(text)  # every JSON is YAML


RENDER, FLY, RAILWAY, COMPOSE = (_read(FILES[name]) for name in ("render", "fly", "railway", "compose"))
(ON_RENDER,) = RENDER["services"]
(DATABASE_ON_RENDER,) = RENDER["databases"]


def _problems(contents: object, schema: str) -> list[str]:
    read = json.loads((SCHEMAS / f"{schema}.schema.json").read_text())
    return [error.message for error in jsonschema.Draft202012Validator(read).iter_errors(contents)]


# --- their forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("schema", "file"), FILES.items(), ids=FILES.values())
def test_a_file_has_the_form_that_its_host_publishes(schema: str, file: str) -> None:
    assert _problems(_read(file), schema) == []


@pytest.mark.parametrize(("schema", "file"), FILES.items(), ids=FILES.values())
def test_a_field_that_its_host_does_not_know_is_found(schema: str, file: str) -> None:
    assert _problems(_read(file) | {"helthcheck": "/healthz"}, schema) != []


@pytest.mark.parametrize("schema", FILES)
def test_each_form_names_its_source(schema: str) -> None:
    assert re.search(r"https://\S+", json.loads((SCHEMAS / f"{schema}.schema.json").read_text())["$comment"])


# --- what they say about the bot -----------------------------------------------------------------------------------


def test_every_host_asks_for_the_same_health() -> None:
    (check,) = FLY["http_service"]["checks"]
    asked = [ON_RENDER["healthCheckPath"], RAILWAY["deploy"]["healthcheckPath"], check["path"]]
    assert asked == ["/healthz"] * 3


def test_no_host_kills_the_bot_before_it_has_finished() -> None:
    given = [
        COMPOSE["services"]["bot"]["stop_grace_period"],
        FLY["kill_timeout"],
        f"{ON_RENDER['maxShutdownDelaySeconds']}s",
        f"{RAILWAY['deploy']['drainingSeconds']}s",
    ]
    assert all(float(each.removesuffix("s")) > WorkerTiming().drain for each in given)
    assert FLY["kill_signal"] == "SIGTERM"


def test_no_host_lets_the_bot_sleep() -> None:
    assert ON_RENDER["plan"] != "free"
    assert RAILWAY["deploy"]["sleepApplication"] is False
    assert FLY["http_service"]["auto_stop_machines"] == "off"
    assert FLY["http_service"]["min_machines_running"] == 1


def test_requests_reach_the_port_on_which_the_bot_listens() -> None:
    assert int(FLY["env"]["PORT"]) == FLY["http_service"]["internal_port"]
    bot = COMPOSE["services"]["bot"]
    assert bot["ports"] == [f"127.0.0.1:3000:{bot['environment']['PORT']}"]


def test_render_asks_for_what_the_bot_requires_and_stores_no_secret_in_the_file() -> None:
    asked = {each["key"]: each for each in ON_RENDER["envVars"]}
    required = set(SERVED) | {"ALLOWED_USERS"}
    assert required <= set(asked) <= {*SERVED, *OPTIONAL}
    assert all(asked[name] == {"key": name, "sync": False} for name in required)
    assert not any("value" in each for name, each in asked.items() if name in SECRETS)


def test_every_file_with_a_database_hands_it_to_the_bot() -> None:
    handed = {each["key"]: each for each in ON_RENDER["envVars"]}["DATABASE_URL"]["fromDatabase"]
    assert handed == {"name": DATABASE_ON_RENDER["name"], "property": "connectionString"}
    assert DATABASE_ON_RENDER["plan"] != "free"
    assert DATABASE_ON_RENDER["ipAllowList"] == []

    services = COMPOSE["services"]
    given = services["database"]["environment"]
    address = services["bot"]["environment"]["DATABASE_URL"]
    user, password, name = (given[f"POSTGRES_{part}"] for part in ("USER", "PASSWORD", "DB"))
    assert address == f"postgresql://{user}:{password}@database/{name}"
    assert "ports" not in services["database"]
    assert services["bot"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    (kept,) = services["database"]["volumes"]
    assert kept.partition(":")[0] in COMPOSE["volumes"]


def test_the_address_of_a_cloud_sql_is_one_that_the_bot_takes() -> None:
    (address,) = re.findall(r"DATABASE_URL: (postgresql://\S+)", INSTALL)
    required = {"SLACK_BOT_TOKEN": "xoxb-x", "SLACK_SIGNING_SECRET": "0" * 32, "HIGHLEVEL_TOKEN": "pit-x"}
    settings = Settings.from_env(required | {"HIGHLEVEL_LOCATION_ID": "L", "DATABASE_URL": address})
    assert file_of(settings.database_url) is None


# --- their steps ---------------------------------------------------------------------------------------------------


def _steps(host: str) -> str:
    return INSTALL.split(f"\n## {host}\n")[1].split("\n## ")[0]


def test_every_host_has_its_steps() -> None:
    assert re.findall(r"(?m)^## (.+)$", INSTALL)[2:] == [*HOSTS, "A machine of your own"]


@pytest.mark.parametrize("host", HOSTS)
def test_the_steps_are_numbered_and_end_with_the_check(host: str) -> None:
    numbers = [int(number) for number in re.findall(r"(?m)^(\d+)\. ", _steps(host))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 4 <= len(numbers) <= 9
    assert "python -m bot check" in re.split(r"(?m)^\d+\. ", _steps(host))[-1]


@pytest.mark.parametrize("host", HOSTS)
def test_the_steps_say_what_the_disk_and_idleness_do(host: str) -> None:
    steps = _steps(host)
    for topic in ("**Database.**", "**Disk.**", "**Sleep.**"):
        assert topic in steps, topic


@pytest.mark.parametrize("host", HOSTS)
def test_the_address_is_known_before_slack_is_told(host: str) -> None:
    steps = re.split(r"(?m)^\d+\. ", _steps(host))[1:]
    said = next(number for number, step in enumerate(steps) if "address" in step)
    told = next(number for number, step in enumerate(steps) if "](#1-a-slack-app)" in step)
    assert said <= told


def test_every_setting_that_the_steps_name_exists() -> None:
    others = {"RAILWAY_RUN_UID", "PROJECT_NUMBER", "K_SERVICE"}
    named = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", INSTALL)) - others
    assert named <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("file", [*FILES.values(), "Dockerfile", "Procfile"])
def test_the_steps_name_every_file(file: str) -> None:
    assert f"`{file}`" in INSTALL

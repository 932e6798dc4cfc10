"""Checks docs/operating/security.md against the code: secrets, tables, permissions, settings, numbers, tests."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from bot.highlevel.install_links import VALID, Purpose
from bot.operations.formats.credentials import MOST_SIGNING_SECRETS
from bot.operations.settings import Settings
from bot.slack.verification import MAX_COMMAND, MAX_INTERACTION
from bot.storage.tables import metadata
from bot.web.routes import LARGE_AT_ONCE
from bot.web.server import MAX_HEADERS, REQUEST_PATIENCE

ROOT = Path(__file__).parents[1]
SECURITY = (ROOT / "docs" / "operating" / "security.md").read_text()
FIELDS = Settings.model_fields
HIDDEN = [name.upper() for name, field in FIELDS.items() if field.annotation is SecretStr or not field.repr]
"""The secrets. The database's URL is one, because it may contain a password."""


def _section(title: str) -> str:
    return SECURITY.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _rows(title: str) -> dict[str, list[str]]:
    lines = [line.strip("|").split("|") for line in _section(title).splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines[2:]}


def test_the_documented_secrets_are_the_hidden_settings() -> None:
    assert len(HIDDEN) == 12
    assert sorted(name.strip("`") for name in _rows("The secrets")) == sorted(HIDDEN)


def test_every_secret_has_a_row_and_steps_to_change_it() -> None:
    rows = [name.strip("`") for name in _rows("Changing a secret")]
    steps = re.findall(r"(?m)^### `(\w+)`\n\n(?:.+\n)*\n?1\. ", _section("Changing a secret"))

    assert sorted(rows) == sorted(HIDDEN)
    assert steps == rows


def test_every_table_of_the_database_is_in_what_is_stored() -> None:
    named = [name for cell in _rows("What is stored") for name in re.findall(r"`(\w+)`", cell)]

    assert sorted(named) == sorted(metadata.tables)


def test_every_permission_is_in_the_row_of_its_token() -> None:
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text())
    rows = _rows("The secrets")
    slack = re.findall(r"`([a-z:.]+)`", rows["`SLACK_BOT_TOKEN`"][0])
    highlevel = re.findall(r"`([a-z.]+)`", rows["`HIGHLEVEL_TOKEN`"][0])

    assert sorted(slack) == sorted(manifest["oauth_config"]["scopes"]["bot"])
    assert sorted(highlevel) == sorted(str(FIELDS["highlevel_scopes"].default).split(","))
    assert "connections:write" in str(FIELDS["slack_app_token"].description)
    assert "`connections:write`" in rows["`SLACK_APP_TOKEN`"][0]
    assert "`oauth.write`" in rows["`HIGHLEVEL_CLIENT_SECRET`"][0]
    assert "oauth.write" in str(FIELDS["highlevel_scopes"].description)


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", SECURITY))

    assert named <= {name.upper() for name in FIELDS}


def test_every_number_matches_the_code() -> None:
    text = " ".join(SECURITY.split())

    assert "A request has ten seconds, 256 kB for its headers, and 64 kB for its body, or 1 MB" in text
    assert (REQUEST_PATIENCE, MAX_HEADERS, MAX_COMMAND, MAX_INTERACTION) == (10.0, 256 << 10, 64 << 10, 1 << 20)
    assert "16 of these large ones are read at a time" in text
    assert LARGE_AT_ONCE == 16
    assert "The bot accepts two" in text
    assert MOST_SIGNING_SECRETS == 2
    assert "good once, for 30 minutes" in text
    assert VALID[Purpose.INSTALL] == 1800


@pytest.mark.parametrize("name", re.findall(r"`(tests/[\w/]+\.py)`", SECURITY))
def test_every_test_that_is_named_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_a_problem_is_reported_privately_and_no_address_is_made_up() -> None:
    top = (ROOT / "SECURITY.md").read_text()

    for text in (top, _section("Report a problem"), (ROOT / "CONTRIBUTING.md").read_text()):
        assert "rivately" in text
        assert not re.search(r"\S@\S+\.\S", text)
    assert "(docs/operating/security.md)" in top
    assert len(top.splitlines()) == 2

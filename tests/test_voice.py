"""What operators read speaks the same plain voice as the messages in Slack."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.highlevel.api.errors import Ending
from bot.operations.diagnoses import DIAGNOSES, Diagnosis
from bot.operations.settings import Settings
from tests.voice import faults, sentences

ROOT = Path(__file__).parent.parent
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
SPEAKING = (
    "bot/__main__.py",
    "bot/highlevel/pages.py",
    "bot/operations/diagnoses.py",
    "bot/operations/environment.py",
    "bot/operations/formats/addresses.py",
    "bot/operations/formats/credentials.py",
    "bot/operations/formats/people.py",
    "bot/operations/formats/values.py",
    "bot/operations/health.py",
    "bot/operations/listing.py",
    "bot/operations/settings.py",
    "bot/operations/times.py",
)
"""The files whose texts an operator reads."""


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("Nobody may change deals", "no one"),
        ("The bot is away", "Opp Status"),
        ("It is not set", "short form"),
        ("Look at it; try again", "two sentences"),
        ("Done!", "nothing"),
        ("Copy the id", "ID"),
        ("Turn on synchronisation", "American"),
        ("USD 4,800", "$4,800"),
        ("You took that back", "undo"),
        ("a different location than", "sub-account"),
        ("gone — for good", "a comma"),
    ],
)
def test_the_list_hears_what_the_voice_forbids(said: str, instead: str) -> None:
    (fault,) = faults(said)
    assert instead in fault


def test_what_is_shown_as_it_is_may_have_any_word() -> None:
    assert faults("Run `bot; nobody!`, open https://x.example/?id=1;2 and read “It is not set!” from <@U1>.") == []


def test_a_rep_reads_no_setting_before_the_words_for_admins() -> None:
    assert faults("Check HIGHLEVEL_TOKEN.") == []
    assert faults("Check HIGHLEVEL_TOKEN.", to_a_rep=True) != []
    assert faults("Tell Kim. For admins: check HIGHLEVEL_TOKEN.", to_a_rep=True) == []


@pytest.mark.parametrize("file", SPEAKING)
def test_every_text_of_the_code_that_operators_read_is_plain(file: str) -> None:
    texts = [*sentences(ROOT / file)]
    assert texts != []
    assert [fault for text in texts for fault in faults(text)] == []


@pytest.mark.parametrize("diagnosis", DIAGNOSES, ids=lambda diagnosis: diagnosis.id)
def test_every_diagnosis_is_plain(diagnosis: Diagnosis) -> None:
    assert faults(diagnosis.words) == []


@pytest.mark.parametrize("ending", Ending)
def test_every_reason_for_an_end_of_the_connection_is_plain(ending: Ending) -> None:
    assert faults(ending.value) == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described_plainly(name: str) -> None:
    assert faults(Settings.model_fields[name].description or "") == []


@pytest.mark.parametrize("file", [".env.example", "manifest.yml"])
def test_the_comments_of_a_file_that_operators_edit_are_plain(file: str) -> None:
    comments = re.findall(r"(?m)(?:^|\s)# (.*)$", (ROOT / file).read_text(encoding="utf-8"))
    assert comments != []
    assert [fault for comment in comments for fault in faults(comment)] == []


def test_the_deploy_form_is_plain() -> None:
    form = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))
    texts = [form["description"], *(asked["description"] for asked in form["env"].values())]
    assert [fault for text in texts for fault in faults(text)] == []


def test_what_slack_shows_of_the_app_is_plain_and_names_no_setting() -> None:
    features = MANIFEST["features"]
    texts = [
        *(MANIFEST["display_information"][name] for name in ("name", "description", "long_description")),
        *(command["description"] for command in features["slash_commands"]),
        *(shortcut[name] for shortcut in features["shortcuts"] for name in ("name", "description")),
    ]
    assert [fault for text in texts for fault in faults(text, to_a_rep=True)] == []

"""Every kind of message as Slack gets it, compared with a file; `--write-golden` writes the files anew."""

import json
from pathlib import Path

import pytest

from bot.commands.reply import Message
from bot.operations.settings import Settings
from bot.simulator.slack.block_kit import refusal_of, refusal_of_home, refusal_of_view
from bot.slack.block_kit.mrkdwn import unescaped
from bot.slack.mail.replies import as_response
from bot.slack.messages import tables
from bot.slack.messages.tables import DENIALS, FAILURES, FOR_ADMINS
from tests.golden.cases import CASES, FOLDER, as_json, words
from tests.voice import faults, sentences


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_message_is_rendered_as_its_file_has_it(name: str, pytestconfig: pytest.Config) -> None:
    file, rendering = FOLDER / f"{name}.json", as_json(CASES[name])
    if pytestconfig.getoption("--write-golden"):
        file.write_text(rendering, encoding="utf-8")

    assert json.loads(file.read_text(encoding="utf-8")) == json.loads(rendering)


def test_each_file_is_of_a_kind_of_message_that_there_is() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_slack_takes_each_kind_of_message(name: str) -> None:
    rendered = CASES[name]
    if isinstance(rendered, Message):
        assert refusal_of(as_response(rendered)) is None
    else:
        assert (refusal_of_home if rendered["type"] == "home" else refusal_of_view)(rendered) is None


SETTINGS = {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_message_speaks_plainly_and_names_a_setting_only_to_admins(name: str) -> None:
    for text in words(CASES[name]):
        for line in unescaped(text).split("\n"):
            assert faults(line, to_a_rep=True) == []
            if not line.startswith(FOR_ADMINS):
                assert [setting for setting in SETTINGS if f"`{setting}`" in line or f" {setting} " in line] == []


PUBLIC = [name for name, case in CASES.items() if isinstance(case, Message) and case.public]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_phone_gets_the_news_of_a_public_message_in_sixty_characters(name: str) -> None:
    rendered = CASES[name]
    assert isinstance(rendered, Message)
    first = rendered.text.split("\n")[0]

    assert not first.startswith(("Ref", "Nothing", "⚠️", "🎉"))
    assert "http" not in rendered.text
    assert len(first) <= 60 + len("<@U0ANA>")


SPEAKING = sorted(Path(tables.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("file", SPEAKING, ids=lambda file: file.name)
def test_every_sentence_in_the_code_of_the_messages_is_plain(file: Path) -> None:
    assert [fault for text in sentences(file) for fault in faults(text)] == []


def test_no_sentence_of_a_table_names_a_setting_but_to_admins() -> None:
    for sentence in (*FAILURES.values(), *DENIALS.values()):
        assert faults(sentence.what, to_a_rep=True) + faults(sentence.then, to_a_rep=True) == []

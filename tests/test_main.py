import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.__main__ import environment, main
from bot.health import CHECKS, SIGNING_SECRET, SLACK_SOCKET
from bot.settings import Settings
from tests.house import ANA, House, open_house, stand_ins

ROOT = Path(__file__).parents[1]


def _environ(house: House, **changed: str) -> dict[str, str]:
    settings = house.settings
    return {
        "SLACK_BOT_TOKEN": settings.slack_bot_token.get_secret_value(),
        "SLACK_SIGNING_SECRET": settings.slack_signing_secret.get_secret_value(),
        "SLACK_APP_TOKEN": settings.slack_app_token.get_secret_value(),
        "SLACK_API_URL": settings.slack_api_url,
        "HIGHLEVEL_TOKEN": settings.highlevel_token.get_secret_value(),
        "HIGHLEVEL_LOCATION_ID": settings.highlevel_location_id,
        "HIGHLEVEL_API_URL": settings.highlevel_api_url,
        "ALLOWED_USERS": ANA,
        "DATABASE_URL": settings.database_url,
        **changed,
    }


@pytest.mark.parametrize(("over", "not_checked"), [("http", SLACK_SOCKET), ("socket", SIGNING_SECRET)])
async def test_check_prints_every_check_and_ends_with_0_when_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], over: str, not_checked: str
) -> None:
    async with stand_ins(tmp_path, over=over) as house:
        code = await asyncio.to_thread(main, ["check"], _environ(house))

    assert code == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("ok", "FAIL"))]
    assert lines == [f"ok    {check}" for check in CHECKS if check != not_checked]


async def test_check_says_what_to_do_about_each_failing_check_and_ends_with_1(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = _environ(house, ALLOWED_USERS="", HIGHLEVEL_TOKEN="pit-another")
    code = await asyncio.to_thread(main, ["check"], environ)
    printed = capsys.readouterr().out

    assert code == 1
    assert "FAIL  access.allowlist: ALLOWED_USERS is empty" in printed
    assert "FAIL  highlevel.token: HighLevel does not accept HIGHLEVEL_TOKEN." in printed
    assert "pit-another" not in printed


async def test_check_proves_the_app_level_token_without_connecting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stand_ins(tmp_path, over="socket") as house:
        code = await asyncio.to_thread(main, ["check"], _environ(house, SLACK_APP_TOKEN="xapp-another"))
        well = await asyncio.to_thread(main, ["check"], _environ(house))
    printed = capsys.readouterr().out

    assert (code, well) == (1, 0)
    assert "FAIL  slack.socket: Slack does not accept SLACK_APP_TOKEN (it says: invalid_auth)." in printed
    assert "xapp-another" not in printed
    assert house.slack.socket.greeted == 0


async def test_check_changes_nothing_in_highlevel(house: House) -> None:
    await asyncio.to_thread(main, ["check"], _environ(house))

    assert house.highlevel.writes() == []


def test_check_reports_settings_that_cannot_be_used_as_a_check_and_ends_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check"], {}) == 2
    assert capsys.readouterr().out.startswith("FAIL  settings: SLACK_BOT_TOKEN is not set")


def test_serve_reports_every_problem_of_the_settings_and_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"], {"PORT": "http"}) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("The settings cannot be used:")
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "HIGHLEVEL_TOKEN", "HIGHLEVEL_LOCATION_ID", "PORT"):
        assert f"  {name} " in printed
    assert "the README says where to find them" in printed


@pytest.mark.parametrize(("verb", "needed"), [("serve", "SLACK_SIGNING_SECRET"), ("socket", "SLACK_APP_TOKEN")])
def test_each_verb_wants_its_own_secret_whatever_else_is_set(
    verb: str, needed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"SLACK_SIGNING_SECRET": "not-a-secret", "SLACK_APP_TOKEN": "xapp-not-a-token", needed: ""}
    rest = {"SLACK_BOT_TOKEN": "xoxb-x", "HIGHLEVEL_TOKEN": "pit-x", "HIGHLEVEL_LOCATION_ID": "L"}
    assert main([verb], given | rest) == 2
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("  ")] == [
        f"  {needed} is not set: {Settings.model_fields[needed.lower()].description}."
    ]


def test_an_unknown_verb_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["dance"], {})
    assert "serve" in capsys.readouterr().err


def test_demo_plays_and_ends_with_its_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    assert main(["demo"], {}) == 0
    assert "from open to *won*" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_file_in_any_encoding_is_read_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    (tmp_path / ".env").write_text("ADMIN_CONTACT=U0KIM\n# \u00fcber\n", encoding=encoding)
    monkeypatch.chdir(tmp_path)

    assert (environment({}).get("ADMIN_CONTACT") == "U0KIM") == (encoding != "utf-16")


def test_an_empty_variable_of_the_process_does_not_hide_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert environment({"PORT": "1"}) == {"PORT": "1"}
    (tmp_path / ".env").write_text("PORT=2\nHOST=a\nBARE\n")

    assert environment({"PORT": "3", "HOST": " "}) == {"PORT": "3", "HOST": "a", "BARE": ""}


async def test_settings_are_read_from_a_file_beside_the_program_and_the_environment_wins(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        in_file = _environ(house, ALLOWED_USERS="") | {"HIGHLEVEL_TOKEN": "pit-of-the-file"}
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in in_file.items()) + "BARE\n")
        environ = os.environ | {"PYTHONPATH": str(ROOT), "ALLOWED_USERS": ANA}  # noqa: TID251 - a process needs one
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "check", cwd=tmp_path, env=environ, stdout=subprocess.PIPE
        )
        output, _ = await process.communicate()

    assert process.returncode == 1
    assert b"ok    access.allowlist" in output
    assert b"FAIL  highlevel.token" in output

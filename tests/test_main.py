import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from bot import __version__
from bot.__main__ import environment, main
from bot.access.requests import AccessRequest, RequestState
from bot.operations.checks.findings import OVER_HTTP, OVER_SOCKET, CheckId
from bot.operations.probes import NO_RECORD
from bot.operations.settings import Settings
from bot.simulator.highlevel.server import READ, USERS, WRITE
from bot.simulator.highlevel.server import Fault as HighLevelFault
from bot.simulator.slack.server import GRANTED, Fault
from bot.storage.access_requests import SqlAccessRequests
from bot.storage.database import Database
from bot.web.listening import opened
from tests.house import ANA, BY_OAUTH, DEAL, HIGHLEVEL_TOKEN, PATIENT, SALES, House, free_port, open_house, stand_ins
from tests.postgresql import Cluster
from tests.rows import execute, fill, load_unreleased
from tests.visitor import visitor

ROOT = Path(__file__).parents[1]
NO_MOUNTS = Path("/no/mounts")
"""For checks that are not about the disk: the tests' own may be in memory."""


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


async def _checked(
    capsys: pytest.CaptureFixture[str], environ: dict[str, str], *options: str, mounts: Path = NO_MOUNTS
) -> tuple[int, str]:
    """The exit code, and what `check` prints; what the bot beside it logs is no part of it."""
    code = await asyncio.to_thread(main, ["check", *options], environ, mounts)
    return code, re.sub(r"(?m)^\d{4}-\d\d-\d\d .*\n", "", capsys.readouterr().out)


@pytest.mark.parametrize(("over", "not_checked"), [("http", OVER_SOCKET), ("socket", OVER_HTTP)])
async def test_check_prints_every_check_and_ends_with_0_when_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], over: str, not_checked: frozenset[str]
) -> None:
    async with open_house(tmp_path, over=over) as house:
        await house.slack.command("help", user=ANA, channel=SALES)
        code, printed = await _checked(capsys, _environ(house, PUBLIC_URL=house.slack.bot_url))

    assert code == 0
    well = [f"ok    {check}" for check in CheckId if check not in not_checked]
    if over == "socket":  # the process that hears the commands is another, and has no address to be asked at
        well.remove("ok    slack.command")
    assert [line for line in printed.splitlines() if "[slack.command.untried]" not in line] == well


async def test_check_notes_that_an_unset_address_was_not_tried(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed = await _checked(capsys, _environ(house))

    assert code == 0
    assert "note  slack.request_url: Skipped: PUBLIC_URL isn't set" in printed
    assert "ok    slack.request_url" not in printed


@pytest.mark.parametrize("kind", ["overlay", "ext4"])
async def test_check_fails_where_a_restart_empties_the_disk_of_the_database(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"none / {kind} rw 0 0\n")
    code, printed = await _checked(capsys, _environ(house), mounts=mounts)

    assert code == (1 if kind == "overlay" else 0)
    assert ("every new container empties" in printed) is (kind == "overlay")
    assert ("[store.durable.emptied]" in printed) is (kind == "overlay")


async def test_serve_warns_where_a_restart_empties_the_disk_of_the_database(house: House, tmp_path: Path) -> None:
    environ = os.environ | _environ(house, DYNO="web.1", PORT=str(free_port()), LOG_FORMAT="json")  # noqa: TID251
    environ["DATABASE_URL"] = f"sqlite:///{tmp_path / 'of-the-process.db'}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve", cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout
    async with asyncio.timeout(60):
        while b"store.not_durable" not in (line := await process.stdout.readline()):
            assert line
    process.terminate()
    await process.communicate()

    assert json.loads(line)["level"] == "warning"
    assert "every restart on Heroku empties" in json.loads(line)["advice"]


async def test_check_json_is_the_report_of_readyz_with_notes_and_diagnoses(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.highlevel.add_token(HIGHLEVEL_TOKEN, scopes=frozenset({READ}))
    code, printed = await _checked(capsys, _environ(house), "--json")
    report = json.loads(printed)

    assert code == 1
    assert list(report) == ["ok", "failing", "notes", "why"]
    assert set(report["ok"]) == set(CheckId) - OVER_SOCKET - set(report["why"])
    assert report["why"] == {
        "slack.command": "slack.command.untried",
        "slack.signatures": "slack.signatures.untried",
        "slack.request_url": "slack.request_url.untried",
        "highlevel.edit": "highlevel.edit.missing",
        "highlevel.users": "highlevel.users.missing",
    }
    assert list(report["failing"]) == ["highlevel.edit"]
    assert report["notes"]["highlevel.users"].startswith("HIGHLEVEL_TOKEN can't read users")


def test_check_json_reports_unusable_settings_and_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json"], {}) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] == []
    assert report["why"] == {"settings": "settings.unusable"}


PRIVATE = "pit-00000000-0000-4000-8000-000000000000"
EXPIRED = "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.c2ln"
"""An access token that ended in 1970."""
ELSEWHERE = "LOCATIONyyyyyyyyyyyy"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"HIGHLEVEL_TOKEN": "pit-cut-off"}, "highlevel.token.mistyped"),
        ({"HIGHLEVEL_TOKEN": EXPIRED}, "highlevel.token.expired"),
        ({"HIGHLEVEL_TOKEN": PRIVATE}, "highlevel.token.revoked"),
        ({"HIGHLEVEL_TOKEN": "pit-of-the-agency"}, "highlevel.token.agency"),
        ({"HIGHLEVEL_TOKEN": "pit-of-another"}, "highlevel.location.another"),
        ({"HIGHLEVEL_TOKEN": "pit-that-may-not-read"}, "highlevel.scope.missing"),
        ({"HIGHLEVEL_TOKEN": "pit-that-may-not-write"}, "highlevel.edit.missing"),
        ({"HIGHLEVEL_TOKEN": "pit-that-may-not-read-users"}, "highlevel.users.missing"),
        ({"HIGHLEVEL_API_VERSION": "2020-01-01"}, "highlevel.token.version_refused"),
        ({"HIGHLEVEL_API_URL": "{highlevel}/v9"}, "highlevel.token.wrong_address"),
        ({"HIGHLEVEL_API_URL": "{bot}/healthz"}, "highlevel.token.wrong_address"),
        ({"SLACK_BOT_TOKEN": "xoxb-another"}, "slack.token.mistyped"),
        ({"SLACK_BOT_TOKEN": "xoxb-without-chat"}, "slack.scopes.missing"),
        ({"SLACK_BOT_TOKEN": "xoxb-without-commands"}, "slack.command.not_installed"),
        ({"SLACK_TEAM_ID": "T0ANOTHER"}, "slack.workspace.another"),
        ({"ALLOWED_USERS": "U0GONE,U0NONE"}, "slack.workspace.strangers"),
        ({"PUBLIC_URL": "{slack}"}, "slack.request_url.another"),
        ({"PUBLIC_URL": "{bot}/below"}, "slack.request_url.another"),
        ({"PUBLIC_URL": "http://127.0.0.1:1"}, "slack.request_url.unreachable"),
    ],
)
async def test_check_shows_the_id_of_each_diagnosis(
    house: House, capsys: pytest.CaptureFixture[str], settings: dict[str, str], why: str
) -> None:
    house.highlevel.add_token("pit-of-the-agency", of_agency=True)
    house.highlevel.add_token("pit-of-another", location_id=ELSEWHERE)
    house.highlevel.add_token("pit-that-may-not-read", scopes=frozenset({WRITE, USERS}))
    house.highlevel.add_token("pit-that-may-not-write", scopes=frozenset({READ, USERS}))
    house.highlevel.add_token("pit-that-may-not-read-users", scopes=frozenset({READ, WRITE}))
    house.slack.tokens["xoxb-without-chat"] = GRANTED - {"chat:write"}
    house.slack.tokens["xoxb-without-commands"] = GRANTED - {"commands"}
    addresses = {"bot": house.slack.bot_url, "highlevel": house.settings.highlevel_api_url, "slack": house.slack.url}
    changed = {name: value.format_map(addresses) for name, value in settings.items()}
    environ = _environ(house, **{"PUBLIC_URL": house.slack.bot_url} | changed)
    code, printed = await _checked(capsys, environ)

    (line,) = [each for each in printed.splitlines() if each.endswith("]") and ".untried]" not in each]
    assert line.startswith(f"{'FAIL' if code else 'note'}  {why.rpartition('.')[0]}: ")
    assert line.endswith(f" [{why}]")
    assert code == (why != "highlevel.users.missing")
    assert settings.get("HIGHLEVEL_TOKEN", "-" * 99) not in printed
    assert house.highlevel.written == []


async def test_check_reports_a_clock_that_is_off(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.slack.clock = lambda: time.time() + 120
    code, printed = await _checked(capsys, _environ(house))

    assert code == 1
    assert re.search(r"FAIL  clock: This machine's clock is 1\d\d seconds behind Slack's\. .* \[clock\.off\]", printed)


async def test_check_compares_the_clock_with_highlevels_when_slack_does_not_answer(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.highlevel.clock_ahead = -120
    _, printed = await _checked(capsys, _environ(house, SLACK_API_URL="http://127.0.0.1:1/api/"))

    assert re.search(r"FAIL  clock: .* 1\d\d seconds ahead of HighLevel's\.", printed)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (HighLevelFault(status=403, body="error code: 1010"), "highlevel.token.blocked"),
        (HighLevelFault(status=200, body="<html>Welcome</html>"), "highlevel.token.unreadable"),
        (HighLevelFault(status=301, body="", headers={"Location": "/"}), "highlevel.token.unreadable"),
    ],
)
async def test_check_reports_what_answers_in_place_of_highlevel(
    house: House, capsys: pytest.CaptureFixture[str], fault: HighLevelFault, why: str
) -> None:
    house.highlevel.misbehave(fault, times=99)
    _, printed = await _checked(capsys, _environ(house), "--json")

    assert json.loads(printed)["why"]["highlevel.token"] == why


@pytest.mark.parametrize("word", ["token_revoked", "account_inactive"])
async def test_check_reports_a_revoked_slack_token(house: House, capsys: pytest.CaptureFixture[str], word: str) -> None:
    house.slack.misbehave(Fault("auth.test", status=200, body={"ok": False, "error": word}))
    _, printed = await _checked(capsys, _environ(house), "--json")

    assert json.loads(printed)["why"]["slack.token"] == "slack.token.revoked"


async def test_check_notes_that_slack_does_not_say_which_scopes_the_token_has(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.slack.tells_scopes = False
    code, printed = await _checked(capsys, _environ(house), "--json")
    why = json.loads(printed)["why"]

    assert code == 0
    assert (why["slack.scopes"], why["slack.command"]) == ("slack.scopes.untold", "slack.command.untried")


async def test_check_says_what_to_do_about_each_failing_check_and_ends_with_1(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = _environ(house, ALLOWED_USERS="", HIGHLEVEL_TOKEN="pit-another")
    code, printed = await _checked(capsys, environ)

    assert code == 1
    assert "FAIL  access.allowlist: No one can change deals" in printed
    assert "FAIL  highlevel.token: HighLevel rejected HIGHLEVEL_TOKEN" in printed
    assert "pit-another" not in printed


async def test_check_notes_what_the_bot_works_without_and_ends_with_0(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.highlevel.lost_reasons_forbidden = True
    code, printed = await _checked(capsys, _environ(house))

    assert code == 0
    assert "note  highlevel.lost_reasons: HIGHLEVEL_TOKEN can't read lost reasons" in printed
    assert "ok    highlevel.lost_reasons" not in printed


async def test_check_says_why_a_file_cannot_be_a_database(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing, no_database = tmp_path / "missing", tmp_path / "notes.txt"
    no_database.write_text("not a database, and long enough to look like one" * 20)
    empty = tmp_path / "empty.db"
    empty.touch()
    _, in_missing = await _checked(capsys, _environ(house, DATABASE_URL=f"sqlite:///{missing}/ledger.db"))
    _, of_text = await _checked(capsys, _environ(house, DATABASE_URL=f"sqlite:///{no_database}"))
    code, of_empty = await _checked(capsys, _environ(house, DATABASE_URL=f"sqlite:///{empty}"))

    assert f"(unable to open database file: there is no folder {missing})" in in_missing
    assert "(file is not a database)" in of_text
    assert code == 0
    assert "note  store.schema: The database has no tables yet." in of_empty
    assert empty.stat().st_size == 0 or b"commands" not in empty.read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"query": {"sslmode": "require"}}, "server does not support SSL"),
        ({"username": "nobody"}, 'role "nobody" does not exist'),
        ({"port": 1}, "Connection refused"),
    ],
    ids=["database", "TLS", "user", "server"],
)
async def test_check_repeats_why_a_server_refused_without_the_password(
    house: House, capsys: pytest.CaptureFixture[str], cluster: Cluster, change: dict[str, Any], reason: str
) -> None:
    url = sa.make_url(cluster.new_database()).set(password="s3cret").set(**change)
    code, printed = await _checked(capsys, _environ(house, DATABASE_URL=url.render_as_string(hide_password=False)))

    assert code == 1
    assert reason in next(line for line in printed.splitlines() if line.startswith("FAIL  store.writable"))
    assert "s3cret" not in printed


async def test_check_tries_the_app_level_token_without_connecting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stand_ins(tmp_path, over="socket") as house:
        code = await asyncio.to_thread(main, ["check"], _environ(house, SLACK_APP_TOKEN="xapp-another"), NO_MOUNTS)
        well = await asyncio.to_thread(main, ["check"], _environ(house), NO_MOUNTS)
    printed = capsys.readouterr().out

    assert (code, well) == (1, 0)
    assert "FAIL  slack.socket: Slack rejected SLACK_APP_TOKEN (invalid_auth)." in printed
    assert "xapp-another" not in printed
    assert house.slack.socket.greeted == 0


async def test_check_changes_nothing_in_highlevel(house: House) -> None:
    await asyncio.to_thread(main, ["check"], _environ(house), NO_MOUNTS)

    assert house.highlevel.written == []
    assert [request.path for request in house.highlevel.writes()] == [f"/opportunities/{NO_RECORD}/status"]


def test_check_reports_unusable_settings_as_a_check_and_ends_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check"], {}) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("FAIL  settings: SLACK_BOT_TOKEN isn't set")


def test_serve_reports_every_problem_of_the_settings_and_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"], {"PORT": "http"}) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("These settings need fixing:")
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "HIGHLEVEL_TOKEN", "HIGHLEVEL_LOCATION_ID", "PORT"):
        assert f"  {name} " in printed
    assert "docs/operating/install.md says where to find them" in printed


@pytest.mark.parametrize(("verb", "needed"), [("serve", "SLACK_SIGNING_SECRET"), ("socket", "SLACK_APP_TOKEN")])
def test_each_verb_needs_its_own_secret(verb: str, needed: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = {
        "SLACK_SIGNING_SECRET": "thisisnotasigningsecretofslacks0",
        "SLACK_APP_TOKEN": "xapp-not-a-token",
        needed: "",
    }
    rest = {"SLACK_BOT_TOKEN": "xoxb-x", "HIGHLEVEL_TOKEN": "pit-x", "HIGHLEVEL_LOCATION_ID": "L"}
    assert main([verb], given | rest) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("  ")]
    assert line.startswith(f"  {needed} isn't set. {Settings.model_fields[needed.lower()].description}. Copy it from ")


GATED = """
import importlib.abc, os, sys, time
from pathlib import Path

class Gate(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        while name == "bot.wiring" and not Path(sys.argv[1]).exists():
            time.sleep(0.01)

sys.meta_path.insert(0, Gate())
from bot.__main__ import main
sys.exit(main(["serve"], os.environ))
"""
"""A bot that imports the most of itself only when there is a certain file."""


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_a_request_that_comes_while_the_bot_starts_waits_and_is_answered(house: House, tmp_path: Path) -> None:
    port, gate = free_port(), tmp_path / "open"
    environ = os.environ | _environ(house, PORT=str(port))  # noqa: TID251 - a process needs one
    environ["DATABASE_URL"] = f"sqlite:///{tmp_path / 'of-the-process.db'}"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", GATED, str(gate), cwd=ROOT, env=environ)
    async with asyncio.timeout(60), httpx.AsyncClient(timeout=60) as http:
        while not await _is_open(port):
            await asyncio.sleep(0.02)
        asked = asyncio.create_task(http.get(f"http://127.0.0.1:{port}/healthz"))
        await asyncio.sleep(0.2)
        assert not asked.done()
        gate.touch()
        assert (await asked).status_code == 200
    process.terminate()
    assert await process.wait() == 0


def test_a_port_that_is_taken_is_told_before_the_bot_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        given = {"SLACK_BOT_TOKEN": "xoxb-x", "HIGHLEVEL_TOKEN": "pit-x", "HIGHLEVEL_LOCATION_ID": "L"}
        secret = {"SLACK_SIGNING_SECRET": "thisisnotasigningsecretofslacks0"}
        with pytest.raises(SystemExit, match=f"Can't listen on 127.0.0.1, port {port}: Address already in use."):
            main(["serve"], given | secret | {"HOST": "127.0.0.1", "PORT": port})


def test_the_port_can_be_one_of_ipv6() -> None:
    with opened("::1", 0) as listener:
        assert listener.family is socket.AF_INET6


def test_an_unknown_verb_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["dance"], {})
    assert "serve" in capsys.readouterr().err


def test_a_demo_whose_page_cannot_be_served_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["demo", "--port", str(taken.getsockname()[1])], {}) == 1

    assert "Can't serve the page on 127.0.0.1: " in capsys.readouterr().err


def test_the_demo_in_a_terminal_plays_and_ends_with_its_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    assert main(["demo", "--terminal"], {}) == 0
    assert "@Ana won " in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_an_env_file_in_any_encoding_is_read_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    (tmp_path / ".env").write_text("ADMIN_CONTACT=U0KIM\n# \u00fcber\n", encoding=encoding)
    monkeypatch.chdir(tmp_path)

    assert environment({})["ADMIN_CONTACT"] == "U0KIM"


def test_an_empty_variable_does_not_override_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert environment({"PORT": "1"}) == {"PORT": "1"}
    (tmp_path / ".env").write_text("PORT=2\nHOST=a\nBARE\n")

    assert environment({"PORT": "3", "HOST": " "}) == {"PORT": "3", "HOST": "a", "BARE": ""}


async def test_settings_are_read_from_the_env_file_and_the_environment_wins(tmp_path: Path) -> None:
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


async def test_check_and_readyz_say_what_to_do_about_a_database_from_before_the_first_release(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_unreleased(database_url)
    async with open_house(tmp_path, DATABASE_URL=database_url) as house, httpx.AsyncClient() as http:
        ready = (await http.get(f"{house.slack.bot_url}/readyz")).json()
        code, printed = await _checked(capsys, _environ(house), "--json")

    assert code == 1
    assert json.loads(printed)["why"]["store.schema"] == "store.schema.unreleased"
    assert ready["failing"]["store.schema"] == json.loads(printed)["failing"]["store.schema"]


# --- connect --------------------------------------------------------------------------------------------------------


async def test_connect_prints_a_link_that_opens_the_page_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_house(tmp_path, **BY_OAUTH) as house, visitor(house) as ana:
        code = await asyncio.to_thread(main, ["connect"], _environ(house, **BY_OAUTH))
        printed = capsys.readouterr().out
        (link,) = re.findall(r"(?m)^  (https://\S+)$", printed)
        page = await ana.opens(link)

    assert code == 0
    assert "HIGHLEVEL_TOKEN" not in printed
    assert '<form method="post">' in page.text


async def test_connect_says_that_the_bot_uses_a_private_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_house(tmp_path, **BY_OAUTH) as house, visitor(house):
        environ = _environ(house, **BY_OAUTH | {"HIGHLEVEL_TOKEN": "pit-not-a-token"})
        code = await asyncio.to_thread(main, ["connect"], environ)

    assert code == 0
    assert "HIGHLEVEL_TOKEN is also set, and it takes priority" in capsys.readouterr().out


async def test_connect_says_what_is_missing_and_ends_with_2(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(main, ["connect"], _environ(house)) == 2
    told = capsys.readouterr().err
    for name in ("HIGHLEVEL_CLIENT_ID", "HIGHLEVEL_CLIENT_SECRET", "PUBLIC_URL", "ENCRYPTION_KEY"):
        assert f"  {name} isn't set" in told
    assert "urlsafe_b64encode" in told


def test_connect_says_that_the_database_has_no_tables_yet_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-not-a-token",
        "SLACK_SIGNING_SECRET": "thisisnotasigningsecretofslacks0",
        "HIGHLEVEL_LOCATION_ID": "L",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'ledger.db'}",
    }

    assert main(["connect"], environ | BY_OAUTH) == 1
    assert "start this version of Opp Status once" in capsys.readouterr().err


# --- history --------------------------------------------------------------------------------------------------------

ROWS = 5000
"""More than the pipe between two processes holds."""


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def _history(url: str, *options: str) -> int:
    return main(["history", *options], {"DATABASE_URL": url})


def _process(url: str, *options: str, python: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, *python, "-m", "bot", "history", *options],
        env=os.environ | {"DATABASE_URL": url},  # noqa: TID251 - a process needs one
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_backup_copies_the_database_and_says_where(
    ledger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(ledger, 3)
    target = tmp_path / "backup.db"

    assert main(["backup", str(target)], {"DATABASE_URL": ledger}) == 0
    assert capsys.readouterr().out == f"Saved to {target}. To restore it, see docs/operating/upgrading.md.\n"
    assert _history(f"sqlite:///{target}") == 0
    assert capsys.readouterr().out.count("H4WSYDSE") == 3


def test_backup_says_why_there_is_none_and_ends_with_1(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "backup.db"], {"DATABASE_URL": ledger}) == 1
    assert capsys.readouterr().err.startswith("There is no file ")


def test_backup_names_postgresqls_own_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "my backup"], {"DATABASE_URL": "postgresql://ana:s3cret@db.example/ledger"}) == 1
    told = capsys.readouterr().err
    assert "  pg_dump --format=custom --file='my backup' \"$DATABASE_URL\"\n" in told
    assert "s3cret" not in told


def test_history_lists_every_command_and_needs_no_setting_but_the_database(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database_url, 3)

    assert main(["history"], {"DATABASE_URL": database_url, "PORT": "http"}) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("when (UTC)")
    assert len(rows) == 3
    assert all("U0ANA" in row and "New website" in row and "open → won" in row for row in rows)


def test_history_lists_what_was_not_accepted_if_it_is_asked_to(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database_url, 1)
    values = "'P3TZ9WKC', '2026-11-24T10:00:00.000+00:00', 'T1', 'C0SALES', 'U0BEN', 'looked', 'help'"
    execute(database_url, f"INSERT INTO trail VALUES ({values})")  # noqa: S608 - our own words

    assert _history(database_url) == 0
    assert "U0BEN" not in capsys.readouterr().out
    assert _history(database_url, "--all") == 0
    _, _, noted = capsys.readouterr().out.splitlines()
    assert noted.split()[2:] == ["U0BEN", "(help)", "looked", "P3TZ9WKC"]


def test_history_lists_only_what_the_options_select(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    fill(ledger, 500)
    execute(ledger, "UPDATE commands SET user_id = 'U0BEN', opportunity_id = 'another' WHERE key = '1000250'")
    only = ("--since", "1002-01-01", "--until", "1002-01-01", "--user", "U0BEN", "--opportunity", "another")
    assert _history(ledger, "--format", "json", *only) == 0

    assert [record["key"] for record in json.loads(capsys.readouterr().out)] == ["1000250"]
    assert _history(ledger, "--since", "24h") == 0
    assert capsys.readouterr().out == "no commands\n"


def test_history_shows_an_outcome_that_a_later_version_wrote_as_its_word_and_not_as_a_failure(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database_url, 1)
    execute(database_url, "UPDATE commands SET outcome = 'snoozed', state = 'asleep', effect = 'in_part'")

    assert _history(database_url) == 0
    told = capsys.readouterr().out
    assert "  won: snoozed  " in told
    assert "failed" not in told
    assert _history(database_url, "--format", "json") == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["outcome"], record["state"], record["effect"]) == ("snoozed", "asleep", "in_part")


def test_history_writes_csv_with_the_line_ends_of_rfc_4180(ledger: str) -> None:
    fill(ledger, 2)
    written, _ = _process(ledger, "--format", "csv").communicate()

    assert written.count(b"\r\n") == written.count(b"\n") == 3


@pytest.mark.parametrize(("form", "arrow"), [("table", b"open ? won"), ("csv", "Café".encode())])
def test_history_is_written_to_an_output_of_any_encoding(
    ledger: str, monkeypatch: pytest.MonkeyPatch, form: str, arrow: bytes
) -> None:
    fill(ledger, 1)
    execute(ledger, "UPDATE commands SET opportunity_name = 'Café'")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))

    assert _history(ledger, "--format", form) == 0
    assert arrow in written.getvalue()


def test_history_is_written_to_a_stream_that_has_no_encoding(ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(ledger, 1)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)

    assert _history(ledger) == 0
    assert "open → won" in out.getvalue()


@pytest.mark.parametrize(
    "options", [["--format", "xml"], ["--since", "yesterday"], ["--until", "soon"], ["--deal", "x"], ["x"]]
)
def test_history_refuses_unknown_options_with_2(
    ledger: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        _history(ledger, *options)
    assert "usage: python -m bot" in capsys.readouterr().err


def test_history_reports_an_unusable_database_url_and_ends_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _history("postgresql://ana:s3cret@ha@db.example/ledger") == 2
    told = capsys.readouterr().err
    assert "  DATABASE_URL should be sqlite:/// plus a path" in told
    assert "s3cret" not in told


def test_history_says_that_there_is_no_database_file_and_makes_none(
    tmp_path: Path, ledger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _history(ledger) == 1
    assert capsys.readouterr().err == (
        f"Can't read the database in DATABASE_URL: there is no file {tmp_path / 'ledger.db'}\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_history_says_that_a_server_cannot_be_reached_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert _history("postgresql://ana:s3cret@127.0.0.1:1/ledger") == 1
    told = capsys.readouterr().err
    assert "Can't read the database in DATABASE_URL: connection" in told
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("step", "advice"), [("+ 1", "Deploy the newer version.\n"), ("- 1", "Start Opp Status once.\n")]
)
def test_history_says_what_to_do_about_another_version(
    ledger: str, step: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(ledger, f"UPDATE opp_status_schema SET version = version {step}")  # noqa: S608 - our own words

    assert _history(ledger) == 1
    assert capsys.readouterr().err.endswith(advice)


def test_history_says_what_to_do_about_a_database_from_before_the_first_release(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    load_unreleased(database_url)

    assert _history(database_url) == 1
    told = capsys.readouterr().err
    assert "it is from before the first release" in told
    assert "set DATABASE_URL to a new database" in told


def test_history_ends_quietly_when_its_reader_has_gone(ledger: str) -> None:
    fill(ledger, ROWS)
    with _process(ledger) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"when")
        process.stdout.close()

        assert process.wait() == 141
        assert process.stderr.read() == b""


def test_history_ends_quietly_with_ctrl_c(ledger: str) -> None:
    fill(ledger, ROWS)
    with _process(ledger) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"when")
        process.send_signal(signal.SIGINT)

        assert process.wait() == 130
        assert process.stderr.read() == b""


def test_history_says_that_its_list_cannot_be_written(ledger: str) -> None:
    fill(ledger, 1)
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "bot", "history"],
            env=os.environ | {"DATABASE_URL": ledger},  # noqa: TID251 - a process needs one
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert process.returncode == 1
    assert process.stderr == b"Can't write the list: No space left on device.\n"


def test_history_imports_no_library_that_it_does_not_need(ledger: str) -> None:
    fill(ledger, 1)
    _, told = _process(ledger, python=("-X", "importtime")).communicate()
    imported = set(re.findall(r"\| +([a-z_0-9]+)", told.decode()))

    assert "sqlalchemy" in imported
    assert not imported & {"aiohttp", "httpx", "slack_bolt", "slack_sdk", "stamina", "starlette", "uvicorn", "uvloop"}


# --- access ---------------------------------------------------------------------------------------------------------


async def _let_in(url: str) -> None:
    """U0BEN asked, and was let in; U0LEO asked, and waits."""
    database = Database(url, PATIENT.database)
    register = SqlAccessRequests(database)
    for reference, user in (("AAAA", "U0BEN"), ("BBBB", "U0LEO")):
        await register.ask(AccessRequest(reference, user, "T1", "C1", datetime(2026, 11, 25, 11, tzinfo=UTC)))
    await register.decide("AAAA", RequestState.APPROVED, "U0KIM", datetime(2026, 11, 25, 12, tzinfo=UTC))
    await database.close()


def _access(url: str, *options: str) -> int:
    return main(["access", *options], {"DATABASE_URL": url})


def test_access_lists_approvals_and_open_requests(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_let_in(database_url))
    capsys.readouterr()

    assert _access(database_url) == 0
    header, ben, leo = capsys.readouterr().out.splitlines()
    assert header.startswith("requested (UTC)")
    assert "approved  U0KIM" in ben
    assert "open" in leo


def test_access_revokes_an_approval(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_let_in(database_url))
    capsys.readouterr()

    assert _access(database_url, "--format", "json", "revoke", "U0BEN") == 0
    (revoked,) = json.loads(capsys.readouterr().out)
    assert (revoked["user_id"], revoked["state"], revoked["revoked_by"]) == ("U0BEN", "revoked", "operator")
    assert _access(database_url, "revoke", "U0BEN") == 0
    assert capsys.readouterr().out == "no one\n"
    assert _access(database_url) == 0
    assert "U0BEN" not in capsys.readouterr().out
    assert _access(database_url, "--all") == 0
    assert "revoked   operator" in capsys.readouterr().out


def test_access_says_that_there_is_no_database_file_and_makes_none(
    ledger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (_access(ledger), _access(ledger, "revoke", "U0BEN")) == (1, 1)
    assert "there is no file" in capsys.readouterr().err
    assert not (tmp_path / "ledger.db").exists()


def test_access_reports_an_unusable_database_url_and_ends_with_2() -> None:
    assert _access("postgresql://ana:s3cret@ha@db.example/ledger") == 2


# --- probe ----------------------------------------------------------------------------------------------------------


async def test_probe_tries_a_deal_and_puts_it_back(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    code = await asyncio.to_thread(main, ["probe", DEAL, "--yes"], _environ(house))
    printed = capsys.readouterr().out

    assert code == 0
    assert "How late is the search?" in printed
    assert "New website is open again, as before." in printed
    assert [written.after for written in house.highlevel.written] == ["lost", "open"]


async def test_probe_goes_by_oauth_where_the_bot_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_house(tmp_path, **BY_OAUTH) as house, visitor(house) as ana:
        await ana.connects()
        code = await asyncio.to_thread(main, ["probe", DEAL, "--yes", "--json"], _environ(house, **BY_OAUTH))
        printed = capsys.readouterr().out

    assert code == 0
    assert json.loads(printed[printed.index("{") :])["deal_is_as_before"] is True


async def test_probe_asks_first_and_ends_like_ctrl_c_without_an_answer(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert await asyncio.to_thread(main, ["probe", DEAL], _environ(house)) == 130
    assert "Go on with New website (open)? [y/N]" in capsys.readouterr().out
    assert not house.highlevel.written


async def test_probe_takes_no_name(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(main, ["probe", "Acme Corp", "--yes"], _environ(house)) == 1
    assert "isn't the ID of a deal" in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"], {})

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"Opp Status {__version__}\n"


# --- people --------------------------------------------------------------------------------------------------------


def _acquainted(house: House) -> None:
    """Ana is the same in Slack and HighLevel, Zoe is in HighLevel alone, and Ben has no e-mail in Slack."""
    house.slack.users[ANA] |= {"profile": {"display_name": "Ana", "email": "ana@acme.example"}}
    house.slack.users["U0KIM"] |= {"profile": {"email": "kim@acme.example"}}
    for user, email in {"USERana": "Ana@Acme.example", "USERzoe": "zoe@acme.example", "USERben": ""}.items():
        house.highlevel.users[user] = {"id": user, "name": user.removeprefix("USER").title(), "email": email}


async def test_people_lists_who_is_whom_and_what_is_missing(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    _acquainted(house)
    house.slack.groups["S0SALES"] = ["U0BEN"]
    settings = {"OWNERS": "U0EVE=USEReve", "ADMINS": "U0KIM", "ALLOWED_GROUPS": "S0SALES,S0GONE"}
    capsys.readouterr()
    code = await asyncio.to_thread(main, ["people"], _environ(house, **settings))
    printed = [line for line in capsys.readouterr().out.splitlines() if not re.match(r"\d{4}-", line)]

    assert code == 0
    assert [" ".join(line.split()) for line in printed] == [
        "LOCATIONxxxxxxxxxxxx",
        "Slack HighLevel how",
        "U0EVE USEReve OWNERS, but HighLevel doesn't list this user here",
        "U0ANA Ana USERana Ana same email",
        "- USERben Ben HighLevel shows no email: turn on View Users, or list the user in OWNERS",
        "- USERzoe Zoe no one in Slack has this email (z…@acme.example)",
        "U0BEN U0BEN - Slack shows no email: add the users:read.email scope, or list the person in OWNERS",
        "U0KIM U0KIM - no HighLevel user here has this email",
        "2 matched, 4 not",
    ]


async def test_people_ends_with_1_where_highlevel_lists_no_users(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.highlevel.misbehave(HighLevelFault(status=503, body="down"), path="/users/", times=99)
    code = await asyncio.to_thread(main, ["people"], _environ(house))

    assert code == 1
    assert "HighLevel didn't answer" in capsys.readouterr().out

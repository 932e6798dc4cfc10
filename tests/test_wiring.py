import ast
import asyncio
import hmac
import sqlite3
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

import bot
from bot import __version__
from bot.operations.checks.findings import OVER_HTTP, OVER_SOCKET, TRIED, CheckId
from bot.operations.settings import Settings
from bot.simulator.slack.server import Fault
from bot.storage.engine import place_of
from bot.storage.migrations import MIGRATIONS
from bot.web.server import telling_server
from bot.wiring import build
from bot.wiring.startup import tell_start
from bot.wiring.tempo import Tempo
from tests.house import BY_OAUTH, DEAL, HIGHLEVEL_TOKEN, PATIENT, House, open_house, stand_ins

SOURCES = Path(bot.__file__).parent
CONCRETE = {
    "HighLevelCrm",
    "SqlLedger",
    "Replies",
    "SlackWorkspace",
    "Worker",
    "Boundary",
    "TypedCommands",
    "Buttons",
    "Outbox",
    "ChangeStatus",
    "Health",
    "SocketMode",
    "Messages",
    "ConnectPages",
    "TokenRefresh",
    "TokenEndpoint",
    "Connections",
    "Vault",
}


def _settings(**environ: str) -> Settings:
    return Settings.from_env(
        {
            "SLACK_BOT_TOKEN": "xoxb-not-a-token",
            "SLACK_SIGNING_SECRET": "thisisnotasigningsecretofslacks0",
            "SLACK_API_URL": "http://127.0.0.1:1/",
            "HIGHLEVEL_TOKEN": "pit-not-a-token",
            "HIGHLEVEL_LOCATION_ID": "L",
            "HIGHLEVEL_API_URL": "http://127.0.0.1:1",
            **environ,
        }
    )


async def test_building_touches_no_network_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    built = build(_settings())
    async with built.checking():
        pass

    assert list(tmp_path.iterdir()) == []


def test_the_bot_does_not_show_its_secrets() -> None:
    over_socket = _settings(SLACK_SIGNING_SECRET="", SLACK_APP_TOKEN="xapp-not-a-token")
    shown = f"{build(_settings())!r} {build(over_socket)!r}"

    shown += f"{build(_settings(**BY_OAUTH))!r}"

    assert BY_OAUTH["HIGHLEVEL_CLIENT_SECRET"] not in shown
    assert BY_OAUTH["ENCRYPTION_KEY"] not in shown
    assert "xoxb-not-a-token" not in shown
    assert "pit-not-a-token" not in shown
    assert "thisisnotasigningsecretofslacks0" not in shown
    assert "xapp-not-a-token" not in shown


async def test_the_start_warns_that_no_one_may_change_deals(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with open_house(tmp_path, ALLOWED_USERS=""):
            pass

    (line,) = [line for line in lines if line["event"] == "access.allowlist_empty"]
    assert "No one can change deals" in line["advice"]


async def test_the_start_names_a_variable_that_is_nearly_a_setting(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with open_house(tmp_path, ALOWED_CHANNELS="C0SALES"):
            pass

    (line,) = [line for line in lines if line["event"] == "settings.misspelled"]
    assert "If you mean ALLOWED_CHANNELS, rename it." in line["advice"]


async def test_commands_older_than_the_history_days_are_deleted_soon_after_the_start(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    async with open_house(tmp_path) as house:
        await house.says(f"{DEAL} won")
        await house.rows()
    with sqlite3.connect(file) as ledger:
        ledger.execute("UPDATE commands SET accepted_at = '2020-01-01T00:00:00.000+00:00'")
    ledger.close()
    async with open_house(tmp_path, HISTORY_DAYS="30") as house, asyncio.timeout(60):
        while await house.rows():
            await asyncio.sleep(0.01)


async def test_reminders_that_ended_long_ago_are_deleted_soon_after_the_start(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    async with open_house(tmp_path) as house:
        await house.says(f"remind {DEAL} tomorrow")
        await house.says(f"remind {DEAL} friday")
    with sqlite3.connect(file) as ledger:
        ledger.execute("UPDATE schedule SET finished_at = '2020-01-01T00:00:00.000+00:00' WHERE state = 'finished'")
    ledger.close()
    async with open_house(tmp_path), asyncio.timeout(60):
        while _waiting_and_ended(file) != ["waiting"]:
            await asyncio.sleep(0.01)


def _waiting_and_ended(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as ledger:
        return [state for (state,) in ledger.execute("SELECT state FROM schedule")]


async def test_without_history_days_no_command_is_deleted(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.says(f"{DEAL} won")
        await house.rows()
        await asyncio.sleep(0.3)
        assert len(await house.rows()) == 1


async def test_the_deletion_of_old_commands_waits_for_the_database(tmp_path: Path) -> None:
    async with open_house(tmp_path, HISTORY_DAYS="30", DATABASE_URL=f"sqlite:///{tmp_path}/missing/ledger.db") as house:
        shown = await house.says(f"{DEAL} won")

    assert "Nothing changed." in shown.text


@pytest.mark.parametrize(("over", "not_checked"), [("http", OVER_SOCKET), ("socket", OVER_HTTP)])
async def test_the_checks_run_without_serving(tmp_path: Path, over: str, not_checked: frozenset[str]) -> None:
    async with stand_ins(tmp_path, over=over) as house, build(house.settings).checking() as health:
        assert (await health.report()).ok == tuple(
            check for check in CheckId if check not in not_checked | TRIED | {CheckId.SIGNATURES, CheckId.SLACK_COMMAND}
        )


def test_in_socket_mode_no_signed_request_is_accepted() -> None:
    bot = build(_settings(SLACK_SIGNING_SECRET="", SLACK_APP_TOKEN="xapp-not-a-token"))
    now = str(int(time.time()))
    forged = "v0=" + hmac.new(b"", f"v0:{now}:text=won".encode(), "sha256").hexdigest()

    assert bot.edge.socket is not None
    assert not any(each.is_valid("text=won", now, forged) for each in bot.edge.verifiers)


def test_waiting_times_suit_people_and_platforms() -> None:
    tempo = Tempo()

    assert tempo.command.whole == 20
    assert tempo.worker.drain == 25


def test_the_concrete_classes_meet_in_one_folder() -> None:
    elsewhere = [path for path in SOURCES.rglob("*.py") if not {"wiring", "simulator"} & {*path.parts}]
    for source in elsewhere:
        called = {
            node.func.id
            for node in ast.walk(ast.parse(source.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & CONCRETE, source


# --- what the log says at the start ---------------------------------------------------------------------------------


async def _told(house: House) -> list[dict[str, Any]]:
    """What a server of its own logs until its checks are made."""
    server = telling_server(build(house.settings, PATIENT))
    with capture_logs() as lines:
        task = asyncio.create_task(server.serve())
        async with asyncio.timeout(60):
            while not any(line["event"] == "bot.checked" for line in lines):
                await asyncio.sleep(0.01)
        server.should_exit = True
        await task
    return [dict(line) for line in lines]


async def test_the_log_begins_with_which_bot_it_is_and_who_may(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, ADMINS="U0KIM", ALLOWED_CHANNELS="C0SALES") as house:
        lines = await _told(house)
    started = next(line for line in lines if line["event"] == "bot.started")

    assert started.pop("port") > 0
    assert started == {
        "event": "bot.started",
        "log_level": "info",
        "version": __version__,
        "mode": "serve",
        "host": "127.0.0.1",
        "command": "/opp-status",
        "database": f"sqlite:///{tmp_path / 'ledger.db'}",
        "sub_accounts": 1,
        "highlevel": "token",
        "users": 1,
        "groups": 0,
        "admins": 1,
        "channels": 1,
    }
    opened = {"event": "database.opened", "log_level": "info", "kind": "sqlite", "migrations": len(MIGRATIONS)}
    assert opened in lines


async def test_the_log_says_that_slack_and_highlevel_took_the_tokens(tmp_path: Path) -> None:
    async with stand_ins(tmp_path) as house:
        lines = await _told(house)
    checked = next(line for line in lines if line["event"] == "bot.checked")

    assert (checked["slack"], checked["highlevel"], checked["database"]) == (True, True, True)
    assert checked["failing"] == []
    assert not any(line["event"] == "check.fails" for line in lines)


async def test_the_log_says_which_token_was_refused_and_what_to_do(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, over="socket") as house:
        house.highlevel.tokens.clear()
        lines = await _told(house)
    (failing,) = [line for line in lines if line["event"] == "check.fails"]

    assert next(line for line in lines if line["event"] == "bot.started")["mode"] == "socket"
    assert (failing["log_level"], failing["check"]) == ("warning", "highlevel.token")
    assert "HIGHLEVEL_TOKEN" in failing["words"]
    assert HIGHLEVEL_TOKEN not in str(lines)
    checked = next(line for line in lines if line["event"] == "bot.checked")
    assert (checked["slack"], checked["highlevel"]) == (True, False)


async def test_the_log_says_that_slack_refused_the_app_level_token(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, over="socket") as house:
        house.slack.socket.tokens.clear()
        lines = await _told(house)
    (failing,) = [line for line in lines if line["event"] == "check.fails"]

    assert (failing["check"], failing["why"]) == ("slack.socket", "slack.socket.refused")


async def test_a_connection_over_socket_mode_that_takes_too_long_is_missing(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, over="socket") as house:
        bot = build(house.settings, PATIENT)
        house.slack.misbehave(Fault("apps.connections.open", wait=30.0, times=9))
        with capture_logs() as lines:
            async with bot.running(), bot.edge.socket.receiving() if bot.edge.socket else nullcontext():
                await tell_start(bot, 3000, connecting=0.0)
    (failing,) = [line for line in lines if line["event"] == "check.fails"]

    assert (failing["check"], failing["why"]) == ("slack.socket", "slack.socket.down")


async def test_a_server_that_is_stopped_at_once_stops_telling(tmp_path: Path) -> None:
    async with stand_ins(tmp_path) as house:
        house.slack.misbehave(Fault("auth.test", wait=30.0, times=9))
        server = telling_server(build(house.settings, PATIENT))
        with capture_logs() as lines:
            task = asyncio.create_task(server.serve())
            while not any(line["event"] == "bot.started" for line in lines):
                await asyncio.sleep(0.01)
            server.should_exit = True
            await task

    assert not any(line["event"] == "bot.checked" for line in lines)


def test_the_log_says_where_the_database_is_and_not_how_to_get_in() -> None:
    url = "postgresql://ana:s3cret@db.example:5432/ledger?sslpassword=s3cret"

    assert place_of(url) == "postgresql://db.example:5432/ledger"

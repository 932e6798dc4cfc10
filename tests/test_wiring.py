import ast
import asyncio
import hmac
import sqlite3
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import bot
from bot.operations.checks.findings import OVER_HTTP, OVER_SOCKET, TRIED, CheckId
from bot.operations.settings import Settings
from bot.wiring import build
from bot.wiring.tempo import Tempo
from tests.house import BY_OAUTH, DEAL, open_house, stand_ins

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
            check for check in CheckId if check not in not_checked | TRIED | {CheckId.SIGNATURES}
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

"""The bot over Socket Mode: connections come and go, and acknowledged commands are carried out."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from bot import __version__
from bot.operations.checks.findings import OVER_HTTP, TRIED, CheckId
from bot.simulator.highlevel.server import Fault
from bot.web.routes import EVENTS
from bot.web.server import serving
from bot.wiring import build
from tests.house import ANA, BEN, DEAL, HIGHLEVEL_TOKEN, PATIENT, SALES, House, open_house, stand_ins

ROOT = Path(__file__).parents[2]


async def test_changes_and_refusals_are_as_over_http(tmp_path: Path) -> None:
    async with open_house(tmp_path, over="socket") as house:
        assert "> won " in (await house.says(f"{DEAL} won")).text
        denied = await house.says(f"{DEAL} lost", user=BEN)
        (row,) = await house.rows()

    assert (denied.via, denied.only_to) == ("acknowledgement", BEN)
    assert house.deal == "won"
    assert (row["user_id"], row["delivered"]) == (ANA, "channel")


async def test_help_and_explanations_come_in_the_acknowledgement(tmp_path: Path) -> None:
    async with open_house(tmp_path, over="socket") as house:
        answer = await house.slack.command("help", user=ANA, channel=SALES)
        misunderstood = await house.says("won")

    assert answer is not None
    assert "/opp-status" in answer.json()["text"]
    assert misunderstood.via == "acknowledgement"
    assert "Which deal?" in misunderstood.text


async def test_acknowledged_commands_are_carried_out_while_connections_come_and_go(tmp_path: Path) -> None:
    deals = [f"DEALQ7xQ7xQ7xQ7xQ7{number:02}" for number in range(18)]
    acknowledged: list[str] = []

    async def type_it(deal: str) -> None:
        answer = await house.slack.command(f"{deal} won", user=ANA, channel=SALES)
        if answer is not None:
            acknowledged.append(deal)

    async with open_house(tmp_path, over="socket") as house:
        house.slack.acknowledge_within = 15.0  # a lost command takes this long
        typing = []
        for number, deal in enumerate(deals):
            house.highlevel.add_opportunity(deal, name=deal)
            typing.append(asyncio.create_task(type_it(deal)))
            await asyncio.sleep(0.002 * (number % 4))
            match number % 6:
                case 2:
                    house.slack.socket.drop()
                    await house.slack.socket.wait_for(connections=1)
                case 5:
                    typing.append(asyncio.create_task(house.slack.socket.refresh(after=0.3)))
                    await house.slack.socket.wait_for(connections=0)
                    await house.slack.socket.wait_for(connections=1)
        await asyncio.gather(*typing)
        rows = {row["opportunity_id"]: row["outcome"] for row in await house.rows()}

    # A command that was on its way when a connection broke may be lost; when an end was announced, none is.
    assert {deal for number, deal in enumerate(deals) if number % 6 > 2} <= set(acknowledged)
    assert [rows[deal] for deal in acknowledged] == ["changed"] * len(acknowledged)
    assert [house.highlevel.opportunities[deal]["status"] for deal in acknowledged] == ["won"] * len(acknowledged)


async def test_a_command_that_comes_over_two_connections_is_carried_out_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, over="socket") as house, serving(build(house.settings, PATIENT)):
        await house.slack.socket.wait_for(connections=2)
        answers = await asyncio.gather(
            *(house.slack.command(f"{DEAL} won", user=ANA, channel=SALES, trigger_id="1.2.3") for _ in range(2))
        )
        await house.slack.wait_for(1)
        rows = await house.rows()

    assert [answer and answer.content for answer in answers] == [b"", b""]
    assert [row["key"] for row in rows] == ["1.2.3"]
    assert len(house.highlevel.writes()) == 1
    assert len(house.slack.shown) == 1


async def test_the_health_routes_are_there_and_the_route_for_slack_is_not(tmp_path: Path) -> None:
    async with open_house(tmp_path, over="socket") as house, httpx.AsyncClient(base_url=house.slack.bot_url) as http:
        assert (await http.get("/healthz")).text == f"alive {__version__}"
        ready = await http.get("/readyz")
        assert (await http.post(EVENTS)).status_code == 404

    not_made = OVER_HTTP | TRIED | {CheckId.SLACK_COMMAND}
    assert ready.json() == {"ok": [check for check in CheckId if check not in not_made], "failing": {}}


async def test_readyz_says_when_slack_refuses_the_connection(tmp_path: Path) -> None:
    async with open_house(tmp_path, over="socket") as house, httpx.AsyncClient(base_url=house.slack.bot_url) as http:
        house.slack.socket.tokens = {"xapp-another"}
        house.slack.socket.drop()
        async with asyncio.timeout(60):
            while "(invalid_auth)" not in (ready := await http.get("/readyz")).text:
                await asyncio.sleep(0.02)

    assert ready.status_code == 503
    assert list(ready.json()["failing"]) == ["slack.socket"]


@asynccontextmanager
async def _process(house: House) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m bot socket`, and wait until it is connected; it logs everything."""
    shown = house.settings
    environ = {
        "SLACK_BOT_TOKEN": shown.slack_bot_token.get_secret_value(),
        "SLACK_APP_TOKEN": shown.slack_app_token.get_secret_value(),
        "SLACK_API_URL": shown.slack_api_url,
        "HIGHLEVEL_TOKEN": shown.highlevel_token.get_secret_value(),
        "HIGHLEVEL_LOCATION_ID": shown.highlevel_location_id,
        "HIGHLEVEL_API_URL": shown.highlevel_api_url,
        "ALLOWED_USERS": ANA,
        "DATABASE_URL": shown.database_url,
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_LEVEL": "DEBUG",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "socket"),
        cwd=ROOT,
        env={**os.environ, **environ},  # noqa: TID251 - a process needs one
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        await house.slack.socket.wait_for(connections=1)
        await house.slack.wait_for_call("auth.test")
        await asyncio.sleep(0.1)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_acknowledged_commands_are_finished_before_the_process_ends(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, over="socket") as house, _process(house) as process:
        house.highlevel.misbehave(Fault(wait=1.0), method="GET")
        answer = await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
        process.send_signal(signal.SIGTERM)
        await house.slack.socket.wait_for(connections=0)
        assert house.slack.shown == []  # the bot receives no more, and goes on working
        (shown,) = await house.slack.wait_for(1)
        output, _ = await process.communicate()

    assert answer is not None
    assert "> won " in shown.text
    assert process.returncode == 0
    assert b"worker.draining" in output
    assert b"Traceback" not in output


async def test_no_secret_and_nothing_typed_is_logged(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, over="socket") as house, _process(house) as process:
        typed = "Chrysanthemum won"
        await house.slack.command(typed, user=ANA, channel=SALES)
        await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
        await house.slack.wait_for(2)
        house.slack.socket.drop()
        house.slack.socket.faults = ["refused"]
        await house.slack.socket.wait_for(connections=1)
        house.slack.socket.tokens = {"xapp-another"}
        house.slack.socket.drop()
        assert process.stdout is not None
        said = b""
        while b"invalid_auth" not in said:
            said += await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        output = (said + (await process.communicate())[0]).decode()

    for event in ("socket.connected", "socket.closed", "socket.not_connected", "command.done"):
        assert event in output
    assert process.returncode == 0
    tokens = (house.settings.slack_bot_token, house.settings.slack_app_token)
    for secret in (*(token.get_secret_value() for token in tokens), HIGHLEVEL_TOKEN):
        assert secret not in output
    for word in ("ticket", "/link/", "Chrysanthemum", 'response_url":', f"{house.slack.url}/commands"):
        assert word not in output
    assert "Traceback" not in output


async def test_a_process_that_slack_refuses_keeps_running_until_it_is_stopped(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, over="socket") as house, _process(house) as process:
        house.slack.socket.tokens = {"xapp-another"}
        house.slack.socket.drop()
        await house.slack.wait_until(lambda: house.slack.calls.count("apps.connections.open") == 2)
        await asyncio.sleep(1.0)  # it asks no more for a long while
        asked = house.slack.calls.count("apps.connections.open")
        stayed = process.returncode is None
        process.send_signal(signal.SIGTERM)
        output, _ = await process.communicate()

    assert (stayed, asked) == (True, 2)
    assert process.returncode == 0
    assert b"Traceback" not in output

"""The real process: it starts, is stopped, finishes what it accepted, and exits with 0."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from bot.simulator.highlevel.server import Fault
from tests.house import ANA, DEAL, SALES, House, free_port, open_house

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def _process(
    *arguments: str, environ: Mapping[str, str], under: Sequence[str] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot in a process of its own; `under`: the words of another program that begins it."""
    process = await asyncio.create_subprocess_exec(
        *under,
        sys.executable,
        "-m",
        "bot",
        *arguments,
        cwd=ROOT,
        env={**os.environ, **environ},  # noqa: TID251 - a process needs one
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _environ(house: House, port: int, folder: Path) -> dict[str, str]:
    shown = house.settings
    return {
        "SLACK_BOT_TOKEN": shown.slack_bot_token.get_secret_value(),
        "SLACK_SIGNING_SECRET": shown.slack_signing_secret.get_secret_value(),
        "SLACK_API_URL": shown.slack_api_url,
        "HIGHLEVEL_TOKEN": shown.highlevel_token.get_secret_value(),
        "HIGHLEVEL_LOCATION_ID": shown.highlevel_location_id,
        "HIGHLEVEL_API_URL": shown.highlevel_api_url,
        "ALLOWED_USERS": ANA,
        "DATABASE_URL": f"sqlite:///{folder / 'process.db'}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }


async def _until_healthy(url: str) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient() as http:
        while True:
            try:
                if (await http.get(f"{url}/healthz")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)


async def test_acknowledged_commands_are_finished_before_the_process_ends(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        port = free_port()
        async with _process("serve", environ=_environ(house, port, tmp_path)) as process:
            house.slack.bot_url = f"http://127.0.0.1:{port}"
            await _until_healthy(house.slack.bot_url)
            while house.slack.calls.count("auth.test") < 2:  # by the house's own bot, and by this process
                await asyncio.sleep(0.01)
            house.highlevel.misbehave(Fault(wait=1.0), method="GET", times=5)
            answer = await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
            process.send_signal(signal.SIGTERM)
            (shown,) = await house.slack.wait_for(1)
            output, _ = await process.communicate()

    assert answer is not None
    assert answer.status_code == 200
    assert "> won " in shown.text
    assert process.returncode == 0
    assert b"worker.draining" in output
    assert b"Traceback" not in output


async def test_an_idle_process_ends_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        port = free_port()
        async with _process("serve", environ=_environ(house, port, tmp_path)) as process:
            await _until_healthy(f"http://127.0.0.1:{port}")
            process.send_signal(signal.SIGINT)
            output, _ = await process.communicate()

    assert process.returncode == 0
    assert b"Traceback" not in output


async def test_unusable_settings_end_the_process_with_code_2_and_every_problem_named() -> None:
    environ = {"SLACK_BOT_TOKEN": "xoxp-a-wrong-kind", "SLACK_SIGNING_SECRET": "", "PORT": "http"}
    async with _process("serve", environ=environ | {"HIGHLEVEL_TOKEN": "", "HIGHLEVEL_LOCATION_ID": ""}) as process:
        output, _ = await process.communicate()

    assert process.returncode == 2
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "HIGHLEVEL_TOKEN", "HIGHLEVEL_LOCATION_ID", "PORT"):
        assert name.encode() in output
    assert b"xoxp-a-wrong-kind" not in output
    assert b"Traceback" not in output


async def test_idle_connections_take_no_reply_and_no_health_check_away(tmp_path: Path) -> None:
    """More of them than the process may have open, which a command needs for HighLevel, Slack and the database too."""
    async with open_house(tmp_path) as house:
        port = free_port()
        limited = ("sh", "-c", 'ulimit -n 128 && exec "$@"', "sh")
        async with _process("serve", environ=_environ(house, port, tmp_path), under=limited):
            url = f"http://127.0.0.1:{port}"
            await _until_healthy(url)
            house.slack.bot_url = url
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
            shown = await house.says(f"{DEAL} won")
            async with asyncio.timeout(5), httpx.AsyncClient() as http:
                assert (await http.get(f"{url}/healthz")).is_success
            for _, writer in idle:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    assert "> won " in shown.text
    assert shown.via == "chat.postMessage"

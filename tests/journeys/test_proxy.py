"""The bot behind a company's proxy: it reaches Slack and HighLevel through it, and no name of theirs is looked up."""

import asyncio
import os
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.connect_proxy import ConnectProxy, proxied, with_tls
from tests.house import ANA, DEAL, SALES, House, free_port, open_house, stand_ins

ROOT = Path(__file__).parents[2]
SLACK, HIGHLEVEL = "slack.test", "highlevel.test"
PASSWORD = "hunter2-not-a-secret"
ASKED = f"Basic {b64encode(f'opp:{PASSWORD}'.encode()).decode()}"


@dataclass
class Office:
    """The stand-ins, which are reached through the proxy alone, and what a process needs to know of them."""

    house: House
    proxy: ConnectProxy
    environ: dict[str, str]

    def process(self, verb: str, **changed: str) -> "asyncio.Future[asyncio.subprocess.Process]":
        """Start `python -m bot`."""
        without = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}  # noqa: TID251
        return asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bot", verb),
                cwd=ROOT,
                env=without | self.environ | changed,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        )


@asynccontextmanager
async def _office(folder: Path, over: str = "http") -> AsyncIterator[Office]:
    async with stand_ins(folder, over=over) as house:
        urls = {SLACK: house.slack.url, HIGHLEVEL: house.settings.highlevel_api_url}
        async with with_tls(folder, urls) as (ports, certificate), proxied(ports, ASKED) as proxy:
            house.slack.url = f"https://{SLACK}"
            shown = house.settings
            yield Office(
                house,
                proxy,
                {
                    "SLACK_BOT_TOKEN": shown.slack_bot_token.get_secret_value(),
                    "SLACK_SIGNING_SECRET": shown.slack_signing_secret.get_secret_value(),
                    "SLACK_APP_TOKEN": shown.slack_app_token.get_secret_value(),
                    "SLACK_API_URL": f"https://{SLACK}/api/",
                    "HIGHLEVEL_TOKEN": shown.highlevel_token.get_secret_value(),
                    "HIGHLEVEL_LOCATION_ID": shown.highlevel_location_id,
                    "HIGHLEVEL_API_URL": f"https://{HIGHLEVEL}",
                    "ALLOWED_USERS": ANA,
                    "DATABASE_URL": shown.database_url,
                    "HOST": "127.0.0.1",
                    "PORT": str(free_port()),
                    "LOG_LEVEL": "DEBUG",
                    "SSL_CERT_FILE": str(certificate),
                    "HTTPS_PROXY": proxy.url.replace("://", f"://opp:{PASSWORD}@"),
                },
            )


async def _ended(process: asyncio.subprocess.Process) -> str:
    process.terminate()
    return (await process.communicate())[0].decode()


@pytest.mark.parametrize("over", ["http", "socket"])
async def test_behind_a_proxy_a_deal_is_changed_and_told_through_it_alone(tmp_path: Path, over: str) -> None:
    async with _office(tmp_path, over) as office:
        process = await office.process("serve" if over == "http" else "socket")
        try:
            async with asyncio.timeout(60):
                await office.house.slack.wait_for_call("auth.test")
                if over == "socket":
                    await office.house.slack.socket.wait_for(connections=1)
            office.house.slack.bot_url = f"http://127.0.0.1:{office.environ['PORT']}"
            told = await office.house.says(f"{DEAL} won")
        finally:
            output = await _ended(process)

    assert office.house.deal == "won"
    assert told.channel == SALES
    assert set(office.proxy.asked) == {f"{SLACK}:443", f"{HIGHLEVEL}:443"}
    assert office.proxy.asked.count(f"{HIGHLEVEL}:443") < len(office.house.highlevel.received)  # connections are kept
    assert PASSWORD not in output
    assert ASKED not in output


async def test_check_says_what_goes_through_which_proxy_and_not_its_password(tmp_path: Path) -> None:
    async with _office(tmp_path) as office:
        process = await office.process("check")
        output = (await process.communicate())[0].decode()

    assert (
        f"note  network.proxy: Opp Status uses the proxy {office.proxy.url} (from HTTPS_PROXY) for Slack and" in output
    )
    assert "ok    slack.token" in output
    assert "ok    highlevel.token" in output
    assert PASSWORD not in output


async def test_check_says_that_the_proxy_does_not_let_it_through(tmp_path: Path) -> None:
    async with _office(tmp_path) as office:
        process = await office.process("check", HTTPS_PROXY=office.proxy.url.replace("://", "://opp:wrong-password@"))
        output = (await process.communicate())[0].decode()

    assert process.returncode == 1
    assert (
        f"FAIL  network.proxy: The proxy {office.proxy.url} (from HTTPS_PROXY) doesn't let Opp Status through" in output
    )
    assert "wrong-password" not in output


async def test_this_machine_is_never_reached_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, dead)
    for over in ("http", "socket"):
        (tmp_path / over).mkdir()
        async with open_house(tmp_path / over, over=over, HTTPS_PROXY=dead, NO_PROXY="") as house:
            await house.says(f"{DEAL} won")
            assert house.deal == "won"

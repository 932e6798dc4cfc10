"""Every secret is rotated as docs/operating/security.md says, while people go on typing commands."""

import asyncio
import io
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from bot.highlevel.vault import Sealed, Vault
from bot.operations import logs
from bot.web.server import serving
from bot.wiring import build
from tests.house import (
    ANA,
    APP_TOKEN,
    BOT_TOKEN,
    BY_OAUTH,
    DEAL,
    HIGHLEVEL_TOKEN,
    PATIENT,
    SALES,
    SIGNING_SECRET,
    House,
    open_house,
    stand_ins,
)
from tests.rows import execute
from tests.visitor import visitor

NEW_SECRET, NEW_BOT_TOKEN, NEW_APP_TOKEN = (
    "thisisanewsigningsecretofslacks1",
    "xoxb-not-a-new-token",
    "xapp-not-a-new-token",
)
NEW_HIGHLEVEL_TOKEN = "pit-not-a-new-token"
OLD_KEY, NEW_KEY = BY_OAUTH["ENCRYPTION_KEY"], f"{'n' * 42}A="
DAY = 86_400.0


@asynccontextmanager
async def _another(house: House, **changed: str) -> AsyncIterator[str]:
    """Run another process of the bot, over the same database, with other secrets; yields its address."""
    kind = type(house.settings.slack_bot_token)
    settings = house.settings.model_copy(update={name: kind(value) for name, value in changed.items()})
    before = house.slack.calls.count("auth.test")
    async with serving(build(settings, PATIENT)) as url:
        while house.slack.calls.count("auth.test") <= before:
            await asyncio.sleep(0.01)
        yield url


# --- the signing secret ---------------------------------------------------------------------------------------------


async def test_both_signing_secrets_are_accepted_during_a_rotation_and_only_the_new_one_after_it(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path, SLACK_SIGNING_SECRET=f"{NEW_SECRET},{SIGNING_SECRET}", CONFIRM="never") as house:
        assert "> won " in (await house.says(f"{DEAL} won")).text
        house.slack.signing_secret = NEW_SECRET  # the admin presses Regenerate
        assert "now says New website is lost" in (await house.says(f"{DEAL} lost")).text

        async with _another(house, slack_signing_secret=NEW_SECRET) as house.slack.bot_url:
            assert "now says New website is open" in (await house.says(f"{DEAL} open")).text
            stream = io.StringIO()
            logs.set_up("INFO", "json", stream)
            house.slack.signing_secret = SIGNING_SECRET
            answer = await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)

    assert answer is not None
    assert answer.status_code == 401
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    refused = [line for line in lines if line["logger"] == "bot.web.routes"]
    assert [(line["event"], line["why"]) for line in refused] == [("slack.turned_away", "wrong signature")]
    assert house.deal == "open"


async def test_a_rotation_by_way_of_socket_mode_refuses_no_command(tmp_path: Path) -> None:
    async with open_house(tmp_path, CONFIRM="never") as house:
        slack, over_http = house.slack, house.slack.bot_url
        by_socket = {"slack_signing_secret": "", "slack_app_token": APP_TOKEN}
        slack.socket.tokens = {APP_TOKEN}
        async with _another(house, **by_socket):
            await slack.socket.wait_for(connections=1)
            assert "> won " in (await house.says(f"{DEAL} won")).text
            slack.signing_secret = NEW_SECRET
            assert "now says New website is lost" in (await house.says(f"{DEAL} lost")).text
            async with _another(house, slack_signing_secret=NEW_SECRET) as slack.bot_url:
                assert slack.bot_url != over_http
                slack.socket.tokens = set()  # the admin switches Socket Mode off
                assert "now says New website is open" in (await house.says(f"{DEAL} open")).text


# --- the tokens -----------------------------------------------------------------------------------------------------


async def test_with_a_revoked_bot_token_commands_are_still_carried_out_and_answered(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path, CONFIRM="never") as house:
        granted = house.slack.tokens.pop(BOT_TOKEN)
        shown = await house.says(f"{DEAL} won")
        assert ("> won " in shown.text, shown.via) == (True, "response_url")

        house.slack.tokens[NEW_BOT_TOKEN] = granted
        async with _another(house, slack_bot_token=NEW_BOT_TOKEN) as house.slack.bot_url:
            assert "> marked " in (await house.says(f"{DEAL} lost")).text
            async with httpx.AsyncClient() as http:
                assert (await http.get(f"{house.slack.bot_url}/readyz")).json()["failing"] == {}


async def test_processes_with_the_old_and_the_new_app_level_token_are_connected_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, over="socket", CONFIRM="never") as house:
        house.slack.socket.tokens = {APP_TOKEN, NEW_APP_TOKEN}
        async with _another(house, slack_app_token=NEW_APP_TOKEN):
            await house.slack.socket.wait_for(connections=2)
            house.slack.socket.tokens = {NEW_APP_TOKEN}
            for status in ("won", "lost"):  # one for each connection
                await house.says(f"{DEAL} {status}")
                assert house.deal == status


async def test_the_private_token_is_changed_while_both_are_valid(tmp_path: Path) -> None:
    async with open_house(tmp_path, CONFIRM="never") as house:
        house.highlevel.add_token(NEW_HIGHLEVEL_TOKEN)
        assert "> won " in (await house.says(f"{DEAL} won")).text
        async with _another(house, highlevel_token=NEW_HIGHLEVEL_TOKEN) as house.slack.bot_url:
            del house.highlevel.tokens[HIGHLEVEL_TOKEN]
            assert "now says New website is lost" in (await house.says(f"{DEAL} lost")).text


async def test_tokens_are_renewed_with_a_new_client_secret(tmp_path: Path) -> None:
    async with open_house(tmp_path, **BY_OAUTH) as house, visitor(house) as ana:
        await ana.connects()
        house.highlevel.oauth.client_secret = "not-a-new-client-secret"
        async with _another(house, highlevel_client_secret="not-a-new-client-secret") as house.slack.bot_url:
            house.highlevel.oauth.later(2 * DAY)
            assert "> won " in (await house.says(f"{DEAL} won")).text


# --- the key --------------------------------------------------------------------------------------------------------


def _keys_that_open(folder: Path) -> set[str]:
    """The keys that decrypt the stored tokens."""
    with sqlite3.connect(folder / "ledger.db") as database:
        (stored,) = database.execute("SELECT access, refresh FROM connections").fetchall()
    database.close()
    found = set()
    for key in (OLD_KEY, NEW_KEY):
        with suppress(Sealed):
            assert all(Vault([key]).decrypt(closed) for closed in stored)
            found.add(key)
    return found


async def _renewed(house: House, folder: Path) -> None:
    """Let a day pass, and wait until the bot has renewed the tokens by itself."""
    before = house.highlevel.oauth.renewals
    execute(
        house.settings.database_url, "UPDATE connections SET given_at = given_at - 86000, ends_at = ends_at - 86000"
    )
    async with asyncio.timeout(60):
        while house.highlevel.oauth.renewals == before or _keys_that_open(folder) == {OLD_KEY}:
            await asyncio.sleep(0.02)


async def test_the_daily_renewal_encrypts_the_tokens_with_the_new_key_and_then_the_old_one_can_go(
    tmp_path: Path,
) -> None:
    async with stand_ins(tmp_path, **BY_OAUTH, CONFIRM="never") as house:
        async with _another(house) as house.slack.bot_url, visitor(house) as ana:
            await ana.connects()
        async with _another(house, encryption_key=f"{NEW_KEY},{OLD_KEY}") as house.slack.bot_url:
            assert "> won " in (await house.says(f"{DEAL} won")).text
            assert _keys_that_open(tmp_path) == {OLD_KEY}
            await _renewed(house, tmp_path)
            assert _keys_that_open(tmp_path) == {NEW_KEY}
        async with _another(house, encryption_key=NEW_KEY) as house.slack.bot_url:
            assert "now says New website is lost" in (await house.says(f"{DEAL} lost")).text


async def test_a_process_without_the_new_key_says_so_and_spoils_nothing(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, **BY_OAUTH, CONFIRM="never") as house:
        async with _another(house) as house.slack.bot_url, visitor(house) as ana:
            await ana.connects()
        async with _another(house, encryption_key=f"{NEW_KEY},{OLD_KEY}"):
            await _renewed(house, tmp_path)
        async with _another(house) as house.slack.bot_url:
            assert "isn't connected to HighLevel" in (await house.says(f"{DEAL} won")).text
        async with _another(house, encryption_key=f"{OLD_KEY},{NEW_KEY}") as house.slack.bot_url:
            assert "> won " in (await house.says(f"{DEAL} won")).text

"""A signing secret that is not Slack's: how soon an operator learns of it, and from where."""

import asyncio
import io
import json
from pathlib import Path

import httpx
import pytest

from bot.__main__ import main
from bot.operations import logs
from tests.house import ANA, BOT_TOKEN, DEAL, HIGHLEVEL_TOKEN, SALES, House, open_house

TOKEN = "not-a-token-of-anybody"
OTHER_SECRET = "thisisanothersigningsecretslacks"


async def _ready(house: House) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.get(f"{house.slack.bot_url}/readyz")


async def _refused(house: House) -> dict[str, float]:
    async with httpx.AsyncClient() as http:
        page = await http.get(f"{house.slack.bot_url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    lines = [line.split() for line in page.text.splitlines() if line.startswith("opp_status_requests_refused_total")]
    return {name.split('"')[1]: float(value) for name, value in lines if float(value)}


async def test_a_wrong_signing_secret_is_found_with_the_first_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_house(tmp_path, SLACK_SIGNING_SECRET=OTHER_SECRET, METRICS_TOKEN=TOKEN) as house:
        stream = io.StringIO()
        logs.set_up("INFO", "json", stream)
        for _ in range(3):
            await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
        ready, refused = await _ready(house), await _refused(house)
        environ = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": OTHER_SECRET,
            "SLACK_API_URL": house.settings.slack_api_url,
            "HIGHLEVEL_TOKEN": HIGHLEVEL_TOKEN,
            "HIGHLEVEL_LOCATION_ID": house.settings.highlevel_location_id,
            "HIGHLEVEL_API_URL": house.settings.highlevel_api_url,
            "ALLOWED_USERS": ANA,
            "DATABASE_URL": house.settings.database_url,
            "PUBLIC_URL": house.slack.bot_url,
        }
        code = await asyncio.to_thread(main, ["check"], environ)

    assert ready.status_code == 503
    assert "SLACK_SIGNING_SECRET" in ready.json()["failing"]["slack.signatures"]
    assert refused == {"wrong_signature": 3}
    warnings = [json.loads(line) for line in stream.getvalue().splitlines() if '"slack.signatures"' in line]
    assert [(line["level"], line["refusal"]) for line in warnings] == [("warning", "wrong_signature")]
    assert OTHER_SECRET not in stream.getvalue()
    printed = capsys.readouterr().out
    assert code == 1
    assert "[slack.signatures.refused_there]" in printed
    assert house.deal == "open"


async def test_a_right_signature_ends_the_alarm(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        secret, house.slack.signing_secret = house.slack.signing_secret, OTHER_SECRET
        await house.slack.command("help", user=ANA, channel=SALES)
        assert "slack.signatures" in (await _ready(house)).json()["failing"]

    async with open_house(tmp_path) as house:
        house.slack.signing_secret = OTHER_SECRET
        await house.slack.command("help", user=ANA, channel=SALES)
        house.slack.signing_secret = secret
        await house.slack.command("help", user=ANA, channel=SALES)
        report = (await _ready(house)).json()
        assert "slack.signatures" in report["ok"]
        assert report["failing"] == {}


async def test_an_unsigned_request_and_another_workspace_are_counted_and_raise_no_alarm(tmp_path: Path) -> None:
    async with open_house(tmp_path, METRICS_TOKEN=TOKEN) as house:
        async with httpx.AsyncClient() as http:
            await http.post(f"{house.slack.bot_url}/slack/events", content=b"command=%2Fopp-status")
        await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES, team="T0OTHER")
        ready, refused = await _ready(house), await _refused(house)

    assert ready.json()["failing"] == {}
    assert refused == {"no_signature": 1, "other_team": 1}
    assert house.deal == "open"

"""Attacks: with a replayed or forged request, with a browser, with a raw connection."""

import asyncio
import io
import json
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from bot import __version__
from bot.operations import logs
from bot.simulator.highlevel.server import Fault
from bot.web.server import MAX_REQUEST
from tests.house import ANA, APP_TOKEN, BOT_TOKEN, BY_OAUTH, DEAL, HIGHLEVEL_TOKEN, SALES, SIGNING_SECRET, House
from tests.house import open_house as opened
from tests.rows import execute
from tests.visitor import visitor

TRICKY_NAMES = [
    "x'; DROP TABLE commands; --",
    "%' UNION SELECT * FROM connections --",
    "{{7*7}} %s %(a)s :name $1",
    "&lt;!channel&gt; &amp; friends",
]


async def _again(house: House, headers: Mapping[str, str], body: bytes) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.post(f"{house.slack.bot_url}/slack/events", content=body, headers=dict(headers))


async def _connect(house: House) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = house.slack.bot_url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


# --- requests that Slack did not send ----------------------------------------------------------------------------


async def test_a_replayed_command_changes_nothing(house: House) -> None:
    await house.says(f"{DEAL} won")
    (sent,) = house.slack.sent
    house.highlevel.opportunities[DEAL]["status"] = "open"
    answer = await _again(house, sent.headers, sent.body)

    assert (answer.status_code, answer.content) == (200, b"")
    assert len(await house.rows()) == 1
    assert house.deal == "open"


async def test_a_request_older_than_five_minutes_is_not_read(house: House) -> None:
    form = urlencode({"command": "/opp-status", "text": "history", "user_id": ANA, "team_id": house.slack.team_id})
    stale = house.slack.sign(form, timestamp=str(int(house.slack.clock()) - 301))

    assert (await _again(house, stale, form.encode())).status_code == 401


async def test_a_press_from_another_workspace_under_a_valid_signature_is_refused(house: House) -> None:
    pressed = {
        "type": "block_actions",
        "user": {"id": ANA, "team_id": "T0ELSEWHERE"},
        "team": {"id": "T0ELSEWHERE"},
        "channel": {"id": SALES},
        "trigger_id": "1.2.3",
        "response_url": house.slack.new_address("actions", SALES, ANA),
        "actions": [{"action_id": "set_won", "block_id": "b", "type": "button", "value": f"{DEAL} won"}],
    }
    form = urlencode({"payload": json.dumps(pressed)})
    await _again(house, house.slack.sign(form), form.encode())

    assert "a different Slack workspace" in (await house.slack.wait_for(1))[0].text
    assert house.highlevel.received == []


async def test_a_second_signature_beside_a_wrong_one_does_not_help(house: House) -> None:
    form = urlencode({"command": "/opp-status", "text": f"{DEAL} won", "user_id": ANA})
    good = house.slack.sign(form)
    wrong = [("X-Slack-Signature", "v0=" + "0" * 64), *good.items()]
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{house.slack.bot_url}/slack/events", content=form, headers=wrong)

    assert answer.status_code == 401


async def test_replies_go_only_to_addresses_of_slacks(tmp_path: Path) -> None:
    stream = io.StringIO()
    logs.set_up("INFO", "json", stream)
    async with opened(tmp_path) as house:
        house.keep_out()
        foreign = house.highlevel.received
        url = house.settings.highlevel_api_url.replace("127.0.0.1", "localhost")
        await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES, response_url=f"{url}/commands/x")
        (shown,) = await house.slack.wait_for(1)

        assert (shown.via, shown.channel) == ("chat.postMessage", ANA)
        assert [request.path for request in foreign if "commands" in request.path] == []
    assert "not an address of Slack's" in stream.getvalue()


@pytest.mark.parametrize("name", TRICKY_NAMES)
async def test_a_tricky_name_is_only_a_name_to_the_database_and_to_slack(
    house: House, name: str, tmp_path: Path
) -> None:
    house.highlevel.opportunities[DEAL]["name"] = "<!channel> <https://evil.example|x>'; DROP TABLE commands; --"
    await house.says(f"{DEAL} won")
    await house.says(f"{name} won")

    rows = await house.rows()
    assert [bool(row["called"]) for row in rows] == [False, True]
    assert rows[0]["opportunity_name"] == house.highlevel.opportunities[DEAL]["name"]
    # A button's value is what comes back when it is pressed: Slack shows it to no one, and reads no markup in it.
    shown = re.sub(r'"value": "[^"]*"', "", json.dumps([[shown.text, *shown.blocks] for shown in house.slack.shown]))
    assert "<!channel>" not in shown
    assert "<https://evil" not in shown
    with sqlite3.connect(tmp_path / "ledger.db") as ledger:
        assert ledger.execute("SELECT count(*) FROM commands").fetchone() == (2,)
    ledger.close()


# --- the server -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /healthz HTTP/1.1\r\nX-Endless: ",
        b"GET /",
        b"\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
    ],
    ids=["a header", "a path", "empty lines", "a trailer"],
)
async def test_the_bot_hangs_up_on_a_sender_without_end(house: House, beginning: bytes) -> None:
    reader, writer = await _connect(house)
    writer.write(beginning)
    filler = b"\r\n" * 32768 if beginning == b"\r\n" else b"a" * 65536
    sent = 0
    with pytest.raises(ConnectionError):  # noqa: PT012 - it takes some
        while sent < 100 * MAX_REQUEST:
            writer.write(filler)
            await writer.drain()
            sent += len(filler)
            await asyncio.sleep(0.001)
    writer.close()

    assert sent < 50 * MAX_REQUEST  # what the system had taken by then
    assert "> won " in (await house.says(f"{DEAL} won")).text
    del reader


async def test_a_kept_connection_serves_many_requests(house: House) -> None:
    async with httpx.AsyncClient() as http:
        for _ in range(3):
            assert (await http.get(f"{house.slack.bot_url}/healthz")).text == f"alive {__version__}"
            assert (await http.post(f"{house.slack.bot_url}/slack/events", content=b"x" * 60_000)).status_code == 401


@pytest.mark.parametrize("path", ["/readyz/", "/slack/events/", "//evil.example/", "/oauth/highlevel/install/?pass=x"])
async def test_the_bot_redirects_to_no_other_host(tmp_path: Path, path: str) -> None:
    async with opened(tmp_path, **BY_OAUTH) as house, httpx.AsyncClient() as http:
        answer = await http.get(f"{house.slack.bot_url}{path}", headers={"Host": "evil.example"})

    assert answer.status_code == (405 if path == "/slack/events/" else 404)
    assert "evil" not in answer.text + str(answer.headers)


async def test_the_pages_cannot_be_framed_and_escape_what_they_show(tmp_path: Path) -> None:
    async with opened(tmp_path, **BY_OAUTH) as house, visitor(house) as ana:
        page = await ana.opens(f"{house.slack.bot_url}/oauth/highlevel/callback?state=<script>&error=<script>")

    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text


# --- what strangers read --------------------------------------------------------------------------------------------


async def test_readyz_shows_no_id_and_no_secret(tmp_path: Path) -> None:
    async with opened(tmp_path, **BY_OAUTH, ADMINS="U0KIM") as house, httpx.AsyncClient() as http:
        house.slack.tokens.clear()
        execute(house.settings.database_url, "UPDATE probe SET pad = pad")
        told = (await http.get(f"{house.slack.bot_url}/readyz")).text

    for secret in (BOT_TOKEN, SIGNING_SECRET, *map(BY_OAUTH.get, ("HIGHLEVEL_CLIENT_SECRET", "ENCRYPTION_KEY"))):
        assert str(secret) not in told
    for person in (ANA, "U0KIM", house.highlevel.location_id):
        assert person not in told


async def test_an_error_logged_at_debug_level_has_no_secret_and_nothing_typed(tmp_path: Path) -> None:
    stream = io.StringIO()
    logs.set_up("DEBUG", "json", stream)
    lost = {"DATABASE_URL": "postgresql://ana:not-a-password@127.0.0.1:1/ledger?sslpassword=not-a-password"}
    async with opened(tmp_path, **BY_OAUTH, **lost) as house:
        house.slack.tokens.clear()
        await house.says(f"{DEAL} won")
    async with opened(tmp_path) as house:
        house.highlevel.misbehave(Fault(status=500), times=float("inf"))
        await house.says(f"{DEAL} won")
        await house.says("Sesame Street lost")
    logged = stream.getvalue()

    assert "database.down" in logged
    assert "crm.error" in logged
    secrets = [BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, HIGHLEVEL_TOKEN, "not-a-password", "/commands/", "Sesame"]
    for secret in [*secrets, BY_OAUTH["HIGHLEVEL_CLIENT_SECRET"], BY_OAUTH["ENCRYPTION_KEY"]]:
        assert secret not in logged

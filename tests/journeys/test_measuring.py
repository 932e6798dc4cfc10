"""The metrics that Prometheus reads after real commands; no command waits for them."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.deals.change import Patience
from bot.highlevel.api.client import Attempts
from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.server import Fault as SlackFault
from bot.simulator.slack.workspace import button
from bot.storage.backlog import UNFINISHED
from bot.wiring.tempo import Tempo
from tests.house import ANA, BEN, DEAL, PATIENT, SALES, UNKNOWN_ID, House, open_house
from tests.statements import statements

TOKEN = "not-a-token-for-metrics"
CALM = replace(
    PATIENT,
    command=Patience(whole=20.0, for_looking=5.0, between_looks=0.1),
    highlevel=Attempts(most=2, connect=5.0, answer=5.0, pause=0.01),
)
"""For tests that count HighLevel's answers: patient enough for a busy machine."""

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@asynccontextmanager
async def _measured(
    folder: Path, over: str = "http", tempo: Tempo = PATIENT, **settings: str
) -> AsyncIterator[tuple[House, str]]:
    """Open a house; yields it, with the bot's address."""
    async with open_house(folder, tempo, over=over, METRICS_TOKEN=TOKEN, **settings) as house:
        yield house, house.slack.bot_url


async def _scrape(bot_url: str) -> Samples:
    async with httpx.AsyncClient() as http:
        told = await http.get(f"{bot_url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert told.status_code == 200
    samples = [sample for family in text_string_to_metric_families(told.text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def _value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"opp_status_{name}", frozenset(labels.items())))


def _outcomes(samples: Samples) -> dict[str, float]:
    """How often each outcome came, without those that never did."""
    named = {dict(labels)["outcome"]: value for (name, labels), value in samples.items() if "commands_total" in name}
    return {outcome: value for outcome, value in named.items() if value}


@pytest.mark.parametrize("over", ["http", "socket"])
async def test_outcomes_are_counted_over_http_and_over_a_socket(tmp_path: Path, over: str) -> None:
    async with _measured(tmp_path, over, CALM) as (house, bot_url):
        shown = await house.says(f"{DEAL} won")
        await house.says(f"{UNKNOWN_ID} won")
        await house.says(f"{DEAL} won", user=BEN)
        await house.presses(shown, "undo")
        await house.slack.wait_for_change(shown.ts)
        await house.rows()
        samples = await _scrape(bot_url)

    assert _outcomes(samples) == {"changed": 2, "not_found": 1, "denied": 1}
    assert _value(samples, "acknowledgement_seconds_count", kind="command") == 3
    assert _value(samples, "acknowledgement_seconds_count", kind="block_actions") == 1
    # The change is posted. What the caller alone reads, and the undo in place of the change, go to the reply address.
    assert _value(samples, "reply_seconds_count", way="channel") == 1
    assert _value(samples, "reply_seconds_count", way="response_url") == 2
    reads = _value(samples, "highlevel_calls_total", location="", method="GET", answer="2xx")
    assert reads is not None
    assert reads >= 4
    assert _value(samples, "highlevel_calls_total", location="", method="PUT", answer="2xx") == 2
    day = {of: _value(samples, f"highlevel_requests_{of}", location="", of="day") for of in ("left", "most")}
    assert day == {"left": 200_000 - len(house.highlevel.received), "most": 200_000}
    left = _value(samples, "highlevel_requests_left", location="", of="interval")
    assert left is not None
    assert left < 100
    assert _value(samples, "ledger_up") == 1
    assert _value(samples, "ledger_oldest_unfinished_seconds") == 0


async def test_an_unfinished_command_is_in_the_backlog_with_its_age(tmp_path: Path) -> None:
    async with _measured(tmp_path) as (house, bot_url):
        house.slack.misbehave(SlackFault("chat.postMessage", wait=2.0))
        await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
        async with asyncio.timeout(60):
            while house.deal != "won":
                await asyncio.sleep(0.01)
        samples = await _scrape(bot_url)

    assert sum(_value(samples, "ledger_unfinished", state=state) or 0 for state in UNFINISHED) == 1
    age = _value(samples, "ledger_oldest_unfinished_seconds")
    assert age is not None
    assert 0 < age < 60


async def test_a_429_from_highlevel_is_counted(tmp_path: Path) -> None:
    async with _measured(tmp_path) as (house, bot_url):
        limited = {"X-RateLimit-Interval-Milliseconds": "60000"}
        house.highlevel.misbehave(Fault(status=429, body={"message": "Too Many Requests"}, headers=limited))
        await house.says(f"{DEAL} won")
        await house.rows()
        samples = await _scrape(bot_url)

    assert _outcomes(samples) == {"rate_limited": 1}
    assert _value(samples, "highlevel_calls_total", location="", method="GET", answer="429") == 1
    assert _value(samples, "highlevel_requests_left", location="", of="interval") == 0


async def test_the_metrics_say_whether_the_ledger_is_up(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    anew = replace(PATIENT, backlog=0.0)
    async with _measured(tmp_path, tempo=anew, DATABASE_URL=f"sqlite:///{folder}/ledger.db") as (house, bot_url):
        await house.says(f"{DEAL} won")
        gone = await _scrape(bot_url)
        folder.mkdir()
        await house.says(f"{DEAL} won")
        await house.rows()
        back = await _scrape(bot_url)
        shutil.rmtree(folder)

    assert _outcomes(gone) == {"store_down": 1}
    assert _value(gone, "ledger_up") == 0
    assert _value(gone, "ledger_oldest_unfinished_seconds") is None
    assert _value(gone, "acknowledgement_seconds_count", kind="command") == 1
    assert _value(back, "ledger_up") == 1
    assert _outcomes(back) == {"store_down": 1, "changed": 1}


async def test_scraping_during_a_burst_reads_the_ledger_on_a_thread_of_its_own(tmp_path: Path) -> None:
    deals = [f"dealQ7xQ7xQ7x{number:07}" for number in range(12)]
    async with _measured(tmp_path) as (house, bot_url):
        for deal in deals:
            house.highlevel.add_opportunity(deal)
        with statements() as seen:
            typed = (house.slack.command(f"{deal} won", user=ANA, channel=SALES) for deal in deals)
            await asyncio.gather(*typed, *(_scrape(bot_url) for _ in range(10)))
            await house.slack.wait_for(len(deals))

    looks = [each for each in seen if "min(commands.accepted_at)" in each.sql]
    assert {each.thread for each in looks} == {"backlog"}
    assert len(looks) < 10  # they are shared, and kept
    assert {each.thread for each in seen if "INSERT INTO commands" in each.sql} == {"database"}


async def test_requests_that_are_not_from_slack_are_not_measured(tmp_path: Path) -> None:
    async with _measured(tmp_path) as (house, bot_url):
        async with httpx.AsyncClient() as http:
            turned_away = await http.post(f"{bot_url}/slack/events", content=b"command=%2Fopp-status")
        samples = await _scrape(bot_url)

    assert turned_away.status_code == 401
    assert house.highlevel.writes() == []
    assert not any(name.startswith("opp_status_acknowledgement") for name, _ in samples)


async def test_without_a_metrics_token_there_are_no_metrics(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    async with httpx.AsyncClient() as http:
        told = await http.get(f"{house.slack.bot_url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    assert button(shown, "undo")
    assert told.status_code == 404

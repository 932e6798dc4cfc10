import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.highlevel.api.wire import OpportunityRecord
from bot.highlevel.lost_reason import LONGEST_LAG, MOST_WRITES, LostReasons
from bot.http.client import HttpClient
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served

pytestmark = pytest.mark.jumping_clock

TOKEN = "pit-not-a-token"
DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
EARLIER, LATER = "2026-11-01T10:00:00.000Z", "2026-11-02T10:00:00.000Z"


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    highlevel.add_opportunity(DEAL, name="New website", status="lost", lostReasonId="r1", lastStatusChangeAt=EARLIER)
    return highlevel


@pytest.fixture
async def client(highlevel: HighLevel) -> AsyncIterator[Client]:
    async with (
        served(highlevel.app()) as url,
        Client(
            base_url=url,
            auth=PrivateIntegration(TOKEN),
            version="2021-07-28",
            http=HttpClient("opp-status/0.0"),
            attempts=Attempts(most=1, connect=2.0, answer=5.0, pause=0.01),
        ) as client,
    ):
        yield client


@pytest.fixture
def reasons(highlevel: HighLevel, client: Client) -> LostReasons:
    return LostReasons(client, highlevel.location_id)


def _soon() -> float:
    return asyncio.get_running_loop().time() + 10.0


async def _record(client: Client) -> OpportunityRecord:
    return await client.opportunity(DEAL, until=_soon())


def _searches(highlevel: HighLevel) -> int:
    return sum(request.path == "/opportunities/search" for request in highlevel.received)


async def test_a_reason_that_highlevel_does_not_show_is_searched_for(
    highlevel: HighLevel, client: Client, reasons: LostReasons
) -> None:
    record = await _record(client)

    assert record.lost_reason_id is None
    assert await reasons.of(record, until=_soon()) == "r1"
    assert _searches(highlevel) == 1


async def test_a_reason_that_highlevel_shows_is_not_searched_for(
    highlevel: HighLevel, client: Client, reasons: LostReasons
) -> None:
    highlevel.shows_lost_reason = True

    assert await reasons.of(await _record(client), until=_soon()) == "r1"
    assert _searches(highlevel) == 0


@pytest.mark.parametrize("status", ["open", "won", "abandoned", "LOST"])
async def test_a_deal_that_is_not_lost_is_not_searched_for(
    highlevel: HighLevel, client: Client, reasons: LostReasons, status: str
) -> None:
    highlevel.opportunities[DEAL]["status"] = status

    assert await reasons.of(await _record(client), until=_soon()) is None
    assert _searches(highlevel) == 0


async def test_a_row_from_before_the_loss_tells_nothing(client: Client, reasons: LostReasons) -> None:
    record = replace(await _record(client), last_status_change_at=datetime(2026, 11, 2, 10, tzinfo=UTC))

    assert await reasons.of(record, until=_soon()) is None


async def test_a_deal_that_the_search_does_not_know_has_no_reason(
    highlevel: HighLevel, client: Client, reasons: LostReasons
) -> None:
    record = await _record(client)
    highlevel.opportunities.clear()

    assert await reasons.of(record, until=_soon()) is None
    assert _searches(highlevel) == 2
    assert await reasons.of(replace(record, name=None), until=_soon()) is None
    assert _searches(highlevel) == 3


async def test_a_search_that_does_not_answer_leaves_the_reason_unknown(
    highlevel: HighLevel, client: Client, reasons: LostReasons
) -> None:
    highlevel.misbehave(Fault(hangs=True), path="/search")
    record, began = await _record(client), asyncio.get_running_loop().time()

    assert await reasons.of(record, until=_soon()) is None
    assert asyncio.get_running_loop().time() - began < 4.0


@pytest.mark.parametrize("written", ["r2", None])
async def test_what_was_just_written_counts_and_is_not_searched_for(
    highlevel: HighLevel, client: Client, reasons: LostReasons, written: str | None
) -> None:
    reasons.wrote(DEAL, "lost", written)

    for _ in range(2):
        assert await reasons.of(await _record(client), until=_soon()) == written
    assert _searches(highlevel) == 0


async def test_a_write_of_another_status_counts_for_nothing(client: Client, reasons: LostReasons) -> None:
    reasons.wrote(DEAL, "lost", "r2")
    reasons.wrote(DEAL, "open", None)

    assert await reasons.of(await _record(client), until=_soon()) == "r1"


async def test_after_a_later_change_of_status_the_write_counts_no_more(
    highlevel: HighLevel, client: Client, reasons: LostReasons
) -> None:
    reasons.wrote(DEAL, "lost", "r2")
    assert await reasons.of(await _record(client), until=_soon()) == "r2"
    highlevel.opportunities[DEAL] |= {"lastStatusChangeAt": LATER, "lostReasonId": "r3"}

    assert await reasons.of(await _record(client), until=_soon()) == "r3"


async def test_when_the_search_must_know_it_the_write_counts_no_more(client: Client, reasons: LostReasons) -> None:
    reasons.wrote(DEAL, "lost", "r2")
    await asyncio.sleep(LONGEST_LAG + 1)

    assert await reasons.of(await _record(client), until=_soon()) == "r1"


async def test_no_more_writes_are_remembered_than_there_can_be(client: Client, reasons: LostReasons) -> None:
    reasons.wrote(DEAL, "lost", "r2")
    for number in range(MOST_WRITES - 1):
        reasons.wrote(f"another-{number}", "lost", "r2")
    assert await reasons.of(await _record(client), until=_soon()) == "r2"
    reasons.wrote("one-too-many", "lost", "r2")

    assert await reasons.of(await _record(client), until=_soon()) == "r1"

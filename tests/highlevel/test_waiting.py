"""How long a change waits for HighLevel, told in answers: each takes a second of a clock that does not wait."""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.deals.change import ChangeStatus, Patience
from bot.deals.deal import Status
from bot.deals.outcome import Changed
from bot.deals.wish import Wish
from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.highlevel.crm import HighLevelCrm
from bot.highlevel.names import NAMES_TTL, STALE_NAMES_TTL
from bot.http.client import HttpClient
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served
from tests.memory import MemoryLedger, Row

pytestmark = pytest.mark.jumping_clock

TOKEN = "pit-not-a-token"
DEALS = ["aB3dE5fG7hJ9kL1mN2pQ", "bB3dE5fG7hJ9kL1mN2pQ"]
REASON = "R1"
ANSWER = 1.0
"""Seconds that HighLevel takes for each answer."""


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    highlevel.pipelines = [{"id": "P1", "name": "New business", "stages": [{"id": "S1", "name": "Proposal"}]}]
    highlevel.users["USER1"] = {"id": "USER1", "name": "Max Power"}
    highlevel.lost_reasons = [{"id": REASON, "name": "Price"}]
    for deal in DEALS:
        highlevel.add_opportunity(deal, pipelineId="P1", pipelineStageId="S1", assignedTo="USER1")
    highlevel.misbehave(Fault(wait=ANSWER), times=math.inf)
    return highlevel


@pytest.fixture
async def change(highlevel: HighLevel) -> AsyncIterator[ChangeStatus]:
    ledger = MemoryLedger()
    for deal in DEALS:
        entry = Entry(deal, "REF", Caller("U1", "T1", "C1"), "deal won", Wish(deal, Status.WON))
        ledger.store.rows[deal] = Row(entry, ledger.owner, lease_until=math.inf)
    async with (
        served(highlevel.app()) as url,
        Client(
            base_url=url,
            auth=PrivateIntegration(TOKEN),
            version="2021-07-28",
            http=HttpClient("opp-status/0.0"),
            attempts=Attempts(most=1, connect=5.0, answer=5.0),
        ) as client,
    ):
        yield ChangeStatus(HighLevelCrm(client, highlevel.location_id), ledger, Patience())


async def _answers(change: ChangeStatus, wish: Wish) -> float:
    """For how many answers, one after another, a change waits."""
    began = asyncio.get_running_loop().time()
    outcome = await change(wish, wish.opportunity_id)
    assert isinstance(outcome, Changed)
    assert (outcome.after.pipeline, outcome.after.owner) == ("New business", "Max Power")
    assert outcome.after.lost_reason == ("Price" if wish.status is Status.LOST else None)
    return round((asyncio.get_running_loop().time() - began) / ANSWER, 1)


@pytest.mark.parametrize(
    "wish", [Wish(DEALS[0], Status.WON), Wish(DEALS[0], Status.LOST, lost_reason_id=REASON)], ids=["won", "lost"]
)
async def test_the_first_change_waits_for_three_answers_though_it_reads_names(change: ChangeStatus, wish: Wish) -> None:
    assert await _answers(change, wish) == 3


@pytest.mark.parametrize("later", [0.0, NAMES_TTL, STALE_NAMES_TTL, 2 * STALE_NAMES_TTL])
async def test_a_later_change_waits_for_three_answers_however_old_the_names_are(
    change: ChangeStatus, later: float
) -> None:
    await _answers(change, Wish(DEALS[0], Status.WON))
    await asyncio.sleep(later)
    assert await _answers(change, Wish(DEALS[1], Status.WON)) == 3

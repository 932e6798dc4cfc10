"""The figures of a digest, read from HighLevel: right where all can be read, honest where not, and never many calls."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.deals.outcome import Cause
from bot.deals.ports import CrmError
from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.highlevel.crm import HighLevelCrm
from bot.highlevel.figures import CLOSED_PAGES, MOST_CALLS, OPEN_PAGES, HighLevelFigures
from bot.highlevel.reading import KEPT, DealReader
from bot.http.client import HttpClient
from bot.schedule.digest.figures import Figures, Tally, Totals
from bot.schedule.digest.periods import Week
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served

pytestmark = pytest.mark.jumping_clock

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
WEEK = Week(NOW - timedelta(days=7), NOW)
STUCK = NOW - timedelta(days=21)


def _ago(**span: float) -> str:
    return (NOW - timedelta(**span)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token("pit-x")
    highlevel.pipelines = [
        {"id": "P1", "name": "New business", "stages": [{"id": "S1", "name": "Proposal"}]},
        {"id": "P2", "name": "Renewals", "stages": []},
    ]
    highlevel.users = {"ana": {"id": "ana", "name": "Ana Silva"}, "ben": {"id": "ben", "name": "Ben Okafor"}}
    return highlevel


@pytest.fixture
async def reader(highlevel: HighLevel) -> AsyncIterator[HighLevelFigures]:
    async with (
        served(highlevel.app()) as url,
        Client(
            base_url=url,
            auth=PrivateIntegration("pit-x"),
            version="2021-07-28",
            http=HttpClient("opp-status/0.0"),
            attempts=Attempts(most=1, connect=20.0, answer=60.0, pause=0.01),
        ) as client,
    ):
        crm = HighLevelCrm(client, highlevel.location_id)
        locations = {highlevel.location_id: client}, {highlevel.location_id: crm}
        yield HighLevelFigures(DealReader(*locations), 0.05)


def _deals(highlevel: HighLevel, many: int, prefix: str, **fields: Any) -> None:  # noqa: ANN401 - any JSON
    for number in range(many):
        highlevel.add_opportunity(f"{prefix}{number:05}", **fields)


async def test_deals_won_and_lost_in_the_week_and_open_ones_are_told_by_pipeline_and_owner(
    highlevel: HighLevel, reader: HighLevelFigures
) -> None:
    new, renewal = {"pipelineId": "P1", "pipelineStageId": "S1"}, {"pipelineId": "P2"}
    won, lost = {"status": "won", "lostReasonId": None}, {"status": "lost"}
    highlevel.add_opportunity("w1", **won, **new, assignedTo="ana", monetaryValue=4800, lastStatusChangeAt=_ago(days=1))
    highlevel.add_opportunity("w2", **won, **renewal, assignedTo="ben", lastStatusChangeAt=_ago(days=7))
    highlevel.add_opportunity("w3", **won, **new, monetaryValue=9, lastStatusChangeAt=_ago(days=7, seconds=1))
    highlevel.add_opportunity("w4", **won, **new, monetaryValue=9, lastStatusChangeAt=_ago())  # begins the next week
    highlevel.add_opportunity("l1", **lost, **new, monetaryValue=700, lastStatusChangeAt=_ago(days=2), lostReasonId="R")
    highlevel.add_opportunity("l2", **lost, assignedTo="ana", monetaryValue=300, lastStatusChangeAt=_ago(days=3))
    highlevel.add_opportunity("o1", **new, assignedTo="gone", monetaryValue=50, lastStageChangeAt=_ago(days=3))

    found = await reader.read(highlevel.location_id, WEEK, STUCK)

    assert found.totals == Totals(Tally(2, 4800.0), Tally(2, 1000.0), Tally(1, 50.0))
    assert found.pipelines == {
        "New business": Totals(Tally(1, 4800.0), Tally(1, 700.0), Tally(1, 50.0)),
        "Renewals": Totals(Tally(1)),
        "": Totals(lost=Tally(1, 300.0)),
    }
    assert found.owners == {
        "Ana Silva": Totals(Tally(1, 4800.0), Tally(1, 300.0)),
        "Ben Okafor": Totals(Tally(1)),
        "": Totals(lost=Tally(1, 700.0), open=Tally(1, 50.0)),
    }
    assert found.knows_all_open
    assert ([deal.id for deal in found.unreasoned], found.all_unreasoned) == (["l2"], 1)


async def test_the_deals_that_have_not_moved_for_longest_are_stuck_with_their_names(
    highlevel: HighLevel, reader: HighLevelFigures
) -> None:
    for days in (22, 90, 30, 25, 60, 40, 20):
        old = {"lastStageChangeAt": _ago(days=days), "lastStatusChangeAt": _ago(days=days)}
        highlevel.add_opportunity(f"d{days}", pipelineId="P1", pipelineStageId="S1", assignedTo="ana", **old)
    highlevel.add_opportunity("reopened", lastStageChangeAt=_ago(days=90), lastStatusChangeAt=_ago(days=1))

    found = await reader.read(highlevel.location_id, WEEK, STUCK)

    assert [deal.id for deal in found.stuck] == ["d90", "d60", "d40", "d30", "d25"]
    assert found.all_stuck == 6
    assert (found.stuck[0].stage, found.stuck[0].owner) == ("Proposal", "Ana Silva")
    assert (await reader.read(highlevel.location_id, WEEK, None)).stuck == ()


async def test_the_latest_deals_lost_without_a_reason_are_named_and_all_are_counted(
    highlevel: HighLevel, reader: HighLevelFigures
) -> None:
    for hours in range(1, 9):
        highlevel.add_opportunity(f"l{hours}", status="lost", lastStatusChangeAt=_ago(hours=hours))

    found = await reader.read(highlevel.location_id, WEEK, STUCK)

    assert [deal.id for deal in found.unreasoned] == ["l1", "l2", "l3", "l4", "l5"]
    assert found.all_unreasoned == 8


async def test_where_there_is_no_deal_all_is_zero(highlevel: HighLevel, reader: HighLevelFigures) -> None:
    assert await reader.read(highlevel.location_id, WEEK, STUCK) == Figures()


@pytest.mark.untraced
async def test_fifty_thousand_deals_cost_sixty_calls_at_most_and_are_told_honestly(
    highlevel: HighLevel, reader: HighLevelFigures
) -> None:
    owners = [f"u{number}" for number in range(40)]
    highlevel.users = {each: {"id": each, "name": f"Owner {each}"} for each in owners}
    for number in range(50_000):
        status = "won" if number < 6_000 else "lost" if number < 12_000 else "open"
        highlevel.add_opportunity(
            f"d{number:05}",
            status=status,
            monetaryValue=number + 1,
            assignedTo=owners[number % 40],
            pipelineId="P1",
            lastStatusChangeAt=_ago(days=1 if status != "open" else 30),
            lastStageChangeAt=_ago(days=30 + number % 7),
        )

    found = await reader.read(highlevel.location_id, WEEK, STUCK)

    assert len(highlevel.received) <= MOST_CALLS <= 60
    assert (found.totals.won.count, found.totals.lost.count, found.totals.open.count) == (6_000, 6_000, 38_000)
    assert found.totals.won == Tally(6_000, float(sum(range(1_001, 6_001))), at_least=True)
    assert found.totals.open == Tally(38_000, float(sum(range(40_001, 50_001))), at_least=True)
    assert not found.knows_all_open
    assert found.pipelines["New business"].open == Tally()
    assert (found.all_stuck, len(found.stuck)) == (38_000, 5)
    assert len([name for name in found.owners if name]) >= 12


async def test_a_sum_is_whole_if_what_was_left_out_is_worth_nothing(
    highlevel: HighLevel, reader: HighLevelFigures
) -> None:
    _deals(highlevel, 100, "a", monetaryValue=10)
    _deals(highlevel, OPEN_PAGES * 500, "b", monetaryValue=0)
    _deals(highlevel, 5, "c", status="won", monetaryValue=1, lastStatusChangeAt=_ago(days=1))
    _deals(highlevel, CLOSED_PAGES * 500, "d", status="won", lastStatusChangeAt=_ago(days=1))

    found = await reader.read(highlevel.location_id, WEEK, STUCK)

    assert found.totals.open == Tally(OPEN_PAGES * 500 + 100, 1_000.0)
    assert found.totals.won == Tally(CLOSED_PAGES * 500 + 5, 5.0)
    assert not found.knows_all_open


@pytest.mark.parametrize("values", [[0, 5, 0], [0, 0, 0]], ids=["not sorted", "perhaps the lowest first"])
async def test_a_sum_is_not_called_whole_where_the_order_does_not_tell(
    highlevel: HighLevel, reader: HighLevelFigures, values: list[int]
) -> None:
    rows = [{"id": f"x{at}", "status": "won", "monetaryValue": value} for at, value in enumerate(values)]
    page = Fault(status=201, body={"opportunities": rows, "total": 9_000})
    highlevel.misbehave(page, path="/opportunities/search", times=CLOSED_PAGES)

    found = await reader.read(highlevel.location_id, WEEK, STUCK)

    assert found.totals.won == Tally(9_000, float(sum(values) * CLOSED_PAGES), at_least=True)


async def test_figures_wait_until_commands_have_room(highlevel: HighLevel, reader: HighLevelFigures) -> None:
    loop = asyncio.get_running_loop()
    client = reader._deals.clients[highlevel.location_id]
    most = client.rate_limiter.budget().most
    async with client.reserve(round(most * (1 - KEPT)), until=loop.time() + 5):
        reading = asyncio.create_task(reader.read(highlevel.location_id, WEEK, STUCK))
        await asyncio.sleep(30)
        assert highlevel.received == []

    assert await reading == Figures()


async def test_an_answer_that_is_not_what_was_asked_for_is_no_figure(
    highlevel: HighLevel, reader: HighLevelFigures
) -> None:
    row = {"id": "x", "status": "abandoned"}
    highlevel.misbehave(Fault(status=201, body={"opportunities": [row], "total": 1}), path="/opportunities/search")

    with pytest.raises(CrmError) as raised:
        await reader.read(highlevel.location_id, WEEK, STUCK)

    assert raised.value.trouble.cause is Cause.UNREADABLE


async def test_an_error_of_highlevels_is_passed_on(highlevel: HighLevel, reader: HighLevelFigures) -> None:
    highlevel.misbehave(Fault(status=401, body={"message": "Invalid JWT"}), path="/opportunities/search")

    with pytest.raises(CrmError) as raised:
        await reader.read(highlevel.location_id, WEEK, STUCK)

    assert raised.value.trouble.cause is Cause.TOKEN_INVALID

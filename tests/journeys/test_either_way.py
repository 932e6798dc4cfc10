"""What HighLevel does not document, and a probe finds out: the bot is right with every answer."""

import itertools

import pytest

from bot.simulator.highlevel.server import HighLevel
from tests.house import DEAL, House

ANSWERS: tuple[dict[str, object], ...] = ({"success": True}, {"succeded": True}, {"succeeded": True, "status": 200}, {})


@pytest.mark.parametrize(
    ("shows", "keeps", "counts", "lag"), [*itertools.product([True, False], [True, False], [True, False], [0.0, 0.5])]
)
async def test_a_deal_is_lost_and_reopened_rightly_however_highlevel_behaves(
    house: House, *, shows: bool, keeps: bool, counts: bool, lag: float
) -> None:
    _let(house.highlevel, shows=shows, keeps=keeps, counts=counts, lag=lag)

    lost = await house.says(f"{DEAL} lost too expensive")
    assert lost.only_to is None
    assert "Too expensive" in f"{lost.text} {lost.blocks}"
    assert (
        house.highlevel.opportunities[DEAL] | {"status": "lost", "lostReasonId": "r1"}
        == (house.highlevel.opportunities[DEAL])
    )

    await house.slack.command(f"{DEAL} open", user="U0ANA", channel=lost.channel)
    rows = await house.rows()
    assert [row["outcome"] for row in rows] == ["changed", "changed"]
    assert house.deal == "open"
    assert [written.after for written in house.highlevel.written] == ["lost", "open"]


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_change_is_told_as_done_whatever_an_accepted_write_answers(
    house: House, answer: dict[str, object]
) -> None:
    house.highlevel.write_answer = answer

    shown = await house.says(f"{DEAL} won")

    assert shown.only_to is None
    assert [row["outcome"] for row in await house.rows()] == ["changed"]


def _let(highlevel: HighLevel, *, shows: bool, keeps: bool, counts: bool, lag: float) -> None:
    highlevel.lost_reasons = [{"id": "r1", "name": "Too expensive"}]
    highlevel.shows_lost_reason, highlevel.keeps_lost_reason = shows, keeps
    highlevel.counts_limits, highlevel.search_lag = counts, lag

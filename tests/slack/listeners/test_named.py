"""What the listeners do with a guess, and with a deal's name behind `undo` and `history`."""

import pytest

from bot.commands.request import ShowDeal, ShowHistory, UndoDeal
from bot.deals.deal import Matches, Opportunity, Status
from bot.deals.wish import Consent
from bot.slack.actions import Mark
from tests.desk import DEAL, Desk

pytestmark = pytest.mark.jumping_clock

NAMED = ShowDeal(name="website", whole="undo website")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("request_", [ShowHistory(deal=NAMED), UndoDeal(NAMED)])
async def test_while_the_ledger_is_down_a_named_deals_past_cannot_be_told(
    desk: Desk, request_: ShowHistory | UndoDeal
) -> None:
    desk.request = request_
    desk.crm.matches = Matches((Opportunity("other", "open", name="Web"),), more=False)
    assert await desk.on_command() == (200, {})
    desk.ledger.store.down = True
    (message,) = await desk.answers()

    assert message
    assert "Can't look that up" in message.text


async def test_a_name_that_finds_no_deal_is_told(desk: Desk) -> None:
    desk.request = UndoDeal(NAMED)
    await desk.on_command()
    (message,) = await desk.answers()

    assert message
    assert "`website`" in message.text


@pytest.mark.parametrize("stays", [True, False])
async def test_the_answer_to_a_guess_is_a_command_for_each_deal(desk: Desk, *, stays: bool) -> None:
    mark = Mark((DEAL, "other"), Status.LOST, Consent.GIVEN, "PARIS", stays, "too expensive")
    await desk.on_press("mark_lost_0", mark.value, container={"is_ephemeral": True})

    assert [entry.wish.opportunity_id for entry in desk.entries] == [DEAL, "other"]
    first = desk.entries[0]
    assert (first.wish.reason, first.wish.consent, first.wish.location_id) == ("too expensive", Consent.GIVEN, "PARIS")
    assert first.text == f"{DEAL} other lost too expensive"
    assert first.asked_privately is not stays


async def test_a_note_is_kept_with_the_answer(desk: Desk) -> None:
    await desk.on_press("mark_won_0", Mark((DEAL,), Status.WON, Consent.PRESUMED, words="at last").value)

    assert [(entry.note, entry.wish.reason) for entry in desk.entries] == [("at last", "")]


async def test_an_answer_that_cannot_be_read_changes_nothing(desk: Desk) -> None:
    text = await desk.on_press("mark_won_0", "nonsense")

    assert desk.entries == []
    assert text

import pytest

from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import AskedOwner, NotYours, Objection, Withheld
from bot.deals.wish import Consent, Wish
from tests.desk import Desk

DEAL = Opportunity("deal", "open", name="New website")
WON = Wish("deal", Status.WON)
REFUSED = NotYours(DEAL, Objection(Withheld.OWNED, stops=True, owner="U2"))
ANSWERS = ("as_asked", "not_now")


@pytest.fixture
def desk() -> Desk:
    return Desk(channels=frozenset({"C1"}))


async def test_a_press_asks_the_owner_with_the_command_that_was_refused(desk: Desk) -> None:
    await desk.asked(REFUSED, WON)
    assert await desk.on_press("ask_owner", "asked", user={"id": "U1", "team_id": "T1"}) == ""

    (entry,) = desk.entries
    assert (entry.continues, entry.wish.consent, entry.text) == ("asked", Consent.ASK_OWNER, "as typed")


async def test_an_owner_is_asked_by_the_caller_alone_and_once(desk: Desk) -> None:
    await desk.asked(REFUSED, WON)
    assert "already answered" in await desk.on_press("ask_owner", "asked")
    await desk.on_press("ask_owner", "asked", user={"id": "U1", "team_id": "T1"})
    assert "already answered" in await desk.on_press("ask_owner", "asked", user={"id": "U1", "team_id": "T1"})
    assert len(desk.entries) == 1


async def test_a_yes_counts_in_the_channel_where_the_change_was_wanted(desk: Desk) -> None:
    await desk.asked(AskedOwner(DEAL, "U2"), WON)
    text = await desk.on_press("as_asked", "asked", channel={"id": "D2"})

    (entry,) = desk.entries
    assert (entry.caller.user_id, entry.caller.channel_id, entry.response_url) == ("U2", "C1", "")
    assert "On it: mark New website won, as <@U1> asked." in text
    assert "already answered" in await desk.on_press("as_asked", "asked", channel={"id": "D2"})
    assert len(desk.entries) == 1


async def test_a_no_changes_nothing_and_is_told_the_person_who_asked(desk: Desk) -> None:
    await desk.asked(AskedOwner(DEAL, "U2"), WON)
    text = await desk.on_press("not_now", "asked", channel={"id": "D2"})

    assert "You said not now to New website." in text
    ((told, to, _),) = desk.told
    assert (to.user_id, to.channel_id) == ("U1", "")
    assert "<@U2> said not now. New website is still open." in told.text
    assert desk.entries == []


@pytest.mark.parametrize("action", ANSWERS)
async def test_an_answer_to_a_question_that_is_gone_or_another_persons_changes_nothing(desk: Desk, action: str) -> None:
    await desk.asked(AskedOwner(DEAL, "U0BEN"), WON)
    assert "has expired" in await desk.on_press(action, "gone", channel={"id": "C1"})
    assert "already answered" in await desk.on_press(action, "asked")
    await desk.asked(REFUSED, WON, key="refused")
    assert "already answered" in await desk.on_press(action, "refused")
    assert desk.entries == []


@pytest.mark.parametrize("action", ANSWERS)
async def test_an_owner_without_access_is_refused(desk: Desk, action: str) -> None:
    desk.allowed = frozenset({"U1"})
    await desk.asked(AskedOwner(DEAL, "U2"), WON)
    assert "don't have access" in await desk.on_press(action, "asked")
    assert desk.entries == []

"""Lost reasons: typed with the command, asked for before or after the change, and undone."""

import json
from pathlib import Path

import pytest

from tests.house import ANA, DEAL, SALES, House, open_house

REASONS = [
    {"id": "r1", "name": "Too expensive"},
    {"id": "r2", "name": "Chose a competitor"},
    {"id": "r3", "name": "Too late"},
]


@pytest.fixture(autouse=True)
def _reasons(request: pytest.FixtureRequest) -> None:
    for name in {"house", "any_house"} & set(request.fixturenames):
        request.getfixturevalue(name).highlevel.lost_reasons = list(REASONS)


def _sent(house: House) -> list[dict[str, str]]:
    return [json.loads(put.body) for put in house.highlevel.writes()]


@pytest.mark.parametrize("words", ["too expensive", "Too Expensive.", "competitor", "chose", "COMPETITOR chose"])
async def test_words_after_lost_name_the_reason(house: House, words: str) -> None:
    shown = await house.says(f"{DEAL} lost {words}")

    reason = REASONS[0] if "expensive" in words.lower() else REASONS[1]
    assert _sent(house) == [{"status": "lost", "lostReasonId": reason["id"]}]
    assert f"Lost reason: {reason['name']}" in shown.text


@pytest.mark.parametrize("words", ["too", "bad weather"])
async def test_words_that_fit_no_reason_or_several_make_the_bot_ask_first(any_house: House, words: str) -> None:
    asked = await any_house.says(f"{DEAL} lost {words}")
    assert asked.only_to == ANA
    assert f"`{words}` is not one of HighLevel's lost reasons." in asked.text
    assert "Nothing was changed." in asked.text
    assert "Too expensive, Chose a competitor, Too late" in asked.text
    assert any_house.deal == "open"

    shown = await any_house.answers(asked, "reason", "r3")

    assert shown.only_to is None
    assert "Lost reason: Too late" in shown.text
    assert any_house.highlevel.opportunities[DEAL]["lostReasonId"] == "r3"


async def test_a_person_who_loses_a_deal_is_asked_why_afterwards(any_house: House) -> None:
    await any_house.says(f"{DEAL} lost")
    asked = (await any_house.slack.wait_for(2))[1]
    assert asked.only_to == ANA
    assert "|New website>* lost? Choose a reason" in asked.text

    added = await any_house.answers(asked, "reason", "r2")

    assert added.only_to is None
    assert f"<@{ANA}> said why *" in added.text
    assert "was lost: *Chose a competitor*." in added.text
    assert _sent(any_house)[-1] == {"status": "lost", "lostReasonId": "r2"}


async def test_undo_after_a_reason_was_given_undoes_the_loss(house: House) -> None:
    await house.says(f"{DEAL} lost")
    await house.answers((await house.slack.wait_for(2))[1], "reason", "r2")
    undone = await house.says("undo")

    assert "from open to lost" in undone.text
    assert "it is *open* again" in undone.text
    assert "Its lost reason was cleared." in undone.text
    assert house.deal == "open"


async def test_the_reply_says_when_highlevel_keeps_a_lost_reason(house: House) -> None:
    house.highlevel.keeps_lost_reason = True
    await house.says(f"{DEAL} lost too expensive")

    assert "HighLevel keeps its lost reason: Too expensive" in (await house.says(f"{DEAL} open")).text


async def test_a_required_reason_is_asked_for_before_the_change(tmp_path: Path) -> None:
    async with open_house(tmp_path, LOST_REASON="required") as house:
        house.highlevel.lost_reasons = list(REASONS)
        asked = await house.says("new website lost")
        assert "Why was" in asked.text
        assert house.deal == "open"
        shown = await house.answers(asked, "reason", "r1")

        assert "Lost reason: Too expensive" in shown.text
        assert _sent(house) == [{"status": "lost", "lostReasonId": "r1"}]


async def test_an_optional_reason_is_not_asked_for(tmp_path: Path) -> None:
    async with open_house(tmp_path, LOST_REASON="optional") as house:
        house.highlevel.lost_reasons = list(REASONS)
        await house.says(f"{DEAL} lost")
        await house.says("whoami")

        assert len(house.slack.shown) == 2


@pytest.mark.parametrize("policy", ["ask", "required"])
async def test_a_token_that_may_not_read_reasons_loses_deals_without_one(tmp_path: Path, policy: str) -> None:
    async with open_house(tmp_path, LOST_REASON=policy) as house:
        house.highlevel.lost_reasons_forbidden = True
        shown = await house.says(f"{DEAL} lost too expensive")

        assert "from open to *lost*" in shown.text
        assert "Said: `too expensive`. It is not in HighLevel" in shown.text
        assert _sent(house) == [{"status": "lost"}]


async def test_a_reason_for_a_private_loss_is_private_too(house: House) -> None:
    await house.slack.command("", user=ANA, channel=SALES)
    view = await house.slack.wait_for_modal(ANA)
    await house.slack.type_ahead(view, "deal", DEAL)
    await house.slack.enter(view, "deal", DEAL)
    await house.slack.enter(view, "status", "lost")
    await house.slack.enter(view, "post", [])
    await house.slack.submit(view)
    asked = (await house.slack.wait_for(2))[1]

    assert (await house.answers(asked, "reason", "r1")).only_to == ANA

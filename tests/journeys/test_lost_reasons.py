"""Lost reasons: typed with the command, asked for before or after the change, and undone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.slack.server import Fault as SlackFault
from bot.simulator.slack.workspace import button
from tests.house import ANA, DEAL, OTHER_CHANNEL, SALES, House, open_house

ANOTHER = "bC4eF6gH8jK1lM3nP5qR"

REASONS = [
    {"id": "r1", "name": "Too expensive"},
    {"id": "r2", "name": "Chose a competitor"},
    {"id": "r3", "name": "Too late"},
]


Way = Callable[[HighLevel], None]


def _search_alone(_highlevel: HighLevel) -> None:
    """As reported: only the search shows it, and this one at once."""


def _search_late(highlevel: HighLevel) -> None:
    highlevel.search_lag = 3.0


def _every_answer(highlevel: HighLevel) -> None:
    highlevel.shows_lost_reason = True


@pytest.fixture(params=[_search_alone, _search_late, _every_answer])
def way(request: pytest.FixtureRequest) -> Way:
    """How HighLevel shows a lost reason."""
    shows: Way = request.param
    return shows


@pytest.fixture(autouse=True)
def _reasons(request: pytest.FixtureRequest, way: Way) -> None:
    for name in {"house", "any_house"} & set(request.fixturenames):
        _arrange(request.getfixturevalue(name), way)


def _arrange(house: House, way: Way) -> None:
    house.highlevel.lost_reasons = list(REASONS)
    way(house.highlevel)


def _sent(house: House) -> list[dict[str, str]]:
    return [json.loads(put.body) for put in house.highlevel.writes()]


@pytest.mark.parametrize("words", ["too expensive", "Too Expensive.", "competitor", "chose", "COMPETITOR chose"])
async def test_words_after_lost_name_the_reason(house: House, words: str) -> None:
    shown = await house.says(f"{DEAL} lost {words}")

    reason = REASONS[0] if "expensive" in words.lower() else REASONS[1]
    assert _sent(house) == [{"status": "lost", "lostReasonId": reason["id"]}]
    assert f"{reason['name']} · was open" in shown.text


@pytest.mark.parametrize("words", ["too", "bad weather"])
async def test_words_that_fit_no_reason_or_several_are_kept_and_asked_about_afterwards(
    any_house: House, words: str
) -> None:
    told = await any_house.says(f"{DEAL} lost {words}")
    asked = (await any_house.slack.wait_for(2))[1]
    assert (told.only_to, asked.only_to) == (None, ANA)
    assert words in told.text
    assert "Too expensive" in str(asked.blocks)
    assert any_house.deal == "lost"

    await any_house.answers(asked, "reason", "r3")
    await any_house.rows()

    assert any_house.highlevel.opportunities[DEAL]["lostReasonId"] == "r3"


@pytest.mark.parametrize(
    "words", ["to a competitor", "because it was too expensive", "too expencive", "- too expensive!", "compettitor"]
)
async def test_a_reason_is_found_without_fillers_and_in_spite_of_slips(house: House, words: str) -> None:
    await house.says(f"{DEAL} lost {words}")

    assert _sent(house) == [{"status": "lost", "lostReasonId": "r1" if "exp" in words else "r2"}]


@pytest.mark.parametrize("words", ["too", "bad weather"])
async def test_where_a_reason_is_required_words_that_fit_none_or_several_are_asked_about_first(
    tmp_path: Path, way: Way, words: str
) -> None:
    async with open_house(tmp_path, LOST_REASON="required") as house:
        _arrange(house, way)
        asked = await house.says(f"{DEAL} lost {words}")

        assert asked.only_to == ANA
        assert f"`{words}`" in asked.text
        assert house.deal == "open"


async def test_a_person_who_loses_a_deal_is_asked_why_afterwards(any_house: House) -> None:
    loss = await any_house.says(f"{DEAL} lost")
    asked = (await any_house.slack.wait_for(2))[1]
    assert asked.only_to == ANA
    assert "New website lost? Pick a reason" in asked.text

    added = await any_house.answers(asked, "reason", "r2")

    assert (added.ts, added.only_to) == (loss.ts, None)
    assert f"<@{ANA}> marked New website lost" in added.text
    assert "Chose a competitor" in added.text
    assert _sent(any_house)[-1] == {"status": "lost", "lostReasonId": "r2"}
    assert any_house.slack.shown == [added]
    assert button(added, "undo")["value"] == button(loss, "undo")["value"]


async def test_a_reason_for_a_loss_whose_message_cannot_be_edited_is_one_sentence(house: House) -> None:
    house.keep_out()
    loss = await house.says(f"{DEAL} lost")
    added = await house.answers((await house.slack.wait_for(2))[1], "reason", "r2")

    assert (added.via, added.only_to) == ("response_url", None)
    assert f"<@{ANA}> added a lost reason to New website: Chose a competitor" in added.text
    assert house.slack.shown == [loss, added]


async def test_a_reason_edits_the_loss_also_where_it_was_announced(tmp_path: Path, way: Way) -> None:
    async with open_house(tmp_path, ANNOUNCE_CHANNELS=f"lost={OTHER_CHANNEL}") as house:
        _arrange(house, way)
        await house.says(f"{DEAL} lost")
        await house.slack.wait_for(3)
        asked = next(each for each in house.slack.shown if each.only_to)
        await house.answers(asked, "reason", "r2")
        await house.rows()

        assert [each.channel for each in house.slack.shown] == [SALES, OTHER_CHANNEL]
        assert all("Chose a competitor" in each.text for each in house.slack.shown)


async def test_one_reason_for_several_losses_edits_their_message(house: House) -> None:
    house.highlevel.add_opportunity(ANOTHER, name="Logo")
    loss = await house.says(f"{DEAL} {ANOTHER} lost")
    added = await house.answers((await house.slack.wait_for(2))[1], "reason", "r2")

    assert (added.ts, added.only_to) == (loss.ts, None)
    assert loss.text.splitlines()[0] in added.text
    assert "Lost reason: Chose a competitor" in added.text
    assert house.slack.shown == [added]
    assert [each["lostReasonId"] for each in house.highlevel.opportunities.values()] == ["r2", "r2"]


async def test_undo_after_a_reason_was_given_undoes_the_loss(house: House) -> None:
    await house.says(f"{DEAL} lost")
    await house.answers((await house.slack.wait_for(2))[1], "reason", "r2")
    loss = house.slack.shown[0]
    assert "You undid that." in (await house.says("undo")).text
    undone = await house.slack.wait_for_change(loss.ts, times=2)

    assert "had marked it lost" in undone.text
    assert "New website is open again" in undone.text
    assert "Lost reason cleared" in undone.text
    assert house.deal == "open"


@pytest.mark.parametrize("way", [_every_answer])
async def test_the_reply_says_when_highlevel_keeps_a_lost_reason(house: House, way: Way) -> None:  # noqa: ARG001
    house.highlevel.keeps_lost_reason = True
    await house.says(f"{DEAL} lost too expensive")

    (loss,) = house.slack.shown
    await house.says(f"{DEAL} open")
    assert "Lost reason still on the deal: Too expensive" in (await house.slack.wait_for_change(loss.ts)).text


async def test_a_required_reason_is_asked_for_before_the_change(tmp_path: Path, way: Way) -> None:
    async with open_house(tmp_path, LOST_REASON="required") as house:
        _arrange(house, way)
        asked = await house.says("new website lost")
        assert "Why was" in asked.text
        assert house.deal == "open"
        shown = await house.answers(asked, "reason", "r1")

        assert "Too expensive" in shown.text
        assert _sent(house) == [{"status": "lost", "lostReasonId": "r1"}]


async def test_an_optional_reason_is_not_asked_for(tmp_path: Path, way: Way) -> None:
    async with open_house(tmp_path, LOST_REASON="optional") as house:
        _arrange(house, way)
        await house.says(f"{DEAL} lost")
        await house.says("whoami")

        assert len(house.slack.shown) == 2


@pytest.mark.parametrize("policy", ["ask", "required"])
async def test_a_token_that_may_not_read_reasons_loses_deals_without_one(tmp_path: Path, policy: str) -> None:
    async with open_house(tmp_path, LOST_REASON=policy) as house:
        house.highlevel.lost_reasons_forbidden = True
        shown = await house.says(f"{DEAL} lost too expensive")

        assert "> marked " in shown.text
        assert "Reason: `too expensive` (in Slack only, not in HighLevel)" in shown.text
        assert _sent(house) == [{"status": "lost"}]


async def test_a_reason_for_a_private_loss_is_private_too(house: House) -> None:
    await house.slack.command("", user=ANA, channel=SALES)
    view = await house.slack.wait_for_modal(ANA)
    await house.slack.type_ahead(view, "deal", DEAL)
    await house.slack.enter(view, "deal", DEAL)
    await house.slack.enter(view, "post", [])
    house.slack.misbehave(SlackFault("views.update", status=500, times=float("inf")))  # it gets no field for the reason
    await house.slack.enter(view, "status", "lost")
    await house.slack.submit(view)
    asked = (await house.slack.wait_for(2))[1]

    assert (await house.answers(asked, "reason", "r1")).only_to == ANA


# --- whether HighLevel shows it or not -------------------------------------------------------------------------------


async def test_a_reason_that_was_sent_is_told_and_not_asked_for_again(any_house: House) -> None:
    shown = await any_house.says(f"{DEAL} lost too expensive")
    await any_house.says("whoami")

    assert "Too expensive" in shown.text
    assert "does not show" not in shown.text
    assert len(any_house.slack.shown) == 2


async def test_a_reason_that_is_given_afterwards_is_told_as_given_and_sent_once(any_house: House) -> None:
    await any_house.says(f"{DEAL} lost")
    added = await any_house.answers((await any_house.slack.wait_for(2))[1], "reason", "r1")

    assert "Too expensive" in added.text
    assert "did not happen" not in added.text
    assert len(_sent(any_house)) == 2
    assert [row["outcome"] for row in await any_house.rows()] == ["changed", "changed"]


async def test_a_card_shows_why_a_deal_was_lost(house: House) -> None:
    await house.says(f"{DEAL} lost competitor")

    assert "Chose a competitor" in (await house.says(DEAL)).text


async def test_a_card_shows_why_a_colleague_lost_a_deal_in_highlevel(house: House) -> None:
    _lost_by_hand(house)

    assert "Lost reason: Too late" in (await house.says(DEAL)).text


async def test_a_deal_whose_id_the_search_does_not_take_is_found_by_its_name(house: House) -> None:
    _lost_by_hand(house)
    house.highlevel.misbehave(Fault(status=200, body={"opportunities": [], "meta": {}}), path="/search")

    assert house.highlevel.shows_lost_reason or "Lost reason: Too late" in (await house.says(DEAL)).text


async def test_without_an_answer_of_the_search_a_card_has_no_reason_and_a_change_goes_on(house: House) -> None:
    _lost_by_hand(house)
    house.highlevel.misbehave(Fault(status=500, body=""), path="/search", times=float("inf"))

    assert "\nLost since" in (await house.says(DEAL)).text
    assert "> reopened " in (await house.says(f"{DEAL} open")).text


async def test_an_undo_brings_the_reason_back_that_a_colleague_gave(house: House) -> None:
    _lost_by_hand(house)
    reopened = await house.says(f"{DEAL} open")
    await house.says("undo")
    undone = await house.slack.wait_for_change(reopened.ts)

    assert "Lost reason cleared" in reopened.text
    assert "Too late" in undone.text
    assert _sent(house)[-1] == {"status": "lost", "lostReasonId": "r3"}


async def test_an_undo_brings_the_reason_back_that_was_given_a_moment_ago(house: House) -> None:
    await house.says(f"{DEAL} lost too expensive")
    await house.says(f"{DEAL} open")
    await house.says("undo")

    assert _sent(house)[-1] == {"status": "lost", "lostReasonId": "r1"}


async def test_a_deal_that_is_lost_for_that_reason_already_is_not_written(house: House) -> None:
    await house.says(f"{DEAL} lost too expensive")
    again = await house.says(f"{DEAL} lost too expensive")

    assert "is already lost" in again.text
    assert len(_sent(house)) == 1


async def test_a_loss_that_highlevel_did_not_confirm_is_told_with_the_reason_that_was_sent(house: House) -> None:
    house.highlevel.misbehave(Fault(carries_out=True, status=500, body=""), method="PUT")
    shown = await house.says(f"{DEAL} lost too expensive")
    await house.says("whoami")

    assert "the change went through" in shown.text
    assert "Too expensive" in shown.text
    assert len(house.slack.shown) == 2


def _lost_by_hand(house: House) -> None:
    """A colleague loses the deal in HighLevel itself, before the search's lag begins to matter."""
    house.highlevel.search_lag = 0.0
    house.highlevel.opportunities[DEAL] |= {"status": "lost", "lostReasonId": "r3"}

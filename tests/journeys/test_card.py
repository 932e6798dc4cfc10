"""A deal's card: what it shows, and its buttons."""

from bot.simulator.highlevel.server import READ, WRITE, Fault
from bot.simulator.slack.workspace import button, menu
from tests.house import ANA, BEN, DEAL, HIGHLEVEL_TOKEN, UNKNOWN_ID, House


def _known(house: House) -> None:
    house.highlevel.pipelines = [{"id": "P1", "name": "New", "stages": [{"id": "S1", "name": "Talks"}]}]
    house.highlevel.users["user1"] = {"id": "user1", "name": "Max"}
    house.highlevel.lost_reasons = [{"id": "r1", "name": "Price"}]
    house.highlevel.opportunities[DEAL] |= {
        "pipelineId": "P1",
        "pipelineStageId": "S1",
        "assignedTo": "user1",
        "monetaryValue": 4800,
        "contact": {"name": "Jane Doe", "companyName": "Acme Corp"},
    }


async def test_a_card_shows_a_deal_to_the_caller_alone(any_house: House) -> None:
    _known(any_house)
    await any_house.says(f"{DEAL} lost price")
    card = await any_house.says("new website")

    assert card.only_to == ANA
    assert "Lost since <!date^" in card.text
    assert "Jane Doe, Acme Corp · Talks · Owner: Max" in card.text
    assert "Lost reason: Price" in card.text
    assert f"Recent: <@{ANA}> marked it lost (<!date^" in card.text
    assert len(any_house.highlevel.written) == 1


async def test_a_status_button_on_a_card_changes_the_deal_publicly(any_house: House) -> None:
    card = await any_house.says(DEAL)
    shown = await any_house.answers(card, "set_won")

    assert shown.only_to is None
    assert f"<@{ANA}> won " in shown.text
    assert any_house.deal == "won"


async def test_a_card_of_a_won_deal_asks_before_it_changes_it(house: House) -> None:
    house.highlevel.opportunities[DEAL]["status"] = "won"
    card = await house.says(DEAL)
    assert button(card, "set_open")["confirm"]["text"]["text"].startswith("New website is won now.")

    assert "was won" in (await house.answers(card, "set_open")).text


async def test_a_card_gives_way_to_the_result(house: House) -> None:
    card = await house.says(DEAL)
    await house.answers(card, "set_won")

    assert card.ts not in {shown.ts for shown in house.slack.shown}


async def test_the_menu_of_a_card_has_the_other_statuses(house: House) -> None:
    card = await house.says(DEAL)
    told = await house.answers(card, "more", f"set {DEAL} abandoned presumed")

    assert told.only_to is None
    assert house.deal == "abandoned"


async def test_the_menu_of_a_won_deals_card_is_asked_about(house: House) -> None:
    house.highlevel.opportunities[DEAL]["status"] = "won"
    card = await house.says(DEAL)
    asked = await house.answers(card, "more", f"set {DEAL} lost presumed")

    assert "Mark it lost anyway?" in asked.text
    assert house.highlevel.written == []


async def test_a_deal_won_since_its_card_was_shown_is_asked_about_first(house: House) -> None:
    card = await house.says(DEAL)
    house.highlevel.opportunities[DEAL]["status"] = "won"

    assert "Mark it lost anyway?" in (await house.answers(card, "set_lost")).text


async def test_a_shared_card_shows_the_deal_as_it_is_now(any_house: House) -> None:
    card = await any_house.says(DEAL)
    any_house.highlevel.opportunities[DEAL]["status"] = "abandoned"
    shared = await any_house.answers(card, "more", f"share {DEAL}")

    assert shared.only_to is None
    assert f"<@{ANA}> shared a deal" in shared.text
    assert "Abandoned" in shared.text
    assert not any(block["type"] == "actions" for block in shared.blocks)


async def test_a_press_of_the_link_to_highlevel_is_only_acknowledged(house: House) -> None:
    card = await house.says(DEAL)
    answer = await house.slack.select(card, menu(card, "more"), "link deal", user=ANA)

    assert answer is not None
    assert answer.is_success
    assert len(house.slack.shown) == 1


async def test_if_several_deals_have_the_name_the_card_of_the_chosen_one_is_shown(house: House) -> None:
    house.highlevel.add_opportunity(UNKNOWN_ID, name="New website, part two")
    asked = await house.says("new website")
    assert "Which deal? 2 match `new website`." in asked.text

    card = await house.answers(asked, "show", UNKNOWN_ID)

    assert card.text.startswith("New website, part two\nOpen")


async def test_the_bot_says_when_there_is_no_such_deal(house: House) -> None:
    assert "No deal has the ID" in (await house.says(UNKNOWN_ID)).text
    assert "No deals match" in (await house.says("Unknown Ltd")).text


async def test_a_card_leaves_out_an_owner_that_the_token_may_not_read(house: House) -> None:
    _known(house)
    house.highlevel.add_token(HIGHLEVEL_TOKEN, scopes=frozenset({READ, WRITE}))
    card = await house.says(DEAL)

    assert "Owner" not in card.text
    assert "Jane Doe" in card.text


async def test_a_failure_to_share_a_card_is_told_privately(house: House) -> None:
    card = await house.says(DEAL)
    house.highlevel.misbehave(Fault(status=500), times=9)
    told = await house.answers(card, "more", f"share {DEAL}")

    assert told.only_to == ANA
    assert "HighLevel is having problems right now" in told.text


async def test_a_person_who_may_not_change_deals_sees_no_card(house: House) -> None:
    assert "You don't have access" in (await house.says(DEAL, user=BEN)).text
    assert house.highlevel.received == []

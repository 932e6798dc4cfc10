"""A deal by its name: if only one fits it is changed, if several fit the caller is asked."""

import asyncio
from pathlib import Path

from bot.simulator.highlevel.server import Fault
from tests.house import ANA, BEN, DEAL, KIM, SALES, House, open_house

ROOF, POOL, OLD = (f"{name}Q7xQ7xQ7xQ7xQ7xQ" for name in ("roof", "pool", "old0"))


def _acme(house: House, *, pool: str = "open") -> None:
    jane = {"name": "Jane Doe", "companyName": "Acme Corp", "email": "jane@acme.example", "phone": "+1 555 0100"}
    house.highlevel.add_opportunity(ROOF, name="Roof", contact=jane, monetaryValue=4800)
    house.highlevel.add_opportunity(POOL, name="Pool", contact=jane, status=pool)


async def test_a_name_that_fits_one_deal_is_enough(any_house: House) -> None:
    shown = await any_house.says('"New website" won')

    assert shown.only_to is None
    assert "> won New website" in shown.text
    assert any_house.deal == "won"
    (row,) = await any_house.rows()
    assert (row["opportunity_id"], row["called"], row["outcome"]) == (DEAL, "New website", "changed")


async def test_a_deal_is_found_by_a_contact_an_email_address_or_a_phone_number(house: House) -> None:
    _acme(house, pool="lost")

    assert "> won Roof" in (await house.says("jane doe won")).text
    house.highlevel.opportunities[ROOF]["status"] = "open"
    assert "> marked Roof" in (await house.says("<mailto:jane@acme.example|jane@acme.example> abandoned")).text
    house.highlevel.opportunities[ROOF]["status"] = "open"
    assert "> marked Roof" in (await house.says("<tel:+15550100|+1 555 0100> lost")).text


async def test_a_name_with_a_status_in_it_is_understood_in_quotes(house: House) -> None:
    house.highlevel.add_opportunity(ROOF, name="Open Table")

    assert "> won Open Table" in (await house.says("“Open Table” won")).text


async def test_if_several_deals_fit_the_caller_chooses_and_the_command_goes_on(any_house: House) -> None:
    _acme(any_house)
    asked = await any_house.says("acme corp lost")
    assert asked.only_to == ANA
    assert "Which deal should be lost? 2 match `acme corp`." in asked.text
    assert "Nothing changed" in asked.text
    assert any_house.highlevel.written == []

    shown = await any_house.answers(asked, "choose", POOL)

    assert shown.only_to is None
    assert "> marked Pool lost" in shown.text
    assert [write.opportunity_id for write in any_house.highlevel.written] == [POOL]
    question, answer = await any_house.rows()
    assert (question["outcome"], answer["outcome"]) == ("ambiguous", "changed")
    assert (answer["continues"], answer["text"]) == (question["key"], "acme corp lost")


async def test_a_question_can_be_answered_only_once(house: House) -> None:
    _acme(house)
    asked = await house.says("acme won")
    await house.answers(asked, "choose", ROOF)

    asking, waiting = (shown for shown in house.slack.replaced if shown.ts == asked.ts)
    assert (asking.text, waiting.text) == (asked.text, "On it…")
    assert not any("accessory" in block for block in waiting.blocks)
    assert asked.ts not in {shown.ts for shown in house.slack.shown}


async def test_a_question_that_is_canceled_goes(house: House) -> None:
    house.highlevel.add_opportunity(OLD, name="Old contract", status="won")
    asked = await house.says(f"{OLD} lost")
    await house.presses(asked, "dismiss")
    await house.slack.wait_until(lambda: house.slack.shown == [])

    assert house.highlevel.written == []


async def test_of_two_answers_at_once_only_one_counts(house: House) -> None:
    _acme(house)
    asked = await house.says("acme won")
    choices = [block["accessory"] for block in asked.blocks if "accessory" in block]
    await asyncio.gather(*(house.slack.press(asked, choice, user=ANA) for choice in choices))
    await house.slack.wait_until(lambda: len(house.slack.shown) == 3)

    assert any("You already answered that." in shown.text for shown in house.slack.shown)
    assert len(house.highlevel.written) == 1


async def test_a_person_who_may_not_change_deals_cannot_answer_either(tmp_path: Path) -> None:
    async with open_house(tmp_path, ALLOWED_USERS=f"{ANA},{KIM}") as house:
        _acme(house)
        asked = await house.says("acme won")
    async with open_house(tmp_path, ALLOWED_USERS=BEN) as stricter:
        stricter.slack.shown.append(asked)
        denied = await stricter.answers(asked, "choose", ROOF)

        assert "You don't have access" in denied.text
        assert stricter.highlevel.written == []


async def test_a_deal_that_is_not_open_is_confirmed_before_it_is_changed_by_name(house: House) -> None:
    house.highlevel.add_opportunity(OLD, name="Old contract", status="lost")
    asked = await house.says("old contract won")
    assert "Old contract is already lost (since" in asked.text
    assert house.highlevel.written == []

    assert "was lost" in (await house.answers(asked, "choose")).text


async def test_a_won_deal_is_lost_by_name_after_one_question(house: House) -> None:
    house.highlevel.add_opportunity(OLD, name="Old contract", status="won")
    told = await house.answers(await house.says("old contract lost"), "choose")

    assert told.only_to is None
    assert [(write.before, write.after) for write in house.highlevel.written] == [("won", "lost")]


async def test_a_deal_that_was_chosen_and_changed_meanwhile_is_left_alone(house: House) -> None:
    house.highlevel.add_opportunity(OLD, name="Old contract", status="won")
    asked = await house.says("old contract lost")
    house.highlevel.opportunities[OLD]["status"] = "abandoned"
    told = await house.answers(asked, "choose")

    assert told.only_to == ANA
    assert house.highlevel.written == []


async def test_a_deal_found_by_name_may_have_the_status_already(house: House) -> None:
    house.highlevel.add_opportunity(OLD, name="Old contract", status="won")

    assert "is already won" in (await house.says("old contract won")).text


async def test_for_a_name_that_fits_no_deal_the_reply_says_what_was_searched(house: House) -> None:
    shown = await house.says("Unknown Ltd won")

    assert shown.only_to == ANA
    assert "No deals match `Unknown Ltd`." in shown.text
    assert "Nothing changed." in shown.text
    assert "paste the deal's link" in shown.text
    assert "New deals can take a few seconds" in shown.text


async def test_of_many_deals_five_are_offered_and_the_form_finds_the_others(house: House) -> None:
    for number in range(12):
        house.highlevel.add_opportunity(f"twinQ7xQ7xQ7xQ7xQ7{number:02}", name=f"Twin {number}")
    asked = await house.says("twin won")

    assert sum("accessory" in block for block in asked.blocks) == 5
    assert "More than 10 match `twin`." in asked.text

    await house.presses(asked, "search_form")
    view = await house.slack.wait_for_modal(ANA)
    offered = await house.slack.type_ahead(view, "deal", "")
    assert [option["text"]["text"].split(" · ")[0] for option in offered] == [f"Twin {number}" for number in range(10)]
    assert await house.slack.submit(view) == {"deal": "Please complete this required field."}  # the status is chosen
    await house.slack.enter(view, "deal", offered[7]["value"])
    await house.slack.submit(view)
    await house.slack.wait_until(lambda: [shown.only_to for shown in house.slack.shown] == [None])
    assert [(write.opportunity_id[-2:], write.after) for write in house.highlevel.written] == [("07", "won")]


async def test_the_deal_itself_is_read_since_the_search_may_lag(house: House) -> None:
    house.highlevel.search_lag = 60.0
    assert "> marked " in (await house.says("new website lost")).text

    again = await house.says("new website lost")  # the search still shows it open

    assert "is already lost" in again.text


async def test_a_search_that_fails_says_so_and_changes_nothing(house: House) -> None:
    house.highlevel.misbehave(Fault(status=500), path="/opportunities/search", times=9)
    shown = await house.says("new website won")

    assert "HighLevel is having problems right now" in shown.text
    assert "Nothing changed." in shown.text


async def test_a_change_costs_three_calls_by_id_and_four_by_name(house: House) -> None:
    house.highlevel.add_opportunity(ROOF, name="Roof", pipelineId="P1", pipelineStageId="S1", assignedTo="user1")
    house.highlevel.pipelines = [{"id": "P1", "name": "New", "stages": [{"id": "S1", "name": "Talks"}]}]
    house.highlevel.users["user1"] = {"id": "user1", "name": "Max"}
    house.highlevel.lost_reasons = [{"id": "r1", "name": "Price"}]
    await house.says(f"{ROOF} lost price")  # what is looked up once is remembered
    counted = []
    for text in (f"{ROOF} open", "roof lost price", f"{ROOF} won"):
        before = len(house.highlevel.received)
        await house.says(text)
        await house.rows()
        assert all("Talks · Owner: Max" in each.text for each in house.slack.shown if each.only_to is None)
        counted.append(len(house.highlevel.received) - before)

    assert counted == [3, 4, 3]


async def test_names_work_in_direct_messages_and_private_channels(house: House) -> None:
    for channel, status in (("D0DIRECT", "lost"), ("G0PRIVATE", "open")):
        shown = await house.says(f"new website {status}", channel=channel)
        assert (shown.channel, shown.only_to) == (channel, None)
        assert house.deal == status
    assert SALES not in {shown.channel for shown in house.slack.shown}

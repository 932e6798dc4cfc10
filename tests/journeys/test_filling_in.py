"""The form: opened by the command or a shortcut, filled in, submitted, and answered in the channel."""

from pathlib import Path
from urllib.parse import quote

import pytest

from bot.simulator.highlevel.server import Fault as HighLevelFault
from bot.simulator.slack.server import Fault
from bot.simulator.slack.views import View
from tests.house import ANA, BEN, DEAL, SALES, House, open_house

ROOF = "roofQ7xQ7xQ7xQ7xQ7xQ"
LINK = f"https://app.gohighlevel.com/v2/location/LOCATIONxxxxxxxxxxxx/opportunities/{DEAL}?tab=Opportunity+Details"


async def _form(house: House, *, channel: str = SALES) -> View:
    await house.slack.command("", user=ANA, channel=channel)
    return await house.slack.wait_for_modal(ANA)


async def _choose(house: House, view: View, deal: str, status: str, *, text: str = "new website") -> None:
    assert deal in [option["value"] for option in await house.slack.type_ahead(view, "deal", text)]
    await house.slack.enter(view, "deal", deal)
    before = view.hash
    await house.slack.enter(view, "status", status)
    await house.slack.wait_until(lambda: view.hash != before)


def _fields(view: View) -> list[str]:
    return [block["block_id"] for block in view.blocks]


async def test_a_form_does_what_typing_does(any_house: House) -> None:
    view = await _form(any_house)
    assert _fields(view) == ["deal", "status", "note", "post"]
    await _choose(any_house, view, DEAL, "won")
    await any_house.slack.enter(view, "note", "Signed <today> & paid")
    assert await any_house.slack.submit(view) == {}
    shown = (await any_house.slack.wait_for(1))[0]

    assert (shown.channel, shown.only_to) == (SALES, None)
    assert "> won New website" in shown.text
    assert "&gt; Signed &lt;today&gt; &amp; paid" in shown.text
    (row,) = await any_house.rows()
    assert (row["text"], row["note"], row["outcome"]) == (f"{DEAL} won", "Signed <today> & paid", "changed")


async def test_the_form_begins_with_the_last_deal_and_is_not_sent_by_accident(house: House) -> None:
    await house.says("new website abandoned")
    before = len(house.highlevel.received)
    view = await _form(house)

    assert view.values["deal"]["deal"]["selected_option"]["value"] == DEAL
    assert len(house.highlevel.received) == before
    assert await house.slack.submit(view) != {}
    assert len(await house.rows()) == 1
    await house.slack.enter(view, "status", "won")
    assert await house.slack.submit(view) == {}
    await house.slack.wait_until(lambda: house.deal == "won")


async def test_own_deals_come_first_in_the_form_and_in_a_question(tmp_path: Path) -> None:
    async with open_house(tmp_path, OWNERS=f"{ANA}=hlAna") as house:
        house.highlevel.users["hlAna"] = {"id": "hlAna", "name": "Ana"}
        house.highlevel.add_opportunity(ROOF, name="New website, part two", assignedTo="hlAna")
        house.highlevel.opportunities[DEAL]["assignedTo"] = "hlMax"
        asked = await house.says("new website won")
        shown = await house.says("new website")
        guessed = await house.says("won new website")
        view = await _form(house)
        suggested = [option["value"] for option in await house.slack.type_ahead(view, "deal", "new website")]

    for message in (asked, shown, guessed):
        assert str(message.blocks).index(ROOF) < str(message.blocks).index(DEAL)
    assert suggested == [ROOF, DEAL]


async def test_the_form_asks_for_a_reason_only_if_the_deal_is_lost(any_house: House) -> None:
    any_house.highlevel.lost_reasons = [{"id": "r1", "name": "Price"}]
    view = await _form(any_house)
    await _choose(any_house, view, DEAL, "lost")
    assert _fields(view) == ["deal", "status", "reason", "note", "post"]
    before = view.hash
    await any_house.slack.enter(view, "status", "won")
    await any_house.slack.wait_until(lambda: view.hash != before)
    assert _fields(view) == ["deal", "status", "note", "post"]
    before = view.hash
    await any_house.slack.enter(view, "status", "lost")
    await any_house.slack.wait_until(lambda: view.hash != before)
    await any_house.slack.enter(view, "reason", "r1")
    assert await any_house.slack.submit(view) == {}

    assert "Price" in (await any_house.slack.wait_for(1))[0].text


async def test_a_reason_that_was_left_out_in_the_form_is_not_asked_for_again(any_house: House) -> None:
    any_house.highlevel.lost_reasons = [{"id": "r1", "name": "Price"}]
    view = await _form(any_house)
    await _choose(any_house, view, DEAL, "lost")
    await any_house.slack.submit(view)
    await any_house.slack.wait_for(1)
    await any_house.says("whoami")
    await any_house.rows()

    assert len(any_house.slack.shown) == 2


async def test_a_change_that_is_not_to_be_posted_is_shown_to_its_author_alone(house: House) -> None:
    view = await _form(house)
    await _choose(house, view, DEAL, "won")
    await house.slack.enter(view, "post", [])
    await house.slack.submit(view)
    shown = (await house.slack.wait_for(1))[0]

    assert shown.only_to == ANA
    assert "> won " in shown.text


async def test_a_missing_reason_is_an_error_at_its_field(tmp_path: Path) -> None:
    async with open_house(tmp_path, LOST_REASON="required") as house:
        house.highlevel.lost_reasons = [{"id": "r1", "name": "Price"}]
        view = await _form(house)
        await _choose(house, view, DEAL, "lost")

        assert list(await house.slack.submit(view)) == ["reason"]
        assert house.deal == "open"


async def test_a_link_finds_its_deal_in_the_form(house: House) -> None:
    view = await _form(house)
    (option,) = await house.slack.type_ahead(view, "deal", LINK)

    assert option["value"] == DEAL
    assert option["text"]["text"].startswith("New website")


async def test_type_ahead_says_when_highlevel_does_not_answer(house: House) -> None:
    view = await _form(house)
    house.highlevel.misbehave(HighLevelFault(status=500), path="search", times=9)
    (option,) = await house.slack.type_ahead(view, "deal", "new website")
    assert "HighLevel isn't responding" in option["text"]["text"]
    await house.slack.enter(view, "deal", option["value"])
    await house.slack.enter(view, "status", "won")

    assert "HighLevel didn't respond" in (await house.slack.submit(view))["deal"]
    assert house.slack.refusals == []


async def test_the_caller_is_told_if_slack_does_not_open_the_form(house: House) -> None:
    house.slack.misbehave(Fault("views.open", status=500))
    shown = await house.says("")

    assert shown.only_to == ANA
    assert "The form didn't open in time" in shown.text


SAFE_LINK = f"https://nam02.safelinks.protection.outlook.com/?url={quote(LINK, safe='')}&amp;data=05&amp;reserved=0"


@pytest.mark.parametrize("link", [LINK, SAFE_LINK], ids=["plain", "wrapped"])
async def test_the_shortcut_fills_in_the_first_deal_that_the_message_links_to(any_house: House, link: str) -> None:
    posted = await any_house.slack.post(f"What about <{link}|this one>?", user=BEN, channel=SALES)
    await any_house.slack.shortcut(posted, "change_status", user=ANA)
    view = await any_house.slack.wait_for_modal(ANA)
    before = view.hash
    await any_house.slack.enter(view, "status", "won")
    await any_house.slack.wait_until(lambda: view.hash != before)
    assert await any_house.slack.submit(view) == {}
    shown = (await any_house.slack.wait_for(2))[1]

    assert "> won New website" in shown.text
    assert shown.channel == SALES


@pytest.mark.parametrize("length", [4_128, 39_000])
async def test_the_shortcut_works_on_the_longest_message_there_is(house: House, length: int) -> None:
    posted = await house.slack.post(f"{'日' * length} <{LINK}|this one>", user=BEN, channel=SALES)
    answer = await house.slack.shortcut(posted, "change_status", user=ANA)
    view = await house.slack.wait_for_modal(ANA)

    assert answer is not None
    assert answer.status_code == 200
    assert view.blocks[0]["element"]["initial_option"]["value"] == DEAL


async def test_the_shortcut_on_a_message_without_a_link_searches_for_its_words(house: House) -> None:
    posted = await house.slack.post("New website!", user=BEN, channel=SALES)
    await house.slack.shortcut(posted, "change_status", user=ANA)
    view = await house.slack.wait_for_modal(ANA)

    assert "initial_option" not in view.blocks[0]["element"]
    assert [option["value"] for option in await house.slack.type_ahead(view, "deal", "")] == [DEAL]


async def test_the_shortcut_on_a_long_message_without_a_link_opens_an_empty_form(house: House) -> None:
    posted = await house.slack.post("Lunch? " * 30, user=BEN, channel=SALES)
    await house.slack.shortcut(posted, "change_status", user=ANA)
    view = await house.slack.wait_for_modal(ANA)

    assert "initial_option" not in view.blocks[0]["element"]
    assert await house.slack.type_ahead(view, "deal", "") == []


async def test_a_person_who_may_not_change_deals_gets_no_form(house: House) -> None:
    posted = await house.slack.post("Lunch?", user=ANA, channel=SALES)
    await house.slack.shortcut(posted, "change_status", user=BEN)
    told = (await house.slack.wait_for(2))[1]
    typed = await house.says("", user=BEN)

    assert told.only_to == typed.only_to == BEN
    assert "You don't have access" in told.text
    assert house.slack.views == []


@pytest.mark.parametrize("channel", ["D0DIRECT", "G0PRIVATE"])
async def test_the_reply_to_a_form_goes_to_the_channel_where_it_was_opened(house: House, channel: str) -> None:
    view = await _form(house, channel=channel)
    await _choose(house, view, DEAL, "lost")
    await house.slack.submit(view)

    assert (await house.slack.wait_for(1))[0].channel == channel


async def test_the_form_asks_for_no_reason_that_the_token_may_not_read(tmp_path: Path) -> None:
    async with open_house(tmp_path, LOST_REASON="required") as house:
        house.highlevel.lost_reasons_forbidden = True
        view = await _form(house)
        await _choose(house, view, DEAL, "lost")
        assert _fields(view) == ["deal", "status", "note", "post"]
        assert await house.slack.submit(view) == {}

        assert "> marked " in (await house.slack.wait_for(1))[0].text

"""One workspace, two sub-accounts: each channel has its own, and a link names the one of its deal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.simulator.slack.workspace import button
from tests.house import ANA, BY_OAUTH, DEAL, KIM, OTHER_CHANNEL, SALES, House, open_house
from tests.visitor import visitor

PARIS = "PARISxxxxxxxxxxxxxxx"
IN_PARIS = "pP3dE5fG7hJ9kL1mN2pQ"


@asynccontextmanager
async def _two_accounts(folder: Path, **settings: str) -> AsyncIterator[House]:
    async with open_house(folder, **BY_OAUTH, **settings) as opened:
        opened.highlevel.locations.add(PARIS)
        opened.highlevel.oauth.locations.add(PARIS)
        opened.highlevel.add_opportunity(IN_PARIS, name="New website", locationId=PARIS)
        async with visitor(opened) as kim:
            for each in ("LOCATIONxxxxxxxxxxxx", PARIS):
                opened.highlevel.oauth.chooses = each
                await kim.connects()
        yield opened


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = {"HIGHLEVEL_LOCATIONS": f"LOCATIONxxxxxxxxxxxx=Berlin,{PARIS}=Paris", "ADMINS": KIM}
    async with _two_accounts(tmp_path, **settings) as opened:
        yield opened


def _link(location_id: str, opportunity_id: str) -> str:
    return f"<https://app.gohighlevel.com/v2/location/{location_id}/opportunities/{opportunity_id}>"


def _in_paris(house: House) -> str:
    return str(house.highlevel.opportunities[IN_PARIS]["status"])


async def test_a_link_picks_its_own_sub_account_and_the_message_names_it(house: House) -> None:
    shown = await house.says(f"{_link(PARIS, IN_PARIS)} won")

    assert "> won " in shown.text
    assert "· Paris" in shown.text or "\nParis" in shown.text
    assert f"/location/{PARIS}/opportunities/{IN_PARIS}" in str(shown.blocks)
    assert (house.deal, _in_paris(house)) == ("open", "won")


async def test_an_id_or_a_name_is_looked_for_in_the_channels_sub_account(house: House) -> None:
    told = await house.says("use paris", user=KIM, channel=OTHER_CHANNEL)
    assert told.only_to is None
    assert f"<@{KIM}> switched this channel to Paris" in told.text

    await house.says("New website won", channel=OTHER_CHANNEL)
    assert (house.deal, _in_paris(house)) == ("open", "won")
    await house.says("New website won", channel=SALES)
    assert (house.deal, _in_paris(house)) == ("won", "won")
    wrong = await house.says(f"{DEAL} lost", channel=OTHER_CHANNEL)
    assert "Nothing changed." in wrong.text
    assert house.deal == "won"


async def test_only_an_admin_sets_a_channels_sub_account_and_anyone_may_ask_for_it(house: House) -> None:
    refused = await house.says("use paris")
    asked = await house.says("use")

    assert "admin" in refused.text
    assert "This channel uses Berlin." in asked.text
    assert "Available: Berlin, Paris." in asked.text


async def test_a_channel_can_be_set_back_to_the_default_sub_account(house: House) -> None:
    await house.says("use Paris", user=KIM)
    await house.says("use Berlin", user=KIM)

    assert "This channel uses Berlin." in (await house.says("use")).text


async def test_an_unknown_sub_account_is_refused_and_the_known_ones_are_named(house: House) -> None:
    told = await house.says("use London", user=KIM)

    assert "`London` doesn't match one of your sub-accounts." in told.text
    assert "Try one of these: Berlin, Paris." in told.text


async def test_a_deal_whose_name_begins_with_use_is_shown_to_anyone(house: House) -> None:
    house.highlevel.add_opportunity("useQ7xQ7xQ7xQ7xQ7xQ7", name="Use case study")
    shown = await house.says("use case study")

    assert shown.text.startswith("Use case study")
    assert house.highlevel.written == []


async def test_one_command_may_change_deals_of_several_sub_accounts(house: House) -> None:
    shown = await house.says(f"{DEAL} {_link(PARIS, IN_PARIS)} abandoned")

    assert "(Berlin)" in shown.text
    assert "(Paris)" in shown.text
    assert (house.deal, _in_paris(house)) == ("abandoned", "abandoned")


async def test_the_home_tab_has_the_deals_of_every_sub_account_and_changes_each_in_its_own(house: House) -> None:
    house.slack.users[ANA]["profile"] = {"email": "ana@acme.example"}
    house.highlevel.users["user1"] = {"id": "user1", "name": "Ana", "email": "ana@acme.example"}
    for each in (DEAL, IN_PARIS):
        house.highlevel.opportunities[each]["assignedTo"] = "user1"

    assert await house.slack.open_home(ANA)
    await house.slack.wait_for_home(ANA, lambda text: "Berlin" in text and "Paris" in text)
    await house.slack.press_at_home(ANA, house.slack.home_button(ANA, "set_won", IN_PARIS))
    await house.slack.wait_for_home(ANA, lambda text: "open → *won*" in text and "1 open deal" in text)
    await house.slack.press_at_home(ANA, house.slack.home_button(ANA, "undo"))
    await house.slack.wait_for_home(ANA, lambda text: "2 open deals" in text)

    assert (house.deal, _in_paris(house)) == ("open", "open")
    assert [written.opportunity_id for written in house.highlevel.written] == [IN_PARIS, IN_PARIS]


async def test_an_undo_goes_to_the_sub_account_of_the_change_not_of_the_channel(house: House) -> None:
    shown = await house.says(f"{_link(PARIS, IN_PARIS)} won")
    await house.presses(shown, "undo")
    await house.slack.wait_for_change(shown.ts)

    assert _in_paris(house) == "open"
    assert [row["location_id"] for row in await house.rows()] == [PARIS, PARIS]


async def test_a_card_and_its_buttons_stay_in_the_deals_sub_account(house: House) -> None:
    card = await house.says(_link(PARIS, IN_PARIS))
    assert "Paris" in card.text
    shared = await house.answers(card, "more", f"share {IN_PARIS} {PARIS}")
    assert "Paris" in shared.text
    changed = await house.answers(card, "set_lost")

    assert "> marked " in changed.text
    assert _in_paris(house) == "lost"


async def test_the_form_offers_the_channels_deals_and_takes_a_link_to_another_sub_account(house: House) -> None:
    await house.says("use paris", user=KIM)
    await house.slack.command("", user=ANA, channel=SALES)
    view = await house.slack.wait_for_modal(ANA)
    (in_paris,) = await house.slack.type_ahead(view, "deal", "new website")
    (linked,) = await house.slack.type_ahead(view, "deal", _link("LOCATIONxxxxxxxxxxxx", DEAL))
    await house.slack.enter(view, "deal", linked["value"])
    await house.slack.enter(view, "status", "won")
    await house.slack.submit(view)
    await house.slack.wait_for(2)

    assert in_paris["value"] == IN_PARIS
    assert (house.deal, _in_paris(house)) == ("won", "open")


async def test_a_shortcut_opens_the_form_for_the_sub_account_of_the_link(house: House) -> None:
    message = await house.slack.post(f"What about {_link(PARIS, IN_PARIS)}?", user=ANA, channel=SALES)
    await house.slack.shortcut(message, "change_status", user=ANA)
    view = await house.slack.wait_for_modal(ANA)
    await house.slack.enter(view, "status", "won")
    await house.slack.submit(view)
    await house.slack.wait_for(2)

    assert _in_paris(house) == "won"


async def test_a_shortcut_on_a_message_without_a_link_opens_the_form_for_the_channels_sub_account(house: House) -> None:
    await house.says("use paris", user=KIM)
    message = await house.slack.post("What about it?", user=ANA, channel=SALES)
    await house.slack.shortcut(message, "change_status", user=ANA)
    view = await house.slack.wait_for_modal(ANA)

    (found,) = await house.slack.type_ahead(view, "deal", "new website")
    assert found["value"] == IN_PARIS


async def test_a_reason_chosen_afterwards_goes_to_the_deals_sub_account(house: House) -> None:
    house.highlevel.lost_reasons = [{"id": "price", "name": "Too expensive"}]
    await house.says(f"{_link(PARIS, IN_PARIS)} lost")
    asked = (await house.slack.wait_for(2))[1]
    await house.answers(asked, "reason", "price")

    assert house.highlevel.opportunities[IN_PARIS]["lostReasonId"] == "price"


async def test_a_link_to_an_unknown_sub_account_is_refused_without_a_call(house: House) -> None:
    asked = len(house.highlevel.received)
    shown = await house.says(f"{_link('LONDONxxxxxxxxxxxxxx', IN_PARIS)} won")

    assert "LONDONxxxxxxxxxxxxxx" in shown.text
    assert len(house.highlevel.received) == asked


async def test_a_sub_account_that_is_not_connected_does_not_stop_the_others(tmp_path: Path) -> None:
    settings = {"HIGHLEVEL_LOCATIONS": f"{PARIS}=Paris"}
    async with open_house(tmp_path, **BY_OAUTH, **settings) as house:
        house.highlevel.locations.add(PARIS)
        async with visitor(house) as kim:
            await kim.connects()
        shown = await house.says(f"{_link(PARIS, IN_PARIS)} won")
        assert "isn't connected to HighLevel" in shown.text
        assert button(await house.says(f"{DEAL} won"), "undo")


async def test_who_may_in_one_sub_account_is_refused_in_another(tmp_path: Path) -> None:
    settings = {"HIGHLEVEL_LOCATIONS": f"LOCATIONxxxxxxxxxxxx=Berlin,{PARIS}=Paris", "ADMINS": KIM}
    async with _two_accounts(tmp_path, ALLOWED_USERS=f"Berlin:{ANA}", **settings) as house:
        told = await house.says(f"{_link(PARIS, IN_PARIS)} won")
        assert "You don't have access to deals in Paris." in told.text
        assert f"Nothing changed. If you should be able to, ask <@{KIM}>." in told.text
        await house.says("use paris", user=KIM)
        assert "You don't have access to deals in Paris." in (await house.says("new website won")).text
        assert "You can change deals in Berlin." in (await house.says("whoami")).text
        assert (await house.says(f"{_link('LOCATIONxxxxxxxxxxxx', DEAL)} won")).only_to is None
        assert (await house.says(f"{_link(PARIS, IN_PARIS)} won", user=KIM)).only_to is None
        assert (house.deal, _in_paris(house)) == ("won", "won")

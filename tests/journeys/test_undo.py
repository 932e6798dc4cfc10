"""Undo, by the button under a change or by a command: once, and only if the deal was not changed again."""

import asyncio
import json
from pathlib import Path
from urllib.parse import urlencode

import httpx

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.server import Fault as SlackFault
from bot.simulator.slack.workspace import button
from tests.house import ANA, BEN, DEAL, KIM, SALES, House, open_house

CONFIRMED = "HighLevel automations may run again"


async def test_the_button_undoes_a_change_and_its_message_says_so(any_house: House) -> None:
    shown = await any_house.says(f"{DEAL} won")
    assert CONFIRMED in button(shown, "undo")["confirm"]["text"]["text"]
    await any_house.presses(shown, "undo", user=KIM)
    after = await any_house.slack.wait_for_change(shown.ts)
    change, undo = sorted(await any_house.rows(), key=lambda row: str(row["accepted_at"]))

    assert any_house.deal == "open"
    assert after.only_to is None
    assert f"<@{ANA}> had marked it won" in after.text
    assert f"<@{KIM}> undid this. New website is open again." in after.text
    assert len(any_house.slack.shown) == 1
    assert not any(block["type"] == "actions" for block in after.blocks)
    assert undo["undoes"] == change["key"]
    assert (undo["user_id"], undo["before"], undo["after"], undo["outcome"]) == (KIM, "won", "open", "changed")


async def test_a_typed_undo_undoes_the_callers_last_change_publicly(any_house: House) -> None:
    await any_house.says(f"{DEAL} won")
    shown = await any_house.says("undo")

    assert shown.only_to is None
    assert f"<@{ANA}> undid this. New website is open again." in shown.text
    assert any_house.deal == "open"


async def test_a_typed_undo_updates_the_message_of_the_change_if_the_bot_knows_its_id(house: House) -> None:
    house.slack.misbehave(SlackFault("response_url", status=404))
    shown = await house.says(f"{DEAL} won")
    assert shown.via == "chat.postMessage"
    await house.says("undo")
    updated = await house.slack.wait_for_change(shown.ts)

    assert f"<@{ANA}> undid this. New website is open again." in updated.text
    assert not any(block["type"] == "actions" for block in updated.blocks)


async def test_a_second_press_of_undo_does_nothing_and_says_so(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    house.highlevel.misbehave(Fault(wait=0.3), method="GET")
    await asyncio.gather(house.presses(shown, "undo"), house.presses(shown, "undo"))
    await house.slack.wait_for_change(shown.ts)
    told = (await house.slack.wait_for(2))[1]
    assert told.only_to == ANA
    assert "You're already undoing that." in told.text

    again = await house.says("undo")
    assert "already undid that" in again.text
    assert len(house.highlevel.writes()) == 2


async def test_undo_leaves_a_deal_alone_that_was_changed_again(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    house.highlevel.opportunities[DEAL]["status"] = "lost"
    await house.presses(shown, "undo")
    told = (await house.slack.wait_for(2))[1]

    assert told.only_to == ANA
    assert "changed again since then. It's lost now." in told.text
    assert "Nothing changed." in told.text
    assert (house.deal, len(house.highlevel.writes())) == ("lost", 1)
    assert button(shown, "undo")["value"]  # the message stays as it is


async def test_undo_is_refused_to_a_person_who_may_not_change_deals(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    await house.presses(shown, "undo", user=BEN)
    told = (await house.slack.wait_for(2))[1]

    assert told.only_to == BEN
    assert "You don't have access" in told.text
    assert (house.deal, len(await house.rows())) == ("won", 1)


async def test_undo_can_be_switched_off(tmp_path: Path) -> None:
    async with open_house(tmp_path, UNDO_WINDOW="0") as house:
        assert not any(block["type"] == "actions" for block in (await house.says(f"{DEAL} won")).blocks)
        refused = await house.says("undo")

    assert "turned off" in refused.text
    assert house.deal == "won"


async def test_undo_restores_the_lost_reason(house: House) -> None:
    house.highlevel.lost_reasons = [{"id": "reason", "name": "Too dear"}]
    house.highlevel.opportunities[DEAL] |= {"status": "lost", "lostReasonId": "reason"}
    shown = await house.says(f"{DEAL} won")
    assert house.highlevel.opportunities[DEAL]["lostReasonId"] is None
    await house.presses(shown, "undo")
    await house.slack.wait_for_change(shown.ts)

    assert (house.deal, house.highlevel.opportunities[DEAL]["lostReasonId"]) == ("lost", "reason")


async def test_an_undo_that_fails_changes_nothing_and_can_be_tried_again(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    house.highlevel.misbehave(Fault(status=422, body={"message": ["no"]}), method="PUT")
    await house.presses(shown, "undo")
    told = (await house.slack.wait_for(2))[1]
    assert "Nothing changed." in told.text
    await house.presses(shown, "undo")
    await house.slack.wait_for_change(shown.ts)

    assert house.deal == "open"


async def test_a_press_that_slack_delivers_twice_counts_once(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    contents = {
        "type": "block_actions",
        "user": {"id": ANA, "team_id": house.slack.team_id},
        "team": {"id": house.slack.team_id},
        "channel": {"id": SALES},
        "container": {"type": "message", "message_ts": shown.ts, "channel_id": SALES},
        "trigger_id": "the.same",
        "response_url": house.slack.new_address("actions", SALES, ANA, shown.ts),
        "actions": [{**button(shown, "undo"), "block_id": "b"}],
    }
    body = urlencode({"payload": json.dumps(contents)})
    async with httpx.AsyncClient() as http:
        for _ in range(2):
            answer = await http.post(
                f"{house.slack.bot_url}/slack/events", content=body, headers=house.slack.sign(body)
            )
            assert answer.status_code == 200
    await house.slack.wait_for_change(shown.ts)
    rows = await house.rows()

    assert len(rows) == 2
    assert len(house.highlevel.writes()) == 2

"""Undo, by the button under a change or by a command: once, and only if the deal was not changed again."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.server import Fault as SlackFault
from bot.simulator.slack.workspace import button
from tests.house import ANA, BEN, DEAL, KIM, OTHER_CHANNEL, PATIENT, SALES, House, open_house

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


@pytest.mark.parametrize("where", [SALES, OTHER_CHANNEL, ANA], ids=["in its channel", "elsewhere", "directly"])
async def test_a_typed_undo_edits_the_message_of_the_change_and_only_the_caller_reads_more(
    any_house: House, where: str
) -> None:
    shown = await any_house.says(f"{DEAL} won")
    told = await any_house.says("undo", channel=where)
    updated = await any_house.slack.wait_for_change(shown.ts)
    await any_house.rows()

    assert (told.channel, told.only_to) == (where, ANA)
    assert "You undid that." in told.text
    assert "New website is open again." in told.text
    assert (updated.channel, updated.only_to) == (SALES, None)
    assert f"<@{ANA}> undid this. New website is open again." in updated.text
    assert not any(block["type"] == "actions" for block in updated.blocks)
    assert any_house.deal == "open"
    assert len(any_house.slack.shown) == 2


async def test_where_the_bot_may_not_post_a_typed_undo_is_told_as_a_message_of_its_own(house: House) -> None:
    house.keep_out()
    shown = await house.says(f"{DEAL} won")
    told = await house.says("undo")
    await house.rows()

    assert (told.channel, told.only_to, told.via) == (SALES, None, "response_url")
    assert f"<@{ANA}> undid this. New website is open again." in told.text
    assert house.slack.shown == [shown, told]


async def test_an_undo_from_elsewhere_is_told_where_the_change_was_told_as_soon_as_the_bot_may_post_there(
    house: House,
) -> None:
    house.keep_out()
    await house.says(f"{DEAL} won")
    house.slack.joined = {SALES}
    await house.slack.command("undo", user=ANA, channel=OTHER_CHANNEL)
    _, told, aside = await house.slack.wait_for(3)
    await house.rows()

    assert (told.channel, told.only_to) == (SALES, None)
    assert f"<@{ANA}> undid this. New website is open again." in told.text
    assert (aside.channel, aside.only_to) == (OTHER_CHANNEL, ANA)
    assert "You undid that." in aside.text


async def test_an_undo_from_elsewhere_says_nothing_of_the_deal_in_the_other_channel(house: House) -> None:
    house.keep_out()
    await house.says(f"{DEAL} won")
    told = await house.says("undo", channel=OTHER_CHANNEL)
    await house.rows()

    assert (told.channel, told.only_to) == (OTHER_CHANNEL, ANA)
    assert "You undid that." in told.text
    assert len(house.slack.shown) == 2


async def test_a_message_that_was_deleted_is_not_missed_for_long(house: House) -> None:
    """An admin of Slack's deletes the message; the undo is told anew."""
    shown = await house.says(f"{DEAL} won")
    house.slack.shown.clear()
    told = await house.says("undo")

    assert (told.channel, told.only_to, told.via) == (SALES, None, "chat.postMessage")
    assert told.ts != shown.ts


async def test_an_undo_waits_until_what_it_undoes_is_told(house: House) -> None:
    house.slack.misbehave(SlackFault("chat.postMessage", wait=1.0))
    await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
    await house.slack.wait_for_call("chat.postMessage")
    await house.slack.command("undo", user=ANA, channel=SALES)
    await house.rows()

    shown, aside = house.slack.shown
    assert f"<@{ANA}> undid this. New website is open again." in shown.text
    assert aside.only_to == ANA


# --- a further change by the same person -----------------------------------------------------------------------------


async def test_a_correction_edits_the_message_of_the_change_and_tells_the_caller_privately(any_house: House) -> None:
    shown = await any_house.says(f"{DEAL} abandoned")
    told = await any_house.says(f"{DEAL} won")
    updated = await any_house.slack.wait_for_change(shown.ts)
    await any_house.rows()

    assert "won New website" in updated.text
    assert (told.only_to, "Your last message now says" in told.text) == (ANA, True)
    assert [each.ts for each in any_house.slack.shown] == [shown.ts, told.ts]
    _, correction = sorted(await any_house.rows(), key=lambda row: int(row["number"]))
    assert (correction["delivered"], correction["message_ts"]) == ("in_place", shown.ts)

    await any_house.presses(updated, "undo", user=KIM)
    undone = await any_house.slack.wait_for_change(shown.ts, times=2)
    assert f"<@{KIM}> undid this. New website is abandoned again." in undone.text
    assert any_house.deal == "abandoned"


async def test_a_correction_by_an_answer_leaves_one_message(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    asked = await house.says(f"{DEAL} abandoned")
    updated = await house.answers(asked, "confirm")
    await house.rows()

    assert (updated.ts, "marked New website abandoned" in updated.text) == (shown.ts, True)
    assert house.slack.shown == [updated]


@pytest.mark.parametrize(
    "again",
    [
        {"user": KIM},
        {"channel": OTHER_CHANNEL},
    ],
    ids=["by another person", "in another channel"],
)
async def test_a_change_by_another_person_or_elsewhere_is_a_message_of_its_own(
    tmp_path: Path, again: dict[str, str]
) -> None:
    async with open_house(tmp_path, ALLOWED_USERS=f"{ANA},{KIM}") as house:
        shown = await house.says(f"{DEAL} abandoned")
        more = await house.says(f"{DEAL} won", **again)

        assert (more.only_to, "won New website" in more.text) == (None, True)
        assert house.slack.shown == [shown, more]


async def test_a_change_long_after_the_last_one_is_news(tmp_path: Path) -> None:
    tempo = replace(PATIENT, worker=replace(PATIENT.worker, correct=0.0))
    async with open_house(tmp_path, tempo) as house:
        shown = await house.says(f"{DEAL} abandoned")
        more = await house.says(f"{DEAL} won")

        assert (more.only_to, house.slack.shown) == (None, [shown, more])


async def test_a_change_after_an_undo_is_a_message_of_its_own(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    await house.presses(shown, "undo")
    undone = await house.slack.wait_for_change(shown.ts)
    more = await house.says(f"{DEAL} abandoned")

    assert (more.only_to, house.slack.shown) == (None, [undone, more])


async def test_a_correction_is_announced_where_it_belongs_and_an_undo_finds_all_messages(tmp_path: Path) -> None:
    channels = f"won={OTHER_CHANNEL},abandoned=C0GONE"
    async with open_house(tmp_path, ANNOUNCE_CHANNELS=channels) as house:
        await house.says(f"{DEAL} abandoned")
        await house.says(f"{DEAL} won")
        await house.rows()
        public = [each for each in house.slack.shown if each.only_to is None]
        assert [each.channel for each in public] == [SALES, "C0GONE", OTHER_CHANNEL]
        assert all("won New website" in each.text for each in public)

        await house.slack.command("undo", user=ANA, channel=SALES)
        await house.rows()
        public = [each for each in house.slack.shown if each.only_to is None]
        assert [each.channel for each in public] == [SALES, "C0GONE", OTHER_CHANNEL]
        assert all("New website is abandoned again." in each.text for each in public)


# --- what undo refuses ----------------------------------------------------------------------------------------------


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


async def test_an_undo_that_stopped_is_carried_out_by_a_press_and_the_message_says_so(any_house: House) -> None:
    any_house.highlevel.lost_reasons = [{"id": "reason", "name": "Too dear"}]
    any_house.highlevel.opportunities[DEAL] |= {"status": "lost", "lostReasonId": "reason"}
    shown = await any_house.says(f"{DEAL} won")
    any_house.highlevel.opportunities[DEAL] |= {"status": "abandoned", "lostReasonId": None}
    await any_house.presses(shown, "undo")
    asked = (await any_house.slack.wait_for(2))[1]
    updated = await any_house.answers(asked, "anyway")
    await any_house.rows()

    assert (updated.ts, f"<@{ANA}> marked New website lost" in updated.text) == (shown.ts, True)
    assert any_house.slack.shown == [updated]
    assert any_house.highlevel.opportunities[DEAL]["lostReasonId"] == "reason"


async def test_an_undo_that_stopped_is_carried_out_once_however_often_the_button_is_pressed(house: House) -> None:
    await house.says(f"{DEAL} won")
    house.highlevel.opportunities[DEAL]["status"] = "lost"
    asked = await house.says("undo")
    house.highlevel.opportunities[DEAL]["status"] = "abandoned"
    first, again = await asyncio.gather(
        *(house.slack.press(asked, button(asked, "anyway"), user=ANA) for _ in range(2))
    )
    await house.rows()

    assert (first is not None, again is not None) == (True, True)
    assert (house.deal, len(house.highlevel.writes())) == ("open", 2)


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

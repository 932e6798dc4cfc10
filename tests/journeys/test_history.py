"""The history of commands, shown in Slack."""

from bot.simulator.slack.server import Fault
from tests.house import ANA, BEN, DEAL, KIM, UNKNOWN_ID, House


async def test_history_shows_the_callers_last_commands_to_them_alone(any_house: House) -> None:
    await any_house.says(f"{DEAL} won")
    await any_house.says(f"{DEAL} won")
    await any_house.says(f"{UNKNOWN_ID} lost")
    await any_house.says("undo")
    await any_house.rows()
    shown = await any_house.says("history")
    lines = shown.text.splitlines()

    assert shown.only_to == ANA
    assert lines[0] == "Last 4 changes by you"
    assert "undone: won → open" in lines[1]
    assert "→ lost · failed: not found" in lines[2]
    assert "already won" in lines[3]
    assert "open → won" in lines[4]
    assert (await any_house.says("history", user=KIM)).text == "No changes by you yet."


async def test_history_of_a_deal_shows_what_all_people_did_with_it(any_house: House) -> None:
    await any_house.says(f"{DEAL} won", user=KIM)
    await any_house.rows()
    shown = await any_house.says(f"history {DEAL}")

    assert shown.only_to == ANA
    assert f"<@{KIM}>" in shown.text
    assert "open → won" in shown.text


async def test_history_is_refused_to_a_person_who_may_not_change_deals(house: House) -> None:
    shown = await house.says(f"history {DEAL}", user=BEN)

    assert "You don't have access" in shown.text


async def test_history_shows_that_a_reply_could_not_be_delivered(house: House) -> None:
    for where in ("response_url", "chat.postMessage", "chat.postMessage"):
        house.slack.misbehave(Fault(where, status=403, body={"ok": False, "error": "restricted_action"}))
    await house.slack.command(f"{DEAL} won", user=ANA)
    await house.rows()

    assert "reply not delivered" in (await house.says("history")).text

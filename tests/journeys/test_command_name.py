"""A second installation in one workspace: its command has another name, and every message says that name."""

import io
import json
from pathlib import Path

import httpx
import pytest

from bot.operations import logs
from tests.house import ANA, BEN, DEAL, KIM, SALES, House, open_house

NAME = "/opp-staging"


async def _types(house: House, text: str, user: str = ANA) -> None:
    answer = await house.slack.command(text, user=user, channel=SALES, command=NAME)
    assert answer is not None
    assert answer.status_code == 200


async def test_every_message_says_the_name_that_the_operator_gave(tmp_path: Path) -> None:
    typed = ["help", "whoami", "history", "x", "all won", "history of everything", "undo", DEAL, f"{DEAL} won", "undo"]
    async with open_house(tmp_path, COMMAND=NAME, ADMINS=KIM) as house:
        for text in typed:
            await _types(house, text)
        await _types(house, f"{DEAL} won", user=BEN)
        await _types(house, "access", user=KIM)
        await house.rows()
        shown = json.dumps([f"{each.text} {each.blocks}" for each in house.slack.shown])
        async with httpx.AsyncClient() as http:
            front_page = (await http.get(f"{house.slack.bot_url}/")).text
            ready = (await http.get(f"{house.slack.bot_url}/readyz")).text

    assert len(house.slack.shown) >= len(typed)
    assert NAME in shown
    assert f"{NAME} help" in front_page
    assert "/opp-status" not in shown + front_page + ready


@pytest.mark.parametrize(("ours", "typed"), [(NAME, "/opp-status"), ("/opp-status", "/opp")])
async def test_a_command_of_another_name_is_answered_with_what_to_set_and_logged(
    tmp_path: Path, ours: str, typed: str
) -> None:
    async with open_house(tmp_path, COMMAND=ours) as house:
        stream = io.StringIO()
        logs.set_up("INFO", "json", stream)
        answer = await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES, command=typed)

    assert answer is not None
    told = answer.json()
    assert told["response_type"] == "ephemeral"
    assert f"Opp Status answers to `{ours}` here, not to `{typed}`." in json.dumps(told)
    assert "For admins: set `COMMAND` to" in json.dumps(told)
    assert house.deal == "open"
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines() if "command.misnamed" in line]
    assert (line["level"], line["typed"]) == ("warning", typed)

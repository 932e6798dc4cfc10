"""The one line of the log that has all about a command, in the words of the history and the metrics."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from bot.operations import logs
from bot.simulator.highlevel.server import Fault
from tests.house import ANA, BEN, DEAL, SALES, House, open_house


async def _lines(house: House, *texts: str, user: str = ANA, rows: int = 1) -> list[dict[str, Any]]:
    """The lines `command.done`, once so many commands are finished."""
    stream = io.StringIO()
    logs.set_up("INFO", "json", stream)
    for text in texts:
        await house.slack.command(text, user=user, channel=SALES)
    if rows:
        await house.slack.wait_for(rows)
        await house.rows()
    return [line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == "command.done"]


async def test_a_change_is_one_line_with_everything_that_an_incident_needs(house: House) -> None:
    (line,) = await _lines(house, f"{DEAL} won")
    (row,) = await house.rows()

    assert (line["reference"], line["user"], line["channel"], line["opportunity"]) == (
        row["reference"],
        ANA,
        SALES,
        DEAL,
    )
    assert (line["before"], line["after"], line["outcome"]) == ("open", "won", row["outcome"])
    kinds = [call.rsplit(" ", 1)[0] for call in line["calls"]]
    assert kinds.count("PUT 200") == 1
    assert (kinds[0], {*kinds}) == ("GET 200", {"GET 200", "PUT 200"})
    assert all(float(call.rsplit(" ", 1)[1].rstrip("s")) < 60 for call in line["calls"])
    assert line["attempts"] == 1
    assert line["seconds"] >= 0


async def test_a_refusal_is_one_line_with_highlevels_own_words(house: House) -> None:
    house.highlevel.misbehave(Fault(status=422, body={"message": "status must be one of these"}), method="PUT")
    (line,) = await _lines(house, f"{DEAL} won")
    (row,) = await house.rows()

    assert (line["outcome"], line["effect"]) == (row["outcome"], "nothing")
    assert "status must be one of these" in str(line["said"])
    assert "PUT 422" in str(line["calls"])


@pytest.mark.parametrize(
    ("text", "user", "outcome", "more"),
    [
        (f"{DEAL} won", BEN, "denied", {"reason": "not_allowed"}),
        ("x", ANA, "misunderstood", {"problem": "name_too_short"}),
        ("help", BEN, "looked", {"kind": "help"}),
        ("whoami", BEN, "looked", {"kind": "whoami"}),
        ("access", ANA, "looked", {"kind": "access"}),
        ("history", ANA, "looked", {"kind": "history"}),
        (f"history {DEAL}", ANA, "looked", {"kind": "history"}),
        ("history New website", ANA, "looked", {"kind": "history"}),
        (DEAL, ANA, "looked", {"kind": "deal"}),
        ("", ANA, "looked", {"kind": "form"}),
    ],
)
async def test_what_changes_nothing_is_one_line_too(
    tmp_path: Path, text: str, user: str, outcome: str, more: dict[str, str]
) -> None:
    async with open_house(tmp_path) as house:
        (line,) = await _lines(house, text, user=user, rows=0)

    assert (line["outcome"], line["user"], line["channel"]) == (outcome, user, SALES)
    assert line["reference"]
    assert {name: line[name] for name in more} == more

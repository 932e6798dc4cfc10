"""Commands that change nothing are kept beside the others, for a while, and for an auditor alone."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from bot.operations.audit import Format
from bot.operations.listing import list_history
from bot.simulator.highlevel.server import Fault
from bot.storage.history import Filter
from tests.house import ANA, BEN, DEAL, SALES, House, open_house
from tests.rows import execute


def _listed(url: str, *, everything: bool = True) -> list[dict[str, Any]]:
    out = io.StringIO()
    assert list_history(url, Filter(), Format.JSON, out, everything=everything) is None
    rows: list[dict[str, Any]] = json.loads(out.getvalue())
    return rows


async def _listed_once_there(url: str, many: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        while len(rows := _listed(url)) < many:
            await asyncio.sleep(0.01)
    return rows


async def test_what_was_refused_misunderstood_or_only_looked_is_listed_with_the_changes(any_house: House) -> None:
    url = any_house.settings.database_url
    for many, (text, user) in enumerate(
        [(f"{DEAL} won", ANA), (f"{DEAL} lost secretly", BEN), ("x", ANA), ("history", ANA)], start=1
    ):
        await any_house.says(text, user=user)
        await any_house.rows()
        await _listed_once_there(url, many)
    rows = _listed(url)

    assert [(row["user_id"], row["outcome"], row["detail"]) for row in rows] == [
        (ANA, "changed", None),
        (BEN, "denied", "not_allowed"),
        (ANA, "misunderstood", "name_too_short"),
        (ANA, "looked", "history"),
    ]
    assert all(row["at"] and row["channel_id"] == SALES and len(row["reference"]) == 8 for row in rows)
    assert "secretly" not in json.dumps(rows)
    assert [DEAL in json.dumps(row) for row in rows] == [True, False, False, False]
    assert [row["outcome"] for row in _listed(url, everything=False)] == ["changed"]


async def test_what_waits_when_the_bot_stops_is_written_down(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        for _ in range(5):
            await house.says("help", user=BEN)

    assert [row["detail"] for row in _listed(house.settings.database_url)] == ["help"] * 5


async def test_without_days_for_them_none_is_kept_and_the_old_ones_go(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.says("help", user=BEN)
    async with open_house(tmp_path, TRAIL_DAYS="0") as house, asyncio.timeout(60):
        await house.says("help", user=BEN)
        while _listed(house.settings.database_url):
            await asyncio.sleep(0.01)


async def test_they_are_deleted_after_their_days(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.says("help", user=BEN)
        await house.says("whoami", user=BEN)
    url = house.settings.database_url
    execute(url, "UPDATE trail SET noted_at = '2020-01-01T00:00:00.000+00:00' WHERE detail = 'help'")
    async with open_house(tmp_path), asyncio.timeout(60):
        while len(_listed(url)) > 1:
            await asyncio.sleep(0.01)

    assert [row["detail"] for row in _listed(url)] == ["whoami"]


async def test_help_is_answered_while_the_database_is_away(tmp_path: Path) -> None:
    async with open_house(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/missing/ledger.db") as house:
        shown = await house.says("help")

    assert "/opp-status" in shown.text


@pytest.mark.parametrize("form", list(Format))
async def test_highlevels_own_words_of_a_refusal_are_in_the_history(house: House, form: Format) -> None:
    words = "status must be one of these"
    house.highlevel.misbehave(Fault(status=422, body={"message": words}), method="PUT")
    await house.says(f"{DEAL} won")
    await house.rows()
    out = io.StringIO()

    assert list_history(house.settings.database_url, Filter(), form, out) is None
    assert words in out.getvalue()

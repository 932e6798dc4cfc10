"""A backup that is taken while people type, and a restore from it."""

import asyncio
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.house import ANA, SALES, House, open_house

A_MINUTE = 200
"""Commands."""
DEALS = [f"aB3dE5fG7hJ9kL1mN{number:02}q" for number in range(24)]


async def _type(house: House, deal: str, acknowledged: list[str]) -> None:
    answer = await house.slack.command(f"{deal} won", user=ANA, channel=SALES)
    assert answer is not None
    assert answer.status_code == 200
    acknowledged.append(deal)


async def test_a_restore_from_a_backup_taken_during_200_commands_a_minute_has_every_acknowledged_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup, acknowledged, before = tmp_path / "backup.db", list[str](), set[str]()
    async with open_house(tmp_path) as house:
        for deal in DEALS:
            house.highlevel.add_opportunity(deal)
        typing = []
        for number, deal in enumerate(DEALS):
            typing.append(asyncio.create_task(_type(house, deal, acknowledged)))
            await asyncio.sleep(60 / A_MINUTE)
            if number == len(DEALS) // 2:
                before = set(acknowledged)
                environ = {"DATABASE_URL": house.settings.database_url}
                assert await asyncio.to_thread(main, ["backup", str(backup)], environ) == 0
        await asyncio.gather(*typing)
        await house.slack.wait_for(len(DEALS))
    assert f"Saved to {backup}." in capsys.readouterr().out
    assert len(before) > 8

    async with open_house(tmp_path / "elsewhere", DATABASE_URL=f"sqlite:///{backup}") as restored:
        rows = {row["opportunity_id"]: row for row in await restored.rows()}
        assert before <= rows.keys()
        assert len(await restored.rows()) == len(rows)
        for deal in DEALS:
            restored.highlevel.add_opportunity(deal, status="won")
        latest = max(rows.values(), key=lambda row: row["number"])["opportunity_id"]
        await restored.says("undo")

        statuses = {deal: restored.highlevel.opportunities[deal]["status"] for deal in DEALS}
    assert statuses == dict.fromkeys(DEALS, "won") | {latest: "open"}

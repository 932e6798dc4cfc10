"""The database's file, deleted, replaced or damaged under a running bot."""

import os
import shutil
from pathlib import Path

import httpx
import pytest

from tests.house import DEAL, UNKNOWN_ID, House, open_house
from tests.rows import fill


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def _store(house: House) -> str:
    """What `/readyz` says of the database; empty if it is well."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{house.slack.bot_url}/readyz")
    failing = answer.json()["failing"]
    assert (answer.status_code == httpx.codes.OK) == (not failing)
    return str(failing.get("store.writable", ""))


def _delete(file: Path) -> None:
    file.unlink()


def _delete_all(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()


def _replace(file: Path) -> None:
    shutil.copy(file, f"{file}.copy")
    os.replace(f"{file}.copy", file)  # noqa: PTH105 - what an operator does with mv


@pytest.mark.parametrize("happens", [_delete, _delete_all, _replace])
async def test_a_command_after_the_file_was_deleted_or_replaced_is_refused_and_not_lost(
    house: House, file: Path, happens: object
) -> None:
    assert "> won " in (await house.says(f"{DEAL} won")).text
    assert callable(happens)
    happens(file)
    for status in ("lost", "abandoned"):
        told = await house.says(f"{DEAL} {status}")
        assert "can't save its records" in told.text
        assert "Nothing changed." in told.text

    assert house.deal == "won"
    assert "deleted, moved, or replaced" in await _store(house)


async def test_a_file_that_is_back_in_its_place_is_used_again(house: House, file: Path) -> None:
    await house.says(f"{UNKNOWN_ID} won")
    file.rename(f"{file}.away")
    assert "can't save its records" in (await house.says(f"{DEAL} won")).text
    Path(f"{file}.away").rename(file)

    assert "> won " in (await house.says(f"{DEAL} won")).text
    assert [row["outcome"] for row in await house.rows()] == ["not_found", "changed"]


async def test_a_damaged_page_makes_the_bot_unready_and_accept_nothing(tmp_path: Path, file: Path) -> None:
    fill(f"sqlite:///{file}", 2000)
    async with open_house(tmp_path) as house:
        with file.open("r+b") as opened:
            opened.seek(file.stat().st_size // 2)
            opened.write(b"\xa5" * (file.stat().st_size // 4))

        assert "damaged" in await _store(house)
        assert "can't save its records" in (await house.says(f"{DEAL} won")).text
        assert house.deal == "open"

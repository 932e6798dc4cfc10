from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.deals.locations import Bindings
from bot.deals.ports import StoreDown
from bot.storage.channels import SqlBindings
from bot.storage.database import Database
from tests.house import PATIENT
from tests.memory import MemoryBindings
from tests.postgresql import Cluster


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def bindings(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bindings]:
    if request.param == "memory":
        yield MemoryBindings()
        return
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.new_database()
    database = Database(url, PATIENT.database)
    yield SqlBindings(database)
    await database.close()


async def test_a_channel_that_no_admin_bound_has_no_binding(bindings: Bindings) -> None:
    assert await bindings.of("C1") is None


async def test_the_last_binding_of_each_channel_counts(bindings: Bindings) -> None:
    await bindings.bind("C1", "PARIS", "U1")
    await bindings.bind("C2", "ROME", "U1")
    await bindings.bind("C1", "BERLIN", "U2")

    assert [await bindings.of(each) for each in ("C1", "C2")] == ["BERLIN", "ROME"]


async def test_a_binding_can_be_removed_also_twice(bindings: Bindings) -> None:
    await bindings.bind("C1", "PARIS", "U1")
    await bindings.unbind("C1")
    await bindings.unbind("C1")

    assert await bindings.of("C1") is None


async def test_a_binding_counts_on_every_replica(database_url: str) -> None:
    one, other = Database(database_url, PATIENT.database), Database(database_url, PATIENT.database)
    await SqlBindings(one).bind("C1", "PARIS", "U1")

    assert await SqlBindings(other).of("C1") == "PARIS"
    await one.close()
    await other.close()


async def test_bindings_in_a_store_that_is_down_raise_store_down() -> None:
    with pytest.raises(StoreDown):
        await MemoryBindings(down=True).of("C1")

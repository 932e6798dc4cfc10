"""Processes are killed while HighLevel reports changes, and each is posted once."""

import random
from pathlib import Path

import pytest

from tests.house import stand_ins
from tests.journeys.replicas import replicas
from tests.journeys.telling import SETTINGS, TELLING, Telling
from tests.postgresql import Cluster


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("database", "count"), [("sqlite", 1), ("postgresql", 1), ("postgresql", 2)])
async def test_nothing_that_was_accepted_is_lost_or_told_twice_and_no_echo_is_told(
    request: pytest.FixtureRequest, tmp_path: Path, database: str, count: int
) -> None:
    settings = dict(SETTINGS)
    if database == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        settings["DATABASE_URL"] = cluster.new_database()
    async with (
        stand_ins(tmp_path, **settings) as house,
        replicas(house.settings, tmp_path, TELLING) as bots,
    ):
        telling = Telling(house, bots, random.Random(20_261_128), many=60)  # noqa: S311 - not a secret
        told = await telling.go(count, kills=6, seconds_between_kills=(0.5, 1.5))

    assert told.broken() == []
    assert (told.events, told.kills) == (60, 6)

"""A process is killed while it asks a deal's owner: the owner is asked all the same, and their answer counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.simulator.slack import server as slack
from bot.simulator.slack.workspace import Shown
from bot.slack.actions import AS_ASKED, ASK_OWNER
from tests.house import ANA, BEN, DEAL, House
from tests.journeys.promises import all_finished
from tests.journeys.scenes import World, everywhere, scene_of
from tests.postgresql import Cluster, programs

KILLED = {
    "before the question is posted": slack.Fault("chat.postMessage", drops=True),
    "after the question is posted": slack.Fault("chat.postMessage", carries_out=True, drops=True),
}


@pytest.fixture
def worlds(request: pytest.FixtureRequest, tmp_path: Path) -> list[World]:
    one = World("SQLite", f"sqlite:///{tmp_path / 'ledger.db'}", 1, tmp_path / "sqlite")
    if programs() is None:
        return [one]
    cluster: Cluster = request.getfixturevalue("cluster")
    return [one, World("PostgreSQL, two replicas", cluster.new_database(), 2, tmp_path / "two")]


def _furnished(house: House) -> None:
    for user, email in {ANA: "ana@acme.example", BEN: "ben@acme.example"}.items():
        house.slack.users[user]["profile"] = {"email": email}
    house.highlevel.users["hlBen"] = {"id": "hlBen", "name": "Ben", "email": "ben@acme.example"}
    house.highlevel.opportunities[DEAL]["assignedTo"] = "hlBen"


def _questions(house: House) -> list[Shown]:
    return [each for each in house.slack.shown if each.channel == BEN and "asks you to" in each.text]


async def _story(world: World, fault: slack.Fault) -> list[str]:
    async with scene_of(world, OWNERS_ONLY="on") as scene:
        _furnished(scene.house)
        victim = await scene.bots.start()
        other = await scene.bots.start() if world.replicas == 2 else None
        scene.house.slack.bot_url = victim.url
        refused = await scene.house.says(f"{DEAL} won")
        await all_finished(scene.url, 60.0)
        scene.house.slack.misbehave(replace(fault, then=victim.kill))
        await scene.house.presses(refused, ASK_OWNER)
        await victim.ended()
        heir = other or await scene.bots.start()
        scene.house.slack.bot_url = heir.url
        await all_finished(scene.url, 60.0)
        asked = len(_questions(scene.house))
        await scene.house.presses(_questions(scene.house)[-1], AS_ASKED, user=BEN)
        rows = await all_finished(scene.url, 60.0)
        told = [each for each in scene.house.slack.shown if each.channel == ANA and "as you asked" in each.text]
        return [
            *([] if asked in ({1, 2} if fault.carries_out else {1}) else [f"the owner was asked {asked} times"]),
            *([] if [row["outcome"] for row in rows] == ["not_yours", "asked_owner", "changed"] else [f"rows: {rows}"]),
            *([] if len(told) == 1 and scene.house.deal == "won" else [f"told: {told}"]),
        ]


@pytest.mark.parametrize("fault", KILLED.values(), ids=KILLED)
async def test_the_owner_is_asked_although_the_process_that_asked_was_killed(
    worlds: list[World], fault: slack.Fault
) -> None:
    assert await everywhere(worlds, lambda world: _story(world, fault)) == {}

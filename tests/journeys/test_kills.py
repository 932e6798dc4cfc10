"""Processes are killed at every step, and the promises of `docs/reliability.md` hold."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.simulator import slack
from bot.simulator.highlevel import Fault
from bot.simulator.slack import button
from bot.wiring import Tempo
from tests.house import ANA, BEN, DEAL, SALES, House, stand_ins
from tests.journeys.promises import account, all_finished
from tests.journeys.replicas import SHORT, Death, Replica, Replicas, replicas
from tests.postgresql import Cluster, programs

Plan = Callable[[House, Replica], None]
"""Tells the stand-ins when to kill."""


@dataclass(frozen=True)
class World:
    """Where the commands are written down, and how many replicas there are."""

    name: str
    database_url: str
    replicas: int
    folder: Path


@dataclass(frozen=True)
class Scene:
    house: House
    bots: Replicas

    async def types(self, text: str, to: Replica, user: str = ANA, **fields: str) -> bool:
        """Somebody types the command, and a replica gets it; whether it was acknowledged."""
        self.house.slack.bot_url = to.url
        answer = await self.house.slack.command(text, user=user, channel=SALES, **fields)
        return answer is not None and answer.status_code == 200 and not answer.content

    async def broken(self, acknowledged: list[str], kills: int, seconds: float = 15.0) -> list[str]:
        """The promises that were not kept, as soon as all is done."""
        found = await all_finished(self.house.settings.database_url, seconds)
        given = account(self.house.slack, self.house.highlevel, found, acknowledged)
        unfinished = [f"not finished: {row['key']} is {row['state']}" for row in found if row["state"] != "finished"]
        return [*given.broken(kills), *unfinished]


@asynccontextmanager
async def _scene(world: World, tempo: Tempo = SHORT, **settings: str) -> AsyncIterator[Scene]:
    world.folder.mkdir(exist_ok=True)
    everybody = {"ALLOWED_USERS": f"{ANA},{BEN}", "DATABASE_URL": world.database_url}
    async with (
        stand_ins(world.folder, **{**everybody, **settings}) as house,
        replicas(house.settings, world.folder, tempo) as bots,
    ):
        house.highlevel.burst_limit = 10_000
        yield Scene(house, bots)


@pytest.fixture
def worlds(request: pytest.FixtureRequest, tmp_path: Path) -> list[World]:
    """Both databases, as far as this machine has them; what is shared by replicas is shared by two as well."""
    one = World("SQLite", f"sqlite:///{tmp_path / 'ledger.db'}", 1, tmp_path / "sqlite")
    if programs() is None:
        return [one]
    cluster: Cluster = request.getfixturevalue("cluster")
    return [
        one,
        World("PostgreSQL", cluster.new_database(), 1, tmp_path / "postgresql"),
        World("PostgreSQL, two replicas", cluster.new_database(), 2, tmp_path / "two"),
    ]


async def _everywhere(worlds: list[World], story: Callable[[World], Awaitable[list[str]]]) -> dict[str, list[str]]:
    """What went wrong in each world in which something did."""
    went_wrong = await asyncio.gather(*(story(world) for world in worlds))
    return {world.name: wrong for world, wrong in zip(worlds, went_wrong, strict=True) if wrong}


# --- one command, one kill ------------------------------------------------------------------------------------------


def _highlevel(fault: Fault, method: str, number: int = 1, **at: str) -> Plan:
    """HighLevel kills when it gets the request of this number about our deal."""

    def plan(house: House, victim: Replica) -> None:
        for _ in range(number - 1):
            house.highlevel.misbehave(Fault(), method=method, path=DEAL)
        house.highlevel.misbehave(replace(fault, **dict.fromkeys(at, victim.kill)), method=method, path=DEAL)

    return plan


def _slack(fault: slack.Fault) -> Plan:
    return lambda house, victim: house.slack.misbehave(replace(fault, then=victim.kill))


AT_A_COMMIT = {
    f"{when} the commit of {step}": Death(when, step)
    for step in ("accept", "begin", "intend", "answer", "finish")
    for when in ("before", "after")
}
AT_A_NEIGHBOUR = {
    "at HighLevel's first question": _highlevel(Fault(hangs=True), "GET", then=""),
    "before the change is carried out": _highlevel(Fault(hangs=True), "PUT", then=""),
    "while the change is carried out": _highlevel(Fault(), "PUT", then=""),
    "before the change is answered": _highlevel(Fault(carries_out=True, hangs=True), "PUT", then=""),
    "after the change is answered": _highlevel(Fault(), "PUT", afterwards=""),
    "at the confirming question": _highlevel(Fault(hangs=True), "GET", number=2, then=""),
    "before the reply is shown": _slack(slack.Fault("response_url", drops=True)),
    "after the reply is shown": _slack(slack.Fault("response_url", carries_out=True, drops=True)),
    "while Slack does not answer": _slack(slack.Fault("response_url", wait=0.3, carries_out=True, drops=True)),
}


async def _story(world: World, death: Death | None, plan: Plan | None) -> list[str]:
    async with _scene(world) as scene:
        victim = await scene.bots.start(death)
        other = await scene.bots.start() if world.replicas == 2 else None
        if plan:
            plan(scene.house, victim)
        acknowledged = ["one"] if await scene.types(f"{DEAL} won", victim, trigger_id="one") else []
        code = await victim.ended()
        heir = other or await scene.bots.start()
        wrong = await scene.broken(acknowledged, kills=1)
        if not acknowledged and not scene.house.highlevel.written:  # it was never written down, and Slack said so
            await scene.types(f"{DEAL} won", heir, trigger_id="again")
            wrong += await scene.broken(["again"], kills=1)
        return [
            *wrong,
            *([] if code == -9 else [f"it ended with {code} instead of being killed"]),
            *([] if scene.house.deal == "won" else [f"the deal is {scene.house.deal}"]),
            *([] if len(scene.house.highlevel.written) == 1 else [f"changes: {scene.house.highlevel.written}"]),
        ]


@pytest.mark.parametrize("death", AT_A_COMMIT.values(), ids=AT_A_COMMIT)
async def test_a_command_whose_process_is_killed_at_a_commit_is_finished(worlds: list[World], death: Death) -> None:
    assert await _everywhere(worlds, lambda world: _story(world, death, None)) == {}


@pytest.mark.parametrize("plan", AT_A_NEIGHBOUR.values(), ids=AT_A_NEIGHBOUR)
async def test_a_command_whose_process_is_killed_at_a_neighbour_is_finished(worlds: list[World], plan: Plan) -> None:
    assert await _everywhere(worlds, lambda world: _story(world, None, plan)) == {}


UNDOING = (
    "before the change is carried out",
    "before the change is answered",
    "before the reply is shown",
    "after the reply is shown",
)


async def _undo(world: World, plan: Plan) -> list[str]:
    async with _scene(world) as scene:
        victim = await scene.bots.start()
        if world.replicas == 2:
            await scene.bots.start()
        await scene.types(f"{DEAL} won", victim, trigger_id="change")
        (shown,) = await scene.house.slack.wait_for(1)
        await all_finished(world.database_url)
        plan(scene.house, victim)
        await scene.house.slack.press(shown, button(shown, "undo"), user=ANA)
        await victim.ended()
        if world.replicas == 1:
            await scene.bots.start()
        wrong = await scene.broken(["change"], kills=1)
        found = await all_finished(world.database_url)
        outcomes = [(bool(row["undoes"]), row["outcome"]) for row in found]
        return [
            *wrong,
            *([] if outcomes == [(False, "changed"), (True, "changed")] else [f"outcomes: {outcomes}"]),
            *([] if scene.house.deal == "open" else [f"the deal is {scene.house.deal}"]),
            *([] if len(scene.house.slack.shown) == 1 else [f"not replaced: {scene.house.slack.shown}"]),
        ]


@pytest.mark.parametrize("point", UNDOING)
async def test_an_undo_whose_process_is_killed_is_finished(worlds: list[World], point: str) -> None:
    assert await _everywhere(worlds, lambda world: _undo(world, AT_A_NEIGHBOUR[point])) == {}

"""A replica is suspended at every step and wakes up after another has taken over: it changes and says nothing more."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy.engine import make_url

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack import server as slack
from tests.house import DEAL, House
from tests.journeys.promises import all_finished, rows
from tests.journeys.replicas import LEASE, SHORT, Death, Replica, Step
from tests.journeys.scenes import Scene, World, everywhere, scene_of
from tests.postgresql import Cluster, programs

Plan = Callable[[House, Callable[[], None]], None]
"""Tells the stand-ins when to freeze the replica."""
TEMPO = replace(SHORT, acknowledge=2.0)
TAKEOVER = 8 * LEASE
"""Seconds to wait for another replica to take over and be done: it cannot while the frozen one holds the database."""
AFTERWARDS = 1.5
"""Seconds for the replica to do what it must not, once it goes on: longer than Slack's pauses."""


@pytest.fixture
def worlds(request: pytest.FixtureRequest, tmp_path: Path) -> list[World]:
    """Two replicas over one file, and over one server if this machine has it."""
    over_file = World("SQLite", f"sqlite:///{tmp_path / 'ledger.db'}", 2, tmp_path / "sqlite")
    if programs() is None:
        return [over_file]
    cluster: Cluster = request.getfixturevalue("cluster")
    return [over_file, World("PostgreSQL", cluster.new_database(), 2, tmp_path / "postgresql")]


def _highlevel(method: str, fault: Fault, number: int = 1) -> Plan:
    def plan(house: House, freeze: Callable[[], None]) -> None:
        for _ in range(number - 1):
            house.highlevel.misbehave(Fault(), method=method, path=DEAL)
        planned = replace(fault, afterwards=freeze) if fault.afterwards else replace(fault, then=freeze)
        house.highlevel.misbehave(planned, method=method, path=DEAL)

    return plan


def _slack(fault: slack.Fault) -> Plan:
    return lambda house, freeze: house.slack.misbehave(replace(fault, then=freeze))


def _by_address(fault: slack.Fault) -> Plan:
    """The same where the bot may not post, so that the reply goes to its address."""

    def plan(house: House, freeze: Callable[[], None]) -> None:
        house.keep_out()
        _slack(fault)(house, freeze)

    return plan


AT_A_NEIGHBOUR = {
    "at HighLevel's first question": _highlevel("GET", Fault()),
    "as HighLevel takes no more": _highlevel("GET", Fault(status=429, headers={"Retry-After": "0"})),
    "as HighLevel takes no change": _highlevel("PUT", Fault(status=429, headers={"Retry-After": "0"})),
    "before the change is carried out": _highlevel("PUT", Fault()),
    "before the change is answered": _highlevel("PUT", Fault(carries_out=True)),
    "after the change is answered": _highlevel("PUT", Fault(afterwards=lambda: None)),
    "at the confirming question": _highlevel("GET", Fault(), number=2),
    "as Slack breaks": _slack(slack.Fault("chat.postMessage", status=503)),
    "as Slack takes no more": _slack(slack.Fault("chat.postMessage", status=429, headers={"Retry-After": "1"})),
    "as the reply address is used up": _by_address(slack.Fault("response_url", status=404)),
    "before the reply is posted": _slack(slack.Fault("chat.postMessage")),
    "after the reply is posted": _slack(slack.Fault("chat.postMessage", carries_out=True)),
    "before the reply address takes it": _by_address(slack.Fault("response_url")),
    "after the reply address took it": _by_address(slack.Fault("response_url", carries_out=True)),
}


async def _story(world: World, freeze: Death | None, plan: Plan | None) -> list[str]:
    async with scene_of(world, TEMPO) as scene:
        scene.house.slack.acknowledge_within = 2.5
        victim, heir = await scene.bots.start(freeze), await scene.bots.start()
        if plan:
            plan(scene.house, victim.freeze)
        typing = asyncio.create_task(scene.types(f"{DEAL} won", victim, trigger_id="one"))
        await victim.frozen()
        await _taken_over(scene.url)
        acknowledged = ["one"] if await typing else []
        undone = await _undo(scene, heir)
        before = len(scene.house.slack.shown), len(scene.house.highlevel.written)
        assert victim.is_frozen
        victim.thaw()
        await victim.ready()
        await asyncio.sleep(AFTERWARDS)
        wrong = await scene.broken(acknowledged, kills=1)
        after = len(scene.house.slack.shown), len(scene.house.highlevel.written)
        changes = [(written.before, written.after) for written in scene.house.highlevel.written]
        expected = [("open", "won"), ("won", "open")] if undone else [("open", "won")]
        return [
            *wrong,
            *([] if not undone or before == after else [f"it went on: {before}, {after}: {scene.house.slack.shown}"]),
            *([] if changes == expected else [f"changes: {changes}"]),
        ]


async def _taken_over(url: str) -> None:
    """Wait until every command there is is finished, `TAKEOVER` at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(TAKEOVER):
            while not (found := await asyncio.to_thread(rows, url)) or any(row["state"] != "finished" for row in found):
                await asyncio.sleep(0.05)


async def _undo(scene: Scene, heir: Replica) -> bool:
    """Undo the change, if the other replica has made it by now; it cannot while the frozen one holds the database."""
    found = await asyncio.to_thread(rows, scene.url)
    if not found or any(row["state"] != "finished" for row in found):
        return False
    await scene.types("undo", heir, trigger_id="undo")
    return all(row["outcome"] == "changed" for row in await all_finished(scene.url))


Freeze = partial(Death, how=signal.SIGSTOP)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["accept", "intend", "answer", "finish"])
async def test_a_replica_that_is_frozen_at_a_commit_changes_and_says_nothing_when_it_wakes_up(
    worlds: list[World], when: Literal["before", "after"], step: Step
) -> None:
    assert await everywhere(worlds, lambda world: _story(world, Freeze(when, step), None)) == {}


@pytest.mark.parametrize("plan", AT_A_NEIGHBOUR.values(), ids=AT_A_NEIGHBOUR)
async def test_a_replica_that_is_frozen_at_a_neighbour_changes_and_says_nothing_when_it_wakes_up(
    worlds: list[World], plan: Plan
) -> None:
    assert await everywhere(worlds, lambda world: _story(world, None, plan)) == {}


AT_AN_EDIT = {
    "as Slack breaks": _slack(slack.Fault("chat.update", status=503)),
    "as Slack takes no more": _slack(slack.Fault("chat.update", status=429, headers={"Retry-After": "1"})),
    "before the message is edited": _slack(slack.Fault("chat.update")),
}


def _freeze_outside_transactions(victim: Replica, url: str) -> None:
    """Freeze it while it holds no lock on a database in a file: the other replica would wait for that lock for ever.

    On a server a lock is taken from a process that stands still.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        victim.freeze()
        return
    while True:
        victim.freeze()
        while not victim.is_frozen:
            time.sleep(0.001)
        connection = sqlite3.connect(str(parsed.database), timeout=1.0, isolation_level=None)
        with closing(connection), suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            return
        victim.thaw()
        time.sleep(0.01)


async def _edit(world: World, plan: Plan) -> list[str]:
    """Freeze a replica as it edits a message; the other one takes over, and edits the message once more after that."""
    async with scene_of(world, TEMPO) as scene:
        victim, heir = await scene.bots.start(), await scene.bots.start()
        await scene.types(f"{DEAL} abandoned", victim, trigger_id="change")
        await scene.house.slack.wait_for(1)
        await all_finished(scene.url)
        plan(scene.house, partial(_freeze_outside_transactions, victim, scene.url))
        typing = asyncio.create_task(scene.types(f"{DEAL} won", victim, trigger_id="correction"))
        await victim.frozen()
        await typing
        await all_finished(scene.url)  # the other replica takes over, on a slow machine too
        undone = await _undo(scene, heir)
        before = [(shown.ts, shown.text) for shown in scene.house.slack.shown], len(scene.house.slack.replaced)
        victim.thaw()
        await victim.ready()
        await asyncio.sleep(AFTERWARDS)
        wrong = await scene.broken(["change", "correction"], kills=1)
        after = [(shown.ts, shown.text) for shown in scene.house.slack.shown], len(scene.house.slack.replaced)
        return [
            *wrong,
            *([] if undone else ["the other replica did not take over"]),
            *([] if before == after else [f"it went on: {before}, {after}"]),
            *([] if "undid this" in after[0][0][1] else [f"not the last word: {after}"]),
        ]


@pytest.mark.parametrize("plan", AT_AN_EDIT.values(), ids=AT_AN_EDIT)
async def test_a_replica_that_is_frozen_at_an_edit_edits_nothing_when_it_wakes_up(
    worlds: list[World], plan: Plan
) -> None:
    assert await everywhere(worlds, lambda world: _edit(world, plan)) == {}

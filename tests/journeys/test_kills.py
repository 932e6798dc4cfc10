"""Processes are killed at every step, and the promises of `docs/operating/reliability.md` hold."""

import asyncio
import random
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import httpx
import pytest
import sqlalchemy as sa

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack import server as slack
from bot.simulator.slack.workspace import button
from bot.web.server import serving
from bot.wiring import build
from bot.wiring.tempo import Tempo
from tests.house import ANA, BEN, DEAL, House
from tests.journeys.promises import all_finished
from tests.journeys.replicas import LEASE, SHORT, Death, Replica, Step
from tests.journeys.scenes import Scene, World, everywhere, scene_of
from tests.postgresql import Cluster, programs

Plan = Callable[[House, Replica], None]
"""Tells the stand-ins when to kill the process."""
Kill = Callable[[], None]


@pytest.fixture
def worlds(request: pytest.FixtureRequest, tmp_path: Path) -> list[World]:
    """SQLite and, if this machine has it, PostgreSQL, with one replica and with two."""
    one = World("SQLite", f"sqlite:///{tmp_path / 'ledger.db'}", 1, tmp_path / "sqlite")
    if programs() is None:
        return [one]
    cluster: Cluster = request.getfixturevalue("cluster")
    return [
        one,
        World("PostgreSQL", cluster.new_database(), 1, tmp_path / "postgresql"),
        World("PostgreSQL, two replicas", cluster.new_database(), 2, tmp_path / "two"),
    ]


# --- one command, one kill ------------------------------------------------------------------------------------------


def _highlevel(method: str, fault: Callable[[Kill], Fault], number: int = 1) -> Plan:
    """Let HighLevel kill the process when it gets the n-th request with this method about our deal."""

    def plan(house: House, victim: Replica) -> None:
        for _ in range(number - 1):
            house.highlevel.misbehave(Fault(), method=method, path=DEAL)
        house.highlevel.misbehave(fault(victim.kill), method=method, path=DEAL)

    return plan


def _slack(fault: slack.Fault) -> Plan:
    return lambda house, victim: house.slack.misbehave(replace(fault, then=victim.kill))


def _by_address(fault: slack.Fault) -> Plan:
    """The same where the bot may not post, so that the reply goes to its address."""

    def plan(house: House, victim: Replica) -> None:
        house.keep_out()
        _slack(fault)(house, victim)

    return plan


AT_A_COMMIT = {
    f"{when} the commit of {step}": Death(when, step)
    for step in ("accept", "intend", "answer", "finish")  # a command alone begins with the commit that accepts it
    for when in ("before", "after")
}
AT_A_NEIGHBOUR = {
    "at HighLevel's first question": _highlevel("GET", lambda kill: Fault(hangs=True, then=kill)),
    "before the change is carried out": _highlevel("PUT", lambda kill: Fault(hangs=True, then=kill)),
    "while the change is carried out": _highlevel("PUT", lambda kill: Fault(then=kill)),
    "while HighLevel does not answer": _highlevel("PUT", lambda kill: Fault(wait=0.5, then=kill)),
    "before the change is answered": _highlevel("PUT", lambda kill: Fault(carries_out=True, hangs=True, then=kill)),
    "after the change is answered": _highlevel("PUT", lambda kill: Fault(afterwards=kill)),
    "at the confirming question": _highlevel("GET", lambda kill: Fault(hangs=True, then=kill), number=2),
    "before the reply is posted": _slack(slack.Fault("chat.postMessage", drops=True)),
    "while Slack does not answer": _slack(slack.Fault("chat.postMessage", wait=0.5, drops=True)),
    "after the reply is posted": _slack(slack.Fault("chat.postMessage", carries_out=True, drops=True)),
    "before the reply address takes it": _by_address(slack.Fault("response_url", drops=True)),
    "after the reply address took it": _by_address(slack.Fault("response_url", carries_out=True, drops=True)),
}


async def _story(world: World, death: Death | None, plan: Plan | None) -> list[str]:
    async with scene_of(world) as scene:
        victim = await scene.bots.start(death)
        other = await scene.bots.start() if world.replicas == 2 else None
        if plan:
            plan(scene.house, victim)
        acknowledged = ["one"] if await scene.types(f"{DEAL} won", victim, trigger_id="one") else []
        code = await victim.ended()
        heir = other or await scene.bots.start()
        wrong = await scene.broken(acknowledged, kills=1)
        if not acknowledged and not scene.house.highlevel.written:  # Slack reported the failure: the caller types again
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
    assert await everywhere(worlds, lambda world: _story(world, death, None)) == {}


@pytest.mark.parametrize("plan", AT_A_NEIGHBOUR.values(), ids=AT_A_NEIGHBOUR)
async def test_a_command_whose_process_is_killed_at_a_neighbour_is_finished(worlds: list[World], plan: Plan) -> None:
    assert await everywhere(worlds, lambda world: _story(world, None, plan)) == {}


async def _several(world: World, death: Death) -> list[str]:
    """Kill the process of a command by name, or of one about three deals."""
    async with scene_of(world) as scene:
        deals = [f"severalQ7xQ7xQ7x{number:04}" for number in range(3)]
        for deal in deals:
            scene.house.highlevel.add_opportunity(deal)
        victim = await scene.bots.start(death)
        other = await scene.bots.start() if world.replicas == 2 else None
        named = death.step == "identify"
        text = "new website won" if named else f"{' '.join(deals)} won"
        acknowledged = ["one"] if await scene.types(text, victim, trigger_id="one") else []
        code = await victim.ended()
        if not other:
            await scene.bots.start()
        wrong = await scene.broken(acknowledged, kills=1)
        meant = {DEAL} if named else set(deals)
        written = [each.opportunity_id for each in scene.house.highlevel.written]
        return [
            *wrong,
            *([] if code == -9 else [f"it ended with {code} instead of being killed"]),
            *([] if sorted(written) == sorted(meant) else [f"changes: {written}"]),
        ]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["identify", "begin", "intend", "answer", "reply", "finish"])
async def test_commands_by_name_or_for_several_deals_are_finished_after_a_kill(
    worlds: list[World], when: Literal["before", "after"], step: Step
) -> None:
    assert await everywhere(worlds, lambda world: _several(world, Death(when, step))) == {}


UNDOING = (
    "before the change is carried out",
    "before the change is answered",
    "before the reply address takes it",
    "after the reply address took it",
)


async def _undo(world: World, plan: Plan) -> list[str]:
    async with scene_of(world) as scene:
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
    assert await everywhere(worlds, lambda world: _undo(world, AT_A_NEIGHBOUR[point])) == {}


EDITING = {
    "before the message is edited": _slack(slack.Fault("chat.update", drops=True)),
    "while the edit is not answered": _slack(slack.Fault("chat.update", wait=0.5, drops=True)),
    "after the message is edited": _slack(slack.Fault("chat.update", carries_out=True, drops=True)),
    "before the caller is told": _slack(slack.Fault("response_url", drops=True)),
    "after the caller is told": _slack(slack.Fault("response_url", carries_out=True, drops=True)),
}


async def _follow_up(world: World, plan: Plan, text: str) -> list[str]:
    """Kill the process of a command that edits the message about an earlier one."""
    async with scene_of(world) as scene:
        victim = await scene.bots.start()
        if world.replicas == 2:
            await scene.bots.start()
        await scene.types(f"{DEAL} abandoned", victim, trigger_id="change")
        (before,) = await scene.house.slack.wait_for(1)
        await all_finished(world.database_url)
        plan(scene.house, victim)
        await scene.types(text, victim, trigger_id="next")
        await victim.ended()
        if world.replicas == 1:
            await scene.bots.start()
        wrong = await scene.broken(["change", "next"], kills=1)
        public = [shown for shown in scene.house.slack.shown if shown.only_to is None]
        asides = len(scene.house.slack.shown) - len(public)
        return [
            *wrong,
            *([] if [shown.ts for shown in public] == [before.ts] else [f"not one message: {public}"]),
            *([] if public[0].text != before.text else [f"not edited: {public}"]),
            *([] if asides <= 2 else [f"the caller was told {asides} times"]),
        ]


@pytest.mark.parametrize("text", ["undo", f"{DEAL} won"], ids=["undo", "correction"])
@pytest.mark.parametrize("plan", EDITING.values(), ids=EDITING)
async def test_an_edit_whose_process_is_killed_is_made_and_no_second_message_comes(
    worlds: list[World], plan: Plan, text: str
) -> None:
    assert await everywhere(worlds, lambda world: _follow_up(world, plan, text)) == {}


# --- several kills, several commands --------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_that_is_killed_while_it_takes_over_is_taken_over_too(
    worlds: list[World], when: Literal["before", "after"]
) -> None:
    async def story(world: World) -> list[str]:
        async with scene_of(world) as scene:
            for death in (Death("after", "intend"), Death(when, "adopt"), Death("before", "finish")):
                victim = await scene.bots.start(death, ready=death.step == "intend")
                if death.step == "intend":
                    await scene.types(f"{DEAL} won", victim, trigger_id="one")
                await victim.ended()
                await asyncio.sleep(LEASE)  # the lease has run out when the next one looks
            await scene.bots.start()
            return await scene.broken(["one"], kills=3)

    assert await everywhere(worlds, story) == {}


async def test_a_command_that_waits_for_a_deal_of_a_dead_process_is_carried_out_after_it(worlds: list[World]) -> None:
    async def story(world: World) -> list[str]:
        async with scene_of(world) as scene:
            victim = await scene.bots.start(Death("after", "intend"))
            await scene.types(f"{DEAL} won", victim, trigger_id="one")
            await victim.ended()
            heir = await scene.bots.start()
            await scene.types(f"{DEAL} lost", heir, trigger_id="two", user=BEN)
            wrong = await scene.broken(["one", "two"], kills=1)
            changes = [(written.before, written.after) for written in scene.house.highlevel.written]
            expected = [("open", "won"), ("won", "lost")]
            return [*wrong, *([] if changes == expected else [f"changes: {changes}"])]

    assert await everywhere(worlds, story) == {}


PEOPLE = [f"U0REP{number}" for number in range(6)]
DEALS = [f"burstQ7xQ7xQ7x{number:06}" for number in range(5)]
STATUSES = ("won", "lost", "abandoned", "open")


async def _burst(world: World, chance: random.Random) -> list[str]:
    async with scene_of(world, ALLOWED_USERS=",".join(PEOPLE)) as scene:
        for deal in DEALS:
            scene.house.highlevel.add_opportunity(deal)
        scene.house.highlevel.misbehave(Fault(wait=0.03), times=float("inf"))
        scene.house.slack.misbehave(slack.Fault("chat.postMessage", wait=0.03, times=float("inf")))
        bots = [await scene.bots.start() for _ in range(world.replicas)]
        kills = sorted(chance.sample(range(5, 30), 3))
        acknowledged: list[str] = []
        for number in range(30):
            text = f"{chance.choice(DEALS)} {chance.choice(STATUSES)}"
            person = PEOPLE[number % len(PEOPLE)]
            if await scene.types(text, chance.choice(bots), user=person, trigger_id=str(number)):
                acknowledged.append(str(number))
            if number in kills:
                place = chance.randrange(len(bots))
                await asyncio.sleep(chance.random() * 0.1)
                bots[place].kill()
                bots[place] = await scene.bots.start()
        wrong = await scene.broken(acknowledged, kills=3)
        return [*wrong, *([] if len(acknowledged) > 20 else [f"only acknowledged: {acknowledged}"])]


async def test_no_command_of_a_burst_is_lost_or_done_twice_while_processes_are_killed(
    worlds: list[World],
) -> None:
    assert await everywhere(worlds, lambda world: _burst(world, random.Random(world.name))) == {}  # noqa: S311


async def test_of_two_people_who_ask_two_replicas_for_the_same_only_one_changes_the_deal(
    worlds: list[World],
) -> None:
    async def story(world: World) -> list[str]:
        async with scene_of(world) as scene:
            one, other = await scene.bots.start(), await scene.bots.start()
            await asyncio.gather(
                scene.types(f"{DEAL} won", one, trigger_id="one"),
                scene.types(f"{DEAL} won", other, user=BEN, trigger_id="other"),
            )
            wrong = await scene.broken(["one", "other"], kills=0)
            assert all("command.done" in replica.log.read_text() for replica in (one, other))
            outcomes = sorted(row["outcome"] for row in await all_finished(scene.url))
            return [*wrong, *([] if outcomes == ["already_so", "changed"] else [f"outcomes: {outcomes}"])]

    assert await everywhere([world for world in worlds if world.replicas == 2], story) == {}


async def test_a_queue_too_long_to_drain_is_taken_up_at_once_by_the_next_process(worlds: list[World]) -> None:
    tempo = replace(SHORT, lease=30.0, worker=replace(SHORT.worker, drain=1.0))

    async def story(world: World) -> list[str]:
        async with scene_of(world, tempo, ALLOWED_USERS=",".join(PEOPLE)) as scene:
            deals = [f"queueQ7xQ7xQ7x{number:06}" for number in range(30)]
            for deal in deals:
                scene.house.highlevel.add_opportunity(deal)
            first = await scene.bots.start()
            scene.house.highlevel.misbehave(Fault(wait=0.4), path="queue", times=float("inf"))
            acknowledged = [
                deal
                for number, deal in enumerate(deals)
                if await scene.types(f"{deal} won", first, user=PEOPLE[number % len(PEOPLE)], trigger_id=deal)
            ]
            first.stop()
            code = await first.ended()
            scene.house.highlevel.behave()
            await scene.bots.start()
            began = time.monotonic()
            wrong = await scene.broken(acknowledged, kills=1)
            took = time.monotonic() - began
            return [
                *wrong,
                *([] if code == 0 else [f"it ended with {code}"]),
                *([] if "worker.gave_back" in first.log.read_text() else ["nothing was given back"]),
                *([] if took < tempo.lease else [f"it took {took} s"]),
                *([] if len(acknowledged) == len(deals) else [f"only acknowledged: {acknowledged}"]),
            ]

    assert await everywhere(worlds[:2], story) == {}


# --- the database ---------------------------------------------------------------------------------------------------


@pytest.fixture
def postgresql(cluster: Cluster, tmp_path: Path) -> World:
    return World("PostgreSQL", cluster.new_database(), 1, tmp_path / "postgresql")


async def _ten(scene: Scene, bot: Replica) -> list[str]:
    """Type ten commands that HighLevel is slow to carry out; returns the keys of those acknowledged."""
    scene.house.highlevel.misbehave(Fault(wait=0.2), path="ten", times=float("inf"))
    deals = [f"tenQ7xQ7xQ7x{number:08}" for number in range(10)]
    for deal in deals:
        scene.house.highlevel.add_opportunity(deal)
    return [deal for deal in deals if await scene.types(f"{deal} won", bot, trigger_id=deal)]


async def test_a_database_that_is_restarted_loses_nothing(postgresql: World, cluster: Cluster) -> None:
    async with scene_of(postgresql) as scene:
        bot = await scene.bots.start()
        acknowledged = await _ten(scene, bot)
        cluster.stop()
        await asyncio.sleep(0.5)
        cluster.start()

        assert await scene.broken(acknowledged, kills=0) == []
        assert len(acknowledged) == len(scene.house.highlevel.written) == 10


async def test_a_database_that_hangs_loses_nothing_and_the_caller_is_told(postgresql: World, cluster: Cluster) -> None:
    as_ever = Tempo()
    async with scene_of(
        postgresql, replace(SHORT, acknowledge=as_ever.acknowledge, database=as_ever.database)
    ) as scene:
        bot = await scene.bots.start()
        acknowledged = await _ten(scene, bot)
        with cluster.frozen():
            assert not await scene.types(f"{DEAL} won", bot, user=BEN, trigger_id="perhaps")
            await asyncio.sleep(3)

        assert await scene.broken(acknowledged, kills=0) == []
        told = [shown.text for shown in scene.house.slack.shown if shown.only_to == BEN]
        assert len(told) == 1
        assert (
            "isn't clear whether your command was saved" in told[0] or "can't save its records" in told[0]
        )  # depends on whether the row may be there
        assert len(acknowledged) == 10


@contextmanager
def _full_disk(bot: Replica) -> Iterator[None]:
    """Let the process write into no file, not even its log."""
    pid = bot.pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


async def test_on_a_full_disk_nothing_is_changed_and_callers_are_told_until_there_is_room(tmp_path: Path) -> None:
    async with scene_of(World("SQLite", f"sqlite:///{tmp_path / 'ledger.db'}", 1, tmp_path)) as scene:
        bot = await scene.bots.start(ready=False)  # a report of its health would be kept for 15 s
        while not await scene.types(f"{DEAL} won", bot):
            await asyncio.sleep(0.05)
        await all_finished(scene.url)
        with _full_disk(bot):
            assert not await scene.types(f"{DEAL} lost", bot, user=BEN)
            async with httpx.AsyncClient(trust_env=False) as http:
                ready = await http.get(f"{bot.url}/readyz")
        told = scene.house.slack.shown[-1]

        assert (ready.status_code, [*ready.json()["failing"]]) == (
            503,
            ["store.writable", "store.schema", "store.clock"],
        )
        assert told.only_to == BEN
        assert "Nothing changed." in told.text
        assert scene.house.deal == "won"
        assert await scene.types(f"{DEAL} lost", bot, trigger_id="again")
        assert await scene.broken(["again"], kills=0) == []
        assert scene.house.deal == "lost"


@contextmanager
def _clock() -> Iterator[dict[str, float]]:
    """Set SQLite's clock `ahead` by so many seconds, for every connection that is opened in the block."""
    shift = {"ahead": 0.0}

    def set_up(connection: sqlite3.Connection, _entry: object) -> None:
        connection.create_function("julianday", 1, lambda _: (time.time() + shift["ahead"]) / 86400 + 2440587.5)

    sa.event.listen(sa.Engine, "connect", set_up)
    try:
        yield shift
    finally:
        sa.event.remove(sa.Engine, "connect", set_up)


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.2, 0.3, 0.4])
async def test_a_clock_that_jumps_makes_nothing_happen_twice(tmp_path: Path, pause: float) -> None:
    with _clock() as clock:
        async with scene_of(World("SQLite", f"sqlite:///{tmp_path / 'ledger.db'}", 2, tmp_path)) as scene:
            deals = [f"clockQ7xQ7xQ7x{number:06}" for number in range(6)]
            for deal in deals:
                scene.house.highlevel.add_opportunity(deal)
            scene.house.highlevel.misbehave(Fault(wait=0.1), path="clock", times=float("inf"))
            scene.house.slack.misbehave(slack.Fault("chat.postMessage", wait=0.1, times=float("inf")))
            tempo = replace(SHORT, lease=30.0, worker=replace(SHORT.worker, renew=5.0))
            one, other = build(scene.house.settings, tempo), build(scene.house.settings, tempo)
            async with serving(one) as here, serving(other) as there:
                for url in (here, there):
                    async with httpx.AsyncClient(trust_env=False) as http:
                        assert (await http.get(f"{url}/readyz")).is_success
                for number, deal in enumerate(deals):
                    scene.house.slack.bot_url = (here, there)[number % 2]
                    await scene.house.slack.command(f"{deal} won", user=ANA, trigger_id=deal)
                await asyncio.sleep(pause)
                for ahead in (3600.0, 0.0, 3600.0, 0.0):
                    clock["ahead"] = ahead
                    await asyncio.sleep(0.15)
                # The first owner and the one that took over may have sent the same reply.
                assert await scene.broken(deals, kills=len(deals)) == []
            assert len(scene.house.highlevel.written) == len(deals)

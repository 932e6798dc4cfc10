"""Worlds in which replicas of the bot are killed and frozen: a database, both stand-ins, and as many replicas."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.wiring.tempo import Tempo
from tests.house import ANA, BEN, SALES, House, stand_ins
from tests.journeys.promises import account, all_finished
from tests.journeys.replicas import SHORT, Replica, Replicas, replicas


@dataclass(frozen=True)
class World:
    """A database, and how many replicas use it."""

    name: str
    database_url: str
    replicas: int
    folder: Path


@dataclass(frozen=True)
class Scene:
    house: House
    bots: Replicas

    @property
    def url(self) -> str:
        return self.house.settings.database_url

    async def types(self, text: str, to: Replica, user: str = ANA, **fields: str) -> bool:
        """Type the command, and let this replica get it; returns whether it was acknowledged."""
        self.house.slack.bot_url = to.url
        answer = await self.house.slack.command(text, user=user, channel=SALES, **fields)
        return answer is not None and answer.status_code == 200 and not answer.content

    async def broken(self, acknowledged: list[str], kills: int, seconds: float = 60.0) -> list[str]:
        """Wait until all is done; returns the promises that were broken."""
        found = await all_finished(self.url, seconds)
        given = account(self.house.slack, self.house.highlevel, found, acknowledged)
        unfinished = [f"not finished: {row['key']} is {row['state']}" for row in found if row["state"] != "finished"]
        return [*given.broken(kills), *unfinished]


@asynccontextmanager
async def scene_of(world: World, tempo: Tempo = SHORT, **settings: str) -> AsyncIterator[Scene]:
    """The world, furnished, without a replica."""
    world.folder.mkdir(exist_ok=True)
    usual = {"ALLOWED_USERS": f"{ANA},{BEN}", "DATABASE_URL": world.database_url, "CONFIRM": "never"}
    async with (
        stand_ins(world.folder, **{**usual, **settings}) as house,
        replicas(house.settings, world.folder, tempo) as bots,
    ):
        house.highlevel.burst_limit = 10_000
        yield Scene(house, bots)


async def everywhere(worlds: list[World], story: Callable[[World], Awaitable[list[str]]]) -> dict[str, list[str]]:
    """Play the story in each world; returns what went wrong, by world, without worlds in which nothing did."""
    went_wrong = await asyncio.gather(*(story(world) for world in worlds))
    return {world.name: wrong for world, wrong in zip(worlds, went_wrong, strict=True) if wrong}

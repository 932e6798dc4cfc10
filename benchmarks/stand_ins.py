"""Runs the stand-ins in a process of their own: prints their addresses, serves until standard input ends.

`stage.stand_ins` starts it. Arguments: the seconds that HighLevel takes to answer, how many deals it has, and how many
requests it takes in ten seconds.
"""

import asyncio
import json
import sys
from contextlib import suppress

import stage
from aiohttp import web

from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served
from bot.simulator.slack.server import Slack


class RemoteSlack(Slack):
    """Slack for a benchmark in another process, which sends the commands itself."""

    highlevel: HighLevel | None = None
    """The stand-in beside this one."""

    def app(self) -> web.Application:
        """The stand-in's routes, and two for the benchmark."""
        app = super().app()
        app.router.add_post("/benchmark/addresses", self._addresses_for_commands)
        app.router.add_get("/benchmark/shown", self._texts_shown)
        app.router.add_get("/benchmark/asked", self._asked)
        return app

    async def _addresses_for_commands(self, request: web.Request) -> web.Response:
        count = int(request.query["count"])
        person = stage.PEOPLE[0]  # who sees a message does not matter here
        return web.json_response([self.new_address("commands", stage.CHANNEL, person) for _ in range(count)])

    async def _texts_shown(self, request: web.Request) -> web.Response:
        with suppress(TimeoutError):
            await self.wait_for(int(request.query["count"]), seconds=60)
        return web.json_response([shown.text for shown in self.shown])

    async def _asked(self, _request: web.Request) -> web.Response:
        assert self.highlevel is not None  # noqa: S101 - set below
        times = [received.at for received in self.highlevel.received]
        return web.json_response({"times": times, "refused": self.highlevel.refused})


async def _serve(highlevel_waits: float, deals: int, limit: int) -> None:
    highlevel = HighLevel(stage.LOCATION)
    highlevel.add_token(stage.HIGHLEVEL_TOKEN)
    highlevel.burst_limit, highlevel.daily_limit = limit, stage.NO_LIMIT
    for number in range(deals):
        highlevel.add_opportunity(stage.deal(number))
    if highlevel_waits:
        highlevel.misbehave(Fault(wait=highlevel_waits), times=float("inf"))
    slack = RemoteSlack(signing_secret=stage.SIGNING_SECRET, bot_token=stage.BOT_TOKEN, team_id=stage.TEAM)
    slack.highlevel = highlevel
    async with served(highlevel.app()) as highlevel_url, served(slack.app()) as slack.url:
        print(json.dumps({"slack_url": slack.url, "highlevel_url": highlevel_url}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

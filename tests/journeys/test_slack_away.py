"""Slack cannot be reached for a while: nothing that was to be said is given up, and nothing is said twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from bot.commands.outbox import Persistence
from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.workspace import button
from bot.web.server import serving
from bot.wiring import build
from tests.house import ANA, BEN, DEAL, KIM, OTHER_CHANNEL, PATIENT, SALES, House, stand_ins
from tests.journeys.promises import account, all_finished, rows

TEMPO = replace(
    PATIENT,
    persistence=Persistence(first_pause=0.1, longest_pause=0.4),
    worker=replace(PATIENT.worker, drain=2.0),
)
EITHER = {"response_url", "channel"}
"""Slack may come back between the two."""
DEALS = [f"awayQ7xQ7xQ7x{number:07}" for number in range(8)]


@dataclass
class Line:
    """The line to Slack: a relay that can be cut, after which connections are refused."""

    slack: str
    port: int = 0
    _server: asyncio.Server | None = None
    _pipes: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        if self._server:
            self._server.close()
        for pipe in self._pipes:
            pipe.cancel()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = urlsplit(self.slack)
        far_reader, far_writer = await asyncio.open_connection(there.hostname, there.port)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pipe = asyncio.create_task(_pipe(source, sink))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while chunk := await source.read(65536):
                sink.write(chunk)
                await sink.drain()
    finally:
        sink.close()


@dataclass
class Scene:
    house: House
    line: Line
    _running: AsyncExitStack

    async def start(self) -> None:
        """Start a bot in the place of the one before, if any. The first waits until it knows its workspace."""
        is_first = not self.house.slack.calls.count("auth.test")
        await self._running.aclose()
        bot = build(self.house.settings, TEMPO)
        self.house.slack.bot_url = await self._running.enter_async_context(serving(bot))
        while is_first and bot.slack.workspace.team_id is None:
            await asyncio.sleep(0.01)

    async def types(self, text: str, **fields: str) -> None:
        answer = await self.house.slack.command(text, user=ANA, channel=SALES, **fields)
        assert answer is not None
        assert (answer.status_code, answer.content) == (200, b"")

    async def answered(self) -> None:
        """Until all that was asked for is done, and Slack has not heard of it."""
        async with asyncio.timeout(30):
            while {row["state"] for row in rows(self.house.settings.database_url)} != {"answered"}:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def _scene(folder: Path, **settings: str) -> AsyncIterator[Scene]:
    async with stand_ins(folder, **{"CONFIRM": "never", "ALLOWED_USERS": f"{ANA},{BEN}", **settings}) as house:
        for deal in DEALS:
            house.highlevel.add_opportunity(deal)
        line = Line(house.slack.url)
        await line.mend()
        house.slack.url = line.url
        house.settings = house.settings.model_copy(update={"slack_api_url": f"{line.url}/api/"})
        async with AsyncExitStack() as running:
            scene = Scene(house, line, running)
            await scene.start()
            try:
                yield scene
            finally:
                line.cut()


async def test_while_slack_is_away_no_reply_is_given_up_and_all_come_once_when_it_is_back(tmp_path: Path) -> None:
    async with _scene(tmp_path) as scene:
        scene.line.cut()
        for deal in DEALS:
            await scene.types(f"{deal} won", trigger_id=deal)
        await scene.answered()
        await asyncio.sleep(2)
        await scene.answered()
        await scene.line.mend()
        found = await all_finished(scene.house.settings.database_url)

        assert {row["delivered"] for row in found} <= EITHER
        assert account(scene.house.slack, scene.house.highlevel, found, DEALS).broken(0) == []
        assert len(scene.house.slack.shown) == len(DEALS)


async def test_a_reply_that_waits_for_slack_waits_on_in_the_next_process(tmp_path: Path) -> None:
    async with _scene(tmp_path) as scene:
        scene.line.cut()
        await scene.types(f"{DEAL} won", trigger_id="one")
        await scene.answered()
        await scene.start()
        await asyncio.sleep(1)
        await scene.answered()
        await scene.line.mend()
        (row,) = await all_finished(scene.house.settings.database_url)

        assert row["delivered"] in EITHER
        assert len(scene.house.slack.shown) == len(scene.house.highlevel.written) == 1


async def test_an_announcement_and_a_question_wait_for_slack_and_the_reply_is_not_said_again(tmp_path: Path) -> None:
    async with _scene(tmp_path, ANNOUNCE_CHANNELS=f"lost={OTHER_CHANNEL}") as scene:
        scene.house.highlevel.lost_reasons = [{"id": "price", "name": "Too dear"}]
        slack = scene.house.slack
        scene.house.highlevel.misbehave(Fault(wait=0.5), method="PUT")
        await scene.types(f"{DEAL} lost", trigger_id="one")
        await slack.wait_for(1)
        scene.line.cut()
        await asyncio.sleep(1)
        (row,) = rows(scene.house.settings.database_url)
        assert (row["state"], row["delivered"]) == ("answered", "channel")
        await scene.start()
        await scene.line.mend()
        await all_finished(scene.house.settings.database_url)

        assert [shown.channel for shown in slack.shown] == [SALES, OTHER_CHANNEL, SALES]
        assert "Too dear" in str(slack.shown[2].blocks)


async def test_what_an_undo_updates_elsewhere_is_updated_when_slack_is_back(tmp_path: Path) -> None:
    async with _scene(tmp_path, ANNOUNCE_CHANNELS=f"won={OTHER_CHANNEL}") as scene:
        slack, url = scene.house.slack, scene.house.settings.database_url
        await scene.types(f"{DEAL} won", trigger_id="one")
        shown, other = await slack.wait_for(2)
        await all_finished(url)
        scene.line.cut()
        await slack.press(shown, button(shown, "undo"), user=ANA)
        async with asyncio.timeout(30):
            while [row["state"] for row in rows(url)] != ["finished", "answered"]:
                await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        await scene.line.mend()
        await all_finished(url)

        assert [(each.ts, "undid this" in each.text) for each in slack.shown] == [
            (shown.ts, True),
            (other.ts, True),
        ]


async def test_a_decision_about_access_is_told_when_slack_is_back(tmp_path: Path) -> None:
    async with _scene(tmp_path, ADMINS=KIM, ALLOWED_USERS=ANA) as scene:
        slack = scene.house.slack
        slack.users[BEN] |= {"team_id": slack.team_id}
        await slack.command(f"{DEAL} won", user=BEN, channel=SALES)
        (refused,) = await slack.wait_for(1)
        await slack.press(refused, button(refused, "request_access"), user=BEN)
        await slack.wait_until(lambda: any(shown.channel == KIM for shown in slack.shown))
        asked = next(shown for shown in slack.shown if shown.channel == KIM)
        scene.line.cut()
        await slack.press(asked, button(asked, "approve_access"), user=KIM)
        await asyncio.sleep(2)
        assert not any(shown.channel == BEN for shown in slack.shown)
        await scene.line.mend()
        await slack.wait_until(lambda: any(shown.channel == BEN for shown in slack.shown))

"""Runs the real bot between both stand-ins, over real HTTP, for a test."""

import asyncio
import socket
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.commands.outbox import Persistence
from bot.commands.worker import WorkerTiming
from bot.deals.change import Patience
from bot.events.worker import EventTiming
from bot.highlevel.api.client import Attempts
from bot.highlevel.pages import callback_of
from bot.highlevel.tokens import RefreshTiming
from bot.operations.settings import Settings
from bot.schedule.worker import ScheduleTiming
from bot.simulator.highlevel.oauth import CHOOSER, Marketplace
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served
from bot.simulator.slack.block_kit import elements_of
from bot.simulator.slack.server import POST_ANYWHERE, Slack
from bot.simulator.slack.workspace import Shown, button, menu
from bot.slack import socket_mode
from bot.slack.messages.tables import GOES_ON
from bot.storage.engine import engine_for_reading
from bot.storage.tables import commands
from bot.web.server import serving
from bot.wiring import build
from bot.wiring.tempo import Tempo

ANA, BEN, KIM = "U0ANA", "U0BEN", "U0KIM"
"""Ana is on the allowlist, Ben is not, and Kim is the contact for access."""
SALES, OTHER_CHANNEL = "C0SALES", "C0OTHER"
DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
UNKNOWN_ID = "zZ9yY8xX7wW6vV5uU4tT"
SIGNING_SECRET = "thisisnotasigningsecretofslacks0"
BOT_TOKEN = "xoxb-not-a-token"
APP_TOKEN = "xapp-not-a-token"
HIGHLEVEL_TOKEN = "pit-not-a-token"
PUBLIC_URL = "https://deals.example"
"""The bot's address in its links; in the tests it is really on this machine."""
BY_OAUTH = {
    "HIGHLEVEL_TOKEN": "",
    "HIGHLEVEL_CLIENT_ID": Marketplace.client_id,
    "HIGHLEVEL_CLIENT_SECRET": Marketplace.client_secret,
    "PUBLIC_URL": PUBLIC_URL,
    "ENCRYPTION_KEY": f"{'k' * 42}A=",
}
"""The settings with which HighLevel is connected by OAuth."""
HOW = {"http": {"SLACK_SIGNING_SECRET": SIGNING_SECRET}, "socket": {"SLACK_APP_TOKEN": APP_TOKEN}}
"""The settings for either way in which Slack reaches the bot."""
PATIENT = Tempo(
    acknowledge=20.0,
    database=15.0,
    command=Patience(whole=30.0, for_looking=10.0, between_looks=0.1),
    highlevel=Attempts(most=2, connect=10.0, answer=10.0, pause=0.01),
    worker=WorkerTiming(renew=0.3, adopt=0.1, tell=60.0, retry=0.02, wait_for_limit=30.0, grace=0.5, drain=10.0),
    persistence=Persistence(first_pause=0.05, longest_pause=0.5),
    lease=30.0,
    socket=socket_mode.SocketTiming(pause=0.01, longest_pause=0.1, hello=10.0, heartbeat=20.0, farewell=30.0),
    token_refresh=RefreshTiming(look=0.1, again=0.02, pause=0.05, settle=0.0),
    connection_lease=30.0,
    events=EventTiming(look=0.1, busy=0.05, room=0.05, mend=0.05, gather=0.3, calm=1.0, longest_wave=60.0),
    schedule=ScheduleTiming(look=0.1, first_pause=0.05, longest_pause=0.5),
)
"""Waiting times for tests: short between two tries, long for an answer, so that a machine that stands still for some
seconds fails no test."""
HASTY = replace(
    PATIENT,
    command=Patience(whole=3.5, for_looking=2.0, between_looks=0.5),
    highlevel=Attempts(most=2, connect=1.0, answer=1.0, pause=0.01),
    worker=replace(PATIENT.worker, wait_for_limit=2.0, drain=2.0),
)
"""The same, for tests in which HighLevel does not answer or a process ends with unfinished work."""


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class House:
    slack: Slack
    highlevel: HighLevel
    settings: Settings

    @property
    def deal(self) -> str:
        """The status of our deal in HighLevel."""
        return str(self.highlevel.opportunities[DEAL]["status"])

    def keep_out(self) -> None:
        """From now on, let the bot post in no channel."""
        self.slack.tokens[BOT_TOKEN] -= {POST_ANYWHERE}

    async def says(self, text: str, *, user: str = ANA, channel: str = SALES, team: str | None = None) -> Shown:
        """Type `/opp-status <text>`; returns the one message that answers it."""
        before = {each.ts for each in self.slack.shown}
        await self.slack.command(text, user=user, channel=channel, team=team)
        return await self._new(before)

    async def presses(self, shown: Shown, action_id: str, *, user: str = ANA) -> None:
        """Press a button; the test looks for what comes of it."""
        await self.slack.press(shown, button(shown, action_id), user=user)

    async def answers(self, shown: Shown, action_id: str, value: str | None = None, *, user: str = ANA) -> Shown:
        """Answer a question by its button or its menu; returns the message that comes of it, when the question is gone.

        That is a new message, or an earlier one that says something else now.

        Of several buttons with this `action_id`, press the one whose value begins with `value`.
        """
        before = {each.ts: each.text for each in self.slack.shown}
        if any(element["action_id"] == action_id and element["type"] != "button" for element in _elements(shown)):
            await self.slack.select(shown, menu(shown, action_id), str(value), user=user)
        else:
            pressed = next(
                element
                for element in _elements(shown)
                if element["action_id"].startswith(action_id) and element.get("value", "").startswith(value or "")
            )
            await self.slack.press(shown, pressed, user=user)
        if shown.only_to is None:
            return await self._new(before)
        # A private result takes the place of the question. Beside a public one the question is deleted.
        await self.slack.wait_until(lambda: self._answered(shown) or self._left_alone(shown, before))
        now = next((each for each in self.slack.shown if each.ts == shown.ts), None)
        if now and now.text != shown.text:
            return now
        edited = [each for each in self.slack.shown if each.ts in before and before[each.ts] != each.text]
        return edited[0] if edited else await self._new(before)

    def _answered(self, question: Shown) -> bool:
        """Whether a result took the question's place, or the question is gone."""
        now = next((each for each in self.slack.shown if each.ts == question.ts), None)
        return now is None or now.text not in {question.text, GOES_ON}

    def _left_alone(self, question: Shown, before: Mapping[str, str]) -> bool:
        """Whether something new came while the question stands as it was: then it was not taken as an answer."""
        stands = any(each.ts == question.ts and each.text == question.text for each in self.slack.shown)
        return stands and any(each.ts not in before for each in self.slack.shown)

    async def _new(self, before: Collection[str]) -> Shown:
        """Wait for a message that was not there before; returns it."""
        await self.slack.wait_until(lambda: any(each.ts not in before for each in self.slack.shown))
        return next(each for each in self.slack.shown if each.ts not in before)

    async def rows(self) -> list[dict[str, Any]]:
        """The rows of the ledger, as soon as every command is finished."""
        engine = engine_for_reading(self.settings.database_url)
        try:
            async with asyncio.timeout(60):
                while True:
                    with engine.connect() as connection:
                        found = [dict(row) for row in connection.execute(sa.select(commands)).mappings()]
                    if all(row["state"] == "finished" for row in found):
                        return found
                    await asyncio.sleep(0.01)
        finally:
            engine.dispose()


def _elements(shown: Shown) -> list[Mapping[str, Any]]:
    return [element for block in shown.blocks for element in elements_of(block)]


@asynccontextmanager
async def open_house(
    folder: Path, tempo: Tempo = PATIENT, /, *, over: str = "http", **settings: str
) -> AsyncIterator[House]:
    """Run the bot between the stand-ins, with one open deal.

    `settings` are environment variables that override the usual ones. `over` is how Slack reaches the bot: `http` or
    `socket`.
    """
    async with stand_ins(folder, over=over, **settings) as house:
        bot = build(house.settings, tempo)
        async with serving(bot) as house.slack.bot_url:
            if house.settings.slack_api_url.startswith(house.slack.url):
                await house.slack.wait_for_call("auth.test")
                if over == "socket":
                    await house.slack.socket.wait_for(connections=1)
            yield house


@asynccontextmanager
async def stand_ins(folder: Path, /, *, over: str = "http", **settings: str) -> AsyncIterator[House]:
    """Run the stand-ins alone, with the settings for a bot between them."""
    highlevel = HighLevel()
    highlevel.add_token(HIGHLEVEL_TOKEN)
    highlevel.add_opportunity(DEAL, name="New website")
    highlevel.oauth.redirect_uris = {callback_of(PUBLIC_URL)}
    slack = Slack(signing_secret=SIGNING_SECRET, bot_token=BOT_TOKEN)
    slack.acknowledge_within = PATIENT.acknowledge + 1
    slack.trigger_seconds = 60.0  # a machine that stands still opens a form late
    slack.socket.tokens = {APP_TOKEN} if over == "socket" else set()
    slack.users = {user_id: {"id": user_id, "name": user_id} for user_id in (ANA, BEN, KIM)}
    async with served(highlevel.app()) as highlevel_url, served(slack.app()) as slack.url:
        environ = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            **HOW[over],
            "SLACK_API_URL": f"{slack.url}/api/",
            "HIGHLEVEL_TOKEN": HIGHLEVEL_TOKEN,
            "HIGHLEVEL_LOCATION_ID": highlevel.location_id,
            "HIGHLEVEL_API_URL": highlevel_url,
            "HIGHLEVEL_OAUTH_URL": f"{highlevel_url}{CHOOSER}",
            "HIGHLEVEL_WEBHOOK_KEYS": highlevel.hooks.public_key,
            "ALLOWED_USERS": ANA,
            "ADMIN_CONTACT": KIM,
            "DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
            "HOST": "127.0.0.1",
            "PORT": "0",
        }
        yield House(slack, highlevel, Settings.from_env(environ | settings))

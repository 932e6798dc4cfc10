"""Lets HighLevel report changes while replicas are killed, and checks what became of each."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import sqlalchemy as sa

from bot.events.worker import EventTiming
from bot.storage.engine import engine_for_reading
from bot.storage.events.tables import events
from bot.storage.tables import commands
from tests.house import ANA, BY_OAUTH, HIGHLEVEL_TOKEN, SALES, House
from tests.journeys.replicas import SHORT, Replica, Replicas

WINS = "C0WINS"
SETTINGS = BY_OAUTH | {
    "HIGHLEVEL_TOKEN": HIGHLEVEL_TOKEN,
    "ANNOUNCE_CHANNELS": f"won={WINS}",
    "CONFIRM": "never",
    "LOST_REASON": "optional",
}
TELLING = replace(
    SHORT,
    events=EventTiming(look=0.1, busy=0.1, room=0.05, mend=0.1, gather=0.2, calm=1.0, longest_wave=5.0),
    event_lease=4.0,
)
"""Waiting times for replicas that die: an event is taken by another process after four seconds."""
REPEATED, ECHOED = 0.3, 0.2
"""The shares of events that HighLevel sends again, and of those that follow a command."""


@dataclass
class Told:
    """What was sent to the bot, and what it made of it."""

    by_hand: list[str] = field(default_factory=list)
    """The deals that a person won in HighLevel, each once."""
    by_command: list[str] = field(default_factory=list)
    """The deals that a command won."""
    events: int = 0
    kills: int = 0
    lost: Sequence[str] = ()
    """Deals that were won in HighLevel, reported, and are not posted."""
    twice: Sequence[str] = ()
    """Deals that have more than one row of the ledger without a caller."""
    echoes: Sequence[str] = ()
    """Deals that a command won, and that are posted as won in HighLevel too."""
    again: int = 0
    """Messages beyond the first about the same change or group."""
    messages: int = 0
    unfinished: int = 0

    def broken(self) -> list[str]:
        """The promises that were broken."""
        promises = {
            f"reported and not posted: {_some(self.lost)}": not self.lost,
            f"told twice: {_some(self.twice)}": not self.twice,
            f"told though a command did it: {_some(self.echoes)}": not self.echoes,
            f"more than one message again for each kill: {self.again}": self.again <= self.kills,
            f"not finished: {self.unfinished}": not self.unfinished,
        }
        return [promise for promise, kept in promises.items() if not kept]


@dataclass
class Telling:
    """HighLevel, which reports changes to whichever replica lives."""

    house: House
    bots: Replicas
    chance: random.Random
    many: int
    """Events in all, with those that are repeated and those that follow a command."""
    told: Told = field(default_factory=Told)
    living: list[Replica] = field(default_factory=list)

    async def go(self, replicas: int, kills: int, seconds_between_kills: tuple[float, float]) -> Told:
        """Report changes while processes are killed; returns what became of them."""
        echoes, repeats = round(self.many * ECHOED), round(self.many * REPEATED)
        hands = self.many - echoes - repeats
        self.house.highlevel.burst_limit = self.house.highlevel.daily_limit = 10**9
        self.told.by_hand = [f"hand{number:016}" for number in range(hands)]
        self.told.by_command = [f"said{number:016}" for number in range(echoes)]
        for each in (*self.told.by_hand, *self.told.by_command):
            self.house.highlevel.add_opportunity(each, name=each)
        self.living = [await self.bots.start() for _ in range(replicas)]
        seconds = kills * sum(seconds_between_kills) / 2
        at = self.chance.uniform
        works = [self._by_hand(deal, at(0, seconds)) for deal in self.told.by_hand]
        works += [self._again(self.chance.choice(self.told.by_hand), at(0, seconds)) for _ in range(repeats)]
        works += [self._by_command(deal, at(0, seconds)) for deal in self.told.by_command]
        sending = asyncio.gather(*works)
        for _ in range(kills):
            await asyncio.sleep(at(*seconds_between_kills))
            await self._kill(self.chance.randrange(replicas))
        await sending
        await self._settled()
        return self._account()

    # --- what HighLevel does ----------------------------------------------------------------------------------------

    async def _by_hand(self, deal: str, after: float) -> None:
        await asyncio.sleep(after)
        self.house.highlevel.set_by_hand(deal, status="won")
        await self._report(deal)

    async def _again(self, deal: str, after: float) -> None:
        """Report a change once more, perhaps before the first report has arrived."""
        await asyncio.sleep(after)
        while self.house.highlevel.opportunities[deal]["status"] != "won":
            await asyncio.sleep(0.1)
        await self._report(deal)

    async def _by_command(self, deal: str, after: float) -> None:
        """Let a person win the deal in Slack, and report that as soon as HighLevel has it."""
        await asyncio.sleep(after)
        number = 0
        while self.house.highlevel.opportunities[deal]["status"] != "won":
            self.house.slack.bot_url = self.chance.choice(self.living).url
            with suppress(httpx.HTTPError):
                await self.house.slack.command(f"{deal} won", user=ANA, channel=SALES, trigger_id=f"{deal}-{number}")
            for _ in range(50):
                if self.house.highlevel.opportunities[deal]["status"] == "won":
                    break
                await asyncio.sleep(0.1)
            number += 1
        await self._report(deal)

    async def _report(self, deal: str) -> None:
        """Send the same webhook until it is accepted, each time to a replica that lives."""
        hooks = self.house.highlevel.hooks
        found = self.house.highlevel.opportunities[deal]
        payload: dict[str, Any] = hooks.payload(found) | {"webhookId": f"{deal}-{found['lastStatusChangeAt']}"}
        self.told.events += 1
        while True:
            hooks.url = self.chance.choice(self.living).url
            if await hooks.deliver(payload, 1) == 200:
                return
            await asyncio.sleep(self.chance.uniform(0.1, 1.0))

    async def _kill(self, place: int) -> None:
        self.living[place].kill()
        await self.living[place].ended()
        self.told.kills += 1
        self.living[place] = await self.bots.start()

    # --- what became of it ------------------------------------------------------------------------------------------

    def _rows(self, table: sa.Table) -> list[sa.RowMapping]:
        engine = engine_for_reading(self.house.settings.database_url)
        with engine.connect() as connection:
            found = list(connection.execute(sa.select(table)).mappings())
        engine.dispose()
        return found

    async def _unfinished(self) -> int:
        rows = [*await asyncio.to_thread(self._rows, events), *await asyncio.to_thread(self._rows, commands)]
        return sum(row["state"] != "finished" for row in rows)

    async def _settled(self, seconds: float = 60.0) -> None:
        """Wait until nothing is unfinished, or for so long without any progress."""
        left, since = await self._unfinished(), 0.0
        while left and since < seconds:
            await asyncio.sleep(0.2)
            now = await self._unfinished()
            left, since = now, (since + 0.2 if now >= left else 0.0)
        self.told.unfinished = left

    def _account(self) -> Told:
        rows = [row for row in self._rows(commands) if not row["user_id"]]
        told = Counter(row["opportunity_id"] for row in rows)
        self.told.lost = [deal for deal in self.told.by_hand if not told[deal]]
        self.told.twice = [deal for deal, many in told.items() if many > 1]
        self.told.echoes = [deal for deal in self.told.by_command if told[deal]]
        posts = [each.text + str(each.blocks) for each in self.house.slack.shown if each.channel == WINS]
        references = {row["reference"] for row in rows}
        about = [sum(reference in post for post in posts) for reference in references]
        self.told.messages, self.told.again = sum(about), sum(max(0, many - 1) for many in about)
        self.told.lost = [*self.told.lost, *(f"message {many}" for many in about if not many)]
        return self.told


def _some(found: Sequence[object]) -> str:
    return f"{len(found)}, such as {', '.join(map(str, found[:5]))}"

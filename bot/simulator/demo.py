"""`python -m bot demo`: the real bot between the two stand-ins, on one machine, in a terminal."""

import asyncio
import html
import re
import tempfile
import textwrap
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bot import logs
from bot.settings import Settings
from bot.simulator.highlevel import Fault, HighLevel
from bot.simulator.serving import LOCALHOST, served
from bot.simulator.slack import Shown, Slack, button
from bot.web import serving
from bot.wiring import build

CHANNEL = "C0SALES"
PEOPLE = {"ana": "U0ANA", "ben": "U0BEN", "kim": "U0KIM"}
ALLOWED, DENIED, ADMIN = PEOPLE["ana"], PEOPLE["ben"], PEOPLE["kim"]
ACME, GLOBEX = "aB3dE5fG7hJ9kL1mN2pQ", "cD4eF6gH8jK1lM3nP5qR"
NOBODYS_ID = "zZ9yY8xX7wW6vV5uU4tT"

INTRODUCTION = """\
Opp Status, on this machine alone: the real bot, with stand-ins for Slack and HighLevel.
The bot listens on {url}. Ana may change deals, Ben may not, and Kim looks after the bot.
"""
PROMPT = """\
Now you: type a command, such as

    /opp-status {example} lost      the deals are listed by `deals`
    press                                     press the last Undo button there is
    as ben                                    speak as Ben (or ana, or kim)
    down, up                                  take HighLevel down, bring it back
    quit                                      or Ctrl-D
"""
AGAIN = "I know /opp-status, press, as <name>, deals, down, up and quit."

DIALOGUE = (
    ("Ana changes a deal.", "ana", f"{ACME} won"),
    ("She pastes a link this time, and the deal is so already.", "ana", "{link} won"),
    ("Ben is not on the list.", "ben", f"{ACME} lost"),
    ("A slip of the finger.", "ana", f"{GLOBEX} wno"),
    ("An id that is no deal's.", "ana", f"{NOBODYS_ID} won"),
    ("Ana changes her mind.", "ana", "undo"),
    ("Who did what?", "ana", f"history {ACME}"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The stand-ins, with the bot between them."""

    slack: Slack
    highlevel: HighLevel
    bot_url: str


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """Everything, running."""
    highlevel = HighLevel()
    slack = Slack(signing_secret="not-a-secret", bot_token="xoxb-simulated")  # noqa: S106 - the stand-in's
    token = highlevel.add_token("pit-simulated")
    _furnish(highlevel, slack)
    with tempfile.TemporaryDirectory() as folder:
        async with served(highlevel.app()) as highlevel_url, served(slack.app()) as slack.url:
            settings = Settings.from_env(
                {
                    "SLACK_BOT_TOKEN": "xoxb-simulated",
                    "SLACK_SIGNING_SECRET": "not-a-secret",
                    "SLACK_API_URL": f"{slack.url}/api/",
                    "HIGHLEVEL_TOKEN": token,
                    "HIGHLEVEL_LOCATION_ID": highlevel.location_id,
                    "HIGHLEVEL_API_URL": highlevel_url,
                    "ALLOWED_USERS": f"{ALLOWED},{ADMIN}",
                    "ADMIN_CONTACT": ADMIN,
                    "CURRENCY": "USD",
                    "DATABASE_URL": f"sqlite:///{Path(folder) / 'demo.db'}",
                    "HOST": LOCALHOST,
                    "PORT": "0",
                }
            )
            async with serving(build(settings)) as slack.bot_url:
                await slack.wait_for_call("auth.test")  # before that, nobody may do anything
                yield Stage(slack, highlevel, slack.bot_url)


def _furnish(highlevel: HighLevel, slack: Slack) -> None:
    for name, user_id in PEOPLE.items():
        slack.users[user_id] = {"id": user_id, "name": name}
    highlevel.users["USERxMAXxxxxxxxxxxxx"] = {"id": "USERxMAXxxxxxxxxxxxx", "name": "Max Power"}
    stages = [{"id": "stage-1", "name": "Proposal"}, {"id": "stage-2", "name": "Negotiation"}]
    highlevel.pipelines = [{"id": "PIPELINExxxxxxxxxxxx", "name": "New business", "stages": stages}]
    for opportunity_id, name, value, contact, company in (
        (ACME, "New website", 4800, "Jane Doe", "Acme Corp"),
        (GLOBEX, "Yearly support", 12000, "Hank Scorpio", "Globex"),
    ):
        highlevel.add_opportunity(
            opportunity_id,
            name=name,
            monetaryValue=value,
            pipelineId="PIPELINExxxxxxxxxxxx",
            pipelineStageId="stage-2",
            assignedTo="USERxMAXxxxxxxxxxxxx",
            contact={"name": contact, "companyName": company},
        )


class Theatre:
    """Plays the dialogue, and then lets somebody type."""

    def __init__(self, stage: Stage, out: TextIO) -> None:
        self._stage = stage
        self._out = out
        self._speaker = "ana"

    async def play(self) -> None:
        """The dialogue of the README."""
        self._say(INTRODUCTION.format(url=self._stage.bot_url))
        link = f"https://app.gohighlevel.com/v2/location/{self._stage.highlevel.location_id}/opportunities/{ACME}"
        for remark, self._speaker, text in DIALOGUE:
            self._say(remark)
            await self._type(text.format(link=f"<{link}>"))
        self._say("HighLevel is down.")
        self._take_down()
        self._speaker = "ana"
        await self._type(f"{GLOBEX} won")
        self._stage.highlevel.behave()

    async def improvise(self, lines: "asyncio.Queue[str | None]") -> None:
        """Carry out what is typed, until it ends."""
        self._say(PROMPT.format(example=GLOBEX))
        while (line := await lines.get()) is not None:
            match line.split():
                case []:
                    continue
                case ["quit" | "exit"]:
                    return
                case ["as", name] if name.lower() in PEOPLE:
                    self._speaker = name.lower()
                    self._say(f"You are {name.title()} now.")
                case ["deals"]:
                    for deal in self._stage.highlevel.opportunities.values():
                        self._say(f"    {deal['id']}  {deal['status']:<10} {deal['name']}")
                case ["down" | "up" as weather]:
                    self._change_the_weather(weather)
                case ["press"]:
                    await self._press()
                case ["/opp-status", *_]:
                    await self._type(line.strip().removeprefix("/opp-status").strip())
                case _:
                    self._say(AGAIN)

    def _change_the_weather(self, weather: str) -> None:
        if weather == "down":
            self._take_down()
            self._say("HighLevel answers everything with an error now.")
        else:
            self._stage.highlevel.behave()
            self._say("HighLevel is well again.")

    def _take_down(self) -> None:
        self._stage.highlevel.misbehave(Fault(status=503, body="upstream connect error"), times=float("inf"))

    async def _type(self, text: str) -> None:
        slack = self._stage.slack
        self._say(f"  {self._speaker.title()}: /opp-status {text}")
        before = len(slack.shown)
        await slack.command(text, user=PEOPLE[self._speaker], channel=CHANNEL)
        self._show((await slack.wait_for(before + 1, seconds=30))[before:])
        self._say("")

    async def _press(self) -> None:
        """Press the last button there is: what comes of it takes its message's place, or is told to the presser."""
        slack = self._stage.slack
        pressed = next(shown for shown in reversed(slack.shown) if has_undo(shown))  # the dialogue leaves one
        self._say(f"  {self._speaker.title()} presses Undo.")
        before = len(slack.shown)
        told = asyncio.create_task(slack.wait_for(before + 1, seconds=30))
        changed = asyncio.create_task(slack.wait_for_change(pressed.ts, seconds=30))
        await slack.press(pressed, button(pressed, "undo"), user=PEOPLE[self._speaker])
        await asyncio.wait([told, changed], return_when=asyncio.FIRST_COMPLETED)
        if changed.done():
            self._say("  the message says now:")
            self._say(textwrap.indent(readable(changed.result()), "    | "))
        self._show(slack.shown[before:])
        told.cancel()
        changed.cancel()
        self._say("")

    def _show(self, messages: Sequence[Shown]) -> None:
        for shown in messages:
            who = "everybody sees" if shown.only_to is None else f"only {self._speaker.title()} sees"
            self._say(f"  {who}:")
            self._say(textwrap.indent(readable(shown), "    | "))

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def has_undo(shown: Shown) -> bool:
    """Whether a message has a button that takes a change back."""
    return any(block["type"] == "actions" for block in shown.blocks)


def readable(shown: Shown) -> str:
    """A message's text with Slack's own marks as a person sees them."""
    names = {user_id: name.title() for name, user_id in PEOPLE.items()}
    text = re.sub(r"<@(\w+)>", lambda found: f"@{names.get(found[1], found[1])}", shown.text)
    text = html.unescape(re.sub(r"<[^<>|]*\|([^<>]*)>", r"\1", text))
    return f"{text}\n[Undo]" if has_undo(shown) else text


def run(stdin: TextIO, out: TextIO) -> None:
    """Play, then improvise, until the input ends or somebody interrupts."""
    logs.set_up("ERROR", "text")
    with suppress(KeyboardInterrupt):
        asyncio.run(_perform(stdin, out))


async def _perform(stdin: TextIO, out: TextIO) -> None:
    async with staged() as stage:
        theatre = Theatre(stage, out)
        await theatre.play()
        await theatre.improvise(_typed(stdin))


def _typed(stdin: TextIO) -> "asyncio.Queue[str | None]":
    """The lines of a terminal, a pipe or a file, as they come; `None` at the end."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    # A daemon: nothing else can interrupt a read from a terminal.
    threading.Thread(target=read, daemon=True, name="stdin").start()
    return lines

"""Plays the demo in a terminal: `python -m bot demo --terminal`."""

import asyncio
import re
import textwrap
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TextIO

from bot.operations import logs
from bot.simulator.demo.opening import served_page
from bot.simulator.demo.reading import pressable_for, pressables, readable
from bot.simulator.demo.stage import ACME, GLOBEX, PEOPLE, SALES, TRAINING, UNKNOWN_ID, Stage, link_to, staged
from bot.simulator.demo.troubles import WELL, trouble_highlevel
from bot.simulator.serving import LOCALHOST
from bot.simulator.slack.workspace import Shown
from bot.slack.messages.tables import GOES_ON

INTRODUCTION = """\
Opp Status demo: the real bot, with a pretend Slack and HighLevel, on this machine only.
Ana and Max are reps, Ben doesn't have access yet, and Kim is the admin. (bot: {url})
"""
ON_THE_PAGE = """\
Your turn. Open {url} to try it: switch people, click buttons, watch the board, and break HighLevel.
Nothing leaves this machine.
"""
PROMPT = """\
Or type here:

    /opp-status {example} lost      see deals with `deals`
    /opp-status jane open?                    preview a change by contact
    press                                     press the last button (or `press 2`, `press share`)
    as ben                                    switch to Ben (or ana, max, kim)
    down, up                                  take HighLevel down, bring it back
    quit                                      or Ctrl-D
"""
AGAIN = "Try /opp-status, press, as <name>, deals, down, up, or quit."

DIALOGUE = (
    ("Ana wins a deal by company name.", "ana", "/opp-status Acme Corp won"),
    ("She pastes a link, but it's already won.", "ana", "/opp-status {link} won"),
    ("Ben doesn't have access.", "ben", f"/opp-status {ACME} lost"),
    ("A typo.", "ana", f"/opp-status {GLOBEX} wno"),
    ("An ID that doesn't exist.", "ana", f"/opp-status {UNKNOWN_ID} won"),
    ("Ana changes her mind.", "ana", "/opp-status undo"),
    ("She looks the deal up first.", "ana", "/opp-status Acme Corp"),
    ("She previews a change.", "ana", "/opp-status Acme Corp lost?"),
    ("She loses a deal, with a reason.", "ana", "/opp-status Acme Corp lost too expensive"),
    ("Two deals match, so Kim picks one.", "kim", "/opp-status Globex won"),
    ("She picks the second.", "kim", "press 2"),
    ("Several at once. One is already won, so Opp Status asks.", "kim", f"/opp-status {GLOBEX} {TRAINING} abandoned"),
    ("She undoes it.", "kim", "press Undo"),
    ("Who did what?", "ana", f"/opp-status history {ACME}"),
)


class Theatre:
    """Plays the dialogue, and then carries out what a person types."""

    def __init__(self, stage: Stage, out: TextIO) -> None:
        self._stage = stage
        self._out = out
        self._speaker = "ana"

    async def play(self) -> None:
        """Play the dialogue of the README."""
        self._say(INTRODUCTION.format(url=self._stage.bot_url))
        link = link_to(self._stage.highlevel, ACME)
        for remark, self._speaker, line in DIALOGUE:
            self._say(remark)
            await self._do(line.format(link=f"<{link}>"))
        self._say("HighLevel goes down.")
        trouble_highlevel(self._stage, "maintenance")
        self._speaker = "ana"
        await self._do(f"/opp-status {ACME} won")
        trouble_highlevel(self._stage, WELL)

    async def improvise(self, lines: "asyncio.Queue[str | None]") -> None:
        """Carry out each line, until `None` or `quit`."""
        self._say(PROMPT.format(example=GLOBEX))
        while (line := await lines.get()) is not None:
            if line.split() in (["quit"], ["exit"]):
                return
            await self._do(line)

    async def _do(self, line: str) -> None:
        match line.split():
            case []:
                return
            case ["as", name] if name.lower() in PEOPLE:
                self._speaker = name.lower()
                self._say(f"You're {name.title()} now.")
            case ["deals"]:
                for deal in self._stage.highlevel.opportunities.values():
                    self._say(f"    {deal['id']}  {deal['status']:<10} {deal['name']}")
            case ["down" | "up" as weather]:
                self._change_the_weather(weather)
            case ["press", *words]:
                await self._press(" ".join(words))
            case ["/opp-status"]:
                await self._open_form()
            case ["/opp-status", *_]:
                await self._type(line.strip().removeprefix("/opp-status").strip())
            case _:
                self._say(AGAIN)

    def _change_the_weather(self, weather: str) -> None:
        if weather == "down":
            trouble_highlevel(self._stage, "maintenance")
            self._say("HighLevel is down.")
        else:
            trouble_highlevel(self._stage, WELL)
            self._say("HighLevel is back.")

    async def _type(self, text: str) -> None:
        slack = self._stage.slack
        self._say(f"  {self._speaker.title()}: /opp-status {text}")
        before = self._seen()
        await slack.command(text, user=PEOPLE[self._speaker], channel=SALES)
        await slack.wait_until(lambda: bool(self._news(before)), seconds=30)
        await self._show_news(before)

    async def _open_form(self) -> None:
        """Print the names of the form's fields and close it: a terminal cannot show it."""
        slack, user = self._stage.slack, PEOPLE[self._speaker]
        self._say(f"  {self._speaker.title()}: /opp-status")
        before = self._seen()
        await slack.command("", user=user, channel=SALES)
        await slack.wait_until(lambda: bool(slack.views or self._news(before)), seconds=30)
        for view in list(slack.views):
            fields = [block["label"]["text"] for block in view.blocks if block["type"] == "input"]
            self._say(f"  a form opens (fill it in on the page): {', '.join(fields)}")
            slack.close(view)
        await self._show_news(before)

    async def _press(self, words: str) -> None:
        """Press a button or an option in the last message that has any.

        The bot then sends a message, or replaces or deletes that one; for an answer to its question it does several.
        """
        slack, user = self._stage.slack, PEOPLE[self._speaker]
        seen = [shown for shown in slack.shown if shown.only_to in {None, user} and pressables(shown)]
        pressed = pressable_for(pressables(seen[-1]), words) if seen else None
        if pressed is None:
            self._say("Nothing like that to press.")
            return
        self._say(f"  {self._speaker.title()} clicks {pressed.label}.")
        before, shown = self._seen(), seen[-1]
        if pressed.option is None:
            await slack.press(shown, pressed.element, user=user)
        else:
            await slack.select(shown, pressed.element, pressed.option, user=user)
        await slack.wait_until(lambda: self._is_done(shown, before), seconds=30)
        if self._now(shown) is None:
            self._say("  the question goes.")
        await self._show_news(before)

    def _is_done(self, pressed: Shown, before: Mapping[str, str]) -> bool:
        """Whether the result of a press is there, and does not only follow."""
        now = self._now(pressed)
        if now and now.text == pressed.text:
            return bool(self._news(before))
        return now is None or now.text != GOES_ON

    def _now(self, shown: Shown) -> Shown | None:
        return next((each for each in self._stage.slack.shown if each.ts == shown.ts), None)

    def _seen(self) -> Mapping[str, str]:
        """What each message says, by its `ts`."""
        return {shown.ts: shown.text for shown in self._stage.slack.shown}

    def _news(self, before: Mapping[str, str]) -> list[Shown]:
        return [shown for shown in self._stage.slack.shown if shown.ts not in before]

    async def _show_news(self, before: Mapping[str, str]) -> None:
        """Print the messages that say something else now, and the new ones.

        After a loss without a reason, wait a moment for the bot's question about it.
        """
        news = self._news(before)
        if any(re.search(r"> marked .* lost\b", shown.text) for shown in news):
            with suppress(TimeoutError):
                await self._stage.slack.wait_until(lambda: len(self._news(before)) > len(news), seconds=3)
        for shown in self._stage.slack.shown:
            if before.get(shown.ts, shown.text) != shown.text:
                self._say("  the message changes to:")
                self._say(textwrap.indent(readable(shown, datetime.now().astimezone()), "    | "))
        self._show(self._news(before))
        self._say("")

    def _show(self, messages: Sequence[Shown]) -> None:
        for shown in messages:
            who = "everyone sees" if shown.only_to is None else f"only {self._speaker.title()} sees"
            self._say(f"  {who}:")
            self._say(textwrap.indent(readable(shown, datetime.now().astimezone()), "    | "))

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def run(stdin: TextIO, out: TextIO, *, host: str = LOCALHOST, port: int | None = None, stays: bool = False) -> None:
    """Play the dialogue, then serve the page and carry out what is typed until the input ends or Ctrl-C.

    `stays` keeps the page after the input has ended; `port` is as for `opening.run`. Raises `OSError` if it is taken.
    """
    logs.set_up("ERROR", "text")
    with suppress(KeyboardInterrupt):
        asyncio.run(_perform(stdin, out, host, port, stays=stays))


async def _perform(stdin: TextIO, out: TextIO, host: str, port: int | None, *, stays: bool) -> None:
    async with staged() as stage:
        await Theatre(stage, out).play()
    async with staged() as stage, served_page(stage, host, port) as address:
        print(ON_THE_PAGE.format(url=address), file=out, flush=True)
        await Theatre(stage, out).improvise(_typed(stdin))
        if stays:
            await asyncio.Event().wait()


def _typed(stdin: TextIO) -> "asyncio.Queue[str | None]":
    """Read lines from a terminal, a pipe or a file as they come; `None` at the end."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    # A daemon, since a read from a terminal cannot be interrupted in any other way.
    threading.Thread(target=read, daemon=True, name="stdin").start()
    return lines

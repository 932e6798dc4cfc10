"""The stand-in's workspace: its people and channels, and the messages and modals they see."""

import json
import time
from asyncio import Condition, timeout
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.simulator.slack.block_kit import TEXT_LIMIT, Element, buttons_of, charts_of, menus_of, refusal_of
from bot.simulator.slack.views import View


@dataclass(frozen=True)
class Shown:
    """A message as Slack shows it: to the whole channel, or `only_to` one person."""

    channel: str
    only_to: str | None
    text: str
    blocks: tuple[Mapping[str, Any], ...]
    via: str
    """How it came: `acknowledgement`, `response_url`, `chat.postMessage`, from a `person` or `slack` itself."""
    ts: str = field(default="", compare=False)
    """Its id within the channel, as `1700000000.000100`: the time it was shown, greater for each later message."""
    by: str = ""
    """The person who wrote it; empty for a message of the bot's or Slack's."""
    thread_ts: str = field(default="", compare=False)
    """The `ts` of the message in whose thread it stands; empty in the channel itself."""


def button(shown: Shown, action_id: str) -> Element:
    """Find the button with this `action_id` in a message. Raises `ValueError` if there is none."""
    for block in shown.blocks:
        for element in buttons_of(block):
            if element["action_id"] == action_id:
                return element
    raise ValueError(f"no button {action_id} in: {shown.text}")


def menu(shown: Shown, action_id: str) -> Element:
    """Find the menu (`static_select` or `overflow`) with this `action_id`. Raises `ValueError` if there is none."""
    for block in shown.blocks:
        for element in menus_of(block):
            if element["action_id"] == action_id:
                return element
    raise ValueError(f"no menu {action_id} in: {shown.text}")


class Workspace:
    """The state of one workspace with one app in it. Tests set it up and look at it through its attributes."""

    def __init__(self, team_id: str) -> None:
        self.team_id = team_id
        self.organization = ""
        """The id of the organization that the workspace belongs to; empty for none."""
        self.is_org_wide = False
        """Whether the app is installed in all workspaces of the organization at once."""
        self.users: dict[str, dict[str, Any]] = {}
        """People by their ids, each as `users.info` returns them."""
        self.groups: dict[str, list[str]] = {}
        """The members of user groups, by the group's id."""
        self.channels: dict[str, str] = {}
        """The names of channels by their ids, without the `#`; private ones have ids that begin with `G`."""
        self.joined: set[str] = set()
        """The channels that the bot is a member of."""
        self.hidden: set[str] = set()
        """The channels that the bot does not see: there are none of these ids, or they are private and without it."""
        self.archived: set[str] = set()
        self.shared_channels: set[str] = set()
        """The channels shared with another company."""
        self.shown: list[Shown] = []
        """The messages that people see, the oldest first."""
        self.replaced: list[Shown] = []
        """Messages as they were before they were replaced or deleted; a replacement keeps the `ts`."""
        self.views: list[View] = []
        """The open modals, the latest last."""
        self.refusals: list[str] = []
        """Messages, modals and answers of the bot's that Slack would refuse, each with the reason."""
        self.shows_charts = True
        """Whether Slack knows the block for charts. Some answer `invalid_blocks` to it."""
        self.clock: Callable[[], float] = time.time
        self._last_ts = 0
        self._news = Condition()

    async def wait_until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until the condition holds; it is checked whenever the state changes. Raises `TimeoutError`."""
        async with timeout(seconds), self._news:
            await self._news.wait_for(condition)

    async def wait_for(self, count: int, seconds: float = 60.0) -> list[Shown]:
        """Wait for at least `count` messages; returns all of them. Raises `TimeoutError`."""
        await self.wait_until(lambda: len(self.shown) >= count, seconds)
        return list(self.shown)

    async def wait_for_change(self, ts: str, times: int = 1, seconds: float = 60.0) -> Shown:
        """Wait until the message with this `ts` was replaced `times` times; returns it. Raises `TimeoutError`."""
        await self.wait_until(lambda: [before.ts for before in self.replaced].count(ts) >= times, seconds)
        return next(shown for shown in self.shown if shown.ts == ts)

    def sees(self, user: str, shown: Shown) -> bool:
        """Whether this person sees this message."""
        elsewhere = shown.channel in self.users and shown.channel != user
        return shown.only_to in {None, user} and not elsewhere

    def _user_name(self, user: str) -> str:
        name: str = self.users.get(user, {}).get("name", "unknown")
        return name

    def _conversation(self, channel: str) -> str:
        """The id that Slack sends. Here a direct message has the person's id, `U...`; Slack calls it `D...`."""
        return f"D{channel[1:]}" if channel in self.users else channel

    def _channel(self, conversation: str) -> str:
        return next((user for user in self.users if self._conversation(user) == conversation), conversation)

    def _channel_name(self, channel: str) -> str:
        """The name that Slack sends: private channels and direct messages have none."""
        if channel in self.users:
            return "directmessage"
        return "privategroup" if channel.startswith("G") else self.channels.get(channel, "sales")

    def _message(self, body: Mapping[str, Any], channel: str, user: str | None, via: str) -> Shown:
        public = body.get("response_type") == "in_channel"
        thread = self._thread(channel, str(body.get("thread_ts", "")))
        said = body.get("text", ""), tuple(body.get("blocks", ()))
        return Shown(channel, None if public else user, *said, via, thread_ts=thread)

    def _thread(self, channel: str, ts: str) -> str:
        """The `thread_ts` of a reply to the message with this `ts`; empty if there is none such in the channel."""
        found = next((each for each in self.shown if (each.channel, each.ts) == (channel, ts)), None)
        return (found.thread_ts or found.ts) if found else ""

    def _refuses(self, where: str, body: Mapping[str, Any], text_limit: int = TEXT_LIMIT) -> str | None:
        """Why Slack refuses this message, which is recorded in `refusals`; `None` if Slack shows it."""
        refusal = refusal_of(body, text_limit)
        if not refusal and not self.shows_charts and charts_of(body):
            return "invalid_blocks"  # no fault of the bot's
        if refusal:
            self.refusals.append(f"{where}: {refusal}: {json.dumps(dict(body))}")
        return refusal

    async def _show(self, shown: Shown) -> str:
        """Show a message; returns its `ts`."""
        self._last_ts = max(self._last_ts + 1, int(self.clock() * 10**6))
        ts = f"{self._last_ts // 10**6}.{self._last_ts % 10**6:06}"
        self.shown.append(replace(shown, ts=ts))
        await self._changed()
        return ts

    async def _replace(self, shown: Shown, body: Mapping[str, Any]) -> None:
        """Replace what a message says; the same people see it as before."""
        place = [each.ts for each in self.shown].index(shown.ts)
        self.shown[place] = replace(shown, text=body.get("text", ""), blocks=tuple(body.get("blocks", ())))
        self.replaced.append(shown)
        await self._changed()

    async def _delete(self, shown: Shown | None) -> None:
        if shown is not None:
            self.shown[:] = [each for each in self.shown if each.ts != shown.ts]
            self.replaced.append(shown)
            await self._changed()

    async def _changed(self) -> None:
        """Wake up all that wait for a change of the state."""
        async with self._news:
            self._news.notify_all()

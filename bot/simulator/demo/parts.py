"""Renders the parts of the demo page that change, from the messages to the wire."""

from collections.abc import Collection
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from typing import Any

from markupsafe import Markup

from bot.commands.record import Record
from bot.deals.deal import STATES
from bot.deals.ports import StoreDown
from bot.simulator.demo import acts, pipeline, stage
from bot.simulator.demo.acts import Act
from bot.simulator.demo.mrkdwn import html_of
from bot.simulator.demo.rendering import Rendering, environment
from bot.simulator.demo.stage import Stage
from bot.simulator.demo.tour.steps import STEPS
from bot.simulator.demo.tour.unread import Unread
from bot.simulator.demo.viewpoint import CHANNELS, DIRECT, Viewpoint
from bot.simulator.slack.workspace import Shown
from bot.simulator.traffic import headers_to_show, text_to_show

MOST_ACTS, MOST_MESSAGES = 12, 200
NOTIFICATION = 60
"""Characters of a message that a phone shows of it."""


class Parts:
    """Renders the parts of the page over a stage."""

    def __init__(self, on: Stage) -> None:
        self._stage = on
        self._names = {**stage.names(), "U0BOT": "@Opp Status"}
        self._called = {each: name.removeprefix("@") for each, name in self._names.items()}
        self._rendering = Rendering(self._names)
        self._made: dict[tuple[str, str], tuple[Shown, Markup]] = {}
        """Rendered messages, by where they are shown and their `ts`."""
        self._unread = Unread(on.slack)
        self._templates: Any = environment().get_template("parts.html").module

    def forget(self) -> None:
        """Forget the rendered messages, and what was read: the stage was reset."""
        self._made.clear()
        self._unread.forget()

    async def render(self, viewpoint: Viewpoint, done: Collection[int] = ()) -> dict[str, Markup]:
        """Render every part of the page, by its id. `done` has the numbers of the steps that were taken.

        The viewer has read what is in the channel then.
        """
        slack = self._stage.slack
        if not viewpoint.is_home:
            self._unread.read(viewpoint.user, viewpoint.channel)
        view = next((view for view in slack.views if view.user == viewpoint.user), None)
        return {
            **self._conversation(viewpoint),
            "modal": self._rendering.modal(view) if view else Markup(),
            **self._around(viewpoint),
            **self._board(),
            "steps": self._templates.steps(STEPS, done),
            "refusals": self._templates.refusals([text_to_show(each) for each in slack.refusals]),
            "traffic": await self._traffic(viewpoint),
        }

    def _conversation(self, viewpoint: Viewpoint) -> dict[str, Markup]:
        """The messages of the channel, and those of the open thread if there is one; or the app's Home tab."""
        slack = self._stage.slack
        if viewpoint.is_home:
            home = slack.homes.get(viewpoint.user)
            return {"home": self._rendering.home(home) if home else self._templates.nothing_at_home()}
        seen = [each for each in slack.shown if each.channel == viewpoint.channel and slack.sees(viewpoint.user, each)]
        replies: dict[str, list[Shown]] = {}
        for each in seen:
            replies.setdefault(each.thread_ts, []).append(each)
        shown = [(each, self._contents(each)) for each in replies.pop("", [])[-MOST_MESSAGES:]]
        parts = {"messages": self._templates.messages(shown, replies, viewpoint, self._names, _moment)}
        if viewpoint.thread:
            said = [each for each in seen if viewpoint.thread in {each.ts, each.thread_ts}]
            thread = [(each, self._contents(each, "thread-")) for each in said[:1] + said[1:][-MOST_MESSAGES:]]
            parts["thread"] = self._templates.thread(thread, viewpoint, self._names, _moment)
        return parts

    def _around(self, viewpoint: Viewpoint) -> dict[str, Markup]:
        """The channels with what is unread in them, the people to be, and the viewer's phone."""
        unread = self._unread.counts(viewpoint.user)
        waiting = {
            user: DIRECT if channel == user else channel
            for user in stage.PEOPLE.values()
            if user != viewpoint.user and (channel := self._unread.waits_in(user))
        }
        counts = {name: unread[viewpoint.user if name == DIRECT else name] for name in CHANNELS}
        return {
            "sidebar": self._templates.sidebar(viewpoint, CHANNELS, counts, stage.PEOPLE, self._names),
            "faces": self._templates.faces(viewpoint, stage.PEOPLE, stage.ROLES, waiting),
            "phone": self._templates.phone(*self._notification(viewpoint.user), _moment),
        }

    def _notification(self, user: str) -> tuple[Shown | None, str]:
        """The latest message that reaches this person's phone, and its first characters.

        Slack sends no notification of a message that it shows to one person in a channel, nor to everyone of a reply in
        a thread. Guessed: a person who is
        mentioned is called by name in it.
        """
        for shown in reversed(self._stage.slack.shown):
            direct = shown.channel == user
            is_for_all = shown.channel in stage.CHANNELS and shown.only_to is None and not shown.thread_ts
            if not shown.by and (direct or is_for_all):
                words = html_of(shown.text.partition("\n")[0], self._called).striptags()
                return shown, words if len(words) <= NOTIFICATION else f"{words[:NOTIFICATION]}…"
        return None, ""

    def _board(self) -> dict[str, Markup]:
        highlevel = self._stage.highlevel
        stages = [each for line in highlevel.pipelines for each in line["stages"]]
        deals = pipeline.named(highlevel.opportunities.values(), stages, highlevel.lost_reasons)
        link = partial(stage.link_to, highlevel)
        opened, closed = pipeline.open_lanes(deals, stages), pipeline.closed_lanes(deals)
        return {
            "score": self._templates.score(pipeline.won_on(deals, datetime.now(UTC).date())),
            "board": self._templates.board(opened, closed, stages, link, STATES),
        }

    async def _traffic(self, viewpoint: Viewpoint) -> Markup:
        slack, highlevel = self._stage.slack, self._stage.highlevel
        done = acts.acts_of([*slack.sent, *highlevel.hooks.sent], [*slack.received, *highlevel.received])
        act, rows = await self._looked_at(done, viewpoint.about.strip().upper())
        made: Markup = self._templates.traffic(
            done[: -MOST_ACTS - 1 : -1],
            act,
            [_fields(row) for row in rows],
            {**self._names, "": "@HighLevel"},
            viewpoint.address,
            headers_to_show,
            acts.legible,
        )
        return made

    def _contents(self, shown: Shown, where: str = "") -> Markup:
        """A message as HTML, rendered once: a message that is replaced is a new value."""
        known = self._made.get((where, shown.ts))
        if known is None or known[0] is not shown:
            known = self._made[where, shown.ts] = (shown, self._rendering.message(shown, where))
        return known[1]

    async def _looked_at(self, done: list[Act], about: str) -> tuple[Act | None, list[Record]]:
        """Find an act by its number or by the reference in its reply; returns it with its rows in the ledger."""
        if about.isascii() and about.isalnum() and not about.isdecimal():
            for act in done:
                rows = await self._rows(act)
                if any(row.reference == about for row in rows):
                    return act, rows
        meant = next((act for act in done if str(act.number) == about), done[-1] if done else None)
        return meant, await self._rows(meant) if meant else []

    async def _rows(self, act: Act) -> list[Record]:
        """The act's rows in the ledger: none, one, or one for each of several deals."""
        if not act.key:
            return []
        try:
            found = await self._stage.history.find(act.key)
            if found is None:
                return []
            return await self._stage.history.of_batch(act.key) if found.batch == found.key else [found]
        except StoreDown:
            return []


def _fields(row: Record) -> dict[str, str]:
    """The fields of a row that have a value, by name."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {name: str(value) for name, value in values.items() if value not in {None, ""}}


def _moment(shown: Shown) -> str:
    """When a message was shown, as a browser reads it."""
    return f"{datetime.fromtimestamp(float(shown.ts), UTC):%Y-%m-%dT%H:%M:%SZ}"

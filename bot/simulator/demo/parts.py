"""Renders the parts of the demo page that change: messages, modal, board, refusals and traffic."""

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from markupsafe import Markup

from bot.commands.record import Record
from bot.deals.deal import Status
from bot.deals.ports import StoreDown
from bot.simulator.demo import acts, stage
from bot.simulator.demo.acts import Act
from bot.simulator.demo.rendering import Rendering, environment
from bot.simulator.demo.stage import Stage
from bot.simulator.demo.viewpoint import Viewpoint
from bot.simulator.slack.workspace import Shown
from bot.simulator.traffic import headers_to_show, text_to_show
from bot.slack.messages.form import SHORTCUT

MOST_ACTS, MOST_MESSAGES = 12, 200


class Parts:
    """Renders the parts of the page over a stage."""

    def __init__(self, on: Stage) -> None:
        self._stage = on
        self._names = {**stage.names(), "U0BOT": "@Opp Status"}
        self._rendering = Rendering(self._names)
        self._made: dict[str, tuple[Shown, Markup]] = {}
        """Rendered messages, by their `ts`."""
        self._templates: Any = environment().get_template("parts.html").module

    def forget(self) -> None:
        """Forget the rendered messages: the stage was reset."""
        self._made.clear()

    async def render(self, viewpoint: Viewpoint) -> dict[str, Markup]:
        """Render every part of the page, by its id."""
        slack, highlevel = self._stage.slack, self._stage.highlevel
        seen = [each for each in slack.shown if each.channel == viewpoint.channel and slack.sees(viewpoint.user, each)]
        shown = [(each, self._contents(each)) for each in seen[-MOST_MESSAGES:]]
        view = next((view for view in slack.views if view.user == viewpoint.user), None)
        done = acts.acts_of(slack.sent, [*slack.received, *highlevel.received])
        act, rows = await self._looked_at(done, viewpoint.about.strip().upper())
        return {
            "messages": self._templates.messages(shown, self._names, SHORTCUT),
            "modal": self._rendering.modal(view) if view else Markup(),
            "board": self._templates.board(self._columns(), partial(stage.link_to, highlevel), [*Status]),
            "refusals": self._templates.refusals([text_to_show(each) for each in slack.refusals]),
            "traffic": self._templates.traffic(
                done[: -MOST_ACTS - 1 : -1],
                act,
                [_fields(row) for row in rows],
                self._names,
                viewpoint.address,
                headers_to_show,
                acts.legible,
            ),
        }

    def _contents(self, shown: Shown) -> Markup:
        """A message as HTML, rendered once: a message that is replaced is a new value."""
        known = self._made.get(shown.ts)
        if known is None or known[0] is not shown:
            known = self._made[shown.ts] = (shown, self._rendering.message(shown))
        return known[1]

    def _columns(self) -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
        """The pipeline's stages, each with its deals, the open ones first."""
        highlevel = self._stage.highlevel
        reasons = {reason["id"]: reason["name"] for reason in highlevel.lost_reasons}
        deals = [
            {**deal, "lostReason": reasons.get(deal.get("lostReasonId"), "")}
            for deal in highlevel.opportunities.values()
        ]
        order = [*Status]
        deals.sort(key=lambda deal: order.index(Status(deal["status"])))
        return [
            (each, [deal for deal in deals if deal["pipelineStageId"] == each["id"]])
            for pipeline in highlevel.pipelines
            for each in pipeline["stages"]
        ]

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

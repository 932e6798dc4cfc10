"""Serves the demo in a browser: a channel as in Slack beside a board as in HighLevel, and the real bot between them.

The server renders every part of the page and sends the browser those that change. What a person does on the page goes
to the stand-in for Slack, which sends it to the bot as Slack would: signed, over HTTP.
"""

import asyncio
import html
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.commands.record import Record
from bot.deals.deal import Status
from bot.deals.ports import StoreDown
from bot.simulator.demo import acts, stage, troubles
from bot.simulator.demo.acts import Act
from bot.simulator.demo.rendering import TEMPLATES, Rendering
from bot.simulator.demo.stage import ALLOWED, Stage
from bot.simulator.demo.troubles import WELL, trouble_highlevel, trouble_slack
from bot.simulator.slack.block_kit import Element, elements_of
from bot.simulator.slack.views import View
from bot.simulator.slack.workspace import Shown
from bot.simulator.traffic import headers_to_show, text_to_show
from bot.slack.messages.form import SHORTCUT

STATIC = Path(__file__).parent / "static"
LOOK_EVERY = 0.2
"""Seconds between two checks for changes."""
MOST_ACTS, MOST_MESSAGES = 12, 200
HEADERS = {
    # A text cannot make the page load anything from elsewhere, or run any script but ours.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
EXAMPLES = (
    "/opp-status Acme Corp won",
    f"/opp-status {stage.GLOBEX} lost too expensive",
    "/opp-status Globex won",
    "/opp-status Acme Corp",
    "/opp-status",
    "/opp-status undo",
    "/opp-status help",
)
NOT_IMITATED = (
    "Slack's looks, threads, emoji, search, mentions and notifications; a message that only one person sees stays.",
    "Home tabs, workflows, blocks and elements that the bot does not use: they are refused, or shown as not imitated.",
    "What Slack does with apps of other workspaces, guests and channels that are shared with another company.",
    "HighLevel's automations, its own permissions, its search in all its detail, and every page but this board.",
    "How long the real neighbours take. What is documented nowhere is guessed: each stand-in says so at its top.",
)


class NotThereError(Exception):
    """What a person wanted to use is not there, or no longer."""


DIRECT = "direct"
"""The channel, in an address of the page, that is the viewer's direct message with the bot."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Who looks at the page, at which channel, and at the traffic of which act."""

    user: str
    channel: str
    """A channel's id; the viewer's own id is the direct message with the bot."""
    about: str
    """The number of an act, or a reference; if neither fits, the latest act is shown."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Viewpoint":
        """Read it from an address; anything that makes no sense becomes Ana, in the public channel."""
        user = query.get("user", "")
        user = user if user in stage.PEOPLE.values() else ALLOWED
        channel = query.get("channel", "")
        known = channel if channel in stage.CHANNELS else stage.SALES
        return cls(user, user if channel == DIRECT else known, query.get("about", ""))

    @property
    def channel_in_address(self) -> str:
        """The channel's name in an address."""
        return DIRECT if self.channel == self.user else self.channel

    def address(self, about: int) -> str:
        """The address of the page as this viewer sees it, with the traffic of this act."""
        return "?" + urlencode({"user": self.user, "channel": self.channel_in_address, "about": about})


class Page:
    """The page over a stage. Serve it with `served(page.app())`."""

    def __init__(self, on: Stage) -> None:
        self._stage = on
        self._troubles = {"highlevel": WELL, "slack": WELL}
        self._ends = asyncio.Event()
        self._names = {**stage.names(), "U0BOT": "@Opp Status"}
        self._rendering = Rendering(self._names)
        self._made: dict[str, tuple[Shown, Markup]] = {}
        """Rendered messages, by their `ts`."""
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._whole = environment.get_template("page.html")
        self._parts: Any = environment.get_template("parts.html").module

    def app(self) -> web.Application:
        """The routes of the page."""
        app = web.Application(middlewares=[_guarded])
        app.on_shutdown.append(self._end)
        app.router.add_get("/", self._show)
        app.router.add_get("/news", self._news)
        app.router.add_get("/page.css", partial(_static, "page.css"))
        app.router.add_get("/page.js", partial(_static, "page.js"))
        for path, act in {
            "/say": self._say,
            "/press": self._press,
            "/select": self._press,
            "/shortcut": self._shortcut,
            "/enter": self._enter,
            "/type-ahead": self._type_ahead,
            "/submit": self._submit,
            "/press-in": self._press_in,
            "/close": self._close,
            "/deal": self._change_deal,
            "/trouble": self._trouble,
            "/reset": self._reset,
        }.items():
            app.router.add_post(path, act)
        return app

    # --- what is shown ---------------------------------------------------------------------------------------------

    async def _show(self, request: web.Request) -> web.Response:
        viewpoint = Viewpoint.of(request.query)
        page = self._whole.render(
            viewpoint=viewpoint,
            people={user_id: name.title() for name, user_id in stage.PEOPLE.items()},
            channels=_CHANNELS,
            parts=await self._render(viewpoint),
            examples=EXAMPLES,
            not_imitated=NOT_IMITATED,
            highlevel_troubles=troubles.HIGHLEVEL,
            slack_troubles=troubles.SLACK,
            chosen=self._troubles,
        )
        return web.Response(text=page, content_type="text/html", headers=HEADERS)

    async def _news(self, request: web.Request) -> web.StreamResponse:
        """Send every part of the page, and then each that changes, as server-sent events."""
        viewpoint = Viewpoint.of(request.query)
        answer = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await answer.prepare(request)
        sent: dict[str, Markup] = {}
        with suppress(ConnectionError):
            while not self._ends.is_set():
                parts = await self._render(viewpoint)
                changed = {name: part for name, part in parts.items() if sent.get(name) != part}
                if changed:
                    await answer.write(f"data: {json.dumps(changed)}\n\n".encode())
                sent = parts
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ends.wait(), LOOK_EVERY)
        return answer

    async def _end(self, _app: web.Application) -> None:
        self._ends.set()

    async def _render(self, viewpoint: Viewpoint) -> dict[str, Markup]:
        """Render every part of the page, by its id."""
        slack, highlevel = self._stage.slack, self._stage.highlevel
        seen = [each for each in slack.shown if each.channel == viewpoint.channel and slack.sees(viewpoint.user, each)]
        shown = [(each, self._contents(each)) for each in seen[-MOST_MESSAGES:]]
        view = next((view for view in slack.views if view.user == viewpoint.user), None)
        done = acts.acts_of(slack.sent, [*slack.received, *highlevel.received])
        act, rows = await self._looked_at(done, viewpoint.about.strip().upper())
        return {
            "messages": self._parts.messages(shown, self._names, SHORTCUT),
            "modal": self._rendering.modal(view) if view else Markup(),
            "board": self._parts.board(self._columns(), partial(stage.link_to, highlevel), [*Status]),
            "refusals": self._parts.refusals([text_to_show(each) for each in slack.refusals]),
            "traffic": self._parts.traffic(
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

    # --- what people do --------------------------------------------------------------------------------------------

    async def _say(self, request: web.Request) -> web.Response:
        form = await _form(request)
        text, user, channel = form["text"].strip(), form["user"], form["channel"]
        command, _, rest = text.partition(" ")
        if command == "/opp-status":
            await self._stage.slack.command(as_sent(rest.strip()), user=user, channel=channel)
        elif command.startswith("/"):
            raise NotThereError(f"{command} is not a valid command here: there is only /opp-status.")
        elif text:
            await self._stage.slack.post(as_sent(text), user=user, channel=channel)
        return web.Response()

    async def _press(self, request: web.Request) -> web.Response:
        form = await _form(request)
        shown = self._shown(form)
        element = _element(shown, form)
        if element["type"] == "button":
            await self._stage.slack.press(shown, element, user=form["user"])
        else:
            await self._stage.slack.select(shown, element, form["value"], user=form["user"])
        return web.Response()

    async def _shortcut(self, request: web.Request) -> web.Response:
        form = await _form(request)
        await self._stage.slack.shortcut(self._shown(form), SHORTCUT, user=form["user"])
        return web.Response()

    async def _enter(self, request: web.Request) -> web.Response:
        form = await _form(request)
        values = (await request.post()).getall("value", [])
        kind = self._view(form).field(form["block"], form["action"])["type"]
        value = [str(each) for each in values] if kind == "checkboxes" else form.get("value") or None
        await self._stage.slack.enter(self._view(form), form["block"], value, action_id=form["action"])
        return web.Response()

    async def _type_ahead(self, request: web.Request) -> web.Response:
        form = await _form(request)
        view = self._view(form)
        await self._stage.slack.type_ahead(view, form["block"], form["text"], action_id=form["action"])
        return web.Response()

    async def _submit(self, request: web.Request) -> web.Response:
        await self._stage.slack.submit(self._view(await _form(request)))
        return web.Response()

    async def _press_in(self, request: web.Request) -> web.Response:
        form = await _form(request)
        await self._stage.slack.press_in(self._view(form), form["action_id"])
        return web.Response()

    async def _close(self, request: web.Request) -> web.Response:
        self._stage.slack.close(self._view(await _form(request)))
        return web.Response()

    def _shown(self, form: Mapping[str, str]) -> Shown:
        for shown in self._stage.slack.shown:
            if shown.ts == form["ts"]:
                return shown
        raise NotThereError("That message is no longer there.")

    def _view(self, form: Mapping[str, str]) -> View:
        for view in self._stage.slack.views:
            if view.id == form["view"]:
                return view
        raise NotThereError("That form is no longer there.")

    # --- what is done to the stand-ins -----------------------------------------------------------------------------

    async def _change_deal(self, request: web.Request) -> web.Response:
        form = await _form(request)
        self._stage.highlevel.set_by_hand(form["id"], status=Status(form["status"]), stage_id=form["stage"])
        return web.Response()

    async def _trouble(self, request: web.Request) -> web.Response:
        form = await _form(request)
        make: Callable[[Stage, str], None] = {"highlevel": trouble_highlevel, "slack": trouble_slack}[form["of"]]
        make(self._stage, form["name"])
        self._troubles[form["of"]] = form["name"]
        return web.Response()

    async def _reset(self, _request: web.Request) -> web.Response:
        self._stage.reset()
        self._made.clear()
        self._troubles = dict.fromkeys(self._troubles, WELL)
        return web.Response()


def as_sent(typed: str) -> str:
    """What Slack sends for a typed text if the app wants it escaped: people, links and addresses in angle brackets.

    https://docs.slack.dev/interactivity/implementing-slash-commands#creating_commands
    """

    def bracketed(found: re.Match[str]) -> str:
        if found["name"]:
            user_id = stage.PEOPLE.get(found["name"].lower())
            return f"<@{user_id}|{found['name'].lower()}>" if user_id else found[0]
        return f"<mailto:{found[0]}|{found[0]}>" if found["address"] else f"<{found[0]}>"

    return _MARKED.sub(bracketed, html.escape(typed, quote=False))


_MARKED = re.compile(r"https?://[^\s<>]+|(?P<address>[\w.+-]+@[\w-]+\.[\w.-]*\w)|(?<!\w)@(?P<name>\w+)")


_CHANNELS = {
    **{channel: f"{'🔒 ' if channel.startswith('G') else '#'}{name}" for channel, name in stage.CHANNELS.items()},
    DIRECT: "Opp Status (direct message)",
}
"""The channels of the page, by their names in an address."""


def _fields(row: Record) -> dict[str, str]:
    """The fields of a row that have a value, by name."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {name: str(value) for name, value in values.items() if value not in {None, ""}}


def _element(shown: Shown, form: Mapping[str, str]) -> Element:
    try:
        return elements_of(shown.blocks[int(form["block"])])[int(form["element"])]
    except (ValueError, IndexError):
        raise NotThereError("That is no longer in the message.") from None


async def _form(request: web.Request) -> dict[str, str]:
    """The fields of a form; of several with the same name, the first."""
    given = await request.post()
    return {name: str(given.getone(name)) for name in given}


@web.middleware
async def _guarded(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Answer 409 if the thing to use is gone, and 400 if the request makes no sense; the body says what is wrong."""
    if request.method == "GET":
        shown: web.StreamResponse = await handler(request)
        return shown
    try:
        answer: web.StreamResponse = await handler(request)
    except NotThereError as error:
        return web.Response(status=409, text=str(error))
    except (KeyError, ValueError) as error:
        return web.Response(status=400, text=f"That cannot be done: {error}")
    return answer


async def _static(name: str, _request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / name, headers=HEADERS)

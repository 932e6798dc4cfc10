"""Serves the demo in a browser: a channel as in Slack beside a board as in HighLevel, and the real bot between them.

The server renders every part of the page and sends the browser those that change. What a person does on the page goes
to the stand-in for Slack, which sends it to the bot as Slack would: signed, over HTTP.
"""

import asyncio
import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from markupsafe import Markup

from bot.deals.deal import Status
from bot.simulator.demo import stage, troubles
from bot.simulator.demo.parts import Parts
from bot.simulator.demo.rendering import environment
from bot.simulator.demo.stage import Stage
from bot.simulator.demo.tour import offers
from bot.simulator.demo.tour.steps import ASIDE, MORE, STEPS, step_of, take
from bot.simulator.demo.troubles import WELL, trouble_highlevel, trouble_slack
from bot.simulator.demo.viewpoint import Viewpoint
from bot.simulator.slack.block_kit import Element, elements_of
from bot.simulator.slack.views import View
from bot.simulator.slack.workspace import Shown
from bot.slack.messages.form import SHORTCUT

STATIC = Path(__file__).parent / "static"
LOOK_EVERY = 0.2
"""Seconds between two checks for changes."""
HEADERS = {
    # A text cannot make the page load anything from elsewhere, or run any script but ours.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
LEFT_OUT = (
    "Slack's look, emoji, search, mentions, and what it notifies of. Private messages don't disappear.",
    "Workflows, and Block Kit elements the bot doesn't use.",
    "Other workspaces, guests, and shared channels.",
    "HighLevel's automations, permissions, full search, and every page except this board.",
    "Real response times. Where behavior isn't documented, the stand-ins guess, and their source says so.",
)
FILES = ("page.css", "slack.css", "page.js", "motion.js", "tour.js")


class NotThereError(Exception):
    """What a person wanted to use is not there, or no longer."""


class Page:
    """The page over a stage. Serve it with `served(page.app())`."""

    def __init__(self, on: Stage) -> None:
        self._stage = on
        self._troubles = {"highlevel": WELL, "slack": WELL}
        self._taken: set[int] = set()
        """The numbers of the steps that were taken."""
        self._played = False
        """Whether a page has begun to play by itself, which happens once."""
        self._opening: set[asyncio.Task[bool]] = set()
        """People who open the Home tab, while the bot is told."""
        self._ends = asyncio.Event()
        self._parts = Parts(on)
        self._whole = environment().get_template("page.html")

    def app(self) -> web.Application:
        """The routes of the page."""
        app = web.Application(middlewares=[_guarded])
        app.on_shutdown.append(self._end)
        app.router.add_get("/", self._show)
        app.router.add_get("/news", self._news)
        app.router.add_get("/guide", _guide)
        for name in FILES:
            app.router.add_get(f"/{name}", partial(_static, name))
        for path, act in {
            "/play": self._play,
            "/step": self._step,
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
            "/digest": self._digest,
            "/reset": self._reset,
        }.items():
            app.router.add_post(path, act)
        return app

    # --- what is shown ---------------------------------------------------------------------------------------------

    async def _show(self, request: web.Request) -> web.Response:
        viewpoint = Viewpoint.of(request.query)
        if viewpoint.is_home:
            opening = asyncio.create_task(self._stage.slack.open_home(viewpoint.user))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        page = self._whole.render(
            viewpoint=viewpoint,
            plays=not self._played and not self._stage.slack.sent and viewpoint == Viewpoint.of({}),
            people=stage.PEOPLE,
            parts=await self._parts.render(viewpoint, self._taken),
            steps=STEPS,
            aside=ASIDE,
            more=MORE,
            manifest_link=offers.manifest_link(),
            guide=offers.guide(),
            left_out=LEFT_OUT,
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
                parts = await self._parts.render(viewpoint, self._taken)
                changed = {name: part for name, part in parts.items() if sent.get(name) != part}
                if changed:
                    await answer.write(f"data: {json.dumps(changed)}\n\n".encode())
                sent = parts
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ends.wait(), LOOK_EVERY)
        return answer

    async def _end(self, _app: web.Application) -> None:
        self._ends.set()

    # --- the tour ---------------------------------------------------------------------------------------------------

    async def _play(self, _request: web.Request) -> web.Response:
        """Tell the first page that asks to play by itself; every later one gets an empty answer."""
        first, self._played = not self._played, True
        return web.Response(text="play" if first else "")

    async def _step(self, request: web.Request) -> web.Response:
        step = step_of((await _form(request))["step"])
        self._played = True
        await take(step, self._stage)
        self._taken.add(step.number)
        return web.Response()

    # --- what people do --------------------------------------------------------------------------------------------

    async def _say(self, request: web.Request) -> web.Response:
        form = await _form(request)
        text, user, channel = form["text"].strip(), form["user"], form["channel"]
        command, _, rest = text.partition(" ")
        thread = self._shown({"ts": form["thread"]}).ts if "thread" in form else ""
        if thread and command.startswith("/"):
            raise NotThereError("Slack takes no commands in threads. Type it in the channel.")
        if command == "/opp-status":
            await self._stage.slack.command(as_sent(rest.strip()), user=user, channel=channel)
        elif command.startswith("/"):
            raise NotThereError(f"{command} isn't a command here. Try /opp-status.")
        elif text:
            await self._stage.slack.post(as_sent(text), user=user, channel=channel, thread_ts=thread)
        return web.Response()

    async def _press(self, request: web.Request) -> web.Response:
        form = await _form(request)
        home = self._stage.slack.homes.get(form["user"])
        if home and form["ts"] == home.id:
            await self._stage.slack.press_at_home(form["user"], _element(home.blocks, form))
            return web.Response()
        shown = self._shown(form)
        element = _element(shown.blocks, form)
        if element["type"] == "button":
            await self._stage.slack.press(shown, element, user=form["user"])
        elif element["type"] == "datepicker":
            await self._stage.slack.pick_day(shown, element, form["value"], user=form["user"])
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
        raise NotThereError("That message is gone.")

    def _view(self, form: Mapping[str, str]) -> View:
        for view in self._stage.slack.views:
            if view.id == form["view"]:
                return view
        raise NotThereError("That form is gone.")

    # --- what is done to the stand-ins -----------------------------------------------------------------------------

    async def _change_deal(self, request: web.Request) -> web.Response:
        form = await _form(request)
        await self._stage.change_by_hand(form["id"], Status(form["status"]), form["stage"])
        return web.Response()

    async def _trouble(self, request: web.Request) -> web.Response:
        form = await _form(request)
        make: Callable[[Stage, str], None] = {"highlevel": trouble_highlevel, "slack": trouble_slack}[form["of"]]
        make(self._stage, form["name"])
        self._troubles[form["of"]] = form["name"]
        return web.Response()

    async def _digest(self, _request: web.Request) -> web.Response:
        await self._stage.post_digest()
        return web.Response()

    async def _reset(self, _request: web.Request) -> web.Response:
        await self._stage.reset()
        self._parts.forget()
        self._taken.clear()
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


def _element(blocks: Sequence[Mapping[str, Any]], form: Mapping[str, str]) -> Element:
    try:
        return elements_of(blocks[int(form["block"])])[int(form["element"])]
    except (ValueError, IndexError):
        raise NotThereError("That button is gone.") from None


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
    except TimeoutError:
        return web.Response(status=409, text="Opp Status isn't responding. Try again.")
    except (KeyError, ValueError) as error:
        return web.Response(status=400, text=f"That didn't work: {error}")
    return answer


async def _static(name: str, _request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / name, headers=HEADERS)


async def _guide(_request: web.Request) -> web.Response:
    text = environment().get_template("guide.html").render(guide=offers.guide())
    return web.Response(text=text, content_type="text/html", headers=HEADERS)

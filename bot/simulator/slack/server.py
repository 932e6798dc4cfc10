"""A stand-in for Slack: sends signed commands and what people do, shows what comes back, and answers its Web API.

It refuses what Slack refuses (messages too long, reply addresses used up, scopes that are missing), and gives up on the
bot after three seconds as Slack does. It imitates no screen: what it keeps is what a person would have been shown.

Guessed, because it is documented nowhere:
- `chat.update` says `cant_update_message` of what came through a reply address or an acknowledgement. Reported for both
  (slackapi/bolt-js#2063, slackapi/java-slack-sdk#951, where a maintainer says "sometimes"); and `message_not_found` of
  what only one person sees.
- A reply to a button that does not say `replace_original` replaces nothing.
- What is pressed or chosen in a message that only one person sees comes without that `message`. What was chosen before,
  in any message, is not told again.
- A reply with `delete_original` deletes, whatever else it says, and does nothing where there is nothing to delete.
- What is refused as too fast does not use a reply address up.
"""

import asyncio
import json
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from bot.highlevel.api import transport
from bot.simulator.slack.block_kit import (
    TEXT_LIMIT,
    UPDATE_LIMIT,
    Element,
    buttons_of,
    elements_of,
    menus_of,
    refusal_of,
)
from bot.simulator.slack.socket_mode import SocketMode
from bot.simulator.slack.views import APP, Modals, option_of, values_of
from bot.simulator.traffic import Exchange, recording

Work = Callable[[web.Request], Awaitable[web.Response]]

EVENTS = "/slack/events"
ACKNOWLEDGE_WITHIN = 3.0
REPLY_USES, REPLY_SECONDS = 5, 30 * 60

GRANTED = frozenset({"commands", "chat:write", "channels:read", "groups:read", "usergroups:read", "users:read"})
"""The scopes of the manifest."""

TIMED_OUT = '/opp-status failed with the error "operation_timeout"'
FAILED = '/opp-status failed with the error "dispatch_failed"'


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
    """Its id within the channel, later ones greater: the second it was shown, as `1700000000.000100`."""
    by: str = ""
    """The person who wrote it; empty when none did."""


def button(shown: Shown, action_id: str) -> Element:
    """The button with this `action_id` in a message. Raises `ValueError` when there is none."""
    for block in shown.blocks:
        for element in buttons_of(block):
            if element["action_id"] == action_id:
                return element
    raise ValueError(f"no button {action_id} in: {shown.text}")


def menu(shown: Shown, action_id: str) -> Element:
    """The `static_select` or `overflow` with this `action_id` in a message. Raises `ValueError` when there is none."""
    for block in shown.blocks:
        for element in menus_of(block):
            if element["action_id"] == action_id:
                return element
    raise ValueError(f"no menu {action_id} in: {shown.text}")


@dataclass
class _ReplyAddress:
    channel: str
    user: str
    made: float
    pressed: str
    """The `ts` of the message that a button was pressed in; empty for a command."""
    uses: int = 0


@dataclass
class Fault:
    """What the Web API or a reply address says, after `wait` seconds, instead of doing its work, or after it.

    `where` is a method or `response_url`. Without a status it is only slow. `then` is called before the answer, or
    before the work, unless `carries_out` says that it was done.
    """

    where: str
    status: int | None = None
    body: object = field(default_factory=dict)
    """Any JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: float = 1
    wait: float = 0.0
    drops: bool = False
    """The connection breaks instead."""
    carries_out: bool = False
    then: Callable[[], object] | None = None


class Slack(Modals):
    """The stand-in: one workspace with one app in it. Serve it with `served(slack.app())`; set `url` and `bot_url`."""

    def __init__(self, *, signing_secret: str, bot_token: str, team_id: str = "T0SIMULATED") -> None:
        super().__init__(team_id)
        self.url = ""
        self.bot_url = ""
        """Where the bot's routes are."""
        self.signing_secret = signing_secret
        """What everything that goes to the bot is signed with."""
        self.socket = SocketMode()
        """How commands go to the bot instead, once `socket.tokens` has an app-level token."""
        self.tokens: dict[str, frozenset[str]] = {bot_token: GRANTED}
        self.tells_scopes = True
        """Whether its answers say in a header what a token may do."""
        self.groups: dict[str, list[str]] = {}
        self.shared_channels: set[str] = set()
        """Those that another company is in too."""
        self.shown: list[Shown] = []
        """What people see, the oldest first."""
        self.replaced: list[Shown] = []
        """What messages said before another took their place or they were deleted, with the `ts` that both have."""
        self.calls: list[str] = []
        """The Web API methods that were called."""
        self.sent: list[Exchange] = []
        """What the bot was told, and what it answered."""
        self.received: list[Exchange] = []
        """What the bot asked."""
        self.channels: dict[str, str] = {}
        """The names of channels by their ids, without the `#`; private ones have ids that begin with `G`."""
        self.acknowledge_within = ACKNOWLEDGE_WITHIN
        """Seconds that the bot has to answer a command."""
        self.messages_per_second: float | None = None
        """How many messages a channel takes, through reply addresses and `chat.postMessage`; Slack documents one."""
        self._addresses: dict[str, _ReplyAddress] = {}
        self._faults: list[Fault] = []
        self._last_ts = 0
        self._free_at: dict[str, float] = {}

    # --- what people do --------------------------------------------------------------------------------------------

    async def command(
        self, text: str, *, user: str, channel: str = "C0SIMULATED", team: str | None = None, **fields: str
    ) -> httpx.Response | None:
        """Somebody types `/opp-status <text>`; gives the bot's answer, `None` when there was none in time."""
        form = {
            "command": "/opp-status",
            "text": text,
            "user_id": user,
            "user_name": self.users.get(user, {}).get("name", "somebody"),
            "channel_id": self._conversation(channel),
            "channel_name": self._channel_name(channel),
            "team_id": team or self.team_id,
            "team_domain": "simulated",
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self.new_address("commands", channel, user),
            "trigger_id": self._new_trigger(user),
            **fields,
        }
        return await self._send(urlencode(form), channel, user)

    async def post(self, text: str, *, user: str, channel: str = "C0SIMULATED") -> Shown:
        """Somebody writes a message; the bot hears nothing of it."""
        ts = await self._show(Shown(channel, None, text, (), "person", by=user))
        return next(shown for shown in self.shown if shown.ts == ts)

    async def press(self, shown: Shown, action: Element, *, user: str) -> httpx.Response | None:
        """Somebody presses a button, as `button` finds it, in a message; gives the bot's answer.

        Raises `ValueError` if the message does not have it, or no longer, or is not shown to them.
        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        if action["type"] != "button":
            raise ValueError(f"no button {action} in: {shown.text}")
        return await self._use(shown, action, {}, user)

    async def select(self, shown: Shown, element: Element, value: str, *, user: str) -> httpx.Response | None:
        """Somebody chooses the option with this value in a menu, as `menu` finds it; otherwise as `press`.

        Raises `ValueError` if there is no such option, too.
        """
        return await self._use(shown, element, {"selected_option": option_of(element.get("options", ()), value)}, user)

    async def shortcut(self, shown: Shown, callback_id: str, *, user: str) -> httpx.Response | None:
        """Somebody uses a shortcut of the app's on a message; gives the bot's answer.

        Raises `ValueError` for what they do not see, or only they: in its menu Slack has no shortcuts.
        https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
        """
        self._must_see(user, shown)
        if shown.only_to is not None:
            raise ValueError(f"no shortcuts on: {shown.text}")
        contents = self._who("message_action", user) | {
            "callback_id": callback_id,
            "trigger_id": self._new_trigger(user),
            "response_url": self.new_address("app-actions", shown.channel, user),
            "channel": {"id": self._conversation(shown.channel), "name": self._channel_name(shown.channel)},
            "message": self._contents_of(shown),
            "message_ts": shown.ts,
            "action_ts": f"{self.clock():.6f}",
        }
        return await self._send(_form(contents), shown.channel, user)

    async def _use(self, shown: Shown, element: Element, chosen: Mapping[str, Any], user: str) -> httpx.Response | None:
        self._must_see(user, shown)
        message = self._contents_of(shown)
        blocks = message["blocks"]
        block_id = next((block["block_id"] for block in blocks if element in elements_of(block)), None)
        if block_id is None:
            raise ValueError(f"no {element['type']} {element} in: {shown.text}")
        is_ephemeral = shown.only_to is not None
        channel_id = self._conversation(shown.channel)
        values = values_of(blocks)
        if element["action_id"] in values.get(block_id, {}):
            values[block_id][element["action_id"]] |= chosen
        contents = self._who("block_actions", user) | {
            "channel": {"id": channel_id, "name": self._channel_name(shown.channel)},
            "container": {
                "type": "message",
                "message_ts": shown.ts,
                "channel_id": channel_id,
                "is_ephemeral": is_ephemeral,
            },
            "trigger_id": self._new_trigger(user),
            "response_url": self.new_address("actions", shown.channel, user, shown.ts),
            **({} if is_ephemeral else {"message": message}),
            "state": {"values": values},
            "actions": [self._action(block_id, element, chosen)],
        }
        return await self._send(_form(contents), shown.channel, user)

    def _contents_of(self, shown: Shown) -> dict[str, Any]:
        blocks = [{"block_id": f"b{number}", **block} for number, block in enumerate(shown.blocks)]
        author = {"user": shown.by} if shown.by else {"bot_id": "B0BOT"}
        return {"type": "message", "ts": shown.ts, **author, "text": shown.text, "blocks": blocks}

    def _must_see(self, user: str, shown: Shown) -> None:
        seen = [each for each in self.shown if self.sees(user, each)]
        if (shown.ts, shown) not in [(each.ts, each) for each in seen]:
            raise ValueError(f"{user} does not see: {shown.text}")

    def sign(self, body: str, *, timestamp: str | None = None) -> dict[str, str]:
        """The headers that prove a body comes from Slack.

        https://docs.slack.dev/authentication/verifying-requests-from-slack
        """
        timestamp = timestamp or str(int(self.clock()))
        signature = SignatureVerifier(self.signing_secret).generate_signature(timestamp=timestamp, body=body)
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature or "",
        }

    async def wait_for(self, count: int, seconds: float = 60.0) -> list[Shown]:
        """Everything shown so far, as soon as it is at least `count` messages. Raises `TimeoutError`."""
        await self.wait_until(lambda: len(self.shown) >= count, seconds)
        return list(self.shown)

    async def wait_for_change(self, ts: str, times: int = 1, seconds: float = 60.0) -> Shown:
        """The message with this `ts`, as soon as it was replaced as often as `times`. Raises `TimeoutError`."""
        await self.wait_until(lambda: [before.ts for before in self.replaced].count(ts) >= times, seconds)
        return next(shown for shown in self.shown if shown.ts == ts)

    async def wait_for_call(self, method: str, seconds: float = 60.0) -> None:
        """Until the bot has called this method of the Web API. Raises `TimeoutError`."""
        await self.wait_until(lambda: method in self.calls, seconds)

    def misbehave(self, fault: Fault) -> None:
        """Let a method of the Web API, or `response_url`, go wrong."""
        self._faults.append(replace(fault))

    def behave(self) -> None:
        """Forget every planned fault."""
        self._faults.clear()

    async def _send(self, body: str, channel: str, user: str) -> httpx.Response | None:
        """Send what somebody did in a channel, where a failure is shown, and so is an answer."""
        try:
            answer = await self._deliver(body)
        except (httpx.TransportError, OSError) as error:
            late = isinstance(error, (httpx.ReadTimeout, TimeoutError))
            await self._show(Shown(channel, user, TIMED_OUT if late else FAILED, (), "slack"))
            return None
        if not answer.is_success or (answer.content and self._refuses("acknowledgement", answer.json())):
            await self._show(Shown(channel, user, FAILED, (), "slack"))
        elif answer.content:
            await self._show(self._message(answer.json(), channel, user, "acknowledgement"))
        return answer

    def _refuses(self, where: str, body: Mapping[str, Any], text_limit: int = TEXT_LIMIT) -> str | None:
        """Why this message is not shown, which is noted; `None` when it is."""
        refusal = refusal_of(body, text_limit)
        if refusal:
            self.refusals.append(f"{where}: {refusal}: {json.dumps(dict(body))}")
        return refusal

    async def _tell(self, contents: Mapping[str, Any]) -> httpx.Response:
        return await self._deliver(_form(contents))

    async def _deliver(self, body: str) -> httpx.Response:
        headers, at = self.sign(body), asyncio.get_running_loop().time()
        exchange = Exchange("the bot", "POST", EVENTS, {}, headers, body.encode(), at)
        self.sent.append(exchange)
        answer = await (self._over_socket(body) if self.socket.enabled else self._over_http(body, headers))
        exchange.answered(answer.status_code, answer.content)
        return answer

    async def _over_http(self, body: str, headers: Mapping[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport.pooled(), timeout=self.acknowledge_within) as http:
            return await http.post(f"{self.bot_url}{EVENTS}", content=body, headers=headers)

    async def _over_socket(self, body: str) -> httpx.Response:
        """The same contents in an envelope; the acknowledgement as if it were HTTP's answer."""
        form = dict(parse_qsl(body, keep_blank_values=True))
        kind, contents = ("interactive", json.loads(form["payload"])) if "payload" in form else ("slash_commands", form)
        payload = await self.socket.deliver(kind, contents, self.acknowledge_within)
        return httpx.Response(200, json=payload) if payload else httpx.Response(200)

    # --- what the bot does -----------------------------------------------------------------------------------------

    def app(self) -> web.Application:
        """The Web API under `/api/`, the reply addresses, and connections of Socket Mode."""
        app = web.Application(middlewares=[recording("Slack", self.received)])
        app.router.add_post("/{kind:commands|actions|app-actions}/{token}", self._respond)
        app.router.add_post("/api/{method}", self._call)
        app.router.add_get("/link/", self.socket.link)
        app.router.add_get("/api/{method}", self._call)  # slack_sdk's way for what only reads
        return app

    async def _respond(self, request: web.Request) -> web.Response:
        return await self._perhaps("response_url", request, self._take_reply)

    async def _take_reply(self, request: web.Request) -> web.Response:
        address = self._addresses.get(request.match_info["token"])
        if address is None or self.clock() - address.made > REPLY_SECONDS:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if address.uses >= REPLY_USES:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        if (too_fast := self._too_fast(address.channel)) is not None:
            return too_fast
        address.uses += 1
        body = await request.json()
        pressed = next((shown for shown in self.shown if shown.ts == address.pressed), None)
        if body.get("delete_original") in {True, "true"}:
            await self._delete(pressed)
            return web.json_response({"ok": True})
        if (refusal := self._refuses("response_url", body)) is not None:
            return web.json_response({"ok": False, "error": refusal}, status=400)
        if body.get("replace_original") in {True, "true"} and pressed:
            await self._replace(pressed, body)
        else:
            await self._show(self._message(body, address.channel, address.user, "response_url"))
        return web.json_response({"ok": True})

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls.append(method)
        await self._changed()
        return await self._perhaps(method, request, self._take_call)

    async def _take_call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if method == "apps.connections.open":
            self.socket.host = self.url
            return web.json_response(self.socket.open(token))
        scopes = self.tokens.get(token)
        if scopes is None:
            return _error("invalid_auth")
        needed = _SCOPES.get(method)
        if needed and needed not in scopes:
            return _error("missing_scope", needed=needed, provided=",".join(sorted(scopes)))
        is_json = request.content_type == "application/json"
        answer = await self._carry_out(
            method, await request.json() if is_json else {**request.query, **await request.post()}
        )
        answer.headers["Date"] = formatdate(self.clock(), usegmt=True)
        if self.tells_scopes:
            answer.headers["x-oauth-scopes"] = ",".join(sorted(scopes))
        return answer

    async def _carry_out(self, method: str, arguments: Mapping[str, Any]) -> web.Response:
        match method:
            case "auth.test":
                return web.json_response(
                    {"ok": True, "team_id": self.team_id, "team": "Simulated", "user_id": "U0BOT", "bot_id": "B0BOT"}
                )
            case "chat.postMessage":
                return await self._post_message(arguments)
            case "chat.update":
                return await self._update_message(arguments)
            case "views.open":
                return web.json_response(await self._open_view(arguments))
            case "views.update":
                return web.json_response(await self._update_view(arguments))
            case "users.info":
                user = self.users.get(arguments.get("user", ""))
                told = {"ok": True, "user": {"team_id": self.team_id, **user}} if user else None
                return web.json_response(told) if told else _error("user_not_found")
            case "conversations.info":
                return self._channel_info(str(arguments.get("channel", "")))
            case "usergroups.users.list":
                members = self.groups.get(arguments.get("usergroup", ""))
                return (
                    _error("no_such_subteam") if members is None else web.json_response({"ok": True, "users": members})
                )
        return _error("unknown_method")

    def _channel_info(self, channel: str) -> web.Response:
        """Every channel is one that the bot may look at, but for the one whose id is all zeros.

        https://docs.slack.dev/reference/methods/conversations.info
        """
        if not channel.strip("C0"):
            return _error("channel_not_found")
        shared = {"id": channel, "is_ext_shared": channel in self.shared_channels}
        return web.json_response({"ok": True, "channel": shared})

    async def _post_message(self, arguments: Mapping[str, Any]) -> web.Response:
        if (refusal := self._refuses("chat.postMessage", arguments)) is not None:
            return _error(refusal)
        channel = self._channel(str(arguments["channel"]))
        if (too_fast := self._too_fast(channel)) is not None:
            return too_fast
        direct = channel if channel in self.users else None
        ts = await self._show(
            self._message({**arguments, "response_type": "in_channel"}, channel, direct, "chat.postMessage")
        )
        return web.json_response({"ok": True, "channel": self._conversation(channel), "ts": ts})

    async def _update_message(self, arguments: Mapping[str, Any]) -> web.Response:
        """https://docs.slack.dev/reference/methods/chat.update ."""
        if (refusal := self._refuses("chat.update", arguments, UPDATE_LIMIT)) is not None:
            return _error(refusal)
        channel_id = str(arguments.get("channel"))
        if channel_id in self.users:  # here Slack wants the direct message's own id
            return _error("channel_not_found")
        place = (self._channel(channel_id), arguments.get("ts"))
        found = next((shown for shown in self.shown if (shown.channel, shown.ts) == place), None)
        if found is None or found.only_to:
            return _error("message_not_found")
        if found.via != "chat.postMessage":
            return _error("cant_update_message")
        await self._replace(found, arguments)
        return web.json_response({"ok": True, "channel": channel_id, "ts": found.ts, "text": arguments.get("text", "")})

    # --- what is shown ---------------------------------------------------------------------------------------------

    def _message(self, body: Mapping[str, Any], channel: str, user: str | None, via: str) -> Shown:
        public = body.get("response_type") == "in_channel"
        return Shown(channel, None if public else user, body.get("text", ""), tuple(body.get("blocks", ())), via)

    async def _show(self, shown: Shown) -> str:
        self._last_ts = max(self._last_ts + 1, int(self.clock() * 10**6))
        ts = f"{self._last_ts // 10**6}.{self._last_ts % 10**6:06}"
        self.shown.append(replace(shown, ts=ts))
        await self._changed()
        return ts

    async def _replace(self, shown: Shown, body: Mapping[str, Any]) -> None:
        """Who sees a message never changes."""
        place = [each.ts for each in self.shown].index(shown.ts)
        self.shown[place] = replace(shown, text=body.get("text", ""), blocks=tuple(body.get("blocks", ())))
        self.replaced.append(shown)
        await self._changed()

    async def _delete(self, shown: Shown | None) -> None:
        if shown is not None:
            self.shown[:] = [each for each in self.shown if each.ts != shown.ts]
            self.replaced.append(shown)
            await self._changed()

    def sees(self, user: str, shown: Shown) -> bool:
        """Whether somebody is shown this message."""
        elsewhere = shown.channel in self.users and shown.channel != user
        return shown.only_to in {None, user} and not elsewhere

    def _conversation(self, channel: str) -> str:
        """What Slack calls a channel; the direct message with a person, here `U...`, it calls `D...`."""
        return f"D{channel[1:]}" if channel in self.users else channel

    def _channel_name(self, channel: str) -> str:
        """As Slack tells it: of a private channel and of a direct message no name."""
        if channel in self.users:
            return "directmessage"
        return "privategroup" if channel.startswith("G") else self.channels.get(channel, "sales")

    def _channel(self, conversation: str) -> str:
        return next((user for user in self.users if self._conversation(user) == conversation), conversation)

    def _too_fast(self, channel: str) -> web.Response | None:
        """https://docs.slack.dev/apis/web-api/rate-limits ."""
        if self.messages_per_second is None:
            return None
        wait = self._free_at.get(channel, 0.0) - self.clock()
        if wait > 0:
            headers = {"Retry-After": str(math.ceil(wait))}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        self._free_at[channel] = self.clock() + 1 / self.messages_per_second
        return None

    def new_address(self, kind: str, channel: str, user: str, pressed: str = "") -> str:
        """A reply address, as a command (`commands`), a shortcut (`app-actions`) or a button brings one.

        A button's (`actions`) is for the message `pressed` as well.
        """
        token = secrets.token_urlsafe(8)
        self._addresses[token] = _ReplyAddress(channel, user, self.clock(), pressed)
        return f"{self.url}/{kind}/{token}"

    async def _perhaps(self, where: str, request: web.Request, work: Work) -> web.Response:
        """Do the work, unless something is to go wrong."""
        fault = next((fault for fault in self._faults if fault.where == where and fault.times > 0), None)
        if fault is None:
            return await work(request)
        fault.times -= 1
        await asyncio.sleep(fault.wait)
        answer = await work(request) if fault.carries_out else None
        if fault.then:
            fault.then()
        if fault.drops:
            assert request.transport is not None
            request.transport.abort()
            raise asyncio.CancelledError
        if fault.status is None:
            return answer or await work(request)
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)


_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "users.info": "users:read",
    "usergroups.users.list": "usergroups:read",
    "conversations.info": "channels:read",
}


def _form(contents: Mapping[str, Any]) -> str:
    return urlencode({"payload": json.dumps(contents)})


def _error(error: str, **more: str) -> web.Response:
    return web.json_response({"ok": False, "error": error, **more})

"""A stand-in for Slack: sends the bot what people do, answers its Web API calls, and keeps what people see.

It refuses what Slack refuses (messages too long, reply addresses used up, missing scopes), and waits three seconds for
the bot, as Slack does. It draws no screen: it keeps the messages, modals and Home tabs that people would see.

This module is the part that the bot calls: the Web API and reply addresses.

Guessed, because it is documented nowhere:
- `chat.update` answers `cant_update_message` for a message that came through a reply address or an acknowledgement.
  Reported for both (slackapi/bolt-js#2063, slackapi/java-slack-sdk#951, where a maintainer says "sometimes"). It
  answers `message_not_found` for one that only one person sees.
- A reply to a button without `replace_original` replaces nothing.
- A reply with `delete_original` deletes, whatever else it says, and does nothing if there is nothing to delete.
- A reply that is refused as too fast does not use its address up.
- A message with the `thread_ts` of a message that is gone is shown in the channel, without an error. Reported in
  slack-go/slack#1571. With that of a reply it stands in the same thread as the reply.
- `chat.postMessage` answers `channel_not_found` for a private channel or a direct message between other people, and
  `not_in_channel` for a public channel. `chat.update` takes a message of the bot's own wherever it is.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any

from aiohttp import web

from bot.simulator.bodies import Chunks
from bot.simulator.slack.block_kit import UPDATE_LIMIT
from bot.simulator.slack.homes import Homes
from bot.simulator.traffic import Exchange, recording, streamed

Work = Callable[[web.Request], Awaitable[web.StreamResponse]]

REPLY_USES, REPLY_SECONDS = 5, 30 * 60

POST_ANYWHERE = "chat:write.public"
"""The scope with which the bot may post in public channels that it is not a member of."""

EMAILS = "users:read.email"
"""The scope with which answers about people have their e-mails."""

GRANTED = frozenset(
    {
        *("commands", "chat:write", POST_ANYWHERE, "channels:read", "groups:read", "usergroups:read"),
        *("users:read", EMAILS),
    }
)
"""The scopes of the manifest."""

_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "users.info": "users:read",
    "users.lookupByEmail": EMAILS,
    "usergroups.users.list": "usergroups:read",
    "conversations.info": "channels:read",
}
"""The scope that each method needs."""


@dataclass
class Fault:
    """What goes wrong with a method of the Web API (`where`), or with any reply address (`response_url`).

    After `wait` seconds it answers with `status`, `headers` and `body` instead of doing its work; without a status it
    does the work, only late. With `carries_out` it does the work and then answers wrongly. `then` is called after the
    wait: before the work or, with `carries_out`, after it.
    """

    where: str
    status: int | None = None
    body: object = field(default_factory=dict)
    """Any JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: float = 1
    wait: float = 0.0
    drops: bool = False
    """Break the connection instead of answering."""
    carries_out: bool = False
    then: Callable[[], object] | None = None
    chunks: Chunks | None = None
    """The pieces of the body, instead of `body`."""


class Slack(Homes):
    """One workspace with one app in it. Serve it with `served(slack.app())`; set `url` and `bot_url`."""

    def __init__(self, *, signing_secret: str, bot_token: str, team_id: str = "T0SIMULATED") -> None:
        super().__init__(team_id, signing_secret)
        self.tokens: dict[str, frozenset[str]] = {bot_token: GRANTED}
        """The scopes of each bot token."""
        self.tells_scopes = True
        """Whether its answers name the token's scopes in a header."""
        self.calls: list[str] = []
        """The Web API methods that the bot called."""
        self.received: list[Exchange] = []
        """The bot's requests, with their answers."""
        self.messages_per_second: float | None = None
        """How many messages a channel takes, through reply addresses and `chat.postMessage`; Slack documents one."""
        self._faults: list[Fault] = []
        self._free_at: dict[str, float] = {}
        """When a channel takes its next message."""

    async def wait_for_call(self, method: str, seconds: float = 60.0) -> None:
        """Wait until the bot has called this method of the Web API. Raises `TimeoutError`."""
        await self.wait_until(lambda: method in self.calls, seconds)

    def misbehave(self, fault: Fault) -> None:
        """Let this go wrong, `fault.times` times."""
        self._faults.append(replace(fault))

    def behave(self) -> None:
        """Forget every planned fault."""
        self._faults.clear()

    def app(self) -> web.Application:
        """The Web API under `/api/`, the reply addresses, and the connections of Socket Mode."""
        app = web.Application(middlewares=[recording("Slack", self.received)])
        app.router.add_post("/{kind:commands|actions|app-actions}/{token}", self._respond)
        app.router.add_post("/api/{method}", self._call)
        app.router.add_get("/link/", self.socket.link)
        app.router.add_get("/api/{method}", self._call)  # slack_sdk calls methods that only read with GET
        return app

    # --- reply addresses -------------------------------------------------------------------------------------------

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        return await self._with_faults("response_url", request, self._take_reply)

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

    # --- the Web API -----------------------------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append(method)
        await self._changed()
        return await self._with_faults(method, request, self._take_call)

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
            method, await request.json() if is_json else {**request.query, **await request.post()}, scopes
        )
        answer.headers["Date"] = formatdate(self.clock(), usegmt=True)
        if self.tells_scopes:
            answer.headers["x-oauth-scopes"] = ",".join(sorted(scopes))
        return answer

    async def _carry_out(self, method: str, arguments: Mapping[str, Any], scopes: frozenset[str]) -> web.Response:
        match method:
            case "auth.test":
                named = {"team_id": self.team_id, "team": "Simulated", "user_id": "U0BOT", "bot_id": "B0BOT"}
                organization = {"enterprise_id": self.organization} if self.organization else {}
                installed = {"is_enterprise_install": self.is_org_wide}
                return web.json_response({"ok": True, **named, **organization, **installed})
            case "chat.postMessage":
                return await self._post_message(arguments, scopes)
            case "chat.update":
                return await self._update_message(arguments)
            case "views.open" | "views.update" | "views.publish":
                return web.json_response(await self._take_view(method, arguments))
            case "users.info":
                user = self.users.get(arguments.get("user", ""))
                return self._told(user, scopes) if user else _error("user_not_found")
            case "users.lookupByEmail":
                asked = str(arguments.get("email", "")).casefold()
                user = next((each for each in self.users.values() if asked and _email(each).casefold() == asked), None)
                return self._told(user, scopes) if user else _error("users_not_found")
            case "conversations.info":
                return self._channel_info(str(arguments.get("channel", "")))
            case "usergroups.users.list":
                members = self.groups.get(arguments.get("usergroup", ""))
                return (
                    _error("no_such_subteam") if members is None else web.json_response({"ok": True, "users": members})
                )
        return _error("unknown_method")

    def _told(self, user: Mapping[str, Any], scopes: frozenset[str]) -> web.Response:
        """A person; their e-mail is left out without its scope.

        https://docs.slack.dev/reference/methods/users.info
        """
        shown = {"team_id": self.team_id, **user}
        if EMAILS not in scopes and "profile" in user:
            shown["profile"] = {name: value for name, value in user["profile"].items() if name != "email"}
        return web.json_response({"ok": True, "user": shown})

    def _channel_info(self, channel: str) -> web.Response:
        """The bot may look at every channel except the hidden ones and the one whose id is all zeros.

        https://docs.slack.dev/reference/methods/conversations.info
        """
        if not channel.strip("C0") or channel in self.hidden:
            return _error("channel_not_found")
        shown = {
            "id": channel,
            "is_ext_shared": channel in self.shared_channels,
            "is_member": channel in self.joined,
            "is_private": channel.startswith("G"),
            "is_archived": channel in self.archived,
        }
        return web.json_response({"ok": True, "channel": shown})

    async def _post_message(self, arguments: Mapping[str, Any], scopes: frozenset[str]) -> web.Response:
        """https://docs.slack.dev/reference/methods/chat.postMessage ."""
        channel = self._channel(str(arguments["channel"]))
        if not self._may_post(channel, scopes):
            return _error("not_in_channel" if channel.startswith("C") else "channel_not_found")
        if (refusal := self._refuses("chat.postMessage", arguments)) is not None:
            return _error(refusal)
        if (too_fast := self._too_fast(channel)) is not None:
            return too_fast
        direct = channel if channel in self.users else None
        ts = await self._show(
            self._message({**arguments, "response_type": "in_channel"}, channel, direct, "chat.postMessage")
        )
        return web.json_response({"ok": True, "channel": self._conversation(channel), "ts": ts})

    def _may_post(self, channel: str, scopes: frozenset[str]) -> bool:
        """Whether the bot may post here: to a person, as a member, or in any public channel if it has the scope."""
        is_public = channel.startswith("C")
        return channel in self.users or channel in self.joined or (is_public and POST_ANYWHERE in scopes)

    async def _update_message(self, arguments: Mapping[str, Any]) -> web.Response:
        """https://docs.slack.dev/reference/methods/chat.update ."""
        if (refusal := self._refuses("chat.update", arguments, UPDATE_LIMIT)) is not None:
            return _error(refusal)
        channel_id = str(arguments.get("channel"))
        if channel_id in self.users:  # `chat.update` takes a direct message's own id only
            return _error("channel_not_found")
        place = (self._channel(channel_id), arguments.get("ts"))
        found = next((shown for shown in self.shown if (shown.channel, shown.ts) == place), None)
        if found is None or found.only_to:
            return _error("message_not_found")
        if found.via != "chat.postMessage":
            return _error("cant_update_message")
        await self._replace(found, arguments)
        return web.json_response({"ok": True, "channel": channel_id, "ts": found.ts, "text": arguments.get("text", "")})

    # --- what may go wrong -----------------------------------------------------------------------------------------

    def _too_fast(self, channel: str) -> web.Response | None:
        """The 429 for a message that comes too soon after the last one; `None` if it does not.

        https://docs.slack.dev/apis/web-api/rate-limits
        """
        if self.messages_per_second is None:
            return None
        wait = self._free_at.get(channel, 0.0) - self.clock()
        if wait > 0:
            headers = {"Retry-After": str(math.ceil(wait))}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        self._free_at[channel] = self.clock() + 1 / self.messages_per_second
        return None

    async def _with_faults(self, where: str, request: web.Request, work: Work) -> web.StreamResponse:
        """Do the work, or let the next planned fault happen."""
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
        if fault.chunks:
            return await streamed(request, fault.status, fault.headers, fault.chunks)
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)


def _email(user: Mapping[str, Any]) -> str:
    return str(user.get("profile", {}).get("email", ""))


def _error(error: str, **more: str) -> web.Response:
    return web.json_response({"ok": False, "error": error, **more})

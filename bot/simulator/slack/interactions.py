"""What people do in the stand-in for Slack, and how it tells the bot: commands, buttons, menus and shortcuts, signed.

Guessed, because it is documented nowhere:
- A button or a menu in a message that only one person sees is sent without that `message`. What was chosen there
  before is not sent again, in any message.
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from slack_sdk.signature import SignatureVerifier

from bot.http.client import HttpClient
from bot.http.exchange import Body, Request, RequestFailed, Why
from bot.simulator.slack.block_kit import Element, elements_of
from bot.simulator.slack.socket_mode import SocketMode
from bot.simulator.slack.views import option_of, values_of
from bot.simulator.slack.workspace import Shown, Workspace
from bot.simulator.traffic import Exchange

APP = "A0SIMULATED"
EVENTS = "/slack/events"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
"""How commands and interactions are sent, and how events are."""
ACKNOWLEDGE_WITHIN = 3.0
"""Seconds that Slack gives a bot to answer."""
TIMED_OUT = '/opp-status failed with the error "operation_timeout"'
FAILED = '/opp-status failed with the error "dispatch_failed"'

_NOT_SENT = frozenset({"confirm", "options", "min_query_length", "multiline", "min_length", "max_length"})
"""The fields of an element that Slack leaves out when it sends an action."""


@dataclass
class ReplyAddress:
    """A `response_url`."""

    channel: str
    user: str
    made: float
    pressed: str
    """The `ts` of the message with the button; empty for a command."""
    uses: int = 0


class Interactions(Workspace):
    """A workspace whose people use the app."""

    def __init__(self, team_id: str, signing_secret: str) -> None:
        super().__init__(team_id)
        self.url = ""
        """The stand-in's own address."""
        self.bot_url = ""
        """The bot's address."""
        self.bot_path = EVENTS
        """The path of the request URL, as it stands in the app's settings."""
        self.signing_secret = signing_secret
        self.socket = SocketMode()
        """Used instead of HTTP once `socket.tokens` has an app-level token."""
        self.acknowledge_within = ACKNOWLEDGE_WITHIN
        """Seconds that the bot has to answer."""
        self.sent: list[Exchange] = []
        """The requests to the bot, with its answers."""
        self._addresses: dict[str, ReplyAddress] = {}
        self._triggers: dict[str, tuple[str, float]] = {}
        """By trigger id: who caused it, and when."""

    async def command(
        self, text: str, *, user: str, channel: str = "C0SIMULATED", team: str | None = None, **fields: str
    ) -> httpx.Response | None:
        """Type `/opp-status <text>`. Returns the bot's answer, `None` without one in time.

        `fields` replace those of the same name in what Slack sends.
        """
        form = {
            "command": "/opp-status",
            "text": text,
            "user_id": user,
            "user_name": self._user_name(user),
            "channel_id": self._conversation(channel),
            "channel_name": self._channel_name(channel),
            "team_id": team or self.team_id,
            "team_domain": "simulated",
            "api_app_id": APP,
            "is_enterprise_install": str(self.is_org_wide).lower(),
            **({"enterprise_id": self.organization, "enterprise_name": "Simulated"} if self.organization else {}),
            "response_url": self.new_address("commands", channel, user),
            "trigger_id": self._new_trigger(user),
            **fields,
        }
        return await self._send(urlencode(form), channel, user)

    async def post(self, text: str, *, user: str, channel: str = "C0SIMULATED", thread_ts: str = "") -> Shown:
        """Write a message, in the thread of the message with this `thread_ts` if there is one.

        Slack does not send it to the bot.
        """
        thread = self._thread(channel, thread_ts)
        ts = await self._show(Shown(channel, None, text, (), "person", by=user, thread_ts=thread))
        return next(shown for shown in self.shown if shown.ts == ts)

    async def press(self, shown: Shown, action: Element, *, user: str) -> httpx.Response | None:
        """Press a button in a message, as `button` finds it. Returns the bot's answer, `None` without one in time.

        Raises `ValueError` if the message does not have this button, or no longer, or the person does not see it.
        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        if action["type"] != "button":
            raise ValueError(f"no button {action} in: {shown.text}")
        return await self._use(shown, action, {}, user)

    async def select(self, shown: Shown, element: Element, value: str, *, user: str) -> httpx.Response | None:
        """Choose the option with this value in a menu, as `menu` finds it. Returns and raises as `press` does.

        Also raises `ValueError` if there is no such option.
        """
        return await self._use(shown, element, {"selected_option": option_of(element.get("options", ()), value)}, user)

    async def pick_day(self, shown: Shown, element: Element, day: str, *, user: str) -> httpx.Response | None:
        """Pick a day in a calendar, as `2026-12-24`. Returns and raises as `press` does.

        https://docs.slack.dev/reference/block-kit/block-elements/date-picker-element
        """
        if element["type"] != "datepicker":
            raise ValueError(f"no calendar {element} in: {shown.text}")
        return await self._use(shown, element, {"selected_date": day}, user)

    async def shortcut(self, shown: Shown, callback_id: str, *, user: str) -> httpx.Response | None:
        """Use a shortcut of the app on a message. Returns the bot's answer, `None` without one in time.

        Raises `ValueError` if the person does not see the message, or is the only one who does: there Slack offers no
        shortcuts.
        https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
        """
        self._must_see(user, shown)
        if shown.only_to is not None:
            raise ValueError(f"no shortcuts on: {shown.text}")
        payload = self._payload("message_action", user) | {
            "callback_id": callback_id,
            "trigger_id": self._new_trigger(user),
            "response_url": self.new_address("app-actions", shown.channel, user),
            "channel": {"id": self._conversation(shown.channel), "name": self._channel_name(shown.channel)},
            "message": self._message_payload(shown),
            "message_ts": shown.ts,
            "action_ts": f"{self.clock():.6f}",
        }
        return await self._send(_form(payload), shown.channel, user)

    def new_address(self, kind: str, channel: str, user: str, pressed: str = "") -> str:
        """Make a reply address for a command (`commands`), a shortcut (`app-actions`) or a button (`actions`).

        A button's can replace the message `pressed`, given by its `ts`.
        """
        token = secrets.token_urlsafe(8)
        self._addresses[token] = ReplyAddress(channel, user, self.clock(), pressed)
        return f"{self.url}/{kind}/{token}"

    def sign(self, body: str, *, timestamp: str | None = None) -> dict[str, str]:
        """The headers that prove that a body comes from Slack.

        https://docs.slack.dev/authentication/verifying-requests-from-slack
        """
        timestamp = timestamp or str(int(self.clock()))
        signature = SignatureVerifier(self.signing_secret).generate_signature(timestamp=timestamp, body=body)
        return {
            "Content-Type": FORM,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature or "",
        }

    # --- what Slack sends ------------------------------------------------------------------------------------------

    async def _use(self, shown: Shown, element: Element, chosen: Mapping[str, Any], user: str) -> httpx.Response | None:
        self._must_see(user, shown)
        message = self._message_payload(shown)
        blocks: list[dict[str, Any]] = message["blocks"]
        block_id = next((block["block_id"] for block in blocks if element in elements_of(block)), None)
        if block_id is None:
            raise ValueError(f"no {element['type']} {element} in: {shown.text}")
        is_ephemeral = shown.only_to is not None
        channel_id = self._conversation(shown.channel)
        values = values_of(blocks)
        if element["action_id"] in values.get(block_id, {}):
            values[block_id][element["action_id"]] |= chosen
        payload = self._payload("block_actions", user) | {
            "channel": {"id": channel_id, "name": self._channel_name(shown.channel)},
            "container": {
                "type": "message",
                "message_ts": shown.ts,
                "channel_id": channel_id,
                "is_ephemeral": is_ephemeral,
                **self._place(shown),
            },
            "trigger_id": self._new_trigger(user),
            "response_url": self.new_address("actions", shown.channel, user, shown.ts),
            **({} if is_ephemeral else {"message": message}),
            "state": {"values": values},
            "actions": [self._action(block_id, element, chosen)],
        }
        return await self._send(_form(payload), shown.channel, user)

    def _must_see(self, user: str, shown: Shown) -> None:
        seen = [each for each in self.shown if self.sees(user, each)]
        if (shown.ts, shown) not in [(each.ts, each) for each in seen]:
            raise ValueError(f"{user} does not see: {shown.text}")

    def _payload(self, kind: str, user: str) -> dict[str, Any]:
        """The fields that every interaction payload has."""
        name = self._user_name(user)
        team_id = self.users.get(user, {}).get("team_id", self.team_id)
        return {
            "type": kind,
            "user": {"id": user, "username": name, "name": name, "team_id": team_id},
            "team": None if self.is_org_wide else self._team(),
            "enterprise": {"id": self.organization, "name": "Simulated"} if self.organization else None,
            "is_enterprise_install": self.is_org_wide,
            "api_app_id": APP,
        }

    def _team(self) -> dict[str, str]:
        organization = {"enterprise_id": self.organization, "enterprise_name": "Simulated"} if self.organization else {}
        return {"id": self.team_id, "domain": "simulated", **organization}

    def _message_payload(self, shown: Shown) -> dict[str, Any]:
        blocks = [{"block_id": f"b{number}", **block} for number, block in enumerate(shown.blocks)]
        if shown.by:
            blocks.append(_typed(shown.text))
        author = {"user": shown.by} if shown.by else {"bot_id": "B0BOT"}
        text = {"text": shown.text, "blocks": blocks}
        return {"type": "message", "ts": shown.ts, **self._place(shown), **author, **text}

    def _place(self, shown: Shown) -> dict[str, str]:
        """The thread of a message in a payload; of a message with replies, its own. Nothing if there is no thread."""
        begins_one = any(each.thread_ts == shown.ts for each in self.shown)
        thread = shown.thread_ts or (shown.ts if begins_one else "")
        return {"thread_ts": thread} if thread else {}

    def _action(self, block_id: str, element: Element, chosen: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in element.items() if name not in _NOT_SENT}
        return {**kept, **chosen, "block_id": block_id, "action_ts": f"{self.clock():.6f}"}

    def _new_trigger(self, user: str) -> str:
        trigger_id = f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = user, self.clock()
        return trigger_id

    # --- how it is sent --------------------------------------------------------------------------------------------

    async def _send(self, body: str, channel: str, user: str) -> httpx.Response | None:
        """Send a body to the bot; show its answer, or Slack's error, in the channel."""
        try:
            answer = await self._deliver(body)
        except (RequestFailed, OSError) as error:
            late = error.why is Why.TIMED_OUT if isinstance(error, RequestFailed) else isinstance(error, TimeoutError)
            await self._show(Shown(channel, user, TIMED_OUT if late else FAILED, (), "slack"))
            return None
        if not answer.is_success or (answer.content and self._refuses("acknowledgement", answer.json())):
            await self._show(Shown(channel, user, FAILED, (), "slack"))
        elif answer.content:
            await self._show(self._message(answer.json(), channel, user, "acknowledgement"))
        return answer

    async def _deliver_payload(self, payload: Mapping[str, Any]) -> httpx.Response:
        return await self._deliver(_form(payload))

    async def _deliver(self, body: str, kind: str = FORM) -> httpx.Response:
        """Send a body to the bot; returns its answer. Raises `RequestFailed` or `OSError` if none comes."""
        headers, at = {**self.sign(body), "Content-Type": kind}, asyncio.get_running_loop().time()
        exchange = Exchange("the bot", "POST", EVENTS, {}, headers, body.encode(), at, sender="Slack")
        self.sent.append(exchange)
        answer = await (self._over_socket(body) if self.socket.enabled else self._over_http(body, headers))
        exchange.answered(answer.status_code, answer.content)
        return answer

    async def _over_http(self, body: str, headers: Mapping[str, str]) -> httpx.Response:
        request = Request(
            "POST",
            f"{self.bot_url}{self.bot_path}",
            headers,
            Body(body.encode(), headers["Content-Type"]),
            until=asyncio.get_running_loop().time() + self.acknowledge_within,
            connect=self.acknowledge_within,
        )
        async with aclosing(HttpClient("Slackbot 1.0 (+https://api.slack.com/robots)")) as http:
            answer = await http.send(request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.content)

    async def _over_socket(self, body: str) -> httpx.Response:
        """Send the same contents in an envelope; returns the acknowledgement as if it were an answer over HTTP."""
        kind, contents = _enveloped(body)
        payload = await self.socket.deliver(kind, contents, self.acknowledge_within)
        return httpx.Response(200, json=payload) if payload else httpx.Response(200)


def _enveloped(body: str) -> tuple[str, dict[str, Any]]:
    """The kind of the envelope over Socket Mode, and what is in it."""
    if body.startswith("{"):
        return "events_api", json.loads(body)
    form = dict(parse_qsl(body, keep_blank_values=True))
    return ("interactive", json.loads(form["payload"])) if "payload" in form else ("slash_commands", form)


def _typed(text: str) -> dict[str, Any]:
    """What a person wrote, as Slack sends it beside the `text`."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": "typed", "elements": [section]}


def _form(payload: Mapping[str, Any]) -> str:
    return urlencode({"payload": json.dumps(payload)})

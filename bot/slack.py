"""Bolt's listeners, and their error boundary: translate, decide at once what can be decided, hand over the rest."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.access import Allowlist, Caller, Pace
from bot.change import StoreDown
from bot.command import COMMAND, Help, Misunderstood, Request, WhoAmI
from bot.ledger import Entry, Ledger
from bot.messages import Message, Messages
from bot.outcome import Cause
from bot.replies import Address, payload
from bot.status import Wish
from bot.worker import Order

log = structlog.get_logger(__name__)


class Reception:
    """Answers a command within Slack's three seconds: with a message, or with silence when work has begun."""

    def __init__(  # noqa: PLR0913 - each is one neighbour
        self,
        *,
        parse: Callable[[str], Request],
        allowlist: Allowlist,
        our_team: Callable[[], str | None],
        pace: Pace,
        ledger: Ledger,
        submit: Callable[[Order], None],
        messages: Messages,
    ) -> None:
        self._parse = parse
        self._allowlist = allowlist
        self._our_team = our_team
        self._pace = pace
        self._ledger = ledger
        self._submit = submit
        self._messages = messages

    async def on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to the command. Never raises: Bolt would forget the acknowledgement and let Slack time out.

        https://docs.slack.dev/interactivity/implementing-slash-commands
        """
        reference = new_reference()
        with structlog.contextvars.bound_contextvars(reference=reference):
            try:
                message = await self._answer(body, reference)
            except Exception:
                log.exception("command.broken")
                message = self._messages.not_accepted(Cause.UNEXPECTED, reference)
            await (ack(**payload(message)) if message else ack())

    async def _answer(self, body: dict[str, Any], reference: str) -> Message | None:
        field = partial(_field, body)
        caller = Caller(field("user_id"), field("team_id"), field("channel_id"))
        log.info("command.received", user=caller.user_id, channel=caller.channel_id, team=caller.team_id)
        request = self._parse(field("text"))
        denied = self._allowlist.denies(caller, self._our_team())
        match request:
            case Help():
                return self._messages.help()
            case WhoAmI():
                return self._messages.whoami(caller, denied.reason if denied else None)
        denied = denied or self._pace.denies(caller.user_id, asyncio.get_running_loop().time())
        if denied:
            log.info("command.denied", reason=denied.reason.value)
            return self._messages.denied(denied.reason, caller, reference)
        if isinstance(request, Misunderstood):
            log.info("command.misunderstood", problem=request.problem.value)
            return self._messages.misunderstood(request, reference)
        return await self._accept(request, caller, body, reference)

    async def _accept(self, wish: Wish, caller: Caller, body: dict[str, Any], reference: str) -> Message | None:
        """Write it down, then begin. A command that Slack delivers twice has the same `trigger_id`, and begins once."""
        field = partial(_field, body)
        entry = Entry(field("trigger_id") or reference, reference, caller, field("text"), wish)
        try:
            new = await self._ledger.accept(entry)
        except StoreDown:
            log.warning("command.not_written_down")
            return self._messages.not_accepted(Cause.STORE_DOWN, reference)
        log.info("command.accepted", opportunity=wish.opportunity_id, status=wish.status.value, new=new)
        if new:
            self._submit(Order(entry, Address(field("response_url"), caller.channel_id, caller.user_id)))
        return None


def _field(body: dict[str, Any], name: str) -> str:
    """A field of Slack's body, empty when absent. A database takes neither NUL nor half a character."""
    return str(body.get(name) or "").replace("\x00", "").encode("utf-8", "replace").decode()


def new_reference() -> str:
    """A number for one command, short enough to be read out: eight letters and digits, none of them alike."""
    return base64.b32encode(secrets.token_bytes(5)).decode()


def bolt_app(reception: Reception, token: str) -> AsyncApp:
    """A Bolt app that routes to our listeners, and does nothing else.

    - `authorize` is a plain callable: no `auth.test` inside the first command's three seconds, and no switch to OAuth
      when SLACK_CLIENT_ID is in the environment.
    - `process_before_response`: a listener of ours returns at once, so its acknowledgement need not be polled for.
    - Verification, `ssl_check` and parsing are done in `envelope`, before Bolt sees anything.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    app = AsyncApp(
        name="opp-status",
        authorize=authorize,
        signing_secret="verified in envelope",  # noqa: S106 - Bolt wants one, and never uses it
        request_verification_enabled=False,
        ssl_check_enabled=False,
        ignoring_self_events_enabled=False,
        process_before_response=True,
    )
    app.command(COMMAND)(reception.on_command)
    return app

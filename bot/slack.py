"""Bolt's listeners, and their error boundary: translate, decide at once what can be decided, hand over the rest."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, assert_never

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.access import Allowlist, Pace
from bot.change import StoreDown
from bot.claims import Acceptance
from bot.command import COMMAND, Help, Misunderstood, Request, ShowHistory, Undo, WhoAmI
from bot.messages import UNDO, Message, Messages
from bot.outcome import Cause
from bot.record import Entry, History, Obstacle, Record
from bot.replies import Address, payload
from bot.said import Said, pressed, typed
from bot.status import Wish

log = structlog.get_logger(__name__)
T = TypeVar("T")

LINES_OF_HISTORY = 10
"""How many commands `history` shows at most."""
ANSWER_WITHIN = 2.6
"""Seconds for whatever comes before an acknowledgement: Slack waits for 3."""


class _CannotLookUp(Exception):
    """The ledger does not answer a question."""


class Reception:
    """Answers within Slack's three seconds: with a message, or with silence when work has begun."""

    def __init__(  # noqa: PLR0913 - each is one neighbour
        self,
        *,
        parse: Callable[[str], Request],
        allowlist: Allowlist,
        our_team: Callable[[], str | None],
        pace: Pace,
        ledger: Acceptance,
        history: History,
        undo_window: timedelta,
        submit: Callable[[Entry], None],
        tell: Callable[[Message, Address, str], None],
        messages: Messages,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self._parse = parse
        self._allowlist = allowlist
        self._our_team = our_team
        self._pace = pace
        self._ledger = ledger
        self._history = history
        self._undo_window = undo_window
        self._submit = submit
        self._tell = tell
        self._messages = messages
        self._answer_within = answer_within

    async def on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to the command. Never raises: Bolt would forget the acknowledgement and let Slack time out.

        https://docs.slack.dev/interactivity/implementing-slash-commands
        """
        said = typed(body)
        with structlog.contextvars.bound_contextvars(reference=said.reference):
            log.info("command.received", **said.log)
            message = await self._guarded(self._answer(said), said.reference)
            await (ack(**payload(message)) if message else ack())

    async def on_undo(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to the Undo button. Never raises. Slack shows no answer that comes in the acknowledgement of a press.

        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        said = pressed(body)
        with structlog.contextvars.bound_contextvars(reference=said.reference):
            log.info("undo.pressed", **said.log)
            if message := await self._guarded(self._answer_press(said), said.reference):
                self._tell(message, _address(said), said.reference)
            await ack()

    async def _guarded(self, answering: Awaitable[Message | None], reference: str) -> Message | None:
        """The error boundary of what happens before an acknowledgement."""
        try:
            return await answering
        except _CannotLookUp:
            log.warning("command.not_looked_up")
            return self._messages.cannot_look_up(reference)
        except StoreDown as down:
            log.warning("command.not_written_down", perhaps=down.perhaps_written)
            return self._messages.not_accepted(Cause.STORE_DOWN, reference, perhaps=down.perhaps_written)
        except Exception:
            log.exception("command.broken")
            return self._messages.not_accepted(Cause.UNEXPECTED, reference)

    async def _answer(self, said: Said) -> Message | None:
        request = self._parse(said.text)
        match request:
            case Help():
                return self._messages.help()
            case WhoAmI():
                denied = self._allowlist.denies(said.caller, self._our_team())
                return self._messages.whoami(said.caller, denied.reason if denied else None)
        if refusal := self._denies(said):
            return refusal
        match request:
            case Misunderstood():
                log.info("command.misunderstood", problem=request.problem.value)
                return self._messages.misunderstood(request, said.reference)
            case ShowHistory(opportunity_id):
                return await self._show_history(said, opportunity_id)
            case Undo():
                change = await self._look_up(self._history.last_change(said.caller.user_id))
                return await self._undo(said, change, Obstacle.NONE_YET)
            case Wish():
                await self._accept(said.entry(request), self._answer_within)
                return None
            case _:
                assert_never(request)

    async def _answer_press(self, said: Said) -> Message | None:
        if refusal := self._denies(said):
            return refusal
        return await self._undo(said, await self._look_up(self._history.find(said.text)), Obstacle.UNKNOWN)

    def _denies(self, said: Said) -> Message | None:
        denied = self._allowlist.denies(said.caller, self._our_team()) or self._pace.denies(
            said.caller.user_id, asyncio.get_running_loop().time()
        )
        if denied is None:
            return None
        log.info("command.denied", reason=denied.reason.value)
        return self._messages.denied(denied.reason, said.caller, said.reference)

    async def _show_history(self, said: Said, opportunity_id: str | None) -> Message:
        if opportunity_id:
            records = await self._look_up(self._history.of_opportunity(opportunity_id, LINES_OF_HISTORY))
        else:
            records = await self._look_up(self._history.of_user(said.caller.user_id, LINES_OF_HISTORY))
        return self._messages.history(records, opportunity_id)

    async def _undo(self, said: Said, change: Record | None, otherwise: Obstacle) -> Message | None:
        if change is None:
            return self._messages.cannot_undo(otherwise, None, None, said.reference)
        wish = change.undo(self._undo_window, datetime.now(UTC))
        if isinstance(wish, Obstacle):
            return self._messages.cannot_undo(wish, change, None, said.reference)
        if await self._accept(said.entry(wish, undoes=change.key), self._answer_within / 2):
            return None
        undo = await self._look_up(self._history.undo_of(change.key))
        obstacle = Obstacle.DONE if undo and undo.outcome else Obstacle.UNDER_WAY
        return self._messages.cannot_undo(obstacle, change, undo, said.reference)

    async def _look_up(self, looking: Awaitable[T]) -> T:
        """Something in the ledger, while there is time. Raises `_CannotLookUp`; then nothing was written either."""
        try:
            async with asyncio.timeout(self._answer_within / 2):
                return await looking
        except (TimeoutError, StoreDown) as error:
            raise _CannotLookUp from error

    async def _accept(self, entry: Entry, within: float) -> bool:
        """Write it down, then begin. What Slack delivers twice has the same `trigger_id`, and begins once."""
        new = await self._ledger.accept(entry, within=within)
        log.info("command.accepted", opportunity=entry.wish.opportunity_id, status=entry.wish.status.value, new=new)
        if new:
            self._submit(entry)
        return new


def _address(said: Said) -> Address:
    return Address(said.response_url, said.caller.channel_id, said.caller.user_id, said.message_ts)


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
    app.action(UNDO)(reception.on_undo)
    return app

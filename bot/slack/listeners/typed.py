"""Bolt's listeners for what is typed and pressed: translate, decide at once what can be decided, hand over the rest."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.commands.lookups import Inquiries
from bot.commands.record import History, Obstacle, Record
from bot.commands.text.parse import (
    COMMAND,
    Change,
    Help,
    Misunderstood,
    OpenForm,
    Request,
    ShowAccess,
    ShowDeal,
    ShowHistory,
    Undo,
    UseLocation,
    WhoAmI,
)
from bot.deals.deal import Consent, Status, Target, Wish
from bot.deals.locations import Whereabouts
from bot.slack.actions import (
    APPROVE,
    CHOOSE,
    CONFIRM,
    DECLINE,
    DISMISS,
    LINK,
    REASON,
    REQUEST,
    REVOKE,
    SET,
    SHARE,
    SHOW,
    UNDO,
    Choice,
    StatusChoice,
    pointed_at,
)
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import Admission
from bot.slack.listeners.form import Modal
from bot.slack.messages import form
from bot.slack.messages.sentences import Message, Messages
from bot.slack.payload import Said, pressed, typed
from bot.slack.replies import Address, payload

log = structlog.get_logger(__name__)

LINES_OF_HISTORY = 10
"""How many commands `history` shows at most."""

Asked = Misunderstood | ShowHistory | ShowDeal | OpenForm | UseLocation | Undo | Change
"""What only those may ask for who may change deals."""
Answering = Callable[[Said], Awaitable[Message | None]]
"""What is done about a press; gives what is said at once, `None` when nothing is."""


class Reception:
    """Answers within Slack's three seconds: with a message, or with silence when work has begun."""

    def __init__(  # noqa: PLR0913 - each is one neighbour
        self,
        *,
        parse: Callable[[str], Request],
        intake: Intake,
        history: History,
        whereabouts: Whereabouts,
        inquiries: Callable[[str], Inquiries],
        modal: Modal,
        admission: Admission,
        undo_window: timedelta,
        confirm_above: int | None,
        answer: Callable[[Awaitable[Message | None], Address, str], None],
        tell: Callable[[Message, Address, str], None],
        messages: Messages,
    ) -> None:
        self._parse = parse
        self._intake = intake
        self._history = history
        self._whereabouts = whereabouts
        self._inquiries = inquiries
        self._modal = modal
        self._admission = admission
        self._undo_window = undo_window
        self._confirm_above = confirm_above
        self._answer_later = answer
        self._tell = tell
        self._messages = messages

    async def on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to the command. Never raises: Bolt would forget the acknowledgement and let Slack time out.

        https://docs.slack.dev/interactivity/implementing-slash-commands
        """
        said = typed(body)
        with structlog.contextvars.bound_contextvars(reference=said.reference):
            log.info("command.received", **said.log)
            message = await self._intake.guarded(self._answer(said), said.reference)
            await (ack(**payload(message)) if message else ack())

    def on_press(self, action: str) -> Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]:
        """A listener to a button or a choice in a message. Slack shows no answer that comes in its acknowledgement.

        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        doing: dict[str, Answering] = {
            UNDO: self._on_undo,
            CHOOSE: self._on_choice,
            CONFIRM: self._on_confirmation,
            REASON: self._on_reason,
            SET: self._on_status,
            SHOW: self._on_show,
            SHARE: self._on_share,
            DISMISS: self._on_dismissal,
        }
        # Pressed by people who may not change deals, or anywhere by admins: they are let through or not by themselves.
        about_access: dict[str, Answering] = {
            REQUEST: self._admission.on_request,
            APPROVE: self._admission.on_approval,
            DECLINE: self._admission.on_decline,
            REVOKE: self._admission.on_revocation,
        }

        def answer(said: Said) -> Awaitable[Message | None]:
            return about_access[action](said) if action in about_access else self._answer_press(said, doing[action])

        async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
            said = pressed(body)
            with structlog.contextvars.bound_contextvars(reference=said.reference):
                log.info("pressed", action=action, **said.log)
                if message := await self._intake.guarded(answer(said), said.reference):
                    self._tell(message, _address(said), said.reference)
                await ack()

        return listen

    # --- what is typed ----------------------------------------------------------------------------------------------

    async def _answer(self, said: Said) -> Message | None:
        request = self._parse(said.text)
        match request:
            case Help():
                return self._messages.help()
            case WhoAmI():
                return self._messages.whoami(said.caller, await self._intake.decides(said))
            case ShowAccess():
                return await self._admission.show(said)
            case _:
                return await self._intake.denies(said) or await self._do(request, said)

    async def _do(self, request: Asked, said: Said) -> Message | None:
        """What is asked for by somebody who may."""
        match request:
            case Misunderstood():
                log.info("command.misunderstood", problem=request.problem.value)
                return self._messages.misunderstood(request, said.reference)
            case ShowHistory():
                return await self._show_history(said, request)
            case ShowDeal():
                self._show(replace(request, location_id=request.location_id or await self._home(said)), said)
                return None
            case OpenForm():
                opening = self._modal.open(said, Target("", await self._home(said)))
                self._answer_later(opening, _address(said), said.reference)
                return None
            case UseLocation(name):
                return await self._use(name, said)
            case Undo():
                return await self._undo(said, self._history.last_change(said.caller.user_id), Obstacle.NONE_YET)
            case Change(wishes):
                home = await self._home(said)
                wishes = tuple(replace(wish, location_id=wish.location_id or home) for wish in wishes)
                await self._intake.accept(*said.entries([self._asking(wish, len(wishes)) for wish in wishes]))
                return None
            case _:
                assert_never(request)

    async def _home(self, said: Said) -> str:
        """The sub-account that is meant here where nothing else says so; empty where there is only one."""
        return await self._intake.look_up(self._whereabouts.home(said.caller.channel_id))

    async def _use(self, name: str, said: Said) -> Message:
        """Tell in which sub-account this channel works; an admin may say in which."""
        locations, channel_id = self._whereabouts.locations, said.caller.channel_id
        if not name:
            return self._messages.in_use(await self._home(said), said.reference)
        if not self._intake.door.is_admin(said.caller):
            return self._messages.not_an_admin(said.reference)
        meant = locations.meant(name)
        if meant is None:
            return self._messages.no_such_location(name, said.reference)
        bindings = self._whereabouts.bindings
        writing = (
            bindings.unbind(channel_id)
            if meant == locations.default
            else bindings.bind(channel_id, meant, said.caller.user_id)
        )
        await self._intake.in_time(writing)
        log.info("channel.bound", location=meant, **said.log)
        return self._messages.uses(meant, said.caller, said.reference)

    def _asking(self, wish: Wish, together: int) -> Wish:
        """So many at once are done only after somebody was asked."""
        too_many = self._confirm_above is not None and together > self._confirm_above
        return replace(wish, consent=Consent.WANTED) if too_many and wish.consent is Consent.PRESUMED else wish

    async def _show_history(self, said: Said, asked: ShowHistory) -> Message:
        user_id = asked.user_id or said.caller.user_id
        if (asked.everybody or user_id != said.caller.user_id) and not self._intake.door.is_admin(said.caller):
            return self._messages.not_an_admin(said.reference)
        if asked.opportunity_id:
            looking = self._history.of_opportunity(asked.opportunity_id, LINES_OF_HISTORY)
        elif asked.everybody:
            looking = self._history.of_everybody(LINES_OF_HISTORY)
        else:
            looking = self._history.of_user(user_id, LINES_OF_HISTORY)
        return self._messages.history(await self._intake.look_up(looking), asked)

    # --- what is pressed --------------------------------------------------------------------------------------------

    async def _answer_press(self, said: Said, doing: Answering) -> Message | None:
        return await self._intake.denies(said) or await doing(said)

    async def _on_undo(self, said: Said) -> Message | None:
        return await self._undo(said, self._history.find(said.text), Obstacle.UNKNOWN)

    async def _on_choice(self, said: Said) -> Message | None:
        """One of the deals that go by a name."""
        choice = Choice.from_value(said.text)
        question = await self._intake.look_up(self._history.find(choice.key))
        if question is None or not question.open_question:
            return self._messages.cannot_go_on(question, said.reference)
        return await self._go_on(said, [question], [question.go_on(opportunity_id=choice.opportunity_id)])

    async def _on_confirmation(self, said: Said) -> Message | None:
        """Yes, to all that were asked about."""
        questions = [
            each
            for each in await self._together(self._history.find(said.text))
            if each.outcome in {"unconfirmed", "previewed"}
        ]
        if not questions:
            return self._messages.cannot_go_on(None, said.reference)
        return await self._go_on(said, questions, [question.go_on() for question in questions])

    async def _on_reason(self, said: Said) -> Message | None:
        """Why a deal is lost: before it is, or after."""
        asked = await self._together(self._history.find(said.block_id))
        if questions := [each for each in asked if each.outcome == "reason_wanted"]:
            return await self._go_on(said, questions, [each.go_on(lost_reason_id=said.text) for each in questions])
        lost = [each for each in asked if each.changed and each.after == Status.LOST]
        if not lost:
            return self._messages.cannot_go_on(None, said.reference)
        wishes = [
            replace(
                each.go_on(), status=Status.LOST, lost_reason_id=said.text, only_if=Status.LOST, consent=Consent.GIVEN
            )
            for each in lost
        ]
        entries = said.entries(wishes, public=lost[0].public)
        await self._intake.accept(*(replace(entry, text=lost[0].text) for entry in entries), looked_up=True)
        return None

    async def _on_status(self, said: Said) -> Message | None:
        """One of the statuses on a deal's card."""
        choice = StatusChoice.from_value(said.text)
        if choice is None:
            return self._messages.cannot_go_on(None, said.reference)
        wish = Wish(choice.opportunity_id, choice.status, consent=choice.consent, location_id=choice.location_id)
        text = f"{choice.opportunity_id} {choice.status}"
        await self._intake.accept(*(replace(entry, text=text, message_ts="") for entry in said.entries([wish])))
        return None

    async def _on_show(self, said: Said) -> Message | None:
        if not said.text:
            return self._messages.cannot_go_on(None, said.reference)
        deal = pointed_at(said.text)
        self._show(ShowDeal(deal.opportunity_id, location_id=deal.location_id), said)
        return None

    def _show(self, asked: ShowDeal, said: Said) -> None:
        showing = self._inquiries(asked.location_id).show(asked, said.reference)
        self._answer_later(showing, _address(said), said.reference)

    async def _on_share(self, said: Said) -> Message | None:
        if not said.text:
            return self._messages.cannot_go_on(None, said.reference)
        deal = pointed_at(said.text)
        sharing = self._inquiries(deal.location_id).share(deal.opportunity_id, said.caller, said.reference)
        self._answer_later(sharing, _address(said), said.reference)
        return None

    async def _on_dismissal(self, _said: Said) -> Message | None:
        return self._messages.dismissed()

    async def _go_on(self, said: Said, questions: Sequence[Record], wishes: Sequence[Wish]) -> Message | None:
        entries = [replace(entry, message_ts="") for entry in said.answers(questions, wishes)]
        if await self._intake.accept(*entries, looked_up=True):
            return self._messages.goes_on(said.reference, replaces=said.is_ephemeral)
        return self._messages.cannot_go_on(questions[0], said.reference)

    async def _undo(self, said: Said, finding: Awaitable[Record | None], otherwise: Obstacle) -> Message | None:
        """Take a change back, and those that were made with it."""
        together = await self._together(finding)
        if not together:
            return self._messages.cannot_undo(otherwise, None, None, said.reference)
        now = datetime.now(UTC)
        tried = [(each, each.undo(self._undo_window, now)) for each in together]
        wishes = [(each, wish) for each, wish in tried if isinstance(wish, Wish)]
        if not wishes:
            change, obstacle = next((each, found) for each, found in tried if isinstance(found, Obstacle))
            return self._messages.cannot_undo(obstacle, change, None, said.reference)
        if await self._accept_undos(said, wishes):
            return None
        undos = await self._intake.look_up(self._undos_of([each for each, _ in wishes]))
        # Of several some may have been taken back, and others not, because HighLevel did not answer.
        left = [each for each, undo in zip(wishes, undos, strict=True) if undo is None]
        if left and await self._accept_undos(said, left):
            return None
        undo = next(filter(None, undos), None)
        obstacle = Obstacle.DONE if undo and undo.outcome else Obstacle.UNDER_WAY
        return self._messages.cannot_undo(obstacle, wishes[0][0], undo, said.reference)

    async def _accept_undos(self, said: Said, wishes: Sequence[tuple[Record, Wish]]) -> bool:
        entries = said.undos([each for each, _ in wishes], [wish for _, wish in wishes])
        return await self._intake.accept(*entries, looked_up=True)

    async def _undos_of(self, changes: Sequence[Record]) -> list[Record | None]:
        return [await self._history.undo_of(each.key) for each in changes]

    async def _together(self, finding: Awaitable[Record | None]) -> Sequence[Record]:
        """The command that is found, and those that were asked for with it: all in the time for one look."""

        async def look() -> Sequence[Record]:
            found = await finding
            if found is None:
                return ()
            return await self._history.of_batch(found.batch) if found.batch else (found,)

        return await self._intake.look_up(look())


def _address(said: Said) -> Address:
    return Address(said.response_url, said.caller.channel_id, said.caller.user_id, said.message_ts)


def bolt_app(reception: Reception, modal: Modal, token: str) -> AsyncApp:
    """A Bolt app that routes to our listeners, and does nothing else.

    - `authorize` is a plain callable: no `auth.test` inside the first command's three seconds, and no switch to OAuth
      when SLACK_CLIENT_ID is in the environment.
    - `process_before_response`: a listener of ours returns at once, so its acknowledgement need not be polled for.
    - Verification, `ssl_check` and parsing are done in `envelope`, before Bolt sees anything.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    async def nothing(ack: AsyncAck) -> None:
        await ack()

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
    for action in (UNDO, CHOOSE, CONFIRM, REASON, SHOW, SHARE, DISMISS, REQUEST, APPROVE, DECLINE, REVOKE):
        app.action(action)(reception.on_press(action))
    # Several in one row, which must differ: `set_won`, `set_lost`.
    app.action(re.compile(rf"{SET}_\w+"))(reception.on_press(SET))
    app.action(LINK)(nothing)  # Slack tells also of a button that is a link
    app.shortcut(form.SHORTCUT)(modal.on_shortcut)
    app.options(form.DEAL)(modal.on_typing)
    app.action(form.STATUS)(modal.on_status)
    app.view(form.FORM)(modal.on_submission)
    return app

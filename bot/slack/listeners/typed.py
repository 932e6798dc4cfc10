"""Bolt's listeners for what is typed and pressed: translate, decide at once what can be decided, hand over the rest."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, assert_never

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.commands.ledger import History
from bot.commands.lookups import Lookups
from bot.commands.policy import Policy
from bot.commands.record import Record, UndoRefusal
from bot.commands.reply import Address, Message
from bot.commands.request import (
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
from bot.deals.deal import Status, Target
from bot.deals.locations import LocationResolver
from bot.deals.wish import Consent, Wish
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
    read_target_value,
)
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.listeners.form import FormListeners
from bot.slack.messages import form
from bot.slack.messages.sentences import Messages
from bot.slack.payload import Interaction, read_action, read_command
from bot.slack.replies import payload

log = structlog.get_logger(__name__)

LINES_OF_HISTORY = 10
"""How many commands `history` shows at most."""

Asked = Misunderstood | ShowHistory | ShowDeal | OpenForm | UseLocation | Undo | Change
"""What only those may ask for who may change deals."""
Answering = Callable[[Interaction], Awaitable[Message | None]]
"""What is done about a press; gives what is said at once, `None` when nothing is."""


class CommandListeners:
    """Answers within Slack's three seconds: with a message, or with silence when work has begun."""

    def __init__(  # noqa: PLR0913 - each is one neighbour
        self,
        *,
        parse: Callable[[str], Request],
        intake: Intake,
        history: History,
        location_resolver: LocationResolver,
        lookups: Callable[[str], Lookups],
        modal: FormListeners,
        approvals: ApprovalListeners,
        policy: Policy,
        answer: Callable[[Awaitable[Message | None], Address, str], None],
        tell: Callable[[Message, Address, str], None],
        messages: Messages,
    ) -> None:
        self._parse = parse
        self._intake = intake
        self._history = history
        self._location_resolver = location_resolver
        self._lookups = lookups
        self._modal = modal
        self._approvals = approvals
        self._undo_window = policy.undo_window
        self._confirm_above = policy.confirm.above
        self._answer_later = answer
        self._tell = tell
        self._messages = messages

    async def on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to the command. Never raises: Bolt would forget the acknowledgement and let Slack time out.

        https://docs.slack.dev/interactivity/implementing-slash-commands
        """
        interaction = read_command(body)
        with structlog.contextvars.bound_contextvars(reference=interaction.reference):
            log.info("command.received", **interaction.log)
            message = await self._intake.guarded(self._answer(interaction), interaction.reference)
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
            REQUEST: self._approvals.on_request,
            APPROVE: self._approvals.on_approval,
            DECLINE: self._approvals.on_decline,
            REVOKE: self._approvals.on_revocation,
        }

        def answer(interaction: Interaction) -> Awaitable[Message | None]:
            return (
                about_access[action](interaction)
                if action in about_access
                else self._answer_press(interaction, doing[action])
            )

        async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
            interaction = read_action(body)
            with structlog.contextvars.bound_contextvars(reference=interaction.reference):
                log.info("pressed", action=action, **interaction.log)
                if message := await self._intake.guarded(answer(interaction), interaction.reference):
                    self._tell(message, _address(interaction), interaction.reference)
                await ack()

        return listen

    # --- what is typed ----------------------------------------------------------------------------------------------

    async def _answer(self, interaction: Interaction) -> Message | None:
        request = self._parse(interaction.text)
        match request:
            case Help():
                return self._messages.help()
            case WhoAmI():
                return self._messages.whoami(interaction.caller, await self._intake.authorize(interaction))
            case ShowAccess():
                return await self._approvals.show(interaction)
            case _:
                return await self._intake.refusal(interaction) or await self._do(request, interaction)

    async def _do(self, request: Asked, interaction: Interaction) -> Message | None:
        """What is asked for by somebody who may."""
        match request:
            case Misunderstood():
                log.info("command.misunderstood", problem=request.problem.value)
                return self._messages.misunderstood(request, interaction.reference)
            case ShowHistory():
                return await self._show_history(interaction, request)
            case ShowDeal():
                self._show(
                    replace(request, location_id=request.location_id or await self._home(interaction)), interaction
                )
                return None
            case OpenForm():
                opening = self._modal.open(interaction, Target("", await self._home(interaction)))
                self._answer_later(opening, _address(interaction), interaction.reference)
                return None
            case UseLocation(name):
                return await self._use(name, interaction)
            case Undo():
                return await self._undo(
                    interaction, self._history.last_change(interaction.caller.user_id), UndoRefusal.NONE_YET
                )
            case Change(wishes):
                home = await self._home(interaction)
                wishes = tuple(replace(wish, location_id=wish.location_id or home) for wish in wishes)
                await self._intake.accept(*interaction.entries([self._asking(wish, len(wishes)) for wish in wishes]))
                return None
            case _:
                assert_never(request)

    async def _home(self, interaction: Interaction) -> str:
        """The sub-account that is meant here where nothing else says so; empty where there is only one."""
        return await self._intake.look_up(self._location_resolver.home(interaction.caller.channel_id))

    async def _use(self, name: str, interaction: Interaction) -> Message:
        """Tell in which sub-account this channel works; an admin may say in which."""
        locations, channel_id = self._location_resolver.locations, interaction.caller.channel_id
        if not name:
            return self._messages.in_use(await self._home(interaction), interaction.reference)
        if not self._intake.authorizer.is_admin(interaction.caller):
            return self._messages.not_an_admin(interaction.reference)
        meant = locations.meant(name)
        if meant is None:
            return self._messages.no_such_location(name, interaction.reference)
        bindings = self._location_resolver.bindings
        writing = (
            bindings.unbind(channel_id)
            if meant == locations.default
            else bindings.bind(channel_id, meant, interaction.caller.user_id)
        )
        await self._intake.in_time(writing)
        log.info("channel.bound", location=meant, **interaction.log)
        return self._messages.uses(meant, interaction.caller, interaction.reference)

    def _asking(self, wish: Wish, together: int) -> Wish:
        """So many at once are done only after somebody was asked."""
        too_many = self._confirm_above is not None and together > self._confirm_above
        return replace(wish, consent=Consent.WANTED) if too_many and wish.consent is Consent.PRESUMED else wish

    async def _show_history(self, interaction: Interaction, asked: ShowHistory) -> Message:
        user_id = asked.user_id or interaction.caller.user_id
        if (asked.everybody or user_id != interaction.caller.user_id) and not self._intake.authorizer.is_admin(
            interaction.caller
        ):
            return self._messages.not_an_admin(interaction.reference)
        if asked.opportunity_id:
            looking = self._history.of_opportunity(asked.opportunity_id, LINES_OF_HISTORY)
        elif asked.everybody:
            looking = self._history.of_everybody(LINES_OF_HISTORY)
        else:
            looking = self._history.of_user(user_id, LINES_OF_HISTORY)
        return self._messages.history(await self._intake.look_up(looking), asked)

    # --- what is pressed --------------------------------------------------------------------------------------------

    async def _answer_press(self, interaction: Interaction, doing: Answering) -> Message | None:
        return await self._intake.refusal(interaction) or await doing(interaction)

    async def _on_undo(self, interaction: Interaction) -> Message | None:
        return await self._undo(interaction, self._history.find(interaction.text), UndoRefusal.UNKNOWN)

    async def _on_choice(self, interaction: Interaction) -> Message | None:
        """One of the deals that go by a name."""
        choice = Choice.from_value(interaction.text)
        question = await self._intake.look_up(self._history.find(choice.key))
        if question is None or not question.open_question:
            return self._messages.cannot_go_on(question, interaction.reference)
        return await self._go_on(interaction, [question], [question.go_on(opportunity_id=choice.opportunity_id)])

    async def _on_confirmation(self, interaction: Interaction) -> Message | None:
        """Yes, to all that were asked about."""
        questions = [
            each
            for each in await self._together(self._history.find(interaction.text))
            if each.outcome in {"unconfirmed", "previewed"}
        ]
        if not questions:
            return self._messages.cannot_go_on(None, interaction.reference)
        return await self._go_on(interaction, questions, [question.go_on() for question in questions])

    async def _on_reason(self, interaction: Interaction) -> Message | None:
        """Why a deal is lost: before it is, or after."""
        asked = await self._together(self._history.find(interaction.block_id))
        if questions := [each for each in asked if each.outcome == "reason_wanted"]:
            return await self._go_on(
                interaction, questions, [each.go_on(lost_reason_id=interaction.text) for each in questions]
            )
        lost = [each for each in asked if each.changed and each.after == Status.LOST]
        if not lost:
            return self._messages.cannot_go_on(None, interaction.reference)
        wishes = [
            replace(
                each.go_on(),
                status=Status.LOST,
                lost_reason_id=interaction.text,
                only_if=Status.LOST,
                consent=Consent.GIVEN,
            )
            for each in lost
        ]
        entries = interaction.entries(wishes, public=lost[0].public)
        await self._intake.accept(*(replace(entry, text=lost[0].text) for entry in entries), looked_up=True)
        return None

    async def _on_status(self, interaction: Interaction) -> Message | None:
        """One of the statuses on a deal's card."""
        choice = StatusChoice.from_value(interaction.text)
        if choice is None:
            return self._messages.cannot_go_on(None, interaction.reference)
        wish = Wish(choice.opportunity_id, choice.status, consent=choice.consent, location_id=choice.location_id)
        text = f"{choice.opportunity_id} {choice.status}"
        await self._intake.accept(*(replace(entry, text=text, message_ts="") for entry in interaction.entries([wish])))
        return None

    async def _on_show(self, interaction: Interaction) -> Message | None:
        if not interaction.text:
            return self._messages.cannot_go_on(None, interaction.reference)
        deal = read_target_value(interaction.text)
        self._show(ShowDeal(deal.opportunity_id, location_id=deal.location_id), interaction)
        return None

    def _show(self, asked: ShowDeal, interaction: Interaction) -> None:
        showing = self._lookups(asked.location_id).show(asked, interaction.reference)
        self._answer_later(showing, _address(interaction), interaction.reference)

    async def _on_share(self, interaction: Interaction) -> Message | None:
        if not interaction.text:
            return self._messages.cannot_go_on(None, interaction.reference)
        deal = read_target_value(interaction.text)
        sharing = self._lookups(deal.location_id).share(deal.opportunity_id, interaction.caller, interaction.reference)
        self._answer_later(sharing, _address(interaction), interaction.reference)
        return None

    async def _on_dismissal(self, _said: Interaction) -> Message | None:
        return self._messages.dismissed()

    async def _go_on(
        self, interaction: Interaction, questions: Sequence[Record], wishes: Sequence[Wish]
    ) -> Message | None:
        entries = [replace(entry, message_ts="") for entry in interaction.answers(questions, wishes)]
        if await self._intake.accept(*entries, looked_up=True):
            return self._messages.goes_on(interaction.reference, replaces=interaction.is_ephemeral)
        return self._messages.cannot_go_on(questions[0], interaction.reference)

    async def _undo(
        self, interaction: Interaction, finding: Awaitable[Record | None], otherwise: UndoRefusal
    ) -> Message | None:
        """Take a change back, and those that were made with it."""
        together = await self._together(finding)
        if not together:
            return self._messages.cannot_undo(otherwise, None, None, interaction.reference)
        now = datetime.now(UTC)
        tried = [(each, each.undo(self._undo_window, now)) for each in together]
        wishes = [(each, wish) for each, wish in tried if isinstance(wish, Wish)]
        if not wishes:
            change, refusal = next((each, found) for each, found in tried if isinstance(found, UndoRefusal))
            return self._messages.cannot_undo(refusal, change, None, interaction.reference)
        if await self._accept_undos(interaction, wishes):
            return None
        undos = await self._intake.look_up(self._undos_of([each for each, _ in wishes]))
        # Of several some may have been taken back, and others not, because HighLevel did not answer.
        left = [each for each, undo in zip(wishes, undos, strict=True) if undo is None]
        if left and await self._accept_undos(interaction, left):
            return None
        undo = next(filter(None, undos), None)
        refusal = UndoRefusal.DONE if undo and undo.outcome else UndoRefusal.UNDER_WAY
        return self._messages.cannot_undo(refusal, wishes[0][0], undo, interaction.reference)

    async def _accept_undos(self, interaction: Interaction, wishes: Sequence[tuple[Record, Wish]]) -> bool:
        entries = interaction.undos([each for each, _ in wishes], [wish for _, wish in wishes])
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


def _address(interaction: Interaction) -> Address:
    return Address(
        interaction.response_url, interaction.caller.channel_id, interaction.caller.user_id, interaction.message_ts
    )


def bolt_app(reception: CommandListeners, modal: FormListeners, token: str) -> AsyncApp:
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

"""Stands between Bolt and the listeners: reads the payload, acknowledges it, and lets no exception through.

An exception in a listener is logged once, with its traceback and reference, counted, and told to the person. Bolt
would swallow it, and never acknowledge, so that Slack tells the person of a timeout.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from typing import Any, assert_never

import structlog
from slack_bolt.async_app import AsyncAck

from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.commands.outbox import Outbox
from bot.commands.reply import Message
from bot.commands.request import new_reference
from bot.deals.outcome import Cause
from bot.deals.ports import StoreDown
from bot.slack.intake import LookupFailed
from bot.slack.mail.replies import as_response
from bot.slack.messages import form
from bot.slack.messages.messages import Messages
from bot.slack.messages.tables import FORM_WORDS
from bot.slack.payload import Interaction, read_action, read_command, read_event

log = structlog.get_logger(__name__)

Acknowledgement = Mapping[str, Any]
"""The arguments of Bolt's `ack`."""
BoltListener = Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]
Answer = Callable[[Interaction], Awaitable[Message | None]]
"""A listener that answers with a message at once; `None` if it has nothing to say."""
Respond = Callable[[Interaction], Awaitable[Acknowledgement]]
"""A listener that makes the acknowledgement itself."""
Read = Callable[[Mapping[str, Any], str], Interaction]
"""Reads a payload; the second argument is the interaction's reference."""


class _Failure(Enum):
    """Why a listener raised."""

    NOT_LOOKED_UP = auto()
    NOT_WRITTEN = auto()
    PERHAPS_WRITTEN = auto()
    BROKEN = auto()


class Boundary:
    """Makes Bolt listeners that never raise from the bot's listeners."""

    def __init__(self, outbox: Outbox, messages: Messages, instrumentation: Instrumentation = NO_METRICS) -> None:
        self._outbox = outbox
        self._messages = messages
        self._instrumentation = instrumentation

    def command(self, answer: Answer) -> BoltListener:
        """Wrap a listener to a slash command: the message goes into the acknowledgement.

        https://docs.slack.dev/interactivity/implementing-slash-commands
        """

        async def respond(interaction: Interaction) -> Acknowledgement:
            log.debug("command.received", **interaction.log_fields)
            message = await answer(interaction)
            return as_response(message) if message else {}

        def fail(interaction: Interaction | None, failure: _Failure, reference: str) -> Acknowledgement:
            return as_response(self._message(failure, reference, interaction.text if interaction else ""))

        return self._guarded(read_command, respond, fail)

    def action(
        self, answer: Answer, *, read: Read = read_action, event: str = "pressed", **logged: str
    ) -> BoltListener:
        """Wrap a listener to a button, a menu or a shortcut: the message is sent, as Slack shows no acknowledgement.

        `event` and `logged` are what is logged.
        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """

        async def respond(interaction: Interaction) -> Acknowledgement:
            log.info(event, **logged, **interaction.log_fields)
            if message := await answer(interaction):
                self._outbox.tell(message, interaction.address, interaction.reference)
            return {}

        def fail(interaction: Interaction | None, failure: _Failure, reference: str) -> Acknowledgement:
            if interaction:
                self._outbox.tell(self._message(failure, reference), interaction.address, reference)
            return {}

        return self._guarded(read, respond, fail)

    def options(self, suggest: Respond, read: Read) -> BoltListener:
        """Wrap a listener to a person who types into a menu: a failure is shown as its only option.

        https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """

        def fail(_interaction: Interaction | None, _failure: _Failure, reference: str) -> Acknowledgement:
            return {"options": [form.broken(reference).block()]}

        return self._guarded(read, suggest, fail)

    def view(self, submit: Respond, read: Read) -> BoltListener:
        """Wrap a listener to a form that is submitted: a failure is shown in the form, which stays open.

        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_submission
        """

        def fail(_interaction: Interaction | None, failure: _Failure, reference: str) -> Acknowledgement:
            return {"response_action": "errors", "errors": {form.DEAL: _in_form(failure, reference)}}

        return self._guarded(read, submit, fail)

    def event(self, hear: Callable[[Interaction], Awaitable[None]], *, event: str) -> BoltListener:
        """Wrap a listener to an event: Slack shows no answer to it. `event` is what is logged.

        https://docs.slack.dev/apis/events-api
        """

        async def respond(interaction: Interaction) -> Acknowledgement:
            log.info(event, **interaction.log_fields)
            await hear(interaction)
            return {}

        def fail(_interaction: Interaction | None, _failure: _Failure, _reference: str) -> Acknowledgement:
            return {}

        return self._guarded(read_event, respond, fail)

    def _guarded(
        self,
        read: Read,
        respond: Respond,
        fail: Callable[[Interaction | None, _Failure, str], Acknowledgement],
    ) -> BoltListener:
        async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
            reference = new_reference()
            with structlog.contextvars.bound_contextvars(reference=reference):
                interaction = None
                try:
                    interaction = read(body, reference)
                    await ack(**await respond(interaction))
                except Exception as error:  # noqa: BLE001 - `_failed` logs it
                    await ack(**fail(interaction, self._failed(error), reference))

        return listen

    def _failed(self, error: Exception) -> _Failure:
        """Log and count an exception, and say what it means."""
        self._instrumentation.commanded(
            Cause.STORE_DOWN if isinstance(error, LookupFailed | StoreDown) else Cause.UNEXPECTED
        )
        match error:
            case LookupFailed():
                log.warning("command.not_looked_up")
                return _Failure.NOT_LOOKED_UP
            case StoreDown():
                log.warning("command.not_written_down", perhaps=error.perhaps_written)
                return _Failure.PERHAPS_WRITTEN if error.perhaps_written else _Failure.NOT_WRITTEN
            case _:
                log.error("command.broken", exc_info=error)
                return _Failure.BROKEN

    def _message(self, failure: _Failure, reference: str, typed: str = "") -> Message:
        """What a person reads; `typed`: the command, if they typed one."""
        match failure:
            case _Failure.NOT_LOOKED_UP:
                return self._messages.failures.cannot_look_up(reference, typed)
            case _Failure.NOT_WRITTEN:
                return self._messages.failures.not_accepted(Cause.STORE_DOWN, reference, typed)
            case _Failure.PERHAPS_WRITTEN:
                return self._messages.failures.not_accepted(Cause.STORE_DOWN, reference, perhaps=True)
            case _Failure.BROKEN:
                return self._messages.broken(reference)
            case _:
                assert_never(failure)


def _in_form(failure: _Failure, reference: str) -> str:
    match failure:
        case _Failure.NOT_LOOKED_UP | _Failure.NOT_WRITTEN:
            return FORM_WORDS.not_written
        case _Failure.PERHAPS_WRITTEN:
            return FORM_WORDS.perhaps_written
        case _Failure.BROKEN:
            return FORM_WORDS.broken.format(reference=reference)
        case _:
            assert_never(failure)

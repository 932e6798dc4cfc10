"""All that is said leaves through here: a few messages at once, from listeners, the worker and approvals alike."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from bot.commands.record import Entry, Record
from bot.commands.reply import Address, Delivery, Mail, Message
from bot.commands.tasks import Tasks
from bot.deals.deal import LostReason
from bot.deals.outcome import Outcome

log = structlog.get_logger(__name__)

AT_ONCE = 8
"""Messages on their way. They take no command's slot: Slack may make us wait for a channel."""


class Words(Protocol):
    """What is said of commands."""

    def outcome(self, outcome: Outcome, entry: Entry, undone: Record | None = None) -> Message:
        """The one reply to a command; `undone` is the change that it undid."""

    def several(
        self, records: Sequence[Record], entry: Entry, earlier: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """The one reply to several commands that were asked for at once; `entry` is the first of them.

        `earlier`: those that were changed together, of which these undo some or all.
        `reasons`: lost reasons to choose from, if one is missing.
        """

    def takes_long(self, reference: str) -> Message:
        """The result is still to come."""

    def ask_why(self, reasons: Sequence[LostReason], change: Record) -> Message:
        """Why was it lost? Asked after it was done."""

    def broken(self, reference: str) -> Message:
        """Something went wrong inside the bot, and nothing changed."""


class Outbox:
    """Sends messages in the background or while the caller waits."""

    def __init__(self, mail: Mail, words: Words, tasks: Tasks) -> None:
        self._mail = mail
        self._words = words
        self._tasks = tasks
        self._slots = asyncio.Semaphore(AT_ONCE)

    def tell(self, message: Message, to: Address, reference: str) -> None:
        """Deliver a message in the background."""
        self._tasks.start(self._deliver(message, to), reference)

    def answer(self, question: Awaitable[Message | None], to: Address, reference: str) -> None:
        """Deliver the answer to a question when it is there; `None` is no answer. An exception is logged and told."""
        self._tasks.start(self._answer(question, to, reference), reference)

    async def deliver(self, message: Message, to: Address, still_ours: Callable[[float], Awaitable[None]]) -> Delivery:
        """Deliver a command's reply.

        `still_ours` is asked before, with the seconds that other messages made this one wait; what it raises stops it.
        """
        ready = asyncio.get_running_loop().time()
        async with self._slots:
            await still_ours(asyncio.get_running_loop().time() - ready)
            with self._tasks.last_step():
                return await self._mail.deliver(message, to)

    async def say(self, message: Message, to: Address) -> None:
        """Deliver a message now."""
        await self._deliver(message, to)

    async def post(self, message: Message, channel_id: str) -> Delivery:
        """Post a message in a channel."""
        async with self._slots:
            return await self._mail.post(message, channel_id)

    async def update(self, message: Message, channel_id: str, message_ts: str) -> None:
        """Put a message in the place of an earlier one."""
        async with self._slots:
            await self._mail.update(message, channel_id, message_ts)

    async def _answer(self, question: Awaitable[Message | None], to: Address, reference: str) -> None:
        try:
            message = await question
        except Exception:
            log.exception("question.broken")
            message = self._words.broken(reference)
        if message:
            await self._deliver(message, to)

    async def _deliver(self, message: Message, to: Address) -> None:
        async with self._slots:
            await self._mail.deliver(message, to)

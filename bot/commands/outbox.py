"""Sends every message of the bot, a few at once, for the listeners and the worker alike."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from bot.commands.record import Entry, Record
from bot.commands.reply import Address, Delivery, Mail, Message
from bot.commands.tasks import Tasks
from bot.deals.clock import loop_time
from bot.deals.deal import LostReason
from bot.deals.outcome import Outcome

log = structlog.get_logger(__name__)

AT_ONCE = 8
"""Messages that are sent at once. They take no command's slot, because Slack may make a message wait."""


class Words(Protocol):
    """Puts what became of commands into words."""

    def outcome(self, outcome: Outcome, entry: Entry, undone: Record | None = None) -> Message:
        """The reply to a command; `undone` is the change that an undo undid, if the ledger still has it."""

    def several(
        self, records: Sequence[Record], entry: Entry, earlier: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """The one reply to a batch of commands; `entry` is the first of them.

        `earlier`: if these are undos, all changes of the batch whose changes they undo; else empty.
        `reasons`: lost reasons to choose from, if a command lacks one.
        """

    def takes_long(self, reference: str) -> Message:
        """Tell the caller that the result takes longer."""

    def ask_why(self, reasons: Sequence[LostReason], change: Record) -> Message:
        """Ask the caller why they lost a deal, after it was lost."""

    def broken(self, reference: str) -> Message:
        """Tell a person that the bot failed, and that nothing changed."""


class Outbox:
    """Sends messages, in the background or before it returns."""

    def __init__(self, mail: Mail, words: Words, tasks: Tasks) -> None:
        self._mail = mail
        self._words = words
        self._tasks = tasks
        self._slots = asyncio.Semaphore(AT_ONCE)

    def tell(self, message: Message, to: Address, reference: str) -> None:
        """Deliver a message in the background."""
        self._tasks.start(self._deliver(message, to), reference)

    def answer(self, question: Awaitable[Message | None], to: Address, reference: str) -> None:
        """Wait for an answer in the background, and deliver it; `None` is not delivered.

        If it raises, that is logged, and the person is told so.
        """
        self._tasks.start(self._answer(question, to, reference), reference)

    async def deliver(self, message: Message, to: Address, still_ours: Callable[[float], Awaitable[None]]) -> Delivery:
        """Deliver a command's reply.

        Just before, this calls `still_ours` with the seconds that the reply waited for other messages. If that raises,
        nothing is delivered, and this raises the same.
        """
        ready = loop_time()
        async with self._slots:
            await still_ours(loop_time() - ready)
            with self._tasks.last_step():
                return await self._mail.deliver(message, to)

    async def send(self, message: Message, to: Address) -> None:
        """Deliver a message that is no command's reply, and wait until it is delivered."""
        await self._deliver(message, to)

    async def post(self, message: Message, channel_id: str) -> Delivery:
        """Post a message in a channel."""
        async with self._slots:
            return await self._mail.post(message, channel_id)

    async def update(self, message: Message, channel_id: str, message_ts: str) -> None:
        """Replace an earlier message of the bot's."""
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

"""Sends every message of the bot, a few at once, for the listeners and the worker alike."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import stamina
import structlog

from bot.commands.record import Entry, Record
from bot.commands.reply import (
    Address,
    Delivery,
    DeliveryWay,
    Mail,
    Message,
    NotYet,
    StillOurs,
    always_ours,
)
from bot.commands.tasks import Tasks
from bot.deals.clock import loop_time
from bot.deals.deal import LostReason
from bot.deals.outcome import Changed, Outcome
from bot.deals.ports import StoreDown

log = structlog.get_logger(__name__)
T = TypeVar("T")

AT_ONCE = 8
"""Messages that are sent at once. They take no command's slot, because Slack may make a message wait."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """For how long a message is tried that Slack cannot take for the moment, in seconds."""

    first_pause: float = 1.0
    """Before the second try; doubled before each further one, and shortened by a random part."""
    longest_pause: float = 60.0
    by_address: float = 1800.0
    """Since the command came, until its reply address expires. After that a message is only posted.
    https://docs.slack.dev/interactivity/handling-user-interaction#message_responses"""
    in_all: float = 3600.0
    """Since the command came. A message that is first tried later than that is tried once."""

    def pauses(self) -> Iterator[float]:
        """One pause for each failure, without end."""
        pause = self.first_pause
        while True:
            yield pause * random.uniform(0.75, 1.0)  # noqa: S311 - spreads the tries of many messages, hides nothing
            pause = min(2 * pause, self.longest_pause)


class Words(Protocol):
    """Puts what became of commands into words."""

    def outcome(self, outcome: Outcome, entry: Entry, undone: Record | None = None) -> Message:
        """The reply to a command; `undone` is the change that an undo undid, if the ledger still has it."""

    def amended(self, outcome: Changed, entry: Entry, change: Record) -> Message:
        """The reply to a command that adds a lost reason to an earlier `change`, or corrects it; in its place."""

    def several(
        self, records: Sequence[Record], entry: Entry, earlier: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """The one reply to a batch of commands; `entry` is the first of them.

        `earlier`: if these are undos, all changes of the batch whose changes they undo; else empty.
        `reasons`: lost reasons to choose from, if a command lacks one.
        """

    def several_amended(
        self, records: Sequence[Record], entry: Entry, changes: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """The one reply to commands that add a lost reason to earlier `changes`, a batch; in its place."""

    def takes_long(self, reference: str) -> Message:
        """Tell the caller that the result takes longer."""

    def goes_on(self) -> Message:
        """Tell the caller that their answer was taken, in place of the question."""

    def ask_why(self, reasons: Sequence[LostReason], change: Record) -> Message:
        """Ask the caller why they lost a deal, after it was lost."""

    def to_owner(self, record: Record) -> Message:
        """Tell a deal's owner that another person changed it, or ask them for the change that this person wants."""

    def to_asker(self, record: Record, asked: Record) -> Message:
        """Tell the person who `asked` a deal's owner for a change what became of it once the owner said yes."""

    def unasked(self, record: Record) -> Message:
        """Tell the caller that the deal's owner could not be asked, because Slack delivers them nothing."""

    def broken(self, reference: str) -> Message:
        """Tell a person that the bot failed, and that nothing changed."""


class Outbox:
    """Sends messages, in the background or before it returns."""

    def __init__(self, mail: Mail, words: Words, tasks: Tasks, persistence: Persistence = Persistence()) -> None:
        self._mail = mail
        self._words = words
        self._tasks = tasks
        self._persistence = persistence
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def patience(self) -> float:
        """For how many seconds since the command came a message is tried."""
        return self._persistence.in_all

    def expect(self) -> None:
        """Get ready for a message in a channel that is to be sent soon; return at once."""
        self._mail.expect()

    def tell(self, message: Message, to: Address, reference: str) -> None:
        """Deliver a message in the background."""
        self._tasks.start(self._tell(message, to), reference)

    def answer(self, question: Awaitable[Message | None], to: Address, reference: str) -> None:
        """Wait for an answer in the background, and deliver it; `None` is not delivered.

        If it raises, that is logged, and the person is told so.
        """
        self._tasks.start(self._answer(question, to, reference), reference)

    async def deliver(self, message: Message, to: Address, since: float, still_ours: StillOurs) -> Delivery:
        """Deliver a command's reply, or another message about it, as soon as Slack takes it.

        `since`: the event-loop time at which the command came. `still_ours` is asked before each try; if it raises,
        nothing more is sent, and this raises the same.
        """

        async def send() -> Delivery | NotYet:
            expired = loop_time() - since >= self._persistence.by_address
            address = replace(to, response_url="") if expired else to
            with self._tasks.last_step():
                return await self._mail.deliver(message, address, still_ours)

        return await self._until_taken(send, since)

    async def post(self, message: Message, channel_id: str, since: float, still_ours: StillOurs) -> Delivery:
        """Post a message in a channel, as soon as Slack takes it; see `deliver`."""
        return await self._until_taken(lambda: self._mail.post(message, channel_id, still_ours), since)

    async def post_once(self, message: Message, conversation: str, still_ours: StillOurs) -> Delivery | NotYet:
        """Try once to post a message in a channel, or in the direct message with a person; see `deliver`."""
        async with self._slots:
            return await self._mail.post(message, conversation, still_ours)

    async def update(
        self, message: Message, channel_id: str, message_ts: str, since: float, still_ours: StillOurs
    ) -> Delivery:
        """Replace an earlier message of the bot's, as soon as Slack takes it; see `deliver`."""
        return await self._until_taken(lambda: self._mail.update(message, channel_id, message_ts, still_ours), since)

    def remove(self, pressed: Address, reference: str) -> None:
        """Delete the message whose button was pressed, in the background."""
        self._tasks.start(self.delete(pressed, always_ours), reference)

    async def delete(self, pressed: Address, still_ours: StillOurs) -> None:
        """Try once to delete the message whose button was pressed. If `still_ours` raises, this raises the same."""
        async with self._slots:
            await self._mail.delete(pressed, still_ours)

    async def send(self, message: Message, to: Address, still_ours: StillOurs) -> None:
        """Try once to deliver a message that is useless later. If `still_ours` raises, this raises the same."""
        async with self._slots:
            await self._mail.deliver(message, to, still_ours)

    async def _until_taken(self, send: Callable[[], Awaitable[Delivery | NotYet]], since: float) -> Delivery:
        pauses = self._persistence.pauses()
        while True:
            async with self._slots:
                delivery = await send()
            if isinstance(delivery, Delivery):
                return delivery
            if loop_time() - since >= self._persistence.in_all:
                log.error("reply.undelivered")
                return Delivery(DeliveryWay.UNDELIVERED, "")
            pause = next(pauses)
            log.warning("reply.postponed", seconds=round(pause, 1))
            await asyncio.sleep(pause)

    async def _answer(self, question: Awaitable[Message | None], to: Address, reference: str) -> None:
        try:
            message = await question
        except Exception:
            log.exception("question.broken")
            message = self._words.broken(reference)
        if message:
            await self._tell(message, to)

    async def _tell(self, message: Message, to: Address) -> None:
        await self.deliver(message, to, loop_time(), always_ours)


async def until_stored(note: Callable[[], Awaitable[T]], pause: float) -> T:
    """Call `note`, and again while the database is down, until it returns; returns the same."""
    try:
        return await note()
    except StoreDown:
        pass
    # Built only after a failure: building it takes longer than most notes do.
    return await stamina.AsyncRetryingCaller(
        attempts=None, timeout=None, wait_initial=pause, wait_max=pause, wait_jitter=0.0
    )(StoreDown, note)

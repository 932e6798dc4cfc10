"""Sends every message of the bot, a few at once, for the listeners and the worker alike."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import stamina
import structlog

from bot.commands.execution import Accounts
from bot.commands.instrumentation import Instrumentation
from bot.commands.ledger import Claim, WorkerStorage
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
from bot.deals.outcome import Outcome
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

    def several(
        self, records: Sequence[Record], entry: Entry, earlier: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """The one reply to a batch of commands; `entry` is the first of them.

        `earlier`: if these are undos, all changes of the batch whose changes they undo; else empty.
        `reasons`: lost reasons to choose from, if a command lacks one.
        """

    def takes_long(self, reference: str) -> Message:
        """Tell the caller that the result takes longer."""

    def goes_on(self) -> Message:
        """Tell the caller that their answer was taken, in place of the question."""

    def ask_why(self, reasons: Sequence[LostReason], change: Record) -> Message:
        """Ask the caller why they lost a deal, after it was lost."""

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


class ReplyDelivery:
    """Delivers the reply to a command, and the other messages about it.

    `retry`: seconds before the next try while the database is down. `tell`: seconds to wait for the lost reasons.
    """

    def __init__(
        self,
        accounts: Accounts,
        storage: WorkerStorage,
        words: Words,
        outbox: Outbox,
        retry: float,
        tell: float,
        instrumentation: Instrumentation,
    ) -> None:
        self._accounts = accounts
        self._ledger = storage.ledger
        self._history = storage.history
        self._words = words
        self._outbox = outbox
        self._patience = tell
        self._instrumentation = instrumentation
        self._until_stored = partial(until_stored, pause=retry)

    async def deliver(self, claim: Claim, reply: Message, accepted: float) -> Delivery:
        """Deliver the reply, unless an earlier process did. `accepted`: the event-loop time of the command."""
        if claim.delivered:
            return Delivery(claim.delivered, "")
        entry = claim.entry
        delivery = await self._outbox.deliver(_in_place(reply, entry), entry.address, accepted, self._still_ours(entry))
        self._instrumentation.replied(delivery.way, loop_time() - accepted)
        log.info("command.answered", delivered=delivery.way.value)
        # An id says which message only together with its channel, and the ledger has the command's channel.
        return delivery if delivery.way is DeliveryWay.CHANNEL else Delivery(delivery.way, "")

    async def finish(self, claim: Claim, reply: Message, delivery: Delivery, accepted: float) -> None:
        """Send the other messages, and finish the command. While some are left, what was sent is noted in between."""
        entry, announced, ours = claim.entry, claim.announced, self._still_ours(claim.entry)
        others = await self._others(entry) if reply.is_undo else ()
        note = partial(self._ledger.deliver, entry.key, delivery.way, delivery.message_ts)
        clears = entry.asked_privately and reply.public
        if reply.also_in or reply.asks_why or others or clears:
            await self._until_stored(partial(note, announced))
        if reply.also_in and not announced[0]:
            posted = await self._outbox.post(reply, reply.also_in, accepted, ours)
            announced = (reply.also_in, posted.message_ts) if posted.message_ts else ("", "")
            if announced[0] and (reply.asks_why or others):
                await self._until_stored(partial(note, announced))
        for channel_id, ts in others:
            await self._outbox.update(replace(reply, replaces=True), channel_id, ts, accepted, ours)
        if clears:
            await self._outbox.delete(entry.address, ours)
        if reply.asks_why:
            await self._ask_why(entry, accepted)
        await self._until_stored(lambda: self._ledger.finish(entry.key, delivery.way, delivery.message_ts, announced))

    async def send(self, message: Message, entry: Entry) -> None:
        """Try once to deliver a message that is useless later to the caller. Raises `LeaseLost`."""
        await self._outbox.send(_in_place(message, entry), entry.address, self._still_ours(entry))

    async def undone(self, entry: Entry) -> Record | None:
        """The change that this command undoes; `None` if it is no undo, or the change was deleted since."""
        key = entry.undoes
        return await self._until_stored(lambda: self._history.find(key)) if key else None

    async def lost_reasons(self, entry: Entry) -> tuple[LostReason, ...] | None:
        """The lost reasons of the command's sub-account; `None` if they cannot be read."""
        return await self._accounts.lost_reasons(entry.wish.location_id, until=loop_time() + self._patience)

    async def _replied_for(self, undone: Record) -> Record:
        """The command whose reply told of this change: the first of its batch."""
        first = undone.batch or undone.key
        found = await self._until_stored(lambda: self._history.find(first))
        return found or undone  # the first may have been deleted

    async def _others(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """The channel and the id of every other message about the change that is undone."""
        if (undone := await self.undone(entry)) is None:
            return ()
        told, pressed = await self._replied_for(undone), (entry.caller.channel_id, entry.message_ts)
        messages = (told.channel_id, told.message_ts), (told.announced_in, told.announced_ts)
        return tuple(
            (channel_id, ts) for channel_id, ts in messages if channel_id and ts and (channel_id, ts) != pressed
        )

    async def _ask_why(self, entry: Entry, accepted: float) -> None:
        """Ask the caller why they lost the deal, if the sub-account has lost reasons to choose from."""
        reasons = await self.lost_reasons(entry)
        if reasons and (change := await self._until_stored(lambda: self._history.find(entry.key))):
            question = self._words.ask_why(reasons, change)
            await self._outbox.deliver(question, entry.address, accepted, self._still_ours(entry))

    def _still_ours(self, entry: Entry) -> StillOurs:
        return lambda: self._until_stored(lambda: self._ledger.still_ours(entry.key))


def _in_place(message: Message, entry: Entry) -> Message:
    """A private message takes the place of the answered question. Slack makes no public message of a private one."""
    return replace(message, replaces=True) if entry.asked_privately and not message.public else message


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

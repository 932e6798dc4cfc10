"""All that is said leaves through here: a few messages at once, from listeners, the worker and approvals alike."""

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
from bot.commands.ledger import Claim, Memory
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
from bot.deals.deal import LostReason
from bot.deals.outcome import Outcome
from bot.deals.ports import StoreDown

log = structlog.get_logger(__name__)
T = TypeVar("T")

AT_ONCE = 8
"""Messages on their way. They take no command's slot: Slack may make us wait for a channel."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """For how long a message is tried that nothing takes for the moment, in seconds."""

    first_pause: float = 1.0
    """Before the second try; doubled before each further one, and a random part of it left out."""
    longest_pause: float = 60.0
    by_address: float = 1800.0
    """Since the command came: Slack's reply addresses expire. After that it is tried by message alone.
    https://docs.slack.dev/interactivity/handling-user-interaction#message_responses"""
    in_all: float = 3600.0
    """Since the command came. A message that is first tried later than that is tried once."""

    def pauses(self) -> Iterator[float]:
        """One for each failure."""
        pause = self.first_pause
        while True:
            yield pause * random.uniform(0.75, 1.0)  # noqa: S311 - spreads the tries of many messages, hides nothing
            pause = min(2 * pause, self.longest_pause)


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
        """Deliver the answer to a question when it is there; `None` is no answer. An exception is logged and told."""
        self._tasks.start(self._answer(question, to, reference), reference)

    async def deliver(self, message: Message, to: Address, since: float, still_ours: StillOurs) -> Delivery:
        """Deliver a command's reply, or another message of its own, as soon as Slack takes it.

        `since`: the event-loop time at which the command came. `still_ours` is asked before each try; what it raises
        ends them.
        """

        async def send() -> Delivery | NotYet:
            expired = _now() - since >= self._persistence.by_address
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
        """Put a message in the place of an earlier one, as soon as Slack takes it; see `deliver`."""
        return await self._until_taken(lambda: self._mail.update(message, channel_id, message_ts, still_ours), since)

    async def say(self, message: Message, to: Address, still_ours: StillOurs) -> None:
        """Deliver a message that is worth something only now: it is tried once."""
        async with self._slots:
            await self._mail.deliver(message, to, still_ours)

    async def _until_taken(self, send: Callable[[], Awaitable[Delivery | NotYet]], since: float) -> Delivery:
        pauses = self._persistence.pauses()
        while True:
            async with self._slots:
                delivery = await send()
            if isinstance(delivery, Delivery):
                return delivery
            if _now() - since >= self._persistence.in_all:
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
        await self.deliver(message, to, _now(), always_ours)


class ReplyDelivery:
    """Delivers the reply of a command, and says what is to be said besides."""

    def __init__(
        self,
        accounts: Accounts,
        memory: Memory,
        words: Words,
        outbox: Outbox,
        again: float,
        tell: float,
        instrumentation: Instrumentation,
    ) -> None:
        self._accounts = accounts
        self._ledger = memory.ledger
        self._history = memory.history
        self._words = words
        self._outbox = outbox
        self._patience = tell
        """Seconds to wait for the lost reasons."""
        self._instrumentation = instrumentation
        self._until_stored = partial(until_stored, pause=again)

    async def deliver(self, claim: Claim, reply: Message, accepted: float) -> Delivery:
        """Deliver the reply, unless an earlier process did."""
        if claim.delivered:
            return Delivery(claim.delivered, "")
        entry = claim.entry
        delivery = await self._outbox.deliver(reply, entry.address, accepted, self._still_ours(entry))
        self._instrumentation.replied(delivery.way, _now() - accepted)
        log.info("command.answered", delivered=delivery.way.value)
        # Only a message in the command's own channel can be found again by its id alone.
        return delivery if delivery.way is DeliveryWay.CHANNEL else Delivery(delivery.way, "")

    async def finish(self, claim: Claim, reply: Message, delivery: Delivery, accepted: float) -> None:
        """Say what is to be said besides the reply. What is done is noted in between, where more is to do."""
        entry, announced, ours = claim.entry, claim.announced, self._still_ours(claim.entry)
        others = await self._others(entry) if reply.is_undo else ()
        note = partial(self._ledger.deliver, entry.key, delivery.way, delivery.message_ts)
        if reply.also_in or reply.asks_why or others:
            await self._until_stored(partial(note, announced))
        if reply.also_in and not announced[0]:
            posted = await self._outbox.post(reply, reply.also_in, accepted, ours)
            announced = (reply.also_in, posted.message_ts) if posted.message_ts else ("", "")
            if announced[0] and (reply.asks_why or others):
                await self._until_stored(partial(note, announced))
        for channel_id, ts in others:
            await self._outbox.update(replace(reply, replaces=True), channel_id, ts, accepted, ours)
        if reply.asks_why:
            await self._ask_why(entry, accepted)
        await self._until_stored(lambda: self._ledger.finish(entry.key, delivery.way, delivery.message_ts, announced))

    async def say(self, message: Message, entry: Entry) -> None:
        """Say it to the caller, if Slack takes it now. Raises `LeaseLost`."""
        await self._outbox.say(message, entry.address, self._still_ours(entry))

    async def undone(self, entry: Entry) -> Record | None:
        """The change that this command undoes."""
        key = entry.undoes
        return await self._until_stored(lambda: self._history.find(key)) if key else None

    async def reasons_of(self, entry: Entry) -> tuple[LostReason, ...] | None:
        """Why the command's deal can be lost; `None` when that cannot be read."""
        return await self._accounts.lost_reasons(entry.wish.location_id, until=_now() + self._patience)

    async def _spoke_for(self, undone: Record) -> Record:
        """The command whose message told of the change: of several the first."""
        first = undone.batch or undone.key
        found = await self._until_stored(lambda: self._history.find(first))
        return found or undone  # the first may be forgotten

    async def _others(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """The channels and ids of the other messages about the undone change, which are to say that it was undone."""
        if (undone := await self.undone(entry)) is None:
            return ()
        told, pressed = await self._spoke_for(undone), (entry.caller.channel_id, entry.message_ts)
        messages = (told.channel_id, told.message_ts), (told.announced_in, told.announced_ts)
        return tuple(
            (channel_id, ts) for channel_id, ts in messages if channel_id and ts and (channel_id, ts) != pressed
        )

    async def _ask_why(self, entry: Entry, accepted: float) -> None:
        """Ask the person who lost a deal for the reason, where there are any to choose from."""
        reasons = await self.reasons_of(entry)
        if reasons and (change := await self._until_stored(lambda: self._history.find(entry.key))):
            question = self._words.ask_why(reasons, change)
            await self._outbox.deliver(question, entry.address, accepted, self._still_ours(entry))

    def _still_ours(self, entry: Entry) -> StillOurs:
        return lambda: self._until_stored(lambda: self._ledger.still_ours(entry.key))


async def until_stored(note: Callable[[], Awaitable[T]], pause: float) -> T:
    """Write or read it, as soon as the database lets us."""
    try:
        return await note()
    except StoreDown:
        pass
    # Built only after a failure: to build it costs more than most notes.
    return await stamina.AsyncRetryingCaller(
        attempts=None, timeout=None, wait_initial=pause, wait_max=pause, wait_jitter=0.0
    )(StoreDown, note)


def _now() -> float:
    return asyncio.get_running_loop().time()

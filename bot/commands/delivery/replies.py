"""Delivers the reply to a command, and the other messages about it. A follow-up takes the place of earlier messages."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from bot.commands import followups
from bot.commands.execution import Accounts
from bot.commands.instrumentation import Instrumentation
from bot.commands.ledger import Claim, WorkerStorage
from bot.commands.outbox import Outbox, Words, until_stored
from bot.commands.record import Entry, Record
from bot.commands.reply import Address, Delivery, DeliveryWay, Message, StillOurs
from bot.deals.clock import loop_time
from bot.deals.deal import LostReason
from bot.deals.outcome import Changed, Outcome, Result

log = structlog.get_logger(__name__)

LATEST = 10
"""Commands about a deal among which the change that is corrected is looked for."""
CLOCK_MARGIN = timedelta(minutes=1)
"""By which HighLevel's clock and ours may differ."""


@dataclass(frozen=True, slots=True)
class ReplyTiming:
    """The times of replies, in seconds."""

    retry: float
    """Before the next try while the database is down, or while earlier commands have not told their outcome."""
    tell: float
    """To wait for the lost reasons."""
    correct: float
    """After a change, in which the same caller's next one corrects it."""


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The messages that a follow-up replaces."""

    channel_id: str = ""
    """Where the change was told first; empty if that is not known."""
    places: tuple[tuple[str, str], ...] = ()
    """The channel and the id of each message that can be edited."""

    def elsewhere(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """The messages besides the one whose button was pressed."""
        return tuple(place for place in self.places if place != (entry.caller.channel_id, entry.message_ts))

    def is_in(self, channel_id: str) -> bool:
        """Whether one of them is in this channel."""
        return channel_id in {channel for channel, _ in self.places}


class ReplyDelivery:
    """Delivers the reply to a command, and the other messages about it."""

    def __init__(
        self,
        accounts: Accounts,
        storage: WorkerStorage,
        words: Words,
        outbox: Outbox,
        timing: ReplyTiming,
        instrumentation: Instrumentation,
    ) -> None:
        self._accounts = accounts
        self._ledger = storage.ledger
        self._history = storage.history
        self._words = words
        self._outbox = outbox
        self._timing = timing
        self._corrects_within = timedelta(seconds=timing.correct)
        self._instrumentation = instrumentation
        self._until_stored = partial(until_stored, pause=timing.retry)

    def expect(self) -> None:
        """Get ready for a reply that is to be sent soon; return at once."""
        self._outbox.expect()

    async def deliver(self, claim: Claim, reply: Message, accepted: float) -> Delivery:
        """Deliver the reply, unless an earlier process did. `accepted`: the event-loop time of the command."""
        if claim.delivered:
            return Delivery(claim.delivered, "")
        deliver = self._replace if reply.edits else self._say
        delivery = await deliver(reply, claim.entry, accepted)
        self._instrumentation.replied(delivery.way, loop_time() - accepted)
        log.debug("command.answered", delivered=delivery.way.value)
        # An id says which message only together with its channel, and the ledger has the command's channel.
        has_id = delivery.way in {DeliveryWay.CHANNEL, DeliveryWay.IN_PLACE}
        return delivery if has_id else Delivery(delivery.way, "")

    async def finish(self, claim: Claim, reply: Message, delivery: Delivery, accepted: float) -> None:
        """Send the other messages, and finish the command. While some are left, what was sent is noted in between."""
        entry, announced, ours = claim.entry, claim.announced, self._still_ours(claim.entry)
        earlier = await self._earlier(entry) if reply.edits else _Earlier()
        others = earlier.elsewhere(entry) if entry.message_ts else ()  # a typed follow-up has replaced all of them
        aside = reply.aside if delivery.way is DeliveryWay.IN_PLACE else None
        note = partial(self._ledger.deliver, entry.key, delivery.way, delivery.message_ts)
        clears = entry.asked_privately and reply.public
        if reply.also_in or reply.asks_why or others or aside or clears or claim.owner or entry.continues:
            await self._until_stored(partial(note, announced))
        if reply.also_in and not announced[0] and not earlier.is_in(reply.also_in):
            posted = await self._outbox.post(reply, reply.also_in, accepted, ours)
            announced = (reply.also_in, posted.message_ts) if posted.message_ts else ("", "")
            if announced[0] and (reply.asks_why or others):
                await self._until_stored(partial(note, announced))
        for channel_id, ts in others:
            await self._outbox.update(reply, channel_id, ts, accepted, ours)
        if aside:
            await self._outbox.deliver(aside, entry.address, accepted, ours)
        if clears:
            await self._outbox.delete(entry.address, ours)
        if reply.asks_why:
            await self._ask_why(entry, accepted)
        await self.tell_others(claim, accepted)
        await self._until_stored(lambda: self._ledger.finish(entry.key, delivery.way, delivery.message_ts, announced))

    async def tell_others(self, claim: Claim, accepted: float) -> None:
        """Tell the deal's owner of the change, or ask them for it; and tell the person who asked what became of it."""
        entry, ours = claim.entry, self._still_ours(claim.entry)
        asked = await self._asked(entry)
        if not (asked or claim.owner) or (record := await self._find(entry.key)) is None:
            return
        if claim.owner:
            delivery = await self._outbox.deliver(
                self._words.to_owner(record), Address("", "", claim.owner), accepted, ours
            )
            if record.outcome is Result.ASKED_OWNER and delivery.way is DeliveryWay.UNDELIVERED:
                await self._outbox.deliver(self._words.unasked(record), entry.address, accepted, ours)
        if asked and not record.open_question:
            told = self._words.to_asker(record, asked)
            await self._outbox.deliver(told, Address("", "", asked.user_id), accepted, ours)

    async def _asked(self, entry: Entry) -> Record | None:
        """The command by which another person asked this caller, the deal's owner, for the change; `None` for most."""
        key = entry.continues
        while key and (question := await self._find(key)):
            if question.outcome is Result.ASKED_OWNER:
                return question
            key = question.continues
        return None

    async def send(self, message: Message, entry: Entry) -> None:
        """Try once to deliver a message that is useless later to the caller. Raises `LeaseLost`."""
        await self._outbox.send(_in_place(message, entry), entry.address, self._still_ours(entry))

    # --- what is said -----------------------------------------------------------------------------------------------

    async def reply_to(self, outcome: Outcome, entry: Entry) -> tuple[Message | None, Entry]:
        """The reply, `None` for a command of a batch; and the entry, with the change that it turned out to correct."""
        change = await self._find(entry.undoes or entry.amends)
        amended = change if entry.amends else await self._corrected(outcome, entry)
        if entry.batch:
            return None, entry
        if amended and isinstance(outcome, Changed):
            return self._words.amended(outcome, entry, amended), replace(entry, amends=amended.key)
        return self._words.outcome(outcome, entry, change if entry.undoes else None), entry

    async def reply_to_batch(self, records: Sequence[Record], entry: Entry) -> Message:
        """The one reply to a batch; `entry` is the first of its commands."""
        change = await self._find(entry.undoes or entry.amends)
        batch = change.batch if change else None
        changes = await self._until_stored(partial(self._history.of_batch, batch)) if batch else []
        asks = any(record.outcome is Result.REASON_WANTED for record in records)
        reasons = await self._lost_reasons(entry) if asks or entry.amends else None
        if entry.amends and changes:
            return self._words.several_amended(records, entry, changes, reasons or ())
        return self._words.several(records, entry, changes, reasons or ())

    async def _corrected(self, outcome: Outcome, entry: Entry) -> Record | None:
        """The change that this command turned out to correct; see `followups.corrected`."""
        if not isinstance(outcome, Changed) or not followups.may_correct(entry, outcome):
            return None
        if not self._is_recent(outcome.before.since):
            return None
        about = entry.wish.opportunity_id
        commands = await self._until_stored(lambda: self._history.of_opportunity(about, LATEST))
        return followups.corrected(entry.key, outcome.before.status, commands, self._corrects_within)

    def _is_recent(self, since: datetime | None) -> bool:
        """Whether the deal's status may have changed so lately that this corrects it: most commands need not look."""
        return since is None or datetime.now(UTC) - since <= self._corrects_within + CLOCK_MARGIN

    async def _lost_reasons(self, entry: Entry) -> tuple[LostReason, ...] | None:
        """The lost reasons of the command's sub-account; `None` if they cannot be read."""
        return await self._accounts.lost_reasons(entry.wish.location_id, until=loop_time() + self._timing.tell)

    # --- how it is said ---------------------------------------------------------------------------------------------

    async def _say(self, reply: Message, entry: Entry, accepted: float) -> Delivery:
        ours = self._still_ours(entry)
        return await self._outbox.deliver(_in_place(reply, entry), entry.address, accepted, ours)

    async def _replace(self, reply: Message, entry: Entry, accepted: float) -> Delivery:
        """Put the reply in the place of earlier messages, wherever they are.

        Where none can be replaced, say it where the change was told, and the caller in another channel alone reads it.
        """
        await self._wait_for_turn(entry, accepted)
        if entry.message_ts:
            return await self._say(reply, entry, accepted)
        earlier, ours = await self._earlier(entry), self._still_ours(entry)
        replaced: dict[str, str] = {}
        for channel_id, ts in earlier.places:
            delivery = await self._outbox.update(reply, channel_id, ts, accepted, ours)
            if delivery.way is not DeliveryWay.UNDELIVERED:
                replaced[channel_id] = ts
        if replaced:
            return Delivery(DeliveryWay.IN_PLACE, replaced.get(entry.caller.channel_id, ""))
        said = reply.otherwise or reply
        if earlier.channel_id in {"", entry.caller.channel_id}:
            return await self._say(said, entry, accepted)
        posted = await self._outbox.post(said, earlier.channel_id, accepted, ours)
        if posted.way is not DeliveryWay.UNDELIVERED:
            return Delivery(DeliveryWay.IN_PLACE, "")
        return await self._say(reply.aside or said, entry, accepted)

    async def _wait_for_turn(self, entry: Entry, accepted: float) -> None:
        """Wait until earlier commands about the deal have told what became of them: the last word must stand."""
        while not await self._until_stored(lambda: self._history.told_before(entry.key)):
            if loop_time() - accepted >= self._outbox.patience:
                return
            await asyncio.sleep(self._timing.retry)

    async def _earlier(self, entry: Entry) -> _Earlier:
        """The messages about the change that is undone or amended, and about those that it corrected itself."""
        found, key = _Earlier(), entry.undoes or entry.amends
        while change := await self._find(key):
            told = await self._find(change.batch) or change  # the first of a batch may be deleted
            found = _Earlier(told.channel_id, tuple(dict.fromkeys((*found.places, *told.messages))))
            key = change.amends
        return found

    async def _find(self, key: str | None) -> Record | None:
        return await self._until_stored(lambda: self._history.find(key)) if key else None

    async def _ask_why(self, entry: Entry, accepted: float) -> None:
        """Ask the caller why they lost the deal, if the sub-account has lost reasons to choose from."""
        reasons = await self._lost_reasons(entry)
        if reasons and (change := await self._find(entry.key)):
            question = self._words.ask_why(reasons, change)
            await self._outbox.deliver(question, entry.address, accepted, self._still_ours(entry))

    def _still_ours(self, entry: Entry) -> StillOurs:
        return lambda: self._until_stored(lambda: self._ledger.still_ours(entry.key))


def _in_place(message: Message, entry: Entry) -> Message:
    """A private message takes the place of the answered question. Slack makes no public message of a private one."""
    return replace(message, replaces=True) if entry.asked_privately and not message.public else message

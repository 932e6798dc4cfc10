"""The ledger, for a process that may be suspended: it knows by its own clock how long a command is its own."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from bot.commands.ledger import Accepted, Claim
from bot.commands.record import Entry
from bot.commands.reply import Message
from bot.deals.clock import uptime
from bot.deals.deal import Opportunity
from bot.deals.outcome import Outcome
from bot.deals.ports import LeaseLost
from bot.deals.wish import Wish
from bot.storage.ledger import COMMAND_LEASE, LEASE_MARGIN, SqlLedger

T = TypeVar("T")


class LeaseClock:
    """Until when things are certainly this process's own, by a clock of its own. `now`: seconds on that clock.

    A lease that was given or renewed lasts from the moment before the statement was sent, which is earlier than in the
    database.
    """

    def __init__(self, lease: float, now: Callable[[], float] = uptime) -> None:
        # Twice the margin of the database's own: its clock may run faster, and what is sent now has to leave.
        self._lease = lease * (1 - 2 * LEASE_MARGIN)
        self.now = now
        self._until: dict[str, float] = {}

    def holds(self, key: str) -> bool:
        """Whether its lease has certainly not ended."""
        return self.now() < self._until.get(key, 0.0)

    def extend(self, began: float, keys: Collection[str]) -> None:
        """Note leases that were given or renewed by a statement which was sent after `began`."""
        self._until.update(dict.fromkeys(keys, began + self._lease))

    def drop(self, key: str) -> None:
        """Note that a lease has ended."""
        self._until.pop(key, None)

    def clear(self) -> None:
        """Note that all have."""
        self._until.clear()


class Leases:
    """`IntakeLedger`, `WorkerLedger` and `Intents` over a ledger, with a clock of this process's own for each lease.

    A process that was suspended does not know that. So before each effect outside it asks `still_ours`.
    """

    def __init__(self, ledger: SqlLedger, lease: float = COMMAND_LEASE, now: Callable[[], float] = uptime) -> None:
        self._ledger = ledger
        self._clock = LeaseClock(lease, now)

    async def still_ours(self, key: str) -> None:
        """See `Intents`. Asks the ledger only where the lease may have ended."""
        if not self._clock.holds(key):
            await self._noted(key, self._ledger.hold(key))

    async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
        """See `IntakeLedger`."""
        began = self._clock.now()
        if accepted := await self._ledger.accept(*entries, within=within, begin=begin):
            self._clock.extend(began, [entry.key for entry in entries])
        return accepted

    async def ping(self) -> None:
        """See `IntakeLedger`."""
        await self._ledger.ping()

    async def identify(self, key: str, wish: Wish) -> None:
        """See `WorkerLedger`."""
        await self._noted(key, self._ledger.identify(key, wish))

    async def begin(self, key: str) -> bool:
        """See `WorkerLedger`."""
        began = self._clock.now()
        if begun := await self._fenced(key, self._ledger.begin(key)):
            self._clock.extend(began, [key])
        return begun

    async def intend(self, key: str, before: Opportunity) -> None:
        """See `WorkerLedger`."""
        await self._noted(key, self._ledger.intend(key, before))

    async def tell_to_wait(self, key: str) -> bool:
        """See `WorkerLedger`."""
        began = self._clock.now()
        if first := await self._ledger.tell_to_wait(key):
            self._clock.extend(began, [key])
        return first

    async def answer(self, key: str, outcome: Outcome, reply: Message | None, amends: str | None = None) -> None:
        """See `WorkerLedger`."""
        await self._noted(key, self._ledger.answer(key, outcome, reply, amends))

    async def reply(self, key: str, reply: Message) -> None:
        """See `WorkerLedger`."""
        await self._noted(key, self._ledger.reply(key, reply))

    async def deliver(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """See `WorkerLedger`."""
        await self._noted(key, self._ledger.deliver(key, delivered, message_ts, announced))

    async def set_back(self, key: str, seconds: float, delivered: str | None) -> None:
        """See `WorkerLedger`."""
        await self._fenced(key, self._ledger.set_back(key, seconds, delivered))
        self._clock.drop(key)

    async def finish(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """See `WorkerLedger`."""
        await self._fenced(key, self._ledger.finish(key, delivered, message_ts, announced))
        self._clock.drop(key)

    async def renew(self, keys: Collection[str]) -> Collection[str]:
        """See `WorkerLedger`."""
        began = self._clock.now()
        renewed = await self._ledger.renew(keys)
        self._clock.extend(began, renewed)
        for lost in set(keys).difference(renewed):
            self._clock.drop(lost)
        return renewed

    async def adopt(self, most: int) -> Sequence[Claim]:
        """See `WorkerLedger`."""
        began = self._clock.now()
        claims = await self._ledger.adopt(most)
        self._clock.extend(began, [claim.entry.key for claim in claims])
        return claims

    async def give_back(self) -> int:
        """See `WorkerLedger`."""
        self._clock.clear()
        return await self._ledger.give_back()

    async def _noted(self, key: str, note: Awaitable[None]) -> None:
        """Wait for a note that renews the lease."""
        began = self._clock.now()
        await self._fenced(key, note)
        self._clock.extend(began, [key])

    async def _fenced(self, key: str, note: Awaitable[T]) -> T:
        try:
            return await note
        except LeaseLost:
            self._clock.drop(key)
            raise

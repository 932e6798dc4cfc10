"""The ledger as ports: for the intake that accepts a command, the worker that has it, and those who look back. Pure."""

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from bot.commands.record import Entry, Record
from bot.commands.reply import DeliveryWay, Message
from bot.deals.deal import Opportunity
from bot.deals.outcome import Outcome
from bot.deals.wish import Wish


@dataclass(frozen=True, slots=True)
class Claim:
    """A command that this process has, and how far it got: just accepted, or taken over from another process."""

    entry: Entry
    age: float
    """Seconds since it was accepted."""
    attempts: int
    """How often it was taken over from a process that was at the deal, or set back."""
    intended: Opportunity | None
    """What the deal looked like when a process was about to change it; `None` where none was."""
    reply: Message | None
    """The reply, where only its delivery is left."""
    answered: bool = False
    """Whether its outcome is written down. Of several at once, the reply may still be missing."""
    identified: bool = False
    """Whether the deal and the lost reason are known, so that nothing has to be looked up."""
    begun: bool = False
    """Whether the ledger has it that this process is at the deal, as after `WorkerLedger.begin`."""
    delivered: DeliveryWay | None = None
    """How the reply was delivered; `None` if it was not. Then only what is said besides the reply is left."""
    announced: tuple[str, str] = ("", "")
    """The other channel where the result was posted, and the message there; empty where there is none."""


class Accepted(Enum):
    """How a command was written down."""

    WAITING = "it is not begun"
    BEGUN = "this process is at its deal, as after `WorkerLedger.begin`"


class IntakeLedger(Protocol):
    """What the intake does before it acknowledges a command. Every method raises `StoreDown`."""

    async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
        """Write down all of the commands or none, `within` so many seconds. This process has them then, with a lease.

        With `begin`, a single command about a known deal begins in the same commit, if no other command wants the deal.
        Returns `None` when nothing was written: a key is there already, or another command that is under way or
        succeeded undoes the same change, or answers the same question.
        """

    async def ping(self) -> None:
        """Write a row of a command's size, to find out whether the ledger can be written."""


class WorkerLedger(Protocol):
    """What a worker notes about the commands it has. Every method raises `StoreDown`.

    Those that note something about a command raise `LeaseLost` when this process does not have it any more. Then its
    new owner goes on.
    """

    async def identify(self, key: str, wish: Wish) -> None:
        """Note which deal is meant, and the lost reason."""

    async def begin(self, key: str) -> bool:
        """Note that this process goes to the deal.

        `False`: another command is at the deal, or was accepted earlier. Then try again later.
        """

    async def still_ours(self, key: str) -> None:
        """Make sure that this process still has the command. See `Intents`."""

    async def intend(self, key: str, before: Opportunity) -> None:
        """Note that the worker is about to send the change, and what the deal looked like. See `Intents`."""

    async def tell_to_wait(self, key: str) -> bool:
        """Note that the caller is told that it takes longer. That renews the lease, as every note does.

        `False`: that was noted before, or this process does not have the command any more.
        """

    async def answer(self, key: str, outcome: Outcome, reply: Message | None) -> None:
        """Note the outcome, and the reply that is about to be delivered. The deal is free for the next command.

        `reply` is `None` for one of several: their reply is written when all are done.
        """

    async def reply(self, key: str, reply: Message) -> None:
        """Note the reply of several that is about to be delivered."""

    async def deliver(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """Note as `finish` does how the reply was delivered. There is more to say: the command is not finished."""

    async def set_back(self, key: str, seconds: float, delivered: str | None) -> None:
        """Give the command back, for any process to adopt after so many seconds, and count an attempt.

        `delivered`: how its reply was delivered, if it was.
        """

    async def finish(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """Note how the reply was delivered, and as which message, if Slack said. The ledger forgets the reply address.

        `announced`: the other channel where the result was posted, and the message there; empty where there is none.
        """

    async def renew(self, keys: Collection[str]) -> Collection[str]:
        """Renew the leases of those that this process still has, and return their keys."""

    async def adopt(self, most: int) -> Sequence[Claim]:
        """Take over commands whose lease ran out or that were given back, the oldest first; `most` at a time.

        Commands of this process may be among them: one whose writing the database did not confirm, and, after the
        database's clock was set, those that it is working on.
        """

    async def give_back(self) -> int:
        """Give back all unfinished commands of this process, for others to adopt. Returns how many there were."""


class History(Protocol):
    """The commands of the past. Every method raises `StoreDown`."""

    async def find(self, key: str) -> Record | None:
        """The command with this key; `None` where there is none."""

    async def last_change(self, user_id: str) -> Record | None:
        """The last change that this person made, not counting undos; `None` where there is none.

        A command that is under way counts, and one that may have changed the deal: the person does not mean an earlier
        one. A lost reason that was added to a lost deal does not count.
        """

    async def undo_of(self, key: str) -> Record | None:
        """The command that undoes this one, under way or done; `None` where there is none."""

    async def of_batch(self, batch: str) -> list[Record]:
        """The commands that were asked for at once, in their order. `batch` is the key of the first."""

    async def of_user(self, user_id: str, most: int) -> list[Record]:
        """The last commands of this person, latest first; `most` at most."""

    async def of_everybody(self, most: int) -> list[Record]:
        """The last commands of all people, latest first; `most` at most."""

    async def of_opportunity(self, opportunity_id: str, most: int) -> list[Record]:
        """The last commands about this deal, of all people, latest first; `most` at most."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the worker reads and writes: the commands it has, and what was done before."""

    ledger: WorkerLedger
    history: History


async def together(history: History, finding: Awaitable[Record | None]) -> Sequence[Record]:
    """The command that is found, and those that were asked for with it; empty when there is none."""
    found = await finding
    if found is None:
        return ()
    return await history.of_batch(found.batch) if found.batch else (found,)

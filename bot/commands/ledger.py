"""The ports of the ledger: for the intake, which accepts commands; for the worker; and for reading history. Pure."""

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
    """A command that this process owns: one that it just accepted, or took over from another process."""

    entry: Entry
    age: float
    """Seconds since it was accepted."""
    attempts: int
    """How often it was taken over from a process that died at its deal, or was set back."""
    intended: Opportunity | None
    """The deal as a process saw it just before it wrote; `None` if none was about to write."""
    reply: Message | None
    """The finished reply, if only its delivery is left."""
    answered: bool = False
    """The outcome is noted. A batch's first command may still lack the batch's reply."""
    identified: bool = False
    """The ids of its deal and its lost reason need not be looked up: they are known, or it is an undo."""
    begun: bool = False
    """It has its deal to itself, as after `WorkerLedger.begin`."""
    delivered: DeliveryWay | None = None
    """How the reply was delivered; `None` if it was not. If it was, only the other messages are left."""
    announced: tuple[str, str] = ("", "")
    """The other channel where the reply was posted, and its id there; both empty if it was not."""
    owner: str = ""
    """The Slack user id of the deal's owner, who is told of the outcome, or asked; empty for most commands."""


class Accepted(Enum):
    """How the ledger accepted a command."""

    WAITING = "waiting"
    """Another command may have the deal."""
    BEGUN = "begun"
    """It has its deal to itself, as after `WorkerLedger.begin`."""


class IntakeLedger(Protocol):
    """The ledger before a command is acknowledged. Every method raises `StoreDown` and `StoreRefused`."""

    async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
        """Write commands down within so many seconds, all of them or none. This process owns them, with a lease.

        Returns `None` if nothing was written: one of the keys is there already, another command undoes one of the
        changes, or another command continues one of the questions.
        `begin`: a single command about a known deal begins in the same commit, unless another command wants the deal.
        """

    async def ping(self) -> None:
        """Write a probe of a command's size, to find out whether writing works."""


class WorkerLedger(Protocol):
    """The ledger as the worker uses it. Every method raises `StoreDown` and `StoreRefused`.

    A method that notes something about a command raises `LeaseLost` if another process owns the command by now: that
    process carries on.
    """

    async def identify(self, key: str, wish: Wish) -> None:
        """Note the ids of the deal and the lost reason."""

    async def begin(self, key: str) -> bool:
        """Take the deal for this command. `False`: another command has it, or came first; try again later."""

    async def still_ours(self, key: str) -> None:
        """Make sure that this process still owns the command. See `deals.ports.Intents`."""

    async def intend(self, key: str, before: Opportunity) -> None:
        """Note that the change is about to be sent, and the deal before it. See `deals.ports.Intents`."""

    async def tell_to_wait(self, key: str) -> bool:
        """Note that the caller is told that it takes longer. That renews the lease, as every note does.

        `False`: do not tell them, because that is noted already, or another process owns the command.
        """

    async def answer(self, key: str, outcome: Outcome, reply: Message | None, amends: str | None = None) -> None:
        """Note the outcome, and the reply that is about to be delivered. The next command may have the deal.

        `reply`: `None` for a command of a batch, which gets one reply when all its commands have their outcome.
        `amends`: the key of the change that it turned out to correct; `None` leaves what it was accepted with.
        """

    async def reply(self, key: str, reply: Message) -> None:
        """Note the reply to a batch, which is about to be delivered; `key` is that of its first command."""

    async def deliver(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """Note how the reply was delivered, as `finish` does, while other messages are still to be sent."""

    async def set_back(self, key: str, seconds: float, delivered: str | None) -> None:
        """Give the command back, for any process to adopt after so many seconds, and count an attempt.

        `delivered`: how its reply was delivered (`DeliveryWay`); `None` if it was not.
        """

    async def finish(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """Note how the reply was delivered (`DeliveryWay`), and forget the reply address and the reply.

        `message_ts`: Slack's id of the reply; empty if Slack did not say.
        `announced`: the other channel where the reply was posted, and its id there; both empty if it was not.
        """

    async def renew(self, keys: Collection[str]) -> Collection[str]:
        """Renew the leases of these commands, as far as this process owns them; returns the keys of those."""

    async def adopt(self, most: int) -> Sequence[Claim]:
        """Take over commands whose lease ran out or whose process gave them back: the oldest, `most` at a time.

        Commands of this process may be among them: those that it wrote down without learning so (see
        `StoreDown.perhaps_written`), and those at work when the database's clock is set forward.
        """

    async def give_back(self) -> int:
        """Give up all unfinished commands, so that another process takes them over at once; returns how many."""


class History(Protocol):
    """The commands of the past. Every method raises `StoreDown`."""

    async def find(self, key: str) -> Record | None:
        """The command with this key; `None` if there is none."""

    async def last_change(self, user_id: str) -> Record | None:
        """The last change that this person made; `None` if there is none.

        Neither an undo nor a lost reason that was added afterwards counts. A command that is under way counts, and one
        that may have changed its deal: a person who types `undo` means no earlier one.
        """

    async def undo_of(self, key: str) -> Record | None:
        """The command that undoes this one, under way or done; `None` if there is none."""

    async def told_before(self, key: str) -> bool:
        """Whether all commands about the same deals that were accepted before this one have told what became of them.

        For a batch's first command these are the deals of its batch.
        """

    async def of_batch(self, batch: str) -> list[Record]:
        """The commands of a batch, in their order; `batch` is the key of the first."""

    async def of_user(self, user_id: str, most: int) -> list[Record]:
        """This person's commands, at most `most`, latest first."""

    async def of_everybody(self, most: int) -> list[Record]:
        """All people's commands, at most `most`, latest first."""

    async def of_opportunity(self, opportunity_id: str, most: int) -> list[Record]:
        """All people's commands about this deal, at most `most`, latest first."""


@dataclass(frozen=True, slots=True)
class WorkerStorage:
    """The ledger of running commands, and the history of all."""

    ledger: WorkerLedger
    history: History


async def with_batch(history: History, finding: Awaitable[Record | None]) -> Sequence[Record]:
    """The command that is found, with the others of its batch; empty if none is found. Raises `StoreDown`."""
    found = await finding
    if found is None:
        return ()
    return await history.of_batch(found.batch) if found.batch else (found,)

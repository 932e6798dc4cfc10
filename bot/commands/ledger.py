"""What is wanted of the ledger while a command is worked on: by whoever accepts it, and by whoever has it. Pure."""

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.deals.deal import Opportunity
from bot.deals.outcome import Outcome
from bot.deals.wish import Wish


@dataclass(frozen=True, slots=True)
class Claim:
    """A command that is this process's, as far as it got: just accepted, or left behind by another process."""

    entry: Entry
    age: float
    """Seconds since it was accepted."""
    attempts: int
    """How often it was taken over while somebody was at the deal."""
    intended: Opportunity | None
    """What the deal looked like before somebody was about to write; `None` when nobody was."""
    reply: Message | None
    """The finished reply, when only its delivery is left."""
    answered: bool = False
    """What became of it is written down; of several at once, the reply may still be missing."""
    identified: bool = False
    """Everything about it is found out that had to be: nothing is open, or it is about to be taken back."""
    begun: bool = False
    """It is noted that we are at the deal, as `WorkerLedger.begin` does."""


class Accepted(Enum):
    """How a command was written down."""

    WAITING = "nobody is at its deal on its behalf"
    BEGUN = "we are at its deal, as after `WorkerLedger.begin`"


class IntakeLedger(Protocol):
    """What is done before a command is acknowledged. Every method raises `StoreDown`."""

    async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
        """Write commands down, in so many seconds at most; they are this process's, with a lease. All of them or none.

        `None` when nothing was written: a key is there already; what would be taken back is being taken back or was; or
        what needed an answer has one.
        With `begin`, one that is about a known deal begins with it, in the same commit, if nobody else wants that deal.
        """

    async def ping(self) -> None:
        """Write something of a command's size, to find out whether writing works."""


class WorkerLedger(Protocol):
    """What a worker notes about the commands it has. Every method raises `StoreDown`.

    Those that note something about a command raise `LeaseLost` when it is no longer this process's: then its new owner
    goes on.
    """

    async def identify(self, key: str, wish: Wish) -> None:
        """Note which deal is meant, and for which reason it is lost."""

    async def begin(self, key: str) -> bool:
        """Go to the deal. `False`: another command about it is under way, or came before; try again later."""

    async def hold(self, key: str) -> None:
        """Make sure that it is still this process's, for another lease."""

    async def intend(self, key: str, before: Opportunity) -> None:
        """Note that the change is about to be sent, and what the deal looked like. See `change.Intents`."""

    async def tell_to_wait(self, key: str) -> bool:
        """Note that the person is told that it takes longer. `False`: that was noted before, or is not ours to tell."""

    async def answer(self, key: str, outcome: Outcome, reply: Message | None) -> None:
        """Note what became of it, and the reply that is about to be delivered. The deal is free for the next.

        `None`: it is one of several, whose reply is put together when all are done.
        """

    async def reply(self, key: str, reply: Message) -> None:
        """Note the reply that is about to be delivered for several."""

    async def finish(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        """Note how the reply was delivered, and as which message if Slack said. The reply address is forgotten.

        `announced`: the channel where it was posted besides, and that message; empty when it was not.
        """

    async def renew(self, keys: Collection[str]) -> None:
        """Keep these, as far as they are this process's, for another lease."""

    async def adopt(self, most: int) -> Sequence[Claim]:
        """Take over commands, oldest first, whose lease ran out or that were given back; `most` at a time.

        This process's own may be among them: what was written down unbeknown to it, and what it has, when the
        database's clock was set.
        """

    async def give_back(self) -> int:
        """Leave everything unfinished to whoever comes; returns how many there were."""


class History(Protocol):
    """What was done, for whoever asks. Every method raises `StoreDown`."""

    async def find(self, key: str) -> Record | None:
        """The command with this key; `None` when there is none."""

    async def last_change(self, user_id: str) -> Record | None:
        """The last change that this person made, other than by taking one back; `None` when there is none.

        A reason that was added to a deal that was lost already is none.
        One that is under way counts, and one of which nobody knows whether it was made: nobody means an earlier one.
        """

    async def undo_of(self, key: str) -> Record | None:
        """The command that takes this one back, under way or done; `None` when there is none."""

    async def of_batch(self, batch: str) -> list[Record]:
        """Those that were asked for at once, in their order; `batch` is the key of the first."""

    async def of_user(self, user_id: str, most: int) -> list[Record]:
        """This person's commands, latest first."""

    async def of_everybody(self, most: int) -> list[Record]:
        """All commands, latest first."""

    async def of_opportunity(self, opportunity_id: str, most: int) -> list[Record]:
        """Everybody's commands about this deal, latest first."""


async def together(history: History, finding: Awaitable[Record | None]) -> Sequence[Record]:
    """The command that is found, and those that were asked for with it; empty when there is none."""
    found = await finding
    if found is None:
        return ()
    return await history.of_batch(found.batch) if found.batch else (found,)

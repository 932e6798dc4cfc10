"""What the use case needs of its neighbours: the CRM, and a ledger to note intents in. Pure."""

from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Trouble


class CrmError(Exception):
    """The CRM did not do what it was asked. `perhaps_done`: a write may have happened all the same."""

    def __init__(self, trouble: Trouble, *, perhaps_done: bool, answered: bool) -> None:
        super().__init__(trouble.cause)
        self.trouble = trouble
        self.perhaps_done = perhaps_done
        self.answered = answered
        """Whether the CRM is finished with the request; if not, it may still carry it out later."""


class OtherSchema(Enum):
    """Which version of this program made the store's tables, where this version cannot use them."""

    NEWER = "a later one"
    UNRELEASED = "one from before the first release"


class StoreDown(Exception):
    """The ledger could not be written or read."""

    def __init__(self, *, perhaps_written: bool = False, schema: OtherSchema | None = None) -> None:
        super().__init__()
        self.perhaps_written = perhaps_written
        """What was to be written may stand there all the same: the answer was lost, not the question."""
        self.schema = schema
        """Why the store will stay down, where another version made its tables; otherwise `None`."""


class LeaseLost(Exception):
    """Somebody else works on this command now; whatever we were about to do with it is theirs to do."""


class Crm(Protocol):
    """Where the deals live."""

    def reserve(self, *, until: float) -> AbstractAsyncContextManager[None]:
        """Wait until the CRM has room for a whole change: what is done inside is not kept waiting half-way.

        Entering raises `CrmError` when there is no room by then, as soon as that is known.
        """

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
        """The deal with this id, as it is now. Raises `CrmError`; one that does not exist is one too (`NOT_FOUND`).

        `until`: event-loop time after which nobody waits for the answer any more. Reads may be repeated within it.
        """

    async def search(self, name: str, *, until: float) -> Matches:
        """The deals that go by this name, open ones first. Raises `CrmError`; that there are none is no error.

        What was written in the last seconds may not be found yet.
        """

    async def lost_reasons(self, *, until: float) -> tuple[LostReason, ...] | None:
        """Why deals can be lost; `None` when that may not or cannot be read. Never raises."""

    async def set_status(self, opportunity_id: str, status: Status, *, lost_reason_id: str | None, until: float) -> str:
        """Give the deal this status. Returning means accepted, not confirmed. Raises `CrmError`.

        Gives the CRM's own number for the call, empty when it has none. Never sent twice, unless the first time was
        certainly without effect.
        """

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
        """The same deal with the names of its pipeline, stage, owner and lost reason, as far as they may be read.

        Never raises.
        """


class Intents(Protocol):
    """Where we note what we are about to do, so that a crash in the middle leaves a trace."""

    async def intend(self, key: str, before: Opportunity) -> None:
        """Note that the command `key` is about to change a deal that looked like `before`.

        Raises `StoreDown`, and `LeaseLost` when the command is no longer ours.
        """

"""The ports of a change: the CRM that it changes, and the ledger that it notes its intent in. Pure."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Objection, Trouble


class CrmError(Exception):
    """The CRM did not do what it was asked."""

    def __init__(self, trouble: Trouble, *, perhaps_done: bool, answered: bool) -> None:
        super().__init__(trouble.cause)
        self.trouble = trouble
        self.perhaps_done = perhaps_done
        """Whether a write may have happened all the same."""
        self.answered = answered
        """Whether the CRM is finished with the request; if not, it may still carry it out later."""


class OtherSchema(Enum):
    """Which other version of this program made the tables, so that this version cannot use them."""

    NEWER = "a later one"
    UNRELEASED = "one from before the first release"


class Damage(Enum):
    """What happened to the database's file, so that it is not used until an operator has mended it."""

    MOVED = "it was deleted, moved, or replaced"
    PAGES = "pages of it cannot be read"


class StoreDown(Exception):
    """The database could not be written or read."""

    def __init__(
        self,
        *,
        perhaps_written: bool = False,
        schema: OtherSchema | None = None,
        damage: Damage | None = None,
        reason: str = "",
    ) -> None:
        super().__init__()
        self.perhaps_written = perhaps_written
        """The write may have happened all the same: only its confirmation was lost."""
        self.schema = schema
        """Set where another version of this program made the tables: then the database stays unusable. Else `None`."""
        self.damage = damage
        """Set where something happened to the database's file. Else `None`."""
        self.reason = reason
        """The database's own words, without passwords, for an operator alone: they name hosts, people and folders."""


class StoreRefused(Exception):
    """The database is well, and refused a value for good: nothing was written, and no retry helps."""


class LeaseLost(Exception):
    """Another worker has taken over the command: this one must do nothing more with it."""


class Crm(Protocol):
    """The CRM that holds the deals. `until` is always the event-loop time at which the caller stops waiting."""

    def reserve(self, *, until: float) -> AbstractAsyncContextManager[None]:
        """Wait for room for a whole change in the CRM's rate limit; calls inside the block then need not wait.

        Entering raises `CrmError` as soon as it is known that there is no room by `until`.
        """

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
        """The deal with this id, as it is now. Raises `CrmError`, with `NOT_FOUND` if there is none.

        Of a lost deal it has the lost reason that was last written, or that the CRM shows. The read may be repeated
        until `until`.
        """

    async def search(self, name: str, *, until: float) -> Matches:
        """The deals that this name finds, open ones first; finding none is no error. Raises `CrmError`.

        The search may not know yet what was written in the last seconds.
        """

    async def open_deals_of(self, owner_id: str, *, until: float) -> Matches:
        """The open deals of this owner, the one that has been in its stage longest first. Raises `CrmError`.

        They have the names of their pipelines and stages, as far as those can be read. The search may not know yet what
        was written in the last seconds. `more`: there are more than the CRM lists at once.
        """

    async def lost_reasons(self, *, until: float) -> tuple[LostReason, ...] | None:
        """The lost reasons that a deal can have; `None` if they cannot be read. Never raises."""

    async def set_status(
        self,
        opportunity_id: str,
        status: Status,
        *,
        lost_reason_id: str | None,
        until: float,
        still_ours: Callable[[], Awaitable[None]],
    ) -> str:
        """Write the status. Returning means that the CRM accepted it; read the deal to confirm it. Raises `CrmError`.

        Returns the CRM's id for the call, empty if it gives none. The write is sent again only if it was certainly
        not carried out before. `still_ours` is asked each time, after all waiting and just before the write leaves. If
        it raises, nothing leaves, and what it raises is passed on.
        """

    def prefetch_names(self, opportunity: Opportunity) -> None:
        """Begin to read the names that `describe` of this deal will need; return at once."""

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
        """The same deal with the names of its pipeline, stage, owner and lost reason, as far as they can be read.

        Never raises.
        """


class Rights(Protocol):
    """Who may change which deal. Asked by everything that changes one, and by every preview. Never raises."""

    async def objection(self, user_id: str, deal: Opportunity) -> Objection | None:
        """What speaks against a change of this deal by this person; `None` for nothing.

        What cannot be found out is an objection, with its reason. It does not say yet who the owner is.
        """

    async def owner(self, deal: Opportunity) -> str:
        """The Slack user id of the deal's owner; empty where there is none, or it cannot be found out."""


class Intents(Protocol):
    """The ledger, as far as a change needs it: an intent that is noted before the write survives a crash."""

    async def intend(self, key: str, before: Opportunity) -> None:
        """Note that the command `key` is about to change a deal that looks like `before`.

        Raises `StoreDown`, `StoreRefused`, and `LeaseLost` when another worker has taken over the command.
        """

    async def still_ours(self, key: str) -> None:
        """Make sure that this process still has the command: it may have been suspended since its last note.

        Raises `StoreDown` where that cannot be known now, and `LeaseLost`.
        """

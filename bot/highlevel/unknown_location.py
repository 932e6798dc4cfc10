"""The CRM port for a sub-account that the settings do not name."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError

log = structlog.get_logger(__name__)


class UnknownLocation:
    """`Crm` for sub-accounts that the settings do not name, or no longer: every call fails with `NOT_OURS`."""

    @asynccontextmanager
    async def reserve(self, *, until: float) -> AsyncIterator[None]:  # noqa: ARG002 - as the port wants it
        """See `Crm`."""
        yield

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:  # noqa: ARG002 - likewise
        """See `Crm`."""
        raise _not_ours()

    async def search(self, name: str, *, until: float) -> Matches:  # noqa: ARG002 - likewise
        """See `Crm`."""
        raise _not_ours()

    async def open_deals_of(self, owner_id: str, *, until: float) -> Matches:  # noqa: ARG002 - likewise
        """See `Crm`."""
        raise _not_ours()

    async def lost_reasons(self, *, until: float) -> tuple[LostReason, ...] | None:  # noqa: ARG002 - likewise
        """See `Crm`."""
        return None

    async def set_status(
        self,
        opportunity_id: str,  # noqa: ARG002 - likewise
        status: Status,  # noqa: ARG002 - likewise
        *,
        lost_reason_id: str | None = None,  # noqa: ARG002 - likewise
        until: float,  # noqa: ARG002 - likewise
        still_ours: Callable[[], Awaitable[None]],  # noqa: ARG002 - likewise
    ) -> str:
        """See `Crm`."""
        raise _not_ours()

    def prefetch_names(self, opportunity: Opportunity) -> None:
        """See `Crm`."""

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:  # noqa: ARG002 - likewise
        """See `Crm`."""
        return opportunity


def _not_ours() -> CrmError:
    return CrmError(Trouble(Cause.NOT_OURS), perhaps_done=False, answered=True)

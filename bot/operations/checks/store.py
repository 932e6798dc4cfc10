"""Checks the database: whether it can be written, and whether its tables are of this version."""

from collections.abc import Awaitable, Callable

from bot.deals.ports import StoreDown
from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId, Findings

MADE = frozenset({CheckId.STORE, CheckId.SCHEMA})


class StoreChecks:
    """Asks the database. `ping` raises `StoreDown`."""

    def __init__(self, ping: Callable[[], Awaitable[None]]) -> None:
        self._ping = ping

    async def run(self, *, everything: bool) -> Findings:  # noqa: ARG002 - it has nothing more to try
        """See `Check`."""
        try:
            await self._ping()
        except StoreDown as down:
            if down.newer:
                return Findings(MADE, failing=(diagnoses.STORE_NEWER,), waiting={CheckId.STORE: CheckId.SCHEMA})
            return Findings(MADE, failing=(diagnoses.STORE_DOWN,), waiting={CheckId.SCHEMA: CheckId.STORE})
        return Findings(MADE)

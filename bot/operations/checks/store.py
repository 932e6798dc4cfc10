"""Checks the database: whether it can be written, and whether its tables are of this version."""

from collections.abc import Awaitable, Callable
from typing import assert_never

from bot.deals.ports import OtherSchema, StoreDown
from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.diagnoses import Diagnosis

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
            match down.schema:
                case OtherSchema.NEWER:
                    return _schema_fails(diagnoses.STORE_NEWER)
                case OtherSchema.UNRELEASED:
                    return _schema_fails(diagnoses.STORE_UNRELEASED)
                case None:
                    return Findings(MADE, failing=(diagnoses.STORE_DOWN,), waiting={CheckId.SCHEMA: CheckId.STORE})
                case _:
                    assert_never(down.schema)
        return Findings(MADE)


def _schema_fails(diagnosis: Diagnosis) -> Findings:
    return Findings(MADE, failing=(diagnosis,), waiting={CheckId.STORE: CheckId.SCHEMA})

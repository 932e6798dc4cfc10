"""Checks the database: whether it can be written, whose version its tables are of, and what time it has."""

from collections.abc import Awaitable, Callable
from typing import assert_never

from bot.deals.ports import Damage, OtherSchema, StoreDown, StoreRefused
from bot.operations import diagnose, diagnoses
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.diagnoses import Diagnosis

MADE = frozenset({CheckId.STORE, CheckId.SCHEMA, CheckId.STORE_CLOCK})


class StoreChecks:
    """Asks the database. Both questions raise `StoreDown` and `StoreRefused`.

    `clock_offset`: seconds by which the database's clock is ahead of this machine's.
    """

    def __init__(self, ping: Callable[[], Awaitable[None]], clock_offset: Callable[[], Awaitable[float]]) -> None:
        self._ping = ping
        self._clock_offset = clock_offset

    async def run(self, *, everything: bool) -> Findings:  # noqa: ARG002 - it has nothing more to try
        """See `Check`."""
        try:
            await self._ping()
            offset = await self._clock_offset()
        except StoreDown as down:
            return _fails(_of_schema(down.schema) if down.schema else _of_damage(down.damage))
        except StoreRefused:
            return _fails(diagnoses.STORE_DOWN)
        noted = diagnose.of_database_clock(offset)
        return Findings(MADE, notes=(noted,) if noted else ())


def _of_schema(schema: OtherSchema) -> Diagnosis:
    match schema:
        case OtherSchema.NEWER:
            return diagnoses.STORE_NEWER
        case OtherSchema.UNRELEASED:
            return diagnoses.STORE_UNRELEASED
        case _:
            assert_never(schema)


def _of_damage(damage: Damage | None) -> Diagnosis:
    match damage:
        case Damage.MOVED:
            return diagnoses.STORE_MOVED
        case Damage.PAGES:
            return diagnoses.STORE_DAMAGED
        case None:
            return diagnoses.STORE_DOWN
        case _:
            assert_never(damage)


def _fails(diagnosis: Diagnosis) -> Findings:
    """The check of this diagnosis fails, and the other two cannot be told."""
    failing = CheckId(diagnosis.check)
    return Findings(MADE, failing=(diagnosis,), waiting=dict.fromkeys(MADE - {failing}, failing))

"""Checks the database: whether it can be written, whose version its tables are of, and what time it has."""

from collections.abc import Awaitable, Callable
from typing import assert_never

from bot.deals.ports import Damage, OtherSchema, StoreDown, StoreRefused
from bot.operations import diagnose, diagnoses
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.diagnoses import Diagnosis

MADE = frozenset({CheckId.STORE, CheckId.SCHEMA, CheckId.STORE_CLOCK})


class StoreChecks:
    """Asks the database. All questions raise `StoreDown` and `StoreRefused`.

    `is_new`: whether it has no tables yet.
    `clock_offset`: seconds by which the database's clock is ahead of this machine's.
    """

    def __init__(
        self,
        ping: Callable[[], Awaitable[None]],
        is_new: Callable[[], Awaitable[bool]],
        clock_offset: Callable[[], Awaitable[float]],
    ) -> None:
        self._ping = ping
        self._is_new = is_new
        self._clock_offset = clock_offset

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`. `everything`: with the database's own words, which anyone who reads `/readyz` would read too."""
        try:
            await self._ping()
            is_new = await self._is_new()
            offset = await self._clock_offset()
        except StoreDown as down:
            if down.schema:
                return _fails(_of_schema(down.schema))
            said = f" ({down.reason})" if everything and down.reason else ""
            return _fails(_of_damage(down.damage).about(said=said))
        except StoreRefused:
            return _fails(diagnoses.STORE_DOWN.about(said=""))
        noted = diagnose.of_database_clock(offset)
        return Findings(MADE, notes=(*((diagnoses.STORE_NEW,) if is_new else ()), *((noted,) if noted else ())))


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

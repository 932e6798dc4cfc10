"""Caches of names: what HighLevel calls pipelines, stages, owners and lost reasons."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bot.cache import Cache
from bot.deals.clock import loop_time
from bot.highlevel.api import errors
from bot.highlevel.api.rate_limit import wait_for_own_slot

log = structlog.get_logger(__name__)

V = TypeVar("V")

PATIENCE_FOR_NAMES = 2.5
"""Seconds that a reply waits for the names of pipeline, stage, owner and lost reason."""

NAMES_TTL = 300.0
"""Seconds for which a name is kept before it is read again."""

STALE_NAMES_TTL = 86_400.0
"""Seconds for which an older name is used all the same, while it is read again: names seldom change, and no reply waits
for one. A name that was changed is shown once more."""

NAMES_ERROR_TTL = 30.0
"""Seconds for which a name that could not be read is not read again."""

MOST_OWNERS = 1000
"""Owners whose names are kept."""


def named(
    read: Callable[[str, float], Awaitable[V]],
    *,
    patience: float = PATIENCE_FOR_NAMES,
    stale_while_revalidate: float = STALE_NAMES_TTL,
    stale_if_error: float = math.inf,
) -> Cache[str, V]:
    """A cache of names. `read` gets an id, and an `until` of its own, since it serves more callers than the first.

    Names seldom change: while they are read again, and if they cannot be, the last ones stay in use.
    """

    async def load(identifier: str) -> V:
        wait_for_own_slot()  # a change that needs the name has reserved slots for itself alone
        until = loop_time() + patience
        try:
            async with asyncio.timeout_at(until):
                return await read(identifier, until)
        except (errors.HighLevelError, TimeoutError) as error:
            status = error.details.status if isinstance(error, errors.HighLevelError) else 0
            log.info("crm.name_unknown", error=type(error).__name__, status=status)
            raise

    return Cache(
        load,
        ttl=NAMES_TTL,
        error_ttl=NAMES_ERROR_TTL,
        stale_while_revalidate=stale_while_revalidate,
        stale_if_error=stale_if_error,
        maxsize=MOST_OWNERS,
    )


async def known(names: Cache[str, V], identifier: str, until: float) -> V | None:
    """The names by this id; `None` if HighLevel does not give them in time."""
    by = min(until, loop_time() + PATIENCE_FOR_NAMES)
    try:
        return await names.get(identifier, until=by)
    except (errors.HighLevelError, TimeoutError):
        return None

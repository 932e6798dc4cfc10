"""The CRM port over HighLevel: what its records, ids and errors mean to us."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Generic, TypeVar

import structlog

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError
from bot.highlevel.api import errors
from bot.highlevel.api.client import Client
from bot.highlevel.api.wire import MOST_LISTED, Pipeline, Record
from bot.highlevel.causes import trouble

log = structlog.get_logger(__name__)

V = TypeVar("V")

PATIENCE_FOR_NAMES = 2.5
"""Seconds that a reply is held up at most to say a pipeline's, an owner's or a lost reason's name."""

MOST_MATCHES = 10
"""Deals that somebody can be shown to choose from."""

MOST_OWNERS = 1000
"""Whose names are remembered."""

CALLS_OF_A_CHANGE = 3
"""Find, change, confirm. Names are remembered, and what else is needed is rare and comes first."""


class HighLevelCrm:
    """`change.Crm` over one location of HighLevel."""

    def __init__(self, client: Client, location_id: str) -> None:
        self._client = client
        self._location_id = location_id
        self._pipelines: Remembered[dict[str, Pipeline]] = Remembered()
        self._owners: dict[str, Remembered[str | None]] = {}
        self._lost_reasons: Remembered[tuple[LostReason, ...] | None] = Remembered()

    @asynccontextmanager
    async def reserve(self, *, until: float) -> AsyncIterator[None]:
        """See `change.Crm`."""
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._client.reserve(CALLS_OF_A_CHANGE, until=until))
            except errors.RateLimited as error:
                raise _crm_error(error) from error
            yield

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
        """See `change.Crm`. A deal of another location is one that does not exist for us."""
        try:
            record = await self._client.opportunity(opportunity_id, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        if record.location_id not in {None, self._location_id}:
            raise CrmError(Trouble(Cause.TOKEN_ELSEWHERE), perhaps_done=False, answered=True)
        log.debug("crm.found", opportunity=record.id, status=record.status)
        return self._opportunity(record)

    async def set_status(
        self, opportunity_id: str, status: Status, *, lost_reason_id: str | None = None, until: float
    ) -> str:
        """See `change.Crm`."""
        try:
            trace_id = await self._client.put_status(
                opportunity_id, status.value, lost_reason_id=lost_reason_id, until=until
            )
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        log.info("crm.accepted", opportunity=opportunity_id, status=status.value, trace_id=trace_id)
        return trace_id

    async def search(self, name: str, *, until: float) -> Matches:
        """See `change.Crm`."""
        try:
            # More than are shown: HighLevel does not put the open ones first.
            found = await self._client.search(self._location_id, name, MOST_LISTED, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        ours = [
            self._opportunity(record) for record in found.records if record.location_id in {None, self._location_id}
        ]
        ours.sort(key=lambda deal: deal.status != Status.OPEN)
        shown = ours[:MOST_MATCHES]
        foreign = len(found.records) - len(ours)
        log.debug("crm.searched", found=found.total, foreign=foreign)
        pipelines = await self._named_pipelines(until) if shown else {}
        return Matches(tuple(_with_stage(deal, pipelines) for deal in shown), more=found.total - foreign > len(shown))

    async def lost_reasons(self, *, until: float) -> tuple[LostReason, ...] | None:
        """See `change.Crm`."""
        return await self._lost_reasons.get(self._read_lost_reasons, None, until=_names_by(until))

    async def reads_lost_reasons(self, *, until: float) -> bool:
        """Ask whether the token may read the lost reasons. Raises `CrmError` when that cannot be told."""
        try:
            await self._client.lost_reasons(self._location_id, until=until)
        except (errors.ScopeMissing, errors.Forbidden, errors.TokenInvalid, errors.LocationForbidden):
            return False
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        return True

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
        """See `change.Crm`. Names are nice to have: one that is slow or forbidden costs a line, not the command."""
        pipelines, owner, lost_reason = await asyncio.gather(
            self._named_pipelines(until),
            self._owner(opportunity.owner_id, until),
            self._lost_reason(opportunity.lost_reason_id, until),
        )
        return replace(_with_stage(opportunity, pipelines), owner=owner, lost_reason=lost_reason)

    def _opportunity(self, record: Record) -> Opportunity:
        return Opportunity(
            id=record.id,
            status=record.status,
            name=record.name,
            location_id=record.location_id or self._location_id,
            value=record.monetary_value,
            contact=record.contact_name,
            company=record.company_name,
            pipeline_id=record.pipeline_id,
            stage_id=record.pipeline_stage_id,
            owner_id=record.assigned_to,
            since=record.last_status_change_at,
            lost_reason_id=record.lost_reason_id,
        )

    async def _named_pipelines(self, until: float) -> dict[str, Pipeline]:
        return await self._pipelines.get(self._read_pipelines, {}, until=_names_by(until))

    async def _read_pipelines(self, until: float) -> dict[str, Pipeline]:
        return dict(await self._client.pipelines(self._location_id, until=until))

    async def _owner(self, owner_id: str | None, until: float) -> str | None:
        if owner_id is None:
            return None
        # The one asked for last is the last to be forgotten.
        remembered = self._owners.pop(owner_id, None) or Remembered()
        self._owners[owner_id] = remembered
        if len(self._owners) > MOST_OWNERS:
            del self._owners[next(iter(self._owners))]
        return await remembered.get(
            lambda until: self._client.user_name(owner_id, until=until), None, until=_names_by(until)
        )

    async def _lost_reason(self, reason_id: str | None, until: float) -> str | None:
        if reason_id is None:
            return None
        reasons = await self.lost_reasons(until=until) or ()
        return next((reason.name for reason in reasons if reason.id == reason_id), None)

    async def _read_lost_reasons(self, until: float) -> tuple[LostReason, ...] | None:
        reasons = await self._client.lost_reasons(self._location_id, until=until)
        return tuple(LostReason(reason.id, reason.name) for reason in reasons)

    async def probe(self, *, until: float) -> None:
        """Find out whether the token is good for reading this location's opportunities. Raises `CrmError`."""
        try:
            await self._client.pipelines(self._location_id, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error


class Remembered(Generic[V]):
    """Something that is looked up once for all who ask at the same time, and kept for a while.

    Nobody waits for it longer than they have time, however slow the look-up is that somebody else began. After a
    failure the last value is good for a little longer, and nobody asks again at once.
    """

    KEEP = 300.0
    KEEP_FAILURE = 30.0

    def __init__(self) -> None:
        self._value: V | None = None
        self._fresh_until = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def get(self, look_up: Callable[[float], Awaitable[V]], otherwise: V, *, until: float) -> V:
        """The value, looked up if what we have is too old; `otherwise` when HighLevel did not give it by then.

        `look_up` is told its own `until`, which is not that of whoever came first: others wait for it too.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._fresh_until:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look_up(look_up, now), name="names")
            await asyncio.wait([self._looking], timeout=max(until - now, 0.0))
        return otherwise if self._value is None else self._value

    async def _look_up(self, look_up: Callable[[float], Awaitable[V]], now: float) -> None:
        try:
            async with asyncio.timeout_at(now + PATIENCE_FOR_NAMES):
                self._value = await look_up(now + PATIENCE_FOR_NAMES)
            self._fresh_until = now + self.KEEP
        except (errors.HighLevelError, TimeoutError) as error:
            status = error.details.status if isinstance(error, errors.HighLevelError) else 0
            log.info("crm.name_unknown", error=type(error).__name__, status=status)
            self._fresh_until = now + self.KEEP_FAILURE


def _names_by(until: float) -> float:
    return min(until, asyncio.get_running_loop().time() + PATIENCE_FOR_NAMES)


def _with_stage(opportunity: Opportunity, pipelines: Mapping[str, Pipeline]) -> Opportunity:
    pipeline = pipelines.get(opportunity.pipeline_id or "")
    if pipeline is None:
        return opportunity
    return replace(opportunity, pipeline=pipeline.name, stage=pipeline.stages.get(opportunity.stage_id or ""))


def _crm_error(error: errors.HighLevelError) -> CrmError:
    log.warning(
        "crm.error",
        error=type(error).__name__,
        status=error.details.status,
        messages=error.details.messages,
        trace_id=error.details.trace_id,
        cause=repr(error.__cause__) if error.__cause__ else None,
    )
    return CrmError(trouble(error), perhaps_done=error.perhaps_done, answered=error.answered)

"""The CRM port over HighLevel: translates its records, ids and errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError
from bot.highlevel.api import errors
from bot.highlevel.api.client import Client
from bot.highlevel.api.searches import Field, Search
from bot.highlevel.api.wire import MOST_LISTED, Found, OpportunityRecord, Pipeline
from bot.highlevel.causes import trouble
from bot.highlevel.lost_reason import LostReasons
from bot.highlevel.names import known, named
from bot.highlevel.users import HighLevelUsers

log = structlog.get_logger(__name__)

MOST_MATCHES = 10
"""Deals that a caller can choose from."""

MOST_OWNED = 200
"""Open deals of one owner that are listed."""

CALLS_OF_A_CHANGE = 3
"""Find, write, read back. Names are mostly in the cache; the calls for other names and searches are not reserved."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the deals that a search finds."""

    deals: tuple[Opportunity, ...]
    total: int
    """How many it finds in all."""


class HighLevelCrm:
    """`Crm` over one location of HighLevel."""

    def __init__(self, client: Client, location_id: str) -> None:
        self._client = client
        self._location_id = location_id
        self._pipelines = named(self._read_pipelines)
        self.users = HighLevelUsers(client, location_id)
        # Always fresh: callers choose among them, and type them.
        self._lost_reasons = named(self._read_lost_reasons, stale_while_revalidate=0.0)
        self._reasons = LostReasons(client, location_id)

    @asynccontextmanager
    async def reserve(self, *, until: float) -> AsyncIterator[None]:
        """See `Crm`."""
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._client.reserve(CALLS_OF_A_CHANGE, until=until))
            except errors.RateLimited as error:
                raise _crm_error(error) from error
            yield

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
        """See `Crm`. Raises `CrmError` for a deal of another location too (`TOKEN_ELSEWHERE`)."""
        try:
            record = await self._client.opportunity(opportunity_id, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        if record.location_id not in {None, self._location_id}:
            raise CrmError(Trouble(Cause.TOKEN_ELSEWHERE), perhaps_done=False, answered=True)
        log.debug("crm.found", opportunity=record.id, status=record.status)
        lost_reason_id = await self._reasons.of(record, until=until)
        return replace(self._opportunity(record), lost_reason_id=lost_reason_id)

    async def set_status(
        self,
        opportunity_id: str,
        status: Status,
        *,
        lost_reason_id: str | None = None,
        until: float,
        still_ours: Callable[[], Awaitable[None]],
    ) -> str:
        """See `Crm`."""
        try:
            trace_id = await self._client.put_status(
                opportunity_id, status.value, lost_reason_id=lost_reason_id, until=until, may_send=still_ours
            )
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        self._reasons.wrote(opportunity_id, status.value, lost_reason_id)
        log.debug("crm.accepted", opportunity=opportunity_id, status=status.value, trace_id=trace_id)
        return trace_id

    async def search(self, name: str, *, until: float) -> Matches:
        """See `Crm`."""
        try:
            # More than can be shown: HighLevel does not list open deals first.
            found = await self._client.search(self._location_id, name, MOST_LISTED, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        ours = self._ours(found)
        ours.sort(key=lambda deal: deal.status != Status.OPEN)
        shown = ours[:MOST_MATCHES]
        foreign = len(found.records) - len(ours)
        log.debug("crm.searched", found=found.total, foreign=foreign)
        pipelines = await self._named_pipelines(until) if shown else {}
        return Matches(tuple(_with_stage(deal, pipelines) for deal in shown), more=found.total - foreign > len(shown))

    async def open_deals_of(self, owner_id: str, *, until: float) -> Matches:
        """See `Crm`. This is one request: at most `MOST_OWNED` deals are listed."""
        equal = (Field.OWNER, owner_id), (Field.STATUS, Status.OPEN.value)
        asked = Search(Field.STAGE_CHANGED, equal=equal, limit=MOST_OWNED)
        try:
            found = await self._client.page(self._location_id, asked, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        deals = self._ours(found)
        foreign = len(found.records) - len(deals)
        pipelines = await self._named_pipelines(until) if deals else {}
        return Matches(tuple(_with_stage(deal, pipelines) for deal in deals), more=found.total - foreign > len(deals))

    async def changed(self, since: datetime | None, page: int, *, until: float) -> Sequence[Opportunity]:
        """The deals whose status has changed since then, the oldest change first; without a time, the latest.

        A page has 100. They may be some seconds out of date. Raises `CrmError`.
        """
        try:
            found = await self._client.changed(self._location_id, since, page, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        return [self._opportunity(record) for record in found.records]

    async def page(self, asked: Search, *, until: float) -> Page:
        """A page of the deals that a search finds, without names. They may be some seconds out of date.

        Raises `CrmError`.
        """
        try:
            found = await self._client.page(self._location_id, asked, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        deals = self._ours(found)
        return Page(tuple(deals), found.total - (len(found.records) - len(deals)))

    async def pipeline_names(self, *, until: float) -> Mapping[str, str]:
        """The pipelines' names by id, as far as they can be read."""
        return {each: found.name for each, found in (await self._named_pipelines(until)).items() if found.name}

    async def lost_reasons(self, *, until: float) -> tuple[LostReason, ...] | None:
        """See `Crm`."""
        return await known(self._lost_reasons, self._location_id, until)

    async def reads_lost_reasons(self, *, until: float) -> bool:
        """Whether the token may read lost reasons; asks HighLevel every time. Raises `CrmError` if it does not tell."""
        try:
            await self._client.lost_reasons(self._location_id, until=until)
        except (errors.ScopeMissing, errors.Forbidden, errors.TokenInvalid, errors.LocationForbidden):
            return False
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        return True

    def prefetch_names(self, opportunity: Opportunity) -> None:
        """See `Crm`."""
        self._pipelines.prefetch(self._location_id)
        if opportunity.owner_id is not None:
            self.users.prefetch(opportunity.owner_id)
        if opportunity.lost_reason_id is not None:
            self._lost_reasons.prefetch(self._location_id)

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
        """See `Crm`. A name that is slow or forbidden is left out."""
        pipelines, owner, lost_reason = await asyncio.gather(
            self._named_pipelines(until),
            self.users.name(opportunity.owner_id, until),
            self._lost_reason(opportunity.lost_reason_id, until),
        )
        return replace(_with_stage(opportunity, pipelines), owner=owner, lost_reason=lost_reason)

    def _ours(self, found: Found) -> list[Opportunity]:
        """The deals that are not another location's."""
        return [self._opportunity(each) for each in found.records if each.location_id in {None, self._location_id}]

    def _opportunity(self, record: OpportunityRecord) -> Opportunity:
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
            stage_since=record.last_stage_change_at,
            added=record.created_at,
        )

    async def _named_pipelines(self, until: float) -> dict[str, Pipeline]:
        return await known(self._pipelines, self._location_id, until) or {}

    async def _read_pipelines(self, location_id: str, until: float) -> dict[str, Pipeline]:
        return dict(await self._client.pipelines(location_id, until=until))

    async def _lost_reason(self, reason_id: str | None, until: float) -> str | None:
        if reason_id is None:
            return None
        reasons = await self.lost_reasons(until=until) or ()
        return next((reason.name for reason in reasons if reason.id == reason_id), None)

    async def _read_lost_reasons(self, location_id: str, until: float) -> tuple[LostReason, ...]:
        reasons = await self._client.lost_reasons(location_id, until=until)
        return tuple(LostReason(reason.id, reason.name) for reason in reasons)

    async def probe(self, *, until: float) -> None:
        """Find out whether the token may read this location's opportunities. Raises `CrmError` if not."""
        try:
            pipelines = await self._read_pipelines(self._location_id, until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error
        self._pipelines.put(self._location_id, pipelines)  # so that the first change need not wait for them


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

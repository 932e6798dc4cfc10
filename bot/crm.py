"""The CRM port over HighLevel: what its records, ids and errors mean to us."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Generic, TypeVar

import structlog

from bot.change import CrmError
from bot.highlevel import errors
from bot.highlevel.client import Client
from bot.highlevel.wire import Pipeline, Record
from bot.outcome import Cause, Trouble
from bot.status import Opportunity, Status

log = structlog.get_logger(__name__)
V = TypeVar("V")

PATIENCE_FOR_NAMES = 2.5
"""Seconds that a reply is held up at most to say a pipeline's or an owner's name."""

CALLS_OF_A_CHANGE = 3
"""Find, change, confirm. Names are remembered, and what else is needed is rare and comes first."""

CAUSES: dict[type[errors.HighLevelError], Cause] = {
    errors.OutOfTime: Cause.OUT_OF_TIME,
    errors.NameUnknown: Cause.NO_NAME,
    errors.TlsFailed: Cause.NO_TLS,
    errors.ConnectTimedOut: Cause.CONNECT_TIMEOUT,
    errors.Unreachable: Cause.NO_CONNECTION,
    errors.TimedOut: Cause.NO_ANSWER,
    errors.CutOff: Cause.CUT_OFF,
    errors.NotFound: Cause.NOT_FOUND,
    errors.TokenInvalid: Cause.TOKEN_INVALID,
    errors.ScopeMissing: Cause.SCOPE_MISSING,
    errors.LocationForbidden: Cause.TOKEN_ELSEWHERE,
    errors.VersionRefused: Cause.VERSION_REFUSED,
    errors.Blocked: Cause.BLOCKED,
    errors.Forbidden: Cause.FORBIDDEN,
    errors.Invalid: Cause.INVALID,
    errors.NoSuchRoute: Cause.WRONG_ADDRESS,
    errors.RateLimited: Cause.RATE_LIMITED,
    errors.Broken: Cause.SERVER_ERROR,
    errors.GatewayTimedOut: Cause.GATEWAY,
    errors.Unreadable: Cause.UNREADABLE,
    errors.SaidNo: Cause.SAID_NO,
}
"""Which error means what; a test holds that no leaf of the error tree is missing."""


def trouble(error: errors.HighLevelError) -> Trouble:
    """An error of the client in the words of the use case."""
    daily = isinstance(error, errors.RateLimited) and error.daily
    details = error.details
    return Trouble(
        cause=Cause.DAILY_LIMIT if daily else CAUSES[type(error)],
        retry_after=error.retry_after,
        reasons=details.messages,
        code=f"HighLevel {details.status}" if details.status else type(error).__name__,
        trace_id=details.trace_id,
    )


class HighLevelCrm:
    """`change.Crm` over one location of HighLevel."""

    def __init__(self, client: Client, location_id: str) -> None:
        self._client = client
        self._location_id = location_id
        self._pipelines: Remembered[dict[str, Pipeline]] = Remembered()
        self._owners: dict[str, Remembered[str | None]] = {}

    @asynccontextmanager
    async def turn(self, *, until: float) -> AsyncIterator[None]:
        """See `change.Crm`."""
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._client.turn(CALLS_OF_A_CHANGE, until=until))
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
        return _opportunity(record)

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

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
        """See `change.Crm`. Names are nice to have: one that is slow or forbidden costs a line, not the command."""
        until = min(until, asyncio.get_running_loop().time() + PATIENCE_FOR_NAMES)
        pipelines, owner = await asyncio.gather(
            self._pipelines.get(lambda: self._read_pipelines(until), {}),
            self._owner(opportunity.owner_id, until),
        )
        pipeline = pipelines.get(opportunity.pipeline_id or "")
        return replace(
            opportunity,
            pipeline=pipeline.name if pipeline else None,
            stage=pipeline.stages.get(opportunity.stage_id or "") if pipeline else None,
            owner=owner,
        )

    async def _read_pipelines(self, until: float) -> dict[str, Pipeline]:
        return dict(await self._client.pipelines(self._location_id, until=until))

    async def _owner(self, owner_id: str | None, until: float) -> str | None:
        if owner_id is None:
            return None
        remembered = self._owners.setdefault(owner_id, Remembered())
        return await remembered.get(lambda: self._client.user_name(owner_id, until=until), None)

    async def probe(self, *, until: float) -> None:
        """Find out whether the token is good for reading this location's opportunities. Raises `CrmError`."""
        try:
            await self._client.pipelines(self._location_id, until=until)
        except errors.HighLevelError as error:
            raise _crm_error(error) from error


class Remembered(Generic[V]):
    """Something looked up by one asker at a time and kept for a while.

    After a failure the last value is good for a little longer, and nobody asks again at once.
    """

    KEEP = 300.0
    KEEP_FAILURE = 30.0

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._value: V | None = None
        self._fresh_until = float("-inf")

    async def get(self, look_up: Callable[[], Awaitable[V]], otherwise: V) -> V:
        """The value, looked up if what we have is too old; `otherwise` when HighLevel never gave it."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now >= self._fresh_until:
                try:
                    self._value = await look_up()
                    self._fresh_until = now + self.KEEP
                except errors.HighLevelError as error:
                    log.info("crm.name_unknown", error=type(error).__name__, status=error.details.status)
                    self._fresh_until = now + self.KEEP_FAILURE
            return otherwise if self._value is None else self._value


def _opportunity(record: Record) -> Opportunity:
    return Opportunity(
        id=record.id,
        status=record.status,
        name=record.name,
        location_id=record.location_id,
        value=record.monetary_value,
        contact=record.contact_name,
        company=record.company_name,
        pipeline_id=record.pipeline_id,
        stage_id=record.pipeline_stage_id,
        owner_id=record.assigned_to,
        since=record.last_status_change_at,
        lost_reason_id=record.lost_reason_id,
    )


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

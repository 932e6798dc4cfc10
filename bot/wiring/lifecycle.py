"""Runs the bot, and finishes what it accepted before it stops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import People
from bot.commands.accounts import Accounts
from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.commands.worker import Worker
from bot.deals.ports import StoreDown
from bot.events.announcer import Announcer
from bot.events.polling import Polling
from bot.events.reception import EventReception
from bot.events.worker import EventWorker
from bot.highlevel.api.client import Client
from bot.highlevel.api.token_endpoint import TokenEndpoint
from bot.highlevel.crm import HighLevelCrm
from bot.highlevel.notices.routes import Webhooks
from bot.highlevel.pages import ConnectPages
from bot.highlevel.tokens import TokenRefresh
from bot.operations import diagnoses
from bot.operations.diagnoses import Diagnosis
from bot.operations.health import Health, misspelled
from bot.operations.settings import Settings
from bot.schedule.digest.duty import DigestPlanner
from bot.schedule.due import Kind
from bot.schedule.worker import ScheduleWorker
from bot.slack.directory import SlackDirectory
from bot.slack.mail.replies import Replies
from bot.slack.session import Session
from bot.slack.signatures import CommandReading, Signatures
from bot.slack.socket_mode import SocketMode
from bot.slack.workspace import SlackWorkspace
from bot.storage.access_requests import SqlAccessRequests
from bot.storage.channels import SqlBindings
from bot.storage.database import Database
from bot.storage.events.inbox import SqlInbox
from bot.storage.history import SqlHistory
from bot.storage.leases import Leases
from bot.storage.ledger import SqlLedger
from bot.storage.schedule.queue import SqlSchedule
from bot.storage.trail.writing import SqlTrail

if TYPE_CHECKING:
    from bot.operations.metrics import Metrics


log = structlog.get_logger(__name__)

EVENTS_KEPT = 7
"""Days for which a finished event is kept, to know it again: HighLevel repeats for hours, an operator for longer."""
DUE_KEPT = 35
"""Days for which a digest that ended is kept, and a reminder at most: the next digests are compared with it."""
SECONDS_IN_A_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class OAuthParts:
    """The parts that connect HighLevel by OAuth, and keep its tokens fresh."""

    connect_pages: ConnectPages
    token_refresh: TokenRefresh
    token_endpoint: TokenEndpoint


@dataclass(frozen=True, slots=True)
class HighLevel:
    """The parts that work with HighLevel: clients and CRMs by location id."""

    clients: Mapping[str, Client]
    crms: Mapping[str, HighLevelCrm]
    accounts: Accounts
    people: People
    oauth: OAuthParts | None
    """`None` if HighLevel is connected by a private integration token alone."""


@dataclass(frozen=True, slots=True)
class Events:
    """The parts that learn of changes made in HighLevel itself."""

    inbox: SqlInbox
    reception: EventReception
    webhooks: Webhooks
    worker: EventWorker
    polling: Polling
    announcer: Announcer

    def tending(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What has to run all the time."""
        return (self.reception.tend(), self.worker.tend(), self.polling.tend(), self.announcer.tend())

    async def close(self) -> None:
        """Leave what is unfinished to the next process, once nothing runs any more."""
        await self.reception.save_counts()
        with suppress(StoreDown):
            await self.inbox.give_back()


@dataclass(frozen=True, slots=True)
class Scheduling:
    """The parts that post reminders and digests when their time has come."""

    queue: SqlSchedule
    worker: ScheduleWorker
    planner: DigestPlanner

    def tending(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What has to run all the time."""
        return (self.worker.tend(), self.planner.tend())

    async def close(self) -> None:
        """Leave what is unfinished to the next process, once nothing runs any more."""
        with suppress(StoreDown):
            await self.queue.give_back()


@dataclass(frozen=True, slots=True)
class SlackClients:
    """The parts that call Slack."""

    session: Session
    web: AsyncWebClient
    workspace: SlackWorkspace
    directory: SlackDirectory
    replies: Replies


@dataclass(frozen=True, slots=True)
class SlackEdge:
    """The parts that Slack calls."""

    bolt: AsyncApp
    verifiers: tuple[SignatureVerifier, ...]
    signatures: Signatures
    commands: Callable[[], CommandReading]
    socket: SocketMode | None
    """`None` if Slack reaches the bot over HTTP."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The database, and the ports over it."""

    database: Database
    ledger: SqlLedger
    leases: Leases
    """The same ledger, for what works on commands."""
    history: SqlHistory
    channels: SqlBindings
    access_requests: SqlAccessRequests
    trail: SqlTrail


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot, built and ready to run."""

    settings: Settings
    storage: Storage
    highlevel: HighLevel
    slack: SlackClients
    edge: SlackEdge
    worker: Worker
    events: Events
    schedule: Scheduling
    health: Health
    metrics: "Metrics | None"
    """Counters, and the page on which Prometheus reads them; `None` if nothing is counted."""
    emptied: Diagnosis | None
    """What empties the disk of the database's file; `None` if nothing is known to."""

    @property
    def instrumentation(self) -> Instrumentation:
        """Takes note of what happens: the metrics, if there are any."""
        return self.metrics or NO_METRICS

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work until the block is left; then finish the commands that were accepted."""
        if self.settings.allowlist.is_empty:
            log.warning("access.allowlist_empty", advice=diagnoses.ALLOWLIST_EMPTY.words)
        for each in misspelled(self.settings.near_misses):
            log.warning("settings.misspelled", advice=each.words)
        if self.emptied:
            log.warning("store.not_durable", advice=self.emptied.words)
        async with self._open():
            learning = asyncio.create_task(self.slack.workspace.learn(), name="workspace")
            tending = [self.highlevel.oauth.token_refresh.tend()] if self.highlevel.oauth else []
            always = (
                self.worker.tend(),
                self.slack.directory.keep(),
                *self.events.tending(),
                *self.schedule.tending(),
                self.storage.trail.tend(),
                self._forget(),
                *tending,
            )
            background = [asyncio.create_task(work) for work in always]
            try:
                yield
            finally:
                learning.cancel()
                self.schedule.worker.retire()
                await self.worker.drain()
                for task in background:
                    task.cancel()
                await asyncio.gather(learning, *background, return_exceptions=True)
                await self.storage.trail.save()
                await self.events.close()
                await self.schedule.close()

    @asynccontextmanager
    async def checking(self) -> AsyncIterator[Health]:
        """Open what the checks need, without working; yields the checks."""
        async with self._open():
            yield self.health

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        try:
            async with AsyncExitStack() as open_clients:
                for client in self.highlevel.clients.values():
                    await open_clients.enter_async_context(client)
                yield
        finally:
            if self.highlevel.oauth:
                await self.highlevel.oauth.token_refresh.close()
                await self.highlevel.oauth.token_endpoint.close()
            if self.metrics:
                self.metrics.close()
            await self.slack.replies.close()
            await self.slack.session.close()
            await self.storage.database.close()

    async def _forget(self) -> None:
        """Delete what is too old, now and every hour.

        Commands and what is known of deals after HISTORY_DAYS, the trail after TRAIL_DAYS, which 0 empties, events, and
        what came due.
        """
        ledger, inbox, days = self.storage.ledger, self.events.inbox, self.settings.history_days
        old: list[tuple[Callable[[float], Awaitable[int]], int]] = [
            (inbox.forget, EVENTS_KEPT),
            (partial(self.schedule.queue.forget, Kind.REMINDER), min(days or DUE_KEPT, DUE_KEPT)),
            (partial(self.schedule.queue.forget, Kind.DIGEST), DUE_KEPT),
            (self.storage.trail.forget, self.settings.trail_days),
            *((each, days) for each in (ledger.forget, inbox.forget_deals) if days),
        ]
        while True:
            with suppress(StoreDown):
                for forget, kept in old:
                    while gone := await forget(kept * SECONDS_IN_A_DAY):
                        log.info("history.forgotten", rows=gone)
            await asyncio.sleep(3600)

"""Runs the bot, and drains it when it is asked to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.commands.worker import Worker
from bot.deals.ports import StoreDown
from bot.highlevel.api.client import Client
from bot.highlevel.api.token_endpoint import TokenEndpoint
from bot.highlevel.pages import ConnectPages
from bot.highlevel.tokens import TokenRefresh
from bot.operations import diagnoses
from bot.operations.health import Health
from bot.operations.settings import Settings
from bot.slack.directory import SlackDirectory
from bot.slack.replies import Replies
from bot.slack.socket_mode import SocketMode
from bot.slack.workspace import SlackWorkspace
from bot.storage.database import Database
from bot.storage.ledger import SqlLedger

if TYPE_CHECKING:
    from bot.operations.metrics import Metrics


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ByOAuth:
    """What connects HighLevel by OAuth."""

    connect_pages: ConnectPages
    token_refresh: TokenRefresh
    token_endpoint: TokenEndpoint


@dataclass(frozen=True, slots=True)
class Bot:
    """The parts that somebody outside needs."""

    settings: Settings
    bolt: AsyncApp
    verifiers: tuple[SignatureVerifier, ...]
    health: Health
    socket: SocketMode | None
    """How Slack reaches the bot; `None`: over HTTP."""
    oauth: ByOAuth | None
    """How HighLevel is connected; `None`: by a private integration token alone."""
    metrics: "Metrics | None"
    """Counts what happens, and where that is read; `None`: nobody counts."""
    _workspace: SlackWorkspace
    _directory: SlackDirectory
    _worker: Worker
    _database: Database
    _ledger: SqlLedger
    _replies: Replies
    _clients: tuple[Client, ...]
    _drain: float

    @property
    def instrumentation(self) -> Instrumentation:
        """Whoever takes note of what happens."""
        return self.metrics or NO_METRICS

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work until the block is left; then finish what was accepted."""
        if self.settings.allowlist.is_empty:
            log.warning("access.nobody", advice=diagnoses.ALLOWLIST_EMPTY.words)
        async with self._open():
            learning = asyncio.create_task(self._workspace.learn(), name="workspace")
            tending = [self.oauth.token_refresh.tend()] if self.oauth else []
            always = (self._worker.tend(), self._directory.keep(), self._forget(), *tending)
            background = [asyncio.create_task(work) for work in always]
            try:
                yield
            finally:
                learning.cancel()
                await self._worker.drain(self._drain)
                for task in background:
                    task.cancel()
                await asyncio.gather(learning, *background, return_exceptions=True)

    @asynccontextmanager
    async def checking(self) -> AsyncIterator[Health]:
        """The checks alone, without working."""
        async with self._open():
            yield self.health

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        try:
            async with AsyncExitStack() as open_clients:
                for client in self._clients:
                    await open_clients.enter_async_context(client)
                yield
        finally:
            if self.oauth:
                await self.oauth.token_refresh.close()
                await self.oauth.token_endpoint.close()
            if self.metrics:
                self.metrics.close()
            await self._replies.close()
            await self._database.close()

    async def _forget(self) -> None:
        """Delete what is older than HISTORY_DAYS, now and every hour."""
        while days := self.settings.history_days:
            with suppress(StoreDown):
                while gone := await self._ledger.forget(datetime.now(UTC) - timedelta(days=days)):
                    log.info("history.forgotten", commands=gone)
            await asyncio.sleep(3600)

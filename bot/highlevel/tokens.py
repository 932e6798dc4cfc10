"""Refreshes the access tokens of accounts connected by OAuth: ahead of time, and in one process at a time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass

import stamina
import structlog

from bot.deals.clock import loop_time
from bot.deals.ports import StoreDown
from bot.highlevel.api.auth import AccessTokens
from bot.highlevel.api.errors import (
    Disconnected,
    Ending,
    HighLevelError,
    NotRenewed,
    NotSent,
    Refused,
    Unreadable,
)
from bot.highlevel.api.oauth import Tokens
from bot.highlevel.api.token_endpoint import TokenEndpoint
from bot.highlevel.connections import Age, Connection, Connections

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshTiming:
    """Durations in seconds."""

    ahead: float = 600.0
    """An access token is refreshed so long before it expires; half-way through its life, if that is later."""
    barely: float = 20.0
    """An access token with less than this left is not sent any more."""
    look: float = 5.0
    """Between two reads of each row, which find what another process refreshed, and what a person connected."""
    again: float = 0.2
    """Between two reads of a row while another process refreshes it, and between two attempts to save new tokens."""
    pause: float = 1.0
    """After HighLevel gave no tokens, until it is asked again. For 30 s it repeats an answer that was lost."""
    longest_pause: float = 60.0
    """The same, where HighLevel says for how long: tokens that are not refreshed meanwhile expire."""
    settle: float = 10.0
    """A refused token that is younger than this is not refreshed again: HighLevel would refuse the next one too."""
    farewell: float = 2.0
    """For a refresh that is under way when the process ends."""


class TokenRefresh:
    """Has the `AccessTokens` of each account, and refreshes all of them, whether they are used or not."""

    def __init__(
        self, connections: Connections, token_endpoint: TokenEndpoint, timing: RefreshTiming | None = None
    ) -> None:
        self._connections = connections
        self._token_endpoint = token_endpoint
        self._timing = timing or RefreshTiming()
        self._known: dict[str, AccountTokens] = {}

    def of(self, account_id: str) -> "AccountTokens":
        """The tokens of this location or agency: always the same object."""
        if account_id not in self._known:
            self._known[account_id] = AccountTokens(
                account_id, self._connections, self._token_endpoint, self._timing, self.of
            )
        return self._known[account_id]

    async def tend(self) -> None:
        """Refresh every account's tokens, until cancelled. A refresh token that is not used for a year expires."""
        while True:
            try:
                # All rows in one statement, because there may be thousands, and few of them have changed.
                changed = [age for age in await self._connections.ages() if not self.of(age.account_id).is_at(age)]
                await asyncio.gather(*(self.of(age.account_id).look() for age in changed))
            except StoreDown:  # logged where it happened
                pass
            except Exception:
                log.exception("renewal.broken")
            await asyncio.sleep(self._timing.look)

    async def close(self) -> None:
        """Wait for refreshes that are under way; those that take too long are left to another process."""
        await asyncio.gather(*(account.close() for account in self._known.values()))


@dataclass(frozen=True, slots=True)
class _Held:
    """A connection, and the event-loop times at which its access token is due for a refresh, and is no longer sent."""

    connection: Connection
    ahead: float
    """Seconds before its end at which it is due."""
    due: float
    ends: float


class AccountTokens:
    """`AccessTokens` of one account.

    A refresh runs in a task of its own, once for all callers. A caller that gives up does not stop it, since a pair of
    tokens that HighLevel has given and that was not saved would be lost.
    """

    def __init__(
        self,
        account_id: str,
        connections: Connections,
        token_endpoint: TokenEndpoint,
        timing: RefreshTiming,
        of: Callable[[str], AccessTokens],
    ) -> None:
        self._id = account_id
        self._connections = connections
        self._token_endpoint = token_endpoint
        self._timing = timing
        self._of = of
        self._held: _Held | None = None
        self._work: asyncio.Task[Connection] | None = None
        self._failed: tuple[float, HighLevelError] | None = None
        """Until when HighLevel is not asked again, and the error of the last attempt."""
        self._until_saved = stamina.AsyncRetryingCaller(
            attempts=None,
            timeout=None,
            wait_initial=timing.again,
            wait_max=timing.again,
            wait_jitter=0,
            wait_exp_base=1,
        )
        """Tries again until the database answers: no other process has the new pair of tokens."""
        self._told: Ending | None = None
        """Why there is no connection, as the log last said: every caller finds out again, and the log says it once."""

    async def current(self, *, until: float) -> str:
        """See `AccessTokens`."""
        held, now = self._held, loop_time()
        if held is None or now >= held.ends:
            return (await self._got("", until)).access
        if now >= held.due:  # refresh in the background: the token is still good
            self._start("")
        return held.connection.access

    async def instead_of(self, refused: str, *, until: float) -> str:
        """See `AccessTokens`."""
        while True:
            held = self._held
            # A refresh that is under way may have begun for another reason, and find that there is nothing to do.
            found = held.connection if held and held.connection.access != refused else await self._got(refused, until)
            if found.access != refused:
                return found.access

    def is_at(self, age: Age) -> bool:
        """Whether these are the tokens of the row, and not due for a refresh."""
        if self._held is None or not age.good:
            return False
        return self._held.connection.generation == age.generation and age.left > self._held.ahead

    async def look(self) -> None:
        """Read the row, and refresh the tokens if they are due. Raises no `HighLevelError`."""
        with suppress(HighLevelError):
            await self._got("", loop_time() + self._timing.look)

    def forget(self) -> None:
        """Read the row before the next request: a person has just connected the account."""
        self._held = self._failed = None

    async def close(self) -> None:
        """Wait a little for a refresh that is under way, then stop it."""
        if self._work:
            await asyncio.wait([self._work], timeout=self._timing.farewell)
            self._work.cancel()

    async def _got(self, refused: str, until: float) -> Connection:
        work = self._start(refused)
        await asyncio.wait([work], timeout=max(until - loop_time(), 0.0))
        if work.done():
            return work.result()
        if not refused and self._held and loop_time() < self._held.ends:
            return self._held.connection
        raise NotRenewed

    def _start(self, refused: str) -> asyncio.Task[Connection]:
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._get(refused), name="renewal", context=Context())
            # Every caller may have given up: then no other code reads the exception, and asyncio would log it.
            self._work.add_done_callback(lambda work: work.cancelled() or work.exception())
        return self._work

    async def _get(self, refused: str) -> Connection:
        """The row, after a refresh if that is due, or if the row has the access token that HighLevel refused."""
        try:
            return await self._keep_up(refused)
        except StoreDown as down:
            raise NotRenewed from down

    async def _keep_up(self, refused: str) -> Connection:
        while True:
            found = await self._read()
            wanted = found.access == refused
            if not wanted:
                self._held = _held(found, self._timing)
                if loop_time() < self._held.due:
                    return found
            elif found.age < self._timing.settle:
                raise Disconnected(why=Ending.TOKEN)
            good = not wanted and found.left > self._timing.barely
            try:
                ours = await self._renew(found)
            except HighLevelError:
                if good:
                    return found
                raise
            if not ours:  # another process is refreshing it
                if good:
                    return found
                await asyncio.sleep(self._timing.again)

    async def _read(self) -> Connection:
        found = await self._connections.find(self._id)
        why = Ending.NEVER_MADE if found is None else found.refused
        if why and why is not self._told:
            log.warning("renewal.disconnected", account=self._id, why=why.value)
        self._told = why
        if found is None or found.refused:
            self._held = None
            raise Disconnected(why=why or Ending.UNKNOWN)
        return found

    async def _renew(self, found: Connection) -> bool:
        """Get new tokens and write to the row what comes of it; `False` if another process has the lease."""
        if self._failed and loop_time() < self._failed[0]:
            raise self._failed[1]
        if not await self._connections.lease(found):
            return False
        try:
            tokens = await self._ask(found)
        except Disconnected as error:
            log.error("renewal.refused", account=self._id, why=error.why.name, status=error.details.status)
            try:
                await self._connections.refuse(found, error.why)
            except StoreDown:
                raise error from None
            return True
        except HighLevelError as error:
            log.warning("renewal.failed", account=self._id, error=type(error).__name__, status=error.details.status)
            with suppress(StoreDown):  # then the lease ends by itself
                await self._connections.release(found)
            # This request for tokens may have been carried out; the request that waits for its token was not sent.
            failure = error if isinstance(error, Refused | NotSent) else NotRenewed(error.details)
            pause = min(error.retry_after or self._timing.pause, self._timing.longest_pause)
            self._failed = (loop_time() + pause, failure)
            raise failure from error
        self._failed = None
        saved = await self._until_saved(StoreDown, lambda: self._connections.renew(found, tokens))
        log.info("renewal.done", account=self._id, saved=saved)
        return True

    async def _ask(self, found: Connection) -> Tokens:
        if not found.refresh:
            return await self._token_endpoint.exchange(found.company_id, self._id, self._of(found.company_id))
        tokens = await self._token_endpoint.renew(found.refresh, found.kind)
        if tokens.account_id != self._id:
            log.error("renewal.of_another_account", account=self._id, answered=tokens.account_id)
            raise Unreadable
        return tokens


def _held(found: Connection, timing: RefreshTiming) -> _Held:
    now = loop_time()
    ahead = min(timing.ahead, (found.left + found.age) / 2)
    return _Held(found, ahead, due=now + found.left - ahead, ends=now + found.left - timing.barely)

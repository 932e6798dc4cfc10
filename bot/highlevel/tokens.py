"""Keeps the access tokens of what is connected by OAuth fresh: ahead of time, and by one process at a time."""

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
from bot.highlevel.api.errors import Disconnected, Ending, HighLevelError, NotRenewed, NotSent, Refused
from bot.highlevel.api.oauth import Tokens
from bot.highlevel.api.token_endpoint import TokenEndpoint
from bot.highlevel.connections import Connection, Connections

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshTiming:
    """Seconds between this and that."""

    ahead: float = 600.0
    """So long before its end an access token is renewed; or half-way through its life, if that is later."""
    barely: float = 20.0
    """With less than this left, it is no longer sent."""
    look: float = 5.0
    """Between two looks at the rows: what another process renewed or somebody connected is known then."""
    again: float = 0.2
    """Between two looks while another process is getting what we need."""
    pause: float = 1.0
    """After HighLevel gave none, until it is asked again; while it is less than 30, nothing is lost."""
    settle: float = 10.0
    """A token that is younger, and refused all the same, is not renewed once more: it is not the token's fault."""
    farewell: float = 2.0
    """For what is under way when the process ends."""


class TokenRefresh:
    """Gives each account its `AccessTokens`, and keeps all of them fresh, whether they are asked for or not."""

    def __init__(
        self, connections: Connections, token_endpoint: TokenEndpoint, timing: RefreshTiming | None = None
    ) -> None:
        self._connections = connections
        self._token_endpoint = token_endpoint
        self._timing = timing or RefreshTiming()
        self._known: dict[str, AccountTokens] = {}

    def of(self, account_id: str) -> "AccountTokens":
        """The one keeper, in this process, of this location's or company's tokens."""
        if account_id not in self._known:
            self._known[account_id] = AccountTokens(
                account_id, self._connections, self._token_endpoint, self._timing, self.of
            )
        return self._known[account_id]

    async def tend(self) -> None:
        """Keep every account fresh, until cancelled: after a quiet year its refresh token would have ended."""
        while True:
            try:
                accounts = await self._connections.accounts()
                await asyncio.gather(*(self.of(account).look() for account in accounts))
            except StoreDown:  # logged where it happened
                pass
            except Exception:
                log.exception("renewal.broken")
            await asyncio.sleep(self._timing.look)

    async def close(self) -> None:
        """Let what was begun be saved; what takes too long is left to another process."""
        await asyncio.gather(*(account.close() for account in self._known.values()))


@dataclass(frozen=True, slots=True)
class _Held:
    """A connection, and when its access token was renewed and ends by the loop's clock."""

    connection: Connection
    due: float
    ends: float


class AccountTokens:
    """`AccessTokens` of one account.

    What is got is got in a task of its own, once for all who wait: whoever gives up does not stop it, because a pair of
    tokens that HighLevel has given and nobody saved would be lost.
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
        """Until when HighLevel is not asked again, and what it said."""
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
        """Why there is no connection, as the log was told last: everybody who asks finds out again."""

    async def current(self, *, until: float) -> str:
        """See `AccessTokens`."""
        held, now = self._held, loop_time()
        if held is None or now >= held.ends:
            return (await self._got("", until)).access
        if now >= held.due:  # nobody waits for what is still good
            self._start("")
        return held.connection.access

    async def instead_of(self, refused: str, *, until: float) -> str:
        """See `AccessTokens`."""
        while True:
            held = self._held
            # What is under way may have been begun for another reason, and find that there is nothing to do.
            found = held.connection if held and held.connection.access != refused else await self._got(refused, until)
            if found.access != refused:
                return found.access

    async def look(self) -> None:
        """Take note of what the row says, and renew it if it is time. Never raises what `current` would."""
        with suppress(HighLevelError):
            await self._got("", loop_time() + self._timing.look)

    def forget(self) -> None:
        """Look at the row before the next request: somebody has just connected it."""
        self._held = self._failed = None

    async def close(self) -> None:
        """Wait a little for what is under way."""
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
            self._work.add_done_callback(lambda work: work.cancelled() or work.exception())  # it may be nobody's
        return self._work

    async def _get(self, refused: str) -> Connection:
        """The row as it is, with other tokens if they are due, or if its access token is the one that was refused."""
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
            if not ours:  # another process is at it
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
        """Get a new pair and save it; `False` when that is another's at the moment. What comes of it is in the row."""
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
            # Whatever became of this request, the one that waits for it was not sent.
            interaction = error if isinstance(error, Refused | NotSent) else NotRenewed(error.details)
            self._failed = (loop_time() + (error.retry_after or self._timing.pause), interaction)
            raise interaction from error
        self._failed = None
        saved = await self._until_saved(StoreDown, lambda: self._connections.renew(found, tokens))
        log.info("renewal.done", account=self._id, saved=saved)
        return True

    async def _ask(self, found: Connection) -> Tokens:
        if found.refresh:
            return await self._token_endpoint.renew(found.refresh, found.kind)
        return await self._token_endpoint.exchange(found.company_id, self._id, self._of(found.company_id))


def _held(found: Connection, timing: RefreshTiming) -> _Held:
    now = loop_time()
    ahead = min(timing.ahead, (found.left + found.age) / 2)
    return _Held(found, due=now + found.left - ahead, ends=now + found.left - timing.barely)

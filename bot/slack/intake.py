"""Whoever wants something is let in or not, and what they want is written down before anything is promised."""

import asyncio
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Protocol, TypeVar

import structlog

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.access.rules import Allowed, Denied
from bot.commands.instrumentation import DENIED, NO_METRICS, Instrumentation
from bot.commands.ledger import Accepted, IntakeLedger
from bot.commands.record import Entry
from bot.commands.reply import Message
from bot.deals.ports import StoreDown
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction

log = structlog.get_logger(__name__)
T = TypeVar("T")

ANSWER_WITHIN = 2.6
"""Seconds for whatever comes before an acknowledgement: Slack waits for 3."""
LEAST = 0.01
"""Seconds that are given to what comes when no time is left."""
_due: ContextVar[float] = ContextVar("due", default=float("inf"))
"""By when what is being answered has to be acknowledged, in the event loop's time."""


class LookupFailed(Exception):
    """The ledger does not answer a question."""


class Work(Protocol):
    """Whoever carries out what is accepted."""

    def has_room(self, entry: Entry) -> bool:
        """Whether it would be begun at once."""

    def submit(self, entry: Entry, *, begun: bool) -> None:
        """Take on a command that was just accepted, and perhaps begun with that."""


class Intake:
    """The way in, for what is typed, pressed, chosen and filled in alike."""

    def __init__(
        self,
        *,
        authorizer: Authorizer,
        rate_limit: RateLimit,
        ledger: IntakeLedger,
        work: Work,
        messages: Messages,
        answer_within: float = ANSWER_WITHIN,
        instrumentation: Instrumentation = NO_METRICS,
    ) -> None:
        self.authorizer = authorizer
        self._rate_limit = rate_limit
        self._ledger = ledger
        self._work = work
        self._messages = messages
        self._answer_within = answer_within
        self._instrumentation = instrumentation

    async def authorize(self, interaction: Interaction) -> Allowed | Denied:
        """Whether this person may, at this moment and from here; what they do does not count as a command.

        From now on the time for an acknowledgement runs: what is looked up or written down afterwards has the rest.
        """
        _due.set(_now() + self._answer_within)
        return await self.authorizer.authorize(interaction.caller, within=self._answer_within / 2)

    async def may(self, interaction: Interaction) -> bool:
        """The same as yes or no."""
        return isinstance(await self.authorize(interaction), Allowed)

    async def is_admin(self, interaction: Interaction) -> bool:
        """Whether this person is an admin at this moment; anything unknown counts as no."""
        return await self.authorizer.is_admin(interaction.caller, within=self._time(2))

    async def refusal(self, interaction: Interaction) -> Message | None:
        """Why this person may not, at this moment and from here; `None` when they may."""
        decision = await self.authorize(interaction)
        denied = (
            decision if isinstance(decision, Denied) else self._rate_limit.denies(interaction.caller.user_id, _now())
        )
        if denied is None:
            return None
        log.info("command.denied", reason=denied.reason.value)
        self._instrumentation.commanded(DENIED)
        return self._messages.people.denied(denied.reason, interaction.caller, interaction.reference)

    async def accept(self, *entries: Entry, looked_up: bool = False) -> bool:
        """Write them down, then begin. What Slack delivers twice has the same `trigger_id`, and begins once.

        `looked_up`: something was looked up before, so that less time is left. Raises `StoreDown`.
        """
        begin = len(entries) == 1 and self._work.has_room(entries[0])
        accepted = await self._ledger.accept(*entries, within=self._time(2 if looked_up else 1), begin=begin)
        new = accepted is not None
        for entry in entries:
            log.info("command.accepted", opportunity=entry.wish.opportunity_id, status=entry.wish.status.value, new=new)
            if new:
                self._work.submit(entry, begun=accepted is Accepted.BEGUN)
        return new

    async def look_up(self, looking: Awaitable[T]) -> T:
        """Something in the ledger, while there is time. Raises `LookupFailed`; then nothing was written either."""
        try:
            async with asyncio.timeout(self._time(2)):
                return await looking
        except (TimeoutError, StoreDown) as error:
            raise LookupFailed from error

    async def in_time(self, writing: Awaitable[T]) -> T:
        """Something that is written beside commands, while there is time. Raises `StoreDown`: it may be written."""
        try:
            async with asyncio.timeout(self._time(2)):
                return await writing
        except TimeoutError:
            raise StoreDown(perhaps_written=True) from None

    async def ineligible(self, interaction: Interaction) -> Denied | None:
        """Why this person is nobody whom an admin could let in; `None` for a member of our workspace."""
        return await self.authorizer.ineligible(interaction.caller, within=self._time(2))

    def _time(self, part: int) -> float:
        """A part of the time for an answer, or what is left of it."""
        return max(LEAST, min(self._answer_within / part, _due.get() - _now()))


def _now() -> float:
    return asyncio.get_running_loop().time()

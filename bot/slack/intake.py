"""Lets callers in or refuses them, and writes their commands down before they are acknowledged."""

import asyncio
from collections.abc import Awaitable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import structlog

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.access.requests import AccessRequest
from bot.access.rules import Allowed, Denied, Reason
from bot.commands.instrumentation import DENIED, DETAILS, NO_METRICS, NO_TRAIL, Instrumentation, Trail
from bot.commands.ledger import Accepted, IntakeLedger
from bot.commands.record import Entry
from bot.commands.reply import Message
from bot.deals.clock import loop_time
from bot.deals.ports import StoreDown
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction
from bot.slack.verification import Refusal

log = structlog.get_logger(__name__)
T = TypeVar("T")

ANSWER_WITHIN = 2.6
"""Seconds for everything before the acknowledgement. Slack waits for 3.
https://docs.slack.dev/interactivity/handling-user-interaction"""
MINIMUM = 0.01
"""Seconds for a step that begins when no time is left."""
_due: ContextVar[float] = ContextVar("due", default=float("inf"))
"""When the request that is handled has to be acknowledged, as a `loop_time`."""


class LookupFailed(Exception):
    """The database could not be read in time."""


class Work(Protocol):
    """The worker, which carries out accepted commands; see `commands.worker.Worker`."""

    def has_room(self, entry: Entry) -> bool:
        """Whether the command would begin at once."""

    def submit(self, entry: Entry, *, begun: bool) -> None:
        """Run a command that was just accepted; `begun`: with `Accepted.BEGUN`."""


class Intake:
    """The way in for every command, however it was sent: typed, by a button, by a menu, or with the form.

    `answer_within`: seconds for everything before the acknowledgement.
    """

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
        trail: Trail = NO_TRAIL,
    ) -> None:
        self.authorizer = authorizer
        self._rate_limit = rate_limit
        self._ledger = ledger
        self._work = work
        self._messages = messages
        self._answer_within = answer_within
        self._instrumentation = instrumentation
        self._trail = trail

    async def authorize(self, interaction: Interaction) -> Allowed | Denied:
        """Decide whether this caller may change deals now, from this channel; this does not count as a command.

        It starts the time for the acknowledgement: what is read and written afterwards gets the rest of it.
        """
        _due.set(loop_time() + self._answer_within)
        decision = await self.authorizer.authorize(interaction.caller, within=self._answer_within / 2)
        if decision == Denied(Reason.WRONG_WORKSPACE):
            self._instrumentation.refused(Refusal.OTHER_TEAM)
        return decision

    async def is_allowed(self, interaction: Interaction) -> bool:
        """Whether `authorize` allows it."""
        return isinstance(await self.authorize(interaction), Allowed)

    async def is_admin(self, interaction: Interaction) -> bool:
        """Whether this person is an admin at this moment; anything unknown counts as no."""
        return await self.authorizer.is_admin(interaction.caller, within=self._time(2))

    def note(self, outcome: str, interaction: Interaction, detail: str) -> None:
        """Log, count and keep what became of a command that is not accepted; `outcome` is one of `NOT_ACCEPTED`."""
        log.info("command.done", outcome=outcome, **{DETAILS[outcome]: detail}, **interaction.log_fields)
        self._instrumentation.commanded(outcome)
        self._trail.note(interaction.reference, interaction.caller, outcome, detail)

    async def refusal(self, interaction: Interaction, *, anywhere: bool = False) -> Message | None:
        """Tell the caller why they may not send a command now; `None` if they may, and then it counts as one.

        `anywhere`: it changes no deal and tells only them, so that any channel will do.
        """
        decision = await self.authorize(interaction)
        forgiven = anywhere and decision == Denied(Reason.WRONG_CHANNEL)
        denied = (
            decision
            if isinstance(decision, Denied) and not forgiven
            else self._rate_limit.denies(interaction.caller.user_id, loop_time())
        )
        if denied is None:
            return None
        self.note(DENIED, interaction, denied.reason.value)
        return self._messages.people.denied(
            denied.reason,
            interaction.caller,
            interaction.reference,
            request=await self.request_of(interaction, denied),
            now=datetime.now(UTC),
            command="" if interaction.message_ts else interaction.text,
        )

    async def request_of(self, interaction: Interaction, decision: Allowed | Denied) -> AccessRequest | None:
        """The last request for access of a caller whom an admin could let in; `None` for none or another caller."""
        is_denied = isinstance(decision, Denied) and decision.reason is Reason.NOT_ALLOWED
        if not is_denied or not self.authorizer.rules.admins:
            return None
        return await self.authorizer.request_of(interaction.caller, within=self._time(2))

    async def accept(self, *entries: Entry, looked_up: bool = False) -> bool:
        """Write commands down, then start them; returns whether they are new.

        If Slack delivers something twice, it has the same `trigger_id` and so the same key, and starts once.
        `looked_up`: the database was read before, so that less time is left. Raises `StoreDown`.
        """
        begin = len(entries) == 1 and self._work.has_room(entries[0])
        accepted = await self._ledger.accept(*entries, within=self._time(2 if looked_up else 1), begin=begin)
        new = accepted is not None
        for entry in entries:
            log.debug(
                "command.accepted", opportunity=entry.wish.opportunity_id, status=entry.wish.status.value, new=new
            )
            if new:
                self._work.submit(entry, begun=accepted is Accepted.BEGUN)
        return new

    async def look_up(self, looking: Awaitable[T]) -> T:
        """Read from the database while there is time. Raises `LookupFailed`."""
        try:
            async with asyncio.timeout(self._time(2)):
                return await looking
        except (TimeoutError, StoreDown) as error:
            raise LookupFailed from error

    async def write_in_time(self, writing: Awaitable[T]) -> T:
        """Write what is no command, while there is time. Raises `StoreDown`; it may be written all the same."""
        try:
            async with asyncio.timeout(self._time(2)):
                return await writing
        except TimeoutError:
            raise StoreDown(perhaps_written=True) from None

    async def ineligible(self, interaction: Interaction) -> Denied | None:
        """Why no admin can approve this caller; `None` if an admin can."""
        return await self.authorizer.ineligible(interaction.caller, within=self._time(2))

    def _time(self, part: int) -> float:
        """Seconds for one step: one of so many parts of the whole time, or what is left of it if that is less."""
        return max(MINIMUM, min(self._answer_within / part, _due.get() - loop_time()))

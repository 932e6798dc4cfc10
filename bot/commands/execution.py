"""Carries out one command when its turn has come: what is meant, may it be told here, then the change itself."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import structlog

from bot.commands.ledger import Claim, WorkerLedger
from bot.commands.record import Entry
from bot.deals.deal import LostReason, Opportunity
from bot.deals.identify import Identified
from bot.deals.outcome import Cause, Effect, Failed, Outcome, Trouble
from bot.deals.ports import LeaseLost, StoreDown
from bot.deals.wish import Consent, Wish

log = structlog.get_logger(__name__)

AT_ONCE = 8
"""Commands in one sub-account: what its limit of 100 requests in 10 s has room for, and the connections too."""
MOST_ATTEMPTS = 5
"""How often a command may be taken over from a process that was at its deal, or go wrong inside the bot, before it is
taken for the reason."""
TOO_LATE = 3600.0
"""Seconds after which a command that was not begun is answered, not carried out: its caller has moved on."""


class Accounts(Protocol):
    """What is done in the sub-accounts of HighLevel; each wish and each id says in which."""

    async def identify(self, wish: Wish) -> Identified:
        """Find out what the wish leaves open."""

    async def change(self, wish: Wish, key: str, intended: Opportunity | None = None) -> Outcome:
        """Carry it out; see `deals.change.ChangeStatus`."""

    async def lost_reasons(self, location_id: str, *, until: float) -> tuple[LostReason, ...] | None:
        """Why deals can be lost there; `None` when that cannot be read. Never raises."""


class Channels(Protocol):
    """What Slack knows about channels."""

    async def is_shared(self, channel_id: str) -> bool:
        """Whether people of another company are in it; not where Slack does not tell. Never raises."""


class Execution:
    """Carries out commands, a few at a time in each sub-account, and those about one deal in their order."""

    def __init__(
        self, accounts: Accounts, channels: Channels, ledger: WorkerLedger, *, again: float, wait_for_limit: float
    ) -> None:
        self._accounts = accounts
        self._channels = channels
        self._ledger = ledger
        self._again = again
        """Seconds before the next try where the deal is busy or the database is away."""
        self._wait_for_limit = wait_for_limit
        """Seconds that a command waits for HighLevel's limit at most."""
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        """By sub-account: each has limits of its own, and none waits for another."""

    def has_room(self, location_id: str) -> bool:
        """Whether a command would be begun at once, without waiting for others in its sub-account."""
        return not self._slots[location_id].locked()

    async def carry_out(self, claim: Claim) -> tuple[Outcome, Entry]:
        """Do it; gives the outcome, and the command with what was found out about it.

        Waits as long as another command comes first, the database is away, or HighLevel's limit lasts. Raises
        `LeaseLost`, and nothing else.
        """
        now = asyncio.get_running_loop().time
        taken = now()
        give_up = taken + self._wait_for_limit
        while True:
            if outcome := _without_trying(claim, claim.age + now() - taken):
                return outcome, claim.entry
            pause = self._again
            async with self._slots[claim.entry.wish.location_id]:
                # What was accepted is carried out as soon as it can be written down.
                with suppress(StoreDown):
                    claim, outcome = await self._step(claim)
                    if outcome:
                        pause = _worth_waiting_for(outcome)
                        if not pause or now() + pause > give_up:
                            return outcome, claim.entry
            await asyncio.sleep(pause)

    async def _step(self, claim: Claim) -> tuple[Claim, Outcome | None]:
        """Go as far as possible now; no outcome when another command about the deal comes first."""
        entry = claim.entry
        if not claim.identified:
            found = await self._find_out(entry.wish)
            if found.wish != entry.wish:
                await self._ledger.identify(entry.key, found.wish)
            entry = replace(entry, wish=found.wish)
            claim = replace(claim, entry=entry, identified=found.obstacle is None)
            if found.obstacle:
                return claim, found.obstacle
        if (
            not claim.intended
            and entry.needs_sharing_consent
            and await self._channels.is_shared(entry.caller.channel_id)
        ):
            entry = replace(entry, wish=replace(entry.wish, consent=Consent.SHARED))
            claim = replace(claim, entry=entry)
        if not claim.begun:
            if not await self._ledger.begin(entry.key):
                return claim, None
            claim = replace(claim, begun=True)
        return claim, await self._try(entry, claim.intended)

    async def _find_out(self, wish: Wish) -> Identified:
        try:
            return await self._accounts.identify(wish)
        except Exception:
            log.exception("command.broken")
            return Identified(wish, Failed(Trouble(Cause.UNEXPECTED), Effect.NOTHING))

    async def _try(self, entry: Entry, intended: Opportunity | None) -> Outcome:
        try:
            return await self._accounts.change(entry.wish, entry.key, intended)
        except (StoreDown, LeaseLost):
            raise
        except Exception:
            log.exception("command.broken")
            return Failed(Trouble(Cause.UNEXPECTED), Effect.UNKNOWN, intended)


def _without_trying(claim: Claim, age: float) -> Outcome | None:
    """The outcome of a command that should not be tried any more; `None` when it is worth trying."""
    if claim.attempts >= MOST_ATTEMPTS:
        log.error("command.parked", attempts=claim.attempts)
        return parked(claim)
    if age > TOO_LATE:
        return _not_tried(claim, Cause.TOO_LATE)
    return None


def parked(claim: Claim) -> Failed:
    """The outcome of a command that failed inside the bot again and again."""
    return _not_tried(claim, Cause.PARKED)


def _not_tried(claim: Claim, cause: Cause) -> Failed:
    return Failed(Trouble(cause), Effect.UNKNOWN if claim.intended else Effect.NOTHING, claim.intended)


def _worth_waiting_for(outcome: Outcome) -> float:
    """Seconds after which a command that met HighLevel's limit is tried again; 0 for any other."""
    if isinstance(outcome, Failed) and outcome.trouble.cause is Cause.RATE_LIMITED:
        return outcome.trouble.retry_after or 1.0
    return 0.0

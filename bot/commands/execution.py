"""Carries out one command when its turn has come: identifies the deal, checks the channel, changes the deal."""

import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import Protocol

import structlog

from bot.commands.ledger import Claim, WorkerLedger
from bot.commands.record import Entry
from bot.commands.text.typography import words_of
from bot.deals.clock import loop_time
from bot.deals.deal import LostReason, Opportunity
from bot.deals.identify import Identified
from bot.deals.outcome import Cause, Effect, Failed, Guessed, Outcome, Trouble
from bot.deals.ports import CrmError, LeaseLost, StoreDown, StoreRefused
from bot.deals.wish import Consent, Wish

log = structlog.get_logger(__name__)

AT_ONCE = 8
"""Commands that run at once in one sub-account: HighLevel allows it 100 requests in 10 seconds.
https://marketplace.gohighlevel.com/docs/oauth/Faqs"""
MOST_ATTEMPTS = 5
"""How often a command is taken over from a process that died at its deal, or set back after an error inside the bot.
After that the command itself may be the reason, and it is not tried again."""
TOO_LATE = 3600.0
"""Seconds after which a command is no longer tried: its caller does not expect the change any more."""


class Accounts(Protocol):
    """HighLevel's sub-accounts. A wish or an id says which one is meant."""

    async def identify(self, wish: Wish, text: str, user_id: str) -> Identified:
        """Complete the wish, which this person typed in this text: find the ids of its deal and its lost reason."""

    async def instead(self, wish: Wish) -> Guessed | None:
        """The deals that the wish's id finds as a name; `None` for none. Raises `CrmError`."""

    async def change(self, wish: Wish, key: str, intended: Opportunity | None = None, by: str = "") -> Outcome:
        """Carry out the wish; see `deals.change.ChangeStatus`."""

    async def lost_reasons(self, location_id: str, *, until: float) -> tuple[LostReason, ...] | None:
        """The sub-account's lost reasons; `None` if they cannot be read. Never raises."""


class Channels(Protocol):
    """Slack's channels."""

    async def is_shared(self, channel_id: str) -> bool:
        """Whether people of another company are in this channel; `False` if Slack does not say. Never raises."""


class Execution:
    """Carries out commands: at most `AT_ONCE` in each sub-account, and commands about one deal in their order.

    `retry`: seconds before the next try while another command is at the deal, or the database is down.
    `wait_for_limit`: seconds that a command waits at most for HighLevel's rate limit.
    """

    def __init__(
        self, accounts: Accounts, channels: Channels, ledger: WorkerLedger, *, retry: float, wait_for_limit: float
    ) -> None:
        self._accounts = accounts
        self._channels = channels
        self._ledger = ledger
        self._retry = retry
        self._wait_for_limit = wait_for_limit
        # One semaphore for each sub-account: each has a rate limit of its own, and none waits for another.
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    def has_room(self, location_id: str) -> bool:
        """Whether a command in this sub-account would begin at once, without waiting for others."""
        return not self._slots[location_id].locked()

    async def carry_out(self, claim: Claim) -> tuple[Outcome, Entry]:
        """Carry out a command; returns its outcome, and its entry with the ids that were found.

        Waits while another command about the deal comes first, while the database is down, and while HighLevel's rate
        limit lasts. Raises `LeaseLost` if another process owns the command by now, and nothing else.
        """
        began = loop_time()
        give_up = began + self._wait_for_limit
        while True:
            if outcome := _without_trying(claim, claim.age + loop_time() - began):
                return outcome, claim.entry
            pause = self._retry
            async with self._slots[claim.entry.wish.location_id]:
                try:
                    claim, outcome = await self._step(claim)
                except StoreDown:  # an accepted command is carried out when the database is back
                    outcome = None
                except StoreRefused:  # it would be again
                    outcome = _refused(claim)
                if outcome:
                    pause = _seconds_to_wait(outcome)
                    if not pause or loop_time() + pause > give_up:
                        return outcome, claim.entry
            await asyncio.sleep(pause)

    async def _step(self, claim: Claim) -> tuple[Claim, Outcome | None]:
        """Take the command as far as it gets now; the outcome is `None` if another command about the deal is first."""
        entry = claim.entry
        if not claim.identified:
            found = await self._identify(entry)
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

    async def _identify(self, entry: Entry) -> Identified:
        try:
            return await self._accounts.identify(entry.wish, entry.text, entry.caller.user_id)
        except Exception:
            log.exception("command.broken")
            return Identified(entry.wish, Failed(Trouble(Cause.UNEXPECTED), Effect.NOTHING))

    async def _try(self, entry: Entry, intended: Opportunity | None) -> Outcome:
        try:
            outcome = await self._accounts.change(entry.wish, entry.key, intended, entry.caller.user_id)
            return await self._by_name(entry, outcome) or outcome
        except (StoreDown, StoreRefused, LeaseLost):
            raise
        except Exception:
            log.exception("command.broken")
            return Failed(Trouble(Cause.UNEXPECTED), Effect.UNKNOWN, intended)

    async def _by_name(self, entry: Entry, outcome: Outcome) -> Outcome | None:
        """What the word finds as a name that was typed as an id and is no deal's; `None` for nothing."""
        match outcome:
            case Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING, None) if not entry.batch and not entry.undoes:
                is_typed = any(word.text == entry.wish.opportunity_id for word in words_of(entry.text))
                try:
                    return await self._accounts.instead(entry.wish) if is_typed else None
                except CrmError:
                    return None
            case _:
                return None


def _without_trying(claim: Claim, age: float) -> Outcome | None:
    """The outcome of a command that is not tried any more; `None` if it is."""
    if claim.attempts >= MOST_ATTEMPTS:
        log.error("command.parked", attempts=claim.attempts)
        return parked(claim)
    if age > TOO_LATE:
        return _not_tried(claim, Cause.TOO_LATE)
    return None


def parked(claim: Claim) -> Failed:
    """The outcome of a command that failed inside the bot again and again."""
    return _not_tried(claim, Cause.PARKED)


def _refused(claim: Claim) -> Failed:
    """The outcome of a command about which something cannot be written down. All notes come before the change."""
    return _not_tried(claim, Cause.UNEXPECTED)


def _not_tried(claim: Claim, cause: Cause) -> Failed:
    return Failed(Trouble(cause), Effect.UNKNOWN if claim.intended else Effect.NOTHING, claim.intended)


def _seconds_to_wait(outcome: Outcome) -> float:
    """Seconds until a command that met HighLevel's rate limit is tried again; 0 if it met none."""
    if isinstance(outcome, Failed) and outcome.trouble.cause is Cause.RATE_LIMITED:
        return outcome.trouble.retry_after or 1.0
    return 0.0

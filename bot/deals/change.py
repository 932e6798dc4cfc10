"""The use case: find the deal, decide, write down, change, confirm. It knows its neighbours only as ports. Pure."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from bot.deals.clock import loop_time
from bot.deals.deal import Opportunity
from bot.deals.outcome import (
    AlreadySo,
    Cause,
    Changed,
    Effect,
    Failed,
    Outcome,
    Overtaken,
    Previewed,
    Trouble,
    Unconfirmed,
)
from bot.deals.ports import Crm, CrmError, Intents
from bot.deals.wish import Consent, Wish


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a command may take, in seconds. Somebody waits in a chat: about 20 is what a person bears."""

    reserve: float = 60.0
    """Until it begins: the CRM takes only so many requests at a time."""
    whole: float = 20.0
    """From then on."""
    for_looking: float = 5.0
    """Kept back from the change itself, so that there is always time to look what became of it."""
    between_looks: float = 1.5


RESUMING_LOOKS = 4
"""How often a deal that was about to be changed when a process died is looked at again, before it is changed anew."""


class ChangeStatus:
    """Carries out one wish."""

    def __init__(
        self, crm: Crm, intents: Intents, patience: Patience, asks_before_leaving: Collection[str] = ()
    ) -> None:
        self._crm = crm
        self._intents = intents
        self._patience = patience
        self._asks_before_leaving = asks_before_leaving
        """Statuses that nobody shall leave unasked."""

    async def __call__(self, wish: Wish, key: str, intended: Opportunity | None = None) -> Outcome:
        """Do it and say what became of it; `key` names the command in the ledger.

        `intended`: what the deal looked like when an earlier process was about to write, and died. Then this looks
        first whether that write happened.
        Raises `StoreDown` and `LeaseLost` of the ledger, and nothing else that is foreseen; then nothing was sent.
        """
        try:
            async with self._crm.reserve(until=loop_time() + self._patience.reserve):
                until = loop_time() + self._patience.whole
                if intended and (outcome := await self._resume(wish, intended, until)):
                    return outcome
                return await self._change(wish, key, until, intended)
        except CrmError as error:
            return Failed(error.trouble, Effect.UNKNOWN if intended else Effect.NOTHING, intended)

    async def _change(self, wish: Wish, key: str, until: float, intended: Opportunity | None) -> Outcome:
        before = await self._crm.find(wish.opportunity_id, until=until)
        if wish.granted_by(before) and intended:  # the earlier process's request was very late
            return Changed(intended, await self._crm.describe(before, until=until))
        if wish.granted_by(before):
            return AlreadySo(before)
        if wish.overtaken_by(before):
            return Overtaken(before)
        if wish.consent is not Consent.GIVEN and (stop := await self._stop(wish, before, until)):
            return stop
        asked = loop_time()
        await self._intents.intend(key, before)
        until += loop_time() - asked  # the patience is for the CRM, not for a ledger that took its time
        doubt, trace_id = None, ""
        try:
            trace_id = await self._crm.set_status(
                before.id, wish.status, lost_reason_id=wish.lost_reason_id, until=until - self._patience.for_looking
            )
        except CrmError as error:
            if not error.perhaps_done:
                return Failed(error.trouble, Effect.NOTHING, before)
            doubt = error
        return await self._look(wish, before, doubt, trace_id, until)

    async def _stop(self, wish: Wish, before: Opportunity, until: float) -> Outcome | None:
        """Why it does not go on by itself; `None` when it does."""
        leaves = before.status in self._asks_before_leaving and before.status != wish.status
        match wish.consent:
            case Consent.PREVIEW:
                return Previewed(await self._crm.describe(before, until=until))
            case Consent.PRESUMED if not leaves:
                return None
            case _:
                return Unconfirmed(await self._crm.describe(before, until=until))

    async def _resume(self, wish: Wish, before: Opportunity, until: float) -> Outcome | None:
        """What became of a write that nobody saw the end of; `None` when it certainly did not happen."""
        now = await self._crm.find(before.id, until=until)
        for _ in range(RESUMING_LOOKS):  # it may still be on its way
            if _moved(before, now):
                break
            await asyncio.sleep(self._patience.between_looks)
            now = await self._crm.find(before.id, until=until)
        if wish.done_by(before, now):
            return Changed(before, await self._crm.describe(now, until=until))
        if _moved(before, now):
            return Failed(Trouble(Cause.INTERRUPTED), Effect.UNKNOWN, before, now)
        return None

    async def _look(
        self, wish: Wish, before: Opportunity, doubt: CrmError | None, trace_id: str, until: float
    ) -> Outcome:
        """Read the deal again: after a change that was accepted to confirm it, after a doubtful one to find out."""
        trouble = doubt.trouble if doubt else Trouble(Cause.NO_EFFECT, trace_id=trace_id)
        try:
            now = await self._crm.find(before.id, until=until)
            for _ in self._further_looks(doubt, until):
                if _moved(before, now):
                    break
                await asyncio.sleep(self._patience.between_looks)
                now = await self._crm.find(before.id, until=until)
        except CrmError as blind:
            unseen = trouble if doubt else replace(blind.trouble, cause=Cause.NOT_CONFIRMED)
            return Failed(unseen, Effect.UNKNOWN, before)
        if wish.done_by(before, now):
            after = await self._crm.describe(now, until=until)
            return Changed(before, after, despite=trouble if doubt else None, trace_id=trouble.trace_id)
        return Failed(trouble, Effect.UNKNOWN if _moved(before, now) else Effect.NOTHING, before, now)

    def _further_looks(self, doubt: CrmError | None, until: float) -> Iterator[None]:
        """How often it is worth looking again, when the deal still shows what it did.

        Once when the change was accepted; never when it was refused or broke, for then it is over; and when it went
        unanswered as often as there is time, for then it may still happen.
        """
        if doubt is None:
            yield
        elif not doubt.answered:
            while loop_time() + 2 * self._patience.between_looks < until:
                yield


def _moved(before: Opportunity, now: Opportunity) -> bool:
    return (before.status, before.lost_reason_id) != (now.status, now.lost_reason_id)

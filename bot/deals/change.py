"""Changes one deal: find it, decide, note the intent, write, read it back. CRM and ledger are ports. Pure."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from bot.deals.clock import loop_time
from bot.deals.deal import Opportunity
from bot.deals.outcome import (
    AlreadySo,
    AskedOwner,
    Cause,
    Changed,
    Effect,
    Failed,
    NotYours,
    Outcome,
    Overtaken,
    Previewed,
    Trouble,
    Unconfirmed,
)
from bot.deals.ports import Crm, CrmError, Intents, Rights
from bot.deals.wish import Consent, Wish


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a change may take, in seconds."""

    reserve: float = 60.0
    """To wait for room in the CRM's rate limit, before the change begins."""
    whole: float = 20.0
    """From the beginning to the outcome: a person waits for it in a chat."""
    for_looking: float = 5.0
    """The part of `whole` that is kept for reading the deal back, whatever the write takes."""
    between_looks: float = 1.5
    """Between two reads, while a write may still be under way."""


RESUMING_LOOKS = 4
"""Further reads of a deal that a process was about to change when it died, before the change is made again."""


class ChangeStatus:
    """Carries out wishes, one at a time.

    `asks_before_leaving`: a deal leaves one of these statuses only after a person has confirmed it.
    `rights`: who may change which deal; `None` if each caller may change every deal.
    """

    def __init__(
        self,
        crm: Crm,
        intents: Intents,
        patience: Patience,
        asks_before_leaving: Collection[str] = (),
        rights: Rights | None = None,
    ) -> None:
        self._crm = crm
        self._rights = rights
        self._intents = intents
        self._patience = patience
        self._asks_before_leaving = asks_before_leaving

    async def __call__(self, wish: Wish, key: str, intended: Opportunity | None = None, by: str = "") -> Outcome:
        """Carry out the wish and return the outcome; `key` names the command in the ledger, `by` its caller.

        `intended`: the deal as an earlier process saw it just before it wrote, and died; `None` if none did. Then this
        looks first whether that write happened.
        Raises the ledger's `StoreDown`, `StoreRefused` and `LeaseLost`, before anything was written to the CRM.
        """
        try:
            async with self._crm.reserve(until=loop_time() + self._patience.reserve):
                until = loop_time() + self._patience.whole
                outcome = await self._resume(wish, intended, until) if intended else None
                outcome = outcome or await self._change(wish, key, until, intended, by)
                return await self._with_objection(outcome, by) if isinstance(outcome, Changed) else outcome
        except CrmError as error:
            return Failed(error.trouble, Effect.UNKNOWN if intended else Effect.NOTHING, intended)

    async def _change(self, wish: Wish, key: str, until: float, intended: Opportunity | None, by: str) -> Outcome:
        before = await self._crm.find(wish.opportunity_id, until=until)
        if wish.granted_by(before) and intended:  # the earlier process's write arrived after all
            return Changed(intended, await self._crm.describe(before, until=until))
        if wish.granted_by(before):
            return AlreadySo(before)
        if wish.overtaken_by(before):
            return Overtaken(before)
        if stop := await self._withheld(wish, before, until, by) or await self._stop(wish, before, until):
            return stop
        asked = loop_time()
        await self._intents.intend(key, before)
        until += loop_time() - asked  # `whole` is for the CRM: time that the ledger took does not count

        async def may_leave() -> None:
            await self._intents.still_ours(key)
            # Beside the write. Any earlier they would take the connection that the read has just used: it works, which
            # the write needs more.
            self._crm.prefetch_names(replace(before, lost_reason_id=wish.lost_reason_id))

        doubt, trace_id = None, ""
        try:
            trace_id = await self._crm.set_status(
                before.id,
                wish.status,
                lost_reason_id=wish.lost_reason_id,
                until=until - self._patience.for_looking,
                still_ours=may_leave,
            )
        except CrmError as error:
            if not error.perhaps_done:
                return Failed(error.trouble, Effect.NOTHING, before)
            doubt = error
        return await self._look(wish, before, doubt, trace_id, until)

    async def _withheld(self, wish: Wish, before: Opportunity, until: float, by: str) -> Outcome | None:
        """The outcome where this person may not change the deal; `None` if they may."""
        objection = await self._rights.objection(by, before) if self._rights else None
        if self._rights is None or objection is None or not objection.stops:
            return None
        owner = await self._rights.owner(before)
        deal = await self._crm.describe(before, until=until)
        if owner and wish.consent is Consent.ASK_OWNER:
            return AskedOwner(deal, owner)
        return NotYours(deal, replace(objection, owner=owner))

    async def _with_objection(self, changed: Changed, by: str) -> Changed:
        """The same, with the owner who is to be told of it. Asked afterwards, so that a change is not held up."""
        objection = await self._rights.objection(by, changed.after) if self._rights else None
        if self._rights is None or objection is None or objection.stops:
            return changed
        return replace(changed, objection=replace(objection, owner=await self._rights.owner(changed.after)))

    async def _stop(self, wish: Wish, before: Opportunity, until: float) -> Outcome | None:
        """The outcome that stops the change until a person confirms it, or for good; `None` to go on."""
        leaves = before.status in self._asks_before_leaving and before.status != wish.status
        match wish.consent:
            case Consent.PREVIEW:
                return Previewed(await self._crm.describe(before, until=until))
            case Consent.GIVEN | Consent.CHOSEN:
                return None
            case Consent.PRESUMED if not leaves:
                return None
            case Consent.PRESUMED | Consent.WANTED | Consent.SHARED | Consent.ASK_OWNER:
                return Unconfirmed(await self._crm.describe(before, until=until))
            case _:
                assert_never(wish.consent)

    async def _resume(self, wish: Wish, before: Opportunity, until: float) -> Outcome | None:
        """The outcome of a write whose process died; `None` if the write certainly did not happen."""
        now = await self._crm.find(before.id, until=until)
        for _ in range(RESUMING_LOOKS):  # the write may still be under way
            if _moved(wish, before, now):
                break
            await asyncio.sleep(self._patience.between_looks)
            now = await self._crm.find(before.id, until=until)
        if wish.done_by(before, now):
            return Changed(before, await self._crm.describe(wish.seen_in(now), until=until))
        if _moved(wish, before, now):
            return Failed(Trouble(Cause.INTERRUPTED), Effect.UNKNOWN, before, now)
        return None

    async def _look(
        self, wish: Wish, before: Opportunity, doubt: CrmError | None, trace_id: str, until: float
    ) -> Outcome:
        """Read the deal back: to confirm an accepted write, or to find out whether a doubtful one happened.

        `doubt`: the error that leaves it open whether the write happened; `None` after an accepted write.
        """
        trouble = doubt.trouble if doubt else Trouble(Cause.NO_EFFECT, trace_id=trace_id)
        try:
            now = await self._crm.find(before.id, until=until)
            for _ in self._further_looks(doubt, until):
                if _moved(wish, before, now):
                    break
                await asyncio.sleep(self._patience.between_looks)
                now = await self._crm.find(before.id, until=until)
        except CrmError as blind:
            unseen = trouble if doubt else replace(blind.trouble, cause=Cause.NOT_CONFIRMED)
            return Failed(unseen, Effect.UNKNOWN, before)
        if wish.done_by(before, now):
            after = await self._crm.describe(wish.seen_in(now), until=until)
            return Changed(before, after, despite=trouble if doubt else None, trace_id=trouble.trace_id)
        return Failed(trouble, Effect.UNKNOWN if _moved(wish, before, now) else Effect.NOTHING, before, now)

    def _further_looks(self, doubt: CrmError | None, until: float) -> Iterator[None]:
        """One item for each further read that is worth it while the deal shows no change.

        One after an accepted write, which may show late. None after an error in an answer: HighLevel is finished with
        the request. After a write without an answer, as many as there is time for: it may still happen.
        """
        if doubt is None:
            yield
        elif not doubt.answered:
            while loop_time() + 2 * self._patience.between_looks < until:
                yield


def _moved(wish: Wish, before: Opportunity, now: Opportunity) -> bool:
    """Whether the deal differs from before. The reason counts only if the wish has one: the CRM may tell it late."""
    return before.status != now.status or (bool(wish.lost_reason_id) and before.lost_reason_id != now.lost_reason_id)

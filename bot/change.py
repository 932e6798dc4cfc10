"""The use case: find the deal, decide, write down, change, confirm. It knows its neighbours only as ports. Pure."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from bot.outcome import AlreadySo, Cause, Changed, Effect, Failed, Outcome, Trouble
from bot.status import Opportunity, Status, Wish


class CrmError(Exception):
    """The CRM did not do what it was asked. `perhaps_done`: a write may have happened all the same."""

    def __init__(self, trouble: Trouble, *, perhaps_done: bool, answered: bool) -> None:
        super().__init__(trouble.cause)
        self.trouble = trouble
        self.perhaps_done = perhaps_done
        self.answered = answered
        """Whether the CRM is finished with the request; if not, it may still carry it out later."""


class StoreDown(Exception):
    """The ledger could not be written or read."""


class Crm(Protocol):
    """Where the deals live."""

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
        """The deal with this id, as it is now. Raises `CrmError`; one that does not exist is one too (`NOT_FOUND`).

        `until`: event-loop time after which nobody waits for the answer any more. Reads may be repeated within it.
        """

    async def set_status(self, opportunity_id: str, status: Status, *, until: float) -> str:
        """Give the deal this status. Returning means accepted, not confirmed. Raises `CrmError`.

        Gives the CRM's own number for the call, empty when it has none. Never sent twice, unless the first time was
        certainly without effect.
        """

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
        """The same deal with the names of its pipeline, stage and owner, as far as they may be read. Never raises."""


class Intents(Protocol):
    """Where we note what we are about to do, so that a crash in the middle leaves a trace."""

    async def intend(self, key: str, before: Opportunity) -> None:
        """Note that the command `key` is about to change a deal that looked like `before`. Raises `StoreDown`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a command may take, in seconds. Somebody waits in a chat: about 20 is what a person bears."""

    whole: float = 20.0
    for_looking: float = 5.0
    """Kept back from the change itself, so that there is always time to look what became of it."""
    between_looks: float = 1.5


class ChangeStatus:
    """Carries out one wish."""

    def __init__(self, crm: Crm, intents: Intents, patience: Patience) -> None:
        self._crm = crm
        self._intents = intents
        self._patience = patience

    async def __call__(self, wish: Wish, key: str) -> Outcome:
        """Do it and say what became of it; `key` names the command in the ledger. Raises nothing that is foreseen."""
        until = asyncio.get_running_loop().time() + self._patience.whole
        try:
            before = await self._crm.find(wish.opportunity_id, until=until)
        except CrmError as error:
            return Failed(error.trouble, Effect.NOTHING)
        if wish.granted_by(before):
            return AlreadySo(before)
        doubt, trace_id = None, ""
        try:
            await self._intents.intend(key, before)
            trace_id = await self._crm.set_status(before.id, wish.status, until=until - self._patience.for_looking)
        except StoreDown:
            return Failed(Trouble(Cause.STORE_DOWN), Effect.NOTHING, before)
        except CrmError as error:
            if not error.perhaps_done:
                return Failed(error.trouble, Effect.NOTHING, before)
            doubt = error
        return await self._look(wish, before, doubt, trace_id, until)

    async def _look(
        self, wish: Wish, before: Opportunity, doubt: CrmError | None, trace_id: str, until: float
    ) -> Outcome:
        """Read the deal again: after a change that was accepted to confirm it, after a doubtful one to find out."""
        trouble = doubt.trouble if doubt else Trouble(Cause.NO_EFFECT, trace_id=trace_id)
        try:
            now = await self._crm.find(before.id, until=until)
            for _ in self._further_looks(doubt, until):
                if now.status != before.status:
                    break
                await asyncio.sleep(self._patience.between_looks)
                now = await self._crm.find(before.id, until=until)
        except CrmError as blind:
            unseen = trouble if doubt else replace(blind.trouble, cause=Cause.NOT_CONFIRMED)
            return Failed(unseen, Effect.UNKNOWN, before)
        if wish.granted_by(now):
            after = await self._crm.describe(now, until=until)
            return Changed(before, after, despite=trouble if doubt else None, trace_id=trouble.trace_id)
        return Failed(trouble, Effect.NOTHING if now.status == before.status else Effect.UNKNOWN, before, now)

    def _further_looks(self, doubt: CrmError | None, until: float) -> Iterator[None]:
        """How often it is worth looking again, when the deal still shows what it did.

        Once when the change was accepted; never when it was refused or broke, for then it is over; and when it went
        unanswered as often as there is time, for then it may still happen.
        """
        if doubt is None:
            yield
        elif not doubt.answered:
            while asyncio.get_running_loop().time() + 2 * self._patience.between_looks < until:
                yield

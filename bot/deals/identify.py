"""Before a change: which deal is meant by a name, and which lost reason by somebody's words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.deals.clock import loop_time
from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Ambiguous, Cause, Effect, Failed, Outcome, ReasonWanted, Trouble
from bot.deals.ports import Crm, CrmError
from bot.deals.wish import Consent, Wish

IDENTIFY_PATIENCE = 10.0
"""Seconds for finding out: a search is slower than a look at one deal."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A wish with what could be found out about it."""

    wish: Wish
    obstacle: Outcome | None = None
    """Why it cannot go on; then nothing was written."""


class Identify:
    """Finds out what a wish leaves open."""

    def __init__(self, crm: Crm, *, reason_required: bool, patience: float = IDENTIFY_PATIENCE) -> None:
        self._crm = crm
        self._reason_required = reason_required
        self._patience = patience

    async def __call__(self, wish: Wish) -> Identified:
        """Ask the CRM for what is not known: the deal's id, and the reason's. Never raises what is foreseen."""
        until = loop_time() + self._patience
        if not wish.opportunity_id:
            try:
                matches = await self._crm.search(wish.name, until=until)
            except CrmError as error:
                return Identified(wish, Failed(error.trouble, Effect.NOTHING))
            if not matches.deals:
                return Identified(wish, Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING))
            meant = certainly_meant(matches, wish.status)
            if meant is None:
                return Identified(wish, Ambiguous(matches.deals, matches.more))
            wish = replace(wish, opportunity_id=meant.id)
        return await self._with_reason(wish, until)

    async def _with_reason(self, wish: Wish, until: float) -> Identified:
        required = self._reason_required and wish.consent is not Consent.PREVIEW
        if wish.status is not Status.LOST or wish.lost_reason_id or not (wish.reason or required):
            return Identified(wish)
        # Some tokens may not read them, and some locations have none: then a deal is lost without one.
        reasons = await self._crm.lost_reasons(until=until)
        if not reasons:
            return Identified(wish)
        reason = matching_reason(wish.reason, reasons)
        if reason is None:
            return Identified(wish, ReasonWanted(reasons))
        return Identified(replace(wish, lost_reason_id=reason.id))


def certainly_meant(matches: Matches, status: Status) -> Opportunity | None:
    """The one deal that can be meant when somebody wants it to have this status; `None` when that is not certain.

    People move deals that are open, and reopen those that are not. What is so already is meant if nothing else can be;
    one that was won or lost is not given another end only because of its name.
    """
    if matches.more:
        return None
    movable = [deal for deal in matches.deals if (deal.status == Status.OPEN) != (status is Status.OPEN)]
    if len(movable) == 1:
        return movable[0]
    only = matches.deals[0] if len(matches.deals) == 1 else None
    return only if only and only.status == status else None


def matching_reason(words: str, reasons: Sequence[LostReason]) -> LostReason | None:
    """The reason that somebody's words mean: its whole name, else the only one that begins so or has all the words."""
    asked = _plain(words)
    if not asked:
        return None
    named = [(_plain(reason.name), reason) for reason in reasons]
    for found in (
        [reason for name, reason in named if name == asked],
        [reason for name, reason in named if name.startswith(asked)],
        [reason for name, reason in named if set(asked.split()) <= set(name.split())],
    ):
        if len(found) == 1:
            return found[0]
    return None


def _plain(text: str) -> str:
    """Words without case and punctuation."""
    return " ".join("".join(char if char.isalnum() else " " for char in text.casefold()).split())

"""Before a change: finds out which deal a name means, and which lost reason the caller's words mean. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.deals.clock import loop_time
from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Ambiguous, Cause, Effect, Failed, Outcome, ReasonWanted, Trouble
from bot.deals.ports import Crm, CrmError
from bot.deals.wish import Consent, Wish

IDENTIFY_PATIENCE = 10.0
"""Seconds for the search and the lost reasons together."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A wish, completed as far as possible."""

    wish: Wish
    obstacle: Outcome | None = None
    """Why the change cannot go on; nothing was written. `None`: it can."""


class Identify:
    """Completes wishes. `reason_required`: a deal is lost only with a lost reason."""

    def __init__(self, crm: Crm, *, reason_required: bool, patience: float = IDENTIFY_PATIENCE) -> None:
        self._crm = crm
        self._reason_required = reason_required
        self._patience = patience

    async def __call__(self, wish: Wish) -> Identified:
        """Ask the CRM for the ids that the wish lacks, the deal's and the lost reason's. A CRM error is an obstacle."""
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
        # Some tokens may not read lost reasons, and some sub-accounts have none: then a deal is lost without one.
        reasons = await self._crm.lost_reasons(until=until)
        if not reasons:
            return Identified(wish)
        reason = matching_reason(wish.reason, reasons)
        if reason is None:
            return Identified(wish, ReasonWanted(reasons))
        return Identified(replace(wish, lost_reason_id=reason.id))


def certainly_meant(matches: Matches, status: Status) -> Opportunity | None:
    """The only deal that the caller can mean, who wants it to have this status; `None` if that is not certain.

    Callers close deals that are open, and reopen deals that are not: that leaves out the others. A single match that
    has the status already is meant too. A single match that was closed with another status is not certain enough.
    """
    if matches.more:
        return None
    movable = [deal for deal in matches.deals if (deal.status == Status.OPEN) != (status is Status.OPEN)]
    if len(movable) == 1:
        return movable[0]
    only = matches.deals[0] if len(matches.deals) == 1 else None
    return only if only and only.status == status else None


def matching_reason(words: str, reasons: Sequence[LostReason]) -> LostReason | None:
    """The lost reason that these words mean; `None` if they mean none, or more than one.

    The words are its whole name; else the beginning of one name only; else words of one name only.
    """
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
    """The text's words in lower case, without punctuation."""
    return " ".join("".join(char if char.isalnum() else " " for char in text.casefold()).split())

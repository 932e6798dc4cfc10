"""What a person asks for: this deal gets this status. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.deals.deal import Opportunity, Status


class Consent(StrEnum):
    """How far a command may go by itself."""

    PREVIEW = "preview"
    """Look, and say what would happen."""
    WANTED = "wanted"
    """Look, and ask."""
    SHARED = "shared"
    """Look, and ask: people of another company would read it."""
    PRESUMED = "presumed"
    """Do it, unless the deal leaves a status that nobody shall leave unasked."""
    GIVEN = "given"
    """Do it: somebody was asked."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: this deal shall have this status."""

    opportunity_id: str
    """Empty as long as only its name is known."""
    status: Status
    lost_reason_id: str | None = None
    only_if: str | None = None
    """Only if the deal still has this status. `None`: whatever it has."""
    name: str = ""
    """What somebody called the deal instead of giving its id: a name, a contact, an e-mail address, a phone number."""
    reason: str = ""
    """Why it was lost, in somebody's own words."""
    consent: Consent = Consent.PRESUMED
    location_id: str = ""
    """The sub-account in which it is; empty: the default one."""

    def granted_by(self, opportunity: Opportunity) -> bool:
        """Whether the deal already is as wished."""
        same_reason = self.lost_reason_id in {None, opportunity.lost_reason_id}
        return opportunity.status == self.status and same_reason

    def done_by(self, before: Opportunity, now: Opportunity) -> bool:
        """Whether a deal that was not as wished is so now; a new status counts also where its reason is not shown."""
        return self.granted_by(now) or before.status != self.status == now.status

    def overtaken_by(self, opportunity: Opportunity) -> bool:
        """Whether somebody changed the deal meanwhile, so that the wish is no longer what it was meant to be."""
        return self.only_if not in {None, opportunity.status}

"""What a deal is, which statuses it may have, and what somebody wishes for it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The words HighLevel's status endpoint documents.

    Only four of them are states of a deal; `ALL` is in the endpoint's list because the search shares it.
    https://marketplace.gohighlevel.com/docs/ghl/opportunities/update-opportunity-status
    """

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    ABANDONED = "abandoned"
    ALL = "all"


STATES = (Status.OPEN, Status.WON, Status.LOST, Status.ABANDONED)


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
class LostReason:
    """Why a deal can be lost, in the words of those who set HighLevel up."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A deal as the CRM last showed it. Everything but id and status may be unknown (`None`)."""

    id: str
    status: str
    """HighLevel's own word; not necessarily one that `Status` knows."""
    name: str | None = None
    location_id: str | None = None
    value: float | None = None
    """Monetary value; HighLevel names no currency anywhere."""
    lost_reason_id: str | None = None
    """HighLevel's id of the reason, when it was lost for one."""
    contact: str | None = None
    company: str | None = None
    pipeline_id: str | None = None
    stage_id: str | None = None
    owner_id: str | None = None
    since: datetime | None = None
    """When the status last changed, in UTC."""
    pipeline: str | None = None
    """The pipeline's name, once somebody looked it up; likewise `stage` and `owner`."""
    stage: str | None = None
    owner: str | None = None
    lost_reason: str | None = None
    """The reason's name, likewise."""


@dataclass(frozen=True, slots=True)
class Target:
    """A deal by its id; the sub-account is empty where nothing says that it is another than the default one."""

    opportunity_id: str
    location_id: str = ""


@dataclass(frozen=True, slots=True)
class Matches:
    """The deals that go by a name, as a search found them; what it says of them may be some seconds old."""

    deals: tuple[Opportunity, ...]
    more: bool
    """Whether there are more than these."""


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

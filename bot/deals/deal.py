"""What a deal is: its status, why it was lost, and everything the CRM shows of it. Pure."""

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

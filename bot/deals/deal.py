"""What a deal is: its status, its lost reason, and what else the CRM shows of it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The statuses in the documentation of HighLevel's status endpoint.

    A deal can be in four of them; `ALL` is in the list only because the search endpoint shares it.
    https://marketplace.gohighlevel.com/docs/ghl/opportunities/update-opportunity-status
    """

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    ABANDONED = "abandoned"
    ALL = "all"


STATES = (Status.OPEN, Status.WON, Status.LOST, Status.ABANDONED)
"""The statuses that a deal can have."""


@dataclass(frozen=True, slots=True)
class LostReason:
    """A reason for which a deal can be lost, as the sub-account's settings name it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A deal as the CRM last showed it. `None`: unknown, or not set."""

    id: str
    status: str
    """HighLevel's word; it may be one that `Status` does not have."""
    name: str | None = None
    location_id: str | None = None
    value: float | None = None
    """Monetary value. HighLevel's API never says in which currency."""
    lost_reason_id: str | None = None
    """HighLevel's id of the lost reason."""
    contact: str | None = None
    company: str | None = None
    pipeline_id: str | None = None
    stage_id: str | None = None
    owner_id: str | None = None
    since: datetime | None = None
    """When the status last changed; in UTC."""
    stage_since: datetime | None = None
    """When the stage last changed; in UTC. Not every answer of the CRM has it."""
    added: datetime | None = None
    """When it was made; in UTC."""
    pipeline: str | None = None
    """The pipeline's name. This and the next three are names that `Crm.describe` adds."""
    stage: str | None = None
    owner: str | None = None
    lost_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Which deal is meant."""

    opportunity_id: str
    location_id: str = ""
    """Its sub-account; empty for the default one."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The deals that a search found. They may be some seconds out of date."""

    deals: tuple[Opportunity, ...]
    more: bool
    """Whether the search found more than these."""

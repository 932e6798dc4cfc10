"""What a button or a choice in a message means: its name, and what its value carries. Pure."""

from dataclasses import dataclass
from typing import Self

from bot.deals.deal import STATES, Status, Target
from bot.deals.wish import Consent

UNDO = "undo"
"""Takes a change back, and those that were made with it; the value is its key."""
CHOOSE = "choose"
"""This deal is meant: see `Choice`."""
CONFIRM = "confirm"
"""Yes, do it; the value is the key of the command that asks, or of the first of several."""
DISMISS = "dismiss"
"""No, leave it."""
REASON = "reason"
"""Why a deal is lost; what is chosen is the reason's id, and the block's id is the key of the command."""
SET = "set"
"""Begins the names of those on a card that give a deal a status: see `StatusChoice`."""
SHOW = "show"
"""Shows a deal's card; the value is its `target_value`."""
SHARE = "share"
"""Shows a deal's card to the channel; the value is its `target_value`."""
REQUEST = "request_access"
"""Asks the admins to be let in."""
APPROVE = "approve_access"
"""An admin lets somebody in; the value is the request's reference. Likewise to decline."""
DECLINE = "decline_access"
REVOKE = "revoke_access"
"""An admin takes an approval back; the value is the id of the person."""
LINK = "link"
"""Leads to HighLevel, and does nothing else."""


def target_value(deal: Target) -> str:
    """A deal as a button carries it, or an option of a menu."""
    return " ".join((deal.opportunity_id, *filter(None, [deal.location_id])))


def read_target_value(value: str) -> Target:
    """Read it back; parts that are missing are empty."""
    opportunity_id, _, location_id = value.partition(" ")
    return Target(opportunity_id, location_id)


@dataclass(frozen=True, slots=True)
class Choice:
    """Of the deals that go by a name, the one that is meant; `key` is of the command that asks."""

    opportunity_id: str
    key: str

    @property
    def value(self) -> str:
        """As a button carries it."""
        return f"{self.opportunity_id} {self.key}"

    @classmethod
    def from_value(cls, value: str) -> Self:
        """Read it back; parts that are missing are empty."""
        opportunity_id, _, key = value.partition(" ")
        return cls(opportunity_id, key)


@dataclass(frozen=True, slots=True)
class StatusChoice:
    """A status for a deal, and whether whoever presses was asked whether they are sure."""

    opportunity_id: str
    status: Status
    consent: Consent
    location_id: str = ""
    """The sub-account; empty: the default one."""

    @property
    def value(self) -> str:
        """As a button carries it."""
        return " ".join((self.opportunity_id, self.status, self.consent, *filter(None, [self.location_id])))

    @classmethod
    def from_value(cls, value: str) -> Self | None:
        """Read it back; `None` when it is none of ours."""
        match value.split(" "):
            case [opportunity_id, status, ("presumed" | "given") as consent, *more] if (
                opportunity_id and status in STATES and len(more) <= 1
            ):
                return cls(opportunity_id, Status(status), Consent(consent), *more)
            case _:
                return None

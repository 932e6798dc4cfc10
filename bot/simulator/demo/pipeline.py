"""The board of the demo as values: HighLevel's pipeline in lanes, with what each is worth. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from bot.deals.deal import Status

Deal = Mapping[str, Any]
"""A deal as HighLevel has it, with the name of its `stage` and of its `lostReason`; either may be empty."""
CLOSED = (Status.WON, Status.LOST, Status.ABANDONED)


@dataclass(frozen=True, slots=True)
class Lane:
    """A column of the board: a stage with its open deals, or the deals of one closed status from all stages."""

    id: str
    name: str
    deals: Sequence[Deal]

    @property
    def total(self) -> int:
        """What its deals are worth together."""
        return worth(self.deals)


def worth(deals: Iterable[Deal]) -> int:
    """What these deals are worth together."""
    return sum(deal["monetaryValue"] for deal in deals)


def named(deals: Iterable[Deal], stages: Iterable[Deal], reasons: Iterable[Deal]) -> list[Deal]:
    """Add the names of each deal's stage and lost reason."""
    stage_names = {each["id"]: each["name"] for each in stages}
    reason_names = {each["id"]: each["name"] for each in reasons}
    return [
        {
            **deal,
            "stage": stage_names.get(deal["pipelineStageId"], ""),
            "lostReason": reason_names.get(deal.get("lostReasonId"), ""),
        }
        for deal in deals
    ]


def open_lanes(deals: Sequence[Deal], stages: Iterable[Deal]) -> list[Lane]:
    """Each stage with its open deals, in HighLevel's order."""
    opened = [deal for deal in deals if deal["status"] == Status.OPEN]
    return [
        Lane(each["id"], each["name"], [deal for deal in opened if deal["pipelineStageId"] == each["id"]])
        for each in stages
    ]


def closed_lanes(deals: Sequence[Deal]) -> list[Lane]:
    """The lanes Won, Lost, and Abandoned, with the latest change first."""
    latest = sorted(deals, key=lambda deal: str(deal["lastStatusChangeAt"]), reverse=True)
    return [
        Lane(f"closed-{status}", status.title(), [deal for deal in latest if deal["status"] == status])
        for status in CLOSED
    ]


def won_on(deals: Iterable[Deal], day: date) -> int:
    """What was won on this day (UTC), as far as it is still won."""
    return worth(deal for deal in deals if deal["status"] == Status.WON and _day(deal["lastStatusChangeAt"]) == day)


def _day(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(UTC).date()

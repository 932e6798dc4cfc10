"""A deal as a column has it while it waits to be posted: JSON, deleted when it is."""

import json
from dataclasses import asdict
from datetime import datetime

from bot.deals.deal import Opportunity
from bot.storage.rows import iso

TIMES = ("since", "stage_since", "added")


def as_json(deal: Opportunity) -> str:
    """The deal's facts."""
    return json.dumps(asdict(deal), default=iso)


def as_deal(column: str) -> Opportunity:
    """The deal, without facts that only another version knows."""
    known = Opportunity.__dataclass_fields__
    fields = {name: value for name, value in json.loads(column).items() if name in known}
    times = {name: datetime.fromisoformat(fields[name]) for name in TIMES if fields.get(name)}
    return Opportunity(**fields | times)

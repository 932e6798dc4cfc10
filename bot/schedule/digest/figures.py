"""The figures of a digest: how many deals there are and what they are worth, and which ones want a look. Pure."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.deals.deal import Opportunity, Status
from bot.deals.stuck import stuck_first
from bot.schedule.digest.periods import Week

STUCK_SHOWN = 5
"""The deals without a move that a digest shows, those that are stuck longest."""
UNREASONED_SHOWN = 5
"""The deals lost without a reason that a digest names."""


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of deals, and what they are worth together."""

    count: int = 0
    value: float = 0.0
    at_least: bool = False
    """Whether the value is that of a part of them only, the most valuable ones: they are worth that or more."""

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(self.count + other.count, self.value + other.value, self.at_least or other.at_least)


NONE = Tally()


@dataclass(frozen=True, slots=True)
class Totals:
    """The deals won and lost in a week, and those that are open at its end."""

    won: Tally = NONE
    lost: Tally = NONE
    open: Tally = NONE

    def __add__(self, other: "Totals") -> "Totals":
        """Both together."""
        return Totals(self.won + other.won, self.lost + other.lost, self.open + other.open)

    @property
    def is_zero(self) -> bool:
        """Whether there is no deal in them."""
        return not (self.won.count or self.lost.count or self.open.count)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a digest says of one sub-account, or of several together."""

    totals: Totals = Totals()
    pipelines: Mapping[str, Totals] = field(default_factory=dict)
    """By the pipeline's name; empty for deals in one that has no name. In all, open deals count only where
    `knows_all_open`."""
    owners: Mapping[str, Totals] = field(default_factory=dict)
    """By the owner's name; empty for deals without an owner, and for owners whose names cannot be read."""
    knows_all_open: bool = True
    """Whether every open deal was read: only then it is known how many are whose."""
    stuck: tuple[Opportunity, ...] = ()
    """The open deals that have not moved for longest, at most `STUCK_SHOWN`, with their names."""
    all_stuck: int = 0
    unreasoned: tuple[Opportunity, ...] = ()
    """Deals that were lost in the week without a reason, the latest first, at most `UNREASONED_SHOWN`."""
    all_unreasoned: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        """Those of both sub-accounts together."""
        stuck = stuck_first((*self.stuck, *other.stuck), datetime.max.replace(tzinfo=UTC))
        unreasoned = sorted((*self.unreasoned, *other.unreasoned), key=status_since, reverse=True)
        return Figures(
            self.totals + other.totals,
            _merged(self.pipelines, other.pipelines),
            _merged(self.owners, other.owners),
            self.knows_all_open and other.knows_all_open,
            tuple(stuck[:STUCK_SHOWN]),
            self.all_stuck + other.all_stuck,
            tuple(unreasoned[:UNREASONED_SHOWN]),
            self.all_unreasoned + other.all_unreasoned,
        )


class Count:
    """Counts deals as they are read, by pipeline and owner, and keeps none of them."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        """How many were counted, by status."""
        self._groups: dict[tuple[str, str, str], Tally] = {}

    def add(self, deal: Opportunity) -> None:
        """Count a deal, under its status, pipeline id and owner id."""
        self.read[deal.status] += 1
        group = (deal.status, deal.pipeline_id or "", deal.owner_id or "")
        self._groups[group] = self._groups.get(group, NONE) + Tally(1, deal.value or 0.0)

    def value(self, status: Status) -> float:
        """What the deals with this status are worth together."""
        return sum(tally.value for (of, _, _), tally in self._groups.items() if of == status)

    def by_pipeline(self, names: Mapping[str, str], statuses: Collection[Status]) -> Mapping[str, Totals]:
        """The totals by the pipeline's name, of deals with these statuses."""
        return self._by(names, 1, statuses)

    def by_owner(self, names: Mapping[str, str], statuses: Collection[Status]) -> Mapping[str, Totals]:
        """The totals by the owner's name, of deals with these statuses."""
        return self._by(names, 2, statuses)

    def owners(self, most: int) -> Sequence[str]:
        """The ids of the owners with the most deals won and lost, and then open, at most so many."""
        closed: Counter[str] = Counter()
        for (status, _, owner), tally in self._groups.items():
            closed[owner] += tally.count if status == Status.OPEN else tally.count * sum(self.read.values())
        return [owner for owner, _ in closed.most_common() if owner][:most]

    def _by(self, names: Mapping[str, str], at: int, statuses: Collection[Status]) -> Mapping[str, Totals]:
        found: dict[str, Totals] = {}
        for group, tally in self._groups.items():
            if group[0] in statuses:
                name = names.get(group[at], "")
                found[name] = found.get(name, Totals()) + Totals(**{group[0]: tally})
        return found


def status_since(deal: Opportunity) -> float:
    """Since when a deal has its status, in seconds since 1970; 0 if that is not known."""
    return deal.since.timestamp() if deal.since else 0.0


def _merged(one: Mapping[str, Totals], other: Mapping[str, Totals]) -> Mapping[str, Totals]:
    return {name: one.get(name, Totals()) + other.get(name, Totals()) for name in (*one, *other)}


# --- what is kept of a digest --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """What people read in a digest: the next one is compared with it, whatever HighLevel says of that week by then."""

    week: Week
    parts: Mapping[str, Figures]
    """By the sub-account's id, without the deals that were named."""

    def of(self, locations: Iterable[str]) -> Figures | None:
        """The figures of these sub-accounts together; `None` if one of them was not in it."""
        wanted = list(locations)
        if not self.parts.keys() >= set(wanted):
            return None
        return sum((self.parts[each] for each in wanted), Figures())


def as_kept(sent: Sent) -> str:
    """Write it as a column keeps it."""
    parts = {
        each: {
            "totals": _listed(found.totals),
            "pipelines": {name: _listed(totals) for name, totals in found.pipelines.items()},
            "owners": {name: _listed(totals) for name, totals in found.owners.items()},
        }
        for each, found in sent.parts.items()
    }
    return json.dumps({"since": sent.week.since.isoformat(), "until": sent.week.until.isoformat(), "parts": parts})


def from_kept(column: str) -> Sent | None:
    """Read what `as_kept` wrote; `None` for nothing, and for what another version wrote otherwise."""
    try:
        read: dict[str, Any] = json.loads(column)
        week = Week(datetime.fromisoformat(read["since"]), datetime.fromisoformat(read["until"]))
        parts = {
            each: Figures(
                _totals(found["totals"]),
                {name: _totals(totals) for name, totals in found["pipelines"].items()},
                {name: _totals(totals) for name, totals in found["owners"].items()},
            )
            for each, found in read["parts"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return Sent(week, parts)


def _listed(totals: Totals) -> Mapping[str, tuple[int, float, bool]]:
    named = {"won": totals.won, "lost": totals.lost, "open": totals.open}
    return {name: (tally.count, tally.value, tally.at_least) for name, tally in named.items()}


def _totals(listed: Mapping[str, tuple[int, float, bool]]) -> Totals:
    return Totals(**{name: Tally(*tally) for name, tally in listed.items()})

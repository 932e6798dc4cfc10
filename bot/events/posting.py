"""Decides which changes made in HighLevel are posted now, which wait, and which together. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from bot.deals.deal import Opportunity
from bot.events.event import Source, Verdict
from bot.events.watch import QuietHours

LONGEST_LOOK = 1.0
"""Seconds until a channel is looked at again, at most."""
MOST_IN_A_MINUTE = 5
"""Messages about changes made in HighLevel that a channel gets in a minute. More is an import, or an automation."""


@dataclass(frozen=True, slots=True)
class Held:
    """A change that is to be posted."""

    number: int
    """Of its event in the database."""
    key: str
    """Of its event; the ledger's row of the change has it too."""
    source: Source
    deal: Opportunity
    """As it was read."""
    before: str | None
    """The status before, if the bot knew it."""
    before_lost_reason_id: str | None
    since: float
    """Since when it waits; like all times here in seconds since 1970, by the database's clock."""

    def lag(self, now: float) -> float | None:
        """Seconds from the change in HighLevel until now; `None` if HighLevel did not say when it was."""
        return max(now - self.deal.since.timestamp(), 0.0) if self.deal.since else None

    @property
    def changes(self) -> bool:
        """Whether the deal is not what it was."""
        return self.before != self.deal.status


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, as it is now."""

    now: float
    held: Sequence[Held]
    """The changes that wait to be posted in it, the oldest first."""
    posted: int = 0
    """How many messages about such changes it got in the last minute."""
    unread: int = 0
    """How many deals are to be read for the events that came in the last minute."""
    muted_until: float = 0.0
    statuses: Mapping[str, str] = field(default_factory=dict)
    """What the bot knows by now about the deals that were read, by their ids."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """A channel in numbers, to decide whether it is worth looking at every change that waits."""

    now: float
    held: int
    oldest: float
    newest: float
    """Since when the first and the last change of those wait."""
    posted: int = 0
    unread: int = 0
    muted_until: float = 0.0


class Why(Enum):
    """Why several changes are posted as one message."""

    MASS = "many changed at once"
    OVERNIGHT = "they were held back in the quiet hours"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with the changes of one channel. Those that are not in it wait."""

    alone: tuple[Held, ...] = ()
    together: tuple[Held, ...] = ()
    why: Why = Why.MASS
    dropped: tuple[tuple[Held, Verdict], ...] = ()


@dataclass(frozen=True, slots=True)
class Pace:
    """How long changes wait for others, in seconds; see `events.worker.EventTiming`."""

    gather: float
    calm: float
    longest_wave: float


def pause(crowd: Crowd, pace: Pace, quiet_hours: QuietHours | None) -> float:
    """Seconds until there may be something to do in a channel; 0 if there may be now."""
    if crowd.now < crowd.muted_until:
        return 0.0
    if quiet_hours and quiet_hours.hold(_moment(crowd.now)):
        return LONGEST_LOOK
    if quiet_hours and quiet_hours.hold(_moment(crowd.oldest)):
        return 0.0
    if crowd.posted + crowd.held + crowd.unread <= MOST_IN_A_MINUTE:
        return max(crowd.oldest + pace.gather - crowd.now, 0.0)
    calm_at = LONGEST_LOOK if crowd.unread else crowd.newest + pace.calm - crowd.now
    return max(min(calm_at, crowd.oldest + pace.longest_wave - crowd.now, LONGEST_LOOK), 0.0)


def plan(channel: Channel, pace: Pace, quiet_hours: QuietHours | None) -> Plan:
    """What to post now.

    A change waits a moment for others. If there are no more than a few, each is posted alone. Otherwise all wait until
    no more come, and are one message; so are those that were held back in the quiet hours.
    """
    if channel.now < channel.muted_until:
        return Plan(dropped=tuple((each, Verdict.MUTED) for each in channel.held))
    latest, dropped = _latest(channel)
    if not latest or (quiet_hours and quiet_hours.hold(_moment(channel.now))):
        return Plan(dropped=dropped)
    if quiet_hours and quiet_hours.hold(_moment(latest[0].since)):
        return _together(latest, Why.OVERNIGHT, dropped)
    newest, oldest = channel.now - latest[-1].since, channel.now - latest[0].since
    if channel.posted + len(latest) + channel.unread <= MOST_IN_A_MINUTE:
        ready = tuple(each for each in latest if channel.now - each.since >= pace.gather)
        return Plan(alone=ready, dropped=dropped)
    if (newest >= pace.calm and not channel.unread) or oldest >= pace.longest_wave:
        return _together(latest, Why.MASS, dropped)
    return Plan(dropped=dropped)


def _together(held: tuple[Held, ...], why: Why, dropped: tuple[tuple[Held, Verdict], ...]) -> Plan:
    return Plan(alone=held, dropped=dropped) if len(held) == 1 else Plan(together=held, why=why, dropped=dropped)


def _latest(channel: Channel) -> tuple[tuple[Held, ...], tuple[tuple[Held, Verdict], ...]]:
    """The last change of each deal, told from what the deal was before the first; and those that are not posted.

    A deal that changed again, to a status that is not posted or back to what it was, is no news any more.
    """
    by_deal: dict[str, list[Held]] = {}
    for each in channel.held:
        by_deal.setdefault(each.deal.id, []).append(each)
    latest, dropped = [], []
    for deal_id, several in by_deal.items():
        first, last = several[0], several[-1]
        told = Held(
            last.number, last.key, last.source, last.deal, first.before, first.before_lost_reason_id, last.since
        )
        stands = channel.statuses.get(deal_id, told.deal.status) == told.deal.status
        dropped += [(each, Verdict.SUPERSEDED) for each in several[:-1]]
        if stands and told.changes:
            latest.append(told)
        else:
            dropped.append((last, Verdict.SUPERSEDED))
    return tuple(sorted(latest, key=lambda each: each.since)), tuple(dropped)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

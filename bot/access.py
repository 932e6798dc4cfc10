"""Who may change a deal, from where, and how often. Pure: it is told the time."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who typed the command, by the ids Slack signed: names can be changed, ids cannot."""

    user_id: str
    team_id: str
    channel_id: str


class Reason(StrEnum):
    """Why somebody may not; `messages` has a sentence for each."""

    WORKSPACE_UNKNOWN = "workspace_unknown"
    WRONG_WORKSPACE = "wrong_workspace"
    NOBODY_ALLOWED = "nobody_allowed"
    NOT_ALLOWED = "not_allowed"
    WRONG_CHANNEL = "wrong_channel"
    TOO_FAST = "too_fast"


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal. Nothing was sent anywhere."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Allowlist:
    """Who may. It fails closed: no users means nobody. No channels means any channel."""

    users: frozenset[str]
    channels: frozenset[str]

    def denies(self, caller: Caller, our_team: str | None) -> Denied | None:
        """Why this caller may not change anything, or `None` when they may.

        `our_team` is the workspace the bot's token belongs to; `None` while Slack has not told us, and then nobody may.
        """
        if our_team is None:
            return Denied(Reason.WORKSPACE_UNKNOWN)
        if caller.team_id != our_team:
            return Denied(Reason.WRONG_WORKSPACE)
        if not self.users:
            return Denied(Reason.NOBODY_ALLOWED)
        if caller.user_id not in self.users:
            return Denied(Reason.NOT_ALLOWED)
        if self.channels and caller.channel_id not in self.channels:
            return Denied(Reason.WRONG_CHANNEL)
        return None


class Pace:
    """How many commands one person may start: at most `limit` in any `period` seconds."""

    def __init__(self, limit: int = 20, period: float = 60.0) -> None:
        self._limit = limit
        self._period = period
        self._starts: dict[str, deque[float]] = {}

    def denies(self, user_id: str, now: float) -> Denied | None:
        """Count a command of this person at the time `now` (seconds), or refuse it without counting."""
        starts = self._starts.setdefault(user_id, deque())
        while starts and starts[0] <= now - self._period:
            starts.popleft()
        if len(starts) >= self._limit:
            return Denied(Reason.TOO_FAST)
        starts.append(now)
        return None

"""Limits how many commands one person may start in a minute. Pure: callers tell it the time."""

from collections import deque

from bot.access.rules import Denied, Reason


class RateLimit:
    """Lets one person start at most `limit` commands in any `period` seconds."""

    def __init__(self, limit: int = 20, period: float = 60.0) -> None:
        self._limit = limit
        self._period = period
        self._starts: dict[str, deque[float]] = {}

    def denies(self, user_id: str, now: float) -> Denied | None:
        """Why this person may not start a command at `now` (seconds); `None` allows the command, and counts it."""
        starts = self._starts.setdefault(user_id, deque())
        while starts and starts[0] <= now - self._period:
            starts.popleft()
        if len(starts) >= self._limit:
            return Denied(Reason.TOO_FAST)
        starts.append(now)
        return None

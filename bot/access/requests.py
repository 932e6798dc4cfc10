"""A request for access as it is written down and decided, and the approval that may come of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.access.rules import Approved

PAUSE = timedelta(hours=24)
"""After which somebody whose request was declined, or whose approval was taken back, may ask again."""
OPERATOR = "operator"
"""Who took an approval back, where it was done on the command line."""


class RequestState(StrEnum):
    """What became of a request."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One row: somebody asked to be let in. What is `None` did not happen."""

    reference: str
    """Names it, also towards the person who asked."""
    user_id: str
    team_id: str
    channel_id: str
    """Where they were when they asked."""
    asked_at: datetime
    state: RequestState = RequestState.OPEN
    decided_by: str | None = None
    """The admin who approved or declined it."""
    decided_at: datetime | None = None
    revoked_by: str | None = None
    """Whoever took the approval back: an admin, or `OPERATOR`."""
    revoked_at: datetime | None = None

    @property
    def approved(self) -> Approved | None:
        """The approval, while it is in force."""
        if self.state is not RequestState.APPROVED or self.decided_by is None or self.decided_at is None:
            return None
        return Approved(self.decided_by, self.decided_at)

    def rests(self, now: datetime) -> bool:
        """Whether it said no so lately that the same person may not ask again yet."""
        said_no = self.revoked_at if self.state is RequestState.REVOKED else self.decided_at
        return (
            self.state in {RequestState.DECLINED, RequestState.REVOKED}
            and said_no is not None
            and now - said_no < PAUSE
        )


class AccessRequests(Protocol):
    """Where requests are kept. Of one person at most one is open or approved. Every method raises `StoreDown`."""

    async def ask(self, request: AccessRequest) -> AccessRequest:
        """Write down an open request. Gives what counts for this person then: it, or the one that was there before."""

    async def decide(
        self, reference: str, state: RequestState, by: str, at: datetime
    ) -> tuple[AccessRequest | None, bool]:
        """Approve or decline a request that is open. Gives it as it is then, and whether that was this decision.

        `None` when there is no such request.
        """

    async def revoke(self, user_id: str, by: str, at: datetime) -> AccessRequest | None:
        """Take a person's approval back; gives the row, or `None` when there was none in force."""

    async def latest(self, user_id: str) -> AccessRequest | None:
        """What this person asked for last; `None` when they never did."""

    async def approved(self, user_id: str) -> Approved | None:
        """The approval of this person that is in force; `None` when there is none."""

    async def standing(self, most: int) -> Sequence[AccessRequest]:
        """Those that are open, then those that are approved; each the oldest first."""

"""A request for access, what an admin decides about it, and where requests are kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.access.rules import Approved

REQUEST_PAUSE = timedelta(hours=24)
"""How long a person waits before they may ask again, after an admin declined their request or revoked the approval."""
REMIND_AFTER = timedelta(hours=1)
"""A person who asks again after this time reminds the admins of their open request, once in each such time."""
OPERATOR = "operator"
"""Stands for the admin where an approval was revoked on the command line."""


class RequestState(StrEnum):
    """What became of a request. An approved one is in force."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A person's request for access. What is `None` has not happened."""

    reference: str
    """Its short name, also towards the person who asked."""
    user_id: str
    team_id: str
    channel_id: str
    """The channel in which they asked."""
    asked_at: datetime
    state: RequestState = RequestState.OPEN
    decided_by: str | None = None
    """The admin who approved or declined it."""
    decided_at: datetime | None = None
    revoked_by: str | None = None
    """The admin who revoked the approval, or `OPERATOR`."""
    revoked_at: datetime | None = None
    command: str = ""
    """The command that was refused, as they typed it; empty for none."""

    @property
    def approved(self) -> Approved | None:
        """The approval, while it is in force; otherwise `None`."""
        if self.state is not RequestState.APPROVED or self.decided_by is None or self.decided_at is None:
            return None
        return Approved(self.decided_by, self.decided_at)

    @property
    def may_ask_again(self) -> datetime | None:
        """When the same person may ask again, after an admin said no; `None` if none did."""
        said_no = self.revoked_at if self.state is RequestState.REVOKED else self.decided_at
        is_no = self.state in {RequestState.DECLINED, RequestState.REVOKED}
        return said_no + REQUEST_PAUSE if is_no and said_no else None

    def rests(self, now: datetime) -> bool:
        """Whether an admin said no so lately that the same person may not ask again yet."""
        again = self.may_ask_again
        return again is not None and now < again

    def may_remind(self, now: datetime) -> bool:
        """Whether the admins have left it open so long that the person may remind them."""
        return self.state is RequestState.OPEN and now - self.asked_at >= REMIND_AFTER


class AccessRequests(Protocol):
    """Keeps the requests. A person has at most one that is open or approved.

    Every method raises `StoreDown`.
    """

    async def ask(self, request: AccessRequest) -> AccessRequest:
        """Write down an open request, unless the person has one already or is approved. Returns what counts then."""

    async def decide(
        self, reference: str, state: RequestState, by: str, at: datetime
    ) -> tuple[AccessRequest | None, bool]:
        """Approve or decline a request that is open. `state` says which, `by` is the admin.

        Returns the request as it is then, or `None` where there is none, and whether this call decided it.
        """

    async def revoke(self, user_id: str, by: str, at: datetime) -> AccessRequest | None:
        """Revoke a person's approval. Returns the request as it is then; `None` where no approval was in force."""

    async def latest(self, user_id: str) -> AccessRequest | None:
        """This person's last request; `None` where they never asked."""

    async def approved(self, user_id: str) -> Approved | None:
        """This person's approval that is in force; `None` where there is none."""

    async def standing(self, most: int) -> Sequence[AccessRequest]:
        """The open requests, then the approved ones, each with the oldest first; `most` at most."""

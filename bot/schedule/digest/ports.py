"""The ports of a digest. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.commands.reply import Message
from bot.schedule.digest.figures import Figures, Sent
from bot.schedule.digest.periods import Week
from bot.schedule.digest.report import Report
from bot.schedule.due import Planned


class FigureReader(Protocol):
    """Reads the figures, after everything that a person waits for."""

    async def read(self, location_id: str, week: Week, stuck_before: datetime | None) -> Figures:
        """The figures of one sub-account.

        `stuck_before`: an open deal that has not moved since then is stuck; `None`: none is. Raises `CrmError`.
        """


class Digests(Protocol):
    """The digests that are to come, and those that were posted. Every method raises `StoreDown`."""

    async def plan(self, planned: Sequence[Planned]) -> None:
        """Write down when they are due, unless they were posted; what waits under the same key gets this time."""

    async def sent(self, by: datetime) -> Sequence[Sent]:
        """What was kept of the digests that were posted and due by then, the latest first."""


class DigestWords(Protocol):
    """Puts a digest into words."""

    def posted(self, report: Report) -> Message:
        """The digest as the channel sees it."""

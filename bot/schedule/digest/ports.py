"""The ports of a digest. Pure."""

from datetime import datetime
from typing import Protocol

from bot.schedule.digest.figures import Figures
from bot.schedule.digest.periods import Week


class FigureReader(Protocol):
    """Reads the figures, after everything that a person waits for."""

    async def read(self, location_id: str, week: Week, stuck_before: datetime | None) -> Figures:
        """The figures of one sub-account.

        `stuck_before`: an open deal that has not moved since then is stuck; `None`: none is. Raises `CrmError`.
        """

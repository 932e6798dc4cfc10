"""The port that publishes a Home tab."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from bot.slack.block_kit.blocks import Block


@dataclass(frozen=True, slots=True)
class Published:
    """The tab is shown."""

    hash: str
    """Names this state of it; empty if Slack gave none."""


class NotPublished(Enum):
    """Why the tab is not shown."""

    CONFLICT = "conflict"
    """It has changed since it had the hash."""
    FAILED = "failed"
    """Slack refused it, did not answer, or has too much to do."""


class HomeViews(Protocol):
    """Slack's Home tabs. No method raises."""

    async def publish(self, user_id: str, view: Block, of: str) -> Published | NotPublished:
        """Show a person this tab. `of`: only if it has the same hash still; empty for in any case."""

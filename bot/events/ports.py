"""The ports of events. Pure."""

from collections.abc import Mapping
from typing import Protocol

from bot.events.event import Event, Reception, Source


class Intake(Protocol):
    """Where events are written down."""

    async def receive(self, *events: Event) -> int:
        """Write down those that are not there yet; returns how many those are. Raises `StoreDown`, `StoreRefused`."""


class Counts(Protocol):
    """What was done with everything that came."""

    async def add(self, counted: Mapping[tuple[Source, Reception], int]) -> None:
        """Add to the counts of today. Raises `StoreDown` and `StoreRefused`."""

"""The sub-accounts of HighLevel in which deals may be changed, and which of them is meant. Pure.

HighLevel calls one a location: https://help.gohighlevel.com/support/solutions/articles/48001204848
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Locations:
    """The default one, and the others: each with the name that people call it by."""

    default: str
    names: Mapping[str, str] = field(default_factory=dict)
    """By id, in the order in which they are listed. Where the default one is missing, it is called by its id."""

    @property
    def ids(self) -> list[str]:
        """All of them, the default one first."""
        return [self.default, *(each for each in self.names if each != self.default)]

    @property
    def others(self) -> frozenset[str]:
        """All but the default one."""
        return frozenset(self.names) - {self.default}

    def name(self, location_id: str) -> str:
        """What it is called; empty is the default one. One that is not ours is called by its id."""
        return self.names.get(location_id or self.default) or location_id or self.default

    def mentioned(self, location_id: str | None) -> str:
        """Its name where there is more than one, so that it has to be said; else empty."""
        return self.name(location_id or "") if self.others else ""

    def meant(self, words: str) -> str | None:
        """The one that somebody calls so: its id, its name, or the only one whose name begins so; `None` if none is."""
        if words in self.ids:
            return words
        asked = words.casefold()
        named = {each: self.name(each).casefold() for each in self.ids}
        for found in (
            [each for each, name in named.items() if name == asked],
            [each for each, name in named.items() if asked and name.startswith(asked)],
        ):
            if len(found) == 1:
                return found[0]
        return None


class Bindings(Protocol):
    """Which channel of Slack works in which sub-account. Every method raises `StoreDown`."""

    async def of(self, channel_id: str) -> str | None:
        """The sub-account of this channel; `None` when nobody has bound it."""

    async def bind(self, channel_id: str, location_id: str, by: str) -> None:
        """From now on it works in this one, because this admin says so."""

    async def unbind(self, channel_id: str) -> None:
        """From now on it works in the default one."""


class LocationResolver:
    """Which sub-account is meant by whoever says nothing of it."""

    def __init__(self, locations: Locations, bindings: Bindings) -> None:
        self.locations = locations
        self.bindings = bindings

    async def home(self, channel_id: str) -> str:
        """The sub-account in which a channel works; empty where there is only one. Else it raises `StoreDown`."""
        if not self.locations.others:
            return ""
        bound = await self.bindings.of(channel_id)
        # What was bound to one that is no longer ours is bound to nothing.
        return bound if bound in self.locations.ids else self.locations.default

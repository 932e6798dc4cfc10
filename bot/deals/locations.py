"""HighLevel's sub-accounts in which deals may be changed, and which of them a command means. Pure.

HighLevel's API calls a sub-account a location: https://help.gohighlevel.com/support/solutions/articles/48001204848
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol


@dataclass(frozen=True)  # no slots, which leave no room for what is cached
class Locations:
    """The sub-accounts, as the operator has set them. There may be thousands."""

    default: str
    """The id of the default one."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names by id, in the order in which they are listed. If the default one is missing here, its id is its name."""

    @cached_property
    def ids(self) -> list[str]:
        """The ids of all, the default one first."""
        return [self.default, *(each for each in self.names if each != self.default)]

    @cached_property
    def others(self) -> frozenset[str]:
        """The ids of all but the default one."""
        return frozenset(self.names) - {self.default}

    def name(self, location_id: str) -> str:
        """The name of a sub-account; an empty id is the default one. Without a name, it is the id."""
        return self.names.get(location_id or self.default) or location_id or self.default

    def mentioned(self, location_id: str | None) -> str:
        """The name to mention in a reply; empty where there is only one sub-account."""
        return self.name(location_id or "") if self.others else ""

    def meant(self, words: str) -> str | None:
        """The id of the sub-account that these words mean; `None` if they mean none, or more than one.

        The words are its id; else its whole name; else the beginning of one name only. Case does not matter in names.
        """
        if words in self.others or words == self.default:
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
    """Which Slack channel works in which sub-account. Every method raises `StoreDown`."""

    async def of(self, channel_id: str) -> str | None:
        """The id of the sub-account that this channel is bound to; `None` if it is not bound."""

    async def bind(self, channel_id: str, location_id: str, by: str) -> None:
        """Bind this channel to a sub-account. `by` is the user id of the admin who says so."""

    async def unbind(self, channel_id: str) -> None:
        """Remove the channel's binding: it works in the default sub-account."""


class LocationResolver:
    """Finds the sub-account of a command that names none."""

    def __init__(self, locations: Locations, bindings: Bindings) -> None:
        self.locations = locations
        self.bindings = bindings

    async def home(self, channel_id: str) -> str:
        """The id of the channel's sub-account; empty if there is only one sub-account. Raises `StoreDown`."""
        if not self.locations.others:
            return ""
        bound = await self.bindings.of(channel_id)
        # A binding to a sub-account that is no longer in the settings does not count.
        return bound if bound in self.locations.others else self.locations.default

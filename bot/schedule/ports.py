"""The ports of the schedule. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.commands.reply import Message
from bot.deals.deal import Opportunity
from bot.schedule.due import Due, Ending, Kind, Planned, Posting


class Duty(Protocol):
    """What is done for one kind of thing when it comes due."""

    @property
    def kind(self) -> Kind:
        """The kind."""

    async def prepare(self, due: Due) -> Posting | Ending:
        """What is to be posted now; or how it ends without a word. The lease is renewed meanwhile.

        It is asked again if this process dies, so it changes nothing outside. Raises `NotNow`, `StoreDown`.
        """


class Schedule(Protocol):
    """What comes due, for the worker. Every method raises `StoreDown`."""

    async def take(self, kinds: Collection[Kind], most: int) -> Sequence[Due]:
        """Take at most so many of these kinds that are due, the longest due first, each for a lease of half a minute.

        A process that takes longer without asking `still_ours` or `renew` loses them to another.
        """

    async def still_ours(self, key: str) -> None:
        """Make sure that this process still has it, and renew the lease if need be. Raises `LeaseLost`."""

    async def renew(self, key: str) -> None:
        """Renew the lease. Raises `LeaseLost`."""

    async def set_back(self, key: str, seconds: float, *, failed: bool) -> None:
        """Let any process take it after so many seconds, unless this one has lost it. `failed`: count an attempt."""

    async def finish(self, key: str, ending: Ending, kept: str = "") -> None:
        """Note how it ended, and what is kept of it. Raises `LeaseLost`."""

    async def give_back(self) -> None:
        """Give up all that this process has, so that another takes it at once."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The reminder of a deal that a person has now."""

    reminder: Planned
    before: datetime | None = None
    """When it would have come due, if it took the place of another; `None` if there was none."""


class Reminders(Protocol):
    """People's reminders. Every method raises `StoreDown`."""

    async def remind(self, planned: Planned) -> Standing:
        """Write down a reminder, in place of any other that the person has of this deal; returns what stands now.

        The same key again changes nothing.
        """

    async def of_person(self, user_id: str, most: int) -> Sequence[Planned]:
        """The person's reminders that have not come due, the next first, at most so many."""

    async def cancel(self, key: str, user_id: str) -> Planned | None:
        """Cancel this reminder of the person's; returns it, or `None` if they have no such reminder now."""


class ReminderWords(Protocol):
    """Puts reminders into words."""

    def due(self, deal: Opportunity, reminder: Planned, reference: str) -> Message:
        """The reminder of an open deal, with what can be done about it."""

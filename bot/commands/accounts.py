"""What works in each sub-account of HighLevel: a client with limits of its own, what it remembers, what uses it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.commands.lookups import Lookups
from bot.deals.deal import LostReason, Opportunity
from bot.deals.identify import Identified
from bot.deals.outcome import Outcome
from bot.deals.ports import Crm
from bot.deals.wish import Wish


@dataclass(frozen=True, slots=True)
class Account:
    """One sub-account, and what is done in it."""

    crm: Crm
    identify: Callable[[Wish], Awaitable[Identified]]
    change: Callable[[Wish, str, Opportunity | None], Awaitable[Outcome]]
    lookups: Lookups


class Accounts:
    """All of them. An id that is empty means the default one; for one that is not ours there is `elsewhere`."""

    def __init__(self, ours: Mapping[str, Account], default: str, elsewhere: Account) -> None:
        self._ours = ours
        self._default = default
        self._elsewhere = elsewhere

    def of(self, location_id: str) -> Account:
        """The one with this id."""
        return self._ours.get(location_id or self._default, self._elsewhere)

    def crm(self, location_id: str) -> Crm:
        """Where its deals live."""
        return self.of(location_id).crm

    def lookups(self, location_id: str) -> Lookups:
        """What answers questions about its deals."""
        return self.of(location_id).lookups

    async def identify(self, wish: Wish) -> Identified:
        """`identify.Identify` where the wish is."""
        return await self.of(wish.location_id).identify(wish)

    async def change(self, wish: Wish, key: str, intended: Opportunity | None = None) -> Outcome:
        """`change.ChangeStatus` where the wish is."""
        return await self.of(wish.location_id).change(wish, key, intended)

    async def lost_reasons(self, location_id: str, *, until: float) -> tuple[LostReason, ...] | None:
        """Why its deals can be lost; see `change.Crm`."""
        return await self.crm(location_id).lost_reasons(until=until)

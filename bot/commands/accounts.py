"""Routes each wish and each question to the parts that work in its HighLevel sub-account."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bot.commands.lookups import Lookups
from bot.deals.deal import LostReason, Opportunity
from bot.deals.identify import Identified, Identify
from bot.deals.outcome import Guessed, Outcome
from bot.deals.ports import Crm
from bot.deals.wish import Wish


@dataclass(frozen=True, slots=True)
class Account:
    """The parts that work in one sub-account."""

    crm: Crm
    identify: Identify
    change: Callable[[Wish, str, Opportunity | None, str], Awaitable[Outcome]]
    lookups: Lookups


class Accounts:
    """All sub-accounts by their ids: it implements `execution.Accounts`.

    An empty id means the `default` one. An id that is not among `ours` is answered by `unknown`. `own_user` tells which
    user of a sub-account a person in Slack is; empty if that is not known.
    """

    def __init__(
        self,
        ours: Mapping[str, Account],
        default: str,
        unknown: Account,
        own_user: Callable[[str, str], Awaitable[str]],
    ) -> None:
        self._ours = ours
        self._default = default
        self._unknown = unknown
        self._own_user = own_user

    def crm(self, location_id: str) -> Crm:
        """The CRM of this sub-account."""
        return self._account(location_id).crm

    def lookups(self, location_id: str) -> Lookups:
        """The lookups of this sub-account."""
        return self._account(location_id).lookups

    async def identify(self, wish: Wish, text: str, user_id: str) -> Identified:
        """Complete the wish in its sub-account; see `deals.identify.Identify`."""
        asking = partial(self._own_user, user_id, wish.location_id)
        return await self._account(wish.location_id).identify(wish, text, asking)

    async def instead(self, wish: Wish) -> Guessed | None:
        """What the wish's id finds as a name in its sub-account; see `deals.identify.Identify.instead`."""
        return await self._account(wish.location_id).identify.instead(wish)

    async def change(self, wish: Wish, key: str, intended: Opportunity | None = None, by: str = "") -> Outcome:
        """Carry out the wish in its sub-account; see `deals.change.ChangeStatus`."""
        return await self._account(wish.location_id).change(wish, key, intended, by)

    async def lost_reasons(self, location_id: str, *, until: float) -> tuple[LostReason, ...] | None:
        """The lost reasons of this sub-account; see `deals.ports.Crm`."""
        return await self.crm(location_id).lost_reasons(until=until)

    def _account(self, location_id: str) -> Account:
        return self._ours.get(location_id or self._default, self._unknown)

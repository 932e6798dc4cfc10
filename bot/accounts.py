"""What works in each sub-account of HighLevel: a client with limits of its own, what it remembers, what uses it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.change import ChangeStatus, Crm
from bot.crm import Elsewhere, HighLevelCrm
from bot.highlevel.client import Client
from bot.identify import Identified, Identify
from bot.inquiries import Inquiries
from bot.outcome import Outcome
from bot.status import LostReason, Opportunity, Wish


@dataclass(frozen=True, slots=True)
class Account:
    """One sub-account, and what is done in it."""

    crm: Crm
    identify: Identify
    change: ChangeStatus
    inquiries: Inquiries


class Accounts:
    """All of them. An id that is empty means the default one; of one that is not ours everything fails, and says so."""

    def __init__(
        self,
        clients: Mapping[str, Client],
        default: str,
        made: Callable[[Crm], Account],
    ) -> None:
        self._clients = clients
        self._default = default
        self.crms = {location_id: HighLevelCrm(client, location_id) for location_id, client in clients.items()}
        """By location."""
        self._accounts = {location_id: made(crm) for location_id, crm in self.crms.items()}
        self._elsewhere = made(Elsewhere())

    def of(self, location_id: str) -> Account:
        """The one with this id."""
        return self._accounts.get(location_id or self._default, self._elsewhere)

    def crm(self, location_id: str) -> Crm:
        """Where its deals live."""
        return self.of(location_id).crm

    def inquiries(self, location_id: str) -> Inquiries:
        """What answers questions about its deals."""
        return self.of(location_id).inquiries

    async def identify(self, wish: Wish) -> Identified:
        """`identify.Identify` where the wish is."""
        return await self.of(wish.location_id).identify(wish)

    async def change(self, wish: Wish, key: str, intended: Opportunity | None = None) -> Outcome:
        """`change.ChangeStatus` where the wish is."""
        return await self.of(wish.location_id).change(wish, key, intended)

    async def lost_reasons(self, location_id: str, *, until: float) -> tuple[LostReason, ...] | None:
        """Why its deals can be lost; see `change.Crm`."""
        return await self.crm(location_id).lost_reasons(until=until)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep connections until the block is left."""
        async with AsyncExitStack() as stack:
            for client in self._clients.values():
                await stack.enter_async_context(client)
            yield

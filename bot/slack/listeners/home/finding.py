"""Finds out what a person's Home tab shows: their open deals in HighLevel, and their last changes in the ledger."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bot.access.people import Unknown
from bot.cache import Cache
from bot.commands import followups
from bot.commands.ledger import History
from bot.commands.record import Record
from bot.deals.clock import loop_time
from bot.deals.deal import Matches, Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.outcome import Trouble
from bot.deals.policy import Policy
from bot.deals.ports import Crm, CrmError, StoreDown
from bot.deals.stuck import stuck_first
from bot.deals.wish import Wish
from bot.slack.messages.home.contents import Contents, Gap
from bot.slack.messages.home.view import last_changes

DEALS_TTL = 45.0
"""Seconds for which a person's deals are kept: people open the tab again and again."""
DEALS_WITHIN = 10.0
"""Seconds for HighLevel to list deals."""
CHANGES_WITHIN = 5.0
"""Seconds to read the ledger."""
LOOKED_THROUGH = 50
"""Commands among which the last changes are looked for."""
SEARCH_LAGS = timedelta(minutes=1)
"""For how long after a change a deal is as the ledger says: HighLevel's search may not know it for some seconds."""
MOST_CACHED = 100
"""People whose deals are kept at once."""


class WhoIsWho(Protocol):
    """Tells which user of HighLevel a person in Slack is; see `bot.access.people.People`. It does not raise."""

    async def crm_user(self, user_id: str, location_id: str) -> str | Unknown:
        """The id of the user who this person is in a sub-account; or why that is unknown."""


@dataclass(frozen=True, slots=True)
class _Key:
    owner_id: str
    location_id: str
    user_id: str
    generation: int
    """How often the person has changed something: what was asked before that does not count any more."""


class HomeFinder:
    """Finds the contents of Home tabs. It reads HighLevel and the ledger, and writes to neither.

    A person's deals cost one request in each sub-account, and then none for `ttl` seconds, unless they change one.
    """

    def __init__(
        self,
        *,
        people: WhoIsWho,
        crm: Callable[[str], Crm],
        history: History,
        locations: Locations,
        policy: Policy,
        ttl: float = DEALS_TTL,
    ) -> None:
        self._people = people
        self._crm = crm
        self._history = history
        self._locations = locations
        self._window = policy.undo_window
        # Not the errors: a person who tries again wants HighLevel to be asked again.
        self._deals = Cache(self._list, ttl=ttl, error_ttl=0.0, maxsize=MOST_CACHED)
        self._generations: dict[str, int] = {}

    def forget(self, user_id: str) -> None:
        """Ask HighLevel again for this person's deals the next time."""
        self._generations[user_id] = self._generations.get(user_id, 0) + 1

    async def find(self, user_id: str, page: int, *, can_mark: bool) -> Contents:
        """What this person's tab shows at this page. What cannot be found out is a gap, or `None`."""
        now = datetime.now(UTC)
        records, parts = await asyncio.gather(self._records(user_id), self._everywhere(user_id))
        owned = [each for each in parts if isinstance(each, _Owned)]
        lately = _lately(records or (), now)
        lists = await asyncio.gather(*(self._as_changed(each, lately) for each in owned))
        return Contents(
            deals=tuple(stuck_first((deal for deals in lists for deal in deals), now)),
            more=any(each.matches.more for each in owned),
            gaps=_gaps(parts),
            changes=None if records is None else tuple(records),
            undoable=await self._undoable(records or (), now),
            under_way={each.opportunity_id: each.status for each in records or () if each.outcome is None},
            can_mark=can_mark,
            page=page,
        )

    # --- deals ------------------------------------------------------------------------------------------------------

    async def _everywhere(self, user_id: str) -> "Sequence[_Owned | Gap]":
        """The person's deals in every sub-account."""
        return await asyncio.gather(*(self._open_deals(user_id, each) for each in self._locations.ids))

    async def _open_deals(self, user_id: str, location_id: str) -> "_Owned | Gap":
        owner_id = await self._people.crm_user(user_id, location_id)
        if isinstance(owner_id, Unknown):
            return Gap(location_id, owner_id)
        key = _Key(owner_id, location_id, user_id, self._generations.get(user_id, 0))
        try:
            return _Owned(owner_id, location_id, await self._deals.get(key))
        except CrmError as error:
            return Gap(location_id, error.trouble)

    async def _list(self, key: _Key) -> Matches:
        return await self._crm(key.location_id).open_deals_of(key.owner_id, until=loop_time() + DEALS_WITHIN)

    async def _as_changed(self, owned: "_Owned", lately: Mapping[str, Record]) -> list[Opportunity]:
        """The listed deals as the person's own changes of the last minute left them."""
        kept = [deal for deal in owned.matches.deals if _is_open(deal.id, lately)]
        listed = {deal.id for deal in kept}
        reopened = [
            each
            for deal_id, each in lately.items()
            if each.after == Status.OPEN
            and deal_id not in listed
            and (each.location_id or self._locations.default) == owned.location_id
        ]
        found = await asyncio.gather(*(self._look(each.opportunity_id, owned) for each in reopened))
        return [*kept, *(deal for deal in found if deal)]

    async def _look(self, opportunity_id: str, owned: "_Owned") -> Opportunity | None:
        """The deal itself, if it is open and the person's."""
        crm, until = self._crm(owned.location_id), loop_time() + DEALS_WITHIN
        try:
            deal = await crm.find(opportunity_id, until=until)
        except CrmError:
            return None
        is_theirs = deal.status == Status.OPEN and deal.owner_id == owned.owner_id
        return await crm.describe(deal, until=until) if is_theirs else None

    # --- changes ----------------------------------------------------------------------------------------------------

    async def _records(self, user_id: str) -> Sequence[Record] | None:
        try:
            async with asyncio.timeout(CHANGES_WITHIN):
                return await self._history.of_user(user_id, LOOKED_THROUGH)
        except (StoreDown, TimeoutError):
            return None

    async def _undoable(self, records: Sequence[Record], now: datetime) -> frozenset[str]:
        """The keys of the changes that can be undone, among those that are shown."""
        may_be = [
            each.key for each in last_changes(records) if isinstance(followups.undo_of(each, self._window, now), Wish)
        ]
        try:
            async with asyncio.timeout(CHANGES_WITHIN):
                undone = [key for key in may_be if await self._history.undo_of(key)]
        except (StoreDown, TimeoutError):
            return frozenset()
        return frozenset(may_be).difference(undone)


@dataclass(frozen=True, slots=True)
class _Owned:
    """A person's deals in a sub-account, as HighLevel lists them."""

    owner_id: str
    location_id: str
    matches: Matches


def _gaps(parts: "Sequence[_Owned | Gap]") -> tuple[Gap, ...]:
    """The sub-accounts whose deals are missing.

    A person who is a user of one sub-account need not be one of the others, and has no deals there.
    """
    gaps = [each for each in parts if isinstance(each, Gap)]
    is_a_user = len(gaps) < len(parts) or any(isinstance(each.why, Trouble) for each in gaps)
    return tuple(each for each in gaps if not (is_a_user and each.why is Unknown.NO_USER))


def _lately(records: Sequence[Record], now: datetime) -> Mapping[str, Record]:
    """The last change of each deal in the last minute, by the deal's id."""
    changes = [each for each in records if each.changed and now - (each.finished_at or each.at) <= SEARCH_LAGS]
    return {each.opportunity_id: each for each in reversed(changes)}


def _is_open(deal_id: str, lately: Mapping[str, Record]) -> bool:
    return deal_id not in lately or lately[deal_id].after == Status.OPEN

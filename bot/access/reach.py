"""In which sub-accounts a caller may change deals, where the settings name people for some of them alone."""

import asyncio
from collections.abc import Awaitable

from bot.access.authorization import Approvals, Directory, DirectoryError
from bot.access.rules import Allowlist
from bot.deals.clock import loop_time
from bot.deals.deal import Opportunity
from bot.deals.outcome import Objection, Withheld
from bot.deals.ports import Rights, StoreDown

REACH_PATIENCE = 4.0
"""Seconds in which Slack and the approvals are asked where a person may change deals."""


class PlacedRights:
    """The port `deals.ports.Rights`: asks first where a person may change deals, then whose the deal is.

    `owners`: what is asked then; `None` for nothing. `default`: the sub-account of a deal that names none.
    """

    def __init__(
        self, rules: Allowlist, directory: Directory, approvals: Approvals, owners: Rights | None, default: str
    ) -> None:
        self._rules = rules
        self._directory = directory
        self._approvals = approvals
        self._owners = owners
        self._default = default

    async def objection(self, user_id: str, deal: Opportunity) -> Objection | None:
        """See `Rights`."""
        if not await self._reaches(user_id, deal.location_id or self._default):
            return Objection(Withheld.ELSEWHERE, stops=True)
        return await self._owners.objection(user_id, deal) if self._owners else None

    async def owner(self, deal: Opportunity) -> str:
        """See `Rights`."""
        return await self._owners.owner(deal) if self._owners else ""

    async def _reaches(self, user_id: str, location_id: str) -> bool:
        """Whether this person may change deals in this sub-account; anything unknown counts as no.

        That they may somewhere was found out when their command came in.
        """
        if self._rules.reaches(user_id, location_id):
            return True
        until = loop_time() + REACH_PATIENCE
        groups = sorted(group for group in self._rules.groups if self._rules.covers(group, location_id))
        found = await asyncio.gather(
            self._known(self._is_approved(user_id), until),
            *(self._known(self._is_member(user_id, group), until) for group in groups),
        )
        return any(found)

    async def _is_approved(self, user_id: str) -> bool:
        return bool(self._rules.admins) and await self._approvals.approved(user_id) is not None

    async def _is_member(self, user_id: str, group: str) -> bool:
        return user_id in await self._directory.members(group)

    async def _known(self, asked: Awaitable[bool], until: float) -> bool:
        try:
            async with asyncio.timeout_at(until):
                return await asked
        except (DirectoryError, StoreDown, TimeoutError):
            return False

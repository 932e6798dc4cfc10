"""Finds the deals that the form suggests: what a person types, and the deal that they had to do with last."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from bot.commands.ledger import History
from bot.commands.text.links import is_id, read_target
from bot.commands.text.parse import read_name
from bot.deals.clock import loop_time
from bot.deals.deal import Matches, Opportunity, Target
from bot.deals.identify import own_first
from bot.deals.locations import Locations
from bot.deals.outcome import Cause
from bot.deals.ports import Crm, CrmError, StoreDown
from bot.slack.actions import target_value

SUGGEST_WITHIN = 2.4
"""Seconds for HighLevel's answer while a person types. Slack waits for 3.
https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select"""
LAST_WITHIN = 600.0
"""Seconds since a command in which the form begins with its deal: as long as a change can be corrected in place."""
PAST_COMMANDS = 5
"""Commands of a person among which their last deal is looked for."""
PAST_WITHIN = 0.5
"""Seconds to find them. A `trigger_id` expires after 3.
https://docs.slack.dev/reference/methods/views.open"""


class SuggestedDeals:
    """Deals for the form. `own_user`: which user of a sub-account a person in Slack is; see `People`."""

    def __init__(
        self,
        crm: Callable[[str], Crm],
        own_user: Callable[[str, str], Awaitable[str]],
        history: History,
        locations: Locations,
    ) -> None:
        self._crm = crm
        self._own_user = own_user
        self._history = history
        self._locations = locations

    async def matches(self, text: str, home: str, user_id: str) -> Matches:
        """The deals that the typed text means, with their `target_value`s as ids; this person's own come first.

        `home`: the form's sub-account. Raises `CrmError`, and `TimeoutError` after `SUGGEST_WITHIN`.
        """
        until = loop_time() + SUGGEST_WITHIN
        async with asyncio.timeout_at(until):
            found = await self._found(text, home, until)
        try:
            async with asyncio.timeout_at(until):
                return replace(found, deals=await own_first(found.deals, partial(self._own_user, user_id, home)))
        except TimeoutError:  # in any order they are better than none
            return found

    async def _found(self, text: str, home: str, until: float) -> Matches:
        target = read_target(text, location_id=self._locations.default, others=self._locations.others)
        found = await self._linked(target, home, text, until) if target else None
        if target and found:
            away = target.location_id if target.location_id != home else ""
            return Matches((replace(found, id=target_value(Target(found.id, away))),), more=False)
        name = read_name(text)
        return await self._crm(home).search(name, until=until) if name else Matches((), more=False)

    async def _linked(self, target: Target, home: str, text: str, until: float) -> Opportunity | None:
        """The deal with this id; `None` if it is no deal's, and was typed: then it may be a name. Raises `CrmError`."""
        try:
            return await self._crm(target.location_id or home).find(target.opportunity_id, until=until)
        except CrmError as error:
            if error.trouble.cause is Cause.NOT_FOUND and is_id(text.strip()):
                return None
            raise

    async def last(self, user_id: str, home: str) -> Opportunity | None:
        """The deal of this sub-account that the person's last command was about, as it was then; `None` for none.

        HighLevel is not asked. Its status is left out, as it may have changed since.
        """
        try:
            async with asyncio.timeout(PAST_WITHIN):
                past = await self._history.of_user(user_id, PAST_COMMANDS)
        except (StoreDown, TimeoutError):
            return None
        default = self._locations.default
        for each in past:
            is_here = (each.location_id or default) == (home or default)
            if each.name and is_here and (datetime.now(UTC) - each.at).total_seconds() < LAST_WITHIN:
                return Opportunity(each.opportunity_id, "", name=each.name, value=each.value, company=each.company)
        return None

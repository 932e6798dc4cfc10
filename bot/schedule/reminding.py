"""The duty of reminders: looks at the deal first, and says nothing of one that is closed by then."""

from typing import Protocol, assert_never

import structlog

from bot.access.rules import Allowed, Caller, Denied, Reason
from bot.commands.request import new_reference
from bot.deals.deal import Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.ports import CrmError
from bot.events.ports import Deals
from bot.schedule.due import Due, Ending, Kind, NotNow, Posting
from bot.schedule.ports import ReminderWords

log = structlog.get_logger(__name__)

ACCESS_PATIENCE = 10.0
"""Seconds to find out whether a person may still see deals."""
ROOM = 5.0
"""Seconds until the next look whether HighLevel's rate limit has room."""
NOT_KNOWN = frozenset(
    {Reason.WORKSPACE_UNKNOWN, Reason.GROUPS_UNKNOWN, Reason.APPROVALS_UNKNOWN, Reason.PERSON_UNKNOWN}
)
"""Denials because something could not be found out."""


class Access(Protocol):
    """Who may change deals."""

    async def authorize(self, caller: Caller, *, within: float) -> Allowed | Denied:
        """Decide whether this caller may change deals now, from this channel. Takes at most `within` seconds."""


class Reminding:
    """`Duty` for reminders. A reminder is a direct message, wherever it was asked for."""

    kind = Kind.REMINDER

    def __init__(self, deals: Deals, access: Access, locations: Locations, words: ReminderWords) -> None:
        self._deals = deals
        self._access = access
        self._locations = locations
        self._words = words

    async def prepare(self, due: Due) -> Posting | Ending:
        """See `Duty`."""
        reminder = due.planned
        if await self._is_denied(reminder.caller):
            return Ending.DENIED
        location_id = reminder.deal.location_id or self._locations.default
        if location_id not in self._locations.ids:
            return Ending.GONE
        if not self._deals.has_room(location_id):
            raise NotNow(ROOM, failed=False)
        deal = await self._read(location_id, reminder.deal.opportunity_id)
        if deal is None:
            return Ending.GONE
        if deal.status != Status.OPEN:
            return Ending.CLOSED
        return Posting(self._words.due(deal, reminder, new_reference()), reminder.caller.user_id)

    async def _read(self, location_id: str, opportunity_id: str) -> Opportunity | None:
        try:
            return await self._deals.read(location_id, opportunity_id)
        except CrmError as error:
            raise NotNow(error.trouble.retry_after or 0.0) from error

    async def _is_denied(self, caller: Caller) -> bool:
        """Whether the person has no access any more. In which channel they asked does not matter: this is private."""
        decision = await self._access.authorize(caller, within=ACCESS_PATIENCE)
        match decision:
            case Allowed() | Denied(Reason.WRONG_CHANNEL):
                return False
            case Denied(reason):
                if reason in NOT_KNOWN:
                    raise NotNow
                log.info("due.denied", reason=reason.value)
                return True
            case _:
                assert_never(decision)

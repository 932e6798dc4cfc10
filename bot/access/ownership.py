"""The owner rule: a person changes the deals that they own in the CRM, and admins change all. `decide` is pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from bot.access.people import People, Unknown
from bot.deals.deal import Opportunity
from bot.deals.outcome import Objection, Withheld


class OwnersOnly(StrEnum):
    """Whether only owners change their deals."""

    OFF = "off"
    WARN = "warn"
    """Other people may, and the owner is told privately."""
    ON = "on"


class Unassigned(StrEnum):
    """Who may change a deal that has no owner."""

    ANYONE = "anyone"
    ADMINS = "admins"


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """The rule, as the operator has set it."""

    everywhere: OwnersOnly = OwnersOnly.OFF
    by_location: Mapping[str, OwnersOnly] = field(default_factory=dict)
    """By the ids of sub-accounts that have a rule of their own."""
    unassigned: Unassigned = Unassigned.ANYONE
    admins: frozenset[str] = frozenset()

    def mode(self, location_id: str | None) -> OwnersOnly:
        """The rule in this sub-account."""
        return self.by_location.get(location_id or "", self.everywhere)

    @property
    def is_on(self) -> bool:
        """Whether the rule asks for owners anywhere."""
        return {self.everywhere, *self.by_location.values()} != {OwnersOnly.OFF}

    def decide(self, user_id: str, owner_id: str | None, is_owner: bool | Unknown | None) -> Withheld | None:  # noqa: FBT001 - a fact, not a switch
        """Why this person may not change a deal; `None` if they may.

        `owner_id`: of the deal; `None` where it has none. `is_owner`: whether that is this person, as far as it could
        be found out; `None` if that was not asked.
        """
        if user_id in self.admins:
            return None
        if owner_id is None:
            return self._ownerless()
        match is_owner:
            case True:
                return None
            case False:
                return Withheld.OWNED
            case Unknown.USER_GONE:
                return self._ownerless()
            case Unknown.EMAIL_HIDDEN | Unknown.NO_MEMBER:
                return Withheld.EMAIL_HIDDEN
            case Unknown.SLACK_DOWN:
                return Withheld.SLACK_DOWN
            case Unknown.CRM_DOWN | None:
                return Withheld.CRM_DOWN
            case Unknown.USERS_HIDDEN | Unknown.NO_USER | Unknown.SEVERAL_USERS:
                return Withheld.USERS_HIDDEN
            case _:
                assert_never(is_owner)

    def _ownerless(self) -> Withheld | None:
        match self.unassigned:
            case Unassigned.ANYONE:
                return None
            case Unassigned.ADMINS:
                return Withheld.UNASSIGNED
            case _:
                assert_never(self.unassigned)


class OwnerRights:
    """The port `deals.ports.Rights`: asks who owns a deal only where the rule needs to know."""

    def __init__(self, rule: OwnerRule, people: People) -> None:
        self._rule = rule
        self._people = people

    async def objection(self, user_id: str, deal: Opportunity) -> Objection | None:
        """See `Rights`."""
        mode = self._rule.mode(deal.location_id)
        if mode is OwnersOnly.OFF or user_id in self._rule.admins:
            return None
        owner_id, place = deal.owner_id, deal.location_id or ""
        is_owner = await self._people.is_owner(user_id, owner_id, place) if owner_id else None
        why = self._rule.decide(user_id, owner_id, is_owner)
        return Objection(why, stops=mode is OwnersOnly.ON) if why else None

    async def owner(self, deal: Opportunity) -> str:
        """See `Rights`."""
        found = await self._people.member(deal.owner_id, deal.location_id or "") if deal.owner_id else ""
        return "" if isinstance(found, Unknown) else found

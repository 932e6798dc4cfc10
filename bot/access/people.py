"""Who is whom: which user of the CRM a person in Slack is, and back. By the operator's list, else by e-mail."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, Self

from bot.access.authorization import DirectoryError
from bot.access.rules import Person
from bot.deals.clock import loop_time
from bot.deals.outcome import Cause
from bot.deals.ports import CrmError

PEOPLE_PATIENCE = 4.0
"""Seconds in which Slack and the CRM are asked who a person is."""
OWN_PATIENCE = 1.0
"""Seconds for which a list waits to put a person's own deals first."""

HIDDEN = frozenset({Cause.SCOPE_MISSING, Cause.FORBIDDEN, Cause.TOKEN_INVALID, Cause.TOKEN_ELSEWHERE, Cause.NOT_OURS})
"""What the CRM answers where it does not show its users to us, however often it is asked."""


class Unknown(Enum):
    """Why it is unknown who a person is. `messages` and `bot people` have words for each."""

    EMAIL_HIDDEN = "email_hidden"
    """Slack does not show the person's e-mail: the scope `users:read.email` is missing, or they have none."""
    SLACK_DOWN = "slack_down"
    NO_MEMBER = "no_member"
    """Slack has no member of our company with the e-mail of the CRM's user."""
    CRM_DOWN = "crm_down"
    USERS_HIDDEN = "users_hidden"
    """The CRM does not show its users, or this one's e-mail."""
    USER_GONE = "user_gone"
    """The CRM has no such user, or no longer: what they owned has no owner."""
    NO_USER = "no_user"
    """The CRM has no user with the person's e-mail."""
    SEVERAL_USERS = "several_users"
    """The CRM has more than one user with the person's e-mail."""


@dataclass(frozen=True, slots=True)
class CrmUser:
    """A user of the CRM, as far as the CRM shows them."""

    id: str
    name: str | None = None
    email: str | None = field(default=None, repr=False)
    is_gone: bool = False


class Contacts(Protocol):
    """What Slack knows about people. An answer may be five minutes old."""

    async def person(self, user_id: str) -> Person:
        """What Slack knows about a person. Raises `DirectoryError`, also when there is no such person."""

    async def found_by_email(self, email: str) -> str | None:
        """The id of the member of our company with this e-mail; `None` where there is none. Raises `DirectoryError`."""


class CrmUsers(Protocol):
    """The users of one sub-account of the CRM. An answer may be five minutes old, or older while the CRM is down."""

    async def user(self, user_id: str, *, until: float) -> CrmUser | None:
        """The user with this id; `None` where there is none. Raises `CrmError`."""

    async def listed(self, *, until: float) -> Sequence[CrmUser]:
        """The users who may own deals here. Raises `CrmError`."""


@dataclass(frozen=True, slots=True)
class Owners:
    """The operator's own list of who is whom: each person in Slack once, with a user of the CRM.

    Several people may share a user. The list says all about those who are in it: their e-mails are not compared.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    """The CRM user's id for a Slack user's id."""

    @classmethod
    def read(cls, entries: Sequence[str]) -> Self:
        """Read pairs such as `U012AB3CD=hl-user-id`. Raises `ValueError` for what is none, or names a person twice."""
        users: dict[str, str] = {}
        for entry in entries:
            match = re.fullmatch(_PAIR, entry)
            if match is None or match[1] in users:
                raise ValueError
            users[match[1]] = match[2]
        return cls(users)

    def members(self, owner_id: str) -> list[str]:
        """The Slack ids of those who are this user of the CRM, in the operator's order."""
        return [slack for slack, user in self.users.items() if user == owner_id]


_PAIR = r"([UW][A-Z0-9]{2,})\s*=\s*([A-Za-z0-9_-]{1,64})"


class People:
    """Tells who is whom. What it cannot find out is an `Unknown`, never a guess. It takes `PEOPLE_PATIENCE` at most.

    `users`: of each sub-account by its id. A sub-account that is empty or not among them is the `default` one.
    """

    def __init__(self, owners: Owners, contacts: Contacts, users: Mapping[str, CrmUsers], default: str) -> None:
        self._owners = owners
        self._contacts = contacts
        self._users = users
        self._default = default

    async def is_owner(self, user_id: str, owner_id: str, location_id: str) -> bool | Unknown:
        """Whether this person in Slack is this user of the CRM."""
        if user_id in self._owners.users or self._owners.members(owner_id):
            return self._owners.users.get(user_id) == owner_id
        until = loop_time() + PEOPLE_PATIENCE
        user, email = await asyncio.gather(self._crm_user(owner_id, location_id, until), self._email(user_id, until))
        if isinstance(user, Unknown):
            return user
        return email if isinstance(email, Unknown) else _folded(user.email) == email

    async def crm_user(self, user_id: str, location_id: str) -> str | Unknown:
        """The id of the CRM's user who this person in Slack is."""
        if user_id in self._owners.users:
            return self._owners.users[user_id]
        until = loop_time() + PEOPLE_PATIENCE
        email = await self._email(user_id, until)
        if isinstance(email, Unknown):
            return email
        try:
            listed = await self._of(location_id).listed(until=until)
        except CrmError as error:
            return why_unknown(error)
        # A user whom the operator's list gives to another person is not this person.
        found = [each.id for each in listed if _folded(each.email) == email and not self._owners.members(each.id)]
        if len(found) == 1:
            return found[0]
        return Unknown.SEVERAL_USERS if found else Unknown.NO_USER

    async def own_user(self, user_id: str, location_id: str) -> str:
        """As `crm_user`, where it only decides what comes first: empty if it is not known within `OWN_PATIENCE`."""
        try:
            async with asyncio.timeout(OWN_PATIENCE):
                found = await self.crm_user(user_id, location_id)
        except TimeoutError:
            return ""
        return "" if isinstance(found, Unknown) else found

    async def member(self, owner_id: str, location_id: str) -> str | Unknown:
        """The Slack id of the person who is this user of the CRM; the first of several that the operator's list has."""
        if listed := self._owners.members(owner_id):
            return listed[0]
        until = loop_time() + PEOPLE_PATIENCE
        user = await self._crm_user(owner_id, location_id, until)
        if isinstance(user, Unknown):
            return user
        try:
            async with asyncio.timeout_at(until):
                found = await self._contacts.found_by_email(_folded(user.email))
        except (DirectoryError, TimeoutError) as error:
            return _why_not_told(error)
        # A person whom the operator's list gives to another user of the CRM is not this one.
        return Unknown.NO_MEMBER if found is None or found in self._owners.users else found

    async def _crm_user(self, owner_id: str, location_id: str, until: float) -> CrmUser | Unknown:
        """The user, with an e-mail."""
        try:
            user = await self._of(location_id).user(owner_id, until=until)
        except CrmError as error:
            return why_unknown(error)
        if user is None or user.is_gone:
            return Unknown.USER_GONE
        return user if _folded(user.email) else Unknown.USERS_HIDDEN

    async def _email(self, user_id: str, until: float) -> str | Unknown:
        try:
            async with asyncio.timeout_at(until):
                person = await self._contacts.person(user_id)
        except (DirectoryError, TimeoutError) as error:
            return _why_not_told(error)
        return _folded(person.email) or Unknown.EMAIL_HIDDEN

    def _of(self, location_id: str) -> CrmUsers:
        return self._users.get(location_id) or self._users[self._default]


def why_unknown(error: CrmError) -> Unknown:
    """What an error of the CRM means for who is whom."""
    return Unknown.USERS_HIDDEN if error.trouble.cause in HIDDEN else Unknown.CRM_DOWN


def _why_not_told(error: DirectoryError | TimeoutError) -> Unknown:
    refused = isinstance(error, DirectoryError) and error.error in {"missing_scope", "user_not_found"}
    return Unknown.EMAIL_HIDDEN if refused else Unknown.SLACK_DOWN


def _folded(email: str | None) -> str:
    """An e-mail as it is compared: people and programs write the same one in different cases."""
    return (email or "").strip().casefold()

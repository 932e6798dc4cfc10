"""The list of who is whom: each user of HighLevel with the person in Slack, and people who have no user there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.access.authorization import Directory, DirectoryError
from bot.access.people import CrmUser, CrmUsers, Owners, People, Unknown, why_unknown
from bot.deals.clock import loop_time
from bot.deals.ports import CrmError
from bot.operations.audit import printable

LIST_PATIENCE = 20.0
"""Seconds in which HighLevel lists its users."""
AT_ONCE = 40
"""People who are looked up without a pause: Slack answers about 50 questions for an e-mail in a minute.
https://docs.slack.dev/reference/methods/users.lookupByEmail"""
PAUSE = 1.3
"""Seconds before each further one."""

WORDS = {
    Unknown.EMAIL_HIDDEN: "Slack shows no email: add the users:read.email scope, or list the person in OWNERS",
    Unknown.SLACK_DOWN: "Slack didn't answer",
    Unknown.NO_MEMBER: "no one in Slack has this email",
    Unknown.CRM_DOWN: "HighLevel didn't answer",
    Unknown.USERS_HIDDEN: "HighLevel shows no email: turn on View Users, or list the user in OWNERS",
    Unknown.USER_GONE: "HighLevel has no such user anymore",
    Unknown.NO_USER: "no HighLevel user here has this email",
    Unknown.SEVERAL_USERS: "several HighLevel users have this email: list the person in OWNERS",
}
"""What is missing, and what to do."""
BY_LIST, BY_EMAIL = "OWNERS", "same email"
NOT_LISTED = "OWNERS, but HighLevel doesn't list this user here"


@dataclass(frozen=True, slots=True)
class Pair:
    """A person in Slack, a user of HighLevel, or both where they are the same. Empty: there is none."""

    slack_id: str
    slack_name: str
    user_id: str
    user_name: str
    how: str
    """How they were matched, or what is missing."""
    matched: bool = False


@dataclass(frozen=True, slots=True)
class Roster:
    """Makes the list of one sub-account.

    `named`: Slack ids of those who may change deals, as far as the settings say.
    """

    people: People
    owners: Owners
    directory: Directory
    named: Collection[str]
    pause: float = PAUSE

    async def of(self, users: CrmUsers, location_id: str) -> list[Pair] | Unknown:
        """The pairs: matched ones first, then users without a person, then people without a user."""
        try:
            listed = await users.listed(until=loop_time() + LIST_PATIENCE)
        except CrmError as error:
            return why_unknown(error)
        found = [pair async for pair in self._one_by_one(self._of_user(user, location_id) for user in listed)]
        matched = {pair.slack_id for pair in found if pair.matched}
        others, known = sorted({*self.named, *self.owners.users} - matched), {user.id for user in listed}
        asked = (self._of_person(each, location_id, known) for each in others)
        left = [pair async for pair in self._one_by_one(asked)]
        return sorted((*found, *left), key=lambda pair: (not pair.matched, not pair.user_id, pair.user_name))

    async def _one_by_one(self, asked: Iterable[Awaitable[Pair]]) -> AsyncIterator[Pair]:
        for number, each in enumerate(asked):
            if number >= AT_ONCE:
                await asyncio.sleep(self.pause)
            yield await each

    async def _of_user(self, user: CrmUser, location_id: str) -> Pair:
        by = BY_LIST if self.owners.members(user.id) else BY_EMAIL
        found = await self.people.member(user.id, location_id)
        name = user.name or ""
        if isinstance(found, Unknown):
            return Pair("", "", user.id, name, f"{WORDS[found]}{_hint(found, user)}")
        return Pair(found, await self._name(found), user.id, name, by, matched=True)

    async def _of_person(self, slack_id: str, location_id: str, known: Collection[str]) -> Pair:
        found = await self.people.crm_user(slack_id, location_id)
        name = await self._name(slack_id)
        if isinstance(found, Unknown):
            return Pair(slack_id, name, "", "", WORDS[found])
        return Pair(slack_id, name, found, "", BY_LIST if found in known else NOT_LISTED, matched=True)

    async def _name(self, slack_id: str) -> str:
        try:
            return (await self.directory.person(slack_id)).name
        except DirectoryError:
            return ""


def _hint(found: Unknown, user: CrmUser) -> str:
    """So much of the e-mail that an operator sees which it is."""
    name, at, domain = (user.email or "").partition("@")
    return f" ({name[:1]}…@{domain})" if at and found is Unknown.NO_MEMBER else ""


def lines(place: str, pairs: Sequence[Pair] | Unknown) -> Iterator[str]:
    """What the command line prints of one sub-account."""
    yield printable(place)
    if isinstance(pairs, Unknown):
        yield f"  {WORDS[pairs]}"
        return
    rows = [("Slack", "HighLevel", "how")]
    rows += [(f"{each.slack_id} {each.slack_name}", f"{each.user_id} {each.user_name}", each.how) for each in pairs]
    shown = [tuple(printable(cell.strip() or "-") for cell in row) for row in rows]
    widths = [max(len(row[at]) for row in shown) for at in range(2)]
    yield from (f"  {slack:{widths[0]}}  {user:{widths[1]}}  {how}" for slack, user, how in shown)
    missing = sum(not each.matched for each in pairs)
    yield f"  {len(pairs) - missing} matched, {missing} not"

"""Builds what knows who is whom, and whose deal it is."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from bot.access.authorization import DirectoryError
from bot.access.ownership import OwnerRights
from bot.access.people import Contacts, Owners, People, Unknown
from bot.access.reach import PlacedRights
from bot.deals.ports import Rights
from bot.highlevel.crm import HighLevelCrm
from bot.operations.people.roster import Roster, lines
from bot.operations.settings import Settings
from bot.slack.directory import SlackDirectory
from bot.storage.access_requests import SqlAccessRequests
from bot.wiring.lifecycle import Bot


def build_people(settings: Settings, crms: Mapping[str, HighLevelCrm], contacts: Contacts) -> People:
    """Build what tells which HighLevel user a person in Slack is. `crms`: by location id."""
    users = {each: crm.users for each, crm in crms.items()}
    return People(Owners(dict(settings.owners)), contacts, users, settings.locations.default)


async def list_people(bot: Bot, out: TextIO) -> bool:
    """Print who is whom in each sub-account; returns whether HighLevel listed its users in all."""
    settings, directory, highlevel = bot.settings, bot.slack.directory, bot.highlevel
    async with bot.checking():
        named = settings.allowlist.users | settings.allowlist.admins
        for group in settings.allowlist.groups:
            with suppress(DirectoryError):
                named |= await directory.members(group)
        roster = Roster(highlevel.people, Owners(dict(settings.owners)), directory, named)
        well = True
        for location_id, crm in highlevel.crms.items():
            pairs = await roster.of(crm.users, location_id)
            print(*lines(settings.locations.name(location_id), pairs), sep="\n", file=out)
            well = well and not isinstance(pairs, Unknown)
    return well


def build_rights(
    settings: Settings, people: People, directory: SlackDirectory, approvals: SqlAccessRequests
) -> Rights | None:
    """Build what says who may change which deal; `None` where each caller may change every deal."""
    rule, allowlist = settings.owner_rule, settings.allowlist
    owners = OwnerRights(rule, people) if rule.is_on else None
    if not allowlist.only_in:
        return owners
    return PlacedRights(allowlist, directory, approvals, owners, settings.locations.default)

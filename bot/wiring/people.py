"""Builds what knows who is whom, and whose deal it is."""

from collections.abc import Mapping

from bot.access.ownership import OwnerRights
from bot.access.people import Contacts, Owners, People
from bot.access.reach import PlacedRights
from bot.deals.ports import Rights
from bot.highlevel.crm import HighLevelCrm
from bot.operations.settings import Settings
from bot.slack.directory import SlackDirectory
from bot.storage.access_requests import SqlAccessRequests


def build_people(settings: Settings, crms: Mapping[str, HighLevelCrm], contacts: Contacts) -> People:
    """Build what tells which HighLevel user a person in Slack is. `crms`: by location id."""
    users = {each: crm.users for each, crm in crms.items()}
    return People(Owners(dict(settings.owners)), contacts, users, settings.locations.default)


def build_rights(
    settings: Settings, people: People, directory: SlackDirectory, approvals: SqlAccessRequests
) -> Rights | None:
    """Build what says who may change which deal; `None` where each caller may change every deal."""
    rule, allowlist = settings.owner_rule, settings.allowlist
    owners = OwnerRights(rule, people) if rule.is_on else None
    if not allowlist.only_in:
        return owners
    return PlacedRights(allowlist, directory, approvals, owners, settings.locations.default)

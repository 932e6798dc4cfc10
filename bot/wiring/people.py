"""Builds what knows who is whom, and whose deal it is."""

from collections.abc import Mapping

from bot.access.ownership import OwnerRights
from bot.access.people import Contacts, Owners, People
from bot.deals.ports import Rights
from bot.highlevel.crm import HighLevelCrm
from bot.operations.settings import Settings


def build_people(settings: Settings, crms: Mapping[str, HighLevelCrm], contacts: Contacts) -> People:
    """Build what tells which HighLevel user a person in Slack is. `crms`: by location id."""
    users = {each: crm.users for each, crm in crms.items()}
    return People(Owners(dict(settings.owners)), contacts, users, settings.locations.default)


def build_rights(settings: Settings, people: People) -> Rights | None:
    """Build what says whose deal it is; `None` where each caller may change every deal."""
    rule = settings.owner_rule
    return OwnerRights(rule, people) if rule.is_on else None

"""Builds what learns of changes made in HighLevel itself."""

from bot.events.reception import EventReception
from bot.highlevel.notices import Ours
from bot.highlevel.webhooks import Signatures, Webhooks
from bot.storage.events.inbox import SqlCounts, SqlInbox
from bot.wiring.lifecycle import Events
from bot.wiring.parts import Parts


def build_events(parts: Parts) -> Events:
    """Build the routes for what HighLevel sends of its own accord, and what becomes of it."""
    settings, database = parts.settings, parts.storage.database
    reception = EventReception(SqlInbox(database), SqlCounts(database), parts.instrumentation, wake=lambda: None)
    webhooks = Webhooks(
        reception,
        Ours(settings.app_id, frozenset(settings.locations.ids)),
        Signatures(settings.highlevel_webhook_keys) if settings.by_oauth else None,
        settings.highlevel_workflow_token.get_secret_value(),
    )
    return Events(reception, webhooks)

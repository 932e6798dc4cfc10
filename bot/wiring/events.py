"""Builds what learns of changes made in HighLevel itself, and posts them."""

from bot.commands.worker import Worker
from bot.events.announcer import Announcer
from bot.events.polling import Polling
from bot.events.reception import EventReception
from bot.events.worker import EventWorker
from bot.highlevel.notices.bodies import Ours
from bot.highlevel.notices.routes import Webhooks
from bot.highlevel.notices.signing import Signatures
from bot.highlevel.reading import DealReader
from bot.slack.messages.events.changes import EventMessages
from bot.storage.events.announcing import SqlAnnouncements
from bot.storage.events.counts import SqlCounts
from bot.storage.events.inbox import SqlInbox
from bot.storage.events.polls import SqlPolls
from bot.wiring.lifecycle import Events
from bot.wiring.parts import Parts


def build_events(parts: Parts, worker: Worker) -> Events:
    """Build the routes for what HighLevel sends of its own accord, and what becomes of it."""
    settings, database, timing = parts.settings, parts.storage.database, parts.tempo.events
    inbox, watch = SqlInbox(database, parts.tempo.event_lease), settings.watch_policy
    deals = DealReader(parts.highlevel.clients, parts.highlevel.crms)
    announcer = Announcer(
        SqlAnnouncements(database),
        EventMessages(parts.messages.outcomes.installation, settings.policy, settings.celebrate),
        watch,
        worker.nudge,
        parts.instrumentation,
        timing,
    )
    event_worker = EventWorker(
        inbox=inbox,
        deals=deals,
        locations=settings.locations.ids,
        watch=watch,
        settled=announcer.wake,
        instrumentation=parts.instrumentation,
        timing=timing,
    )
    reception = EventReception(inbox, SqlCounts(database), parts.instrumentation, event_worker.wake)
    webhooks = Webhooks(
        reception,
        Ours(settings.app_id, frozenset(settings.locations.ids)),
        Signatures(settings.highlevel_webhook_keys) if settings.by_oauth else None,
        settings.highlevel_workflow_token.get_secret_value(),
    )
    polling = Polling(
        SqlPolls(database),
        deals,
        reception,
        locations=settings.locations.ids,
        every=parts.tempo.poll or settings.polls_every,
        room=timing.room,
    )
    return Events(inbox, reception, webhooks, event_worker, polling, announcer)

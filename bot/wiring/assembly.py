"""Puts the parts together, a function or a file per folder of the bot."""

from dataclasses import replace

import stamina

from bot.commands.instrumentation import NO_METRICS
from bot.commands.ledger import WorkerStorage
from bot.commands.outbox import Outbox
from bot.commands.tasks import Tasks
from bot.commands.worker import Worker
from bot.highlevel.api.client import Client
from bot.operations.diagnoses import Diagnosis
from bot.operations.settings import Settings
from bot.slack.messages.messages import Messages
from bot.slack.messages.pieces import Installation
from bot.storage.access_requests import SqlAccessRequests
from bot.storage.channels import SqlBindings
from bot.storage.database import Database
from bot.storage.history import SqlHistory
from bot.storage.leases import Leases
from bot.storage.ledger import SqlLedger
from bot.storage.trail.writing import SqlTrail
from bot.wiring.events import build_events
from bot.wiring.highlevel import TERMINAL_PATIENCE, build_highlevel, connect_url_of
from bot.wiring.lifecycle import Bot, Storage
from bot.wiring.operations import build_health, build_metrics
from bot.wiring.parts import Parts
from bot.wiring.schedule import build_reports, build_schedule
from bot.wiring.slack import build_slack_clients, build_slack_edge
from bot.wiring.tempo import Tempo


def build(
    settings: Settings, tempo: Tempo | None = None, *, migrates: bool = True, emptied: Diagnosis | None = None
) -> Bot:
    """Build the bot for these settings. This touches no network and no file.

    `migrates`: whether the bot may bring the database to this version's tables. `check` may not: an older version of
    the bot may be running. `emptied`: what empties the disk of the database's file, by `checks.disk.look`.
    """
    tempo = tempo or Tempo()
    # By default stamina loads prometheus-client at the first call, and counts in the registry that all code shares.
    stamina.instrumentation.set_on_retry_hooks([stamina.instrumentation.StructlogOnRetryHook])
    storage = _storage(settings, tempo, migrates=migrates)
    clients: dict[str, Client] = {}
    metrics = build_metrics(settings, tempo, clients)
    instrumentation = metrics or NO_METRICS
    slack, messages, tasks = build_slack_clients(settings), _messages(settings), Tasks()
    highlevel = build_highlevel(settings, tempo, storage, instrumentation, slack.directory)
    clients |= highlevel.clients
    outbox = Outbox(slack.replies, messages, tasks, tempo.persistence)
    parts = Parts(
        settings,
        tempo,
        instrumentation,
        storage,
        highlevel,
        slack,
        messages,
        outbox,
        highlevel.people,
    )
    worker = _worker(parts, tasks)
    reports = build_reports(parts)
    edge = build_slack_edge(parts, worker, reports)
    events = build_events(parts, worker)
    schedule = build_schedule(parts, tasks, reports)
    health = build_health(parts, edge, migrates=migrates, emptied=emptied)
    return Bot(settings, storage, highlevel, slack, edge, worker, events, schedule, health, metrics, emptied)


def _storage(settings: Settings, tempo: Tempo, *, migrates: bool) -> Storage:
    # Where it does not migrate, an operator waits at a terminal, and wants to hear why the database does not answer.
    patience = tempo.database if migrates else max(tempo.database, TERMINAL_PATIENCE)
    database = Database(settings.database_url, patience, migrates=migrates)
    ledger = SqlLedger(database, tempo.lease)
    return Storage(
        database=database,
        ledger=ledger,
        leases=Leases(ledger, tempo.lease),
        history=SqlHistory(database),
        channels=SqlBindings(database),
        access_requests=SqlAccessRequests(database),
        trail=SqlTrail(database),
    )


def _messages(settings: Settings) -> Messages:
    installation = Installation(
        app_url=settings.highlevel_app_url,
        locations=settings.locations,
        currency=settings.currency,
        admin_contact=settings.contact,
        admins=settings.admins,
        channels=settings.allowed_channels,
        command=settings.command,
        connect_url=connect_url_of(settings),
        docs_url=settings.docs_url,
    )
    return Messages.of(installation, settings.policy)


def _worker(parts: Parts, tasks: Tasks) -> Worker:
    worker = parts.tempo.worker
    # Where a change can no longer be undone, it is not corrected in place either.
    correct = min(worker.correct, parts.settings.policy.undo_window.total_seconds())
    return Worker(
        accounts=parts.highlevel.accounts,
        channels=parts.slack.directory,
        storage=WorkerStorage(parts.storage.leases, parts.storage.history),
        words=parts.messages,
        outbox=parts.outbox,
        tasks=tasks,
        timing=replace(worker, correct=correct),
        instrumentation=parts.instrumentation,
    )

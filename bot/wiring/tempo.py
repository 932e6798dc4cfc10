"""Every waiting time of the bot, in one place: tests and the demo change them."""

from dataclasses import dataclass, field

from bot.commands.outbox import Persistence
from bot.commands.worker import WorkerTiming
from bot.deals.change import Patience
from bot.events.worker import EventTiming
from bot.highlevel.api.client import Attempts
from bot.highlevel.connections import CONNECTION_LEASE
from bot.highlevel.tokens import RefreshTiming
from bot.schedule.calendar import Calendar
from bot.schedule.worker import ScheduleTiming
from bot.slack import socket_mode
from bot.slack.intake import ANSWER_WITHIN
from bot.storage.backlog import BACKLOG_TTL
from bot.storage.database import COMMIT_PATIENCE
from bot.storage.events.inbox import EVENT_LEASE
from bot.storage.ledger import COMMAND_LEASE
from bot.storage.schedule.queue import DUE_LEASE


@dataclass(frozen=True, slots=True)
class Tempo:
    """The waiting times of the bot, in seconds; the defaults are those of a deployed bot."""

    acknowledge: float = ANSWER_WITHIN
    database: float = COMMIT_PATIENCE
    command: Patience = field(default_factory=Patience)
    highlevel: Attempts = field(default_factory=Attempts)
    worker: WorkerTiming = field(default_factory=WorkerTiming)
    persistence: Persistence = field(default_factory=Persistence)
    lease: float = COMMAND_LEASE
    socket: socket_mode.SocketTiming = field(default_factory=socket_mode.SocketTiming)
    token_refresh: RefreshTiming = field(default_factory=RefreshTiming)
    connection_lease: float = CONNECTION_LEASE
    backlog: float = BACKLOG_TTL
    events: EventTiming = field(default_factory=EventTiming)
    event_lease: float = EVENT_LEASE
    poll: float = 0.0
    """In place of `POLL_SECONDS`, unless it is 0."""
    schedule: ScheduleTiming = field(default_factory=ScheduleTiming)
    due_lease: float = DUE_LEASE
    calendar: Calendar = field(default_factory=Calendar)
    """What says what is due; a test sets it forward."""

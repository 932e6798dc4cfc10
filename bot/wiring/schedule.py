"""Builds what comes due: its table, and the worker with a duty for each kind."""

from bot.commands.tasks import Tasks
from bot.highlevel.reading import DealReader
from bot.schedule.reminding import Reminding
from bot.schedule.worker import ScheduleWorker
from bot.storage.schedule.queue import SqlSchedule
from bot.wiring.lifecycle import Scheduling
from bot.wiring.parts import Parts
from bot.wiring.slack import build_authorizer


def build_schedule(parts: Parts, tasks: Tasks) -> Scheduling:
    """Build what posts reminders and digests when their time has come."""
    queue = SqlSchedule(parts.storage.database, parts.tempo.calendar, parts.tempo.due_lease)
    deals = DealReader(parts.highlevel.clients, parts.highlevel.crms)
    duties = [Reminding(deals, build_authorizer(parts), parts.settings.locations, parts.messages.reminders)]
    return Scheduling(queue, ScheduleWorker(queue, duties, parts.outbox, tasks, parts.tempo.schedule))

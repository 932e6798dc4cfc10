"""Builds what comes due: its table, and the worker with a duty for each kind."""

from bot.commands.tasks import Tasks
from bot.schedule.ports import Duty
from bot.schedule.worker import ScheduleWorker
from bot.storage.schedule.queue import SqlSchedule
from bot.wiring.lifecycle import Scheduling
from bot.wiring.parts import Parts


def build_schedule(parts: Parts, tasks: Tasks) -> Scheduling:
    """Build what posts reminders and digests when their time has come."""
    queue = SqlSchedule(parts.storage.database, parts.tempo.calendar, parts.tempo.due_lease)
    duties: list[Duty] = []
    return Scheduling(queue, ScheduleWorker(queue, duties, parts.outbox, tasks, parts.tempo.schedule))

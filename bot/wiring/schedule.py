"""Builds what comes due: its table, and the worker with a duty for each kind."""

from bot.commands.tasks import Tasks
from bot.highlevel.figures import HighLevelFigures
from bot.highlevel.reading import DealReader
from bot.schedule.digest.duty import DigestDuty, DigestPlanner
from bot.schedule.digest.reports import Reports
from bot.schedule.ports import Duty
from bot.schedule.reminding import Reminding
from bot.schedule.worker import ScheduleWorker
from bot.storage.schedule.digests import SqlDigests
from bot.storage.schedule.queue import SqlSchedule
from bot.wiring.lifecycle import Scheduling
from bot.wiring.parts import Parts
from bot.wiring.slack import build_authorizer


def build_reports(parts: Parts) -> Reports:
    """Build what makes the report of a week."""
    deals = DealReader(parts.highlevel.clients, parts.highlevel.crms)
    figures = HighLevelFigures(deals, parts.tempo.events.room)
    digests = SqlDigests(parts.storage.database)
    return Reports(figures, digests, parts.tempo.calendar, parts.settings.stuck_days)


def build_schedule(parts: Parts, tasks: Tasks, reports: Reports) -> Scheduling:
    """Build what posts reminders and digests when their time has come."""
    settings, calendar, timing = parts.settings, parts.tempo.calendar, parts.tempo.schedule
    queue = SqlSchedule(parts.storage.database, calendar, parts.tempo.due_lease)
    deals = DealReader(parts.highlevel.clients, parts.highlevel.crms)
    duties: list[Duty] = [Reminding(deals, build_authorizer(parts), settings.locations, parts.messages.reminders)]
    if settings.digest:
        duties.append(DigestDuty(settings.digest, settings.locations.ids, reports, parts.messages.digests))
    planner = DigestPlanner(settings.digest, SqlDigests(parts.storage.database), calendar, timing.look)
    worker = ScheduleWorker(queue, duties, parts.outbox, tasks, timing, parts.instrumentation)
    return Scheduling(queue, worker, planner)

"""Reminders: which deal and which day, that one is set, moved or canceled, which there are, and one that is due."""

from dataclasses import replace
from datetime import date, timedelta

from bot.commands.text.days import Unclear
from bot.deals.deal import Target
from bot.schedule.due import Kind, Planned
from bot.schedule.ports import Standing
from tests.golden.scene import ANA, NEW_WEBSITE, NOW, PRINTER, REFERENCE, SUPPORT, TRAINING, Rendered, became, messages

_SAY = messages().reminders
_FRIDAY = NOW.replace(hour=14, minute=0) + timedelta(days=6)
_REMINDER = Planned("17.key", Kind.REMINDER, _FRIDAY, ANA, Target(NEW_WEBSITE.id, "LOC"), "New website")
_OTHER = replace(
    _REMINDER, key="18.key", due=_FRIDAY + timedelta(days=7), deal=Target(PRINTER.id), name="Printer service"
)

CASES: dict[str, Rendered] = {
    **{
        f"reminder-when-{unclear.name.lower().replace('_', '-')}": _SAY.which_day(NEW_WEBSITE, unclear, REFERENCE)
        for unclear in Unclear
    },
    "reminder-which-deal": _SAY.which_deal("globex", [SUPPORT, TRAINING], date(2026, 12, 4), REFERENCE),
    "reminder-which-of-many": _SAY.which_deal("globex", [SUPPORT, TRAINING] * 3, None, REFERENCE),
    "reminder-set": _SAY.set(Standing(_REMINDER), REFERENCE),
    "reminder-moved": _SAY.set(Standing(_REMINDER, _FRIDAY - timedelta(days=3)), REFERENCE, replaces=True),
    "reminder-of-a-closed-deal": _SAY.closed(became(NEW_WEBSITE, "won"), REFERENCE),
    "reminder-usage": _SAY.usage(REFERENCE),
    "reminders": _SAY.listing([_REMINDER, _OTHER], REFERENCE),
    "reminders-none": _SAY.listing([], REFERENCE),
    "reminder-canceled": _SAY.canceled(_REMINDER, REFERENCE, replaces=True),
    "reminder-gone": _SAY.gone(REFERENCE),
    "reminder-unsure": _SAY.unsure(REFERENCE),
    "reminder-told-in": _SAY.told_in("C0SALES", REFERENCE),
    "reminder-due": _SAY.due(NEW_WEBSITE, _REMINDER, REFERENCE),
}

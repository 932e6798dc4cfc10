"""Checks this machine's clock against the time that Slack and HighLevel said. Pure."""

from collections.abc import Iterable

from bot.operations import diagnose, diagnoses
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.diagnose import ClockReading

MADE = frozenset({CheckId.CLOCK})


def check_clock(readings: Iterable[ClockReading]) -> Findings:
    """Compare with the first reading that has a time: Slack's comes first, since Slack's requests are what expires."""
    match diagnose.of_clock(readings):
        case None:
            return Findings(MADE)
        case diagnoses.CLOCK_UNTOLD as untold:
            return Findings(MADE, notes=(untold,))
        case off:
            return Findings(MADE, failing=(off,))

"""Asks the operator whether to probe a deal, runs the probe, and prints what it found."""

import json
from collections.abc import Callable
from typing import TextIO

from bot.highlevel.api.errors import HighLevelError
from bot.highlevel.probe.trial import Deal, Probe

WARNING = (
    "Use a test deal: this marks it lost and reopens it, and then puts it back as it was. HighLevel automations may run"
    " and message the customer."
)
QUESTION = "Go on with {name} ({status})? [y/N] "
NOTHING_CHANGED = "Nothing changed."
AS_BEFORE = "{name} is {status} again, as before."
NOT_AS_BEFORE = "{name} may not be as it was. Check it in HighLevel: it was {status} before."


async def converse(
    probe: Probe, opportunity_id: str, ask: Callable[[str], str], out: TextIO, *, yes: bool, as_json: bool
) -> bool:
    """Probe a deal if the operator agrees; returns whether all is well.

    `ask`: shows a question, and returns what the operator typed. `yes`: they agreed beforehand.
    """
    try:
        deal = await probe.look(opportunity_id)
    except HighLevelError as error:
        why = " ".join(error.args) or type(error).__name__
        print(f"Can't read this deal in HighLevel ({why}). {NOTHING_CHANGED}", file=out)
        return False
    if not (yes or _agreed(ask, deal)):
        print(NOTHING_CHANGED, file=out)
        return False
    report = await probe.run(deal)
    if as_json:
        print(json.dumps(report.as_json(), indent=2), file=out)
    else:
        ending = AS_BEFORE if report.restored else NOT_AS_BEFORE
        print(*report.lines(), ending.format(name=deal.name, status=deal.status), sep="\n", file=out)
    return report.well


def _agreed(ask: Callable[[str], str], deal: Deal) -> bool:
    asked = f"{WARNING}\n{QUESTION.format(name=deal.name, status=deal.status)}"
    return ask(asked).strip().casefold() in {"y", "yes"}

"""The five steps that a visitor of the demo takes, and what else there is to click: each a real command."""

import asyncio
from dataclasses import dataclass

from bot.simulator.demo.stage import ALLOWED, SALES, Stage
from bot.simulator.demo.troubles import WELL, trouble_highlevel

ANSWERED_WITHIN = 60.0
"""Seconds for which a step waits for the bot's answer."""
SETTLES_IN = 0.3
"""Seconds for what follows the answer: an undo edits one message after the other."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what its button says, and the command that it sends. Ana sends hers in the public channel."""

    number: int
    name: str
    command: str
    trouble: str = WELL
    """The trouble that HighLevel has while the command runs, and no longer."""


STEPS = (
    Step(1, "Win a deal", "Acme Corp won"),
    Step(2, "Undo it", "undo"),
    Step(3, "Lose one, with a reason", "Initech lost too expensive"),
    Step(4, "Two deals, one name", "Globex won"),
    Step(5, "Break HighLevel", "Acme Corp won", trouble="error"),
)
ASIDE = (Step(6, "Win Max's deal", "Planet Express won"),)
"""What else Ana does on a click; it is not counted."""
MORE = (
    Step(7, "Look up a deal", "Acme Corp"),
    Step(8, "Set a reminder", "remind Acme Corp"),
    Step(9, "Use the form", ""),
    Step(10, "See help", "help"),
)
"""What the visitor does on a click, as the person they are."""


def step_of(number: str) -> Step:
    """Find one of Ana's by its number. Raises `ValueError` if there is none."""
    for step in (*STEPS, *ASIDE):
        if str(step.number) == number:
            return step
    raise ValueError(f"no step {number}")


async def take(step: Step, stage: Stage) -> None:
    """Send the command as Ana, and wait until she sees an answer. Raises `TimeoutError` if none comes.

    A trouble of HighLevel's is over when the answer is there, so that `Try again` works.
    """
    slack = stage.slack
    before = _seen(stage)
    if step.trouble != WELL:
        trouble_highlevel(stage, step.trouble)
    try:
        await slack.command(step.command, user=ALLOWED, channel=SALES)
        await slack.wait_until(lambda: _seen(stage) != before, ANSWERED_WITHIN)
        await asyncio.sleep(SETTLES_IN)
    finally:
        if step.trouble != WELL:
            trouble_highlevel(stage, WELL)


def _seen(stage: Stage) -> frozenset[tuple[str, str]]:
    """What Ana sees: an undo says something else in a message that was there."""
    return frozenset((shown.ts, shown.text) for shown in stage.slack.shown if stage.slack.sees(ALLOWED, shown))

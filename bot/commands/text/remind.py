"""Reads what stands behind `remind`: a deal and a day, in either order. Pure."""

import re
from collections.abc import Sequence

from bot.commands.request import Misunderstood, Remind, ShowDeal
from bot.commands.text import days
from bot.commands.text.links import OurLocations, read_deal, targets_in
from bot.commands.text.names import cut, name_of, texts, typed, without_first
from bot.commands.text.typography import Word

ADDRESSED = {"me", "us"}
ABOUT = {"about", "of", "on", "to", "for", "-", ":"}
"""Between `remind me` and the deal, or between the day and the deal."""
TASK = re.compile(
    r"to (?:call|ring|email|e-mail|text|message|ping|chase|nudge|contact|visit|meet|check(?: in)? (?:on|with)|talk to|"
    r"follow up (?:on|with)|reach out to|get back to)\Z"
)
"""What a person wants to be reminded to do, between `remind me` and the deal."""
LONGEST_TASK = 4
"""Words of a task."""
SHORTER = 3
"""Words at the end that may be a day which cannot be read: without them the name is searched for too."""


def read(words: Sequence[Word], ours: OurLocations) -> Remind | Misunderstood:
    """Read a text whose first word is `remind`. Where no day is read, the name may have the words of one at its end."""
    behind = words[1:]
    if not behind:
        return Remind(ShowDeal(name=cut(typed(words)), whole=cut(typed(words))))
    named = without_first(behind, ADDRESSED)
    day = None
    if (found := days.read_at_end(named)) and found[0]:
        named, day = named[: found[0]], found[1]
    elif (found := days.read_at_beginning(named)) and texts(named[found[0] : found[0] + 1]).casefold() in ABOUT:
        named, day = named[found[0] :], found[1]
    named = without_first(_without_task(named), ABOUT)
    deal = _deal(named, words, ours)
    if isinstance(deal, Misunderstood):
        return deal
    if day is None and not deal.opportunity_id:
        return Remind(ShowDeal(name=deal.name, whole=deal.whole, shorter=_shorter(named)))
    return Remind(deal, day)


def _without_task(words: Sequence[Word]) -> Sequence[Word]:
    """The words without a task at their beginning, if a deal is left."""
    ends = (at for at in range(1, min(LONGEST_TASK, len(words) - 1) + 1) if TASK.match(texts(words[:at]).casefold()))
    return words[max(ends, default=0) :]


def _deal(named: Sequence[Word], words: Sequence[Word], ours: OurLocations) -> ShowDeal | Misunderstood:
    if targets := targets_in(named[0]):
        found = read_deal(targets[0], ours)
        return (
            found if isinstance(found, Misunderstood) else ShowDeal(found.opportunity_id, location_id=found.location_id)
        )
    name = name_of(named)
    return name if isinstance(name, Misunderstood) else ShowDeal(name=name, whole=cut(typed(words)))


def _shorter(named: Sequence[Word]) -> tuple[str, ...]:
    """The names without the last word, two, and so on; and without a day at the beginning."""
    shorter = [named[:at] for at in range(len(named) - 1, max(0, len(named) - 1 - SHORTER), -1)]
    if (found := days.read_at_beginning(named)) and found[0] < len(named):  # `friday acme` may be the deal's name
        shorter.insert(0, named[found[0] :])
    return tuple(name for name in map(name_of, shorter) if isinstance(name, str))

"""Reads what stands behind `remind`: a deal and a day, in either order. Pure."""

from collections.abc import Sequence

from bot.commands.request import Misunderstood, Remind, ShowDeal
from bot.commands.text import days
from bot.commands.text.links import OurLocations, read_deal, targets_in
from bot.commands.text.names import cut, name_of, texts, typed, without_first
from bot.commands.text.typography import Word

ADDRESSED = {"me", "us"}
ABOUT = {"about", "of", "on", "to", "for", "-", ":"}
"""Between `remind me` and the deal, or between the day and the deal."""
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
    named = without_first(named, ABOUT)
    deal = _deal(named, words, ours)
    if isinstance(deal, Misunderstood):
        return deal
    if day is None and not deal.opportunity_id:
        return Remind(ShowDeal(name=deal.name, whole=deal.whole, shorter=_shorter(named)))
    return Remind(deal, day)


def _deal(named: Sequence[Word], words: Sequence[Word], ours: OurLocations) -> ShowDeal | Misunderstood:
    if targets := targets_in(named[0]):
        found = read_deal(targets[0], ours)
        return (
            found if isinstance(found, Misunderstood) else ShowDeal(found.opportunity_id, location_id=found.location_id)
        )
    name = name_of(named)
    return name if isinstance(name, Misunderstood) else ShowDeal(name=name, whole=cut(typed(words)))


def _shorter(named: Sequence[Word]) -> tuple[str, ...]:
    """The names without the last word, two, and so on."""
    names = (name_of(named[:at]) for at in range(len(named) - 1, max(0, len(named) - 1 - SHORTER), -1))
    return tuple(name for name in names if isinstance(name, str))

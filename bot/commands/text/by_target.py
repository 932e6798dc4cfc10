"""Reads a text with ids or links in it. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import takewhile

from bot.commands.request import MOST_AT_ONCE, Change, Misunderstood, Problem, ShowDeal
from bot.commands.text.links import OurLocations, is_id, read_deal, targets_in
from bot.commands.text.names import means_nothing, texts, typed
from bot.commands.text.typography import Word
from bot.commands.text.vocabulary import ARTICLES, COURTESIES, PREPOSITIONS, SPEAKERS, VERBS, Vocabulary
from bot.deals.deal import STATES, Status, Target
from bot.deals.wish import Consent, Reading, Wish

_FILLERS = {*VERBS, *PREPOSITIONS, *ARTICLES, *SPEAKERS, *COURTESIES, "and", "&"}


def read(
    words: Sequence[Word],
    ours: OurLocations,
    statuses: Collection[Status],
    vocabulary: Vocabulary,
    consent: Consent,
) -> Change | ShowDeal | Misunderstood:
    """Read the words, of which at least one is an id or a link."""
    at, length, status = _status(words, vocabulary)
    if status is None:
        return _without_status(words, ours, statuses, vocabulary)
    before, behind = words[:at], words[at + length :]
    deals = [word for word in before if targets_in(word)]
    spare = [word for word in before if not targets_in(word) and not means_nothing(word, _FILLERS)]
    if deals and (status is Status.LOST or not all(targets_in(word) or is_filler(word) for word in behind)):
        words_behind = behind
    else:  # `won <id> <id>`, `lost too expensive <id>`
        skipped = list(takewhile(lambda word: not targets_in(word), behind))
        run = list(takewhile(lambda word: targets_in(word) or is_filler(word), behind[len(skipped) :]))
        deals += [word for word in run if targets_in(word)]
        words_behind = [*skipped, *behind[len(skipped) + len(run) :]]
    if spare:
        return Misunderstood(Problem.TOO_MUCH, texts(spare))
    if status not in statuses:
        return not_offered(status, words[at : at + length])
    found = _read_all(deals, ours)
    if isinstance(found, Misunderstood):
        return found
    if len(found) > MOST_AT_ONCE:
        return Misunderstood(Problem.TOO_MANY, str(len(found)))
    said = typed(words_behind) if not all(map(is_filler, words_behind)) else ""
    lost = status is Status.LOST
    wish = Wish("", status, reason=said if lost else "", consent=consent)
    wishes = (replace(wish, opportunity_id=deal.opportunity_id, location_id=deal.location_id) for deal in found)
    return Change(tuple(wishes), note="" if lost else said)


def not_offered(status: Status, words: Sequence[Word]) -> Misunderstood:
    """Why a status cannot be set that no caller may set."""
    problem = Problem.ALL_IS_NO_STATUS if status is Status.ALL else Problem.STATUS_NOT_OFFERED
    return Misunderstood(problem, texts(words))


def is_filler(word: Word) -> bool:
    """Whether the word says nothing beside an id and a status."""
    return means_nothing(word, _FILLERS)


def _status(words: Sequence[Word], vocabulary: Vocabulary) -> tuple[int, int, Status | None]:
    """The first status: its place, how many words it has, and what it is; a beginning counts, since an id is beside it.

    A word in quotes is a status only if there is no other: `<link> "won"` has always been understood.
    """
    for at, word in enumerate(words):
        if word.quoted or targets_in(word):
            continue
        if whole := vocabulary.at(words, at):
            return at, *whole
        if not is_filler(word) and (status := vocabulary.meant(word.text)):
            return at, 1, status
    for at, word in enumerate(words):
        if word.quoted and not targets_in(word) and (status := vocabulary.meant(word.text)):
            return at, 1, status
    return len(words), 0, None


def _without_status(
    words: Sequence[Word], ours: OurLocations, statuses: Collection[Status], vocabulary: Vocabulary
) -> ShowDeal | Misunderstood:
    deals = [word for word in words if targets_in(word)]
    found = _read_all(deals, ours)
    if isinstance(found, Misunderstood):
        return found
    others = [word for word in words if not targets_in(word) and not is_filler(word)]
    first = ShowDeal(found[0].opportunity_id, _typed_id(deals), found[0].location_id)
    match found, others:
        case [_], []:
            return first
        case [deal], [word]:  # `<id> wno`, `<id> closed`, `<id> gone`: asked about, with a button for each status
            likely = [status for status in vocabulary.asked_about(word.text) if status in statuses]
            closing = [status for status in STATES if status in statuses and status is not Status.OPEN]
            readings = (Reading((), tuple(likely or closing), ids=(deal.opportunity_id,)),)
            return replace(first, readings=readings if likely or closing else ())
        case _, []:
            return Misunderstood(Problem.NO_STATUS, texts(deals))
        case _:
            return Misunderstood(Problem.UNKNOWN_STATUS, texts(others))


def _read_all(words: Sequence[Word], ours: OurLocations) -> Sequence[Target] | Misunderstood:
    """The deals in the order in which they were typed, each once; or what is wrong with the first bad link."""
    deals: dict[str, Target] = {}
    for word in words:
        for target in targets_in(word):
            found = read_deal(target, ours)
            if isinstance(found, Misunderstood):
                return found
            deals.setdefault(found.opportunity_id, found)
    return list(deals.values())


def _typed_id(words: Sequence[Word]) -> str:
    """The id, if it was typed, and not in a link: a name of 20 letters may look like one; else empty."""
    return words[0].text if is_id(words[0].text) else ""

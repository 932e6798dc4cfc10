"""Reads a text that asks for several changes, each with its own status: `acme won, globex lost`. Pure.

One command sets one status. Such a text changes nothing by itself: the caller is asked, with a button for each deal, so
that none is changed while another is forgotten.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.commands.request import Misunderstood, Problem, ShowDeal
from bot.commands.text.by_target import is_filler, not_offered
from bot.commands.text.links import OurLocations, read_deal, targets_in
from bot.commands.text.names import is_name, means_nothing, name_of, names_in, typed, without_first, without_last
from bot.commands.text.typography import Word, word_of
from bot.commands.text.vocabulary import ARTICLES, COURTESIES, PREPOSITIONS, SPEAKERS, VERBS, Vocabulary, phrase_of
from bot.deals.deal import Status, Target
from bot.deals.wish import Mixed, Reading

MOST_CHANGES = 5
"""Changes that one question offers: each is a search, and a row."""

_BETWEEN = {"and", "&", "then", "but"}
"""Words between two changes. A comma, a semicolon or the end of a line may stand there too."""
_SIGNS = {"/", "|", "+", "-", "–", "—"}  # noqa: RUF001 - as typed
"""The same, but only beside a status: `acme won / globex lost`. Elsewhere they belong to a name."""
_BEFORE = {*VERBS, *ARTICLES, *SPEAKERS, "also"}
"""Words before a deal that are no part of its name, where the caller is asked anyway."""

_PRONOUNS = {*SPEAKERS, "they", "he", "she", "it", "who", "not", "competitor", "competitors", "of"}
"""Before a status, as the last word: the sentence goes on, as in `acme lost, they won another`."""


@dataclass(frozen=True, slots=True)
class _Clause:
    """What is to have a status, as it was typed."""

    name: Sequence[Word]
    status: Status
    status_words: Sequence[Word]
    behind: Sequence[Word] = ()
    is_turned: bool = False
    """Whether the status comes first, where other changes begin with the deal: `acme won and we lost globex`."""


def apart(
    words: Sequence[Word], statuses: Collection[Status], vocabulary: Vocabulary
) -> Reading | Mixed | Misunderstood | None:
    """The changes that a text of names may ask for, without reasons; `None` if it can only ask for one.

    It may still be one deal's whose name has a status in it: `acme won globex lost`, and `Paradise Lost Tours won`.
    """
    words = without_last(words, COURTESIES)
    between = _between_signs(words, vocabulary, tails=False)
    clauses = between or _in_a_row(words, vocabulary)
    parts = [part for clause in clauses for part in _parts(clause)]
    if not parts or any(each.status not in statuses for each in clauses):
        return None
    if len(parts) > MOST_CHANGES and len({part.statuses for part in parts}) > 1:
        return Misunderstood(Problem.SEVERAL_STATUSES, typed(words)) if between else None
    return _together(parts, partly=bool(between) and clauses[0].status is not Status.LOST)


def with_reasons(
    words: Sequence[Word], statuses: Collection[Status], vocabulary: Vocabulary
) -> Mixed | Misunderstood | None:
    """The changes of names, of which one has a reason or a note behind its status: `acme won, globex lost on price`."""
    clauses = _between_signs(without_last(words, COURTESIES), vocabulary, tails=True)
    if len({clause.status for clause in clauses}) == 1 or not any(each.behind or each.is_turned for each in clauses):
        return None
    if refused := _refused(clauses, statuses):
        return refused
    return Mixed(tuple(_parts(clause)[0] for clause in clauses), partly=clauses[0].status is not Status.LOST)


def with_ids(
    words: Sequence[Word], ours: OurLocations, statuses: Collection[Status], vocabulary: Vocabulary
) -> ShowDeal | Misunderstood | None:
    """A question about changes, of which at least one is of an id or a link; `None` if the text asks for one status.

    What follows a loss is its reason, unless it is nothing but an id and a status too.
    """
    clauses = (
        _in_a_row([word for word in words if targets_in(word) or not is_filler(word)], vocabulary, of_ids=True)
        or _between_signs(words, vocabulary, tails=False)
        or _in_a_row(words, vocabulary)
    )
    if not clauses or (clauses[0].status is Status.LOST and not all(map(_is_all_ids, clauses[1:]))):
        return None
    if refused := _refused(clauses, statuses):
        return refused
    parts: list[Reading] = []
    deals: list[Target] = []
    for clause in clauses:
        targets = [target for word in clause.name for target in targets_in(word)]
        parts += [] if targets else _parts(clause)
        for target in targets:
            deal = read_deal(target, ours)
            if isinstance(deal, Misunderstood):
                return deal
            deals.append(deal)
            parts.append(Reading((), (clause.status,), ids=(deal.opportunity_id,)))
    if len(parts) > MOST_CHANGES or len({deal.location_id for deal in deals}) > 1:
        return Misunderstood(Problem.SEVERAL_STATUSES, typed(words))
    return ShowDeal(
        deals[0].opportunity_id, location_id=deals[0].location_id, readings=(_together(parts, partly=True),)
    )


def _refused(clauses: Sequence[_Clause], statuses: Collection[Status]) -> Misunderstood | None:
    for clause in clauses:
        if clause.status not in statuses:
            return not_offered(clause.status, clause.status_words)
    if len(clauses) > MOST_CHANGES:
        return Misunderstood(Problem.SEVERAL_STATUSES, typed(word for each in clauses for word in each.name))
    return None


def _parts(clause: _Clause) -> Sequence[Reading]:
    names = names_in(clause.name) or [str(name_of(without_first(clause.name, _BEFORE)))]
    return [Reading((name,), (clause.status,), typed(clause.behind).rstrip(",;")) for name in names]


def _together(parts: Sequence[Reading], *, partly: bool) -> Reading | Mixed:
    """One reading if all are to have the same status."""
    if len({part.statuses for part in parts}) > 1:
        return Mixed(tuple(parts), partly)
    ids = tuple(dict.fromkeys(each for part in parts for each in part.ids))
    return Reading(tuple(dict.fromkeys(name for part in parts for name in part.names)), parts[0].statuses, ids=ids)


def signs_apart(words: Sequence[Word], vocabulary: Vocabulary) -> Iterator[Word]:
    """The words, with `acme=won` as three: a deal, a sign and a status. A link stays as it is."""
    for at, word in enumerate(words):
        found = None if word.quoted or word.is_emoji_name or "://" in word.text else _SIGNED.fullmatch(word.typed)
        parts = [part for each in found.groups() if each for part in word_of(each)] if found else []
        sides = [parts[:1], parts[-1:]] if found and found[3] else [words[at + 1 : at + 2]]
        if parts and any(vocabulary.whole(phrase_of(side)) for side in sides):
            yield replace(parts[0], begins_line=word.begins_line)
            yield from parts[1:]
        else:
            yield word


_SIGNED = re.compile(r"(.*?)(->|=>|→|=|:)([^=:>→]*)")

# --- where the changes are -------------------------------------------------------------------------------------------


def _between_signs(words: Sequence[Word], vocabulary: Vocabulary, *, tails: bool) -> Sequence[_Clause]:
    """The changes between commas, `and` and line ends; empty if there are fewer than two.

    Either all begin with the deal, or all with the status. A part without a status belongs to its neighbor:
    `acme, globex won, initech lost`. With `tails` it does not, and a status may have a reason behind it.
    """
    parts = list(_split(words, vocabulary))
    if not tails and not vocabulary.at_end(words):
        return _beginning_with_status(parts, vocabulary)
    clauses: list[_Clause] = []
    waiting: list[Word] = []
    for part in parts:
        marks = _marks(part, vocabulary)
        if not marks and not tails:
            waiting += part
            continue
        start, end, status = marks[0] if marks else (0, 0, Status.ALL)
        clause = _Clause(without_last((*waiting, *part[:start]), PREPOSITIONS), status, part[start:end], part[end:])
        if tails and clauses and vocabulary.at(left := without_first(part, SPEAKERS), 0):
            clause = _Clause(without_first(left[end - start :], ARTICLES), status, part[start:end], is_turned=True)
        if not _is_change(clause) or (clause.behind and not tails):
            return ()
        clauses.append(clause)
        waiting = []
    return clauses if len(clauses) > 1 and not waiting else ()


def _beginning_with_status(parts: Sequence[Sequence[Word]], vocabulary: Vocabulary) -> Sequence[_Clause]:
    clauses: list[_Clause] = []
    for part in parts:
        left = without_first(part, SPEAKERS)
        marks = _marks(left, vocabulary)
        if marks and marks[0][0] == 0:
            _, end, status = marks[0]
            clauses.append(_Clause(without_first(left[end:], ARTICLES), status, left[:end]))
        elif clauses and not marks:
            clauses[-1] = replace(clauses[-1], name=(*clauses[-1].name, *part))
        else:
            return ()
    return clauses if len(clauses) > 1 and all(map(_is_change, clauses)) else ()


def _in_a_row(words: Sequence[Word], vocabulary: Vocabulary, *, of_ids: bool = False) -> Sequence[_Clause]:
    """The changes where nothing stands between them: `acme won globex lost`, `won acme lost globex`.

    Empty if there are fewer than two. A synonym is more often a part of a name. `of_ids`: each has only ids or links.
    """
    last = len(words)
    marks = [
        mark
        for mark in _marks(words, vocabulary)
        if of_ids or mark[1] == last or vocabulary.has_note(phrase_of(words[mark[0] : mark[1]]))
    ]
    if (marks and marks[0][0] > 0 and marks[-1][1] < last) or (not of_ids and len({each[2] for each in marks}) == 1):
        return ()
    starts, ends = [start for start, _, _ in marks], [end for _, end, _ in marks]
    bounds = zip(ends, [*starts[1:], last], strict=True) if starts[:1] == [0] else zip([0, *ends], starts, strict=False)
    clauses = [
        _Clause(without_last(words[begin:end], PREPOSITIONS), status, words[start:stop])
        for (begin, end), (start, stop, status) in zip(bounds, marks, strict=True)
    ]
    is_right = _is_all_ids if of_ids else _is_change
    return clauses if len(clauses) > 1 and all(map(is_right, clauses)) else ()


def _split(words: Sequence[Word], vocabulary: Vocabulary) -> Iterator[Sequence[Word]]:
    part: list[Word] = []
    for at, word in enumerate(words):
        is_beside = bool(vocabulary.at_end(part) or vocabulary.at(words, at + 1))
        is_between = not word.quoted and word.text.casefold() in (_BETWEEN | _SIGNS if is_beside else _BETWEEN)
        if part and (is_between or word.begins_line):
            yield part
            part = []
        part += [] if is_between else [word]
        if part and not word.quoted and word.typed.endswith((",", ";")):
            yield part
            part = []
    if part:
        yield part


def _marks(words: Sequence[Word], vocabulary: Vocabulary) -> Sequence[tuple[int, int, Status]]:
    """The whole statuses: where each begins and ends, and what it is."""
    found: list[tuple[int, int, Status]] = []
    for at in range(len(words)):
        if (not found or at >= found[-1][1]) and (here := vocabulary.at(words, at)):
            found.append((at, at + here[0], here[1]))
    return found


def _is_change(clause: _Clause) -> bool:
    """Whether the clause names a deal: `Inc.` and `we` are none."""
    if any(targets_in(word) for word in clause.name):
        return all(targets_in(word) or is_filler(word) for word in clause.name)
    name = name_of(without_first(clause.name, _BEFORE))
    return isinstance(name, str) and is_name(name) and not means_nothing(clause.name[-1], _PRONOUNS)


def _is_all_ids(clause: _Clause) -> bool:
    return bool(clause.name) and all(targets_in(word) for word in clause.name)

"""Reads a text that names its deal. Pure.

It is a change unasked only if it ends with a whole status or a synonym, perhaps with a note behind it, or if quotes
tell the name from the status. Anything else may be only the name of a deal, and is looked for first.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.commands.request import MOST_AT_ONCE, Change, Misunderstood, Problem, ShowDeal
from bot.commands.text import clauses
from bot.commands.text.by_target import is_filler, not_offered
from bot.commands.text.names import (
    cut,
    means_nothing,
    name_of,
    names_in,
    spaced,
    texts,
    typed,
    with_country_code,
    without_first,
    without_last,
)
from bot.commands.text.typography import Word
from bot.commands.text.vocabulary import (
    ARTICLES,
    COURTESIES,
    LOOKING,
    PREPOSITIONS,
    SPEAKERS,
    VERBS,
    Vocabulary,
    phrase_of,
)
from bot.deals.deal import Status
from bot.deals.wish import NO_DOUBTS, Consent, Doubts, Mixed, Reading, Wish

LENGTHS = (3, 2, 1)
"""Words of the names that are tried after the whole rest, where a status comes first and a reason may be last."""


@dataclass(frozen=True, slots=True)
class _Split:
    """A text as a name, a status, and what stands behind it."""

    name: Sequence[Word]
    status_words: Sequence[Word]
    status: Status
    behind: Sequence[Word] = ()


def read(
    words: Sequence[Word], statuses: Collection[Status], vocabulary: Vocabulary, consent: Consent
) -> Change | ShowDeal | Misunderstood:
    """Read the words, of which none is an id or a link."""
    vocabulary = replace(vocabulary, knows_all=Status.ALL in statuses)
    if quoted := _in_quotes(words, vocabulary):
        is_reason = quoted.status is Status.LOST and not any(word.quoted for word in quoted.behind)
        several = clauses.with_reasons(words, statuses, vocabulary) or clauses.apart(words, statuses, vocabulary)
        if several and not is_reason:
            return several if isinstance(several, Misunderstood) else _several(words, several, quoted)
        return _certain(quoted, (), statuses, consent, "")
    if _is_made_of_statuses(words, vocabulary):
        return _only_statuses(words, vocabulary)
    ending, middle, leading = _ending(words, vocabulary), _middle(words, vocabulary), _leading(words, vocabulary)
    others = [*([middle] if middle else []), *([leading] if leading else [])]
    if ending and all(means_nothing(word, SPEAKERS) for word in ending.name):
        return Misunderstood(Problem.NO_OPPORTUNITY, texts(ending.status_words))
    noted = middle if middle and _has_note(middle, vocabulary) else None
    # A synonym behind a status is a part of the note: `acme lost ghosted`, `acme won 🎉`. A status is the right one:
    # `Paradise Lost Tours won`.
    if ending and not _is_made_of_statuses(ending.name, vocabulary) and not (noted and _is_synonym(ending)):
        found = _certain(ending, others, statuses, consent, typed(words))
        return _or_apart(found, words, statuses, vocabulary)
    if noted:
        if mixed := clauses.with_reasons(words, statuses, vocabulary):
            return mixed if isinstance(mixed, Misunderstood) else _several(words, mixed, noted)
        # A deal that is called like this as far as the status is asked about, whatever comes behind.
        found = _certain(
            noted, [leading] if leading else [], statuses, consent, typed((*noted.name, *noted.status_words))
        )
        return _or_apart(found, words, statuses, vocabulary)
    found = _doubtful(words, [*([leading] if leading else []), *([middle] if middle else [])], statuses, vocabulary)
    return _or_apart(found, words, statuses, vocabulary)


def _or_apart(
    found: Change | ShowDeal | Misunderstood,
    words: Sequence[Word],
    statuses: Collection[Status],
    vocabulary: Vocabulary,
) -> Change | ShowDeal | Misunderstood:
    """What was found; and what else it may mean, if there is a status for each of several deals."""
    apart = clauses.with_reasons(words, statuses, vocabulary) or clauses.apart(words, statuses, vocabulary)
    match apart, found:
        case Misunderstood(), _:
            return apart
        case ((Reading() | Mixed()), Change(doubts=doubts)):
            return replace(found, doubts=replace(doubts, apart=apart))
        case ((Reading() | Mixed()), ShowDeal(readings=readings)):
            return replace(found, readings=(apart, *readings))
        case _:
            return found


def _several(words: Sequence[Word], mixed: Reading | Mixed, noted: _Split) -> ShowDeal:
    """A question about changes with different statuses. What stands behind a loss may as well be its reason."""
    reason = _readings(noted) if noted.status is Status.LOST else ()
    return ShowDeal(name=cut(typed(words)), readings=(mixed, *reason))


def ends_before(words: Sequence[Word], vocabulary: Vocabulary) -> bool:
    """Whether a name and a status stand before an id or a link, which then belongs to the reason or the note."""
    status = next((at for at in range(1, len(words)) if vocabulary.at(words, at)), 0)
    name = without_last(words[:status], PREPOSITIONS)
    return bool(name) and not _is_made_of_statuses(name, vocabulary) and not all(map(is_filler, name))


def look(words: Sequence[Word]) -> ShowDeal | Misunderstood:
    """Look for the deal that is called like the words; then without those that ask to look, or without the last."""
    name = name_of(words)
    if isinstance(name, Misunderstood):
        return name
    asked = without_first(words, LOOKING)
    further = [asked]
    if len(asked) == len(words) > 1 and not any(word.quoted for word in words):
        further.append(words[:-1])
    shorter = [each for part in further if isinstance(each := name_of(part), str) and each != name]
    instead = [each for each in (spaced(name), with_country_code(name)) if each != name]
    return ShowDeal(name=name, shorter=tuple(dict.fromkeys([*instead, *shorter])))


# --- where the status is ---------------------------------------------------------------------------------------------


def _in_quotes(words: Sequence[Word], vocabulary: Vocabulary) -> _Split | None:
    """A name in quotes with a status beside it, or before it; `None` if quotes do not tell."""
    if len(words) > 1 and not words[0].quoted and words[1].quoted and (status := _meant(words[0], vocabulary)):
        return _Split(words[1:2], words[:1], status, words[2:])
    if not words[0].quoted:
        return None
    at = next((at for at in range(1, len(words)) if vocabulary.at(words, at)), None)
    if at is not None and (found := vocabulary.at(words, at)):
        length, status = found
        return _Split(without_last(words[:at], PREPOSITIONS), words[at : at + length], status, words[at + length :])
    if len(words) > 1 and (status := _meant(words[-1], vocabulary)):
        return _Split(without_last(words[:-1], PREPOSITIONS), words[-1:], status)
    return None


def _meant(word: Word, vocabulary: Vocabulary) -> Status | None:
    return None if word.quoted else vocabulary.meant(word.text)


def _ending(words: Sequence[Word], vocabulary: Vocabulary) -> _Split | None:
    """A whole status at the end, with a name before it: `acme won`, `mark acme as won`, `acme won please`."""
    courteous = without_last(words, COURTESIES)
    found = vocabulary.at_end(courteous)
    if found is None:
        return None
    length, status = found
    before, status_words = courteous[:-length], courteous[-length:]
    name = without_last(before, PREPOSITIONS)
    is_framed = len(name) < len(before) and len(name) > 1 and means_nothing(name[0], VERBS)
    name = without_first(name[1:], ARTICLES) if is_framed else name
    return _Split(name, status_words, status) if name else None


def _middle(words: Sequence[Word], vocabulary: Vocabulary) -> _Split | None:
    """The first whole status with a name before it and something behind it: `acme lost too expensive`."""
    first = 0 if vocabulary.at(words, 0) is None else 1
    for at in range(max(1, first), len(words)):
        found = vocabulary.at(words, at)
        if found and at + found[0] < len(words):
            name = without_last(words[:at], PREPOSITIONS)
            if all(means_nothing(word, SPEAKERS) for word in name):
                continue
            return _Split(name, words[at : at + found[0]], found[1], words[at + found[0] :])
    return None


def _leading(words: Sequence[Word], vocabulary: Vocabulary) -> _Split | None:
    """A status that comes first: `won acme`, `we just won acme`. A reason may follow the name without a sign."""
    left = without_first(words, SPEAKERS)
    found = vocabulary.at(left, 0)
    if found is None or found[0] == len(left):
        return None
    rest = without_first(left[found[0] :], ARTICLES)
    return _Split(rest, left[: found[0]], found[1])


def _is_made_of_statuses(words: Sequence[Word], vocabulary: Vocabulary) -> bool:
    """Whether each word is a status: `open won` may be a name, and `open` alone is hardly one."""
    return all(vocabulary.at(words, at) is not None for at in range(len(words)))


def _has_note(split: _Split, vocabulary: Vocabulary) -> bool:
    """Whether a status in the middle of a text counts, with a name before it and a note behind it."""
    return vocabulary.has_note(phrase_of(split.status_words)) and not _is_made_of_statuses(split.name, vocabulary)


def _is_synonym(split: _Split) -> bool:
    return phrase_of(split.status_words) not in set(Status)


# --- what is asked for -----------------------------------------------------------------------------------------------


def _certain(
    split: _Split, others: Sequence[_Split], statuses: Collection[Status], consent: Consent, whole: str
) -> Change | ShowDeal | Misunderstood:
    """A change, with what else it may mean. `whole`: the whole text, if a deal may be called so."""
    if split.status not in statuses:
        return not_offered(split.status, split.status_words)
    lost, said = split.status is Status.LOST, _said(split.behind)
    names = names_in(split.name)
    if len(names) > MOST_AT_ONCE:
        return Misunderstood(Problem.TOO_MANY, str(len(names)))
    listed = Reading(tuple(names), (split.status,), said)
    if names and (any(word.begins_line for word in split.name) or sum(word.quoted for word in split.name) > 1):
        return ShowDeal(name=cut(whole) or names[0], readings=(listed,))
    name = name_of(split.name)
    if isinstance(name, Misunderstood):
        return name
    reading = Reading((name,), (split.status,), said)
    otherwise = [*([listed] if names else []), *_shorter(split, name, said)]
    for other in others:
        otherwise += [each for each in _readings(other) if each.statuses[0] in statuses]
    doubts = Doubts(reading, whole, tuple(otherwise)) if whole else NO_DOUBTS
    wish = Wish("", split.status, name=name, reason=said if lost else "", consent=consent)
    return Change((wish,), note="" if lost else said, doubts=doubts)


def _doubtful(
    words: Sequence[Word], splits: Sequence[_Split], statuses: Collection[Status], vocabulary: Vocabulary
) -> ShowDeal | Misunderstood:
    """A look at the deal that is called like the text, with the changes that it may ask for instead."""
    looked = look(words)
    if isinstance(looked, Misunderstood):
        return looked
    readings: list[Reading] = []
    for split in splits:
        if split.status not in statuses:
            continue
        if split.status is Status.OPEN and phrase_of(split.status_words) == Status.OPEN and not split.behind:
            name = name_of(split.name)
            return looked if isinstance(name, Misunderstood) else ShowDeal(name=looked.name, shorter=(name,))
        readings += _readings(split)
    if not splits and len(words) > 1 and not words[-1].quoted:
        likely = tuple(status for status in vocabulary.asked_about(words[-1].text) if status in statuses)
        name = name_of(without_last(words[:-1], PREPOSITIONS))
        readings += [Reading((name,), likely)] if likely and isinstance(name, str) else []
    return ShowDeal(name=looked.name, readings=tuple(readings), shorter=() if readings else looked.shorter)


def _only_statuses(words: Sequence[Word], vocabulary: Vocabulary) -> ShowDeal | Misunderstood:
    """A text that is made of statuses: one alone is not enough, and several may be a deal's name."""
    found = vocabulary.at(words, 0)
    if found and found[0] == len(words):
        return Misunderstood(Problem.NO_OPPORTUNITY, texts(words))
    return look(words)


def _readings(split: _Split) -> Iterator[Reading]:
    """What a text may ask for whose status is not at its end. Where it comes first, the name may end anywhere."""
    if split.behind:
        name = name_of(split.name)
        if isinstance(name, str):
            yield Reading((name,), (split.status,), _said(split.behind))
        return
    if names := names_in(split.name):
        yield Reading(tuple(names), (split.status,))
    whole = len(split.name)
    for length in (whole, *(each for each in LENGTHS if each < whole)):
        name = name_of(split.name[:length])
        if isinstance(name, str):
            yield Reading((name,), (split.status,), _said(split.name[length:]))


def _shorter(split: _Split, name: str, said: str) -> Iterator[Reading]:
    """The name without a verb or an article before it, as a person may be called Mark.

    Or that of a channel `#acme-corp` with spaces, or a phone number with its country code.
    """
    shorter = name_of(without_first(split.name, {*VERBS, *ARTICLES, *SPEAKERS}))
    for other in (shorter, spaced(name), with_country_code(name)):
        if isinstance(other, str) and other != name:
            yield Reading((other,), (split.status,), said)


def _said(words: Sequence[Word]) -> str:
    """What stands behind a status, as it was typed but without names of emoji; empty if it is only polite."""
    said = [
        word for word in words if not word.is_emoji_name
    ]  # a message shows a person's text without emoji of Slack's
    return "" if all(means_nothing(word, COURTESIES) for word in said) else typed(said)

"""Parses the text after `/opp-status` into a request. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from bot.commands.request import (
    MOST_AT_ONCE,
    Change,
    Help,
    Misunderstood,
    OpenForm,
    Problem,
    Request,
    ShowAccess,
    ShowDeal,
    ShowHistory,
    Undo,
    UseLocation,
    WhoAmI,
)
from bot.commands.text.links import OurLocations, is_target, read_deal, targets_in
from bot.commands.text.typography import TRAILING, Word, bare_name, word_of, words_of
from bot.commands.text.vocabulary import EVERYONE, PREVIEW, QUESTION, is_whole_status, status_of
from bot.deals.deal import Status, Target
from bot.deals.wish import Consent, Wish

SHORTEST_NAME = 2
"""Letters and digits that a name needs: a search for fewer would find half of all deals."""
LONGEST_NAME = 75
"""Characters of a name that are searched for: HighLevel's search refuses longer ones."""


def parse(text: str, *, location_id: str, statuses: Collection[Status], others: Collection[str] = ()) -> Request:
    """Read a command's text; a text that is not understood is a `Misunderstood`. Never raises.

    `location_id` and `others` are the sub-accounts that are ours, as for `links.first_link`: a link to another one is
    refused here, before HighLevel is called.
    `statuses` are those that callers may set.
    """
    typed = list(words_of(text))
    if not typed:
        return OpenForm()
    ours = OurLocations(location_id, others)
    words, marker = _without_marker(typed)
    match [word.text.casefold() for word in words]:
        case []:
            return Help() if marker == QUESTION else Misunderstood(Problem.NO_OPPORTUNITY, marker)
        case ["help" | "-h" | "--help"]:
            return Help()
        case ["whoami"]:
            return WhoAmI()
        case ["access"]:
            return ShowAccess()
        case ["undo", *more]:  # not `undo?` either: an undo has no preview, and this must not change anything
            alone = not more and not marker
            return Undo() if alone else Misunderstood(Problem.UNDO_STANDS_ALONE, _text(words[1:]) or marker)
        case ["history", *_]:
            return _history([word.text for word in words[1:]], ours)
        case ["use", *_] if others:
            return UseLocation(_typed(words[1:]))
        case _:
            return _deals(words, ours, statuses, Consent.PREVIEW if marker else Consent.PRESUMED)


def read_name(text: str) -> str:
    """The name to search for if a person types this text; empty if it is too short."""
    name = _name(list(words_of(text)))
    return "" if isinstance(name, Misunderstood) else name


def _deals(words: list[Word], ours: OurLocations, statuses: Collection[Status], consent: Consent) -> Request:
    targets = [target for word in words for target in targets_in(word.text)]
    if not targets:
        return _by_name(words, statuses, consent)
    others = [word for word in words if not targets_in(word.text)]
    if not others:
        return _show(targets, ours)
    # A word in quotes is a status only if there is no other: `"<id>" "won"` has always been understood.
    at = next((at for at, word in enumerate(others) if not word.quoted and status_of(word.text)), 0)
    before, word, behind = others[:at], others[at], others[at + 1 :]
    status = status_of(word.text)
    if status is None:
        return Misunderstood(Problem.UNKNOWN_STATUS, _text(others))
    spare = before if status is Status.LOST else before + behind
    if spare:
        return Misunderstood(Problem.TOO_MUCH, _text(spare))
    if status not in statuses:
        return _not_offered(status, word)
    found = _read_all(targets, ours)
    if isinstance(found, Misunderstood):
        return found
    if len(found) > MOST_AT_ONCE:
        return Misunderstood(Problem.TOO_MANY, str(len(found)))
    wish = Wish("", status, reason=_typed(behind), consent=consent)
    return Change(
        tuple(replace(wish, opportunity_id=deal.opportunity_id, location_id=deal.location_id) for deal in found)
    )


def _show(targets: list[str], ours: OurLocations) -> ShowDeal | Misunderstood:
    found = _read_all(targets, ours)
    if isinstance(found, Misunderstood):
        return found
    first = ShowDeal(found[0].opportunity_id, location_id=found[0].location_id)
    return first if len(found) == 1 else Misunderstood(Problem.NO_STATUS, " ".join(targets))


def _by_name(words: list[Word], statuses: Collection[Status], consent: Consent) -> Request:
    at = _index_of_status(words)
    if at is None:
        name = _name(words)
        return name if isinstance(name, Misunderstood) else ShowDeal(name=name)
    before, word, behind = words[:at], words[at], words[at + 1 :]
    if not before:  # `won Acme Corp`, `lost "Acme Corp" too expensive`
        end = 1 if behind and behind[0].quoted else len(behind)
        before, behind = behind[:end], behind[end:]
    status = status_of(word.text)
    if behind and status is not Status.LOST:
        return Misunderstood(Problem.TOO_MUCH, _text(behind))
    if status is None or all(is_whole_status(other) for other in before):
        return Misunderstood(Problem.NO_OPPORTUNITY, words[0].text)
    if status not in statuses:
        return _not_offered(status, word)
    name = _name(before)
    if isinstance(name, Misunderstood):
        return name
    return Change((Wish("", status, name=name, reason=_typed(behind), consent=consent),))


def _index_of_status(words: list[Word]) -> int | None:
    """Which word is the status; `None` if none is.

    It is the last word that can be one, because a name may contain another: `Open Table won`. If quotes tell which
    words are the name, it is the first, because a reason may contain another.
    """
    whole = [at for at, word in enumerate(words) if is_whole_status(word)]
    if whole and (words[0].quoted or (whole[0] == 0 and len(words) > 1 and words[1].quoted)):
        return whole[0]
    # The beginning of a status counts only as the last word. Elsewhere it is more likely a name: `Los Angeles Dodgers`.
    if not words[-1].quoted and status_of(words[-1].text):
        return len(words) - 1
    return whole[-1] if whole else None


def _name(words: list[Word]) -> str | Misunderstood:
    typed = _typed(words)
    name = bare_name(typed)
    if len(name) > LONGEST_NAME:
        name = bare_name(name[: LONGEST_NAME + 1].rpartition(" ")[0] or name[:LONGEST_NAME])
    if sum(char.isalnum() for char in name) < SHORTEST_NAME:
        return Misunderstood(Problem.NAME_TOO_SHORT, name or typed)
    return name


def _not_offered(status: Status, word: Word) -> Misunderstood:
    problem = Problem.ALL_IS_NO_STATUS if status is Status.ALL else Problem.STATUS_NOT_OFFERED
    return Misunderstood(problem, word.text)


_PERSON = re.compile(r"@?([UW][A-Z0-9]{2,14})")
"""A person as Slack writes them, `<@U012AB3CD|ana>`, without brackets and label; or the id alone.
https://docs.slack.dev/messaging/formatting-message-text"""


def _history(words: list[str], ours: OurLocations) -> ShowHistory | Misunderstood:
    match words:
        case []:
            return ShowHistory()
        case [word] if word.casefold() in EVERYONE:
            return ShowHistory(everybody=True)
        case [word] if person := _PERSON.fullmatch(word):
            return ShowHistory(user_id=person[1])
        case [target] if is_target(target):
            found = read_deal(target, ours)
            return found if isinstance(found, Misunderstood) else ShowHistory(found.opportunity_id)
        case _:
            return Misunderstood(Problem.HISTORY_OF_WHAT, " ".join(words))


def _read_all(targets: list[str], ours: OurLocations) -> list[Target] | Misunderstood:
    """The deals in the order in which they were typed, each once; or what is wrong with the first bad link."""
    deals: dict[str, Target] = {}
    for target in targets:
        found = read_deal(target, ours)
        if isinstance(found, Misunderstood):
            return found
        deals.setdefault(found.opportunity_id, found)
    return list(deals.values())


def _without_marker(words: list[Word]) -> tuple[list[Word], str]:
    """The words without the `?` or `preview` that asks for a preview; and that marker, empty if there is none."""
    marker = ""
    end = words[-1].typed.rstrip(TRAILING)
    if not words[-1].quoted and end.endswith(QUESTION):
        words, marker = [*words[:-1], *word_of(end.rstrip(QUESTION))], QUESTION
    for at in (-1, 0):
        if words and not words[at].quoted and words[at].text.casefold() == PREVIEW:
            marker = words[at].text
            words = words[:-1] if at else words[1:]
    return words, marker


def _text(words: Iterable[Word]) -> str:
    """The words without quotes and punctuation; see `Word`."""
    return " ".join(word.text for word in words)


def _typed(words: Iterable[Word]) -> str:
    """The words as the caller typed them."""
    return " ".join(word.typed for word in words)

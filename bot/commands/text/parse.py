"""Parses the text after `/opp-status` into a request. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.commands.request import (
    Change,
    Help,
    Misunderstood,
    Mute,
    OpenForm,
    Problem,
    Request,
    ShowAccess,
    ShowDeal,
    ShowDigest,
    ShowHistory,
    ShowReminders,
    Undo,
    UndoDeal,
    UseLocation,
    WhoAmI,
)
from bot.commands.text import by_name, by_target, clauses, remind
from bot.commands.text.clauses import signs_apart
from bot.commands.text.links import OurLocations, read_deal, targets_in
from bot.commands.text.names import cut, name_of, texts, typed
from bot.commands.text.typography import TRAILING, Word, word_of, words_of
from bot.commands.text.vocabulary import EVERYONE, GREETINGS, PREVIEW, QUESTION, Vocabulary, phrase_of
from bot.deals.deal import Status
from bot.deals.wish import NO_DOUBTS, Consent, Doubts

_KEYWORDS: Mapping[str, Request] = {
    "help": Help(),
    "-h": Help(),
    "--help": Help(),
    "whoami": WhoAmI(),
    "access": ShowAccess(),
    "reminders": ShowReminders(),
    "digest": ShowDigest(),
}
"""Keywords that stand alone. With anything behind them they are the beginning of a name."""


@dataclass(frozen=True, slots=True)
class Parser:
    """Reads texts. A text that is not understood is a `Misunderstood`; no method raises.

    A text asks for a change unasked only if the deal is an id, a link or a name in quotes, or if a whole status comes
    last, or has a note behind it. Anything else is a look, with `readings` to ask about.
    """

    ours: OurLocations
    """A link to any other sub-account is refused here, before HighLevel is called."""
    statuses: Collection[Status]
    """Those that callers may set."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def __call__(self, text: str) -> Request:
        """Read a command's text."""
        words = list(words_of(text))
        apart = list(signs_apart(words, self.vocabulary))
        if apart != words:  # `acme=won` is a name, unless it can be read as a change
            match self._read(apart):
                case Change() as change:
                    return change
                case ShowDeal(identifier, readings=[_, *_]) as asked:
                    name = name_of(words)
                    return asked if identifier or isinstance(name, Misunderstood) else replace(asked, name=name)
                case _:
                    pass
        return self._read(words)

    def _read(self, every: Sequence[Word]) -> Request:
        if not every:
            return OpenForm()
        words, marker = _without_marker(every)
        if not words:
            return Help() if marker == QUESTION else Misunderstood(Problem.NO_OPPORTUNITY, marker)
        asked = texts(words).casefold()
        if asked in GREETINGS and not any(word.quoted for word in words):
            return Help()
        if asked in _KEYWORDS:
            return _KEYWORDS[asked]
        if (span := _muted_for(asked)) is not None:
            return Mute(span)
        if keyword := self._keyword(words, marker):
            return keyword
        found = self._deals(words, Consent.PREVIEW if marker else Consent.PRESUMED)
        if marker == QUESTION or not marker or not isinstance(found, ShowDeal) or found.opportunity_id:
            return found
        # `preview` asks for nothing where there is no change, so it may belong to the name: `Preview Homes`
        whole = name_of(every)
        return found if isinstance(whole, Misunderstood) else replace(found, name=whole, shorter=_also(found))

    def doubts(self, text: str) -> Doubts:
        """What else the text of a change by name may mean."""
        request = self(text)
        return request.doubts if isinstance(request, Change) else NO_DOUBTS

    def _keyword(self, words: Sequence[Word], marker: str) -> Request | None:
        """What a keyword at the beginning asks for, with a deal behind it; `None` if it belongs to a name."""
        if self._asks_for_a_status(words[1:]):
            return None
        match words[0].text.casefold():
            case "undo":
                return self._undo(words, marker)
            case "history":
                return self._history(words)
            case "use" if self.ours.others:
                return UseLocation(typed(words[1:]))
            case "remind" | "reminder" if not marker:  # as it has no preview, it is looked up as a name
                return remind.read(words, self.ours)
            case _:
                return None

    def _asks_for_a_status(self, words: Sequence[Word]) -> bool:
        """Whether the words end with a status that has a name before it."""
        ending = self.vocabulary.at_end(words)
        return ending is not None and ending[0] < len(words)

    def _deals(self, words: Sequence[Word], consent: Consent) -> Request:
        first = next((at for at, word in enumerate(words) if targets_in(word)), None)
        if first is None:
            return by_name.read(words, self.statuses, self.vocabulary, consent)
        if several := clauses.with_ids(words, self.ours, self.statuses, self.vocabulary):
            return several
        if not by_name.ends_before(words[:first], self.vocabulary):
            return by_target.read(words, self.ours, self.statuses, self.vocabulary, consent)
        return by_name.read(words, self.statuses, self.vocabulary, consent)

    def _undo(self, words: Sequence[Word], marker: str) -> Request:
        if marker:  # an undo has no preview, and this must not change anything
            return Misunderstood(Problem.UNDO_STANDS_ALONE, marker)
        if len(words) == 1:
            return Undo()
        deal = self._one_deal(words)
        return deal if isinstance(deal, Misunderstood) else UndoDeal(deal)

    def _history(self, words: Sequence[Word]) -> ShowHistory | Misunderstood:
        behind = words[1:]
        if len(behind) == 1 and phrase_of(behind) in EVERYONE:
            return ShowHistory(everybody=True)
        if len(behind) == 1 and (person := behind[0].person):
            return ShowHistory(user_id=person)
        if not behind:
            return ShowHistory()
        if any(targets_in(word) for word in behind[1:]) or any(word.is_person for word in behind):
            return Misunderstood(Problem.HISTORY_OF_WHAT, texts(behind))
        deal = self._one_deal(words)
        if isinstance(deal, Misunderstood):
            return deal
        return ShowHistory(deal.opportunity_id) if deal.opportunity_id else ShowHistory(deal=deal)

    def _one_deal(self, words: Sequence[Word]) -> ShowDeal | Misunderstood:
        """The deal behind a keyword."""
        behind = words[1:]
        if len(behind) == 1 and len(targets_in(behind[0])) == 1:
            found = read_deal(targets_in(behind[0])[0], self.ours)
            return found if isinstance(found, Misunderstood) else ShowDeal(found.opportunity_id)
        name = name_of(behind)
        return name if isinstance(name, Misunderstood) else ShowDeal(name=name, whole=cut(typed(words)))


def read_name(text: str) -> str:
    """The name to search for if a person types this text; empty if it is too short."""
    name = name_of(list(words_of(text)))
    return "" if isinstance(name, Misunderstood) else name


def _muted_for(text: str) -> timedelta | None:
    """For how long `mute 2h` mutes: zero for `unmute`, an hour for `mute` alone; `None` for any other text."""
    if text == "unmute":
        return timedelta()
    found = _MUTE.fullmatch(text)
    if found is None:
        return None
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found[1] else timedelta(hours=1)


_MUTE = re.compile(r"mute(?: ([1-9][0-9]{0,2}) ?([mhd]))?")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _also(shown: ShowDeal) -> tuple[str, ...]:
    return (shown.name, *shown.shorter)


def _without_marker(words: Sequence[Word]) -> tuple[Sequence[Word], str]:
    """The words without the `?` or `preview` that asks for a preview; and that marker, empty if there is none."""
    marker = ""
    last = words[-1]
    end = last.typed.rstrip(TRAILING)
    if not last.quoted and end.endswith(_QUESTIONS):
        words, marker = [*words[:-1], *word_of(end.rstrip("".join(_QUESTIONS)))], QUESTION
    for at in (-1, 0):
        if words and not words[at].quoted and words[at].text.casefold() == PREVIEW:
            marker = words[at].text
            words = words[:-1] if at else words[1:]
    return words, marker


_QUESTIONS = (QUESTION, "？")  # noqa: RUF001 - the wide one, as East Asian keyboards type it

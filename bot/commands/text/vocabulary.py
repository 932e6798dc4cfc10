"""The words that have a meaning in a command: one table of statuses, fillers and keywords. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from bot.commands.text.typography import Word
from bot.deals.deal import STATES, Status

SHORTEST_BEGINNING = 3
"""Letters that are enough for a status, where they are asked about or stand beside an id."""
EVERYONE = {"all", "everybody", "everyone"}
"""After `history`: all people's commands."""
QUESTION = "?"
"""At the end: show what would happen, and change nothing. `preview` at either end means the same."""
PREVIEW = "preview"

SYNONYMS: Mapping[Status, Sequence[str]] = {
    Status.OPEN: ("reopen", "re-open", "reopened", "unwon", "revive"),
    Status.WON: (
        "win",
        "closed won",
        "closed-won",
        "close won",
        "cw",
        "signed",
        "✅",
        "🎉",
        ":white_check_mark:",
        ":tada:",
    ),
    Status.LOST: ("lose", "loss", "closed lost", "closed-lost", "close lost", "cl", "❌", ":x:"),
    Status.ABANDONED: ("abandon", "dead", "ghosted", "cold", "disqualified"),
}
"""What means a status besides its own name, at the end of a text. An operator adds more with `STATUS_WORDS`."""

ASKED_ABOUT: Mapping[str, Sequence[Status]] = {
    "closed": (Status.WON, Status.LOST),
    "close": (Status.WON, Status.LOST),
    "done": (Status.WON, Status.LOST),
    "w": (Status.WON,),
    "l": (Status.LOST,),
    "cancelled": (Status.LOST, Status.ABANDONED),
    "canceled": (Status.LOST, Status.ABANDONED),
    "nurture": (Status.ABANDONED, Status.OPEN),
}
"""Last words that may mean one of these statuses, so that the caller is asked which."""

WITH_A_NOTE = {"won", "lost", "abandoned", "closed won", "closed-won", "closed lost", "closed-lost"}
"""What means a status also in the middle of a text, with a note or a reason behind it. Others are more often names."""

VERBS = {"mark", "set", "make", "move", "change"}
"""Before a deal: `mark acme as won`."""
PREPOSITIONS = {"as", "to", "is", "was", "moved", "->", "→", "=", "=>", "-", "–", "—", "|", "/"}  # noqa: RUF001 - as typed
"""Between a deal and its status."""
ARTICLES = {"the", "deal"}
"""Before a deal's name, without a meaning of their own."""
SPEAKERS = {"we", "i", "i've", "we've", "just", "have", "has", "finally", "please", "pls", "yay", "hooray"}
"""Before a status that comes before its deal: `we just won acme`."""
COURTESIES = {"please", "pls", "thanks", "thx", "now"}
"""Behind a status, without a meaning of their own."""
LOOKING = {
    *("show", "status", "find", "view", "what's", "whats", "what", "is", "of", "the", "look", "up", "at", "deal"),
    *("how", "how's", "where", "where's", "who", "owns", "search", "tell", "me", "about"),
}
"""Before the name of a deal that a person only wants to see: `what's the status of acme`."""

GREETINGS = {
    *("hi", "hello", "hey", "hi there", "good morning", "thanks", "thank you", "thx", "ok", "okay"),
    *("list", "my deals", "deals", "list deals", "show my deals", "cancel", "stop", "never mind", "nevermind"),
}
"""Texts that ask for no deal: they get the help."""

LONGEST_PHRASE = 2
"""Words of a synonym at most."""

CLOSE_ENOUGH = 0.66
"""How alike a mistyped word is to a status, as difflib counts it: `wno` is 0.67 like `won`, `wok` as well."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All words for statuses: the built-in ones, and those that an operator added."""

    added: Mapping[str, Status] = field(default_factory=dict)
    """Further words, in lower case, each of one or two words."""
    knows_all: bool = True
    """Whether `all` counts, which no deal's status is; a name may end with it."""

    def whole(self, phrase: str) -> Status | None:
        """The status that a whole word or a synonym means, in lower case; `None` if it means none."""
        found = self.added.get(phrase) or _WHOLE.get(phrase)
        return found if self.knows_all or found is not Status.ALL else None

    def at_end(self, words: Sequence[Word]) -> tuple[int, Status] | None:
        """The whole status or synonym at the end: how many words it has, and what it means; `None` for none."""
        return next(
            (
                (length, status)
                for length in range(min(LONGEST_PHRASE, len(words)), 0, -1)
                if (status := self.whole(phrase_of(words[-length:])))
            ),
            None,
        )

    def at(self, words: Sequence[Word], at: int) -> tuple[int, Status] | None:
        """The whole status or synonym that begins at this word, as for `at_end`."""
        return next(
            (
                (length, status)
                for length in range(min(LONGEST_PHRASE, len(words) - at), 0, -1)
                if (status := self.whole(phrase_of(words[at : at + length])))
            ),
            None,
        )

    def has_note(self, phrase: str) -> bool:
        """Whether this whole status or synonym counts in the middle of a text too."""
        return phrase in WITH_A_NOTE or phrase in self.added

    def meant(self, word: str) -> Status | None:
        """The status that a word beside an id means: a whole one, a synonym, or a beginning; `None` for none."""
        folded = word.casefold()
        return self.whole(folded) or beginning(folded)

    def asked_about(self, word: str) -> Sequence[Status]:
        """The statuses that a last word may mean, likeliest first; empty for none.

        It may be one of `ASKED_ABOUT`, the beginning of a status, or mistyped.
        """
        folded = word.casefold()
        if folded in ASKED_ABOUT:
            return ASKED_ABOUT[folded]
        if status := beginning(folded):
            return (status,)
        if not folded.isalpha() or len(folded) < SHORTEST_BEGINNING or len(folded) > LONGEST_SLIP:
            return ()
        near = get_close_matches(folded, [*STATES, *self.added], n=1, cutoff=CLOSE_ENOUGH)
        return tuple(status for each in near if (status := self.whole(each)))


def phrase_of(words: Sequence[Word]) -> str:
    """The words in lower case with spaces between them; empty if one of them is in quotes."""
    if any(word.quoted for word in words):
        return ""
    return " ".join(word.text for word in words).casefold()


def beginning(folded: str) -> Status | None:
    """The status whose name begins like this, in lower case; `None` for none, and for fewer than three letters."""
    if len(folded) < SHORTEST_BEGINNING:
        return None
    meant = [status for status in Status if status.startswith(folded)]
    return meant[0] if len(meant) == 1 else None


LONGEST_SLIP = 12
"""Letters of a mistyped status at most; without a limit, comparing a long word would take long."""

_WHOLE = {status.value: status for status in Status} | {
    word: status for status, words in SYNONYMS.items() for word in words
}

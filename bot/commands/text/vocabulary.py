"""The words that mean something: statuses and markers. Pure."""

from bot.commands.text.typography import Word
from bot.deals.deal import Status

SHORTEST_BEGINNING = 3
"""Letters of a status that suffice, when no other status begins with them."""

EVERYONE = {"all", "everybody", "everyone"}

_WHOLE_STATUSES = frozenset(Status)

QUESTION = "?"

PREVIEW = "preview"


def status_of(word: str) -> Status | None:
    """The status that a word stands for: the whole word, or its beginning when only one status begins so."""
    folded = word.casefold()
    if len(folded) < SHORTEST_BEGINNING:
        return None
    meant = [status for status in Status if status.startswith(folded)]
    return meant[0] if len(meant) == 1 else None


def is_whole_status(word: Word) -> bool:
    """Whether a word is a status in full, outside quotes."""
    return not word.quoted and word.text.casefold() in _WHOLE_STATUSES

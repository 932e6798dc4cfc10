"""The words that have a meaning in a command: statuses and markers. Pure."""

from bot.commands.text.typography import Word
from bot.deals.deal import Status

SHORTEST_BEGINNING = 3
"""Letters that are enough for a status."""
EVERYONE = {"all", "everybody", "everyone"}
"""After `history`: all people's commands."""
QUESTION = "?"
"""At the end: show what would happen, and change nothing. `preview` at either end means the same."""
PREVIEW = "preview"

_WHOLE_STATUSES = frozenset(Status)


def status_of(word: str) -> Status | None:
    """The status that a word stands for: the whole status, or its beginning; `None` if it stands for none."""
    folded = word.casefold()
    if len(folded) < SHORTEST_BEGINNING:
        return None
    meant = [status for status in Status if status.startswith(folded)]
    return meant[0] if len(meant) == 1 else None


def is_whole_status(word: Word) -> bool:
    """Whether a word is a whole status, outside quotes."""
    return not word.quoted and word.text.casefold() in _WHOLE_STATUSES

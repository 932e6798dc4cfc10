"""What no sentence that a person reads may have: the voice in which Opp Status speaks, as far as a test can hear it."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

WORDS: Mapping[str, str] = {
    r"(?-i:[Tt]he|[Tt]his|[Aa]|[Oo]ur) (?-i:bot)": "Opp Status",
    r"whoever|somebody|nobody|everybody|anybody|one's own": "a person, you, or no one",
    r"shall": "should, or will",
    r"cannot|can not|may not|unable": "can't",
    r"(?:is|are|was|were|do|does|did|has|have|had|will|would|could|should) not": "the short form, such as isn't",
    r"anew|by and by|at the moment|for the moment|beforehand|not any ?more": "what people say",
    r"(?:take[ns]?|taking|took) (?:(?:it|that|this) )?back": "undo",
    r"turn(?:s|ed)? (?:us|it|them) away": "reject",
    r"please|successfully|kindly|in order to": "nothing",
    r"(?:has|have|had) to be": "who does it",
    r"(?:USD|EUR|GBP) [0-9]\S*": "$4,800",
    r"(?-i:ids?|urls?|dms?)": "ID, URL, DM",
    r"(?<![/(])locations?(?![/)])": "sub-account",
    r"\w+isations?|(?:recogn|organ|synchron|author|real|final)is(?:e|es|ed|ing)": "American spelling",
    r"colours?|licences?|behaviours?|favours?|cancelled": "American spelling",
}
"""What no one reads, by regular expression, without regard to capitals: what to say instead."""

SIGNS: Mapping[str, str] = {"—": "a comma, or two sentences", "\N{EN DASH}": "to", ";": "two sentences", "!": "nothing"}
"""Likewise, as they stand."""

FOR_ADMINS: Mapping[str, str] = {
    r"opportunit(?:y|ies)": "deal",
    r"(?-i:[A-Z]+(?:_[A-Z]+)+)": 'the small print after "For admins:"',
    r"scopes?|environment variables?": 'the small print after "For admins:"',
}
"""Likewise: what a sales rep does not read, and an admin does."""

_QUOTED = re.compile(r"`[^`]*`|<[^<>\n]*>|“[^”]*”|\{\w*\}|python -c '[^']*'|https?://\S+|:[a-z_]+:")
"""What is shown as it is: code, mentions and links, quotations, readings, addresses, names of emoji."""


def faults(sentence: str, *, to_a_rep: bool = False) -> list[str]:
    """What the voice forbids in this sentence, each with what to say instead.

    `to_a_rep`: whether a sales rep reads it, who is told nothing about settings, but behind "For admins:".
    """
    spoken = _QUOTED.sub(" ", sentence)
    found = [
        *_words(spoken, WORDS),
        *(f"{sign} in {sentence!r}: say {SIGNS[sign]}" for sign in SIGNS if sign in spoken),
    ]
    return [*found, *_words(spoken.partition("For admins:")[0], FOR_ADMINS)] if to_a_rep else found


def _words(spoken: str, words: Mapping[str, str]) -> Iterator[str]:
    for pattern, instead in words.items():
        for match in re.finditer(rf"(?i)(?<!\w)(?:{pattern})(?!\w)", spoken):
            yield f"{match[0]!r} in {spoken.strip()!r}: say {instead}"


def sentences(path: Path) -> Iterator[str]:
    """The texts in a file of code that have three words or more: not docstrings, not mark-up, not patterns."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and re.search(r"[A-Za-z',]+ [A-Za-z']+ [A-Za-z']+", node.value)
            and not re.search(r"</?\w+>|\(\?|\[\^", node.value)
        ):
            yield node.value

"""Makes names to search for out of words, and separates several. Pure."""

import re
from collections.abc import Collection, Iterable, Sequence

from bot.commands.request import Misunderstood, Problem
from bot.commands.text.typography import Word, bare_name

SHORTEST_NAME = 2
"""Letters and digits that a name needs: a search for fewer would find half of all deals."""
LONGEST_NAME = 75
"""Characters of a name that are searched for: HighLevel's search refuses longer ones."""

_BETWEEN_NAMES = re.compile(r"\n|[,;](?:\s|$)|,(?=[^\W\d])|(?<=\s)(?:and|&)(?=\s)", re.IGNORECASE)

_COMPANY_FORMS = {"inc", "llc", "ltd", "gmbh", "corp", "co", "plc", "ag", "sa", "jr", "sr"}
"""What stands behind a comma in a company's or a person's name, and is no name of its own."""


def typed(words: Iterable[Word]) -> str:
    """The words as the caller typed them."""
    return " ".join(word.typed for word in words)


def texts(words: Iterable[Word]) -> str:
    """The words without quotes and punctuation; see `Word`."""
    return " ".join(word.text for word in words)


def name_of(words: Sequence[Word]) -> str | Misunderstood:
    """The name to search for, or what is wrong with it. An emoji's name and a mention of a person are no part of it."""
    named = [word for word in words if not word.is_emoji_name and not word.is_person]
    if not named and any(word.is_person for word in words):
        return Misunderstood(Problem.PERSON_IS_NO_DEAL, texts(words))
    name = cut(typed(named))
    if sum(char.isalnum() for char in name) < SHORTEST_NAME:
        return Misunderstood(Problem.NAME_TOO_SHORT, name or typed(words))
    return name


def spaced(name: str) -> str:
    """A name of one word with spaces for its hyphens: the channel of a deal is called `#acme-corp`."""
    return name if " " in name else cut(name.replace("-", " "))


def with_country_code(name: str) -> str:
    """A phone number of North America as HighLevel stores it, `+16505550188`; any other name as it is.

    HighLevel keeps numbers in the form of E.164, and people there leave the country code out.
    https://www.nanpa.com/about-us/about-nanp
    """
    digits = re.sub(r"[\s().-]", "", name)
    return f"+1{digits}" if _NORTH_AMERICAN.fullmatch(digits) else name


_NORTH_AMERICAN = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}")


def cut(text: str) -> str:
    """A name without what surrounds it, at most as long as HighLevel takes."""
    name = bare_name(text)
    if len(name) > LONGEST_NAME:
        name = bare_name(name[: LONGEST_NAME + 1].rpartition(" ")[0] or name[:LONGEST_NAME])
    return name


def names_in(words: Sequence[Word]) -> Sequence[str]:
    """The names in a list: between them are commas, `and`, `&` or line breaks; a name in quotes is one.

    Empty if there are fewer than two.
    """
    parts: list[str] = []
    unquoted: list[Word] = []
    for word in (*words, None):
        if word is not None and not word.quoted:
            unquoted.append(word)
            continue
        lines = " ".join(f"\n{each.typed}" if each.begins_line else each.typed for each in unquoted)
        parts += _BETWEEN_NAMES.split(lines)
        unquoted = []
        parts += [word.typed] if word else []
    names = [name for part in parts if is_name(name := cut(" ".join(part.split())))]
    return [*dict.fromkeys(names)] if len(names) > 1 else []


def is_name(name: str) -> bool:
    """Whether a part of a list can name a deal of its own."""
    return sum(char.isalnum() for char in name) >= SHORTEST_NAME and name.casefold().strip(".") not in _COMPANY_FORMS


def without_first(words: Sequence[Word], unmeant: Collection[str]) -> Sequence[Word]:
    """The words without those at the beginning that mean nothing there; all of them if no other is left."""
    at = next((at for at, word in enumerate(words) if not means_nothing(word, unmeant)), 0)
    return words[at:]


def without_last(words: Sequence[Word], unmeant: Collection[str]) -> Sequence[Word]:
    """The words without those at the end that mean nothing there; all of them if no other is left."""
    left = next((len(words) - at for at, word in enumerate(reversed(words)) if not means_nothing(word, unmeant)), None)
    return words[:left]


def means_nothing(word: Word, unmeant: Collection[str]) -> bool:
    """Whether it is one of these words, outside quotes."""
    return not word.quoted and word.text.casefold() in unmeant

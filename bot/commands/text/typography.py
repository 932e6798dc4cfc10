"""Undoes Slack's escaping, and splits a text into words: as they were typed, and as keywords are recognised. Pure."""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command, or several words in double quotes."""

    text: str
    """Folded, without quotes, brackets and punctuation: to read it as a keyword, a status, an id or a link."""
    typed: str
    """As the caller typed it, without double quotes around it: to use it in a name, a reason or a note."""
    quoted: bool
    """Whether double quotes were around it."""
    begins_line: bool = False
    """Whether it is the first of a line, and not of the first one."""

    @property
    def is_person(self) -> bool:
        """Whether Slack mentions a person here, as in `<@U012AB3CD|ana>`.

        https://docs.slack.dev/messaging/formatting-message-text#mentioning-users
        """
        return not self.quoted and _PERSON.fullmatch(self.text) is not None

    @property
    def person(self) -> str:
        """The id of the person who is mentioned, or whose id stands here alone; empty for none."""
        found = re.fullmatch(r"@?([UW][A-Z0-9]{2,14})", self.text)
        return found[1] if found else ""

    @property
    def is_emoji_name(self) -> bool:
        """Whether it is the name of an emoji, such as `:tada:`, which no deal's name has."""
        return not self.quoted and _EMOJI_NAME.fullmatch(self.text) is not None


# A message shows a name's marks as these, and people copy names: see `block_kit.mrkdwn.plain`.
_LOOK_ALIKES = str.maketrans("∗ˍ∼ˋ˃꞉", "*_~`>:")

TRAILING = ".,;:!"
"""Punctuation that may follow a word."""

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"') | dict.fromkeys("‘’‚‛′＇", "'"))  # noqa: RUF001 - what phones type
_JOINERS = "\u200c\u200d"
"""The joiner of emoji and the non-joiner of Persian: invisible characters that belong to a word."""
_WORD = re.compile(r"<[^<>]*>|\"[^\"]*\"|(?:[^\s<]|<[^<>]*>|<)+")
_BRACKETED = re.compile(r"<([^<>!][^<>]*)>")
_ENTITY = re.compile(r"&#?\w{1,10};")
_PERSON = re.compile(r"@[UW][A-Z0-9]{2,14}")
_EMOJI_NAME = re.compile(r":[\w'+-]+:(?::skin-tone-\d:)?")
_BULLET = re.compile(r"\s*(?:[•◦▪‣*·–-]|[0-9]{1,2}[.)])\s+")  # noqa: RUF001 - what lists begin with
_WRAPPING = "\"'`*()[]"
_BRACKETS = (("(", ")"), ("[", "]"), ("<", ">"))


def tidy(text: str) -> str:
    """A text as it is searched for: as it was typed, but with straight quotes, plain spaces, and one form of accents.

    Phones make quotes curly, copy-paste brings odd spaces and invisible characters, and a Mac writes é as two letters.
    """
    if text.isascii() and text.isprintable():  # a fast path for most texts, which the rest would not change
        return text
    text = unicodedata.normalize("NFC", text).translate(_QUOTES).translate(_LOOK_ALIKES)
    return "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Zs"} else char
        for char in text
        if char in _JOINERS or unicodedata.category(char) != "Cf"
    )


def normalise(text: str) -> str:
    """A text as keywords, ids and links are recognised in it: also without wide letters, ligatures and joiners."""
    if text.isascii() and text.isprintable():
        return text
    folded = unicodedata.normalize("NFKC", tidy(text)).translate(_QUOTES).translate(_LOOK_ALIKES)
    return "".join(
        " " if unicodedata.category(char) == "Zs" else char for char in folded if unicodedata.category(char) != "Cf"
    )


def words_of(text: str) -> Iterable[Word]:
    """Split a command's text into words. Slack's `<link|label>` is one word, and so is a text in double quotes.

    A bullet or a number at the beginning of a line is no word.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        is_list = len(lines) > 1
        words = list(_words_of_line(_BULLET.sub("", line, count=1) if is_list and _BULLET.match(line) else line))
        for at, word in enumerate(words):
            begins = number > 0 and at == 0
            yield Word(word.text, word.typed, word.quoted, begins_line=True) if begins else word


def _words_of_line(line: str) -> Iterable[Word]:
    # Slack sends a typed & < > as an entity, and puts its own links between bare < and >. So split first, then decode.
    # https://docs.slack.dev/messaging/formatting-message-text/#escaping
    for raw in _WORD.findall(tidy(line)):
        unwrapped = _BRACKETED.sub(lambda link: _unwrapped(link[1]), raw)
        yield from word_of(tidy(_ENTITY.sub(lambda entity: html.unescape(entity[0]), unwrapped)))


def word_of(decoded: str) -> Iterable[Word]:
    """Make one word of a decoded text; no word if nothing but punctuation is left."""
    typed = " ".join(decoded.split())
    quoted = len(typed) > 1 and typed.startswith('"') and typed.endswith('"')
    folded = normalise(decoded).strip()
    if text := folded if _EMOJI_NAME.fullmatch(folded) else bare(folded):
        yield Word(text, typed[1:-1].strip() if quoted else typed.removeprefix('"'), quoted)


def _unwrapped(link: str) -> str:
    """What the caller typed where Slack put this link: an address, a channel, or a name that looks like a link."""
    address, _, label = link.partition("|")
    scheme, _, rest = address.partition(":")
    if scheme in {"mailto", "tel"}:
        return rest
    if address.startswith("#"):  # a channel that Slack knows: `<#C012AB3CD|acme-corp>`
        return label
    is_as_typed = rest.casefold() == f"//{label}".casefold()  # Slack links `Booking.com`, which is a company's name
    return label if is_as_typed and label else address


def bare_name(name: str) -> str:
    """A name without quotes, formatting and punctuation around it. Unlike `bare`, it keeps brackets that are its own.

    `Acme (US)` stays as it is, `(Acme)` is `Acme`.
    """
    before = None
    while name != before:
        before = name
        name = name.strip("\"'`* ").rstrip(TRAILING)
        for opening, closing in _BRACKETS:
            if name.startswith(opening) and name.find(closing) in {-1, len(name) - 1}:
                name = name.lstrip(opening)
            if name.endswith(closing) and opening not in name:
                name = name.rstrip(closing)
    return name


def bare(word: str) -> str:
    """A word without quotes, brackets, formatting and punctuation around it; of `<link|label>` only the link."""
    before = None
    while word != before:
        before = word
        word = word.strip(_WRAPPING).rstrip(TRAILING).strip()
        if word.startswith("<") and word.endswith(">"):
            word = word[1:-1].partition("|")[0]
    return word

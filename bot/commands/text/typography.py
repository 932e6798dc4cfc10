"""Undoes typography and Slack's escaping, and splits a text into words. Pure."""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command, or several words in double quotes."""

    text: str
    """Without quotes, brackets and punctuation around it: to read it as a keyword, a status, an id or a link."""
    typed: str
    """As the caller typed it, without double quotes around it: to use it in a name or a reason."""
    quoted: bool
    """Whether double quotes were around it."""


# A message shows a name's marks as these, and people copy names: see `block_kit.mrkdwn.plain`.
_LOOK_ALIKES = str.maketrans("∗ˍ∼ˋ˃꞉", "*_~`>:")

TRAILING = ".,;:!"
"""Punctuation that may follow a word."""

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‘’‚‛′", "'"))
_WORD = re.compile(r"<[^<>]*>|\"[^\"]*\"|(?:[^\s<]|<[^<>]*>|<)+")
_BRACKETED = re.compile(r"<([^<>!][^<>]*)>")
_ENTITY = re.compile(r"&#?\w{1,10};")
_WRAPPING = "\"'`*()[]"
_BRACKETS = (("(", ")"), ("[", "]"), ("<", ">"))


def normalise(text: str) -> str:
    """Replace typography by what a keyboard types: straight quotes and plain spaces, and no invisible characters.

    Phones and copy-paste bring them, and a reader does not notice.
    """
    if text.isascii() and text.isprintable():  # a fast path for most texts, which the rest would not change
        return text
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES).translate(_LOOK_ALIKES)
    return "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Zs"} else char
        for char in text
        if unicodedata.category(char) != "Cf"
    )


def words_of(text: str) -> Iterable[Word]:
    """Split a command's text into words. Slack's `<link|label>` is one word, and so is a text in double quotes."""
    # Slack sends a typed & < > as an entity, and puts its own links between bare < and >. So split first, then decode.
    # https://docs.slack.dev/messaging/formatting-message-text/#escaping
    for raw in _WORD.findall(normalise(text)):
        unwrapped = _BRACKETED.sub(lambda link: _unwrapped(link[1]), raw)
        yield from word_of(normalise(_ENTITY.sub(lambda entity: html.unescape(entity[0]), unwrapped)))


def word_of(decoded: str) -> Iterable[Word]:
    """Make one word of a decoded text; no word if nothing but punctuation is left."""
    typed = " ".join(decoded.split())
    quoted = len(typed) > 1 and typed.startswith('"') and typed.endswith('"')
    if text := bare(decoded):
        yield Word(text, typed[1:-1].strip() if quoted else typed.removeprefix('"'), quoted)


def _unwrapped(link: str) -> str:
    """What the caller typed where Slack put this link: an address, or a name that looks like one."""
    address, _, label = link.partition("|")
    scheme, _, rest = address.partition(":")
    if scheme in {"mailto", "tel"}:
        return rest
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

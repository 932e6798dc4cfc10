"""Text as a keyboard would have typed it, cut into words. Pure."""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command, in two readings."""

    text: str
    """Without anything around it: what may be a keyword, a status, an id or a link."""
    typed: str
    """As it was typed, without its quotes: what is part of a name or a reason."""
    quoted: bool


# --- words ---------------------------------------------------------------------------------------------------------

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‘’‚‛′", "'"))

# A message shows a name's marks as these, and people copy names: see `block_kit.mrkdwn.plain`.
_LOOK_ALIKES = str.maketrans("∗ˍ∼ˋ˃꞉", "*_~`>:")

_WORD = re.compile(r"<[^<>]*>|\"[^\"]*\"|(?:[^\s<]|<[^<>]*>|<)+")

_BRACKETED = re.compile(r"<([^<>!][^<>]*)>")

_ENTITY = re.compile(r"&#?\w{1,10};")

_WRAPPING = "\"'`*()[]"

TRAILING = ".,;:!"

_BRACKETS = (("(", ")"), ("[", "]"), ("<", ">"))


def normalise(text: str) -> str:
    """Typography as a keyboard would have typed it.

    Phones and copy-paste bring curly quotes, non-breaking spaces and zero-width characters; the eye does not see them.
    """
    if text.isascii() and text.isprintable():  # as most is, and what is below leaves it as it is
        return text
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES).translate(_LOOK_ALIKES)
    return "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Zs"} else char
        for char in text
        if unicodedata.category(char) != "Cf"
    )


def words_of(text: str) -> Iterable[Word]:
    """The words of a command: Slack's `<link|label>` is one, so is anything in double quotes."""
    # Slack sends & < > that were typed as entities, and its own links in bare angle brackets: cut first, then decode.
    # https://docs.slack.dev/messaging/formatting-message-text/#escaping
    for raw in _WORD.findall(normalise(text)):
        unwrapped = _BRACKETED.sub(lambda link: _unwrapped(link[1]), raw)
        yield from word_of(normalise(_ENTITY.sub(lambda entity: html.unescape(entity[0]), unwrapped)))


def word_of(decoded: str) -> Iterable[Word]:
    """One word, or none where nothing but punctuation is left."""
    typed = " ".join(decoded.split())
    quoted = len(typed) > 1 and typed.startswith('"') and typed.endswith('"')
    if text := bare(decoded):
        yield Word(text, typed[1:-1].strip() if quoted else typed.removeprefix('"'), quoted)


def _unwrapped(link: str) -> str:
    """What was typed where Slack put a link: an address, or what Slack made one of because it looks like one."""
    address, _, label = link.partition("|")
    scheme, _, rest = address.partition(":")
    if scheme in {"mailto", "tel"}:
        return rest
    is_as_typed = rest.casefold() == f"//{label}".casefold()  # `Booking.com` is a name
    return label if is_as_typed and label else address


def bare_name(name: str) -> str:
    """A name without what stands around it: as `bare`, but a bracket stays where its other half does."""
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
    """A word without what stands around it: quotes, formatting, a full stop, and of `<link|label>` all but the link."""
    before = None
    while word != before:
        before = word
        word = word.strip(_WRAPPING).rstrip(TRAILING).strip()
        if word.startswith("<") and word.endswith(">"):
            word = word[1:-1].partition("|")[0]
    return word

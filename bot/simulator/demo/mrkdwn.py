"""Renders Slack's mrkdwn as HTML for the demo page, as far as the bot's messages use it. Pure.

https://docs.slack.dev/messaging/formatting-message-text

Every text is treated as `verbatim`: a bare address, `#general`, `@here` and `:joy:` stay text.
Guessed, because it is documented nowhere:
- Two `*`, `_` or `~` format the text between them if they are on one line, neither has a letter or a digit outside or a
  space inside, and neither touches another of its kind. If two pairs cross, the one that ends first formats.
- A line is a quote if it begins with `>` or `&gt;`.
- In code, only the three entities mean anything.
- A person or a channel whose name is unknown is shown by the label in the angle brackets.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import groupby

from markupsafe import Markup

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITY = re.compile("|".join(_ENTITIES))
_PREFORMATTED = re.compile(r"\n?```(.+?)```\n?", re.DOTALL)
_QUOTE = re.compile(r"(?:>|&gt;) ?")
_TOKEN = re.compile(r"`(?P<code>[^`]+)`|<(?P<reference>[^<>]+)>|(?P<mark>[*_~])|[^`<*_~]+|[`<]")
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_DATE = re.compile(r"!date\^([0-9]{1,11})\^([^^|]*)")
_FORMATS = {
    "*": Markup("<strong>{}</strong>"),
    "_": Markup("<em>{}</em>"),
    "~": Markup("<del>{}</del>"),
}
_BREAK = Markup("<br>")

Pieces = list[str]
"""Parts of the HTML: `Markup` is ready, any other `str` is still to be escaped."""
Begun = list[tuple[str, Pieces]]
"""The open marks, each with the pieces after it; the first entry has no mark, and the pieces before them all."""


def html_of(text: str, names: Mapping[str, str]) -> Markup:
    """Render a text as Slack shows it. `names` has the names of people and channels by id, with `@` or `#`.

    Everything is escaped but the tags that this module adds. An address becomes a link only if `is_link` says so.
    A date is in UTC; with its `datetime` and its format, the page's script says it in the viewer's time and words.
    """
    made: Pieces = []
    for number, part in enumerate(_PREFORMATTED.split(text)):
        if number % 2:
            made.append(Markup("<pre>{}</pre>").format(plain_of(part.strip("\n"))))
        elif part:
            made += _paragraphs(part, names)
    return _joined(made)


def plain_of(text: str) -> str:
    """A text as Slack shows it where mrkdwn is not allowed; the caller has to escape it for HTML."""
    return _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], text)


def is_link(address: str) -> bool:
    """Whether this address is safe to follow: a web page or a mail address, never a script."""
    return _LINK.match(address) is not None


def _paragraphs(text: str, names: Mapping[str, str]) -> Pieces:
    made: Pieces = []
    for quoted, lines in groupby(text.split("\n"), lambda line: _QUOTE.match(line) is not None):
        if quoted:
            shown = _BREAK.join(_line(_QUOTE.sub("", line, count=1), names) for line in lines)
            made.append(Markup("<blockquote>{}</blockquote>").format(shown))
        else:
            made.append(_BREAK.join(_line(line, names) for line in lines))
    return made


def _line(line: str, names: Mapping[str, str]) -> Markup:
    begun: Begun = [("", [])]
    for token in _TOKEN.finditer(line):
        match token.lastgroup:
            case "code":
                begun[-1][1].append(Markup("<code>{}</code>").format(plain_of(token["code"])))
            case "reference":
                begun[-1][1].append(_reference(token["reference"], names))
            case "mark":
                start, end = token.span()
                _mark(token[0], line[start - 1 : start], line[end : end + 1], begun)
            case _:
                begun[-1][1].append(plain_of(token[0]))
    _give_up(begun, 0)
    return _joined(begun[0][1])


def _mark(mark: str, before: str, after: str, begun: Begun) -> None:
    """Add a mark: it closes an open one of its kind, or opens a new one, or is plain text."""
    marks = [each for each, _ in begun]
    if mark in marks and _stands_between(mark, outside=after, inside=before):
        _give_up(begun, marks.index(mark))
        _, pieces = begun.pop()
        begun[-1][1].append(_FORMATS[mark].format(_joined(pieces)))
    elif mark not in marks and _stands_between(mark, outside=before, inside=after):
        begun.append((mark, []))
    else:
        begun[-1][1].append(mark)


def _stands_between(mark: str, outside: str, inside: str) -> bool:
    return not outside.isalnum() and bool(inside.strip()) and mark not in outside + inside


def _give_up(begun: Begun, number: int) -> None:
    """Turn the open marks above this entry into plain text: they were never closed."""
    while len(begun) > number + 1:
        mark, pieces = begun.pop()
        begun[-1][1].extend([mark, *pieces])


def _joined(pieces: Pieces) -> Markup:
    return Markup("").join(pieces)


def _reference(text: str, names: Mapping[str, str]) -> Markup:
    """Render what stands in angle brackets; an unknown form stays as it was written."""
    target, _, label = text.partition("|")
    match target[0:1]:
        case "@" | "#":
            return _mention(names.get(target[1:]) or plain_of(label or target[1:] or target))
        case "!":
            return _date(text, label) if target.startswith("!date^") else _special(target[1:], label, names)
    address = plain_of(target)
    if not is_link(address):
        return Markup("{}").format(f"<{plain_of(text)}>")
    return Markup('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>').format(
        address, plain_of(label) or address
    )


def _special(what: str, label: str, names: Mapping[str, str]) -> Markup:
    """Render `@here` and the like, or a user group, by its name or its label."""
    name = names.get(what.removeprefix("subteam^")) or plain_of(label or what)
    return _mention(name if name.startswith("@") else f"@{name}")


def _mention(name: str) -> Markup:
    return Markup('<span class="mention">{}</span>').format(name)


def _date(text: str, fallback: str) -> Markup:
    read = _DATE.match(text)
    if read is None:
        return Markup("{}").format(plain_of(fallback or f"<{text}>"))
    moment = datetime.fromtimestamp(int(read[1]), UTC)
    return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}" data-format="{}">{:%Y-%m-%d %H:%M} UTC</time>').format(
        moment, plain_of(read[2]), moment
    )

"""Slack's mrkdwn as HTML, for the demo page: what the bot's messages are made of, and no more. Pure.

https://docs.slack.dev/messaging/formatting-message-text

Imitated as if every text were `verbatim`: a bare address, `#general` or `@here` is text, and so is `:joy:`.
Guessed, because it is documented nowhere:
- `*`, `_` and `~` format what stands between two of them on one line, if neither touches a letter or a digit on its
  outer side, a space on its inner one, or another of its kind. Of two pairs that cross the one that ends first holds.
- A line is a quote if it begins with `>`, be it escaped.
- In code nothing means anything but the three entities.
- A label among the angle brackets of a person or a channel is shown if the name is not known.
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
_DATE = re.compile(r"!date\^([0-9]{1,11})\^")
_FORMATS = {
    "*": Markup("<strong>{}</strong>"),
    "_": Markup("<em>{}</em>"),
    "~": Markup("<del>{}</del>"),
}
_BREAK = Markup("<br>")

Pieces = list[str]
"""What HTML is put together from: a text is still to be escaped, `Markup` is not."""
Begun = list[tuple[str, Pieces]]
"""The marks that have no end yet, each with what follows it; at the bottom none, with what precedes them all."""


def html_of(text: str, names: Mapping[str, str]) -> Markup:
    """A text as Slack shows it. `names` are those of people and channels, with their `@` or `#`, by id.

    Everything in it is escaped but what this module makes itself; of the addresses it makes links of those that
    `is_link` lets through. A date is in UTC, with `datetime`, for the browser to translate.
    """
    made: Pieces = []
    for number, part in enumerate(_PREFORMATTED.split(text)):
        if number % 2:
            made.append(Markup("<pre>{}</pre>").format(plain_of(part.strip("\n"))))
        elif part:
            made += _paragraphs(part, names)
    return _joined(made)


def plain_of(text: str) -> str:
    """A text as Slack shows it where it takes no mrkdwn; not yet escaped for HTML."""
    return _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], text)


def is_link(address: str) -> bool:
    """Whether it may be followed: to a page or to somebody's mail, never into a script."""
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
    """A mark ends what one of its kind began, or begins something, or is a character like others."""
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
    """The marks after this one have no end: they are text."""
    while len(begun) > number + 1:
        mark, pieces = begun.pop()
        begun[-1][1].extend([mark, *pieces])


def _joined(pieces: Pieces) -> Markup:
    return Markup("").join(pieces)


def _reference(text: str, names: Mapping[str, str]) -> Markup:
    """What stands in angle brackets; as it was written if it is nothing that is known."""
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
    """Everybody, or a group of people; either is told by its label if it has one."""
    name = names.get(what.removeprefix("subteam^")) or plain_of(label or what)
    return _mention(name if name.startswith("@") else f"@{name}")


def _mention(name: str) -> Markup:
    return Markup('<span class="mention">{}</span>').format(name)


def _date(text: str, fallback: str) -> Markup:
    read = _DATE.match(text)
    if read is None:
        return Markup("{}").format(plain_of(fallback or f"<{text}>"))
    moment = datetime.fromtimestamp(int(read[1]), UTC)
    return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}">{:%Y-%m-%d %H:%M} UTC</time>').format(moment, moment)

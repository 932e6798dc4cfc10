"""Messages as a person reads them in a terminal, and what can be pressed in them. Pure."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.simulator.demo.stage import CHANNELS, PEOPLE, SALES
from bot.simulator.slack.block_kit import Element, buttons_of, menus_of
from bot.simulator.slack.workspace import Shown


@dataclass(frozen=True, slots=True)
class Pressable:
    """Something to press in a message: a button, or an option of a menu."""

    label: str
    element: Element
    option: str | None = None


def pressables(shown: Shown) -> list[Pressable]:
    """Everything that can be pressed in a message, without buttons that are links."""
    found: list[Pressable] = []
    for block in shown.blocks:
        found += [Pressable(each["text"]["text"], each) for each in buttons_of(block) if "url" not in each]
        found += [
            Pressable(option["text"]["text"], each, option["value"])
            for each in menus_of(block)
            for option in each["options"]
        ]
    return found


def pressable_for(there: Sequence[Pressable], words: str) -> Pressable | None:
    """Find what these words name: a number, the beginning of a label, or the first if there are no words.

    Returns `None` if nothing fits.
    """
    if words.isdecimal():
        return there[int(words) - 1] if 0 < int(words) <= len(there) else None
    return next((each for each in there if each.label.casefold().startswith(words.casefold())), None)


def _paragraphs(shown: Shown) -> Iterator[str]:
    """What a message says outside its buttons, a paragraph or a line of small print each."""
    for block in shown.blocks:
        match block:
            case {"type": "section" | "header", "text": {"text": str(text)}}:
                yield text
            case {"type": "context", "elements": list(elements)}:
                yield " ".join(str(each.get("text", "")) for each in elements)


def readable(shown: Shown, now: datetime) -> str:
    """A message as a person sees it, with names instead of ids, and its buttons in brackets.

    Times are in the time zone of `now`.
    """
    names = {user_id: name.title() for name, user_id in PEOPLE.items()}
    said = "\n".join(_paragraphs(shown)) or shown.text
    text = re.sub(r"<@(\w+)>", lambda found: f"@{names.get(found[1], found[1])}", said)
    text = text.replace(f"<#{SALES}>", f"#{CHANNELS[SALES]}")
    text = _DATE.sub(lambda found: _said(found, now), text)
    text = html.unescape(re.sub(r"<[^<>|]*\|([^<>]*)>", r"\1", text))
    there = pressables(shown)
    numbers = [f"{number} " for number in range(1, len(there) + 1)] if len(there) > 1 else [""]
    buttons = " ".join(f"[{number}{each.label}]" for number, each in zip(numbers, there, strict=False))
    return f"{text}\n{buttons}" if buttons else text


_DATE = re.compile(r"<!date\^(\d+)\^([^|>]*)\|([^>]*)>")
_TOKEN = re.compile(r"\{(\w+)\}")


def _said(date: re.Match[str], now: datetime) -> str:
    """A date as Slack says it: https://docs.slack.dev/messaging/formatting-message-text#date-formatting .

    Only the tokens that the bot uses are known. With another, the date stays as it was written for old apps.
    """
    moment = datetime.fromtimestamp(int(date[1]), now.tzinfo)
    days = (moment.date() - now.date()).days
    near = {0: "today", -1: "yesterday", 1: "tomorrow"}.get(days, f"{moment:%b} {moment.day}, {moment.year}")
    words = {"date_short_pretty": near, "time": f"{moment:%I:%M %p}".lstrip("0")}
    if not words.keys() >= {*_TOKEN.findall(date[2])}:
        return date[3]
    return _TOKEN.sub(lambda token: words[token[1]], date[2])

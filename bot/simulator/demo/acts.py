"""What people did in the demo, and what the bot asked its neighbours then. Pure.

The bot does not tell its neighbours on whose behalf it asks: what was asked between one act and the next is shown with
the first of them. Where several commands are under way at once, that is a guess.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from bot.simulator.traffic import Exchange, text_to_show


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody did and that the bot was told."""

    number: int
    """The first is 1."""
    user_id: str
    what: str
    """In a few words."""
    key: str
    """Under which the bot has written it down, if it has."""
    exchanges: tuple[Exchange, ...]
    """The first is the one that tells the bot; in their order."""


def acts_of(told: Sequence[Exchange], asked: Sequence[Exchange]) -> list[Act]:
    """What people did, the oldest first, out of what the bot was told and what it asked.

    What is only typed in a form is no act of its own.
    """
    begun = [(exchange, contents) for exchange in told if not _is_typing(contents := _contents(exchange))]
    ends = [*(exchange.at for exchange, _ in begun[1:]), float("inf")][: len(begun)]
    return [
        Act(
            number,
            str(_user(contents)),
            _what(contents),
            str(contents.get("trigger_id", "")),
            (exchange, *sorted((each for each in asked if exchange.at <= each.at < end), key=_when)),
        )
        for number, ((exchange, contents), end) in enumerate(zip(begun, ends, strict=True), 1)
    ]


def _when(exchange: Exchange) -> float:
    return exchange.at


def legible(body: bytes) -> str:
    """A request's or an answer's contents as a person reads them: JSON indented, a form by its fields, no secrets."""
    text = body.decode("utf-8", "replace")
    parsed = _json(text)
    if parsed is None:
        fields = parse_qsl(text, keep_blank_values=True)
        if "=" not in text or any(not name.replace("_", "").isalnum() for name, _ in fields):
            return text_to_show(text)
        shown = {name: value if (inner := _json(value)) is None else inner for name, value in fields}
        return text_to_show("\n".join(f"{name}: {_indented(value)}" for name, value in shown.items()))
    return text_to_show(_indented(parsed))


def _indented(value: Any) -> str:  # noqa: ANN401 - anything that JSON can say
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _json(text: str) -> Any:  # noqa: ANN401
    """An object or a list; `None` for anything else."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict | list) else None


def _contents(exchange: Exchange) -> dict[str, Any]:
    form = dict(parse_qsl(exchange.body.decode(), keep_blank_values=True))
    contents: dict[str, Any] = json.loads(form["payload"]) if "payload" in form else dict(form)
    return contents


def _is_typing(contents: dict[str, Any]) -> bool:
    return contents.get("type") == "block_suggestion"


def _user(contents: dict[str, Any]) -> str:
    return str(contents["user"]["id"] if "user" in contents else contents["user_id"])


def _what(contents: dict[str, Any]) -> str:
    match contents:
        case {"command": command, "text": text}:
            return f"{command} {text}".rstrip()
        case {"type": "view_submission"}:
            return "sends the form"
        case {"type": "message_action"}:
            return "uses the shortcut on a message"
        case {"actions": [{"selected_option": {"text": {"text": text}}}]}:
            return f"chooses {text}"
        case {"actions": [{"text": {"text": text}}]}:
            return f"presses {text}"
    return "changes a field of the form"

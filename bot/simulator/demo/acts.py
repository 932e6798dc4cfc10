"""Finds out what people did in the demo and what HighLevel told the bot, and which requests belong to it. Pure.

The bot's requests do not name their cause: those between two acts are counted to the first. While several commands are
under way at once, that is a guess.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from bot.simulator.traffic import Exchange, text_to_show


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person did and Slack told the bot, or that a workflow of HighLevel's told it."""

    number: int
    """The first act is 1."""
    user_id: str
    """The person; empty for HighLevel."""
    what: str
    """What was done, in a few words."""
    key: str
    """The key of its row in the ledger, if the bot wrote one; empty if HighLevel told it, whose keys are not known."""
    exchanges: tuple[Exchange, ...]
    """The request to the bot, then the bot's own, in order."""


def acts_of(to_bot: Sequence[Exchange], from_bot: Sequence[Exchange]) -> list[Act]:
    """Find the acts, the oldest first, in the requests to the bot and those that it made.

    Type-ahead in a form is no act of its own.
    """
    in_order = sorted(to_bot, key=_when)
    begun = [(exchange, contents) for exchange in in_order if not _is_typing(contents := _contents(exchange))]
    ends = [*(exchange.at for exchange, _ in begun[1:]), float("inf")][: len(begun)]
    return [
        Act(
            number,
            str(_user(contents)),
            _what(contents),
            str(contents.get("trigger_id", "")),
            (exchange, *sorted((each for each in from_bot if exchange.at <= each.at < end), key=_when)),
        )
        for number, ((exchange, contents), end) in enumerate(zip(begun, ends, strict=True), 1)
    ]


def _when(exchange: Exchange) -> float:
    return exchange.at


def legible(body: bytes) -> str:
    """A body as a person reads it: JSON is indented, a form has a line for each field, secrets are hidden."""
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
    """The JSON object or list in this text; `None` if it is anything else."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict | list) else None


def _contents(exchange: Exchange) -> dict[str, Any]:
    if exchange.body.startswith(b"{"):  # an event of Slack's, or what a workflow sends
        told: dict[str, Any] = json.loads(exchange.body)
        return told
    form = dict(parse_qsl(exchange.body.decode(), keep_blank_values=True))
    contents: dict[str, Any] = json.loads(form["payload"]) if "payload" in form else dict(form)
    return contents


def _is_typing(contents: dict[str, Any]) -> bool:
    return contents.get("type") == "block_suggestion"


def _user(contents: dict[str, Any]) -> str:
    match contents:
        case {"user": {"id": user}} | {"event": {"user": user}} | {"user_id": user}:
            return str(user)
    return ""


def _what(contents: dict[str, Any]) -> str:
    match contents:
        case {"command": command, "text": text}:
            return f"{command} {text}".rstrip()
        case {"workflow": _, "opportunity_name": name, "status": status}:
            return f"workflow for {name}, now {status}"
        case {"event": {"type": "app_home_opened"}}:
            return "opened the Home tab"
        case {"type": "view_submission"}:
            return "submitted the form"
        case {"type": "message_action"}:
            return "used the message shortcut"
        case {"actions": [{"selected_option": {"text": {"text": text}}}]}:
            return f"picked {text}"
        case {"actions": [{"text": {"text": text}}]}:
            return f"clicked {text}"
    return "edited the form"

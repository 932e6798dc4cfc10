"""What somebody typed or pressed, out of what Slack sends. Pure but for the number that each gets."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.access import Caller
from bot.record import Entry
from bot.status import Wish


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody typed or pressed, whichever it was."""

    key: str
    reference: str
    caller: Caller
    text: str
    """What was typed after the command, or the value of the button."""
    response_url: str
    message_ts: str = ""

    @property
    def log(self) -> dict[str, str]:
        """Who, for a line of the log."""
        return {"user": self.caller.user_id, "channel": self.caller.channel_id, "team": self.caller.team_id}

    def entry(self, wish: Wish, undoes: str | None = None) -> Entry:
        """The command to write down."""
        return Entry(self.key, self.reference, self.caller, self.text, wish, self.response_url, self.message_ts, undoes)


def typed(body: Mapping[str, Any]) -> Said:
    """The contents of a slash command.

    https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    field = partial(_field, body)
    reference = new_reference()
    caller = Caller(field("user_id"), field("team_id"), field("channel_id"))
    return Said(field("trigger_id") or reference, reference, caller, field("text"), field("response_url"))


def pressed(body: Mapping[str, Any]) -> Said:
    """The contents of a press of a button. Total: whatever is missing or of an odd shape is empty.

    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    reference = new_reference()
    user, team, container = (_part(body, name) for name in ("user", "team", "container"))
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    channel = _field(container, "channel_id") or _field(_part(body, "channel"), "id")
    return Said(
        key=_field(body, "trigger_id") or reference,
        reference=reference,
        caller=Caller(_field(user, "id"), _field(team, "id") or _field(user, "team_id"), channel),
        text=_field(action, "value"),
        response_url=_field(body, "response_url"),
        message_ts=_field(container, "message_ts"),
    )


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _field(body: Mapping[str, Any], name: str) -> str:
    """A field of Slack's body, empty when absent. A database takes neither NUL nor half a character."""
    return str(body.get(name) or "").replace("\x00", "").encode("utf-8", "replace").decode()


def new_reference() -> str:
    """A number for one command, short enough to be read out: eight letters and digits, none of them alike."""
    return base64.b32encode(secrets.token_bytes(5)).decode()

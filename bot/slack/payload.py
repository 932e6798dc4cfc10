"""What somebody typed or pressed, out of what Slack sends. Pure but for the number that each gets."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bot.access.rules import Caller
from bot.commands.record import Entry, Record
from bot.deals.wish import Wish


@dataclass(frozen=True, slots=True)
class Interaction:
    """What somebody typed or pressed, whichever it was."""

    key: str
    reference: str
    caller: Caller
    text: str
    """What was typed after the command, or the value of the button or of what was chosen."""
    response_url: str
    message_ts: str = ""
    block_id: str = ""
    """Of what was pressed."""
    trigger_id: str = ""
    """With it a form can be opened, for three seconds."""
    is_ephemeral: bool = False
    """Whether what was pressed is in a message that only this person sees."""

    @property
    def log(self) -> dict[str, str]:
        """Who, for a line of the log."""
        return {"user": self.caller.user_id, "channel": self.caller.channel_id, "team": self.caller.team_id}

    def entries(self, wishes: Sequence[Wish], *, note: str = "", public: bool = True) -> list[Entry]:
        """The commands to write down: one, or several that are answered by the first of them."""
        batch = self.key if len(wishes) > 1 else None
        return [
            Entry(
                # A key of its own for each, in their order: the first has the sender's.
                key=f"{self.key}#{number:02}" if number else self.key,
                reference=self.reference,
                caller=self.caller,
                text=self.text,
                wish=wish,
                response_url=self.response_url,
                message_ts=self.message_ts,
                batch=batch,
                note=note,
                public=public,
            )
            for number, wish in enumerate(wishes)
        ]

    def answers(self, questions: Sequence[Record], wishes: Sequence[Wish]) -> list[Entry]:
        """The commands that go on where others stopped, as if they had been asked for so."""
        return [
            replace(entry, text=asked.text, note=asked.note or "", public=asked.public, continues=asked.key)
            for entry, asked in zip(self.entries(wishes), questions, strict=True)
        ]

    def undos(self, changes: Sequence[Record], wishes: Sequence[Wish]) -> list[Entry]:
        """The commands that take changes back; what was told together is told together again, if only one is left."""
        return [
            replace(entry, undoes=change.key, batch=self.key if change.batch else entry.batch)
            for entry, change in zip(self.entries(wishes), changes, strict=True)
        ]


def read_command(body: Mapping[str, Any]) -> Interaction:
    """The contents of a slash command.

    https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    field = partial(_field, body)
    reference = new_reference()
    caller = Caller(field("user_id"), field("team_id"), field("channel_id"))
    return Interaction(
        key=field("trigger_id") or reference,
        reference=reference,
        caller=caller,
        text=field("text"),
        response_url=field("response_url"),
        trigger_id=field("trigger_id"),
    )


def read_action(body: Mapping[str, Any]) -> Interaction:
    """The contents of a press of a button, or of a choice. Total: whatever is missing or of an odd shape is empty.

    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    reference = new_reference()
    user, team, container = (_part(body, name) for name in ("user", "team", "container"))
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    # In a channel that is shared with another company the person's workspace may be another than the message's: then
    # both stand here, which together are nobody's.
    teams = dict.fromkeys(filter(None, (_field(team, "id"), _field(user, "team_id"))))
    channel = _field(container, "channel_id") or _field(_part(body, "channel"), "id")
    return Interaction(
        key=_field(body, "trigger_id") or reference,
        reference=reference,
        caller=Caller(_field(user, "id"), " ".join(teams), channel),
        text=_field(action, "value") or _field(_part(action, "selected_option"), "value"),
        response_url=_field(body, "response_url"),
        message_ts=_field(container, "message_ts"),
        block_id=_field(action, "block_id"),
        trigger_id=_field(body, "trigger_id"),
        is_ephemeral=container.get("is_ephemeral") is True,
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

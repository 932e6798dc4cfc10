"""Reads who did what, and where, from the payloads that Slack sends. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bot.access.rules import Caller
from bot.commands.record import Origin

_ID = re.compile(r"[A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class Interaction(Origin):
    """A command that a person typed, or their use of a button, a menu, a shortcut or a form."""

    block_id: str = ""
    """The id of the block that the button or the menu is in; else empty."""
    trigger_id: str = ""
    """Opens a form, within three seconds. https://docs.slack.dev/interactivity/handling-user-interaction"""
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole payload, for what only one listener reads."""

    @property
    def log_fields(self) -> dict[str, str]:
        """The ids that a line of the log carries: who, where, and of which workspace."""
        return {"user": self.caller.user_id, "channel": self.caller.channel_id, "team": self.caller.team_id}


def read_command(body: Mapping[str, Any], reference: str) -> Interaction:
    """Read a slash command. Never raises: a missing field is empty.

    https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    read = partial(_field, body)
    return Interaction(
        key=read("trigger_id") or reference,
        reference=reference,
        # Only our own people can type a command: Slack offers it to no one else. https://docs.slack.dev/apis/slack-connect
        caller=Caller(_id(body, "user_id"), _organization(body) or _id(body, "team_id"), _id(body, "channel_id")),
        text=read("text"),
        response_url=read("response_url"),
        trigger_id=read("trigger_id"),
        body=body,
    )


def read_action(body: Mapping[str, Any], reference: str) -> Interaction:
    """Read the use of a button, a menu, a shortcut or a form. Never raises: a missing or odd field is empty.

    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    user, container = _part(body, "user"), _part(body, "container")
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    team_id, home = _teams(body)
    channel = _id(container, "channel_id") or _id(_part(body, "channel"), "id")
    return Interaction(
        key=_field(body, "trigger_id") or reference,
        reference=reference,
        caller=Caller(_id(user, "id"), team_id, channel, home),
        text=_field(action, "value")
        or _field(_part(action, "selected_option"), "value")
        or _field(action, "selected_date"),
        response_url=_field(body, "response_url"),
        message_ts=_field(container, "message_ts"),
        block_id=_field(action, "block_id"),
        trigger_id=_field(body, "trigger_id"),
        is_ephemeral=container.get("is_ephemeral") is True,
        body=body,
    )


def read_event(body: Mapping[str, Any], reference: str) -> Interaction:
    """Read an event about a person who opened the app: `text` is the tab. Never raises: what is missing is empty.

    https://docs.slack.dev/reference/events/app_home_opened
    """
    event = _part(body, "event")
    listed = body.get("authorizations")
    authorization = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    team_id = _organization(authorization) or _id(body, "team_id") or _id(authorization, "team_id")
    return Interaction(
        key=_field(body, "event_id") or reference,
        reference=reference,
        caller=Caller(_id(event, "user"), team_id, ""),
        text=_field(event, "tab"),
        response_url="",
        body=body,
    )


def home_view(part: object) -> Mapping[str, Any]:
    """The Home tab in what Slack sends, as the person sees it; empty if there is none, as in a press elsewhere."""
    view = part.get("view") if isinstance(part, dict) else None
    return view if isinstance(view, dict) and view.get("type") == "home" else {}


def _teams(body: Mapping[str, Any]) -> tuple[str, str | None]:
    """The workspace in which a person acts, and the one that is theirs if it may be another: see `Caller`.

    Bolt's `extract_team_id` finds the first in the same places.
    """
    theirs, here = _id(_part(body, "user"), "team_id"), _id(_part(body, "team"), "id")
    installed = _id(_part(body, "view"), "app_installed_team_id")
    team_id = _organization(body) or installed or here or theirs
    home = theirs or here
    return team_id, None if home == team_id else home


def _organization(body: Mapping[str, Any]) -> str:
    """The organization's id, where the app is installed in all its workspaces at once; else empty.

    `team` is null then. https://docs.slack.dev/enterprise/developing-for-enterprise-orgs
    """
    if body.get("is_enterprise_install") not in (True, "true"):
        return ""
    places = ((_part(body, "enterprise"), "id"), (_part(body, "team"), "enterprise_id"), (body, "enterprise_id"))
    return next(filter(None, (_id(part, name) for part, name in places)), "")


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _id(body: Mapping[str, Any], name: str) -> str:
    """The id of a person, a channel or a workspace; empty when absent, or of a form that Slack does not give.

    With a character taken out, as `_field` does, it could become another person's.
    """
    given = body.get(name)
    return given if isinstance(given, str) and _ID.fullmatch(given) else ""


def _field(body: Mapping[str, Any], name: str) -> str:
    """A field as text; empty if it is missing. Without NUL and lone surrogates, which a database refuses."""
    return str(body.get(name) or "").replace("\x00", "").encode("utf-8", "replace").decode()

"""Reads what HighLevel sends of its own accord: webhooks of an app, and webhook actions of workflows. Pure.

Both read no more than the ids of the deal and its sub-account: what a request says is a hint, and the deal is read.
"""

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bot.events.event import Event, Kind, Reception, Source
from bot.highlevel.api.answers import identifier, text

TYPES: Mapping[str, Kind] = {
    "OpportunityStatusUpdate": Kind.CHANGED,
    "OpportunityCreate": Kind.CREATED,
    "OpportunityDelete": Kind.DELETED,
}
"""The types that may be about a deal's status. HighLevel sends `OpportunityUpdate` beside each of them.
https://marketplace.gohighlevel.com/docs/webhook/OpportunityStatusUpdate"""

LONGEST_KEY = 200
"""Characters of an event's id."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Which of HighLevel's requests are meant for this bot."""

    app_id: str
    """The first part of the app's client id."""
    locations: Collection[str]
    """The ids of the sub-accounts, one or more."""


def read_webhook(body: bytes, ours: Ours) -> Event | Reception:
    """The event of an app's webhook, whose signature was checked; or why there is none. Never raises.

    HighLevel signs for all apps with one key, so the signature alone does not say that it is meant for this one.
    Recorded bodies are flat; the guide's examples have the fields in `data`.
    https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide
    """
    found = _object(body)
    if found is None:
        return Reception.UNREADABLE
    fields = {**_mapping(found.get("data")), **found}
    kind = TYPES.get(str(fields.get("type")))
    if fields.get("appId") != ours.app_id:
        return Reception.OTHER_APP
    if kind is None:
        return Reception.OTHER_TYPE
    return _event(
        Source.WEBHOOK,
        kind,
        place=(fields.get("locationId"), fields.get("id")),
        key=identifier(fields.get("webhookId"), LONGEST_KEY) or _time_and_status(fields),
        ours=ours,
    )


def read_workflow(body: bytes, ours: Ours) -> Event | Reception:
    """The event of a workflow's webhook action, or why there is none. Never raises.

    The standard action sends one flat object about the contact, whose `id` is the deal's; the custom one sends what its
    author wrote. A merge field that HighLevel could not fill arrives as `{{...}}`. Without a sub-account the only one
    is meant. Such a request has no id of its own: if it is repeated, the deal is read twice.
    https://help.gohighlevel.com/support/solutions/articles/155000003305
    """
    found = _object(body)
    if found is None:
        return Reception.UNREADABLE
    fields = {**_mapping(found.get("customData")), **found}
    location = fields.get("location")
    named = [_mapping(location).get("id") or location, fields.get("location_id"), fields.get("locationId")]
    only = next(iter(ours.locations)) if len(ours.locations) == 1 else None
    return _event(
        Source.WORKFLOW,
        Kind.CHANGED,
        place=(
            next((each for each in named if each), only),
            fields.get("opportunity_id") or fields.get("opportunityId") or fields.get("id"),
        ),
        key="",
        ours=ours,
    )


def _event(source: Source, kind: Kind, place: tuple[object, object], key: str, ours: Ours) -> Event | Reception:
    location_id, opportunity_id = map(identifier, place)
    if not location_id or not opportunity_id or "{{" in location_id + opportunity_id:
        return Reception.UNREADABLE
    if location_id not in ours.locations:
        return Reception.OTHER_LOCATION
    unique = f"{source}:{location_id}:{opportunity_id}:{key or secrets.token_hex(8)}"
    return Event(unique, source, kind, location_id, opportunity_id)


def _time_and_status(fields: Mapping[str, Any]) -> str:
    """What tells an event from others that has no id; empty if nothing does."""
    time = text(fields.get("timestamp"))
    return f"{time}:{text(fields.get('status'))}" if time else ""


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

"""What HighLevel's own requests are read as."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events.event import Event, Kind, Reception, Source
from bot.highlevel.notices.bodies import Ours, read_webhook, read_workflow

OURS = Ours("app", frozenset({"Loc00000000000000001"}))
SEVERAL = Ours("app", frozenset({"Loc00000000000000001", "Loc00000000000000002"}))
RECORDED: dict[str, Any] = {
    "type": "OpportunityStatusUpdate",
    "locationId": "Loc00000000000000001",
    "id": "Opp00000000000000001",
    "assignedTo": "Usr00000000000000001",
    "monetaryValue": 4800,
    "name": "New website",
    "status": "won",
    "dateAdded": "2026-10-02T08:00:00.000Z",
    "timestamp": "2026-11-28T10:00:00.000Z",
    "webhookId": "5d0e8c3a-0000-4000-8000-000000000002",
    "appId": "app",
    "versionId": "app",
}
STANDARD: dict[str, Any] = {
    "contact_id": "Con00000000000000001",
    "full_name": "Jane Doe",
    "status": "won",
    "pipleline_stage": "Negotiation",
    "id": "Opp00000000000000001",
    "location": {"id": "Loc00000000000000001", "name": "Berlin"},
    "customData": {},
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _webhook(**changes: object) -> Event | Reception:
    fields = {name: value for name, value in (RECORDED | changes).items() if value is not None}
    return read_webhook(json.dumps(fields).encode(), OURS)


def _workflow(fields: object, ours: Ours = OURS) -> Event | Reception:
    return read_workflow(json.dumps(fields).encode(), ours)


def _event(found: Event | Reception) -> Event:
    assert isinstance(found, Event)
    return found


def test_a_webhook_is_read_as_the_ids_of_its_deal_and_nothing_else() -> None:
    event = _event(_webhook())

    assert (event.location_id, event.opportunity_id) == ("Loc00000000000000001", "Opp00000000000000001")
    assert (event.source, event.kind) == (Source.WEBHOOK, Kind.CHANGED)
    assert "New website" not in str(event)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("OpportunityStatusUpdate", Kind.CHANGED),
        ("OpportunityCreate", Kind.CREATED),
        ("OpportunityDelete", Kind.DELETED),
    ],
)
def test_a_webhook_says_what_happened_to_its_deal(type_: str, kind: Kind) -> None:
    assert _event(_webhook(type=type_)).kind is kind


def test_the_fields_of_a_webhook_may_stand_in_data() -> None:
    envelope = {name: RECORDED[name] for name in ("type", "timestamp", "webhookId", "appId")}
    data = {name: value for name, value in RECORDED.items() if name not in envelope}

    assert read_webhook(json.dumps(envelope | {"data": data}).encode(), OURS) == _webhook()


def test_a_webhook_that_is_repeated_has_the_same_key() -> None:
    assert _webhook(name="sent again") == _webhook()
    assert _event(_webhook(webhookId="another")).key != _event(_webhook()).key


def test_a_webhook_without_an_id_is_told_from_others_by_deal_time_and_status() -> None:
    keys = [
        _event(_webhook(webhookId=None, **each)).key
        for each in ({}, {"name": "sent again"}, {"status": "lost"}, {"timestamp": "later"}, {"id": "another"})
    ]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_a_webhook_with_neither_id_nor_time_counts_as_a_new_one() -> None:
    assert _webhook(webhookId=None, timestamp=None) != _webhook(webhookId=None, timestamp=None)


@pytest.mark.parametrize(
    ("changes", "reception"),
    [
        ({"type": "OpportunityStageUpdate"}, Reception.OTHER_TYPE),
        ({"type": "OpportunityUpdate"}, Reception.OTHER_TYPE),
        ({"type": ["OpportunityStatusUpdate"]}, Reception.OTHER_TYPE),
        ({"type": None}, Reception.OTHER_TYPE),
        ({"appId": "another"}, Reception.OTHER_APP),
        ({"appId": None}, Reception.OTHER_APP),
        ({"locationId": "Loc00000000000000002"}, Reception.OTHER_LOCATION),
        ({"locationId": None}, Reception.UNREADABLE),
        ({"id": None}, Reception.UNREADABLE),
        ({"id": 5}, Reception.UNREADABLE),
        ({"id": "x" * 5000}, Reception.UNREADABLE),
    ],
)
def test_a_webhook_that_is_not_for_us_is_no_event(changes: dict[str, object], reception: Reception) -> None:
    assert _webhook(**changes) is reception


@pytest.mark.parametrize(
    "body",
    [
        STANDARD,
        {"id": "Opp00000000000000001", "status": "won", "location": "Loc00000000000000001"},
        {"opportunity_id": "Opp00000000000000001", "location_id": "Loc00000000000000001"},
        {"opportunityId": "Opp00000000000000001", "locationId": "Loc00000000000000001"},
        {"customData": {"opportunity_id": "Opp00000000000000001", "location_id": "Loc00000000000000001"}},
        {"id": "Opp00000000000000001"},
    ],
)
def test_a_workflows_request_is_read_in_every_recorded_shape(body: dict[str, object]) -> None:
    event = _event(_workflow(body))

    assert (event.location_id, event.opportunity_id) == ("Loc00000000000000001", "Opp00000000000000001")
    assert (event.source, event.kind) == (Source.WORKFLOW, Kind.CHANGED)


def test_a_workflows_request_has_no_id_so_each_counts_as_new() -> None:
    assert _workflow(STANDARD) != _workflow(STANDARD)


def test_without_a_sub_account_only_a_single_one_can_be_meant() -> None:
    assert _workflow({"id": "Opp00000000000000001"}, SEVERAL) is Reception.UNREADABLE


@pytest.mark.parametrize(
    ("body", "reception"),
    [
        ({**STANDARD, "location": {"id": "Loc00000000000000009"}}, Reception.OTHER_LOCATION),
        ({**STANDARD, "id": "{{opportunity.id}}"}, Reception.UNREADABLE),
        ({**STANDARD, "location": "{{location.id}}"}, Reception.UNREADABLE),
        ({"location": {"id": "Loc00000000000000001"}}, Reception.UNREADABLE),
        ([STANDARD], Reception.UNREADABLE),
        ("won", Reception.UNREADABLE),
    ],
)
def test_a_workflows_request_that_names_no_deal_of_ours_is_no_event(body: object, reception: Reception) -> None:
    assert _workflow(body) is reception


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 60_000, b'{"id": ' + b"9" * 5000 + b"}", b"{}x", b"NaN"])
def test_what_is_no_json_object_is_unreadable(body: bytes) -> None:
    assert read_webhook(body, OURS) is Reception.UNREADABLE
    assert read_workflow(body, OURS) is Reception.UNREADABLE


@given(st.dictionaries(st.sampled_from([*RECORDED, *STANDARD, "data"]), json_values))
def test_any_object_is_an_event_of_ours_or_none(fields: dict[str, object]) -> None:
    body = json.dumps(RECORDED | fields).encode()
    for found in (read_webhook(body, OURS), read_workflow(body, OURS)):
        assert isinstance(found, Reception) or found.location_id in OURS.locations


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(body: bytes) -> None:
    assert isinstance(read_webhook(body, OURS), Reception)
    read_workflow(body, OURS)

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPMethod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.highlevel.api import users, wire
from bot.highlevel.api.answers import read_error
from bot.highlevel.api.errors import Broken, HighLevelError, NotFound, SaidNo, Unreadable
from bot.highlevel.api.searches import read_page
from bot.highlevel.api.users import UserRecord
from bot.highlevel.api.wire import Found, LostReasonRecord, OpportunityRecord, Pipeline
from bot.http.exchange import Answer
from tests.highlevel.api.answers import BODIES, SAMPLES, an_answer, as_json, sample

ID = "97nqCw0m1pCj2Uo6CiGu"
LOCATION, USER = "AYg6rIXHN1fXdXjGcYvI", json.loads((SAMPLES / "200_user.json").read_text())["body"]["id"]
_opportunity_in = partial(wire.read_opportunity, opportunity_id=ID)
_pipelines_in = partial(wire.read_pipelines, location_id=LOCATION)
_user_in = partial(users.read_user, user_id=USER)

SUCCESSES: Mapping[str, tuple[Callable[[Answer], object], object]] = {
    "200_opportunity": (
        _opportunity_in,
        OpportunityRecord(
            id=ID,
            status="open",
            name="Test Opportunity for Get",
            monetary_value=100,
            pipeline_id="alX8AvUfLBKkXH2pZNkl",
            pipeline_stage_id="2c4fdab1-a812-4255-a833-6c9287b12866",
            assigned_to=None,
            location_id="AYg6rIXHN1fXdXjGcYvI",
            contact_name="Nango Dryrun",
            company_name=None,
            last_status_change_at=datetime(2026, 7, 17, 10, 29, 27, 911000, UTC),
            last_stage_change_at=datetime(2026, 7, 17, 10, 29, 27, 911000, UTC),
            created_at=datetime(2026, 7, 17, 10, 29, 27, 911000, UTC),
        ),
    ),
    "200_opportunity_with_nulls": (
        _opportunity_in,
        OpportunityRecord(
            id=ID,
            status="open",
            name="Test Opportunity for Get",
            monetary_value=0,
            pipeline_id="alX8AvUfLBKkXH2pZNkl",
            pipeline_stage_id="2c4fdab1-a812-4255-a833-6c9287b12866",
            assigned_to=None,
            location_id="AYg6rIXHN1fXdXjGcYvI",
            contact_name=None,
            company_name=None,
            last_status_change_at=None,
        ),
    ),
    "200_search": (
        wire.read_found,
        Found(
            (
                OpportunityRecord(
                    id=ID,
                    status="lost",
                    name="Test Opportunity",
                    monetary_value=100,
                    pipeline_id="alX8AvUfLBKkXH2pZNkl",
                    pipeline_stage_id="2c4fdab1-a812-4255-a833-6c9287b12866",
                    assigned_to=None,
                    location_id="AYg6rIXHN1fXdXjGcYvI",
                    contact_name="Nango Dryrun",
                    company_name=None,
                    last_status_change_at=datetime(2026, 7, 17, 10, 29, 27, 911000, UTC),
                ),
            ),
            23,
        ),
    ),
    "200_lost_reasons": (wire.read_lost_reasons, (LostReasonRecord("CLu7BaljjqrEjBGKTNNe", "Price"),)),
    "200_status_succeded": (wire.read_accepted, ""),
    "200_status_success": (wire.read_accepted, "00000000-0000-4000-8000-000000000003"),
    "200_status_v3": (wire.read_accepted, ""),
    "200_pipelines": (
        _pipelines_in,
        {"alX8AvUfLBKkXH2pZNkl": Pipeline("Sales", {"2c4fdab1-a812-4255-a833-6c9287b12866": "Negotiation"})},
    ),
    "200_user": (_user_in, UserRecord(USER, "Nango Dryrun", "dryrun@example.com")),
}
READERS = (
    _opportunity_in,
    wire.read_found,
    wire.read_accepted,
    _pipelines_in,
    wire.read_lost_reasons,
    _user_in,
    users.read_users,
)


def _opportunity(**fields: object) -> Answer:
    return an_answer(200, {"opportunity": {"id": ID, "status": "open", **fields}})


# --- samples -------------------------------------------------------------------------------------------------------


def test_every_recorded_success_is_read() -> None:
    assert {path.stem for path in SAMPLES.glob("2*.json")} == SUCCESSES.keys()


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("[345]*.json")))
def test_every_reader_raises_a_refusal(name: str) -> None:
    refusal = sample(name)
    for read in READERS:
        with pytest.raises(type(read_error(refusal))):
            read(refusal)


def test_every_sample_says_where_it_was_seen() -> None:
    for path in SAMPLES.iterdir():
        seen = json.loads(path.read_text())
        assert seen.keys() == {"source", "status", "headers", "body"}, path.name
        assert seen["source"], path.name
        assert path.name.startswith(f"{seen['status']}_"), path.name


@pytest.mark.parametrize("name", SUCCESSES)
def test_a_success_seen_elsewhere_is_read(name: str) -> None:
    read, expected = SUCCESSES[name]
    assert read(sample(name)) == expected


# --- every status, every body --------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("body", BODIES[2:])
def test_a_success_that_is_no_json_object_is_unreadable(read: Callable[[Answer], object], body: bytes) -> None:
    if read is wire.read_accepted and not body:
        return  # an empty answer to a write is an acceptance
    with pytest.raises(Unreadable):
        read(Answer(200, {}, body))


KEYS = st.sampled_from(
    [
        *("opportunity", "id", "status", "name", "monetaryValue", "contact", "companyName", "lastStatusChangeAt"),
        *("succeded", "succeeded", "success", "pipelines", "stages", "message", "error", "detail", "traceId"),
        *("assignedTo", "locationId", "pipelineId", "pipelineStageId"),
        *("opportunities", "meta", "total", "lostReasons", "lostReasonId"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**400, "\ud83d", "2026-07-17", "2026-07-17T10:29:27.911Z", "not found", "won"])
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8), max_leaves=25
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            "x-ratelimit-daily-remaining",
            "x-ratelimit-daily-reset",
            "x-ratelimit-interval-milliseconds",
            "x-ratelimit-max",
        ]
    ),
    st.text(max_size=8) | st.integers().map(str) | st.floats().map(str),
)


@given(
    status=st.integers(0, 999) | st.sampled_from([200, 201, 204, 400, 401, 403, 404, 429]),
    headers=HEADERS,
    content=st.binary() | JSON.map(as_json) | st.dictionaries(KEYS, JSON).map(as_json),
)
def test_any_answer_is_read_or_raises_a_highlevel_error(status: int, headers: dict[str, str], content: bytes) -> None:
    for read in READERS:
        waits: float | None = None
        messages: tuple[str, ...] = ()
        try:
            read(Answer(status, headers, content))
        except HighLevelError as error:
            waits, messages = error.retry_after, error.details.messages
        assert waits is None or 0 <= waits < float("inf")
        assert json.dumps(messages, ensure_ascii=False).encode()


# --- requests ------------------------------------------------------------------------------------------------------


def test_the_calls_are_the_documented_ones() -> None:
    assert wire.get_opportunity(ID) == wire.Call(HTTPMethod.GET, f"/opportunities/{ID}")
    assert wire.put_status(ID, "won") == wire.Call(
        HTTPMethod.PUT, f"/opportunities/{ID}/status", body={"status": "won"}
    )
    assert wire.get_pipelines("AYg6") == wire.Call(
        HTTPMethod.GET, "/opportunities/pipelines", query={"locationId": "AYg6"}, max_body=wire.MAX_LIST
    )
    assert wire.put_status(ID, "lost", "REASON1").body == {"status": "lost", "lostReasonId": "REASON1"}
    assert wire.get_lost_reasons("AYg6") == wire.Call(
        HTTPMethod.GET,
        "/opportunities/lost-reason",
        query={"locationId": "AYg6", "limit": "100"},
        max_body=wire.MAX_LIST,
    )
    assert users.get_user("USER") == wire.Call(HTTPMethod.GET, "/users/USER")


@pytest.mark.parametrize(
    ("version", "location"), [("2021-07-28", "location_id"), ("2023-02-21", "location_id"), ("v3", "locationId")]
)
def test_the_search_names_the_location_as_its_version_wants_it(version: str, location: str) -> None:
    assert wire.search_opportunities("AYg6", "acme", 11, version=version) == wire.Call(
        HTTPMethod.GET,
        "/opportunities/search",
        query={location: "AYg6", "q": "acme", "limit": "11"},
        max_body=wire.MAX_LIST,
    )


@pytest.mark.parametrize(("version", "location"), [("2021-07-28", "location_id"), ("v3", "locationId")])
def test_one_opportunity_is_searched_for_by_its_id(version: str, location: str) -> None:
    assert wire.search_opportunity("AYg6", ID, version=version) == wire.Call(
        HTTPMethod.GET,
        "/opportunities/search",
        query={location: "AYg6", "id": ID, "limit": "10"},
        max_body=wire.MAX_LIST,
    )


@pytest.mark.parametrize(
    ("query", "asked"), [("a" * 80, "a" * 75), ("Jos\u00e9 \ud83d", "Jos\u00e9 \ufffd"), (" ", "")]
)
def test_the_search_text_is_made_fit_to_be_sent(query: str, asked: str) -> None:
    assert wire.search_opportunities("AYg6", query, 11, version="v3").query["q"] == asked


def test_only_setting_a_status_writes() -> None:
    assert wire.put_status(ID, "won").writes
    reads = (wire.get_opportunity(ID), wire.get_pipelines("L"), users.get_user("U"), wire.get_lost_reasons("L"))
    assert not any(call.writes for call in (*reads, wire.search_opportunities("L", "acme", 5, version="v3")))


def test_an_id_stays_one_segment_of_the_path_whatever_is_in_it() -> None:
    awkward = "../a b?c#d%e/\u00e9\n"
    assert wire.get_opportunity(awkward).path == "/opportunities/..%2Fa%20b%3Fc%23d%25e%2F%C3%A9%0A"
    assert wire.put_status(awkward, "won").path.count("/") == 3
    assert users.get_user(awkward).path.count("/") == 2


@pytest.mark.parametrize("identifier", ["", ".", "..", "a" * 101, "a" * 100_000])
def test_an_id_that_would_address_something_else_is_not_found(identifier: str) -> None:
    for call in (wire.get_opportunity, users.get_user, lambda found: wire.put_status(found, "won")):
        with pytest.raises(NotFound) as caught:
            call(identifier)
        assert not caught.value.perhaps_done


# --- an acceptance -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["succeded", "succeeded", "success"])
def test_an_explicit_false_is_a_refusal_under_each_of_three_keys(key: str) -> None:
    with pytest.raises(SaidNo) as caught:
        wire.read_accepted(an_answer(200, {key: False, "message": "No", "traceId": "fake"}))
    assert caught.value.details.messages == ("No",)
    assert caught.value.details.trace_id == "fake"
    assert caught.value.perhaps_done


def test_one_false_outweighs_a_true() -> None:
    with pytest.raises(SaidNo):
        wire.read_accepted(an_answer(200, {"success": True, "succeded": False}))


@pytest.mark.parametrize(
    "body",
    [{}, {"succeded": True}, {"succeeded": True}, {"success": True}, {"success": None}, {"success": "false"}],
)
@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_every_other_success_is_an_acceptance(status: int, body: dict[str, object]) -> None:
    assert wire.read_accepted(an_answer(status, body)) == ""


@pytest.mark.parametrize(("status", "content"), [(200, b""), (200, b" \n"), (204, b""), (204, b"ignored"), (202, b"")])
def test_an_empty_success_is_an_acceptance(status: int, content: bytes) -> None:
    assert wire.read_accepted(Answer(status, {}, content)) == ""


def test_an_empty_refusal_is_no_acceptance() -> None:
    with pytest.raises(Broken):
        wire.read_accepted(Answer(500, {}, b""))


@pytest.mark.parametrize("trace_id", [None, 7, {}, ""])
def test_a_missing_trace_id_is_empty(trace_id: object) -> None:
    assert wire.read_accepted(an_answer(200, {"traceId": trace_id})) == ""


# --- an opportunity ------------------------------------------------------------------------------------------------

FIELDS = {
    "name": "name",
    "monetaryValue": "monetary_value",
    "pipelineId": "pipeline_id",
    "pipelineStageId": "pipeline_stage_id",
    "assignedTo": "assigned_to",
    "locationId": "location_id",
    "lastStatusChangeAt": "last_status_change_at",
    "lastStageChangeAt": "last_stage_change_at",
    "lostReasonId": "lost_reason_id",
}
WRONG: tuple[Any, ...] = (None, True, [], {}, [1], {"a": 1}, "", " \n")


def test_an_opportunity_needs_nothing_but_its_id_and_status() -> None:
    record = _opportunity_in(_opportunity())
    assert (record.id, record.status) == (ID, "open")
    assert all(getattr(record, field) is None for field in [*FIELDS.values(), "contact_name", "company_name"])


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("key", FIELDS)
def test_a_field_that_is_null_or_of_a_wrong_type_counts_as_missing(key: str, value: object) -> None:
    assert getattr(_opportunity_in(_opportunity(**{key: value})), FIELDS[key]) is None


@pytest.mark.parametrize("value", [*WRONG, 3, "words"])
def test_a_contact_of_a_wrong_type_has_no_name(value: object) -> None:
    assert _opportunity_in(_opportunity(contact=value)).contact_name is None


@pytest.mark.parametrize("value", [*WRONG, 3])
def test_a_contacts_names_may_be_anything(value: object) -> None:
    record = _opportunity_in(_opportunity(contact={"name": value, "companyName": value}))
    assert (record.contact_name, record.company_name) == (None, None)


def test_the_company_of_a_contact_is_read() -> None:
    record = _opportunity_in(_opportunity(contact={"name": "Jane Doe", "companyName": "Acme Corp"}))
    assert (record.contact_name, record.company_name) == ("Jane Doe", "Acme Corp")


@pytest.mark.parametrize("value", [*WRONG, 3])
@pytest.mark.parametrize("key", ["id", "status"])
def test_an_opportunity_without_id_or_status_is_unreadable(key: str, value: object) -> None:
    with pytest.raises(Unreadable):
        _opportunity_in(_opportunity(**{key: value}))


@pytest.mark.parametrize("value", [*WRONG, 3, "words"])
def test_an_answer_without_an_opportunity_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        _opportunity_in(an_answer(200, {"opportunity": value, "traceId": "fake"}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        (-12.5, -12.5),
        (10**15, 1e15),
        (10**16, None),
        (-(10**300), None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        ("100", None),
    ],
)
def test_a_value_is_a_finite_number_or_none(value: object, expected: float | None) -> None:
    assert _opportunity_in(_opportunity(monetaryValue=value)).monetary_value == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-07-17T10:29:27.911Z", datetime(2026, 7, 17, 10, 29, 27, 911000, UTC)),
        ("2026-07-17T10:29:27", datetime(2026, 7, 17, 10, 29, 27, tzinfo=UTC)),
        ("2026-07-17T12:29:27+02:00", datetime(2026, 7, 17, 10, 29, 27, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:00:00-14:00", None),
        ("2026-07-17T10:29:27." + "0" * 1_000_000, None),
        (1_784_284_167_911, None),
    ],
)
def test_a_time_without_a_zone_is_in_utc(value: object, expected: datetime | None) -> None:
    since = _opportunity_in(_opportunity(lastStatusChangeAt=value)).last_status_change_at
    assert since == expected
    assert since is None or isinstance(since.utcoffset(), timedelta)


def test_half_an_emoji_is_replaced() -> None:
    # A name that JavaScript has cut to a length; text with half an emoji in it can be neither sent nor stored.
    record = _opportunity_in(_opportunity(name="Big deal \ud83d", contact={"name": "\ude00 Jane"}))
    assert (record.name, record.contact_name) == ("Big deal \ufffd", "\ufffd Jane")
    assert _opportunity_in(_opportunity(name="Big deal \U0001f600")).name == "Big deal \U0001f600"


# --- a search ------------------------------------------------------------------------------------------------------


def _found(*opportunities: object, **rest: object) -> Found:
    return wire.read_found(an_answer(200, {"opportunities": opportunities, **rest}))


def test_a_search_reads_opportunities_like_a_single_one() -> None:
    fields = {"name": "New website", "assignedTo": None, "lostReasonId": "R1", "contact": {"name": "Jane Doe"}}
    found = _found({"id": ID, "status": "lost", **fields}, meta={"total": 7})
    assert found == Found((_opportunity_in(_opportunity(status="lost", **fields)),), 7)


def test_a_search_leaves_out_opportunities_without_id_or_status() -> None:
    found = _found({"id": ID, "status": "open"}, {"id": "x"}, {"status": "open"}, None, "words", meta={"total": 7})
    assert ([record.id for record in found.records], found.total) == ([ID], 3)


@pytest.mark.parametrize("meta", [None, {}, {"total": None}, {"total": "7"}, {"total": -1}, {"total": 10**400}, []])
def test_a_search_without_a_total_found_what_it_shows(meta: object) -> None:
    assert _found({"id": ID, "status": "open"}, meta=meta).total == 1


def test_the_newer_search_has_its_total_at_the_top() -> None:
    assert read_page(an_answer(201, {"opportunities": [{"id": ID, "status": "open"}], "total": 50_000})).total == 50_000


def test_a_search_may_find_nothing() -> None:
    assert _found() == Found((), 0)


@pytest.mark.parametrize("value", [None, {}, "words", 3])
def test_an_answer_without_a_list_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        wire.read_found(an_answer(200, {"opportunities": value}))
    with pytest.raises(Unreadable):
        wire.read_lost_reasons(an_answer(200, {"lostReasons": value}))


def test_lost_reasons_without_id_or_name_are_left_out() -> None:
    reasons = [{"id": "r1", "name": "Price"}, {"id": "r2"}, {"name": "Timing"}, None, {"id": "r3", "name": "Other"}]
    read = wire.read_lost_reasons(an_answer(200, {"lostReasons": reasons, "total": 5}))
    assert read == (LostReasonRecord("r1", "Price"), LostReasonRecord("r3", "Other"))


def test_no_more_than_100_lost_reasons_are_read() -> None:
    reasons = [{"id": f"r{number}", "name": "Price"} for number in range(101)]
    assert len(wire.read_lost_reasons(an_answer(200, {"lostReasons": reasons}))) == 100


# --- pipelines and users -------------------------------------------------------------------------------------------


def test_pipelines_and_stages_without_id_are_left_out() -> None:
    stages = [{"id": "s1", "name": "One"}, {"id": "s2"}, {"name": "Three"}, None, "four"]
    pipelines = [{"id": "p1", "name": None, "stages": stages}, {"id": "p2", "stages": {}}, {"name": "p3"}, None, 5]
    assert _pipelines_in(an_answer(200, {"pipelines": pipelines})) == {
        "p1": Pipeline(None, {"s1": "One"}),
        "p2": Pipeline(None, {}),
    }


def test_a_location_may_have_no_pipeline() -> None:
    assert _pipelines_in(an_answer(200, {"pipelines": []})) == {}


@pytest.mark.parametrize("value", [None, {}, "words", 3])
def test_an_answer_without_pipelines_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        _pipelines_in(an_answer(200, {"pipelines": value}))


@pytest.mark.parametrize("value", [*WRONG, 3])
def test_a_user_may_have_no_name(value: object) -> None:
    assert _user_in(an_answer(200, {"name": value, "email": value})) == UserRecord(USER, None, None)


def test_users_without_id_are_left_out_and_a_deleted_one_says_so() -> None:
    listed = [{"id": "U1", "name": "Ana", "email": "ana@acme.example", "deleted": True}, {"name": "Ben"}, None, 5]
    assert users.read_users(an_answer(200, {"users": listed})) == (UserRecord("U1", "Ana", "ana@acme.example", True),)
    assert users.get_users("L").query == {"locationId": "L"}


def test_an_email_is_in_no_repr() -> None:
    assert "acme" not in repr(UserRecord("U1", "Ana", "ana@acme.example"))


# --- whose answer it is --------------------------------------------------------------------------------------------


def test_an_answer_about_another_opportunity_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        wire.read_opportunity(_opportunity(), "another")


def test_an_answer_about_another_user_is_unreadable() -> None:
    answer = an_answer(200, {"id": "U2", "name": "Ben"})

    assert users.read_user(answer, "U2") == UserRecord("U2", "Ben")
    assert users.read_user(an_answer(200, {"name": "Ana"}), "U1") == UserRecord("U1", "Ana")
    with pytest.raises(Unreadable):
        users.read_user(answer, "U1")


@pytest.mark.parametrize("other", ["L2", ["L1"], {"id": "L1"}])
def test_pipelines_of_another_location_are_left_out(other: object) -> None:
    pipelines = [
        {"id": "P1", "name": "Ours", "locationId": "L1"},
        {"id": "P2", "name": "Theirs", "locationId": other},
        {"id": "P3", "name": "Whose?"},
    ]

    assert wire.read_pipelines(an_answer(200, {"pipelines": pipelines}), "L1").keys() == {"P1", "P3"}


# --- nothing is larger than it may be ------------------------------------------------------------------------------


HUGE = "x" * 1_000_000


@pytest.mark.parametrize("key", FIELDS)
def test_no_field_of_an_opportunity_is_kept_longer_than_it_may_be(key: str) -> None:
    kept = getattr(_opportunity_in(_opportunity(**{key: HUGE})), FIELDS[key])

    assert kept is None or len(kept) <= 300


@pytest.mark.parametrize("key", ["name", "companyName"])
def test_no_name_of_a_contact_is_kept_longer_than_it_may_be(key: str) -> None:
    record = _opportunity_in(_opportunity(contact={key: HUGE}))

    assert max(len(record.contact_name or ""), len(record.company_name or "")) == 300


def test_no_status_is_kept_longer_than_it_may_be() -> None:
    assert len(_opportunity_in(_opportunity(status=HUGE)).status) == 50


def test_an_opportunity_with_an_id_that_is_too_long_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        wire.read_opportunity(_opportunity(id=HUGE), HUGE)


def test_no_more_rows_are_read_than_were_asked_for() -> None:
    rows = [{"id": f"D{number}", "status": "open"} for number in range(5000)]

    assert len(wire.read_found(an_answer(200, {"opportunities": rows})).records) == 100
    assert len(read_page(an_answer(201, {"opportunities": rows})).records) == 500


def test_no_more_pipelines_and_stages_are_read_than_a_location_can_have() -> None:
    stages = [{"id": f"S{number}", "name": HUGE[:500]} for number in range(600)]
    pipelines = [{"id": f"P{number}", "stages": stages if number == 0 else []} for number in range(600)]
    read = _pipelines_in(an_answer(200, {"pipelines": pipelines}))

    assert (len(read), len(read["P0"].stages)) == (500, 500)
    assert max(map(len, read["P0"].stages.values())) == 300

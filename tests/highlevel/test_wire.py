import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPMethod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.highlevel import wire
from bot.highlevel.errors import (
    Blocked,
    Broken,
    Forbidden,
    GatewayTimedOut,
    HighLevelError,
    Invalid,
    LocationForbidden,
    NoSuchRoute,
    NotFound,
    RateLimited,
    Refused,
    SaidNo,
    ScopeMissing,
    TokenInvalid,
    Unreadable,
    VersionRefused,
)
from bot.highlevel.wire import Answer, Limits, Pipeline, Record, read_limits

SAMPLES = Path(__file__).parent / "samples"
ID = "97nqCw0m1pCj2Uo6CiGu"

REFUSALS: Mapping[str, tuple[type[HighLevelError], tuple[str, ...]]] = {
    "400_bad_request": (Invalid, ("Bad Request",)),
    "400_location_not_found": (NotFound, ("Location not found",)),
    "400_contact_not_found": (NotFound, ("Contact not found for id:MB7tx4NBjFJKvmnYjcly",)),
    "400_task_id_invalid": (NotFound, ("The task id is invalid.",)),
    "400_location_not_active": (Invalid, ("Location is not active",)),
    "400_endpoint_removed": (NoSuchRoute, ("API endpoint has been removed",)),
    "400_invalid_grant": (Invalid, ("invalid_grant",)),
    "400_v3_error_object": (Invalid, ("locationId is required",)),
    "400_gateway": (Invalid, ("Bad Request",)),
    "401_invalid_access_token": (TokenInvalid, ("Invalid token: access token is invalid",)),
    "401_invalid_jwt": (TokenInvalid, ("Invalid JWT",)),
    "401_invalid_private_integration_token": (TokenInvalid, ("Invalid Private Integration token",)),
    "401_scope": (ScopeMissing, ("The token is not authorized for this scope.",)),
    "401_auth_class": (
        ScopeMissing,
        ("This authClass type is not allowed to access this scope. Please reach out to the Platform team...",),
    ),
    "401_location_not_accessible": (LocationForbidden, ("This location is not accessible from this token!",)),
    "401_iam": (ScopeMissing, ("This route is not yet supported by the IAM Service...",)),
    "401_version_missing": (VersionRefused, ("version header was not found.",)),
    "401_version_invalid": (VersionRefused, ("version header is invalid",)),
    "401_user_does_not_exist": (NotFound, ("The user does not exist.",)),
    "403_location": (LocationForbidden, ("The token does not have access to this location.",)),
    "403_cloudflare_1010": (Blocked, ()),
    "403_permission": (Forbidden, ("You do not have permission to access this resource",)),
    "404_opportunity": (NotFound, ("Opportunity not found",)),
    "404_cannot_get": (NoSuchRoute, ("Cannot GET /opportunities/lost-reason",)),
    "422_list": (Invalid, ("grant_type must be a valid enum value", "grant_type should not be empty")),
    "422_unknown_property": (Invalid, ("property pipelineId should not exist",)),
    "422_location_missing": (Invalid, ("location_id can't be undefined",)),
    "422_status": (Invalid, ("status must be one of the following values: open, won, lost, abandoned, all",)),
    "429_sdk_text": (RateLimited, ()),
    "429_burst": (RateLimited, ("Too Many Requests",)),
    "429_day": (RateLimited, ("Too Many Requests",)),
    "500_internal": (Broken, ("Internal server error",)),
    "502_html": (GatewayTimedOut, ()),
    "503_envoy": (Broken, ()),
    "504_envoy": (GatewayTimedOut, ()),
}
SUCCESSES: Mapping[str, tuple[Callable[[Answer], object], object]] = {
    "200_opportunity": (
        wire.read_opportunity,
        Record(
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
        ),
    ),
    "200_opportunity_with_nulls": (
        wire.read_opportunity,
        Record(
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
    "200_status_succeded": (wire.read_accepted, ""),
    "200_status_success": (wire.read_accepted, "00000000-0000-4000-8000-000000000003"),
    "200_status_v3": (wire.read_accepted, ""),
    "200_pipelines": (
        wire.read_pipelines,
        {"alX8AvUfLBKkXH2pZNkl": Pipeline("Sales", {"2c4fdab1-a812-4255-a833-6c9287b12866": "Negotiation"})},
    ),
    "200_user": (wire.read_user_name, "Nango Dryrun"),
}
READERS = (wire.read_opportunity, wire.read_accepted, wire.read_pipelines, wire.read_user_name)

FROM_GATEWAYS = {502, 504, *range(520, 528)}


def _sample(name: str) -> Answer:
    sample = json.loads((SAMPLES / f"{name}.json").read_text())
    body = sample["body"]
    return Answer(sample["status"], sample["headers"], body.encode() if isinstance(body, str) else _bytes(body))


def _bytes(body: object) -> bytes:
    return json.dumps(body).encode()


def _answer(status: int, body: object, **headers: str) -> Answer:
    """`body` as JSON, unless it is bytes; header names with underscores."""
    content = body if isinstance(body, bytes) else _bytes(body)
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def _refusal(status: int, body: object, **headers: str) -> HighLevelError:
    return wire.read_error(_answer(status, body, **headers))


def _opportunity(**fields: object) -> Answer:
    return _answer(200, {"opportunity": {"id": ID, "status": "open", **fields}})


# --- samples -------------------------------------------------------------------------------------------------------


def test_every_sample_is_read_and_every_reading_has_its_sample() -> None:
    assert {path.stem for path in SAMPLES.iterdir()} == REFUSALS.keys() | SUCCESSES.keys()


def test_every_sample_says_where_it_was_seen() -> None:
    for path in SAMPLES.iterdir():
        sample = json.loads(path.read_text())
        assert sample.keys() == {"source", "status", "headers", "body"}, path.name
        assert sample["source"], path.name
        assert path.name.startswith(f"{sample['status']}_"), path.name


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_seen_elsewhere_has_its_exact_meaning(name: str) -> None:
    expected, messages = REFUSALS[name]
    answer = _sample(name)
    error = wire.read_error(answer)

    assert type(error) is expected
    assert error.details.status == answer.status
    assert error.details.messages == messages
    for read in READERS:
        with pytest.raises(expected):
            read(answer)


@pytest.mark.parametrize("name", SUCCESSES)
def test_a_success_seen_elsewhere_is_read(name: str) -> None:
    read, expected = SUCCESSES[name]
    assert read(_sample(name)) == expected


@pytest.mark.parametrize(
    ("name", "retry_after", "daily"),
    [("429_sdk_text", 10.0, False), ("429_burst", 10.0, False), ("429_day", 83059.0, True)],
)
def test_a_rate_limit_says_how_long_to_wait_and_whether_it_is_the_days(
    name: str, retry_after: float, *, daily: bool
) -> None:
    error = wire.read_error(_sample(name))
    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.daily) == (retry_after, daily)


def test_the_trace_id_of_a_refusal_is_kept() -> None:
    answer = _sample("422_list")
    assert wire.read_error(answer).details.trace_id == json.loads(answer.content)["traceId"]


# --- every status, every body --------------------------------------------------------------------------------------

BODIES = (
    _bytes({"message": "Something", "traceId": "fake"}),
    _bytes({"message": ["One", "Two"]}),
    b"<!doctype html><html><body>Something</body></html>",
    b"",
    b"null",
    b"[]",
    b"42",
    b'"words"',
    b"\xff\xfe\x00",
    b"[" * 200_000,
    b'{"a":' * 200_000,
    b"9" * 10_000,
)


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_that_is_no_success_is_of_the_right_family_whatever_the_body(status: int) -> None:
    for body in BODIES[:4]:
        error = _refusal(status, body)
        assert error.details.status == status
        match status // 100:
            case 3:
                assert type(error) is Unreadable
            case 4:
                assert isinstance(error, Refused)
                assert type(error) is not Refused
                assert not error.perhaps_done
            case _:
                assert type(error) is (GatewayTimedOut if status in FROM_GATEWAYS else Broken)


@pytest.mark.parametrize("status", [0, 100, 101, 199, 600, 999])
def test_a_status_that_http_does_not_know_may_have_been_a_change(status: int) -> None:
    error = _refusal(status, {})
    assert type(error) is (Broken if status >= 600 else Unreadable)
    assert error.perhaps_done


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("body", BODIES[2:])
def test_a_success_that_is_no_json_object_is_unreadable(read: Callable[[Answer], object], body: bytes) -> None:
    if read is wire.read_accepted and not body:
        return  # an empty acceptance is one
    with pytest.raises(Unreadable):
        read(Answer(200, {}, body))


@pytest.mark.parametrize("body", BODIES)
def test_the_kind_of_a_refusal_does_not_depend_on_its_being_readable(body: bytes) -> None:
    assert type(_refusal(429, body)) is RateLimited
    assert type(_refusal(422, body)) is Invalid
    assert type(_refusal(405, body)) is NoSuchRoute


KEYS = st.sampled_from(
    [
        *("opportunity", "id", "status", "name", "monetaryValue", "contact", "companyName", "lastStatusChangeAt"),
        *("succeded", "succeeded", "success", "pipelines", "stages", "message", "error", "detail", "traceId"),
        *("assignedTo", "locationId", "pipelineId", "pipelineStageId"),
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
        ]
    ),
    st.text(max_size=8) | st.integers().map(str) | st.floats().map(str),
)


@given(
    status=st.integers(0, 999) | st.sampled_from([200, 201, 204, 400, 401, 403, 404, 429]),
    headers=HEADERS,
    content=st.binary() | JSON.map(_bytes) | st.dictionaries(KEYS, JSON).map(_bytes),
)
def test_no_answer_whatever_raises_anything_but_a_highlevel_error(
    status: int, headers: dict[str, str], content: bytes
) -> None:
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
        HTTPMethod.GET, "/opportunities/pipelines", query={"locationId": "AYg6"}
    )
    assert wire.get_user("USER") == wire.Call(HTTPMethod.GET, "/users/USER")


def test_only_the_change_of_a_status_writes() -> None:
    assert wire.put_status(ID, "won").writes
    assert not any(call.writes for call in (wire.get_opportunity(ID), wire.get_pipelines("L"), wire.get_user("U")))


def test_an_id_stays_one_segment_of_the_path_whatever_is_in_it() -> None:
    awkward = "../a b?c#d%e/\u00e9\n"
    assert wire.get_opportunity(awkward).path == "/opportunities/..%2Fa%20b%3Fc%23d%25e%2F%C3%A9%0A"
    assert wire.put_status(awkward, "won").path.count("/") == 3
    assert wire.get_user(awkward).path.count("/") == 2


@pytest.mark.parametrize("identifier", ["", ".", ".."])
def test_an_id_that_would_address_something_else_is_nobodys(identifier: str) -> None:
    for call in (wire.get_opportunity, wire.get_user, lambda found: wire.put_status(found, "won")):
        with pytest.raises(NotFound) as caught:
            call(identifier)
        assert not caught.value.perhaps_done


# --- an acceptance -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["succeded", "succeeded", "success"])
def test_an_explicit_false_is_a_refusal_under_each_of_the_three_names(key: str) -> None:
    with pytest.raises(SaidNo) as caught:
        wire.read_accepted(_answer(200, {key: False, "message": "No", "traceId": "fake"}))
    assert caught.value.details.messages == ("No",)
    assert caught.value.details.trace_id == "fake"
    assert caught.value.perhaps_done


def test_one_false_outweighs_a_true() -> None:
    with pytest.raises(SaidNo):
        wire.read_accepted(_answer(200, {"success": True, "succeded": False}))


@pytest.mark.parametrize(
    "body",
    [{}, {"succeded": True}, {"succeeded": True}, {"success": True}, {"success": None}, {"success": "false"}],
)
@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_every_other_success_is_an_acceptance(status: int, body: dict[str, object]) -> None:
    assert wire.read_accepted(_answer(status, body)) == ""


@pytest.mark.parametrize(("status", "content"), [(200, b""), (200, b" \n"), (204, b""), (204, b"ignored"), (202, b"")])
def test_an_empty_success_is_an_acceptance(status: int, content: bytes) -> None:
    assert wire.read_accepted(Answer(status, {}, content)) == ""


def test_an_empty_refusal_is_no_acceptance() -> None:
    with pytest.raises(Broken):
        wire.read_accepted(Answer(500, {}, b""))


@pytest.mark.parametrize("trace_id", [None, 7, {}, ""])
def test_a_trace_id_that_is_none_is_empty(trace_id: object) -> None:
    assert wire.read_accepted(_answer(200, {"traceId": trace_id})) == ""


# --- an opportunity ------------------------------------------------------------------------------------------------

FIELDS = {
    "name": "name",
    "monetaryValue": "monetary_value",
    "pipelineId": "pipeline_id",
    "pipelineStageId": "pipeline_stage_id",
    "assignedTo": "assigned_to",
    "locationId": "location_id",
    "lastStatusChangeAt": "last_status_change_at",
}
WRONG: tuple[Any, ...] = (None, True, [], {}, [1], {"a": 1}, "", " \n")


def test_an_opportunity_needs_nothing_but_its_id_and_status() -> None:
    record = wire.read_opportunity(_opportunity())
    assert (record.id, record.status) == (ID, "open")
    assert all(getattr(record, field) is None for field in [*FIELDS.values(), "contact_name", "company_name"])


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("key", FIELDS)
def test_a_field_that_is_null_or_of_a_wrong_type_is_one_that_is_absent(key: str, value: object) -> None:
    assert getattr(wire.read_opportunity(_opportunity(**{key: value})), FIELDS[key]) is None


@pytest.mark.parametrize("value", [*WRONG, 3, "words"])
def test_a_contact_that_is_none_has_no_name(value: object) -> None:
    assert wire.read_opportunity(_opportunity(contact=value)).contact_name is None


@pytest.mark.parametrize("value", [*WRONG, 3])
def test_a_contacts_names_may_be_anything(value: object) -> None:
    record = wire.read_opportunity(_opportunity(contact={"name": value, "companyName": value}))
    assert (record.contact_name, record.company_name) == (None, None)


def test_the_company_of_a_contact_is_read() -> None:
    record = wire.read_opportunity(_opportunity(contact={"name": "Jane Doe", "companyName": "Acme Corp"}))
    assert (record.contact_name, record.company_name) == ("Jane Doe", "Acme Corp")


@pytest.mark.parametrize("value", [*WRONG, 3])
@pytest.mark.parametrize("key", ["id", "status"])
def test_an_opportunity_without_id_or_status_is_unreadable(key: str, value: object) -> None:
    with pytest.raises(Unreadable):
        wire.read_opportunity(_opportunity(**{key: value}))


@pytest.mark.parametrize("value", [*WRONG, 3, "words"])
def test_an_answer_without_an_opportunity_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        wire.read_opportunity(_answer(200, {"opportunity": value, "traceId": "fake"}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        (-12.5, -12.5),
        (10**300, 1e300),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        ("100", None),
    ],
)
def test_a_value_is_a_number_that_can_be_shown_or_none(value: object, expected: float | None) -> None:
    assert wire.read_opportunity(_opportunity(monetaryValue=value)).monetary_value == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-07-17T10:29:27.911Z", datetime(2026, 7, 17, 10, 29, 27, 911000, UTC)),
        ("2026-07-17T10:29:27", datetime(2026, 7, 17, 10, 29, 27, tzinfo=UTC)),
        ("2026-07-17T12:29:27+02:00", datetime(2026, 7, 17, 10, 29, 27, tzinfo=UTC)),
        ("yesterday", None),
        (1_784_284_167_911, None),
    ],
)
def test_a_time_has_a_zone_which_is_utc_when_none_is_given(value: object, expected: datetime | None) -> None:
    since = wire.read_opportunity(_opportunity(lastStatusChangeAt=value)).last_status_change_at
    assert since == expected
    assert since is None or isinstance(since.utcoffset(), timedelta)


def test_half_an_emoji_never_leaves_the_wire() -> None:
    # A name that JavaScript has cut to a length; text with half an emoji in it can be neither sent nor stored.
    record = wire.read_opportunity(_opportunity(name="Big deal \ud83d", contact={"name": "\ude00 Jane"}))
    assert (record.name, record.contact_name) == ("Big deal \ufffd", "\ufffd Jane")
    assert wire.read_opportunity(_opportunity(name="Big deal \U0001f600")).name == "Big deal \U0001f600"
    error = _refusal(422, {"message": ["bad \ud83d"], "traceId": "\ud83d"})
    assert (error.details.messages, error.details.trace_id) == (("bad \ufffd",), "\ufffd")


# --- pipelines and users -------------------------------------------------------------------------------------------


def test_pipelines_and_stages_without_id_are_left_out() -> None:
    stages = [{"id": "s1", "name": "One"}, {"id": "s2"}, {"name": "Three"}, None, "four"]
    pipelines = [{"id": "p1", "name": None, "stages": stages}, {"id": "p2", "stages": {}}, {"name": "p3"}, None, 5]
    assert wire.read_pipelines(_answer(200, {"pipelines": pipelines})) == {
        "p1": Pipeline(None, {"s1": "One"}),
        "p2": Pipeline(None, {}),
    }


def test_a_location_may_have_no_pipeline() -> None:
    assert wire.read_pipelines(_answer(200, {"pipelines": []})) == {}


@pytest.mark.parametrize("value", [None, {}, "words", 3])
def test_an_answer_without_pipelines_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        wire.read_pipelines(_answer(200, {"pipelines": value}))


@pytest.mark.parametrize("value", [*WRONG, 3])
def test_a_user_may_have_no_name(value: object) -> None:
    assert wire.read_user_name(_answer(200, {"name": value})) is None


# --- what a refusal says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ({"message": "One"}, ("One",)),
        ({"message": ["One", "Two"]}, ("One", "Two")),
        ({"message": ["One", 2, None, {}, " "]}, ("One",)),
        ({"message": "", "error": "Bad Request"}, ("Bad Request",)),
        ({"message": "One", "error": "Bad Request"}, ("One",)),
        ({"error": {"message": "Inner"}}, ("Inner",)),
        ({"error": {"message": ["Inner", "Second"]}}, ("Inner", "Second")),
        ({"error": {}}, ()),
        ({"detail": "Detail"}, ("Detail",)),
        ({"message": {"odd": 1}}, ()),
        ({"message": 7}, ()),
        ({}, ()),
        ("Only words", ("Only words",)),
        (["One", "Two"], ("One", "Two")),
        (None, ()),
        ({"message": " two\n lines "}, ("two lines",)),
        ({"message": "x" * 1000}, ("x" * 300,)),
    ],
)
def test_the_reasons_are_found_in_every_shape(body: object, messages: tuple[str, ...]) -> None:
    assert _refusal(422, body).details.messages == messages


def test_a_trace_id_is_not_longer_than_one() -> None:
    assert _refusal(422, {"traceId": "t" * 1000}).details.trace_id == "t" * 64


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_that_is_not_json_comes_from_before_highlevel(status: int) -> None:
    for body in (b"", b"<html>Attention Required!</html>", b"error code: 1010", b"[]"):
        assert type(_refusal(status, body)) is Blocked


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("version header is invalid", VersionRefused),
        ("THE TOKEN IS NOT AUTHORIZED FOR THIS SCOPE.", ScopeMissing),
        ("The token does not have access to this location.", LocationForbidden),
        ("This location is not accessible from this token!", LocationForbidden),
        ("The token has expired", TokenInvalid),
        ("Invalid JWT", TokenInvalid),
    ],
)
def test_the_text_tells_the_meanings_of_401_and_403_apart(
    status: int, message: str, expected: type[HighLevelError]
) -> None:
    assert type(_refusal(status, {"message": message})) is expected


def test_without_a_known_text_401_is_about_the_token_and_403_about_nothing_we_know() -> None:
    for body in ({}, {"message": "Unauthorized"}, {"message": None}):
        assert type(_refusal(401, body)) is TokenInvalid
        assert type(_refusal(403, body)) is Forbidden


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Opportunity not found", NotFound),
        ("The opportunity id is invalid.", NotFound),
        ("Invalid opportunity id", NotFound),
        ("The opportunity does not exist", NotFound),
        ("Cannot PUT /opportunities/x/status", NoSuchRoute),
        ("monetaryValue is invalid", Invalid),
        ("status is invalid", Invalid),
    ],
)
def test_a_400_may_mean_that_nothing_is_there(message: str, expected: type[HighLevelError]) -> None:
    assert type(_refusal(400, {"message": message})) is expected
    assert type(_refusal(400, {"message": [message]})) is expected


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH"])
def test_a_404_that_names_the_route_means_that_our_address_is_wrong(method: str) -> None:
    assert type(_refusal(404, {"message": f"Cannot {method} /opportunities/x"})) is NoSuchRoute


@pytest.mark.parametrize("body", [b"", b"<html>404</html>", b"[]"])
def test_a_404_that_is_not_highlevels_json_means_that_our_address_is_wrong(body: bytes) -> None:
    assert type(_refusal(404, body)) is NoSuchRoute


def test_a_404_that_says_nothing_more_is_not_found() -> None:
    assert type(_refusal(404, {})) is NotFound


# --- how long to wait ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "retry_after", "daily"),
    [
        ({}, 10.0, False),
        ({"x_ratelimit_interval_milliseconds": "2500"}, 2.5, False),
        ({"x_ratelimit_interval_milliseconds": "0"}, 10.0, False),
        ({"x_ratelimit_interval_milliseconds": "soon"}, 10.0, False),
        ({"x_ratelimit_interval_milliseconds": "-5"}, 10.0, False),
        ({"retry_after": "3", "x_ratelimit_interval_milliseconds": "2500"}, 3.0, False),
        ({"retry_after": "0"}, 0.0, False),
        ({"retry_after": "nan"}, 10.0, False),
        ({"retry_after": "inf"}, 10.0, False),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10.0, False),
        ({"x_ratelimit_daily_remaining": "1"}, 10.0, False),
        ({"x_ratelimit_daily_remaining": " 0 "}, None, True),
        ({"x_ratelimit_daily_remaining": "0", "x_ratelimit_daily_reset": "60000"}, 60.0, True),
        ({"x_ratelimit_daily_remaining": "0", "x_ratelimit_daily_reset": "60000", "retry_after": "5"}, 5.0, True),
        ({"x_ratelimit_daily_remaining": "0", "x_ratelimit_interval_milliseconds": "2500"}, None, True),
    ],
)
def test_the_headers_say_how_long_a_rate_limit_lasts(
    headers: dict[str, str], retry_after: float | None, *, daily: bool
) -> None:
    error = _refusal(429, {}, **headers)
    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.daily) == (retry_after, daily)


def test_a_broken_server_may_say_when_it_will_be_back() -> None:
    assert _refusal(503, b"", retry_after="7").retry_after == 7.0
    assert _refusal(503, b"").retry_after is None


# --- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "limits"),
    [
        (200, {}, Limits(None, None, None, None, day_is_over=False)),
        (
            200,
            {
                "x-ratelimit-max": "100",
                "x-ratelimit-remaining": "95",
                "x-ratelimit-interval-milliseconds": "10000",
                "x-ratelimit-daily-remaining": "199601",
                "x-ratelimit-daily-reset": "83059000",
            },
            Limits(100, 10.0, 95, None, day_is_over=False),
        ),
        (200, {"x-ratelimit-daily-remaining": "0"}, Limits(None, None, None, None, day_is_over=True)),
        (
            200,
            {"x-ratelimit-daily-remaining": "0", "x-ratelimit-daily-reset": "60000"},
            Limits(None, None, None, 60.0, day_is_over=True),
        ),
        (429, {}, Limits(None, None, None, 10.0, day_is_over=False)),
        (429, {"retry-after": "3"}, Limits(None, None, None, 3.0, day_is_over=False)),
        (429, {"x-ratelimit-daily-remaining": "0"}, Limits(None, None, None, None, day_is_over=True)),
    ],
)
def test_an_answer_says_how_much_more_may_be_asked(status: int, headers: dict[str, str], limits: Limits) -> None:
    assert read_limits(Answer(status, headers, b"")) == limits


@pytest.mark.parametrize("garbage", ["", "many", "-1", "nan", "inf", "0", "1e300"])
def test_a_limit_that_makes_no_sense_says_nothing(garbage: str) -> None:
    names = ("x-ratelimit-max", "x-ratelimit-interval-milliseconds", "x-ratelimit-remaining")
    limits = read_limits(Answer(200, dict.fromkeys(names, garbage), b""))

    assert limits.interval is None
    assert limits.most is None or limits.most > 0
    assert limits.remaining is None or limits.remaining >= 0

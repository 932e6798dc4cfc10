import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.highlevel.api.answers import Limits, identifier, json_in, read_error, read_limits, text
from bot.highlevel.api.errors import (
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
    ScopeMissing,
    TokenInvalid,
    Unreadable,
    VersionRefused,
)
from bot.http.exchange import Answer
from tests.highlevel.api.answers import BODIES, SAMPLES, an_answer, sample

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

FROM_GATEWAYS = {502, 504, *range(520, 528)}


def _refusal(status: int, body: object, **headers: str) -> HighLevelError:
    return read_error(an_answer(status, body, **headers))


# --- samples ---------------------------------------------------------------------------------------------------------


def test_every_recorded_refusal_is_read() -> None:
    assert {path.stem for path in SAMPLES.iterdir() if not path.stem.startswith("2")} == REFUSALS.keys()


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_seen_elsewhere_has_its_exact_meaning(name: str) -> None:
    expected, messages = REFUSALS[name]
    answer = sample(name)
    error = read_error(answer)

    assert type(error) is expected
    assert error.details.status == answer.status
    assert error.details.messages == messages


@pytest.mark.parametrize(
    ("name", "retry_after", "daily"),
    [("429_sdk_text", 10.0, False), ("429_burst", 10.0, False), ("429_day", 83059.0, True)],
)
def test_a_429_says_how_long_to_wait_and_whether_the_day_is_used_up(
    name: str, retry_after: float, *, daily: bool
) -> None:
    error = read_error(sample(name))
    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.daily) == (retry_after, daily)


def test_the_trace_id_of_a_refusal_is_kept() -> None:
    answer = sample("422_list")
    assert read_error(answer).details.trace_id == json.loads(answer.content)["traceId"]


# --- every status, every body ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", range(300, 600))
def test_every_error_status_is_of_the_right_family_whatever_the_body(status: int) -> None:
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
def test_an_unknown_status_may_have_been_a_change(status: int) -> None:
    error = _refusal(status, {})
    assert type(error) is (Broken if status >= 600 else Unreadable)
    assert error.perhaps_done


@pytest.mark.parametrize("body", BODIES)
def test_an_unreadable_refusal_is_of_the_same_kind(body: bytes) -> None:
    assert type(_refusal(429, body)) is RateLimited
    assert type(_refusal(422, body)) is Invalid
    assert type(_refusal(405, body)) is NoSuchRoute


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
def test_the_reasons_are_found_in_every_shape_of_error(body: object, messages: tuple[str, ...]) -> None:
    assert _refusal(422, body).details.messages == messages


def test_half_an_emoji_in_a_reason_is_replaced() -> None:
    error = _refusal(422, {"message": ["bad \ud83d"], "traceId": "\ud83d"})
    assert (error.details.messages, error.details.trace_id) == (("bad \ufffd",), "\ufffd")


def test_a_trace_id_is_cut_to_64_characters() -> None:
    assert _refusal(422, {"traceId": "t" * 1000}).details.trace_id == "t" * 64


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_that_is_not_json_is_from_the_cdn(status: int) -> None:
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
def test_the_text_tells_what_a_401_or_403_means(status: int, message: str, expected: type[HighLevelError]) -> None:
    assert type(_refusal(status, {"message": message})) is expected


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "body", [{}, {"message": "Unauthorized"}, {"message": None}, {"message": "You do not have access to this feature"}]
)
def test_a_refusal_with_an_unknown_text_is_not_taken_for_a_bad_token(status: int, body: dict[str, object]) -> None:
    assert type(_refusal(status, body)) is Forbidden


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
def test_a_400_may_mean_not_found(message: str, expected: type[HighLevelError]) -> None:
    assert type(_refusal(400, {"message": message})) is expected
    assert type(_refusal(400, {"message": [message]})) is expected


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH"])
def test_a_404_that_names_the_route_means_a_wrong_address(method: str) -> None:
    assert type(_refusal(404, {"message": f"Cannot {method} /opportunities/x"})) is NoSuchRoute


@pytest.mark.parametrize("body", [b"", b"<html>404</html>", b"[]"])
def test_a_404_that_is_not_json_means_a_wrong_address(body: bytes) -> None:
    assert type(_refusal(404, body)) is NoSuchRoute


def test_any_other_404_means_not_found() -> None:
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
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:56 GMT"}, 4.0, False),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 08:00:00 GMT"}, 0.0, False),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 -0000", "date": "Wed, 21 Oct 2026 07:27:56 GMT"}, 10.0, False),
        ({"retry_after": "Wed, 21 Oct 99999999999 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:56 GMT"}, 10.0, False),
        ({"retry_after": "soon", "date": "Wed, 21 Oct 2026 07:27:56 GMT"}, 10.0, False),
        ({"x_ratelimit_daily_remaining": "1"}, 10.0, False),
        ({"x_ratelimit_daily_remaining": " 0 "}, None, True),
        ({"x_ratelimit_daily_remaining": "0", "x_ratelimit_daily_reset": "60000"}, 60.0, True),
        ({"x_ratelimit_daily_remaining": "0", "x_ratelimit_daily_reset": "60000", "retry_after": "5"}, 5.0, True),
        ({"x_ratelimit_daily_remaining": "0", "x_ratelimit_interval_milliseconds": "2500"}, None, True),
    ],
)
def test_the_headers_of_a_429_say_how_long_it_lasts(
    headers: dict[str, str], retry_after: float | None, *, daily: bool
) -> None:
    error = _refusal(429, {}, **headers)
    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.daily) == (retry_after, daily)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_no_wait_of_more_than_an_hour_is_believed(status: int) -> None:
    assert _refusal(status, {}, retry_after="1e300").retry_after == 3600.0


def test_no_day_that_lasts_longer_than_a_day_is_believed() -> None:
    error = _refusal(429, {}, x_ratelimit_daily_remaining="0", x_ratelimit_daily_reset="1e300")

    assert error.retry_after == 86_400.0


@pytest.mark.parametrize("interval", ["0.9", "60001", "3600000", "1e300"])
def test_no_interval_below_a_millisecond_or_above_a_minute_is_believed(interval: str) -> None:
    assert read_limits(Answer(200, {"x-ratelimit-interval-milliseconds": interval}, b"")).interval is None


@pytest.mark.parametrize("number", ["1001", "30000000", "1e300", "0.1"])
def test_no_limit_of_less_than_one_or_more_than_1000_requests_is_believed(number: str) -> None:
    assert read_limits(Answer(200, {"x-ratelimit-max": number}, b"")).most is None


HEADER = st.sampled_from(
    [
        *("retry-after", "x-ratelimit-max", "x-ratelimit-remaining", "x-ratelimit-interval-milliseconds"),
        *("x-ratelimit-daily-remaining", "x-ratelimit-limit-daily", "x-ratelimit-daily-reset"),
    ]
)
NUMBER = st.integers().map(str) | st.floats().map(str) | st.text(max_size=9) | st.just("9" * 5000)


@given(headers=st.dictionaries(HEADER, NUMBER), status=st.sampled_from([200, 429, 503]))
def test_whatever_the_headers_say_what_is_believed_is_within_reason(headers: dict[str, str], status: int) -> None:
    limits = read_limits(Answer(status, headers, b"{}"))

    assert limits.most is None or 1 <= limits.most <= 1000
    assert limits.remaining is None or 0 <= limits.remaining <= 1000
    assert limits.interval is None or 0.001 <= limits.interval <= 60
    assert limits.closed_for is None or 0 <= limits.closed_for <= 86_400


# --- what is too much ----------------------------------------------------------------------------------------------


@given(value=st.text() | st.text().map(lambda few: few * 1000))
def test_no_text_is_longer_than_it_may_be(value: str) -> None:
    assert len(text(value) or "") <= 300
    assert len(text(value, 3) or "") <= 3


def test_an_id_is_whole_or_none() -> None:
    assert identifier("x" * 100) == "x" * 100
    assert identifier("x" * 101) is None
    assert identifier(None) is None
    assert identifier(["x"]) is None


def test_of_many_reasons_ten_are_read_and_the_beginning_of_each() -> None:
    details = _refusal(422, {"message": ["no " * 5_000] * 200}).details

    assert len(details.messages) == 10
    assert len(details.text) < 3100


@pytest.mark.parametrize("body", [b"[],", b"{},", b'"a":1,', b"[[["])
def test_a_body_with_more_values_than_any_answer_has_is_no_json(body: bytes) -> None:
    assert json_in(Answer(200, {}, b"[" + body * 200_001 + b"1]")) is None


def test_a_broken_server_may_say_when_it_will_be_back() -> None:
    assert _refusal(503, b"", retry_after="7").retry_after == 7.0
    assert _refusal(503, b"").retry_after is None
    date = {"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:26:00 GMT"}
    assert _refusal(503, b"", **date).retry_after == 120.0


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_time_an_answer_names_its_wait_is_within_reason(then: str, date: str) -> None:
    wait = _refusal(503, b"", retry_after=then, date=date).retry_after

    assert wait is None or 0 <= wait <= 3600


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
                "x-ratelimit-limit-daily": "200000",
            },
            Limits(100, 10.0, 95, None, day_is_over=False, left_today=199_601, most_a_day=200_000),
        ),
        (200, {"x-ratelimit-daily-remaining": "0"}, Limits(None, None, None, None, day_is_over=True, left_today=0)),
        (
            200,
            {"x-ratelimit-daily-remaining": "0", "x-ratelimit-daily-reset": "60000"},
            Limits(None, None, None, 60.0, day_is_over=True, left_today=0),
        ),
        (429, {}, Limits(None, None, None, 10.0, day_is_over=False)),
        (429, {"retry-after": "3"}, Limits(None, None, None, 3.0, day_is_over=False)),
        (503, {"retry-after": "3"}, Limits(None, None, None, None, day_is_over=False, down_for=3.0)),
        (503, {"retry-after": "3600"}, Limits(None, None, None, None, day_is_over=False, down_for=30.0)),
        (503, {}, Limits(None, None, None, None, day_is_over=False)),
        (502, {"retry-after": "3"}, Limits(None, None, None, None, day_is_over=False)),
        (429, {"x-ratelimit-daily-remaining": "0"}, Limits(None, None, None, None, day_is_over=True, left_today=0)),
    ],
)
def test_the_headers_say_how_many_requests_are_left(status: int, headers: dict[str, str], limits: Limits) -> None:
    assert read_limits(Answer(status, headers, b"")) == limits


@pytest.mark.parametrize("garbage", ["", "many", "-1", "nan", "inf", "0", "1e300"])
def test_a_limit_that_makes_no_sense_is_ignored(garbage: str) -> None:
    of_the_interval = ("x-ratelimit-max", "x-ratelimit-interval-milliseconds", "x-ratelimit-remaining")
    names = (*of_the_interval, "x-ratelimit-limit-daily", "x-ratelimit-daily-remaining")
    limits = read_limits(Answer(200, dict.fromkeys(names, garbage), b""))

    assert limits.interval is None
    assert limits.most is None or limits.most > 0
    assert limits.remaining is None or limits.remaining >= 0
    assert limits.most_a_day is None or limits.most_a_day > 0
    assert limits.left_today is None or limits.left_today >= 0

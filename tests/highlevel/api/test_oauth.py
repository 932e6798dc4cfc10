from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.highlevel.api import oauth
from bot.highlevel.api.errors import (
    AppUnknown,
    Blocked,
    Broken,
    Disconnected,
    Ending,
    GatewayTimedOut,
    HighLevelError,
    NoSuchRoute,
    RateLimited,
    Unreadable,
)
from bot.highlevel.api.oauth import DEFAULT_LIFETIME, App, Kind, TokenRequest, Tokens, read_exchanged, read_tokens
from tests.highlevel.api.answers import BODIES, an_answer

APP = App(
    client_id="0123456789abcdef01234567-abcd1234",
    client_secret="not-a-secret",
    redirect_uri="https://bot.example/oauth/highlevel/callback",
    chooser="https://marketplace.example/v2/oauth/chooselocation",
    scopes=("opportunities.readonly", "opportunities.write"),
)
GIVEN: dict[str, Any] = {
    "access_token": "access-not-a-token",
    "token_type": "Bearer",
    "expires_in": 86_399,
    "refresh_token": "refresh-not-a-token",
    "scope": "opportunities.readonly",
    "userType": "Location",
    "companyId": "COMPANY1",
    "locationId": "LOCATION1",
}


def _tokens(**changed: Any) -> Tokens:  # noqa: ANN401 - any JSON
    body = {name: value for name, value in (GIVEN | changed).items() if value is not None}
    return read_tokens(an_answer(200, body))


def _refused(status: int, body: object) -> HighLevelError:
    with pytest.raises(HighLevelError) as caught:
        read_tokens(an_answer(status, body))
    return caught.value


# --- requests ------------------------------------------------------------------------------------------------------


def test_the_authorization_url_has_the_apps_settings_and_the_state() -> None:
    address = urlsplit(oauth.authorization_url(APP, "a state+/="))

    assert address._replace(query="").geturl() == APP.chooser
    assert parse_qs(address.query) == {
        "response_type": ["code"],
        "client_id": [APP.client_id],
        "redirect_uri": [APP.redirect_uri],
        "scope": ["opportunities.readonly opportunities.write"],
        "state": ["a state+/="],
    }


def test_requests_with_a_code_or_a_refresh_token_have_the_apps_id_and_secret() -> None:
    ours = {"client_id": APP.client_id, "client_secret": "not-a-secret", "redirect_uri": APP.redirect_uri}

    assert oauth.redeem(APP, "the-code") == TokenRequest(
        "/oauth/token", ours | {"grant_type": "authorization_code", "code": "the-code"}
    )
    assert oauth.renew(APP, "the-refresh-token", Kind.COMPANY) == TokenRequest(
        "/oauth/token",
        ours | {"grant_type": "refresh_token", "refresh_token": "the-refresh-token", "user_type": "Company"},
    )


def test_an_agency_asks_for_the_tokens_of_a_location() -> None:
    assert oauth.exchange("COMPANY1", "LOCATION1") == TokenRequest(
        "/oauth/locationToken", {"companyId": "COMPANY1", "locationId": "LOCATION1"}
    )


# --- tokens --------------------------------------------------------------------------------------------------------


def test_the_tokens_of_a_location_are_read() -> None:
    tokens = _tokens()

    assert tokens == Tokens(
        "access-not-a-token", "refresh-not-a-token", 86_399.0, Kind.LOCATION, "COMPANY1", "LOCATION1"
    )
    assert tokens.account_id == "LOCATION1"


def test_the_tokens_of_an_agency_are_read() -> None:
    tokens = _tokens(userType="Company", locationId=None)

    assert (tokens.kind, tokens.account_id, tokens.location_id) == (Kind.COMPANY, "COMPANY1", "")


@pytest.mark.parametrize("word", [None, "Agency", 7, ["Location"]])
def test_without_a_known_kind_the_ids_say_whose_tokens_they_are(word: object) -> None:
    assert _tokens(userType=word).kind is Kind.LOCATION
    assert _tokens(userType=word, locationId=None).kind is Kind.COMPANY


@pytest.mark.parametrize("lives", [None, 0, -1, True, "86399", 10**400, 400 * 86_400])
def test_a_lifetime_that_makes_no_sense_counts_as_a_day(lives: object) -> None:
    assert _tokens(expires_in=lives).lives == DEFAULT_LIFETIME


def test_a_lifetime_that_is_no_json_number_counts_as_a_day() -> None:
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        body = b'{"access_token": "a", "locationId": "L", "expires_in": %s}' % word
        assert read_tokens(an_answer(200, body)).lives == DEFAULT_LIFETIME


def test_the_answer_need_not_hold_a_new_refresh_token() -> None:
    assert _tokens(refresh_token=None).refresh == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "with a space"},
        {"access_token": "with\nbreak"},
        {"access_token": "é"},
        {"locationId": None},
        {"userType": "Company", "companyId": None},
    ],
)
def test_an_answer_without_a_token_or_an_account_is_unreadable(changed: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        _tokens(**changed)


def test_an_exchange_need_not_repeat_the_ids() -> None:
    wanted = Tokens("access-not-a-token", "", 86_399.0, Kind.LOCATION, "COMPANY1", "LOCATION1")
    for body in (GIVEN, {"access_token": "access-not-a-token", "expires_in": 86_399}):
        assert read_exchanged(an_answer(200, body), "COMPANY1", "LOCATION1") == wanted


@pytest.mark.parametrize(
    "body",
    [
        [],
        b"<html>",
        {},
        GIVEN | {"access_token": ""},
        GIVEN | {"locationId": "ANOTHER"},
        GIVEN | {"companyId": "ANOTHER"},
    ],
)
def test_an_exchange_with_another_location_or_without_a_token_is_unreadable(body: object) -> None:
    with pytest.raises(Unreadable):
        read_exchanged(an_answer(201, body), "COMPANY1", "LOCATION1")


def test_a_refused_exchange_raises_its_error() -> None:
    with pytest.raises(Disconnected):
        read_exchanged(an_answer(400, {"message": "Location not found"}), "COMPANY1", "LOCATION1")


def test_neither_a_token_nor_a_secret_is_shown_by_repr() -> None:
    shown = f"{_tokens()!r} {APP!r} {oauth.redeem(APP, 'the-code')!r}"

    for secret in ("not-a-token", "not-a-secret", "the-code"):
        assert secret not in shown


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (400, {"error": "invalid_grant", "error_description": "used"}, Ending.GRANT),
        (401, {"error": "invalid_grant"}, Ending.GRANT),
        (400, {"message": "Invalid refresh token", "error": "Bad Request"}, Ending.GRANT),
        (401, {"statusCode": 401, "message": "This refresh token is invalid"}, Ending.GRANT),
        (400, {"error": "Bad Request", "error_description": "The authorization code has expired"}, Ending.GRANT),
        (400, {"message": "Location is not active", "statusCode": 400}, Ending.LOCATION),
        (400, {"message": "The app is not installed"}, Ending.APP),
        (404, {"message": "No integration found with the id: x"}, Ending.APP),
        (400, {"message": "Bad Request"}, Ending.UNKNOWN),
        (422, {"message": ["grant_type must be a valid enum value"]}, Ending.UNKNOWN),
        (401, {"message": "Invalid JWT"}, Ending.UNKNOWN),
        (401, {"message": "The token is not authorized for this scope."}, Ending.UNKNOWN),
    ],
)
def test_a_refusal_ends_the_connection_and_says_why(status: int, body: object, why: Ending) -> None:
    error = _refused(status, body)

    assert isinstance(error, Disconnected)
    assert error.why is why
    assert error.details.status == status


@pytest.mark.parametrize(
    "body",
    [
        {"error": "invalid_client"},
        {"message": "Invalid client credentials"},
        {"message": "client_id is wrong", "error": "Bad Request"},
        {"error": "unauthorized_client"},
    ],
)
def test_an_error_about_the_app_does_not_end_the_connection(body: object) -> None:
    assert isinstance(_refused(401, body), AppUnknown)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"message": "Too many requests"}, RateLimited),
        (500, {"message": "Internal server error"}, Broken),
        (502, b"upstream connect error", GatewayTimedOut),
        (403, b"error code: 1010", Blocked),
        (404, {"message": "Cannot POST /oauth/token"}, NoSuchRoute),
        (400, {"message": "API endpoint has been removed"}, NoSuchRoute),
        (302, b"", Unreadable),
        (200, b"<html>", Unreadable),
        (200, [], Unreadable),
    ],
)
def test_an_error_about_something_else_does_not_end_the_connection(
    status: int, body: object, kind: type[HighLevelError]
) -> None:
    assert type(_refused(status, body)) is kind


@given(st.integers(100, 599), st.sampled_from(BODIES) | st.binary())
def test_any_answer_gives_tokens_or_an_error(status: int, body: bytes) -> None:
    for read in (read_tokens, lambda answer: read_exchanged(answer, "C", "L")):
        with suppress(HighLevelError):
            assert isinstance(read(an_answer(status, body)), Tokens)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3)


@given(st.dictionaries(st.sampled_from(sorted(GIVEN)), JSON))
def test_any_fields_give_tokens_that_can_be_sent_or_an_error(fields: dict[str, object]) -> None:
    try:
        tokens = _tokens(**fields)
    except Unreadable:
        return
    assert tokens.access.isascii()
    assert tokens.account_id
    assert 0 < tokens.lives < 400 * 86_400

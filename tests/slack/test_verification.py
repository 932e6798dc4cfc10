import json
import time
from http import HTTPStatus
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from bot.slack.verification import MAX_FIELDS, Refusal, Rejected, verify

VERIFIER = SignatureVerifier("thisisnotasigningsecretofslacks0")
NEW = SignatureVerifier("not-a-new-signing-secret")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def _sealed(body: str, kind: str = FORM) -> dict[str, str]:
    return _signed(VERIFIER, body) | {"content-type": kind}


def _signed(with_: SignatureVerifier, body: str, ago: int = 0) -> dict[str, str]:
    timestamp = str(int(time.time()) - ago)
    return {
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": with_.generate_signature(timestamp=timestamp, body=body) or "",
    }


def _opened(body: str, kind: str = FORM) -> object:
    return verify(body.encode(), _sealed(body, kind), [VERIFIER])


def test_the_empty_fields_of_a_form_are_read_too() -> None:
    assert _opened("command=%2Fopp-status&text=&user_id=U1") == {"command": "/opp-status", "text": "", "user_id": "U1"}


def test_the_word_payload_in_a_command_is_only_text() -> None:
    assert _opened("text=my+payload") == {"text": "my payload"}


def test_a_button_press_is_read_from_the_payload() -> None:
    assert _opened(urlencode({"payload": json.dumps({"type": "block_actions"})})) == {"type": "block_actions"}


@pytest.mark.parametrize("kind", [JSON, "Application/JSON; charset=utf-8"])
def test_an_event_is_json(kind: str) -> None:
    assert _opened('{"type": "url_verification"}', kind) == {"type": "url_verification"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{", JSON),
        ("[]", JSON),
        ("[" * 50_000, JSON),
        ("payload=", FORM),
        ("payload=1", FORM),
        ("a=1&" * (MAX_FIELDS + 1), FORM),
        ("a=1", "text/plain"),
        ("a=1", ""),
    ],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(body: str, kind: str) -> None:
    refused = _opened(body, kind)

    assert isinstance(refused, Rejected)
    assert refused.status is HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-request-timestamp": "later"},
        {"x-slack-request-timestamp": "\u0661\u0662"},
        {"x-slack-signature": "v0=\u00e9"},
        {"x-slack-request-timestamp": "1"},
    ],
)
def test_a_request_that_slack_did_not_sign_is_unauthorised(headers: dict[str, str]) -> None:
    sealed = _sealed("text=one") | headers if headers else {}
    refused = verify(b"text=one", sealed, [VERIFIER])

    assert isinstance(refused, Rejected)
    assert refused.status is HTTPStatus.UNAUTHORIZED


def test_a_changed_body_is_unauthorised() -> None:
    refused = verify(b"text=two", _sealed("text=one"), [VERIFIER])

    assert isinstance(refused, Rejected)
    assert refused.status is HTTPStatus.UNAUTHORIZED


def test_the_signature_is_checked_before_anything_is_read() -> None:
    refused = verify(b"{", _sealed("something else", JSON), [VERIFIER])

    assert isinstance(refused, Rejected)
    assert refused.status is HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("secret", [NEW, VERIFIER], ids=["new", "old"])
def test_while_the_secret_is_changed_requests_signed_with_either_are_read(secret: SignatureVerifier) -> None:
    opened = verify(b"text=one", _signed(secret, "text=one") | {"content-type": FORM}, [NEW, VERIFIER])

    assert opened == {"text": "one"}


@pytest.mark.parametrize(
    ("secret", "ago", "accepted", "refusal"),
    [
        (VERIFIER, 0, [NEW], Refusal.WRONG_SIGNATURE),
        (SignatureVerifier("not-a-third-signing-secret"), 0, [NEW, VERIFIER], Refusal.WRONG_SIGNATURE),
        (NEW, 310, [NEW, VERIFIER], Refusal.STALE),
        (VERIFIER, 310, [NEW, VERIFIER], Refusal.STALE),
        (NEW, -310, [NEW, VERIFIER], Refusal.STALE),
        (NEW, 310, [VERIFIER], Refusal.WRONG_SIGNATURE),
        (VERIFIER, 0, [], Refusal.WRONG_SIGNATURE),
    ],
    ids=[
        *("the old one is gone", "a third", "stale and new", "stale and old", "from the future"),
        *("another and stale", "none is known"),
    ],
)
def test_a_request_signed_with_another_secret_or_too_long_ago_is_refused_for_that_reason(
    secret: SignatureVerifier, ago: int, accepted: list[SignatureVerifier], refusal: Refusal
) -> None:
    sealed = _signed(secret, "text=one", ago) | {"content-type": FORM}
    refused = verify(b"text=one", sealed, accepted)

    assert isinstance(refused, Rejected)
    assert (refused.status, refused.refusal) == (HTTPStatus.UNAUTHORIZED, refusal)


@pytest.mark.parametrize("ago", [290, -290])
def test_a_request_is_accepted_for_five_minutes(ago: int) -> None:
    sealed = _signed(VERIFIER, "text=one", ago) | {"content-type": FORM}

    assert verify(b"text=one", sealed, [VERIFIER]) == {"text": "one"}


@given(st.binary(max_size=200), st.sampled_from([FORM, JSON, "text/plain"]))
def test_no_body_raises_an_error(body: bytes, kind: str) -> None:
    opened = verify(body, _sealed(body.decode("utf-8", "replace"), kind), [VERIFIER])

    assert isinstance(opened, dict | Rejected)

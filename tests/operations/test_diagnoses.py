import base64
import json
import re
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deals.outcome import Cause, Trouble
from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId
from bot.operations.diagnose import (
    AddressReading,
    ClockReading,
    NoAnswer,
    TokenShape,
    inspect_token,
    of_address,
    of_clock,
    of_highlevel,
    of_scopes,
)
from bot.operations.diagnoses import DIAGNOSES, SLACK_REFUSED, SLACK_WORDS, Diagnosis

NOW = 1_700_000_000.0
PRIVATE = "pit-00000000-0000-4000-8000-000000000000"
URL = "https://bot.example/slack/events"


def _jwt(claims: object) -> str:
    return f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


# --- the catalogue -------------------------------------------------------------------------------------------------


def test_every_diagnosis_has_its_own_id_that_begins_with_its_check() -> None:
    ids = [diagnosis.id for diagnosis in DIAGNOSES]

    assert len(set(ids)) == len(ids)
    for diagnosis in DIAGNOSES:
        assert diagnosis.check in {*CheckId}
        assert re.fullmatch(re.escape(diagnosis.check) + r"\.[a-z_]+", diagnosis.id)


def test_every_diagnosis_is_in_the_catalogue() -> None:
    named = {value for value in vars(diagnoses).values() if isinstance(value, Diagnosis)}
    tabled = {
        diagnosis
        for table in (diagnoses.SLACK_WORDS, diagnoses.SOCKET_WORDS, diagnoses.GROUP_WORDS, diagnoses.BY_CAUSE)
        for diagnosis in table.values()
    }

    assert named | tabled == set(DIAGNOSES)


@pytest.mark.parametrize("diagnosis", DIAGNOSES, ids=lambda diagnosis: diagnosis.id)
def test_every_diagnosis_is_a_sentence_without_braces_once_they_are_filled_in(diagnosis: Diagnosis) -> None:
    told = dict.fromkeys(re.findall(r"\{(\w+)\}", diagnosis.words), "X")
    words = diagnosis.about(**told).words

    assert "{" not in words
    assert diagnosis is diagnoses.SETTINGS_UNUSABLE or re.fullmatch(r"[A-ZX`].*\.", words)
    assert "  " not in words


@pytest.mark.parametrize(
    ("diagnosis", "place"),
    [
        (diagnoses.SLACK_MISTYPED, "api.slack.com/apps > your app > OAuth & Permissions"),
        (diagnoses.SLACK_REVOKED, "Install App"),
        (diagnoses.SLACK_EXPIRED, "Create New App"),
        (diagnoses.WORKSPACE_ANOTHER, "OAuth & Permissions"),
        (diagnoses.WORKSPACE_STRANGERS, "Copy member ID"),
        (diagnoses.SCOPES_MISSING, "OAuth & Permissions > Scopes > Bot Token Scopes"),
        (diagnoses.COMMAND_MISSING, "App Manifest"),
        (diagnoses.COMMAND_MISSING, "Slash Commands"),
        (diagnoses.URL_UNREACHABLE, "Slash Commands > {command} > Request URL"),
        (diagnoses.URL_ANOTHER, "Interactivity & Shortcuts > Request URL and Options Load URL"),
        (diagnoses.CLOCK_OFF, "timedatectl set-ntp true"),
        (diagnoses.TOKEN_MISTYPED, "Settings > Private Integrations > your integration > Rotate"),
        (diagnoses.TOKEN_EXPIRED, "Create new integration"),
        (diagnoses.TOKEN_REVOKED, "Settings > Private Integrations > your integration > Rotate"),
        (diagnoses.TOKEN_OF_AGENCY, "Settings > Private Integrations > Create new integration"),
        (diagnoses.LOCATION_ANOTHER, "after /location/ in the address bar"),
        (diagnoses.READING_MISSING, "Turn on View Opportunities and Edit Opportunities in HighLevel, in"),
        (diagnoses.EDITING_MISSING, "Settings > Private Integrations > your integration > Scopes"),
        (diagnoses.USERS_MISSING, "Turn on View Users"),
        (diagnoses.VERSION_REFUSED, "HIGHLEVEL_API_VERSION"),
        (diagnoses.WRONG_ADDRESS, "HIGHLEVEL_API_URL"),
        (diagnoses.BLOCKED, "outgoing address"),
    ],
)
def test_a_diagnosis_names_the_place_to_mend_it(diagnosis: Diagnosis, place: str) -> None:
    assert place in diagnosis.words


# --- HighLevel -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "seen"),
    [
        (PRIVATE, TokenShape(is_private=True)),
        (PRIVATE.upper().replace("PIT", "pit"), TokenShape(is_private=True)),
        ("", TokenShape(is_private=False)),
        (PRIVATE[:-1], TokenShape(is_private=False)),
        (PRIVATE + "0", TokenShape(is_private=False)),
        (PRIVATE.removeprefix("pit-"), TokenShape(is_private=False)),
        (_jwt({"exp": 1_700_000_000}), TokenShape(is_private=False, ends=1_700_000_000)),
        (_jwt({"exp": 1.5}), TokenShape(is_private=False, ends=1.5)),
        (_jwt({"exp": "soon"}), TokenShape(is_private=False)),
        (_jwt({}), TokenShape(is_private=False)),
        (_jwt(["a list"]), TokenShape(is_private=False)),
        ("a.b.c", TokenShape(is_private=False)),
        ("a.____.c", TokenShape(is_private=False)),
    ],
)
def test_the_shape_of_a_token_tells_its_kind(token: str, seen: TokenShape) -> None:
    assert inspect_token(token) == seen


@given(st.text() | st.from_regex(r"\A[\w-]+\.[\w-]+\.[\w-]*\Z"))
def test_any_text_can_be_inspected_as_a_token(token: str) -> None:
    assert isinstance(inspect_token(token), TokenShape)


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        (Cause.FORBIDDEN, "highlevel.token.forbidden"),
        (Cause.RECONNECT, "highlevel.token.reconnect"),
        (Cause.APP_UNKNOWN, "highlevel.token.app_unknown"),
        (Cause.NOT_RENEWED, "highlevel.token.not_renewed"),
        (Cause.VERSION_REFUSED, "highlevel.token.version_refused"),
        (Cause.BLOCKED, "highlevel.token.blocked"),
        (Cause.WRONG_ADDRESS, "highlevel.token.wrong_address"),
        (Cause.UNREADABLE, "highlevel.token.unreadable"),
        (Cause.RATE_LIMITED, "highlevel.token.rate_limited"),
        (Cause.DAILY_LIMIT, "highlevel.token.daily_limit"),
        (Cause.NO_TLS, "highlevel.token.no_tls"),
        (Cause.NO_CONNECTION, "highlevel.token.unreachable"),
        (Cause.SERVER_ERROR, "highlevel.token.unreachable"),
        (Cause.SCOPE_MISSING, "highlevel.scope.missing"),
        (Cause.TOKEN_ELSEWHERE, "highlevel.location.another"),
        (Cause.NOT_FOUND, "highlevel.location.unknown"),
        (Cause.INVALID, "highlevel.location.malformed"),
    ],
)
def test_every_cause_of_highlevels_has_a_diagnosis(cause: Cause, why: str) -> None:
    assert of_highlevel(Trouble(cause), TokenShape(), NOW).id == why


@pytest.mark.parametrize(
    ("pasted", "interaction", "why"),
    [
        (TokenShape(is_private=False), "Invalid Private Integration token", "mistyped"),
        (TokenShape(), "Invalid Private Integration token", "revoked"),
        (TokenShape(is_private=False, ends=NOW - 1), "Invalid JWT", "expired"),
        (TokenShape(is_private=False, ends=NOW + 1), "Invalid JWT", "mistyped"),
        (TokenShape(), "The token has expired", "expired"),
    ],
)
def test_a_refused_token_is_mistyped_expired_or_revoked(pasted: TokenShape, interaction: str, why: str) -> None:
    trouble = Trouble(Cause.TOKEN_INVALID, reasons=(interaction,))

    assert of_highlevel(trouble, pasted, NOW).id == f"highlevel.token.{why}"


def test_a_refusal_for_no_known_reason_is_quoted() -> None:
    trouble = Trouble(Cause.FORBIDDEN, reasons=("You do not have access to this feature", "{sic}"))

    assert "(You do not have access to this feature, {sic})" in of_highlevel(trouble, TokenShape(), NOW).words


def test_a_token_of_the_agency_differs_from_one_without_the_scope() -> None:
    interaction = "This authClass type is not allowed to access this scope. Please reach out to the Platform team..."

    assert (
        of_highlevel(Trouble(Cause.SCOPE_MISSING, reasons=(interaction,)), TokenShape(), NOW)
        is diagnoses.TOKEN_OF_AGENCY
    )
    interaction = "The token is not authorized for this scope."
    assert (
        of_highlevel(Trouble(Cause.SCOPE_MISSING, reasons=(interaction,)), TokenShape(), NOW)
        is diagnoses.READING_MISSING
    )


def test_the_advice_to_reconnect_says_where_and_why() -> None:
    trouble = Trouble(Cause.RECONNECT, reasons=("the app was removed", "yesterday {today}"))
    connected = "HighLevel isn't connected (the app was removed, yesterday {today}). Run "

    told = of_highlevel(trouble, TokenShape(), NOW, "https://deals.example/install").words
    assert told.startswith(connected)
    assert told.endswith("open the link it prints, on https://deals.example/install.")
    assert of_highlevel(trouble, TokenShape(), NOW).words.startswith(connected)
    assert of_highlevel(Trouble(Cause.RECONNECT), TokenShape(), NOW).words == (
        "HighLevel isn't connected. Run `python -m bot connect` and open the link it prints."
    )


# --- Slack ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("", "unreachable"),
        ("invalid_auth", "mistyped"),
        ("not_authed", "mistyped"),
        ("token_revoked", "revoked"),
        ("account_inactive", "revoked"),
        ("token_expired", "expired"),
        ("org_login_required", "refused"),
    ],
)
def test_every_word_of_slacks_for_refusing_a_token_has_a_diagnosis(word: str, why: str) -> None:
    assert SLACK_WORDS.get(word, SLACK_REFUSED).id == f"slack.token.{why}"


ALL = {"commands", "chat:write", "usergroups:read", "users:read"}


@pytest.mark.parametrize(
    ("granted", "by_groups", "why"),
    [
        (ALL, True, ()),
        (ALL | {"other"}, True, ()),
        ({"commands", "chat:write"}, False, ()),
        ({"commands", "chat:write"}, True, ("slack.scopes.missing",)),
        ({"chat:write"}, False, ("slack.command.not_installed",)),
        (set(), False, ("slack.scopes.missing", "slack.command.not_installed")),
        (None, False, ("slack.scopes.untold",)),
    ],
)
def test_missing_scopes_are_diagnosed(granted: set[str] | None, by_groups: bool, why: tuple[str, ...]) -> None:
    assert tuple(diagnosis.id for diagnosis in of_scopes(granted, by_groups=by_groups)) == why


@pytest.mark.parametrize("granted", [ALL, ALL - {"users:read"} | {"users:read.email"}])
def test_owners_who_are_known_by_email_need_its_scopes(granted: set[str]) -> None:
    assert [each.id for each in of_scopes(granted, by_groups=False, by_emails=True)] == ["slack.scopes.emails"]
    assert of_scopes(ALL | {"users:read.email"}, by_groups=False, by_emails=True) == ()


def test_missing_scopes_are_named() -> None:
    (missing,) = of_scopes({"commands"}, by_groups=True)

    assert "is missing chat:write, usergroups:read, users:read." in missing.words


# --- the address and the clock -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (AddressReading(URL, NoAnswer.UNREACHABLE), "unreachable"),
        (AddressReading(URL, NoAnswer.UNTRUSTED), "untrusted"),
        (AddressReading(URL, 401), "guarded"),
        (AddressReading(URL, 403), "guarded"),
        (AddressReading(URL, 407), "guarded"),
        (AddressReading(URL, 301), "redirected"),
        (AddressReading(URL, 302, is_ours=True), "redirected"),
        (AddressReading(URL, 404), "another"),
        (AddressReading(URL, 404, is_ours=True), "another"),
        (AddressReading(URL, 405), "another"),
        (AddressReading(URL, 200), "another"),
        (AddressReading(URL, 503), "down"),
        (AddressReading(URL, 530), "down"),
    ],
)
def test_every_answer_from_the_bots_address_has_a_diagnosis(reading: AddressReading, why: str) -> None:
    found = of_address(reading)

    assert found is not None
    assert found.id == f"slack.request_url.{why}"
    assert URL in found.words
    assert isinstance(reading.answer, NoAnswer) or why == "redirected" or str(reading.answer) in found.words


def test_a_bot_that_refuses_an_unsigned_command_is_ours() -> None:
    assert of_address(AddressReading(URL, 401, is_ours=True)) is None


def _reading(whose: str, ahead: float) -> ClockReading:
    return ClockReading(whose, formatdate(NOW - ahead, usegmt=True), NOW)


@pytest.mark.parametrize("ahead", [0, 60, -60])
def test_a_clock_may_be_a_minute_off(ahead: int) -> None:
    assert of_clock([_reading("Slack", ahead)]) is None


@pytest.mark.parametrize(
    ("ahead", "words"), [(61, "61 seconds ahead of Slack's"), (-3600, "3600 seconds behind Slack's")]
)
def test_a_clock_that_is_more_than_a_minute_off_is_diagnosed(ahead: int, words: str) -> None:
    found = of_clock([_reading("Slack", ahead), _reading("HighLevel", 0)])

    assert found is not None
    assert (found.id, words in found.words) == ("clock.off", True)


def test_a_reading_without_a_valid_date_is_skipped() -> None:
    silent = ClockReading("Slack", "", NOW)

    assert of_clock([silent, _reading("HighLevel", 0)]) is None
    assert of_clock([silent, ClockReading("HighLevel", "yesterday", NOW)]) is diagnoses.CLOCK_UNTOLD


@given(st.text())
def test_any_text_can_be_a_date(date: str) -> None:
    found = of_clock([ClockReading("Slack", date, time.time())])

    assert found is None or found.check == "clock"

"""The traps of slack-bolt 1.30, each of which the bot avoids."""

import asyncio
import io
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.operations import logs
from bot.simulator.highlevel.server import Fault
from bot.simulator.slack import server as slack
from bot.slack.verification import MAX_COMMAND, MAX_INTERACTION
from tests.house import ANA, BOT_TOKEN, DEAL, HASTY, HIGHLEVEL_TOKEN, SALES, SIGNING_SECRET, House, open_house

FORM = "application/x-www-form-urlencoded"


async def _post(house: House, body: bytes | str, **headers: str) -> httpx.Response:
    """Post this body, signed; `headers` replace those that Slack would send."""
    raw = body if isinstance(body, bytes) else body.encode()
    signed = house.slack.sign(raw.decode("utf-8", "replace"))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient() as http:  # aiohttp warns of a large body
        return await http.post(f"{house.slack.bot_url}/slack/events", content=raw, headers=signed | named)


# --- 1: the word "payload" ------------------------------------------------------------------------------------------


async def test_the_word_payload_in_a_command_is_a_word_like_any_other(house: House) -> None:
    assert "isn't a status" in (await house.says(f"{DEAL} payload")).text


@pytest.mark.parametrize("field", ["user_name", "channel_name", "team_domain"])
async def test_the_word_payload_in_a_name_does_not_lose_the_command(house: House, field: str) -> None:
    await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES, **{field: "my.payload.name"})

    assert "> won " in (await house.slack.wait_for(1))[0].text


# --- 2: exceptions, and 12: refusals that raise nothing -------------------------------------------------------------


async def test_an_exception_right_after_the_acknowledgement_does_not_undo_it(house: House) -> None:
    house.highlevel.misbehave(Fault(drops=True), times=float("inf"))
    answer = await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)

    assert answer is not None
    assert answer.status_code == 200
    assert "Nothing changed." in (await house.slack.wait_for(1))[0].text


# --- 3: more than five at once --------------------------------------------------------------------------------------


async def test_many_commands_at_once_are_all_acknowledged_and_all_answered(house: House) -> None:
    ids = [f"dealQ7xQ7xQ7x{number:07}" for number in range(20)]
    for opportunity_id in ids:
        house.highlevel.add_opportunity(opportunity_id)
    house.highlevel.misbehave(Fault(wait=0.2), method="GET", times=20)
    answers = await asyncio.gather(*(house.slack.command(f"{one} won", user=ANA, channel=SALES) for one in ids))

    assert [answer and answer.status_code for answer in answers] == [200] * 20
    shown = await house.slack.wait_for(20)
    assert all("> won " in message.text for message in shown)


# --- 5: malformed input ---------------------------------------------------------------------------------------------

BAD_HEADERS = {
    "no timestamp": {"X_Slack_Request_Timestamp": ""},
    "a timestamp of letters": {"X_Slack_Request_Timestamp": "yesterday"},
    "a timestamp that is no whole number": {"X_Slack_Request_Timestamp": "1e9"},
    "an endless timestamp": {"X_Slack_Request_Timestamp": "9" * 500},
    "a stale timestamp": {"X_Slack_Request_Timestamp": "1000000000"},
    "no signature": {"X_Slack_Signature": ""},
    "a wrong signature": {"X_Slack_Signature": "v0=" + "0" * 64},
    "a signature of another version": {"X_Slack_Signature": "v1=" + "0" * 64},
}


@pytest.mark.parametrize("headers", BAD_HEADERS.values(), ids=BAD_HEADERS)
async def test_a_request_that_is_not_signed_by_slack_is_turned_away(house: House, headers: dict[str, str]) -> None:
    answer = await _post(house, urlencode({"command": "/opp-status", "text": f"{DEAL} won", "user_id": ANA}), **headers)

    assert answer.status_code == 401
    assert house.highlevel.writes() == []


async def test_a_signature_with_strange_characters_is_turned_away(house: House) -> None:
    async with httpx.AsyncClient() as http:
        headers = {b"X-Slack-Request-Timestamp": b"1", b"X-Slack-Signature": "v0=\u00e9\u00e9".encode("latin-1")}
        answer = await http.post(f"{house.slack.bot_url}/slack/events", content=b"x", headers=httpx.Headers(headers))

    assert answer.status_code == 401


async def test_a_changed_body_under_a_valid_signature_is_turned_away(house: House) -> None:
    signed = house.slack.sign("text=one")
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{house.slack.bot_url}/slack/events", content="text=two", headers=signed)

    assert answer.status_code == 401


BAD_BODIES: dict[str, tuple[bytes | str, str]] = {
    "JSON that ends early": ('{"type": ', "application/json"),
    "JSON that is a list": ("[]", "application/json"),
    "JSON too deep to read": ("[" * 60_000, "application/json"),
    "a payload that is no JSON": ("payload=zzz", FORM),
    "a payload that is a list": ("payload=%5B%5D", FORM),
    "a payload of a strange shape": (urlencode({"payload": json.dumps({"type": 1, "team": "x", "user": []})}), FORM),
    "a payload that Bolt stumbles over": (
        urlencode({"payload": json.dumps({"type": "block_actions", "actions": 5})}),
        FORM,
    ),
    "a form of many fields": ("&".join(f"f{number}=1" for number in range(1000)), FORM),
    "a body that is not UTF-8": (b"\xff\xfe", FORM),
    "a kind of body that Slack does not send": ("<xml/>", "application/xml"),
    "no body": ("", FORM),
}


@pytest.mark.parametrize(("body", "kind"), BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_malformed_body_gets_a_4xx(house: House, body: bytes | str, kind: str) -> None:
    answer = await _post(house, body, Content_Type=kind)

    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("beginning", "size", "status"),
    [
        ("text=", MAX_COMMAND, 404),
        ("text=", MAX_COMMAND + 1, 413),
        ("payload=%22", MAX_COMMAND + 1, 400),
        ("payload=%22", MAX_INTERACTION, 400),
        ("payload=%22", MAX_INTERACTION + 1, 413),
    ],
)
async def test_a_body_larger_than_slack_sends_is_not_read_to_its_end(
    house: House, beginning: str, size: int, status: int
) -> None:
    answer = await _post(house, beginning + "x" * (size - len(beginning)))

    assert answer.status_code == status


async def test_a_large_body_that_is_not_signed_is_turned_away_before_it_is_read_as_anything(house: House) -> None:
    answer = await _post(house, "payload=" + "%5B" * 300_000, X_Slack_Signature="v0=" + "0" * 64)

    assert answer.status_code == 401


async def test_a_sender_that_hangs_up_in_the_middle_disturbs_no_one_else(house: House) -> None:
    host, port = house.slack.bot_url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert "> won " in (await house.says(f"{DEAL} won")).text


async def test_slacks_certificate_check_and_url_check_are_answered(house: House) -> None:
    certificate = await _post(house, "ssl_check=1&token=x")
    challenge = await _post(
        house, json.dumps({"type": "url_verification", "challenge": "abc"}), Content_Type="application/json"
    )

    assert certificate.status_code == 200
    assert (challenge.status_code, challenge.json()) == (200, {"challenge": "abc"})


@pytest.mark.untraced
async def test_no_malformed_request_causes_an_error_a_traceback_or_a_write(house: House) -> None:
    """Send 500 generated requests to one running bot, a few at a time; some are signed."""
    stream = io.StringIO()
    logs.set_up("INFO", "json", stream)
    requests = _generated_requests(500)
    assert len({(body, *sorted(headers.items()), signed) for body, headers, signed in requests}) == 500
    places = asyncio.Semaphore(8)
    async with httpx.AsyncClient(timeout=60) as http:

        async def send(body: bytes, headers: dict[str, str], *, signed: bool) -> int:
            proof = house.slack.sign(body.decode("utf-8", "replace")) if signed else {}
            async with places:
                answer = await http.post(
                    f"{house.slack.bot_url}/slack/events", content=body, headers=_encoded(proof | headers)
                )
            return answer.status_code

        statuses = await asyncio.gather(*(send(body, headers, signed=signed) for body, headers, signed in requests))

    assert len(statuses) == 500
    assert set(statuses) <= {200, 400, 401, 404, 413}
    assert {200, 400, 401} <= set(statuses)
    assert "Traceback" not in stream.getvalue()
    assert '"level": "error"' not in stream.getvalue()
    assert house.highlevel.writes() == []


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _generated_requests(count: int) -> list[tuple[bytes, dict[str, str], bool]]:
    json_values: st.SearchStrategy[Any] = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["type", "team", "user", "channel", "actions", "view", "command", "event", "id"])
                | st.text(max_size=5),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
    kinds = st.sampled_from([FORM, "application/json", "text/plain", "", "multipart/form-data; boundary=x"])
    fields = st.dictionaries(
        st.sampled_from(["text", "payload", "ssl_check", "token", "trigger_id", "response_url", "channel_id"]),
        st.text(max_size=40) | st.just("/opp-status"),
        max_size=6,
    )
    allowed = {"command": "/opp-status", "user_id": ANA, "team_id": "T0SIMULATED"}
    forms = st.one_of(fields, fields.map(lambda some: allowed | some)).map(lambda some: urlencode(some).encode())
    bodies = st.one_of(
        st.binary(max_size=60),
        forms,
        json_values.map(lambda value: json.dumps(value).encode()),
        json_values.map(lambda value: urlencode({"payload": json.dumps(value)}).encode()),
    )
    stray = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_categories=["Cc"]), max_size=20)
    headers = st.fixed_dictionaries(
        {"Content-Type": kinds},
        optional={"X-Slack-Signature": stray, "X-Slack-Request-Timestamp": stray},
    )
    found: dict[tuple[bytes, tuple[tuple[str, str], ...], bool], None] = {}

    @settings(max_examples=2 * count, database=None)
    @given(bodies, headers, st.booleans())
    def generate(body: bytes, given_headers: dict[str, str], signed: bool) -> None:
        kept = {"Content-Type": given_headers["Content-Type"]} if signed else given_headers
        found[(body, tuple(sorted(kept.items())), signed)] = None

    generate()
    return [(body, dict(kept), signed) for body, kept, signed in list(found)[:count]]


# --- 6 and 8: the environment, and auth.test ------------------------------------------------------------------------


@pytest.fixture
def _oauth_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_VERIFICATION_TOKEN"):
        monkeypatch.setitem(os.environ, name, "from-another-app")  # noqa: TID251 - Bolt reads it behind our back


@pytest.mark.usefixtures("_oauth_in_the_environment")
async def test_client_ids_in_the_environment_do_not_switch_to_oauth(house: House) -> None:
    assert "> won " in (await house.says(f"{DEAL} won")).text
    assert house.slack.calls.count("auth.test") == 1
    assert (await _post(house, "ssl_check=1&token=from-another-app")).status_code == 200


async def test_the_bot_calls_auth_test_at_the_start_and_not_during_a_command(house: House) -> None:
    assert house.slack.calls.count("auth.test") == 1
    await house.says(f"{DEAL} won")

    assert house.slack.calls.count("auth.test") == 1


# --- 11: the reference on every line; and logs that print bodies or secrets ------------------------------------------


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
async def test_every_log_line_of_a_command_has_its_reference_and_none_has_a_secret_or_a_body(
    tmp_path: Path, level: str
) -> None:
    stream = io.StringIO()
    logs.set_up(level, "json", stream)
    async with open_house(tmp_path, HASTY) as house:
        stream.truncate(0)
        house.highlevel.misbehave(Fault(status=500, body=""), method="GET")
        house.highlevel.misbehave(Fault(hangs=True, carries_out=True), method="PUT")
        await house.says(f"{DEAL} won")
        (row,) = await house.rows()
        await _post(house, "secret-in-a-body", X_Slack_Signature="v0=" + "0" * 64)

    lines = [json.loads(line) for line in stream.getvalue().replace("\0", "").splitlines()]
    events = {line["event"] for line in lines if line.get("reference") == row["reference"]}
    assert {"crm.error", "stamina.retry_scheduled", "command.done"} <= events
    stages = {"command.received", "command.accepted", "command.answered"}
    assert stages & events == (stages if level == "DEBUG" else set())
    without = {line["event"] for line in lines if "reference" not in line}
    assert without <= {
        "database.opened",
        "slack.turned_away",
        "slack.signatures",
        "worker.draining",
        "worker.late",
        "slack.workspace",
    }
    for secret in (BOT_TOKEN, HIGHLEVEL_TOKEN, SIGNING_SECRET, "secret-in-a-body", "/commands/"):
        assert secret not in stream.getvalue()


# --- what no database takes -----------------------------------------------------------------------------------------

UNSTORABLE = "A\x00\ud800"


async def test_a_deals_name_that_no_database_takes_is_stored_in_part_and_the_change_is_told(any_house: House) -> None:
    any_house.highlevel.opportunities[DEAL]["name"] = f"New {UNSTORABLE} website"
    shown = await any_house.says(f"{DEAL} won")

    assert "> won " in shown.text
    assert any_house.deal == "won"
    (row,) = await any_house.rows()
    assert (row["outcome"], row["opportunity_name"]) == ("changed", "New A?\ufffd website")


async def test_a_trace_id_that_no_database_takes_is_stored_in_part_and_the_failure_is_told(any_house: House) -> None:
    answer = {"message": "Opportunity not found", "statusCode": 404, "traceId": UNSTORABLE}
    any_house.highlevel.misbehave(Fault(status=404, body=answer), times=float("inf"))
    shown = await any_house.says(f"{DEAL} won")

    assert "Nothing changed." in shown.text
    (row,) = await any_house.rows()
    assert (row["state"], row["trace_id"]) == ("finished", "A?\ufffd")


async def test_a_message_id_that_no_database_takes_is_stored_in_part_and_nothing_is_said_twice(
    any_house: House,
) -> None:
    posted = {"ok": True, "channel": SALES, "ts": f"17.{UNSTORABLE}"}
    any_house.slack.misbehave(slack.Fault("chat.postMessage", status=200, body=posted, carries_out=True))
    await any_house.says(f"{DEAL} won")

    (row,) = await any_house.rows()
    assert (row["state"], row["message_ts"]) == ("finished", "17.A??")
    assert len(any_house.slack.shown) == 1

"""Verifies that a request comes from Slack, and reads it. Pure but for the clock.

This comes before Bolt, which parses before it verifies, and fails on what it parses: it takes any form with the word
"payload" in it for a button press, and answers 500 to malformed headers and JSON.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from slack_sdk.signature import SignatureVerifier

MAX_COMMAND = 64 * 1024
"""Bytes. A command's text has at most a few thousand characters."""
MAX_INTERACTION = 1024 * 1024
"""Bytes. A message of 40,000 characters comes twice, as text and as blocks, and most characters take eight bytes."""
MAX_FIELDS = 100
OLDEST = 300
"""Seconds of a request's age, either way. https://docs.slack.dev/authentication/verifying-requests-from-slack"""

_TIMESTAMP = re.compile(r"[0-9]{1,11}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


def size_limit(beginning: bytes | bytearray) -> int:
    """How many bytes a body may have that begins like this.

    Buttons, shortcuts and forms come as `payload=...`, events as JSON: that of an opened Home tab has the whole tab.
    """
    return MAX_INTERACTION if beginning.startswith((b"payload=", b"{")) else MAX_COMMAND


class Refusal(StrEnum):
    """Why a request is not taken for one of ours, as it is counted."""

    NO_SIGNATURE = "no_signature"
    WRONG_SIGNATURE = "wrong_signature"
    """It was signed with a secret that is not ours, or not by Slack."""
    STALE = "stale"
    """It was signed with our secret, and is too old, or from the future: a clock is off, or it was recorded."""
    OTHER_TEAM = "other_team"
    """It is Slack's, and about a workspace that is not ours."""
    UNREADABLE = "unreadable"
    """Too large, cut off, or of no shape that Slack sends."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The request is not handled. `why` is for our own log; the sender gets only `status`."""

    status: HTTPStatus
    why: str
    refusal: Refusal = Refusal.UNREADABLE


def verify(raw: bytes, headers: Mapping[str, str], verifiers: Sequence[SignatureVerifier]) -> dict[str, Any] | Rejected:
    """The contents of a request, after its signature was checked. `headers` has lower-case names. Never raises.

    `verifiers`: one for each secret that Slack may have signed with, which are two while the secret is being changed.
    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return Rejected(HTTPStatus.UNAUTHORIZED, "no signature", Refusal.NO_SIGNATURE)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Rejected(HTTPStatus.BAD_REQUEST, "not UTF-8")
    # The time is looked at last: a request that is only late tells of a clock, not of a secret.
    if not any(_is_by(verifier, text, timestamp, signature) for verifier in verifiers):
        return Rejected(HTTPStatus.UNAUTHORIZED, "wrong signature", Refusal.WRONG_SIGNATURE)
    if abs(time.time() - int(timestamp)) > OLDEST:
        return Rejected(HTTPStatus.UNAUTHORIZED, "stale", Refusal.STALE)
    try:
        contents = _read(text, headers.get("content-type", ""))
    except (ValueError, RecursionError):
        return Rejected(HTTPStatus.BAD_REQUEST, "malformed body")
    return contents if isinstance(contents, dict) else Rejected(HTTPStatus.BAD_REQUEST, "unknown kind of body")


def _is_by(verifier: SignatureVerifier, text: str, timestamp: str, signature: str) -> bool:
    return compare_digest(verifier.generate_signature(timestamp=timestamp, body=text) or "", signature)


def _read(text: str, content_type: str) -> object:
    """A form is a command, or has a `payload` from a button or a modal; JSON is an event. `None`: another type."""
    match content_type.partition(";")[0].strip().lower():
        case "application/x-www-form-urlencoded":
            fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
            return json.loads(fields["payload"]) if "payload" in fields else fields
        case "application/json":
            return json.loads(text)
        case _:
            return None

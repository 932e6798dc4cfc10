"""Answers to read in tests: recorded by other programs, and made up."""

import json
from pathlib import Path

from bot.http.exchange import Answer

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Answer:
    seen = json.loads((SAMPLES / f"{name}.json").read_text())
    body = seen["body"]
    return Answer(seen["status"], seen["headers"], body.encode() if isinstance(body, str) else as_json(body))


def as_json(body: object) -> bytes:
    return json.dumps(body).encode()


def an_answer(status: int, body: object, **headers: str) -> Answer:
    """`body` as JSON, unless it is bytes; header names with underscores."""
    content = body if isinstance(body, bytes) else as_json(body)
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


BODIES = (
    as_json({"message": "Something", "traceId": "fake"}),
    as_json({"message": ["One", "Two"]}),
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

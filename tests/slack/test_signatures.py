import asyncio

import pytest
from structlog.testing import capture_logs

from bot.commands.instrumentation import Instrumentation
from bot.slack.signatures import BETWEEN_WARNINGS, SignatureReading, Signatures
from bot.slack.verification import Refusal

pytestmark = pytest.mark.jumping_clock


class Counts(Instrumentation):
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def refused(self, reason: str) -> None:
        self.reasons.append(reason)


async def test_before_the_first_request_nothing_is_known() -> None:
    assert Signatures().reading == SignatureReading(None, 0, heard=False)


@pytest.mark.parametrize("refusal", [Refusal.WRONG_SIGNATURE, Refusal.STALE])
async def test_refusals_are_counted_until_a_request_is_right(refusal: Refusal) -> None:
    signatures = Signatures()
    signatures.refused(refusal)
    signatures.refused(refusal)
    assert signatures.reading == SignatureReading(refusal, 2, heard=True)

    signatures.right()
    assert signatures.reading == SignatureReading(None, 0, heard=True)


@pytest.mark.parametrize("refusal", [Refusal.NO_SIGNATURE, Refusal.UNREADABLE, Refusal.OTHER_TEAM])
async def test_what_anyone_may_send_says_nothing_about_the_secret(refusal: Refusal) -> None:
    with capture_logs() as lines:
        signatures = Signatures()
        signatures.refused(refusal)

    assert signatures.reading == SignatureReading()
    assert lines == []


async def test_every_refusal_is_counted_by_its_reason() -> None:
    counts = Counts()
    signatures = Signatures(counts)
    for refusal in Refusal:
        signatures.refused(refusal)
    signatures.right()

    assert counts.reasons == [*Refusal]


async def test_a_warning_comes_at_most_once_a_minute() -> None:
    signatures = Signatures()
    with capture_logs() as lines:
        for _ in range(50):
            signatures.refused(Refusal.WRONG_SIGNATURE)
        await asyncio.sleep(BETWEEN_WARNINGS + 1)
        signatures.refused(Refusal.STALE)

    assert [(line["event"], line["log_level"], line["refusal"], line["refused"]) for line in lines] == [
        ("slack.signatures", "warning", "wrong_signature", 1),
        ("slack.signatures", "warning", "stale", 51),
    ]

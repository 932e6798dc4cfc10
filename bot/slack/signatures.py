"""Remembers how the requests that claim to be Slack's were signed, so that a wrong secret is found at once.

And what to remember of the slash commands that came, so that a wrong name is.
"""

import math
from dataclasses import dataclass

import structlog

from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.deals.clock import loop_time
from bot.slack.verification import Refusal

log = structlog.get_logger(__name__)

BETWEEN_WARNINGS = 60.0
"""Seconds. Anyone who knows the address can send wrong signatures, and must not fill the log."""


@dataclass(frozen=True, slots=True)
class SignatureReading:
    """What the latest signed requests say about the secret and the clock."""

    refusal: Refusal | None = None
    """Why the latest was refused; `None` if it was well, or there was none."""
    refused: int = 0
    """How many were refused since one was well, or since the start."""
    heard: bool = False
    """Whether a signed request has come at all."""


@dataclass(frozen=True, slots=True)
class CommandReading:
    """Which slash commands came since the start."""

    heard: bool = False
    """Whether ours did."""
    other: str = ""
    """The name of the latest that is not ours; empty if there was none."""


class Signatures:
    """Takes note of each request over HTTP, and warns where signatures are wrong: at most once a minute."""

    def __init__(self, instrumentation: Instrumentation = NO_METRICS) -> None:
        self._instrumentation = instrumentation
        self._warned = -math.inf
        self.reading = SignatureReading()

    def right(self) -> None:
        """A request was signed with our secret, in time."""
        self.reading = SignatureReading(heard=True)

    def refused(self, refusal: Refusal) -> None:
        """A request was refused. One without a signature says nothing about the secret: anyone may send it."""
        self._instrumentation.refused(refusal)
        if refusal not in (Refusal.WRONG_SIGNATURE, Refusal.STALE):
            return
        self.reading = SignatureReading(refusal, self.reading.refused + 1, heard=True)
        if loop_time() - self._warned >= BETWEEN_WARNINGS:
            self._warned = loop_time()
            log.warning("slack.signatures", refusal=refusal.value, refused=self.reading.refused)

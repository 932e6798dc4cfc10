"""Whoever wants something is let in or not, and what they want is written down before anything is promised."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bot.access import Allowlist, Pace
from bot.change import StoreDown
from bot.claims import Acceptance
from bot.messages import Message, Messages
from bot.outcome import Cause
from bot.record import Entry
from bot.said import Said

log = structlog.get_logger(__name__)
T = TypeVar("T")

ANSWER_WITHIN = 2.6
"""Seconds for whatever comes before an acknowledgement: Slack waits for 3."""


class CannotLookUp(Exception):
    """The ledger does not answer a question."""


class Intake:
    """The way in, for what is typed, pressed, chosen and filled in alike."""

    def __init__(  # noqa: PLR0913 - each is one neighbour
        self,
        *,
        allowlist: Allowlist,
        our_team: Callable[[], str | None],
        pace: Pace,
        ledger: Acceptance,
        submit: Callable[[Entry], None],
        messages: Messages,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self.allowlist = allowlist
        self.our_team = our_team
        self._pace = pace
        self._ledger = ledger
        self._submit = submit
        self._messages = messages
        self._answer_within = answer_within

    def may(self, said: Said) -> bool:
        """Whether this person may, at this moment and from here; what they do does not count as a command."""
        return self.allowlist.denies(said.caller, self.our_team()) is None

    def denies(self, said: Said) -> Message | None:
        """Why this person may not, at this moment and from here; `None` when they may."""
        denied = self.allowlist.denies(said.caller, self.our_team()) or self._pace.denies(
            said.caller.user_id, asyncio.get_running_loop().time()
        )
        if denied is None:
            return None
        log.info("command.denied", reason=denied.reason.value)
        return self._messages.denied(denied.reason, said.caller, said.reference)

    async def accept(self, *entries: Entry, looked_up: bool = False) -> bool:
        """Write them down, then begin. What Slack delivers twice has the same `trigger_id`, and begins once.

        `looked_up`: something was looked up before, so that less time is left. Raises `StoreDown`.
        """
        new = await self._ledger.accept(*entries, within=self._answer_within / (2 if looked_up else 1))
        for entry in entries:
            log.info("command.accepted", opportunity=entry.wish.opportunity_id, status=entry.wish.status.value, new=new)
            if new:
                self._submit(entry)
        return new

    async def look_up(self, looking: Awaitable[T]) -> T:
        """Something in the ledger, while there is time. Raises `CannotLookUp`; then nothing was written either."""
        try:
            async with asyncio.timeout(self._answer_within / 2):
                return await looking
        except (TimeoutError, StoreDown) as error:
            raise CannotLookUp from error

    async def guarded(self, answering: Awaitable[Message | None], reference: str) -> Message | None:
        """The error boundary of what happens before an acknowledgement."""
        try:
            return await answering
        except CannotLookUp:
            log.warning("command.not_looked_up")
            return self._messages.cannot_look_up(reference)
        except StoreDown as down:
            log.warning("command.not_written_down", perhaps=down.perhaps_written)
            return self._messages.not_accepted(Cause.STORE_DOWN, reference, perhaps=down.perhaps_written)
        except Exception:
            log.exception("command.broken")
            return self._messages.not_accepted(Cause.UNEXPECTED, reference)

"""Why a command did not do what was asked, and whether anything changed. Pure but for the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.commands.reply import Message
from bot.commands.request import COMMAND, USAGE_HINT
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.policy import Policy
from bot.deals.wish import Consent, Wish
from bot.slack.block_kit import mrkdwn
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import Installation, message, private, reference_line
from bot.slack.messages.tables import (
    AGAIN_LATER,
    AGAIN_SOON,
    CANNOT_LOOK_UP,
    FAILURES,
    LOOK,
    LOOK_FIRST,
    NOTHING_CHANGED,
    PERHAPS_CARRIED_OUT,
    PERHAPS_LATE,
    PERHAPS_WRITTEN,
    TAKES_LONG,
)


@dataclass(frozen=True, slots=True)
class FailureMessages:
    """Messages about what did not work."""

    installation: Installation
    policy: Policy
    clock: Callable[[], datetime]

    def failed(self, failed: Failed, wish: Wish, reference: str, hint: str = "") -> Message:
        """A command failed, or may have. `hint`: a further line, about what the caller may have meant."""
        trouble = failed.trouble
        what = FAILURES[trouble.cause].what.format(id=code(wish.opportunity_id), name=code(wish.name))
        if trouble.reasons and trouble.cause in {Cause.INVALID, Cause.FORBIDDEN}:
            what += f" It says: {plain('; '.join(trouble.reasons), 600).rstrip('.')}."
        then = _then(failed).format(
            admin=self.installation.admin, wait=_wait(trouble, self.clock()), page=self.installation.connect_page
        )
        lines = (what, self._effect(failed, wish), then, hint)
        public = self.policy.errors_in_channel and wish.consent is not Consent.SHARED
        return message(lines, _small_print(reference, trouble), public=public)

    def _effect(self, failed: Failed, wish: Wish) -> str:
        deal, before, now = self.installation.deal, failed.before, failed.now
        match failed.effect:
            case Effect.NOTHING if now:
                return f"I looked again: {deal(now)} is still *{plain(now.status)}*, so nothing has changed so far."
            case Effect.NOTHING if before:
                return f"{NOTHING_CHANGED} {deal(before)} is still *{plain(before.status)}*."
            case Effect.NOTHING:
                return NOTHING_CHANGED
            case Effect.UNKNOWN if before and now:
                return f"{deal(now)} was *{plain(before.status)}* before, and is *{plain(now.status)}* now."
            case Effect.UNKNOWN if before:
                return f"I cannot tell whether {deal(before)} changed."
            case Effect.UNKNOWN:
                url = self.installation.url(wish.opportunity_id, wish.location_id)
                return f"I cannot tell whether {mrkdwn.link(url, 'the deal')} changed."
            case _:
                assert_never(failed.effect)

    def takes_long(self, reference: str) -> Message:
        """It takes longer than people expect, and the result is still to come."""
        return private(reference, *TAKES_LONG)

    def broken(self, reference: str) -> Message:
        """The bot has a fault, which kept it from accepting the command."""
        return self.not_accepted(Cause.UNEXPECTED, reference)

    def not_accepted(self, cause: Cause, reference: str, *, perhaps: bool = False) -> Message:
        """The bot failed before it had accepted the command; `perhaps`: it may be written down all the same."""
        sentences = PERHAPS_WRITTEN if perhaps else FAILURES[cause]
        changed = PERHAPS_CARRIED_OUT if perhaps else NOTHING_CHANGED
        return private(reference, sentences.what, changed, sentences.then.format(admin=self.installation.admin))

    def cannot_look_up(self, reference: str) -> Message:
        """The database does not answer a question."""
        then = CANNOT_LOOK_UP.then.format(admin=self.installation.admin)
        return private(reference, CANNOT_LOOK_UP.what, NOTHING_CHANGED, then)

    def cannot_open_form(self, reference: str) -> Message:
        """Slack did not open the form."""
        then = f"Try again, or type {code(f'{COMMAND} {USAGE_HINT}')} instead."
        what = "The form could not be opened: Slack did not take it in time."
        return private(reference, what, NOTHING_CHANGED, then)


def _then(failed: Failed) -> str:
    """What to do next: not to try again at once, where the change may have happened or may still happen."""
    then, unknown = FAILURES[failed.trouble.cause].then, failed.effect is Effect.UNKNOWN
    if failed.now and failed.trouble.cause in {Cause.NO_ANSWER, Cause.CUT_OFF, Cause.GATEWAY}:
        return PERHAPS_LATE
    if unknown and then in {AGAIN_SOON, AGAIN_LATER}:
        return LOOK_FIRST
    if unknown and not then.startswith(LOOK):
        return f"{LOOK} before you try again. {then}"
    return then


def _small_print(reference: str, trouble: Trouble) -> tuple[str, ...]:
    trace = f"HighLevel trace {plain(trouble.trace_id)}" if trouble.trace_id else ""
    return tuple(filter(None, (reference_line(reference), plain(trouble.code), trace)))


def _wait(trouble: Trouble, now: datetime) -> str:
    """How long to wait, as a person says it. It may be read later, so a long wait says until when."""
    seconds = trouble.retry_after
    if seconds is None:
        return "tomorrow" if trouble.cause is Cause.DAILY_LIMIT else "in a minute"
    if seconds < 1.5:  # noqa: PLR2004 - from here on there are several seconds, minutes, hours
        return "in a second"
    if seconds < 90:  # noqa: PLR2004
        return f"in {round(seconds)} seconds"
    if seconds < 90 * 60:
        return f"in {round(seconds / 60)} minutes"
    return f"in {round(seconds / 3600)} hours, {mrkdwn.date(now + timedelta(seconds=seconds))}"

"""Why a command did not do what was asked, and whether anything changed. Pure but for the clock."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.commands.reply import Message
from bot.deals.deal import Status
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.policy import Policy
from bot.deals.wish import Consent, Wish
from bot.slack.actions import AGAIN, SEARCH, Search
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import (
    Installation,
    again_button,
    fits,
    message,
    private,
    reference_line,
    with_admins,
)
from bot.slack.messages.tables import (
    AGAIN_LATER,
    AGAIN_SOON,
    CANNOT_LOOK_UP,
    CHECK,
    CHECK_FIRST,
    FAILURES,
    FORGOTTEN,
    GONE,
    NOTHING_CHANGED,
    PERHAPS_CARRIED_OUT,
    PERHAPS_LATE,
    PERHAPS_WRITTEN,
    RAN_AGAIN,
    TAKES_LONG,
    TELL,
    WARNING,
    Sentences,
)
from bot.slack.wording import Page, dotted

PERHAPS_LATE_AFTER = {Cause.NO_ANSWER, Cause.CUT_OFF, Cause.GATEWAY}
"""What leaves open whether HighLevel still carries out a change that did not show yet."""


@dataclass(frozen=True, slots=True)
class FailureMessages:
    """Messages about what did not work."""

    installation: Installation
    policy: Policy
    clock: Callable[[], datetime]

    def failed(
        self, failed: Failed, wish: Wish, reference: str, hint: str = "", again: Sequence[Block] = ()
    ) -> Message:
        """A command failed, or may have. `hint`: a further line, about what the caller may have meant.

        `again`: the button that tries it once more, for the failures where that makes sense.
        """
        trouble, sentences = failed.trouble, FAILURES[failed.trouble.cause]
        gone = _gone(failed, wish)
        public = self.policy.errors_in_channel and wish.consent is not Consent.SHARED
        row = (
            *(again if _passes(failed) else ()),
            *self._view(failed, wish),
            *(() if public else _search(failed, wish)),
        )
        then = self.filled(_then(failed, can_press=bool(again) and row[:1] == again), trouble)
        next_ = NOTHING_CHANGED if gone else f"{self._effect(failed)} {then}".strip()
        lines = (
            f"{WARNING} {gone}" if gone else _headline(sentences.what, wish),
            _said(trouble),
            next_,
            hint,
        )
        small = dotted(
            self._whom_to_tell(failed),
            self.installation.page(Page.REFUSALS),
            reference_line(reference),
            *_traces(trouble),
        )
        for_admins = self.filled(sentences.for_admins, trouble)
        return message(
            lines,
            with_admins(small, for_admins, self.installation.page(Page.TROUBLE)),
            public=public,
            buttons=(blocks.actions(*row),) if row else (),
        )

    def filled(self, sentence: str, trouble: Trouble) -> str:
        """A sentence of `FAILURES` with whom to ask, how long to wait, and where HighLevel is connected."""
        return sentence.format(
            admin=self.installation.admin, wait=_wait(trouble, self.clock()), page=self.installation.connect_page
        )

    def _view(self, failed: Failed, wish: Wish) -> Sequence[Block]:
        """A button that opens the deal, where it is known which and that there is one."""
        seen = failed.now or failed.before
        if failed.trouble.cause is Cause.NOT_FOUND:
            return ()
        if seen:
            return self.installation.view_button(seen.id, seen.location_id)
        return self.installation.view_button(wish.opportunity_id, wish.location_id)

    def _whom_to_tell(self, failed: Failed) -> str:
        passes = FAILURES[failed.trouble.cause].then in {AGAIN_SOON, AGAIN_LATER}
        return TELL.format(admin=self.installation.admin) if passes else ""

    def _effect(self, failed: Failed) -> str:
        deal, before, now = self.installation.deal, failed.before, failed.now
        match failed.effect:
            case Effect.NOTHING if now:
                return f"{deal(now)} is still *{plain(now.status)}*, so nothing has changed yet."
            case Effect.NOTHING if before:
                return f"{NOTHING_CHANGED} {deal(before)} is still *{plain(before.status)}*."
            case Effect.NOTHING:
                return NOTHING_CHANGED
            case Effect.UNKNOWN if before and now:
                return f"{deal(now)} was *{plain(before.status)}* and is now *{plain(now.status)}*."
            case Effect.UNKNOWN if before:
                return f"{deal(before)} may have changed."
            case Effect.UNKNOWN:
                return "The deal may have changed."
            case _:
                assert_never(failed.effect)

    def takes_long(self, reference: str) -> Message:
        """It takes longer than people expect, and the result is still to come."""
        return private(reference, TAKES_LONG)

    def broken(self, reference: str) -> Message:
        """The bot has a fault, which kept it from accepting the command."""
        return self.not_accepted(Cause.UNEXPECTED, reference)

    def not_accepted(self, cause: Cause, reference: str, typed: str = "", *, perhaps: bool = False) -> Message:
        """The bot failed before it had accepted the command; `perhaps`: it may be written down all the same.

        `typed`: the command, which can be run once more unless it may be written down; empty for none.
        """
        if perhaps:
            return self._refusal(PERHAPS_WRITTEN, PERHAPS_CARRIED_OUT, reference)
        return self._refusal(FAILURES[cause], NOTHING_CHANGED, reference, typed)

    def cannot_look_up(self, reference: str, typed: str = "") -> Message:
        """The database does not answer a question. `typed`: the command that asked it; empty for none."""
        return self._refusal(CANNOT_LOOK_UP, NOTHING_CHANGED, reference, typed)

    def cannot_retry(self, reference: str, *, known: bool) -> Message:
        """A command is not run once more. `known`: it is in the ledger, so it runs already, or did."""
        return private(
            reference, RAN_AGAIN if known else FORGOTTEN, "Nothing else changed." if known else NOTHING_CHANGED
        )

    def cannot_open_form(self, reference: str) -> Message:
        """Slack did not open the form."""
        then = f"Run it again, or try `{self.installation.command} Acme Corp won`."
        page = self.installation.page(Page.REFUSALS)
        return private(reference, f"{WARNING} *The form didn't open in time.*", NOTHING_CHANGED, then, small_print=page)

    def _refusal(self, sentences: Sentences, changed: str, reference: str, typed: str = "") -> Message:
        again = again_button(AGAIN, typed) if sentences.then == AGAIN_SOON else ()
        then = "" if again else sentences.then.format(admin=self.installation.admin)
        tell = "" if "{admin}" in sentences.then else TELL.format(admin=self.installation.admin)
        lines = (f"{WARNING} *{sentences.what}*", f"{changed} {then}".strip())
        small = dotted(tell, self.installation.page(Page.REFUSALS))
        return private(reference, *lines, buttons=(blocks.actions(*again),) if again else (), small_print=small)


def _headline(what: str, wish: Wish) -> str:
    """What happened, in bold unless something in it stands out already."""
    named = what.format(id=code(wish.opportunity_id), name=code(wish.name))
    return f"{WARNING} {named}" if re.search(r"[`*]", named) else f"{WARNING} *{named}*"


def _search(failed: Failed, wish: Wish) -> Sequence[Block]:
    """A button that searches on in the form for a name that found no deal.

    Open is also the status of a person's wish who only looks, so the form leaves that choice to them.
    """
    if failed.trouble.cause is not Cause.NO_MATCH:
        return ()
    value = Search(wish.name, None if wish.status is Status.OPEN else wish.status, wish.location_id).value
    return (blocks.button("Search in the form", SEARCH, value),) if fits(value, blocks.VALUE_LIMIT) else ()


def _gone(failed: Failed, wish: Wish) -> str:
    """What happened to a deal that went meanwhile, and whose name is known; empty for any other failure."""
    name = (failed.before.name if failed.before else None) or (wish.name if wish.opportunity_id else "")
    return GONE.format(deal=f"*{plain(name)}*") if failed.trouble.cause is Cause.NOT_FOUND and name else ""


def _said(trouble: Trouble) -> str:
    """HighLevel's own words, where it refused the request itself."""
    if not trouble.reasons or trouble.cause not in {Cause.INVALID, Cause.FORBIDDEN}:
        return ""
    return f"HighLevel says: “{plain('; '.join(trouble.reasons), 600)}”"


def passes(cause: Cause, *, looked_again: bool) -> bool:
    """Whether a command that changed nothing may succeed when it is run once more, and is not merely late.

    `looked_again`: the deal was read after the change was sent.
    """
    if looked_again and cause in PERHAPS_LATE_AFTER:
        return False
    return cause is Cause.TOO_LATE or FAILURES[cause].then in {AGAIN_SOON, AGAIN_LATER}


def _passes(failed: Failed) -> bool:
    return failed.effect is Effect.NOTHING and passes(failed.trouble.cause, looked_again=failed.now is not None)


def _then(failed: Failed, *, can_press: bool) -> str:
    """What to do next: not to try again at once, where the change may have happened or may still happen.

    `can_press`: there is a button that tries again, which says so by itself unless HighLevel says how long to wait.
    """
    trouble, unknown = failed.trouble, failed.effect is Effect.UNKNOWN
    then = FAILURES[trouble.cause].then
    if failed.now and trouble.cause in PERHAPS_LATE_AFTER:
        return PERHAPS_LATE
    if unknown and then in {AGAIN_SOON, AGAIN_LATER}:
        return CHECK_FIRST
    if unknown and not then.startswith(CHECK):
        return f"{CHECK_FIRST} {then}"
    if can_press and (then == AGAIN_SOON or (then == AGAIN_LATER and trouble.retry_after is None)):
        return ""
    return then


def _traces(trouble: Trouble) -> tuple[str, ...]:
    """For HighLevel's support: the status or the error, and the id of the call."""
    code_ = f"HighLevel {trouble.code}" if trouble.code.isdecimal() else trouble.code
    return plain(code_), f"HighLevel trace {plain(trouble.trace_id)}" if trouble.trace_id else ""


def _wait(trouble: Trouble, now: datetime) -> str:
    """How long to wait, as a person says it. It may be read later, so a long wait says until when."""
    seconds = trouble.retry_after
    if seconds is None:
        return "tomorrow" if trouble.cause is Cause.DAILY_LIMIT else "in a minute"
    if seconds < 1.5:  # noqa: PLR2004 - from here on there are several seconds, minutes, hours
        return "in a few seconds"
    if seconds < 90:  # noqa: PLR2004
        return f"in {round(seconds)} seconds"
    if seconds < 90 * 60:
        return f"in {round(seconds / 60)} minutes"
    return f"in about {round(seconds / 3600)} hours ({mrkdwn.date(now + timedelta(seconds=seconds))})"

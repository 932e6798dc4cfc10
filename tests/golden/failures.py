"""Why something was not done: one for each cause, and for what is told before a command is accepted."""

from bot.deals.deal import Status
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.wish import Wish
from tests.golden.scene import NEW_WEBSITE, REFERENCE, Rendered, became, entry, messages

_SAY = messages()
_BY_NAME = entry(NEW_WEBSITE, Status.WON, wish=Wish("", Status.WON, name="acme corp"))
_COMMAND = entry(NEW_WEBSITE, Status.WON)


def _trouble(cause: Cause) -> Trouble:
    reasons = ("status must be a string",) if cause in {Cause.INVALID, Cause.FORBIDDEN} else ()
    wait = 9 * 3600.0 if cause is Cause.DAILY_LIMIT else 40.0 if cause is Cause.RATE_LIMITED else None
    return Trouble(cause, retry_after=wait, reasons=reasons, code="503")


def _failed(cause: Cause) -> Rendered:
    command = _BY_NAME if cause is Cause.NO_MATCH else _COMMAND
    return _SAY.outcome(Failed(_trouble(cause), Effect.NOTHING), command)


CASES: dict[str, Rendered] = {
    **{f"failed-{cause.replace('_', '-')}": _failed(cause) for cause in Cause},
    "failed-and-still-open": _SAY.outcome(Failed(_trouble(Cause.SERVER_ERROR), Effect.NOTHING, NEW_WEBSITE), _COMMAND),
    "failed-perhaps-late": _SAY.outcome(
        Failed(_trouble(Cause.NO_ANSWER), Effect.NOTHING, NEW_WEBSITE, NEW_WEBSITE), _COMMAND
    ),
    "failed-perhaps-changed": _SAY.outcome(Failed(_trouble(Cause.CUT_OFF), Effect.UNKNOWN, NEW_WEBSITE), _COMMAND),
    "failed-and-moved": _SAY.outcome(
        Failed(_trouble(Cause.NO_EFFECT), Effect.UNKNOWN, NEW_WEBSITE, became(NEW_WEBSITE, "lost")), _COMMAND
    ),
    "failed-deal-gone": _SAY.outcome(Failed(_trouble(Cause.NOT_FOUND), Effect.NOTHING, NEW_WEBSITE), _COMMAND),
    "takes-long": _SAY.takes_long(REFERENCE),
    "broken": _SAY.broken(REFERENCE),
    "not-accepted": _SAY.failures.not_accepted(Cause.STORE_DOWN, REFERENCE, "acme corp won"),
    "perhaps-accepted": _SAY.failures.not_accepted(Cause.STORE_DOWN, REFERENCE, perhaps=True),
    "cannot-look-up": _SAY.failures.cannot_look_up(REFERENCE, "history"),
    "cannot-open-form": _SAY.failures.cannot_open_form(REFERENCE),
    "ran-again-already": _SAY.failures.cannot_retry(REFERENCE, known=True),
    "cannot-run-again": _SAY.failures.cannot_retry(REFERENCE, known=False),
}

"""Translates HighLevel's errors into the causes of a failed command. Pure."""

import structlog

from bot.deals.outcome import Cause, Trouble
from bot.highlevel.api import errors

log = structlog.get_logger(__name__)

CAUSES: dict[type[errors.HighLevelError], Cause] = {
    errors.OutOfTime: Cause.OUT_OF_TIME,
    errors.NameUnknown: Cause.NO_NAME,
    errors.TlsFailed: Cause.NO_TLS,
    errors.ConnectTimedOut: Cause.CONNECT_TIMEOUT,
    errors.Unreachable: Cause.NO_CONNECTION,
    errors.TimedOut: Cause.NO_ANSWER,
    errors.CutOff: Cause.CUT_OFF,
    errors.NotFound: Cause.NOT_FOUND,
    errors.TokenInvalid: Cause.TOKEN_INVALID,
    errors.ScopeMissing: Cause.SCOPE_MISSING,
    errors.LocationForbidden: Cause.TOKEN_ELSEWHERE,
    errors.VersionRefused: Cause.VERSION_REFUSED,
    errors.Blocked: Cause.BLOCKED,
    errors.Forbidden: Cause.FORBIDDEN,
    errors.Disconnected: Cause.RECONNECT,
    errors.AppUnknown: Cause.APP_UNKNOWN,
    errors.NotRenewed: Cause.NOT_RENEWED,
    errors.Invalid: Cause.INVALID,
    errors.NoSuchRoute: Cause.WRONG_ADDRESS,
    errors.RateLimited: Cause.RATE_LIMITED,
    errors.Broken: Cause.SERVER_ERROR,
    errors.StillDown: Cause.SERVER_ERROR,
    errors.GatewayTimedOut: Cause.GATEWAY,
    errors.Unreadable: Cause.UNREADABLE,
    errors.SaidNo: Cause.SAID_NO,
}
"""A test holds that no leaf of the error tree is missing."""


def trouble(error: errors.HighLevelError) -> Trouble:
    """The cause of an error, with what HighLevel said about it."""
    daily = isinstance(error, errors.RateLimited) and error.daily
    details = error.details
    why = (error.why.value,) if isinstance(error, errors.Disconnected) else ()
    return Trouble(
        cause=Cause.DAILY_LIMIT if daily else CAUSES[type(error)],
        retry_after=error.retry_after,
        reasons=details.messages or why,
        code=f"HighLevel {details.status}" if details.status else type(error).__name__,
        trace_id=details.trace_id,
    )

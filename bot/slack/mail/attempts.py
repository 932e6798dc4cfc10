"""What is known about a message after one attempt to send it, read from Slack's answer."""

import json
import math
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import structlog

from bot.http.exchange import Answer

log = structlog.get_logger(__name__)

PASSING = {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
"""Errors of the Web API that say nothing about the message; they come with the status 200.
https://docs.slack.dev/reference/methods/chat.postMessage#errors"""
MAY_NOT_POST = {
    *(
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "missing_scope",
        "no_permission",
        "team_access_not_granted",
    ),
    *("restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel"),
    *("ekm_access_denied", "messages_tab_disabled"),
}
"""Errors of `chat.postMessage` by which the bot may not post in this conversation, whatever the message is."""
LONGEST_TS = 40
"""Characters of the time by which Slack names a message; it has 17."""


class Result(Enum):
    """What is known about a message after one attempt to send it."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    """It may have arrived."""
    REFUSED = "refused"
    """It did not arrive, and another attempt on the same way is useless."""
    CLOSED = "closed"
    """As `REFUSED`, because the bot may not post in this conversation."""
    UNSHOWABLE = "unshowable"
    """As `REFUSED`, because Slack does not show one of its blocks."""
    UNREACHED = "unreached"
    """It was not sent, because Slack could not be reached."""
    RATE_LIMITED = "rate_limited"
    """It did not arrive; Slack says how long to wait."""
    SERVER_ERROR = "server_error"
    """It did not arrive, because of an error of Slack's."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send a message."""

    result: Result
    message_ts: str = ""
    """The message's id, where Slack told it."""
    wait: float = 0.0
    """Seconds that Slack asks to wait."""


ARRIVED = {Result.ACCEPTED, Result.UNKNOWN}
FINAL = {Result.REFUSED, Result.CLOSED, Result.UNSHOWABLE}
INVALID_BLOCKS = "invalid_blocks"


def read_response(answer: Answer) -> Attempt:
    """Read what a reply address answered."""
    if answer.is_success:
        return Attempt(Result.ACCEPTED)
    # 404 with `expired_url` or `used_url`: after 30 minutes or 5 messages
    reason = answer.content.decode("utf-8", "replace")[:100]
    log.warning("reply.refused", status=answer.status, reason=reason)
    return Attempt(Result.UNSHOWABLE) if INVALID_BLOCKS in reason else _failed(answer)


def read_answer(answer: Answer, conversation: str) -> Attempt:
    """Read what the Web API answered. An unreadable answer with a 2xx status may have been a success."""
    try:
        read = json.loads(answer.content)
    except (ValueError, RecursionError):  # RecursionError: JSON that is nested too deeply
        read = None
    found = read if isinstance(read, dict) else {}
    if answer.is_success and found.get("ok") is True:
        return Attempt(Result.ACCEPTED, str(found.get("ts", ""))[:LONGEST_TS])
    error = found.get("error")
    reason = None if error is None else str(error)[:100]
    log.warning("reply.refused", conversation=conversation, status=answer.status, reason=reason)
    if answer.is_success and reason is None:
        return Attempt(Result.UNKNOWN)
    if reason in MAY_NOT_POST:
        return Attempt(Result.CLOSED)
    if reason == INVALID_BLOCKS:
        return Attempt(Result.UNSHOWABLE)
    return Attempt(Result.SERVER_ERROR) if reason in PASSING else _failed(answer)


def _failed(answer: Answer) -> Attempt:
    """The attempt that was answered with an error: https://docs.slack.dev/apis/web-api/rate-limits ."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Attempt(Result.RATE_LIMITED, wait=_seconds(answer.headers.get("retry-after")))
    return Attempt(Result.SERVER_ERROR if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else Result.REFUSED)


def _seconds(retry_after: str | None) -> float:
    """Seconds that Slack asks to wait; 1 if it names no time, or one that is not a positive number."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return 1.0
    return seconds if seconds > 0 and math.isfinite(seconds) else 1.0

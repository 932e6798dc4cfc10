"""What can go wrong with HighLevel, drawn as a tree whose attributes are decisions. Pure.

HighLevelError
├── NotSent                the request never left this machine: nothing was done, ask again
│   ├── OutOfTime              there was no time left to send it
│   ├── NameUnknown            the host's name could not be resolved
│   ├── TlsFailed              no trusted connection
│   ├── ConnectTimedOut        nobody picked up
│   ├── NotRenewed             there was no access token to send it with, and none to be had just now
│   └── Unreachable            refused, no route, proxy, and whatever else keeps a connection from being made
├── Unanswered             it left and no whole answer came: a write may have happened, or may yet
│   ├── TimedOut
│   └── CutOff
└── Answered               HighLevel, or something before it, answered
    ├── Refused                4xx: nothing was done
    │   ├── NotFound
    │   ├── TokenInvalid           401, the token itself
    │   ├── ScopeMissing           401, the token may not do this
    │   ├── LocationForbidden      401 or 403, the token belongs to another location
    │   ├── VersionRefused         401, the Version header
    │   ├── Blocked                403, the CDN did not let us through
    │   ├── Forbidden              403, for no reason we know
    │   ├── Disconnected           no connection by OAuth, or no more: somebody has to connect
    │   ├── AppUnknown             400 or 401, the OAuth app's own id or secret
    │   ├── Invalid                400 or 422, with a list of reasons
    │   ├── NoSuchRoute            404 or 405, our address is wrong
    │   └── RateLimited            429; `daily` tells a burst from the day's end
    ├── Broken                 5xx: a write may have happened
    ├── GatewayTimedOut        502, 504 and the CDN's own: it may have happened, or may yet
    ├── Unreadable             2xx or 3xx that is not an answer of this API: a write may have happened
    └── SaidNo                 2xx with an explicit `false`
"""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Details:
    """What an answer said of itself, for logs and small print. Never a header we sent, never a body whole."""

    status: int = 0
    """HTTP status; 0 when there was no answer."""
    messages: tuple[str, ...] = ()
    trace_id: str = ""
    text: str = field(default="", repr=False)


class HighLevelError(Exception):
    """Any failure of a call. The class attributes answer what a caller has to decide.

    `perhaps_done`: had it been a write, it may have been carried out.
    `answered`: the server is finished with the request; if not, it may still carry it out.
    `passing`: the same request may well succeed a moment later.
    """

    perhaps_done = False
    answered = False
    passing = False

    def __init__(self, details: Details | None = None, *, retry_after: float | None = None) -> None:
        self.details = details or Details()
        self.retry_after = retry_after
        """Seconds after which HighLevel says it is worth trying again; `None` when it did not say."""
        super().__init__(*filter(None, (str(self.details.status or ""), *self.details.messages)))


class NotSent(HighLevelError):
    """The request never left."""

    passing = True


class OutOfTime(NotSent):
    """There was no time left to send it."""

    passing = False


class NameUnknown(NotSent):
    """The host's name could not be resolved."""


class TlsFailed(NotSent):
    """The server could not be trusted, or does not speak TLS."""

    passing = False


class ConnectTimedOut(NotSent):
    """Nobody picked up."""


class NotRenewed(NotSent):
    """There was no access token to send it with: the last one is over, and a new one could not be had just now."""


class Unreachable(NotSent):
    """No connection for any other reason."""


class Unanswered(HighLevelError):
    """The request left, and no whole answer came."""

    perhaps_done = True
    passing = True


class TimedOut(Unanswered):
    """The answer took longer than we wait."""


class CutOff(Unanswered):
    """The connection broke before the whole answer was here."""


class Answered(HighLevelError):
    """There was an answer, and it was not the one hoped for."""

    answered = True


class Refused(Answered):
    """4xx: understood, and not done."""


class NotFound(Refused):
    """No such record, or not one this token can see."""


class TokenInvalid(Refused):
    """Mistyped, revoked or expired."""


class ScopeMissing(Refused):
    """The token may not do this kind of thing."""


class LocationForbidden(Refused):
    """The token belongs to another location."""


class VersionRefused(Refused):
    """The Version header is missing or names no published version."""


class Blocked(Refused):
    """Refused by the network in front of HighLevel, before HighLevel saw it."""


class Forbidden(Refused):
    """Refused without a reason we know."""


class Ending(StrEnum):
    """Why there is no connection."""

    NEVER_MADE = "nobody has connected it yet"
    GRANT = "HighLevel no longer accepts the key with which access is renewed"
    LOCATION = "the sub-account is not active"
    APP = "the app was removed from the sub-account"
    TOKEN = "HighLevel does not accept an access token that it has just given"  # noqa: S105 - a reason
    SEALED = "what was stored cannot be opened with ENCRYPTION_KEY"
    UNKNOWN = "HighLevel refused, for no reason that is known"


class Disconnected(Refused):
    """There is no connection by OAuth, or no more. Only somebody who connects it anew can help."""

    def __init__(
        self, details: Details | None = None, *, retry_after: float | None = None, why: Ending = Ending.UNKNOWN
    ) -> None:
        super().__init__(details, retry_after=retry_after)
        self.why = why


class AppUnknown(Refused):
    """The OAuth app's own id or secret does not please. The connection may be as good as ever."""


class Invalid(Refused):
    """The request does not please; HighLevel's reasons are in `details.messages`."""


class NoSuchRoute(Refused):
    """The address itself is wrong: another server, or another version of the API."""


class RateLimited(Refused):
    """Too many requests; this one was not carried out."""

    passing = True

    def __init__(self, details: Details, *, retry_after: float | None, daily: bool) -> None:
        super().__init__(details, retry_after=retry_after)
        self.passing = not daily
        self.daily = daily
        """The day's allowance is used up, not only the burst's."""


class Broken(Answered):
    """5xx: an error on their side, at a point nobody knows."""

    perhaps_done = True
    passing = True


class GatewayTimedOut(Answered):
    """Something before HighLevel lost it, or lost patience with it; HighLevel may still be at work."""

    perhaps_done = True
    answered = False
    passing = True


class Unreadable(Answered):
    """An answer that is not one of this API's: HTML from a proxy, a redirect, a body without what was asked for."""

    perhaps_done = True


class SaidNo(Answered):
    """A success by its status, a refusal by its body."""

    perhaps_done = True

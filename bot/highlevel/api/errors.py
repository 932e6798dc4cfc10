"""The errors of HighLevel's API: a tree, whose attributes say what a caller has to decide. Pure.

HighLevelError
├── NotSent                the request never left this machine: nothing was done, ask again
│   ├── OutOfTime              there was no time left to send it
│   ├── NameUnknown            the host's name could not be resolved
│   ├── TlsFailed              no trusted connection
│   ├── ConnectTimedOut        the server did not answer the connection
│   ├── StillDown              HighLevel has just said that it is down for longer than there is time
│   ├── NotRenewed             no access token to send it with, and HighLevel gave none just now
│   └── Unreachable            no connection for another reason: refused, no route, proxy
├── Unanswered             it was sent, and no whole answer came: a write may have happened, or may happen yet
│   ├── TimedOut
│   └── CutOff
└── Answered               HighLevel answered, or something in front of it
    ├── Refused                4xx: nothing was done
    │   ├── NotFound
    │   ├── TokenInvalid           401, the token itself
    │   ├── ScopeMissing           401, the token may not do this
    │   ├── LocationForbidden      401 or 403, the token belongs to another location
    │   ├── VersionRefused         401, the Version header
    │   ├── Blocked                403, the CDN did not let us through
    │   ├── Forbidden              403, for no known reason
    │   ├── Disconnected           not connected by OAuth, or no longer: a person has to connect
    │   ├── AppUnknown             400 or 401, the OAuth app's own id or secret
    │   ├── Invalid                400 or 422, with a list of reasons
    │   ├── NoSuchRoute            404 or 405, our address is wrong
    │   └── RateLimited            429; `daily` tells a burst from the day's end
    ├── Broken                 5xx: a write may have happened
    ├── GatewayTimedOut        502, 504 and the CDN's own: a write may have happened, or may happen yet
    ├── Unreadable             2xx or 3xx that is not an answer of this API: a write may have happened
    └── SaidNo                 2xx with an explicit `false`
"""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Details:
    """What an answer said, for logs and for the code in a reply. Never has a header that we sent, or a whole body."""

    status: int = 0
    """HTTP status; 0 if there was no answer."""
    messages: tuple[str, ...] = ()
    """HighLevel's reasons, in its own words."""
    trace_id: str = ""
    """HighLevel's id for the call; empty if it gave none."""
    text: str = field(default="", repr=False)
    """All messages in one line, to be searched for known words."""


class HighLevelError(Exception):
    """Any failure of a call. The class attributes say what a caller has to decide.

    `perhaps_done`: if the call was a write, it may have been carried out.
    `answered`: the server is finished with the request; if not, it may still carry it out.
    `passing`: the same request may succeed a moment later.
    """

    perhaps_done = False
    answered = False
    passing = False

    def __init__(self, details: Details | None = None, *, retry_after: float | None = None) -> None:
        self.details = details or Details()
        self.retry_after = retry_after
        """Seconds after which to try again, as HighLevel said; `None` if it did not."""
        super().__init__(*filter(None, (str(self.details.status or ""), *self.details.messages)))


class NotSent(HighLevelError):
    """The request was not sent."""

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
    """The server did not answer the connection in time."""


class StillDown(NotSent):
    """An earlier answer said that HighLevel is down, for longer than there is time."""


class NotRenewed(NotSent):
    """There was no access token to send it with: the last one has expired, and HighLevel gave no new one just now."""


class Unreachable(NotSent):
    """No connection for any other reason."""


class Unanswered(HighLevelError):
    """The request was sent, and no whole answer came."""

    perhaps_done = True
    passing = True


class TimedOut(Unanswered):
    """The answer took longer than we wait."""


class CutOff(Unanswered):
    """The connection broke before the whole answer was here."""


class Answered(HighLevelError):
    """There was an answer, and it was an error."""

    answered = True


class Refused(Answered):
    """4xx: HighLevel did nothing."""


class NotFound(Refused):
    """No such record, or none that this token can see."""


class TokenInvalid(Refused):
    """The token is mistyped, revoked or expired."""


class ScopeMissing(Refused):
    """The token may not do this kind of thing."""


class LocationForbidden(Refused):
    """The token belongs to another location."""


class VersionRefused(Refused):
    """The Version header is missing or names no published version."""


class Blocked(Refused):
    """Refused by the CDN in front of HighLevel."""


class Forbidden(Refused):
    """Refused, for no known reason."""


class Ending(StrEnum):
    """Why an account is not connected by OAuth. The values are read by people."""

    NEVER_MADE = "it hasn't been connected yet"
    GRANT = "HighLevel stopped accepting the refresh token"
    LOCATION = "the sub-account isn't active"
    APP = "the app was removed from the sub-account"
    TOKEN = "HighLevel rejected a token it just issued"  # noqa: S105 - a reason
    SEALED = "the stored token can't be decrypted with ENCRYPTION_KEY"
    UNKNOWN = "HighLevel refused and didn't say why"


class Disconnected(Refused):
    """The account is not connected by OAuth, or no longer. Only a person who connects it can help."""

    def __init__(
        self, details: Details | None = None, *, retry_after: float | None = None, why: Ending = Ending.UNKNOWN
    ) -> None:
        super().__init__(details, retry_after=retry_after)
        self.why = why


class AppUnknown(Refused):
    """HighLevel refuses the OAuth app's own id or secret. The connection itself may still be good."""


class Invalid(Refused):
    """HighLevel refuses the request; its reasons are in `details.messages`."""


class NoSuchRoute(Refused):
    """The address is wrong: another server, or another version of the API."""


class RateLimited(Refused):
    """Too many requests: HighLevel refused this one, or it was not sent because HighLevel would have."""

    passing = True

    def __init__(self, details: Details, *, retry_after: float | None, daily: bool) -> None:
        super().__init__(details, retry_after=retry_after)
        self.passing = not daily
        self.daily = daily
        """Whether today's requests are used up; if not, only those of the current interval."""


class Broken(Answered):
    """5xx: an error in HighLevel, before or after a write."""

    perhaps_done = True
    passing = True


class GatewayTimedOut(Answered):
    """Something in front of HighLevel got no answer from it, or not in time; HighLevel may still be at work."""

    perhaps_done = True
    answered = False
    passing = True


class Unreadable(Answered):
    """An answer that is not of this API: HTML from a proxy, a redirect, a body without what was asked for."""

    perhaps_done = True


class SaidNo(Answered):
    """A success by its status, and a refusal by its body."""

    perhaps_done = True

"""What became of a command: values that the use case returns, and the words that the ledger has for them. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bot.deals.deal import LostReason, Matches, Opportunity
from bot.deals.wish import Mixed, Reading

LONGEST_SAID = 500
"""Characters that are kept of HighLevel's own words."""


class Result(StrEnum):
    """What became of a command that did not fail. The ledger, the metrics and the audit trail use these words."""

    CHANGED = "changed"
    ALREADY_SO = "already_so"
    OVERTAKEN = "overtaken"
    AMBIGUOUS = "ambiguous"
    REASON_WANTED = "reason_wanted"
    UNCONFIRMED = "unconfirmed"
    PREVIEWED = "previewed"
    NOT_YOURS = "not_yours"
    ASKED_OWNER = "asked_owner"


class Withheld(StrEnum):
    """Why a person who may change deals may not change this one. The ledger uses these words."""

    OWNED = "owned"
    """It is another person's."""
    UNASSIGNED = "unassigned"
    """It has no owner, and only admins change such deals."""
    ELSEWHERE = "elsewhere"
    """The person may not change deals in its sub-account."""
    EMAIL_HIDDEN = "email_hidden"
    """Slack does not show the person's e-mail, so it is unknown whose the deal is."""
    SLACK_DOWN = "slack_down"
    CRM_DOWN = "crm_down"
    USERS_HIDDEN = "users_hidden"
    """The CRM does not show its users' e-mails."""


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against a change by this person."""

    why: Withheld
    stops: bool
    """Whether the change is not made; if not, the deal's owner is told of it."""
    owner: str = ""
    """The Slack user id of the deal's owner; empty where it is not known."""


class Cause(StrEnum):
    """Why a command failed that was allowed and understood."""

    NOT_FOUND = "not_found"
    NO_MATCH = "no_match"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - the name of a cause
    SCOPE_MISSING = "scope_missing"
    TOKEN_ELSEWHERE = "token_elsewhere"  # noqa: S105 - the name of a cause
    NOT_OURS = "not_ours"
    VERSION_REFUSED = "version_refused"
    BLOCKED = "blocked"
    FORBIDDEN = "forbidden"
    RECONNECT = "reconnect"
    APP_UNKNOWN = "app_unknown"
    NOT_RENEWED = "not_renewed"
    INVALID = "invalid"
    WRONG_ADDRESS = "wrong_address"
    RATE_LIMITED = "rate_limited"
    DAILY_LIMIT = "daily_limit"
    NO_NAME = "no_name"
    NO_TLS = "no_tls"
    NO_CONNECTION = "no_connection"
    CONNECT_TIMEOUT = "connect_timeout"
    OUT_OF_TIME = "out_of_time"
    NO_ANSWER = "no_answer"
    CUT_OFF = "cut_off"
    SERVER_ERROR = "server_error"
    GATEWAY = "gateway"
    UNREADABLE = "unreadable"
    SAID_NO = "said_no"
    NO_EFFECT = "no_effect"
    NOT_CONFIRMED = "not_confirmed"
    INTERRUPTED = "interrupted"
    PARKED = "parked"
    TOO_LATE = "too_late"
    STORE_DOWN = "store_down"
    UNEXPECTED = "unexpected"


class Effect(StrEnum):
    """Whether a failure changed anything in HighLevel, as far as the bot knows."""

    NOTHING = "nothing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trouble:
    """The cause of a failure, with what is known about it."""

    cause: Cause
    retry_after: float | None = None
    """Seconds until it is worth trying again, where HighLevel said so."""
    reasons: tuple[str, ...] = ()
    """HighLevel's own words."""
    code: str = ""
    """An HTTP status or the name of an exception, for the small print."""
    trace_id: str = ""
    """HighLevel's id of the call, for its support; empty where there is none."""

    @property
    def said(self) -> str:
        """The reasons in one text of at most `LONGEST_SAID` characters; empty where there are none."""
        return "; ".join(self.reasons)[:LONGEST_SAID]


@dataclass(frozen=True, slots=True)
class Changed:
    """The deal was changed, and then read to be sure."""

    before: Opportunity
    after: Opportunity
    despite: Trouble | None = None
    """What went wrong, where only a second look showed that the change had happened."""
    trace_id: str = ""
    """HighLevel's id of the call that did it; empty where there is none."""
    objection: Objection | None = None
    """What did not stop the change, and is told the deal's owner; `None` for most."""


@dataclass(frozen=True, slots=True)
class AlreadySo:
    """The deal was as wished already; nothing was written."""

    opportunity: Opportunity


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The deal has another status than the one it must still have; nothing was written."""

    opportunity: Opportunity


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The name may mean several deals, or not certainly the one it finds; nothing was written."""

    matches: tuple[Opportunity, ...]
    """The deals that the name fits, one or more. A single one is not certain to be meant."""
    more: bool
    """Whether it fits more than these."""


@dataclass(frozen=True, slots=True)
class Guessed:
    """The text may ask for this change, or only to see a deal; nothing was written, and the caller is asked."""

    reading: Reading | Mixed
    found: tuple[Matches, ...]
    """The deals for each id and each name of the reading, or for each part, in their order; some may have none."""


@dataclass(frozen=True, slots=True)
class ReasonWanted:
    """The lost reason is missing, or HighLevel does not know it; nothing was written."""

    reasons: tuple[LostReason, ...]
    """Those that HighLevel knows."""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The caller has to confirm the change first; nothing was written."""

    opportunity: Opportunity


@dataclass(frozen=True, slots=True)
class Previewed:
    """The caller only wants to know what would happen; nothing was written."""

    opportunity: Opportunity


@dataclass(frozen=True, slots=True)
class NotYours:
    """The caller may not change this deal; nothing was written."""

    opportunity: Opportunity
    objection: Objection


@dataclass(frozen=True, slots=True)
class AskedOwner:
    """The caller asks the deal's owner to make the change; nothing was written."""

    opportunity: Opportunity
    owner: str
    """The owner's Slack user id."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The change did not work, or its effect is unknown."""

    trouble: Trouble
    effect: Effect
    before: Opportunity | None = None
    """The deal before, where it was found."""
    now: Opportunity | None = None
    """The deal afterwards, where it could be read again."""


Outcome = (
    Changed
    | AlreadySo
    | Overtaken
    | Ambiguous
    | Guessed
    | ReasonWanted
    | Unconfirmed
    | Previewed
    | NotYours
    | AskedOwner
    | Failed
)


def owner_to_tell(outcome: Outcome) -> str:
    """The Slack user id of the deal's owner, where they are told of the outcome, or asked; else empty."""
    match outcome:
        case Changed(objection=Objection(owner=owner)) | AskedOwner(owner=owner):
            return owner
        case _:
            return ""


WORDS = (*Result, *Cause)
"""All outcomes as the ledger and the metrics call them. No word stands for two."""


def word(outcome: Outcome) -> Result | Cause:
    """What the ledger and the metrics call it; a failure by its cause."""
    match outcome:
        case Changed():
            return Result.CHANGED
        case AlreadySo():
            return Result.ALREADY_SO
        case Overtaken():
            return Result.OVERTAKEN
        case Ambiguous() | Guessed():  # either way the caller is asked which deal is meant, if any
            return Result.AMBIGUOUS
        case ReasonWanted():
            return Result.REASON_WANTED
        case Unconfirmed():
            return Result.UNCONFIRMED
        case Previewed():
            return Result.PREVIEWED
        case NotYours() | AskedOwner():
            return Result.NOT_YOURS if isinstance(outcome, NotYours) else Result.ASKED_OWNER
        case Failed(trouble):
            return trouble.cause
        case _:
            assert_never(outcome)

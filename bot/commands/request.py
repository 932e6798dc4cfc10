"""What the text of a command asks for. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.deals.wish import Wish

COMMAND = "/opp-status"

USAGE_HINT = "<deal> <open|won|lost|abandoned> [reason]"

MOST_AT_ONCE = 25
"""Deals that one command may name."""


class Problem(StrEnum):
    """Why a text could not be understood; `messages` has a sentence for each."""

    NO_STATUS = "no_status"
    NO_OPPORTUNITY = "no_opportunity"
    UNKNOWN_STATUS = "unknown_status"
    ALL_IS_NO_STATUS = "all_is_no_status"
    STATUS_NOT_OFFERED = "status_not_offered"
    NAME_TOO_SHORT = "name_too_short"
    TOO_MANY = "too_many"
    LINK_WITHOUT_ID = "link_without_id"
    OTHER_LOCATION = "other_location"
    TOO_MUCH = "too_much"
    UNDO_STANDS_ALONE = "undo_stands_alone"
    HISTORY_OF_WHAT = "history_of_what"


@dataclass(frozen=True, slots=True)
class Help:
    """Somebody wants to know how this works."""


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Somebody wants to know who the bot takes them for, and what they may."""


@dataclass(frozen=True, slots=True)
class ShowAccess:
    """An admin wants to see who asks to be let in, and who was."""


@dataclass(frozen=True, slots=True)
class UseLocation:
    """Somebody wants to know in which sub-account this channel works; an admin, that it works in this one."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """Somebody wants to take back the last change they made."""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """Somebody wants to see their last commands, or everybody's about one deal; an admin, another's or everybody's."""

    opportunity_id: str | None = None
    user_id: str = ""
    """Whose; empty for their own."""
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody wants deals to have a status: several by id or link, or one by whatever it is called."""

    wishes: tuple[Wish, ...]
    """One or more, no two of the same deal; all with the same status, reason and consent."""


@dataclass(frozen=True, slots=True)
class ShowDeal:
    """Somebody wants to see a deal: by its id, or by what it is called while the id is empty."""

    opportunity_id: str = ""
    name: str = ""
    location_id: str = ""
    """The sub-account, where a link says so."""


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Somebody wants to fill in a form instead of typing."""


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """A text that asks for nothing the bot can do. `word` is the part that was not understood, as typed."""

    problem: Problem
    word: str = ""


Request = Change | ShowDeal | OpenForm | Help | WhoAmI | ShowAccess | UseLocation | Undo | ShowHistory | Misunderstood

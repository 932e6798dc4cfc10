"""The requests that a typed command can make. Pure."""

import base64
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.commands.text.days import Day
from bot.deals.wish import NO_DOUBTS, Doubts, Mixed, Reading, Wish

COMMAND = "/opp-status"
MOST_AT_ONCE = 25
"""Deals that one command may name."""


def new_reference() -> str:
    """Make a reference for one request, short enough to be read out: eight characters, of A to Z and 2 to 7."""
    return base64.b32encode(secrets.token_bytes(5)).decode()


class Problem(StrEnum):
    """Why a text was not understood; `slack/messages/tables.py` has a sentence for each."""

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
    PERSON_IS_NO_DEAL = "person_is_no_deal"
    SEVERAL_STATUSES = "several_statuses"


@dataclass(frozen=True, slots=True)
class Help:
    """Show how the command works."""


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Show the caller's ids, and whether they may change deals."""


@dataclass(frozen=True, slots=True)
class ShowAccess:
    """Show admins the open requests for access, and the approvals."""


@dataclass(frozen=True, slots=True)
class ShowDigest:
    """Show the digest of the last seven days."""


@dataclass(frozen=True, slots=True)
class UseLocation:
    """Show in which sub-account this channel works; or, for an admin, let it work in the one that they name."""

    name: str = ""
    """The sub-account's name as typed; empty to show which it is."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Post no changes made in HighLevel in this channel for a while; only admins can."""

    span: timedelta
    """For how long; zero to post them again."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Undo the caller's last change."""


@dataclass(frozen=True, slots=True)
class UndoDeal:
    """Find the last change of a deal, and offer to undo it."""

    deal: "ShowDeal"
    """The deal, by its id or its name. Its `whole` is what was typed, with `undo`: a deal may be called so."""


@dataclass(frozen=True, slots=True)
class Remind:
    """Remind the caller of a deal, on a day."""

    deal: "ShowDeal"
    """The deal, by its id or its name. Its `whole` is what was typed, with `remind`: a deal may be called so."""
    day: Day | None = None
    """`None` if no day could be read: then the caller is asked."""


@dataclass(frozen=True, slots=True)
class ShowReminders:
    """Show the caller's reminders."""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """Show the caller's last commands, or all people's about one deal; admins may see others' as well."""

    opportunity_id: str | None = None
    """About this deal; `None` for any."""
    user_id: str = ""
    """By this person; empty for the caller."""
    everybody: bool = False
    """By anyone."""
    deal: "ShowDeal | None" = None
    """About the deal that this finds by name; `None` if no name was typed."""


@dataclass(frozen=True, slots=True)
class Change:
    """Change the status of one deal, or of several whose ids or links were typed."""

    wishes: tuple[Wish, ...]
    """One or more, each for another deal; all with the same status, reason and consent."""
    note: str = ""
    """What stands behind the status, where it is no reason."""
    doubts: Doubts = NO_DOUBTS
    """What else the text may mean, if it names its deal."""


@dataclass(frozen=True, slots=True)
class ShowDeal:
    """Show a deal, by its id or by its name; or ask whether it is to be changed."""

    opportunity_id: str = ""
    """Empty if only the name is known. An id that finds no deal, and is no link's, is searched for as a name."""
    name: str = ""
    location_id: str = ""
    """The sub-account that a link names; else empty."""
    readings: tuple[Reading | Mixed, ...] = ()
    """Changes that the text may ask for, unless a deal is called like the whole text; likeliest first."""
    shorter: tuple[str, ...] = ()
    """Further names to search for, one after another, if `name` finds no deal."""
    whole: str = ""
    """The whole text, where `name` is a part of it: a deal that is called so is shown instead."""


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Open the form."""


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """Tell the caller why their text was not understood."""

    problem: Problem
    word: str = ""
    """The part of the text that it is about."""


Request = (
    Change
    | ShowDeal
    | OpenForm
    | Help
    | WhoAmI
    | ShowAccess
    | ShowDigest
    | UseLocation
    | Mute
    | Undo
    | UndoDeal
    | Remind
    | ShowReminders
    | ShowHistory
    | Misunderstood
)

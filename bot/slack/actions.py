"""The `action_id`s of the buttons and menus in messages, and what their values carry. Pure.

https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from bot.deals.deal import STATES, Status, Target
from bot.deals.wish import Consent

UNDO = "undo"
"""Undo a change, and the others of its batch. The value is the change's key."""
CHOOSE = "choose"
"""Choose one of the deals that a name fits. The value is a `Choice`."""
CONFIRM = "confirm"
"""Say yes to a question. The value is the key of the command that asked; in a batch, of the first."""
DISMISS = "dismiss"
"""Say no to a question."""
REASON = "reason"
"""Choose a lost reason: in a menu, or by a button whose `action_id` begins with this. The value is the reason's id, and
the block's id is the key of the command."""
ADD_REASON = "ask_why"
"""Ask for the lost reason of a deal that was lost in HighLevel without one. The value is the change's key."""
ANYWAY = "anyway"
"""Carry out an undo although the deal has changed again. The value is the undo's key."""
RETRY = "retry"
"""Run a command once more that failed. The value is its key; in a batch, that of the first."""
AGAIN = "again"
"""Answer a typed command once more that was not accepted, or could not look up its deal. The value is its text."""
SET = "set"
"""Set a deal's status from its card. The `action_id` begins with this. The value is a `StatusChoice`."""
MARK = "mark"
"""Set the status of deals that a question offers. The `action_id` begins with this. The value is a `Mark`."""
MORE = "more"
"""Choose from the menu behind three dots on a deal's card. The value is a `MenuChoice`."""
SEARCH = "search_form"
"""Open the form where a name fits more deals than a message shows. The value is a `Search`."""
OPEN_FORM = "open_form"
"""Open the form."""
WHOAMI = "whoami"
"""Show the person whether they may change deals."""
SHOW = "show"
"""Show a deal's card to the person. The value is a `target_value`."""
SHARE = "share"
"""Show a deal's card to the channel. The value is a `target_value`."""
REMIND = "remind"
"""Set a reminder of a deal, or ask for which day. The `action_id` may begin with this. The value is a `RemindOf`."""
PICK_DAY = "pick_day"
"""Choose the day of a reminder in a calendar. The block's id is a `RemindOf`, and Slack sends the date."""
CALL_OFF = "call_off"
"""Cancel a reminder. The value is its key."""
CLOSE = "close_in"
"""Set a deal's status from a reminder. The `action_id` begins with this. The value is a channel's id, where the result
is told, and a `StatusChoice`."""
REQUEST = "request_access"
"""Ask the admins for access. The value is the command that was refused, or `NO_COMMAND`."""
NO_COMMAND = "access"
"""Stands for no command: that word is a command which is never refused."""
RUN = "run_command"
"""Run the command that was refused before an admin approved the person. The value is the request's reference."""
APPROVE = "approve_access"
"""Approve a request for access, as an admin. The value is the request's reference."""
DECLINE = "decline_access"
"""Decline a request for access, as an admin. The value is the request's reference."""
REVOKE = "revoke_access"
"""Revoke an approval, as an admin. The value is the approved person's user id."""
HOME_PAGE = "home_page"
"""Turn to another page of the Home tab. The `action_id` begins with this. The value is the page, from 0."""
HOME_AGAIN = "home_again"
"""Look again for what the Home tab shows. The value is the page, from 0."""
ASK_OWNER = "ask_owner"
"""Ask the deal's owner for the change that was refused. The value is the command's key; in a batch, of the first."""
AS_ASKED = "as_asked"
"""Make the change that another person asked the deal's owner for. The value is the key of the command that asked."""
NOT_NOW = "not_now"
"""Leave the deal as it is, likewise. The value is the same."""
LINK = "link"
"""Open a page of HighLevel. The bot does nothing."""


@dataclass(frozen=True, slots=True)
class MenuChoice:
    """What a person chose from the menu on a deal's card."""

    action: str
    """`SET`, `SHARE` or `LINK`."""
    value: str

    @property
    def option(self) -> str:
        """Write it as the value of an option."""
        return f"{self.action} {self.value}"

    @classmethod
    def from_option(cls, option: str) -> Self:
        """Read the value of an option. Missing parts are empty."""
        action, _, value = option.partition(" ")
        return cls(action, value)


@dataclass(frozen=True, slots=True)
class Search:
    """A search for a deal, to be continued in the form."""

    name: str
    status: Status | None = None
    """The status that the deal is to have; `None` if the person wants to see one."""
    location_id: str = ""

    @property
    def value(self) -> str:
        """Write it as the value of a button."""
        return f"{self.status or '-'} {self.location_id or '-'} {self.name}"

    @classmethod
    def from_value(cls, value: str) -> Self:
        """Read the value of a button. Missing parts are empty."""
        status, location_id, name, *_ = [*value.split(" ", 2), "", "", ""]
        return cls(
            name, next((each for each in STATES if each == status), None), location_id if location_id != "-" else ""
        )


NOTHING = "-"
"""In place of an empty part of a value, where another follows."""


def target_value(deal: Target) -> str:
    """Write a deal as the value of a button or an option."""
    return " ".join((deal.opportunity_id, *filter(None, [deal.location_id])))


def read_target_value(value: str) -> Target:
    """Read what `target_value` wrote. Missing parts are empty."""
    opportunity_id, _, location_id = value.partition(" ")
    return Target(opportunity_id, location_id)


@dataclass(frozen=True, slots=True)
class Choice:
    """The deal that a person chose from those that a name fits."""

    opportunity_id: str
    key: str
    """The key of the command that asked."""
    seen: str = ""
    """The deal's status that the question showed, where choosing it is to agree that it leaves that; else empty."""
    name: str = ""
    """The deal's name, to be told if the deal is gone by then."""

    @property
    def value(self) -> str:
        """Write it as the value of a button."""
        return " ".join((self.opportunity_id, self.key, *_with_name(self.seen, self.name)))

    @classmethod
    def from_value(cls, value: str) -> Self:
        """Read the value of a button. Missing parts are empty."""
        opportunity_id, key, seen, name, *_ = [*value.split(" ", 3), "", "", "", ""]
        return cls(opportunity_id, key, seen if seen in STATES else "", name)


@dataclass(frozen=True, slots=True)
class StatusChoice:
    """A status that a person chose on a deal's card."""

    opportunity_id: str
    status: Status
    consent: Consent
    """`GIVEN` if Slack asked the person to confirm when they pressed the button; else `PRESUMED`."""
    location_id: str = ""
    """The deal's sub-account; empty for the default one."""
    name: str = ""
    """The deal's name, to be told if the deal is gone by then."""

    @property
    def value(self) -> str:
        """Write it as the value of a button."""
        place = _with_name(self.location_id, self.name)
        return " ".join((self.opportunity_id, self.status, self.consent, *place))

    @classmethod
    def from_value(cls, value: str) -> Self | None:
        """Read the value of a button; `None` if it cannot be read."""
        match value.split(" ", 4):
            case [opportunity_id, status, ("presumed" | "given") as consent, *more] if (
                opportunity_id and status in STATES
            ):
                place, name, *_ = [*more, "", ""]
                choice = cls(opportunity_id, Status(status), Consent(consent), "" if place == NOTHING else place, name)
                return choice if choice.value == value else None
            case _:
                return None


def _with_name(part: str, name: str) -> Iterable[str]:
    """The last parts of a value: one that may be empty, and a name, which may have spaces."""
    return (part or NOTHING, name) if name else filter(None, [part])


@dataclass(frozen=True, slots=True)
class RemindOf:
    """A deal of which a person wants a reminder."""

    opportunity_id: str
    location_id: str = ""
    """The deal's sub-account; empty for the default one."""
    name: str = ""
    """The deal's name, as far as it is known."""
    day: str = ""
    """A day as people type it, without spaces, such as `7d` or `2026-12-24`; empty if the person is asked."""

    @property
    def value(self) -> str:
        """Write it as the value of a button, or as the id of a block."""
        return " ".join((self.day or NOTHING, self.opportunity_id, *_with_name(self.location_id, self.name)))

    @classmethod
    def from_value(cls, value: str) -> Self | None:
        """Read the value of a button; `None` if it cannot be read."""
        match value.split(" ", 3):
            case [day, opportunity_id, *more] if day and opportunity_id:
                place, name, *_ = [*more, "", ""]
                return cls(opportunity_id, "" if place == NOTHING else place, name, "" if day == NOTHING else day)
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Mark:
    """A status that a person chose for the deals that a question named."""

    opportunity_ids: tuple[str, ...]
    status: Status
    consent: Consent
    """As in a `StatusChoice`: `GIVEN` if the question said that the deal leaves a status which is asked about."""
    location_id: str = ""
    """The deals' sub-account; empty for the default one."""
    stays: bool = False
    """Whether the question has more to answer, and stays."""
    words: str = ""
    """What stood behind the status: the reason of a loss, else a note."""

    @property
    def value(self) -> str:
        """Write it as the value of a button."""
        place, then = self.location_id or "-", "stay" if self.stays else "go"
        return " ".join((",".join(self.opportunity_ids), self.status, self.consent, place, then, self.words))

    @classmethod
    def from_value(cls, value: str) -> Self | None:
        """Read the value of a button; `None` if it cannot be read."""
        match value.split(" ", 5):
            case [ids, status, ("presumed" | "given") as consent, place, ("stay" | "go") as then, words] if (
                ids and status in STATES
            ):
                location_id = place.removeprefix("-")
                return cls(tuple(ids.split(",")), Status(status), Consent(consent), location_id, then == "stay", words)
            case _:
                return None

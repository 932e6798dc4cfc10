"""What is said to a person, and where it goes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNDELIVERED = "undelivered"
"""How a reply arrived that did not arrive."""


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack shows. `text` alone says all that matters: it is all that a screen reader reads."""

    text: str
    blocks: tuple[Mapping[str, Any], ...]
    public: bool
    replaces: bool = False
    """Takes the place of the message whose button was pressed, instead of standing below it."""
    also_in: str = ""
    """Another channel where it is posted besides; empty for none."""
    asks_why: bool = False
    """Whoever lost the deal is asked for the reason afterwards."""
    is_undo: bool = False
    """It tells of something that was taken back, as every other message about that shall."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the answer to a command or a button goes; without a reply address and a channel: to the person directly.

    `response_url` works for 30 minutes and 5 messages, anywhere the command does, without any scope.
    https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
    """

    response_url: str
    channel_id: str
    user_id: str
    message_ts: str = ""
    """The message that a button was pressed in; empty for a command."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a message was delivered."""

    way: str
    """`response_url`, `channel`, `direct_message` or `undelivered`."""
    message_ts: str
    """The message's id within its conversation; empty where Slack gave none, as a `response_url` never does."""

"""A message to Slack, its address, and the port that sends it. Pure."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack shows. `text` says everything that matters, because a screen reader reads only that.

    https://docs.slack.dev/reference/methods/chat.postMessage
    """

    text: str
    blocks: tuple[Mapping[str, Any], ...]
    """Block Kit, as `bot/slack/block_kit` makes it. Nothing in `commands` looks inside."""
    public: bool
    """Whether everyone in the channel sees it, or only the caller."""
    replaces: bool = False
    """Replaces the message whose button was pressed; if not, it is a new message."""
    also_in: str = ""
    """The id of another channel where it is posted too; empty for none."""
    asks_why: bool = False
    """The caller is asked for the lost reason afterwards."""
    thread_ts: str = ""
    """Slack's id of the message under which it is posted; empty for a message of its own."""
    edits: bool = False
    """It takes the place of every message about the change that the command undoes, adds to or corrects."""
    aside: "Message | None" = None
    """What the caller alone reads where it takes the place of a message that they may not see just now."""
    otherwise: "Message | None" = None
    """What is said where it can take no message's place; `None` for the same."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a reply goes: to the reply address, else to the channel, else to the person in a direct message.

    A `response_url` works for 30 minutes and 5 messages, wherever the command can be typed, and needs no scope.
    https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
    """

    response_url: str
    """Empty for none; likewise `channel_id`."""
    channel_id: str
    user_id: str
    message_ts: str = ""
    """Slack's id of the message whose button was pressed; empty for a typed command."""


class DeliveryWay(StrEnum):
    """How a command's reply was delivered."""

    RESPONSE_URL = "response_url"
    CHANNEL = "channel"
    IN_PLACE = "in_place"
    """Where the change that it is about was told: in place of its messages, or beside them."""
    DIRECT_MESSAGE = "direct_message"
    TOGETHER = "together"
    """In the one reply to its batch."""
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a message was delivered."""

    way: DeliveryWay
    message_ts: str
    """The message's id in its conversation; empty if Slack gave none, as for a `response_url`."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """The message did not arrive, but what stands in its way may pass."""


StillOurs = Callable[[], Awaitable[None]]
"""Asks whether this process may still send a message. If it raises, the message is not sent."""


async def always_ours() -> None:
    """The `StillOurs` of a message that no other process has."""


class Mail(Protocol):
    """Sends messages to Slack. A message that may have arrived counts as delivered, and is not sent again.

    Every method asks `still_ours` just before each attempt, after all waiting. It raises what that raises, and nothing
    else.
    """

    def expect(self) -> None:
        """Get ready for a message in a channel that is to be sent soon; return at once."""

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        """Send a message to an address, the first way that works. `UNDELIVERED`: every way refused it for good."""

    async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
        """Post a message in a channel, and nowhere else."""

    async def update(
        self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
    ) -> Delivery | NotYet:
        """Replace an earlier message of the bot's."""

    async def delete(self, to: Address, still_ours: StillOurs) -> None:
        """Delete the message whose button was pressed, if Slack can be asked to by its reply address."""

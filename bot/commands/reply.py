"""What is said to a person, where it goes, and the port that sends it. Pure."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack shows. `text` alone says all that matters: it is all that a screen reader reads."""

    text: str
    blocks: tuple[Mapping[str, Any], ...]
    """As Slack takes them: `bot/slack/block_kit` makes them, and nothing here looks inside."""
    public: bool
    replaces: bool = False
    """Takes the place of the message whose button was pressed, instead of standing below it."""
    also_in: str = ""
    """Another channel where it is posted as well; empty for none."""
    asks_why: bool = False
    """The person who lost the deal is asked for the reason afterwards."""
    is_undo: bool = False
    """It tells of an undo: every other message about the undone change is changed to say so."""


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


class DeliveryWay(StrEnum):
    """How a message arrived."""

    RESPONSE_URL = "response_url"
    CHANNEL = "channel"
    DIRECT_MESSAGE = "direct_message"
    TOGETHER = "together"
    """With others: the first of several commands answers for all."""
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a message was delivered."""

    way: DeliveryWay
    message_ts: str
    """The message's id within its conversation; empty where Slack gave none, as a `response_url` never does."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing took the message, and it did not arrive; but what stands in the way may pass."""


StillOurs = Callable[[], Awaitable[None]]
"""Asks whether a message is still this process's to send; what it raises stops the message."""


async def always_ours() -> None:
    """`StillOurs` of a message that no other process has."""


class Mail(Protocol):
    """Sends messages. `still_ours` is asked just before each time that one leaves, and after every wait.

    No method raises anything but what that raises. What may have arrived counts as delivered, and is not sent again.
    """

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        """Deliver it, by the first way that takes it. `UNDELIVERED` where each way has refused it for good."""

    async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
        """Post it in a channel, and nowhere else."""

    async def update(
        self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
    ) -> Delivery | NotYet:
        """Put it in the place of an earlier message of ours."""

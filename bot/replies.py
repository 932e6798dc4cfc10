"""Delivers a message: to the command's reply address, else to the channel, else to the person; and says which way."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages import Message

log = structlog.get_logger(__name__)

PATIENCE = 10.0
"""Seconds for Slack to take a message."""
UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the answer to a command goes.

    `response_url` works for 30 minutes and 5 messages, anywhere the command does, without any scope.
    https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
    """

    response_url: str
    channel_id: str
    user_id: str


def payload(message: Message) -> dict[str, Any]:
    """A message as a command's answer: in an acknowledgement, or sent to its `response_url`."""
    return {
        "response_type": "in_channel" if message.public else "ephemeral",
        "text": message.text,
        "blocks": list(message.blocks),
    }


class Replies:
    """Sends each message once, by the first way that takes it."""

    def __init__(self, web: AsyncWebClient, transport: httpx.AsyncBaseTransport, patience: float = PATIENCE) -> None:
        self._web = web
        # Not slack_sdk's webhook client: it opens a connection, with a TLS handshake, for every message.
        self._http = httpx.AsyncClient(transport=transport, timeout=patience, follow_redirects=False)

    async def deliver(self, message: Message, to: Address) -> str:
        """Deliver it; returns `response_url`, `channel`, `direct_message` or `undelivered`. Never raises.

        A message that may have arrived is not sent a second way. What was private stays private: it goes to the person
        when the reply address is used up, never to the channel.
        """
        arrived = await self._respond(message, to.response_url)
        if arrived is not False:
            return "response_url"
        if message.public and await self._post(message, to.channel_id):
            return "channel"
        if await self._post(message, to.user_id):
            return "direct_message"
        log.error("reply.undelivered")
        return UNDELIVERED

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _respond(self, message: Message, response_url: str) -> bool | None:
        """Whether it arrived; `None` when nobody can tell."""
        try:
            response = await self._http.post(response_url, json=payload(message))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, ValueError) as error:
            log.warning("reply.not_sent", error=type(error).__name__)
            return False
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # InvalidURL: of a redirection, which was an answer
            log.warning("reply.unanswered", error=type(error).__name__)
            return None
        if not response.is_success:  # 404 expired_url or used_url after 30 minutes or 5 messages
            log.warning("reply.refused", status=response.status_code, reason=response.text[:100])
        return response.is_success

    async def _post(self, message: Message, conversation: str) -> bool:
        """https://docs.slack.dev/reference/methods/chat.postMessage; a user id opens the direct message with them."""
        try:
            await self._web.chat_postMessage(
                channel=conversation,
                text=message.text,
                blocks=list(message.blocks),
                unfurl_links=False,
                unfurl_media=False,
            )
        except SlackApiError as error:
            log.warning("reply.refused", conversation=conversation, reason=error.response.get("error"))
            return False
        except (SlackClientError, aiohttp.ClientError, OSError, ValueError) as error:
            log.warning("reply.not_sent", conversation=conversation, error=type(error).__name__)
            return False
        return True

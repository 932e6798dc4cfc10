"""Delivers a message: to the command's reply address, else to the channel, else to the person; and says which way."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import aiohttp
import httpx
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.commands.reply import Address, Delivery, DeliveryWay, Message

log = structlog.get_logger(__name__)

REPLY_PATIENCE = 10.0
"""Seconds for Slack to take a message, from the connection to the last byte of the answer; half of them to connect."""

PAUSES = (1.0, 2.0)
"""Seconds before a message that met an error of Slack's is sent again; after the last it goes the next way."""

SLACKS = (b"slack.com", b"slack-gov.com")
"""Slack's domains; reply addresses are at `hooks.slack.com`, and have been at `<workspace>.slack.com`."""

LONGEST_TS = 40
"""Characters of the time by which Slack names a message; it has 17."""

QUEUE_PATIENCE = 60.0
"""Seconds to wait altogether, on one way, because Slack says that messages come too fast."""


def as_response(message: Message) -> dict[str, Any]:
    """A message as an answer to a command or a button: in an acknowledgement, or sent to its `response_url`."""
    return {
        "response_type": "in_channel" if message.public else "ephemeral",
        "text": message.text,
        "blocks": list(map(dict, message.blocks)),
        **({"replace_original": True} if message.replaces else {}),
    }


def at_slack(response_url: str, api: httpx.URL) -> httpx.URL | None:
    """The address, if it is at Slack or where the Web API is: the only ones that a message is sent to.

    Slack signs what it sends, so this holds only against somebody who has the signing secret or the database: they
    shall not make the bot send what it knows, or knock, anywhere else.
    https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
    """
    try:
        url = httpx.URL(response_url)
    except httpx.InvalidURL:
        return None
    if url.userinfo:  # what stands before an @ is read differently by different programs
        return None
    is_slacks = any(url.raw_host == domain or url.raw_host.endswith(b"." + domain) for domain in SLACKS)
    is_allowed = (is_slacks and url.scheme == "https") or (url.raw_host, url.scheme) == (api.raw_host, api.scheme)
    return url if is_allowed else None


class _Fate(Enum):
    """What is known of a message after it was sent once."""

    TAKEN = "taken"
    PERHAPS = "it may have arrived, and nobody can tell"
    REFUSED = "not taken, and not to be sent the same way again"
    TOO_FAST = "not taken before a while has passed"
    BROKEN = "not taken, because something in Slack broke"


@dataclass(frozen=True, slots=True)
class _Attempt:
    fate: _Fate
    message_ts: str = ""
    wait: float = 0.0


class Replies:
    """Sends each message once, by the first way that takes it."""

    def __init__(
        self,
        web: AsyncWebClient,
        transport: httpx.AsyncBaseTransport,
        patience: float = REPLY_PATIENCE,
        *,
        pauses: tuple[float, ...] = PAUSES,
        queue_patience: float = QUEUE_PATIENCE,
    ) -> None:
        self._web = web
        self._api = httpx.URL(web.base_url)
        # Not slack_sdk's webhook client: it opens a connection, with a TLS handshake, for every message. And no
        # `httpx.AsyncClient`, whose cookies and redirects, which are not wanted, cost as much as to send it.
        self._transport = transport
        """Reads whole answers, within bounds."""
        self._patience = patience
        self._waits = dict.fromkeys(("connect", "pool"), patience / 2)  # so that it is known whether it was sent
        self._pauses = pauses
        self._queue_patience = queue_patience

    async def deliver(self, message: Message, to: Address) -> Delivery:
        """Deliver it, by the first way that takes it. Never raises.

        Slack's 429 is waited out and its 5xx is tried again, both on the same way and within limits. A message that may
        have arrived is sent no second time and no second way, and counts as delivered. What was private stays private:
        it goes to the person when the reply address is used up, never to the channel.
        """
        for way, send in self._ways(message, to):
            attempt = await self._send(send)
            if attempt.fate is not _Fate.REFUSED:
                return Delivery(way, attempt.message_ts)
        log.error("reply.undelivered")
        return Delivery(DeliveryWay.UNDELIVERED, "")

    async def post(self, message: Message, channel_id: str) -> Delivery:
        """Post it in a channel, and nowhere else. Never raises."""
        attempt = await self._send(partial(self._post, message, channel_id))
        refused = attempt.fate is _Fate.REFUSED
        return Delivery(DeliveryWay.UNDELIVERED if refused else DeliveryWay.CHANNEL, attempt.message_ts)

    async def update(self, message: Message, channel_id: str, message_ts: str) -> bool:
        """Put a message in the place of an earlier one of ours; whether it was taken, or may have been. Never raises.

        Slack lets only public messages be updated, or those in a direct message, whose id begins with D.
        https://docs.slack.dev/reference/methods/chat.update
        """
        attempt = await self._send(partial(self._replace, message, channel_id, message_ts))
        return attempt.fate is not _Fate.REFUSED

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _ways(self, message: Message, to: Address) -> Iterator[tuple[DeliveryWay, Callable[[], Awaitable[_Attempt]]]]:
        # What is posted in two channels is to be updated in both: only this way Slack says which message it is.
        channel_first = message.also_in and message.public and not message.replaces
        if channel_first:
            yield DeliveryWay.CHANNEL, partial(self._post, message, to.channel_id)
        if to.response_url:
            yield DeliveryWay.RESPONSE_URL, partial(self._respond, message, to.response_url)
        if message.public:
            if message.replaces and to.message_ts:
                yield DeliveryWay.CHANNEL, partial(self._replace, message, to.channel_id, to.message_ts)
            if not channel_first:
                yield DeliveryWay.CHANNEL, partial(self._post, message, to.channel_id)
        yield DeliveryWay.DIRECT_MESSAGE, partial(self._post, message, to.user_id)

    async def _send(self, send: Callable[[], Awaitable[_Attempt]]) -> _Attempt:
        """Send it one way, as often as is decent."""
        pauses, patience = iter(self._pauses), self._queue_patience
        while True:
            attempt = await send()
            if attempt.fate is _Fate.TOO_FAST:
                patience -= attempt.wait
                pause = attempt.wait if patience >= 0 else None
            elif attempt.fate is _Fate.BROKEN:
                pause = next(pauses, None)
            else:
                return attempt
            if pause is None:
                return _Attempt(_Fate.REFUSED)
            await asyncio.sleep(pause)

    async def _respond(self, message: Message, response_url: str) -> _Attempt:
        # Said every time: Slack warns that an answer to a button may overwrite the message that the button is in.
        # https://docs.slack.dev/interactivity/handling-user-interaction#publishing_in_thread
        body = {"replace_original": False, **as_response(message)}
        if (address := at_slack(response_url, self._api)) is None:
            log.warning("reply.not_sent", error="not an address of Slack's")
            return _Attempt(_Fate.REFUSED)
        try:
            request = httpx.Request("POST", address, json=body, extensions={"timeout": self._waits})
            async with asyncio.timeout(self._patience):
                response = await self._transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, ValueError) as error:
            log.warning("reply.not_sent", error=type(error).__name__)
            return _Attempt(_Fate.REFUSED)
        except (httpx.HTTPError, TimeoutError) as error:
            log.warning("reply.unanswered", error=type(error).__name__)
            return _Attempt(_Fate.PERHAPS)
        if response.is_success:
            return _Attempt(_Fate.TAKEN)
        # 404 expired_url or used_url: after 30 minutes or 5 messages
        log.warning("reply.refused", status=response.status_code, reason=response.text[:100])
        return _not_taken(response.status_code, response.headers.get("Retry-After"))

    async def _post(self, message: Message, conversation: str) -> _Attempt:
        """https://docs.slack.dev/reference/methods/chat.postMessage; a user id opens the direct message with them."""
        return await self._call(
            self._web.chat_postMessage(
                channel=conversation,
                text=message.text,
                blocks=list(map(dict, message.blocks)),
                unfurl_links=False,
                unfurl_media=False,
            ),
            conversation,
        )

    async def _replace(self, message: Message, conversation: str, message_ts: str) -> _Attempt:
        """https://docs.slack.dev/reference/methods/chat.update; unless told not to, it makes links and mentions."""
        blocks = list(map(dict, message.blocks))
        return await self._call(
            self._web.chat_update(channel=conversation, ts=message_ts, text=message.text, blocks=blocks, parse="none"),
            conversation,
        )

    async def _call(self, sending: Awaitable[AsyncSlackResponse], conversation: str) -> _Attempt:
        try:
            taken = await sending
        except SlackApiError as error:
            return _answered(error.response, conversation)
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            log.warning("reply.not_sent", conversation=conversation, error=type(error).__name__)
            return _Attempt(_Fate.REFUSED)
        # AttributeError: slack_sdk's own, of a success that is no JSON.
        except (SlackClientError, aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
            log.warning("reply.unanswered", conversation=conversation, error=type(error).__name__)
            return _Attempt(_Fate.PERHAPS)
        return _Attempt(_Fate.TAKEN, str(taken.get("ts", ""))[:LONGEST_TS])


def _answered(response: Any, conversation: str) -> _Attempt:  # noqa: ANN401 - aiohttp's, where slack_sdk cannot read it
    """What an answer of the Web API means that is not a success; one that cannot be read may have been a success."""
    is_read = isinstance(response, AsyncSlackResponse)
    status = int(response.status_code if is_read else response.status)
    found = response.data.get("error") if is_read and isinstance(response.data, dict) else None
    reason = None if found is None else str(found)[:100]
    log.warning("reply.refused", conversation=conversation, status=status, reason=reason)
    if httpx.codes.is_success(status) and reason is None:
        return _Attempt(_Fate.PERHAPS)
    return _not_taken(status, response.headers.get("Retry-After"))


def _not_taken(status: int, retry_after: str | None) -> _Attempt:
    """https://docs.slack.dev/apis/web-api/rate-limits ."""
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return _Attempt(_Fate.TOO_FAST, wait=_seconds(retry_after))
    return _Attempt(_Fate.BROKEN if httpx.codes.is_server_error(status) else _Fate.REFUSED)


def _seconds(retry_after: str | None) -> float:
    """How long Slack asks us to wait; a second if it does not say, or says nothing sensible."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return 1.0
    return seconds if seconds > 0 and math.isfinite(seconds) else 1.0

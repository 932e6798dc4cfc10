"""Sends messages to Slack: to the command's reply address, else to the channel, else to the person."""

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
"""Seconds for Slack to accept a message, up to the last byte of its answer; half of them to connect."""
PAUSES = (1.0, 2.0)
"""Seconds before each further try after a 5xx of Slack's; after the last, the message goes the next way."""
SLACK_DOMAINS = (b"slack.com", b"slack-gov.com")
"""Reply addresses are at `hooks.slack.com`, and were at `<workspace>.slack.com`."""
LONGEST_TS = 40
"""Characters of the time by which Slack names a message; it has 17."""
RATE_LIMIT_PATIENCE = 60.0
"""Seconds that a message waits at most, in all, for 429s on one way."""


def as_response(message: Message) -> dict[str, Any]:
    """Write a message as the response to a command or a button, for the acknowledgement or the `response_url`.

    https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
    """
    return {
        "response_type": "in_channel" if message.public else "ephemeral",
        "text": message.text,
        "blocks": list(map(dict, message.blocks)),
        **({"replace_original": True} if message.replaces else {}),
    }


def trusted_url(response_url: str, api: httpx.URL) -> httpx.URL | None:
    """The reply address, if it is at Slack or on the host of the Web API; `None` if no message may be sent there.

    Slack signs its requests. So this protects only against an attacker who has the signing secret or the database:
    they cannot make the bot send its messages, or any request, to another host.
    """
    try:
        url = httpx.URL(response_url)
    except httpx.InvalidURL:
        return None
    if url.userinfo:  # programs disagree on what a host is after an @
        return None
    is_slacks = any(url.raw_host == domain or url.raw_host.endswith(b"." + domain) for domain in SLACK_DOMAINS)
    is_allowed = (is_slacks and url.scheme == "https") or (url.raw_host, url.scheme) == (api.raw_host, api.scheme)
    return url if is_allowed else None


class _Result(Enum):
    """What is known about a message after one attempt to send it."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    """It may have arrived."""
    REFUSED = "refused"
    """It did not arrive, and another attempt on the same way is useless."""
    RATE_LIMITED = "rate_limited"
    """It did not arrive; Slack says how long to wait."""
    SERVER_ERROR = "server_error"
    """It did not arrive, because of an error of Slack's."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    result: _Result
    message_ts: str = ""
    wait: float = 0.0
    """Seconds that Slack asks to wait."""


class Replies:
    """Implements `commands.reply.Mail` with Slack's Web API and reply addresses.

    `patience`: seconds for one attempt. `pauses`: see `PAUSES`. `queue_patience`: see `RATE_LIMIT_PATIENCE`.
    """

    def __init__(
        self,
        web: AsyncWebClient,
        transport: httpx.AsyncBaseTransport,
        patience: float = REPLY_PATIENCE,
        *,
        pauses: tuple[float, ...] = PAUSES,
        queue_patience: float = RATE_LIMIT_PATIENCE,
    ) -> None:
        self._web = web
        self._api = httpx.URL(web.base_url)
        # Not slack_sdk's webhook client: it opens a connection, with a TLS handshake, for every message. And not an
        # `httpx.AsyncClient`: its cookies and redirects are not wanted, and take as long as the sending itself.
        self._transport = transport
        """Reads whole answers, within bounds."""
        self._patience = patience
        self._waits = dict.fromkeys(("connect", "pool"), patience / 2)  # so that it is known whether it was sent
        self._pauses = pauses
        self._queue_patience = queue_patience

    async def deliver(self, message: Message, to: Address) -> Delivery:
        """Send a message the first way that works. Never raises.

        A 429 is waited out and a 5xx is tried again, on the same way and within limits. A message that may have
        arrived counts as delivered, and is not sent again. A private message goes to the reply address or to the
        person, and never to the channel.
        """
        for way, send in self._ways(message, to):
            attempt = await self._send(send)
            if attempt.result is not _Result.REFUSED:
                return Delivery(way, attempt.message_ts)
        log.error("reply.undelivered")
        return Delivery(DeliveryWay.UNDELIVERED, "")

    async def post(self, message: Message, channel_id: str) -> Delivery:
        """Post a message in a channel, and nowhere else. Never raises."""
        attempt = await self._send(partial(self._post, message, channel_id))
        refused = attempt.result is _Result.REFUSED
        return Delivery(DeliveryWay.UNDELIVERED if refused else DeliveryWay.CHANNEL, attempt.message_ts)

    async def update(self, message: Message, channel_id: str, message_ts: str) -> bool:
        """Replace an earlier message of the bot's. Returns whether Slack accepted it, or may have. Never raises.

        Slack updates only public messages, and those in a direct message, whose channel id begins with D.
        https://docs.slack.dev/reference/methods/chat.update
        """
        attempt = await self._send(partial(self._replace, message, channel_id, message_ts))
        return attempt.result is not _Result.REFUSED

    async def close(self) -> None:
        """Close the connections to reply addresses."""
        await self._transport.aclose()

    def _ways(self, message: Message, to: Address) -> Iterator[tuple[DeliveryWay, Callable[[], Awaitable[_Attempt]]]]:
        # A message in two channels may be updated later in both, and only for a post does Slack tell the message's id.
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
        """Send a message one way; again after a 429 or a 5xx, within limits."""
        pauses, patience = iter(self._pauses), self._queue_patience
        while True:
            attempt = await send()
            if attempt.result is _Result.RATE_LIMITED:
                patience -= attempt.wait
                pause = attempt.wait if patience >= 0 else None
            elif attempt.result is _Result.SERVER_ERROR:
                pause = next(pauses, None)
            else:
                return attempt
            if pause is None:
                return _Attempt(_Result.REFUSED)
            await asyncio.sleep(pause)

    async def _respond(self, message: Message, response_url: str) -> _Attempt:
        # Always explicit: Slack warns that a response to a button may replace the message that the button is in.
        # https://docs.slack.dev/interactivity/handling-user-interaction#publishing_in_thread
        body = {"replace_original": False, **as_response(message)}
        if (address := trusted_url(response_url, self._api)) is None:
            log.warning("reply.not_sent", error="not an address of Slack's")
            return _Attempt(_Result.REFUSED)
        try:
            request = httpx.Request("POST", address, json=body, extensions={"timeout": self._waits})
            async with asyncio.timeout(self._patience):
                response = await self._transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, ValueError) as error:
            log.warning("reply.not_sent", error=type(error).__name__)
            return _Attempt(_Result.REFUSED)
        except (httpx.HTTPError, TimeoutError) as error:
            log.warning("reply.unanswered", error=type(error).__name__)
            return _Attempt(_Result.UNKNOWN)
        if response.is_success:
            return _Attempt(_Result.ACCEPTED)
        # 404 with `expired_url` or `used_url`: after 30 minutes or 5 messages
        log.warning("reply.refused", status=response.status_code, reason=response.text[:100])
        return _failed(response.status_code, response.headers.get("Retry-After"))

    async def _post(self, message: Message, conversation: str) -> _Attempt:
        """Post in a channel; or, if it is a user's id, in the direct message with them.

        https://docs.slack.dev/reference/methods/chat.postMessage
        """
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
        """Replace a message; without `parse` Slack would make links and mentions of its own.

        https://docs.slack.dev/reference/methods/chat.update
        """
        blocks = list(map(dict, message.blocks))
        return await self._call(
            self._web.chat_update(channel=conversation, ts=message_ts, text=message.text, blocks=blocks, parse="none"),
            conversation,
        )

    async def _call(self, sending: Awaitable[AsyncSlackResponse], conversation: str) -> _Attempt:
        try:
            accepted = await sending
        except SlackApiError as error:
            return _read_error(error.response, conversation)
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            log.warning("reply.not_sent", conversation=conversation, error=type(error).__name__)
            return _Attempt(_Result.REFUSED)
        # AttributeError: slack_sdk raises it for a success that is not JSON.
        except (SlackClientError, aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
            log.warning("reply.unanswered", conversation=conversation, error=type(error).__name__)
            return _Attempt(_Result.UNKNOWN)
        return _Attempt(_Result.ACCEPTED, str(accepted.get("ts", ""))[:LONGEST_TS])


def _read_error(response: Any, conversation: str) -> _Attempt:  # noqa: ANN401 - aiohttp's, if slack_sdk cannot read it
    """Read an error of the Web API. An unreadable answer with a 2xx status may have been a success."""
    is_read = isinstance(response, AsyncSlackResponse)
    status = int(response.status_code if is_read else response.status)
    found = response.data.get("error") if is_read and isinstance(response.data, dict) else None
    reason = None if found is None else str(found)[:100]
    log.warning("reply.refused", conversation=conversation, status=status, reason=reason)
    if httpx.codes.is_success(status) and reason is None:
        return _Attempt(_Result.UNKNOWN)
    return _failed(status, response.headers.get("Retry-After"))


def _failed(status: int, retry_after: str | None) -> _Attempt:
    """The attempt that ended with this HTTP status: https://docs.slack.dev/apis/web-api/rate-limits ."""
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return _Attempt(_Result.RATE_LIMITED, wait=_seconds(retry_after))
    return _Attempt(_Result.SERVER_ERROR if httpx.codes.is_server_error(status) else _Result.REFUSED)


def _seconds(retry_after: str | None) -> float:
    """Seconds that Slack asks to wait; 1 if it names no time, or one that is not a positive number."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return 1.0
    return seconds if seconds > 0 and math.isfinite(seconds) else 1.0

"""Sends messages to Slack: to the command's reply address, else to the channel, else to the person."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.reply import Address, Delivery, DeliveryWay, Message, NotYet, StillOurs
from bot.deals.clock import loop_time
from bot.http.client import Url, read_url
from bot.http.exchange import Answer, Body, Http, Request, RequestFailed, Why

log = structlog.get_logger(__name__)

REPLY_PATIENCE = 10.0
"""Seconds for Slack to accept a message, up to the last byte of its answer; half of them to connect."""
PAUSES = (1.0, 2.0)
"""Seconds before each further try after a 5xx of Slack's; after the last, the message goes the next way."""
SLACK_DOMAINS = ("slack.com", "slack-gov.com")
"""Reply addresses are at `hooks.slack.com`, and were at `<workspace>.slack.com`."""
PASSING = {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
"""Errors of the Web API that say nothing about the message; they come with the status 200.
https://docs.slack.dev/reference/methods/chat.postMessage#errors"""
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


def trusted_url(response_url: str, api: Url) -> str | None:
    """The reply address, if it is at Slack or on the host of the Web API; `None` if no message may be sent there.

    Slack signs its requests. So this protects only against an attacker who has the signing secret or the database:
    they cannot make the bot send its messages, or any request, to another host.
    """
    try:
        url = read_url(response_url)
    except ValueError:
        return None
    if url.has_credentials:
        return None
    is_slacks = any(url.host == domain or url.host.endswith(f".{domain}") for domain in SLACK_DOMAINS)
    is_allowed = (is_slacks and url.scheme == "https") or (url.host, url.scheme) == (api.host, api.scheme)
    return url.text if is_allowed else None


class _Result(Enum):
    """What is known about a message after one attempt to send it."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    """It may have arrived."""
    REFUSED = "refused"
    """It did not arrive, and another attempt on the same way is useless."""
    UNREACHED = "unreached"
    """It was not sent, because Slack could not be reached."""
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


_ARRIVED = {_Result.ACCEPTED, _Result.UNKNOWN}


class Replies:
    """Implements `commands.reply.Mail` with Slack's Web API and reply addresses. Messages do not go through slack_sdk.

    `patience`: seconds for one attempt. `pauses`: see `PAUSES`. `queue_patience`: see `RATE_LIMIT_PATIENCE`.
    """

    def __init__(
        self,
        web: AsyncWebClient,
        http: Http,
        patience: float = REPLY_PATIENCE,
        *,
        pauses: tuple[float, ...] = PAUSES,
        queue_patience: float = RATE_LIMIT_PATIENCE,
    ) -> None:
        self._token = web.token
        self._api = read_url(web.base_url)
        # Not slack_sdk's webhook client: it opens a connection, with a TLS handshake, for every message.
        self._http = http
        self._patience = patience
        self._pauses = pauses
        self._queue_patience = queue_patience

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        """See `Mail`.

        A 429 is waited out and a 5xx is tried again, on the same way and within limits. A private message goes to the
        reply address or to the person, and never to the channel.
        """
        may_pass = False
        for way, send in self._ways(message, to, still_ours):
            attempt = await self._send(send)
            if attempt.result in _ARRIVED:
                return Delivery(way, attempt.message_ts)
            may_pass = may_pass or attempt.result is not _Result.REFUSED
            if attempt.result is _Result.UNREACHED and way is not DeliveryWay.RESPONSE_URL:
                break  # if Slack is back just now, the channel's message must not go to one person
        if may_pass:
            return NotYet()
        log.error("reply.undelivered")
        return Delivery(DeliveryWay.UNDELIVERED, "")

    async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
        """See `Mail`."""
        return await self._only_way(partial(self._post, message, channel_id, still_ours))

    async def update(
        self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
    ) -> Delivery | NotYet:
        """See `Mail`.

        Slack updates only public messages, and those in a direct message, whose channel id begins with D.
        https://docs.slack.dev/reference/methods/chat.update
        """
        return await self._only_way(partial(self._replace, message, channel_id, message_ts, still_ours))

    async def delete(self, to: Address, still_ours: StillOurs) -> None:
        """See `Mail`. https://docs.slack.dev/interactivity/handling-user-interaction#deleting_source_message ."""
        if to.response_url:
            await self._send(partial(self._respond, {"delete_original": True}, to.response_url, still_ours))

    async def _only_way(self, send: Callable[[], Awaitable[_Attempt]]) -> Delivery | NotYet:
        attempt = await self._send(send)
        if attempt.result in _ARRIVED:
            return Delivery(DeliveryWay.CHANNEL, attempt.message_ts)
        return Delivery(DeliveryWay.UNDELIVERED, "") if attempt.result is _Result.REFUSED else NotYet()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _ways(
        self, message: Message, to: Address, still_ours: StillOurs
    ) -> Iterator[tuple[DeliveryWay, Callable[[], Awaitable[_Attempt]]]]:
        # A message in two channels may be updated later in both, and only for a post does Slack tell the message's id.
        channel_first = message.also_in and message.public and not message.replaces
        if channel_first:
            yield DeliveryWay.CHANNEL, partial(self._post, message, to.channel_id, still_ours)
        if to.response_url:
            # Always explicit: Slack warns that a response to a button may replace the message that the button is in.
            # https://docs.slack.dev/interactivity/handling-user-interaction#publishing_in_thread
            body = {"replace_original": False, **as_response(message)}
            yield DeliveryWay.RESPONSE_URL, partial(self._respond, body, to.response_url, still_ours)
        if message.public:
            if message.replaces and to.message_ts:
                yield DeliveryWay.CHANNEL, partial(self._replace, message, to.channel_id, to.message_ts, still_ours)
            if not channel_first:
                yield DeliveryWay.CHANNEL, partial(self._post, message, to.channel_id, still_ours)
        yield DeliveryWay.DIRECT_MESSAGE, partial(self._post, message, to.user_id, still_ours)

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
                return attempt
            await asyncio.sleep(pause)

    async def _respond(self, body: Mapping[str, Any], response_url: str, still_ours: StillOurs) -> _Attempt:
        if (address := trusted_url(response_url, self._api)) is None:
            log.warning("reply.not_sent", error="not an address of Slack's")
            return _Attempt(_Result.REFUSED)
        answer = await self._exchange(address, {}, body, still_ours)
        return answer if isinstance(answer, _Attempt) else _read_response(answer)

    async def _post(self, message: Message, conversation: str, still_ours: StillOurs) -> _Attempt:
        """Post in a channel; or, if it is a user's id, in the direct message with them.

        https://docs.slack.dev/reference/methods/chat.postMessage
        """
        no_previews = {"unfurl_links": False, "unfurl_media": False}
        return await self._call("chat.postMessage", conversation, message, no_previews, still_ours)

    async def _replace(self, message: Message, conversation: str, message_ts: str, still_ours: StillOurs) -> _Attempt:
        """Replace a message; without `parse` Slack would make links and mentions of its own.

        https://docs.slack.dev/reference/methods/chat.update
        """
        return await self._call("chat.update", conversation, message, {"ts": message_ts, "parse": "none"}, still_ours)

    async def _call(
        self, method: str, conversation: str, message: Message, more: Mapping[str, Any], still_ours: StillOurs
    ) -> _Attempt:
        """Call a method of the Web API; not with slack_sdk, which cannot ask again once it has a connection."""
        body = {"channel": conversation, "text": message.text, "blocks": list(map(dict, message.blocks)), **more}
        token = {"Authorization": f"Bearer {self._token}"}
        answer = await self._exchange(urljoin(self._api.text, method), token, body, still_ours)
        return answer if isinstance(answer, _Attempt) else _read_answer(answer, conversation)

    async def _exchange(
        self, url: str, headers: Mapping[str, str], body: object, still_ours: StillOurs
    ) -> Answer | _Attempt:
        """Send a request; returns the whole answer, or what is known without one. Raises what `still_ours` raised."""
        request = Request(
            "POST",
            url,
            headers,
            Body.json(body),
            until=loop_time() + self._patience,
            connect=self._patience / 2,
            may_send=still_ours,
        )
        try:
            return await self._http.send(request)
        except RequestFailed as error:
            why = error.why
            log.warning("reply.unanswered" if why.sent else "reply.not_sent", error=why.value)
            if why is Why.INVALID:
                return _Attempt(_Result.REFUSED)
            return _Attempt(_Result.UNKNOWN if why.sent else _Result.UNREACHED)


def _read_response(answer: Answer) -> _Attempt:
    """Read what a reply address answered."""
    if answer.is_success:
        return _Attempt(_Result.ACCEPTED)
    # 404 with `expired_url` or `used_url`: after 30 minutes or 5 messages
    log.warning("reply.refused", status=answer.status, reason=answer.content.decode("utf-8", "replace")[:100])
    return _failed(answer)


def _read_answer(answer: Answer, conversation: str) -> _Attempt:
    """Read what the Web API answered. An unreadable answer with a 2xx status may have been a success."""
    try:
        read = json.loads(answer.content)
    except (ValueError, RecursionError):  # RecursionError: JSON that is nested too deeply
        read = None
    found = read if isinstance(read, dict) else {}
    if answer.is_success and found.get("ok") is True:
        return _Attempt(_Result.ACCEPTED, str(found.get("ts", ""))[:LONGEST_TS])
    error = found.get("error")
    reason = None if error is None else str(error)[:100]
    log.warning("reply.refused", conversation=conversation, status=answer.status, reason=reason)
    if answer.is_success and reason is None:
        return _Attempt(_Result.UNKNOWN)
    return _Attempt(_Result.SERVER_ERROR) if reason in PASSING else _failed(answer)


def _failed(answer: Answer) -> _Attempt:
    """The attempt that was answered with an error: https://docs.slack.dev/apis/web-api/rate-limits ."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _Attempt(_Result.RATE_LIMITED, wait=_seconds(answer.headers.get("retry-after")))
    return _Attempt(_Result.SERVER_ERROR if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else _Result.REFUSED)


def _seconds(retry_after: str | None) -> float:
    """Seconds that Slack asks to wait; 1 if it names no time, or one that is not a positive number."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return 1.0
    return seconds if seconds > 0 and math.isfinite(seconds) else 1.0

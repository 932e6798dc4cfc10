"""Sends messages to Slack: public ones to the channel, where the bot may post, else to the reply address."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urljoin

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.cache import ExpiringSet
from bot.commands.reply import Address, Delivery, DeliveryWay, Message, NotYet, StillOurs
from bot.deals.clock import loop_time
from bot.http.client import Url, read_url
from bot.http.exchange import Answer, Body, PooledHttp, Request, RequestFailed, Why
from bot.slack.block_kit.charts import without_charts
from bot.slack.mail.attempts import ARRIVED, FINAL, Attempt, Result, read_answer, read_response

log = structlog.get_logger(__name__)

REPLY_PATIENCE = 10.0
"""Seconds for Slack to accept a message, up to the last byte of its answer; half of them to connect."""
PAUSES = (1.0, 2.0)
"""Seconds before each further try after a 5xx of Slack's; after the last, the message goes the next way."""
SLACK_DOMAINS = ("slack.com", "slack-gov.com")
"""Reply addresses are at `hooks.slack.com`, and were at `<workspace>.slack.com`."""
CLOSED_TTL = 600.0
"""Seconds for which a channel where the bot may not post is remembered. After that it may have been invited."""
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


class Replies:
    """Implements `commands.reply.Mail` with Slack's Web API and reply addresses. Messages do not go through slack_sdk.

    `patience`: seconds for one attempt. `pauses`: see `PAUSES`. `queue_patience`: see `RATE_LIMIT_PATIENCE`.
    """

    def __init__(
        self,
        web: AsyncWebClient,
        http: PooledHttp,
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
        self._closed = ExpiringSet[str](CLOSED_TTL)
        """Channels where the bot may not post, so that not every command asks in vain."""

    def expect(self) -> None:
        """See `Mail`. The connection is opened beside the change, so that the reply need not wait for it."""
        self._http.expect(self._api.text)

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        """See `Mail`.

        A 429 is waited out and a 5xx is tried again, on the same way and within limits. A private message goes to the
        reply address or to the person, and never to the channel.
        """
        may_pass = unreached = False
        for way, send in self._ways(message, to, still_ours):
            if way is DeliveryWay.DIRECT_MESSAGE and message.public and unreached:
                break  # if Slack is back just now, the channel's message must not go to one person
            attempt = await self._send(send)
            if attempt.result in ARRIVED:
                return Delivery(way, attempt.message_ts)
            may_pass = may_pass or attempt.result not in FINAL
            unreached = unreached or attempt.result is Result.UNREACHED
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

    async def _only_way(self, send: Callable[[], Awaitable[Attempt]]) -> Delivery | NotYet:
        attempt = await self._send(send)
        if attempt.result in ARRIVED:
            return Delivery(DeliveryWay.CHANNEL, attempt.message_ts)
        return Delivery(DeliveryWay.UNDELIVERED, "") if attempt.result in FINAL else NotYet()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _ways(
        self, message: Message, to: Address, still_ours: StillOurs
    ) -> Iterator[tuple[DeliveryWay, Callable[[], Awaitable[Attempt]]]]:
        # A message about a change may be edited later, and only for a post does Slack tell the message's id.
        may_post = bool(to.channel_id) and to.channel_id not in self._closed
        channel_first = message.public and not message.replaces and may_post
        if channel_first:
            yield DeliveryWay.CHANNEL, partial(self._post, message, to.channel_id, still_ours)
        if to.response_url:
            # Always explicit: Slack warns that a response to a button may replace the message that the button is in.
            # https://docs.slack.dev/interactivity/handling-user-interaction#publishing_in_thread
            body = {"replace_original": False, **as_response(message)}
            yield DeliveryWay.RESPONSE_URL, partial(self._respond, body, to.response_url, still_ours)
        if message.public and to.channel_id:
            if message.replaces and to.message_ts:
                yield DeliveryWay.CHANNEL, partial(self._replace, message, to.channel_id, to.message_ts, still_ours)
            if not channel_first:
                yield DeliveryWay.CHANNEL, partial(self._post, message, to.channel_id, still_ours)
        yield DeliveryWay.DIRECT_MESSAGE, partial(self._post, message, to.user_id, still_ours)

    async def _send(self, send: Callable[[], Awaitable[Attempt]]) -> Attempt:
        """Send a message one way; again after a 429 or a 5xx, within limits."""
        pauses, patience = iter(self._pauses), self._queue_patience
        while True:
            attempt = await send()
            if attempt.result is Result.RATE_LIMITED:
                patience -= attempt.wait
                pause = attempt.wait if patience >= 0 else None
            elif attempt.result is Result.SERVER_ERROR:
                pause = next(pauses, None)
            else:
                return attempt
            if pause is None:
                return attempt
            await asyncio.sleep(pause)

    async def _respond(self, body: Mapping[str, Any], response_url: str, still_ours: StillOurs) -> Attempt:
        if (address := trusted_url(response_url, self._api)) is None:
            log.warning("reply.not_sent", error="not an address of Slack's")
            return Attempt(Result.REFUSED)

        async def send(shown: Mapping[str, Any]) -> Attempt:
            answer = await self._exchange(address, {}, shown, still_ours)
            return answer if isinstance(answer, Attempt) else read_response(answer)

        return await _perhaps_without_charts(send, body)

    async def _post(self, message: Message, conversation: str, still_ours: StillOurs) -> Attempt:
        """Post in a channel; or, if it is a user's id, in the direct message with them.

        https://docs.slack.dev/reference/methods/chat.postMessage
        """
        more: dict[str, bool | str] = {"unfurl_links": False, "unfurl_media": False}
        more |= {"thread_ts": message.thread_ts} if message.thread_ts else {}
        attempt = await self._call("chat.postMessage", conversation, message, more, still_ours)
        if attempt.result is Result.CLOSED:
            self._closed.add(conversation)
        elif attempt.result is Result.ACCEPTED:
            self._closed.discard(conversation)
        return attempt

    async def _replace(self, message: Message, conversation: str, message_ts: str, still_ours: StillOurs) -> Attempt:
        """Replace a message; without `parse` Slack would make links and mentions of its own.

        https://docs.slack.dev/reference/methods/chat.update
        """
        return await self._call("chat.update", conversation, message, {"ts": message_ts, "parse": "none"}, still_ours)

    async def _call(
        self, method: str, conversation: str, message: Message, more: Mapping[str, Any], still_ours: StillOurs
    ) -> Attempt:
        """Call a method of the Web API; not with slack_sdk, which cannot ask again once it has a connection."""
        body = {"channel": conversation, "text": message.text, "blocks": list(map(dict, message.blocks)), **more}
        token = {"Authorization": f"Bearer {self._token}"}

        async def send(shown: Mapping[str, Any]) -> Attempt:
            answer = await self._exchange(urljoin(self._api.text, method), token, shown, still_ours)
            return answer if isinstance(answer, Attempt) else read_answer(answer, conversation)

        return await _perhaps_without_charts(send, body)

    async def _exchange(
        self, url: str, headers: Mapping[str, str], body: object, still_ours: StillOurs
    ) -> Answer | Attempt:
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
                return Attempt(Result.REFUSED)
            return Attempt(Result.UNKNOWN if why.sent else Result.UNREACHED)


async def _perhaps_without_charts(
    send: Callable[[Mapping[str, Any]], Awaitable[Attempt]], body: Mapping[str, Any]
) -> Attempt:
    """Send a message; and once more without its charts, if Slack does not show them: its words say the same."""
    attempt = await send(body)
    fewer = without_charts(body.get("blocks", ()))
    if attempt.result is not Result.UNSHOWABLE or len(fewer) == len(body["blocks"]):
        return attempt
    log.warning("reply.without_charts")
    return await send({**body, "blocks": fewer})

"""Delivers a message: to the command's reply address, else to the channel, else to the person; and says which way."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import httpx
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.body import AskingBody
from bot.commands.reply import Address, Delivery, DeliveryWay, Message, NotYet, StillOurs

log = structlog.get_logger(__name__)

REPLY_PATIENCE = 10.0
"""Seconds for Slack to take a message."""

PAUSES = (1.0, 2.0)
"""Seconds before a message that met an error of Slack's is sent again; after the last it goes the next way."""

SLACKS = (b"slack.com", b"slack-gov.com")
"""Slack's domains; reply addresses are at `hooks.slack.com`, and have been at `<workspace>.slack.com`."""

PASSING = {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
"""Errors of the Web API that say nothing about the message; they come with the status 200.
https://docs.slack.dev/reference/methods/chat.postMessage#errors"""

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
    REFUSED = "not taken, and never to be taken this way"
    UNREACHED = "not sent, because Slack could not be reached"
    TOO_FAST = "not taken before a while has passed"
    BROKEN = "not taken, because something in Slack broke"


@dataclass(frozen=True, slots=True)
class _Attempt:
    fate: _Fate
    message_ts: str = ""
    wait: float = 0.0


_ARRIVED = {_Fate.TAKEN, _Fate.PERHAPS}


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
        self._token = web.token
        self._api = httpx.URL(web.base_url)
        # Not slack_sdk's webhook client: it opens a connection, with a TLS handshake, for every message. And no
        # `httpx.AsyncClient`, whose cookies and redirects, which are not wanted, cost as much as to send it.
        self._transport = transport
        self._patience = patience
        self._pauses = pauses
        self._queue_patience = queue_patience

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        """See `Mail`.

        Slack's 429 is waited out and its 5xx is tried again, both on the same way and within limits. A message that may
        have arrived is sent no second time and no second way, and counts as delivered. What was private stays private:
        it goes to the person when the reply address is used up, never to the channel.
        """
        passing = False
        for way, send in self._ways(message, to, still_ours):
            attempt = await self._send(send)
            if attempt.fate in _ARRIVED:
                return Delivery(way, attempt.message_ts)
            passing = passing or attempt.fate is not _Fate.REFUSED
            if attempt.fate is _Fate.UNREACHED and way is not DeliveryWay.RESPONSE_URL:
                break  # What the channel is to read does not go to the person only because Slack is back this moment.
        if passing:
            return NotYet()
        log.error("reply.undelivered")
        return Delivery(DeliveryWay.UNDELIVERED, "")

    async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
        """See `Mail`."""
        return await self._once(partial(self._post, message, channel_id, still_ours))

    async def update(
        self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
    ) -> Delivery | NotYet:
        """See `Mail`.

        Slack lets only public messages be updated, or those in a direct message, whose id begins with D.
        https://docs.slack.dev/reference/methods/chat.update
        """
        return await self._once(partial(self._replace, message, channel_id, message_ts, still_ours))

    async def _once(self, send: Callable[[], Awaitable[_Attempt]]) -> Delivery | NotYet:
        """Send it the only way there is."""
        attempt = await self._send(send)
        if attempt.fate in _ARRIVED:
            return Delivery(DeliveryWay.CHANNEL, attempt.message_ts)
        return Delivery(DeliveryWay.UNDELIVERED, "") if attempt.fate is _Fate.REFUSED else NotYet()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _ways(
        self, message: Message, to: Address, still_ours: StillOurs
    ) -> Iterator[tuple[DeliveryWay, Callable[[], Awaitable[_Attempt]]]]:
        # What is posted in two channels is to be updated in both: only this way Slack says which message it is.
        channel_first = message.also_in and message.public and not message.replaces
        if channel_first:
            yield DeliveryWay.CHANNEL, partial(self._post, message, to.channel_id, still_ours)
        if to.response_url:
            yield DeliveryWay.RESPONSE_URL, partial(self._respond, message, to.response_url, still_ours)
        if message.public:
            if message.replaces and to.message_ts:
                yield DeliveryWay.CHANNEL, partial(self._replace, message, to.channel_id, to.message_ts, still_ours)
            if not channel_first:
                yield DeliveryWay.CHANNEL, partial(self._post, message, to.channel_id, still_ours)
        yield DeliveryWay.DIRECT_MESSAGE, partial(self._post, message, to.user_id, still_ours)

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
                return attempt
            await asyncio.sleep(pause)

    async def _respond(self, message: Message, response_url: str, still_ours: StillOurs) -> _Attempt:
        # Said every time: Slack warns that an answer to a button may overwrite the message that the button is in.
        # https://docs.slack.dev/interactivity/handling-user-interaction#publishing_in_thread
        body = {"replace_original": False, **as_response(message)}
        if (address := at_slack(response_url, self._api)) is None:
            log.warning("reply.not_sent", error="not an address of Slack's")
            return _Attempt(_Fate.REFUSED)
        answer = await self._exchange(address, {}, AskingBody(body, still_ours))
        return answer if isinstance(answer, _Attempt) else _responded(answer)

    async def _post(self, message: Message, conversation: str, still_ours: StillOurs) -> _Attempt:
        """https://docs.slack.dev/reference/methods/chat.postMessage; a user id opens the direct message with them."""
        no_previews = {"unfurl_links": False, "unfurl_media": False}
        return await self._call("chat.postMessage", conversation, message, no_previews, still_ours)

    async def _replace(self, message: Message, conversation: str, message_ts: str, still_ours: StillOurs) -> _Attempt:
        """https://docs.slack.dev/reference/methods/chat.update; unless told not to, it makes links and mentions."""
        which = {"ts": message_ts, "parse": "none"}
        return await self._call("chat.update", conversation, message, which, still_ours)

    async def _call(
        self, method: str, conversation: str, message: Message, more: Mapping[str, Any], still_ours: StillOurs
    ) -> _Attempt:
        """Call a method of the Web API. Not by slack_sdk, which does not ask again when it has a connection."""
        body = {"channel": conversation, "text": message.text, "blocks": list(map(dict, message.blocks)), **more}
        token = {"Authorization": f"Bearer {self._token}"}
        answer = await self._exchange(self._api.join(method), token, AskingBody(body, still_ours))
        return answer if isinstance(answer, _Attempt) else _answered(answer, conversation)

    async def _exchange(
        self, address: httpx.URL, headers: Mapping[str, str], body: AskingBody
    ) -> httpx.Response | _Attempt:
        """The answer; or what is known without one. Raises what `still_ours` raised."""
        try:
            async with asyncio.timeout(self._patience):
                request = httpx.Request("POST", address, headers={**headers, **body.headers}, content=body)
                response = await self._transport.handle_async_request(request)
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        except (httpx.UnsupportedProtocol, ValueError) as error:
            log.warning("reply.not_sent", error=type(error).__name__)
            return _Attempt(_Fate.REFUSED)
        except Exception as error:  # noqa: BLE001 - whatever it is: after the body was taken, it may have arrived
            if body.refused:
                raise body.refused from None
            log.warning("reply.unanswered" if body.taken else "reply.not_sent", error=type(error).__name__)
            return _Attempt(_Fate.PERHAPS if body.taken else _Fate.UNREACHED)
        return response


def _responded(answer: httpx.Response) -> _Attempt:
    """What an answer of a reply address means."""
    if answer.is_success:
        return _Attempt(_Fate.TAKEN)
    # 404 expired_url or used_url: after 30 minutes or 5 messages
    log.warning("reply.refused", status=answer.status_code, reason=answer.text[:100])
    return _not_taken(answer)


def _answered(answer: httpx.Response, conversation: str) -> _Attempt:
    """What an answer of the Web API means; one that cannot be read may be a success if its status is."""
    try:
        read = answer.json()
    except Exception:  # noqa: BLE001 - such as a RecursionError over JSON that is nested too deeply
        read = None
    found = read if isinstance(read, dict) else {}
    if answer.is_success and found.get("ok") is True:
        return _Attempt(_Fate.TAKEN, str(found.get("ts", "")))
    reason = found.get("error")
    log.warning("reply.refused", conversation=conversation, status=answer.status_code, reason=reason)
    if answer.is_success and reason is None:
        return _Attempt(_Fate.PERHAPS)
    return _Attempt(_Fate.BROKEN) if reason in PASSING else _not_taken(answer)


def _not_taken(answer: httpx.Response) -> _Attempt:
    """https://docs.slack.dev/apis/web-api/rate-limits ."""
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return _Attempt(_Fate.TOO_FAST, wait=_seconds(answer.headers.get("Retry-After")))
    return _Attempt(_Fate.BROKEN if answer.is_server_error else _Fate.REFUSED)


def _seconds(retry_after: str | None) -> float:
    """How long Slack asks us to wait; a second if it does not say, or says nothing sensible."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return 1.0
    return seconds if seconds > 0 and math.isfinite(seconds) else 1.0

"""The least code that does the job in Python: it shows what the packages cost. It is not fit to be deployed.

    bare.py        uvicorn and aiohttp alone
    bare.py given  Bolt and httpx too, over aiohttp's connections

It has no ledger, log or limits, and checks no answer.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from hmac import HMAC, compare_digest
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import uvicorn

ENVIRON = os.environ  # noqa: TID251 - a program of its own
SECRET = ENVIRON["SLACK_SIGNING_SECRET"]
HIGHLEVEL = ENVIRON["HIGHLEVEL_API_URL"]
HEADERS = {"Authorization": f"Bearer {ENVIRON['HIGHLEVEL_TOKEN']}", "Version": "2021-07-28", "User-Agent": "bare"}
allowed = set(ENVIRON["ALLOWED_USERS"].split(","))
Send = Callable[[str, str, dict[str, str], object], Awaitable[bytes]]
"""Takes a method, an address, headers and contents; returns the answer's body."""
Acknowledge = Callable[[bytes, Mapping[str, str]], Awaitable[None]]
"""Takes a request's body and headers; begins the command if Slack has signed it."""
running: set[asyncio.Task[None]] = set()


async def change(command: Mapping[str, str], send: Send) -> None:
    """Change the deal and tell the channel."""
    deal, status = command["text"].split(" ")
    url = f"{HIGHLEVEL}/opportunities/{deal}"
    before = json.loads(await send("GET", url, HEADERS, None))["opportunity"]
    await send("PUT", f"{url}/status", HEADERS, {"status": status})
    after = json.loads(await send("GET", url, HEADERS, None))["opportunity"]
    text = f"<@{command['user_id']}> changed {after['name']} from {before['status']} to *{after['status']}*"
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    await send("POST", command["response_url"], {}, {"response_type": "in_channel", "text": text, "blocks": blocks})


def begin(command: Mapping[str, str], send: Send) -> None:
    """Start a task that outlives the acknowledgement."""
    if command["user_id"] in allowed:
        task = asyncio.create_task(change(command, send))
        running.add(task)
        task.add_done_callback(running.discard)


def without_packages() -> Acknowledge:
    """Verify and parse by hand; aiohttp sends."""
    http = aiohttp.ClientSession(raise_for_status=True, cookie_jar=aiohttp.DummyCookieJar())

    async def send(method: str, url: str, headers: dict[str, str], contents: object) -> bytes:
        async with http.request(method, url, headers=headers, json=contents) as answer:
            return await answer.read()

    async def acknowledge(body: bytes, headers: Mapping[str, str]) -> None:
        signed = f"v0:{headers['x-slack-request-timestamp']}:{body.decode()}"
        ours = f"v0={HMAC(SECRET.encode(), signed.encode(), sha256).hexdigest()}"
        if compare_digest(ours, headers["x-slack-signature"]):
            begin(dict(parse_qsl(body.decode())), send)

    return acknowledge


def with_the_given() -> Acknowledge:
    """Bolt verifies, parses and acknowledges; httpx sends."""
    import httpx  # noqa: PLC0415 - the other has to do without
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415
    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest  # noqa: PLC0415
    from slack_bolt.authorization import AuthorizeResult  # noqa: PLC0415

    transport = AiohttpTransport()

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=ENVIRON["SLACK_BOT_TOKEN"])

    bolt = AsyncApp(signing_secret=SECRET, authorize=authorize)

    async def send(method: str, url: str, headers: dict[str, str], contents: object) -> bytes:
        request = httpx.Request(method, url, headers=headers, json=contents)
        response = await transport.handle_async_request(request)
        try:
            return await response.aread()
        finally:
            await response.aclose()

    @bolt.command("/opp-status")
    async def on_command(ack: AsyncAck, command: dict[str, str]) -> None:
        begin(command, send)
        await ack()

    async def acknowledge(body: bytes, headers: Mapping[str, str]) -> None:
        await bolt.async_dispatch(AsyncBoltRequest(body=body.decode(), headers=dict(headers)))

    return acknowledge


def application(make: Callable[[], Acknowledge]) -> Callable[..., Awaitable[None]]:
    """Make the ASGI application; `make` is called at the first request, since it needs the event loop."""
    made: list[Acknowledge] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        if not made:
            made.append(make())
        if scope["method"] == "POST":
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            await made[0](body, {name.decode(): value.decode() for name, value in scope["headers"]})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(with_the_given if sys.argv[1:] == ["given"] else without_packages),
        host="127.0.0.1",
        port=int(ENVIRON["PORT"]),
        access_log=False,
        log_level="warning",
        lifespan="off",
    )

"""The bot over HTTP: Slack's requests, the pages on which HighLevel is connected, and two questions a PaaS asks."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from http import HTTPStatus
from types import FrameType

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.dispatch import dispatch
from bot.envelope import MAX_BODY, TurnedAway, open_envelope
from bot.wiring import Bot

log = structlog.get_logger(__name__)

EVENTS = "/slack/events"
"""The request URL of the manifest, for commands and interactivity alike."""


def app(bot: Bot) -> Starlette:
    """The ASGI application; the bot runs as long as its lifespan."""

    async def slack_events(request: Request) -> Response:
        raw = await _body(request)
        if raw is None:
            return _turned_away(TurnedAway(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large"))
        contents = open_envelope(raw, request.headers, bot.verifiers)
        if isinstance(contents, TurnedAway):
            return _turned_away(contents)
        if contents.get("ssl_check") == "1":  # a distributed app is asked whether its certificate is good
            return Response()
        answer = await dispatch(bot.bolt, contents)
        if isinstance(answer, TurnedAway):
            return _turned_away(answer)
        headers = {name: values[0] for name, values in answer.headers.items() if name.lower() != "content-length"}
        return Response(answer.body, status_code=answer.status, headers=headers)

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("alive")

    async def readyz(_request: Request) -> Response:
        report = await bot.health.report()
        return JSONResponse(report.as_json(), status_code=503 if report.failing else 200)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        # What was received last is finished too: first Slack is hung up on, then the work is drained.
        async with bot.running(), bot.socket.receiving() if bot.socket else nullcontext():
            yield

    for_slack = [] if bot.socket else [Route(EVENTS, slack_events, methods=["POST"])]
    for_highlevel = bot.oauth.installation.routes() if bot.oauth else []
    return Starlette(
        routes=[*for_slack, *for_highlevel, Route("/healthz", healthz), Route("/readyz", readyz)], lifespan=lifespan
    )


async def _body(request: Request) -> bytes | None:
    """The whole body, `None` as soon as it is larger than any that Slack sends."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return None
    except ClientDisconnect:
        return b""  # nobody is left to read the answer
    return body


def _turned_away(refusal: TurnedAway) -> Response:
    log.info("slack.turned_away", status=refusal.status.value, why=refusal.why)
    return PlainTextResponse(refusal.status.phrase, status_code=refusal.status)


class Server(uvicorn.Server):
    """uvicorn, but a process that was asked to stop and has finished its work ends with 0."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Stop taking requests, and finish what was accepted; a second Ctrl-C does not wait for open requests.

        uvicorn's own remembers the signal and sends it to itself when all is done: a drained process would look killed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


class Guest(Server):
    """A server in a process that does more than serve, and looks after signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def config(bot: Bot) -> uvicorn.Config:
    """How to serve this bot, on the address of its settings."""
    return uvicorn.Config(
        app(bot),
        host=bot.settings.host,
        port=bot.settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )


@asynccontextmanager
async def serving(bot: Bot) -> AsyncIterator[str]:
    """Serve the bot until the block is left; gives its address. Raises `OSError` when the port is taken."""
    # uvicorn would end the whole process then.
    listener = socket.create_server((bot.settings.host, bot.settings.port))
    host, port, *_ = listener.getsockname()
    server = Guest(config(bot))
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.wait([task], timeout=0.005)
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task

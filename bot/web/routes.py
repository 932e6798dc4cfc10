"""The routes: for Slack's requests, for connecting HighLevel, and for an operator's health checks and metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from http import HTTPStatus
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot import __version__
from bot.slack.bolt import dispatch, kind_of
from bot.slack.verification import MAX_COMMAND, Rejected, size_limit, verify
from bot.wiring.lifecycle import Bot

log = structlog.get_logger(__name__)

EVENTS = "/slack/events"
"""The path of the request URL in the manifest, for commands and interactivity alike."""


FRONT_PAGE = """This is Opp Status. It updates HighLevel deals from Slack, so there's nothing to do here.

In Slack, type {command} help.
If you run it: /healthz says whether it's up, and /readyz what isn't working. README.md has the rest.
"""
"""What a person reads who opens the bot's address in a browser."""
LARGE_AT_ONCE = 16
"""Bodies larger than a command's that are read at a time: together they have 16 MB at most."""


def app(bot: Bot) -> Starlette:
    """Make the ASGI application; the bot runs during its lifespan."""
    large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def slack_events(request: Request) -> Response:
        contents = await _contents(request, bot, large)
        if isinstance(contents, Rejected):
            bot.edge.signatures.refused(contents.refusal)
            return _rejected(contents)
        bot.edge.signatures.right()
        if contents.get("ssl_check") == "1":  # Slack checks the certificate of a distributed app
            return Response()
        answer = await dispatch(bot.edge.bolt, contents)
        if isinstance(answer, Rejected):
            return _rejected(answer)
        bot.instrumentation.acknowledged(kind_of(contents), asyncio.get_running_loop().time() - request.state.began)
        headers = {name: values[0] for name, values in answer.headers.items() if name.lower() != "content-length"}
        return Response(answer.body, status_code=answer.status, headers=headers)

    async def front_page(_request: Request) -> Response:
        return PlainTextResponse(FRONT_PAGE.format(command=bot.settings.command), headers={"X-Robots-Tag": "noindex"})

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse(f"alive {__version__}")

    async def readyz(_request: Request) -> Response:
        report = await bot.health.report()
        return JSONResponse(report.as_json(), status_code=503 if report.failing else 200)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        # The socket closes first, so that the worker also finishes what came last.
        async with bot.running(), bot.edge.socket.receiving() if bot.edge.socket else nullcontext():
            yield

    # Both forms are typed into Slack's settings, and Starlette is to redirect neither: see below.
    for_slack = (
        [] if bot.edge.socket else [Route(path, slack_events, methods=["POST"]) for path in (EVENTS, f"{EVENTS}/")]
    )
    for_highlevel = bot.highlevel.oauth.connect_pages.routes() if bot.highlevel.oauth else []
    from_highlevel = bot.events.webhooks.routes()
    for_prometheus = bot.metrics.routes() if bot.metrics else []
    routes = [
        Route("/", front_page),
        *for_slack,
        *for_highlevel,
        *from_highlevel,
        # Cloud Run keeps paths that end in z to itself. https://cloud.google.com/run/docs/known-issues
        *(Route(path, healthz) for path in ("/healthz", "/health")),
        *(Route(path, readyz) for path in ("/readyz", "/ready")),
        *for_prometheus,
    ]
    application = Starlette(routes=routes, lifespan=lifespan)
    # Starlette would redirect `/readyz/` to `/readyz` on any host that the request names, with the whole query.
    application.router.redirect_slashes = False
    return application


async def _contents(request: Request, bot: Bot, large: asyncio.Semaphore) -> dict[str, Any] | Rejected:
    """Read a request's body, and verify it. `large`: how many may be read at a time that are larger than commands.

    Nothing is read any more from a body that waits for its turn, or is larger than any that Slack sends.
    """
    body = bytearray()
    async with AsyncExitStack() as turn:
        try:
            async for chunk in request.stream():
                grows = len(body) <= MAX_COMMAND < len(body) + len(chunk)
                body += chunk
                if len(body) > size_limit(body):
                    return Rejected(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
                if grows:
                    await turn.enter_async_context(large)
        except ClientDisconnect:  # the sender has gone, and reads no answer
            return Rejected(HTTPStatus.BAD_REQUEST, "hung up")
        return verify(bytes(body), request.headers, bot.edge.verifiers)


def _rejected(refusal: Rejected) -> Response:
    log.info("slack.turned_away", status=refusal.status.value, why=refusal.why)
    return PlainTextResponse(refusal.status.phrase, status_code=refusal.status)

"""The routes for what HighLevel sends of its own accord. They answer at once, with no more than a status."""

from functools import partial
from hmac import compare_digest
from http import HTTPStatus

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.events.event import Reception, Source
from bot.events.reception import EventReception
from bot.highlevel.notices.bodies import Ours, read_webhook, read_workflow
from bot.highlevel.notices.signing import Signatures

log = structlog.get_logger(__name__)

WEBHOOK = "/highlevel/webhook"
WORKFLOW = "/highlevel/workflow"
MAX_BODY = 64 * 1024
"""Bytes. A webhook has about one thousand; a workflow's has the contact's fields and what its author adds."""

ANSWERS = {
    Reception.UNREADABLE: HTTPStatus.BAD_REQUEST,
    Reception.CUT_OFF: HTTPStatus.BAD_REQUEST,
    Reception.UNSIGNED: HTTPStatus.UNAUTHORIZED,
    Reception.WRONG_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Reception.WRONG_TOKEN: HTTPStatus.UNAUTHORIZED,
    Reception.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Reception.NOT_STORED: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""All others are answered with 200: HighLevel sends again, up to twelve times, whatever is answered otherwise.
https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide"""


class Webhooks:
    """Up to two routes: for an app's webhooks if there are `signatures`, for workflows if there is a `token`."""

    def __init__(self, reception: EventReception, ours: Ours, signatures: Signatures | None, token: str) -> None:
        self._reception = reception
        self._ours = ours
        self._signatures = signatures
        self._authorization = f"Bearer {token}".encode() if token else b""

    def routes(self) -> list[Route]:
        """The routes, for the web application."""
        of_app = partial(self._webhook, self._signatures) if self._signatures else None
        of_workflows = partial(self._workflow, self._authorization) if self._authorization else None
        found = ((WEBHOOK, of_app), (WORKFLOW, of_workflows))
        return [Route(path, handler, methods=["POST"]) for path, handler in found if handler]

    async def _webhook(self, signatures: Signatures, request: Request) -> Response:
        """An app's webhook. One that is signed, and cannot be used, is answered with 200: it would only come again."""
        body = await _body(request)
        if isinstance(body, Reception):
            return self._refuse(Source.WEBHOOK, body)
        if wrong := signatures.check(request.headers.get("x-ghl-signature", ""), body):
            return self._refuse(Source.WEBHOOK, wrong)
        event = read_webhook(body, self._ours)
        if isinstance(event, Reception):
            self._reception.note(Source.WEBHOOK, event)
            return Response()
        return _answer(await self._reception.receive(event))

    async def _workflow(self, authorization: bytes, request: Request) -> Response:
        """A workflow's webhook action. The token is looked at before anything is read."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not compare_digest(f"{scheme.capitalize()} {token.strip()}".encode(), authorization):
            return self._refuse(Source.WORKFLOW, Reception.WRONG_TOKEN)
        body = await _body(request)
        event = body if isinstance(body, Reception) else read_workflow(body, self._ours)
        if isinstance(event, Reception):
            return self._refuse(Source.WORKFLOW, event)
        return _answer(await self._reception.receive(event))

    def _refuse(self, source: Source, why: Reception) -> Response:
        return _answer(self._reception.note(source, why))


def _answer(reception: Reception) -> Response:
    status = ANSWERS.get(reception, HTTPStatus.OK)
    return PlainTextResponse("" if status is HTTPStatus.OK else status.phrase, status_code=status)


async def _body(request: Request) -> bytes | Reception:
    """A request's body, unless it is too large or its sender hangs up."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return Reception.TOO_LARGE
    except ClientDisconnect:
        return Reception.CUT_OFF
    return bytes(body)

"""A twin of the bot on Bolt for Python, written as its documentation and httpx's suggest. It has no ledger.

https://docs.slack.dev/tools/bolt-python/concepts/async
"""

import logging
import os

import httpx
import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

ENVIRON = os.environ  # noqa: TID251 - a program of its own
log = logging.getLogger("twin")
allowed = set(ENVIRON["ALLOWED_USERS"].split(","))
highlevel = httpx.AsyncClient(
    base_url=ENVIRON["HIGHLEVEL_API_URL"],
    headers={"Authorization": f"Bearer {ENVIRON['HIGHLEVEL_TOKEN']}", "Version": "2021-07-28", "User-Agent": "twin"},
)
slack = httpx.AsyncClient()


async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """Authorize the one workspace."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=ENVIRON["SLACK_BOT_TOKEN"])


bolt = AsyncApp(signing_secret=ENVIRON["SLACK_SIGNING_SECRET"], authorize=authorize)


@bolt.command("/opp-status")
async def change(ack: AsyncAck, command: dict[str, str]) -> None:
    """Change the deal and tell the channel."""
    await ack()
    if command["user_id"] not in allowed:
        return
    deal, status = command["text"].split(" ")
    before = (await highlevel.get(f"/opportunities/{deal}")).raise_for_status().json()["opportunity"]
    (await highlevel.put(f"/opportunities/{deal}/status", json={"status": status})).raise_for_status()
    after = (await highlevel.get(f"/opportunities/{deal}")).raise_for_status().json()["opportunity"]
    text = f"<@{command['user_id']}> changed {after['name']} from {before['status']} to *{after['status']}*"
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    message = {"response_type": "in_channel", "text": text, "blocks": blocks}
    (await slack.post(command["response_url"], json=message)).raise_for_status()
    log.info("changed %s to %s for %s", deal, status, command["user_id"])


handler = AsyncSlackRequestHandler(bolt)


async def events(request: Request) -> Response:
    """Handle a request of Slack's."""
    return await handler.handle(request)


async def alive(_request: Request) -> Response:
    """Answer health checks."""
    return PlainTextResponse("alive")


app = Starlette(
    routes=[
        Route("/slack/events", events, methods=["POST"]),
        Route("/healthz", alive),
        Route("/readyz", alive),
    ]
)

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    uvicorn.run(app, host="127.0.0.1", port=int(ENVIRON["PORT"]), access_log=False, log_level="warning")

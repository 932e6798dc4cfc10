"""Hands finished contents to Bolt, which may not foresee their shape; HTTP and Socket Mode do it alike."""

from http import HTTPStatus
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.slack.verification import Rejected

KINDS = ("command", "block_actions", "block_suggestion", "view_submission", "message_action", "other")
"""What is dispatched, in Slack's words; `other` is what nobody listens to."""


async def dispatch(bolt: AsyncApp, contents: dict[str, Any]) -> BoltResponse | Rejected:
    """What our listener acknowledges with, or why nobody does. Never raises.

    `contents` are known to come from Slack. Status 404 is Bolt's word for a request that nobody listens to.
    """
    # `socket_mode` tells Bolt that the contents are verified and parsed, also over HTTP. Its own parsing takes any form
    # with the word "payload" in it for a button press.
    try:
        answer = await bolt.async_dispatch(AsyncBoltRequest(body=contents, mode="socket_mode"))
    except Exception as error:  # noqa: BLE001 - contents of a shape Bolt does not foresee; our listeners never raise
        return Rejected(HTTPStatus.BAD_REQUEST, f"unforeseen shape: {type(error).__name__}")
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Rejected(HTTPStatus.BAD_REQUEST, "unforeseen shape")
    return answer


def kind_of(contents: dict[str, Any]) -> str:
    """Which of `KINDS` it is."""
    kind = "command" if "command" in contents else contents.get("type")
    return str(kind) if kind in KINDS else KINDS[-1]

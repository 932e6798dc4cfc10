"""Bolt: routes what Slack sends to our listeners, over HTTP and Socket Mode alike."""

import re
from http import HTTPStatus
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.commands.request import COMMAND
from bot.slack.actions import SET
from bot.slack.listeners.boundary import Boundary
from bot.slack.listeners.buttons import Buttons
from bot.slack.listeners.form import FormListeners, read_from_form
from bot.slack.listeners.typed import TypedCommands
from bot.slack.messages import form
from bot.slack.verification import Rejected

KINDS = ("command", "block_actions", "block_suggestion", "view_submission", "message_action", "other")
"""What is dispatched, in Slack's words; `other` is what nobody listens to."""


def bolt_app(boundary: Boundary, typed: TypedCommands, buttons: Buttons, forms: FormListeners, token: str) -> AsyncApp:
    """A Bolt app that routes to our listeners, and does nothing else.

    - `authorize` is a plain callable: no `auth.test` inside the first command's three seconds, and no switch to OAuth
      when SLACK_CLIENT_ID is in the environment.
    - `process_before_response`: a listener of ours returns at once, so its acknowledgement need not be polled for.
    - Verification, `ssl_check` and parsing are done in `verification`, before Bolt sees anything.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    app = AsyncApp(
        name="opp-status",
        authorize=authorize,
        signing_secret="checked in verification",  # noqa: S106 - Bolt wants one, and never uses it
        request_verification_enabled=False,
        ssl_check_enabled=False,
        ignoring_self_events_enabled=False,
        process_before_response=True,
    )
    app.command(COMMAND)(boundary.command(typed.answer))
    for action, answer in buttons.answers().items():
        # Several that set a status stand in one row, and must differ: `set_won`, `set_lost`.
        name = re.compile(rf"{SET}_\w+") if action == SET else action
        app.action(name)(boundary.action(answer, action=action))
    app.shortcut(form.SHORTCUT)(boundary.action(forms.open_on_message, event="shortcut.used"))
    app.options(form.DEAL)(boundary.options(forms.suggest, read_from_form))
    app.action(form.STATUS)(boundary.action(forms.show_reasons, read=read_from_form, event="form.status_chosen"))
    app.view(form.FORM)(boundary.view(forms.submit, read_from_form))
    return app


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

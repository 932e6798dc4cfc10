"""Routes Slack's requests to the bot's listeners with Bolt, the same over HTTP and Socket Mode."""

import re
from http import HTTPStatus
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.slack.actions import CLOSE, HOME_AGAIN, HOME_PAGE, MARK, REASON, REMIND, SET
from bot.slack.listeners.boundary import Boundary
from bot.slack.listeners.buttons import Buttons
from bot.slack.listeners.form import FormListeners, read_from_form
from bot.slack.listeners.home.tab import OPENED, HomeTab
from bot.slack.listeners.typed import TypedCommands
from bot.slack.messages import form
from bot.slack.verification import Rejected

KINDS = (
    *("command", "block_actions", "block_suggestion", "view_submission", "message_action", "event_callback"),
    "other",
)
"""The kinds of requests, in Slack's words; `other` is for those without a listener."""


def bolt_app(
    boundary: Boundary,
    typed: TypedCommands,
    buttons: Buttons,
    forms: FormListeners,
    home: HomeTab,
    *,
    token: str,
    command: str,
) -> AsyncApp:
    """Make a Bolt app that routes to the bot's listeners, and does nothing else.

    - `authorize` is a plain callable. Else Bolt would call `auth.test` during the first command's three seconds, or
      switch to OAuth if SLACK_CLIENT_ID is in the environment.
    - `process_before_response`: the listeners return at once, so Bolt need not poll for their acknowledgement.
    - `slack/verification.py` checks signatures, answers `ssl_check` and parses, before Bolt sees anything.

    https://docs.slack.dev/tools/bolt-python/
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    app = AsyncApp(
        name="opp-status",
        authorize=authorize,
        signing_secret="checked in verification",  # noqa: S106 - Bolt demands one, and never uses it
        request_verification_enabled=False,
        ssl_check_enabled=False,
        ignoring_self_events_enabled=False,
        process_before_response=True,
    )
    app.command(command)(boundary.command(typed.answer))
    app.command(re.compile(r".*"))(boundary.command(typed.answer_misnamed))
    for action, answer in buttons.answers().items():
        # The `action_id`s in one row must differ, so each of several buttons has its own: `set_won`, `reason_2`.
        # https://docs.slack.dev/reference/block-kit/blocks/actions-block
        app.action(re.compile(rf"\A{action}(_\w+)?\Z") if action in {CLOSE, MARK, REASON, REMIND, SET} else action)(
            boundary.action(home.following(answer), action=action)
        )
    app.event(OPENED)(boundary.event(home.on_opened, event="home.opened"))
    app.action(re.compile(rf"\A{HOME_PAGE}(_\w+)?\Z"))(boundary.action(home.on_page, action=HOME_PAGE))
    app.action(HOME_AGAIN)(boundary.action(home.on_again, action=HOME_AGAIN))
    app.shortcut(form.SHORTCUT)(boundary.action(forms.open_on_message, event="shortcut.used"))
    app.options(form.DEAL)(boundary.options(forms.suggest, read_from_form))
    app.action(form.STATUS)(boundary.action(forms.show_reasons, read=read_from_form, event="form.status_chosen"))
    app.view(form.FORM)(boundary.view(forms.submit, read_from_form))
    return app


async def dispatch(bolt: AsyncApp, contents: dict[str, Any]) -> BoltResponse | Rejected:
    """Call the listener for a verified request, and return its acknowledgement; or why the request is turned away.

    Never raises. Bolt's answer has status 404 if there is no listener for the request.
    """
    # `socket_mode` tells Bolt that the contents are verified and parsed, also when they came over HTTP. If Bolt parsed
    # them, it would read any command with the word "payload" in its text as a button press.
    try:
        answer = await bolt.async_dispatch(AsyncBoltRequest(body=contents, mode="socket_mode"))
    except Exception as error:  # noqa: BLE001 - Bolt itself, on contents that it does not expect; no listener raises
        return Rejected(HTTPStatus.BAD_REQUEST, f"unforeseen shape: {type(error).__name__}")
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Rejected(HTTPStatus.BAD_REQUEST, "unforeseen shape")
    return answer


def kind_of(contents: dict[str, Any]) -> str:
    """Which of `KINDS` a request is."""
    kind = "command" if "command" in contents else contents.get("type")
    return str(kind) if kind in KINDS else KINDS[-1]

from http import HTTPStatus
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.commands.request import COMMAND
from bot.slack.bolt import KINDS, dispatch, kind_of
from bot.slack.verification import Rejected


async def _authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token="xoxb-not-a-token")


@pytest.fixture
def bolt() -> AsyncApp:
    """A Bolt app that answers a command with its text, and raises if there is none."""
    app = AsyncApp(
        authorize=_authorize,
        signing_secret="x",
        request_verification_enabled=False,
        ssl_check_enabled=False,
        process_before_response=True,
    )

    async def echo(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(body["text"])

    app.command(COMMAND)(echo)
    return app


async def test_a_request_reaches_its_listener_and_the_acknowledgement_comes_back(bolt: AsyncApp) -> None:
    answer = await dispatch(bolt, {"command": COMMAND, "text": "a payload= of words"})

    assert isinstance(answer, BoltResponse)
    assert (answer.status, answer.body) == (200, "a payload= of words")


async def test_a_request_without_a_listener_is_bolts_404(bolt: AsyncApp) -> None:
    answer = await dispatch(bolt, {"command": "/another"})

    assert isinstance(answer, BoltResponse)
    assert answer.status == 404


async def test_a_request_that_makes_bolt_raise_is_turned_away(bolt: AsyncApp) -> None:
    answer = await dispatch(bolt, {"type": "block_actions", "team": 1, "actions": [1]})

    assert answer == Rejected(HTTPStatus.BAD_REQUEST, "unforeseen shape: TypeError")


async def test_a_listener_that_raises_is_no_server_error(bolt: AsyncApp) -> None:
    answer = await dispatch(bolt, {"command": COMMAND})

    assert answer == Rejected(HTTPStatus.BAD_REQUEST, "unforeseen shape")


@pytest.mark.parametrize(
    ("contents", "kind"),
    [
        ({"command": "/opp-status", "text": "help"}, "command"),
        *(({"type": kind}, kind) for kind in KINDS[1:-1]),
        ({"type": "view_closed"}, "other"),
        ({"type": ["block_actions"]}, "other"),
        ({}, "other"),
    ],
)
def test_the_kind_of_a_request_is_slacks_word(contents: dict[str, Any], kind: str) -> None:
    assert kind_of(contents) == kind

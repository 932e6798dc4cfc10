import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.serving import served
from bot.simulator.slack.server import GRANTED, Fault, Slack
from bot.slack.workspace import SlackTrouble, SlackWorkspace

pytestmark = pytest.mark.jumping_clock

TOKEN = "xoxb-not-a-token"


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = Slack(signing_secret="thisisnotasigningsecretofslacks0", bot_token=TOKEN, team_id="T0OURS")
    async with served(slack.app()) as slack.url:
        yield slack


def _workspace(slack: Slack, token: str = TOKEN) -> SlackWorkspace:
    return SlackWorkspace(AsyncWebClient(token=token, base_url=f"{slack.url}/api/", retry_handlers=[]))


async def test_slack_tells_our_workspaces_id(slack: Slack) -> None:
    ours = _workspace(slack)

    assert ours.team_id is None
    assert await ours.ask() == "T0OURS"
    assert ours.team_id == "T0OURS"


@pytest.mark.parametrize(("is_org_wide", "team_id"), [(True, "E0OURS"), (False, "T0OURS")])
async def test_where_the_app_is_installed_in_a_whole_organization_its_id_is_ours(
    slack: Slack, *, is_org_wide: bool, team_id: str
) -> None:
    slack.organization, slack.is_org_wide = "E0OURS", is_org_wide

    assert await _workspace(slack).ask() == team_id


async def test_a_refused_token_is_an_error_with_slacks_own_word(slack: Slack) -> None:
    with pytest.raises(SlackTrouble) as caught:
        await _workspace(slack, "xoxb-another").ask()

    assert caught.value.error == "invalid_auth"


async def test_slack_tells_the_tokens_scopes_and_the_time(slack: Slack) -> None:
    slack.clock = lambda: 1_700_000_000.5
    before = time.time()
    told = await _workspace(slack).auth_test()

    assert (told.team_id, told.team) == ("T0OURS", "Simulated")
    assert told.scopes == GRANTED
    assert told.date == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert before <= told.at <= time.time()


@pytest.mark.parametrize(
    ("listed", "scopes"),
    [
        ("commands,chat:write", frozenset({"commands", "chat:write"})),
        (" commands , chat:write,", frozenset({"commands", "chat:write"})),
        ("", frozenset()),
    ],
)
async def test_scopes_are_read_however_they_are_listed(slack: Slack, listed: str, scopes: frozenset[str]) -> None:
    headers = {"x-oauth-scopes": listed}
    slack.misbehave(Fault("auth.test", status=200, body={"ok": True, "team_id": "T0OURS"}, headers=headers))

    assert (await _workspace(slack).auth_test()).scopes == scopes


async def test_fields_that_slack_does_not_send_are_unknown(slack: Slack) -> None:
    slack.misbehave(Fault("auth.test", status=200, body={"ok": True, "team_id": "T0OURS", "team": 1}))
    told = await _workspace(slack).auth_test()

    assert (told.team, told.scopes) == ("", None)


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_that_is_not_slacks_is_an_error(slack: Slack, status: int) -> None:
    slack.misbehave(Fault("auth.test", status=status, body={}))

    with pytest.raises(SlackTrouble):
        await _workspace(slack).ask()


@pytest.mark.parametrize("body", [["a list"], "a text", {"ok": False}])
async def test_an_answer_of_an_odd_shape_is_an_error_without_a_word(slack: Slack, body: object) -> None:
    slack.misbehave(Fault("auth.test", status=200, body=body))

    with pytest.raises(SlackTrouble) as caught:
        await _workspace(slack).ask()
    assert caught.value.error == ""


async def test_a_slack_that_closes_the_connection_is_an_error_and_asked_again(slack: Slack) -> None:
    slack.misbehave(Fault("auth.test", drops=True, times=2))
    web = AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
    ours = SlackWorkspace(web, pause=0.01)
    with pytest.raises(SlackTrouble):
        await ours.ask()
    async with asyncio.timeout(60):
        await ours.learn()

    assert ours.team_id == "T0OURS"


async def test_an_answer_without_a_team_is_an_error(slack: Slack) -> None:
    slack.misbehave(Fault("auth.test", status=200, body={"ok": True}))

    with pytest.raises(SlackTrouble, match="no_team_id"):
        await _workspace(slack).ask()


async def test_a_slack_that_cannot_be_reached_is_an_error_without_a_word() -> None:
    unreachable = SlackWorkspace(AsyncWebClient(token=TOKEN, base_url="http://127.0.0.1:1/", retry_handlers=[]))

    with pytest.raises(SlackTrouble) as caught:
        await unreachable.ask()
    assert caught.value.error == ""


async def test_an_id_that_was_known_stays_known_after_an_error(slack: Slack) -> None:
    ours = _workspace(slack)
    await ours.ask()
    slack.misbehave(Fault("auth.test", status=500))
    with pytest.raises(SlackTrouble):
        await ours.ask()

    assert ours.team_id == "T0OURS"


@pytest.mark.parametrize("status", [200, 500], ids=["answers", "fails"])
async def test_a_caller_waits_for_the_first_answer_only(slack: Slack, status: int) -> None:
    slack.misbehave(Fault("auth.test", status=500) if status == 500 else Fault("auth.test", wait=0.05))
    ours = _workspace(slack)
    learning = asyncio.create_task(ours.learn())
    await ours.asked()

    assert ours.team_id == (None if status == 500 else "T0OURS")
    assert slack.calls == ["auth.test"]
    learning.cancel()


async def test_slack_is_asked_until_it_answers(slack: Slack) -> None:
    slack.misbehave(Fault("auth.test", status=500, times=3))
    web = AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
    ours = SlackWorkspace(web, pause=0.01)
    async with asyncio.timeout(60):
        await ours.learn()

    assert ours.team_id == "T0OURS"
    assert slack.calls == ["auth.test"] * 4

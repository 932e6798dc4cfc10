import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.serving import served
from bot.simulator.slack.block_kit import VIEW_BLOCKS
from bot.simulator.slack.homes import text_of
from bot.simulator.slack.modals import VIEW_BYTES
from bot.simulator.slack.server import Slack

pytestmark = pytest.mark.jumping_clock

ANA, TOKEN = "U0ANA", "xoxb-not-a-token"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _home(*blocks: Mapping[str, Any], **fields: object) -> dict[str, Any]:
    return {"type": "home", "blocks": list(blocks or (_section("Your deals"),)), **fields}


WON = {"type": "button", "text": {"type": "plain_text", "text": "Won"}, "action_id": "set_won", "value": "deal-1 won"}


class _Recorder:
    """Takes the bot's place: keeps what Slack sends, and acknowledges with `status`; gives challenges back."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200

    async def on_event(self, request: web.Request) -> web.Response:
        text = await request.text()
        body = json.loads(text if request.content_type == "application/json" else parse_qs(text)["payload"][0])
        self.told.append(body)
        return web.Response(status=self.status, text=body.get("challenge", ""))


@pytest.fixture
def bot() -> _Recorder:
    return _Recorder()


@pytest.fixture
async def slack(bot: _Recorder) -> AsyncIterator[Slack]:
    slack = Slack(signing_secret="thisisnotasigningsecretofslacks0", bot_token=TOKEN)
    slack.users[ANA] = {"id": ANA, "name": "ana"}
    app = web.Application()
    app.router.add_post("/slack/events", bot.on_event)
    async with served(slack.app()) as slack.url, served(app) as slack.bot_url:
        yield slack


@pytest.fixture
def web_api(slack: Slack) -> AsyncWebClient:
    return AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/")


async def _refused(web_api: AsyncWebClient, view: dict[str, Any], user: str = ANA, of: str | None = None) -> str:
    with pytest.raises(SlackApiError) as caught:
        await web_api.views_publish(user_id=user, view=view, hash=of)
    return str(caught.value.response["error"])


async def test_the_bot_hears_who_opens_its_home_tab_and_what_is_on_it(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    assert await slack.open_home(ANA)
    answer = await web_api.views_publish(user_id=ANA, view=_home(private_metadata="page 2"))
    await slack.open_home(ANA)

    first, second = (each["event"] for each in bot.told)
    assert {"type": "app_home_opened", "user": ANA, "tab": "home", "channel": "D0ANA"}.items() <= first.items()
    assert "view" not in first
    assert (second["view"]["hash"], second["view"]["private_metadata"]) == (answer["view"]["hash"], "page 2")
    assert bot.told[0]["team_id"] == slack.team_id
    assert bot.told[0]["event_id"] != bot.told[1]["event_id"]


async def test_the_messages_tab_comes_without_the_home_tabs_view(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    await web_api.views_publish(user_id=ANA, view=_home())
    assert await slack.open_home(ANA, tab="messages")

    assert bot.told[0]["event"]["tab"] == "messages"
    assert "view" not in bot.told[0]["event"]


async def test_an_app_hears_only_of_what_it_is_subscribed_to_and_has(slack: Slack, bot: _Recorder) -> None:
    slack.subscribed.clear()
    assert not await slack.open_home(ANA)
    slack.subscribed.add("app_home_opened")
    slack.home_enabled = False
    assert not await slack.open_home(ANA)

    assert bot.told == []
    assert await slack.open_home(ANA, tab="messages")


async def test_an_event_that_the_bot_does_not_take_is_told_so(slack: Slack, bot: _Recorder) -> None:
    bot.status = 404
    assert not await slack.open_home(ANA)
    slack.bot_url = "http://127.0.0.1:1"
    assert not await slack.open_home(ANA)


async def test_an_address_is_verified_by_a_challenge(slack: Slack, bot: _Recorder) -> None:
    assert await slack.verify_url()
    bot.status = 404
    assert not await slack.verify_url()


async def test_people_see_what_was_published_last(slack: Slack, web_api: AsyncWebClient) -> None:
    with pytest.raises(ValueError, match="empty"):
        slack.home(ANA)
    waiting = asyncio.ensure_future(slack.wait_for_home(ANA, lambda text: "filled" in text))
    first = await web_api.views_publish(user_id=ANA, view=_home(_section("Loading")))
    await web_api.views_publish(user_id=ANA, view=_home(_section("filled")), hash=first["view"]["hash"])

    assert text_of(await waiting) == "filled"
    assert [user for user, _ in slack.published] == [ANA, ANA]
    assert slack.home(ANA).id == first["view"]["id"]


async def test_a_view_that_another_has_taken_the_place_of_is_not_overwritten(
    slack: Slack, web_api: AsyncWebClient
) -> None:
    assert await _refused(web_api, _home(), of="1.a") == "hash_conflict"
    first = await web_api.views_publish(user_id=ANA, view=_home())
    await web_api.views_publish(user_id=ANA, view=_home(_section("newer")))

    assert await _refused(web_api, _home(), of=first["view"]["hash"]) == "hash_conflict"
    assert text_of(slack.home(ANA)) == "newer"


@pytest.mark.parametrize(
    ("view", "error"),
    [
        ({"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": [_section("x")]}, "invalid"),
        (_home(title={"type": "plain_text", "text": "x"}), "invalid"),
        (_home(*[_section("x")] * (VIEW_BLOCKS + 1)), "invalid"),
        (_home(private_metadata="x" * 3001), "invalid"),
        (_home(*[_section("x" * 3000)] * (VIEW_BYTES // 3000 + 1)), "view_too_large"),
    ],
    ids=["a modal", "with a title", "101 blocks", "metadata too long", "too large"],
)
async def test_slack_takes_no_other_view(
    slack: Slack, web_api: AsyncWebClient, view: dict[str, Any], error: str
) -> None:
    assert (await _refused(web_api, view)).startswith(error)
    assert slack.homes == {}
    assert len(slack.refusals) == 1


async def test_a_tab_that_is_off_and_a_person_who_is_unknown_see_nothing(slack: Slack, web_api: AsyncWebClient) -> None:
    assert await _refused(web_api, _home(), user="U0UNKNOWN") == "user_not_found"
    slack.home_enabled = False
    assert await _refused(web_api, _home()) == "not_enabled"


async def test_a_press_at_home_has_no_channel_and_no_reply_address(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    row = {"type": "actions", "block_id": "row", "elements": [WON]}
    await web_api.views_publish(user_id=ANA, view=_home(_section("Deal"), row, private_metadata="page 2"))
    await slack.press_at_home(ANA, slack.home_button(ANA, "set_won", "deal-1"))

    (told,) = bot.told
    assert told["container"] == {"type": "view", "view_id": slack.home(ANA).id}
    assert (told["view"]["type"], told["view"]["private_metadata"]) == ("home", "page 2")
    assert (told["actions"][0]["value"], told["actions"][0]["block_id"]) == ("deal-1 won", "row")
    assert not {"channel", "response_url", "message"} & told.keys()
    assert told["trigger_id"]


async def test_a_button_that_is_gone_cannot_be_pressed(slack: Slack, web_api: AsyncWebClient) -> None:
    await web_api.views_publish(user_id=ANA, view=_home({"type": "actions", "elements": [WON]}))
    button = slack.home_button(ANA, "set_won")
    await web_api.views_publish(user_id=ANA, view=_home())

    with pytest.raises(ValueError, match="does not see"):
        await slack.press_at_home(ANA, button)
    with pytest.raises(ValueError, match="no button"):
        slack.home_button(ANA, "set_won")

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.serving import served
from bot.simulator.slack.interactions import ACKNOWLEDGE_WITHIN, FAILED, TIMED_OUT
from bot.simulator.slack.server import Fault, Slack
from bot.simulator.slack.workspace import Shown, button, menu

pytestmark = pytest.mark.jumping_clock

SECRET = "thisisnotasigningsecretofslacks0"
TOKEN = "xoxb-not-a-token"
ANA, BEN, CHANNEL = "U0ANA", "U0BEN", "C0SALES"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
UNDO = {
    "type": "button",
    "text": {"type": "plain_text", "text": "Undo"},
    "action_id": "undo",
    "value": "x",
    "confirm": {
        "title": {"type": "plain_text", "text": "Undo"},
        "text": {"type": "mrkdwn", "text": "Sure?"},
        "confirm": {"type": "plain_text", "text": "Yes"},
        "deny": {"type": "plain_text", "text": "No"},
    },
}
MORE = {"type": "button", "text": {"type": "plain_text", "text": "More"}, "action_id": "more", "value": "y"}
BUTTONS = {"type": "actions", "elements": [UNDO]}
WITH_ACCESSORY = {**SECTION, "accessory": MORE}
OPEN, WON = ({"text": {"type": "plain_text", "text": value.title()}, "value": value} for value in ("open", "won"))
STATUS = {"type": "static_select", "action_id": "status", "options": [OPEN, WON], "initial_option": OPEN}
REST = {"type": "overflow", "action_id": "rest", "options": [WON], "confirm": UNDO["confirm"]}
VIEW = {"type": "modal", "title": {"type": "plain_text", "text": "Deal"}, "blocks": [SECTION]}


class _Recorder:
    """Takes the bot's place: keeps the requests, and answers as the test wants."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str]]] = []
        self.status = 200
        self.answer: dict[str, Any] | None = None
        self.wait = 0.0

    @property
    def form(self) -> dict[str, str]:
        """The fields of the last request."""
        return dict(parse_qsl(self.received[-1][0], keep_blank_values=True))

    async def on_event(self, request: web.Request) -> web.Response:
        self.received.append((await request.text(), dict(request.headers)))
        await asyncio.sleep(self.wait)
        if self.answer is None:
            return web.Response(status=self.status)
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
def bot() -> _Recorder:
    return _Recorder()


@pytest.fixture
async def slack(bot: _Recorder) -> AsyncIterator[Slack]:
    slack = Slack(signing_secret=SECRET, bot_token=TOKEN)
    slack.users[ANA] = {"id": ANA, "name": "ana"}
    app = web.Application()
    app.router.add_post("/slack/events", bot.on_event)
    async with served(slack.app()) as slack.url, served(app) as slack.bot_url:
        yield slack


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


@pytest.fixture
def web_api(slack: Slack) -> AsyncWebClient:
    return AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/")


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _address(slack: Slack, bot: _Recorder) -> str:
    await slack.command("", user=ANA, channel=CHANNEL)
    return bot.form["response_url"]


async def _error(call: Any) -> str:  # noqa: ANN401 - slack_sdk's calls, each of its own type
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


# --- commands ------------------------------------------------------------------------------------------------------


async def test_a_command_has_the_fields_that_slack_documents(slack: Slack, bot: _Recorder) -> None:
    await slack.command("x won", user=ANA, channel=CHANNEL, enterprise_id="E1")

    assert bot.form.keys() == {
        *("command", "text", "user_id", "user_name", "channel_id", "channel_name", "team_id", "team_domain"),
        *("api_app_id", "is_enterprise_install", "response_url", "trigger_id", "enterprise_id"),
    }
    assert (bot.form["command"], bot.form["text"]) == ("/opp-status", "x won")
    assert (bot.form["user_id"], bot.form["user_name"]) == (ANA, "ana")
    assert (bot.form["channel_id"], bot.form["team_id"]) == (CHANNEL, slack.team_id)
    assert bot.form["response_url"].startswith(f"{slack.url}/commands/")


async def test_a_command_may_come_from_another_workspace_and_an_unknown_person(slack: Slack, bot: _Recorder) -> None:
    await slack.command("", user="U0NEW", team="T0OTHER")
    assert (bot.form["team_id"], bot.form["user_name"]) == ("T0OTHER", "unknown")


async def test_a_command_is_signed_as_slack_signs(slack: Slack, bot: _Recorder) -> None:
    await slack.command("x won & more \u00e9", user=ANA)
    body, headers = bot.received[0]
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)
    assert not SignatureVerifier("another").is_valid_request(body, headers)
    assert not SignatureVerifier(SECRET).is_valid_request(f"{body}&more", headers)
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


async def test_a_signature_expires(slack: Slack) -> None:
    slack.clock = lambda: time.time() - 600
    assert not SignatureVerifier(SECRET).is_valid_request("body", slack.sign("body"))
    recent = slack.sign("body", timestamp=str(int(time.time())))
    assert SignatureVerifier(SECRET).is_valid_request("body", recent)


async def test_an_empty_acknowledgement_shows_nothing(slack: Slack) -> None:
    answer = await slack.command("", user=ANA)
    assert answer is not None
    assert answer.status_code == 200
    assert slack.shown == []


@pytest.mark.parametrize(("response_type", "only_to"), [("in_channel", None), ("ephemeral", ANA), (None, ANA)])
async def test_an_acknowledgement_may_be_a_message(
    slack: Slack, bot: _Recorder, response_type: str | None, only_to: str | None
) -> None:
    bot.answer = {"text": "hello", "blocks": [SECTION]} | ({"response_type": response_type} if response_type else {})
    await slack.command("", user=ANA, channel=CHANNEL)
    assert slack.shown == [Shown(CHANNEL, only_to, "hello", (SECTION,), "acknowledgement")]


async def test_slack_waits_three_seconds(slack: Slack) -> None:
    assert slack.acknowledge_within == ACKNOWLEDGE_WITHIN == 3.0


async def test_a_bot_that_is_too_slow_is_shown_as_a_timeout(slack: Slack, bot: _Recorder) -> None:
    slack.acknowledge_within, bot.wait = 0.1, 1.0
    assert await slack.command("", user=ANA, channel=CHANNEL) is None
    assert slack.shown == [Shown(CHANNEL, ANA, TIMED_OUT, (), "slack")]
    assert "operation_timeout" in TIMED_OUT


@pytest.mark.parametrize("status", [302, 401, 404, 500])
async def test_a_bot_that_answers_with_an_error_is_shown_as_one(slack: Slack, bot: _Recorder, status: int) -> None:
    bot.status, bot.answer = status, {"text": "never shown"}
    answer = await slack.command("", user=ANA, channel=CHANNEL)
    assert answer is not None
    assert answer.status_code == status
    assert slack.shown == [Shown(CHANNEL, ANA, FAILED, (), "slack")]


# --- buttons -------------------------------------------------------------------------------------------------------


async def test_a_bot_that_is_not_there_is_shown_as_an_error(slack: Slack) -> None:
    slack.bot_url = "http://127.0.0.1:1"

    assert await slack.command("deal won", user="U1") is None
    assert [(shown.only_to, shown.via) for shown in slack.shown] == [("U1", "slack")]
    assert "dispatch_failed" in slack.shown[0].text


async def _in_front_of_all(slack: Slack, web_api: AsyncWebClient, channel: str = CHANNEL) -> Shown:
    await web_api.chat_postMessage(channel=channel, text="hello", blocks=[WITH_ACCESSORY, BUTTONS])
    return slack.shown[-1]


async def _for_one_person(slack: Slack, bot: _Recorder, http: httpx.AsyncClient) -> Shown:
    await http.post(await _address(slack, bot), json={"text": "for you", "blocks": [BUTTONS]})
    return slack.shown[-1]


async def _press(slack: Slack, bot: _Recorder, shown: Shown, user: str = ANA) -> dict[str, Any]:
    """Press Undo; returns the payload that the bot gets."""
    await slack.press(shown, button(shown, "undo"), user=user)
    pressed: dict[str, Any] = json.loads(bot.form["payload"])
    return pressed


async def test_a_button_is_pressed_on_the_message_it_is_in(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    shown = await _in_front_of_all(slack, web_api)
    pressed = await _press(slack, bot, shown, BEN)

    assert pressed["type"] == "block_actions"
    assert pressed["user"]["id"] == BEN
    assert pressed["team"]["id"] == slack.team_id
    assert pressed["channel"]["id"] == pressed["container"]["channel_id"] == CHANNEL
    assert pressed["container"]["message_ts"] == pressed["message"]["ts"] == shown.ts
    assert not pressed["container"]["is_ephemeral"]
    assert pressed["message"]["text"] == "hello"
    assert pressed["message"]["blocks"] == [{"block_id": "b0", **WITH_ACCESSORY}, {"block_id": "b1", **BUTTONS}]
    assert pressed["response_url"].startswith(f"{slack.url}/actions/")
    (action,) = pressed["actions"]
    assert action.keys() == {"type", "text", "block_id", "action_id", "value", "action_ts"}
    assert (action["type"], action["block_id"], action["action_id"], action["value"]) == ("button", "b1", "undo", "x")
    assert float(action["action_ts"]) > 0
    body, headers = bot.received[0]
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)


async def test_a_button_beside_a_paragraph_can_be_pressed_too(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    shown = await _in_front_of_all(slack, web_api)
    await slack.press(shown, button(shown, "more"), user=ANA)

    (action,) = json.loads(bot.form["payload"])["actions"]
    assert (action["block_id"], action["action_id"], action["value"]) == ("b0", "more", "y")


async def test_a_button_that_only_one_person_sees_comes_without_its_message(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient
) -> None:
    shown = await _for_one_person(slack, bot, http)
    pressed = await _press(slack, bot, shown)

    assert pressed["container"]["is_ephemeral"]
    assert pressed["container"]["message_ts"] == shown.ts
    assert "message" not in pressed


async def test_a_button_in_a_direct_message_comes_from_the_direct_message(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    pressed = await _press(slack, bot, await _in_front_of_all(slack, web_api, ANA))
    assert pressed["channel"]["id"] == pressed["container"]["channel_id"] == "D0ANA"


async def test_a_button_that_the_message_does_not_have_cannot_be_pressed(slack: Slack, web_api: AsyncWebClient) -> None:
    shown = await _in_front_of_all(slack, web_api)
    with pytest.raises(ValueError, match="no button nuke"):
        button(shown, "nuke")
    with pytest.raises(ValueError, match="no button"):
        await slack.press(shown, {**UNDO, "value": "forged"}, user=ANA)


async def test_a_button_of_a_message_that_was_replaced_or_never_shown_cannot_be_pressed(
    slack: Slack, web_api: AsyncWebClient
) -> None:
    shown = await _in_front_of_all(slack, web_api)
    await web_api.chat_update(channel=CHANNEL, ts=shown.ts, text="undone")
    for gone in (shown, Shown(CHANNEL, None, "hello", (BUTTONS,), "response_url")):
        with pytest.raises(ValueError, match="does not see"):
            await slack.press(gone, UNDO, user=ANA)


async def test_a_person_cannot_press_what_only_another_sees(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient, web_api: AsyncWebClient
) -> None:
    for shown in (await _for_one_person(slack, bot, http), await _in_front_of_all(slack, web_api, ANA)):
        with pytest.raises(ValueError, match="U0BEN does not see"):
            await slack.press(shown, UNDO, user=BEN)


async def test_a_button_brings_a_reply_address_and_a_trigger_of_its_own(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient, web_api: AsyncWebClient
) -> None:
    pressed = await _press(slack, bot, await _in_front_of_all(slack, web_api))

    assert (await http.post(pressed["response_url"], json={"text": "done"})).status_code == 200
    assert slack.shown[1:] == [Shown(CHANNEL, ANA, "done", (), "response_url")]
    await web_api.views_open(trigger_id=pressed["trigger_id"], view=VIEW)
    assert slack.modal(ANA).given["title"] == VIEW["title"]


# --- menus ---------------------------------------------------------------------------------------------------------


async def test_an_option_is_chosen_from_a_menu_in_a_message(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    await web_api.chat_postMessage(channel=CHANNEL, text="hello", blocks=[{"type": "actions", "elements": [STATUS]}])
    shown = slack.shown[-1]
    await slack.select(shown, menu(shown, "status"), "won", user=BEN)

    told = json.loads(bot.form["payload"])
    assert (told["type"], told["user"]["id"], told["message"]["ts"]) == ("block_actions", BEN, shown.ts)
    assert told["response_url"].startswith(f"{slack.url}/actions/")
    assert told["state"]["values"] == {"b0": {"status": {"type": "static_select", "selected_option": WON}}}
    (action,) = told["actions"]
    assert action.keys() == {"type", "action_id", "block_id", "initial_option", "selected_option", "action_ts"}
    assert (action["type"], action["block_id"], action["action_id"]) == ("static_select", "b0", "status")
    assert action["selected_option"] == WON


async def test_a_day_is_picked_in_a_calendar(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    calendar = {"type": "datepicker", "action_id": "day", "placeholder": {"type": "plain_text", "text": "When?"}}
    blocks = [{"type": "actions", "elements": [calendar, UNDO]}]
    await web_api.chat_postMessage(channel=CHANNEL, text="hello", blocks=blocks)
    await slack.pick_day(slack.shown[-1], calendar, "2026-12-24", user=BEN)

    told = json.loads(bot.form["payload"])
    assert (told["type"], told["user"]["id"]) == ("block_actions", BEN)
    (action,) = told["actions"]
    assert (action["type"], action["action_id"], action["selected_date"]) == ("datepicker", "day", "2026-12-24")
    with pytest.raises(ValueError, match="no calendar"):
        await slack.pick_day(slack.shown[-1], UNDO, "2026-12-24", user=BEN)


async def test_a_press_is_sent_with_the_values_of_the_menus(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    blocks = [{"type": "actions", "elements": [STATUS, UNDO]}]
    await web_api.chat_postMessage(channel=CHANNEL, text="hello", blocks=blocks)
    told = await _press(slack, bot, slack.shown[-1])
    assert told["state"]["values"] == {"b0": {"status": {"type": "static_select", "selected_option": OPEN}}}


async def test_an_overflow_menu_that_only_one_person_sees_comes_without_its_message(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient
) -> None:
    await http.post(await _address(slack, bot), json={"text": "x", "blocks": [{**SECTION, "accessory": REST}]})
    shown = slack.shown[-1]
    await slack.select(shown, menu(shown, "rest"), "won", user=ANA)

    told = json.loads(bot.form["payload"])
    assert told["container"]["is_ephemeral"]
    assert "message" not in told
    assert told["state"]["values"] == {}
    (action,) = told["actions"]
    assert action.keys() == {"type", "action_id", "block_id", "selected_option", "action_ts"}


async def test_an_unknown_option_cannot_be_chosen_and_a_menu_cannot_be_pressed(
    slack: Slack, web_api: AsyncWebClient
) -> None:
    await web_api.chat_postMessage(channel=CHANNEL, text="hello", blocks=[{"type": "actions", "elements": [STATUS]}])
    shown = slack.shown[-1]
    with pytest.raises(ValueError, match="no option 'lost'"):
        await slack.select(shown, STATUS, "lost", user=ANA)
    with pytest.raises(ValueError, match="no static_select"):
        await slack.select(shown, {**STATUS, "action_id": "forged"}, "won", user=ANA)
    with pytest.raises(ValueError, match="no menu rest"):
        menu(shown, "rest")
    with pytest.raises(ValueError, match="no button status"):
        button(shown, "status")
    with pytest.raises(ValueError, match="no button"):
        await slack.press(shown, STATUS, user=ANA)
    with pytest.raises(ValueError, match="U0BEN does not see"):
        await slack.select(Shown(CHANNEL, ANA, "hello", (), "response_url"), STATUS, "won", user=BEN)


# --- what people write, and shortcuts ------------------------------------------------------------------------------


async def test_a_message_that_a_person_writes_is_not_sent_to_the_bot(slack: Slack, bot: _Recorder) -> None:
    shown = await slack.post("the Acme deal", user=BEN, channel=CHANNEL)
    assert slack.shown == [shown]
    assert (shown.text, shown.by, shown.channel, shown.only_to, shown.via) == (
        *("the Acme deal", BEN, CHANNEL, None, "person"),
    )
    assert shown.ts
    assert bot.received == []


async def test_a_shortcut_comes_with_the_message_it_is_used_on(slack: Slack, bot: _Recorder) -> None:
    shown = await slack.post("the Acme deal", user=BEN, channel=CHANNEL)
    answer = await slack.shortcut(shown, "change", user=ANA)

    assert answer is not None
    told = json.loads(bot.form["payload"])
    assert (told["type"], told["callback_id"], told["user"]["id"]) == ("message_action", "change", ANA)
    (typed,) = told["message"].pop("blocks")
    assert told["message"] == {"type": "message", "ts": shown.ts, "user": BEN, "text": "the Acme deal"}
    assert typed["type"] == "rich_text"
    assert typed["elements"][0]["elements"] == [{"type": "text", "text": "the Acme deal"}]
    assert (told["channel"]["id"], told["message_ts"], told["team"]["id"]) == (CHANNEL, shown.ts, slack.team_id)
    assert float(told["action_ts"]) > 0
    assert told["response_url"].startswith(f"{slack.url}/app-actions/")
    body, headers = bot.received[0]
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)


async def test_a_shortcut_brings_a_reply_address_and_a_trigger_and_replaces_nothing(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient, web_api: AsyncWebClient
) -> None:
    shown = await _in_front_of_all(slack, web_api)
    await slack.shortcut(shown, "change", user=ANA)
    told = json.loads(bot.form["payload"])
    assert told["message"]["bot_id"] == "B0BOT"
    assert "user" not in told["message"]

    body = {"text": "done", "replace_original": True}
    assert (await http.post(told["response_url"], json=body)).status_code == 200
    assert slack.shown == [shown, Shown(CHANNEL, ANA, "done", (), "response_url")]
    await web_api.views_open(trigger_id=told["trigger_id"], view=VIEW)
    assert slack.modal(ANA).user == ANA


async def test_a_shortcut_that_fails_is_shown_as_an_error(slack: Slack, bot: _Recorder) -> None:
    shown = await slack.post("the Acme deal", user=BEN)
    bot.status = 500
    await slack.shortcut(shown, "change", user=ANA)
    assert [(each.text, each.only_to) for each in slack.shown[1:]] == [(FAILED, ANA)]


async def test_there_are_no_shortcuts_on_a_message_that_only_one_person_sees(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient
) -> None:
    shown = await _for_one_person(slack, bot, http)
    with pytest.raises(ValueError, match="no shortcuts on"):
        await slack.shortcut(shown, "change", user=ANA)
    with pytest.raises(ValueError, match="U0BEN does not see"):
        await slack.shortcut(shown, "change", user=BEN)


# --- messages that take another's place ----------------------------------------------------------------------------


async def test_every_message_has_an_id_greater_than_the_one_before(slack: Slack, web_api: AsyncWebClient) -> None:
    slack.clock = lambda: 1_700_000_000.0001
    answers = [await web_api.chat_postMessage(channel=CHANNEL, text="hello") for _ in range(3)]

    assert [answer["ts"] for answer in answers] == ["1700000000.000100", "1700000000.000101", "1700000000.000102"]
    assert [shown.ts for shown in slack.shown] == [answer["ts"] for answer in answers]


@pytest.mark.parametrize("replace_original", [True, "true"])
async def test_a_reply_to_a_button_can_replace_the_message_it_is_in(
    slack: Slack,
    bot: _Recorder,
    http: httpx.AsyncClient,
    web_api: AsyncWebClient,
    replace_original: bool | str,
) -> None:
    shown = await _in_front_of_all(slack, web_api)
    await web_api.chat_postMessage(channel=CHANNEL, text="later")
    pressed = await _press(slack, bot, shown)
    waiting = asyncio.ensure_future(slack.wait_for_change(shown.ts))
    body = {"text": "undone", "replace_original": replace_original, "response_type": "ephemeral"}
    assert (await http.post(pressed["response_url"], json=body)).status_code == 200

    now = Shown(CHANNEL, None, "undone", (), "chat.postMessage")
    assert slack.shown == [now, Shown(CHANNEL, None, "later", (), "chat.postMessage")]
    assert (await waiting, (await waiting).ts) == (now, shown.ts)
    assert [(before, before.ts) for before in slack.replaced] == [(shown, shown.ts)]
    with pytest.raises(TimeoutError):
        await slack.wait_for_change(shown.ts, times=2, seconds=0.05)


async def test_a_private_message_can_be_replaced_and_stays_private(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient
) -> None:
    pressed = await _press(slack, bot, await _for_one_person(slack, bot, http))
    body = {"text": "done", "replace_original": True, "response_type": "in_channel"}
    await http.post(pressed["response_url"], json=body)

    assert slack.shown == [Shown(CHANNEL, ANA, "done", (), "response_url")]


@pytest.mark.parametrize("delete_original", [True, "true"])
@pytest.mark.parametrize("public", [True, False])
async def test_a_reply_to_a_button_can_delete_the_message_it_is_in(
    slack: Slack,
    bot: _Recorder,
    http: httpx.AsyncClient,
    web_api: AsyncWebClient,
    *,
    delete_original: bool | str,
    public: bool,
) -> None:
    shown = await (_in_front_of_all(slack, web_api) if public else _for_one_person(slack, bot, http))
    same = await (_in_front_of_all(slack, web_api) if public else _for_one_person(slack, bot, http))
    pressed = await _press(slack, bot, same)
    waiting = asyncio.ensure_future(slack.wait_until(lambda: same in slack.replaced))
    body = {"delete_original": delete_original}
    assert (await http.post(pressed["response_url"], json=body)).json() == {"ok": True}
    await waiting

    assert [each.ts for each in slack.shown] == [shown.ts]
    assert [each.ts for each in slack.replaced] == [same.ts]
    assert (await http.post(pressed["response_url"], json=body)).json() == {"ok": True}
    with pytest.raises(ValueError, match="does not see"):
        await slack.press(same, UNDO, user=ANA)


async def test_a_reply_to_a_command_has_nothing_to_replace(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient
) -> None:
    address = await _address(slack, bot)
    for text in ("one", "two"):
        await http.post(address, json={"text": text, "replace_original": True})

    assert [shown.text for shown in slack.shown] == ["one", "two"]
    assert slack.replaced == []


async def test_a_replacement_that_slack_refuses_leaves_the_message(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient, web_api: AsyncWebClient
) -> None:
    shown = await _in_front_of_all(slack, web_api)
    pressed = await _press(slack, bot, shown)

    assert (await http.post(pressed["response_url"], json={"text": "", "replace_original": True})).status_code == 400
    assert await _error(web_api.chat_update(channel=CHANNEL, ts=shown.ts, text="x" * 4001)) == "msg_too_long"
    assert slack.shown == [shown]


async def test_a_message_of_the_bots_is_updated_in_place(slack: Slack, web_api: AsyncWebClient) -> None:
    shown = await _in_front_of_all(slack, web_api)
    await web_api.chat_postMessage(channel=CHANNEL, text="later")
    answer = await web_api.chat_update(channel=CHANNEL, ts=shown.ts, text="undone", blocks=[SECTION])

    assert (answer["channel"], answer["ts"], answer["text"]) == (CHANNEL, shown.ts, "undone")
    assert slack.shown[0] == Shown(CHANNEL, None, "undone", (SECTION,), "chat.postMessage")
    assert slack.replaced == [shown]


async def test_a_direct_message_is_updated_by_its_own_id_and_not_by_the_persons(
    slack: Slack, web_api: AsyncWebClient
) -> None:
    posted = await web_api.chat_postMessage(channel=ANA, text="for you")
    again = await web_api.chat_postMessage(channel="D0ANA", text="for you, too")

    assert await _error(web_api.chat_update(channel=ANA, ts=posted["ts"], text="new")) == "channel_not_found"
    await web_api.chat_update(channel=posted["channel"], ts=posted["ts"], text="new")
    assert (posted["channel"], again["channel"]) == ("D0ANA", "D0ANA")
    assert [(shown.channel, shown.text) for shown in slack.shown] == [(ANA, "new"), (ANA, "for you, too")]


async def test_a_message_that_is_gone_or_private_cannot_be_updated(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient, web_api: AsyncWebClient
) -> None:
    public, private = await _in_front_of_all(slack, web_api), await _for_one_person(slack, bot, http)

    for channel, ts in ((CHANNEL, "1.000001"), ("C0OTHER", public.ts), (CHANNEL, private.ts)):
        assert await _error(web_api.chat_update(channel=channel, ts=ts, text="new")) == "message_not_found"


async def test_a_message_that_came_through_a_reply_address_cannot_be_updated(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient, web_api: AsyncWebClient
) -> None:
    await http.post(await _address(slack, bot), json={"text": "done", "response_type": "in_channel"})
    ts = slack.shown[0].ts
    assert await _error(web_api.chat_update(channel=CHANNEL, ts=ts, text="new")) == "cant_update_message"


# --- reply addresses -----------------------------------------------------------------------------------------------


async def test_a_reply_address_takes_five_messages(slack: Slack, bot: _Recorder, http: httpx.AsyncClient) -> None:
    address = await _address(slack, bot)
    for number in range(5):
        response = await http.post(address, json={"response_type": "in_channel", "text": str(number)})
        assert (response.status_code, response.json()) == (200, {"ok": True})
    response = await http.post(address, json={"text": "sixth"})
    assert (response.status_code, response.json()) == (404, {"ok": False, "error": "used_url"})
    assert [shown.text for shown in slack.shown] == ["0", "1", "2", "3", "4"]
    assert {(shown.channel, shown.only_to, shown.via) for shown in slack.shown} == {(CHANNEL, None, "response_url")}


async def test_a_reply_address_works_for_half_an_hour(slack: Slack, bot: _Recorder, http: httpx.AsyncClient) -> None:
    address = await _address(slack, bot)
    now = time.time()
    slack.clock = lambda: now + 29 * 60
    assert (await http.post(address, json={"text": "in time"})).status_code == 200
    slack.clock = lambda: now + 31 * 60
    response = await http.post(address, json={"text": "late"})
    assert (response.status_code, response.json()["error"]) == (404, "expired_url")


async def test_an_unknown_reply_address_has_expired(slack: Slack, http: httpx.AsyncClient) -> None:
    response = await http.post(f"{slack.url}/commands/unknown", json={"text": "hello"})
    assert (response.status_code, response.json()["error"]) == (404, "expired_url")


async def test_a_reply_address_refuses_what_slack_refuses(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient
) -> None:
    response = await http.post(await _address(slack, bot), json={"text": ""})
    assert (response.status_code, response.json()) == (400, {"ok": False, "error": "no_text"})
    assert slack.shown == []


# --- the Web API ---------------------------------------------------------------------------------------------------


async def test_auth_test_names_the_workspace(slack: Slack, web_api: AsyncWebClient) -> None:
    assert (await web_api.auth_test())["team_id"] == slack.team_id
    assert slack.calls == ["auth.test"]


async def test_every_answer_has_the_time_and_by_default_the_tokens_scopes(
    slack: Slack, web_api: AsyncWebClient
) -> None:
    slack.clock = lambda: 1_700_000_000.5
    slack.tokens[TOKEN] = frozenset({"commands", "chat:write"})
    told = (await web_api.auth_test()).headers
    slack.tells_scopes = False
    silent = (await web_api.auth_test()).headers

    assert told["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert told["x-oauth-scopes"] == "chat:write,commands"
    assert "x-oauth-scopes" not in silent


async def test_a_token_that_is_unknown_is_refused(slack: Slack) -> None:
    stranger = AsyncWebClient(token="xoxb-another", base_url=f"{slack.url}/api/")
    assert await _error(stranger.auth_test()) == "invalid_auth"


async def test_a_method_that_is_unknown_is_refused(web_api: AsyncWebClient) -> None:
    assert await _error(web_api.api_call("chat.delete")) == "unknown_method"


async def test_a_message_is_posted_to_a_channel_or_to_a_person(slack: Slack, web_api: AsyncWebClient) -> None:
    posted = await web_api.chat_postMessage(channel=CHANNEL, text="hello", blocks=[SECTION])
    await web_api.chat_postMessage(channel=ANA, text="for you")
    assert posted["channel"] == CHANNEL
    assert slack.shown == [
        Shown(CHANNEL, None, "hello", (SECTION,), "chat.postMessage"),
        Shown(ANA, None, "for you", (), "chat.postMessage"),
    ]


async def test_a_reply_stands_in_the_thread_of_its_message_and_so_does_a_reply_to_it(
    slack: Slack, web_api: AsyncWebClient
) -> None:
    first = (await web_api.chat_postMessage(channel=CHANNEL, text="hello"))["ts"]
    reply = (await web_api.chat_postMessage(channel=CHANNEL, text="more", thread_ts=first))["ts"]
    await web_api.chat_postMessage(channel=CHANNEL, text="still more", thread_ts=reply)
    typed = await slack.post("I see", user=BEN, channel=CHANNEL, thread_ts=first)

    assert [each.thread_ts for each in slack.shown] == ["", first, first, first]
    assert typed.thread_ts == first


@pytest.mark.parametrize("channel", [CHANNEL, "C0OTHER"])
async def test_a_reply_to_a_message_that_is_gone_or_elsewhere_stands_in_the_channel(
    slack: Slack, web_api: AsyncWebClient, channel: str
) -> None:
    await web_api.chat_postMessage(channel="C0THIRD", text="hello")
    await web_api.chat_postMessage(channel=channel, text="more", thread_ts=slack.shown[0].ts)

    assert slack.shown[1].thread_ts == ""


async def test_what_is_used_in_a_thread_is_sent_with_the_thread(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    first = await _in_front_of_all(slack, web_api)
    await slack.press(first, button(first, "undo"), user=ANA)
    alone = json.loads(bot.form["payload"])
    await web_api.chat_postMessage(channel=CHANNEL, text="more", blocks=[BUTTONS], thread_ts=first.ts)
    reply = slack.shown[-1]
    for shown in (first, reply):
        await slack.press(shown, button(shown, "undo"), user=ANA)
        told = json.loads(bot.form["payload"])
        assert told["container"]["thread_ts"] == told["message"]["thread_ts"] == first.ts

    assert "thread_ts" not in alone["container"].keys() | alone["message"].keys()


@pytest.mark.parametrize(
    ("channel", "error"),
    [(CHANNEL, "not_in_channel"), ("G0BOARD", "channel_not_found"), ("D0TWO", "channel_not_found")],
)
async def test_a_bot_that_may_not_post_everywhere_posts_where_it_is_a_member_and_to_people(
    slack: Slack, web_api: AsyncWebClient, channel: str, error: str
) -> None:
    slack.tokens[TOKEN] -= {"chat:write.public"}
    assert await _error(web_api.chat_postMessage(channel=channel, text="hello")) == error
    await web_api.chat_postMessage(channel=ANA, text="for you")
    slack.joined = {channel}
    await web_api.chat_postMessage(channel=channel, text="hello")

    assert [shown.channel for shown in slack.shown] == [ANA, channel]


@pytest.mark.parametrize("channel", ["G0BOARD", "D0TWO"])
async def test_the_scope_for_public_channels_opens_no_private_one(web_api: AsyncWebClient, channel: str) -> None:
    assert await _error(web_api.chat_postMessage(channel=channel, text="hello")) == "channel_not_found"


async def test_a_message_that_slack_refuses_is_not_posted(slack: Slack, web_api: AsyncWebClient) -> None:
    assert await _error(web_api.chat_postMessage(channel=CHANNEL, text="x" * 40_001)) == "msg_too_long"
    assert slack.shown == []


async def test_each_method_needs_its_scope_and_the_error_names_it(slack: Slack, web_api: AsyncWebClient) -> None:
    slack.tokens[TOKEN] = frozenset({"commands"})
    for call, scope in (
        (web_api.chat_postMessage(channel=CHANNEL, text="hello"), "chat:write"),
        (web_api.chat_update(channel=CHANNEL, ts="1.000001", text="hello"), "chat:write"),
        (web_api.users_info(user=ANA), "users:read"),
        (web_api.usergroups_users_list(usergroup="S1"), "usergroups:read"),
        (web_api.users_lookupByEmail(email="ana@acme.example"), "users:read.email"),
        (web_api.conversations_info(channel=CHANNEL), "channels:read"),
    ):
        with pytest.raises(SlackApiError) as caught:
            await call
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == scope
        assert caught.value.response["provided"] == "commands"
    assert slack.shown == []


async def test_people_and_groups_can_be_looked_up(slack: Slack, web_api: AsyncWebClient) -> None:
    slack.tokens[TOKEN] = frozenset({"users:read", "usergroups:read"})
    slack.groups["S1"] = [ANA]
    assert (await web_api.users_info(user=ANA))["user"]["name"] == "ana"
    assert (await web_api.users_info(user=ANA))["user"]["team_id"] == slack.team_id
    slack.users[ANA]["team_id"] = "T0OTHER"
    assert (await web_api.users_info(user=ANA))["user"]["team_id"] == "T0OTHER"
    assert await _error(web_api.users_info(user="U0NOBODY")) == "user_not_found"
    assert (await web_api.usergroups_users_list(usergroup="S1"))["users"] == [ANA]
    assert await _error(web_api.usergroups_users_list(usergroup="S2")) == "no_such_subteam"


async def test_a_channel_says_whether_it_is_shared_with_another_company(slack: Slack, web_api: AsyncWebClient) -> None:
    slack.shared_channels = {"C0BOTH"}
    assert (await web_api.conversations_info(channel="C0BOTH"))["channel"]["is_ext_shared"] is True
    assert (await web_api.conversations_info(channel=CHANNEL))["channel"]["is_ext_shared"] is False
    assert await _error(web_api.conversations_info(channel="C0000000000")) == "channel_not_found"


async def test_a_channel_says_whether_the_bot_may_post_there_unless_it_is_hidden(
    slack: Slack, web_api: AsyncWebClient
) -> None:
    slack.joined, slack.archived, slack.hidden = {"G0WINS"}, {"C0OLD"}, {"C0TYPO"}
    wins = (await web_api.conversations_info(channel="G0WINS"))["channel"]
    old = (await web_api.conversations_info(channel="C0OLD"))["channel"]

    assert (wins["is_member"], wins["is_private"], wins["is_archived"]) == (True, True, False)
    assert (old["is_member"], old["is_private"], old["is_archived"]) == (False, False, True)
    assert await _error(web_api.conversations_info(channel="C0TYPO")) == "channel_not_found"


# --- faults --------------------------------------------------------------------------------------------------------


async def test_a_method_may_go_wrong_as_often_as_planned(slack: Slack, http: httpx.AsyncClient) -> None:
    slack.misbehave(Fault("auth.test", 429, {"ok": False}, {"Retry-After": "1"}, times=2))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answers = [await http.post(f"{slack.url}/api/auth.test", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert answers[0].json() == {"ok": False}


async def test_a_reply_address_may_go_wrong(slack: Slack, bot: _Recorder, http: httpx.AsyncClient) -> None:
    slack.misbehave(Fault("response_url", 500))
    address = await _address(slack, bot)
    assert (await http.post(address, json={"text": "lost"})).status_code == 500
    assert (await http.post(address, json={"text": "hello"})).status_code == 200
    assert [shown.text for shown in slack.shown] == ["hello"]


async def test_slack_may_be_slow(slack: Slack, bot: _Recorder, http: httpx.AsyncClient) -> None:
    slack.misbehave(Fault("response_url", wait=0.1))
    address = await _address(slack, bot)
    began = _now()
    assert (await http.post(address, json={"text": "hello"})).status_code == 200
    assert _now() - began == pytest.approx(0.1, abs=0.01)
    assert [shown.text for shown in slack.shown] == ["hello"]


@pytest.mark.parametrize("carries_out", [True, False])
async def test_a_fault_can_call_a_function_when_a_reply_comes(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient, *, carries_out: bool
) -> None:
    seen: list[int] = []
    slack.misbehave(Fault("response_url", carries_out=carries_out, then=lambda: seen.append(len(slack.shown))))
    address = await _address(slack, bot)
    assert (await http.post(address, json={"text": "hello"})).status_code == 200
    assert seen == [1 if carries_out else 0]
    assert [shown.text for shown in slack.shown] == ["hello"]


async def test_a_reply_may_be_shown_and_its_connection_break(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient
) -> None:
    slack.misbehave(Fault("response_url", carries_out=True, drops=True))
    address = await _address(slack, bot)
    with pytest.raises(httpx.TransportError):
        await http.post(address, json={"text": "hello"})
    assert [shown.text for shown in slack.shown] == ["hello"]


async def test_a_channel_takes_a_limited_number_of_messages_a_second(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient, web_api: AsyncWebClient
) -> None:
    address = await _address(slack, bot)
    now = time.time()
    slack.clock, slack.messages_per_second = lambda: now, 0.5
    assert (await http.post(address, json={"text": "one"})).status_code == 200
    too_fast = await http.post(address, json={"text": "two"})
    assert (too_fast.status_code, too_fast.headers["Retry-After"]) == (429, "2")
    with pytest.raises(SlackApiError) as caught:
        await web_api.chat_postMessage(channel=CHANNEL, text="three")
    assert (caught.value.response.status_code, caught.value.response["error"]) == (429, "ratelimited")

    await web_api.chat_postMessage(channel="C0OTHER", text="elsewhere")
    slack.clock = lambda: now + 2
    assert (await http.post(address, json={"text": "two"})).status_code == 200
    assert [shown.text for shown in slack.shown] == ["one", "elsewhere", "two"]


# --- waiting -------------------------------------------------------------------------------------------------------


async def test_a_test_waits_for_as_many_messages_as_it_expects(
    slack: Slack, bot: _Recorder, http: httpx.AsyncClient
) -> None:
    address = await _address(slack, bot)
    async with AsyncExitStack() as stack:
        waiting = asyncio.ensure_future(slack.wait_for(2))
        stack.push_async_callback(asyncio.wait, [waiting])
        for text in ("one", "two"):
            await http.post(address, json={"text": text})
    assert [shown.text for shown in waiting.result()] == ["one", "two"]
    with pytest.raises(TimeoutError):
        await slack.wait_for(3, seconds=0.05)


async def test_a_test_waits_for_a_call(slack: Slack, web_api: AsyncWebClient) -> None:
    with pytest.raises(TimeoutError):
        await slack.wait_for_call("auth.test", seconds=0.05)
    waiting = asyncio.ensure_future(slack.wait_for_call("auth.test"))
    await web_api.auth_test()
    await waiting

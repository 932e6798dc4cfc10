import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import httpx
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.serving import served
from bot.simulator.slack.modals import VIEW_BYTES
from bot.simulator.slack.server import Slack
from bot.simulator.slack.views import INCOMPLETE, NOT_BESIDE_A_FIELD, TOO_LONG, TOO_SHORT, TROUBLE, View

pytestmark = pytest.mark.jumping_clock

SECRET, TOKEN, APP_TOKEN = "thisisnotasigningsecretofslacks0", "xoxb-not-a-token", "xapp-not-a-token"
ANA, BEN = "U0ANA", "U0BEN"


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def _option(value: str) -> dict[str, Any]:
    return {"text": _plain(value.title()), "value": value}


def _input(block_id: str, kind: str, *, fields: Mapping[str, Any] | None = None, **element: object) -> dict[str, Any]:
    """Make an input block; `fields` are fields of the block, the others of its element."""
    inner = {"type": kind, "action_id": f"{block_id}-1", **element}
    return {"type": "input", "block_id": block_id, "label": _plain(block_id), "element": inner, **(fields or {})}


def _modal(*blocks: object, **fields: object) -> dict[str, Any]:
    return {"type": "modal", "title": _plain("Deal"), "submit": _plain("Change"), "blocks": list(blocks), **fields}


OPEN, WON, LOST = map(_option, ("open", "won", "lost"))
CHOICE: dict[str, Any] = {"options": [OPEN, WON, LOST]}
OPTIONAL, DISPATCHES = {"optional": True}, {"dispatch_action": True}
DEAL = _input("deal", "external_select")
STATUS = _input("status", "static_select", **CHOICE)
NOTE = _input("note", "plain_text_input", fields=OPTIONAL)
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
LONG = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}
MORE = {"type": "button", "text": _plain("More"), "action_id": "more", "value": "x"}
MORE_ROW = {"type": "actions", "block_id": "row", "elements": [MORE]}
ERRORS = {"response_action": "errors", "errors": {"note": "Too bold."}}


class _Recorder:
    """Takes the bot's place: keeps the requests, and answers as the test wants."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str]]] = []
        self.status, self.wait = 200, 0.0
        self.answer = b""

    @property
    def told(self) -> Any:  # noqa: ANN401
        """The payload of the last request."""
        form = dict(parse_qsl(self.received[-1][0], keep_blank_values=True))
        return json.loads(form["payload"]) if "payload" in form else form

    def answers(self, answer: object) -> None:
        self.answer = json.dumps(answer).encode()

    async def on_event(self, request: web.Request) -> web.Response:
        self.received.append((await request.text(), dict(request.headers)))
        await asyncio.sleep(self.wait)
        return web.Response(status=self.status, body=self.answer, content_type="application/json")


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
def web_api(slack: Slack) -> AsyncWebClient:
    return AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/")


async def _trigger(slack: Slack, bot: _Recorder, user: str = ANA) -> str:
    await slack.command("", user=user)
    trigger_id: str = bot.told["trigger_id"]
    bot.received.clear()
    return trigger_id


async def _opened(slack: Slack, bot: _Recorder, web_api: AsyncWebClient, *blocks: object, **fields: object) -> View:
    trigger_id = await _trigger(slack, bot)
    await web_api.views_open(trigger_id=trigger_id, view=_modal(*blocks, **fields))
    return slack.modal(ANA)


async def _refusal(call: Any) -> tuple[str, list[str]]:  # noqa: ANN401 - slack_sdk's calls, each of its own type
    with pytest.raises(SlackApiError) as caught:
        await call
    response = caught.value.response
    return response["error"], response.get("response_metadata", {}).get("messages", [])


# --- views.open ----------------------------------------------------------------------------------------------------


async def test_the_person_sees_the_view_that_the_bot_opens(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    trigger_id = await _trigger(slack, bot)
    waiting = asyncio.ensure_future(slack.wait_for_modal(ANA))
    answer = await web_api.views_open(
        trigger_id=trigger_id, view=_modal(SECTION, NOTE, callback_id="change", private_metadata="x")
    )

    view = await waiting
    told = answer["view"]
    assert slack.views == [view]
    assert (view.user, view.errors) == (ANA, {})
    assert (told["id"], told["hash"], told["root_view_id"]) == (view.id, view.hash, view.id)
    assert (told["type"], told["callback_id"], told["private_metadata"]) == ("modal", "change", "x")
    assert (told["close"], told["external_id"], told["previous_view_id"]) == (None, "", None)
    assert told["state"]["values"] == {"note": {"note-1": {"type": "plain_text_input", "value": None}}}
    assert told["blocks"] == view.blocks == [{"block_id": told["blocks"][0]["block_id"], **SECTION}, NOTE]


async def test_other_people_do_not_see_the_view(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    await _opened(slack, bot, web_api, SECTION)
    with pytest.raises(ValueError, match="U0BEN sees no modal"):
        slack.modal(BEN)
    with pytest.raises(TimeoutError):
        await slack.wait_for_modal(BEN, seconds=0.05)


async def test_a_view_may_come_as_json(slack: Slack, bot: _Recorder) -> None:
    body = {"trigger_id": await _trigger(slack, bot), "view": _modal(SECTION)}
    async with httpx.AsyncClient() as http:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response = await http.post(f"{slack.url}/api/views.open", json=body, headers=headers)
    assert response.json()["ok"]
    assert slack.modal(ANA).given["title"] == _plain("Deal")


async def test_a_trigger_opens_one_modal(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    trigger_id = await _trigger(slack, bot)
    await web_api.views_open(trigger_id=trigger_id, view=_modal(SECTION))
    assert await _refusal(web_api.views_open(trigger_id=trigger_id, view=_modal())) == ("exchanged_trigger_id", [])
    assert await _refusal(web_api.views_open(trigger_id="1.2.3", view=_modal())) == ("invalid_trigger_id", [])
    assert len(slack.views) == 1


async def test_a_trigger_is_good_for_three_seconds(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    trigger_id = await _trigger(slack, bot)
    now = time.time()
    slack.clock = lambda: now + 3.1
    assert await _refusal(web_api.views_open(trigger_id=trigger_id, view=_modal(SECTION))) == (
        *("expired_trigger_id", []),
    )
    assert slack.views == []


@pytest.mark.parametrize("view", [_modal(), "[]", "{", _modal(NOTE, title=_plain("x" * 25))])
async def test_a_view_that_slack_refuses_is_not_opened_and_uses_the_trigger_up(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient, view: object
) -> None:
    trigger_id = await _trigger(slack, bot)
    error, messages = await _refusal(web_api.api_call("views.open", json={"trigger_id": trigger_id, "view": view}))
    assert error == "invalid_arguments"
    assert messages == slack.refusals
    assert messages[0].startswith("[ERROR]")
    assert slack.views == []
    again = web_api.views_open(trigger_id=trigger_id, view=_modal(SECTION))
    assert (await _refusal(again))[0] == "exchanged_trigger_id"


async def test_a_call_without_a_view_is_refused(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    call = web_api.api_call("views.open", params={"trigger_id": await _trigger(slack, bot)})
    assert (await _refusal(call))[0] == "invalid_arguments"


async def test_a_view_may_be_too_large_as_a_whole(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    many = [LONG] * (VIEW_BYTES // 3000 + 1)
    opening = web_api.views_open(trigger_id=await _trigger(slack, bot), view=_modal(*many))
    assert (await _refusal(opening))[0] == "view_too_large"


async def test_a_new_modal_replaces_the_one_that_the_person_has_open(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    first = await _opened(slack, bot, web_api, SECTION)
    await web_api.views_open(trigger_id=await _trigger(slack, bot, BEN), view=_modal(SECTION))
    second = await _opened(slack, bot, web_api, NOTE)

    assert slack.views == [slack.modal(BEN), second]
    with pytest.raises(ValueError, match="no longer sees"):
        slack.close(first)


async def test_there_is_no_stack_of_views(web_api: AsyncWebClient) -> None:
    assert (await _refusal(web_api.views_push(trigger_id="1.2.3", view=_modal(SECTION))))[0] == "unknown_method"


# --- views.update --------------------------------------------------------------------------------------------------


async def test_an_update_keeps_what_was_entered_in_the_same_fields(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    other = _input("other", "plain_text_input")
    view = await _opened(slack, bot, web_api, STATUS, NOTE, other, SECTION)
    before, unnamed = view.hash, view.blocks[3]["block_id"]
    await slack.enter(view, "status", "won")
    await slack.enter(view, "other", "lost with its name")
    renamed = {**other, "element": {**other["element"], "action_id": "other-2"}}
    named_again = _input("note", "plain_text_input", initial_value="not shown: the field is there already")
    waiting = asyncio.ensure_future(slack.wait_until(lambda: view.hash != before))
    answer = await web_api.views_update(view_id=view.id, view=_modal(renamed, named_again, STATUS, SECTION, MORE_ROW))

    await waiting
    told = answer["view"]
    assert (told["id"], told["hash"], told["blocks"]) == (view.id, view.hash, view.blocks)
    assert (
        told["state"]["values"]
        == view.values
        == {
            "other": {"other-2": {"type": "plain_text_input", "value": None}},
            "note": {"note-1": {"type": "plain_text_input", "value": None}},
            "status": {"status-1": {"type": "static_select", "selected_option": WON}},
        }
    )
    assert view.blocks[3]["block_id"] != unnamed


async def test_a_field_of_another_kind_is_another_field(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, STATUS)
    await slack.enter(view, "status", "won")
    await web_api.views_update(view_id=view.id, view=_modal(_input("status", "radio_buttons", **CHOICE)))
    assert view.values == {"status": {"status-1": {"type": "radio_buttons", "selected_option": None}}}


async def test_an_update_with_an_old_hash_is_refused(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    known = view.hash
    await slack.enter(view, "note", "changes no hash")
    await web_api.views_update(view_id=view.id, hash=known, view=_modal(NOTE))
    assert await _refusal(web_api.views_update(view_id=view.id, hash=known, view=_modal(STATUS))) == (
        *("hash_conflict", []),
    )
    assert view.blocks == [NOTE]


async def test_an_update_of_an_unknown_or_closed_modal_finds_nothing(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    assert (await _refusal(web_api.views_update(view_id="V0", view=_modal(NOTE))))[0] == "not_found"
    assert (await _refusal(web_api.views_update(external_id="x", view=_modal(NOTE))))[0] == "not_found"
    assert (await _refusal(web_api.api_call("views.update", json={"view": _modal(NOTE)})))[0] == "not_found"
    slack.close(view)
    assert (await _refusal(web_api.views_update(view_id=view.id, view=_modal(NOTE))))[0] == "not_found"


async def test_an_update_that_slack_refuses_leaves_the_modal(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    error, messages = await _refusal(web_api.views_update(view_id=view.id, view=_modal(NOTE, NOTE)))
    assert (error, messages) == ("invalid_arguments", slack.refusals)
    assert view.blocks == [NOTE]


async def test_an_external_id_names_one_view(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, NOTE, external_id="one")
    opening = web_api.views_open(trigger_id=await _trigger(slack, bot, BEN), view=_modal(NOTE, external_id="one"))
    assert (await _refusal(opening))[0] == "duplicate_external_id"
    await web_api.views_update(external_id="one", view=_modal(STATUS, external_id="one"))
    assert view.blocks == [STATUS]


# --- type-ahead ----------------------------------------------------------------------------------------------------


async def test_type_ahead_is_sent_to_the_bot_and_its_options_are_offered(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, DEAL, private_metadata="x")
    bot.answers({"options": [WON]})
    assert await slack.type_ahead(view, "deal", "acme") == [WON]

    told = bot.told
    assert told.keys() == {
        *("type", "user", "team", "enterprise", "is_enterprise_install", "api_app_id"),
        *("container", "action_id", "block_id", "value", "view"),
    }
    assert (told["type"], told["action_id"], told["block_id"]) == ("block_suggestion", "deal-1", "deal")
    assert (told["value"], told["container"]) == ("acme", {"type": "view", "view_id": view.id})
    assert told["user"] == {"id": ANA, "username": "ana", "name": "ana", "team_id": slack.team_id}
    assert (told["view"]["id"], told["view"]["private_metadata"]) == (view.id, "x")
    body, headers = bot.received[0]
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)
    assert slack.refusals == []


async def test_options_may_come_in_groups(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, DEAL)
    groups = [{"label": _plain("a"), "options": [WON]}, {"label": _plain("b"), "options": [LOST, OPEN]}]
    bot.answers({"option_groups": groups})
    assert await slack.type_ahead(view, "deal", "acme") == [WON, LOST, OPEN]


@pytest.mark.parametrize(("least", "text", "sent"), [(None, "ac", 0), (None, "acm", 1), (0, "", 1), (1, "", 0)])
async def test_type_ahead_sends_nothing_below_the_minimum_length(
    *, slack: Slack, bot: _Recorder, web_api: AsyncWebClient, least: int | None, text: str, sent: int
) -> None:
    element: dict[str, Any] = {} if least is None else {"min_query_length": least}
    view = await _opened(slack, bot, web_api, _input("deal", "external_select", **element))
    bot.answers({"options": []})
    assert await slack.type_ahead(view, "deal", text) == []
    assert (len(bot.received), slack.refusals) == (sent, [])


@pytest.mark.parametrize(
    "answer", [b"", b"oh no", b"[]", b"{}", json.dumps({"options": [WON] * 2}).encode(), b'{"options": [{}]}']
)
async def test_an_answer_to_type_ahead_that_slack_refuses_is_recorded(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient, answer: bytes
) -> None:
    view = await _opened(slack, bot, web_api, DEAL)
    bot.answer = answer
    assert await slack.type_ahead(view, "deal", "acme") == []
    assert [refusal.split(":")[0] for refusal in slack.refusals] == ["block_suggestion"]
    assert slack.shown == []


async def test_a_bot_that_is_late_or_fails_offers_nothing(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, DEAL)
    bot.answers({"options": [WON]})
    bot.status = 500
    assert await slack.type_ahead(view, "deal", "acme") == []
    bot.status, bot.wait, slack.acknowledge_within = 200, 1.0, 0.1
    assert await slack.type_ahead(view, "deal", "acme") == []
    assert len(slack.refusals) == 2
    assert slack.shown == []


async def test_only_an_external_select_has_type_ahead(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, STATUS)
    with pytest.raises(ValueError, match="nothing to look up in status"):
        await slack.type_ahead(view, "status", "acme")
    with pytest.raises(ValueError, match="0 fields deal"):
        await slack.type_ahead(view, "deal", "acme")


# --- entering ------------------------------------------------------------------------------------------------------


async def test_every_field_begins_with_its_initial_value(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(
        *(slack, bot, web_api),
        _input("a", "plain_text_input", initial_value="hello"),
        _input("b", "static_select", **CHOICE, initial_option=OPEN),
        _input("c", "external_select", initial_option=LOST),
        _input("d", "checkboxes", **CHOICE, initial_options=[OPEN, WON]),
        _input("e", "radio_buttons", **CHOICE, initial_option=WON),
        {**SECTION, "block_id": "f", "accessory": STATUS["element"]},
        MORE_ROW,
    )
    assert view.values == {
        "a": {"a-1": {"type": "plain_text_input", "value": "hello"}},
        "b": {"b-1": {"type": "static_select", "selected_option": OPEN}},
        "c": {"c-1": {"type": "external_select", "selected_option": LOST}},
        "d": {"d-1": {"type": "checkboxes", "selected_options": [OPEN, WON]}},
        "e": {"e-1": {"type": "radio_buttons", "selected_option": WON}},
        "f": {"status-1": {"type": "static_select", "selected_option": None}},
    }


async def test_people_enter_text_and_choose_options(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    lines = _input("lines", "plain_text_input", multiline=True)
    boxes, one = _input("boxes", "checkboxes", **CHOICE), _input("one", "radio_buttons", **CHOICE)
    view = await _opened(slack, bot, web_api, NOTE, lines, STATUS, DEAL, boxes, one)
    bot.answers({"options": [WON, LOST]})
    await slack.type_ahead(view, "deal", "acme")
    for block_id, value in {"note": "hi", "lines": "a\nb", "status": "won", "deal": "lost", "one": "open"}.items():
        await slack.enter(view, block_id, value)
    await slack.enter(view, "boxes", ["open", "lost"])

    entered = {block_id: next(iter(fields.values())) for block_id, fields in view.values.items()}
    assert (entered["note"]["value"], entered["lines"]["value"]) == ("hi", "a\nb")
    assert (entered["status"]["selected_option"], entered["deal"]["selected_option"]) == (WON, LOST)
    assert (entered["one"]["selected_option"], entered["boxes"]["selected_options"]) == (OPEN, [OPEN, LOST])
    assert len(bot.received) == 1

    await slack.enter(view, "boxes", "won")
    assert entered["boxes"]["selected_options"] == [WON]
    for block_id in ("note", "status", "deal", "boxes"):
        await slack.enter(view, block_id, None)
    await slack.enter(view, "lines", "")
    assert (entered["note"]["value"], entered["lines"]["value"]) == (None, None)
    assert (entered["status"]["selected_option"], entered["deal"]["selected_option"]) == (None, None)
    assert entered["boxes"]["selected_options"] == []


async def test_only_the_current_option_and_those_offered_last_can_be_chosen(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, _input("deal", "external_select", initial_option=OPEN))
    with pytest.raises(ValueError, match="no option 'won'"):
        await slack.enter(view, "deal", "won")
    await slack.enter(view, "deal", "open")
    bot.answers({"options": [WON]})
    await slack.type_ahead(view, "deal", "acme")
    await slack.enter(view, "deal", "won")
    bot.answers({"options": [LOST]})
    await slack.type_ahead(view, "deal", "other")
    await slack.enter(view, "deal", "won")
    with pytest.raises(ValueError, match="no option 'open'"):
        await slack.enter(view, "deal", "open")


@pytest.mark.parametrize(
    ("block", "value"),
    [
        (NOTE, "a\nb"),
        (NOTE, ["a"]),
        (STATUS, "nuked"),
        (_input("x", "radio_buttons", **CHOICE), None),
        (_input("x", "radio_buttons", **CHOICE), "nuked"),
        (_input("x", "checkboxes", **CHOICE), ["won", "nuked"]),
    ],
)
async def test_a_field_refuses_a_value_that_it_does_not_take(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient, block: Mapping[str, Any], value: str | list[str] | None
) -> None:
    view = await _opened(slack, bot, web_api, block)
    with pytest.raises(ValueError, match=r"no option|cannot enter"):
        await slack.enter(view, block["block_id"], value)


async def test_a_field_among_several_in_a_block_is_found_by_its_action_id(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    element = STATUS["element"]
    row = {"type": "actions", "block_id": "row", "elements": [{**element, "action_id": each} for each in "ab"]}
    view = await _opened(slack, bot, web_api, row)
    with pytest.raises(ValueError, match="2 fields row"):
        await slack.enter(view, "row", "won")
    with pytest.raises(ValueError, match="0 fields row c"):
        await slack.enter(view, "row", "won", action_id="c")
    await slack.enter(view, "row", "won", action_id="b")
    assert {name: entered["selected_option"] for name, entered in view.values["row"].items()} == {"a": None, "b": WON}


# --- what the bot hears of it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["static_select", "radio_buttons", "checkboxes"])
async def test_a_choice_is_sent_if_the_bot_asked_for_it(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient, kind: str
) -> None:
    view = await _opened(slack, bot, web_api, _input("status", kind, fields=DISPATCHES, **CHOICE), NOTE)
    await slack.enter(view, "note", "hi")
    await slack.enter(view, "status", "won")

    told = bot.told
    assert told.keys() == {
        *("type", "user", "team", "enterprise", "is_enterprise_install", "api_app_id"),
        *("container", "trigger_id", "view", "actions"),
    }
    assert (told["type"], told["container"]) == ("block_actions", {"type": "view", "view_id": view.id})
    assert (told["view"]["hash"], told["view"]["state"]["values"]) == (view.hash, view.values)
    assert told["view"]["state"]["values"]["note"]["note-1"]["value"] == "hi"
    (action,) = told["actions"]
    chosen = {"selected_options": [WON]} if kind == "checkboxes" else {"selected_option": WON}
    assert float(action.pop("action_ts")) > 0
    assert action == {"type": kind, "action_id": "status-1", "block_id": "status", **chosen}
    assert (view.errors, slack.shown) == ({}, [])
    await web_api.views_open(trigger_id=told["trigger_id"], view=_modal(SECTION))


async def test_text_and_unchanged_choices_are_not_sent(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    radio = _input("status", "radio_buttons", fields=DISPATCHES, **CHOICE, initial_option=WON)
    view = await _opened(slack, bot, web_api, radio, _input("note", "plain_text_input", fields=DISPATCHES))
    await slack.enter(view, "status", "won")
    await slack.enter(view, "note", "hi")
    assert bot.received == []
    await slack.enter(view, "status", "open")
    assert len(bot.received) == 1


async def test_a_choice_outside_an_input_is_always_sent(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    beside = {**SECTION, "block_id": "beside", "accessory": STATUS["element"]}
    view = await _opened(slack, bot, web_api, beside, MORE_ROW)
    await slack.enter(view, "beside", "won")
    assert bot.told["actions"][0]["selected_option"] == WON

    await slack.press_in(view, "more")
    (action,) = bot.told["actions"]
    assert (action["type"], action["block_id"], action["value"]) == ("button", "row", "x")
    assert bot.told["container"] == {"type": "view", "view_id": view.id}
    with pytest.raises(ValueError, match="no button less"):
        await slack.press_in(view, "less")


async def test_a_bot_that_fails_is_shown_as_trouble_in_the_modal_and_not_in_the_channel(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, MORE_ROW)
    bot.status = 500
    await slack.press_in(view, "more")
    assert view.errors == {NOT_BESIDE_A_FIELD: TROUBLE}
    assert (len(slack.refusals), slack.shown) == (1, [])
    bot.status = 200
    await slack.press_in(view, "more")
    assert view.errors == {}


# --- submitting ----------------------------------------------------------------------------------------------------


async def test_a_modal_is_submitted_with_all_its_values(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, STATUS, NOTE, callback_id="change", private_metadata="x")
    await slack.enter(view, "status", "won")
    assert await slack.submit(view) == {}

    told = bot.told
    assert told.keys() == {
        *("type", "user", "team", "enterprise", "is_enterprise_install", "api_app_id"),
        *("trigger_id", "view", "response_urls"),
    }
    assert (told["type"], told["user"]["id"], told["response_urls"]) == ("view_submission", ANA, [])
    assert (told["view"]["id"], told["view"]["hash"]) == (view.id, view.hash)
    assert (told["view"]["callback_id"], told["view"]["private_metadata"]) == ("change", "x")
    assert told["view"]["state"]["values"] == {
        "status": {"status-1": {"type": "static_select", "selected_option": WON}},
        "note": {"note-1": {"type": "plain_text_input", "value": None}},
    }
    assert slack.views == []


async def test_an_answer_may_close_all_views(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    bot.answers({"response_action": "clear"})
    assert await slack.submit(view) == {}
    assert slack.views == []
    with pytest.raises(ValueError, match="U0ANA no longer sees: Deal"):
        await slack.submit(view)
    with pytest.raises(ValueError, match="no longer sees"):
        await slack.enter(view, "note", "hi")


@pytest.mark.parametrize(
    ("block", "value", "complaint"),
    [
        (STATUS, None, INCOMPLETE),
        (_input("x", "checkboxes", **CHOICE), None, INCOMPLETE),
        (_input("x", "plain_text_input"), "", INCOMPLETE),
        (_input("x", "plain_text_input", min_length=3), "hi", TOO_SHORT.format(3)),
        (_input("x", "plain_text_input", max_length=3), "hello", TOO_LONG.format(3)),
        (_input("x", "plain_text_input", fields=OPTIONAL, max_length=3), "hello", TOO_LONG.format(3)),
    ],
)
async def test_slack_itself_refuses_invalid_values_and_sends_nothing(
    *, slack: Slack, bot: _Recorder, web_api: AsyncWebClient, block: Mapping[str, Any], value: str, complaint: str
) -> None:
    view = await _opened(slack, bot, web_api, block, NOTE)
    await slack.enter(view, block["block_id"], value)
    assert await slack.submit(view) == view.errors == {block["block_id"]: complaint}
    assert (bot.received, slack.views) == ([], [view])


async def test_valid_values_and_empty_optional_fields_are_sent(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    fits = _input("fits", "plain_text_input", min_length=2, max_length=2)
    may = _input("may", "plain_text_input", fields=OPTIONAL, min_length=2)
    view = await _opened(slack, bot, web_api, fits, may, SECTION)
    await slack.enter(view, "fits", "hi")
    assert await slack.submit(view) == {}


async def test_errors_stay_until_it_is_submitted_again(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    bot.answers(ERRORS)
    assert await slack.submit(view) == view.errors == {"note": "Too bold."}
    assert slack.views == [view]
    bot.answer = b""
    assert await slack.submit(view) == {}
    assert slack.views == []


async def test_an_answer_may_be_another_view(slack: Slack, bot: _Recorder, web_api: AsyncWebClient) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    await slack.enter(view, "note", "hi")
    before = view.hash
    bot.answers({"response_action": "update", "view": {**_modal(NOTE, SECTION), "title": _plain("Sure?")}})
    assert await slack.submit(view) == {}
    assert (slack.views, view.given["title"]) == ([view], _plain("Sure?"))
    assert view.values["note"]["note-1"]["value"] == "hi"
    assert view.hash != before


async def test_an_answer_to_a_modal_that_is_gone_changes_nothing(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    bot.wait = 0.1
    bot.answers(ERRORS)
    submitting = asyncio.ensure_future(slack.submit(view))
    await asyncio.sleep(0.05)
    slack.close(view)
    assert await submitting == {}
    assert (slack.views, slack.refusals) == ([], [])


@pytest.mark.parametrize(
    "answer",
    [
        b"oh no",
        b"{}",
        b"[]",
        *(
            json.dumps(answer).encode()
            for answer in (
                {"text": "hello"},
                {"response_action": "push", "view": _modal(SECTION)},
                {"response_action": "clear", "view": _modal(SECTION)},
                {"response_action": "update", "view": _modal()},
                {"response_action": "update"},
                {"response_action": "update", "view": _modal(*[LONG] * (VIEW_BYTES // 3000 + 1))},
                {"response_action": "update", "view": _modal(SECTION), "hash": "x"},
                {"response_action": "errors"},
                {"response_action": "errors", "errors": []},
                {"response_action": "errors", "errors": {}},
                {"response_action": "errors", "errors": {"note": ""}},
                {"response_action": "errors", "errors": {"note": 1}},
                {"response_action": "errors", "errors": {"note": "x", "section": "no input"}},
                {"response_action": "errors", "errors": {"unknown": "x"}},
                {**ERRORS, "text": "x"},
            )
        ),
    ],
)
async def test_a_malformed_answer_is_trouble(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient, answer: bytes
) -> None:
    view = await _opened(slack, bot, web_api, NOTE, {**SECTION, "block_id": "section"})
    bot.answer = answer
    assert await slack.submit(view) == view.errors == {NOT_BESIDE_A_FIELD: TROUBLE}
    assert slack.views == [view]
    assert slack.refusals[-1].startswith("view_submission: ")
    assert slack.shown == []


async def test_a_bot_that_fails_or_is_too_late_or_not_there_is_trouble(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    trouble = {NOT_BESIDE_A_FIELD: TROUBLE}
    bot.status = 500
    assert await slack.submit(view) == trouble
    bot.status, bot.wait, slack.acknowledge_within = 200, 1.0, 0.1
    assert await slack.submit(view) == trouble
    slack.bot_url = "http://127.0.0.1:1"
    assert await slack.submit(view) == trouble
    assert (slack.views, slack.shown) == ([view], [])


async def test_a_modal_without_a_submit_button_cannot_be_submitted(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    trigger_id = await _trigger(slack, bot)
    await web_api.views_open(
        trigger_id=trigger_id, view={"type": "modal", "title": _plain("Done"), "blocks": [SECTION]}
    )
    with pytest.raises(ValueError, match="nothing to submit: Done"):
        await slack.submit(slack.modal(ANA))


async def test_the_bot_is_not_told_that_a_modal_is_closed(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, NOTE)
    slack.close(view)
    assert (slack.views, bot.received) == ([], [])


# --- over a socket -------------------------------------------------------------------------------------------------


async def _acknowledge(ws: aiohttp.ClientWebSocketResponse, payload: object = None) -> Any:  # noqa: ANN401
    envelope = await ws.receive_json(timeout=30)
    more = {} if payload is None else {"payload": payload}
    await ws.send_json({"envelope_id": envelope["envelope_id"], **more})
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("interactive", True)
    return envelope["payload"]


async def test_over_a_socket_an_acknowledgement_carries_the_answer(
    slack: Slack, bot: _Recorder, web_api: AsyncWebClient
) -> None:
    view = await _opened(slack, bot, web_api, DEAL, _input("status", "radio_buttons", fields=DISPATCHES, **CHOICE))
    shown = await slack.post("the Acme deal", user=BEN)
    slack.socket.tokens = {APP_TOKEN}
    slack.acknowledge_within = 0.5
    opened = await AsyncWebClient(base_url=f"{slack.url}/api/").apps_connections_open(app_token=APP_TOKEN)
    async with aiohttp.ClientSession() as http, http.ws_connect(opened["url"]) as ws:
        assert (await ws.receive_json())["type"] == "hello"

        offered, told = await asyncio.gather(
            slack.type_ahead(view, "deal", "acme"), _acknowledge(ws, {"options": [WON]})
        )
        assert (offered, told["type"], told["value"]) == ([WON], "block_suggestion", "acme")
        await slack.enter(view, "deal", "won")

        _, told = await asyncio.gather(slack.enter(view, "status", "lost"), _acknowledge(ws))
        assert (told["type"], told["actions"][0]["selected_option"]) == ("block_actions", LOST)

        errors = {"response_action": "errors", "errors": {"deal": "It is gone."}}
        answer, told = await asyncio.gather(slack.submit(view), _acknowledge(ws, errors))
        assert (answer, told["type"]) == ({"deal": "It is gone."}, "view_submission")

        assert await slack.submit(view) == {NOT_BESIDE_A_FIELD: TROUBLE}
        await ws.receive_json()
        assert (slack.views, slack.shown) == ([view], [shown])

        answer, _ = await asyncio.gather(slack.submit(view), _acknowledge(ws))
        assert (answer, slack.views) == ({}, [])

        _, told = await asyncio.gather(slack.shortcut(shown, "change", user=ANA), _acknowledge(ws))
        assert (told["type"], told["message"]["text"]) == ("message_action", "the Acme deal")
    assert bot.received == []

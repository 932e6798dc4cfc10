import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.deals.deal import STATES, LostReason, Status
from bot.simulator.serving import served
from bot.simulator.slack.server import Fault, Slack
from bot.simulator.slack.views import View
from bot.slack.block_kit import blocks, inputs
from bot.slack.listeners.home.publishing import NotPublished, Published
from bot.slack.messages import form
from bot.slack.messages.form import Form, Origin
from bot.slack.web_api import SlackViews

pytestmark = pytest.mark.jumping_clock

TOKEN = "xoxb-not-a-token"
EMPTY = Form(Origin("C1", "http://reply.example"), STATES)
FORM = form.view(EMPTY)
LOST = form.view(Form(EMPTY.origin, STATES, status=Status.LOST, reasons=(LostReason("price", "Price"),)))
BROKEN = {**FORM, "blocks": []}
METHODS = ["views.open", "views.update"]


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = Slack(signing_secret="thisisnotasigningsecretofslacks0", bot_token=TOKEN)
    async with served(slack.app()) as slack.url:
        yield slack


@pytest.fixture
def client(slack: Slack) -> AsyncWebClient:
    return AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])


@pytest.fixture
def views(client: AsyncWebClient) -> SlackViews:
    return SlackViews(client)


def _trigger(slack: Slack) -> str:
    return slack._new_trigger("U1")


async def _opened(slack: Slack, views: SlackViews) -> View:
    assert await views.open(_trigger(slack), FORM)
    return slack.modal("U1")


async def test_a_form_is_opened_for_the_person_of_the_trigger(slack: Slack, views: SlackViews) -> None:
    view = await _opened(slack, views)

    assert view.given["callback_id"] == form.FORM
    assert slack.refusals == []


async def test_a_form_is_opened_once_and_not_too_late(slack: Slack, views: SlackViews) -> None:
    once = _trigger(slack)
    assert await views.open(once, FORM)
    assert not await views.open(once, FORM)

    late, now = _trigger(slack), slack.clock()
    slack.clock = lambda: now + 4
    assert not await views.open(late, FORM)
    assert not await views.open("", FORM)


async def test_an_open_form_is_updated_in_place(slack: Slack, views: SlackViews) -> None:
    view = await _opened(slack, views)

    assert await views.update(view.id, view.hash, LOST)
    assert view.field(form.REASON)["options"][0]["value"] == "price"


async def test_a_form_that_was_updated_meanwhile_or_closed_stays_so(slack: Slack, views: SlackViews) -> None:
    view = await _opened(slack, views)
    before = view.hash
    await views.update(view.id, before, LOST)

    assert not await views.update(view.id, before, FORM)
    assert form.REASON in view.values
    slack.close(view)
    assert not await views.update(view.id, view.hash, FORM)
    assert not await views.update("", "", FORM)


async def test_a_form_that_slack_does_not_take_is_logged_with_its_reason(slack: Slack, views: SlackViews) -> None:
    with capture_logs() as lines:
        assert not await views.open(_trigger(slack), BROKEN)

    (line,) = lines
    assert (line["event"], line["error"]) == ("view.refused", "SlackApiError")
    assert "invalid_arguments" in line["reason"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "fault",
    [
        {"drops": True},
        {"wait": 0.5},
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 503},
        {"status": 200, "body": []},
        {"status": 200, "body": {"ok": False, "error": "internal_error"}},
    ],
)
async def test_any_error_means_a_form_that_is_not_shown_and_no_call_is_repeated(
    slack: Slack, client: AsyncWebClient, method: str, fault: dict[str, object]
) -> None:
    views = SlackViews(client)
    view = await _opened(slack, views)
    slack.calls.clear()
    client.timeout = 0.2  # type: ignore[assignment] # slack_sdk says int, and hands it to aiohttp
    slack.misbehave(Fault(method, **fault))  # type: ignore[arg-type] # each has its own

    async with asyncio.timeout(60):
        if method == "views.open":
            assert not await views.open(_trigger(slack), FORM)
        else:
            assert not await views.update(view.id, view.hash, FORM)
    assert slack.calls == [method]


async def test_after_a_lost_answer_the_form_may_be_open(slack: Slack, views: SlackViews) -> None:
    slack.misbehave(Fault("views.open", drops=True, carries_out=True))

    assert not await views.open(_trigger(slack), FORM)
    assert slack.modal("U1").given["callback_id"] == form.FORM


@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
async def test_an_answer_that_makes_no_sense_counts_as_a_failure(content_type: str, status: int, body: bytes) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type=content_type)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with served(app) as url:
        views = SlackViews(AsyncWebClient(token=TOKEN, base_url=f"{url}/api/", retry_handlers=[]))
        assert not await views.open("1.2.3", FORM)
        assert not await views.update("V1", "hash", FORM)


@pytest.mark.parametrize("api_url", ["http://127.0.0.1:1/", "http://"])
async def test_a_slack_that_cannot_be_reached_shows_no_form(api_url: str) -> None:
    views = SlackViews(AsyncWebClient(token=TOKEN, base_url=api_url, retry_handlers=[]))

    assert not await views.open("1.2.3", FORM)


# --- Home tabs -----------------------------------------------------------------------------------------------------

HOME = inputs.home_tab([blocks.section("Your deals")], callback_id="home", private_metadata="{}")


async def test_a_home_tab_is_published_and_its_hash_told(slack: Slack, views: SlackViews) -> None:
    slack.users["U1"] = {"id": "U1"}

    first = await views.publish("U1", HOME, "")
    assert first == Published(slack.home("U1").hash)
    assert await views.publish("U1", HOME, first.hash) == Published(slack.home("U1").hash)
    assert await views.publish("U1", HOME, first.hash) is NotPublished.CONFLICT


@pytest.mark.parametrize(
    "fault",
    [
        Fault("views.publish", status=429),
        Fault("views.publish", status=500),
        Fault("views.publish", drops=True),
        Fault("views.publish", status=200, body={"ok": False, "error": "not_enabled"}),
        Fault("views.publish", status=200, body="a text"),
    ],
    ids=["too many", "broken", "no answer", "no Home tab", "no JSON object"],
)
async def test_a_home_tab_that_slack_does_not_take_is_told_so_and_logged(
    slack: Slack, views: SlackViews, fault: Fault
) -> None:
    slack.misbehave(fault)
    with capture_logs() as lines:
        assert await views.publish("U1", HOME, "") is NotPublished.FAILED

    assert [line["event"] for line in lines] == ["home.not_published"]


async def test_a_home_tab_whose_hash_is_not_told_is_published_all_the_same(slack: Slack, views: SlackViews) -> None:
    slack.misbehave(Fault("views.publish", status=200, body={"ok": True}))

    assert await views.publish("U1", HOME, "") == Published("")


async def test_whether_the_app_has_a_home_tab_is_asked_without_publishing_one(slack: Slack, views: SlackViews) -> None:
    slack.users["U1"] = {"id": "U1"}
    await views.publish("U1", HOME, "")
    published = len(slack.published)

    assert await views.has_home("U1", HOME) is True
    assert await views.has_home("U2", HOME) is None
    slack.home_enabled = False
    assert await views.has_home("U1", HOME) is False
    assert len(slack.published) == published


async def test_a_slack_that_replaces_a_tab_whatever_the_hash_has_one(slack: Slack, views: SlackViews) -> None:
    slack.misbehave(Fault("views.publish", status=200, body={"ok": True}))

    assert await views.has_home("U1", HOME) is True

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.demo.page import FILES, LEFT_OUT, Page, as_sent
from bot.simulator.demo.stage import ACME, GLOBEX, INITECH, PLANET, SALES, Stage, staged
from bot.simulator.demo.tour import steps
from bot.simulator.demo.tour.steps import MORE, STEPS
from bot.simulator.demo.troubles import HIGHLEVEL, SLACK
from bot.simulator.demo.viewpoint import DIRECT, HOME, Viewpoint
from bot.simulator.serving import served
from bot.simulator.slack.workspace import Shown
from bot.storage.database import Database
from bot.storage.history import SqlHistory
from tests.house import PATIENT

DOCUMENTED = ("https://docs.slack.dev/messaging/formatting-message-text#date-formatting",)
"""The addresses that a script names in its comments."""


PARTS = {"messages", "modal", "sidebar", "faces", "phone", "score", "board", "steps", "refusals", "traffic"}


@dataclass
class Visit:
    """A stage, and a client of its page."""

    stage: Stage
    http: httpx.AsyncClient

    async def does(self, path: str, **fields: str | list[str]) -> str:
        """Let Ana do something in the public channel; returns the error that she reads, empty if there is none."""
        answer = await self.http.post(path, data={"user": "U0ANA", "channel": SALES} | fields)
        assert answer.status_code == (409 if answer.text.startswith(("That ", "/", "Slack takes")) else 200), (
            answer.text
        )
        return answer.text

    async def sees(self, **query: str) -> str:
        answer = await self.http.get("/", params={"user": "U0ANA", "channel": SALES, **query})
        assert answer.status_code == 200
        return answer.text

    async def shown(self, count: int = 1) -> Shown:
        return (await self.stage.slack.wait_for(count))[-1]


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    async with staged(PATIENT) as stage, served(Page(stage).app()) as url, httpx.AsyncClient(base_url=url) as http:
        yield Visit(stage, http)


async def test_a_new_page_has_all_its_parts(visit: Visit) -> None:
    page = await visit.sees()

    for words in (
        "Close a deal in Slack. Watch HighLevel update.",
        "No messages yet. Click a step above.",
        "New website",
        "$0</strong> <span>won today",
        "<strong>Ana</strong> <small>sales rep</small>",
        "<span># sales</span>",
        "<span>deals-team</span>",
        "Copy manifest link",
        *(each.label for each in (*HIGHLEVEL, *SLACK)),
        *(each.name for each in (*STEPS, *MORE)),
    ):
        assert words in page
    for each in LEFT_OUT:
        assert each.replace("'", "&#39;") in page


async def test_nothing_is_loaded_from_elsewhere_and_no_script_is_run_but_ours(visit: Visit) -> None:
    answer = await visit.http.get("/")

    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert "<script>" not in answer.text
    assert "style=" not in answer.text
    for name in FILES:
        file = await visit.http.get(f"/{name}")
        assert {"js": "javascript", "css": "css"}[name.partition(".")[2]] in file.headers["Content-Type"]
        assert re.findall(r"https?://\S+", file.text) == [each for each in DOCUMENTED if each in file.text]


async def test_a_command_is_sent_signed_and_its_answer_is_shown_in_its_channel(visit: Visit) -> None:
    assert await visit.does("/say", text="/opp-status Acme Corp won") == ""
    await visit.shown()

    page = await visit.sees()
    assert "</span> won <strong>" in page
    assert f"PUT /opportunities/{ACME}/status" in page
    assert "was open" in page
    assert "No messages yet." in await visit.sees(channel=DIRECT)


async def test_words_that_are_no_command_are_a_message(visit: Visit) -> None:
    await visit.does("/say", text="Look: https://x.example/a?b=c&d")
    await visit.does("/say", text="   ")

    assert [(shown.text, shown.by) for shown in visit.stage.slack.shown] == [
        ("Look: <https://x.example/a?b=c&amp;d>", "U0ANA")
    ]


async def test_an_unknown_command_is_refused(visit: Visit) -> None:
    assert "Try /opp-status." in await visit.does("/say", text="/remind me")


async def test_buttons_and_menus_can_be_used(visit: Visit) -> None:
    await visit.does("/say", text="/opp-status Acme Corp lost")
    asks = await visit.shown(2)
    where = next(
        number for number, block in enumerate(asks.blocks) if "accessory" in block or block["type"] == "actions"
    )
    assert await visit.does("/press", ts=asks.ts, block=str(where), element="1") == ""
    loss = visit.stage.slack.shown[0]
    first = await visit.stage.slack.wait_for_change(loss.ts)
    assert "No answer" in first.text
    where = next(number for number, block in enumerate(first.blocks) if "accessory" in block)
    assert await visit.does("/press", ts=first.ts, block=str(where), element="0") == ""
    await visit.stage.slack.wait_for_change(first.ts, times=2)
    assert "clicked Undo" in await visit.sees()


async def test_a_day_can_be_picked(visit: Visit) -> None:
    await visit.does("/say", text="/opp-status remind Acme Corp")
    asks = await visit.shown()
    where, elements = next(
        (str(number), block["elements"]) for number, block in enumerate(asks.blocks) if block["type"] == "actions"
    )
    element = next(str(number) for number, each in enumerate(elements) if each["type"] == "datepicker")
    day = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    assert await visit.does("/select", ts=asks.ts, block=where, element=element, value=day) == ""

    told = await visit.stage.slack.wait_for_change(asks.ts)
    assert "Reminder set for" in told.text


async def test_an_option_of_a_menu_is_picked(visit: Visit) -> None:
    text = {"type": "plain_text", "text": "Odd"}
    menu = {"type": "static_select", "action_id": "odd", "options": [{"text": text, "value": "odd"}]}
    address = visit.stage.slack.new_address("commands", SALES, "U0ANA")
    await visit.http.post(address, json={"text": "x", "blocks": [{"type": "actions", "elements": [menu]}]})
    shown = await visit.shown()

    await visit.does("/select", ts=shown.ts, block="0", element="0", value="odd")

    assert "picked Odd" in await visit.sees()


async def test_a_message_or_form_that_is_gone_cannot_be_used(visit: Visit) -> None:
    await visit.does("/say", text="/opp-status help")
    shown = await visit.shown()

    assert await visit.does("/press", ts="1.2", block="0", element="0") == "That message is gone."
    assert await visit.does("/press", ts=shown.ts, block="99", element="0") == "That button is gone."
    assert await visit.does("/close", view="V1") == "That form is gone."


async def test_a_form_is_filled_in(visit: Visit) -> None:
    await visit.does("/say", text="/opp-status")
    view = await visit.stage.slack.wait_for_modal("U0ANA")
    field = {"view": view.id, "action": "deal", "block": "deal"}
    await visit.does("/type-ahead", **field, text="acme")
    page = await visit.sees()
    assert f'<option value="{ACME}">' in page
    await visit.does("/enter", **field, value=ACME)
    await visit.does("/enter", view=view.id, block="status", action="status", value="won")
    await visit.does("/enter", view=view.id, block="post", action="post", value=[])
    await visit.does("/enter", view=view.id, block="note", action="note", value="")
    await visit.does("/submit", view=view.id)

    assert "> won " in (await visit.shown()).text
    assert (await visit.shown()).only_to == "U0ANA"
    assert "submitted the form" in await visit.sees()


async def test_a_form_is_closed(visit: Visit) -> None:
    await visit.does("/say", text="/opp-status")
    view = await visit.stage.slack.wait_for_modal("U0ANA")

    await visit.does("/close", view=view.id)

    assert visit.stage.slack.views == []


async def test_a_button_that_a_form_does_not_have_cannot_be_pressed(visit: Visit) -> None:
    await visit.does("/say", text="/opp-status")
    view = await visit.stage.slack.wait_for_modal("U0ANA")

    answer = await visit.http.post("/press-in", data={"view": view.id, "action_id": "nothing"})

    assert (answer.status_code, answer.text) == (400, "That didn't work: no button nothing in: Update a deal")


async def test_a_button_in_a_form_is_pressed(visit: Visit) -> None:
    await visit.does("/say", text="/opp-status", user="U0KIM")
    await visit.stage.slack.wait_for_modal("U0KIM")
    await visit.does("/say", text="/opp-status")
    view = await visit.stage.slack.wait_for_modal("U0ANA")
    button = {"type": "button", "action_id": "odd", "text": {"type": "plain_text", "text": "Odd"}}
    given = {**view.given, "blocks": [{"type": "actions", "elements": [button]}]}
    await visit.http.post(
        f"{visit.stage.slack.url}/api/views.update",
        headers={"Authorization": "Bearer xoxb-simulated"},
        json={"view_id": view.id, "view": given},
    )

    await visit.does("/press-in", view=view.id, action_id="odd")

    assert "clicked Odd" in await visit.sees()


async def test_a_shortcut_is_used_on_a_message(visit: Visit) -> None:
    await visit.does("/say", text="Hello")

    await visit.does("/shortcut", ts=visit.stage.slack.shown[0].ts)

    assert (await visit.stage.slack.wait_for_modal("U0ANA")).given["title"]["text"] == "Update a deal"


async def test_a_deal_changed_by_hand_moves_to_its_stage_and_then_to_its_closed_lane(visit: Visit) -> None:
    await visit.does("/deal", id=ACME, status="open", stage="stage-3")
    page = await visit.sees()
    assert page.index("stage-3-name") < page.index(f"deal-{ACME}") < page.index("closed-won-name")
    await visit.does("/deal", id=ACME, status="lost", stage="stage-3")
    await visit.does("/deal", id=ACME, status="lost", stage="stage-3")

    deal = visit.stage.highlevel.opportunities[ACME]
    assert (deal["status"], deal["pipelineStageId"]) == ("lost", "stage-3")
    page = await visit.sees()
    assert page.index("closed-lost-name") < page.index(f"deal-{ACME}") < page.index("closed-abandoned-name")


async def test_a_deal_changed_by_hand_is_announced_in_the_channel_once(visit: Visit) -> None:
    await visit.does("/say", text=f"/opp-status {ACME} won")
    await visit.shown()
    await visit.does("/deal", id=INITECH, status="won", stage="stage-1")

    told = await visit.shown(2)
    assert (told.channel, told.only_to) == (SALES, None)
    assert "Printer service" in told.text
    assert len(visit.stage.slack.shown) == 2


# --- the tour ------------------------------------------------------------------------------------------------------


async def test_each_step_runs_its_command_and_is_ticked_off(visit: Visit) -> None:
    for step in STEPS:
        assert f'id="step-{step.number}">' in await visit.sees()
        await visit.does("/step", step=str(step.number))
        assert f'id="step-{step.number}" class="done">' in await visit.sees()

    await visit.does("/reset")
    assert 'class="done"' not in await visit.sees()


async def test_a_step_that_there_is_not_is_refused(visit: Visit) -> None:
    answer = await visit.http.post("/step", data={"step": "9"})

    assert (answer.status_code, answer.text) == (400, "That didn't work: no step 9")


async def test_a_step_that_gets_no_answer_is_said_and_not_ticked_off(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ANSWERED_WITHIN", 0.1)
    await visit.does("/trouble", of="highlevel", name="slow")

    answer = await visit.http.post("/step", data={"step": "1"})

    assert (answer.status_code, answer.text) == (409, "Opp Status isn't responding. Try again.")
    assert 'class="done"' not in await visit.sees()


async def test_the_page_plays_by_itself_for_its_first_visitor_only(visit: Visit) -> None:
    assert "data-plays" in await visit.sees()
    assert "data-plays" not in await visit.sees(user="U0BEN")

    assert [(await visit.http.post("/play")).text for _ in range(2)] == ["play", ""]
    assert "data-plays" not in await visit.sees()


async def test_the_page_does_not_play_once_there_is_something_to_see(visit: Visit) -> None:
    await visit.does("/say", text="/opp-status help")

    assert "data-plays" not in await visit.sees()


# --- what is around the channel ------------------------------------------------------------------------------------


async def test_a_notification_has_the_first_sixty_characters_of_what_reaches_the_persons_phone(visit: Visit) -> None:
    assert "A win shows up here too." in await visit.sees()
    await visit.does("/say", text=f"/opp-status {ACME} won")
    await visit.shown()
    await visit.does("/say", text="/opp-status help")
    await visit.shown(2)

    (words,) = re.findall(r'<p class="words">(.*)</p>', await visit.sees())
    assert words == "Ana won New website · $4,800 · Acme Corp"
    await visit.stage.slack.post("Hello", user="U0BEN", channel=SALES)
    assert re.findall(r'<p class="words">(.*)</p>', await visit.sees()) == [words]
    await visit.stage.change_by_hand(GLOBEX, "abandoned", "stage-3")
    await visit.shown(4)
    (cut,) = re.findall(r'<p class="words">(.*)</p>', await visit.sees())
    assert cut == "Marked abandoned in HighLevel: Yearly support · $12,000 · Gl…"


async def test_replies_stand_in_the_thread_of_their_message_and_reach_no_phone(visit: Visit) -> None:
    await visit.does("/say", text="Who has Acme?", user="U0KIM")
    asked = await visit.shown()
    for text in ("I do.", "Not me."):
        assert await visit.does("/say", text=text, user="U0BEN", thread=asked.ts) == ""
    closed, opened = await visit.sees(), await visit.sees(thread=asked.ts)

    assert "<strong>2 replies</strong>" in closed
    assert f'id="replies-{asked.ts}" href="?user=U0ANA&amp;channel={SALES}&amp;thread={asked.ts}">' in closed
    assert ("I do." in closed, "I do." in opened) == (False, True)
    assert opened.count("Who has Acme?") == 2
    assert '<span class="count">' not in await visit.sees(channel="G0DEALS")
    assert '<p class="words">' not in opened


async def test_a_thread_takes_no_commands_and_none_is_begun_below_a_message_that_is_gone(visit: Visit) -> None:
    await visit.does("/say", text="Who has Acme?")
    asked = await visit.shown()

    assert "no commands in threads" in await visit.does("/say", text="/opp-status help", thread=asked.ts)
    assert await visit.does("/say", text="Hello", thread="1.000000") == "That message is gone."
    assert "That message is gone." in await visit.sees(thread="1.000000")
    assert 'id="thread-pane"' not in await visit.sees(thread="no-thread")
    assert len(visit.stage.slack.shown) == 1


async def test_the_home_tab_is_shown_as_the_bot_published_it_and_its_buttons_are_pressed_there(visit: Visit) -> None:
    button = {"type": "button", "action_id": "odd", "text": {"type": "plain_text", "text": "Refresh"}, "value": "1"}
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
    api = AsyncWebClient(token="xoxb-simulated", base_url=f"{visit.stage.slack.url}/api/")
    await api.views_publish(user_id="U0ANA", view=home)
    page = await visit.sees(channel=HOME)
    await visit.does("/press", ts=visit.stage.slack.home("U0ANA").id, block="0", element="0")

    assert ">Refresh</button>" in page
    assert "Nothing here yet." in await visit.sees(channel=HOME, user="U0KIM")
    assert "opened the Home tab" in await visit.sees()
    assert "clicked Refresh" in await visit.sees()


async def test_the_app_leads_to_its_home_tab_and_to_its_messages_once_there_are_new_ones(visit: Visit) -> None:
    assert 'channel=home" id="to-direct">' in await visit.sees()
    await visit.does("/say", text=f"/opp-status {ACME}", channel="U0ANA")
    await visit.shown()

    assert 'channel=direct" id="to-direct" class="unread">' in await visit.sees()
    assert 'channel=home" id="to-direct" aria-current="page">' in await visit.sees(channel=DIRECT)


async def test_ana_may_not_win_maxs_deal_and_asks_him(visit: Visit) -> None:
    await visit.does("/step", step="6")
    refused = await visit.shown()
    where = next(str(number) for number, block in enumerate(refused.blocks) if block["type"] == "actions")
    await visit.does("/press", ts=refused.ts, block=where, element="0")
    await visit.stage.slack.wait_until(lambda: any(each.channel == "U0MAX" for each in visit.stage.slack.shown))

    assert "'s deal" in refused.text
    assert 'href="?user=U0MAX&amp;channel=direct" id="as-U0MAX">' in await visit.sees()
    assert visit.stage.highlevel.opportunities[PLANET]["status"] == "open"


async def test_the_weekly_digest_is_posted_on_a_click(visit: Visit) -> None:
    assert await visit.does("/digest") == ""

    assert "6 open, $30,500" in await visit.sees()


async def test_unread_messages_are_counted_beside_their_channel_until_it_is_looked_at(visit: Visit) -> None:
    await visit.does("/say", text="One", channel="G0DEALS")
    await visit.does("/say", text="Two", channel="G0DEALS", user="U0BEN")
    await visit.does("/say", text="Three", channel="G0DEALS", user="U0KIM")

    assert '<span class="count">2<' in await visit.sees()
    assert '<span class="count">' not in await visit.sees(channel="G0DEALS")
    assert '<span class="count">' not in await visit.sees()


async def test_a_dot_shows_that_a_message_waits_for_a_person_and_leads_to_it(visit: Visit) -> None:
    await visit.does("/say", text=f"/opp-status {ACME} won", user="U0BEN")
    denial = await visit.shown()
    block = next(number for number, each in enumerate(denial.blocks) if each["type"] == "actions")
    assert '<span class="dot">' in await visit.sees()  # Ben has not seen it either
    assert '<span class="dot">' not in await visit.sees(user="U0BEN")
    await visit.does("/press", user="U0BEN", ts=denial.ts, block=str(block), element="0")
    await visit.stage.slack.wait_until(lambda: any(each.channel == "U0KIM" for each in visit.stage.slack.shown))

    page = await visit.sees(user="U0BEN")
    assert 'href="?user=U0KIM&amp;channel=direct" id="as-U0KIM">' in page
    assert page.count('<span class="dot">') == 1
    assert '<span class="dot">' not in await visit.sees(user="U0KIM", channel=DIRECT)
    assert '<span class="dot">' not in await visit.sees(user="U0BEN")


async def test_the_guide_can_be_read(visit: Visit) -> None:
    page = (await visit.http.get("/guide")).text

    assert "# Install" in page
    assert "default-src 'none'" in (await visit.http.get("/guide")).headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "fields", [{"id": ACME, "status": "sold", "stage": "stage-1"}, {"id": "unknown", "status": "won", "stage": "s"}, {}]
)
async def test_a_change_that_makes_no_sense_is_refused(visit: Visit, fields: dict[str, str]) -> None:
    assert (await visit.http.post("/deal", data=fields)).status_code == 400


async def test_troubles_are_switched_on_and_off_and_shown(visit: Visit) -> None:
    await visit.does("/trouble", of="highlevel", name="token")
    await visit.does("/trouble", of="slack", name="expired")
    page = await visit.sees()
    assert '<option value="token" selected>' in page
    assert '<option value="expired" selected>' in page

    await visit.does("/reset")
    assert '<option value="token" selected>' not in await visit.sees()


async def test_traffic_is_shown_for_the_latest_act_or_for_one_by_number_or_reference(visit: Visit) -> None:
    await visit.does("/say", text=f"/opp-status {ACME} won")
    await visit.shown()
    reference = (await visit.stage.history.of_user("U0ANA", 1))[0].reference
    await visit.does("/say", text="/opp-status help")

    assert "<h4>Ana: /opp-status help</h4>" in await visit.sees()
    for about in ("1", reference, reference.lower()):
        assert f"<h4>Ana: /opp-status {ACME} won</h4>" in await visit.sees(about=about)
    for about in ("99", "NOTTHERE", "²"):
        assert "<h4>Ana: /opp-status help</h4>" in await visit.sees(about=about)


async def test_several_deals_have_several_rows(visit: Visit) -> None:
    await visit.does("/say", text=f"/opp-status {ACME} cD4eF6gH8jK1lM3nP5qR abandoned")
    await visit.shown()

    assert (await visit.sees()).count("<caption>") == 2


async def test_no_secret_is_shown(visit: Visit) -> None:
    await visit.does("/say", text=f"/opp-status {ACME} won")
    await visit.shown()

    page = await visit.sees()
    for secret in ("pit-simulated", "xoxb-simulated", visit.stage.slack.sent[0].headers["X-Slack-Signature"]):
        assert secret not in page
    assert "••••" in page


async def test_messages_that_slack_refuses_are_shown(visit: Visit) -> None:
    await visit.http.post(visit.stage.slack.new_address("commands", SALES, "U0ANA"), json={"text": ""})

    assert "Slack would reject this" in await visit.sees()
    assert "response_url: no_text" in await visit.sees()


async def test_a_ledger_that_does_not_answer_shows_no_row(visit: Visit, tmp_path: Path) -> None:
    await visit.does("/say", text=f"/opp-status {ACME} won")
    await visit.shown()
    assert "No record" not in await visit.sees()
    database = Database(f"sqlite:///{tmp_path}/nowhere/ledger.db", PATIENT.database, migrates=False)
    stage = replace(visit.stage, history=SqlHistory(database))

    async with served(Page(stage).app()) as url:
        assert "No record" in (await visit.http.get(url)).text
    await database.close()


async def test_events_have_every_part_at_first_and_then_those_that_change(visit: Visit) -> None:
    async with visit.http.stream("GET", "/news", params={"user": "U0ANA"}) as stream:
        lines = stream.aiter_lines()
        first = json.loads((await anext(lines)).removeprefix("data: "))
        assert first.keys() == PARTS
        await anext(lines)
        await asyncio.sleep(0.25)
        await visit.stage.slack.post("Hello", user="U0BEN", channel=SALES)

        changed = json.loads((await anext(lines)).removeprefix("data: "))
        assert changed.keys() == {"messages"}
        assert "Hello" in changed["messages"]


async def test_events_end_with_the_page() -> None:
    async with staged(PATIENT) as stage, httpx.AsyncClient() as http, AsyncExitStack() as stack:
        async with served(Page(stage).app()) as url:
            stream = await stack.enter_async_context(http.stream("GET", f"{url}/news"))
            lines = stream.aiter_lines()
            await anext(lines)

        assert [line async for line in lines if line.strip()] == []


async def test_the_page_forgets_a_visitor_who_leaves(visit: Visit) -> None:
    async with visit.http.stream("GET", "/news") as stream:
        await anext(stream.aiter_lines())
    await visit.stage.slack.post("Hello", user="U0BEN", channel=SALES)

    assert "Hello" in await visit.sees()


def test_an_address_that_makes_no_sense_shows_ana_the_public_channel() -> None:
    assert Viewpoint.of({}) == Viewpoint.of({"user": "U0NOBODY", "channel": "C0NONE"}) == Viewpoint("U0ANA", SALES, "")


def test_a_direct_message_is_the_viewers_own() -> None:
    viewpoint = Viewpoint.of({"user": "U0KIM", "channel": DIRECT})

    assert viewpoint.channel == "U0KIM"
    assert viewpoint.address(3) == "?user=U0KIM&channel=direct&about=3"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("Acme & Co won", "Acme &amp; Co won"),
        ("https://x.example/a won", "<https://x.example/a> won"),
        ("jane.doe@acme.example won", "<mailto:jane.doe@acme.example|jane.doe@acme.example> won"),
        ("history @kim", "history <@U0KIM|kim>"),
        ("@zoe", "@zoe"),
        ("<!channel>", "&lt;!channel&gt;"),
    ],
)
def test_what_is_typed_is_sent_as_slack_sends_it(typed: str, sent: str) -> None:
    assert as_sent(typed) == sent


@given(st.text(max_size=80))
def test_no_special_mention_of_slacks_can_be_typed(typed: str) -> None:
    assert "<!" not in as_sent(typed)

"""What is changed in HighLevel itself is posted in Slack, once, whichever way the bot learns of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.workspace import Shown
from bot.storage.engine import engine_for_reading
from bot.storage.events.tables import deals
from tests.house import ANA, BY_OAUTH, DEAL, HASTY, HIGHLEVEL_TOKEN, KIM, PATIENT, House, open_house
from tests.postgresql import Cluster
from tests.rows import execute

TOKEN = "not-a-workflow-token"
WINS = "C0WINS"
SETTINGS = BY_OAUTH | {
    "HIGHLEVEL_TOKEN": HIGHLEVEL_TOKEN,
    "HIGHLEVEL_WORKFLOW_TOKEN": TOKEN,
    "ANNOUNCE_CHANNELS": f"won={WINS},lost={WINS}",
    "CONFIRM": "never",
    "LOST_REASON": "optional",
}
POLLING = {name: value for name, value in SETTINGS.items() if name in {"ANNOUNCE_CHANNELS", "CONFIRM", "LOST_REASON"}}
OTHER = "cD4eF6gH8jK1lM3nP5qR"
POLLED = replace(PATIENT, poll=0.4)


@asynccontextmanager
async def _told(folder: Path, **settings: str) -> AsyncIterator[House]:
    async with open_house(folder, **SETTINGS | settings) as house:
        house.slack.channels[WINS] = "wins"
        house.highlevel.hooks.url = house.slack.bot_url
        yield house


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    settings = {}
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        settings["DATABASE_URL"] = cluster.new_database()
    async with _told(tmp_path, **settings) as opened:
        yield opened


def _known(house: House) -> list[str]:
    """The statuses of the deals that the bot remembers."""
    engine = engine_for_reading(house.settings.database_url)
    with engine.connect() as connection:
        found = list(connection.execute(sa.select(deals.c.status)).scalars())
    engine.dispose()
    return found


def _posts(house: House) -> list[Shown]:
    return [each for each in house.slack.shown if each.channel == WINS]


async def _posted(house: House, many: int = 1) -> list[Shown]:
    """Wait for so many posts, and then whether there are more."""
    await house.slack.wait_until(lambda: len(_posts(house)) >= many)
    await _settled(house)
    return _posts(house)


async def _settled(house: House) -> None:
    """Wait until nothing is on its way."""
    await house.highlevel.hooks.all_sent()
    await asyncio.sleep(1.0)


async def _as_known(house: House, status: str, lost_reason_id: str | None = None) -> None:
    """Let the bot know the deal as it is before it is changed."""
    hooks = house.highlevel.hooks
    hooks.sends_webhooks = False
    house.highlevel.set_by_hand(DEAL, status=status)
    house.highlevel.opportunities[DEAL] |= {
        "lastStatusChangeAt": "2026-01-01T00:00:00.000Z",
        "lostReasonId": lost_reason_id,
    }
    await hooks.deliver(hooks.payload(house.highlevel.opportunities[DEAL]))
    await _until(lambda: _known(house) == [status])
    hooks.sends_webhooks = True


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


# --- what is told ---------------------------------------------------------------------------------------------------


async def test_a_deal_that_is_won_in_highlevel_is_posted_once(house: House) -> None:
    house.highlevel.set_by_hand(DEAL, status="won")
    (post,) = await _posted(house)

    assert "New website" in post.text
    assert "won" in post.text
    assert "HighLevel" in post.text


async def test_a_workflows_request_is_enough(tmp_path: Path) -> None:
    async with _told(tmp_path) as house:
        house.highlevel.hooks.sends_webhooks = False
        house.highlevel.hooks.workflow_token, house.highlevel.hooks.runs_workflows = TOKEN, True
        house.highlevel.set_by_hand(DEAL, status="lost")

        assert len(await _posted(house)) == 1


async def test_webhook_and_workflow_together_are_one_post(house: House) -> None:
    house.highlevel.hooks.workflow_token, house.highlevel.hooks.runs_workflows = TOKEN, True
    house.highlevel.set_by_hand(DEAL, status="won")

    assert len(await _posted(house)) == 1
    assert len(house.highlevel.hooks.sent) == 3


async def test_a_webhook_that_comes_late_tells_what_the_deal_is_now(house: House) -> None:
    won = house.highlevel.hooks.payload(house.highlevel.opportunities[DEAL] | {"status": "won"})
    house.highlevel.hooks.sends_webhooks = False
    house.highlevel.set_by_hand(DEAL, status="lost")
    await house.highlevel.hooks.deliver(won)
    (post,) = await _posted(house)

    assert "lost" in post.text
    assert "won" not in post.text


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({}, {"status": "abandoned"}),
        ({"WATCH": "lost"}, {"status": "won"}),
        ({"WATCH_MIN_VALUE": "5000"}, {"status": "won", "monetaryValue": 4999}),
        ({"WATCH_MIN_VALUE": "5000"}, {"status": "won"}),
        ({"WATCH_PIPELINES": "Renewals"}, {"status": "won", "pipelineId": "PIPELINE1"}),
    ],
)
async def test_a_change_that_is_not_watched_is_not_posted(
    tmp_path: Path, settings: dict[str, str], changes: dict[str, object]
) -> None:
    async with _told(tmp_path, **settings) as house:
        house.highlevel.pipelines = [{"id": "PIPELINE1", "name": "New business", "stages": []}]
        status = str(changes.pop("status"))
        house.highlevel.opportunities[DEAL] |= changes
        house.highlevel.set_by_hand(DEAL, status=status)
        await _settled(house)

        assert _posts(house) == []


async def test_a_pipeline_is_watched_by_its_name(tmp_path: Path) -> None:
    async with _told(tmp_path, WATCH_PIPELINES="new business", WATCH_MIN_VALUE="5000") as house:
        house.highlevel.pipelines = [{"id": "PIPELINE1", "name": "New business", "stages": []}]
        house.highlevel.opportunities[DEAL] |= {"pipelineId": "PIPELINE1", "monetaryValue": 5000}
        house.highlevel.set_by_hand(DEAL, status="won")

        assert len(await _posted(house)) == 1


async def test_a_deal_that_is_deleted_is_no_news(house: House) -> None:
    deal = house.highlevel.opportunities.pop(DEAL)
    await house.highlevel.hooks.deliver(house.highlevel.hooks.payload(deal, "OpportunityDelete"))
    await _settled(house)

    assert _posts(house) == []


async def test_a_further_change_edits_the_message_and_is_told_in_its_thread(house: House) -> None:
    house.highlevel.set_by_hand(DEAL, status="won")
    (first,) = await _posted(house)
    house.highlevel.set_by_hand(DEAL, status="lost")
    await house.slack.wait_until(lambda: len(_posts(house)) == 2)
    await _settled(house)
    now, below = _posts(house)
    sent = [json.loads(each.body) for each in house.slack.received if each.path.endswith("chat.postMessage")]

    assert now.ts == first.ts
    assert "Marked lost in HighLevel" in now.text
    assert "was won" in below.text
    assert (now.thread_ts, below.thread_ts) == ("", first.ts)
    assert [each.get("thread_ts") for each in sent if each["channel"] == WINS] == [None, first.ts]


# --- what can be done about it --------------------------------------------------------------------------------------


async def test_a_change_made_in_highlevel_can_be_undone_from_slack(house: House) -> None:
    await _as_known(house, "open")
    house.highlevel.set_by_hand(DEAL, status="won")
    (post,) = await _posted(house)
    await house.presses(post, "undo")
    await _until(lambda: house.deal == "open")
    changed, undone = sorted(await house.rows(), key=lambda row: row["number"])

    assert (changed["user_id"], changed["before"], changed["after"]) == ("", "open", "won")
    assert (undone["user_id"], undone["undoes"], undone["only_if"]) == (ANA, changed["key"], "won")
    assert any("Someone in HighLevel had marked it won" in each.text for each in house.slack.shown)


async def test_a_change_that_was_changed_again_is_not_undone(house: House) -> None:
    await _as_known(house, "open")
    house.highlevel.set_by_hand(DEAL, status="won")
    (post,) = await _posted(house)
    house.highlevel.hooks.sends_webhooks = False
    house.highlevel.set_by_hand(DEAL, status="lost")
    await house.presses(post, "undo")
    await house.slack.wait_until(lambda: any("changed again since then" in each.text for each in house.slack.shown))

    assert house.deal == "lost"


async def test_undoing_that_a_lost_deal_was_reopened_restores_its_reason(house: House) -> None:
    house.highlevel.lost_reasons = [{"id": "R1", "name": "Too expensive"}]
    await _as_known(house, "lost", "R1")
    house.highlevel.set_by_hand(DEAL, status="won")
    (post,) = await _posted(house)
    await house.presses(post, "undo")
    await _until(lambda: house.deal == "lost")

    assert house.highlevel.opportunities[DEAL]["lostReasonId"] == "R1"


async def test_a_deal_that_was_lost_without_a_reason_gets_one(house: House) -> None:
    house.highlevel.lost_reasons = [{"id": "R1", "name": "Too expensive"}]
    await _as_known(house, "open")
    house.highlevel.set_by_hand(DEAL, status="lost")
    (post,) = await _posted(house)
    question = await house.answers(post, "ask_why")
    await house.answers(question, "reason_0", "R1")

    assert "Why was" in question.text
    assert question.only_to == ANA
    assert house.highlevel.opportunities[DEAL]["lostReasonId"] == "R1"


async def test_where_there_is_no_lost_reason_to_pick_the_person_is_told(house: House) -> None:
    await _as_known(house, "open")
    house.highlevel.set_by_hand(DEAL, status="lost")
    (post,) = await _posted(house)
    told = await house.answers(post, "ask_why")

    assert "no lost reason to pick from" in told.text


async def test_a_change_that_the_ledger_has_forgotten_gets_no_reason(house: House) -> None:
    await _as_known(house, "open")
    house.highlevel.set_by_hand(DEAL, status="lost")
    (post,) = await _posted(house)
    execute(house.settings.database_url, "DELETE FROM commands")
    told = await house.answers(post, "ask_why")

    assert told.only_to == ANA
    assert "lost reason" not in told.text


async def test_the_history_says_that_it_was_made_in_highlevel(house: House) -> None:
    house.highlevel.set_by_hand(DEAL, status="won")
    await _posted(house)
    shown = await house.says(f"history {DEAL}")

    assert "Someone in HighLevel" in shown.text


# --- no echo --------------------------------------------------------------------------------------------------------


async def test_what_a_command_changed_is_not_told_again(house: House) -> None:
    await house.says(f"{DEAL} won")
    posts = await _posted(house)

    assert len(house.highlevel.hooks.sent) == 2
    assert len(posts) == 1
    assert f"<@{ANA}>" in posts[0].text


async def test_a_webhook_that_comes_before_highlevels_answer_to_the_bot_is_an_echo_too(house: House) -> None:
    told = asyncio.Event()

    async def late() -> AsyncIterator[bytes]:
        await told.wait()
        yield b'{"success": true}'

    house.highlevel.misbehave(Fault(carries_out=True, status=200, chunks=late), method="PUT")
    said = asyncio.create_task(house.says(f"{DEAL} won"))
    await _until(lambda: len(house.highlevel.hooks.sent) == 2)
    await asyncio.sleep(0.5)
    assert _posts(house) == []
    told.set()
    await said

    assert len(await _posted(house)) == 1


async def test_a_change_that_the_bot_could_not_confirm_is_not_told_as_a_persons(tmp_path: Path) -> None:
    async with open_house(tmp_path, HASTY, **SETTINGS) as house:
        hooks = house.highlevel.hooks
        hooks.url = house.slack.bot_url

        # HighLevel carries the write out, breaks the connection, and shows the deal only after the bot has given up.
        house.highlevel.misbehave(Fault(), method="GET", path=DEAL)
        house.highlevel.misbehave(Fault(carries_out=True, drops=True), method="PUT", path="/status")
        house.highlevel.misbehave(Fault(status=503), method="GET", path=DEAL, times=100)
        shown = await house.says(f"{DEAL} won")
        house.highlevel.behave()
        await _until(lambda: "won" in _known(house))
        await _settled(house)

        assert "may have changed" in shown.text
        assert _posts(house) == []


async def test_a_later_change_by_a_person_is_told_after_a_command(house: House) -> None:
    await house.says(f"{DEAL} won")
    await _posted(house)
    house.highlevel.set_by_hand(DEAL, status="open")
    await _settled(house)
    house.highlevel.set_by_hand(DEAL, status="won")
    posts = await _posted(house, 2)

    assert len(posts) == 2
    assert "HighLevel" in posts[1].text


async def test_a_change_that_a_command_saw_first_is_told_all_the_same(house: House) -> None:
    house.highlevel.hooks.sends_webhooks = False
    house.highlevel.set_by_hand(DEAL, status="won")
    await house.says(f"{DEAL} won")
    await house.highlevel.hooks.deliver(house.highlevel.hooks.payload(house.highlevel.opportunities[DEAL]))

    assert len(await _posted(house)) == 1


# --- many at once ---------------------------------------------------------------------------------------------------


async def test_many_changes_at_once_are_one_message(house: House) -> None:
    ids = [f"{number:02}dE5fG7hJ9kL1mN2pQ0" for number in range(8)]
    for each in ids:
        house.highlevel.add_opportunity(each, name=f"Imported {each[:2]}", monetaryValue=100)
    for each in ids:
        house.highlevel.set_by_hand(each, status="won")
    (post,) = await _posted(house)

    assert "8 deals" in post.text


async def test_five_changes_are_five_messages(house: House) -> None:
    ids = [f"{number:02}dE5fG7hJ9kL1mN2pQ0" for number in range(5)]
    for each in ids:
        house.highlevel.add_opportunity(each, name=f"Imported {each[:2]}")
        house.highlevel.set_by_hand(each, status="won")

    assert len(await _posted(house, 5)) == 5


# --- mute -----------------------------------------------------------------------------------------------------------


async def test_a_muted_channel_gets_no_posts_until_it_is_unmuted(tmp_path: Path) -> None:
    async with _told(tmp_path, ADMINS=KIM) as house:
        await house.says("mute 2h", user=KIM, channel=WINS)
        house.highlevel.set_by_hand(DEAL, status="won")
        await _settled(house)
        assert len(_posts(house)) == 1
        await house.says("unmute", user=KIM, channel=WINS)
        house.highlevel.set_by_hand(DEAL, status="lost")
        *_, post = await _posted(house, 3)

    assert "Marked lost in HighLevel" in post.text


# --- polling --------------------------------------------------------------------------------------------------------


async def test_the_first_poll_learns_and_the_next_ones_tell(tmp_path: Path) -> None:
    async with open_house(tmp_path, POLLED, **POLLING) as house:
        house.highlevel.add_opportunity(OTHER, name="Won long ago", status="won")
        await _until(lambda: len([each for each in house.highlevel.received if each.method == "POST"]) >= 3)
        assert _posts(house) == []
        house.highlevel.set_by_hand(DEAL, status="won")
        posts = await _posted(house)

    assert [("New website" in post.text) for post in posts] == [True]


async def test_a_poll_does_not_tell_what_a_command_changed(tmp_path: Path) -> None:
    async with open_house(tmp_path, POLLED, **POLLING) as house:
        await _until(lambda: len([each for each in house.highlevel.received if each.method == "POST"]) >= 2)
        await house.says(f"{DEAL} won")
        seen = len(house.highlevel.received)
        await _until(lambda: len([each for each in house.highlevel.received[seen:] if each.method == "POST"]) >= 3)

        assert len(await _posted(house)) == 1


async def test_what_a_poll_missed_while_highlevel_was_away_is_found_by_the_next(tmp_path: Path) -> None:
    async with open_house(tmp_path, POLLED, **POLLING) as house:
        await house.highlevel.polled.wait()
        house.highlevel.misbehave(Fault(status=503), method="POST", path="/opportunities/search", times=4)
        house.highlevel.set_by_hand(DEAL, status="won")

        assert len(await _posted(house)) == 1


async def test_without_a_channel_for_changes_nothing_is_polled(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.says(f"{DEAL} won")

        assert [each for each in house.highlevel.received if each.method == "POST"] == []


# --- HighLevel is away ----------------------------------------------------------------------------------------------


async def test_a_deal_that_cannot_be_read_is_told_when_it_can(house: House) -> None:
    house.highlevel.misbehave(Fault(status=503), method="GET", path=DEAL, times=5)
    house.highlevel.set_by_hand(DEAL, status="won")

    assert len(await _posted(house)) == 1

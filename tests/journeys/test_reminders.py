"""Reminders: set by a command or a press, told once when they come due, and never of a deal that is closed."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from bot.schedule.calendar import Calendar
from bot.simulator.highlevel.server import Fault
from bot.simulator.slack import server as slack
from bot.simulator.slack.block_kit import elements_of
from bot.simulator.slack.workspace import Shown
from bot.storage.engine import engine_for_reading
from bot.storage.schedule.tables import schedule
from tests.house import ANA, DEAL, HASTY, KIM, PATIENT, SALES, UNKNOWN_ID, House, open_house, stand_ins
from tests.journeys.coming_due import COMING, ComingDue
from tests.journeys.replicas import SHORT, replicas
from tests.postgresql import Cluster

DAY = 86_400.0
NEW_YORK = ZoneInfo("America/New_York")
OTHER = "cD4eF6gH8jK1lM3nP5qR"


@asynccontextmanager
async def _reminding(folder: Path, calendar: Calendar, *, over: str = "http", **settings: str) -> AsyncIterator[House]:
    tempo = replace(HASTY, calendar=calendar)
    async with open_house(
        folder, tempo, over=over, **{"CONFIRM": "never", "LOST_REASON": "optional"} | settings
    ) as house:
        house.slack.users[ANA]["tz"] = "America/New_York"
        yield house


@pytest.fixture
async def house(each_way: Mapping[str, str], tmp_path: Path, calendar: Calendar) -> AsyncIterator[House]:
    async with _reminding(tmp_path, calendar, **each_way) as opened:
        yield opened


def _rows(house: House) -> list[sa.RowMapping]:
    engine = engine_for_reading(house.settings.database_url)
    try:
        with engine.connect() as connection:
            if schedule.name not in sa.inspect(connection).get_table_names():  # the bot has not used its database yet
                return []
            return list(connection.execute(sa.select(schedule).order_by(schedule.c.number)).mappings())
    finally:
        engine.dispose()


def _endings(house: House) -> list[str | None]:
    return [row["ending"] for row in _rows(house)]


def _told(house: House, to: str = ANA) -> list[Shown]:
    return [each for each in house.slack.shown if each.channel == to and each.text.startswith("Reminder: ")]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def _comes_due(house: House, calendar: Calendar, many: int = 1) -> None:
    """Set the calendar behind the last reminder, and wait until so many have ended; then whether more is said."""
    last = max(row["due"] for row in _rows(house))
    calendar.ahead = last + 60 - datetime.now(UTC).timestamp()
    await _until(lambda: sum(ending is not None for ending in _endings(house)) == many)
    await asyncio.sleep(0.3)


def _due_of(shown: Shown) -> datetime:
    """The time that a confirmation shows."""
    (found,) = re.findall(r"<!date\^(\d+)\^", shown.text.split("\n")[0])
    return datetime.fromtimestamp(int(found), NEW_YORK)


# --- typed ----------------------------------------------------------------------------------------------------------


async def test_a_reminder_is_a_direct_message_in_the_morning_of_its_day(house: House, calendar: Calendar) -> None:
    set_ = await house.says("remind new website friday")
    due = _due_of(set_)
    assert set_.only_to == ANA
    assert "New website" in set_.text
    assert (due.weekday(), due.hour, due.minute) == (4, 9, 0)
    assert timedelta(0) < due - datetime.now(UTC) < timedelta(days=8)
    assert _told(house) == []

    await _comes_due(house, calendar)
    (told,) = _told(house)
    assert "New website" in told.text
    assert _endings(house) == ["posted"]
    assert house.highlevel.written == []


@pytest.mark.parametrize("day", ["tomorrow", "in 1 day", "1d"])
async def test_a_day_can_be_typed_in_many_ways(tmp_path: Path, calendar: Calendar, day: str) -> None:
    async with _reminding(tmp_path, calendar) as house:
        due = _due_of(await house.says(f"remind me about {DEAL} {day}"))

        assert due.date() == (datetime.now(NEW_YORK) + timedelta(days=1)).date()


async def test_nothing_is_said_of_a_deal_that_is_closed_by_then(house: House, calendar: Calendar) -> None:
    await house.says("remind new website in 3 days")
    house.highlevel.set_by_hand(DEAL, status="won")
    await _comes_due(house, calendar)

    assert _told(house) == []
    assert _endings(house) == ["closed"]


async def test_nothing_is_said_of_a_deal_that_is_gone(house: House, calendar: Calendar) -> None:
    await house.says("remind new website in 3 days")
    del house.highlevel.opportunities[DEAL]
    await _comes_due(house, calendar)

    assert (_told(house), _endings(house)) == ([], ["gone"])


async def test_a_reminder_survives_a_restart(tmp_path: Path, calendar: Calendar) -> None:
    async with _reminding(tmp_path, calendar) as house:
        await house.says("remind new website next week")
    async with _reminding(tmp_path, calendar) as house:
        await _comes_due(house, calendar)

        assert len(_told(house)) == 1
    async with _reminding(tmp_path, calendar) as house:
        await asyncio.sleep(0.5)

        assert _told(house) == []


async def test_a_person_who_lost_access_gets_nothing(tmp_path: Path, calendar: Calendar) -> None:
    async with _reminding(tmp_path, calendar) as house:
        await house.says("remind new website tomorrow")
    async with _reminding(tmp_path, calendar, ALLOWED_USERS=KIM) as house:
        await _comes_due(house, calendar)

        assert (_told(house), _endings(house)) == ([], ["denied"])


async def test_a_reminder_of_a_sub_account_that_was_removed_says_nothing(tmp_path: Path, calendar: Calendar) -> None:
    async with _reminding(tmp_path, calendar) as house:
        await house.says("remind new website tomorrow")
    async with _reminding(tmp_path, calendar, HIGHLEVEL_LOCATION_ID="anotherLocation12345") as house:
        await _comes_due(house, calendar)

        assert (_told(house), _endings(house)) == ([], ["gone"])


async def test_several_deals_of_the_name_are_asked_about(house: House, calendar: Calendar) -> None:
    house.highlevel.add_opportunity(OTHER, name="New website 2")
    question = await house.says("remind new website in 5 days")
    assert question.only_to == ANA
    assert "2 open deals match" in question.text

    chosen = next(
        each
        for block in question.blocks
        for each in elements_of(block)
        if each["action_id"].startswith("remind") and OTHER in each["value"]
    )
    await house.slack.press(question, chosen, user=ANA)
    await _until(lambda: len(_rows(house)) == 1)
    assert _rows(house)[0]["opportunity_id"] == OTHER
    await _comes_due(house, calendar)
    assert "New website 2" in _told(house)[0].text


async def test_of_several_deals_the_open_one_is_meant(tmp_path: Path, calendar: Calendar) -> None:
    async with _reminding(tmp_path, calendar) as house:
        house.highlevel.add_opportunity(OTHER, name="New website 2", status="lost")
        await house.says("remind new website tomorrow")

        assert [row["opportunity_id"] for row in _rows(house)] == [DEAL]


async def test_there_is_no_reminder_of_a_closed_deal(house: House) -> None:
    house.highlevel.opportunities[DEAL]["status"] = "won"
    told = await house.says(f"remind {DEAL} friday")

    assert "already won" in told.text
    assert _rows(house) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("remind new website", "When do you want"),
        ("remind new website 3/4", "When do you want"),
        ("remind new website someday", "When do you want"),
        ("remind new website today", "tomorrow at the earliest"),
        ("remind new website 2020-01-01", "tomorrow at the earliest"),
        ("remind new website in 900 days", "more than a year"),
    ],
)
async def test_what_is_no_day_to_come_is_asked_about(tmp_path: Path, calendar: Calendar, text: str, says: str) -> None:
    async with _reminding(tmp_path, calendar) as house:
        asked = await house.says(text)
        assert says in asked.text
        assert _rows(house) == []

        picker = next(each for block in asked.blocks for each in elements_of(block) if each["type"] == "datepicker")
        day = (datetime.now(NEW_YORK) + timedelta(days=40)).date()
        await house.slack.pick_day(asked, picker, day.isoformat(), user=ANA)
        await _until(lambda: len(_rows(house)) == 1)
        assert datetime.fromtimestamp(_rows(house)[0]["due"], NEW_YORK).date() == day
        await house.slack.wait_until(
            lambda: any(each.ts == asked.ts and each.text != asked.text for each in house.slack.shown)
        )


@pytest.mark.parametrize("text", ["remind friday", "remind me tomorrow", "remind zebra friday"])
async def test_where_no_deal_is_found_a_reminder_is_what_the_person_is_shown_how_to_get(
    tmp_path: Path, calendar: Calendar, text: str
) -> None:
    async with _reminding(tmp_path, calendar) as house:
        told = await house.says(text)

        assert told.only_to == ANA
        assert "To get a reminder, type a deal and a day, as in `/opp-status remind Acme Corp friday`." in told.text
        assert "To change a deal" not in told.text
        assert _rows(house) == []


async def test_while_highlevel_is_down_no_reminder_is_set_and_nothing_is_said_about_how_to_type_one(
    tmp_path: Path, calendar: Calendar
) -> None:
    async with _reminding(tmp_path, calendar) as house:
        house.highlevel.misbehave(Fault(status=503), path="search", times=9)
        told = await house.says("remind new website friday")

        assert "Nothing changed." in told.text
        assert "To get a reminder" not in told.text
        assert _rows(house) == []


async def test_the_day_may_stand_before_the_deal_and_the_task_between(tmp_path: Path, calendar: Calendar) -> None:
    async with _reminding(tmp_path, calendar) as house:
        assert "When do you want a reminder about New website?" in (await house.says("remind me friday website")).text
        assert _due_of(await house.says("remind me to follow up with new website on friday")).weekday() == 4
        assert _due_of(await house.says("reminder new website monday morning")).weekday() == 0


async def test_a_deal_that_is_called_remind_is_reachable(tmp_path: Path, calendar: Calendar) -> None:
    async with _reminding(tmp_path, calendar) as house:
        assert "Which deal, and when?" in (await house.says("remind")).text
        house.highlevel.add_opportunity(OTHER, name="Remind Studio")
        assert "Remind Studio" in (await house.says("remind")).text
        assert "Remind Studio" in (await house.says("remind studio")).text
        house.highlevel.add_opportunity(UNKNOWN_ID, name="Reminder Studio")
        assert "Reminder Studio" in (await house.says("reminder studio")).text
        assert "Remind Studio" in (await house.says('"remind studio" won')).text
        assert _rows(house) == []


async def test_a_deal_that_is_not_found_sets_no_reminder(tmp_path: Path, calendar: Calendar) -> None:
    async with _reminding(tmp_path, calendar) as house:
        assert "hooli" in (await house.says("remind hooli friday")).text
        assert UNKNOWN_ID in (await house.says(f"remind {UNKNOWN_ID} friday")).text
        assert _rows(house) == []


async def test_what_slack_sends_twice_is_one_reminder(house: House) -> None:
    for _ in range(2):
        await house.slack.command("remind new website friday", user=ANA, channel=SALES, trigger_id="1.2.same")
    await _until(lambda: len([each for each in house.slack.shown if each.only_to == ANA]) == 2)

    assert [row["state"] for row in _rows(house)] == ["waiting"]


async def test_a_person_in_no_list_sets_no_reminder(tmp_path: Path, calendar: Calendar) -> None:
    async with _reminding(tmp_path, calendar) as house:
        await house.says("remind new website friday", user=KIM)
        assert "reminders" not in (await house.says("reminders", user=KIM)).text

        assert _rows(house) == []


# --- pressed --------------------------------------------------------------------------------------------------------


async def test_a_reminder_can_be_put_off_by_a_week_again_and_again(house: House, calendar: Calendar) -> None:
    await house.says("remind new website tomorrow")
    for count in (1, 2):
        await _comes_due(house, calendar, count)
        told = _told(house)[-1]
        await house.presses(told, "remind_7d")
        await _until(lambda: _endings(house)[-1] is None)

    assert _endings(house) == ["posted", "posted", None]
    assert len(_told(house)) == 2


async def test_a_deal_is_closed_from_its_reminder_in_front_of_the_team(house: House, calendar: Calendar) -> None:
    await house.says("remind new website tomorrow")
    await _comes_due(house, calendar)
    (told,) = _told(house)
    await house.presses(told, "close_in_won")
    await house.slack.wait_until(
        lambda: any(each.channel == SALES and "won" in each.text for each in house.slack.shown)
    )

    assert house.deal == "won"
    (row,) = await house.rows()
    assert (row["channel_id"], row["user_id"], row["outcome"]) == (SALES, ANA, "changed")


async def test_the_buttons_of_a_reminder_work_where_only_some_channels_may_be_used(
    tmp_path: Path, calendar: Calendar
) -> None:
    async with _reminding(tmp_path, calendar, ALLOWED_CHANNELS=SALES) as house:
        await house.says("remind new website tomorrow")
        await _comes_due(house, calendar)
        (told,) = _told(house)
        await house.presses(told, "remind_7d")
        await _until(lambda: len(_rows(house)) == 2)
        await house.presses(told, "close_in_lost")
        await _until(lambda: house.deal == "lost")


async def test_a_cards_menu_asks_when(house: House) -> None:
    card = await house.says("new website")
    (menu,) = (each for block in card.blocks for each in elements_of(block) if each["type"] == "overflow")
    (option,) = (each for each in menu["options"] if each["text"]["text"] == "Remind me…")
    before = {each.ts for each in house.slack.shown}
    await house.slack.select(card, menu, option["value"], user=ANA)
    await house.slack.wait_until(lambda: any(each.ts not in before for each in house.slack.shown))
    asked = next(each for each in house.slack.shown if each.ts not in before)
    assert asked.only_to == ANA
    await house.presses(asked, "remind_1d")
    await _until(lambda: len(_rows(house)) == 1)

    due = datetime.fromtimestamp(_rows(house)[0]["due"], NEW_YORK)
    assert due.date() == (datetime.now(NEW_YORK) + timedelta(days=1)).date()


async def test_reminders_are_listed_and_canceled(house: House, calendar: Calendar) -> None:
    assert "no reminders" in (await house.says("reminders")).text
    house.highlevel.add_opportunity(OTHER, name="Yearly support")
    await house.says("remind yearly support in 2 weeks")
    await house.says("remind new website tomorrow")
    listed = await house.says("reminders")
    assert listed.only_to == ANA
    assert listed.text.index("New website") < listed.text.index("Yearly support")

    await house.presses(listed, "call_off")
    await house.slack.wait_until(lambda: any("Reminder canceled" in each.text for each in house.slack.shown))
    assert _endings(house) == [None, "canceled"]
    await _comes_due(house, calendar, 2)
    assert ["Yearly support" in each.text for each in _told(house)] == [True]


async def test_a_second_reminder_of_a_deal_takes_the_place_of_the_first(house: House, calendar: Calendar) -> None:
    await house.says("remind new website tomorrow")
    moved = await house.says("remind new website in 3 days")
    assert moved.text.startswith("Reminder moved to ")
    await _comes_due(house, calendar, 2)

    assert _endings(house) == ["replaced", "posted"]
    assert len(_told(house)) == 1


# --- when something fails -------------------------------------------------------------------------------------------


async def test_while_highlevel_or_slack_is_away_a_reminder_waits(house: House, calendar: Calendar) -> None:
    await house.says("remind new website tomorrow")
    house.highlevel.misbehave(Fault(status=500), path=f"/opportunities/{DEAL}", times=8)
    house.slack.misbehave(slack.Fault("chat.postMessage", 503, times=5))
    await _comes_due(house, calendar)

    assert len(_told(house)) == 1
    assert _rows(house)[0]["attempts"] > 0


async def test_a_person_to_whom_slack_delivers_nothing_is_not_tried_for_ever(
    tmp_path: Path, calendar: Calendar
) -> None:
    async with _reminding(tmp_path, calendar) as house:
        await house.says("remind new website tomorrow")
        refused = {"ok": False, "error": "messages_tab_disabled"}
        house.slack.misbehave(slack.Fault("chat.postMessage", 200, body=refused, times=float("inf")))
        await _comes_due(house, calendar)

        assert (_told(house), _endings(house)) == ([], ["refused"])


async def test_two_replicas_tell_each_reminder_once(tmp_path: Path, cluster: Cluster) -> None:
    async with open_house(tmp_path, PATIENT, DATABASE_URL=cluster.new_database()) as house:
        deals = [f"deal{number:016}" for number in range(12)]
        for each in deals:
            house.highlevel.add_opportunity(each, name=each)
            await house.says(f"remind {each} tomorrow")
        engine = sa.create_engine(house.settings.database_url.replace("postgresql://", "postgresql+psycopg://"))
        async with replicas(house.settings, tmp_path, replace(SHORT, schedule=PATIENT.schedule)) as bots:
            await bots.start()
            await bots.start()
            with engine.begin() as connection:
                connection.execute(schedule.update().values(due=0.0))
            await _until(lambda: None not in _endings(house))
            await asyncio.sleep(0.5)
        engine.dispose()

        assert set(_endings(house)) == {"posted"}
        assert sorted(deal for each in _told(house) for deal in deals if deal in each.text) == deals


async def test_a_process_that_is_stopped_finishes_the_reminder_that_it_is_posting(tmp_path: Path) -> None:
    async with stand_ins(tmp_path) as house, replicas(house.settings, tmp_path, COMING) as bots:
        coming = ComingDue(house, bots, random.Random(1), many=1)  # noqa: S311 - not a secret
        stopped = await bots.start()
        house.slack.misbehave(slack.Fault("chat.postMessage", wait=0.5, then=stopped.stop))
        coming.plan(["due"], 0.0)
        house.highlevel.add_opportunity("due", name="due")
        assert await stopped.ended() == 0
        assert _endings(house) == ["posted"]
        await bots.start()
        await asyncio.sleep(1.5)

    assert len(_told(house)) == 1


async def test_a_process_that_was_suspended_does_not_post_what_another_has_posted(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with (
        stand_ins(tmp_path, DATABASE_URL=cluster.new_database()) as house,
        replicas(house.settings, tmp_path, COMING) as bots,
    ):
        coming = ComingDue(house, bots, random.Random(1), many=1)  # noqa: S311 - not a secret
        suspended = await bots.start()
        house.highlevel.add_opportunity("due", name="due")
        house.highlevel.misbehave(Fault(then=suspended.freeze), path="/opportunities/due")
        coming.plan(["due"], 0.0)
        await suspended.frozen()
        await bots.start()
        await _until(lambda: _endings(house) == ["posted"])
        suspended.thaw()
        await asyncio.sleep(1.5)

    assert len(_told(house)) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_whatever_is_killed_each_reminder_is_told_once_or_once_more_for_a_kill(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    settings = {}
    if database == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        settings["DATABASE_URL"] = cluster.new_database()
    async with stand_ins(tmp_path, **settings) as house, replicas(house.settings, tmp_path, COMING) as bots:
        coming = ComingDue(house, bots, random.Random(20_261_128), many=40)  # noqa: S311 - not a secret
        came = await coming.go(kills=5, seconds_between_kills=(0.5, 1.5))

    assert came.broken() == []
    assert (came.due, came.kills) == (40, 5)

"""The weekly digest: posted once at its time, compared with what people read, and acted on where it stands."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from bot.schedule.calendar import Calendar
from bot.schedule.digest.periods import DAYS
from bot.simulator.highlevel.server import Fault
from bot.simulator.slack import server as slack
from bot.simulator.slack.block_kit import charts_of
from bot.simulator.slack.workspace import Shown
from bot.storage.engine import engine_for_reading
from bot.storage.schedule.tables import schedule
from tests.house import ANA, BEN, BY_OAUTH, DEAL, HASTY, PATIENT, SALES, House, open_house, stand_ins
from tests.journeys.coming_due import COMING, EVERY_MONDAY, DigestsDue
from tests.journeys.replicas import SHORT, replicas
from tests.postgresql import Cluster
from tests.visitor import visitor

DEALS = "C0DEALS"
WEEK, DAY = timedelta(days=7), 86_400.0


def _digest() -> str:
    """A digest that is due in two or three days, so that what happens now is in its week."""
    day = DAYS[(datetime.now(UTC).weekday() + 3) % 7]
    return f"{day} 09:00 UTC {DEALS}"


def _at(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@asynccontextmanager
async def _with_a_digest(
    folder: Path, calendar: Calendar, *, over: str = "http", **settings: str
) -> AsyncIterator[House]:
    given = {"DIGEST": _digest(), "CONFIRM": "never", "LOST_REASON": "optional", "CURRENCY": "USD"} | settings
    async with open_house(folder, replace(HASTY, calendar=calendar), over=over, **given) as house:
        house.slack.channels[DEALS] = "deals"
        old = _at(datetime.now(UTC) - timedelta(days=30))
        house.highlevel.opportunities[DEAL] |= {"lastStageChangeAt": old, "lastStatusChangeAt": old}
        house.highlevel.add_opportunity("won1", name="Yearly support", status="won", monetaryValue=4800)
        house.highlevel.add_opportunity("won2", name="Training", status="won", monetaryValue=200)
        house.highlevel.add_opportunity("lost1", name="Printer service", status="lost", monetaryValue=900)
        await _until(lambda: bool(_rows(house)))
        yield house


@pytest.fixture
async def house(each_way: Mapping[str, str], tmp_path: Path, calendar: Calendar) -> AsyncIterator[House]:
    async with _with_a_digest(tmp_path, calendar, **each_way) as opened:
        yield opened


def _rows(house: House, kind: str = "digest") -> list[sa.RowMapping]:
    try:
        engine = engine_for_reading(house.settings.database_url)
    except FileNotFoundError:
        return []
    try:
        with engine.connect() as connection:
            if schedule.name not in sa.inspect(connection).get_table_names():  # the bot has not used its database yet
                return []
            rows = sa.select(schedule).where(schedule.c.kind == kind).order_by(schedule.c.due)
            return list(connection.execute(rows).mappings())
    finally:
        engine.dispose()


def _endings(house: House) -> list[str]:
    return [row["ending"] for row in _rows(house) if row["ending"]]


def _posts(house: House) -> list[Shown]:
    return [each for each in house.slack.shown if each.channel == DEALS and re.match("[0-9,]+ won", each.text)]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def _set_behind(house: House, calendar: Calendar, late: float = 60.0) -> None:
    """Set the calendar so long behind the time of the next digest."""
    due = next(row["due"] for row in _rows(house) if row["ending"] is None)
    calendar.ahead = due + late - datetime.now(UTC).timestamp()


async def _comes_due(house: House, calendar: Calendar, late: float = 60.0) -> None:
    """Set the calendar behind the next digest, and wait until it has ended; then whether more is said."""
    before = len(_endings(house))
    _set_behind(house, calendar, late)
    await _until(lambda: len(_endings(house)) > before)
    await asyncio.sleep(0.3)


async def test_a_digest_is_posted_once_at_its_time_and_the_next_is_planned(house: House, calendar: Calendar) -> None:
    assert _posts(house) == []

    await _comes_due(house, calendar)
    (posted,) = _posts(house)
    assert posted.text.startswith("2 won, $5,000\n1 lost, $900\n1 open")
    assert "Lost without a reason: 1\nPrinter service · $900" in posted.text
    assert "1 open deal hasn't moved for 21 days or more." in posted.text
    assert len(charts_of({"blocks": posted.blocks})) == 1
    assert posted.only_to is None
    assert house.slack.refusals == []

    await _until(lambda: len(_rows(house)) == 2)
    done, planned = _rows(house)
    assert (done["ending"], planned["state"]) == ("posted", "waiting")
    assert planned["due"] - done["due"] == WEEK.total_seconds()
    kept = json.loads(done["kept"])["parts"][house.highlevel.location_id]
    assert kept["totals"] == {"won": [2, 5000.0, False], "lost": [1, 900.0, False], "open": [1, 0.0, False]}
    assert house.highlevel.written == []


async def test_the_next_digest_is_compared_with_what_people_read_and_not_with_what_highlevel_says_now(
    house: House, calendar: Calendar
) -> None:
    await _comes_due(house, calendar)
    await _until(lambda: len(_rows(house)) == 2)
    for deal in ("won1", "lost1"):  # reopened: HighLevel knows nothing of that week any more
        house.highlevel.opportunities[deal] |= {"status": "open"}
    due = datetime.fromtimestamp(_rows(house)[1]["due"], UTC)
    house.highlevel.add_opportunity("won3", status="won", monetaryValue=50, lastStatusChangeAt=_at(due - WEEK / 2))

    await _comes_due(house, calendar)
    _, posted = _posts(house)
    assert posted.text.startswith("1 won, $50 (was 2, $5,000)\n0 lost (was 1, $900)\n3 open, $5,700 (was 1)")
    assert "compared with the digest of" in posted.text


async def test_a_stuck_deal_is_won_from_the_digest_which_stays(house: House, calendar: Calendar) -> None:
    await _comes_due(house, calendar)
    (posted,) = _posts(house)
    await house.presses(posted, "mark_won")
    await house.slack.wait_until(
        lambda: any(each.channel == DEALS and "New website" in each.text.split("\n")[0] for each in house.slack.shown)
    )

    assert house.deal == "won"
    assert _posts(house) == [posted]
    (row,) = await house.rows()
    assert (row["channel_id"], row["user_id"], row["outcome"]) == (DEALS, ANA, "changed")


async def test_a_person_without_access_changes_nothing_from_the_digest(house: House, calendar: Calendar) -> None:
    await _comes_due(house, calendar)
    (posted,) = _posts(house)
    await house.presses(posted, "mark_won", user=BEN)
    await house.slack.wait_until(lambda: any(each.only_to == BEN for each in house.slack.shown))

    assert house.deal == "open"
    assert house.highlevel.written == []


async def test_a_reminder_of_a_stuck_deal_is_set_from_the_digest(house: House, calendar: Calendar) -> None:
    await _comes_due(house, calendar)
    (posted,) = _posts(house)
    await house.presses(posted, "remind_7d")
    await _until(lambda: bool(_rows(house, "reminder")))

    (row,) = _rows(house, "reminder")
    assert (row["user_id"], row["opportunity_id"], row["state"]) == (ANA, DEAL, "waiting")


# --- for one person -------------------------------------------------------------------------------------------------


async def test_the_digest_is_shown_to_a_person_who_asks_and_nothing_is_written(house: House) -> None:
    before = _rows(house)
    shown = await house.says("digest")

    assert shown.only_to == ANA
    assert shown.text.startswith("2 won, $5,000\n1 lost, $900\n1 open")
    assert _rows(house) == before
    assert await house.rows() == []
    assert house.highlevel.written == []


async def test_a_deal_is_changed_from_the_digest_of_one_person_which_stays(house: House) -> None:
    shown = await house.says("digest")
    await house.presses(shown, "mark_lost")
    await house.slack.wait_until(lambda: any(each.channel == SALES and not each.only_to for each in house.slack.shown))

    assert house.deal == "lost"
    assert shown in house.slack.shown


async def test_a_person_without_access_reads_no_digest(house: House) -> None:
    shown = await house.says("digest", user=BEN)

    assert "won" not in shown.text.split("\n")[0]
    assert not any("POST" in each.method and "search" in each.path for each in house.highlevel.received)


async def test_the_digest_of_one_person_is_compared_with_what_the_channel_read(
    house: House, calendar: Calendar
) -> None:
    await _comes_due(house, calendar)
    await _until(lambda: len(_rows(house)) == 2)
    _set_behind(house, calendar, late=-3600.0)

    assert "(was 2, $5,000)" in (await house.says("digest")).text


async def test_a_digest_is_not_compared_with_one_whose_week_is_not_over(house: House, calendar: Calendar) -> None:
    await _comes_due(house, calendar)

    assert "(was" not in (await house.says("digest")).text


async def test_while_highlevel_is_away_the_person_is_told_so(tmp_path: Path, calendar: Calendar) -> None:
    async with _with_a_digest(tmp_path, calendar) as house:
        house.highlevel.misbehave(Fault(status=401, body={"message": "Invalid JWT"}), path="search", times=9)
        shown = await house.says("digest")

        assert "HighLevel didn't give me the numbers" in shown.text


async def test_a_deal_that_is_called_digest_is_found(tmp_path: Path, calendar: Calendar) -> None:
    async with _with_a_digest(tmp_path, calendar) as house:
        house.highlevel.add_opportunity("cD4eF6gH8jK1lM3nP5qR", name="Digest")
        assert "Digest" in (await house.says("show digest")).text
        await house.says("digest won")

        assert house.highlevel.opportunities["cD4eF6gH8jK1lM3nP5qR"]["status"] == "won"


# --- several sub-accounts -------------------------------------------------------------------------------------------

PARIS = "PARISxxxxxxxxxxxxxxx"


@asynccontextmanager
async def _two_accounts(folder: Path, calendar: Calendar, digest: str) -> AsyncIterator[House]:
    named = {"HIGHLEVEL_LOCATIONS": f"LOCATIONxxxxxxxxxxxx=Berlin,{PARIS}=Paris", "DIGEST": digest, "CURRENCY": "USD"}
    async with open_house(folder, replace(HASTY, calendar=calendar), **BY_OAUTH, **named) as house:
        house.highlevel.locations.add(PARIS)
        house.highlevel.oauth.locations.add(PARIS)
        house.highlevel.add_opportunity("won1", status="won", monetaryValue=100)
        house.highlevel.add_opportunity("won2", status="won", monetaryValue=20, locationId=PARIS)
        async with visitor(house) as kim:
            for each in ("LOCATIONxxxxxxxxxxxx", PARIS):
                house.highlevel.oauth.chooses = each
                await kim.connects()
        await _until(lambda: bool(_rows(house)))
        yield house


async def test_a_digest_tells_of_all_sub_accounts_together_and_the_command_of_the_channels(
    tmp_path: Path, calendar: Calendar
) -> None:
    async with _two_accounts(tmp_path, calendar, _digest()) as house:
        await _comes_due(house, calendar)
        (posted,) = _posts(house)
        calendar.ahead = 0.0

        assert posted.text.startswith("2 won, $120\n0 lost\n1 open")
        assert "Berlin, Paris" in posted.text
        assert (await house.says("digest")).text.startswith("1 won, $100\n")


async def test_a_digest_of_one_sub_account_tells_of_that_alone(tmp_path: Path, calendar: Calendar) -> None:
    async with _two_accounts(tmp_path, calendar, f"{_digest()} Paris") as house:
        await _comes_due(house, calendar)
        (posted,) = _posts(house)

        assert posted.text.startswith("1 won, $20\n0 lost\n0 open")
        assert "Paris" in posted.text
        assert "Berlin" not in posted.text


# --- when something fails -------------------------------------------------------------------------------------------


async def test_where_slack_shows_no_charts_the_words_have_the_numbers(house: House, calendar: Calendar) -> None:
    house.slack.shows_charts = False
    await _comes_due(house, calendar)

    (posted,) = _posts(house)
    assert charts_of({"blocks": posted.blocks}) == []
    assert posted.text.startswith("2 won, $5,000")
    assert house.slack.refusals == []


async def test_while_highlevel_or_slack_is_away_a_digest_waits(house: House, calendar: Calendar) -> None:
    house.highlevel.misbehave(Fault(status=500), path="/opportunities/search", times=6)
    house.slack.misbehave(slack.Fault("chat.postMessage", 503, times=4))
    await _comes_due(house, calendar)

    assert len(_posts(house)) == 1
    assert _rows(house)[0]["attempts"] > 0


async def test_a_digest_comes_as_soon_as_opp_status_may_post_in_its_channel(tmp_path: Path, calendar: Calendar) -> None:
    async with _with_a_digest(tmp_path, calendar) as house:
        refused = {"ok": False, "error": "not_in_channel"}
        house.slack.misbehave(slack.Fault("chat.postMessage", 200, body=refused, times=2))
        await _comes_due(house, calendar)

        assert len(_posts(house)) == 1


async def test_a_digest_that_came_due_while_no_process_ran_is_posted_late(tmp_path: Path, calendar: Calendar) -> None:
    async with _with_a_digest(tmp_path, calendar) as house:
        due = _rows(house)[0]["due"]
    calendar.ahead = due + DAY - 600 - datetime.now(UTC).timestamp()
    async with open_house(tmp_path, replace(HASTY, calendar=calendar), DIGEST=_digest(), CURRENCY="USD") as house:
        await house.slack.wait_until(lambda: len(_posts(house)) == 1)

        await _until(lambda: _endings(house) == ["posted"])


async def test_a_digest_that_is_a_day_late_is_dropped_with_a_line_in_the_log(
    tmp_path: Path, calendar: Calendar
) -> None:
    async with _with_a_digest(tmp_path, calendar) as house:
        with structlog.testing.capture_logs() as logs:
            await _comes_due(house, calendar, late=DAY + 60)

        assert (_posts(house), _endings(house)) == ([], ["missed"])
        assert [line["log_level"] for line in logs if line["event"] == "digest.dropped"] == ["error"]


async def test_a_digest_that_is_new_in_the_settings_is_not_posted_for_a_time_that_has_passed(tmp_path: Path) -> None:
    today = datetime.now(UTC) - timedelta(hours=2)
    settings = f"{DAYS[today.weekday()]} {today:%H:%M} UTC {DEALS}"
    async with open_house(tmp_path, HASTY, DIGEST=settings) as house:
        await _until(lambda: bool(_rows(house)))
        await asyncio.sleep(1.0)

        assert _posts(house) == []
        assert [row["due"] > datetime.now(UTC).timestamp() for row in _rows(house)] == [True]


async def test_two_replicas_post_a_digest_once(tmp_path: Path, cluster: Cluster) -> None:
    calendar = Calendar()
    async with _with_a_digest(tmp_path, calendar, DATABASE_URL=cluster.new_database()) as house:
        pass
    async with open_house(tmp_path, PATIENT, DATABASE_URL=house.settings.database_url) as other:
        settings = other.settings.model_copy(update={"digest": house.settings.digest})
        engine = sa.create_engine(settings.database_url.replace("postgresql://", "postgresql+psycopg://"))
        tempo = replace(SHORT, schedule=COMING.schedule, due_lease=COMING.due_lease)
        async with replicas(settings, tmp_path, tempo) as bots:
            await bots.start()
            await bots.start()
            now = datetime.now(UTC).timestamp()
            with engine.begin() as connection:
                connection.execute(schedule.update().values(due=now - 5))
            await _until(lambda: "posted" in _endings(other))
            await asyncio.sleep(1.0)
        engine.dispose()

        assert len(_posts(other)) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_whatever_is_killed_each_digest_is_posted_once_or_once_more_for_a_kill(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    settings = {"DIGEST": EVERY_MONDAY}
    if database == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        settings["DATABASE_URL"] = cluster.new_database()
    async with stand_ins(tmp_path, **settings) as house, replicas(house.settings, tmp_path, COMING) as bots:
        coming = DigestsDue(house, bots, random.Random(20_261_128), many=25)  # noqa: S311 - not a secret
        came = await coming.go(kills=5, seconds_between_kills=(0.5, 1.5))

    assert came.broken() == []
    assert (came.due, came.kills) == (25, 5)

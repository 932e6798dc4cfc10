"""A digest is planned a week ahead, made when its time has come, and compared with what people read before."""

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import structlog

from bot.access.rules import Caller
from bot.commands.reply import Message
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError
from bot.schedule.calendar import Calendar
from bot.schedule.digest.duty import LATEST, NOT_OURS, DigestDuty, DigestPlanner
from bot.schedule.digest.figures import Figures, Sent, Tally, Totals, from_kept
from bot.schedule.digest.periods import Digest, Week
from bot.schedule.digest.report import Report
from bot.schedule.digest.reports import READ_WITHIN, Reports
from bot.schedule.due import Due, Ending, Kind, NotNow, Planned, Posting
from tests.memory import MemoryDigests, MemoryFigures

pytestmark = pytest.mark.jumping_clock

MONDAY = date(2026, 11, 30)
MONDAYS = Digest(0, time(9), ZoneInfo("Europe/Berlin"), "C0DEALS")
ROME = Digest(4, time(16), ZoneInfo("Europe/Rome"), "C0ROME", "rome")
WEEK = MONDAYS.week_to(MONDAY)
DAY = timedelta(days=1)
WON = Totals(Tally(3, 300.0), Tally(1, 10.0), Tally(9, 900.0))


@dataclass
class _Words:
    """Keeps the reports that it puts into words."""

    reports: list[Report] = field(default_factory=list)

    def posted(self, report: Report) -> Message:
        self.reports.append(report)
        return Message("the digest", (), public=True)


class _Fixed(Calendar):
    """Stands still at this moment."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


@dataclass
class _World:
    figures: MemoryFigures = field(default_factory=MemoryFigures)
    digests: MemoryDigests = field(default_factory=MemoryDigests)
    words: _Words = field(default_factory=_Words)
    stuck_days: int = 21
    settings: tuple[Digest, ...] = (MONDAYS, ROME)

    async def prepare(self, digest: Digest = MONDAYS, day: date = MONDAY, late: float = 5.0) -> Posting | Ending:
        reports = Reports(self.figures, self.digests, _Fixed(WEEK.until + timedelta(seconds=late)), self.stuck_days)
        duty = DigestDuty(self.settings, ["berlin", "rome"], reports, self.words)
        planned = Planned(digest.key(day), Kind.DIGEST, digest.due_on(day), Caller("", "", digest.channel_id))
        return await duty.prepare(Due(planned, late, 0))


def _sent(until: datetime, *parts: str) -> Sent:
    return Sent(Week(until - 7 * DAY, until), {each: Figures(WON) for each in parts or ("berlin", "rome")})


async def test_a_digest_has_all_sub_accounts_and_keeps_what_it_tells() -> None:
    world = _World(figures=MemoryFigures({"berlin": Figures(WON), "rome": Figures(Totals(Tally(1, 5.0)))}))

    posting = await world.prepare()

    assert isinstance(posting, Posting)
    assert (posting.conversation, posting.insists) == ("C0DEALS", True)
    assert from_kept(posting.kept) == Sent(WEEK, {"berlin": Figures(WON), "rome": Figures(Totals(Tally(1, 5.0)))})
    assert world.words.reports[0].figures.totals.won == Tally(4, 305.0)


async def test_a_digest_of_one_sub_account_reads_no_other() -> None:
    world = _World()
    await world.prepare(ROME, MONDAY + 4 * DAY)

    assert [location for location, _, _ in world.figures.asked] == ["rome"]


async def test_it_tells_of_the_week_to_its_time_however_late_it_is() -> None:
    world = _World()
    await world.prepare(late=LATEST)

    assert world.figures.asked[0] == ("berlin", WEEK, WEEK.until + DAY - 21 * DAY)


async def test_no_deal_is_stuck_where_the_operator_says_so() -> None:
    world = _World(stuck_days=0)
    await world.prepare()

    assert world.figures.asked[0][2] is None


@pytest.mark.parametrize(
    ("posted", "compared"),
    [
        ([], None),
        ([_sent(WEEK.since)], WEEK.since),
        ([_sent(WEEK.since + timedelta(hours=1))], WEEK.since + timedelta(hours=1)),  # it was posted later in the day
        ([_sent(WEEK.since + 3 * DAY), _sent(WEEK.since)], WEEK.since),  # the later one tells of half this week
        ([_sent(WEEK.since - 7 * DAY)], WEEK.since - 7 * DAY),  # the one in between was dropped
        ([_sent(WEEK.since - 60 * DAY)], None),
        ([_sent(WEEK.since, "berlin")], None),  # of another sub-account's deals
    ],
)
async def test_a_digest_is_compared_with_the_one_that_people_read_before(
    posted: list[Sent], compared: datetime | None
) -> None:
    world = _World(digests=MemoryDigests(posted=posted))
    await world.prepare()
    (report,) = world.words.reports

    assert (report.earlier.week.until if report.earlier else None) == compared
    assert report.before == (Figures(WON + WON) if compared else None)


async def test_a_digest_that_is_more_than_a_day_late_is_dropped_with_a_line_in_the_log() -> None:
    world = _World()
    with structlog.testing.capture_logs() as logs:
        assert await world.prepare(late=LATEST + 1) is Ending.MISSED

    assert ("digest.dropped", "error") in [(line["event"], line["log_level"]) for line in logs]
    assert world.figures.asked == []


async def test_a_digest_waits_as_long_as_highlevel_says_where_it_gives_no_figures() -> None:
    trouble = Trouble(Cause.RATE_LIMITED, retry_after=40.0)
    world = _World(figures=MemoryFigures({"rome": CrmError(trouble, perhaps_done=False, answered=True)}))
    with pytest.raises(NotNow) as raised:
        await world.prepare()

    assert (raised.value.seconds, raised.value.failed) == (40.0, True)


async def test_figures_that_take_for_ever_are_read_later() -> None:
    world = _World(figures=MemoryFigures(slow={"rome": 7 * 86_400.0}))
    began = asyncio.get_running_loop().time()
    with pytest.raises(NotNow) as raised:
        await world.prepare()

    assert (raised.value.seconds, raised.value.failed) == (0.0, True)
    assert asyncio.get_running_loop().time() - began == pytest.approx(READ_WITHIN, abs=1)


async def test_where_one_sub_account_fails_no_other_is_read_on() -> None:
    error = CrmError(Trouble(Cause.TOKEN_INVALID), perhaps_done=False, answered=True)
    world = _World(figures=MemoryFigures({"berlin": error}, slow={"rome": 60.0}))
    with pytest.raises(NotNow):
        await world.prepare()
    await asyncio.sleep(120)

    assert world.figures.finished == ["berlin"]


async def test_a_digest_that_only_another_process_knows_is_left_to_it() -> None:
    with pytest.raises(NotNow) as raised:
        await _World(settings=(ROME,)).prepare()

    assert (raised.value.seconds, raised.value.failed) == (NOT_OURS, False)


# --- planning ------------------------------------------------------------------------------------------------------


async def test_each_digest_is_written_down_a_week_ahead() -> None:
    digests, calendar = MemoryDigests(), _Fixed(WEEK.until - timedelta(minutes=1))
    planning = asyncio.create_task(DigestPlanner([MONDAYS, ROME], digests, calendar, 3.0).tend())
    await asyncio.sleep(1)
    assert {key: each.due for key, each in digests.planned.items()} == {
        MONDAYS.key(MONDAY): WEEK.until,
        ROME.key(MONDAY + 4 * DAY): ROME.due_on(MONDAY + 4 * DAY),
    }
    calendar.moment = WEEK.until
    await asyncio.sleep(3)
    planning.cancel()

    assert digests.planned[MONDAYS.key(MONDAY + 7 * DAY)].due == MONDAYS.due_on(MONDAY + 7 * DAY)
    assert digests.planned[MONDAYS.key(MONDAY)].caller.channel_id == "C0DEALS"


async def test_nothing_is_written_where_nothing_is_new() -> None:
    digests = MemoryDigests()
    planning = asyncio.create_task(DigestPlanner([MONDAYS], digests, _Fixed(WEEK.until), 3.0).tend())
    await asyncio.sleep(1)
    digests.planned.clear()
    await asyncio.sleep(60)
    planning.cancel()

    assert digests.planned == {}


async def test_planning_waits_for_the_database() -> None:
    digests = MemoryDigests(down=True)
    planning = asyncio.create_task(DigestPlanner([MONDAYS], digests, _Fixed(WEEK.until), 3.0).tend())
    await asyncio.sleep(10)
    digests.down = False
    await asyncio.sleep(3)
    planning.cancel()

    assert len(digests.planned) == 1


async def test_without_digests_nothing_is_planned() -> None:
    await DigestPlanner([], MemoryDigests(), Calendar(), 3.0).tend()

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deals.deal import Opportunity, Status
from bot.events.watch import QuietHours, Watch

NIGHT = QuietHours.read("22:00-07:00 Europe/Berlin")
NOON = QuietHours.read("12:00-13:30 UTC")
WATCH = Watch(channels={Status.WON: "C0WINS"}, statuses=frozenset({Status.WON, Status.LOST}))


def _at(hour: int, minute: int = 0) -> datetime:
    """A moment in winter, by UTC: Berlin is an hour ahead."""
    return datetime(2026, 11, 28, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "quiet"), [(_at(20, 59), False), (_at(21), True), (_at(2), True), (_at(5, 59), True), (_at(6), False)]
)
def test_quiet_hours_span_midnight_by_the_clock_of_their_zone(moment: datetime, quiet: bool) -> None:
    assert NIGHT.hold(moment) is quiet


@pytest.mark.parametrize(
    ("moment", "quiet"), [(_at(11, 59), False), (_at(12), True), (_at(13, 29), True), (_at(13, 30), False)]
)
def test_quiet_hours_may_be_within_a_day(moment: datetime, quiet: bool) -> None:
    assert NOON.hold(moment) is quiet


def test_quiet_hours_follow_daylight_saving_time() -> None:
    assert NIGHT.hold(datetime(2026, 7, 1, 20, 30, tzinfo=UTC))
    assert not NIGHT.hold(datetime(2026, 12, 1, 20, 30, tzinfo=UTC))


@given(st.times(), st.times(), st.datetimes())
def test_of_two_ranges_that_make_up_a_day_exactly_one_is_quiet(begin: time, end: time, moment: datetime) -> None:
    if begin != end:
        zone, at = ZoneInfo("UTC"), moment.replace(tzinfo=UTC)
        assert QuietHours(begin, end, zone).hold(at) != QuietHours(end, begin, zone).hold(at)


def _deal(status: str = "won", **facts: object) -> Opportunity:
    return Opportunity(id="deal", status=status, **facts)  # type: ignore[arg-type]


def test_a_deal_is_posted_where_its_status_has_a_channel_and_is_watched() -> None:
    assert WATCH.channel_of(_deal()) == "C0WINS"
    assert WATCH.channel_of(_deal("lost")) == ""
    assert WATCH.channel_of(_deal("open")) == ""
    assert WATCH.channel_of(_deal("a status of next year")) == ""


@pytest.mark.parametrize(("value", "channel"), [(None, ""), (0.0, ""), (99.99, ""), (100.0, "C0WINS")])
def test_a_deal_of_a_lower_value_is_left_out(value: float | None, channel: str) -> None:
    watch = Watch(channels=WATCH.channels, statuses=WATCH.statuses, min_value=100.0)

    assert watch.channel_of(_deal(value=value)) == channel


@pytest.mark.parametrize(
    ("pipeline_id", "pipeline", "channel"),
    [
        ("P1", None, "C0WINS"),
        ("p1", None, "C0WINS"),
        ("P2", "New Business", "C0WINS"),
        ("P2", "Old", ""),
        (None, None, ""),
    ],
)
def test_a_pipeline_is_named_by_its_id_or_its_name(pipeline_id: str | None, pipeline: str | None, channel: str) -> None:
    pipelines = frozenset({"p1", "new business"})
    watch = Watch(channels=WATCH.channels, statuses=WATCH.statuses, pipelines=pipelines)

    assert watch.channel_of(_deal(pipeline_id=pipeline_id, pipeline=pipeline)) == channel


def test_without_a_channel_for_a_watched_status_nothing_is_posted() -> None:
    assert WATCH.is_on
    assert not Watch(channels={Status.OPEN: "C0WINS"}, statuses=WATCH.statuses).is_on

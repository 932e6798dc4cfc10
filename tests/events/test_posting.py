from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.deals.deal import Opportunity
from bot.events.event import Source, Verdict
from bot.events.posting import LONGEST_LOOK, MOST_IN_A_MINUTE, Channel, Crowd, Held, Pace, Plan, Why, pause, plan
from bot.events.watch import QuietHours

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
PACE = Pace(gather=0.3, calm=10.0, longest_wave=300.0)
NIGHT = QuietHours.read("22:00-07:00 UTC")
HOUR = 3600.0


def _held(
    number: int = 1, ago: float = 1.0, *, deal: str = "", before: str | None = "open", after: str = "won"
) -> Held:
    opportunity = Opportunity(deal or f"deal-{number}", after)
    return Held(number, f"key-{number}", Source.WEBHOOK, opportunity, before, None, NOW - ago)


def _many(many: int, ago: float = 1.0) -> tuple[Held, ...]:
    return tuple(_held(number, ago) for number in range(many))


def _plan(*held: Held, quiet: QuietHours | None = None, **circumstances: object) -> Plan:
    return plan(Channel(**{"now": NOW, "held": held, **circumstances}), PACE, quiet)  # type: ignore[arg-type]


def test_a_change_is_posted_alone_after_a_moment() -> None:
    assert _plan(_held(ago=0.1)) == Plan()
    assert _plan(_held(ago=0.5)) == Plan(alone=(_held(ago=0.5),))


def test_as_many_as_a_channel_bears_are_posted_alone() -> None:
    few = _many(MOST_IN_A_MINUTE)

    assert _plan(*few).alone == few


def test_more_wait_until_no_more_come_and_are_one_message() -> None:
    assert _plan(*_many(6)) == Plan()
    assert _plan(*_many(6, ago=10.0)) == Plan(together=_many(6, ago=10.0), why=Why.MASS)


def test_what_was_posted_in_the_last_minute_counts() -> None:
    assert _plan(_held(), posted=5) == Plan()
    assert _plan(_held(ago=10.0), posted=5).alone == (_held(ago=10.0),)


def test_deals_that_are_still_to_be_read_are_waited_for() -> None:
    assert _plan(_held(), unread=5) == Plan()
    assert _plan(*_many(6, ago=20.0), unread=1) == Plan()
    assert _plan(_held(), unread=4).alone == (_held(),)


def test_a_wave_without_end_is_told_in_parts() -> None:
    assert _plan(*_many(6, ago=300.0), _held(7, ago=0.1), unread=100).together == (
        *_many(6, ago=300.0),
        _held(7, ago=0.1),
    )


def test_a_muted_channel_gets_nothing_and_nothing_later() -> None:
    assert _plan(_held(), muted_until=NOW + 1) == Plan(dropped=((_held(), Verdict.MUTED),))
    assert _plan(_held(), muted_until=NOW).alone == (_held(),)


def test_in_the_quiet_hours_everything_waits_and_then_is_one_summary() -> None:
    midnight = NOW - 12 * HOUR
    night = tuple(_held(number, ago=12 * HOUR) for number in range(2))

    assert _plan(*night, now=midnight + HOUR, quiet=NIGHT) == Plan()
    assert _plan(*night, quiet=NIGHT) == Plan(together=night, why=Why.OVERNIGHT)
    assert _plan(*night, _held(7), quiet=NIGHT).together == (*night, _held(7))
    assert _plan(night[0], quiet=NIGHT).alone == (night[0],)
    assert _plan(_held(), quiet=NIGHT).alone == (_held(),)


def test_of_several_changes_of_a_deal_the_last_is_told_from_what_it_was_before_the_first() -> None:
    first, last = _held(1, 2.0, deal="deal"), _held(2, deal="deal", before="won", after="lost")
    told = _plan(first, last)

    assert [(each.number, each.before, each.deal.status) for each in told.alone] == [(2, "open", "lost")]
    assert told.dropped == ((first, Verdict.SUPERSEDED),)


def test_a_deal_that_is_again_what_it_was_is_no_news() -> None:
    first, last = _held(1, 2.0, deal="deal", before="lost"), _held(2, deal="deal", before="won", after="lost")

    assert _plan(first, last) == Plan(dropped=((first, Verdict.SUPERSEDED), (last, Verdict.SUPERSEDED)))


def test_a_deal_that_changed_since_is_no_news() -> None:
    assert _plan(_held(), statuses={"deal-1": "open"}) == Plan(dropped=((_held(), Verdict.SUPERSEDED),))
    assert _plan(_held(), statuses={"deal-1": "won"}).alone == (_held(),)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["won", "lost"]), st.floats(0, 1e5)), max_size=12),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from([None, NIGHT]),
)
def test_every_change_is_posted_dropped_or_waits_and_never_two_of_these(
    changes: list[tuple[str, str, float]], posted: int, unread: int, quiet: QuietHours | None
) -> None:
    held = [_held(number, ago, deal=deal, after=after) for number, (deal, after, ago) in enumerate(changes)]
    told = _plan(*held, posted=posted, unread=unread, quiet=quiet)
    numbers = [each.number for each in (*told.alone, *told.together, *(each for each, _ in told.dropped))]

    if held and not (told.alone or told.together or told.dropped):
        crowd = Crowd(NOW, len(held), min(e.since for e in held), max(e.since for e in held), posted, unread)
        assert pause(crowd, PACE, quiet) <= LONGEST_LOOK
    assert len(numbers) == len(set(numbers))
    assert set(numbers) <= {each.number for each in held}
    assert not (told.alone and told.together)
    assert len({each.deal.id for each in (*told.alone, *told.together)}) == len(told.alone) + len(told.together)


# --- when to look ---------------------------------------------------------------------------------------------------


def _pause(held: int, oldest: float, newest: float = 0.0, *, quiet: QuietHours | None = None, **more: float) -> float:
    numbers = {"now": NOW} | more
    return round(pause(Crowd(held=held, oldest=NOW - oldest, newest=NOW - newest, **numbers), PACE, quiet), 3)  # type: ignore[arg-type]


def test_a_few_changes_are_looked_at_when_they_have_waited_for_others() -> None:
    assert _pause(1, oldest=0.1) == 0.2
    assert _pause(5, oldest=0.5) == 0.0


def test_many_are_looked_at_when_no_more_come() -> None:
    assert _pause(6, oldest=50.0, newest=1.0) == LONGEST_LOOK
    assert _pause(6, oldest=50.0, newest=9.5) == 0.5
    assert _pause(6, oldest=50.0, newest=10.0) == 0.0
    assert _pause(6, oldest=50.0, newest=10.0, unread=3) == LONGEST_LOOK
    assert _pause(6, oldest=300.0, newest=0.0, unread=3) == 0.0
    assert _pause(1, oldest=1.0, newest=1.0, posted=5) == LONGEST_LOOK


def test_a_muted_channel_is_cleared_at_once_and_the_quiet_hours_end_with_a_look() -> None:
    assert _pause(1, oldest=0.0, muted_until=NOW + 5) == 0.0
    assert _pause(9, oldest=1.0, now=NOW - 12 * HOUR, quiet=NIGHT) == LONGEST_LOOK
    assert _pause(9, oldest=12 * HOUR, quiet=NIGHT) == 0.0

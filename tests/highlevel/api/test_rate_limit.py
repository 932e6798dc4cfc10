import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.highlevel.api.answers import Limits
from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.highlevel.api.errors import RateLimited, StillDown
from bot.highlevel.api.rate_limit import Budget, RateLimiter, wait_for_own_slot
from bot.http.client import HttpClient
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served
from tests.clock import JumpingLoop

pytestmark = pytest.mark.jumping_clock

DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
SOON = 10.0


def _now() -> float:
    return asyncio.get_running_loop().time()


def _said(
    most: int | None = None,
    interval: float | None = None,
    remaining: int | None = None,
    closed_for: float | None = None,
    *,
    day_is_over: bool = False,
) -> Limits:
    return Limits(most, interval, remaining, closed_for, day_is_over)


async def _ask(rate_limiter: RateLimiter, seconds: float = 0.0, limits: Limits | None = None) -> None:
    async with rate_limiter.slot(until=_now() + SOON):
        await asyncio.sleep(seconds)
        if limits:
            rate_limiter.observe(limits)


# --- slots ----------------------------------------------------------------------------------------------------------


async def test_a_slot_is_free_again_an_interval_after_its_answer() -> None:
    rate_limiter = RateLimiter(limit=2, interval=0.2)
    began = _now()
    await asyncio.gather(*(_ask(rate_limiter, seconds=0.1) for _ in range(2)))
    await _ask(rate_limiter)

    assert _now() - began >= 0.3


async def test_a_caller_without_a_slot_in_time_learns_when_there_is_one() -> None:
    rate_limiter = RateLimiter(limit=1, interval=5.0)
    await _ask(rate_limiter)

    with pytest.raises(RateLimited) as refused:
        async with rate_limiter.slot(until=_now() + 0.05):
            pytest.fail("there is no slot")
    assert refused.value.retry_after == pytest.approx(5.0, abs=0.5)
    assert (refused.value.daily, refused.value.perhaps_done) == (False, False)


async def test_the_limits_in_highlevels_answers_are_taken_over() -> None:
    rate_limiter = RateLimiter(limit=100, interval=10.0)
    await _ask(rate_limiter, limits=_said(most=1, interval=0.1))
    began = _now()
    await _ask(rate_limiter)

    assert _now() - began >= 0.09


async def test_requests_of_other_programs_take_slots_too() -> None:
    rate_limiter = RateLimiter(limit=10, interval=0.2)
    await _ask(rate_limiter, limits=_said(most=10, remaining=0))
    began = _now()
    await _ask(rate_limiter)

    assert _now() - began >= 0.19


async def test_an_answer_that_says_more_is_left_than_we_know_is_ignored() -> None:
    rate_limiter = RateLimiter(limit=2, interval=0.2)
    began = _now()
    await _ask(rate_limiter)
    await _ask(rate_limiter, limits=_said(most=2, remaining=2))
    await _ask(rate_limiter)

    assert _now() - began >= 0.19


async def test_a_failed_request_used_its_slot() -> None:
    rate_limiter = RateLimiter(limit=1, interval=0.2)
    began = _now()
    with pytest.raises(OSError, match="cut"):
        async with rate_limiter.slot(until=_now() + SOON):
            raise OSError("cut")
    await _ask(rate_limiter)

    assert _now() - began >= 0.19


# --- reservations ---------------------------------------------------------------------------------------------------


async def test_a_reservation_waits_for_all_its_slots_and_its_calls_do_not_wait() -> None:
    rate_limiter = RateLimiter(limit=4, interval=0.3)
    began = _now()
    await asyncio.gather(_ask(rate_limiter), _ask(rate_limiter))
    async with rate_limiter.reserve(3, until=_now() + SOON):
        waited = _now() - began
        for _ in range(3):
            await _ask(rate_limiter)
        assert _now() - began < waited + 0.1

    assert waited >= 0.29


async def test_a_task_that_waits_for_a_slot_of_its_own_leaves_those_that_are_reserved() -> None:
    rate_limiter = RateLimiter(limit=3, interval=5.0)

    async def beside() -> float:
        wait_for_own_slot()
        await _ask(rate_limiter)
        return _now()

    async with rate_limiter.reserve(2, until=_now() + SOON):
        began = _now()
        task = asyncio.create_task(beside())
        assert await task == began
        for _ in range(2):
            await _ask(rate_limiter)
        assert _now() == began


async def test_reservations_are_granted_in_the_order_of_asking() -> None:
    rate_limiter = RateLimiter(limit=3, interval=0.05)
    order: list[int] = []

    async def take(number: int) -> None:
        async with rate_limiter.reserve(3 if number % 2 else 1, until=_now() + SOON):
            order.append(number)
            await _ask(rate_limiter)

    await asyncio.gather(*(take(number) for number in range(8)))

    assert order == list(range(8))


async def test_unused_slots_of_a_reservation_are_free_for_the_next() -> None:
    rate_limiter = RateLimiter(limit=3, interval=60.0)
    async with rate_limiter.reserve(3, until=_now() + SOON):
        await _ask(rate_limiter)
    async with asyncio.timeout(30), rate_limiter.reserve(2, until=_now() + SOON):
        pass


async def test_a_call_beyond_its_reservation_goes_before_changes_that_have_not_begun() -> None:
    rate_limiter = RateLimiter(limit=1, interval=0.1)
    order: list[str] = []

    async def later() -> None:
        async with rate_limiter.reserve(1, until=_now() + SOON):
            order.append("later")

    async with rate_limiter.reserve(1, until=_now() + SOON):
        await _ask(rate_limiter)
        waiting = asyncio.create_task(later())
        await asyncio.sleep(0.01)
        await _ask(rate_limiter)
        order.append("beyond")
    await waiting

    assert order == ["beyond", "later"]


async def test_tasks_inside_a_reservation_share_its_slots() -> None:
    rate_limiter = RateLimiter(limit=3, interval=60.0)
    async with asyncio.timeout(30), rate_limiter.reserve(3, until=_now() + SOON):
        await asyncio.gather(*(_ask(rate_limiter) for _ in range(3)))


async def test_a_reservation_of_more_than_the_limit_gets_the_whole_limit() -> None:
    rate_limiter = RateLimiter(limit=2, interval=0.05)
    async with asyncio.timeout(30), rate_limiter.reserve(3, until=_now() + SOON):
        for _ in range(3):
            await _ask(rate_limiter)


async def test_a_caller_that_gives_up_leaves_the_queue() -> None:
    rate_limiter = RateLimiter(limit=1, interval=0.2)
    await _ask(rate_limiter)
    impatient = asyncio.create_task(_enter(rate_limiter))
    await asyncio.sleep(0.01)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)

    async with asyncio.timeout(30), rate_limiter.reserve(1, until=_now() + SOON):
        pass


async def test_slots_granted_just_as_a_caller_gives_up_go_to_the_next() -> None:
    rate_limiter = RateLimiter(limit=1, interval=60.0)
    async with rate_limiter.reserve(1, until=_now() + SOON):
        impatient = asyncio.create_task(_enter(rate_limiter))
        await asyncio.sleep(0.01)
    impatient.cancel()  # its slots were granted when the block above ended, and it has not run since
    await asyncio.gather(impatient, return_exceptions=True)

    async with asyncio.timeout(30), rate_limiter.reserve(1, until=_now() + SOON):
        pass


async def test_a_caller_that_gives_up_just_as_the_limiter_opens_is_skipped() -> None:
    rate_limiter = RateLimiter(limit=1, interval=60.0)
    async with rate_limiter.reserve(1, until=_now() + SOON):
        impatient = asyncio.create_task(_enter(rate_limiter))
        await asyncio.sleep(0.01)
        impatient.cancel()  # it is still in the queue when the block ends
    async with asyncio.timeout(30), rate_limiter.reserve(1, until=_now() + SOON):
        pass
    await asyncio.gather(impatient, return_exceptions=True)


async def _enter(rate_limiter: RateLimiter) -> None:
    async with rate_limiter.reserve(1, until=_now() + SOON):
        pass


# --- 429 ------------------------------------------------------------------------------------------------------------


async def test_after_a_429_no_request_is_sent_before_its_time() -> None:
    rate_limiter = RateLimiter(limit=100, interval=10.0)
    began = _now()
    await _ask(rate_limiter, limits=_said(closed_for=0.2))
    await asyncio.gather(*(_ask(rate_limiter) for _ in range(5)))

    assert _now() - began >= 0.19


async def test_a_caller_that_cannot_wait_for_the_limiter_to_open_learns_it_at_once() -> None:
    rate_limiter = RateLimiter()
    await _ask(rate_limiter, limits=_said(closed_for=60.0))
    began = _now()
    with pytest.raises(RateLimited) as told:
        async with rate_limiter.reserve(3, until=_now() + 30.0):
            pytest.fail("the limiter is closed")

    assert _now() - began < 20
    assert told.value.retry_after == pytest.approx(60.0, abs=5)


# --- HighLevel is down ----------------------------------------------------------------------------------------------


def _down(seconds: float) -> Limits:
    return replace(_said(), down_for=seconds)


async def test_while_highlevel_is_down_what_has_not_begun_waits() -> None:
    rate_limiter = RateLimiter()
    async with rate_limiter.slot(until=_now() + SOON):
        rate_limiter.observe(_down(5.0))
        rate_limiter.observe(_down(1.0))  # a shorter time does not end the longer one
    began = _now()
    await asyncio.gather(_ask(rate_limiter), _enter(rate_limiter))

    assert _now() - began >= 5.0


async def test_what_cannot_wait_that_long_learns_at_once_that_highlevel_is_down() -> None:
    rate_limiter = RateLimiter()
    await _ask(rate_limiter, limits=_down(30.0))
    began = _now()
    for enter in (rate_limiter.slot, partial(rate_limiter.reserve, 3)):
        with pytest.raises(StillDown) as told:
            async with enter(until=_now() + SOON):
                pytest.fail("HighLevel is down")
        assert told.value.retry_after == pytest.approx(30.0, abs=5)

    assert _now() - began < 5


async def test_a_change_that_has_begun_goes_on_though_highlevel_told_another_that_it_is_down() -> None:
    rate_limiter = RateLimiter()
    async with rate_limiter.reserve(2, until=_now() + SOON):
        await _ask(rate_limiter, limits=_down(30.0))
        began = _now()
        for _ in range(3):  # also with more looks than it has reserved
            await _ask(rate_limiter)

    assert _now() - began < 5


async def test_a_limiter_that_is_closed_for_long_opens_sooner_to_find_out() -> None:
    rate_limiter = RateLimiter(longest_closed=0.1)
    await _ask(rate_limiter, limits=_said(closed_for=86400.0))
    async with asyncio.timeout(30):
        await _ask(rate_limiter)


async def test_a_single_call_goes_before_changes_that_have_not_begun() -> None:
    rate_limiter = RateLimiter(limit=1, interval=0.1)
    await _ask(rate_limiter)
    order: list[str] = []
    changes = [asyncio.create_task(_enter(rate_limiter)) for _ in range(20)]
    changes[0].add_done_callback(lambda _: order.append("change"))
    await asyncio.sleep(0.01)
    await _ask(rate_limiter)
    order.append("probe")
    await changes[0]

    assert order == ["probe", "change"]
    for each in changes:
        each.cancel()


async def test_when_the_day_is_used_up_no_caller_waits_and_all_learn_its_end() -> None:
    rate_limiter = RateLimiter(limit=1, interval=60.0)
    await _ask(rate_limiter)
    queued = asyncio.create_task(_enter(rate_limiter))
    gone = asyncio.create_task(_enter(rate_limiter))
    await asyncio.sleep(0.01)
    gone.cancel()
    rate_limiter.observe(_said(closed_for=7200.0, day_is_over=True))

    for refused in (queued, _enter(rate_limiter), _ask(rate_limiter)):
        with pytest.raises(RateLimited) as told:
            await refused
        assert told.value.daily is True
        assert told.value.retry_after == pytest.approx(7200.0, abs=1)


async def test_a_caller_that_gives_up_just_as_the_day_is_used_up_is_skipped() -> None:
    rate_limiter = RateLimiter(limit=1, interval=60.0)
    await _ask(rate_limiter)
    impatient = asyncio.create_task(_enter(rate_limiter))
    await asyncio.sleep(0.01)
    rate_limiter.observe(_said(day_is_over=True))
    impatient.cancel()

    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_day_that_is_used_up_without_a_known_end_is_used_up_all_the_same() -> None:
    rate_limiter = RateLimiter()
    rate_limiter.observe(_said(day_is_over=True))

    with pytest.raises(RateLimited) as told:
        await _enter(rate_limiter)
    assert told.value.retry_after is None


@pytest.mark.parametrize("reset", [None, 0.1, 3600.0])
async def test_after_a_while_a_request_finds_out_whether_the_day_is_still_used_up(reset: float | None) -> None:
    rate_limiter = RateLimiter(longest_closed=0.2)
    rate_limiter.observe(_said(closed_for=reset, day_is_over=True))
    await asyncio.sleep(0.25)

    await _enter(rate_limiter)


# --- over HTTP ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _client(highlevel: HighLevel) -> AsyncIterator[Client]:
    highlevel.add_opportunity(DEAL)
    async with served(highlevel.app()) as url:
        client = Client(
            base_url=url,
            auth=PrivateIntegration(highlevel.add_token("pit-not-a-token")),
            version="2021-07-28",
            http=HttpClient("opp-status/test"),
            attempts=Attempts(most=3, connect=1.0, answer=3.0, pause=0.01),
        )
        async with client:
            yield client


def _highlevel(limit: int, seconds: float) -> HighLevel:
    highlevel = HighLevel()
    highlevel.burst_limit, highlevel.burst_seconds = limit, seconds
    return highlevel


async def _change(client: Client, at_once: asyncio.Semaphore | None = None) -> None:
    async with at_once or nullcontext(), client.reserve(3, until=_now() + SOON):
        for _ in range(3):
            await client.opportunity(DEAL, until=_now() + SOON)


async def test_a_burst_is_worked_off_without_a_single_429() -> None:
    highlevel = _highlevel(30, 0.4)
    async with _client(highlevel) as client:
        await client.opportunity(DEAL, until=_now() + SOON)  # from now on the limit is known
        await asyncio.gather(*(_change(client) for _ in range(60)))

    assert len(highlevel.received) == 181
    assert highlevel.refused == 0


async def test_another_program_with_the_same_limit_slows_us_down() -> None:
    highlevel = _highlevel(30, 0.4)
    async with _client(highlevel) as client:
        await client.opportunity(DEAL, until=_now() + SOON)
        highlevel.used_by_others = 15
        at_once = asyncio.Semaphore(3)  # few at first: only answers tell of the other program
        await asyncio.gather(*(_change(client, at_once) for _ in range(30)))

    # If the other program fills a new window first, those of our requests that are under way may be too many.
    assert highlevel.refused <= 6
    assert len(highlevel.received) == 91 + highlevel.refused


async def test_after_a_503_that_says_how_long_it_lasts_others_wait_without_asking() -> None:
    highlevel = _highlevel(100, 10.0)
    highlevel.misbehave(Fault(status=503, headers={"Retry-After": "2"}))
    async with _client(highlevel) as client:
        began = _now()
        first = asyncio.ensure_future(client.opportunity(DEAL, until=_now() + SOON))
        while not highlevel.received:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        await asyncio.gather(first, *(client.opportunity(DEAL, until=_now() + SOON) for _ in range(5)))

    assert _now() - began >= 2.0
    assert len(highlevel.received) == 7


async def test_an_unexpected_429_is_waited_out() -> None:
    highlevel = _highlevel(100, 10.0)
    highlevel.misbehave(Fault(status=429, body={"message": "Too Many Requests"}, headers={"Retry-After": "0.2"}))
    async with _client(highlevel) as client:
        began = _now()
        await asyncio.gather(_change(client), _change(client))

    assert _now() - began >= 0.2


async def test_once_the_day_is_used_up_no_further_request_is_sent() -> None:
    highlevel = _highlevel(100, 10.0)
    highlevel.daily_limit = 1
    async with _client(highlevel) as client:
        await client.opportunity(DEAL, until=_now() + SOON)
        with pytest.raises(RateLimited) as told:
            await _change(client)

    assert told.value.daily is True
    assert told.value.retry_after == pytest.approx(3600, abs=5)
    assert len(highlevel.received) == 1


async def test_a_lost_reason_is_sent_and_read() -> None:
    highlevel = HighLevel()
    highlevel.lost_reasons = [{"id": "reason", "name": "Too dear"}]
    highlevel.shows_lost_reason = True
    async with _client(highlevel) as client:
        await client.put_status(DEAL, "lost", lost_reason_id="reason", until=_now() + SOON)
        record = await client.opportunity(DEAL, until=_now() + SOON)

    assert record.lost_reason_id == "reason"
    assert json.loads(highlevel.writes()[0].body) == {"status": "lost", "lostReasonId": "reason"}


# --- what is left ---------------------------------------------------------------------------------------------------


async def test_the_budget_leaves_out_slots_that_are_used_or_reserved() -> None:
    rate_limiter = RateLimiter(limit=10, interval=5.0)
    assert rate_limiter.budget() == Budget(10, 10, None, None)
    await _ask(rate_limiter)
    async with rate_limiter.reserve(3, until=_now() + SOON):
        assert rate_limiter.budget().left == 6
        async with rate_limiter.slot(until=_now() + SOON):
            assert rate_limiter.budget().left == 6

    assert rate_limiter.budget().left == 8


async def test_the_budget_of_the_day_is_what_the_latest_answer_said() -> None:
    rate_limiter = RateLimiter()
    await _ask(rate_limiter, limits=Limits(None, None, None, None, day_is_over=False, left_today=7, most_a_day=9))
    await _ask(rate_limiter, limits=_said())
    assert (rate_limiter.budget().left_today, rate_limiter.budget().most_a_day) == (7, 9)
    await _ask(rate_limiter, limits=Limits(None, None, None, None, day_is_over=False, left_today=0))

    assert (rate_limiter.budget().left_today, rate_limiter.budget().most_a_day) == (0, 9)


@pytest.mark.parametrize("interaction", [_said(closed_for=60.0), _said(closed_for=60.0, day_is_over=True)])
async def test_while_the_limiter_is_closed_the_budget_is_zero(interaction: Limits) -> None:
    rate_limiter = RateLimiter()
    await _ask(rate_limiter, limits=interaction)

    assert rate_limiter.budget().left == 0


# --- any calls ------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    reservations=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4), st.integers(0, 8)), min_size=1, max_size=15),
    most=st.integers(1, 6),
)
def test_no_interval_ever_has_more_requests_than_the_limit(reservations: list[tuple[int, int, int]], most: int) -> None:
    """Reservations of any size, with any number of calls that take any time."""
    interval = 0.02
    arrived: list[float] = []

    async def take(rate_limiter: RateLimiter, wanted: int, made: int, milliseconds: int) -> None:
        async with rate_limiter.reserve(wanted, until=_now() + SOON):
            for _ in range(made):
                async with rate_limiter.slot(until=_now() + SOON):
                    arrived.append(_now())
                    await asyncio.sleep(milliseconds / 1000)

    async def play() -> None:
        rate_limiter = RateLimiter(limit=most, interval=interval)
        await asyncio.gather(*(take(rate_limiter, *each) for each in reservations))

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())

    assert len(arrived) == sum(made for _, made, _ in reservations)
    assert all(later - earlier >= interval for earlier, later in zip(arrived, arrived[most:], strict=False))
    assert all(earlier <= later for earlier, later in pairwise(arrived))


async def test_nothing_grows_with_a_number_that_an_answer_names() -> None:
    limiter = RateLimiter()
    tracemalloc.start()
    try:
        for _ in range(50):
            async with limiter.slot(until=_now() + 1000.0):
                limiter.observe(_said(most=1_000_000_000, remaining=0, interval=0.01))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000

import asyncio
import math
import traceback

import pytest

from bot.cache import Cache

TTL, ERROR_TTL = 300.0, 10.0


class Clock:
    """The event loop's time. It stands still until a test moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: self.now)

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and let every task do what it can do by then."""
        self.now += seconds
        for _ in range(10):
            await asyncio.sleep(0)


class Source:
    """What a cache loads from: gives or raises its answers, one after the other; each takes `seconds`."""

    def __init__(self, *answers: str | Exception, seconds: float = 0.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.asked: list[str] = []

    async def __call__(self, key: str) -> str:
        self.asked.append(key)
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class DownError(Exception):
    """What a source raises that does not answer."""


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def _cache(source: Source, *, stale_if_error: float = 0.0, maxsize: int = 1000) -> Cache[str, str]:
    return Cache(source, ttl=TTL, error_ttl=ERROR_TTL, stale_if_error=stale_if_error, maxsize=maxsize)


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


# --- answers -------------------------------------------------------------------------------------------------------


async def test_an_answer_is_kept_for_its_time_to_live(clock: Clock) -> None:
    source = Source("first", "second")
    cache = _cache(source)
    assert await cache.get("key") == "first"
    await clock.advance(TTL - 1)
    assert await cache.get("key") == "first"
    await clock.advance(1)
    assert await cache.get("key") == "second"


async def test_the_time_to_live_begins_when_the_load_begins(clock: Clock) -> None:
    source = Source("first", "second", seconds=5)
    cache = _cache(source)
    first = asyncio.create_task(cache.get("key"))
    await clock.advance(0)
    await clock.advance(5)
    assert await first == "first"
    source.seconds = 0
    await clock.advance(TTL - 5)
    assert await cache.get("key") == "second"


async def test_each_key_has_an_answer_of_its_own() -> None:
    source = Source("of a", "of b")
    cache = _cache(source)
    assert [await cache.get(key) for key in ("a", "b", "a")] == ["of a", "of b", "of a"]
    assert source.asked == ["a", "b"]


async def test_an_answer_may_be_none() -> None:
    asked = []

    async def load(key: str) -> None:
        asked.append(key)

    cache = Cache(load, ttl=TTL, error_ttl=ERROR_TTL)
    await cache.get("key")
    await cache.get("key")
    assert asked == ["key"]


async def test_with_no_time_to_live_every_caller_asks() -> None:
    cache = Cache(Source("first", "second"), ttl=0.0, error_ttl=0.0)
    assert [await cache.get("key") for _ in range(2)] == ["first", "second"]


@pytest.mark.parametrize("maxsize", [1, 2])
async def test_the_least_recently_used_key_is_forgotten_beyond_the_maximum(maxsize: int) -> None:
    source = Source(*"123456")
    cache = _cache(source, maxsize=maxsize)
    for key in ("a", "b", "a", "c", "a", "b"):
        await cache.get(key)
    assert source.asked == {1: ["a", "b", "a", "c", "a", "b"], 2: ["a", "b", "c", "b"]}[maxsize]


# --- one load for all who wait --------------------------------------------------------------------------------------


async def test_callers_that_want_a_key_at_once_share_one_load(clock: Clock) -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    callers = [asyncio.create_task(cache.get("key")) for _ in range(20)]
    callers.append(asyncio.create_task(cache.get("key", until=_in(2))))
    await clock.advance(0)
    await clock.advance(1)
    assert await asyncio.gather(*callers) == ["answer"] * 21
    assert source.asked == ["key"]


async def test_callers_that_share_a_load_share_its_failure(clock: Clock) -> None:
    source = Source(DownError(), seconds=1)
    cache = _cache(source)
    callers = [asyncio.create_task(cache.get("key")) for _ in range(3)]
    await clock.advance(0)
    await clock.advance(1)
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(each) for each in found] == [DownError] * 3
    assert source.asked == ["key"]


async def test_a_caller_that_is_cancelled_does_not_stop_the_load_for_others(clock: Clock) -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    began_it, other = (asyncio.create_task(cache.get("key")) for _ in range(2))
    await clock.advance(0)
    began_it.cancel()
    await clock.advance(1)
    assert await other == "answer"
    assert source.asked == ["key"]


async def test_a_load_that_every_caller_gave_up_is_kept_for_the_next_one(clock: Clock) -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    alone = asyncio.create_task(cache.get("key"))
    await clock.advance(0)
    alone.cancel()
    await clock.advance(1)
    assert await cache.get("key") == "answer"
    assert source.asked == ["key"]


async def test_a_failure_that_every_caller_gave_up_is_no_error_of_the_event_loop(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    cache = _cache(Source(DownError(), seconds=1))
    alone = asyncio.create_task(cache.get("key"))
    await clock.advance(0)
    alone.cancel()
    await clock.advance(1)
    del cache
    assert caplog.records == []


# --- how long a caller waits ----------------------------------------------------------------------------------------


async def test_a_caller_waits_no_longer_than_it_has_time(clock: Clock) -> None:
    source = Source("answer", seconds=5)
    cache = _cache(source)
    hasty = asyncio.create_task(cache.get("key", until=_in(2)))
    patient = asyncio.create_task(cache.get("key", until=_in(6)))
    await clock.advance(0)
    await clock.advance(2)
    with pytest.raises(TimeoutError):
        await hasty
    await clock.advance(3)
    assert await patient == "answer"
    assert source.asked == ["key"]


async def test_a_caller_without_any_time_begins_the_load_for_the_next_one(clock: Clock) -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    with pytest.raises(TimeoutError):
        await cache.get("key", until=_in(-1))
    await clock.advance(1)
    assert await cache.get("key", until=_in(-1)) == "answer"
    assert source.asked == ["key"]


@pytest.mark.parametrize(("stale_if_error", "usable"), [(0.0, False), (60.0, True), (math.inf, True)])
async def test_a_caller_whose_time_is_over_gets_a_stale_answer_that_can_still_be_used(
    clock: Clock, stale_if_error: float, *, usable: bool
) -> None:
    source = Source("first", "second")
    cache = _cache(source, stale_if_error=stale_if_error)
    await cache.get("key")
    await clock.advance(TTL + 59)
    source.seconds = 5
    hasty = asyncio.create_task(cache.get("key", until=_in(0.5)))
    await clock.advance(0)
    await clock.advance(0.5)
    if usable:
        assert await hasty == "first"
    else:
        with pytest.raises(TimeoutError):
            await hasty
    await clock.advance(5)
    assert await cache.get("key") == "second"


# --- failures -------------------------------------------------------------------------------------------------------


async def test_a_failure_is_kept_for_a_shorter_time(clock: Clock) -> None:
    source = Source(DownError("why"), "answer")
    cache = _cache(source)
    for _ in range(2):
        with pytest.raises(DownError, match="why"):
            await cache.get("key")
    await clock.advance(ERROR_TTL - 1)
    with pytest.raises(DownError):
        await cache.get("key")
    await clock.advance(1)
    assert await cache.get("key") == "answer"
    assert source.asked == ["key"] * 2


async def test_a_failure_that_took_long_is_kept_from_when_it_failed(clock: Clock) -> None:
    source = Source(DownError(), seconds=30)
    cache = _cache(source)
    first = asyncio.create_task(cache.get("key"))
    await clock.advance(0)
    await clock.advance(30)
    for caller in (first, asyncio.create_task(cache.get("key"))):
        with pytest.raises(DownError):
            await caller
    assert source.asked == ["key"]


async def test_an_error_that_is_raised_again_does_not_grow() -> None:
    cache = _cache(Source(DownError()))
    depths = []
    for _ in range(3):
        with pytest.raises(DownError) as caught:
            await cache.get("key")
        depths.append(len(traceback.extract_tb(caught.tb)))
    assert len(set(depths)) == 1


async def test_a_stale_answer_takes_the_place_of_one_that_cannot_be_loaded(clock: Clock) -> None:
    source = Source("first", DownError(), DownError(), "second")
    cache = _cache(source, stale_if_error=math.inf)
    await cache.get("key")
    await clock.advance(TTL)
    for _ in range(2):
        assert await cache.get("key") == "first"
        assert await cache.get("key") == "first"
        await clock.advance(ERROR_TTL)
    assert await cache.get("key") == "second"
    assert source.asked == ["key"] * 4


async def test_a_stale_answer_is_not_used_for_longer_than_it_may(clock: Clock) -> None:
    source = Source("first", DownError(), DownError())
    cache = _cache(source, stale_if_error=4.0)
    await cache.get("key")
    await clock.advance(TTL)
    assert await cache.get("key") == "first"
    await clock.advance(4)
    with pytest.raises(DownError):
        await cache.get("key")


# --- refreshing -----------------------------------------------------------------------------------------------------


async def test_a_refresh_replaces_an_answer_that_is_still_fresh(clock: Clock) -> None:
    source = Source("first", "second")
    cache = _cache(source)
    await cache.get("key")
    assert await cache.refresh("key")
    await clock.advance(TTL - 1)
    assert await cache.get("key") == "second"


async def test_a_refresh_that_fails_leaves_an_answer_in_use_while_it_is_fresh(clock: Clock) -> None:
    source = Source("first", DownError(), DownError())
    cache = _cache(source)
    assert await cache.refresh("key")
    await clock.advance(TTL / 2)
    assert not await cache.refresh("key")
    await clock.advance(TTL / 2 - 1)
    assert await cache.get("key") == "first"
    assert source.asked == ["key"] * 2
    await clock.advance(1)
    with pytest.raises(DownError):
        await cache.get("key")


async def test_a_refresh_that_fails_without_an_answer_is_a_failure_for_others_too() -> None:
    source = Source(DownError())
    cache = _cache(source)
    assert not await cache.refresh("key")
    with pytest.raises(DownError):
        await cache.get("key")
    assert source.asked == ["key"]


async def test_a_refresh_shares_the_load_that_is_under_way(clock: Clock) -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    caller = asyncio.create_task(cache.get("key"))
    refresh = asyncio.create_task(cache.refresh("key"))
    await clock.advance(0)
    await clock.advance(1)
    assert (await caller, await refresh) == ("answer", True)
    assert source.asked == ["key"]

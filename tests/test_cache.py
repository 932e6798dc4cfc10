import asyncio
import math
import traceback

import pytest

from bot.cache import Cache, ExpiringSet

pytestmark = pytest.mark.jumping_clock

TTL, ERROR_TTL = 300.0, 10.0


class DownError(Exception):
    """What a source raises that does not answer."""


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


def _cache(source: Source, *, stale_if_error: float = 0.0, maxsize: int = 1000) -> Cache[str, str]:
    return Cache(source, ttl=TTL, error_ttl=ERROR_TTL, stale_if_error=stale_if_error, maxsize=maxsize)


def _now() -> float:
    return asyncio.get_running_loop().time()


# --- answers -------------------------------------------------------------------------------------------------------


async def test_an_answer_is_kept_for_its_time_to_live() -> None:
    cache = _cache(Source("first", "second"))
    assert await cache.get("key") == "first"
    await asyncio.sleep(TTL - 1)
    assert await cache.get("key") == "first"
    await asyncio.sleep(1)
    assert await cache.get("key") == "second"


async def test_the_time_to_live_begins_when_the_load_begins() -> None:
    cache = _cache(Source("first", "second", seconds=5))
    assert await cache.get("key") == "first"
    await asyncio.sleep(TTL - 5)
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


async def test_with_no_time_to_live_every_call_loads() -> None:
    cache = Cache(Source("first", "second"), ttl=0.0, error_ttl=0.0)
    assert [await cache.get("key") for _ in range(2)] == ["first", "second"]


@pytest.mark.parametrize("maxsize", [1, 2])
async def test_the_least_recently_used_key_is_forgotten_beyond_the_maximum(maxsize: int) -> None:
    source = Source(*"123456")
    cache = _cache(source, maxsize=maxsize)
    for key in ("a", "b", "a", "c", "a", "b"):
        await cache.get(key)
    assert source.asked == {1: ["a", "b", "a", "c", "a", "b"], 2: ["a", "b", "c", "b"]}[maxsize]


async def test_a_stale_answer_is_given_at_once_while_a_newer_one_is_loaded() -> None:
    source = Source("first", "second", seconds=5)
    cache = Cache(source, ttl=TTL, error_ttl=ERROR_TTL, stale_while_revalidate=TTL)
    await cache.get("key")
    await asyncio.sleep(TTL)
    began = _now()
    assert [await cache.get("key"), await cache.get("key"), _now() - began] == ["first", "first", 0.0]
    await asyncio.sleep(6)
    assert await cache.get("key") == "second"
    assert source.asked == ["key"] * 2


async def test_an_answer_that_is_too_stale_is_waited_for() -> None:
    cache = Cache(Source("first", "second"), ttl=TTL, error_ttl=ERROR_TTL, stale_while_revalidate=TTL)
    await cache.get("key")
    await asyncio.sleep(2 * TTL)
    assert await cache.get("key") == "second"


async def test_what_is_prefetched_is_there_when_it_is_needed() -> None:
    source = Source("answer", seconds=5)
    cache = _cache(source)
    cache.prefetch("key")
    await asyncio.sleep(6)
    cache.prefetch("key")
    began = _now()
    assert [await cache.get("key"), _now() - began] == ["answer", 0.0]
    assert source.asked == ["key"]


async def test_an_answer_that_came_some_other_way_is_kept_like_any_other() -> None:
    source = Source("loaded")
    cache = _cache(source)
    cache.put("key", "given")
    assert await cache.get("key") == "given"
    await asyncio.sleep(TTL)
    assert await cache.get("key") == "loaded"


# --- one load for all callers ---------------------------------------------------------------------------------------


async def test_callers_that_want_a_key_at_once_share_one_load() -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    found = await asyncio.gather(*(cache.get("key", until=_now() + 2) for _ in range(10)), cache.get("key"))
    assert found == ["answer"] * 11
    assert source.asked == ["key"]


async def test_callers_that_share_a_load_share_its_failure() -> None:
    source = Source(DownError(), seconds=1)
    cache = _cache(source)
    found = await asyncio.gather(*(cache.get("key") for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [DownError] * 3
    assert source.asked == ["key"]


async def test_a_caller_that_is_cancelled_does_not_stop_the_load_for_others() -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    began_it, other = (asyncio.create_task(cache.get("key")) for _ in range(2))
    await asyncio.sleep(0.5)
    began_it.cancel()
    assert await other == "answer"
    assert source.asked == ["key"]


async def test_a_load_that_every_caller_gave_up_is_kept_for_the_next_one() -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    alone = asyncio.create_task(cache.get("key"))
    await asyncio.sleep(0.5)
    alone.cancel()
    await asyncio.sleep(1)
    assert await cache.get("key") == "answer"
    assert source.asked == ["key"]


async def test_a_failure_that_every_caller_gave_up_is_not_logged_by_asyncio(caplog: pytest.LogCaptureFixture) -> None:
    cache = _cache(Source(DownError(), seconds=1))
    with pytest.raises(TimeoutError):
        await cache.get("key", until=_now() + 0.5)
    await asyncio.sleep(1)
    del cache
    assert caplog.records == []


# --- how long a caller waits ----------------------------------------------------------------------------------------


async def test_a_caller_waits_no_longer_than_it_has_time() -> None:
    source = Source("answer", seconds=5)
    cache = _cache(source)
    patient = asyncio.create_task(cache.get("key", until=_now() + 6))
    began = _now()
    with pytest.raises(TimeoutError):
        await cache.get("key", until=_now() + 2)
    assert _now() - began == pytest.approx(2)
    assert await patient == "answer"
    assert source.asked == ["key"]


async def test_a_caller_without_any_time_begins_the_load_for_the_next_one() -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    with pytest.raises(TimeoutError):
        await cache.get("key", until=_now() - 1)
    await asyncio.sleep(1)
    assert await cache.get("key", until=_now() - 1) == "answer"
    assert source.asked == ["key"]


@pytest.mark.parametrize("stale_if_error", [60.0, math.inf])
async def test_a_caller_whose_time_is_over_gets_a_stale_answer_that_is_still_usable(stale_if_error: float) -> None:
    source = Source("first", "second", seconds=5)
    cache = _cache(source, stale_if_error=stale_if_error)
    await cache.get("key")
    await asyncio.sleep(TTL + 50)
    assert await cache.get("key", until=_now() + 0.5) == "first"
    assert await cache.get("key") == "second"


@pytest.mark.parametrize("stale_if_error", [0.0, 60.0])
async def test_a_caller_whose_time_is_over_gets_no_stale_answer_that_is_too_old(stale_if_error: float) -> None:
    source = Source("first", "second", seconds=5)
    cache = _cache(source, stale_if_error=stale_if_error)
    await cache.get("key")
    await asyncio.sleep(TTL + stale_if_error)
    with pytest.raises(TimeoutError):
        await cache.get("key", until=_now() + 0.5)
    assert await cache.get("key") == "second"


async def test_a_caller_whose_time_is_over_after_a_failure_gets_no_answer() -> None:
    cache = _cache(Source(DownError(), "answer", seconds=5), stale_if_error=math.inf)
    with pytest.raises(DownError):
        await cache.get("key")
    await asyncio.sleep(ERROR_TTL)
    with pytest.raises(TimeoutError):
        await cache.get("key", until=_now() + 0.5)


# --- failures -------------------------------------------------------------------------------------------------------


async def test_a_failure_is_kept_for_a_shorter_time() -> None:
    source = Source(DownError("why"), "answer")
    cache = _cache(source)
    for _ in range(2):
        with pytest.raises(DownError, match="why"):
            await cache.get("key")
    await asyncio.sleep(ERROR_TTL - 1)
    with pytest.raises(DownError):
        await cache.get("key")
    await asyncio.sleep(1)
    assert await cache.get("key") == "answer"
    assert source.asked == ["key"] * 2


async def test_a_failure_that_took_long_is_kept_from_when_it_failed() -> None:
    source = Source(DownError(), seconds=30)
    cache = _cache(source)
    for _ in range(2):
        with pytest.raises(DownError):
            await cache.get("key")
    assert source.asked == ["key"]


async def test_the_traceback_of_a_kept_error_does_not_grow() -> None:
    cache = _cache(Source(DownError()))
    depths = set()
    for _ in range(3):
        with pytest.raises(DownError) as caught:
            await cache.get("key")
        depths.add(len(traceback.extract_tb(caught.tb)))
    assert len(depths) == 1


async def test_a_stale_answer_takes_the_place_of_one_that_cannot_be_loaded() -> None:
    source = Source("first", DownError(), DownError(), "second")
    cache = _cache(source, stale_if_error=math.inf)
    await cache.get("key")
    await asyncio.sleep(TTL)
    for _ in range(2):
        assert await cache.get("key") == "first"
        assert await cache.get("key") == "first"
        await asyncio.sleep(ERROR_TTL)
    assert await cache.get("key") == "second"
    assert source.asked == ["key"] * 4


async def test_a_stale_answer_is_used_no_longer_than_allowed() -> None:
    cache = _cache(Source("first", DownError(), DownError()), stale_if_error=4.0)
    await cache.get("key")
    await asyncio.sleep(TTL)
    assert await cache.get("key") == "first"
    await asyncio.sleep(4)
    with pytest.raises(DownError):
        await cache.get("key")


# --- refreshing -----------------------------------------------------------------------------------------------------


async def test_a_refresh_replaces_an_answer_that_is_still_fresh() -> None:
    cache = _cache(Source("first", "second"))
    await cache.get("key")
    assert await cache.refresh("key")
    await asyncio.sleep(TTL - 1)
    assert await cache.get("key") == "second"


async def test_a_refresh_that_fails_leaves_an_answer_in_use_while_it_is_fresh() -> None:
    source = Source("first", DownError(), DownError())
    cache = _cache(source)
    assert await cache.refresh("key")
    await asyncio.sleep(TTL / 2)
    assert not await cache.refresh("key")
    await asyncio.sleep(TTL / 2 - 1)
    assert await cache.get("key") == "first"
    assert source.asked == ["key"] * 2
    await asyncio.sleep(1)
    with pytest.raises(DownError):
        await cache.get("key")


async def test_a_refresh_that_fails_without_an_answer_is_a_failure_for_callers_too() -> None:
    source = Source(DownError())
    cache = _cache(source)
    assert not await cache.refresh("key")
    with pytest.raises(DownError):
        await cache.get("key")
    assert source.asked == ["key"]


async def test_a_refresh_shares_the_load_that_is_under_way() -> None:
    source = Source("answer", seconds=1)
    cache = _cache(source)
    answer, refreshed = await asyncio.gather(cache.get("key"), cache.refresh("key"))
    assert (answer, refreshed) == ("answer", True)
    assert source.asked == ["key"]


# --- keys that are remembered for a while ----------------------------------------------------------------------------


async def test_a_key_is_in_the_set_for_as_long_as_it_was_said() -> None:
    known = ExpiringSet[str](ttl=60.0)
    known.add("a")
    await asyncio.sleep(59)
    assert ("a" in known, "b" in known) == (True, False)
    known.add("a")
    await asyncio.sleep(59)
    assert "a" in known
    await asyncio.sleep(1)
    assert "a" not in known


async def test_a_key_can_be_forgotten_also_if_it_is_not_there() -> None:
    known = ExpiringSet[str](ttl=60.0)
    known.add("a")
    known.discard("a")
    known.discard("b")

    assert "a" not in known


async def test_a_full_set_forgets_what_was_added_first() -> None:
    known = ExpiringSet[int](ttl=60.0, maxsize=2)
    for key in (1, 2, 1, 3):
        known.add(key)

    assert [key in known for key in (1, 2, 3)] == [True, False, True]

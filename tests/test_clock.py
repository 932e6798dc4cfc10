"""Tests of the clock that jumps: it passes over what is waited for in the loop, and over nothing else."""

import asyncio
import time

import pytest

from tests.clock import JumpingLoop

pytestmark = pytest.mark.jumping_clock
HOUR = 3600.0


def _now() -> float:
    return asyncio.get_running_loop().time()


async def test_an_hour_is_over_at_once() -> None:
    began, really = _now(), time.monotonic()
    await asyncio.sleep(HOUR)

    assert _now() - began == pytest.approx(HOUR)
    assert time.monotonic() - really < HOUR / 10


async def test_the_clock_stands_still_while_something_can_be_done() -> None:
    began = _now()
    for _ in range(1000):
        await asyncio.sleep(0)

    assert _now() == began


async def test_each_wakes_at_its_time() -> None:
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    await asyncio.gather(*(sleep(seconds) for seconds in (3, 1, 2)))

    assert woken == [1, 2, 3]


async def test_an_answer_over_a_connection_comes_before_the_clock_jumps() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, asyncio.timeout(HOUR):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        began = _now()
        writer.write(b"hello\n")

        assert await reader.readline() == b"hello\n"
        assert _now() == began
        writer.close()


async def test_a_thread_of_the_loop_is_waited_for() -> None:
    async with asyncio.timeout(HOUR):
        await asyncio.to_thread(time.sleep, 0.1)
    began = _now()
    await asyncio.sleep(HOUR)

    assert _now() - began == pytest.approx(HOUR)


def test_a_loop_can_be_had_without_the_mark() -> None:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(asyncio.sleep(HOUR))


def test_a_loop_that_ends_waits_for_its_threads() -> None:
    async def begin() -> None:
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.2)
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(begin())

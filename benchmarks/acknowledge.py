"""How fast a command is acknowledged while HighLevel is slow and work piles up. Exit code 1 if a bar is missed."""

import asyncio
import sys
import time

import stage
import uvloop

RATE = 50
"""Commands in a second: an open loop, the next is sent on time whether or not the last was answered."""
SECONDS = 20
SLICES = 4
HIGHLEVEL_WAITS = 2.0
"""Seconds for each answer of HighLevel; a command needs three."""
BAR = 50.0
"""Milliseconds, for the 99th percentile."""


def main() -> int:
    stage.end_well_when_told_to()
    stage.print_machine()
    with (
        stage.stand_ins(highlevel_waits=HIGHLEVEL_WAITS, deals=RATE * SECONDS) as neighbours,
        stage.bot(neighbours) as running,
    ):
        results = uvloop.run(_measure(neighbours, running))
        # Leaving the block kills the bot with SIGKILL. SIGTERM would let it work for 25 s more on the hundreds of
        # commands that wait for so slow a HighLevel, and then give up on most: that is for the tests to look at.

    took = [result.took for result in results]
    wrong = [result.wrong for result in results if result.wrong]
    p99 = stage.percentile(took, 99)
    print(f"\nacknowledgements at {RATE}/s for {SECONDS} s, HighLevel taking {HIGHLEVEL_WAITS:g} s for an answer, ms")
    print(f"    p50 {stage.percentile(took, 50):.1f}  p90 {stage.percentile(took, 90):.1f}", end="")
    print(f"  p99 {p99:.1f}  max {max(took):.1f}")
    size = len(results) // SLICES
    slices = [stage.percentile(took[start : start + size], 99) for start in range(0, len(took), size)]
    print(f"    p99 in slices of {SECONDS / SLICES:g} s: {'  '.join(f'{value:.1f}' for value in slices)}")
    print(f"    failed: {len(wrong)} of {len(results)}{''.join(f'; {word}' for word in sorted(set(wrong))[:3])}")
    print(f"    sent late by at most {max(result.late for result in results):.1f} ms: this client and its machine")
    print()
    return stage.verdict({f"p99 under {BAR:g} ms": p99 < BAR, "none failed": not wrong})


async def _measure(neighbours: stage.StandIns, running: stage.RunningBot) -> list[stage.Acknowledged]:
    async with stage.client() as http:
        # Both stand-ins are asked by /readyz, and one of them is slow.
        await stage.wait_until_ready(running.url, http)
        addresses = await neighbours.reply_addresses(RATE * SECONDS, http)
        began = time.perf_counter() + 0.1
        sending = []
        for number, address in enumerate(addresses):
            due = began + number / RATE
            await asyncio.sleep(due - time.perf_counter())
            sending.append(asyncio.create_task(stage.send(number, address, due, running.url, http)))
        return await asyncio.gather(*sending)


if __name__ == "__main__":
    sys.exit(main())

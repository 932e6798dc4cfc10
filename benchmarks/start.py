"""How long the bot takes to start, and how much memory it keeps. Exit code 1 if a bar is missed."""

import asyncio
import compileall
import statistics
import sys
import time

import stage

STARTS = 11
COMMANDS = 1000
AT_ONCE = 16
SETTLING = 1.0
"""Seconds after the start, or after the last reply, before memory is read."""
START_BAR, MEMORY_BAR = 1.0, 96.0
"""Seconds and megabytes."""


def main() -> int:
    stage.end_well_when_told_to()
    stage.print_machine()
    compileall.compile_dir(stage.ROOT / "bot", quiet=1)
    with stage.stand_ins(deals=COMMANDS) as neighbours:
        with stage.bot(neighbours):
            pass  # not counted: it writes what bytecode is missing, and warms the disk's cache
        seconds = [_start(neighbours) for _ in range(STARTS)]
        idle, after, replied = asyncio.run(_memory(neighbours))

    print(f"\nexec to the first 200 of /healthz, {STARTS} starts, seconds")
    print(f"    median {statistics.median(seconds):.3f}  min {min(seconds):.3f}  max {max(seconds):.3f}")
    print("resident memory, megabytes")
    print(f"    idle after the start {idle:.1f}  after {COMMANDS:,} commands {after:.1f}")
    print()
    return stage.verdict(
        {
            f"median start under {START_BAR:g} s": statistics.median(seconds) < START_BAR,
            f"idle memory under {MEMORY_BAR:g} MB": idle < MEMORY_BAR,
            f"all of {COMMANDS:,} commands carried out": replied == COMMANDS,
        }
    )


def _start(neighbours: stage.StandIns) -> float:
    with stage.bot(neighbours) as running:
        return running.started_in


async def _memory(neighbours: stage.StandIns) -> tuple[float, float, int]:
    """Resident memory idle and after the commands, and how many of these came to a change that the channel read."""
    with stage.bot(neighbours) as running:
        time.sleep(SETTLING)  # noqa: ASYNC251 - nothing else is to happen here, not even a question to the bot
        idle = running.resident_megabytes()
        async with stage.client() as http:
            await stage.wait_until_ready(running.url, http)
            addresses = await neighbours.reply_addresses(COMMANDS, http)
            places = asyncio.Semaphore(AT_ONCE)

            async def command(number: int) -> None:
                async with places:
                    body, headers = stage.signed_command(number, addresses[number])
                    async with http.post(f"{running.url}/slack/events", data=body, headers=headers) as answer:
                        answer.raise_for_status()

            await asyncio.gather(*(command(number) for number in range(COMMANDS)))
            texts = await neighbours.shown_when(COMMANDS, http)
        await asyncio.sleep(SETTLING)
        return idle, running.resident_megabytes(), sum("from open to *won*" in text for text in texts)


if __name__ == "__main__":
    sys.exit(main())

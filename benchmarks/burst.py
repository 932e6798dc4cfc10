"""Measures how the bot works off a burst of commands within HighLevel's limit. Exits with 1 if a bar is missed."""

import asyncio
import sys
import time

import contest
import stage
import uvloop

COMMANDS = 2000
WITHIN = 4.0
"""Seconds in which all commands are typed."""
HIGHLEVEL_WAITS = 0.05
LIMIT, WINDOW = 500, 10.0
"""Requests in so many seconds: five times HighLevel's limit, or a run would take ten minutes."""
BAR = 95
"""Per cent of the limit that the bot must use."""


def main() -> int:
    stage.end_well_when_told_to()
    stage.print_machine()
    bars = {"PostgreSQL was there": False}
    with stage.postgresql() as cluster:
        for each in (contest.SQLITE, *([contest.over_postgresql(cluster.new_database)] if cluster else [])):
            bars |= {f"{each.name}: {bar}": met for bar, met in _work_off(each).items()}
            bars["PostgreSQL was there"] |= each.name == contest.POSTGRESQL
    print()
    return stage.verdict(bars)


def _work_off(contestant: contest.Contestant) -> dict[str, bool]:
    """Run the burst, print its figures; returns which bars were met."""
    with (
        stage.stand_ins(highlevel_waits=HIGHLEVEL_WAITS, deals=COMMANDS, limit=LIMIT) as neighbours,
        contest.running(contestant, neighbours.slack_url, neighbours.highlevel_url) as running,
    ):
        results, texts, asked = uvloop.run(_measure(neighbours, running))
    wrong = [result.wrong for result in results if result.wrong]
    done = sum("> won " in text for text in texts)
    told = sum("Still working on it" in text for text in texts)
    took = asked.times[-1] - asked.times[0]
    # The last window is hardly ever full: only those before it count.
    windows = int(took // WINDOW)
    used = sum(at - asked.times[0] < windows * WINDOW for at in asked.times) / (windows * LIMIT) * 100
    print(
        f"\n{contestant.name}: {COMMANDS} commands within {WITHIN:g} s, HighLevel answering after {HIGHLEVEL_WAITS:g} s"
    )
    print(f"    {len(asked.times)} requests in {took:.1f} s; of {LIMIT} in {WINDOW:g} s {used:.1f} % were used")
    print(f"    answers of 429: {asked.refused}")
    print(f"    acknowledgements that failed: {len(wrong)}; carried out and answered: {done}; told to wait: {told}")
    return {
        f"{BAR} % of the limit": used >= BAR,
        "no 429": asked.refused == 0,
        "none failed": not wrong,
        "all carried out": done == COMMANDS,
    }


async def _measure(
    neighbours: stage.StandIns, running: contest.Runner
) -> tuple[list[stage.Acknowledged], list[str], stage.Asked]:
    async with stage.client() as http:
        await stage.wait_until_ready(running.url, http)
        before = len((await neighbours.asked_of_highlevel(http)).times)
        await asyncio.sleep(WINDOW)  # the requests of /readyz no longer count towards the limit
        addresses = await neighbours.reply_addresses(COMMANDS, http)
        began = time.perf_counter() + 0.1
        sending = []
        for number, address in enumerate(addresses):
            due = began + number * WITHIN / COMMANDS
            await asyncio.sleep(due - time.perf_counter())
            sending.append(
                asyncio.create_task(stage.send(stage.signed_command(number, address), due, running.url, http))
            )
        results = await asyncio.gather(*sending)
        texts: list[str] = []
        while sum("> won " in text for text in texts) < COMMANDS and time.perf_counter() < began + 300:
            texts = await neighbours.shown_when(len(texts) + 1, http)
        asked = await neighbours.asked_of_highlevel(http)
        return results, texts, stage.Asked(asked.times[before:], asked.refused)


if __name__ == "__main__":
    sys.exit(main())

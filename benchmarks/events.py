"""Changes made in HighLevel: kills, floods, nonsense, and how long one takes to Slack. Exits with 1 if a bar is missed.

`python -m benchmarks.events`, from the project's folder; `--only kills` (or `flood`, `nonsense`, `lag`) for a part.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from bot.wiring.tempo import Tempo
from tests.house import ANA, DEAL, HASTY, SALES, House, stand_ins
from tests.journeys.replicas import Replicas, replicas
from tests.journeys.telling import SETTINGS, TELLING, WINS, Telling, Told
from tests.postgresql import programs, running

EVENTS, KILLS, SEED = 2000, 100, 20_261_128
SECONDS_BETWEEN_KILLS = (0.5, 2.5)
FLOOD, FLOOD_SECONDS = 1000, 10.0
NONSENSE = 10_000
TOKEN = "not-a-workflow-token"  # noqa: S105 - the stand-in's
ANSWER_BAR, COMMAND_BAR, LAG_BAR = 0.1, 1.2, 1.0


@asynccontextmanager
async def _world(url: str, tempo: Tempo, **settings: str) -> AsyncIterator[tuple[House, Replicas]]:
    with tempfile.TemporaryDirectory() as folder:
        environ = SETTINGS | ({"DATABASE_URL": url} if url else {}) | settings
        async with (
            stand_ins(Path(folder), **environ) as house,
            replicas(house.settings, Path(folder), tempo) as bots,
        ):
            yield house, bots


# --- kills ----------------------------------------------------------------------------------------------------------


async def _kills(name: str, url: str, count: int, given: argparse.Namespace) -> list[str]:
    chance = random.Random(f"{given.seed} {name}")  # noqa: S311 - not a secret
    async with _world(url, TELLING) as (house, bots):
        told = await Telling(house, bots, chance, given.events).go(count, given.kills, SECONDS_BETWEEN_KILLS)
    print(f"| {name} | {_row(told)} |", flush=True)
    return [f"{name}: {broken}" for broken in told.broken()]


def _row(told: Told) -> str:
    numbers = (told.events, told.kills, len(told.lost), len(told.twice), len(told.echoes), told.again, told.messages)
    return " | ".join(f"{number:,}" for number in numbers)


async def _all_kills(given: argparse.Namespace) -> list[str]:
    print("\n| kills | events | kills | lost | told twice | echoes told | messages again | messages |")
    print("|---|" + "---|" * 7)
    missed = await _kills("SQLite, one replica", "", 1, given)
    if where := programs():
        with ExitStack() as stack:
            cluster = stack.enter_context(running(where))
            for name, count in (("PostgreSQL, one replica", 1), ("PostgreSQL, 2 replicas", 2)):
                missed += await _kills(name, cluster.new_database(), count, given)
    return missed


# --- a flood --------------------------------------------------------------------------------------------------------


async def _flood(given: argparse.Namespace) -> list[str]:
    """1,000 webhooks in ten seconds, within HighLevel's limit of 100 requests in ten, while commands come in."""
    async with _world("", Tempo()) as (house, bots):
        deals = [f"flood{number:015}" for number in range(given.flood)]
        for number, deal in enumerate(deals):
            house.highlevel.add_opportunity(deal, name=f"Imported {number}", monetaryValue=100)
        commanded = [f"said{number:016}" for number in range(30)]
        for deal in commanded:
            house.highlevel.add_opportunity(deal, name=deal)
        replica = await bots.start()
        house.slack.bot_url = house.highlevel.hooks.url = replica.url
        hooks, house.highlevel.hooks.sends_webhooks = house.highlevel.hooks, False
        calm = [await _command(house, deal) for deal in commanded[:15]]
        await asyncio.sleep(10)  # HighLevel's limit is free again
        for deal in deals:
            house.highlevel.set_by_hand(deal, status="won")
        bodies = [json.dumps(hooks.payload(house.highlevel.opportunities[deal])) for deal in deals]
        requests = [(body, hooks.sign(body.encode())) for body in bodies]
        used, began = _processor_time(replica.pid), time.monotonic()
        # In a process of its own: this one has the stand-ins, which the commands wait for.
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump([replica.url, requests], file)
            file.flush()
            sender = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "benchmarks.events", "--send", file.name, stdout=asyncio.subprocess.PIPE
            )
            await asyncio.sleep(1.0)
            busy = []
            for deal in commanded[15:]:
                busy.append(await _command(house, deal))
                await asyncio.sleep(0.3)
            out, _ = await sender.communicate()
        took: list[float] = json.loads(out)
        used = _processor_time(replica.pid) - used
        with suppress(TimeoutError):
            await house.slack.wait_until(lambda: bool(_posts(house)), seconds=400)
        grouped, seconds = _posts(house), time.monotonic() - began
        await asyncio.sleep(5)
    p99 = statistics.quantiles(took, n=100)[98]
    ratio = statistics.median(busy) / statistics.median(calm)
    before, meanwhile = 1000 * statistics.median(calm), 1000 * statistics.median(busy)
    print(
        f"\nflood: {len(took)} webhooks in {FLOOD_SECONDS:.0f} s, p50 {1000 * statistics.median(took):.1f} ms,"
        f" p99 {1000 * p99:.1f} ms, max {1000 * max(took):.1f} ms; a command took {before:.0f} ms before and"
        f" {meanwhile:.0f} ms meanwhile ({ratio:.2f} x); {len(_posts(house))} message(s), one after {seconds:.0f} s:"
        f" {[each.splitlines()[0][:90] for each in grouped[:3]]}",
        flush=True,
    )
    print(f"the bot's processor time until then: {1000 * used / len(took):.1f} ms for each webhook", flush=True)
    bars = {
        f"flood: p99 is {p99:.3f} s": p99 <= ANSWER_BAR,
        f"flood: commands are {ratio:.2f} x slower": ratio <= COMMAND_BAR,
        f"flood: {len(_posts(house))} messages": len(_posts(house)) == 1,
    }
    return [missed for missed, met in bars.items() if not met]


async def _send(file: str) -> None:
    """Send the webhooks of a file, evenly; print how long each took, 60 for one that was not accepted."""
    url, requests = json.loads(await asyncio.to_thread(Path(file).read_text))
    took: list[float] = []

    async def one(body: str, signature: str, after: float) -> None:
        await asyncio.sleep(after)
        began = time.perf_counter()
        headers = {"X-GHL-Signature": signature}
        status = 0
        while not status:  # a connection that was just closed because it was idle is no answer; HighLevel repeats too
            with suppress(httpx.TransportError):
                status = (
                    await http.post(f"{url}/highlevel/webhook", content=body.encode(), headers=headers)
                ).status_code
        took.append(time.perf_counter() - began if status == 200 else 60.0)

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=50)) as http:
        pause = FLOOD_SECONDS / len(requests)
        await asyncio.gather(
            *(one(body, signature, number * pause) for number, (body, signature) in enumerate(requests))
        )
    print(json.dumps(took))


def _processor_time(pid: int) -> float:
    """Seconds of processor time that a process has used.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _command(house: House, deal: str) -> float:
    """Seconds from a command until its reply is shown."""
    shown, began = len(house.slack.shown), time.perf_counter()
    await house.slack.command(f"{deal} lost", user=ANA, channel=SALES)
    await house.slack.wait_until(lambda: any(each.channel == SALES for each in house.slack.shown[shown:]))
    return time.perf_counter() - began


def _posts(house: House) -> list[str]:
    return [each.text for each in house.slack.shown if each.channel == WINS]


# --- nonsense -------------------------------------------------------------------------------------------------------


async def _nonsense(given: argparse.Namespace) -> list[str]:
    """Bodies and signatures that were changed: none is an error of ours, and none is posted."""
    chance = random.Random(given.seed)  # noqa: S311 - not a secret
    async with _world("", HASTY, HIGHLEVEL_WORKFLOW_TOKEN=TOKEN) as (house, bots):
        replica = await bots.start()
        answers: Counter[int] = Counter()
        async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=16)) as http:
            began = time.monotonic()
            todo = iter(range(given.nonsense))

            async def send() -> None:
                for _ in todo:
                    path, body, headers = _mutated(house, chance)
                    answer = await http.post(f"{replica.url}{path}", content=body, headers=headers)
                    answers[answer.status_code] += 1

            await asyncio.gather(*(send() for _ in range(16)))
            seconds = time.monotonic() - began
            healthy = (await http.get(f"{replica.url}/healthz")).status_code
        await asyncio.sleep(3)
        told = _posts(house)
    print(
        f"\nnonsense: {sum(answers.values()):,} requests in {seconds:.0f} s, answered {dict(sorted(answers.items()))};"
        f" {len(told)} posted",
        flush=True,
    )
    errors = sum(many for status, many in answers.items() if status >= 500)
    bars = {
        f"nonsense: {errors} answers of 500 or more": not errors,
        f"nonsense: posted {told[:3]}": not told,
        f"nonsense: /healthz says {healthy}": healthy == 200,
    }
    return [missed for missed, met in bars.items() if not met]


def _mutated(house: House, chance: random.Random) -> tuple[str, bytes, dict[str, Any]]:
    """A request as HighLevel sends it, about a deal that was not changed, in which something is not as it was."""
    hooks = house.highlevel.hooks
    payload: Any = hooks.payload(house.highlevel.opportunities[DEAL] | {"status": "won"})
    match chance.randrange(8):
        case 0:  # a key is missing, or has a value of another type
            payload[chance.choice(list(payload))] = chance.choice(
                [None, 5, [], {}, "x" * 3000, True, {"a": [1]}, "\ud800"]
            )
        case 1:
            payload = chance.choice([[payload], "won", 7, None, {"data": payload}, {"data": [payload]}])
        case _:
            pass
    body = json.dumps(payload).encode()
    signature = hooks.sign(body)
    headers: dict[str, Any] = {"X-GHL-Signature": signature, "Content-Type": "application/json"}
    match chance.randrange(7):
        case 0:  # bytes change on the way
            place = chance.randrange(len(body))
            body = body[:place] + bytes([chance.randrange(256)]) + body[place + chance.randrange(2) :]
        case 1:
            body = body[: chance.randrange(len(body))]
        case 2:
            place = chance.randrange(len(signature))
            headers["X-GHL-Signature"] = signature[:place] + chance.choice("abcXYZ019+/=!") + signature[place + 1 :]
        case 3:
            headers["X-GHL-Signature"] = chance.choice(["", "N/A", "====", "A" * 88, "x" * 5000])
        case 4:
            body = bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
        case 5:  # signed, and nonsense
            body = chance.choice(
                [b"[" * 50_000, b'{"a":' * 9000, b"\xff\xfe", b"NaN", b'{"id": 1' + b"0" * 9000 + b"}"]
            )
            headers["X-GHL-Signature"] = hooks.sign(body)
        case _:
            return (
                "/highlevel/workflow",
                body,
                {"Authorization": chance.choice([f"Bearer {TOKEN}", "Bearer", "x" * 9000, b"Bearer \xe9"])},
            )
    return "/highlevel/webhook", body, headers


# --- from the change to Slack ---------------------------------------------------------------------------------------


async def _lag(given: argparse.Namespace) -> list[str]:
    """From a signed webhook to the post, five to a fresh bot: more in a minute would be one message."""
    took: list[float] = []
    for _ in range(given.rounds):
        async with _world("", Tempo()) as (house, bots):
            replica = await bots.start()
            house.highlevel.hooks.url = replica.url
            took += [await _one_change(house, f"alone{number:015}") for number in range(5)]
    p95 = statistics.quantiles(took, n=20, method="inclusive")[18]
    print(
        f"\nlag: {len(took)} changes, from webhook to post p50 {statistics.median(took):.2f} s, p95 {p95:.2f} s,"
        f" max {max(took):.2f} s",
        flush=True,
    )
    return [] if p95 <= LAG_BAR else [f"lag: p95 is {p95:.2f} s"]


async def _one_change(house: House, deal: str) -> float:
    house.highlevel.add_opportunity(deal, name=deal)
    posted, began = len(_posts(house)), time.perf_counter()
    house.highlevel.set_by_hand(deal, status="won")
    await house.slack.wait_until(lambda: len(_posts(house)) > posted)
    return time.perf_counter() - began


async def _main(given: argparse.Namespace) -> Sequence[str]:
    parts = {"lag": _lag, "nonsense": _nonsense, "flood": _flood, "kills": _all_kills}
    return [missed for name, part in parts.items() if given.only in ("", name) for missed in await part(given)]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", choices=["lag", "nonsense", "flood", "kills"], default="")
    arguments.add_argument("--events", type=int, default=EVENTS)
    arguments.add_argument("--kills", type=int, default=KILLS)
    arguments.add_argument("--flood", type=int, default=FLOOD)
    arguments.add_argument("--nonsense", type=int, default=NONSENSE)
    arguments.add_argument("--rounds", type=int, default=8)
    arguments.add_argument("--seed", type=int, default=SEED)
    arguments.add_argument("--send", default="", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.send:
        asyncio.run(_send(chosen.send))
        sys.exit(0)
    found = asyncio.run(_main(chosen))
    print("\n".join(found) or "\nEvery bar is met.")
    sys.exit(bool(found))

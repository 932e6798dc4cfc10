import asyncio
import io
import os
import signal
import sys
from pathlib import Path

import pytest

from bot.simulator.demo import ACME, GLOBEX, PEOPLE, readable, run
from bot.simulator.slack import Shown

ROOT = Path(__file__).parents[2]


def _performance(*typed: str) -> str:
    out = io.StringIO()
    run(io.StringIO("".join(f"{line}\n" for line in typed)), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def played() -> str:
    return _performance()


def test_the_dialogue_shows_a_change_a_repetition_a_denial_a_typo_a_wrong_id_and_an_outage(played: str) -> None:
    for words in (
        "everybody sees:\n    | @Ana changed *New website* from open to *won*.",
        "is already *won*",
        "only Ben sees:\n    | You are not on the list of people who may change deals from Slack.",
        "`wno` is not a status.",
        "HighLevel has no deal with the id",
        "HighLevel has a problem of its own",
        "@Ana took that back: it is *open* again.",
        "The last 3 commands about",
    ):
        assert words in played


def test_what_is_shown_is_as_a_person_sees_it(played: str) -> None:
    assert "@Kim" in played
    assert "<@" not in played
    assert "&lt;" not in played


def test_a_change_can_be_taken_back_by_a_press_and_a_second_press_says_so() -> None:
    typed = _performance(f"/opp-status {GLOBEX} won", "press", "press").partition("Now you")[2]

    assert "[Undo]" in typed
    assert "the message says now:\n    | @Ana changed *Yearly support* from open to won." in typed
    assert "@Ana has taken that back already" in typed


def test_afterwards_one_can_type_commands_and_be_somebody_else() -> None:
    typed = _performance(
        "",
        f"/opp-status {GLOBEX} lost",
        "as ben",
        f"/opp-status {GLOBEX} won",
        "as nobody",
        "as kim",
        "down",
        f"/opp-status {GLOBEX} won",
        "up",
        f"/opp-status {GLOBEX} won",
        "deals",
        "quit",
        f"/opp-status {ACME} lost",
    ).partition("Now you")[2]

    assert "@Ana changed *Yearly support* from open to *lost*." in typed
    assert "only Ben sees:" in typed
    assert "I know /opp-status, press, as <name>, deals, down, up and quit." in typed
    assert "HighLevel has a problem of its own" in typed
    assert "@Kim changed *Yearly support* from lost to *won*." in typed
    assert f"{GLOBEX}  won" in typed
    assert f"{ACME}  open" in typed
    assert "from won to" not in typed


def test_names_links_and_times_are_read_out() -> None:
    shown = Shown("C", None, f"<@{PEOPLE['ana']}> <@U0X> <https://x|a &amp; b> <!date^1^{{date}}|then>", (), "slack")

    assert readable(shown) == "@Ana @U0X a & b then"


async def test_an_interrupt_ends_it_well() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "demo",
        cwd=ROOT,
        env=dict(os.environ),  # noqa: TID251 - a process needs one
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    output = b""
    while b"quit" not in output:
        output += await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = await process.communicate()

    assert process.returncode == 0
    assert b"Traceback" not in rest

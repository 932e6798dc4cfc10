import asyncio
import io
import os
import re
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from bot.simulator.demo.stage import ACME, GLOBEX
from bot.simulator.demo.terminal import run

ROOT = Path(__file__).parents[3]


def _performance(*typed: str) -> str:
    out = io.StringIO()
    run(io.StringIO("".join(f"{line}\n" for line in typed)), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def played() -> str:
    return _performance()


def test_the_dialogue_shows_what_the_bot_can_do_and_what_it_refuses(played: str) -> None:
    for words in (
        "everyone sees:\n    | 🎉 @Ana won *New website* · *$4,800*\n    | Jane Doe, Acme Corp · Negotiation",
        "Owner: Ana Silva · was open\n    | [Undo]",
        "is already *won*",
        "only Ben sees:\n    | 🔒 You don't have access to change deals from Slack yet.",
        "Did you mean mark *Yearly support* (Globex) *won*?",
        "No deal has the ID",
        "HighLevel is having problems right now",
        "↩️ @Ana undid this. *New website* is *open* again.\n    | @Ana had marked it won · $4,800 · Acme Corp",
        "*Last 4 changes* for *New website*",
        "[1 Mark won] [2 Mark lost] [3 Mark abandoned] [4 Remind me…] [5 Share in channel] [6 View in HighLevel]",
        "would go from *open* to *lost*.",
        "Posts in #sales",
        "@Ana marked *New website* *lost* · *$4,800*\n    | Too expensive · Jane Doe",
        "Which deal should be *won*? 2 match `Globex`.",
        "the question goes.",
        "everyone sees:\n    | 🎉 @Kim won *Training* · *$900*",
        "| @Kim marked 1 of 2 deals *abandoned* · *$12,000*\n    | *Yearly support* · Globex · $12,000",
        "| *Training*: won → *abandoned* · $900",
        "↩️ @Kim undid a change\n    | *Yearly support* is *open* again",
    ):
        assert words in played


def test_messages_are_printed_as_a_person_sees_them(played: str) -> None:
    assert "@Kim" in played
    assert "<@" not in played
    assert "<#" not in played
    assert "&lt;" not in played
    assert re.search(r"today at \d{1,2}:\d\d [AP]M", played)
    assert "UTC" not in played


def test_a_press_undoes_a_change_and_a_second_undo_says_so() -> None:
    typed = _performance(f"/opp-status {GLOBEX} won", "press", "/opp-status undo").partition("Your turn")[2]

    assert "[Undo]" in typed
    assert "the message changes to:\n    | ↩️ @Ana undid this. *Yearly support* is *open* again." in typed
    assert "You already undid that" in typed


def test_a_person_who_loses_a_deal_without_a_reason_is_asked_and_can_press_one() -> None:
    typed = _performance(f"/opp-status {GLOBEX} lost", "press 2").partition("Your turn")[2]

    assert "only Ana sees:\n    | Why was *Yearly support* lost?" in typed
    assert "[1 Too expensive] [2 No answer] [3 Chose a competitor]" in typed
    assert "Ana clicks No answer." in typed
    assert "the question goes.\n  the message changes to:\n    | @Ana marked *Yearly support* *lost*" in typed
    assert "| No answer · Hank Scorpio, Globex" in typed


def test_the_terminal_waits_only_a_moment_for_a_question_that_does_not_come() -> None:
    typed = _performance(f"/opp-status {GLOBEX} {ACME} lost no answer").partition("Your turn")[2]

    assert "@Ana marked 2 deals *lost*" in typed


def test_a_deal_can_be_shared_by_a_press_that_names_the_button() -> None:
    typed = _performance(f"/opp-status {GLOBEX}", "press share").partition("Your turn")[2]

    assert "Ana clicks Share in channel." in typed
    assert "everyone sees:\n    | @Ana shared a deal" in typed


def test_a_button_that_is_gone_or_not_shown_to_the_person_cannot_be_pressed() -> None:
    typed = _performance("press 9", "press whatever", f"/opp-status {GLOBEX}", "as ben", "press share")

    assert typed.partition("Your turn")[2].count("Nothing like that to press.") == 3


def test_the_terminal_says_that_a_form_opens() -> None:
    typed = _performance("/opp-status", "as ben", "/opp-status").partition("Your turn")[2]

    assert typed.count("a form opens (fill it in on the page): Deal, New status") == 1
    assert "only Ben sees:" in typed


def test_after_the_dialogue_commands_can_be_typed_as_another_person() -> None:
    typed = _performance(
        "",
        f"/opp-status {GLOBEX} lost",
        "as ben",
        f"/opp-status {GLOBEX} won",
        "as zoe",
        "as kim",
        "down",
        f"/opp-status {GLOBEX} won",
        "up",
        f"/opp-status {GLOBEX} won",
        "deals",
        "quit",
        f"/opp-status {ACME} won",
    ).partition("Your turn")[2]

    assert "@Ana marked *Yearly support* *lost*" in typed
    assert "only Ben sees:" in typed
    assert "Try /opp-status, press, as <name>, deals, down, up, or quit." in typed
    assert "HighLevel is having problems right now" in typed
    assert typed.count("@Kim won *Yearly support*") == 1
    assert f"{GLOBEX}  won" in typed
    assert f"{ACME}  open" in typed


def test_the_page_is_on_its_usual_port_or_on_another_if_that_is_taken() -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 3000))
            taken.listen()
        except OSError:
            pass  # another process has it already, which is as good
        typed = _performance().partition("Your turn")[2]

    assert re.search(r"Open http://127.0.0.1:(?!3000)\d+", typed)


def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="address"):
        run(io.StringIO(), io.StringIO(), port=taken.getsockname()[1])


async def _started(*more: str, until: bytes) -> tuple[asyncio.subprocess.Process, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "demo",
        *more,
        cwd=ROOT,
        env=dict(os.environ),  # noqa: TID251 - a process needs one
        stdin=asyncio.subprocess.DEVNULL if "--port" in more else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    output = b""
    while until not in output:
        output += await process.stdout.readline()
    return process, output


async def test_an_interrupt_ends_the_demo_well() -> None:
    process, _ = await _started("--terminal", until=b"quit")
    process.send_signal(signal.SIGINT)
    rest, _ = await process.communicate()

    assert process.returncode == 0
    assert b"Traceback" not in rest


async def test_the_page_can_stay_after_the_input_has_ended() -> None:
    process, output = await _started("--terminal", "--stay", "--port", "0", until=b"quit")
    found = re.search(rb"http://127.0.0.1:\d+", output.partition(b"Your turn")[2])
    assert found
    async with httpx.AsyncClient() as http:
        assert "No messages yet." in (await http.get(found[0].decode())).text
    process.send_signal(signal.SIGINT)
    rest, _ = await process.communicate()

    assert process.returncode == 0
    assert b"Traceback" not in rest


async def test_the_demo_says_in_three_lines_what_to_open_and_ends_well_on_an_interrupt() -> None:
    process, output = await _started("--port", "0", until=b"Ctrl-C")
    (address,) = re.findall(r"http://127.0.0.1:\d+", output.decode())
    async with httpx.AsyncClient() as http, http.stream("GET", f"{address}/news") as looking:
        await anext(looking.aiter_lines())
        process.send_signal(signal.SIGINT)
        rest, _ = await process.communicate()

    assert len((output + rest).decode().splitlines()) == 3
    assert process.returncode == 0

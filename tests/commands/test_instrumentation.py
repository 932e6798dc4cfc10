import asyncio
from dataclasses import replace

import pytest

from bot.commands.instrumentation import (
    NO_METRICS,
    NOT_ACCEPTED,
    fields_of,
    note_call,
    noting_calls,
)
from bot.deals.deal import Opportunity
from bot.deals.outcome import WORDS, AlreadySo, Cause, Changed, Effect, Failed, Outcome, Trouble
from tests.memory import entry


def test_without_metrics_nothing_is_kept() -> None:
    NO_METRICS.commanded("changed")
    NO_METRICS.acknowledged("command", 0.1)
    NO_METRICS.replied("channel", 1.0)
    NO_METRICS.called("L", "GET", 200)
    NO_METRICS.stood_still(7.0)

    assert vars(NO_METRICS) == {}


def test_no_word_stands_for_two_outcomes() -> None:
    assert len({*WORDS, *NOT_ACCEPTED}) == len(WORDS) + len(NOT_ACCEPTED)


async def test_calls_are_noted_for_the_command_that_makes_them_and_for_no_other() -> None:
    async def command(status: int) -> list[str]:
        with noting_calls() as calls:
            note_call("GET", status, 0.1234)
            await asyncio.gather(*(asyncio.create_task(_call(status)) for _ in range(2)))
        return calls

    note_call("GET", 200, 0.1)  # of no command
    assert [*await asyncio.gather(command(200), command(503))] == [
        ["GET 200 0.12s", "PUT 200 2.00s", "PUT 200 2.00s"],
        ["GET 503 0.12s", "PUT 503 2.00s", "PUT 503 2.00s"],
    ]


async def _call(status: int) -> None:
    await asyncio.sleep(0)
    note_call("PUT", status, 2)


OPEN = Opportunity("deal", "open")
WON = replace(OPEN, status="won")


@pytest.mark.parametrize(
    ("outcome", "fields"),
    [
        (Changed(OPEN, WON, trace_id="t1"), {"outcome": "changed", "before": "open", "after": "won", "trace_id": "t1"}),
        (
            Changed(OPEN, WON, Trouble(Cause.NO_ANSWER)),
            {"outcome": "changed", "before": "open", "after": "won", "despite": "no_answer"},
        ),
        (AlreadySo(WON), {"outcome": "already_so"}),
        (
            Failed(Trouble(Cause.INVALID, reasons=("status must be one of",), code="422"), Effect.NOTHING),
            {"outcome": "invalid", "effect": "nothing", "code": "422", "said": ("status must be one of",)},
        ),
        (
            Failed(Trouble(Cause.NO_EFFECT), Effect.UNKNOWN, OPEN, WON),
            {"outcome": "no_effect", "effect": "unknown", "before": "open", "after": "won"},
        ),
    ],
)
def test_the_log_has_who_asked_for_what_and_what_became_of_it(outcome: Outcome, fields: dict[str, object]) -> None:
    asked = entry("key")
    told = fields_of(asked, outcome)

    assert told["user"] == asked.caller.user_id
    assert told["channel"] == asked.caller.channel_id
    assert told["opportunity"] == asked.wish.opportunity_id
    assert told["status"] == asked.wish.status
    assert {name: told[name] for name in fields} == fields
    assert all(told.values())
    assert asked.text not in told.values()

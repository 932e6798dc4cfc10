import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest
from slack_bolt.async_app import AsyncBoltRequest
from structlog.testing import capture_logs

from bot.access import Allowlist, Pace
from bot.command import Help, Request
from bot.messages import Messages
from bot.slack import Reception, bolt_app, new_reference
from bot.status import STATES, Status, Wish
from bot.worker import Order
from tests.memory import MemoryLedger

WISH = Wish("deal", Status.WON)


@dataclass
class Desk:
    """A reception, and what passes over it."""

    request: Request = WISH
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    orders: list[Order] = field(default_factory=list)
    parse: Callable[[str], Request] | None = None

    async def on_command(self, **body: str) -> tuple[int, dict[str, Any]]:
        """What Slack gets for a command from U1, in T1 and C1."""
        messages = Messages(
            app_url="https://app.example",
            location_id="L",
            currency="",
            admin_contact="U0KIM",
            statuses=frozenset(STATES),
            channels=frozenset(),
            errors_in_channel=False,
        )
        reception = Reception(
            parse=self.parse or (lambda _text: self.request),
            allowlist=Allowlist(frozenset({"U1"}), frozenset()),
            our_team=lambda: "T1",
            pace=Pace(),
            ledger=self.ledger,
            submit=self.orders.append,
            messages=messages,
        )
        contents = {
            "command": "/opp-status",
            "text": "deal won",
            "user_id": "U1",
            "team_id": "T1",
            "channel_id": "C1",
            "trigger_id": "1.2.3",
            "response_url": "http://reply.example",
        } | body
        app = bolt_app(reception, "xoxb-not-a-token")
        answer = await app.async_dispatch(AsyncBoltRequest(body=contents, mode="socket_mode"))
        return answer.status, json.loads(answer.body) if answer.body else {}


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_wish_is_written_down_handed_over_and_acknowledged_in_silence(desk: Desk) -> None:
    assert await desk.on_command() == (200, {})

    (order,) = desk.orders
    assert (order.entry.key, order.entry.wish, order.entry.text) == ("1.2.3", WISH, "deal won")
    assert (order.address.response_url, order.address.channel_id, order.address.user_id) == (
        "http://reply.example",
        "C1",
        "U1",
    )
    assert list(desk.ledger.rows) == ["1.2.3"]


async def test_a_command_that_is_there_already_is_acknowledged_and_not_begun_again(desk: Desk) -> None:
    await desk.on_command()

    assert await desk.on_command() == (200, {})
    assert len(desk.orders) == 1


async def test_a_command_without_the_senders_id_is_a_command_of_its_own(desk: Desk) -> None:
    await desk.on_command(trigger_id="")
    await desk.on_command(trigger_id="")

    assert len(desk.orders) == 2
    assert all(order.entry.key == order.entry.reference for order in desk.orders)


async def test_a_ledger_that_is_down_is_told_at_once(desk: Desk) -> None:
    desk.ledger.down = True
    status, answer = await desk.on_command()

    assert status == 200
    assert answer["response_type"] == "ephemeral"
    assert "Nothing was changed." in answer["text"]
    assert desk.orders == []


async def test_a_question_is_answered_in_the_acknowledgement(desk: Desk) -> None:
    desk.request = Help()
    status, answer = await desk.on_command(user_id="U2")

    assert status == 200
    assert answer["response_type"] == "ephemeral"
    assert answer["blocks"]
    assert desk.ledger.rows == {}


async def test_whatever_is_raised_becomes_an_answer_with_the_reference_of_the_log(desk: Desk) -> None:
    def broken(_text: str) -> NoReturn:
        raise RuntimeError

    desk.parse = broken
    with capture_logs() as lines:
        status, answer = await desk.on_command()

    assert status == 200
    assert "Something went wrong inside the bot." in answer["text"]
    assert "Nothing was changed." in answer["text"]
    assert [line["event"] for line in lines if line.get("exc_info")] == ["command.broken"]


async def test_nul_characters_do_not_reach_the_ledger(desk: Desk) -> None:
    await desk.on_command(text="deal\x00 won")

    assert desk.orders[0].entry.text == "deal won"


async def test_half_a_character_does_not_reach_the_ledger(desk: Desk) -> None:
    await desk.on_command(trigger_id="1.\ud800")

    assert desk.orders[0].entry.key == "1.?"


async def test_another_command_is_not_ours(desk: Desk) -> None:
    assert (await desk.on_command(command="/other"))[0] == 404


def test_references_are_short_readable_and_never_the_same() -> None:
    references = {new_reference() for _ in range(1000)}

    assert len(references) == 1000
    assert all(len(reference) == 8 and reference.isalnum() and reference.isupper() for reference in references)
    assert not set("".join(references)) & set("0189")

import asyncio
from dataclasses import dataclass, field

import pytest
import structlog
from structlog.testing import capture_logs

from bot.commands.outbox import Outbox
from bot.commands.reply import Address, Delivery, DeliveryWay, Message
from bot.commands.tasks import Tasks
from tests.memory import messages

ASKER = Address("http://reply.example", "C1", "U1")


@dataclass
class MemoryMail:
    """`bot.commands.reply.Mail` in a list."""

    delivered: list[tuple[Message, Address]] = field(default_factory=list)

    async def deliver(self, message: Message, to: Address) -> Delivery:
        self.delivered.append((message, to))
        return Delivery(DeliveryWay.RESPONSE_URL, "")

    async def post(self, message: Message, channel_id: str) -> Delivery:
        return await self.deliver(message, Address("", channel_id, ""))

    async def update(self, message: Message, channel_id: str, message_ts: str) -> bool:
        await self.deliver(message, Address("", channel_id, "", message_ts))
        return True


@pytest.fixture
def mail() -> MemoryMail:
    return MemoryMail()


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def outbox(mail: MemoryMail, tasks: Tasks) -> Outbox:
    return Outbox(mail, messages(), tasks)


async def _answer(message: Message | None) -> Message | None:
    await asyncio.sleep(0)
    return message


async def test_a_message_is_delivered_in_the_background(outbox: Outbox, mail: MemoryMail, tasks: Tasks) -> None:
    outbox.tell(Message("You may not.", (), public=False), ASKER, "REF")
    assert mail.delivered == []
    await tasks.drain(5, 1)

    assert [(message.text, to) for message, to in mail.delivered] == [("You may not.", ASKER)]


async def test_an_answer_is_delivered_when_it_is_there(outbox: Outbox, mail: MemoryMail, tasks: Tasks) -> None:
    outbox.answer(_answer(Message("It is won.", (), public=False)), ASKER, "REF")
    outbox.answer(_answer(None), ASKER, "REF")
    await tasks.drain(5, 1)

    assert [(message.text, to) for message, to in mail.delivered] == [("It is won.", ASKER)]


async def test_an_answer_that_raises_is_told_and_logged_with_its_reference(
    outbox: Outbox, mail: MemoryMail, tasks: Tasks
) -> None:
    async def broken() -> Message:
        raise RuntimeError

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        outbox.answer(broken(), ASKER, "REF")
        await tasks.drain(5, 1)

    assert "REF" in mail.delivered[0][0].text
    assert [(line["event"], line["reference"]) for line in lines if line.get("exc_info")] == [
        ("question.broken", "REF")
    ]

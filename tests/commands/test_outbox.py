import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
import structlog
from structlog.testing import capture_logs

from bot.commands.outbox import Outbox, Persistence
from bot.commands.reply import Address, Delivery, DeliveryWay, Message, NotYet, StillOurs
from bot.commands.tasks import Tasks
from bot.deals.ports import LeaseLost
from tests.memory import messages, ours

ASKER = Address("http://reply.example", "C1", "U1")
NEWS = Message("It is won.", (), public=False)

pytestmark = pytest.mark.jumping_clock


@dataclass
class MemoryMail:
    """`bot.commands.reply.Mail` in a list."""

    delivered: list[tuple[Message, Address]] = field(default_factory=list)

    away: float = float("-inf")
    """Until when, on the event loop's clock, nothing is taken."""
    deleted: list[Address] = field(default_factory=list)
    tried: list[tuple[float, Address]] = field(default_factory=list)
    """When it was asked to deliver something, and where to."""

    expected: int = 0
    """How often it was told that a message follows soon."""

    def expect(self) -> None:
        self.expected += 1

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        await still_ours()
        self.tried.append((_now(), to))
        if _now() < self.away:
            return NotYet()
        self.delivered.append((message, to))
        return Delivery(DeliveryWay.RESPONSE_URL, "")

    async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
        return await self.deliver(message, Address("", channel_id, ""), still_ours)

    async def update(
        self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
    ) -> Delivery | NotYet:
        return await self.deliver(message, Address("", channel_id, "", message_ts), still_ours)

    async def delete(self, to: Address, still_ours: StillOurs) -> None:
        await still_ours()
        self.deleted.append(to)


def _now() -> float:
    return asyncio.get_running_loop().time()


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


async def test_a_message_is_deleted_in_the_background(outbox: Outbox, mail: MemoryMail, tasks: Tasks) -> None:
    outbox.remove(ASKER, "REF")
    assert mail.deleted == []

    await tasks.drain(5, 0)
    assert mail.deleted == [ASKER]


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


# --- while Slack takes nothing ---------------------------------------------------------------------------------------


async def test_what_cannot_be_delivered_now_is_tried_again_with_growing_pauses(
    outbox: Outbox, mail: MemoryMail
) -> None:
    began = _now()
    mail.away = began + 300
    delivery = await outbox.deliver(NEWS, ASKER, began, ours)

    assert delivery.way is DeliveryWay.RESPONSE_URL
    assert len(mail.delivered) == 1
    times = [when - began for when, _ in mail.tried]
    pauses = [after - before for before, after in pairwise(times)]
    longest = [min(2.0**number, 60.0) for number in range(len(pauses))]
    assert all(0.7 * most <= pause <= most + 0.1 for pause, most in zip(pauses, longest, strict=True))
    assert len(times) <= 14


async def test_a_message_is_tried_for_an_hour_and_after_half_an_hour_without_its_reply_address(
    outbox: Outbox, mail: MemoryMail
) -> None:
    began = _now()
    mail.away = began + 3600
    await outbox.deliver(NEWS, ASKER, began, ours)

    assert [to.response_url for _, to in mail.delivered] == [""]
    assert {bool(to.response_url) for when, to in mail.tried if when - began < 1800} == {True}
    assert {bool(to.response_url) for when, to in mail.tried if when - began >= 1800} == {False}


async def test_a_message_that_nothing_takes_for_more_than_an_hour_is_given_up(outbox: Outbox, mail: MemoryMail) -> None:
    began, mail.away = _now(), float("inf")
    deliveries = await asyncio.gather(
        outbox.deliver(NEWS, ASKER, began, ours),
        outbox.post(NEWS, "C1", began, ours),
        outbox.update(NEWS, "C1", "17.1", began, ours),
    )

    assert {delivery.way for delivery in deliveries} == {DeliveryWay.UNDELIVERED}
    assert 3600 <= _now() - began <= 3700


async def test_a_message_that_is_older_than_an_hour_is_tried_all_the_same(outbox: Outbox, mail: MemoryMail) -> None:
    assert (await outbox.deliver(NEWS, ASKER, _now() - 7200, ours)).way is DeliveryWay.RESPONSE_URL
    assert [to.response_url for _, to in mail.delivered] == [""]


async def test_messages_that_wait_for_slack_do_not_keep_others_waiting(
    outbox: Outbox, mail: MemoryMail, tasks: Tasks
) -> None:
    mail.away = float("inf")
    for _ in range(50):
        outbox.tell(NEWS, ASKER, "REF")
    await asyncio.sleep(300)
    mail.away, back = float("-inf"), _now()
    await outbox.post(NEWS, "C1", back, ours)
    assert (len(mail.delivered), _now() - back < 0.1) == (1, True)
    await tasks.drain(61, 1)
    assert len(mail.delivered) == 51


async def test_a_message_that_another_process_took_over_meanwhile_is_not_tried_again(
    outbox: Outbox, mail: MemoryMail
) -> None:
    async def still_ours() -> None:
        if _now() > began + 20:
            raise LeaseLost

    began, mail.away = _now(), float("inf")
    with pytest.raises(LeaseLost):
        await outbox.deliver(NEWS, ASKER, began, still_ours)
    assert 0 < len(mail.tried) < 8


async def test_news_and_answers_outlast_slacks_absence(outbox: Outbox, mail: MemoryMail, tasks: Tasks) -> None:
    mail.away = _now() + 120
    outbox.tell(NEWS, ASKER, "REF")
    outbox.answer(_answer(NEWS), ASKER, "REF")
    await tasks.drain(300, 1)

    assert len(mail.delivered) == 2


async def test_a_word_that_is_worth_something_only_now_is_tried_once(outbox: Outbox, mail: MemoryMail) -> None:
    mail.away = float("inf")
    await outbox.send(NEWS, ASKER, ours)

    assert len(mail.tried) == 1


def test_the_pauses_are_a_second_to_a_minute_and_the_hour_is_one() -> None:
    assert Persistence() == Persistence(first_pause=1.0, longest_pause=60.0, by_address=1800.0, in_all=3600.0)

import asyncio
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from bot.access import Caller
from bot.ledger import Entry
from bot.messages import Message, Messages
from bot.outcome import AlreadySo, Outcome
from bot.replies import Address, Delivery
from bot.status import STATES, Opportunity, Status, Wish
from bot.worker import IN_FLIGHT, Order, Worker
from tests.memory import MemoryLedger

MESSAGES = Messages(
    app_url="https://app.example",
    location_id="L",
    currency="",
    admin_contact="",
    statuses=frozenset(STATES),
    channels=frozenset(),
    errors_in_channel=False,
)


@dataclass
class Work:
    """What a worker is given to do, and what came of it."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    delivered: list[tuple[Message, Address]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)

    async def change(self, wish: Wish, key: str) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.may_finish.wait()
        self.at_once -= 1
        if key == "broken":
            raise RuntimeError
        return AlreadySo(Opportunity(wish.opportunity_id, wish.status))

    async def deliver(self, message: Message, to: Address) -> Delivery:
        self.delivered.append((message, to))
        return Delivery("response_url", "")

    async def order(self, key: str, deal: str | None = None) -> Order:
        entry = Entry(key, f"REF-{key}", Caller("U1", "T1", "C1"), "deal won", Wish(deal or f"deal-{key}", Status.WON))
        await self.ledger.accept(entry)
        return Order(entry, Address("http://reply.example", "C1", "U1"))


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def worker(work: Work) -> Worker:
    return Worker(change=work.change, ledger=work.ledger, messages=MESSAGES, deliver=work.deliver)


async def test_an_order_is_carried_out_answered_and_noted(work: Work, worker: Worker) -> None:
    work.may_finish.set()
    worker.submit(await work.order("one"))
    await worker.drain(1)

    ((message, to),) = work.delivered
    assert "REF-one" in message.text
    assert to.response_url == "http://reply.example"
    assert work.ledger.rows["one"][1] == "finished: AlreadySo, response_url"


async def test_few_orders_run_at_once_and_all_are_done(work: Work, worker: Worker) -> None:
    for number in range(3 * IN_FLIGHT):
        worker.submit(await work.order(str(number)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.at_once == IN_FLIGHT
    work.may_finish.set()
    await worker.drain(1)

    assert len(work.delivered) == 3 * IN_FLIGHT
    assert work.most_at_once == IN_FLIGHT


async def test_an_exception_is_told_and_logged_under_the_reference(work: Work, worker: Worker) -> None:
    work.may_finish.set()
    with capture_logs() as lines:
        worker.submit(await work.order("broken"))
        await worker.drain(1)

    assert "Something went wrong inside the bot." in work.delivered[0][0].text
    assert work.ledger.rows["broken"][1] == "finished: Failed, response_url"
    assert [line["event"] for line in lines if line.get("exc_info")] == ["command.broken"]


async def test_a_ledger_that_is_down_at_the_end_does_not_keep_the_reply_back(work: Work, worker: Worker) -> None:
    order = await work.order("one")
    work.ledger.down = True
    work.may_finish.set()
    with capture_logs() as lines:
        worker.submit(order)
        await worker.drain(1)

    assert len(work.delivered) == 1
    assert "ledger.unfinished" in [line["event"] for line in lines]


async def test_what_cannot_be_finished_in_time_is_stopped_and_told_whether_anything_may_have_changed(
    work: Work, worker: Worker
) -> None:
    for number in range(IN_FLIGHT + 1):
        worker.submit(await work.order(str(number)))
    await worker.drain(0.2)

    texts = [message.text for message, _ in work.delivered]
    assert len(texts) == IN_FLIGHT + 1
    assert all("The bot is being restarted" in text for text in texts)
    assert sum("I cannot tell whether" in text for text in texts) == IN_FLIGHT
    assert sum("Nothing was changed." in text for text in texts) == 1
    assert {state for _, state in work.ledger.rows.values()} == {"finished: Failed, response_url"}


async def test_a_reply_that_takes_for_ever_does_not_keep_the_process(work: Work) -> None:
    async def for_ever(_message: Message, _to: Address) -> Delivery:
        await asyncio.Event().wait()
        return Delivery("never", "")

    worker = Worker(change=work.change, ledger=work.ledger, messages=MESSAGES, deliver=for_ever)
    worker.submit(await work.order("one"))
    async with asyncio.timeout(5):
        await worker.drain(0.1)


async def test_a_reply_that_breaks_is_logged_and_noted_as_undelivered(work: Work) -> None:
    async def broken(_message: Message, _to: Address) -> Delivery:
        raise RuntimeError

    worker = Worker(change=work.change, ledger=work.ledger, messages=MESSAGES, deliver=broken)
    work.may_finish.set()
    with capture_logs() as lines:
        worker.submit(await work.order("one"))
        await worker.drain(1)

    assert [line["event"] for line in lines if line.get("exc_info")] == ["reply.broken"]
    assert work.ledger.rows["one"][1] == "finished: AlreadySo, undelivered"


async def test_commands_about_one_deal_run_one_after_another(work: Work, worker: Worker) -> None:
    for number in range(3):
        worker.submit(await work.order(str(number), deal="the same"))
    work.may_finish.set()
    await worker.drain(1)

    assert len(work.delivered) == 3
    assert work.most_at_once == 1


async def test_draining_with_nothing_to_do_is_quiet(worker: Worker) -> None:
    with capture_logs() as lines:
        await worker.drain(1)

    assert lines == []

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from bot.access.rules import Caller
from bot.commands.execution import AT_ONCE, MOST_ATTEMPTS, TOO_LATE
from bot.commands.ledger import Claim, WorkerStorage
from bot.commands.outbox import AT_ONCE as SAID_AT_ONCE
from bot.commands.outbox import Outbox
from bot.commands.record import Entry, Record, State
from bot.commands.reply import Address, Delivery, DeliveryWay, Message, NotYet, StillOurs
from bot.commands.tasks import Tasks
from bot.commands.worker import Worker, WorkerTiming
from bot.deals.deal import LostReason, Opportunity, Status
from bot.deals.identify import Identified
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    Cause,
    Changed,
    Effect,
    Failed,
    Guessed,
    Outcome,
    ReasonWanted,
    Trouble,
    Unconfirmed,
)
from bot.deals.ports import LeaseLost, StoreDown, StoreRefused
from bot.deals.wish import Consent, Wish
from bot.slack.messages.messages import Messages
from tests.memory import MemoryInstrumentation, MemoryLedger, MemoryStore, Row, messages

pytestmark = pytest.mark.jumping_clock

TIMING = WorkerTiming(renew=0.05, adopt=0.02, tell=10.0, retry=0.01, wait_for_limit=0.5, drain=1.0, grace=0.1)
OPEN, WON = Opportunity("deal", "open"), Opportunity("deal", "won")


@dataclass
class Work:
    """Every port of a worker, in memory."""

    store: MemoryStore = field(default_factory=MemoryStore)
    delivered: list[tuple[Message, Address]] = field(default_factory=list)
    updated: list[tuple[Message, str, str]] = field(default_factory=list)
    deleted: list[Address] = field(default_factory=list)
    begun: list[tuple[str, Opportunity | None]] = field(default_factory=list)
    """The keys of the commands whose deal was changed, each with `intended`."""
    identified: list[str] = field(default_factory=list)
    """The names or ids that were looked up."""
    findings: list[Identified | Exception] = field(default_factory=list)
    """What the next lookups find; the others find the wish complete."""
    reasons: tuple[LostReason, ...] | None = ()
    shared: bool = False
    """Whether all channels are shared with another company."""
    looked_at: list[str] = field(default_factory=list)
    """The channels of which `is_shared` was asked."""
    consents: list[Consent] = field(default_factory=list)
    """The consents of the wishes that were carried out."""
    posted: list[tuple[Message, str]] = field(default_factory=list)
    posted_as: str = "18.1"
    messages: Messages = field(default_factory=messages)
    outcomes: list[Outcome | Exception] = field(default_factory=list)
    """The outcomes of the next changes; of the others: `AlreadySo`."""
    expected: int = 0
    """How often it was told that a reply follows soon."""
    at_once: int = 0
    most_at_once: int = 0
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)
    may_deliver: asyncio.Event = field(default_factory=asyncio.Event)
    way: DeliveryWay = DeliveryWay.CHANNEL
    away: bool = False
    """Whether Slack takes nothing for the moment."""
    instrumentation: MemoryInstrumentation = field(default_factory=MemoryInstrumentation)

    def __post_init__(self) -> None:
        self.may_finish.set()
        self.may_deliver.set()

    async def instead(self, wish: Wish) -> Guessed | None:
        self.identified.append(wish.opportunity_id)
        return None

    async def identify(self, wish: Wish, text: str, user_id: str) -> Identified:
        assert text is not None
        assert user_id
        self.identified.append(wish.name or wish.opportunity_id)
        finding = self.findings.pop(0) if self.findings else Identified(wish)
        if isinstance(finding, Exception):
            raise finding
        return finding

    async def lost_reasons(self, location_id: str, *, until: float) -> tuple[LostReason, ...] | None:
        assert until > asyncio.get_running_loop().time()
        assert location_id == ""
        return self.reasons

    async def is_shared(self, channel_id: str) -> bool:
        self.looked_at.append(channel_id)
        return self.shared

    async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
        await still_ours()
        if self.away:
            return NotYet()
        self.posted.append((message, channel_id))
        return Delivery(DeliveryWay.CHANNEL, self.posted_as)

    async def change(self, wish: Wish, key: str, intended: Opportunity | None = None, by: str = "") -> Outcome:
        assert by in {"U1", "U2"}
        self.begun.append((key, intended))
        self.consents.append(wish.consent)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.may_finish.wait()
        finally:
            self.at_once -= 1
        outcome = self.outcomes.pop(0) if self.outcomes else AlreadySo(Opportunity(wish.opportunity_id, wish.status))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def expect(self) -> None:
        self.expected += 1

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        await still_ours()
        await self.may_deliver.wait()
        if self.away:
            return NotYet()
        self.delivered.append((message, to))
        return Delivery(self.way, "17.2")

    async def update(
        self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
    ) -> Delivery | NotYet:
        await still_ours()
        if self.away:
            return NotYet()
        self.updated.append((message, channel_id, message_ts))
        return Delivery(DeliveryWay.CHANNEL, message_ts)

    async def delete(self, to: Address, still_ours: StillOurs) -> None:
        await still_ours()
        self.deleted.append(to)

    def worker(self, ledger: MemoryLedger | None = None, timing: WorkerTiming = TIMING) -> tuple[Worker, MemoryLedger]:
        ledger = ledger or MemoryLedger(self.store)
        tasks = Tasks()
        worker = Worker(
            accounts=self,
            channels=self,
            storage=WorkerStorage(ledger, ledger),
            words=self.messages,
            outbox=Outbox(self, self.messages, tasks),
            tasks=tasks,
            timing=timing,
            instrumentation=self.instrumentation,
        )
        return worker, ledger

    @property
    def texts(self) -> list[str]:
        return [message.text for message, _ in self.delivered]


def _entry(key: str, deal: str = "", **fields: Any) -> Entry:  # noqa: ANN401 - any of an entry's
    wish = Wish(deal or f"deal-{key}", Status.WON)
    return Entry(key, f"REF-{key}", Caller("U1", "T1", "C1"), "deal won", wish, "http://reply.example", **fields)


async def _submit(worker: Worker, ledger: MemoryLedger, *entries: Entry) -> None:
    for entry in entries:
        await ledger.accept(entry, within=5)
        worker.submit(entry)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def work() -> Work:
    return Work()


# --- carrying out ---------------------------------------------------------------------------------------------------


async def test_a_command_is_carried_out_answered_and_finished(work: Work) -> None:
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    ((message, to),) = work.delivered
    assert "REF-one" in message.text
    assert to == Address("http://reply.example", "C1", "U1")
    row = work.store.rows["one"]
    assert (row.state, row.delivered, row.message_ts) == ("finished", "channel", "17.2")
    assert isinstance(row.outcome, AlreadySo)


async def test_what_wants_to_know_hears_of_a_command_once_its_outcome_is_written_down(work: Work) -> None:
    worker, ledger = work.worker()
    heard: list[tuple[str, Outcome | None]] = []
    worker.on_noted.append(lambda entry: heard.append((entry.key, work.store.rows[entry.key].outcome)))
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert heard == [("one", work.store.rows["one"].outcome)]
    assert isinstance(heard[0][1], AlreadySo)


async def test_the_id_of_a_direct_message_is_not_noted_as_one_of_the_channel(work: Work) -> None:
    work.way = DeliveryWay.DIRECT_MESSAGE
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert (work.store.rows["one"].delivered, work.store.rows["one"].message_ts) == ("direct_message", "")


async def test_a_few_commands_run_at_once_and_all_are_finished(work: Work) -> None:
    worker, ledger = work.worker()
    work.may_finish.clear()
    await _submit(worker, ledger, *(_entry(str(number)) for number in range(3 * AT_ONCE)))
    await _until(lambda: work.at_once == AT_ONCE)
    work.may_finish.set()
    await worker.drain()

    assert len(work.delivered) == 3 * AT_ONCE
    assert work.most_at_once == AT_ONCE


async def test_commands_about_one_deal_run_one_after_another_in_their_order(work: Work) -> None:
    worker, ledger = work.worker()
    await _submit(worker, ledger, *(_entry(str(number), deal="the same") for number in range(3)))
    await worker.drain()

    assert [key for key, _ in work.begun] == ["0", "1", "2"]
    assert work.most_at_once == 1


async def test_a_command_that_began_as_it_was_accepted_does_not_begin_again(work: Work) -> None:
    class Watched(MemoryLedger):
        async def begin(self, key: str) -> bool:
            raise AssertionError(key)

    worker, ledger = work.worker(Watched(work.store))
    await ledger.accept(_entry("one"), within=5, begin=True)
    worker.submit(_entry("one"), begun=True)
    await worker.drain()

    assert [key for key, _ in work.begun] == ["one"]
    assert work.store.rows["one"].state == "finished"


async def test_a_sub_account_has_room_for_a_few_commands_at_once(work: Work) -> None:
    worker, ledger = work.worker()
    elsewhere = replace(_entry("a"), wish=replace(_entry("a").wish, location_id="elsewhere"))
    work.may_finish.clear()
    await _submit(worker, ledger, *(_entry(str(number)) for number in range(AT_ONCE - 1)))
    await _until(lambda: work.at_once == AT_ONCE - 1)
    assert worker.has_room(_entry("one more"))

    await _submit(worker, ledger, _entry("one more"))
    await _until(lambda: work.at_once == AT_ONCE)
    assert not worker.has_room(_entry("too many"))
    assert worker.has_room(elsewhere)

    work.may_finish.set()
    await worker.drain()
    assert not worker.has_room(elsewhere), "it is leaving"


async def test_a_command_waits_while_another_replica_has_its_deal(work: Work) -> None:
    other = MemoryLedger(work.store)
    await other.accept(_entry("other", deal="the same"), within=5)
    await other.begin("other")
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one", deal="the same"))
    await asyncio.sleep(0.05)
    assert work.begun == []

    await other.answer("other", AlreadySo(OPEN), Message("", (), public=False))
    await worker.drain()
    assert [key for key, _ in work.begun] == ["one"]


async def test_replies_that_wait_for_slack_hold_up_no_command(work: Work) -> None:
    worker, ledger = work.worker()
    work.may_deliver.clear()
    await _submit(worker, ledger, *(_entry(str(number)) for number in range(3 * AT_ONCE)))
    await _until(lambda: len(work.begun) == 3 * AT_ONCE)
    work.may_deliver.set()
    await worker.drain()

    assert len(work.delivered) == 3 * AT_ONCE


async def test_an_exception_is_told_and_logged_with_the_reference(work: Work) -> None:
    work.outcomes = [RuntimeError()]
    worker, ledger = work.worker()
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await _submit(worker, ledger, _entry("one"))
        await worker.drain()

    assert "Something went wrong in Opp Status." in work.texts[0]
    broken = [line for line in lines if line.get("exc_info")]
    assert [(line["event"], line["reference"]) for line in broken] == [("command.broken", "REF-one")]
    assert work.store.rows["one"].state == "finished"


# --- when something goes wrong inside the bot ------------------------------------------------------------------------


@dataclass
class Faulty(Work):
    """Breaks as it delivers, so many times, after it has said it if `says`."""

    faults: int = MOST_ATTEMPTS + 1
    says: bool = False
    tries: list[float] = field(default_factory=list)

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        self.tries.append(asyncio.get_running_loop().time())
        if len(self.tries) <= self.faults:
            raise RecursionError
        return await super().deliver(message, to, still_ours)


PATIENT = replace(TIMING, drain=600.0)
MENDING = replace(TIMING, mend=1.0)


async def test_a_reply_that_breaks_is_tried_again_after_growing_pauses_and_a_few_times_only() -> None:
    work = Faulty()
    worker, ledger = work.worker(timing=MENDING)
    with capture_logs() as lines:
        await _submit(worker, ledger, _entry("one"))
        await _tended(worker, lambda: work.store.rows["one"].state == "finished")

    row = work.store.rows["one"]
    assert (row.delivered, row.entry.response_url) == ("undelivered", "")
    assert len(work.tries) == MOST_ATTEMPTS
    pauses = [after - before for before, after in pairwise(work.tries)]
    assert all(pause >= 2**number for number, pause in enumerate(pauses))
    assert [line["event"] for line in lines if line.get("exc_info")] == ["command.broken"] * MOST_ATTEMPTS
    assert "command.given_up" in [line["event"] for line in lines]


async def test_a_reply_that_breaks_once_is_delivered_once_by_any_process() -> None:
    work = Faulty(faults=1)
    worker, ledger = work.worker(timing=MENDING)
    with capture_logs():
        await _submit(worker, ledger, _entry("one"))
        await worker.drain()
        assert (work.store.rows["one"].state, work.store.rows["one"].owner) == ("answered", None)
        heir, _ = work.worker(timing=MENDING)
        await _tended(heir, lambda: work.store.rows["one"].state == "finished")

    assert work.begun == [("one", None)]
    assert len(work.delivered) == 1


async def test_a_reply_that_was_delivered_before_something_broke_is_not_said_again(work: Work) -> None:
    class Broken(MemoryLedger):
        async def finish(
            self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")
        ) -> None:
            if work.store.rows[key].attempts == 0:
                raise RuntimeError
            await super().finish(key, delivered, message_ts, announced)

    worker, ledger = work.worker(Broken(work.store), MENDING)
    with capture_logs():
        await _submit(worker, ledger, _entry("one"))
        await _tended(worker, lambda: work.store.rows["one"].state == "finished")

    assert len(work.delivered) == 1
    assert work.store.rows["one"].delivered == "channel"


class Speechless(Messages):
    """Cannot put anything into words."""

    def outcome(self, outcome: Outcome, entry: Entry, undone: Record | None = None) -> Message:
        raise RuntimeError(outcome, entry, undone)


async def test_a_command_over_which_something_breaks_again_and_again_ends_without_words_if_it_must(
    work: Work,
) -> None:
    work.messages = Speechless(**{each.name: getattr(messages(), each.name) for each in fields(Messages)})
    worker, ledger = work.worker(timing=MENDING)
    with capture_logs():
        await _submit(worker, ledger, _entry("one"))
        await _tended(worker, lambda: work.store.rows["one"].state == "finished")

    row = work.store.rows["one"]
    assert isinstance(row.outcome, Failed)
    assert (row.outcome.trouble.cause, row.delivered, row.attempts) == (Cause.PARKED, "undelivered", MOST_ATTEMPTS)
    assert len(work.begun) == MOST_ATTEMPTS


async def test_what_broke_after_another_process_took_over_is_left_to_it(work: Work) -> None:
    class Lost(Faulty):
        async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
            self.store.rows["one"].owner = "another"
            return await super().deliver(message, to, still_ours)

    worker, ledger = Lost(work.store).worker()
    with capture_logs():
        await _submit(worker, ledger, _entry("one"))
        await worker.drain()

    assert (work.store.rows["one"].owner, work.store.rows["one"].attempts) == ("another", 0)


# --- while the host gives it no CPU ---------------------------------------------------------------------------------


async def test_a_worker_that_stood_still_says_so_and_counts_it(work: Work) -> None:
    worker, _ = work.worker(timing=replace(TIMING, standstill=0.3))
    with capture_logs() as lines:
        tending = asyncio.create_task(worker.tend())
        await asyncio.sleep(0.01)
        time.sleep(0.5)  # noqa: ASYNC251 - as a host that takes the CPU away
        await _until(lambda: bool(work.instrumentation.standstills))
        tending.cancel()

    (line,) = [line for line in lines if line["event"] == "worker.stood_still"]
    assert "--no-cpu-throttling" in line["advice"]
    assert work.instrumentation.standstills[0] > 0.3
    assert line["seconds"] == round(work.instrumentation.standstills[0], 1)


async def test_a_worker_that_waits_for_work_does_not_stand_still(work: Work) -> None:
    worker, _ = work.worker(timing=replace(TIMING, standstill=3600))
    tending = asyncio.create_task(worker.tend())
    await asyncio.sleep(7200)
    tending.cancel()

    assert work.instrumentation.standstills == []


# --- while Slack takes nothing --------------------------------------------------------------------------------------


async def _back(work: Work, ledger: MemoryLedger, worker: Worker, after: float) -> None:
    """Slack is away for so long, and the worker's leases are kept."""
    del ledger
    tending = asyncio.create_task(worker.tend())
    await asyncio.sleep(after)
    assert [row.state for row in work.store.rows.values()] == ["answered"]
    work.away = False
    await _until(lambda: work.store.rows["one"].state == "finished")
    tending.cancel()


async def test_a_reply_that_slack_cannot_take_is_kept_and_delivered_once_when_slack_is_back(work: Work) -> None:
    work.away = True
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await _back(work, ledger, worker, after=1500)

    assert len(work.delivered) == 1
    assert work.delivered[0][1].response_url
    assert work.store.rows["one"].attempts == 0


async def test_a_reply_that_slack_cannot_take_is_kept_across_restarts(work: Work) -> None:
    work.away = True
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()
    assert (work.store.rows["one"].state, work.store.rows["one"].owner) == ("answered", None)

    work.store.rows["one"].accepted -= timedelta(minutes=31)
    heir, ledger = work.worker()
    await _back(work, ledger, heir, after=60)
    ((_, to),) = work.delivered
    assert (to.response_url, to.channel_id) == ("", "C1")


async def test_a_reply_that_slack_takes_for_an_hour_not_is_undelivered(work: Work) -> None:
    work.away = True
    row = _claim(work, "answered", outcome=Changed(OPEN, WON), reply=Message("It is done.", (), public=True))
    row.accepted -= timedelta(minutes=50)
    worker, _ = work.worker()
    tending = asyncio.create_task(worker.tend())
    await asyncio.sleep(550)
    assert row.state == "answered"
    await asyncio.sleep(200)
    tending.cancel()

    assert (row.state, row.delivered, work.delivered) == ("finished", "undelivered", [])


ALL = {"announce_channels": {Status.LOST: "C2"}}


async def test_what_is_to_be_said_besides_is_kept_too_and_the_reply_is_not_said_again(work: Work) -> None:
    class Watched(Work):
        async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
            self.away = not self.posted and len(work_tries) < 5
            work_tries.append(work.store.rows["one"].delivered)
            return await super().post(message, channel_id, still_ours)

    work_tries: list[str | None] = []
    watched = Watched(work.store, messages=messages(**ALL), reasons=(LostReason("p", "Price"),))
    watched.outcomes = [Changed(OPEN, replace(OPEN, status="lost"))]
    worker, ledger = watched.worker()
    await _submit(worker, ledger, replace(_entry("one"), wish=Wish("deal-one", Status.LOST)))
    await _until(lambda: work.store.rows["one"].state == "finished")
    await worker.drain()

    assert work_tries == ["channel"] * 6
    assert len(watched.posted) == 1
    assert ["Price" in str(message.blocks) for message, _ in watched.delivered] == [False, True]


async def test_a_process_that_takes_over_says_only_what_is_left(work: Work) -> None:
    lost = replace(OPEN, status="lost")
    reply = Message("It is done.", (), public=True, also_in="C2", asks_why=True)
    work.reasons = (LostReason("p", "Price"),)
    _claim(work, "answered", outcome=Changed(OPEN, lost), reply=reply, delivered="channel", message_ts="17.1")
    worker, _ = work.worker()
    await _tended(worker, lambda: work.store.rows["one"].state == "finished")

    assert [channel for _, channel in work.posted] == ["C2"]
    assert ["Price" in str(message.blocks) for message, _ in work.delivered] == [True]
    assert work.instrumentation.ways == []
    row = work.store.rows["one"]
    assert (row.delivered, row.message_ts, row.announced) == ("channel", "17.1", ("C2", "18.1"))


async def test_a_process_that_takes_over_after_the_announcement_announces_nothing_again(work: Work) -> None:
    class Watched(MemoryLedger):
        async def deliver(
            self, key: str, delivered: str, message_ts: str, announced_now: tuple[str, str] = ("", "")
        ) -> None:
            announced.append(announced_now)
            await super().deliver(key, delivered, message_ts, announced_now)

    announced: list[tuple[str, str]] = []
    reply = Message("It is done.", (), public=True, also_in="C2", asks_why=True)
    fields: dict[str, Any] = {"delivered": "channel", "announced": ("C2", "18.0")}
    _claim(work, "answered", outcome=Changed(OPEN, WON), reply=reply, **fields)
    worker, _ = work.worker(Watched(work.store))
    await _tended(worker, lambda: work.store.rows["one"].state == "finished")

    assert (work.posted, work.store.rows["one"].announced) == ([], ("C2", "18.0"))
    assert announced == [("C2", "18.0")] * 2


async def test_the_other_messages_about_an_undone_change_are_updated_as_soon_as_slack_takes_it(work: Work) -> None:
    class Watched(Work):
        async def update(
            self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
        ) -> Delivery | NotYet:
            tries.append(work.store.rows["undo"].delivered)
            self.away = len(tries) < 5
            return await super().update(message, channel_id, message_ts, still_ours)

    tries: list[str | None] = []
    watched = Watched(work.store)
    watched.messages = messages(announce_channels={Status.WON: "C2"})
    await _undone(watched, PATIENT, message_ts="17.2")

    assert tries == ["channel"] * 5
    assert [(channel, ts) for _, channel, ts in watched.updated] == [("C2", "18.1")]


async def test_a_process_that_takes_over_the_reply_of_an_undo_whose_change_is_forgotten_only_delivers_it(
    work: Work,
) -> None:
    row = _claim(work, "answered", reply=Message("It is undone.", (), public=True, edits=True))
    row.entry = replace(row.entry, undoes="forgotten")
    worker, _ = work.worker()
    await _tended(worker, lambda: row.state == "finished")

    assert (work.texts, work.updated) == (["It is undone."], [])


async def test_a_reply_with_nothing_besides_takes_no_further_note(work: Work) -> None:
    class Plain(MemoryLedger):
        async def finish(
            self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")
        ) -> None:
            finished.append(key)
            await super().finish(key, delivered, message_ts, announced)

        async def deliver(
            self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")
        ) -> None:
            assert key in finished, "a note of its own"
            await super().deliver(key, delivered, message_ts, announced)

    finished: list[str] = []
    worker, ledger = work.worker(Plain(work.store))
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert work.store.rows["one"].delivered == "channel"


# --- while the database is down -------------------------------------------------------------------------------------


async def test_an_accepted_command_is_carried_out_when_the_database_is_back(work: Work) -> None:
    worker, ledger = work.worker()
    await ledger.accept(_entry("one"), within=5)
    work.store.down = True
    worker.submit(_entry("one"))
    await asyncio.sleep(0.05)
    assert (work.begun, work.delivered) == ([], [])

    work.store.down = False
    await worker.drain()
    assert work.store.rows["one"].state == "finished"


async def test_a_command_whose_intent_cannot_be_noted_is_tried_again(work: Work) -> None:
    work.outcomes = [StoreDown()]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert [key for key, _ in work.begun] == ["one", "one"]
    assert len(work.delivered) == 1


async def test_an_outcome_is_not_told_before_it_is_noted(work: Work) -> None:
    worker, ledger = work.worker()
    work.may_finish.clear()
    await _submit(worker, ledger, _entry("one"))
    await _until(lambda: work.at_once == 1)
    work.store.down = True
    work.may_finish.set()
    await asyncio.sleep(0.05)
    assert work.delivered == []

    work.store.down = False
    await worker.drain()
    assert len(work.delivered) == 1
    assert work.store.rows["one"].state == "finished"


@pytest.mark.parametrize("method", ["identify", "begin"])
async def test_what_the_database_refuses_for_good_is_answered_and_not_repeated(work: Work, method: str) -> None:
    worker, ledger = work.worker()
    work.store.refusing = [method]
    work.findings = [Identified(replace(_entry("one").wish, lost_reason_id="found"))]
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert work.begun == []
    assert len(work.texts) == 1
    assert "Something went wrong in Opp Status." in work.texts[0]
    assert "Nothing changed." in work.texts[0]
    assert work.instrumentation.outcomes == ["unexpected"]
    assert work.store.rows["one"].state == "finished"


async def test_an_intention_that_the_database_refuses_for_good_changes_nothing(work: Work) -> None:
    worker, ledger = work.worker()
    work.outcomes = [StoreRefused()]
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert "Nothing changed." in work.texts[0]
    assert work.store.rows["one"].state == "finished"


async def test_an_outcome_that_the_database_refuses_for_good_is_told_as_unknown(work: Work) -> None:
    worker, ledger = work.worker()
    work.outcomes = [Changed(OPEN, WON)]
    work.store.refusing = ["answer"]
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert len(work.texts) == 1
    assert "Something went wrong in Opp Status." in work.texts[0]
    assert "Nothing changed." not in work.texts[0]
    assert work.instrumentation.outcomes == ["unexpected"]
    assert work.store.rows["one"].state == "finished"


async def test_a_delivery_is_noted_when_the_database_is_back_and_not_repeated(work: Work) -> None:
    worker, ledger = work.worker()
    work.may_deliver.clear()
    await _submit(worker, ledger, _entry("one"))
    await _until(lambda: work.store.rows["one"].state == "answered")
    work.store.down = True
    work.may_deliver.set()
    await _until(lambda: len(work.delivered) == 1)
    work.store.down = False
    await worker.drain()

    assert len(work.delivered) == 1
    assert work.store.rows["one"].state == "finished"


# --- HighLevel's rate limit -----------------------------------------------------------------------------------------


async def test_a_command_waits_for_highlevels_rate_limit(work: Work) -> None:
    limited = Failed(Trouble(Cause.RATE_LIMITED, retry_after=0.02), Effect.NOTHING)
    work.outcomes = [limited, replace(limited, trouble=Trouble(Cause.RATE_LIMITED, retry_after=0.01))]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert len(work.begun) == 3
    assert "already" in work.texts[0]


async def test_a_rate_limit_that_lasts_too_long_is_told(work: Work) -> None:
    work.outcomes = [Failed(Trouble(Cause.RATE_LIMITED, retry_after=60.0), Effect.NOTHING)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert "Try again in 60 seconds" in work.texts[0]


async def test_a_rate_limit_without_a_time_counts_as_a_second(work: Work) -> None:
    work.outcomes = [Failed(Trouble(Cause.RATE_LIMITED), Effect.NOTHING)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert "is getting too many requests right now" in work.texts[0]  # a second is too long for this test's worker


async def test_the_daily_limit_is_told_at_once(work: Work) -> None:
    work.outcomes = [Failed(Trouble(Cause.DAILY_LIMIT, retry_after=7200.0), Effect.NOTHING)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert "Try again in about 2 hours" in work.texts[0]


# --- telling people to wait -----------------------------------------------------------------------------------------

IMPATIENT = replace(TIMING, tell=0.03)


async def test_a_caller_who_waits_long_is_told_so_once_and_then_the_result(work: Work) -> None:
    worker, ledger = work.worker(timing=IMPATIENT)
    work.may_finish.clear()
    await _submit(worker, ledger, _entry("one"))
    await asyncio.sleep(0.15)
    work.may_finish.set()
    await worker.drain()

    assert ["Still working on it" in text for text in work.texts] == [True, False]
    assert work.delivered[0][0].public is False
    assert work.store.rows["one"].told is True


async def test_the_note_to_wait_arrives_before_the_result(work: Work) -> None:
    worker, ledger = work.worker(timing=IMPATIENT)
    work.may_finish.clear()
    work.may_deliver.clear()
    await _submit(worker, ledger, _entry("one"))
    await _until(lambda: work.store.rows["one"].told)
    work.may_finish.set()
    await asyncio.sleep(0.05)
    work.may_deliver.set()
    await worker.drain()

    assert ["Still working on it" in text for text in work.texts] == [True, False]


async def test_a_caller_whom_a_dead_process_told_to_wait_is_not_told_again(work: Work) -> None:
    worker, ledger = work.worker(timing=IMPATIENT)
    work.may_finish.clear()
    await ledger.accept(_entry("one"), within=5)
    await ledger.tell_to_wait("one")
    worker.submit(_entry("one"))
    await asyncio.sleep(0.1)
    work.may_finish.set()
    await worker.drain()

    assert len(work.delivered) == 1


async def test_a_caller_is_told_to_wait_for_the_database_too(work: Work) -> None:
    worker, ledger = work.worker(timing=IMPATIENT)
    await ledger.accept(_entry("one"), within=5)
    work.store.down = True
    worker.submit(_entry("one"))
    await _until(lambda: len(work.delivered) == 1)
    work.store.down = False
    await worker.drain()

    assert ["Still working on it" in text for text in work.texts] == [True, False]


# --- answered questions go ------------------------------------------------------------------------------------------


async def test_an_answered_question_says_that_it_goes_on_and_goes_beside_a_public_result(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("answer", asked_privately=True))
    await worker.drain()

    assert [(message.text, message.public, message.replaces) for message, _ in work.delivered] == [
        ("On it…", False, True),
        (work.texts[1], True, False),
    ]
    assert [to.response_url for to in work.deleted] == ["http://reply.example"]


async def test_a_private_result_takes_the_place_of_the_answered_question(work: Work) -> None:
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("answer", asked_privately=True))
    await worker.drain()

    assert [(message.public, message.replaces) for message, _ in work.delivered] == [(False, True)] * 2
    assert work.deleted == []


async def test_what_others_see_stays_when_it_is_answered(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("answer", continues="question"))
    await worker.drain()

    assert (len(work.delivered), work.deleted) == (1, [])


async def _tended(worker: Worker, condition: Callable[[], bool]) -> None:
    tending = asyncio.create_task(worker.tend())
    await _until(condition)
    await worker.drain()
    tending.cancel()


def _claim(work: Work, state: str, **fields: Any) -> Row:  # noqa: ANN401 - any of a row's
    """A command that a dead process left in this state."""
    row = Row(_entry("one", deal="deal"), "dead", lease_until=0.0, state=State(state), **fields)
    work.store.rows["one"] = row
    return row


async def test_a_command_of_a_dead_process_is_carried_out(work: Work) -> None:
    row = _claim(work, "accepted")
    worker, _ = work.worker()
    await _tended(worker, lambda: row.state == "finished")

    assert work.begun == [("one", None)]
    assert len(work.delivered) == 1


async def test_a_write_that_a_dead_process_was_about_to_make_is_resumed(work: Work) -> None:
    row = _claim(work, "intended", before=OPEN)
    worker, _ = work.worker()
    await _tended(worker, lambda: row.state == "finished")

    assert work.begun == [("one", OPEN)]


async def test_a_reply_that_a_dead_process_had_ready_is_only_delivered(work: Work) -> None:
    row = _claim(work, "answered", outcome=Changed(OPEN, WON), reply=Message("It is done.", (), public=True))
    worker, _ = work.worker()
    await _tended(worker, lambda: row.state == "finished")

    assert work.begun == []
    assert work.texts == ["It is done."]


@pytest.mark.parametrize(("state", "effect"), [("running", "Nothing changed."), ("intended", "may have changed")])
async def test_a_command_over_which_processes_keep_dying_is_given_up_and_says_so(
    work: Work, state: str, effect: str
) -> None:
    row = _claim(work, state, attempts=MOST_ATTEMPTS - 1, before=OPEN)
    worker, _ = work.worker()
    await _tended(worker, lambda: row.state == "finished")

    assert work.begun == []
    assert "tried this several times" in work.texts[0]
    assert effect in work.texts[0]


@pytest.mark.parametrize(("state", "effect"), [("accepted", "Nothing changed."), ("intended", "may have changed")])
async def test_a_command_that_is_too_old_is_answered_and_not_carried_out(work: Work, state: str, effect: str) -> None:
    row = _claim(work, state, before=OPEN)
    row.accepted -= timedelta(seconds=TOO_LATE + 1)
    worker, _ = work.worker()
    await _tended(worker, lambda: row.state == "finished")

    assert work.begun == []
    assert "down for more than an hour" in work.texts[0]
    assert effect in work.texts[0]


@pytest.mark.parametrize("state", ["running", "intended"])
async def test_a_takeover_frees_the_deal_of_a_dead_process(work: Work, state: str) -> None:
    row = _claim(work, state, before=OPEN)
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("two", deal="deal"))
    await asyncio.sleep(0.05)
    assert work.begun == []

    await _tended(worker, lambda: row.state == work.store.rows["two"].state == "finished")
    assert [key for key, _ in work.begun] == ["one", "two"]
    assert work.most_at_once == 1


async def test_a_jump_of_the_databases_clock_starts_no_running_command_again(work: Work) -> None:
    worker, ledger = work.worker(timing=replace(TIMING, renew=10.0))
    work.may_finish.clear()
    work.may_deliver.clear()
    await _submit(worker, ledger, _entry("one"))
    tending = asyncio.create_task(worker.tend())
    await _until(lambda: bool(work.begun))
    row = work.store.rows["one"]
    row.lease_until = 0.0
    await _until(lambda: row.lease_until > 0.0)
    work.may_finish.set()
    await _until(lambda: row.state == "answered")
    await asyncio.sleep(0.05)
    row.lease_until = 0.0
    await _until(lambda: row.lease_until > 0.0)
    work.may_deliver.set()
    await worker.drain()
    tending.cancel()

    assert work.begun == [("one", None)]
    assert len(work.delivered) == 1


async def test_a_command_whose_acceptance_was_never_confirmed_is_carried_out_when_its_lease_ends(work: Work) -> None:
    ledger = MemoryLedger(work.store, lease=0.15)
    worker, _ = work.worker(ledger)
    await ledger.accept(_entry("one"), within=5)
    await _tended(worker, lambda: work.store.rows["one"].state == "finished")

    assert work.begun == [("one", None)]


async def test_a_command_that_becomes_too_old_while_it_waits_is_not_carried_out(
    work: Work,
) -> None:
    other = MemoryLedger(work.store)
    await other.accept(_entry("other", deal="deal"), within=5)
    await other.begin("other")
    row = _claim(work, "accepted")
    row.accepted = datetime.now(UTC) - timedelta(seconds=TOO_LATE - 0.2)
    worker, _ = work.worker()
    await _tended(worker, lambda: row.state == "finished")

    assert work.begun == []
    assert "down for more than an hour" in work.texts[0]


async def test_leases_are_renewed_while_commands_run(work: Work) -> None:
    ledger = MemoryLedger(work.store, lease=0.15)
    worker, _ = work.worker(ledger)
    work.may_finish.clear()
    tending = asyncio.create_task(worker.tend())
    await _submit(worker, ledger, _entry("one"))
    await asyncio.sleep(0.4)

    assert await MemoryLedger(work.store).adopt(10) == []
    work.may_finish.set()
    await worker.drain()
    tending.cancel()


async def test_a_process_that_lost_a_command_sends_no_reply(work: Work) -> None:
    work.outcomes = [LeaseLost()]
    worker, ledger = work.worker()
    with capture_logs() as lines:
        await _submit(worker, ledger, _entry("one"))
        await worker.drain()

    assert work.delivered == []
    assert "command.lease_lost" in [line["event"] for line in lines]


async def test_an_error_of_the_database_does_not_stop_the_takeovers(work: Work) -> None:
    class Odd(MemoryLedger):
        async def adopt(self, most: int) -> list[Claim]:  # noqa: ARG002 - the port's signature
            raise faults.pop(0) if faults else StoreDown

    faults: list[Exception] = [StoreDown(), RuntimeError()]
    worker, _ = work.worker(Odd(work.store))
    with capture_logs() as lines:
        tending = asyncio.create_task(worker.tend())
        await _until(lambda: not faults)
        await asyncio.sleep(0.05)

    assert not tending.done()
    assert [line["event"] for line in lines if line.get("exc_info")] == ["worker.broken"]
    tending.cancel()


async def test_after_its_database_was_away_or_it_was_suspended_a_process_lets_others_renew_their_leases_first(
    work: Work,
) -> None:
    timing = replace(TIMING, renew=5.0, adopt=1.0)
    (worker, _), (_, other) = work.worker(timing=timing), work.worker()
    tending = asyncio.create_task(worker.tend())
    await asyncio.sleep(1)
    work.store.down = True
    await asyncio.sleep(60)
    lost, kept = (
        Row(_entry(key), owner, 0.0, state=State.ANSWERED, reply=Message(key, (), public=True))
        for key, owner in (("lost", "dead"), ("kept", other.owner))
    )
    work.store.rows |= {"lost": lost, "kept": kept}
    work.store.down, back = False, asyncio.get_running_loop().time()
    await asyncio.sleep(4)
    assert (lost.owner, kept.owner) == ("dead", other.owner)
    await other.renew(["kept"])
    await _until(lambda: lost.state == "finished")
    tending.cancel()

    assert asyncio.get_running_loop().time() - back < 10
    assert kept.owner == other.owner
    assert work.texts == ["lost"]


# --- stopping -------------------------------------------------------------------------------------------------------


async def test_a_command_that_is_taken_over_during_the_stop_is_given_back(work: Work) -> None:
    class Slow(MemoryLedger):
        async def adopt(self, most: int) -> list[Claim]:
            ledger = await super().adopt(most)
            adopting.set()
            await asyncio.sleep(0.05)
            return ledger

    adopting = asyncio.Event()
    row = _claim(work, "answered", reply=Message("It is done.", (), public=True))
    worker, _ = work.worker(Slow(work.store))
    tending = asyncio.create_task(worker.tend())
    await adopting.wait()
    await worker.drain()
    await asyncio.sleep(0.1)
    tending.cancel()

    assert work.delivered == []
    assert row.owner is None


async def test_commands_that_cannot_be_finished_in_time_are_given_back(work: Work) -> None:
    worker, ledger = work.worker(timing=replace(TIMING, drain=0.2))
    work.may_finish.clear()
    await _submit(worker, ledger, *(_entry(str(number)) for number in range(AT_ONCE + 1)))
    with capture_logs() as lines:
        await worker.drain()

    assert work.delivered == []
    assert {"event": "worker.gave_back", "commands": AT_ONCE + 1, "log_level": "warning"} in lines
    work.may_finish.set()
    heir, _ = work.worker()
    await _tended(heir, lambda: all(row.state == "finished" for row in work.store.rows.values()))
    assert len(work.delivered) == AT_ONCE + 1
    assert {row.attempts for row in work.store.rows.values()} == {0}


async def test_a_reply_on_its_way_during_the_stop_arrives_and_is_noted(work: Work) -> None:
    worker, ledger = work.worker(timing=replace(TIMING, drain=1.1, grace=0.5))
    work.may_deliver.clear()
    await _submit(worker, ledger, _entry("one"))
    await _until(lambda: work.store.rows["one"].state == "answered")
    draining = asyncio.create_task(worker.drain())
    await asyncio.sleep(0.3)
    work.may_deliver.set()
    await draining

    assert (len(work.delivered), work.store.rows["one"].state) == (1, "finished")


async def test_a_reply_that_waited_is_not_sent_if_the_command_was_lost_meanwhile(work: Work) -> None:
    worker, ledger = work.worker(timing=replace(TIMING, renew=0.01))
    work.may_deliver.clear()
    await _submit(worker, ledger, *(_entry(str(number)) for number in range(SAID_AT_ONCE + 1)))
    await _until(lambda: all(row.state == "answered" for row in work.store.rows.values()))
    await asyncio.sleep(0.05)
    last = next(row for row in work.store.rows.values() if row.entry.key == str(SAID_AT_ONCE))
    last.owner = "another"
    work.may_deliver.set()
    await worker.drain()

    assert len(work.delivered) == SAID_AT_ONCE


async def test_a_process_that_stops_takes_no_more_commands_over(work: Work) -> None:
    worker, _ = work.worker(timing=replace(TIMING, drain=0.1))
    await worker.drain()
    _claim(work, "accepted")
    tending = asyncio.create_task(worker.tend())
    await asyncio.sleep(0.1)

    assert work.begun == []
    tending.cancel()


async def test_a_reply_that_hangs_does_not_hold_up_the_stop(work: Work) -> None:
    worker, ledger = work.worker(timing=replace(TIMING, drain=0.2))
    work.may_deliver.clear()
    await _submit(worker, ledger, _entry("one"))
    async with asyncio.timeout(60):
        await worker.drain()

    assert work.store.rows["one"].owner is None


async def test_a_database_that_is_down_does_not_hold_up_the_stop(work: Work) -> None:
    worker, ledger = work.worker(timing=replace(TIMING, drain=0.2))
    await ledger.accept(_entry("one"), within=5)
    work.store.down = True
    worker.submit(_entry("one"))
    with capture_logs() as lines:
        await worker.drain()

    assert "worker.kept" in [line["event"] for line in lines]


async def test_a_stop_without_commands_logs_nothing(work: Work) -> None:
    worker, _ = work.worker()
    with capture_logs() as lines:
        await worker.drain()

    assert lines == []


# --- undo -----------------------------------------------------------------------------------------------------------


async def _undone(work: Work, timing: WorkerTiming = TIMING, **more: str) -> None:
    """Make a change, whose reply is the message 17.2 in the channel, and undo it."""
    work.outcomes = [Changed(OPEN, WON), Changed(WON, OPEN)]
    worker, ledger = work.worker(timing=timing)
    await _submit(worker, ledger, _entry("change", deal="deal"))
    await _until(lambda: work.store.rows["change"].state == "finished")
    await _submit(worker, ledger, _entry("undo", deal="deal", undoes="change", **more))
    await worker.drain()


async def test_an_undo_by_button_replaces_the_message_of_the_button(work: Work) -> None:
    await _undone(work, message_ts="17.2")

    message, to = work.delivered[1]
    assert "undid this" in message.text
    assert message.replaces is True
    assert to.message_ts == "17.2"
    assert work.updated == []


async def test_a_typed_undo_replaces_the_message_about_the_change_and_its_caller_alone_reads_more(work: Work) -> None:
    await _undone(work)

    ((message, channel, message_ts),) = work.updated
    assert "undid this" in message.text
    assert (channel, message_ts) == ("C1", "17.2")
    aside, _ = work.delivered[1]
    assert (aside.public, "You undid that" in aside.text) == (False, True)
    row = work.store.rows["undo"]
    assert (row.delivered, row.message_ts) == ("in_place", "17.2")


async def test_what_a_typed_undo_updates_is_updated_as_soon_as_slack_takes_it(work: Work) -> None:
    class Watched(Work):
        async def update(
            self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
        ) -> Delivery | NotYet:
            self.tries += 1
            self.away = self.tries < 5
            return await super().update(message, channel_id, message_ts, still_ours)

        tries = 0

    watched = Watched(work.store)
    await _undone(watched, PATIENT)

    assert (watched.tries, len(watched.updated), len(watched.delivered)) == (5, 1, 2)


async def test_an_undo_is_told_only_when_earlier_commands_about_the_deal_have_been(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON), Changed(WON, OPEN)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("change", deal="deal"))
    await _until(lambda: work.store.rows["change"].state == "finished")
    work.store.rows["change"].state = State.ANSWERED
    await _submit(worker, ledger, _entry("undo", deal="deal", undoes="change"))
    await _until(lambda: work.store.rows["undo"].state == "answered")
    await asyncio.sleep(0.1)
    assert work.updated == []

    work.store.rows["change"].state = State.FINISHED
    await _until(lambda: work.store.rows["undo"].state == "finished")
    assert len(work.updated) == 1


async def test_an_undo_does_not_wait_for_longer_than_a_message_is_tried(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON), Changed(WON, OPEN)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("change", deal="deal"))
    await _until(lambda: work.store.rows["change"].state == "finished")
    work.store.rows["change"].state = State.ANSWERED
    await _submit(worker, ledger, _entry("undo", deal="deal", undoes="change"))
    await asyncio.sleep(3700)

    assert work.store.rows["undo"].state == "finished"
    assert len(work.updated) == 1


async def test_a_message_without_a_known_id_is_not_replaced(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON), Changed(WON, OPEN)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("change", deal="deal"))
    await _until(lambda: work.store.rows["change"].state == "finished")
    work.store.rows["change"].message_ts = ""
    await _submit(worker, ledger, _entry("undo", deal="deal", undoes="change"))
    await worker.drain()

    assert len(work.delivered) == 2
    assert work.updated == []


async def test_an_undo_of_a_deleted_change_is_told_like_any_change(work: Work) -> None:
    work.outcomes = [Changed(WON, OPEN)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("undo", deal="deal", undoes="forgotten"))
    await worker.drain()

    assert "> reopened " in work.texts[0]


async def test_an_undo_replaces_every_other_message_about_the_change(work: Work) -> None:
    work.messages = messages(announce_channels={Status.WON: "C2"})
    await _undone(work)

    assert [(channel, ts) for _, channel, ts in work.updated] == [("C1", "17.2"), ("C2", "18.1")]
    assert all("undid this" in message.text for message, _, _ in work.updated)
    assert [channel for _, channel in work.posted] == ["C2"]


@pytest.mark.parametrize(
    ("channel", "message_ts", "updated"), [("C1", "17.2", ("C2", "18.1")), ("C2", "18.1", ("C1", "17.2"))]
)
async def test_the_message_of_the_button_is_replaced_only_once(
    work: Work, channel: str, message_ts: str, updated: tuple[str, str]
) -> None:
    work.messages = messages(announce_channels={Status.WON: "C2"})
    work.outcomes = [Changed(OPEN, WON), Changed(WON, OPEN)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("change", deal="deal"))
    await _until(lambda: work.store.rows["change"].state == "finished")
    press = _entry("undo", deal="deal", undoes="change", message_ts=message_ts)
    await _submit(worker, ledger, replace(press, caller=Caller("U2", "T1", channel)))
    await worker.drain()

    assert [(where, ts) for _, where, ts in work.updated] == [updated]


async def test_an_undo_that_fails_replaces_no_message(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON), Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("change", deal="deal"))
    await _until(lambda: work.store.rows["change"].state == "finished")
    await _submit(worker, ledger, _entry("undo", deal="deal", undoes="change"))
    await worker.drain()

    assert work.updated == []


@pytest.mark.parametrize(("minutes", "looks"), [(12, 0), (5, 1), (None, 1)])
async def test_only_where_the_deals_status_has_just_changed_a_correction_is_looked_for(
    work: Work, minutes: int | None, looks: int
) -> None:
    class Watched(MemoryLedger):
        async def of_opportunity(self, opportunity_id: str, most: int) -> list[Record]:
            looked.append(opportunity_id)
            return await super().of_opportunity(opportunity_id, most)

    looked: list[str] = []
    since = None if minutes is None else datetime.now(UTC) - timedelta(minutes=minutes)
    work.outcomes = [Changed(replace(OPEN, since=since), WON)]
    worker, ledger = work.worker(Watched(work.store))
    await _submit(worker, ledger, _entry("one", deal="deal"))
    await worker.drain()

    assert looked == ["deal"] * looks


async def test_a_correction_and_what_it_corrects_are_undone_in_all_their_messages(work: Work) -> None:
    work.messages = messages(announce_channels={Status.WON: "C2"})
    work.outcomes = [Changed(OPEN, WON), Changed(WON, OPEN), Changed(OPEN, WON)]
    worker, ledger = work.worker()
    for key, undoes in (("first", None), ("second", None), ("undo", "second")):
        await _submit(worker, ledger, _entry(key, deal="deal", undoes=undoes))
        await _until(lambda: all(row.state == "finished" for row in work.store.rows.values()))

    assert [work.store.rows[key].entry.amends for key in ("first", "second", "undo")] == [None, "first", None]
    assert [(channel, ts) for _, channel, ts in work.updated] == [("C1", "17.2"), ("C2", "18.1")] * 2


# --- identifying ----------------------------------------------------------------------------------------------------

BY_NAME = Wish("", Status.WON, name="website")
FOUND = replace(BY_NAME, opportunity_id="deal")


def _by_name(key: str = "one", **fields: Any) -> Entry:  # noqa: ANN401 - any of an entry's
    return replace(_entry(key, **fields), wish=BY_NAME)


async def test_the_found_ids_are_noted_before_the_command_begins(work: Work) -> None:
    noted: list[tuple[str, str]] = []

    class Watched(MemoryLedger):
        async def identify(self, key: str, wish: Wish) -> None:
            await super().identify(key, wish)
            noted.append((self.store.rows[key].state, wish.opportunity_id))

    work.findings = [Identified(FOUND)]
    worker, ledger = work.worker(Watched(work.store))
    await _submit(worker, ledger, _by_name())
    await worker.drain()

    assert noted == [("accepted", "deal")]
    assert work.store.rows["one"].outcome == AlreadySo(WON)


async def test_a_wish_that_is_complete_is_not_noted_again(work: Work) -> None:
    class Strict(MemoryLedger):
        async def identify(self, key: str, wish: Wish) -> None:
            raise AssertionError(key, wish)

    worker, ledger = work.worker(Strict(work.store))
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert work.identified == ["deal-one"]
    assert work.store.rows["one"].state == "finished"


async def test_a_command_that_waits_for_its_deal_does_not_search_again(work: Work) -> None:
    other = MemoryLedger(work.store)
    await other.accept(_entry("other", deal="deal"), within=5)
    await other.begin("other")
    work.findings = [Identified(FOUND), RuntimeError()]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _by_name())
    await asyncio.sleep(0.05)
    assert (work.identified, work.begun) == (["website"], [])

    await other.answer("other", AlreadySo(OPEN), Message("", (), public=False))
    await worker.drain()
    assert (work.identified, work.begun) == (["website"], [("one", None)])


@pytest.mark.parametrize("obstacle", [Ambiguous((OPEN,), more=False), Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING)])
async def test_an_obstacle_is_the_outcome(work: Work, obstacle: Outcome) -> None:
    work.findings = [Identified(BY_NAME, obstacle)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _by_name())
    await worker.drain()

    assert work.begun == []
    assert work.store.rows["one"].outcome == obstacle
    assert len(work.delivered) == 1


async def test_a_deal_that_was_found_is_noted_even_if_its_reason_is_missing(work: Work) -> None:
    lose = Wish("", Status.LOST, name="website")
    reasons = (LostReason("p", "Price"),)
    work.findings = [Identified(replace(lose, opportunity_id="deal"), ReasonWanted(reasons))]
    worker, ledger = work.worker()
    await _submit(worker, ledger, replace(_entry("one"), wish=lose))
    await worker.drain()

    assert work.store.rows["one"].entry.wish.opportunity_id == "deal"
    assert work.store.rows["one"].outcome == ReasonWanted(reasons)


async def test_a_search_waits_for_the_rate_limit(work: Work) -> None:
    limited = Failed(Trouble(Cause.RATE_LIMITED, retry_after=0.02), Effect.NOTHING)
    work.findings = [Identified(BY_NAME, limited), Identified(FOUND)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _by_name())
    await worker.drain()

    assert work.identified == ["website", "website"]
    assert work.begun == [("one", None)]


async def test_an_undo_or_a_resumed_write_looks_nothing_up(work: Work) -> None:
    row = _claim(work, "intended", before=OPEN)
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("undo", undoes="change"))
    await _tended(worker, lambda: row.state == "finished")

    assert work.identified == []
    assert {key for key, _ in work.begun} == {"one", "undo"}


async def test_a_search_that_raises_is_told(work: Work) -> None:
    work.findings = [RuntimeError()]
    worker, ledger = work.worker()
    with capture_logs() as lines:
        await _submit(worker, ledger, _by_name())
        await worker.drain()

    assert work.store.rows["one"].state == "finished"
    assert "Nothing changed." in work.texts[0]
    assert [line["event"] for line in lines if line.get("exc_info")] == ["command.broken"]


# --- batches --------------------------------------------------------------------------------------------------------


def _batch(*keys: str, **fields: Any) -> list[Entry]:  # noqa: ANN401 - any of an entry's
    return [_entry(key, batch=keys[0], **fields) for key in keys]


async def _all(worker: Worker, ledger: MemoryLedger, entries: list[Entry]) -> None:
    await ledger.accept(*entries, within=5)
    for entry in entries:
        worker.submit(entry)


async def test_a_batch_gets_one_reply_and_all_its_commands_are_finished(work: Work) -> None:
    worker, ledger = work.worker()
    await _all(worker, ledger, _batch("a", "b", "c"))
    await worker.drain()

    assert len(work.delivered) == 1
    assert "3" in work.texts[0]
    delivered = {key: (row.state, row.delivered, row.message_ts) for key, row in work.store.rows.items()}
    assert delivered == {
        "a": ("finished", "channel", "17.2"),
        "b": ("finished", DeliveryWay.TOGETHER, ""),
        "c": ("finished", DeliveryWay.TOGETHER, ""),
    }


async def test_the_reply_to_a_batch_waits_for_its_last_outcome(work: Work) -> None:
    other = MemoryLedger(work.store)
    first, last = _batch("a", "b")
    await other.accept(last, within=5)
    worker, ledger = work.worker()
    await _submit(worker, ledger, first)
    await _until(lambda: work.store.rows["a"].state == "answered")
    await asyncio.sleep(0.05)
    assert work.delivered == []
    assert work.store.rows["a"].reply is None

    work.may_deliver.clear()
    await other.answer("b", Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING), None)
    await _until(lambda: work.store.rows["a"].reply is not None)  # noted before it is delivered
    work.may_deliver.set()
    await worker.drain()
    assert len(work.delivered) == 1
    assert "None of the 2 deals changed" in work.texts[0]


async def test_an_exception_in_one_command_of_a_batch_does_not_hold_up_the_reply(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON), RuntimeError()]
    worker, ledger = work.worker()
    with capture_logs():
        await _all(worker, ledger, _batch("a", "b", "c"))
        await worker.drain()

    assert len(work.delivered) == 1
    assert {row.state for row in work.store.rows.values()} == {"finished"}


async def test_a_takeover_of_the_first_command_replies_to_the_batch(work: Work) -> None:
    for entry in _batch("a", "b"):
        work.store.rows[entry.key] = Row(entry, "dead", 0.0, state=State.ANSWERED, outcome=AlreadySo(WON))
    worker, _ = work.worker()
    await _tended(worker, lambda: all(row.state == "finished" for row in work.store.rows.values()))

    assert work.begun == []
    assert len(work.delivered) == 1
    assert work.store.rows["b"].delivered == DeliveryWay.TOGETHER


async def test_the_caller_of_a_batch_is_told_to_wait_once(work: Work) -> None:
    worker, ledger = work.worker(timing=IMPATIENT)
    work.may_finish.clear()
    await _all(worker, ledger, _batch("a", "b", "c"))
    await asyncio.sleep(0.15)
    work.may_finish.set()
    await worker.drain()

    assert ["Still working on it" in text for text in work.texts] == [True, False]


async def test_a_batch_that_lacks_a_reason_offers_the_lost_reasons(work: Work) -> None:
    work.reasons = (LostReason("p", "Price too high"),)
    lose = Wish("deal", Status.LOST)
    work.findings = [Identified(lose, ReasonWanted(work.reasons))] * 2
    worker, ledger = work.worker()
    await _all(worker, ledger, [replace(entry, wish=lose) for entry in _batch("a", "b")])
    await worker.drain()

    ((message, _),) = work.delivered
    assert "Price too high" in str(message.blocks)


async def test_a_batch_is_told_even_if_the_lost_reasons_cannot_be_read_any_more(work: Work) -> None:
    work.reasons = None
    work.findings = [Identified(Wish("deal", Status.LOST), ReasonWanted((LostReason("p", "Price"),)))] * 2
    worker, ledger = work.worker()
    await _all(worker, ledger, _batch("a", "b"))
    await worker.drain()

    assert len(work.delivered) == 1


async def test_an_undo_of_a_batch_replaces_the_batchs_message(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON), Changed(OPEN, WON), Changed(WON, OPEN), Changed(WON, OPEN)]
    worker, ledger = work.worker()
    await _all(worker, ledger, _batch("a", "b"))
    await _until(lambda: all(row.state == "finished" for row in work.store.rows.values()))
    undos = [_entry(f"undo-{key}", deal=f"deal-{key}", undoes=key, batch="undo-a") for key in ("a", "b")]
    await _all(worker, ledger, undos)
    await worker.drain()

    assert work.texts[1] == "You undid 2 changes."
    ((message, channel, message_ts),) = work.updated
    assert "undid 2 changes" in message.text
    assert (channel, message_ts) == ("C1", "17.2")


async def test_an_undo_of_the_only_change_in_a_batch_replaces_the_batchs_message(work: Work) -> None:
    work.outcomes = [
        AlreadySo(WON),
        Changed(replace(OPEN, status="abandoned"), WON),
        Changed(WON, replace(OPEN, status="abandoned")),
    ]
    worker, ledger = work.worker()
    await _all(worker, ledger, _batch("a", "b"))
    await _until(lambda: all(row.state == "finished" for row in work.store.rows.values()))
    await _submit(worker, ledger, _entry("undo", deal="deal-b", undoes="b"))
    await worker.drain()

    ((message, channel, message_ts),) = work.updated
    assert "had marked it won" in message.text
    assert (channel, message_ts) == ("C1", "17.2")


async def test_an_undo_works_without_the_deleted_first_command_of_a_batch(work: Work) -> None:
    work.store.rows["b"] = Row(
        _entry("b", batch="a"), None, 0.0, state=State.FINISHED, outcome=Changed(OPEN, WON), message_ts="17.1"
    )
    work.outcomes = [Changed(WON, OPEN)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("undo", deal="deal-b", undoes="b"))
    await worker.drain()

    ((message, channel, message_ts),) = work.updated
    assert "undid this" in message.text
    assert (channel, message_ts) == ("C1", "17.1")


# --- further messages -----------------------------------------------------------------------------------------------


async def test_a_change_is_announced_once_in_the_other_channel_and_that_is_noted(work: Work) -> None:
    work.messages = messages(announce_channels={Status.WON: "C2"})
    work.outcomes = [Changed(OPEN, WON)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    ((message, channel),) = work.posted
    assert (message, channel) == (work.delivered[0][0], "C2")
    assert work.store.rows["one"].announced == ("C2", "18.1")


async def test_an_announcement_that_could_not_be_posted_is_not_noted(work: Work) -> None:
    work.messages, work.posted_as = messages(announce_channels={Status.WON: "C2"}), ""
    work.outcomes = [Changed(OPEN, WON)]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert len(work.posted) == 1
    assert (work.store.rows["one"].announced, work.store.rows["one"].state) == (("", ""), "finished")


async def test_after_the_result_a_caller_is_asked_why_they_lost_the_deal(work: Work) -> None:
    work.reasons = (LostReason("p", "Price too high"),)
    work.outcomes = [Changed(OPEN, replace(OPEN, status="lost"))]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    (_, first), (question, then) = work.delivered
    assert "Price too high" in str(question.blocks)
    assert question.public is False
    assert then == first


@pytest.mark.parametrize("reasons", [None, ()])
async def test_without_lost_reasons_no_caller_is_asked_for_one(
    work: Work, reasons: tuple[LostReason, ...] | None
) -> None:
    work.reasons = reasons
    work.outcomes = [Changed(OPEN, replace(OPEN, status="lost"))]
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert len(work.delivered) == 1


async def test_no_caller_is_asked_why_after_the_command_was_deleted(work: Work) -> None:
    class Forgetful(MemoryLedger):
        async def find(self, key: str) -> None:
            assert key == "one"

    work.reasons = (LostReason("p", "Price"),)
    work.outcomes = [Changed(OPEN, replace(OPEN, status="lost"))]
    worker, ledger = work.worker(Forgetful(work.store))
    await _submit(worker, ledger, _entry("one"))
    await worker.drain()

    assert len(work.delivered) == 1


# --- in a channel that is shared with another company ---------------------------------------------------------------


async def test_in_a_channel_that_is_not_shared_the_caller_need_not_confirm(work: Work) -> None:
    worker, ledger = work.worker(timing=replace(TIMING, drain=10.0))
    await _submit(worker, ledger, _entry("a"))
    await worker.drain()

    assert (work.looked_at, work.consents) == (["C1"], [Consent.PRESUMED])


async def test_in_a_shared_channel_the_caller_confirms_first_and_is_told_why(work: Work) -> None:
    work.shared, work.outcomes = True, [Unconfirmed(Opportunity("deal", "open"))]
    worker, ledger = work.worker(timing=replace(TIMING, drain=10.0))
    await _submit(worker, ledger, _entry("a"))
    await worker.drain()

    assert work.consents == [Consent.SHARED]
    assert "shared with another company" in work.texts[0]
    assert not work.delivered[0][0].public


async def test_a_private_reply_in_a_shared_channel_needs_no_confirmation(work: Work) -> None:
    work.shared = True
    worker, ledger = work.worker(timing=replace(TIMING, drain=10.0))
    await _submit(worker, ledger, _entry("a", public=False))
    await worker.drain()

    assert (work.looked_at, work.consents) == ([], [Consent.PRESUMED])


async def test_a_resumed_write_in_a_shared_channel_needs_no_confirmation(work: Work) -> None:
    work.shared = True
    _, ledger = work.worker()
    await ledger.accept(_entry("a"), within=5)
    await ledger.intend("a", Opportunity("deal", "open"))
    await ledger.give_back()
    worker, _ = work.worker(timing=replace(TIMING, drain=10.0))
    tending = asyncio.create_task(worker.tend())
    while not work.delivered:
        await asyncio.sleep(0.01)
    tending.cancel()
    await worker.drain()

    assert (work.looked_at, work.consents) == ([], [Consent.PRESUMED])


# --- measuring ------------------------------------------------------------------------------------------------------


async def test_an_outcome_and_its_reply_are_measured(work: Work) -> None:
    work.outcomes = [Changed(OPEN, WON), Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING)]
    work.may_deliver.clear()
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"), _entry("two"))
    await _until(lambda: len(work.instrumentation.outcomes) == 2)
    assert work.instrumentation.ways == []
    await asyncio.sleep(0.05)
    work.may_deliver.set()
    await worker.drain()

    assert work.instrumentation.outcomes == ["changed", "not_found"]
    assert [way for way, _ in work.instrumentation.ways] == ["channel", "channel"]
    assert all(seconds >= 0.05 for _, seconds in work.instrumentation.ways)


async def test_of_a_batch_each_outcome_is_measured_and_the_one_reply(work: Work) -> None:
    worker, ledger = work.worker()
    several = [_entry(key, batch="1") for key in ("1", "2", "3")]
    await ledger.accept(*several, within=5)
    for each in several:
        worker.submit(each)
    await worker.drain()

    assert work.instrumentation.outcomes == ["already_so"] * 3
    assert len(work.instrumentation.ways) == 1


async def test_after_a_takeover_the_whole_wait_of_the_caller_is_measured(work: Work) -> None:
    left = MemoryLedger(work.store)
    await left.accept(_entry("one"), within=5)
    work.store.rows["one"].accepted -= timedelta(seconds=90)
    await left.give_back()
    worker, _ = work.worker()
    tending = asyncio.create_task(worker.tend())
    await _until(lambda: bool(work.instrumentation.ways))
    tending.cancel()
    await worker.drain()

    ((way, seconds),) = work.instrumentation.ways
    assert (way, work.instrumentation.outcomes) == ("channel", ["already_so"])
    assert 90 <= seconds < 180


async def test_without_the_lease_nothing_is_measured(work: Work) -> None:
    work.may_finish.clear()
    worker, ledger = work.worker()
    await _submit(worker, ledger, _entry("one"))
    await _until(lambda: work.at_once == 1)
    work.store.rows["one"].owner = "another"
    work.may_finish.set()
    await worker.drain()

    assert (work.instrumentation.outcomes, work.instrumentation.ways) == ([], [])

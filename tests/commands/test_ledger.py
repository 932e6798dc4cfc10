"""One suite for all ledgers: SQLite, PostgreSQL, and the one in memory for other tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest

from bot.access.rules import Caller
from bot.commands.ledger import Accepted, IntakeLedger, WorkerLedger
from bot.commands.record import Entry
from bot.commands.reply import Message
from bot.deals.clock import uptime
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import AlreadySo, Cause, Changed, Effect, Failed, Outcome, Overtaken, ReasonWanted, Trouble
from bot.deals.ports import LeaseLost
from bot.deals.wish import Consent, Wish
from bot.storage.database import Database
from bot.storage.leases import Leases
from bot.storage.ledger import SqlLedger
from tests.house import PATIENT
from tests.memory import MemoryLedger, MemoryStore, entry
from tests.rows import execute

OPEN, WON = Opportunity("deal", "open", name="New website"), Opportunity("deal", "won", name="New website")
LOST = Opportunity("deal", "lost", lost_reason_id="reason")
REPLY = Message("done", ({"type": "divider"},), public=True)
SHORT = 10.0
"""Seconds of a lease, for tests in which an owner dies."""


class Ledger(IntakeLedger, WorkerLedger, Protocol):
    """Both ports in one object."""


@dataclass(frozen=True)
class Owners:
    """Makes owners that share one store, each with a lease of so many seconds."""

    _owner: Callable[[float], Ledger]
    _age: Callable[[float], None]

    def __call__(self, lease: float) -> Ledger:
        return self._owner(lease)

    def later(self, seconds: float) -> None:
        """Let so many seconds go by for every lease, and a moment more."""
        self._age(seconds + 0.1)


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
async def owners(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Owners]:
    if request.param == "memory":
        store = MemoryStore()
        yield Owners(lambda lease: MemoryLedger(store, lease), store.age)
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        url = request.getfixturevalue("cluster").new_database()
    opened: list[Database] = []

    def owner(lease: float) -> Ledger:
        opened.append(Database(url, PATIENT.database))
        return Leases(SqlLedger(opened[-1], lease), lease, lambda: uptime() + gone_by)

    gone_by = 0.0

    def age(seconds: float) -> None:
        nonlocal gone_by
        gone_by += seconds
        execute(url, "UPDATE commands SET lease_until = lease_until - :seconds", seconds=seconds)

    yield Owners(owner, age)
    for database in opened:
        await database.close()


@pytest.fixture
def ledger(owners: Owners) -> Ledger:
    return owners(30.0)


# --- accepting ------------------------------------------------------------------------------------------------------


async def test_a_new_command_is_accepted_once(ledger: Ledger) -> None:
    assert await ledger.accept(entry("one"), within=5)
    assert not await ledger.accept(entry("one"), within=5)
    assert await ledger.accept(entry("two"), within=5)


async def test_of_many_commands_at_once_each_is_accepted_once(ledger: Ledger) -> None:
    accepted = await asyncio.gather(*(ledger.accept(entry(str(number % 20)), within=5) for number in range(100)))

    assert accepted.count(Accepted.WAITING) == 20


async def test_a_command_that_reaches_two_replicas_is_accepted_by_one(owners: Owners) -> None:
    replicas = [owners(30.0), owners(30.0)]
    accepted = await asyncio.gather(
        *(replica.accept(entry(str(n)), within=5) for n in range(20) for replica in replicas)
    )

    assert accepted.count(Accepted.WAITING) == 20


async def test_of_two_callers_who_undo_a_change_the_first_does(ledger: Ledger) -> None:
    await ledger.accept(entry("change"), within=5)

    assert await ledger.accept(entry("undo", undoes="change"), within=5)
    assert not await ledger.accept(entry("undo by another", undoes="change"), within=5)
    await ledger.answer("undo", Changed(WON, OPEN), REPLY)
    assert not await ledger.accept(entry("undo later", undoes="change"), within=5)


async def test_after_an_undo_that_failed_a_caller_may_undo_again(ledger: Ledger) -> None:
    await ledger.accept(entry("change"), within=5)
    await ledger.accept(entry("undo", undoes="change"), within=5)
    await ledger.answer("undo", Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING), REPLY)

    assert await ledger.accept(entry("undo again", undoes="change"), within=5)


async def test_a_batch_is_accepted_whole_or_not_at_all(ledger: Ledger) -> None:
    assert await ledger.accept(entry("a"), entry("b"), within=5)
    assert not await ledger.accept(entry("c"), entry("b"), entry("d"), within=5)
    assert await ledger.accept(entry("c"), within=5)
    assert await ledger.accept(entry("d"), within=5)


async def test_of_several_undos_none_is_accepted_where_one_change_was_undone_already(ledger: Ledger) -> None:
    await ledger.accept(entry("a"), entry("b"), entry("undo b", undoes="b"), within=5)

    assert not await ledger.accept(entry("all.1", undoes="a"), entry("all.2", undoes="b"), within=5)
    assert await ledger.accept(entry("undo a", undoes="a"), within=5)


async def test_of_two_callers_who_answer_a_question_the_first_counts(ledger: Ledger) -> None:
    await ledger.accept(entry("question"), within=5)

    assert await ledger.accept(entry("yes", continues="question"), within=5)
    assert not await ledger.accept(entry("yes of another", continues="question"), within=5)
    await ledger.answer("yes", Changed(OPEN, WON), REPLY)
    assert not await ledger.accept(entry("yes later", continues="question"), within=5)


@pytest.mark.parametrize(
    "outcome", [Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING), Overtaken(WON), ReasonWanted(())]
)
async def test_a_question_can_be_answered_again_if_the_answer_changed_nothing(ledger: Ledger, outcome: Outcome) -> None:
    await ledger.accept(entry("question"), within=5)
    await ledger.accept(entry("yes", continues="question"), within=5)
    await ledger.answer("yes", outcome, REPLY)

    assert await ledger.accept(entry("yes again", continues="question"), within=5)


async def test_a_ledger_that_can_be_written_answers_a_ping(ledger: Ledger) -> None:
    await ledger.ping()


# --- one at a time --------------------------------------------------------------------------------------------------


async def test_of_two_commands_about_a_deal_one_begins_whichever_process_has_them(owners: Owners) -> None:
    one, other = owners(30.0), owners(30.0)
    await one.accept(entry("first"), within=5)
    await other.accept(entry("second"), within=5)

    assert await one.begin("first") is True
    assert await other.begin("second") is False
    await one.intend("first", OPEN)
    assert await other.begin("second") is False
    await one.answer("first", Changed(OPEN, WON), REPLY)
    assert await other.begin("second") is True


async def test_of_many_commands_that_begin_at_the_same_time_one_does(owners: Owners) -> None:
    replicas = [owners(30.0), owners(30.0)]
    for number in range(10):
        await replicas[number % 2].accept(entry(str(number)), within=5)
    begun = await asyncio.gather(*(replicas[number % 2].begin(str(number)) for number in range(10)))

    assert begun.count(True) == 1


async def test_the_command_that_was_typed_first_about_a_deal_is_done_first_in_any_process(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(entry("typed first"), within=5)
    await asyncio.sleep(0.01)
    await heir.accept(entry("typed last"), within=5)
    assert await heir.begin("typed last") is False

    owners.later(SHORT)
    assert len(await heir.adopt(10)) == 1
    assert await heir.begin("typed last") is False
    assert await heir.begin("typed first") is True
    await heir.answer("typed first", Changed(OPEN, WON), REPLY)
    assert await heir.begin("typed last") is True


async def test_commands_about_different_deals_begin_at_once(ledger: Ledger) -> None:
    await ledger.accept(entry("first"), within=5)
    await ledger.accept(entry("second", deal="another"), within=5)

    assert all(await asyncio.gather(ledger.begin("first"), ledger.begin("second")))


async def test_a_command_can_begin_twice_after_its_first_confirmation_was_lost(ledger: Ledger) -> None:
    await ledger.accept(entry("one"), within=5)

    assert await ledger.begin("one") is True
    assert await ledger.begin("one") is True


async def test_a_command_waits_for_its_turn_at_a_deal_once_the_deal_is_known(ledger: Ledger) -> None:
    by_name = Wish("", Status.WON, name="website")
    for key in ("first", "second"):
        await ledger.accept(replace(entry(key), wish=by_name), within=5)
        await ledger.identify(key, replace(by_name, opportunity_id="deal"))
        await asyncio.sleep(0.002)

    assert await ledger.begin("second") is False
    assert await ledger.begin("first") is True


async def test_a_command_begins_as_it_is_accepted_when_no_other_wants_the_deal(owners: Owners) -> None:
    one, other = owners(30.0), owners(30.0)

    assert await one.accept(entry("first"), within=5, begin=True) is Accepted.BEGUN
    assert await one.accept(entry("first"), within=5, begin=True) is None
    assert await other.accept(entry("second"), within=5, begin=True) is Accepted.WAITING
    assert await other.begin("second") is False
    await one.intend("first", OPEN)
    await one.answer("first", Changed(OPEN, WON), REPLY)
    assert await other.accept(entry("third"), within=5, begin=True) is Accepted.WAITING
    assert await other.begin("second") is True
    await other.answer("second", AlreadySo(WON), REPLY)
    assert await one.accept(entry("fourth"), within=5, begin=True) is Accepted.WAITING
    assert await one.accept(entry("about another", deal="another"), within=5, begin=True) is Accepted.BEGUN


async def test_a_process_that_dies_over_a_command_that_began_as_it_was_accepted_is_counted(owners: Owners) -> None:
    one, heir = owners(SHORT), owners(30.0)
    await one.accept(entry("one"), within=5, begin=True)
    assert await one.begin("one") is True
    owners.later(SHORT)
    (claim,) = await heir.adopt(10)

    assert (claim.attempts, claim.begun, claim.intended) == (1, False, None)
    assert await heir.begin("one") is True


async def test_of_many_commands_that_are_accepted_at_once_about_a_deal_one_begins(owners: Owners) -> None:
    replicas = [owners(30.0), owners(30.0)]
    accepted = await asyncio.gather(
        *(replica.accept(entry(f"{n} {n % 2}"), within=5, begin=True) for n, replica in enumerate(replicas * 10))
    )

    assert accepted.count(Accepted.BEGUN) == 1
    assert accepted.count(Accepted.WAITING) == 19


async def test_a_command_by_name_or_one_of_several_does_not_begin_as_it_is_accepted(ledger: Ledger) -> None:
    by_name = replace(entry("named"), wish=Wish("", Status.WON, name="website"))

    assert await ledger.accept(by_name, within=5, begin=True) is Accepted.WAITING
    several = (entry("a", deal="a"), entry("b", deal="b"))
    assert await ledger.accept(*several, within=5) is Accepted.WAITING
    assert await ledger.begin("a") is True


# --- leases ---------------------------------------------------------------------------------------------------------


async def test_commands_of_a_living_process_are_not_taken_over(owners: Owners) -> None:
    one, other = owners(30.0), owners(30.0)
    await one.accept(entry("one"), within=5)

    assert await other.adopt(10) == []
    assert await one.adopt(10) == []


async def test_commands_of_a_dead_process_are_taken_over_once(owners: Owners) -> None:
    dead, one, other = owners(SHORT), owners(30.0), owners(30.0)
    for number in range(20):
        await dead.accept(entry(str(number)), within=5)
    owners.later(SHORT)
    both = await asyncio.gather(one.adopt(15), other.adopt(15))
    rest = await one.adopt(15)

    keys = [claim.entry.key for adopted in (*both, rest) for claim in adopted]
    assert sorted(keys, key=int) == [str(number) for number in range(20)]


async def test_the_oldest_commands_are_taken_over_first_and_not_more_than_wanted(owners: Owners) -> None:
    dead, one = owners(SHORT), owners(30.0)
    for number in range(4):
        await dead.accept(entry(str(number)), within=5)
        await asyncio.sleep(0.002)
    owners.later(SHORT)

    assert [claim.entry.key for claim in await one.adopt(3)] == ["0", "1", "2"]


async def test_a_process_keeps_the_commands_that_it_renews_in_time(owners: Owners) -> None:
    one, other = owners(4 * SHORT), owners(30.0)
    await one.accept(entry("one"), within=5)
    for _ in range(6):
        owners.later(SHORT)
        await one.renew(["one"])

    assert await other.adopt(10) == []


async def test_a_command_that_is_not_renewed_is_taken_over_even_by_its_owner(owners: Owners) -> None:
    one = owners(2 * SHORT)
    await one.accept(entry("one"), within=5)
    await one.accept(entry("other"), within=5)
    for _ in range(3):
        owners.later(SHORT)
        await one.renew(["one"])

    assert [claim.entry.key for claim in await one.adopt(10)] == ["other"]


async def test_a_process_that_asks_whether_a_command_is_still_its_own_keeps_it_or_learns_that_it_lost_it(
    owners: Owners,
) -> None:
    one, other = owners(2 * SHORT), owners(30.0)
    await one.accept(entry("one"), within=5)
    owners.later(1.9 * SHORT)
    await one.still_ours("one")
    owners.later(1.5 * SHORT)
    assert await other.adopt(10) == []

    owners.later(SHORT)
    assert len(await other.adopt(10)) == 1
    with pytest.raises(LeaseLost):
        await one.still_ours("one")


async def test_a_process_that_takes_over_its_own_command_counts_no_attempt(owners: Owners) -> None:
    one = owners(SHORT)
    await one.accept(entry("one"), within=5)
    await one.begin("one")
    owners.later(SHORT)

    assert [claim.attempts for claim in await one.adopt(10)] == [0]


async def test_every_note_renews_the_lease(owners: Owners) -> None:
    one, other = owners(10 * SHORT), owners(30.0)
    await one.accept(entry("one"), within=5)
    owners.later(4 * SHORT)
    await one.begin("one")
    owners.later(4 * SHORT)
    await one.intend("one", OPEN)
    owners.later(4 * SHORT)

    assert await other.adopt(10) == []


async def test_a_process_that_lost_the_lease_notes_nothing_any_more(owners: Owners) -> None:
    slow, quick = owners(SHORT), owners(30.0)
    await slow.accept(entry("one"), within=5)
    await slow.begin("one")
    owners.later(SHORT)
    assert len(await quick.adopt(10)) == 1

    for note in (
        slow.begin("one"),
        slow.intend("one", OPEN),
        slow.answer("one", AlreadySo(WON), REPLY),
        slow.finish("one", "response_url", ""),
        slow.identify("one", Wish("deal", Status.WON)),
        slow.reply("one", REPLY),
        slow.deliver("one", "channel", "17.1"),
        slow.set_back("one", 1.0, None),
        slow.still_ours("one"),
    ):
        with pytest.raises(LeaseLost):
            await note
    assert await slow.tell_to_wait("one") is False
    assert await slow.give_back() == 0
    assert list(await slow.renew(["one"])) == []
    await quick.intend("one", OPEN)


async def test_a_note_about_a_command_that_was_never_accepted_makes_no_row(ledger: Ledger) -> None:
    for note in (ledger.begin("unknown"), ledger.intend("unknown", OPEN), ledger.finish("unknown", "channel", "")):
        with pytest.raises(LeaseLost):
            await note

    assert await ledger.accept(entry("unknown"), within=5)


async def test_a_command_that_is_given_back_is_taken_over_at_once_and_counts_no_attempt(owners: Owners) -> None:
    one, other = owners(30.0), owners(30.0)
    await one.accept(entry("one"), within=5)
    await one.begin("one")

    assert await one.give_back() == 1
    (claim,) = await other.adopt(10)
    assert (claim.entry.key, claim.attempts) == ("one", 0)
    assert await other.begin("one") is True


async def test_a_command_that_is_set_back_counts_an_attempt_and_can_be_taken_over_after_a_while(
    owners: Owners,
) -> None:
    one, other = owners(30.0), owners(30.0)
    await one.accept(entry("one"), within=5)
    await one.begin("one")
    await one.set_back("one", SHORT, None)
    assert await other.adopt(10) == []
    with pytest.raises(LeaseLost):
        await one.still_ours("one")

    owners.later(SHORT)
    (claim,) = await other.adopt(10)
    assert (claim.attempts, claim.delivered, claim.answered) == (1, None, False)
    await other.answer("one", Changed(OPEN, WON), REPLY)
    await other.set_back("one", SHORT, "channel")
    owners.later(SHORT)
    (claim,) = await one.adopt(10)
    assert (claim.attempts, claim.delivered, claim.reply) == (2, "channel", REPLY)


async def test_a_process_that_dies_after_the_reply_leaves_what_is_to_be_said_besides(owners: Owners) -> None:
    dead, heir, next_heir = owners(SHORT), owners(SHORT), owners(30.0)
    await dead.accept(entry("one"), within=5)
    await dead.answer("one", Changed(OPEN, WON), REPLY)
    await dead.deliver("one", "channel", "17.1")
    owners.later(SHORT)
    (claim,) = await heir.adopt(10)
    assert (claim.delivered, claim.announced, claim.reply) == ("channel", ("", ""), REPLY)
    assert claim.entry.response_url

    await heir.deliver("one", "channel", "", ("C2", "18.1"))
    owners.later(SHORT)
    (claim,) = await next_heir.adopt(10)
    assert (claim.delivered, claim.announced, claim.entry.message_ts) == ("channel", ("C2", "18.1"), "17.1")
    assert claim.attempts == 0


async def test_only_a_process_that_dies_at_the_deal_counts_as_an_attempt(owners: Owners) -> None:
    waiting = owners(SHORT)
    await waiting.accept(entry("at work"), within=5)
    await waiting.accept(entry("queued", deal="another"), within=5)
    await waiting.begin("at work")
    attempts: dict[str, int] = {}
    for _ in range(3):
        owners.later(SHORT)
        heir = owners(SHORT)
        attempts = {claim.entry.key: claim.attempts for claim in await heir.adopt(10)}

    assert attempts == {"at work": 3, "queued": 0}


async def test_a_command_that_is_taken_over_comes_complete(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    wish = Wish("deal", Status.LOST, lost_reason_id="reason", only_if="won")
    command = Entry("one", "REF", Caller("U1", "T1", "C1"), "typed", wish, "https://reply.example", "17.1", "change")
    await dead.accept(command, within=5)
    owners.later(SHORT)

    (claim,) = await heir.adopt(10)
    assert claim.entry == command
    assert (claim.attempts, claim.intended, claim.reply) == (0, None, None)
    assert 0 <= claim.age < 30


async def test_a_takeover_before_the_write_tells_what_the_deal_was(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(entry("one"), within=5)
    await dead.intend("one", LOST)
    owners.later(SHORT)

    (claim,) = await heir.adopt(10)
    assert claim.intended == LOST
    assert await heir.begin("one") is True
    assert await owners(30.0).adopt(10) == []


async def test_a_takeover_after_the_outcome_brings_the_reply(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(entry("one"), within=5)
    await dead.intend("one", OPEN)
    await dead.answer("one", Changed(OPEN, WON), REPLY)
    owners.later(SHORT)

    (claim,) = await heir.adopt(10)
    assert (claim.reply, claim.intended, claim.attempts) == (REPLY, None, 0)


async def test_a_takeover_of_a_command_by_name_brings_the_typed_words_and_the_found_ids(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    wish = Wish("", Status.LOST, name="website", reason="price", consent=Consent.WANTED)
    first = replace(entry("1"), wish=wish, batch="1", continues="question", note="at last", public=False)
    second = replace(entry("2", undoes="change"), batch="1")
    await dead.accept(first, second, within=5)
    await dead.identify("1", replace(wish, opportunity_id="found", lost_reason_id="why"))
    owners.later(SHORT)

    adopted = sorted(await heir.adopt(10), key=lambda claim: claim.entry.key)
    known = replace(first, wish=replace(wish, opportunity_id="found", lost_reason_id="why"))
    assert [claim.entry for claim in adopted] == [known, second]
    assert [claim.identified for claim in adopted] == [False, True]


async def test_a_takeover_before_the_write_needs_no_identification(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(entry("one"), within=5)
    await dead.intend("one", OPEN)
    owners.later(SHORT)

    assert [claim.identified for claim in await heir.adopt(10)] == [True]


async def test_a_command_of_a_batch_has_its_outcome_before_the_reply(owners: Owners) -> None:
    dead, next_dead, heir = owners(SHORT), owners(SHORT), owners(30.0)
    await dead.accept(entry("one", batch="one"), within=5)
    await dead.answer("one", Changed(OPEN, WON), None)
    owners.later(SHORT)
    (claim,) = await next_dead.adopt(10)
    assert (claim.answered, claim.reply, claim.attempts) == (True, None, 0)

    await next_dead.reply("one", REPLY)
    owners.later(SHORT)
    (claim,) = await heir.adopt(10)
    assert (claim.answered, claim.reply) == (True, REPLY)
    await heir.finish("one", "channel", "17.2", ("C2", "18.1"))
    assert await heir.give_back() == 0


async def test_a_deal_is_free_once_a_command_of_a_batch_has_its_outcome(ledger: Ledger) -> None:
    await ledger.accept(entry("1", batch="1"), entry("2", deal="another", batch="1"), within=5)
    await ledger.accept(entry("next"), within=5)
    await ledger.begin("1")
    await ledger.answer("1", Changed(OPEN, WON), None)

    assert await ledger.begin("next") is True


async def test_a_finished_command_has_no_owner(owners: Owners) -> None:
    one, other = owners(SHORT), owners(30.0)
    await one.accept(entry("one"), within=5)
    await one.answer("one", AlreadySo(WON), REPLY)
    await one.finish("one", "response_url", "")
    owners.later(SHORT)

    assert await other.adopt(10) == []
    assert await one.give_back() == 0
    assert not await one.accept(entry("one"), within=5)


async def test_a_caller_is_told_to_wait_once(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(entry("one"), within=5)

    assert await dead.tell_to_wait("one") is True
    assert await dead.tell_to_wait("one") is False
    owners.later(SHORT)
    await heir.adopt(10)
    assert await heir.tell_to_wait("one") is False

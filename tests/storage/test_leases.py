import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.commands.reply import Message
from bot.deals.clock import uptime
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import AlreadySo
from bot.deals.ports import LeaseLost
from bot.deals.wish import Wish
from bot.storage.database import Database
from bot.storage.leases import Leases
from bot.storage.ledger import LEASE_MARGIN, SqlLedger
from tests.house import PATIENT
from tests.memory import entry
from tests.rows import execute

LEASE = 30.0
SAFE = LEASE * (1 - 2 * LEASE_MARGIN)
OPEN = Opportunity("deal", "open")
REPLY = Message("done", (), public=True)


class Clock:
    """A machine's clock, which goes on while the process is suspended."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Watched(SqlLedger):
    """Counts how often it is asked whether a command is still ours."""

    asked = 0

    async def hold(self, key: str) -> None:
        self.asked += 1
        await super().hold(key)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Watched]:
    database = Database(url, PATIENT.database)
    yield Watched(database, LEASE)
    await database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(ledger: Watched, clock: Clock) -> Leases:
    return Leases(ledger, LEASE, clock)


Note = Callable[[Leases], Awaitable[object]]
NOTES: dict[str, Note] = {
    "begin": lambda leases: leases.begin("one"),
    "identify": lambda leases: leases.identify("one", Wish("deal", Status.WON)),
    "intend": lambda leases: leases.intend("one", OPEN),
    "tell_to_wait": lambda leases: leases.tell_to_wait("one"),
    "answer": lambda leases: leases.answer("one", AlreadySo(OPEN), REPLY),
    "reply": lambda leases: leases.reply("one", REPLY),
    "deliver": lambda leases: leases.deliver("one", "channel", ""),
    "renew": lambda leases: leases.renew(["one"]),
    "still_ours": lambda leases: leases.still_ours("one"),
}


async def test_a_command_is_ours_without_asking_until_its_lease_may_have_ended(
    leases: Leases, ledger: Watched, clock: Clock
) -> None:
    await leases.accept(entry("one"), within=5)
    clock.now += SAFE - 0.1
    await leases.still_ours("one")
    assert ledger.asked == 0

    clock.now += 0.2
    await leases.still_ours("one")
    assert ledger.asked == 1
    await leases.still_ours("one")
    assert ledger.asked == 1


@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
async def test_every_note_and_renewal_makes_it_ours_for_as_long_again(
    leases: Leases, ledger: Watched, clock: Clock, note: Note
) -> None:
    await leases.accept(entry("one"), within=5)
    clock.now += SAFE + 1
    await note(leases)
    ledger.asked = 0
    clock.now += SAFE - 1
    await leases.still_ours("one")

    assert ledger.asked == 0


async def test_a_lease_lasts_from_before_the_note_was_sent(leases: Leases, ledger: Watched, clock: Clock) -> None:
    await leases.accept(entry("one"), within=5)
    noting = asyncio.ensure_future(leases.intend("one", OPEN))
    await asyncio.sleep(0)
    clock.now += SAFE  # the process is suspended while it waits for the database
    await noting
    await leases.still_ours("one")

    assert ledger.asked == 1


async def test_what_another_process_took_over_during_a_suspension_is_not_ours(
    leases: Leases, ledger: Watched, clock: Clock, url: str
) -> None:
    await leases.accept(entry("one"), within=5)
    execute(url, "UPDATE commands SET owner = 'another'")
    clock.now += 40
    with pytest.raises(LeaseLost):
        await leases.still_ours("one")
    assert ledger.asked == 1


async def test_what_a_renewal_does_not_find_any_more_is_asked_about(leases: Leases, ledger: Watched, url: str) -> None:
    await leases.accept(entry("one"), within=5)
    await leases.accept(entry("two", deal="another"), within=5)
    execute(url, "UPDATE commands SET owner = 'another' WHERE key = 'one'")
    assert list(await leases.renew(["one", "two"])) == ["two"]

    await leases.still_ours("two")
    with pytest.raises(LeaseLost):
        await leases.still_ours("one")
    assert ledger.asked == 1


async def test_a_note_that_another_process_owns_ends_the_lease_here(leases: Leases, url: str) -> None:
    await leases.accept(entry("one"), within=5)
    execute(url, "UPDATE commands SET owner = 'another'")
    with pytest.raises(LeaseLost):
        await leases.intend("one", OPEN)
    with pytest.raises(LeaseLost):
        await leases.still_ours("one")


async def test_a_command_that_was_accepted_before_or_waits_for_its_turn_lends_no_lease(
    leases: Leases, ledger: Watched, clock: Clock
) -> None:
    assert await leases.accept(entry("one"), within=5)
    assert await leases.accept(entry("two"), within=5)
    clock.now += SAFE + 1
    assert await leases.accept(entry("two"), within=5) is None
    assert await leases.begin("two") is False
    assert await leases.tell_to_wait("two") is True
    clock.now += SAFE + 1
    assert await leases.tell_to_wait("two") is False
    await leases.still_ours("two")

    assert ledger.asked == 1


async def test_what_is_finished_set_back_or_given_back_is_ours_no_longer(leases: Leases, ledger: Watched) -> None:
    for key in ("one", "two", "three"):
        await leases.accept(entry(key, deal=key), within=5)
    await leases.finish("one", "channel", "")
    await leases.set_back("two", 0.0, None)
    assert await leases.give_back() == 1

    for asked, key in enumerate(("one", "two", "three"), start=1):
        with pytest.raises(LeaseLost):
            await leases.still_ours(key)
        assert ledger.asked == asked


async def test_what_is_adopted_is_ours_without_asking(leases: Leases, ledger: Watched, url: str) -> None:
    await ledger.accept(entry("one"), within=5)
    execute(url, "UPDATE commands SET lease_until = 0")
    assert len(await leases.adopt(10)) == 1
    await leases.still_ours("one")
    await leases.ping()

    assert ledger.asked == 0


def test_the_clock_goes_on() -> None:
    assert uptime() <= uptime()

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from bot.access.authorization import Door as Gate
from bot.access.requests import Permission, State
from bot.access.rules import Allowlist, Caller, Denied, Pace, Person, Reason
from bot.commands.ledger import Accepted
from bot.commands.record import Entry
from bot.deals.change import StoreDown
from bot.slack.intake import CannotLookUp, Intake
from bot.slack.messages.sentences import Message
from bot.slack.payload import Said
from tests.memory import MemoryDirectory, MemoryHome, MemoryLedger, MemoryRegister, MemoryWork, entry, messages
from tests.notebook import Notebook

AT = datetime(2026, 11, 25, 11, tzinfo=UTC)
DONE = Message("done", (), public=False)


@dataclass
class Door:
    """A way in, and what it let in."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    work: MemoryWork = field(default_factory=MemoryWork)
    home: MemoryHome = field(default_factory=MemoryHome)
    within: float = 2.6
    admins: frozenset[str] = frozenset()
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    register: MemoryRegister = field(default_factory=MemoryRegister)
    notebook: Notebook = field(default_factory=Notebook)

    def intake(self, pace: Pace | None = None) -> Intake:
        return Intake(
            door=Gate(
                rules=Allowlist(frozenset({"U1"}), frozenset({"C1"}), admins=self.admins),
                home=self.home,
                directory=self.directory,
                approvals=self.register,
            ),
            pace=pace or Pace(),
            ledger=self.ledger,
            work=self.work,
            messages=messages(admin_contact="U0KIM"),
            answer_within=self.within,
            watch=self.notebook,
        )


@pytest.fixture
def door() -> Door:
    return Door()


def _said(user: str = "U1", team: str = "T1", channel: str = "C1") -> Said:
    return Said("key", "REF", Caller(user, team, channel), "deal won", "http://reply.example")


async def test_whoever_is_allowed_is_let_in(door: Door) -> None:
    assert await door.intake().denies(_said()) is None
    assert await door.intake().may(_said())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (_said(user="U3"), "not on the list"),
        (_said(team="T2"), "another Slack workspace"),
        (_said(channel="C2"), "from this channel"),
    ],
)
async def test_whoever_is_not_is_told_why_in_private(door: Door, said: Said, why: str) -> None:
    with capture_logs() as lines:
        refusal = await door.intake().denies(said)

    assert refusal
    assert not refusal.public
    assert why in refusal.text
    assert "REF" in refusal.text
    assert [line["event"] for line in lines] == ["command.denied"]
    assert not await door.intake().may(said)


async def test_who_may_is_asked_anew_each_time(door: Door) -> None:
    intake, door.home.team_id = door.intake(), None
    refusal = await intake.denies(_said())

    assert refusal
    assert "not yet told the bot" in refusal.text
    door.home.team_id = "T1"
    assert await intake.may(_said())


async def test_what_is_denied_or_no_command_does_not_count_towards_the_pace(door: Door) -> None:
    intake = door.intake(Pace(limit=2))
    for _ in range(5):
        assert await intake.may(_said())
        assert await intake.denies(_said(channel="C2"))

    assert [await intake.denies(_said()) is None for _ in range(3)] == [True, True, False]
    refusal = await intake.denies(_said())
    assert refusal
    assert "commands in a minute" in refusal.text
    assert await intake.may(_said())


async def test_what_is_written_down_is_begun_once(door: Door) -> None:
    intake = door.intake()
    both = (entry("a"), entry("b"))

    assert await intake.accept(*both)
    assert not await intake.accept(*both)
    assert door.work.entries == [*both]
    assert door.work.begun == []


async def test_one_alone_begins_as_it_is_written_down_if_there_is_room(door: Door) -> None:
    intake = door.intake()
    await intake.accept(entry("a", deal="a"))
    door.work.room = False
    await intake.accept(entry("b", deal="b"))

    assert [each.key for each in door.work.entries] == ["a", "b"]
    assert door.work.begun == ["a"]


async def test_what_cannot_be_written_down_is_not_begun(door: Door) -> None:
    door.ledger.store.down = True
    with pytest.raises(StoreDown):
        await door.intake().accept(entry("a"))

    assert door.work.entries == []


@pytest.mark.parametrize(("looked_up", "within"), [(False, 2.6), (True, 1.3)])
async def test_after_a_look_less_time_is_left_for_writing(door: Door, looked_up: bool, within: float) -> None:
    given: list[float] = []

    class Watched(MemoryLedger):
        async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
            given.append(within)
            return await super().accept(*entries, within=within, begin=begin)

    door.ledger = Watched()
    await door.intake().accept(entry("a"), looked_up=looked_up)

    assert given == [within]


async def test_a_look_gives_what_was_found(door: Door) -> None:
    assert await door.intake().look_up(door.ledger.find("nothing")) is None


async def test_what_is_written_beside_commands_has_its_time_too(door: Door) -> None:
    assert await door.intake().in_time(door.register.latest("U1")) is None
    door.within = 0.02
    with pytest.raises(StoreDown) as down:
        await door.intake().in_time(asyncio.sleep(60))
    assert down.value.perhaps_written


async def test_whoever_asks_more_of_slack_and_the_ledger_gets_no_more_time_for_it(door: Door) -> None:
    given: list[float] = []

    class Watched(MemoryLedger):
        async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
            given.append(within)
            return await super().accept(*entries, within=within, begin=begin)

    door.ledger, door.admins, door.within = Watched(), frozenset({"U2"}), 0.4
    door.register.rows = [Permission("R", "U3", "T1", "C1", AT, State.APPROVED, decided_by="U2", decided_at=AT)]
    door.directory.people = {"U3": Person(frozenset({"T1"}))}
    door.directory.wait = 0.15
    intake = door.intake()
    assert await intake.denies(_said(user="U3")) is None
    await intake.accept(entry("a"))
    await asyncio.sleep(0.3)
    await intake.accept(entry("b"))

    first, second = given
    assert 0.01 < first <= 0.25
    assert second == 0.01


async def test_whom_an_admin_could_not_let_in_is_found_out(door: Door) -> None:
    door.admins = frozenset({"U2"})
    door.directory.people = {"U3": Person(frozenset({"T1"}), is_guest=True)}

    assert await door.intake().refuses(_said(user="U3")) == Denied(Reason.GUEST)


async def test_a_look_that_fails_or_takes_too_long_is_given_up(door: Door) -> None:
    door.ledger.store.down, door.within = True, 0.02
    for looking in (door.ledger.find("a"), asyncio.sleep(60)):
        with pytest.raises(CannotLookUp):
            await door.intake().look_up(looking)


async def _done() -> Message:
    return DONE


async def _raises(error: Exception) -> NoReturn:
    raise error


async def test_what_goes_well_passes_the_boundary(door: Door) -> None:
    assert await door.intake().guarded(_done(), "REF") is DONE


@pytest.mark.parametrize(
    ("error", "what", "changed", "event"),
    [
        (CannotLookUp(), "I cannot look that up", "Nothing was changed.", "command.not_looked_up"),
        (StoreDown(), "cannot write down", "Nothing was changed.", "command.not_written_down"),
        (StoreDown(perhaps_written=True), "carried out soon", "Nothing has been changed", "command.not_written_down"),
        (RuntimeError(), "wrong inside the bot", "Nothing was changed.", "command.broken"),
    ],
)
async def test_whatever_goes_wrong_is_told_with_its_reference(
    door: Door, error: Exception, what: str, changed: str, event: str
) -> None:
    with capture_logs() as lines:
        message = await door.intake().guarded(_raises(error), "REF")

    assert message
    assert not message.public
    assert all(part in message.text for part in (what, changed, "REF"))
    assert [line["event"] for line in lines] == [event]


async def test_what_does_not_get_as_far_as_the_ledger_is_counted(door: Door) -> None:
    intake = door.intake()

    async def meets(error: Exception) -> NoReturn:
        raise error

    assert await intake.denies(_said()) is None
    assert await intake.denies(_said(user="U2"))
    for error in (StoreDown(), CannotLookUp(), RuntimeError()):
        assert await intake.guarded(meets(error), "REF")

    assert door.notebook.outcomes == ["denied", "store_down", "store_down", "unexpected"]

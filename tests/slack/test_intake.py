import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.access.requests import AccessRequest, RequestState
from bot.access.rules import Allowlist, Caller, Denied, Person, Reason
from bot.commands.ledger import Accepted
from bot.commands.record import Entry
from bot.commands.reply import Message
from bot.deals.ports import StoreDown
from bot.slack.intake import Intake, LookupFailed
from bot.slack.payload import Interaction
from tests.memory import (
    MemoryAccessRequests,
    MemoryDirectory,
    MemoryInstrumentation,
    MemoryLedger,
    MemoryWork,
    MemoryWorkspace,
    entry,
    messages,
)

pytestmark = pytest.mark.jumping_clock

AT = datetime(2026, 11, 25, 11, tzinfo=UTC)
DONE = Message("done", (), public=False)


@dataclass
class Ports:
    """The ports of an intake, in memory."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    work: MemoryWork = field(default_factory=MemoryWork)
    workspace: MemoryWorkspace = field(default_factory=MemoryWorkspace)
    within: float = 2.6
    admins: frozenset[str] = frozenset()
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    access_requests: MemoryAccessRequests = field(default_factory=MemoryAccessRequests)
    instrumentation: MemoryInstrumentation = field(default_factory=MemoryInstrumentation)

    def intake(self, rate_limit: RateLimit | None = None) -> Intake:
        return Intake(
            authorizer=Authorizer(
                rules=Allowlist(frozenset({"U1"}), frozenset({"C1"}), admins=self.admins),
                workspace=self.workspace,
                directory=self.directory,
                approvals=self.access_requests,
            ),
            rate_limit=rate_limit or RateLimit(),
            ledger=self.ledger,
            work=self.work,
            messages=messages(admin_contact="U0KIM"),
            answer_within=self.within,
            instrumentation=self.instrumentation,
        )


@pytest.fixture
def ports() -> Ports:
    return Ports()


def _interaction(user: str = "U1", team: str = "T1", channel: str = "C1") -> Interaction:
    return Interaction("key", "REF", Caller(user, team, channel), "deal won", "http://reply.example")


async def test_an_allowed_caller_is_let_in(ports: Ports) -> None:
    assert await ports.intake().refusal(_interaction()) is None
    assert await ports.intake().is_allowed(_interaction())


@pytest.mark.parametrize(
    ("interaction", "why"),
    [
        (_interaction(user="U3"), "You don't have access"),
        (_interaction(team="T2"), "a different Slack workspace"),
        (_interaction(channel="C2"), "from this channel"),
    ],
)
async def test_a_denied_caller_is_told_why_in_private(ports: Ports, interaction: Interaction, why: str) -> None:
    with capture_logs() as lines:
        refusal = await ports.intake().refusal(interaction)

    assert refusal
    assert not refusal.public
    assert why in refusal.text
    assert "REF" in refusal.text
    assert [line["event"] for line in lines] == ["command.done"]
    assert not await ports.intake().is_allowed(interaction)


async def test_a_caller_is_authorized_anew_each_time(ports: Ports) -> None:
    intake, ports.workspace.team_id = ports.intake(), None
    refusal = await intake.refusal(_interaction())

    assert refusal
    assert "still starting up" in refusal.text
    ports.workspace.team_id = "T1"
    assert await intake.is_allowed(_interaction())


async def test_only_allowed_commands_count_towards_the_rate_limit(ports: Ports) -> None:
    intake = ports.intake(RateLimit(limit=2))
    for _ in range(5):
        assert await intake.is_allowed(_interaction())
        assert await intake.refusal(_interaction(channel="C2"))

    assert [await intake.refusal(_interaction()) is None for _ in range(3)] == [True, True, False]
    refusal = await intake.refusal(_interaction())
    assert refusal
    assert "commands in a minute" in refusal.text
    assert await intake.is_allowed(_interaction())


async def test_an_accepted_command_is_started_once(ports: Ports) -> None:
    intake = ports.intake()
    both = (entry("a"), entry("b"))

    assert await intake.accept(*both)
    assert not await intake.accept(*both)
    assert ports.work.entries == [*both]
    assert ports.work.begun == []


async def test_a_single_command_begins_as_it_is_accepted_if_there_is_room(ports: Ports) -> None:
    intake = ports.intake()
    await intake.accept(entry("a", deal="a"))
    ports.work.room = False
    await intake.accept(entry("b", deal="b"))

    assert [each.key for each in ports.work.entries] == ["a", "b"]
    assert ports.work.begun == ["a"]


async def test_a_command_that_cannot_be_written_down_is_not_started(ports: Ports) -> None:
    ports.ledger.store.down = True
    with pytest.raises(StoreDown):
        await ports.intake().accept(entry("a"))

    assert ports.work.entries == []


@pytest.mark.parametrize(("looked_up", "within"), [(False, 2.6), (True, 1.3)])
async def test_after_a_lookup_less_time_is_left_for_writing(ports: Ports, looked_up: bool, within: float) -> None:
    given: list[float] = []

    class Watched(MemoryLedger):
        async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
            given.append(within)
            return await super().accept(*entries, within=within, begin=begin)

    ports.ledger = Watched()
    await ports.intake().accept(entry("a"), looked_up=looked_up)

    assert given == [within]


async def test_a_lookup_returns_what_it_found(ports: Ports) -> None:
    assert await ports.intake().look_up(ports.ledger.find("nothing")) is None


async def test_other_writes_have_a_time_limit_too(ports: Ports) -> None:
    assert await ports.intake().write_in_time(ports.access_requests.latest("U1")) is None
    ports.within = 0.02
    with pytest.raises(StoreDown) as down:
        await ports.intake().write_in_time(asyncio.sleep(60))
    assert down.value.perhaps_written


async def test_several_slow_steps_share_the_time_for_the_acknowledgement(ports: Ports) -> None:
    given: list[float] = []

    class Watched(MemoryLedger):
        async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
            given.append(within)
            return await super().accept(*entries, within=within, begin=begin)

    ports.ledger, ports.admins, ports.within = Watched(), frozenset({"U2"}), 0.4
    ports.access_requests.rows = [
        AccessRequest("R", "U3", "T1", "C1", AT, RequestState.APPROVED, decided_by="U2", decided_at=AT)
    ]
    ports.directory.people = {"U3": Person(frozenset({"T1"}))}
    ports.directory.wait = 0.15
    intake = ports.intake()
    assert await intake.refusal(_interaction(user="U3")) is None
    await intake.accept(entry("a"))
    await asyncio.sleep(0.3)
    await intake.accept(entry("b"))

    first, second = given
    assert 0.01 < first <= 0.25
    assert second == 0.01


async def test_a_guest_is_found_ineligible(ports: Ports) -> None:
    ports.admins = frozenset({"U2"})
    ports.directory.people = {"U3": Person(frozenset({"T1"}), is_guest=True)}

    assert await ports.intake().ineligible(_interaction(user="U3")) == Denied(Reason.GUEST)


async def test_a_lookup_that_fails_or_takes_too_long_is_given_up(ports: Ports) -> None:
    ports.ledger.store.down, ports.within = True, 0.02
    for looking in (ports.ledger.find("a"), asyncio.sleep(60)):
        with pytest.raises(LookupFailed):
            await ports.intake().look_up(looking)


async def test_a_refusal_is_counted(ports: Ports) -> None:
    intake = ports.intake()

    assert await intake.refusal(_interaction()) is None
    assert await intake.refusal(_interaction(user="U2"))

    assert ports.instrumentation.outcomes == ["denied"]

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from bot.access.authorization import Authorizer as Gate
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
    MemoryLedger,
    MemoryWork,
    MemoryWorkspace,
    entry,
    messages,
)
from tests.notebook import Notebook

pytestmark = pytest.mark.jumping_clock

AT = datetime(2026, 11, 25, 11, tzinfo=UTC)
DONE = Message("done", (), public=False)


@dataclass
class Authorizer:
    """A way in, and what it let in."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    work: MemoryWork = field(default_factory=MemoryWork)
    home: MemoryWorkspace = field(default_factory=MemoryWorkspace)
    within: float = 2.6
    admins: frozenset[str] = frozenset()
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    register: MemoryAccessRequests = field(default_factory=MemoryAccessRequests)
    notebook: Notebook = field(default_factory=Notebook)

    def intake(self, rate_limit: RateLimit | None = None) -> Intake:
        return Intake(
            authorizer=Gate(
                rules=Allowlist(frozenset({"U1"}), frozenset({"C1"}), admins=self.admins),
                workspace=self.home,
                directory=self.directory,
                approvals=self.register,
            ),
            rate_limit=rate_limit or RateLimit(),
            ledger=self.ledger,
            work=self.work,
            messages=messages(admin_contact="U0KIM"),
            answer_within=self.within,
            instrumentation=self.notebook,
        )


@pytest.fixture
def authorizer() -> Authorizer:
    return Authorizer()


def _said(user: str = "U1", team: str = "T1", channel: str = "C1") -> Interaction:
    return Interaction("key", "REF", Caller(user, team, channel), "deal won", "http://reply.example")


async def test_whoever_is_allowed_is_let_in(authorizer: Authorizer) -> None:
    assert await authorizer.intake().refusal(_said()) is None
    assert await authorizer.intake().is_allowed(_said())


@pytest.mark.parametrize(
    ("interaction", "why"),
    [
        (_said(user="U3"), "not on the list"),
        (_said(team="T2"), "another Slack workspace"),
        (_said(channel="C2"), "from this channel"),
    ],
)
async def test_whoever_is_not_is_told_why_in_private(
    authorizer: Authorizer, interaction: Interaction, why: str
) -> None:
    with capture_logs() as lines:
        refusal = await authorizer.intake().refusal(interaction)

    assert refusal
    assert not refusal.public
    assert why in refusal.text
    assert "REF" in refusal.text
    assert [line["event"] for line in lines] == ["command.denied"]
    assert not await authorizer.intake().is_allowed(interaction)


async def test_who_may_is_asked_anew_each_time(authorizer: Authorizer) -> None:
    intake, authorizer.home.team_id = authorizer.intake(), None
    refusal = await intake.refusal(_said())

    assert refusal
    assert "not yet told the bot" in refusal.text
    authorizer.home.team_id = "T1"
    assert await intake.is_allowed(_said())


async def test_what_is_denied_or_no_command_does_not_count_towards_the_pace(authorizer: Authorizer) -> None:
    intake = authorizer.intake(RateLimit(limit=2))
    for _ in range(5):
        assert await intake.is_allowed(_said())
        assert await intake.refusal(_said(channel="C2"))

    assert [await intake.refusal(_said()) is None for _ in range(3)] == [True, True, False]
    refusal = await intake.refusal(_said())
    assert refusal
    assert "commands in a minute" in refusal.text
    assert await intake.is_allowed(_said())


async def test_what_is_written_down_is_begun_once(authorizer: Authorizer) -> None:
    intake = authorizer.intake()
    both = (entry("a"), entry("b"))

    assert await intake.accept(*both)
    assert not await intake.accept(*both)
    assert authorizer.work.entries == [*both]
    assert authorizer.work.begun == []


async def test_one_alone_begins_as_it_is_written_down_if_there_is_room(authorizer: Authorizer) -> None:
    intake = authorizer.intake()
    await intake.accept(entry("a", deal="a"))
    authorizer.work.room = False
    await intake.accept(entry("b", deal="b"))

    assert [each.key for each in authorizer.work.entries] == ["a", "b"]
    assert authorizer.work.begun == ["a"]


async def test_what_cannot_be_written_down_is_not_begun(authorizer: Authorizer) -> None:
    authorizer.ledger.store.down = True
    with pytest.raises(StoreDown):
        await authorizer.intake().accept(entry("a"))

    assert authorizer.work.entries == []


@pytest.mark.parametrize(("looked_up", "within"), [(False, 2.6), (True, 1.3)])
async def test_after_a_look_less_time_is_left_for_writing(
    authorizer: Authorizer, looked_up: bool, within: float
) -> None:
    given: list[float] = []

    class Watched(MemoryLedger):
        async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
            given.append(within)
            return await super().accept(*entries, within=within, begin=begin)

    authorizer.ledger = Watched()
    await authorizer.intake().accept(entry("a"), looked_up=looked_up)

    assert given == [within]


async def test_a_look_gives_what_was_found(authorizer: Authorizer) -> None:
    assert await authorizer.intake().look_up(authorizer.ledger.find("nothing")) is None


async def test_what_is_written_beside_commands_has_its_time_too(authorizer: Authorizer) -> None:
    assert await authorizer.intake().write_in_time(authorizer.register.latest("U1")) is None
    authorizer.within = 0.02
    with pytest.raises(StoreDown) as down:
        await authorizer.intake().write_in_time(asyncio.sleep(60))
    assert down.value.perhaps_written


async def test_whoever_asks_more_of_slack_and_the_ledger_gets_no_more_time_for_it(authorizer: Authorizer) -> None:
    given: list[float] = []

    class Watched(MemoryLedger):
        async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
            given.append(within)
            return await super().accept(*entries, within=within, begin=begin)

    authorizer.ledger, authorizer.admins, authorizer.within = Watched(), frozenset({"U2"}), 0.4
    authorizer.register.rows = [
        AccessRequest("R", "U3", "T1", "C1", AT, RequestState.APPROVED, decided_by="U2", decided_at=AT)
    ]
    authorizer.directory.people = {"U3": Person(frozenset({"T1"}))}
    authorizer.directory.wait = 0.15
    intake = authorizer.intake()
    assert await intake.refusal(_said(user="U3")) is None
    await intake.accept(entry("a"))
    await asyncio.sleep(0.3)
    await intake.accept(entry("b"))

    first, second = given
    assert 0.01 < first <= 0.25
    assert second == 0.01


async def test_whom_an_admin_could_not_let_in_is_found_out(authorizer: Authorizer) -> None:
    authorizer.admins = frozenset({"U2"})
    authorizer.directory.people = {"U3": Person(frozenset({"T1"}), is_guest=True)}

    assert await authorizer.intake().ineligible(_said(user="U3")) == Denied(Reason.GUEST)


async def test_a_look_that_fails_or_takes_too_long_is_given_up(authorizer: Authorizer) -> None:
    authorizer.ledger.store.down, authorizer.within = True, 0.02
    for looking in (authorizer.ledger.find("a"), asyncio.sleep(60)):
        with pytest.raises(LookupFailed):
            await authorizer.intake().look_up(looking)


async def test_a_refusal_is_counted(authorizer: Authorizer) -> None:
    intake = authorizer.intake()

    assert await intake.refusal(_said()) is None
    assert await intake.refusal(_said(user="U2"))

    assert authorizer.notebook.outcomes == ["denied"]

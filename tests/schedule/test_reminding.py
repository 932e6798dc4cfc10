"""The duty of reminders: what is said when one is due, and when nothing is."""

# ruff: noqa: ARG002 - as the ports want it

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from bot.access.rules import Allowed, Caller, Denied, Reason, Way
from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Target
from bot.deals.locations import Locations
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError
from bot.schedule.due import Due, Ending, Kind, NotNow, Planned, Posting
from bot.schedule.reminding import NOT_KNOWN, Reminding

LOCATIONS = Locations("BERLIN", {"BERLIN": "Berlin", "PARIS": "Paris"})
OPEN = Opportunity("deal", "open", name="New website")
REMINDER = Planned(
    "key",
    Kind.REMINDER,
    datetime(2026, 12, 4, 9, tzinfo=UTC),
    Caller("U0ANA", "T1", "C1"),
    Target("deal"),
    "New website",
)
DUE = Due(REMINDER, 1.0, 0)


@dataclass
class _World:
    """The ports of the duty."""

    deal: Opportunity | None = OPEN
    decision: Allowed | Denied = field(default_factory=lambda: Allowed(Way.LIST))
    trouble: CrmError | None = None
    room: bool = True
    read_in: list[str] = field(default_factory=list)

    def has_room(self, location_id: str) -> bool:
        return self.room

    async def read(self, location_id: str, opportunity_id: str) -> Opportunity | None:
        self.read_in.append(location_id)
        if self.trouble:
            raise self.trouble
        return self.deal

    async def changed(self, location_id: str, since: datetime | None, page: int) -> Sequence[Opportunity]:
        return []

    async def authorize(self, caller: Caller, *, within: float) -> Allowed | Denied:
        return self.decision

    def due(self, deal: Opportunity, reminder: Planned, reference: str) -> Message:
        return Message(f"{deal.name} for {reminder.caller.user_id}", (), public=True)

    async def prepare(self, due: Due = DUE) -> Posting | Ending:
        return await Reminding(self, self, LOCATIONS, self).prepare(due)


async def test_an_open_deal_is_told_to_the_person_who_asked() -> None:
    world = _World()

    assert await world.prepare() == Posting(Message("New website for U0ANA", (), public=True), "U0ANA")
    assert world.read_in == ["BERLIN"]


async def test_a_deal_is_looked_at_in_its_sub_account() -> None:
    world = _World()
    await world.prepare(replace(DUE, planned=replace(REMINDER, deal=Target("deal", "PARIS"))))

    assert world.read_in == ["PARIS"]


@pytest.mark.parametrize("status", ["won", "lost", "abandoned", "a status of next year"])
async def test_nothing_is_said_of_a_deal_that_is_not_open(status: str) -> None:
    assert await _World(deal=replace(OPEN, status=status)).prepare() is Ending.CLOSED


async def test_nothing_is_said_of_a_deal_that_is_not_there() -> None:
    assert await _World(deal=None).prepare() is Ending.GONE
    elsewhere = replace(DUE, planned=replace(REMINDER, deal=Target("deal", "ROME")))
    assert await _World().prepare(elsewhere) is Ending.GONE


@pytest.mark.parametrize("reason", [each for each in Reason if each not in NOT_KNOWN | {Reason.WRONG_CHANNEL}])
async def test_a_person_without_access_gets_nothing(reason: Reason) -> None:
    world = _World(decision=Denied(reason))

    assert await world.prepare() is Ending.DENIED
    assert world.read_in == []


@pytest.mark.parametrize("reason", sorted(NOT_KNOWN))
async def test_while_it_is_not_known_whether_they_may_it_waits(reason: Reason) -> None:
    with pytest.raises(NotNow):
        await _World(decision=Denied(reason)).prepare()


async def test_it_does_not_matter_whether_commands_are_still_taken_where_it_was_asked_for() -> None:
    assert isinstance(await _World(decision=Denied(Reason.WRONG_CHANNEL)).prepare(), Posting)


@pytest.mark.parametrize(("retry_after", "seconds"), [(None, 0.0), (30.0, 30.0)])
async def test_a_deal_that_cannot_be_read_now_is_read_later(retry_after: float | None, seconds: float) -> None:
    trouble = CrmError(Trouble(Cause.SERVER_ERROR, retry_after=retry_after), perhaps_done=False, answered=True)
    with pytest.raises(NotNow) as raised:
        await _World(trouble=trouble).prepare()

    assert (raised.value.seconds, raised.value.failed) == (seconds, True)


async def test_commands_go_first_where_highlevel_is_busy() -> None:
    world = _World(room=False)
    with pytest.raises(NotNow) as raised:
        await world.prepare()

    assert not raised.value.failed
    assert world.read_in == []

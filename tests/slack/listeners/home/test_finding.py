"""What a Home tab shows: HighLevel's list, corrected by what the person has just changed."""

from datetime import timedelta

import pytest

from bot.access.people import Unknown
from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.commands.reply import Message
from bot.deals.deal import Matches, Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.outcome import Cause, Changed, Trouble
from bot.deals.ports import CrmError
from bot.deals.wish import Wish
from bot.slack.listeners.home.finding import MOST_CACHED, HomeFinder
from bot.slack.messages.home.contents import Contents, Gap
from tests.memory import MemoryCrm, MemoryLedger, MemoryPeople, policy

pytestmark = pytest.mark.jumping_clock

OWNER = "user-1"
MINE = Opportunity("deal", "open", name="New website", owner_id=OWNER)
OTHER = Opportunity("other", "open", name="Printer service", owner_id=OWNER)


class _Scene:
    """A finder over ports in memory."""

    def __init__(self, *, locations: Locations | None = None, undo: timedelta = timedelta(hours=24)) -> None:
        self.crm = MemoryCrm(MINE, Matches((MINE, OTHER), more=False))
        self.ledger = MemoryLedger()
        self.people = MemoryPeople(OWNER)
        self.finder = HomeFinder(
            people=self.people,
            crm=lambda _location_id: self.crm,
            history=self.ledger,
            locations=locations or Locations("L"),
            policy=policy(undo_window=undo),
        )

    async def find(self, user: str = "U1") -> Contents:
        return await self.finder.find(user, 0, can_mark=True)

    async def deals(self) -> list[str]:
        return [deal.id for deal in (await self.find()).deals]

    async def accept(self, key: str, status: Status, deal: str = "deal", undoes: str | None = None) -> None:
        wish = Wish(deal, status)
        await self.ledger.accept(Entry(key, "REF", Caller("U1", "T1", ""), "", wish, undoes=undoes), within=5)

    async def done(self, key: str, before: str, after: str, deal: str = "deal", undoes: str | None = None) -> None:
        await self.accept(key, Status(after), deal, undoes)
        outcome = Changed(Opportunity(deal, before, name="New website"), Opportunity(deal, after))
        await self.ledger.intend(key, outcome.before)
        await self.ledger.answer(key, outcome, Message("", (), public=True))
        await self.ledger.finish(key, "direct_message", "")


async def test_a_deal_that_the_person_has_just_closed_is_not_listed_although_the_search_has_it_still() -> None:
    scene = _Scene()
    await scene.done("1.key", "open", "won")

    assert await scene.deals() == ["other"]


async def test_a_deal_that_the_person_has_just_reopened_is_listed_although_the_search_lacks_it() -> None:
    scene = _Scene()
    scene.crm.matches = Matches((OTHER,), more=False)
    await scene.done("1.key", "open", "won")
    await scene.done("2.key", "won", "open", undoes="1.key")

    found = await scene.find()
    assert sorted(deal.id for deal in found.deals) == ["deal", "other"]
    assert {deal.stage for deal in found.deals} == {None, "Proposal"}


@pytest.mark.parametrize(
    "now",
    [Opportunity("deal", "won", owner_id=OWNER), Opportunity("deal", "open", owner_id="user-2")],
    ids=["closed again", "of another owner now"],
)
async def test_a_deal_that_was_reopened_is_listed_only_if_it_is_open_and_the_persons(now: Opportunity) -> None:
    scene = _Scene()
    scene.crm.deal, scene.crm.matches = now, Matches((OTHER,), more=False)
    await scene.done("2.key", "won", "open")

    assert await scene.deals() == ["other"]


async def test_a_reopened_deal_that_cannot_be_read_is_left_out() -> None:
    scene = _Scene()
    scene.crm.matches = Matches((OTHER,), more=False)
    scene.crm.finding = [CrmError(Trouble(Cause.NO_ANSWER), perhaps_done=False, answered=False)]
    await scene.done("2.key", "won", "open")

    assert await scene.deals() == ["other"]


async def test_a_deal_that_is_listed_is_not_read_once_more() -> None:
    scene = _Scene()
    await scene.done("2.key", "won", "open")

    assert await scene.deals() == ["deal", "other"]
    assert "find" not in scene.crm.calls


async def test_a_persons_deals_are_asked_for_once_until_they_change_something() -> None:
    scene = _Scene()
    await scene.find()
    await scene.find()
    assert scene.crm.calls == ["open_deals_of"]

    scene.finder.forget("U1")
    await scene.find()
    await scene.find("U2")
    await scene.find("U2")
    assert scene.crm.calls == ["open_deals_of"] * 3
    assert MOST_CACHED >= 2


async def test_an_error_is_a_gap_and_is_not_kept() -> None:
    scene = _Scene()
    scene.crm.searching = [CrmError(Trouble(Cause.SERVER_ERROR), perhaps_done=False, answered=True)]

    assert (await scene.find()).gaps == (Gap("L", Trouble(Cause.SERVER_ERROR)),)
    assert (await scene.find()).gaps == ()


async def test_who_is_unknown_in_highlevel_has_a_gap_and_highlevel_is_not_searched() -> None:
    scene = _Scene()
    scene.people.user = Unknown.EMAIL_HIDDEN

    found = await scene.find()

    assert (found.deals, found.gaps) == ((), (Gap("L", Unknown.EMAIL_HIDDEN),))
    assert scene.crm.calls == []


async def test_deals_of_all_sub_accounts_are_listed_together_and_one_that_fails_is_a_gap() -> None:
    scene = _Scene(locations=Locations("L", {"L": "Berlin", "PARIS": "Paris"}))
    assert len((await scene.find()).deals) == 4
    scene.finder.forget("U1")
    scene.crm.searching = [CrmError(Trouble(Cause.SERVER_ERROR), perhaps_done=False, answered=True)]

    found = await scene.find()

    assert len(found.deals) == 2
    assert [gap.location_id for gap in found.gaps] == ["L"]


@pytest.mark.parametrize(
    ("in_paris", "gaps"),
    [(Unknown.NO_USER, []), (Unknown.SEVERAL_USERS, ["PARIS"]), (Unknown.CRM_DOWN, ["PARIS"])],
)
async def test_a_user_of_one_sub_account_need_not_be_one_of_the_other(in_paris: Unknown, gaps: list[str]) -> None:
    scene = _Scene(locations=Locations("L", {"L": "Berlin", "PARIS": "Paris"}))
    scene.people.elsewhere = {"PARIS": in_paris}

    assert [gap.location_id for gap in (await scene.find()).gaps] == gaps
    scene.finder.forget("U1")
    scene.crm.searching = [CrmError(Trouble(Cause.SERVER_ERROR), perhaps_done=False, answered=True)]
    assert [gap.location_id for gap in (await scene.find()).gaps] == ["L", *gaps]


async def test_who_is_a_user_of_no_sub_account_reads_that_of_each() -> None:
    scene = _Scene(locations=Locations("L", {"L": "Berlin", "PARIS": "Paris"}))
    scene.people.user = Unknown.NO_USER

    assert [gap.location_id for gap in (await scene.find()).gaps] == ["L", "PARIS"]


async def test_what_is_under_way_is_told_by_deal() -> None:
    scene = _Scene()
    await scene.accept("1.key", Status.LOST)

    assert (await scene.find()).under_way == {"deal": "lost"}


async def test_a_change_can_be_undone_unless_it_was() -> None:
    scene = _Scene()
    await scene.done("1.key", "open", "won")
    await scene.done("2.key", "open", "lost", "other")
    assert (await scene.find()).undoable == {"1.key", "2.key"}

    await scene.done("3.key", "won", "open", undoes="1.key")
    found = await scene.find()
    assert found.undoable == {"2.key"}
    assert found.changes is not None
    assert [change.key for change in found.changes] == ["3.key", "2.key", "1.key"]


async def test_nothing_can_be_undone_where_undo_is_off() -> None:
    scene = _Scene(undo=timedelta())
    await scene.done("1.key", "open", "won")

    assert (await scene.find()).undoable == frozenset()


async def test_while_the_database_is_down_deals_are_shown_and_changes_are_not_known() -> None:
    scene = _Scene()
    scene.ledger.store.down = True

    found = await scene.find()

    assert len(found.deals) == 2
    assert (found.changes, found.undoable) == (None, frozenset())


async def test_a_database_that_fails_between_two_questions_leaves_out_what_can_be_undone() -> None:
    class Failing(MemoryLedger):
        async def undo_of(self, key: str) -> None:
            self.store.down = True
            await super().undo_of(key)

    scene = _Scene()
    await scene.done("1.key", "open", "won")
    failing = Failing(store=scene.ledger.store)
    finder = HomeFinder(
        people=scene.people,
        crm=lambda _location_id: scene.crm,
        history=failing,
        locations=Locations("L"),
        policy=policy(),
    )

    found = await finder.find("U1", 0, can_mark=True)

    assert found.undoable == frozenset()
    assert found.changes is not None

import asyncio
from dataclasses import replace

import pytest

from bot.commands.lookups import LOOKUP_PATIENCE, Card, Choices, Lookups, NoCard
from bot.commands.reply import Message
from bot.commands.request import ShowDeal
from bot.deals.deal import Matches, Opportunity, Status
from bot.deals.outcome import Cause, Changed, Guessed
from bot.deals.wish import Reading
from tests.memory import MemoryCrm, MemoryLedger, entry, error

DEAL = Opportunity("deal", "open", name="New website", contact="Ana")
OTHER = replace(DEAL, id="other", name="Old website")


@pytest.fixture
def crm() -> MemoryCrm:
    return MemoryCrm(DEAL)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def lookups(crm: MemoryCrm, ledger: MemoryLedger) -> Lookups:
    return Lookups(crm, ledger)


async def _changed(ledger: MemoryLedger, key: str) -> None:
    await ledger.accept(entry(key), within=5)
    await ledger.answer(key, Changed(DEAL, replace(DEAL, status="won")), Message("", (), public=True))


async def test_a_deal_is_shown_by_its_id_with_its_last_commands(lookups: Lookups, ledger: MemoryLedger) -> None:
    for number in range(12):
        await _changed(ledger, str(number))
    card = await lookups.show(ShowDeal("deal"))

    assert isinstance(card, Card)
    assert (card.deal.name, card.deal.status, card.deal.stage) == ("New website", "open", "Proposal")
    assert len(card.past) == 10


async def test_a_deal_that_a_name_finds_is_read_again_before_it_is_shown(lookups: Lookups, crm: MemoryCrm) -> None:
    crm.matches = Matches((replace(DEAL, status="lost"),), more=False)
    card = await lookups.show(ShowDeal(name="new web"))

    assert isinstance(card, Card)
    assert card.deal.status == "open"
    assert crm.calls == ["search", "find"]


@pytest.mark.parametrize("matches", [Matches((DEAL, OTHER), more=False), Matches((DEAL,), more=True)])
async def test_several_deals_that_a_name_fits_are_offered(lookups: Lookups, crm: MemoryCrm, matches: Matches) -> None:
    crm.matches = matches
    choices = await lookups.show(ShowDeal(name="website"))

    described = tuple(replace(deal, stage="Proposal") for deal in matches.deals)
    assert choices == Choices("website", described, matches.more)
    assert crm.calls == ["search"]


async def test_a_name_that_fits_no_deal_says_so(lookups: Lookups) -> None:
    none = await lookups.show(ShowDeal(name="nothing"))

    assert isinstance(none, NoCard)
    assert (none.failed.trouble.cause, none.wish.name) == (Cause.NO_MATCH, "nothing")


@pytest.mark.parametrize("asked", [ShowDeal("deal"), ShowDeal(name="website")])
async def test_an_error_of_the_crm_says_why_there_is_no_card(lookups: Lookups, crm: MemoryCrm, asked: ShowDeal) -> None:
    crm.finding.append(error(Cause.NO_ANSWER))
    crm.searching.append(error(Cause.NO_ANSWER))
    none = await lookups.show(asked)

    assert isinstance(none, NoCard)
    assert none.failed.trouble.cause is Cause.NO_ANSWER


async def test_a_deal_that_is_gone_since_the_search_says_so(lookups: Lookups, crm: MemoryCrm) -> None:
    crm.matches = Matches((OTHER,), more=False)

    none = await lookups.show(ShowDeal(name="old"))

    assert isinstance(none, NoCard)
    assert (none.failed.trouble.cause, none.wish.opportunity_id) == (Cause.NOT_FOUND, "other")


async def test_without_the_ledger_a_card_is_shown_without_its_past(lookups: Lookups, ledger: MemoryLedger) -> None:
    await _changed(ledger, "one")
    ledger.store.down = True
    card = await lookups.show(ShowDeal("deal"))

    assert isinstance(card, Card)
    assert (card.deal.name, card.past) == ("New website", [])


async def test_a_deal_is_found_without_its_past(lookups: Lookups, ledger: MemoryLedger) -> None:
    await _changed(ledger, "one")
    card = await lookups.find("deal")

    assert isinstance(card, Card)
    assert (card.deal.stage, card.past) == ("Proposal", ())


async def test_a_deal_that_is_gone_is_not_found(lookups: Lookups) -> None:
    none = await lookups.find("gone")

    assert isinstance(none, NoCard)
    assert (none.failed.trouble.cause, none.wish.opportunity_id) == (Cause.NOT_FOUND, "gone")


@pytest.mark.parametrize("patience", [LOOKUP_PATIENCE, 3.0])
async def test_all_requests_of_a_lookup_share_its_time(ledger: MemoryLedger, patience: float) -> None:
    asked: list[float] = []

    class Watched(MemoryCrm):
        async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
            asked.append(until)
            return await super().find(opportunity_id, until=until)

        async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
            asked.append(until)
            return await super().describe(opportunity, until=until)

    began = asyncio.get_running_loop().time()
    await Lookups(Watched(DEAL), ledger, patience).show(ShowDeal("deal"))

    assert len(set(asked)) == 1
    assert 0 <= asked[0] - began - patience < 1


# --- what a text may mean ---------------------------------------------------------------------------------------------

READING = Reading(("website",), (Status.WON,))


async def test_a_deal_that_is_called_like_the_text_is_shown_instead_of_a_guess(
    lookups: Lookups, crm: MemoryCrm
) -> None:
    crm.matches = Matches((DEAL,), more=False)

    assert isinstance(await lookups.show(ShowDeal(name="new website", readings=(READING,))), Card)
    guessed = await lookups.show(ShowDeal(name="won website", readings=(READING,)))
    assert guessed == Guessed(READING, (Matches((DEAL,), more=False),))


async def test_an_id_that_is_no_deals_is_searched_for_as_a_name(lookups: Lookups, crm: MemoryCrm) -> None:
    none = await lookups.show(ShowDeal("gone", "gone"))
    assert isinstance(none, NoCard)
    assert (none.failed.trouble.cause, none.wish.name) == (Cause.NOT_FOUND, "")

    crm.matches = Matches((DEAL,), more=False)
    assert isinstance(await lookups.show(ShowDeal("gone", "gone")), Card)
    assert isinstance(await lookups.show(ShowDeal("gone")), NoCard)


async def test_shorter_names_are_searched_for_until_one_finds_a_deal(lookups: Lookups, crm: MemoryCrm) -> None:
    crm.searching = [lambda: None, lambda: None, lambda: setattr(crm, "matches", Matches((DEAL,), more=False))]

    assert isinstance(await lookups.show(ShowDeal(name="a b c", shorter=("b c", "c"))), Card)
    assert crm.calls == ["search", "search", "search", "find"]


async def test_a_guess_that_finds_nothing_leaves_what_the_whole_text_found(lookups: Lookups, crm: MemoryCrm) -> None:
    found = Matches((DEAL, OTHER), more=False)
    crm.matches = found
    crm.searching = [lambda: None, lambda: setattr(crm, "matches", Matches((), more=False))]

    asked = ShowDeal(name="won site", readings=(READING,))
    described = tuple(replace(deal, stage="Proposal") for deal in found.deals)
    assert await lookups.show(asked) == Choices("won site", described, more=False)


async def test_named_deals_are_those_that_the_name_finds(lookups: Lookups, crm: MemoryCrm) -> None:
    asked = ShowDeal(name="website", whole="undo website")
    assert isinstance(await lookups.named(asked), NoCard)
    crm.matches = Matches((DEAL, OTHER), more=False)
    assert await lookups.named(asked) == (DEAL, OTHER)
    assert await lookups.named(ShowDeal("deal")) == (Opportunity("deal", ""),)
    assert isinstance(await lookups.named(replace(asked, whole="new website")), Card)
    crm.searching.append(error(Cause.NO_ANSWER))
    assert isinstance(await lookups.named(asked), NoCard)


async def test_the_last_change_of_a_deal_can_be_undone_unless_it_was(lookups: Lookups, ledger: MemoryLedger) -> None:
    assert await lookups.undoable((DEAL, OTHER)) == []
    await _changed(ledger, "one")
    (change,) = await lookups.undoable((DEAL, OTHER))
    assert change.key == "one"
    assert [record.key for record in await lookups.past((DEAL, OTHER), 5)] == ["one"]

    await ledger.accept(replace(entry("two"), undoes="one"), within=5)
    assert await lookups.undoable((DEAL,)) == []

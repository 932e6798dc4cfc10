import asyncio
from dataclasses import replace

import pytest

from bot.access.rules import Caller
from bot.commands.lookups import PATIENCE, Lookups
from bot.commands.reply import Message
from bot.commands.request import ShowDeal
from bot.deals.deal import Matches, Opportunity
from bot.deals.outcome import Cause, Changed
from tests.memory import MemoryCrm, MemoryLedger, entry, error, messages

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
    return Lookups(crm, ledger, messages())


async def _changed(ledger: MemoryLedger, key: str) -> None:
    await ledger.accept(entry(key), within=5)
    await ledger.answer(key, Changed(DEAL, replace(DEAL, status="won")), Message("", (), public=True))


async def test_a_deal_is_shown_by_its_id_with_what_was_done_about_it(lookups: Lookups, ledger: MemoryLedger) -> None:
    for number in range(5):
        await _changed(ledger, str(number))
    card = await lookups.show(ShowDeal("deal"), "REF")

    assert not card.public
    assert all(part in card.text for part in ("New website", "is *open*", "Ana", "Proposal", "REF"))
    assert card.text.count("open → *won*") == 3


async def test_a_deal_is_shown_by_a_name_that_only_it_has_as_it_is_now(lookups: Lookups, crm: MemoryCrm) -> None:
    crm.matches = Matches((replace(DEAL, status="lost"),), more=False)
    card = await lookups.show(ShowDeal(name="new web"), "REF")

    assert "is *open*" in card.text
    assert crm.calls == ["search", "find"]


@pytest.mark.parametrize("matches", [Matches((DEAL, OTHER), more=False), Matches((DEAL,), more=True)])
async def test_where_several_go_by_a_name_they_are_offered(lookups: Lookups, crm: MemoryCrm, matches: Matches) -> None:
    crm.matches = matches
    question = await lookups.show(ShowDeal(name="website"), "REF")

    assert "New website" in question.text
    assert not question.public
    assert crm.calls == ["search"]


async def test_a_name_that_no_deal_goes_by_is_told(lookups: Lookups) -> None:
    message = await lookups.show(ShowDeal(name="nothing"), "REF")

    assert "searched HighLevel for `nothing` and found no deal" in message.text


@pytest.mark.parametrize("asked", [ShowDeal("deal"), ShowDeal(name="website")])
async def test_what_the_crm_does_not_answer_is_told_in_private(
    lookups: Lookups, crm: MemoryCrm, asked: ShowDeal
) -> None:
    crm.finding.append(error(Cause.NO_ANSWER))
    crm.searching.append(error(Cause.NO_ANSWER))
    message = await lookups.show(asked, "REF")

    assert "HighLevel did not answer in time" in message.text
    assert "REF" in message.text
    assert not message.public


async def test_a_deal_that_is_gone_since_it_was_found_is_told(lookups: Lookups, crm: MemoryCrm) -> None:
    crm.matches = Matches((OTHER,), more=False)

    assert "no deal with the id `other`" in (await lookups.show(ShowDeal(name="old"), "REF")).text


async def test_a_card_is_shown_even_while_the_ledger_is_down(lookups: Lookups, ledger: MemoryLedger) -> None:
    await _changed(ledger, "one")
    ledger.store.down = True
    card = await lookups.show(ShowDeal("deal"), "REF")

    assert "New website" in card.text
    assert "won*" not in card.text


async def test_a_card_is_shared_with_everybody(lookups: Lookups) -> None:
    card = await lookups.share("deal", Caller("U1", "T1", "C1"), "REF")

    assert card.public
    assert all(part in card.text for part in ("<@U1> shows you a deal", "New website", "Proposal"))


async def test_a_card_that_cannot_be_shared_is_nobody_elses_business(lookups: Lookups) -> None:
    message = await lookups.share("gone", Caller("U1", "T1", "C1"), "REF")

    assert "no deal with the id `gone`" in message.text
    assert not message.public


@pytest.mark.parametrize("patience", [PATIENCE, 3.0])
async def test_an_answer_is_given_so_many_seconds_altogether(ledger: MemoryLedger, patience: float) -> None:
    asked: list[float] = []

    class Watched(MemoryCrm):
        async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
            asked.append(until)
            return await super().find(opportunity_id, until=until)

        async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
            asked.append(until)
            return await super().describe(opportunity, until=until)

    began = asyncio.get_running_loop().time()
    await Lookups(Watched(DEAL), ledger, messages(), patience).show(ShowDeal("deal"), "REF")

    assert len(set(asked)) == 1
    assert 0 <= asked[0] - began - patience < 1

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from bot.access.rules import Caller
from bot.commands.accounts import Account, Accounts
from bot.commands.lookups import Lookups, NoCard
from bot.deals.change import ChangeStatus
from bot.deals.deal import LostReason, Opportunity, Status
from bot.deals.identify import Identify
from bot.deals.outcome import AlreadySo, Cause, Failed
from bot.deals.ports import Crm, CrmError
from bot.deals.wish import Wish
from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Client
from bot.highlevel.crm import HighLevelCrm
from bot.highlevel.unknown_location import UnknownLocation
from bot.http.client import HttpClient
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served
from tests.house import PATIENT
from tests.memory import MemoryLedger, ours

pytestmark = pytest.mark.jumping_clock

BERLIN, PARIS = "LOCATIONxxxxxxxxxxxx", "PARISxxxxxxxxxxxxxxx"
ANA = Caller("U1", "T1", "C1")
DEAL, ELSEWHERE = "aB3dE5fG7hJ9kL1mN2pQ", "pP3dE5fG7hJ9kL1mN2pQ"


@dataclass
class Town:
    highlevel: HighLevel
    accounts: Accounts


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    highlevel = HighLevel(BERLIN)
    highlevel.locations.add(PARIS)
    highlevel.lost_reasons = [{"id": "price", "name": "Too expensive"}]
    highlevel.add_opportunity(DEAL, name="Website")
    highlevel.add_opportunity(ELSEWHERE, name="Website", locationId=PARIS)
    ledger = MemoryLedger()

    def made(crm: Crm) -> Account:
        return Account(
            crm,
            Identify(crm, reason_required=False),
            ChangeStatus(crm, ledger, PATIENT.command),
            Lookups(crm, ledger),
        )

    async with served(highlevel.app()) as url, AsyncExitStack() as stack:
        clients = {
            each: Client(
                base_url=url,
                auth=PrivateIntegration(highlevel.add_token(f"pit-{each}", location_id=each)),
                version="2021-07-28",
                http=HttpClient("opp-status/test"),
                attempts=PATIENT.highlevel,
            )
            for each in (BERLIN, PARIS)
        }
        for client in clients.values():
            await stack.enter_async_context(client)
        ours = {each: made(HighLevelCrm(client, each)) for each, client in clients.items()}
        accounts = Accounts(ours, BERLIN, made(UnknownLocation()), _own_user)
        yield Town(highlevel, accounts)


async def _own_user(user_id: str, location_id: str) -> str:
    return f"{user_id} in {location_id}"


def _soon() -> float:
    return asyncio.get_running_loop().time() + 60


async def test_each_sub_account_finds_only_its_own_deals(town: Town) -> None:
    found = {each: await town.accounts.crm(each).search("Website", until=_soon()) for each in ("", BERLIN, PARIS)}

    assert {each: [deal.id for deal in matches.deals] for each, matches in found.items()} == {
        "": [DEAL],
        BERLIN: [DEAL],
        PARIS: [ELSEWHERE],
    }
    with pytest.raises(CrmError) as refused:
        await town.accounts.crm(BERLIN).find(ELSEWHERE, until=_soon())
    assert refused.value.trouble.cause is Cause.TOKEN_ELSEWHERE


async def test_a_wish_is_identified_and_carried_out_in_its_sub_account(town: Town) -> None:
    found = await town.accounts.identify(Wish("", Status.WON, name="Website", location_id=PARIS), "", "U1")
    outcome = await town.accounts.change(Wish(ELSEWHERE, Status.OPEN, location_id=PARIS), "key")

    assert found.wish.opportunity_id == ELSEWHERE
    assert isinstance(outcome, AlreadySo)


async def test_in_an_unknown_sub_account_everything_fails_and_says_why(town: Town) -> None:
    gone = town.accounts.crm("GONE")

    outcome = await town.accounts.change(Wish(DEAL, Status.WON, location_id="GONE"), "key")
    assert isinstance(outcome, Failed)
    assert outcome.trouble.cause is Cause.NOT_OURS
    found = await town.accounts.identify(Wish("", Status.WON, name="Website", location_id="GONE"), "", "U1")
    assert isinstance(found.obstacle, Failed)
    with pytest.raises(CrmError):
        await gone.open_deals_of("user1", until=_soon())
    with pytest.raises(CrmError):
        await gone.set_status(DEAL, Status.WON, lost_reason_id=None, until=_soon(), still_ours=ours)
    assert await gone.describe(Opportunity(DEAL, "open"), until=_soon()) == Opportunity(DEAL, "open")
    assert await town.accounts.lost_reasons("GONE", until=_soon()) is None
    none = await town.accounts.lookups("GONE").find(DEAL)
    assert isinstance(none, NoCard)
    assert none.failed.trouble.cause is Cause.NOT_OURS
    assert town.highlevel.written == []


async def test_lost_reasons_are_read_in_the_sub_account_that_is_asked_for(town: Town) -> None:
    assert await town.accounts.lost_reasons(PARIS, until=_soon()) == (LostReason("price", "Too expensive"),)
    assert town.highlevel.received[-1].query["locationId"] == PARIS


async def test_the_rate_limit_of_a_sub_account_holds_up_no_other(town: Town) -> None:
    town.highlevel.burst_limit, town.highlevel.burst_seconds = 10, 30.0
    for _ in range(10):
        await town.accounts.crm(PARIS).find(ELSEWHERE, until=_soon())
    started = asyncio.get_running_loop().time()

    async with town.accounts.crm(BERLIN).reserve(until=_soon()):
        assert (await town.accounts.crm(BERLIN).find(DEAL, until=_soon())).id == DEAL
    assert asyncio.get_running_loop().time() - started < town.highlevel.burst_seconds

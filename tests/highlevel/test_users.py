import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.access.people import CrmUser
from bot.deals.outcome import Cause
from bot.deals.ports import CrmError
from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.highlevel.users import HighLevelUsers
from bot.http.client import HttpClient
from bot.simulator.highlevel.server import READ, Fault, HighLevel
from bot.simulator.serving import served

pytestmark = pytest.mark.jumping_clock

TOKEN = "pit-not-a-token"
ANA, BEN = CrmUser("USERana", "Ana", "ana@acme.example"), CrmUser("USERben", "Ben", "ben@acme.example")


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    for user in (ANA, BEN):
        highlevel.users[user.id] = {"id": user.id, "name": user.name, "email": user.email}
    highlevel.users["USERgone"] = {"id": "USERgone", "name": "Gil", "email": "gil@acme.example", "deleted": True}
    return highlevel


@pytest.fixture
async def users(highlevel: HighLevel, version: str) -> AsyncIterator[HighLevelUsers]:
    async with (
        served(highlevel.app()) as url,
        Client(
            base_url=url,
            auth=PrivateIntegration(TOKEN),
            version=version,
            http=HttpClient("opp-status/0.0"),
            attempts=Attempts(most=1, connect=2.0, answer=0.5, pause=0.01),
        ) as client,
    ):
        yield HighLevelUsers(client, highlevel.location_id)


@pytest.fixture
def version() -> str:
    return "2021-07-28"


def _paths(highlevel: HighLevel) -> list[str]:
    return [each.path.partition("?")[0] for each in highlevel.received]


async def test_a_user_is_read_once_for_rule_and_name(highlevel: HighLevel, users: HighLevelUsers) -> None:
    assert await users.user("USERana", until=_in(5)) == ANA
    assert await users.name("USERana", _in(5)) == "Ana"
    assert await users.name(None, _in(5)) is None
    assert _paths(highlevel) == ["/users/USERana"]


async def test_an_email_that_changed_decides_within_five_minutes(highlevel: HighLevel, users: HighLevelUsers) -> None:
    assert await users.user("USERana", until=_in(5)) == ANA
    highlevel.users["USERana"]["email"] = "ana.new@acme.example"
    await asyncio.sleep(301)
    assert await users.user("USERana", until=_in(5)) == CrmUser("USERana", "Ana", "ana.new@acme.example")


async def test_an_email_that_cannot_be_read_again_decides_for_an_hour(
    highlevel: HighLevel, users: HighLevelUsers
) -> None:
    assert await users.user("USERana", until=_in(5)) == ANA
    for _ in range(3):
        highlevel.misbehave(Fault(status=503), path="/users/")
    await asyncio.sleep(3500)
    assert await users.user("USERana", until=_in(5)) == ANA
    await asyncio.sleep(3600)
    with pytest.raises(CrmError):
        await users.user("USERana", until=_in(5))


async def test_a_user_who_is_not_there_or_deleted_is_no_error(users: HighLevelUsers) -> None:
    assert await users.user("USERnone", until=_in(5)) is None
    gone = await users.user("USERgone", until=_in(5))
    assert gone is not None
    assert gone.is_gone


async def test_the_users_of_the_location_are_listed_once(highlevel: HighLevel, users: HighLevelUsers) -> None:
    highlevel.users["USERrome"] = {"id": "USERrome", "roles": {"locationIds": ["Lrome"]}}
    assert await users.listed(until=_in(5)) == (ANA, BEN)
    assert await users.listed(until=_in(5)) == (ANA, BEN)
    assert _paths(highlevel) == ["/users/"]


@pytest.mark.parametrize("version", ["2021-07-28", "v3"])
async def test_without_a_list_users_are_the_owners_of_the_latest_deals(
    highlevel: HighLevel, users: HighLevelUsers
) -> None:
    highlevel.lists_users = False
    for owner in ("USERana", "USERana", "USERnone", "USERgone", None):
        highlevel.add_opportunity(f"deal{len(highlevel.opportunities)}".ljust(20, "x"), assignedTo=owner)
    assert await users.listed(until=_in(8)) == (ANA,)


async def test_without_list_and_deals_there_are_no_users(highlevel: HighLevel, users: HighLevelUsers) -> None:
    highlevel.lists_users = False
    assert await users.listed(until=_in(5)) == ()


@pytest.mark.parametrize(
    ("fault", "scopes", "cause"),
    [
        (Fault(status=503, body="down"), None, Cause.SERVER_ERROR),
        (Fault(hangs=True), None, Cause.NO_ANSWER),
        (None, frozenset({READ}), Cause.SCOPE_MISSING),
    ],
)
async def test_what_highlevel_does_not_tell_is_an_error(
    highlevel: HighLevel, users: HighLevelUsers, fault: Fault | None, scopes: frozenset[str] | None, cause: Cause
) -> None:
    highlevel.add_token(TOKEN, scopes=scopes)
    if fault:
        highlevel.misbehave(fault, path="/users/", times=9)
    with pytest.raises(CrmError) as of_one:
        await users.user("USERana", until=_in(5))
    with pytest.raises(CrmError) as of_all:
        await users.listed(until=_in(5))
    assert of_one.value.trouble.cause == of_all.value.trouble.cause == cause


async def test_an_asker_with_less_time_stops_waiting(highlevel: HighLevel, users: HighLevelUsers) -> None:
    highlevel.misbehave(Fault(wait=0.3), path="/users/", times=9)
    with pytest.raises(CrmError) as trouble:
        await users.user("USERana", until=_in(0.1))
    assert trouble.value.trouble.cause is Cause.OUT_OF_TIME

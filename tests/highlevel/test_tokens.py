import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import structlog

from bot.highlevel.api.errors import (
    AppUnknown,
    Disconnected,
    Ending,
    HighLevelError,
    NotRenewed,
    RateLimited,
    Unreachable,
)
from bot.highlevel.api.oauth import App, Kind, Tokens
from bot.highlevel.api.token_endpoint import TOKEN_ENDPOINT_PATIENCE, TokenEndpoint
from bot.highlevel.connections import CONNECTION_LEASE, Connections
from bot.highlevel.tokens import AccountTokens, RefreshTiming, TokenRefresh
from bot.highlevel.vault import Vault
from bot.http.client import HttpClient
from bot.simulator.highlevel.oauth import DAY, GRACE, Granted, Marketplace
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served
from bot.storage.database import Database
from tests.rows import execute
from tests.statements import statements

REDIRECT = "https://deals.example/oauth/highlevel/callback"
LOCATION = "LOCATIONxxxxxxxxxxxx"
KEY = f"{'k' * 42}A="
QUICK = RefreshTiming(look=0.05, again=0.02, pause=0.2, settle=0.0, farewell=1.0)
DOWN = Fault(status=503, body="upstream connect error")


@dataclass
class World:
    """The stand-in, the rows, and the token refresh of one process."""

    highlevel: HighLevel
    token_endpoint: TokenEndpoint
    database: Database
    connections: Connections
    token_refresh: TokenRefresh
    file: Path

    @property
    def oauth(self) -> Marketplace:
        return self.highlevel.oauth

    @property
    def account(self) -> AccountTokens:
        return self.token_refresh.of(LOCATION)

    async def connect(self, location_id: str = LOCATION) -> Tokens:
        """As if a person had chosen this location in HighLevel."""
        scopes = frozenset({"opportunities.readonly", "oauth.write"})
        self.oauth.codes["code"] = Granted(self.oauth.company_id, location_id, scopes)
        tokens = await self.token_endpoint.redeem("code")
        await self.connections.connect(tokens)
        return tokens

    async def token(self, seconds: float = 5.0, account: AccountTokens | None = None) -> str:
        return await (account or self.account).current(until=_in(seconds))

    def another(self, timing: RefreshTiming = QUICK) -> TokenRefresh:
        """The token refresh of another process."""
        return TokenRefresh(Connections(self.database, Vault([KEY]), 1.0), self.token_endpoint, timing)

    def ages(self, seconds: float) -> None:
        """Make the tokens in all rows so much older."""
        execute(
            f"sqlite:///{self.file}",
            "UPDATE connections SET given_at = given_at - :s, ends_at = ends_at - :s",
            s=seconds,
        )

    @contextmanager
    def locked(self) -> Iterator[Callable[[], object]]:
        """Give a function that locks the database, until the block ends."""
        with sqlite3.connect(self.file, isolation_level=None, check_same_thread=False) as lock:
            yield lambda: lock.execute("BEGIN IMMEDIATE")
            lock.execute("ROLLBACK")
        lock.close()


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _world(folder: Path, timing: RefreshTiming = QUICK) -> AsyncIterator[World]:
    highlevel = HighLevel()
    highlevel.oauth.redirect_uris = {REDIRECT}
    file = folder / "ledger.db"
    app = App(Marketplace.client_id, Marketplace.client_secret, REDIRECT, "https://marketplace.example", ())
    database = Database(f"sqlite:///{file}", patience=15.0)
    connections = Connections(database, Vault([KEY]), 1.0)
    async with served(highlevel.app()) as url:
        token_endpoint = TokenEndpoint(
            app, base_url=url, version="2021-07-28", http=HttpClient("opp-status"), patience=1.0
        )
        token_refresh = TokenRefresh(connections, token_endpoint, timing)
        yield World(highlevel, token_endpoint, database, connections, token_refresh, file)
        await token_refresh.close()
        await token_endpoint.close()
        await database.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with _world(tmp_path) as opened:
        yield opened


async def test_an_account_that_was_never_connected_has_no_token_and_says_so(world: World) -> None:
    with pytest.raises(Disconnected) as caught:
        await world.token()
    assert caught.value.why is Ending.NEVER_MADE


async def test_a_good_token_is_returned_without_asking_highlevel(world: World) -> None:
    tokens = await world.connect()
    assert await world.token() == tokens.access
    with world.locked() as lock:
        lock()
        assert await world.token() == tokens.access
    assert world.oauth.asked == 0


async def test_an_account_has_one_object_in_a_process(world: World) -> None:
    assert world.token_refresh.of("a") is world.token_refresh.of("a") is not world.token_refresh.of("b")


async def test_ten_minutes_before_it_expires_a_token_is_refreshed_and_no_caller_waits(world: World) -> None:
    tokens = await world.connect()
    world.ages(DAY - 300)
    world.highlevel.misbehave(Fault(wait=0.4), path="/oauth/token")

    for _ in range(3):  # the first call reads the row, and begins the refresh
        assert await world.token(0.1) == tokens.access
    await _until(lambda: world.oauth.renewals == 1)
    async with asyncio.timeout(60):
        while await world.token() == tokens.access:
            await asyncio.sleep(0.01)
    assert world.oauth.asked == 1


async def test_a_token_that_is_due_is_refreshed_in_the_background(tmp_path: Path) -> None:
    async with _world(tmp_path, replace(QUICK, ahead=86_400.0, barely=0.0)) as world:
        world.oauth.lives = 2.0
        tokens = await world.connect()
        assert await world.token() == tokens.access
        await asyncio.sleep(1.1)
        assert await world.token() == tokens.access
        await _until(lambda: world.oauth.renewals == 1)


async def test_a_caller_waits_for_the_successor_of_an_expired_token(world: World) -> None:
    tokens = await world.connect()
    world.ages(DAY)

    assert await world.token() != tokens.access
    assert world.oauth.renewals == 1


async def test_a_refused_token_is_refreshed_once_for_all_callers(world: World) -> None:
    tokens = await world.connect()
    await world.token()
    world.oauth.later(2 * DAY)
    newer = await asyncio.gather(*(world.account.instead_of(tokens.access, until=_in(5)) for _ in range(8)))

    assert len(set(newer)) == 1
    assert newer[0] != tokens.access
    assert world.oauth.asked == 1
    assert await world.account.instead_of(tokens.access, until=_in(5)) == newer[0]
    assert world.oauth.asked == 1


async def test_a_refused_token_is_refreshed_also_while_the_row_is_being_read(world: World) -> None:
    tokens = await world.connect()
    world.oauth.later(2 * DAY)
    looking = asyncio.create_task(world.account.look())
    await asyncio.sleep(0)

    assert await world.account.instead_of(tokens.access, until=_in(5)) != tokens.access
    await looking


async def test_a_new_token_that_is_refused_is_not_refreshed_again(tmp_path: Path) -> None:
    async with _world(tmp_path, replace(QUICK, settle=10.0)) as world:
        tokens = await world.connect()
        with pytest.raises(Disconnected) as caught:
            await world.account.instead_of(tokens.access, until=_in(5))
    assert caught.value.why is Ending.TOKEN
    assert world.oauth.asked == 0


async def test_a_caller_that_gives_up_does_not_stop_the_refresh(world: World) -> None:
    await world.connect()
    world.ages(DAY)
    world.highlevel.misbehave(Fault(wait=0.3), path="/oauth/token")

    with pytest.raises(NotRenewed):
        await world.token(0.1)
    impatient = asyncio.create_task(world.token())
    await asyncio.sleep(0.05)
    impatient.cancel()
    await _until(lambda: world.oauth.renewals == 1)
    assert await world.token() in world.oauth.access_tokens
    assert world.oauth.asked == 1


async def test_a_second_process_waits_until_the_first_has_saved_the_tokens(world: World) -> None:
    await world.connect()
    world.ages(DAY)
    world.highlevel.misbehave(Fault(wait=0.3), path="/oauth/token")
    others = [world.another().of(LOCATION) for _ in range(3)]
    tokens = await asyncio.gather(world.token(), *(world.token(account=other) for other in others))

    assert len(set(tokens)) == 1
    assert world.oauth.asked == 1


async def test_a_second_process_goes_on_with_a_token_that_is_still_good(world: World) -> None:
    tokens = await world.connect()
    world.ages(DAY - 300)
    world.highlevel.misbehave(Fault(wait=0.5), path="/oauth/token")
    renewing = asyncio.create_task(world.account.look())
    await asyncio.sleep(0.2)

    assert await world.token(account=world.another().of(LOCATION)) == tokens.access
    await renewing
    await _until(lambda: world.oauth.renewals == 1)
    assert world.oauth.asked == 1


# --- refusals -------------------------------------------------------------------------------------------------------


async def test_a_refusal_is_saved_for_all_processes_until_a_person_connects_anew(world: World) -> None:
    await world.connect()
    world.ages(DAY)
    world.oauth.suspended = True
    other = world.another().of(LOCATION)
    for account in (world.account, other, world.account):
        with pytest.raises(Disconnected) as caught:
            await world.token(account=account)
        assert caught.value.why is Ending.LOCATION
    assert world.oauth.asked == 1

    world.oauth.suspended = False
    tokens = await world.connect()
    world.account.forget()
    assert await world.token() == await world.token(account=other) == tokens.access


async def test_a_missing_connection_is_logged_once_and_again_after_it_was_back(world: World) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(Disconnected):
                await world.token()
        await world.connect()
        await world.token()
        execute(f"sqlite:///{world.file}", "UPDATE connections SET access = 'not what was stored'")
        world.account.forget()
        for _ in range(2):
            with pytest.raises(Disconnected):
                await world.token()

    assert [line["why"] for line in lines if line["event"] == "renewal.disconnected"] == [
        Ending.NEVER_MADE.value,
        Ending.SEALED.value,
    ]


async def test_a_refusal_that_cannot_be_saved_is_raised_all_the_same(world: World) -> None:
    await world.connect()
    world.ages(DAY)
    await world.connections.find(LOCATION)
    with world.locked() as lock:
        refused = {"error": "invalid_grant"}
        world.highlevel.misbehave(Fault(status=400, body=refused, then=lock), path="/oauth/token")
        with pytest.raises(Disconnected) as caught:
            await world.token()
    assert caught.value.why is Ending.GRANT


async def test_a_refusal_of_tokens_that_were_replaced_meanwhile_changes_nothing(world: World) -> None:
    await world.connect()
    world.ages(DAY)
    world.highlevel.misbehave(Fault(wait=0.3, status=400, body={"error": "invalid_grant"}), path="/oauth/token")
    waiting = asyncio.create_task(world.token())
    await asyncio.sleep(0.1)
    tokens = await world.connect()

    assert await waiting == tokens.access


async def test_tokens_of_another_account_are_not_taken_for_ours(world: World) -> None:
    tokens = await world.connect()
    world.ages(DAY)
    theirs = {"access_token": "theirs", "refresh_token": "theirs", "userType": "Location", "locationId": "ANOTHER"}
    world.highlevel.misbehave(Fault(status=200, body=theirs), path="/oauth/token")
    with pytest.raises(NotRenewed):
        await world.token()

    found = await world.connections.find(LOCATION)
    assert found is not None
    assert (found.access, found.refused) == (tokens.access, None)


async def test_a_wait_that_highlevel_asks_for_is_cut_to_what_tokens_can_do_without(tmp_path: Path) -> None:
    async with _world(tmp_path, replace(QUICK, longest_pause=0.3)) as world:
        await world.connect()
        world.ages(DAY)
        later = Fault(status=429, body={"message": "Too many"}, headers={"Retry-After": "1e9"})
        world.highlevel.misbehave(later, path="/oauth/token")
        with pytest.raises(RateLimited):
            await world.token()
        await asyncio.sleep(0.4)

        assert await world.token() in world.oauth.access_tokens


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (DOWN, NotRenewed),
        (Fault(drops=True), NotRenewed),
        (Fault(status=200, body="<html>"), NotRenewed),
        (Fault(status=429, body={"message": "Too many"}, headers={"Retry-After": "0.2"}), RateLimited),
        (Fault(status=401, body={"error": "invalid_client"}), AppUnknown),
    ],
)
async def test_an_error_that_does_not_end_the_connection_is_raised_and_tried_again_later(
    world: World, fault: Fault, error: type[HighLevelError]
) -> None:
    await world.connect()
    world.ages(DAY)
    world.highlevel.misbehave(fault, path="/oauth/token")
    for _ in range(3):  # HighLevel is not asked again at once
        with pytest.raises(error) as caught:
            await world.token()
        assert not caught.value.perhaps_done
    assert (
        sum(request.path == "/oauth/token" for request in world.highlevel.received) == 2
    )  # the first exchanged the code

    await asyncio.sleep(0.3)
    assert await world.token() in world.oauth.access_tokens


async def test_a_token_that_cannot_be_refreshed_yet_is_used_while_it_is_good(world: World) -> None:
    tokens = await world.connect()
    world.ages(DAY - 300)
    world.highlevel.misbehave(DOWN, path="/oauth/token", times=100)

    for _ in range(3):
        assert await world.token() == tokens.access
    await world.account.look()
    world.highlevel.behave()
    async with asyncio.timeout(60):
        while await world.token() == tokens.access:
            await asyncio.sleep(0.02)


async def test_an_unreachable_token_endpoint_raises_unreachable(tmp_path: Path) -> None:
    async with _world(tmp_path) as world:
        await world.connect()
        world.ages(DAY)
        app = App("id", "secret", REDIRECT, "https://marketplace.example", ())
        nowhere = TokenEndpoint(app, base_url="http://127.0.0.1:1", version="v3", http=HttpClient("opp-status"))
        with pytest.raises(Unreachable):
            await TokenRefresh(world.connections, nowhere, QUICK).of(LOCATION).current(until=_in(5))
        await nowhere.close()


# --- the database ---------------------------------------------------------------------------------------------------


async def test_without_the_database_only_a_token_in_memory_can_be_used(world: World) -> None:
    tokens = await world.connect()
    with world.locked() as lock:
        lock()
        with pytest.raises(NotRenewed):
            await world.token()
    assert await world.token() == tokens.access


async def test_new_tokens_are_saved_once_the_database_is_back_and_used_only_then(world: World) -> None:
    await world.connect()
    world.ages(DAY)
    await world.connections.find(LOCATION)
    with world.locked() as lock:
        world.highlevel.misbehave(Fault(carries_out=True, afterwards=lock), path="/oauth/token")
        world.highlevel.misbehave(Fault(afterwards=lock), path="/oauth/token")
        with structlog.testing.capture_logs() as lines:
            with pytest.raises(NotRenewed):
                await world.token(1.0)
            await _until(lambda: any(line["event"] == "database.down" for line in lines))
    assert await world.token() in world.oauth.access_tokens
    assert world.oauth.renewals == 1


async def test_tokens_lost_in_a_crash_are_asked_for_again_within_highlevels_30_seconds(
    world: World,
) -> None:
    tokens = await world.connect()
    seen = await world.connections.find(LOCATION)
    assert seen is not None
    world.ages(DAY)
    assert await Connections(world.database, Vault([KEY]), 1.0).lease(seen)
    lost = await world.token_endpoint.renew(tokens.refresh, Kind.LOCATION)  # and then the process crashes

    found = await world.token()
    assert found != lost.access
    kept = await world.connections.find(LOCATION)
    assert kept is not None
    assert kept.refresh == lost.refresh
    assert world.oauth.renewals == 1


async def test_tokens_lost_in_a_crash_longer_ago_are_a_refusal(world: World) -> None:
    tokens = await world.connect()
    world.ages(DAY)
    await world.token_endpoint.renew(tokens.refresh, Kind.LOCATION)
    world.oauth.later(GRACE + 1)
    with structlog.testing.capture_logs() as lines, pytest.raises(Disconnected):
        await world.token()

    assert [(line["log_level"], line["why"]) for line in lines if line["event"] == "renewal.refused"] == [
        ("error", "GRANT")
    ]


# --- agencies -------------------------------------------------------------------------------------------------------


async def test_a_locations_tokens_are_refreshed_in_exchange_for_its_agencys(world: World) -> None:
    company = await world.connect("")
    exchanged = await world.token_endpoint.exchange(
        company.company_id, LOCATION, world.token_refresh.of(company.company_id)
    )
    await world.connections.connect(exchanged)
    world.ages(DAY)

    token = await world.token()
    assert token != exchanged.access
    assert world.oauth.accepts(token)
    assert world.oauth.asked == 0


async def test_a_location_whose_agency_is_disconnected_is_disconnected_too(world: World) -> None:
    company = await world.connect("")
    exchanged = await world.token_endpoint.exchange(
        company.company_id, LOCATION, world.token_refresh.of(company.company_id)
    )
    await world.connections.connect(exchanged)
    world.ages(DAY)
    world.oauth.uninstall()

    with pytest.raises(Disconnected) as caught:
        await world.token()
    assert caught.value.why is Ending.GRANT


# --- in the background ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def _tending(token_refresh: TokenRefresh) -> AsyncIterator[None]:
    task = asyncio.create_task(token_refresh.tend())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_every_account_is_refreshed_in_the_background(world: World) -> None:
    await world.connect()
    await world.connect("")
    world.ages(DAY - 300)
    async with _tending(world.token_refresh):
        await _until(lambda: world.oauth.renewals == 2)


async def test_tokens_that_another_process_saved_are_found_soon(world: World) -> None:
    first = await world.connect()
    async with _tending(world.token_refresh):
        assert await world.token() == first.access
        second = await world.connect()
        async with asyncio.timeout(60):
            while await world.token() != second.access:
                await asyncio.sleep(0.02)


async def test_tokens_that_have_not_changed_are_not_read_again(world: World) -> None:
    await world.connect()
    async with _tending(world.token_refresh):
        await world.token()
        with statements() as seen:
            async with asyncio.timeout(60):
                while len(seen) < 10:
                    await asyncio.sleep(0.02)

    assert not any("connections.access" in each.sql for each in seen[2:])


async def test_a_database_that_is_away_does_not_end_the_background_refresh(world: World) -> None:
    await world.connect()
    world.ages(DAY - 300)
    with structlog.testing.capture_logs() as lines, world.locked() as lock:
        lock()
        refreshing = asyncio.create_task(world.token_refresh.tend())
        await _until(lambda: any(line["event"] == "database.down" for line in lines))
    await _until(lambda: world.oauth.renewals == 1)
    refreshing.cancel()
    await asyncio.gather(refreshing, return_exceptions=True)


async def test_neither_a_refusal_nor_a_bug_ends_the_background_refresh(world: World) -> None:
    await world.connect()
    await world.connect("")
    world.oauth.suspended = True
    world.ages(DAY)
    with structlog.testing.capture_logs() as lines:
        async with _tending(world.token_refresh):
            await _until(lambda: world.oauth.asked == 2)
            execute(f"sqlite:///{world.file}", "UPDATE connections SET kind = 'unforeseen'")
            await _until(lambda: any(line["event"] == "renewal.broken" for line in lines))
            execute(f"sqlite:///{world.file}", "UPDATE connections SET kind = 'Location'")
            world.oauth.suspended = False
            await world.connect()
            world.ages(DAY)
            await _until(lambda: world.oauth.renewals >= 1)  # the agency's too, if its refusal was not written in time


async def test_a_refresh_that_is_under_way_at_the_end_is_saved(world: World) -> None:
    tokens = await world.connect()
    world.ages(DAY)
    world.highlevel.misbehave(Fault(wait=0.2), path="/oauth/token")
    with pytest.raises(NotRenewed):
        await world.token(0.05)
    await world.token_refresh.close()
    found = await world.connections.find(LOCATION)

    assert found is not None
    assert found.access != tokens.access


async def test_a_refresh_that_takes_too_long_at_the_end_is_left_to_another_process(tmp_path: Path) -> None:
    async with _world(tmp_path, replace(QUICK, farewell=0.05)) as world:
        await world.connect()
        world.ages(DAY)
        world.highlevel.misbehave(Fault(hangs=True), path="/oauth/token")
        with pytest.raises(NotRenewed):
            await world.token(0.05)
        await world.token_refresh.close()

        assert await world.token(account=world.another().of(LOCATION)) in world.oauth.access_tokens


def test_a_crash_leaves_time_to_ask_again_within_highlevels_30_seconds() -> None:
    assert TOKEN_ENDPOINT_PATIENCE < CONNECTION_LEASE
    assert CONNECTION_LEASE + RefreshTiming().look + TOKEN_ENDPOINT_PATIENCE <= GRACE

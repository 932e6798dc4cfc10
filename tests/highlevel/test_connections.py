import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa

from bot.highlevel.api.errors import Ending
from bot.highlevel.api.oauth import Kind, Tokens
from bot.highlevel.connections import Connections
from bot.highlevel.install_links import VALID, InstallLinks, Purpose, Verdict
from bot.highlevel.vault import Vault
from bot.storage.database import Database
from bot.storage.tables import connections as table
from bot.storage.tables import install_links as pass_table
from tests.house import PATIENT

KEY, OTHER = (f"{letter * 42}A=" for letter in "ko")
TOKENS = Tokens("access-1", "refresh-1", 86_399.0, Kind.LOCATION, "COMPANY", "LOCATION")
NEXT = Tokens("access-2", "refresh-2", 86_399.0, Kind.LOCATION, "COMPANY", "LOCATION")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, PATIENT.database)
    yield database
    await database.close()


@pytest.fixture
def ours(database: Database) -> Connections:
    return Connections(database, Vault([KEY]))


@pytest.fixture
def theirs(database: Database) -> Connections:
    """The rows, as another process has them."""
    return Connections(database, Vault([KEY]))


async def _later(database: Database, seconds: float) -> None:
    """Let time pass for every row."""
    columns = [table.c.given_at, table.c.ends_at, table.c.lease_until, pass_table.c.ends_at]
    for column in columns:
        statement = sa.update(column.table).values({column.name: column - seconds})
        await database.do(partial(sa.Connection.execute, statement=statement))


async def test_an_account_that_was_never_connected_has_no_row(ours: Connections) -> None:
    assert await ours.find("LOCATION") is None
    assert await ours.ages() == []


async def test_a_connected_account_is_found_with_the_time_left(database: Database, ours: Connections) -> None:
    await ours.connect(TOKENS)
    await _later(database, 1000)
    found = await ours.find("LOCATION")

    assert found is not None
    assert (found.account_id, found.kind, found.company_id) == ("LOCATION", Kind.LOCATION, "COMPANY")
    assert (found.access, found.refresh, found.generation, found.refused) == ("access-1", "refresh-1", 1, None)
    assert found.left == pytest.approx(85_399, abs=30)
    assert found.age == pytest.approx(1000, abs=30)
    assert "access-1" not in repr(found)
    assert "refresh-1" not in repr(found)


async def test_an_agency_has_a_row_of_its_own_and_its_location_no_refresh_token(ours: Connections) -> None:
    await ours.connect(replace(TOKENS, kind=Kind.COMPANY, location_id=""))
    await ours.connect(replace(TOKENS, refresh=""))
    location = await ours.find("LOCATION")

    assert [age.account_id for age in await ours.ages()] == ["COMPANY", "LOCATION"]
    assert location is not None
    assert location.refresh == ""


async def test_connecting_anew_replaces_the_tokens_and_the_refusal(ours: Connections) -> None:
    await ours.connect(TOKENS)
    first = await ours.find("LOCATION")
    assert first is not None
    assert await ours.refuse(first, Ending.APP)
    refused = await ours.find("LOCATION")
    assert refused is not None
    assert refused.refused is Ending.APP

    await ours.connect(NEXT)
    found = await ours.find("LOCATION")
    assert found is not None
    assert (found.access, found.generation, found.refused) == ("access-2", 2, None)


async def test_only_one_process_gets_the_lease(database: Database, ours: Connections, theirs: Connections) -> None:
    await ours.connect(TOKENS)
    seen = await ours.find("LOCATION")
    assert seen is not None

    assert await ours.lease(seen)
    assert not await theirs.lease(seen)
    await theirs.release(seen)  # they do not have the lease
    assert not await theirs.lease(seen)
    await ours.release(seen)
    assert await theirs.lease(seen)
    await _later(database, 20)  # they have crashed
    assert await ours.lease(seen)


async def test_of_two_processes_that_replace_the_same_tokens_the_second_changes_nothing(
    ours: Connections, theirs: Connections
) -> None:
    await ours.connect(TOKENS)
    seen = await ours.find("LOCATION")
    assert seen is not None

    assert await ours.renew(seen, NEXT)
    assert not await theirs.renew(seen, replace(NEXT, access="access-3"))
    assert not await theirs.refuse(seen, Ending.GRANT)
    assert not await theirs.lease(seen)
    found = await theirs.find("LOCATION")
    assert found is not None
    assert (found.access, found.refresh, found.generation, found.refused) == ("access-2", "refresh-2", 2, None)


async def test_new_tokens_make_a_refused_connection_good_again(ours: Connections, theirs: Connections) -> None:
    await ours.connect(TOKENS)
    seen = await ours.find("LOCATION")
    assert seen is not None
    assert await theirs.refuse(seen, Ending.GRANT)

    assert await ours.renew(seen, NEXT)
    found = await ours.find("LOCATION")
    assert found is not None
    assert found.refused is None


async def test_without_a_new_refresh_token_the_old_one_is_kept(ours: Connections) -> None:
    await ours.connect(TOKENS)
    seen = await ours.find("LOCATION")
    assert seen is not None
    assert await ours.renew(seen, replace(NEXT, refresh=""))
    found = await ours.find("LOCATION")

    assert found is not None
    assert (found.access, found.refresh) == ("access-2", "refresh-1")


async def test_tokens_encrypted_with_another_key_are_refused_for_that_unless_refused_before(
    database: Database, ours: Connections
) -> None:
    await ours.connect(TOKENS)
    with_another_key = Connections(database, Vault([OTHER]))
    found = await with_another_key.find("LOCATION")
    assert found is not None
    assert (found.refused, found.access, found.refresh) == (Ending.SEALED, "", "")

    await ours.refuse(found, Ending.LOCATION)
    found = await with_another_key.find("LOCATION")
    assert found is not None
    assert found.refused is Ending.LOCATION


async def test_a_reason_that_another_version_wrote_is_unknown(database: Database, ours: Connections) -> None:
    await ours.connect(TOKENS)
    await database.do(lambda connection: connection.execute(table.update().values(refused="later")).rowcount)
    found = await ours.find("LOCATION")

    assert found is not None
    assert found.refused is Ending.UNKNOWN


# --- secrets --------------------------------------------------------------------------------------------------------


@pytest.fixture
def install_links(database: Database) -> InstallLinks:
    return InstallLinks(database)


@pytest.mark.parametrize("purpose", Purpose)
async def test_a_secret_is_good_once_and_for_its_own_purpose(install_links: InstallLinks, purpose: Purpose) -> None:
    secret = await install_links.issue(purpose)
    (other,) = set(Purpose) - {purpose}

    assert await install_links.spend(secret, other) is Verdict.UNKNOWN
    assert await install_links.look(secret, purpose) is Verdict.GOOD
    assert await install_links.spend(secret, purpose) is Verdict.GOOD
    assert await install_links.look(secret, purpose) is Verdict.SPENT
    assert await install_links.spend(secret, purpose) is Verdict.SPENT


async def test_of_many_requests_with_one_secret_one_gets_good(install_links: InstallLinks, database_url: str) -> None:
    secret = await install_links.issue(Purpose.STATE)
    other = Database(database_url, PATIENT.database)
    verdicts = await asyncio.gather(
        *(each.spend(secret, Purpose.STATE) for each in [install_links, InstallLinks(other)] * 4)
    )
    await other.close()

    assert sorted(verdicts) == [Verdict.GOOD, *[Verdict.SPENT] * 7]


async def test_a_secret_expires_and_is_forgotten_a_day_later(database: Database, install_links: InstallLinks) -> None:
    secret = await install_links.issue(Purpose.INSTALL)
    await _later(database, VALID[Purpose.INSTALL] + 1)
    assert await install_links.spend(secret, Purpose.INSTALL) is Verdict.EXPIRED
    await _later(database, 86_400)
    await install_links.issue(Purpose.INSTALL)

    assert await install_links.look(secret, Purpose.INSTALL) is Verdict.UNKNOWN


@pytest.mark.parametrize("secret", ["", "forged", "é", "\ud83d", "x" * 10_000])
async def test_a_made_up_secret_is_unknown(install_links: InstallLinks, secret: str) -> None:
    assert await install_links.spend(secret, Purpose.INSTALL) is Verdict.UNKNOWN


async def test_the_database_does_not_hold_the_secret(database: Database, install_links: InstallLinks) -> None:
    secret = await install_links.issue(Purpose.INSTALL)
    stored = await database.do(lambda connection: str(connection.execute(sa.select(pass_table)).all()))

    assert len(secret) > 40
    assert secret not in stored

"""One suite for all implementations of `AccessRequests`: SQLite, PostgreSQL, and the one in memory for other tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.access.requests import OPERATOR, AccessRequest, AccessRequests, RequestState
from bot.access.rules import Approved
from bot.deals.ports import StoreDown
from bot.storage.access_requests import SqlAccessRequests, reading, revoking
from bot.storage.database import Database
from bot.storage.engine import engine
from bot.storage.history import Unreadable
from bot.storage.migrations import OlderSchemaError
from tests.house import PATIENT
from tests.memory import MemoryAccessRequests

AT = datetime(2026, 11, 25, 11, tzinfo=UTC)
LATER = AT + timedelta(minutes=5)

Replicas = Callable[[], AccessRequests]
"""Makes implementations that share one store."""


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
async def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Replicas]:
    if request.param == "memory":
        rows: list[AccessRequest] = []
        yield lambda: MemoryAccessRequests(rows)
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        url = request.getfixturevalue("cluster").new_database()
    opened: list[Database] = []

    def replica() -> AccessRequests:
        opened.append(Database(url, PATIENT.database))
        return SqlAccessRequests(opened[-1])

    yield replica
    for database in opened:
        await database.close()


@pytest.fixture
def requests(replicas: Replicas) -> AccessRequests:
    return replicas()


def _asking(reference: str = "REF", user: str = "U1", at: datetime = AT) -> AccessRequest:
    return AccessRequest(reference, user, "T1", "C1", at)


async def test_a_person_who_never_asked_has_no_request(requests: AccessRequests) -> None:
    assert await requests.latest("U1") is None
    assert await requests.approved("U1") is None
    assert await requests.standing(5) == []


async def test_a_request_is_kept_as_it_was_made(requests: AccessRequests) -> None:
    assert await requests.ask(_asking()) == _asking()
    assert await requests.latest("U1") == _asking()
    assert await requests.standing(5) == [_asking()]
    assert await requests.approved("U1") is None


async def test_a_request_keeps_the_command_that_was_refused(requests: AccessRequests) -> None:
    asked = replace(_asking(), command="Printer service won")
    await requests.ask(asked)

    assert await requests.latest("U1") == asked


async def test_a_person_has_one_open_request(requests: AccessRequests) -> None:
    await requests.ask(_asking())

    assert await requests.ask(_asking("AGAIN", at=LATER)) == _asking()
    assert await requests.ask(_asking("OTHER", "U2")) == _asking("OTHER", "U2")


async def test_of_many_requests_of_one_person_at_once_one_counts(replicas: Replicas) -> None:
    several = [replicas(), replicas()]
    asked = await asyncio.gather(*(several[n % 2].ask(_asking(f"REF{n}")) for n in range(20)))

    assert len({request.reference for request in asked}) == 1


async def test_an_approval_counts_at_once_on_every_replica(replicas: Replicas) -> None:
    here, there = replicas(), replicas()
    await here.ask(_asking())
    approved = replace(_asking(), state=RequestState.APPROVED, decided_by="U0KIM", decided_at=LATER)

    assert await there.decide("REF", RequestState.APPROVED, "U0KIM", LATER) == (approved, True)
    assert await here.approved("U1") == Approved("U0KIM", LATER)
    assert await here.ask(_asking("AGAIN")) == approved
    assert await here.standing(5) == [approved]


async def test_a_decision_is_made_once(requests: AccessRequests) -> None:
    await requests.ask(_asking())
    declined, first = await requests.decide("REF", RequestState.DECLINED, "U0KIM", AT)

    assert first
    assert declined == replace(_asking(), state=RequestState.DECLINED, decided_by="U0KIM", decided_at=AT)
    assert await requests.decide("REF", RequestState.APPROVED, "U0LEO", LATER) == (declined, False)
    assert await requests.approved("U1") is None
    assert await requests.standing(5) == []


async def test_of_two_admins_who_decide_at_once_one_does(replicas: Replicas) -> None:
    several = [replicas(), replicas()]
    await several[0].ask(_asking())
    decided = await asyncio.gather(
        several[0].decide("REF", RequestState.APPROVED, "U0KIM", AT),
        several[1].decide("REF", RequestState.DECLINED, "U0LEO", AT),
    )

    assert [first for _, first in decided].count(True) == 1
    assert decided[0][0] == decided[1][0]


async def test_a_request_that_is_not_there_is_not_decided(requests: AccessRequests) -> None:
    assert await requests.decide("NONE", RequestState.APPROVED, "U0KIM", AT) == (None, False)


async def test_a_revoked_approval_counts_no_more(requests: AccessRequests) -> None:
    await requests.ask(_asking())
    assert await requests.revoke("U1", "U0KIM", AT) is None
    approved, _ = await requests.decide("REF", RequestState.APPROVED, "U0KIM", AT)
    assert approved
    revoked = replace(approved, state=RequestState.REVOKED, revoked_by=OPERATOR, revoked_at=LATER)

    assert await requests.revoke("U1", OPERATOR, LATER) == revoked
    assert await requests.revoke("U1", OPERATOR, LATER) is None
    assert await requests.approved("U1") is None
    assert await requests.latest("U1") == revoked
    assert await requests.ask(_asking("AGAIN", at=LATER)) == _asking("AGAIN", at=LATER)
    assert await requests.latest("U1") == _asking("AGAIN", at=LATER)


async def test_open_requests_are_listed_first_and_the_oldest_of_each(requests: AccessRequests) -> None:
    for number, user in enumerate(("U1", "U2", "U3", "U4")):
        await requests.ask(_asking(f"REF{number}", user, AT + timedelta(minutes=number)))
    for number in (0, 2):
        await requests.decide(f"REF{number}", RequestState.APPROVED, "U0KIM", LATER)

    assert [each.user_id for each in await requests.standing(9)] == ["U2", "U4", "U1", "U3"]
    assert [each.user_id for each in await requests.standing(3)] == ["U2", "U4", "U1"]


async def test_requests_in_a_store_that_is_down_raise_store_down(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}", PATIENT.database)
    for requests in (SqlAccessRequests(database), MemoryAccessRequests(down=True)):
        for question in (
            requests.ask(_asking()),
            requests.decide("REF", RequestState.APPROVED, "U0KIM", AT),
            requests.revoke("U1", OPERATOR, AT),
            requests.latest("U1"),
            requests.approved("U1"),
            requests.standing(5),
        ):
            with pytest.raises(StoreDown):
                await question
    await database.close()


async def test_an_operator_reads_the_requests_in_force_or_all(database_url: str) -> None:
    database = Database(database_url, PATIENT.database)
    requests = SqlAccessRequests(database)
    for number, user in enumerate(("U1", "U2", "U3")):
        await requests.ask(_asking(f"REF{number}", user, AT + timedelta(minutes=number)))
    await requests.decide("REF0", RequestState.DECLINED, "U0KIM", LATER)
    await requests.decide("REF1", RequestState.APPROVED, "U0KIM", LATER)
    await database.close()

    with reading(database_url, past=False) as rows:
        assert [(row.user_id, row.state) for row in rows] == [("U2", RequestState.APPROVED), ("U3", RequestState.OPEN)]
    with reading(database_url, past=True) as rows:
        assert [row.user_id for row in rows] == ["U1", "U2", "U3"]


async def test_an_operator_revokes_an_approval(database_url: str) -> None:
    database = Database(database_url, PATIENT.database)
    requests = SqlAccessRequests(database)
    await requests.ask(_asking())
    approved, _ = await requests.decide("REF", RequestState.APPROVED, "U0KIM", AT)
    assert approved
    with revoking(database_url, "U2", LATER) as rows:
        assert list(rows) == []
    with revoking(database_url, "U1", LATER) as rows:
        assert list(rows) == [replace(approved, state=RequestState.REVOKED, revoked_by=OPERATOR, revoked_at=LATER)]

    assert await requests.approved("U1") is None
    await database.close()


async def test_a_store_that_cannot_be_written_keeps_its_approvals(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    database = Database(url, PATIENT.database)
    await SqlAccessRequests(database).ask(_asking())
    await SqlAccessRequests(database).decide("REF", RequestState.APPROVED, "U0KIM", AT)
    opened = engine(url)
    with opened.begin() as connection:
        connection.execute(
            sa.text("CREATE TRIGGER no BEFORE UPDATE ON access BEGIN SELECT RAISE(FAIL, 'disk full'); END")
        )
    opened.dispose()

    with pytest.raises(Unreadable, match="disk full"), revoking(url, "U1", AT):
        pass
    assert await SqlAccessRequests(database).approved("U1")
    await database.close()


def test_a_store_of_another_version_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    with pytest.raises(OlderSchemaError), reading(f"sqlite:///{tmp_path / 'ledger.db'}", past=False):
        pass

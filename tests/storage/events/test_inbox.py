"""The inbox of events, over SQLite and PostgreSQL."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from bot.events.event import Event, Kind, Reception, Source
from bot.storage.database import Database
from bot.storage.events.counts import SqlCounts
from bot.storage.events.inbox import SqlInbox
from bot.storage.events.tables import event_counts, events


def _event(number: int = 1) -> Event:
    return Event(f"key-{number}", Source.WEBHOOK, Kind.CHANGED, "location", f"deal-{number}")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, 15.0)
    yield opened
    await opened.close()


async def _rows(database: Database, table: sa.Table) -> list[sa.RowMapping]:
    return await database.do(lambda connection: list(connection.execute(sa.select(table)).mappings()))


async def test_an_event_is_written_down_once_with_what_is_needed_to_read_its_deal(database: Database) -> None:
    inbox = SqlInbox(database)
    new = [await inbox.receive(_event()), await inbox.receive(_event()), await inbox.receive(_event(), _event(2))]
    rows = await _rows(database, events)

    assert new == [1, 0, 1]
    assert [(row["key"], row["state"], row["opportunity_id"]) for row in rows] == [
        ("key-1", "received", "deal-1"),
        ("key-2", "received", "deal-2"),
    ]
    assert (rows[0]["source"], rows[0]["kind"], rows[0]["location_id"]) == ("webhook", "changed", "location")


async def test_counts_add_up(database: Database) -> None:
    counts = SqlCounts(database)
    await counts.add({(Source.WEBHOOK, Reception.RECEIVED): 2, (Source.WORKFLOW, Reception.WRONG_TOKEN): 1})
    await counts.add({(Source.WEBHOOK, Reception.RECEIVED): 3})
    rows = await _rows(database, event_counts)

    assert sorted((row["source"], row["reception"], row["many"]) for row in rows) == [
        ("webhook", "received", 5),
        ("workflow", "wrong_token", 1),
    ]
    assert all(row["latest_at"].startswith(row["day"]) for row in rows)

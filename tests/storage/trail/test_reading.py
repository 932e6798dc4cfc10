from datetime import UTC, datetime

import pytest

from bot.commands.record import Noted, Record
from bot.storage.history import Filter
from bot.storage.trail.reading import reading_all
from tests.rows import execute, fill

_NOTED = """
    INSERT INTO trail (reference, noted_at, team_id, channel_id, user_id, outcome, detail)
    VALUES (:reference, :at, 'T1', 'C0SALES', :user, 'denied', 'not_allowed')
"""


@pytest.fixture
def url(database_url: str) -> str:
    """Three hundred commands, a hundred at the begin of each year from 1000, and three that were refused between."""
    fill(database_url, 300)
    for reference, year, user in (("A", 999, "U0BEN"), ("B", 1000, "U0BEN"), ("C", 1001, "U0KIM")):
        execute(database_url, _NOTED, reference=reference, at=f"{year:04}-06-01T00:00:00.000+00:00", user=user)
    return database_url


def _read(url: str, wanted: Filter) -> list[Record | Noted]:
    with reading_all(url, wanted) as rows:
        return list(rows)


def _noted(url: str, wanted: Filter) -> str:
    return "".join(row.reference for row in _read(url, wanted) if isinstance(row, Noted))


def test_accepted_commands_and_others_come_in_the_order_of_their_times(url: str) -> None:
    rows = _read(url, Filter())

    assert len(rows) == 303
    assert [place for place, row in enumerate(rows) if isinstance(row, Noted)] == [0, 101, 202]
    assert [row.key for row in rows if isinstance(row, Record)] == [str(1_000_000 + number) for number in range(300)]
    assert rows[0] == Noted(
        reference="A",
        at=datetime(999, 6, 1, tzinfo=UTC),
        team_id="T1",
        user_id="U0BEN",
        channel_id="C0SALES",
        outcome="denied",
        detail="not_allowed",
    )


def test_a_command_is_read_with_all_that_is_kept_of_it(url: str) -> None:
    execute(url, "UPDATE commands SET value = 4800, said = 'no', attempts = 2, public = 0 WHERE key = '1000000'")
    record = next(row for row in _read(url, Filter()) if isinstance(row, Record))

    assert (record.value, record.said, record.attempts, record.public) == (4800.0, "no", 2, False)
    assert (record.at, record.user_id, record.outcome) == (datetime(1000, 1, 1, tzinfo=UTC), "U0ANA", "changed")


@pytest.mark.parametrize(
    ("wanted", "noted"),
    [
        (Filter(), "ABC"),
        (Filter(user_id="U0BEN"), "AB"),
        (Filter(user_id="U0ANA"), ""),
        (Filter(since=datetime(1000, 6, 1, tzinfo=UTC)), "BC"),
        (Filter(until=datetime(1000, 6, 1, tzinfo=UTC)), "A"),
        (Filter(deal="New website"), ""),
        (Filter(deal="deal"), ""),
    ],
)
def test_the_filter_is_for_both_and_a_deal_is_known_of_accepted_ones_alone(
    url: str, wanted: Filter, noted: str
) -> None:
    assert _noted(url, wanted) == noted


def test_with_a_deal_its_commands_are_read(url: str) -> None:
    assert len(_read(url, Filter(deal="New website"))) == 300
